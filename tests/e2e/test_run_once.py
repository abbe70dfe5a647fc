# SPDX-License-Identifier: MIT
"""Options over any run: --once, --threshold, --no-thresholds, --no-setup, --no-teardown, --base-url, --histogram."""
from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from faultserver import ExpectRequest, FaultServer, Hang, Repeat, Send, answer

Rampa = Callable[..., "Finished"]
Script = Callable[..., Path]
ANSWERS = Repeat([ExpectRequest(), Send(answer(b"ok"))])
TOKEN = "s3cret-t0ken"

SCRIPT = """
import rampa

config = rampa.Config(thresholds={"http_reqs": ["count>100"]})

def setup():
    print("setup ran")
    return 1

def teardown():
    print("teardown ran")

@rampa.scenario(vus=5, duration="1h", start_time="10m")
async def a(worker):
    response = await worker.http.get("/a?b", headers={"X-Token": "s3cret-t0ken", "Accept": "text/html"})
    await worker.http.post("/p", json={"a": 1}, name="post")
    worker.check(response, {"is 200": lambda r: r.status == 200})
    print("setup_data is", worker.setup_data)
"""


def test_once_shows_each_request_and_its_answer(rampa: Rampa, script: Script) -> None:
    script(SCRIPT)
    hostile = ("\x1b[2J\x1b]0;x\x07", "a")
    answers = [ExpectRequest(), Send(answer(b"ok", headers=[("Set-Cookie", TOKEN), ("X-A", hostile[0]), ("Server", hostile[0])]))]
    with FaultServer([Repeat(answers)]) as server:
        host = server.url.removeprefix("http://")
        done = rampa("run", "script.py", "--once", "--base-url", f"{server.url}/x/", "--no-thresholds", out=True, code=0)
    shown = done.stdout.split("\nrampa ")[0].splitlines()
    assert [line for line in shown if line[0] in "><!"] == [
        "> GET /a?b HTTP/1.1", f"> Host: {host}", "> User-Agent: rampa/0.1.0", "> X-Token: ***", "> Accept: text/html",
        "< HTTP/1.1 200 Scripted", "< Content-Length: 2", "< Set-Cookie: ***", "< X-A: ***",
        "< Server: \ufffd[2J\ufffd]0;x\ufffd", "< (2 bytes of body:)", "< ok",
        "> POST /p HTTP/1.1", f"> Host: {host}", "> User-Agent: rampa/0.1.0", "> Accept: */*",
        "> Content-Type: application/json", "> Content-Length: 8", "> Cookie: ***", "> (8 bytes of body:)", "> {\"a\": 1}",
        "< HTTP/1.1 200 Scripted", "< Content-Length: 2", "< Set-Cookie: ***", "< X-A: ***",
        "< Server: \ufffd[2J\ufffd]0;x\ufffd", "< (2 bytes of body:)", "< ok",
    ]  # fmt: skip
    assert sum(line.startswith("= ") for line in shown) == 2
    assert {"setup ran", "teardown ran", "setup_data is 1"} <= set(shown)
    assert re.search("✓ is 200 .* 1 +0\n", done.stdout)
    assert (done.count("iterations"), done.count("http_reqs")) == (1, 2)
    assert done.result()["config"]["scenarios"]["a"]["executor"] == "per-vu-iterations"
    assert TOKEN not in done.stdout + done.stderr + done.out.read_text()


def test_once_shows_what_the_bodies_hold_but_no_secret(rampa: Rampa, script: Script) -> None:
    script(f"""
import rampa

@rampa.scenario()
async def a(worker):
    await worker.http.post("/login", json={{"user": "u", "password": "{TOKEN}"}})
""")
    said = b'{"access_token": "%s", "user": "u"}' % TOKEN.encode()
    with FaultServer([Repeat([ExpectRequest(), Send(answer(said))])]) as server:
        done = rampa("run", "script.py", "--once", "--base-url", server.url, code=0)
        assert '> {"user": "u", "password": ***}' in done.stdout and '< {"access_token": ***, "user": "u"}' in done.stdout
        done = rampa("run", server.url, "--once", code=0)
        assert '< {"access_token": ***, "user": "u"}' in done.stdout
    assert TOKEN not in done.stdout + done.stderr


def test_once_shows_what_went_wrong(rampa: Rampa) -> None:
    with FaultServer([Repeat([ExpectRequest(), Send(b"nonsense\r\n\r\n")])]) as server:
        done = rampa("run", server.url, "--once", "--quiet")
    lines = done.stdout.splitlines()
    assert lines[0] == "> GET / HTTP/1.1" and lines[-2].startswith("! ") and lines[-1].endswith(", failed")


GIVES_UP = """
import asyncio
import rampa

@rampa.scenario(executor="per-vu-iterations", max_duration="1s", graceful_stop=0)
async def a(worker):
    try:
        async with asyncio.timeout(0.05):
            await worker.http.get("/given-up")
    except TimeoutError:
        pass
    await worker.http.get("/unfinished")
"""


def test_once_shows_what_had_no_answer_in_time(rampa: Rampa, script: Script) -> None:
    script(GIVES_UP)
    with FaultServer([Hang()]) as server:
        done = rampa("run", "script.py", "--once", "--base-url", server.url, "--quiet")
    shown = [line for line in done.stdout.splitlines() if line.startswith(("> GET", "!", "="))]
    assert [shown[0], shown[1], shown[3], shown[4]] == [
        "> GET /given-up HTTP/1.1", "! cancelled by the script", "> GET /unfinished HTTP/1.1", "! still under way at the end",
    ]  # fmt: skip
    assert len(shown) == 6 and shown[2].endswith(", failed") and not shown[5].endswith(", failed")


def test_hooks_and_thresholds_can_be_left_out(rampa: Rampa, script: Script) -> None:
    script(SCRIPT)
    with FaultServer([ANSWERS]) as server:
        line = ["run", "script.py", "--once", "--base-url", server.url, "--no-setup", "--no-teardown"]
        done = rampa(*line, code=1)
        assert "setup ran" not in done.stdout and "teardown ran" not in done.stdout and "setup_data is None" in done.stdout
        assert "http_reqs" in done.stdout and "count>100" in done.stdout
        rampa(*line, "--no-thresholds", code=0)


def test_a_threshold_of_the_line_decides(rampa: Rampa, script: Script) -> None:
    with FaultServer([ANSWERS]) as server:
        line = ["run", server.url, "-n", "5", "--threshold", "http_req_failed:rate<0.01"]
        done = rampa(*line, "--threshold=http_reqs:count==5", out=True, code=0)
        assert "✓ http_reqs" in done.stdout and "✓ http_req_failed" in done.stdout
        done = rampa(*line, "--threshold", "http_reqs:count>5", "--quiet", code=1)
        assert "http_reqs count>5: actual 5" in done.stderr
        done = rampa(*line, "--threshold", "http_reqs{status:200}:count<5", code=1)
        assert "http_reqs{status:200}" in done.stdout
    done = rampa("check", "http://127.0.0.1:1/", "--threshold", "http_req:p(95)<1", code=1)
    assert done.stderr.startswith("error: --threshold: unknown metric 'http_req'\n") and "did you mean 'http_reqs'?" in done.stderr


def test_a_base_url_for_scripts(rampa: Rampa, script: Script) -> None:
    script(SCRIPT.replace("config = rampa.Config(", 'config = rampa.Config(options=rampa.Options(base_url="http://127.0.0.1:1"), '))
    with FaultServer([ANSWERS]) as server:
        done = rampa("run", "script.py", "--once", "--no-thresholds", env={"RAMPA_BASE_URL": server.url}, out=True, code=0)
        assert [(r.method, r.target) for r in server.requests] == [("GET", "/a?b"), ("POST", "/p")]
        assert done.result()["config"]["base_url"] == server.url
    done = rampa("run", "script.py", "--once", "--no-thresholds", "--quiet")
    assert "connection refused" in done.stderr  # what the script says


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--once", "-u", "5"], "error: --once is one iteration, and cannot stand beside -u\n"),
        (["--once", "--rate", "5/s"], "error: --once is one iteration, and cannot stand beside --rate\n"),
        (["--threshold", "http_reqs"], "error: --threshold: 'http_reqs' is not METRIC:EXPRESSION\n  as in --threshold"),
        (["--no-setup"], "error: --no-setup is for scripts; a URL is requested without one\n"),
    ],
)
def test_what_does_not_fit_is_said(rampa: Rampa, words: list[str], message: str) -> None:
    done = rampa("run", "http://127.0.0.1:1/", *words, code=3)
    assert done.stderr.startswith(message) and done.stdout == ""


ROW = re.compile(r"  +<= [\d.m]+(?:us|ms|s) +(\d+) +([\d.]+)%(?: (█+))?")


@pytest.mark.parametrize("columns", [40, 80, 132])
def test_the_histogram_has_every_request(rampa: Rampa, columns: int) -> None:
    with FaultServer([ANSWERS]) as server:
        done = rampa("run", server.url, "-n", "60", env={"COLUMNS": str(columns)}, code=0)
    part = done.stdout.split("HISTOGRAM of http_req_duration\n")[1].split("\n\n")[0].splitlines()
    rows = [ROW.fullmatch(line) for line in part]
    assert all(rows) and 1 <= len(rows) <= 24, part
    assert sum(int(row[1]) for row in rows) == 60
    assert all(bool(row[3]) == (int(row[1]) > 0) for row in rows)
    assert max(len(line) for line in part) <= columns


def test_the_histogram_of_a_script_is_wanted(rampa: Rampa, script: Script) -> None:
    script("import rampa\n@rampa.scenario\nasync def a(worker): await worker.http.get('/')\n")
    with FaultServer([ANSWERS]) as server:
        line = ["run", "script.py", "--base-url", server.url]
        assert "HISTOGRAM" not in rampa(*line, code=0).stdout
        assert "HISTOGRAM" in rampa(*line, "--histogram", code=0).stdout
