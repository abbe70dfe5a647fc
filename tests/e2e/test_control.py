# SPDX-License-Identifier: MIT
"""rampa run --serve, and the commands that speak to such a run."""
from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from controlled import SECONDS, Control
from finished import Finished
from started import Started

ENDLESS = """
import asyncio, rampa
config = rampa.Config(options=rampa.Options(vus=2, duration="10m"), thresholds={"iterations": ["count>=0"]})
async def default(worker):
    await asyncio.sleep(0.01)
"""

# teardown() waits until somebody opens the pipe.
HELD = """
import asyncio, rampa
config = rampa.Config(options=rampa.Options(iterations=5), thresholds={"iterations": ["count>100"]})
async def default(worker):
    await asyncio.sleep(0.01)
async def teardown(worker):
    print("teardown", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, lambda: open("gate").read())
"""


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the sockets are: the path of a test's folder is too long for one."""
    path = Path(tempfile.mkdtemp(prefix="rampa-", dir="/tmp"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(path))
    yield path / "rampa"
    shutil.rmtree(path)


Serve = Callable[..., "tuple[Started, Control]"]


@pytest.fixture
def serve(start: Callable[..., Started]) -> Serve:
    """serve(TEXT, *OPTIONS) starts a run with --serve, or the option of this kind that is given."""

    def run(text: str, *options: str) -> tuple[Started, Control]:
        is_given = any(option.startswith("--serve") for option in options)
        started = start(text, *options, *([] if is_given else ["--serve"]))
        path = started.wait_for("control: socket ")[2]
        address = None
        if is_given and options[0] != "--serve":
            address = started.wait_for("control: http://")[1].split("/")[2]
        return started, Control(path, address)

    return run


def wait_for_event(events: Iterator[tuple[int, str, dict[str, Any]]], kind: str) -> dict[str, Any]:
    for _, name, line in events:
        assert name == line["type"]
        if name == kind:
            return line
    raise AssertionError(f"the stream has ended without {kind}")


def open_gate(tmp_path: Path) -> None:
    (tmp_path / "gate").write_text("go")


def test_a_run_is_watched_and_steered(serve: Serve, folder: Path, tmp_path: Path) -> None:
    started, control = serve(ENDLESS, "--serve", "--event-log", "events.ndjson")
    events = control.events(after=0)
    first = next(events)
    assert first[0] == 1 and first[1] == "PhaseEvent" and first[2]["detail"] == "loading"
    wait_for_event(events, "LiveThresholdEvent")
    status = control.get("/v1/status")
    assert status["status"] == "running" and status["phase"] == "running" and status["script"] == "script.py"
    assert status["duration_s"] == 600 and 0 <= status["elapsed_s"] < 600 and not status["generator"]["limited"]
    (scenario,) = status["scenarios"]
    assert (scenario["name"], scenario["executor"], scenario["state"]) == ("default", "constant-vus", "running")
    thresholds = control.get("/v1/thresholds")
    assert thresholds["status"] == "running"
    (threshold,) = thresholds["thresholds"]
    assert (threshold["source"], threshold["passed"], threshold["rhs"]) == ("count>=0", True, 0)
    run_id = status["run_id"]
    assert control.post("/v1/pause") == {"run_id": run_id, "status": "paused"}
    wait_for_event(events, "PauseEvent")
    assert control.post("/v1/pause", {})["status"] == "paused"
    assert control.get("/v1/status")["status"] == "paused"
    assert control.post("/v1/resume")["status"] == "running"
    wait_for_event(events, "ResumeEvent")
    assert control.post("/v1/resume")["status"] == "running"
    assert control.post("/v1/stop", {"reason": "enough\x1b[31m"}) == {"run_id": run_id, "status": "stopping"}
    wait_for_event(events, "FinishedEvent")
    assert json.loads(started.out.read_text())["run"]["id"] == run_id  # it is written by now
    assert list(events) == []
    assert started.end() == 4
    assert started.result()["run"]["reason"] == "stopped by control: enough\x1b[31m"
    assert b"\x1b" not in started.text and b"stopped by control: enough" in started.text
    assert os.listdir(folder) == []
    for written in (started.text, started.out.read_bytes(), (tmp_path / "events.ndjson").read_bytes()):
        assert control.token.encode() not in written


def test_the_numbers_are_those_of_the_result(serve: Serve, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    started, control = serve(HELD)
    started.wait_for("teardown")
    live = control.get("/v1/metrics")
    one = control.get("/v1/metrics?name=iterations")
    late, refusal = control.ask("POST", "/v1/pause")
    events = control.events(after=0)
    open_gate(tmp_path)
    lines = {name: line for _, name, line in events}  # the last one of each type
    assert started.end() == 1
    metrics = started.result()["summary"]["metrics"]
    assert (late, refusal["error"]) == (409, "the iterations of the run are over")
    assert one["metrics"] == {"iterations": live["metrics"]["iterations"]}
    assert live["metrics"]["http_reqs"] == {"count": 0, "rate": 0}
    assert live["metrics"]["iterations"]["count"] == 5
    for name, numbers in lines["SnapshotEvent"]["snapshot"]["values"].items():
        for key in numbers.keys() & metrics.get(name, {}).keys() - {"rate"}:
            assert numbers[key] == pytest.approx(metrics[name][key], rel=1e-12), (name, key)
            if name.startswith("iteration"):  # nothing else is measured any more in teardown
                assert live["metrics"][name][key] == numbers[key], (name, key)
    assert "iteration_duration" in metrics
    assert not lines["ThresholdEvent"]["results"][0]["passed"]


def test_the_load_is_adjusted(serve: Serve, rampa: Callable[..., Finished]) -> None:
    started, control = serve(
        """
import asyncio, rampa
@rampa.scenario(executor="constant-vus", vus=5, duration="10m")
async def browse(worker):
    await asyncio.sleep(0.01)
@rampa.scenario(executor="constant-arrival-rate", rate=600, time_unit="1m", duration="10m", max_vus=5)
async def buy(worker):
    pass
@rampa.scenario(executor="shared-iterations", iterations=1)
async def once(worker):
    pass
"""
    )
    events = control.events(after=0)
    wait_for_event(events, "SnapshotEvent")

    def adjusted() -> tuple[str, str, float, bool]:
        line = wait_for_event(events, "AdjustEvent")
        return line["scenario"], line["what"], line["value"], line["hold"]

    run_id = control.get("/v1/status")["run_id"]
    told = control.post("/v1/adjust", {"scenario": "browse", "vus": 2})
    assert told == {"run_id": run_id, "status": "running", "scenario": "browse", "vus": 2, "hold": False}
    assert adjusted() == ("browse", "vus", 2, False)
    told = control.post("/v1/adjust", {"scenario": "buy", "rate": "20/s", "hold": True})
    assert told == {"run_id": run_id, "status": "running", "scenario": "buy", "rate": 20, "hold": True}
    assert adjusted() == ("buy", "rate", 1200, True)
    assert rampa("adjust", "--scenario", "buy", "--rate", "300", code=0).stdout == f"run {run_id}: running, buy: 5 iterations/s\n"
    assert adjusted() == ("buy", "rate", 300, False)
    told = json.loads(rampa("adjust", "--scenario", "browse", "--vus", "1", "--format", "json", code=0).stdout)
    assert told == {"run_id": run_id, "status": "running", "scenario": "browse", "vus": 1, "hold": False}
    assert adjusted() == ("browse", "vus", 1, False)
    shown = rampa("adjust", "--scenario", "browse", "--vus", "0", "--hold", code=0).stdout
    assert shown == f"run {run_id}: running, browse: 0 VUs to the end\n"
    assert adjusted() == ("browse", "vus", 0, True)
    assert "adjust needs either --vus or --rate" in rampa("adjust", code=3).stderr
    assert "a scenario must be named" in rampa("adjust", "--vus", "1", code=1).stderr
    for body, word in (
        ({"scenario": "browse", "vus": 6}, "from 0 to 5"),
        ({"scenario": "browse", "vus": -1}, "from 0 to 5"),
        ({"scenario": "browse", "vus": 1.5}, "whole number"),
        ({"scenario": "browse", "rate": "1/s"}, "no rate"),
        ({"scenario": "buy", "rate": "fast"}, "not a number"),
        ({"scenario": "buy", "rate": 5}, "must be a text"),
        ({"scenario": "once", "vus": 1}, "cannot be adjusted"),
        ({"scenario": "nobody", "vus": 1}, "no scenario 'nobody'"),
        ({"scenario": 1, "vus": 1}, "name of a scenario"),
        ({"scenario": "browse", "vus": 1, "hold": "yes"}, "true or false"),
        ({"scenario": "browse", "vus": 1, "rate": "1/s"}, "either"),
        ({}, "either"),
        ({"VUs": 1}, "the body may have"),
    ):
        status, answer = control.ask("POST", "/v1/adjust", body)
        assert status == 400 and word in answer["error"], answer
    assert "0 VUs let" in control.ask("POST", "/v1/adjust", {"scenario": "browse", "vus": -1})[1]["hint"]
    control.post("/v1/stop")
    status, answer = control.ask("POST", "/v1/adjust", {"scenario": "browse", "vus": 1})
    assert status == 409 and answer["hint"] == "start another run with the load that is wanted"
    assert started.end() == 4
    assert len(started.result()["run"]["adjustments"]) == 5


def test_commands(serve: Serve, rampa: Callable[..., Finished], tmp_path: Path) -> None:
    none = rampa("status", code=3)
    assert "there is no run that can be steered" in none.stderr
    first, control = serve(ENDLESS)
    wait_for_event(control.events(after=0), "SnapshotEvent")
    shown = rampa("status", code=0).stdout
    run_id = control.get("/v1/status")["run_id"]
    assert f"run       {run_id}\n" in shown and "status    running\n" in shown and "constant-vus" in shown
    status = json.loads(rampa("status", run_id[:8], "--format", "json", code=0).stdout)
    assert status["run_id"] == run_id and status["status"] == "running"
    assert rampa("pause", code=0).stdout == f"run {run_id}: paused\n"
    assert json.loads(rampa("resume", "--format", "json", code=0).stdout) == {"run_id": run_id, "status": "running"}
    assert "there is no run 'x'" in rampa("stop", "x", code=3).stderr
    os.mkfifo(tmp_path / "gate")
    second, other = serve(HELD)
    several = rampa("stop", code=3).stderr
    assert "several runs can be steered" in several and re.search(rf"^ *{run_id}\b", several, re.M)
    until = time.monotonic() + SECONDS  # it is described when it answers within a second, which a busy machine may not let it
    while not re.search(rf"^ *{run_id}  script\.py, [0-9.]+s, (starting|running)$", several, re.M):
        assert time.monotonic() < until, several
        several = rampa("stop", code=3).stderr
    second.process.send_signal(signal.SIGSTOP)  # one that hangs is listed too, after a second
    assert re.search(r"^ *[0-9a-f-]{36}$", rampa("stop", code=3).stderr, re.M)
    second.process.send_signal(signal.SIGCONT)
    second.wait_for("teardown")
    other_id = other.get("/v1/status")["run_id"]
    assert "the iterations of the run are over" in rampa("pause", other_id, code=1).stderr
    open_gate(tmp_path)
    assert second.end() == 1
    assert rampa("stop", "--reason", "seen enough", code=0).stdout == f"run {run_id}: stopping\n"
    assert first.end() == 4
    assert b"stopped by control: seen enough" in first.text


def test_who_may_speak(serve: Serve) -> None:
    started, control = serve(ENDLESS, "--serve=127.0.0.1:0")
    assert control.address
    port = control.address.split(":")[1]
    unix = Control(control.path)
    assert control.get("/v1/status")["run_id"] == unix.get("/v1/status")["run_id"]

    def refused(status: int, word: str, method: str = "GET", path: str = "/v1/status", **more: Any) -> None:
        for one in (control, unix):
            answered, answer = one.ask(method, path, **more)
            assert answered == status and word in answer["error"] and answer["hint"], answer

    refused(401, "a token is needed", token="")
    refused(401, "wrong", token="0" * 64)
    refused(403, "other origins", headers={"Origin": "http://evil.example"})
    refused(403, "other origins", headers={"Origin": "null"}, token="")
    assert control.ask("GET", "/v1/status", headers={"Host": f"evil.example:{port}"})[0] == 403
    assert control.ask("GET", "/v1/status", headers={"Host": f"localhost:{port}"})[0] == 200
    assert control.ask("GET", "/v1/status", headers={"Origin": f"http://{control.address}"})[0] == 200
    page = control.post("/v1/browser")["address"].split("/")[2]  # a host of its own, so that no other port gets its cookie
    assert re.fullmatch(rf"rampa-[0-9a-f]{{16}}\.localhost:{port}", page)
    assert control.ask("GET", "/v1/status", headers={"Host": page, "Origin": f"http://{page}"})[0] == 200
    assert control.ask("GET", "/v1/status", headers={"Host": f"rampa-0.localhost:{port}"})[0] == 403
    refused(404, "no such resource", path="/v1/nothing")
    refused(404, "no metric", path="/v1/metrics?name=nothing")
    refused(405, "another method", path="/v1/stop")
    refused(405, "another method", method="POST")
    refused(413, "too large", method="POST", path="/v1/stop", body=b" " * 16385)
    refused(400, "no JSON object", method="POST", path="/v1/stop", body=b"[]")
    refused(400, "no JSON object", method="POST", path="/v1/stop", body=b'{"reason": "\xff"}')
    refused(400, "nothing else", method="POST", path="/v1/stop", body={"why": "enough"})
    refused(400, "nothing else", method="POST", path="/v1/stop", body={"reason": 1})
    refused(400, "takes no body", method="POST", path="/v1/pause", body={"reason": "x"})
    refused(400, "number of an event", path="/v1/events", headers={"Last-Event-ID": "-1"})
    codes = [control.ask("GET", "/v1/status", token="f" * 64)[0] for _ in range(60)]
    assert codes[:10] == [401] * 10 and 429 in codes
    assert control.get("/v1/status")["status"] in ("starting", "running")
    control.post("/v1/stop")
    assert started.end() == 4


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--serve=127.0.0.1", "is not HOST:PORT"),
        ("--serve=0.0.0.0:0", "can be reached from other machines"),
    ],
)
def test_addresses_that_are_refused(option: str, words: str, script: Callable[..., Path], rampa: Callable[..., Finished]) -> None:
    done = rampa("run", script(ENDLESS), option, code=3)
    assert words in done.stderr and "control:" not in done.stderr


def test_places_that_are_refused(folder: Path, script: Callable[..., Path], rampa: Callable[..., Finished]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = rampa("run", script(ENDLESS), f"--serve=127.0.0.1:{taken.getsockname()[1]}", code=3)
    assert "Address already in use" in done.stderr and "choose another port" in done.stderr
    folder.mkdir(mode=0o700)
    folder.chmod(0o755)
    assert "other users may enter it" in rampa("run", script(ENDLESS), "--serve", code=3).stderr
    assert "other users may enter it" in rampa("status", code=3).stderr


def test_what_a_killed_run_has_left(serve: Serve, folder: Path, rampa: Callable[..., Finished]) -> None:
    started, control = serve(ENDLESS)
    assert stat.S_IMODE(os.stat(control.path + ".token").st_mode) == 0o600
    wait_for_event(control.events(after=0), "SnapshotEvent")
    started.signal(signal.SIGKILL)
    assert started.end() == -signal.SIGKILL
    assert len(os.listdir(folder)) == 2
    assert "there is no run that can be steered" in rampa("status", code=3).stderr
    second, other = serve(ENDLESS)
    assert sorted(os.listdir(folder)) == sorted(os.path.basename(other.path) + end for end in ("", ".token"))
    assert second.process.poll() is None
    subprocess.run(
        ["curl", "-sS", "--fail", "--unix-socket", other.path, "-H", f"Authorization: Bearer {other.token}"]
        + ["-X", "POST", "http://localhost/v1/stop"],
        check=True,
        capture_output=True,
    )
    assert second.end() == 4


def test_pages_that_are_refused_keep_no_place(serve: Serve) -> None:
    started, control = serve(ENDLESS, "--serve=127.0.0.1:0")
    assert control.address
    host, port = control.address.split(":")
    question = f"GET /v1/events HTTP/1.1\r\nHost: {control.address}\r\nAuthorization: Bearer {control.token}\r\n\r\n"
    clients = []
    for _ in range(400):  # more than the 100 streams and the 200 connections
        clients.append(socket.create_connection((host, int(port)), timeout=20))  # less than the 30 s after which idle ones go
        clients[-1].sendall(question.encode())
    answers = [client.recv(65536) for client in clients]  # none is closed here
    codes = [int(answer.split(b" ")[1]) for answer in answers]
    assert codes.count(200) == 100 and codes.count(503) == 300
    for client, code in zip(clients, codes):
        while code == 503 and client.recv(65536):
            pass
    assert control.get("/v1/status")["status"] == "running"
    for client in clients:
        client.close()
    assert control.post("/v1/stop")["status"] == "stopping"
    assert started.end() == 4
