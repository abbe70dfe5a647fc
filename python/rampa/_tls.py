# SPDX-License-Identifier: MIT
"""What a request says of TLS: the keywords of requests, httpx and aiohttp become files and a yes or no."""

from __future__ import annotations

import os
import ssl
import typing

_VERIFY, _VERIFY_NOT = 1, 2
_TO_TLS_1_2 = (ssl.TLSVersion.SSLv3, ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2)

_Answer = tuple[int, "str | None", "str | None", "str | None"]


def tls_options(given: dict[str, typing.Any]) -> _Answer:
    """Makes plain values of the options ``verify``, ``verify_ssl``, ``ssl``, ``ssl_context`` and ``cert``.

    Args:
        given: those of them that the call has.

    Returns:
        1 = verify, 2 = do not, 0 = as the run is set; the files of authorities, of the certificate and of its key.

    Raises:
        TypeError: a value is of another kind.
    """
    verify, authorities = 0, None
    for name in ("verify", "verify_ssl", "ssl", "ssl_context"):
        value = given.get(name)
        if value is None:
            continue
        if isinstance(value, bool):
            verify = _VERIFY if value else _VERIFY_NOT
        elif isinstance(value, ssl.SSLContext):
            verify, authorities = _of_context(value)
        elif name == "verify" and isinstance(value, (str, os.PathLike)):
            verify, authorities = _VERIFY, os.fsdecode(value)
        else:
            kinds = "True, False or a file of authorities" if name == "verify" else "True, False or an ssl.SSLContext"
            raise TypeError(f"{name} takes {kinds}, not {value!r:.80}")
    certificate, key = _of_cert(given.get("cert"))
    return verify, authorities, certificate, key


def _of_cert(value: typing.Any) -> tuple[str | None, str | None]:
    """A file, or the files of a certificate and of its key."""
    if value is None:
        return None, None
    if isinstance(value, (str, os.PathLike)):
        return os.fsdecode(value), None
    if isinstance(value, (tuple, list)) and len(value) == 2 and all(isinstance(file, (str, os.PathLike)) for file in value):
        return os.fsdecode(value[0]), os.fsdecode(value[1])
    raise TypeError(f"cert takes a file (PEM), or a tuple of the files of the certificate and of its key, not {value!r:.80}")


_seen: dict[int, tuple[ssl.SSLContext, tuple[int, str | None]]] = {}


def _of_context(context: ssl.SSLContext) -> tuple[int, str | None]:
    """What a context of Python's says, as far as it can be asked; each is asked once."""
    known = _seen.get(id(context))
    if known is None or known[0] is not context:
        known = _seen[id(context)] = (context, _ask(context))
    return known[1]


def _check_versions(context: ssl.SSLContext) -> None:
    """Refuses limits that rampa, which speaks TLS 1.2 and 1.3, would not keep."""
    lowest, highest = ssl.TLSVersion.MINIMUM_SUPPORTED, ssl.TLSVersion.MAXIMUM_SUPPORTED
    for name, value, is_kept, option in (
        ("minimum_version", context.minimum_version, context.minimum_version in (lowest, *_TO_TLS_1_2), "tls_min_version"),
        ("maximum_version", context.maximum_version, context.maximum_version in (highest, ssl.TLSVersion.TLSv1_3), "tls_max_version"),
    ):
        if not is_kept:
            raise TypeError(
                f"an ssl.SSLContext with {name} {value.name} cannot be taken over: write "
                f"Options({option}={value.name.removeprefix('TLSv').replace('_', '.')!r})"
            )


def _ask(context: ssl.SSLContext) -> tuple[int, str | None]:
    # Python does not say which certificate of the client, ciphers or protocols (ALPN) a context has: see docs/python-api.md.
    _check_versions(context)
    if context.verify_mode == ssl.CERT_NONE:
        return _VERIFY_NOT, None
    if not context.check_hostname:
        raise TypeError("an ssl.SSLContext without check_hostname cannot be taken over: write verify=FILE, or verify=False")
    authorities = context.get_ca_certs(binary_form=True)
    if not authorities or set(authorities) <= set(ssl.create_default_context().get_ca_certs(binary_form=True)):
        return _VERIFY, None
    return _VERIFY, _file_of("".join(map(ssl.DER_cert_to_PEM_cert, authorities)))


def _file_of(text: str) -> str:
    """A file with this text, which is removed at the end of the process."""
    import atexit
    import tempfile

    with tempfile.NamedTemporaryFile("w", suffix=".pem", prefix="rampa-", delete=False) as file:
        file.write(text)
    atexit.register(_remove, file.name)
    return file.name


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass
