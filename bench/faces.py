# SPDX-License-Identifier: MIT
"""What a request costs a worker while somebody watches the run: with --serve and open streams of events, and with --tui.

A worker runs under callgrind, and again under strace, for few requests and for many: the difference, divided by the further
requests, is what one costs. The faces live in the process that leads the run, which is not counted. See docs/control.md.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pty
import re
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER))

from instructions import PYTHON, WARM_UP, Failed, Settings, callgrind, compile_package, read_profile  # noqa: E402
from servers import Target  # noqa: E402

TIMEOUT_S = 600
# Calls that move bytes. The others belong to turns of the loop, of which a busy machine needs more or fewer.
MOVING = {"read", "write", "readv", "writev", "recvfrom", "sendto", "recvmsg", "sendmsg"}


@dataclass
class Costs:
    """Of one request."""

    instructions: float
    moving: float  # system calls that move bytes
    calls: float  # all system calls


def read_table(text: str) -> dict[str, int]:
    """How often each system call was made, from the table of strace -c."""
    found = {}
    for line in text.splitlines():
        row = re.fullmatch(r" *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(\w+)", line)
        if row and row[2] != "total":
            found[row[2]] = int(row[1])
    return found


# ---- who watches ----------------------------------------------------------------------------------------------------


def drain(take: Callable[[], bytes], seen: list[int]) -> None:
    with contextlib.suppress(OSError):
        while data := take():
            seen[0] += len(data)


def nobody(words: list[str], env: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def follow(path: str, seen: list[int]) -> None:
    """A stream of events over the control socket."""
    with socket.socket(socket.AF_UNIX) as stream:
        stream.connect(path)
        token = Path(path + ".token").read_text().strip()
        stream.sendall(f"GET /v1/events?after=0 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        drain(lambda: stream.recv(65536), seen)


@contextlib.contextmanager
def streams(words: list[str], env: dict[str, str], count: int) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([*words, "--serve"], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr
    path = next((line.split()[2].decode() for line in process.stderr if line.startswith(b"control: socket ")), "")
    if not path:
        raise Failed("the run has not said where it is served")
    seen = [[0] for _ in range(count)]
    threads = [threading.Thread(target=follow, args=(path, each)) for each in seen]
    threads.append(threading.Thread(target=process.stderr.read))
    for thread in threads:
        thread.start()
    yield process
    for thread in threads:
        thread.join()
    if not all(each[0] > 1000 for each in seen):
        raise Failed("a stream of events has got nothing")


@contextlib.contextmanager
def dashboard(words: list[str], env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*words, "--tui"], env={**env, "TERM": "xterm-256color"}, stdin=theirs, stdout=subprocess.DEVNULL, stderr=theirs
    )
    os.close(theirs)
    seen = [0]
    reader = threading.Thread(target=drain, args=(lambda: os.read(ours, 65536) if select.select([ours], [], []) else b"", seen))
    reader.start()
    yield process
    reader.join()
    os.close(ours)
    if seen[0] < 1000:
        raise Failed("the dashboard has shown nothing")


@contextlib.contextmanager
def unwatched(words: list[str], env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    yield nobody(words, env)


# ---- counting -------------------------------------------------------------------------------------------------------


def run(settings: Settings, face: str, tool: str, requests: int, count: int) -> str:
    """What the tool has written about the worker."""
    name = f"{face}-{tool}-{requests}"
    wrapper, out = settings.scratch / f"{name}-python3", settings.scratch / f"{name}.{tool}"
    before = {"callgrind": [*callgrind(settings, name), "--log-file=/dev/null"], "strace": ["strace", "-f", "-c", "-o", str(out)]}[tool]
    wrapper.write_text(f'#!/bin/sh\nexec {" ".join(before)} {PYTHON} "$@"\n')
    wrapper.chmod(0o755)
    env = {
        **os.environ,
        "RAMPA_PATIENCE": "5m",
        "RAMPA_LOOP": "epoll",  # valgrind does not run io_uring as we use it
        "PYTHONHASHSEED": "0",
        "PYTHONPYCACHEPREFIX": str(settings.scratch),
        "RAMPA_BENCH_URL": settings.url,
        "RAMPA_BENCH_CONNECTIONS": str(settings.connections),
        "RAMPA_BENCH_REQUESTS": str(requests),
        "XDG_RUNTIME_DIR": str(settings.scratch),
    }
    words = [settings.rampa, "run", str(FOLDER / "get_check_count.py"), "--quiet", "--python", str(wrapper)]
    watched = {"nobody": unwatched, "serve": lambda *both: streams(*both, count), "tui": dashboard}[face]
    with watched(words, env) as process:
        code = process.wait(TIMEOUT_S)
    if code:
        raise Failed(f"{name} ended with code {code}")
    return out.read_text(errors="replace")


def costs(settings: Settings, face: str, count: int) -> Costs:
    def difference(tool: str, read: Callable[[str], Sequence[int]]) -> list[float]:
        few, many = (read(run(settings, face, tool, WARM_UP + more, count)) for more in (0, settings.requests))
        return [(b - a) / settings.requests for a, b in zip(few, many, strict=True)]

    def calls(text: str) -> list[int]:
        table = read_table(text)
        return [sum(number for name, number in table.items() if name in MOVING), sum(table.values())]

    (instructions,) = difference("callgrind", lambda text: [read_profile(text).instructions])
    moving, every = difference("strace", calls)
    return Costs(instructions, moving, every)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="./dev bench faces", description=__doc__.partition("\n")[0])
    parser.add_argument("--connections", type=int, default=64, metavar="N")
    parser.add_argument("--requests", type=int, default=20_000, metavar="N")
    parser.add_argument("--streams", type=int, default=10, metavar="N", help="streams of events that are open")
    parser.add_argument("--rampa", metavar="PROGRAM", default=os.environ.get("RAMPA", str(FOLDER.parent / "build/rampa")))
    options = parser.parse_args(argv)
    missing = [name for name in ("valgrind", "strace") if not shutil.which(name)]
    if missing:
        print(f"{' and '.join(missing)} must be installed", file=sys.stderr)
        return 1
    titles = {"nobody": "nobody watches", "serve": f"--serve, {options.streams} streams", "tui": "--tui"}
    target = Target(None, f"{options.rampa} target --port 0")
    try:
        with tempfile.TemporaryDirectory(prefix="rampa-", dir="/tmp") as scratch:
            settings = Settings(options.rampa, target.url, options.connections, options.requests, Path(scratch))
            compile_package(settings)
            print(f"one request of a worker, {options.connections} connections, on epoll\n")
            print(f"{'':<24}{'instructions':>14}{'calls that move bytes':>24}{'all system calls':>20}", flush=True)
            for face, title in titles.items():
                found = costs(settings, face, options.streams)
                print(f"{title:<24}{found.instructions:>14,.1f}{found.moving:>24.3f}{found.calls:>20.3f}", flush=True)
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        target.stop()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
