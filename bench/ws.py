# SPDX-License-Identifier: MIT
"""WebSockets beside the package websockets and the package ws of npm: processor time per message that comes back.

The same server (`rampa target`), the same connections, alternating rounds. A message is a text that is sent and received.
With --idle: the memory of WebSockets that are open and have nothing to do. See docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import clients  # noqa: E402
import peers  # noqa: E402
import report  # noqa: E402
from run import choose_cores, progress  # noqa: E402
from servers import Missing, Target  # noqa: E402

REFERENCE = "rampa"
FOLDER = Path(__file__).resolve().parent
WS = peers.Package("ws", "8.18.0", [["npm", "install", "--silent", "--prefix", "{folder}", "ws@8.18.0"]])


@dataclass
class Sample:
    """One client in one round. CPU in microseconds per message."""

    client: str
    round: int
    messages: int
    failed: int
    client_us: float
    busy: float  # share of its core
    server_us: float


def rampa_argv(load: clients.Load) -> list[str]:
    return [load.rampa, "run", str(FOLDER / "ws_rampa.py"), "--quiet", "--out", str(load.scratch / "rampa.json")]


def count_rampa(text: str, load: clients.Load) -> tuple[int, int]:
    metrics = json.loads((load.scratch / "rampa.json").read_text())["summary"]["metrics"]
    received = metrics.get("ws_msgs_received") or metrics["ws_messages_received"]  # as earlier builds call it
    return int(received["count"]), int(metrics.get("ws_errors", {}).get("count", 0))


CLIENTS = {
    client.name: client
    for client in (
        clients.Client(REFERENCE, lambda load: load.rampa, rampa_argv, count_rampa, {"RAMPA_LOOP": ""}),
        clients.Client(
            "npm ws", lambda load: "node", lambda load: ["node", str(FOLDER / "ws_npm.js")], clients.count_aiohttp,
            {"RAMPA_BENCH_WS_MODULE": str(WS.folder())}, WS.install,
        ),
        clients.Client(
            "websockets", lambda load: clients.PYTHON, lambda load: [clients.PYTHON, str(FOLDER / "ws_websockets.py")],
            clients.count_aiohttp,
        ),
    )
}  # fmt: skip


def parse_options(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench ws", description=__doc__.partition("\n")[0])
    parser.add_argument("--client", choices=list(CLIENTS), action="append", help="only this")
    parser.add_argument("--connections", type=int, default=64, metavar="N")
    parser.add_argument("--bytes", type=int, default=1024, metavar="N", help="of a message (1024)")
    parser.add_argument("--idle", type=int, metavar="N", help="only the memory of N idle WebSockets in one worker of rampa")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--duration", type=int, default=5, metavar="S", help="seconds a client a round")
    parser.add_argument("--client-core", type=int, default=0, metavar="N")
    parser.add_argument("--server-core", type=int, default=1, metavar="N")
    parser.add_argument("--json", metavar="FILE", help="write all samples there, for './dev bench compare'")
    parser.add_argument("--rampa", metavar="PROGRAM", default=os.environ.get("RAMPA", str(report.ROOT / "build/rampa")))
    options = parser.parse_args(argv)
    if min(options.rounds, options.duration, options.connections) < 1 or options.bytes < 0:
        parser.error("--rounds, --duration and --connections are at least 1")
    if options.idle is not None and options.idle < 1000:
        parser.error("--idle is at least 1000: fewer say little of what one takes")
    options.client = options.client or list(CLIENTS)
    return options


def installed(names: list[str]) -> list[str]:
    there = []
    for name in names:
        try:
            if install := CLIENTS[name].install:
                install()
            there.append(name)
        except Missing as error:
            print(f"skipped {name}: {error}", file=sys.stderr)
    return there


def url_of(server: Target) -> str:
    return server.url.replace("http", "ws") + "ws"


def measure(options: argparse.Namespace, server: Target, name: str, round_: int, scratch: Path) -> Sample:
    load = clients.Load(url_of(server), options.connections, options.duration, scratch, options.rampa)
    before = server.cpu_seconds()
    run = clients.run(CLIENTS[name], load, options.client_core)
    server_cpu = server.cpu_seconds() - before
    return Sample(
        client=name,
        round=round_,
        messages=run.requests,
        failed=run.failed,
        client_us=run.cpu * 1e6 / run.requests,
        busy=run.cpu / run.elapsed,
        server_us=server_cpu * 1e6 / run.requests,
    )


def run_rounds(options: argparse.Namespace, names: list[str], server: Target, scratch: Path) -> list[Sample]:
    samples: list[Sample] = []
    for round_ in range(options.rounds):
        for name in names:
            progress(f"round {round_ + 1}/{options.rounds}: {name}")
            samples.append(measure(options, server, name, round_, scratch))
        names = names[1:] + names[:1]
    progress("")
    return samples


def ratios(samples: list[Sample], client: str) -> list[float]:
    """rampa's CPU by that of the client in the same round."""
    ours = {s.round: s.client_us for s in samples if s.client == REFERENCE}
    return [ours[s.round] / s.client_us for s in samples if s.client == client and s.round in ours]


def print_table(samples: list[Sample]) -> None:
    print(f"  {'client':<12} {'client us/message':>24} {'rampa by it':>20} {'busy':>5}   {'server us/message':>20}")
    for client in CLIENTS:
        mine = [s for s in samples if s.client == client]
        if not mine:
            continue
        rounds = [] if client == REFERENCE else ratios(samples, client)
        ratio = report.spread(rounds) if rounds else ""
        print(
            f"  {client:<12} {report.spread([s.client_us for s in mine]):>24} {ratio:>20} "
            f"{statistics.median(s.busy for s in mine):>5.0%}   {report.spread([s.server_us for s in mine]):>20}"
        )
        failed = sum(s.failed for s in mine)
        if failed:
            print(f"  {'':<12} {failed:,} of its connections failed: its numbers mean little")


def measure_idle(options: argparse.Namespace, server: Target, scratch: Path) -> int:
    notes = scratch / "idle.json"
    env = os.environ | {
        "RAMPA_BENCH_URL": url_of(server), "RAMPA_BENCH_CONNECTIONS": str(options.idle), "RAMPA_BENCH_NOTES": str(notes),
    }  # fmt: skip
    argv = [options.rampa, "run", str(FOLDER / "ws_idle.py"), "--quiet"]
    done = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if not notes.exists():
        raise Missing(f"rampa ended with code {done.returncode}: {done.stdout}{done.stderr}")
    seen = json.loads(notes.read_text())
    print(f"{seen['sockets']:,} idle WebSockets in one worker: {seen['bytes_each']:,.0f} bytes each, with their objects in Python")
    if options.json:
        measures: report.Measures = {}
        report.add(measures, "bytes of an idle WebSocket", "B", True, seen["bytes_each"])
        report.write(options.json, "ws-idle", options.rampa, report.machine(), {"idle": options.idle}, [seen], measures)
    return 0


def measures_of(samples: list[Sample]) -> report.Measures:
    measures: report.Measures = {}
    for s in samples:
        report.add(measures, f"{s.client}: us/message", "us", True, s.client_us)
    for client in sorted({s.client for s in samples} - {REFERENCE}):
        for ratio in ratios(samples, client):
            report.add(measures, f"rampa by {client}", "", True, ratio)
    return measures


def main(argv: Sequence[str] | None = None) -> int:
    options = parse_options(argv)
    choose_cores(options)
    os.environ["RAMPA_BENCH_WS_BYTES"] = str(options.bytes)
    about = report.machine()
    before = report.Ticks.now()
    try:
        server = Target(options.server_core, f"{options.rampa} target --port 0")
        try:
            with tempfile.TemporaryDirectory(prefix="rampa-bench-") as scratch:
                if options.idle:
                    return measure_idle(options, server, Path(scratch))
                samples = run_rounds(options, installed(options.client), server, Path(scratch))
        finally:
            server.stop()
    except Missing as error:
        progress("")
        print(error, file=sys.stderr)
        return 1
    if not samples:
        print("nothing was measured", file=sys.stderr)
        return 1
    about |= report.disturbance(before, sum(s.messages * (s.client_us + s.server_us) for s in samples) / 1e6)
    print(f"{report.machine_line(about)}\nmedians of {options.rounds} alternating rounds of {options.duration} s (min..max)")
    print(f"\n{options.connections} connections, texts of {options.bytes:,} bytes")
    print_table(samples)
    if options.json:
        settings = {key: getattr(options, key) for key in ("connections", "bytes", "rounds", "duration", "client_core", "server_core")}
        report.write(options.json, "ws", options.rampa, about, settings, [asdict(s) for s in samples], measures_of(samples))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
