# SPDX-License-Identifier: MIT
"""Failed requests that are kept with their answers: `exchanges` of the result file, and their lines in the summary."""
from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from faultserver import ExpectRequest, FaultServer, Hang, RefusingPort, Repeat, Send, answer
from finished import Finished

if TYPE_CHECKING:
    from certificates import Pki

Rampa = Callable[..., Finished]
Script = Callable[..., Path]
TOKEN = "s3cret-t0ken"


def kinds(result: dict[str, Any]) -> Counter[tuple[str, int | None, int]]:
    """How many exchanges there are of each kind."""
    return Counter((row["name"], row["status"], row["error_code"]) for row in result["exchanges"])


SEVERAL = """
import rampa

@rampa.scenario(executor="per-vu-iterations", vus=6, iterations=2)
async def a(worker):
    await worker.http.get(BUSY + "/busy", name="busy")
    await worker.http.get(BUSY + "/fine", name="fine", expected_statuses=[503])
    await worker.http.get(BUSY + "/away", name="away")
    for url, name, timeout in ((REFUSES, "refused", 30), (SILENT, "silent", 0.4)):
        try:
            await worker.http.get(url, name=name, timeout=timeout)
        except rampa.errors.RequestError:
            pass
"""


@pytest.mark.parametrize("workers", [1, 3])
def test_the_first_of_each_kind_are_kept(rampa: Rampa, script: Script, workers: int) -> None:
    answers = Repeat([ExpectRequest(), Send(answer(b"out of stock", status=503))])
    with FaultServer([answers]) as busy, RefusingPort() as refuses, FaultServer([Hang()]) as silent:
        urls = busy.url, refuses.url, silent.url
        script(SEVERAL + f"\nBUSY, REFUSES, SILENT = {urls}\n")
        done = rampa("run", "script.py", "--workers", str(workers), "--failed-exchanges", "2", out=True, code=0)
    result = done.result()
    assert kinds(result) == {
        ("busy", 503, 1503): 2, ("away", 503, 1503): 2, ("refused", None, 1212): 2, ("silent", None, 1050): 2,
    }  # fmt: skip
    rows = {row["name"]: row for row in result["exchanges"]}
    assert rows["busy"]["response"]["line"] == "HTTP/1.1 503 Scripted"
    assert rows["busy"]["response"]["headers"] == [["Content-Length", "12"]]
    assert rows["busy"]["response"]["body"] == {"bytes": 12, "start": 12, "text": "out of stock\n"}
    assert rows["busy"]["request"]["line"] == "GET /busy HTTP/1.1"
    assert (rows["busy"]["error"], rows["busy"]["proto"], rows["busy"]["scenario"]) == (None, "HTTP/1.1", "a")
    assert rows["refused"]["error"] == "connection refused" and rows["refused"]["response"] is None
    assert rows["refused"]["remote"] == urls[1].removeprefix("http://")
    assert sum(rows["silent"]["times"].values()) >= 399 and rows["silent"]["remote"] == urls[2].removeprefix("http://")
    assert {row["vu"] for row in result["exchanges"]} <= set(range(1, 7)) and all(row["iteration"] in range(12) for row in rows.values())
    assert "503 Scripted: out of stock" in done.stdout and "first request of each kind" in done.stdout


def test_none_are_kept_when_nobody_wants_them(rampa: Rampa, script: Script) -> None:
    with RefusingPort() as refuses:
        for words in (["--failed-exchanges", "0"], []):
            done = rampa("run", refuses.url, "-n", "2", *words, out=True, code=1)
            assert len(done.result()["exchanges"]) == (0 if words else 2)
            assert ("first request of each kind" in done.stdout) == (not words)
        script(f"""
import rampa

config = rampa.Config(options=rampa.Options(failed_exchanges=1))

@rampa.scenario(executor="per-vu-iterations", iterations=3)
async def a(worker):
    await worker.http.get({refuses.url!r})
""")
        assert len(rampa("run", "script.py", out=True, code=1).result()["exchanges"]) == 1


SECRETS = """
import rampa

@rampa.scenario()
async def a(worker):
    worker.http.cookies.set("session", TOKEN, URL)
    fields = {"X-Api-Key": TOKEN, "Accept": "text/html"}
    await worker.http.post(URL.replace("://", "://user:" + TOKEN + "@") + "/a?x=1&access_token=" + TOKEN, name="all",
                           headers=fields, json={"password": TOKEN, "kept": 1})
"""


def test_secrets_are_masked_and_hostile_bytes_are_harmless(rampa: Rampa, script: Script) -> None:
    hostile = [("Set-Cookie", TOKEN), ("Location", f"/?{TOKEN}"), ("Server", "\x1b[2J"), ("X-Quote", '"</script>')]
    body = b'{"token": "%s", "why": "\x1b]0;x\x07"}' % TOKEN.encode()
    with FaultServer([ExpectRequest(), Send(answer(b'{"token": "%s"}' % TOKEN.encode(), 500, hostile))], [ExpectRequest(), Send(answer(body, 500))]) as server:
        script(f"TOKEN, URL = {TOKEN!r}, {server.url!r}\n" + SECRETS)
        first = rampa("run", "script.py", out=True, code=1)
        assert TOKEN not in first.stdout + first.stderr + first.out.read_text()
        row = first.result()["exchanges"][0]
        second = rampa("run", "script.py", out=True, code=1)
    assert "\x1b" not in first.stdout + second.stdout and "\\u001b" not in first.out.read_text() + second.out.read_text()
    assert row["request"]["line"] == "POST /a?x=1&access_token=*** HTTP/1.1"
    assert {tuple(pair) for pair in row["request"]["headers"]} >= {("X-Api-Key", "***"), ("Authorization", "***"), ("Cookie", "***")}
    assert row["request"]["body"]["text"].replace(" ", "") == '{"password":***,"kept":1}\n'
    assert {tuple(pair) for pair in row["response"]["headers"]} >= {("Set-Cookie", "***"), ("Location", "***"), ("X-Quote", "***")}
    assert row["response"]["body"]["text"] == '{"token": ***}\n'
    assert second.result()["exchanges"][0]["response"]["body"] == {"bytes": len(body), "start": 0, "text": None}


def test_redirects_and_bodies_that_a_url_run_discards(rampa: Rampa) -> None:
    there = answer(b"", 302, [("Location", "/there")])
    with FaultServer([Repeat([ExpectRequest(), Send(there), ExpectRequest(), Send(answer(b"x" * 5000, 500))])]) as server:
        url = server.url
        row = rampa("run", f"{url}/here", "--follow", "-n", "1", out=True, code=0).result()["exchanges"][0]
    assert (row["request"]["line"], row["url"]) == ("GET /there HTTP/1.1", f"{url}/there")
    assert (row["response"]["body"]["bytes"], row["response"]["body"]["start"]) == (5000, 2048)


def test_certificates_that_are_not_trusted(rampa: Rampa, pki: Pki) -> None:
    from tlsserver import TlsServer, keep_answering

    with TlsServer(keep_answering, pki.issue("server")) as server:
        done = rampa("run", server.url, "-n", "1", out=True, code=1)
    row = done.result()["exchanges"][0]
    assert row["error_code"] == 1310 and row["error"].startswith("certificate") and "'Test Root' has signed" in row["error"]
    assert "certificate of an unknown" in done.stdout.split("first request of each kind")[1]
    assert row["remote"].endswith(f":{server.port}") and row["response"] is None and row["times"]["tls_handshaking"] > 0


def test_answers_of_http2(rampa: Rampa) -> None:
    pytest.importorskip("hpack")
    from h2server import H2Server, Peer

    def busy(peer: Peer) -> None:
        peer.begin()
        for count in (1, 2):
            stream = peer.expect(count)[-1]
            peer.send(peer.headers(stream, [(":status", "503"), ("server", "two"), ("set-cookie", TOKEN)]))

    with H2Server(busy) as server:
        done = rampa("run", f"{server.url}/a", "--http2", "-n", "2", out=True, code=1)
    rows = done.result()["exchanges"]
    assert [row["proto"] for row in rows] == ["HTTP/2.0"] * 2
    assert rows[0]["response"]["line"] == "HTTP/2.0 503" and rows[0]["response"]["headers"] == [["server", "two"], ["set-cookie", "***"]]
    assert rows[0]["remote"] == server.url.removeprefix("http://")


HANGS = """
import rampa

@rampa.scenario(duration="1500ms", graceful_stop=0)
async def a(worker):
    await worker.http.get(URL)
"""


def test_a_server_that_hangs_until_the_end(rampa: Rampa, script: Script) -> None:
    with FaultServer([Hang()]) as server:
        script(f"URL = {server.url!r}\n" + HANGS)
        rows = rampa("run", "script.py", out=True, code=1).result()["exchanges"]
    assert [(row["error_code"], row["error"]) for row in rows] == [(1904, "still under way at the end")]


# ---- --http-debug -------------------------------------------------------------------------------------------------------


def test_http_debug_shows_each_exchange(rampa: Rampa, script: Script) -> None:
    script(f"""
import rampa

@rampa.scenario(executor="per-vu-iterations", vus=6, iterations=5)
async def a(worker):
    await worker.http.post("/p?token={TOKEN}", headers={{"X-Key": "{TOKEN}"}}, json={{"n": 1}})
""")
    answers = [ExpectRequest(), Send(answer(b"\x1b[2J", headers=[("Server", "\x1b[2J"), ("Set-Cookie", TOKEN)])), ExpectRequest(), Send(answer(b"fine"))]
    with FaultServer([Repeat(answers)]) as server:
        line = ["run", "script.py", "--base-url", server.url, "--workers", "3", "--quiet"]
        done = rampa(*line, "--http-debug=full", code=0)
        headers = rampa(*line, "--http-debug", code=0)
        host = server.url.removeprefix("http://")
    shown = done.stderr.split("* a, ")[1:]
    assert len(shown) == 30 and done.stdout == "" and TOKEN not in done.stderr + headers.stderr and "\x1b" not in done.stderr
    for text in shown:  # none is within another one
        lines = text.splitlines()
        assert lines[0].startswith("VU ") and lines[0].endswith(f": http://{host}/p?token=*** ({host})")
        assert lines[1] == "> POST /p?token=*** HTTP/1.1" and "> X-Key: ***" in lines and "> (8 bytes of body:)" in lines
        assert sum(line.startswith("< HTTP/1.1 200") for line in lines) == 1 and lines[-1].startswith("= ")
    assert "< Server: \ufffd[2J" in done.stderr and "< (4 bytes of body)" in done.stderr and "< fine" in done.stderr
    assert len(headers.stderr.split("* a, ")) == 31 and "body" not in headers.stderr


def test_http_debug_of_a_long_run_ends_with_a_line(rampa: Rampa) -> None:
    with FaultServer([Repeat([ExpectRequest(), Send(answer(b"ok"))])]) as server:
        done = rampa("run", server.url, "-n", "700", "--http-debug", "--quiet", out=True, code=0)
        wrong = rampa("check", server.url, "--http-debug=bodies", code=3)
        script = rampa("check", server.url, env={"RAMPA_HTTP_DEBUG": "some"}, code=3)
    assert done.stderr.count("> GET / ") == 500 and done.count("http_reqs") == 700
    assert done.stderr.splitlines()[-1] == "http-debug: 500 requests were shown, the rest of the run is not"
    assert "--http-debug" in wrong.stderr and "RAMPA_HTTP_DEBUG" in script.stderr


def test_http_debug_as_the_script_says(tmp_path: Path, rampa: Rampa) -> None:
    with RefusingPort() as refuses:
        (tmp_path / "load.py").write_text(f"""
import rampa

config = rampa.Config(options=rampa.Options(http_debug="full"))

@rampa.scenario()
async def a(worker):
    await worker.http.get({refuses.url!r}, raise_errors=False)
""")
        done = rampa("run", "load.py", "--quiet", code=1)
    lines = done.stderr.splitlines()
    assert lines[0].startswith(f"* a, VU 1, iteration 0: {refuses.url} (") and "! connection refused" in lines
