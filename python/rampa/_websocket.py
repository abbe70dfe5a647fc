# SPDX-License-Identifier: MIT
"""What ``worker.ws.connect()`` takes becomes what C takes."""

from __future__ import annotations

import typing

from rampa._proxy import proxy_of

if typing.TYPE_CHECKING:
    from rampa._hooks import PreparedSocket

OPTIONS = (
    "headers", "params", "protocols", "subprotocol", "name", "tags", "timeout", "close_timeout", "receive_timeout", "heartbeat",
    "max_msg_size", "max_message_size", "cookies", "auth", "origin", "verify", "cert", "ssl", "proxy", "proxy_auth", "compress",
    "http2", "autoclose", "autoping", "method",
)  # fmt: skip
"""The options of a WebSocket, as the messages list them."""

_TLS = ("verify", "verify_ssl", "ssl", "ssl_context", "cert")

_OTHER_NAMES = {
    "header": "headers", "extra_headers": "headers", "additional_headers": "headers", "subprotocols": "protocols",
    "ping_interval": "heartbeat", "open_timeout": "timeout", "max_size": "max_msg_size", "compression": "compress", "tag": "tags",
    "query": "params", "http_version": "http2", "user_agent_header": "headers",
}  # fmt: skip
"""What other programs call an option."""

_ABSENT = {
    "proxy_headers": "headers for the proxy",
    "fingerprint": "verify=FILE names the certificate of the server",
    "server_hostname": "write the URL with that name, and where it is in Options(hosts={...})",
    "decode_text": "a text is a str",
    "writer_limit": "send() waits when 64 KiB are to be sent",
}
"""Options of aiohttp that this version does not have."""


def _refuse(name: str) -> typing.NoReturn:
    if name in _ABSENT:
        raise TypeError(f"ws.connect(): this version does not have {name}= ({_ABSENT[name]})")
    import difflib

    close = [_OTHER_NAMES[name]] if name in _OTHER_NAMES else difflib.get_close_matches(name, OPTIONS, 1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(OPTIONS)}"
    raise TypeError(f"ws.connect() got an unexpected keyword argument {name!r} ({hint})")


def _check_fixed(options: dict[str, typing.Any]) -> None:
    """Options of which one value is all that there is."""
    for name in ("autoclose", "autoping"):
        if options.get(name, True) is not True:
            what = "close frame" if name == "autoclose" else "ping"
            raise ValueError(f"{name} takes True: a {what} of the server is answered by itself")
    method = options.get("method", "GET")
    if not isinstance(method, str) or method.upper() != "GET":
        raise ValueError(f"method takes 'GET': a WebSocket is opened by nothing else, not {method!r:.80}")


def _http2(value: typing.Any) -> bool:
    if value is not None and not isinstance(value, bool):
        raise TypeError(f"http2 takes True or False, not {value!r:.80}")
    return bool(value)


def _seconds(value: typing.Any, name: str) -> float:
    """0 is the default."""
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} takes a number of seconds, not {value!r:.80}")
    if not 0 < value <= 1e9:
        raise ValueError(f"{name} takes seconds above 0, or None, not {value!r}")
    return float(value)


def _timeouts(options: dict[str, typing.Any]) -> tuple[float, float, float]:
    """For opening, for closing, and of receive()."""
    given: typing.Any = options.get("timeout")
    closing, receiving = options.get("close_timeout"), options.get("receive_timeout")
    if hasattr(given, "ws_close"):  # aiohttp's ClientWSTimeout
        closing = given.ws_close if closing is None else closing
        receiving = given.ws_receive if receiving is None else receiving
        given = None
    return _seconds(given, "timeout"), _seconds(closing, "close_timeout"), _seconds(receiving, "receive_timeout")


def _protocols(options: dict[str, typing.Any]) -> list[str]:
    value, wanted = options.get("protocols"), options.get("subprotocol")
    if isinstance(value, str):
        raise TypeError(f"protocols takes a list of names, such as [{value!r}], not a str")
    names: list[typing.Any] = [*value] if value else []
    if wanted is not None and wanted not in names:
        names.append(wanted)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"{'subprotocol' if name is wanted else 'protocols'}: a name is a str, not {name!r:.80}")
    return names


_TERMS = ("server_no_context_takeover", "client_no_context_takeover", "server_max_window_bits", "client_max_window_bits")


def _compress(value: typing.Any) -> tuple[bool, bool, bool, int, int]:
    """Whether permessage-deflate is offered, and its parameters (RFC 7692, 7.1)."""
    if value is None or value is False or (value == 0 and isinstance(value, int)):
        return False, False, False, 15, 15
    if value is True:
        return True, False, False, 15, 15
    given = value if isinstance(value, dict) else {"server_max_window_bits": value}
    for name, part in given.items():
        if name not in _TERMS:
            raise ValueError(f"compress: there is no parameter {name!r:.80} (there are: {', '.join(_TERMS)})")
        if name.endswith("takeover") and not isinstance(part, bool):
            raise TypeError(f"compress: {name} takes True or False, not {part!r:.80}")
        if name.endswith("bits") and (isinstance(part, bool) or not isinstance(part, int) or not 9 <= part <= 15):
            what = f"compress: {name}" if value is given else "compress"
            raise ValueError(f"{what} takes a number of bits from 9 to 15{'' if value is given else ', True, 0 or a dict'}, not {part!r:.80}")
    get = given.get
    return True, get(_TERMS[0], False), get(_TERMS[1], False), get(_TERMS[2], 15), get(_TERMS[3], 15)


def _message_max(options: dict[str, typing.Any]) -> int:
    """Bytes; 0 is the default."""
    name = "max_message_size" if options.get("max_message_size") is not None else "max_msg_size"
    value = options.get(name)
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 1 << 40:
        raise ValueError(f"{name} takes a number of bytes, or 0 for no limit, not {value!r:.80}")
    return value or 1 << 40


def _fields(options: dict[str, typing.Any]) -> list[tuple[str, str | bytes]]:
    from rampa._request import _add_cookies, _authenticate, _headers

    fields = _headers(options.get("headers"))
    if options.get("cookies") is not None:
        _add_cookies(fields, options["cookies"])
    if options.get("auth") is not None and _authenticate(options["auth"], fields) is not None:
        raise ValueError("auth: a WebSocket does not answer the challenge of Digest authentication")
    if options.get("origin") is not None:
        if any(name.lower() == "origin" for name, _ in fields):
            raise ValueError("give either origin= or the header Origin, not both")
        fields.append(("Origin", str(options["origin"])))
    return fields


def prepare_socket(url: str, options: dict[str, typing.Any]) -> PreparedSocket:
    """The WebSocket that a call of ``worker.ws.connect()`` describes, in plain values.

    Args:
        url: as the script gave it.
        options: those that were given, by their names.

    Raises:
        TypeError, ValueError: an option is not what it can be.
    """
    from rampa._request import _tags, _with_params
    from rampa._tls import tls_options

    for option in options:
        if option not in OPTIONS and option not in _TLS and option != "url":
            _refuse(option)
    _check_fixed(options)
    opening, closing, receiving = _timeouts(options)
    asked = {name: value for name, value in options.items() if name in ("proxy", "proxy_auth") and value is not None}
    name = options.get("name")
    if name is not None and not isinstance(name, str):
        raise TypeError(f"name is a str, not {name!r:.80}")
    return (
        _with_params(url, options.get("params")),
        _fields(options),
        name,
        _tags(options.get("tags")),
        proxy_of(asked) if asked else None,
        tls_options({name: options[name] for name in _TLS if name in options}),
        _protocols(options),
        options.get("subprotocol"),
        _compress(options.get("compress")),
        _message_max(options),
        opening,
        closing,
        _seconds(options.get("heartbeat"), "heartbeat"),
        receiving,
        _http2(options.get("http2")),
    )
