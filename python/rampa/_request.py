# SPDX-License-Identifier: MIT
"""Preparing a request that was given options: what users may write becomes what C takes."""

from __future__ import annotations

import collections.abc
import json
import typing
import urllib.parse

from rampa._proxy import proxy_of

if typing.TYPE_CHECKING:
    from rampa._hooks import PreparedBody, PreparedRequest
    from rampa._multipart import Piece
    from rampa._rampa import Response

OPTIONS = (
    "headers", "params", "json", "data", "name", "tags", "expected_statuses", "cookies", "auth", "files", "chunked", "expect100", "timeout",
    "discard_body", "auto_decompress", "raise_errors", "max_head_bytes", "max_body_bytes", "allow_redirects", "max_redirects", "verify", "cert", "ssl",
    "traceparent",
    "proxy", "proxy_auth",
    "compress", "raise_for_status",
)  # fmt: skip
"""The options of a request, as the messages list them."""

_LATER = {
    "TLS": ("fingerprint", "server_hostname"),
    "proxies": ("proxies", "proxy_headers"),
    "bodies in pieces": ("stream",),
    "hooks": ("middlewares", "hooks", "extensions"),
    "other versions of HTTP": ("version", "http2"),
}
"""Options of aiohttp, httpx and requests that this version does not have, by what they are about."""

_REMEDIES = {
    "proxies": "write proxy='http://HOST:PORT'",
    "fingerprint": "write verify=FILE with the certificate of the server",
    "server_hostname": "write the URL with that name, and where it is in Options(hosts={...})",
    "stream": "write async with worker.http.stream(method, url) as r",
}

_IGNORED: dict[str, tuple[typing.Any, ...]] = {
    "max_field_size": (None,),
    "max_headers": (None,),
    "max_line_size": (None,),
    "read_bufsize": (None,),
    "read_until_eof": (None, True),
    "skip_auto_headers": (None, (), [], frozenset()),
    "trace_request_ctx": (None,),
    "upload_tracker": (None,),
}
"""Options of aiohttp that change nothing here, and the values that ask for nothing."""

_warned: set[str] = set()

_OTHER_NAMES = {
    "body": "data", "content": "data", "form": "data", "payload": "data", "query": "params", "header": "headers",
    "tag": "tags", "expected_status": "expected_statuses", "expect_status": "expected_statuses", "uri": "url",
}  # fmt: skip
"""What other programs call an option."""


def refuse_option(function: str, name: str, value: typing.Any) -> str | None:
    """Says why an option cannot be given. Returns None when its value asks for what this version does anyway, and a warning when the
    option is ignored, the first time.

    Args:
        function: of ``worker.http``.
        name: of the option.
        value: what it was given.

    Raises:
        TypeError: in any other case.
    """
    if name in _IGNORED:
        if value in _IGNORED[name] or name in _warned:
            return None
        _warned.add(name)
        return f"http.{function}(): rampa ignores the option {name}="
    for subject, names in _LATER.items():
        if name in names:
            if value is None or value == () or (value is False and name not in _LATER["TLS"]):
                return None
            remedy = f"; {_REMEDIES[name]}" if name in _REMEDIES else ""
            raise TypeError(f"http.{function}(): this version does not have {name}= ({subject}){remedy}")
    import difflib

    close = [_OTHER_NAMES[name]] if name in _OTHER_NAMES else difflib.get_close_matches(name, [*OPTIONS, "url"], 1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(OPTIONS)}"
    raise TypeError(f"http.{function}() got an unexpected keyword argument {name!r} ({hint})")


def _items(value: typing.Any, what: str) -> list[tuple[typing.Any, typing.Any]]:
    """The pairs of a mapping or of an iterable of pairs."""
    if value is None:
        return []
    if isinstance(value, (str, bytes)):
        raise TypeError(f"{what} takes a dict or pairs, not {value!r:.80}")
    try:
        return [(name, text) for name, text in (value.items() if hasattr(value, "items") else value)]
    except (TypeError, ValueError):
        raise TypeError(f"{what} takes a dict or pairs, not {value!r:.80}") from None


def _headers(value: typing.Any) -> list[tuple[str, str | bytes]]:
    fields: list[tuple[str, str | bytes]] = []
    for name, text in _items(value, "headers"):
        if isinstance(name, bytes):
            name = name.decode("latin-1")
        if not isinstance(name, str):
            raise TypeError(f"headers: a name is a str, not {name!r:.80}")
        if not isinstance(text, (str, bytes, int, float)):
            raise TypeError(f"headers: the value of {name!r} is a str, bytes or a number, not {type(text).__name__}")
        fields.append((name, text if isinstance(text, bytes) else str(text)))
    return fields


def _add_cookies(fields: list[tuple[str, str | bytes]], cookies: typing.Any) -> None:
    """Puts cookies behind those that the headers have."""
    from rampa._cookies import cookie_field

    field = cookie_field(cookies)
    given = [text.decode("latin-1") if isinstance(text, bytes) else text for name, text in fields if name.lower() == "cookie"]
    if field:
        fields[:] = [pair for pair in fields if pair[0].lower() != "cookie"]
        fields.append(("Cookie", "; ".join([*given, field])))


def _tags(value: typing.Any) -> list[tuple[str, str]]:
    tags = []
    for name, text in _items(value, "tags"):
        if not isinstance(name, str):
            raise TypeError(f"tags: a name is a str, not {name!r:.80}")
        if not isinstance(text, (str, int, float)):
            raise TypeError(f"tags: the value of {name!r} is a str or a number, not {type(text).__name__}")
        tags.append((name, str(text)))
    return tags


def _check_value(name: typing.Any, value: typing.Any, what: str) -> None:
    if value is None or isinstance(value, (bool, dict)):
        hint = f"; write {str(value).lower()!r} for the word" if isinstance(value, bool) else ""
        raise TypeError(f"{what}: the value of {name!r} is text, a number or a list of them, not {value!r:.80}{hint}")


def _encode(value: typing.Any, what: str) -> str:
    """The text of a query or a form. A None or a bool has no agreed text, so that it is refused, as aiohttp does."""
    pairs = _items(value, what)
    for name, values in pairs:
        for one in values if isinstance(values, (list, tuple)) else [values]:
            _check_value(name, one, what)
    return urllib.parse.urlencode(pairs, doseq=True)


def _with_params(url: str, params: typing.Any) -> str:
    if params is None:
        return url
    query = params if isinstance(params, str) else _encode(params, "params")
    url, hash_, fragment = url.partition("#")
    if query:
        url += ("&" if "?" in url else "?") + query
    return url + hash_ + fragment


def _json_text(value: typing.Any) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError as error:
        if "Out of range float" not in str(error):
            raise
        raise ValueError("json= has a NaN or an Infinity, which JSON does not have") from None


def _has_file(data: typing.Any) -> bool:
    """Whether a form has a file among its values."""
    if not isinstance(data, (collections.abc.Mapping, list, tuple)):
        return False
    for _, values in _items(data, "data"):
        if any(hasattr(one, "read") for one in (values if isinstance(values, (list, tuple)) else [values])):
            return True
    return False


def _form_bytes(form: typing.Any) -> tuple[bytes | list[Piece], str]:
    """Of aiohttp's FormData."""
    from rampa import _multipart

    parts, is_multipart = _multipart.parts_of_form(form)
    if is_multipart:
        return _multipart.encode(parts, "data")
    pairs = [(part.name, part.value) for part in parts]
    return _encode(pairs, "data").encode(), "application/x-www-form-urlencoded"


def _data_bytes(data: typing.Any) -> tuple[bytes | list[Piece], str]:
    """The bytes of ``data=`` and their Content-Type."""
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data), "application/octet-stream"
    if isinstance(data, str):
        return data.encode(), "text/plain; charset=utf-8"
    if type(data).__name__ == "FormData":
        return _form_bytes(data)
    if hasattr(data, "read") or _has_file(data):
        from rampa import _multipart

        if hasattr(data, "read"):
            piece = _multipart.piece_of(data)
            return [piece] if piece else _multipart.read_file(data, "data"), "application/octet-stream"
        return _multipart.encode(_multipart.parts_of_data(data), "data")
    return _encode(data, "data").encode(), "application/x-www-form-urlencoded"


def _files_bytes(files: typing.Any, data: typing.Any) -> tuple[bytes | list[Piece], str]:
    """The bytes of ``files=``, and of the fields of ``data=`` before them."""
    from rampa import _multipart

    if isinstance(data, (str, bytes, bytearray, memoryview)) or hasattr(data, "read"):
        raise TypeError("beside files=, data= takes a dict or pairs: the other fields of the form")
    before = [] if data is None else _multipart.parts_of_data(data)
    return _multipart.encode(before + _multipart.parts_of_files(files), "files")


def _body(options: dict[str, typing.Any], headers: list[tuple[str, str | bytes]]) -> PreparedBody:
    """The body; adds its Content-Type unless the caller gave one."""
    json_value, data, files = options.get("json"), options.get("data"), options.get("files")
    if json_value is not None and (data is not None or files):
        raise TypeError("give either json or data, not both")
    source = None
    body: bytes | list[Piece] | None
    if json_value is not None:
        body, kind = _json_text(json_value).encode(), "application/json"
    elif files:
        body, kind = _files_bytes(files, data)
    elif hasattr(data, "__aiter__") and not hasattr(data, "read"):
        body, kind, source = None, "application/octet-stream", data
    elif hasattr(data, "__next__") and not hasattr(data, "read"):
        from rampa._upload import each

        body, kind, source = None, "application/octet-stream", each(data)
    elif data is not None:
        body, kind = _data_bytes(data)
    else:
        return None
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", kind))
    if options.get("compress"):
        body, source = _compressed(options["compress"], body, source, headers)
    is_chunked = bool(options.get("chunked")) or source is not None
    waits = bool(options.get("expect100"))
    if waits and not any(name.lower() == "expect" for name, _ in headers):
        headers.append(("Expect", "100-continue"))
    if isinstance(body, bytes) and (is_chunked or waits):
        body = [body]
    return body if isinstance(body, bytes) else (body, source, is_chunked)


def _compressed(
    value: typing.Any, body: bytes | list[Piece] | None, source: typing.Any, headers: list[tuple[str, str | bytes]]
) -> tuple[bytes | None, typing.Any]:
    """The body or what makes it, compressed; adds the field that says so."""
    from rampa import _compress

    codings = _compress.codings_of(value)
    if any(name.lower() == "content-encoding" for name, _ in headers):
        raise ValueError("give either compress= or the header Content-Encoding, not both")
    if body is None and not _compress.can_stream(codings):
        raise ValueError(f"compress={value!r}: what an async generator gives can be compressed by gzip and deflate only")
    headers.append(("Content-Encoding", ", ".join(codings)))
    if body is None:
        return None, _compress.compress_source(source, codings)
    return _compress.compress_body(body, codings), None


async def judged(request: collections.abc.Awaitable[Response], judge: typing.Any) -> Response:
    """What ``raise_for_status=`` makes of a request (called by the extension).

    Args:
        request: to be awaited.
        judge: True, or what is called with the response.

    Raises:
        rampa.errors.StatusError: judge is True, and the status is 400 or more.
    """
    response = await request
    await judge_status(response, judge)
    return response


async def judge_status(response: Response, judge: typing.Any) -> None:
    """Raises when a status is an error, or has a function of the script do so.

    Args:
        response: that has come; with status 0 there was none, and nothing is raised.
        judge: True, or what is called with the response.
    """
    if judge is not True:
        made = judge(response)
        if hasattr(made, "__await__"):
            await made
    elif response.status >= 400:
        from rampa.errors import raise_for_status

        raise_for_status(response)


def check_judge(value: typing.Any) -> bool:
    """Whether ``raise_for_status=`` asks for anything (called by the extension).

    Args:
        value: that was given.

    Raises:
        TypeError: it is neither a truth nor a function.
    """
    if value is None or isinstance(value, bool):
        return bool(value)
    if not callable(value):
        raise TypeError(f"raise_for_status takes True, False or a function that is called with the response, not {value!r:.80}")
    return True


def _authenticate(auth: typing.Any, headers: list[tuple[str, str | bytes]]) -> tuple[str, str] | None:
    """Adds the field Authorization, or returns user name and password for a challenge."""
    from rampa._auth import authorization

    value, digest = authorization(auth)
    if any(name.lower() == "authorization" for name, _ in headers):
        raise ValueError("give either auth= or the header Authorization, not both")
    if value is not None:
        headers.append(("Authorization", value))
    return digest


def _ranges(statuses: typing.Any) -> list[tuple[int, int]] | None:
    if statuses is None:
        return None
    ranges = []
    for item in [statuses] if isinstance(statuses, (int, str)) else statuses:
        pair = (item, item) if isinstance(item, int) else item
        if not isinstance(pair, (list, tuple)) or len(pair) != 2 or not all(type(number) is int for number in pair):
            raise ValueError(f"expected_statuses takes statuses, as 404, and pairs, as (200, 299), not {item!r:.80}")
        if not 100 <= pair[0] <= pair[1] <= 999:
            raise ValueError(f"expected_statuses: {item!r} is no status (100 to 999) or range of them")
        ranges.append((pair[0], pair[1]))
    return ranges


def prepare(url: str, options: dict[str, typing.Any]) -> PreparedRequest:
    """The request that a call of ``worker.http`` describes, in plain values.

    Args:
        url: as the script gave it.
        options: those that were given, by their names.

    Raises:
        TypeError, ValueError: an option is not what it can be.
    """
    get = options.get
    fields = _headers(get("headers"))
    if "cookies" in options:
        _add_cookies(fields, options["cookies"])
    digest = _authenticate(options["auth"], fields) if "auth" in options else None
    body = _body(options, fields)
    query = _with_params(url, get("params"))
    proxy = proxy_of(options) if "proxy" in options or "proxy_auth" in options else None
    return query, fields, body, get("name"), _tags(get("tags")), _ranges(get("expected_statuses")), digest, proxy
