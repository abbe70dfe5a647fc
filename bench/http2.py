# SPDX-License-Identifier: MIT
"""HTTP/2 over TLS beside h2load: processor time per request of the client, with one stream a session and with many.

The same server, the same sessions and streams, alternating rounds. h2load opens a stream as soon as another one ends; rampa's
scripts ask for all streams of a session together and wait for all of them. See docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import clients  # noqa: E402
import report  # noqa: E402
from run import choose_cores, progress  # noqa: E402
from servers import Missing, Nginx, Server, Target  # noqa: E402

SIZES = ("64x1", "8x10", "8x100")
REFERENCE = "h2load"
FOLDER = Path(__file__).resolve().parent


@dataclass
class Sample:
    """One client against one server in one round. CPU in microseconds per request."""

    server: str
    size: str
    client: str
    round: int
    requests: int
    failed: int
    client_us: float
    busy: float  # share of its core
    server_us: float


def h2load_argv(load: clients.Load) -> list[str]:
    sizes = [f"-c{load.connections}", f"-m{load.streams}", f"-D{load.duration}", "-t1", "--warm-up-time=0"]
    return ["h2load", *sizes, load.url]


def script_argv(load: clients.Load) -> list[str]:
    out = str(load.scratch / "rampa.json")
    return [load.rampa, "run", str(FOLDER / "get_streams.py"), "--quiet", "--out", out]


CLIENTS = {
    client.name: client
    for client in (
        clients.Client(REFERENCE, lambda load: "h2load", h2load_argv, clients.count_h2load),
        clients.Client(
            "rampa", lambda load: load.rampa, script_argv, clients.count_rampa, {"RAMPA_LOOP": "", "RAMPA_BENCH_WAY": "gather"}
        ),
        clients.Client(
            "rampa-batch", lambda load: load.rampa, script_argv, clients.count_rampa, {"RAMPA_LOOP": "", "RAMPA_BENCH_WAY": "batch"}
        ),
        clients.Client("rampa-url", lambda load: load.rampa, clients.rampa_url_argv, clients.count_rampa, {"RAMPA_LOOP": ""}),
    )
}


def runs(client: str, size: str) -> bool:
    """A run of a URL makes one request at a time in each VU, and VUs share no session."""
    return client != "rampa-url" or size.endswith("x1")


def parse_options(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench http2", description=__doc__.partition("\n")[0])
    parser.add_argument("size", nargs="*", default=list(SIZES), help=f"SESSIONSxSTREAMS ({' '.join(SIZES)})")
    parser.add_argument("--client", choices=list(CLIENTS), action="append", help="only this, and h2load")
    parser.add_argument("--server", choices=["nginx", "target"], action="append", help="only this")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--duration", type=int, default=5, metavar="S", help="seconds a client a round")
    parser.add_argument("--client-core", type=int, default=0, metavar="N")
    parser.add_argument("--server-core", type=int, default=1, metavar="N")
    parser.add_argument("--json", metavar="FILE", help="write all samples there, for './dev bench compare'")
    parser.add_argument("--rampa", metavar="PROGRAM", default=os.environ.get("RAMPA", str(report.ROOT / "build/rampa")))
    options = parser.parse_args(argv)
    for size in options.size:
        if not re.fullmatch(r"[1-9]\d*x[1-9]\d*", size):
            parser.error(f"'{size}' is not SESSIONSxSTREAMS, as {SIZES[0]}")
    if min(options.rounds, options.duration) < 1:
        parser.error("--rounds and --duration are at least 1")
    options.client = [REFERENCE, *(name for name in options.client or CLIENTS if name != REFERENCE)]
    options.server = options.server or ["nginx", "target"]
    return options


def start_servers(options: argparse.Namespace, stack: ExitStack) -> list[Server]:
    sessions = max(int(size.partition("x")[0]) for size in options.size)
    starts = {
        "nginx": lambda: Nginx(options.server_core, sessions, True, True),
        "target": lambda: Target(options.server_core, f"{options.rampa} target --port 0 --tls"),
    }
    servers: list[Server] = []
    for name in options.server:
        try:
            servers.append(starts[name]())
            stack.callback(servers[-1].stop)
        except Missing as error:
            print(f"skipped server {name}: {error}", file=sys.stderr)
    return servers


def measure(options: argparse.Namespace, server: Server, size: str, name: str, round_: int, scratch: Path) -> Sample:
    sessions, streams = map(int, size.split("x"))
    load = clients.Load(server.url, sessions, options.duration, scratch, options.rampa, streams=streams)
    before = server.cpu_seconds()
    run = clients.run(CLIENTS[name], load, options.client_core)
    server_cpu = server.cpu_seconds() - before
    return Sample(
        server=server.name,
        size=size,
        client=name,
        round=round_,
        requests=run.requests,
        failed=run.failed,
        client_us=run.cpu * 1e6 / run.requests,
        busy=run.cpu / run.elapsed,
        server_us=server_cpu * 1e6 / run.requests,
    )


def run_rounds(options: argparse.Namespace, servers: list[Server], scratch: Path) -> list[Sample]:
    samples: list[Sample] = []
    names = list(options.client)
    for round_ in range(options.rounds):
        for server in servers:
            for size in options.size:
                for name in [name for name in names if runs(name, size)]:
                    progress(f"round {round_ + 1}/{options.rounds}: {name} on {server.name}, {size}")
                    samples.append(measure(options, server, size, name, round_, scratch))
        names = names[1:] + names[:1]
    progress("")
    return samples


def ratios(samples: list[Sample], server: str, size: str, client: str) -> list[float]:
    """The client's CPU by that of h2load in the same round."""
    of = {s.round: s.client_us for s in samples if (s.server, s.size, s.client) == (server, size, REFERENCE)}
    mine = [s for s in samples if (s.server, s.size, s.client) == (server, size, client)]
    return [s.client_us / of[s.round] for s in mine if s.round in of]


def print_table(samples: list[Sample], server: str, size: str) -> None:
    sessions, _, streams = size.partition("x")
    print(f"\n{server}, {sessions} sessions of {streams} stream{'s' * (streams != '1')}")
    print(f"  {'client':<12} {'client us/request':>24} {f'of {REFERENCE}':>20} {'busy':>5}   {'server us/request':>20}")
    for client in CLIENTS:
        mine = [s for s in samples if (s.server, s.size, s.client) == (server, size, client)]
        if not mine:
            continue
        print(
            f"  {client:<12} {report.spread([s.client_us for s in mine]):>24} {report.spread(ratios(samples, server, size, client)):>20} "
            f"{statistics.median(s.busy for s in mine):>5.0%}   {report.spread([s.server_us for s in mine]):>20}"
        )
        failed = sum(s.failed for s in mine)
        if failed:
            print(f"  {'':<12} {failed:,} of its requests failed: its numbers mean little")


def measures_of(samples: list[Sample]) -> report.Measures:
    measures: report.Measures = {}
    for s in samples:
        report.add(measures, f"{s.server}, {s.size}, {s.client}: us/request", "us", True, s.client_us)
    for server, size, client in sorted({(s.server, s.size, s.client) for s in samples if s.client != REFERENCE}):
        for ratio in ratios(samples, server, size, client):
            report.add(measures, f"{server}, {size}, {client}: of {REFERENCE}", "", True, ratio)
    return measures


def main(argv: Sequence[str] | None = None) -> int:
    options = parse_options(argv)
    choose_cores(options)
    os.environ["RAMPA_INSECURE"] = "1"
    about = report.machine()
    before = report.Ticks.now()
    with ExitStack() as stack:
        servers = start_servers(options, stack)
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rampa-bench-")))
        try:
            samples = run_rounds(options, servers, scratch)
        except Missing as error:
            progress("")
            print(error, file=sys.stderr)
            return 1
    if not samples:
        print("nothing was measured", file=sys.stderr)
        return 1
    about |= report.disturbance(before, sum(s.requests * (s.client_us + s.server_us) for s in samples) / 1e6)
    print(f"{report.machine_line(about)}\nmedians of {options.rounds} alternating rounds of {options.duration} s (min..max)")
    for server in servers:
        for size in options.size:
            print_table(samples, server.name, size)
    if options.json:
        settings = {key: getattr(options, key) for key in ("size", "rounds", "duration", "client_core", "server_core")}
        rows = [asdict(sample) for sample in samples]
        report.write(options.json, "http2", options.rampa, about, settings, rows, measures_of(samples))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
