# SPDX-License-Identifier: MIT
"""Requests that are under way when their iterations are interrupted: a server that locks up must show."""
from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Finished

Rampa = Callable[..., Finished]
Script = Callable[..., Path]

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class LockingUp:
    """Answers so many requests in all, then never again; its connections stay open."""

    def __init__(self, answers: int) -> None:
        self.left = answers
        self.unanswered = 0
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while not self.over.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection: socket.socket) -> None:
        got = b""
        with connection, contextlib.suppress(ConnectionError):
            while more := connection.recv(65536):
                got += more
                while b"\r\n\r\n" in got:
                    got = got.partition(b"\r\n\r\n")[2]
                    with self.lock:
                        answers = self.left > 0
                        self.left -= 1
                        self.unanswered += not answers
                    if answers:
                        connection.sendall(ANSWER)

    def close(self) -> None:
        self.over.set()
        self.listener.close()


@pytest.fixture
def locking_up() -> Iterator[Callable[[int], LockingUp]]:
    servers: list[LockingUp] = []

    def make(answers: int) -> LockingUp:
        servers.append(LockingUp(answers))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


SCRIPT = """
import rampa

config = rampa.Config(thresholds={
    "http_req_failed": ["rate<0.01"],
    "http_req_failed{scenario:hangs,name:/x}": ["rate<0.01"],
    "http_req_failed{name:/other}": ["rate<0.01"],
    "http_req_duration": ["max<1000"],
    "http_reqs{error_code:1904}": ["count<1"],
})

@rampa.scenario(executor="constant-vus", vus=4, duration="1500ms", graceful_stop="0s")
async def hangs(worker):
    await worker.http.get(worker.env["URL"] + "/", name="/x")
"""


def kinds(result: dict[str, Any]) -> dict[str, int]:
    """How many requests have failed, by the code."""
    return {row["error_code"]: row["count"] for row in result["errors"]["requests"]}


def check_books(done: Finished, server: LockingUp, answered: int, failed: int) -> dict[str, Any]:
    """Every request is in the numbers, and those that waited too long are failures of that length."""
    metrics = done.metrics()
    assert server.unanswered == failed
    assert metrics["http_reqs"]["count"] == answered + failed
    assert metrics["http_req_duration"]["count"] == answered + failed
    assert metrics["interrupted_iterations"]["count"] == failed
    assert kinds(done.result()) == {"1904": failed}
    (warning,) = (w["text"] for w in done.result()["warnings"] if "1904" in w["text"])
    assert f"{failed} requests were still under way when their iterations were interrupted" in warning
    assert f"{failed} had waited longer than 1.00s and count as failed with that time" in warning
    return metrics


@pytest.mark.parametrize("loop", ["io_uring", "epoll"])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_server_that_locks_up(
    rampa: Rampa, script: Script, locking_up: Callable[[int], LockingUp], workers: int, loop: str
) -> None:
    server = locking_up(20)
    options = ["--workers", str(workers), "--env", f"URL={server.url}"]
    done = rampa("run", script(SCRIPT), *options, out=True, code=1, env={"RAMPA_LOOP": loop})
    metrics = check_books(done, server, 20, 4)
    assert 1000 < metrics["http_req_duration"]["max"] < 60_000
    assert metrics["http_req_waiting"]["max"] > 1000
    verdicts = {row["metric"]: row["passed"] for row in done.result()["thresholds"]}
    assert verdicts == {
        "http_req_failed": False,
        "http_req_failed{name:/x,scenario:hangs}": False,
        "http_req_failed{name:/other}": False,  # it has no samples
        "http_req_duration": False,
        "http_reqs{error_code:1904}": False,
    }
    assert "4 x still under way at the end (1904)  GET /x" in done.stdout


def test_without_a_script(program: Path, tmp_path: Path, locking_up: Callable[[int], LockingUp]) -> None:
    """Interrupted by the first signal, which leaves iterations ten seconds."""
    server = locking_up(10)
    out = tmp_path / "result.json"
    words = [str(program), "run", server.url + "/", "--vus", "3", "--duration", "1h", "--out", str(out)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while server.unanswered < 3 and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=100)
    check_books(Finished(process.returncode, stdout, stderr, out), server, 10, 3)


RAMPING = """
import rampa

config = rampa.Config(thresholds={"http_req_failed": ["rate<0.01"]})

@rampa.scenario(executor="ramping-vus", start_vus=2, graceful_ramp_down="1500ms",
                stages=[{"duration": "100ms", "target": 2}, {"duration": "0s", "target": 0},
                        {"duration": "3s", "target": 0}])
async def ramps(worker):
    await worker.http.get(worker.env["URL"] + "/")

@rampa.scenario(executor="per-vu-iterations", vus=1, iterations=1, start_time="2s")
async def later(worker):
    await worker.sleep(0.5)
"""


def test_a_ramp_down(rampa: Rampa, script: Script, locking_up: Callable[[int], LockingUp]) -> None:
    server = locking_up(10)
    done = rampa("run", script(RAMPING), "--env", f"URL={server.url}", out=True, code=1)
    check_books(done, server, 10, 2)


YOUNG = """
import rampa

config = rampa.Config(thresholds={"http_req_failed": ["rate<0.01"], "http_req_duration": ["max<900"]})

asked = 0

@rampa.scenario(executor="constant-vus", vus=2, duration="60s", graceful_stop="0s")
async def hangs(worker):
    global asked
    asked += 1
    await worker.http.get(worker.env["URL"] + "/")

@rampa.scenario(executor="per-vu-iterations", vus=1, iterations=1)
async def ends(worker):
    while asked < 12:
        await worker.sleep(0.01)
    await worker.sleep(0.05)
    worker.abort()
"""


def test_one_that_was_only_cut_off(rampa: Rampa, script: Script, locking_up: Callable[[int], LockingUp]) -> None:
    """An abort after a moment: whether those requests would have been answered is not known."""
    server = locking_up(10)
    done = rampa("run", script(YOUNG), "--env", f"URL={server.url}", out=True, code=4)
    metrics = done.metrics()
    assert server.unanswered == 2
    assert metrics["http_reqs"]["count"] == 12
    assert metrics["http_req_duration"]["count"] == 10
    assert kinds(done.result()) == {}
    assert all(row["passed"] for row in done.result()["thresholds"])
    (warning,) = (w["text"] for w in done.result()["warnings"] if "1904" in w["text"])
    assert "none had waited longer than 1.00s, so they count in http_reqs only" in warning
