# SPDX-License-Identifier: MIT
"""When an answer came, as the kernel tells it, whatever the generator does meanwhile.

The server is a thread of the test and reads the same clock as rampa: all comparisons are between times that were taken in
this order, on a machine as slow as it may be.
"""
from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Rampa = Callable[..., "Finished"]
Script = Callable[..., Path]

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
AWAY_NS = 50_000_000
LOOPS = ["epoll", "io_uring"]


class Server:
    """Answers `/` at once, and the next request when the script has called at the side door: it blocks since then, until it
    hears back."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.door = socket.create_server(("127.0.0.1", 0))
        self.answered: list[int] = []  # when an answer had been given to the kernel, which received it before
        self.released: list[int] = []  # when the script was told to go on
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        sock, _ = self.listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while head := sock.recv(65536):
            if head.startswith(b"GET / "):
                sock.sendall(ANSWER)
                continue
            caller, _ = self.door.accept()
            caller.recv(1)
            sock.sendall(ANSWER)
            self.answered.append(time.monotonic_ns())
            while time.monotonic_ns() < self.answered[-1] + AWAY_NS:
                time.sleep(0.001)
            self.released.append(time.monotonic_ns())
            caller.sendall(b"x")
            caller.close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.listener.close()
    server.door.close()


SCRIPT = """
import asyncio, json, socket, time
import rampa

@rampa.scenario(executor="per-vu-iterations", vus=1, iterations=1)
async def go(worker):
    await worker.http.get("http://127.0.0.1:{port}/")
    for _ in range(5):
        began = time.monotonic_ns()
        request = asyncio.create_task(worker.http.get("http://127.0.0.1:{port}/slow"))
        await worker.sleep(0.02)  # it is sent
        with socket.create_connection(("127.0.0.1", {door})) as door:  # nothing else runs here
            door.sendall(b"x")
            door.recv(1)
        response = await request
        took = time.monotonic_ns() - began
        print(json.dumps({{"began": began, "took": took, "duration": response.timings.duration, "status": response.status}}))
"""


def durations(rampa: Rampa, script: Script, server: Server, loop: str, *options: str) -> tuple[Any, list[dict[str, Any]]]:
    script(SCRIPT.format(port=server.listener.getsockname()[1], door=server.door.getsockname()[1]))
    done = rampa("run", "script.py", *options, env={"RAMPA_LOOP": loop}, out=True, code=0)
    requests = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [request["status"] for request in requests] == [200] * 5
    assert len(server.answered) == len(server.released) == 5
    for request in requests:
        request["duration"] *= 1e6
        assert 0 < request["duration"] <= request["took"]
    return done, requests


@pytest.mark.parametrize("loop", LOOPS)
def test_a_script_that_blocks_makes_no_answer_slow(rampa: Rampa, script: Script, server: Server, loop: str) -> None:
    done, requests = durations(rampa, script, server, loop)
    for request, answered in zip(requests, server.answered):
        assert request["duration"] <= answered - request["began"]
    delay = done.metrics()["receive_delay"]
    assert delay["count"] == 6 and delay["max"] >= AWAY_NS / 1e6
    assert done.result()["config"]["no_kernel_timestamps"] is False


@pytest.mark.parametrize("loop", LOOPS)
def test_without_stamps_it_is_the_look_that_counts(rampa: Rampa, script: Script, server: Server, loop: str) -> None:
    done, requests = durations(rampa, script, server, loop, "--no-kernel-timestamps")
    for request in requests:
        assert request["duration"] >= AWAY_NS
    assert "receive_delay" not in done.metrics()
    assert done.result()["config"]["no_kernel_timestamps"] is True


def test_a_script_can_do_without_them(rampa: Rampa, script: Script) -> None:
    script(
        "import rampa\nconfig = rampa.Config(options=rampa.Options(no_kernel_timestamps=True))\n"
        '@rampa.scenario(executor="shared-iterations", vus=1, iterations=1)\nasync def a(worker): pass\n'
    )
    shown = json.loads(rampa("inspect", "script.py", "--format", "json", code=0).stdout)
    assert shown["no_kernel_timestamps"] is True
    script(
        'import rampa\nconfig = rampa.Config(options={"no_kernel_timestamps": 1})\n'
        '@rampa.scenario(executor="shared-iterations", vus=1, iterations=1)\nasync def a(worker): pass\n'
    )
    assert "no_kernel_timestamps must be true or false, not 1" in rampa("check", "script.py", code=1).stderr
