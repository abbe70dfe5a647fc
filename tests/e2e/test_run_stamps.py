# SPDX-License-Identifier: MIT
"""When an answer came, as the kernel tells it, whatever the generator does meanwhile.

The server is a thread of the test and reads the same clock as rampa: all comparisons are between times that were taken in
this order, on a machine as slow as it may be.
"""
from __future__ import annotations

import json
import math
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from certificates import OPENSSL
from tlsserver import context_of

Rampa = Callable[..., "Finished"]
Script = Callable[..., Path]

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
AWAY_NS = 50_000_000
LOOPS = ["epoll", "io_uring"]


class Server:
    """Answers `/` at once, and the next request when the script has called at the side door: it blocks since then, until it
    hears back."""

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        self.tls = tls
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.door = socket.create_server(("127.0.0.1", 0))
        self.answered: list[int] = []  # when an answer had been given to the kernel, which received it before
        self.released: list[int] = []  # when the script was told to go on
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        sock, _ = self.listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock = self.tls.wrap_socket(sock, server_side=True) if self.tls else sock
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


@pytest.fixture(params=["http", "https"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    is_tls = request.param == "https"
    if is_tls and not OPENSSL:
        pytest.skip("no openssl")
    server = Server(context_of(request.getfixturevalue("good")) if is_tls else None)
    yield server
    server.listener.close()
    server.door.close()


SCRIPT = """
import asyncio, json, socket, time
import rampa

@rampa.scenario(executor="per-vu-iterations", vus=1, iterations=1)
async def go(worker):
    await worker.http.get("{url}/")
    for _ in range(5):
        began = time.monotonic_ns()
        request = asyncio.create_task(worker.http.get("{url}/slow"))
        await worker.sleep(0.02)  # a later turn of the loop: the request is sent
        with socket.create_connection(("127.0.0.1", {door})) as door:  # nothing else runs here
            door.sendall(b"x")
            door.recv(1)
        response = await request
        took = time.monotonic_ns() - began
        print(json.dumps({{"began": began, "took": took, "duration": response.timings.duration, "status": response.status}}))
"""


def durations(rampa: Rampa, script: Script, server: Server, loop: str, *options: str) -> tuple[Any, list[dict[str, Any]]]:
    url = f"{'https' if server.tls else 'http'}://localhost:{server.listener.getsockname()[1]}"
    script(SCRIPT.format(url=url, door=server.door.getsockname()[1]))
    options += ("--insecure",) if server.tls else ()
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
    assert delay["count"] >= 6 and delay["max"] >= AWAY_NS / 1e6
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


# ---- against a capture -----------------------------------------------------------------------------------------------

NETWORK = ["unshare", "-n"]
WORLDS = Path(__file__).parent
ATTEMPTS = 6


def run_in_world(world: str, *words: str | Path, env: dict[str, str]) -> dict[str, Any]:
    words = (*NETWORK, sys.executable, WORLDS / world, *words)
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=120, env={**os.environ, **env})
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["code"] == 0, told["stderr"]
    return told


def has_world(*probe: str) -> bool:
    try:
        return subprocess.run([*NETWORK, *probe], capture_output=True).returncode == 0
    except OSError:
        return False


def percentile(values: list[int], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))] / 1000


@pytest.mark.skipif("RAMPA_CAPTURES" not in os.environ, reason="a calm machine is needed: ./dev soak captures")
@pytest.mark.skipif(not has_world("tcpdump", "--version"), reason="no tcpdump, or no right to a network of its own")
@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    ("words", "goal"),
    [(["/", "--vus", "64", "--duration", "1s"], 10), (["/delay/3", "--rate", "400", "--max-vus", "60", "--duration", "2s"], 25)],
    ids=["saturated", "400 a second"],
)
def test_a_capture_says_the_same(program: Path, tmp_path: Path, loop: str, words: list[str], goal: float) -> None:
    """The time from the request's last byte to the answer's first one, on the wire and as reported, in microseconds. A machine
    that keeps rampa from running between its look at the clock and the system call spoils one attempt. Without receive stamps the
    differences are 40 us and more than 200 us, on a calm machine."""
    best: dict[str, float] = {"med": math.inf, "p(99)": math.inf}
    for _ in range(ATTEMPTS):
        result = tmp_path / "result.json"
        told = run_in_world("wire_world.py", program, tmp_path / "capture", result, *words, env={"RAMPA_LOOP": loop})
        assert "0 packets dropped by kernel" in told["tcpdump"]
        metrics = json.loads(result.read_text())["summary"]["metrics"]
        assert len(told["durations"]) >= metrics["http_reqs"]["count"] - 64  # those under way at the end
        for stat, part in ("med", 0.5), ("p(99)", 0.99):
            differs = abs(metrics["http_req_duration"][stat] * 1000 - percentile(told["durations"], part))
            best[stat] = min(best[stat], differs)
        if max(best.values()) <= goal:
            return
    pytest.fail(f"differs by {best} us at best")


# ---- lost segments ---------------------------------------------------------------------------------------------------


@pytest.mark.skipif(
    not has_world("sh", "-c", "ip tuntap add gap mode tun"), reason="no TUN device, or no right to a network of its own"
)
@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("gap_ms", [20, 450])
def test_bytes_behind_a_gap_are_not_there_yet(program: Path, script: Script, loop: str, gap_ms: int) -> None:
    """The last segment of an answer comes first. Its stamp says that the bytes were there when nobody could read them."""
    path = script(
        "import rampa\n"
        '@rampa.scenario(executor="per-vu-iterations", vus=1, iterations=1)\n'
        "async def go(worker):\n"
        '    for path in "/", "/gap/1", "/", "/gap/2", "/":\n'
        '        r = await worker.http.get("http://10.77.0.2" + path)\n'
        "        print(r.status, r.timings.duration)\n"
    )
    told = run_in_world("gap_world.py", str(gap_ms), program, "run", path, "--quiet", env={"RAMPA_LOOP": loop})
    shown = [line.split() for line in told["stdout"].splitlines()]
    assert [request["path"] for request in told["requests"]] == ["/", "/gap/1", "/", "/gap/2", "/"]
    assert [words[0] for words in shown] == ["200"] * 5
    for request, (_, duration) in zip(told["requests"], shown):
        assert float(duration) * 1e6 >= request["first"] - request["came"]
        assert request["first"] - request["came"] >= gap_ms * 1e6 or request["path"] == "/"
