# SPDX-License-Identifier: MIT
"""The clients that are compared: how each is started and where its number of requests stands."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from servers import Missing, finish, pin_to

FOLDER = Path(__file__).resolve().parent
PYTHON = "/usr/bin/python3"


@dataclass
class Load:
    """What one run of a client is told."""

    url: str
    connections: int
    duration: int  # seconds
    scratch: Path
    rampa: str
    close: bool = False  # after each request
    streams: int = 1  # of HTTP/2, at the same time on a connection


@dataclass
class Measured:
    """What one run of a client has shown."""

    requests: int
    failed: int
    cpu: float  # seconds, user and system, with all its child processes
    elapsed: float
    full: int = 0  # TLS handshakes, of clients that tell
    resumed: int = 0


@dataclass
class Client:
    name: str
    program: Callable[[Load], str]
    argv: Callable[[Load], list[str]]
    count: Callable[[str, Load], tuple[int, int]]  # its output -> requests answered, failed ones
    env: dict[str, str] = field(default_factory=dict)
    install: Callable[[], None] | None = None  # raises Missing


def number(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    return int(found[1]) if found else 0


def count_wrk(text: str, load: Load) -> tuple[int, int]:
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    failed = sum(map(int, errors.groups())) if errors else 0
    return number(r"(\d+) requests in", text), failed + number(r"Non-2xx or 3xx responses: (\d+)", text)


def count_h2load(text: str, load: Load) -> tuple[int, int]:
    # errored ones are among the failed
    found = re.search(r"requests: .* (\d+) succeeded, (\d+) failed, (\d+) errored", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def count_hey(text: str, load: Load) -> tuple[int, int]:
    answers = {int(s): int(n) for s, n in re.findall(r"\[(\d{3})\]\s+(\d+) responses", text)}
    errors = sum(int(n) for n in re.findall(r"^\s+\[(\d+)\]\s+\S", text.partition("Error dist")[2], re.M))
    good = answers.get(200, 0)
    return good, sum(answers.values()) - good + errors


def count_aiohttp(text: str, load: Load) -> tuple[int, int]:
    result = json.loads(text)
    return result["requests"], result["failed"]


def count_rampa(text: str, load: Load) -> tuple[int, int]:
    metrics = json.loads((load.scratch / "rampa.json").read_text())["summary"]["metrics"]
    requests = int(metrics["http_reqs"]["count"])
    return requests, round(requests * metrics.get("http_req_failed", {}).get("rate", 0))


def count_handshakes(load: Load) -> tuple[int, int]:
    """Full ones and resumed ones of the last run of rampa."""
    metrics = json.loads((load.scratch / "rampa.json").read_text())["summary"]["metrics"]
    full, resumed = (metrics.get(f"tls_{kind}_handshakes", {}).get("count", 0) for kind in ("full", "resumed"))
    return int(full), int(resumed)


def rampa_argv(load: Load) -> list[str]:
    out = str(load.scratch / "rampa.json")
    return [load.rampa, "run", str(FOLDER / "get_check.py"), "--quiet", "--out", out]


def rampa_url_argv(load: Load) -> list[str]:
    out = str(load.scratch / "rampa.json")
    load_options = ["--vus", str(load.connections), "--duration", f"{load.duration}s", *closing(load)]
    return [load.rampa, "run", load.url, *load_options, "--quiet", "--out", out]


def rampa_url_full_argv(load: Load) -> list[str]:
    return [*rampa_url_argv(load), "--no-tls-resumption"]


def closing(load: Load) -> list[str]:
    return ["-H", "Connection: close"] if load.close else []


CLIENTS = [
    Client(
        "wrk",
        lambda load: "wrk",
        lambda load: ["wrk", "-t1", f"-c{load.connections}", f"-d{load.duration}s", *closing(load), load.url],
        count_wrk,
    ),
    Client(
        "h2load",
        lambda load: "h2load",
        lambda load: [
            "h2load", "--h1", "-t1", f"-c{load.connections}", f"-D{load.duration}",
            "--warm-up-time=0", load.url,
        ],
        count_h2load,
    ),
    Client(
        "hey",
        lambda load: "hey",
        lambda load: ["hey", "-c", str(load.connections), "-z", f"{load.duration}s", load.url],
        count_hey,
        {"GOMAXPROCS": "1"},
    ),
    Client(
        "aiohttp",
        lambda load: PYTHON,
        lambda load: [PYTHON, str(FOLDER / "aiohttp_client.py")],
        count_aiohttp,
    ),
    Client("rampa", lambda load: load.rampa, rampa_argv, count_rampa, {"RAMPA_LOOP": ""}),
    Client("rampa-url", lambda load: load.rampa, rampa_url_argv, count_rampa, {"RAMPA_LOOP": ""}),
    Client(
        "rampa-url-epoll", lambda load: load.rampa, rampa_url_argv, count_rampa, {"RAMPA_LOOP": "epoll"}
    ),
    Client("rampa-url-full", lambda load: load.rampa, rampa_url_full_argv, count_rampa, {"RAMPA_LOOP": ""}),
    Client(
        "rampa-epoll", lambda load: load.rampa, rampa_argv, count_rampa, {"RAMPA_LOOP": "epoll"}
    ),
]  # fmt: skip


def run(client: Client, load: Load, core: int | None) -> Measured:
    """Runs a client once. Its CPU is that of the process and of all that it has waited for."""
    program = client.program(load)
    if not shutil.which(program):
        raise Missing(f"{program} is not installed")
    env = os.environ | client.env
    env["RAMPA_BENCH_URL"] = load.url
    env["RAMPA_BENCH_CONNECTIONS"] = str(load.connections)
    env["RAMPA_BENCH_DURATION"] = str(load.duration)
    env["RAMPA_BENCH_STREAMS"] = str(load.streams)
    output = load.scratch / "output"
    with open(output, "wb") as stdout, open(load.scratch / "errors", "wb") as stderr:
        begin = time.monotonic()
        process = subprocess.Popen(
            client.argv(load), stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=env,
            preexec_fn=pin_to(core),
        )  # fmt: skip
        usage = finish(process)
        elapsed = time.monotonic() - begin
    text = output.read_text(errors="replace")
    try:
        requests, failed = client.count(text, load)
        full, resumed = count_handshakes(load) if client.count is count_rampa else (0, 0)
    except (OSError, ValueError, KeyError) as error:
        requests = failed = full = resumed = 0
        text += f" ({type(error).__name__}: {error})"
    if process.returncode or not requests:
        said = (load.scratch / "errors").read_text(errors="replace") + text
        last = " | ".join(said.strip().splitlines()[-3:])
        raise Missing(f"{client.name} ended with code {process.returncode}: {last}")
    return Measured(requests, failed, usage.ru_utime + usage.ru_stime, elapsed, full, resumed)
