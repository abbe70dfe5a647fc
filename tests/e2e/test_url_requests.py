# SPDX-License-Identifier: MIT
"""What `rampa run URL` requests: methods, headers, bodies, several URLs, lists of targets."""
from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from faultserver import ExpectRequest, FaultServer, Hang, Repeat, Send, answer

Rampa = Callable[..., "Finished"]
ANSWERS = Repeat([ExpectRequest(), Send(answer(b"ok"))])
TOKEN = "s3cret-t0ken"


@pytest.mark.parametrize(
    ("words", "method", "headers", "body"),
    [
        (["-X", "delete"], "DELETE", {}, b""),
        (["-H", "X-A: b c ", "--header=X-D:e:f"], "GET", {"x-a": "b c", "x-d": "e:f"}, b""),
        (["-H", "Host: elsewhere", "-H", "User-Agent: me"], "GET", {"host": "elsewhere", "user-agent": "me"}, b""),
        (["--body", "hello"], "POST", {"content-length": "5"}, b"hello"),
        (["-X", "PUT", "--body", "hello"], "PUT", {"content-length": "5"}, b"hello"),
        (["--body-file", "body.bin"], "POST", {"content-length": "3"}, b"\x00\xff\n"),
        (["--json", '{"a": 1}'], "POST", {"content-type": "application/json"}, b'{"a": 1}'),
        (["--json", "@body.json", "-H", "content-type: a/b"], "POST", {"content-type": "a/b"}, b"[1]\n"),
        (["-H", "@headers.txt"], "GET", {"authorization": TOKEN, "x-b": ""}, b""),
    ],
)
def test_a_request_is_what_the_line_says(
    rampa: Rampa, tmp_path: Path, words: list[str], method: str, headers: dict[str, str], body: bytes
) -> None:
    (tmp_path / "body.bin").write_bytes(b"\x00\xff\n")
    (tmp_path / "body.json").write_text("[1]\n")
    (tmp_path / "headers.txt").write_text(f"# of the test\n\nAuthorization: {TOKEN}\r\nX-B:\n")
    with FaultServer([ANSWERS]) as server:
        done = rampa("run", f"{server.url}/a", *words, "-n", "3", out=True, code=0)
    assert done.count("http_reqs") == 3 and done.metrics()["http_req_failed"]["rate"] == 0
    assert len(server.requests) == 3
    for request in server.requests:
        assert (request.method, request.target, request.body) == (method, "/a", body)
        assert {name: request.header(name) for name in headers} == headers
    assert TOKEN not in done.stdout + done.stderr + done.out.read_text()


def test_statuses_that_are_expected_are_no_failure(rampa: Rampa) -> None:
    with FaultServer([Repeat([ExpectRequest(), Send(answer(b"no", status=404))])]) as server:
        done = rampa("run", server.url, "-n", "4", "--expect-status", "200,4xx", out=True, code=0)
        assert done.metrics()["http_req_failed"]["rate"] == 0
        done = rampa("run", server.url, "-n", "4", "--expect-status", "400-403,500", out=True)
        assert done.metrics()["http_req_failed"]["rate"] == 1


def test_a_request_may_take_no_longer_than_its_timeout(rampa: Rampa) -> None:
    with FaultServer([Hang(), Hang()]) as server:
        done = rampa("run", server.url, "-n", "1", "--timeout", "100ms", out=True)
    assert done.metrics()["http_req_failed"]["rate"] == 1
    assert 90 <= done.metrics()["iteration_duration"]["min"] < 10_000


@pytest.mark.parametrize("workers", ["1", "2"])
def test_several_urls_have_their_turns(rampa: Rampa, workers: str) -> None:
    with FaultServer([ANSWERS]) as one, FaultServer([ANSWERS]) as two:
        urls = [f"{one.url}/a", f"{two.url}/b", f"{one.url}/c"]
        done = rampa("run", *urls, "-n", "30", "-c", "4", "--workers", workers, out=True, code=0)
    assert Counter(request.target for request in one.requests) == {"/a": 10, "/c": 10}
    assert Counter(request.target for request in two.requests) == {"/b": 10}
    assert f"{urls[0]} and 2 more" in done.stdout.splitlines()[0]
    assert done.result()["config"]["script"] == f"{urls[0]} and 2 more"


TARGETS = """\
# two kinds
GET {url}/items?page=1 weight=3 name=the items
Accept: text/html

POST {url}/items
Content-Type: application/json
Authorization: Bearer s3cret-t0ken
| {{"a": 1,
|  "b": 2}}
{url}/plain
"""


@pytest.mark.parametrize("source", ["file", "stdin"])
def test_a_list_of_targets(rampa: Rampa, program: Path, tmp_path: Path, source: str) -> None:
    with FaultServer([ANSWERS]) as server:
        text = TARGETS.format(url=server.url)
        (tmp_path / "targets.txt").write_text(text)
        line = [str(program), "run", "--targets", "targets.txt" if source == "file" else "-"]
        line += ["-n", "50", "-H", "Accept: */*", "-H", "X-All: 1", "--out", "r.json"]
        done = subprocess.run(line, cwd=tmp_path, input=text, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert Counter((r.method, r.target) for r in server.requests) == {
        ("GET", "/items?page=1"): 30,
        ("POST", "/items"): 10,
        ("GET", "/plain"): 10,
    }
    posts = [request for request in server.requests if request.method == "POST"]
    assert {request.body for request in posts} == {b'{"a": 1,\n "b": 2}'}
    assert {request.header("authorization") for request in posts} == {"Bearer s3cret-t0ken"}
    assert {r.header("accept") for r in server.requests if r.target == "/items?page=1"} == {"text/html"}
    assert {r.header("x-all") for r in server.requests} == {"1"}
    name = "targets.txt" if source == "file" else "stdin"
    assert f"  {name}  ran " in done.stdout.splitlines()[0]
    assert TOKEN not in done.stdout + done.stderr + (tmp_path / "r.json").read_text()


def test_relative_targets_have_a_base(rampa: Rampa, tmp_path: Path) -> None:
    (tmp_path / "targets.txt").write_text("/a\nPUT /b?c\n")
    with FaultServer([ANSWERS]) as server:
        rampa("run", "--targets", "targets.txt", "--base-url", f"{server.url}/x", "-n", "2", code=0)
        rampa("run", "/d", "/e", "--base-url", server.url, "-n", "2", code=0)
    assert sorted((r.method, r.target) for r in server.requests) == [
        ("GET", "/a"), ("GET", "/d"), ("GET", "/e"), ("PUT", "/b?c"),
    ]  # fmt: skip


def test_a_password_in_a_url_is_sent_and_not_shown(program: Path, tmp_path: Path) -> None:
    with FaultServer([Hang()]) as server:
        url = server.url.replace("://", f"://user:{TOKEN}@") + "/a"
        run = subprocess.Popen([str(program), "run", url, "--out", "r.json"], cwd=tmp_path, stdout=subprocess.PIPE)
        try:
            server.wait_for_connections(1)
            assert TOKEN.encode() not in Path(f"/proc/{run.pid}/cmdline").read_bytes()
            run.send_signal(signal.SIGINT)
            text, _ = run.communicate(timeout=60)
        finally:
            run.kill()
            run.wait()
    credentials = base64.b64encode(f"user:{TOKEN}".encode())
    assert any(credentials in bytes(connection.received) for connection in server.connections)
    assert TOKEN not in text.decode() + (tmp_path / "r.json").read_text()
    for words in (["run", "--base-url", url, "/a"], ["inspect", url.upper()], [url, "run"], ["run", "a.py", url]):
        done = subprocess.run([str(program), *words], cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert bool(done.returncode) == (words[0] != "inspect") and TOKEN.upper() not in (done.stdout + done.stderr).upper()


def test_header_values_are_hidden_from_other_users(program: Path, tmp_path: Path) -> None:
    """What stands in /proc/PID/cmdline, of the program and of its worker, while a run goes on."""
    with FaultServer([Hang()]) as server:
        line = [str(program), "run", server.url, "-HX-Token: " + TOKEN, "--header", f"Cookie:{TOKEN}", "-d", "1h"]
        run = subprocess.Popen(line, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            server.wait_for_connections(1)
            shown = [Path(f"/proc/{run.pid}/cmdline").read_bytes()]
            for child in Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split():
                shown += [Path(f"/proc/{child}/{name}").read_bytes() for name in ("cmdline", "environ")]
            assert len(shown) == 3
            assert b"X-Token:" in shown[0]
            assert not any(TOKEN.encode() in text for text in shown)
        finally:
            run.kill()
            run.wait()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["http://127.0.0.1/", "--targets", "a"], "error: --targets cannot stand beside a URL\n"),
        (["--targets", "nowhere"], "error: --targets: nowhere cannot be read: No such file or directory\n"),
        (["--targets", "http://u:secret@h/"], "error: --targets: http://***@h/ cannot be read: No such file or directory\n"),
        (["--targets", "empty"], "error: empty: has no request\n"),
        (["--targets", "bad"], "error: bad:3: behind the URL only weight=NUMBER and name=TEXT may stand\n"),
        (["--targets", "relative"], "error: relative:2: "),
        (["--targets", "header"], "error: header:1: "),
        (["--targets", "ftp"], "error: ftp:1: "),
        (["http://127.0.0.1/", "http://127.0.0.1:99999/"], "error: "),
        (["http://127.0.0.1/", "-H", "A b: c"], "error: "),
        (["http://127.0.0.1/", "-H", "@nowhere"], "error: -H: nowhere cannot be read: No such file or directory\n"),
        (["http://127.0.0.1/", "-H", "@fields"], "error: fields:2: a header field is NAME: VALUE\n"),
        (["http://127.0.0.1/", "-X", "GE T"], "error: 'GE T' is no HTTP method\n"),
        (["http://127.0.0.1/", "--json", "{a}"], "error: --json: what is to be sent is not JSON; the mistake is at byte "),
        (["http://127.0.0.1/", "--body", "a", "--json", "1"], "error: a request has one body: "),
        (["http://127.0.0.1/", "--timeout", "0s"], "error: --timeout: it must be more than 0s\n"),
        (["a.py", "-H", "A: b"], "error: -H is for URLs; a script says itself what it requests\n"),
    ],
)
def test_what_cannot_be_requested_is_said(rampa: Rampa, tmp_path: Path, words: list[str], message: str) -> None:
    (tmp_path / "a.py").write_text("import rampa\n@rampa.scenario\nasync def a(worker): pass\n")
    (tmp_path / "empty").write_text("# nothing\n")
    (tmp_path / "bad").write_text(f"# a\n\nGET http://127.0.0.1/ {TOKEN}\n")
    (tmp_path / "fields").write_text(f"A: b\nAuthorization {TOKEN}\n")
    (tmp_path / "relative").write_text("http://127.0.0.1/\nGET /a\n")
    (tmp_path / "header").write_text(f"http://127.0.0.1/\nA: {TOKEN}\x00\n")
    (tmp_path / "ftp").write_text("ftp://127.0.0.1/\n")
    done = rampa("run", *words, code=3)
    assert done.stderr.startswith(message) and done.stdout == ""
    assert TOKEN not in done.stderr


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("localhost:8080/", "http://localhost:8080/"),
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http:/host/", "http://host/"),
    ],
)
def test_an_address_without_a_scheme_is_told_what_to_write(rampa: Rampa, word: str, meant: str) -> None:
    assert rampa("run", word, code=3).stderr == f"error: {word}: no such file\n  did you mean '{meant}'?\n"


def test_a_script_does_not_come_from_stdin(rampa: Rampa) -> None:
    assert rampa("run", "-", code=3).stderr.startswith("error: a script is not read from the standard input\n  write it")


def test_check_and_inspect_take_what_run_takes(rampa: Rampa, tmp_path: Path) -> None:
    (tmp_path / "targets.txt").write_text("http://127.0.0.1:1/\nAuthorization: " + TOKEN)
    done = rampa("check", "--targets", "targets.txt", "-n", "5", code=0)
    assert "scenarios: 1 found\n" in done.stdout and done.stdout.endswith("\nstatus: valid\n")
    done = rampa("inspect", "--targets", "targets.txt", "-n", "5", "--format", "json", code=0)
    assert json.loads(done.stdout)["script"] == "targets.txt"
    assert TOKEN not in done.stdout


def test_a_million_bytes_of_requests_reach_the_worker(rampa: Rampa, tmp_path: Path) -> None:
    body = os.urandom(1 << 20)
    (tmp_path / "body").write_bytes(body)
    with FaultServer([ANSWERS]) as server:
        rampa("run", server.url, "--body-file", "body", "-n", "1", env={"RAMPA_WIRE": "json"}, code=0)
    assert [request.body for request in server.requests] == [body]


def test_what_cannot_be_meant(rampa: Rampa, tmp_path: Path) -> None:
    """Each was taken for something else, or left out without a word."""
    list_of_targets = tmp_path / "targets.txt"

    def told(text: str) -> str:
        list_of_targets.write_text(text)
        return rampa("check", "--targets", list_of_targets, code=1).stderr

    assert "targets.txt:2: the URL has no scheme" in told("GET http://127.0.0.1:1/\nlocalhost:8080/items\n")
    weights = "".join(f"GET http://127.0.0.1:1/ weight={weight}\n" for weight in range(9001, 9301))
    assert "more than 1000000 turns" in told(weights)
    secret = rampa("check", "http://127.0.0.1:1/", "--json", '{"password": secret}', code=1).stderr
    assert "the mistake is at byte" in secret and "secret" not in secret
    script = tmp_path / "script.py"
    script.write_text("")
    assert "unexpected argument" in rampa("run", script, tmp_path / "other.py", code=3).stderr


def test_a_folder_is_a_path_of_the_server(rampa: Rampa, target: str) -> None:
    rampa("run", "/", "--base-url", target, code=0)
