# SPDX-License-Identifier: MIT
"""A worker that stood still takes what has arrived before it looks at its clock: late looking is not the server's fault."""
from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import Finished

VUS = 1050
TIMEOUT = 3  # seconds

SCRIPT = f"""
import asyncio
import time
import urllib.request

import rampa

VUS = {VUS}
ready = sent = 0

@rampa.scenario(executor="per-vu-iterations", vus=VUS, iterations=1)
async def asks(worker):
    global ready, sent
    url = worker.env["URL"] + "/"
    await worker.http.get(url + "first", name="first")  # so that a connection is there
    ready += 1
    while ready < VUS:
        await worker.sleep(0.01)
    sent += 1
    if worker.execution.vu % 2:
        await worker.http.get(url + "held", timeout={TIMEOUT}, raise_errors=False, name="held")
        return
    async with asyncio.timeout({TIMEOUT}):
        await worker.http.get(url + "held", name="held")

@rampa.scenario(executor="per-vu-iterations", vus=1, iterations=1)
async def stalls(worker):
    if not worker.env.get("STALL"):
        return
    while sent < VUS:
        await worker.sleep(0.01)
    await worker.sleep(0.05)  # all requests have left
    urllib.request.urlopen(worker.env["URL"] + "/release").read()
    time.sleep({TIMEOUT} + 0.5)
"""

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Holding:
    """Answers /held when it is told to, and all else at once."""

    def __init__(self) -> None:
        self.held = 0
        self.loop = asyncio.new_event_loop()
        self.gate = asyncio.Event()
        self.started = threading.Event()
        threading.Thread(target=self.run, daemon=True).start()
        self.started.wait()

    def run(self) -> None:
        asyncio.set_event_loop(self.loop)
        server = self.loop.run_until_complete(asyncio.start_server(self.serve, "127.0.0.1", 0, backlog=2 * VUS))
        self.url = "http://127.0.0.1:%d" % server.sockets[0].getsockname()[1]
        self.started.set()
        self.loop.run_forever()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if b"/release" in head:
                    self.gate.set()
                elif b"/held" in head:
                    self.held += 1
                    await self.gate.wait()
                writer.write(ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def release(self) -> None:
        """Answers all, and returns when the answers have left."""
        self.loop.call_soon_threadsafe(self.gate.set)
        done = threading.Event()
        self.loop.call_soon_threadsafe(lambda: self.loop.call_later(0.2, done.set))
        done.wait()

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)


@pytest.fixture
def holding() -> Iterator[Holding]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2 * VUS + 200:
        pytest.skip(f"{VUS} connections need more file descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * VUS + 200), hard))
    server = Holding()
    yield server
    server.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def check(done: Finished) -> None:
    result = done.result()
    assert result["errors"]["requests"] == []
    metrics = done.metrics()
    assert (metrics["http_reqs"]["count"], metrics["http_req_failed"]["rate"]) == (2 * VUS, 0)
    # The numbers say that the answers were taken late, and that this is not the server's time.
    assert metrics["http_req_duration"]["max"] + metrics["receive_delay"]["max"] >= TIMEOUT * 1000


def workers_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.parametrize("loop", ["io_uring", "epoll"])
def test_a_script_that_blocks(
    rampa: Callable[..., Finished], script: Callable[..., Path], holding: Holding, loop: str
) -> None:
    options = ["--env", f"URL={holding.url}", "--env", "STALL=1"]
    check(rampa("run", script(SCRIPT), *options, out=True, code=0, env={"RAMPA_LOOP": loop}))


@pytest.mark.parametrize("loop", ["io_uring", "epoll"])
def test_a_run_that_is_stopped(
    program: Path, script: Callable[..., Path], tmp_path: Path, holding: Holding, loop: str
) -> None:
    out = tmp_path / "result.json"
    words = [str(program), "run", str(script(SCRIPT)), "--env", f"URL={holding.url}", "--out", str(out)]
    env = {**os.environ, "RAMPA_LOOP": loop}
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env) as process:
        while holding.held < VUS and process.poll() is None:
            time.sleep(0.005)
        both = [process.pid, *workers_of(process.pid)]  # a worker that is stopped alone is given up
        for pid in both:
            os.kill(pid, signal.SIGSTOP)
        holding.release()
        time.sleep(TIMEOUT + 0.3)  # the time of each request is over, and its answer is there
        for pid in reversed(both):
            os.kill(pid, signal.SIGCONT)
        stdout, stderr = process.communicate(timeout=100)
    assert process.returncode == 0, stderr + stdout
    check(Finished(process.returncode, stdout, stderr, out))
