# SPDX-License-Identifier: MIT
"""The messages of a whole run in either encoding, listened to on their way."""
from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Rampa = Callable[..., "Finished"]
Script = Callable[..., Path]

# Stands in for the interpreter: starts the real one, and keeps what goes to and fro on descriptor 3.
TAP = """#!{python}
import os, socket, subprocess, sys, threading

outer = socket.socket(fileno=os.dup(3))
inner, theirs = socket.socketpair()
os.dup2(theirs.fileno(), 3)
theirs.close()
child = subprocess.Popen([{real!r}, *sys.argv[1:]], pass_fds=(3,))
os.close(3)


def relay(source, sink, name):
    with open(os.path.join({folder!r}, name), "wb") as file:
        while data := source.recv(65536):
            file.write(data)
            file.flush()
            sink.sendall(data)
    sink.shutdown(socket.SHUT_WR)


threading.Thread(target=relay, args=(outer, inner, "down"), daemon=True).start()
up = threading.Thread(target=relay, args=(inner, outer, "up"))
up.start()
code = child.wait()
up.join()
sys.exit(code)
"""

# The same, but once the worker has been told to leave, it is not read before it waits for that, and has been reminded.
REMINDING_TAP = """#!{python}
import fcntl, os, signal, socket, subprocess, sys, termios, threading, time

outer = socket.socket(fileno=os.dup(3))
inner, theirs = socket.socketpair()
os.dup2(theirs.fileno(), 3)
theirs.close()
child = subprocess.Popen([{real!r}, *sys.argv[1:]], pass_fds=(3,))
os.close(3)
reading = threading.Event()
reading.set()


def is_waiting():
    waiting = int.from_bytes(fcntl.ioctl(inner, termios.FIONREAD, bytes(4)), sys.byteorder)
    with open(f"/proc/{{child.pid}}/stat") as file:
        return waiting > 1000 and file.read().rpartition(")")[2].split()[0] == "S"


def down():
    while data := outer.recv(65536):
        is_last = b"\\xa4exit" in data
        if is_last:
            reading.clear()
        inner.sendall(data)
        if is_last:
            for _ in range(3):
                while child.poll() is None and not is_waiting():
                    time.sleep(0.01)
                child.send_signal(signal.SIGURG)
            reading.set()
    inner.shutdown(socket.SHUT_WR)


def up():
    while reading.wait() and (data := inner.recv(100)):
        outer.sendall(data)
    outer.shutdown(socket.SHUT_WR)


threading.Thread(target=down, daemon=True).start()
relay = threading.Thread(target=up)
relay.start()
relay.join()
sys.exit(child.wait())
"""

MANY_SERIES = """
import rampa


@rampa.scenario(executor="per-vu-iterations", vus=1, iterations=1)
async def a(worker):
    for n in range(5000):
        worker.counter("many", 1, tags={"n": str(n)})
"""

SCRIPT = '''
import rampa

config = rampa.Config(thresholds={{"mine": ["avg<100", "max<1"]}})


async def setup(worker):
    worker.counter("made", 3)


@rampa.scenario(executor="per-vu-iterations", vus=3, iterations=20)
async def a(worker):
    n = worker.execution.iteration
    answer = await worker.http.get("{target}/bytes/100", tags={{"odd": 'ä "quoted" \\\\ \\x01 😀'}})
    worker.check(answer, {{"it is there": lambda r: r.status == 200, "n is odd": n % 2 == 1}})
    worker.trend("mine", n * 1.1 - 7)
    worker.trend("mine", 1e-30 if n else 1e30)
    worker.gauge("same", -0.1)
    worker.rate("half", n % 2)
    if n == 7:
        raise ValueError("no ä end")


async def teardown(worker):
    worker.counter("made", 0.5)
'''


@pytest.fixture
def tap(tmp_path: Path) -> Callable[[], tuple[Path, Path]]:
    """tap() makes a new one: the program to start, and the folder where it keeps `down` and `up`."""
    count = 0

    def make() -> tuple[Path, Path]:
        nonlocal count
        count += 1
        folder = tmp_path / f"tap{count}"
        folder.mkdir()
        program = folder / "python"
        real = os.environ.get("RAMPA_PYTHON") or sys.executable
        program.write_text(TAP.format(python=sys.executable, real=real, folder=str(folder)))
        program.chmod(0o755)
        return program, folder

    return make


def frames(path: Path) -> Iterator[bytes]:
    data = path.read_bytes()
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 4 + size]
        at += 4 + size
    assert at == len(data)


def what_must_be_equal(result: dict[str, Any]) -> dict[str, Any]:
    metrics = result["summary"]["metrics"]
    whole = ("checks", "mine", "half", "same")
    timed = ("iteration_duration", "http_req_duration")
    per_second = ("iterations", "iteration_errors", "http_reqs", "made", "data_received")
    return {
        **{name: metrics[name] for name in whole},
        **{name: metrics[name]["count"] for name in (*per_second, *timed)},
        "accounting": result["accounting"],
        "thresholds": result["thresholds"],
        "errors": [{**error, "traceback": None} for error in result["errors"]["iterations"]],  # it names the VU
        "exit_code": result["run"]["exit_code"],
    }


def test_a_run_is_the_same_in_both_encodings(rampa: Rampa, script: Script, target: str, tap: Any) -> None:
    script(SCRIPT.format(target=target))
    results = {}
    for wire in ("", "msgpack", "json"):
        program, folder = tap()
        done = rampa("run", "script.py", "--python", program, env={"RAMPA_WIRE": wire}, out=True, code=2)
        results[wire] = what_must_be_equal(done.result())
        down, up = list(frames(folder / "down")), list(frames(folder / "up"))
        assert not up[0].startswith(b"{")  # hello, before anything was chosen
        if wire != "json":
            assert not any(frame.startswith(b"{") for frame in down + up)
            continue
        told = [json.loads(frame) for frame in down]
        said = [json.loads(frame) for frame in up[1:]]
        assert [message["type"] for message in told] == ["load", "plan", "setup", "start", "teardown", "exit"]
        assert {message["type"] for message in said} == {
            *("declared", "ready", "hook_ended", "define", "delta", "state", "error", "finished", "total", "bye")
        }
        assert said[0]["type"] == "declared" and said[-1]["type"] == "bye"
    assert results["json"] == results["msgpack"] == results[""]
    assert results["json"]["made"] == 3.5 and results["json"]["mine"]["max"] == 1e30


def test_the_plan_is_the_same_in_both_encodings(rampa: Rampa, script: Script, target: str, tap: Any) -> None:
    script(SCRIPT.format(target=target))
    shown = []
    for wire in ("msgpack", "json"):
        program, folder = tap()
        words = ("inspect", "script.py", "--format", "json", "--python", program)
        shown.append(rampa(*words, env={"RAMPA_WIRE": wire}, code=0).stdout)
        assert [frame.startswith(b"{") for frame in frames(folder / "down")] == [wire == "json"] * 2  # load, exit
    assert shown[0] == shown[1]


def test_another_encoding_is_a_mistake(rampa: Rampa, script: Script, target: str) -> None:
    script(SCRIPT.format(target=target))
    for command, code in (("run", 3), ("inspect", 3), ("check", 1)):
        done = rampa(command, "script.py", env={"RAMPA_WIRE": "jsom"}, code=code)
        assert "'jsom' is not an encoding; RAMPA_WIRE may be msgpack or json" in done.stderr
        assert "did you mean 'json'?" in done.stderr


def test_a_reminder_does_not_cut_a_worker_short(rampa: Rampa, script: Script, tmp_path: Path) -> None:
    program = tmp_path / "python"
    program.write_text(REMINDING_TAP.format(python=sys.executable, real=os.environ.get("RAMPA_PYTHON") or sys.executable))
    program.chmod(0o755)
    script(MANY_SERIES)
    assert rampa("run", "script.py", "--python", program, out=True, code=0).result()["summary"]["metrics"]["many"]["count"] == 5000
