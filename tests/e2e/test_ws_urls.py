# SPDX-License-Identifier: MIT
"""`rampa run ws://...`: WebSockets without a script, and without Python."""
from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from certificates import Certificate
from finished import Finished
from tlsserver import context_of
from wsfaults import Case, FaultServer, closing, frame
from wsserver import WsServer

Rampa = Callable[..., Finished]
WITHOUT_PYTHON = {"RAMPA_PYTHON": "/nowhere/python3"}


@pytest.fixture(scope="module")
def server() -> Iterator[WsServer]:
    with WsServer() as server:
        yield server


@pytest.fixture
def echo(target: str) -> str:
    return target.replace("http", "ws") + "/ws"


def counts(done: Finished) -> dict[str, int]:
    names = ("iterations", "iteration_errors", "ws_sessions", "ws_msgs_sent", "ws_msgs_received", "ws_errors", "http_reqs")
    counted = {name[3:] if name.startswith("ws_") else name: done.count(name) for name in names if name in done.metrics()}
    return {name: count for name, count in counted.items() if count}


def test_each_iteration_is_one_message_and_its_answer(rampa: Rampa, echo: str) -> None:
    """A virtual user keeps its WebSocket, unless it is told not to keep connections."""
    words = ["run", echo, "-u", "3", "-i", "60", "--subprotocol", "chat", "-H", "X-A: b"]
    done = rampa(*words, "--body", "h\u00e9llo", env=WITHOUT_PYTHON, out=True, code=0)
    assert done.stderr == "" and f"  {echo}  ran " in done.stdout.splitlines()[0] and "WEBSOCKET" in done.stdout
    assert counts(done) == {"iterations": 60, "sessions": 3, "msgs_sent": 60, "msgs_received": 60}
    assert done.metrics()["ws_roundtrip"]["count"] == 60
    done = rampa(*words, "--json", '{"a": 1}', "--no-vu-reuse", out=True, code=0)
    assert counts(done) == {"iterations": 60, "sessions": 60, "msgs_sent": 60, "msgs_received": 60}
    done = rampa(*words, out=True, code=0)
    assert counts(done) == {"iterations": 60, "sessions": 60} and done.metrics()["ws_connecting"]["count"] == 60


def test_a_list_with_both_kinds(rampa: Rampa, echo: str, target: str, tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\0")
    (tmp_path / "list").write_text(f"GET {target}/\n{echo} weight=2 name=talk\nX-A: b\n@bytes\n{echo}?b\n| text\n")
    done = rampa("run", "--targets", "list", "-i", "40", "--threshold", "ws_roundtrip{name:talk}:count==20", out=True, code=0)
    assert counts(done) == {"iterations": 40, "sessions": 2, "msgs_sent": 30, "msgs_received": 30, "http_reqs": 10}


def test_what_the_server_is_sent(rampa: Rampa, server: WsServer, tmp_path: Path) -> None:
    """Noise does not count as an answer to a later message; a session that the server closes is opened again."""
    server.seen.clear()
    (tmp_path / "auth").write_text("joe:s3cret\n")
    words = ["--auth", "@auth", "--cookie", "a=b", "-H", "Origin: https://a.example", "--body", "x"]
    done = rampa("run", server.url("/greet"), "-i", "5", *words, out=True, code=0)
    assert counts(done)["sessions"] == 1 and done.metrics()["ws_roundtrip"]["count"] == 5
    fields = server.seen[0][1]
    assert (fields["Cookie"], fields["Origin"], fields["Authorization"]) == ("a=b", "https://a.example", "Basic am9lOnMzY3JldA==")
    server.wait_for_rest()


def test_servers_that_do_not_answer(rampa: Rampa, server: WsServer, target: str, echo: str) -> None:
    """All of it is counted in ws_errors; when no session was opened the run has failed."""
    for path, kind in (("/abort", "connection lost"), ("/leave", "closed in place of an answer"), ("/refuse", "closed in place of an answer")):
        done = rampa("run", server.url(path), "-i", "3", "--body", "x", out=True, code=1)
        assert (done.count("ws_sessions"), done.count("ws_errors"), done.count("iterations")) == (3, 3, 3)
        assert f"3 x {kind} (1901)" in done.stdout and "NOTHING SUCCEEDED: none of the 3 " in done.stdout, done.stdout
    done = rampa("run", server.url("/leave"), "-i", "3", "--body", "x", "--threshold", "ws_errors:count<5", code=0)
    done = rampa("run", server.url("/refuse"), "-i", "3", out=True, code=0)  # nothing is asked of it
    assert done.count("ws_errors") == 0
    # One answer is enough.
    done = rampa("run", server.url("/leave"), echo, "-i", "6", "--body", "x", out=True, code=0)
    assert done.count("ws_errors") == 3 and done.metrics()["ws_roundtrip"]["count"] == 3
    done = rampa("run", server.url("/silent"), "-i", "1", "--body", "x", "--timeout", "1s", out=True, code=1)
    assert (done.count("iterations"), done.count("ws_errors")) == (1, 1)
    assert "1 x no answer to a message (1050)" in done.stdout or not done.count("ws_sessions")  # a machine that stalled
    done = rampa("run", target.replace("http", "ws"), "-i", "2", out=True, code=1)
    assert counts(done) == {"iterations": 2, "errors": 2} and "2 x not a WebSocket (1900)" in done.stdout
    done = rampa("run", server.url("/echo"), "-i", "1", "--subprotocol", "other", out=True, code=1)
    assert counts(done) == {"iterations": 1, "errors": 1} and "1 x subprotocol refused (1900)" in done.stdout
    server.wait_for_rest()


BAD_ACCEPT = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n\r\n"


@pytest.mark.parametrize(
    ("case", "words", "error", "status"),
    [
        (Case(b"", answer=BAD_ACCEPT), [], "not a WebSocket: the answer 101 of the server is wrong: the field Sec-WebSocket-Accept does not fit the key of the request", 101),
        (Case(b"", fields=b"Sec-WebSocket-Protocol: chat\r\n"), [], "not a WebSocket: the answer 101 of the server is wrong: "
         "the server has chosen a subprotocol that was not offered, 'chat'", 101),
        (Case(b"", fields=b"Sec-WebSocket-Extensions: x\r\n"), [], "not a WebSocket: the answer 101 of the server is wrong: "
         "the server has chosen an extension that was not offered", 101),
        (Case(b""), ["--subprotocol", "v2"], "subprotocol refused: the server has not chosen the subprotocol 'v2', but none", 101),
        (Case(b"", answer=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"), [],
         "not a WebSocket: the server has answered with status 200, not 101", 200),
        (Case(frame(1, b"\xff")), [], "WebSocket protocol error: the server breaks the protocol of WebSocket: ", 101),
        (Case(closing(4001, b"a \x1b[31m")), [], "closed in place of an answer: close code 4001, a \ufffd[31m", 101),
        (Case(frame(8)), [], "closed in place of an answer: close frame without a code", 101),
        (Case(b"", ends=True), [], "connection lost: the connection has ended without a close frame", 101),
        (Case(b"", answer=b" ", ends=True), [], "malformed response", None),
    ],
)
def test_what_was_wrong_is_kept(rampa: Rampa, case: Case, words: list[str], error: str, status: int | None) -> None:
    with FaultServer([case]) as server:
        done = rampa("run", f"{server.url}/0", "--body", "x", *words, out=True, code=1)
    kept = json.loads(done.out.read_text())["exchanges"]
    assert [item["status"] for item in kept] == [status] and kept[0]["error"].startswith(error), kept
    assert (kept[0]["vu"], kept[0]["iteration"], kept[0]["scenario"]) == (1, 0, "default")
    if case.answer or words or b"Sec-" in case.fields:
        assert kept[0]["request"]["line"] == "GET /0 HTTP/1.1" and (status is None or kept[0]["response"])
    assert error.partition(":")[0] in done.stdout
    assert rampa("result", "errors", done.out, code=0).stdout.endswith("kept: x1\n")


def test_a_message_and_a_fault_in_one_piece(rampa: Rampa) -> None:
    """The session has failed, and no iteration has: nothing is wrong with the generator."""
    with FaultServer([Case(frame(1, b"a") + frame(3))]) as server:
        done = rampa("run", f"{server.url}/0", "-u", "1", "-i", "3", "--body", "x", out=True)
    assert counts(done) == {"iterations": 3, "sessions": 3, "msgs_received": 3, "errors": 3}
    assert done.count("ws_session_duration") == 3 and "3 x WebSocket protocol error" in done.stdout
    assert server.answered[0].code == 1002


@pytest.mark.parametrize("url", ["ws", "http", "grpc"])
def test_a_server_that_speaks_tls(rampa: Rampa, good: Certificate, url: str) -> None:
    """It closes the connection in place of an answer."""
    path = "/package.Service/Method" if url == "grpc" else "/echo"
    with WsServer(context_of(good)) as server:
        done = rampa("run", f"{url}://127.0.0.1:{server.port}{path}", out=True, code=1)
    [kept] = json.loads(done.out.read_text())["exchanges"]
    assert kept["error"].endswith("connection closed early: there was no response; does the server speak TLS?")


def test_one_iteration_shows_what_passes(rampa: Rampa, server: WsServer, echo: str, tmp_path: Path) -> None:
    done = rampa("run", echo, "--once", "--body", "x", "-H", "X-Token: s3cret", code=0)
    assert "GET /ws HTTP/1.1" in done.stdout and "HTTP/1.1 101" in done.stdout and "s3cret" not in done.stdout
    assert "Sec-WebSocket-Key: ***" in done.stdout
    text = '{"a": "h\u00e9", "password": "s3cret"}\n' + "x" * 3000
    done = rampa("run", echo, "--once", "--body", text, code=0)
    shown = done.stdout.partition("= ")[2].partition("rampa 0")[0].splitlines()[1:]
    head = "(text message, 3035 bytes, the first 2048 of them:)"
    assert shown[:2] == ["> " + head, '> {"a": "h\u00e9", "password": ***}'] and shown[2].startswith("> xxx")
    assert shown[3] == "< " + head and shown[6:] == ["> (close frame, code 1000)"] and "s3cret" not in done.stdout
    (tmp_path / "bytes").write_bytes(b"\xff\0")
    for debug, start in (("full", [":)", "x"]), ("headers", [")"])):
        done = rampa("run", echo, "-i", "2", f"--http-debug={debug}", "--body", "x", code=0)
        lines = done.stderr.splitlines()
        at = lines.index(f"* default, VU 1, iteration 1: {echo}")
        assert lines[at + 1] == "> (text message, 1 byte" + start[0] and lines[at + 2 : at + 1 + len(start)] == ["> " + t for t in start[1:]]
    done = rampa("run", echo, "--once", "--body-file", "bytes", code=0)
    assert "> (binary message, 2 bytes)\n< (binary message, 2 bytes)\n> (close frame, code 1000)\n" in done.stdout
    done = rampa("run", server.url("/enough"), "--once", "--body", "x", code=1)
    assert "< (close frame, code 4001: enough \ufffd[31m)\n> (close frame, code 4001)\n" in done.stdout
    done = rampa("run", server.url("/abort"), "--once", "--body", "x", code=1)
    assert "> x\n! the connection has ended without a close frame" in done.stdout
    done = rampa("run", echo, "--once", "--subprotocol", "chat", code=0)
    assert done.stdout.count("Sec-WebSocket-Protocol: chat\n") == 2
    for token in ("x" * 25, "3q2-7wAAAAB1nS_pXk0zTQ"):  # as some clients send one
        assert token not in rampa("run", echo, "--once", "--subprotocol", token).stdout.partition("rampa 0")[0]


URL = "ws://127.0.0.1:1/"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([URL, "-F", "a=b"], "error: -F is for requests of HTTP; a WebSocket has no use for it\n"),
        ([URL, "-F", "a=b", "--digest"], "error: --digest is for requests of HTTP; "),
        ([URL, "--follow"], "error: --follow is for requests of HTTP; "),
        ([URL, "--expect-status", "200"], "error: --expect-status is for requests of HTTP; "),
        ([URL, "-X", "POST"], "error: a WebSocket is opened with GET, not with 'POST'\n  --body, "),
        ([URL, "-H", "Upgrade: h2c"], "error: the header Upgrade cannot be set\n"),
        ([URL, "-H", "A b: c"], "error: "),
        ([URL, "--subprotocol", "a, b"], "error: 'a, b' is no name of a subprotocol: "),
        ([URL, "--subprotocol", ""], "error: --subprotocol"),
        ([URL, "--subprotocol", "a", "--subprotocol", "b"], "error: --subprotocol is given 2 times: the server has to choose one\n  a script offers"),
        (["http://127.0.0.1:1/", "--subprotocol", "a"], "error: --subprotocol is for URLs that begin with ws:// or wss://\n"),
        (["ws://"], "error: the URL 'ws://' has no host\n  write it like ws://127.0.0.1:8080/path\n"),
        (["ws:/127.0.0.1:1/", "--body", "x"], "error: --body is for URLs; a script says itself what it requests\n  did you mean 'ws://127.0.0.1:1/'?\n"),
        (["wss:host/a"], "error: wss:host/a: no such file\n  did you mean 'wss://host/a'?\n"),
        ([URL + "#a"], "error: the URL of a WebSocket has no fragment, which begins with '#'\n  write %23 for a '#' in the path\n"),
        (["a.py", "--subprotocol", "a"], "error: --subprotocol is for URLs; "),
    ],
)
def test_what_cannot_be_asked_for_is_said(rampa: Rampa, tmp_path: Path, words: list[str], message: str) -> None:
    (tmp_path / "a.py").write_text("import rampa\n@rampa.scenario\nasync def a(worker): pass\n")
    done = rampa("run", *words, code=3)
    assert done.stderr.startswith(message) and done.stdout == ""
