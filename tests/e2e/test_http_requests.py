# SPDX-License-Identifier: MIT
"""What scripts may write of a request, what reaches the server, and what a wrong word is answered with."""
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from faultserver import Close, ExpectRequest, FaultServer, Repeat, Send, answer

Rampa = Callable[..., "Finished"]
Script = Callable[..., Path]

SERVE = [Repeat([ExpectRequest(), Send(answer(headers=[("Via", "a"), ("via", "b")]))])]

RUN = """
import dataclasses
import decimal
import io
import json
import rampa


class URL:  # as yarl's
    def __init__(self, text):
        self.text = text

    def __str__(self):
        return self.text


def file():
    return io.BytesIO(b"x")


@rampa.scenario(executor="per-vu-iterations", iterations=1)
async def go(worker):
    base = worker.env["BASE"]
    http = worker.http
{lines}
"""

TRY = """
    try:
        await {call}
        print("no error")
    except (TypeError, ValueError, AttributeError) as error:
        print(type(error).__name__ + ": " + str(error))
"""


def indent(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.strip().splitlines())


def test_all_spellings_of_a_request_reach_the_server(rampa: Rampa, script: Script) -> None:
    calls = [
        ('http.get(base + "/1")', "GET /1"),
        ('http.get(url=base + "/2")', "GET /2"),
        ('http.request("get", base + "/3")', "GET /3"),
        ('http.request(method="Post", url=base + "/4")', "POST /4"),
        ('http.request("PATCH", url=base + "/5")', "PATCH /5"),
        ('http.get(URL(base + "/6"))', "GET /6"),
        ('http.put(url=URL(base + "/7"), params={"a": [1, 2], "b": "c d"})', "PUT /7?a=1&a=2&b=c+d"),
        ('http.get(base + "/8", allow_redirects=False, proxy=None, cookies=None, compress=False, auto_decompress=True)', "GET /8"),
        ('http.delete(url=base + "/9", timeout=5, discard_body=True, max_head_bytes=200, max_body_bytes=2)', "DELETE /9"),
        ('http.head(base.replace("http", "HTTP") + "/10", timeout=decimal.Decimal("1.5"))', "HEAD /10"),
    ]
    script(RUN.format(lines=indent("\n".join(f"assert (await {call}).status == 200" for call, _ in calls))))
    with FaultServer(SERVE) as server:
        rampa("run", "script.py", "--env", f"BASE={server.url}", code=0)
    assert [f"{request.method} {request.target}" for request in server.requests] == [line for _, line in calls]


def test_bodies_and_their_types(rampa: Rampa, script: Script) -> None:
    bodies = [
        ('data=b"\\xff"', b"\xff", "application/octet-stream"),
        ('data=bytearray(b"z")', b"z", "application/octet-stream"),
        ('data="\u00fc"', "\u00fc".encode(), "text/plain; charset=utf-8"),
        ('data={"a": 1, "b": ["x", "y z"]}', b"a=1&b=x&b=y+z", "application/x-www-form-urlencoded"),
        ('json={"a": None}', b'{"a": null}', "application/json"),
        ('json=0, headers={"content-type": "x/y"}', b"0", "x/y"),
    ]
    script(RUN.format(lines=indent("\n".join(f"await http.post(base, {options})" for options, _, _ in bodies))))
    with FaultServer(SERVE) as server:
        rampa("run", "script.py", "--env", f"BASE={server.url}", code=0)
    seen = [(request.body, request.header("content-type")) for request in server.requests]
    assert seen == [(body, kind) for _, body, kind in bodies]


def test_header_values_of_bytes_are_sent_as_they_are(rampa: Rampa, script: Script) -> None:
    values = [("b'J\\xc3\\xb6rg'", b"J\xc3\xb6rg"), ("b'J\\xf6rg'", b"J\xf6rg"), ("b'\\xff\\x80'", b"\xff\x80"),
              ("'J\u00f6rg'", b"J\xc3\xb6rg"), ("5", b"5"), ("''", b"")]  # fmt: skip
    lines = "\n".join(f"await http.get(base, headers={{b'X-Name': {value}}})" for value, _ in values)
    script(RUN.format(lines=indent(lines)))
    with FaultServer(SERVE) as server:
        rampa("run", "script.py", "--env", f"BASE={server.url}", code=0)
    for request, (_, sent) in zip(server.requests, values, strict=True):
        assert b"\r\nX-Name: " + sent + b"\r\n" in request.head


def test_connection_close_of_the_script_is_obeyed(rampa: Rampa, script: Script) -> None:
    script(RUN.format(lines=indent('for _ in range(3):\n    await http.get(base, headers={"Connection": "close"})')))
    with FaultServer(SERVE) as server:
        rampa("run", "script.py", "--env", f"BASE={server.url}", code=0)
    assert [request.connection for request in server.requests] == [0, 1, 2]


MISTAKES = [
    ('http.get(base, timeout="5s")', "TypeError: timeout takes a number of seconds for the whole request, not '5s'"),
    (
        'http.get(base, expected_statuses="200")',
        "ValueError: expected_statuses takes statuses, as 404, and pairs, as (200, 299), not '200'",
    ),
    ('http.get(base, expected_statuses=[(200, 9999)])', "ValueError: expected_statuses: (200, 9999) is no status"),
    (
        'http.post(base, {"a": 1})',
        "TypeError: http.post() takes one argument by position, and 2 were given; write what follows by name, such as json=",
    ),
    ('http.request("GET", base, None)', "TypeError: http.request() takes two arguments by position, and 3 were given"),
    ("http.get()", "TypeError: http.get() needs the URL"),
    ('http.request("GET")', "TypeError: http.request() needs the URL"),
    ("http.request(url=base)", "TypeError: http.request() needs a method"),
    ("http.get(base, url=base)", "TypeError: http.get() got two values for 'url'"),
    ('http.get(base, method="GET")', "TypeError: http.get() got an unexpected keyword argument 'method'"),
    ('http.get(b"http://h/")', "TypeError: url must be a str, or a URL of yarl's, not bytes"),
    ('http.get(base, raise_errors="no")', "TypeError: raise_errors takes True or False, not 'no'"),
    ("http.get(base, discard_body=1)", "TypeError: discard_body takes True or False, not 1"),
    ("http.get(base, max_body_bytes=0)", "ValueError: max_body_bytes takes a number of bytes from 1 to "),
    ("http.get(base, max_head_bytes=1 << 70)", "ValueError: max_head_bytes takes a number of bytes from 1 to "),
    ("http.get(base, allow_redirects=1)", "TypeError: allow_redirects takes True or False, not 1"),
    ("http.get(base, follow_redirects='no')", "TypeError: follow_redirects takes True or False, not 'no'"),
    ("http.get(base, max_redirects=0)", "ValueError: max_redirects takes a number from 1 to 100, not 0; to have a redirect handed back"),
    ("http.get(base, max_redirects=101)", "ValueError: max_redirects takes a number from 1 to 100, not 101"),
    ('http.get(base, cookies="a=b")', "TypeError: cookies takes a dict or pairs, not 'a=b'"),
    ('http.get(base, auth="a:b")', "TypeError: auth takes (user, password), rampa.BasicAuth, rampa.BearerAuth or rampa.DigestAuth, not str"),
    ("http.post(base, files=5)", "TypeError: files takes a dict or pairs, not 5"),
    ("http.get(base, fingerprint=b'x')", "TypeError: http.get(): this version does not have fingerprint= (TLS)"),
    ("http.get(base, verify=1.5)", "TypeError: verify takes True, False or a file of authorities, not 1.5"),
    ("http.get(base, ssl='x')", "TypeError: ssl takes True, False or an ssl.SSLContext, not 'x'"),
    ("http.get(base, cert=('a',))", "TypeError: cert takes a file (PEM), or a tuple of the files of the certificate and of its key, not ('a',)"),
    ('http.get(base, proxies={})', "TypeError: http.get(): this version does not have proxies= (proxies); write proxy='http://HOST:PORT'"),
    ('http.get(base, proxy="http://u:s3cret@p")', "ValueError: proxy: it must be http://HOST:PORT, "),
    ('http.get(base, proxy=5)', "TypeError: proxy takes a URL such as 'http://127.0.0.1:3128', not int"),
    ('http.get(base, proxy_auth=("u", "p"))', "TypeError: proxy_auth= is for the proxy that proxy= names"),
    ('http.get(base, proxy="p:1", proxy_auth="u")', "TypeError: proxy_auth takes (user, password) or rampa.BasicAuth, not str"),
    ('http.get(base, proxy="u@p:1", proxy_auth=("u", "p"))', "ValueError: give user and password either in proxy= or by proxy_auth="),
    ("http.get(base, tiemout=1)", "TypeError: http.get() got an unexpected keyword argument 'tiemout' (did you mean 'timeout'?)"),
    ("http.post(base, body=1)", "TypeError: http.post() got an unexpected keyword argument 'body' (did you mean 'data'?)"),
    ("http.get(base, zzz=1)", "TypeError: http.get() got an unexpected keyword argument 'zzz' (there are: headers, params,"),
    ('http.get(base, params={"a": None})', "TypeError: params: the value of 'a' is text, a number or a list of them, not None"),
    ('http.get(base, params={"a": True})', "TypeError: params: the value of 'a' is text, a number or a list of them, not True; "),
    ('http.post(base, data={"a": [1, None]})', "TypeError: data: the value of 'a' is text, a number or a list of them, not None"),
    ("http.post(base, data=5)", "TypeError: data takes a dict or pairs, not 5"),
    ("http.post(base, json=float('nan'))", "ValueError: json= has a NaN or an Infinity, which JSON does not have"),
    ("http.post(base, json=[float('-inf')])", "ValueError: json= has a NaN or an Infinity, which JSON does not have"),
    ('http.get(base, headers={"A": None})', "TypeError: headers: the value of 'A' is a str, bytes or a number, not NoneType"),
    ('http.get(base, headers={"A": b"x\\r\\ny: z"})', "ValueError: the value of the header A holds CR, LF or NUL"),
    ('http.get(base, headers="A: b")', "TypeError: headers takes a dict or pairs, not 'A: b'"),
    ('http.get(base, headers=["A: b"])', "TypeError: headers takes a dict or pairs, not "),
    ("http.get(base, tags={'a': b'x'})", "TypeError: tags: the value of 'a' is a str or a number, not bytes"),
    ("http.get(base).status", "AttributeError: 'rampa.Request' has no 'status': the request is not awaited yet; write r = await worker.http.get(...)"),
    ("http.post(base).json()", "AttributeError: 'rampa.Request' has no 'json': the request is not awaited yet; write r = await worker.http.post(...)"),
]  # fmt: skip


def test_a_wrong_call_is_answered_with_what_is_right(rampa: Rampa, script: Script) -> None:
    script(RUN.format(lines="".join(TRY.format(call=call) for call, _ in MISTAKES)))
    with FaultServer(SERVE) as server:
        done = rampa("run", "script.py", "--quiet", "--env", f"BASE={server.url}", code=0)
    said = done.stdout.splitlines()
    assert len(said) == len(MISTAKES)
    for line, (call, text) in zip(said, MISTAKES, strict=True):
        assert line.startswith(text), call
    assert server.requests == []


def test_a_forgotten_await_in_setup(rampa: Rampa, script: Script) -> None:
    script(
        "import rampa\n\ndef setup(worker):\n    return worker.http.get(worker.env['BASE']).json()\n\n"
        "@rampa.scenario(executor='per-vu-iterations', iterations=1)\nasync def go(worker):\n    pass\n"
    )
    done = rampa("run", "script.py", "--env", "BASE=http://127.0.0.1:1/", code=5)
    text = " ".join((done.stdout + done.stderr).split())
    assert "'rampa.Request' has no 'json': the request is not awaited yet; write r = await worker.http.get(...)" in text


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("r.status_code", "did you mean 'status'?"), ("r.staus", "did you mean 'status'?"), ("r.content", "did you mean 'body'?"),
        ("worker.http.bach([])", "did you mean 'batch'?"), ("worker.htpp", "did you mean 'http'?"),
    ],
)  # fmt: skip
def test_a_misspelt_attribute_says_what_was_meant(rampa: Rampa, script: Script, line: str, hint: str) -> None:
    script(RUN.format(lines=indent(f"r = await http.get(base)\n{line}")))
    with FaultServer(SERVE) as server:
        done = rampa("run", "script.py", "--env", f"BASE={server.url}", out=True, code=2)
    (error,) = done.result()["errors"]["iterations"]
    assert error["type"] == "AttributeError" and hint in error["message"] and hint in error["traceback"]


def test_headers_are_a_dict_and_the_response_looks_like_a_dataclass(rampa: Rampa, script: Script) -> None:
    script(
        RUN.format(
            lines=indent(
                'r = await http.get(base + "/x")\n'
                "whole = dataclasses.asdict(r)\n"
                'assert isinstance(r.headers, dict) and r.headers.copy()["VIA"] == "a, b"\n'
                'assert whole["headers"]["content-LENGTH"] == "2" and whole["body"] == b"ok"\n'
                'print(json.dumps({"headers": r.headers, "fields": [f.name for f in dataclasses.fields(r)]}))\n'
            )
        )
    )
    with FaultServer(SERVE) as server:
        done = rampa("run", "script.py", "--quiet", "--env", f"BASE={server.url}", code=0)
    told = json.loads(done.stdout)
    assert told["headers"] == {"Content-Length": "2", "Via": "a, b"}
    assert told["fields"][:4] == ["status", "headers", "body", "url"]


@pytest.mark.parametrize("url", ["/relative", "wss://h/", "ftp://h/", "h:80/", ""])
def test_a_bad_url_is_an_error_and_a_failed_request(rampa: Rampa, script: Script, url: str) -> None:
    script(RUN.format(lines=indent(f"await http.get({url!r}, name='n')")))
    done = rampa("run", "script.py", "--env", "BASE=x", out=True, code=2)
    (kind,) = done.result()["errors"]["requests"]
    assert (kind["error_code"], kind["count"]) == ("1020", 1)
    assert done.count("http_reqs") == 1 and done.metrics()["http_req_failed"]["rate"] == 1
    assert done.result()["errors"]["iterations"][0]["type"] == "ValueError"


def test_a_bad_header_is_no_failed_request(rampa: Rampa, script: Script) -> None:
    script(RUN.format(lines=indent("await http.get('http://127.0.0.1:1/', headers={'a b': 'c'})")))
    done = rampa("run", "script.py", "--env", "BASE=x", out=True, code=2)
    assert done.count("http_reqs") == 0


@pytest.mark.parametrize("call", ["get('/x', headers={'a b': 'c'})", "post('/x', json=float('nan'))", "request('A B', '/x')"])
def test_with_a_base_url_too_only_a_bad_url_counts_as_one(rampa: Rampa, script: Script, call: str) -> None:
    script(RUN.format(lines=indent(f"await http.{call}")))
    done = rampa("run", "script.py", "--env", "BASE=x", "--base-url", "http://127.0.0.1:1", out=True, code=2)
    assert done.result()["errors"]["iterations"][0]["type"] == "ValueError"
    assert done.count("http_reqs") == 0 and done.result()["errors"]["requests"] == []


def test_a_bad_url_counts_under_the_base_url_and_in_the_group(rampa: Rampa, script: Script) -> None:
    lines = 'for bad in ("x/", "ftp://h/", "/a b\\r\\n"):\n    with worker.group("shop"):\n        try:\n            http.get(bad)\n'
    script(RUN.format(lines=indent(lines + "        except ValueError:\n            pass")))
    threshold = "http_reqs{group:::shop}:count==3"
    done = rampa("run", "script.py", "--env", "BASE=x", "--base-url", "http://127.0.0.1:1", "--threshold", threshold, out=True, code=1)
    assert [(kind["error_code"], kind["count"]) for kind in done.result()["errors"]["requests"]] == [("1020", 3)]
    (held,) = done.result()["thresholds"]
    assert (held["actual"], held["passed"]) == (3, True)


def test_a_password_of_a_url_is_sent_and_shown_nowhere(rampa: Rampa, script: Script, tmp_path: Path) -> None:
    script(
        RUN.format(
            lines=indent(
                'url = base.replace("//", "//joe:s3cret@")\n'
                'r = await http.get(url + "/1")\n'
                'print(r.url, repr(r), dataclasses.asdict(r)["url"])\n'
                'await http.get(url + "/2", name=url)\n'
                'await http.get(url + "/3", params={"a": 1}, tags={"b": "c"})\n'
                'r = await http.get("http://joe:s3cret@127.0.0.1:1/", raise_errors=False)\n'
                "print(r.error, r.url)\n"
                "http.get(url)\n"
                "for bad in (':x/', ':0/', '/'):\n"
                "    try:\n"
                "        http.get('joe:s3cret@h' + bad) if bad == '/' else http.get('http://joe:s3cret@' + bad)\n"
                "    except ValueError as error:\n"
                "        print(error)\n"
                "await http.get('http://joe:s3cret@127.0.0.1:1/')"
            )
        )
    )
    with FaultServer(SERVE) as server:
        host = server.url.removeprefix("http://")
        done = rampa("run", "script.py", "--env", f"BASE={server.url}", "--event-log", "events", out=True, code=1)
    assert [request.header("authorization") for request in server.requests] == ["Basic am9lOnMzY3JldA=="] * 3
    assert [request.header("host") for request in server.requests] == [host] * 3
    shown = done.stdout + done.stderr + done.out.read_text() + (tmp_path / "events").read_text()
    assert "s3cret" not in "\n".join(line for line in shown.splitlines() if "await http.get" not in line)


def test_a_response_over_a_limit_names_it(rampa: Rampa, script: Script) -> None:
    lines = 'for size in (9, 10):\n    print((await http.get(base, max_body_bytes=size, raise_errors=False)).error)'
    script(RUN.format(lines=indent(lines)))
    with FaultServer([ExpectRequest(), Send(answer(b"0123456789")), Close()]) as server:
        done = rampa("run", "script.py", "--quiet", "--env", f"BASE={server.url}", code=0)
    assert done.stdout.splitlines() == [
        "response body too large: more than 9 bytes (max_body_bytes= or discard_body=True allow more)", "None",
    ]  # fmt: skip
