# SPDX-License-Identifier: MIT
"""CPU per request of load generators, side by side: the same server, the same connections, alternating rounds.

Servers run on one core and clients on another. Each round runs every client once against every server, each round in
another order, so that what the machine does meanwhile meets all of them. See docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import clients  # noqa: E402
import peers  # noqa: E402
import report  # noqa: E402
from servers import Missing, Nginx, Server, Target  # noqa: E402

CLIENTS = [*clients.CLIENTS, *peers.CLIENTS]
OURS = "rampa"
REFERENCE = "wrk"
CLOSING = ("wrk", "rampa-url", "rampa-url-epoll")  # clients to which a header can be given
FULL = "rampa-url-full"  # with --tls --close: each handshake is a full one
QUIET = 0.03  # more of the machine than this for others, and a run says so


@dataclass
class Sample:
    """One client against one server in one round. CPU in microseconds per request."""

    server: str
    client: str
    round: int
    requests: int
    failed: int
    requests_per_s: float
    client_us: float
    client_busy: float  # share of its core
    server_us: float
    server_busy: float
    full: int = 0  # TLS handshakes, of clients that tell
    resumed: int = 0


def parse_options(argv: list[str] | None = None) -> argparse.Namespace:
    names = [client.name for client in CLIENTS]
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__.partition("\n")[0])
    parser.add_argument("client", nargs="*", help=f"only these, of {', '.join(names)}")
    parser.add_argument("--server", choices=["nginx", "target"], action="append", help="only this")
    parser.add_argument("--connections", type=int, default=64, metavar="N")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--duration", type=int, default=5, metavar="S", help="seconds a client a round")
    parser.add_argument("--client-core", type=int, default=0, metavar="N")
    parser.add_argument("--server-core", type=int, default=1, metavar="N")
    parser.add_argument("--path", default="/", help="what is requested of the target")
    parser.add_argument("--tls", action="store_true", help="over https; certificates are not verified")
    parser.add_argument("--close", action="store_true", help="a new connection for each request, of wrk and rampa-url only")
    parser.add_argument("--no-install", action="store_true", help="leave out what would have to be installed first")
    parser.add_argument("--json", metavar="FILE", help="write all samples there, for './dev bench compare'")
    parser.add_argument(
        "--rampa", metavar="PROGRAM", default=os.environ.get("RAMPA", str(report.ROOT / "build/rampa"))
    )
    parser.add_argument("--target-command", metavar="COMMAND", help="instead of 'rampa target'")
    options = parser.parse_args(argv)
    for name in options.client:
        if name not in names:
            parser.error(f"there is no client '{name}'; there are {', '.join(names)}")
    if min(options.connections, options.rounds, options.duration) < 1:
        parser.error("--connections, --rounds and --duration are at least 1")
    if options.close:
        closing = CLOSING + (FULL,) * options.tls
        options.client = [name for name in options.client or names if name in closing]
    options.client = options.client or [name for name in names if name != FULL]
    options.server = options.server or ["nginx", "target"]
    return options


def choose_cores(options: argparse.Namespace) -> None:
    """Without the two cores nothing is pinned, and the numbers say less."""
    if {options.client_core, options.server_core} <= os.sched_getaffinity(0):
        return
    print("warning: the two cores are not both ours; nothing is pinned", file=sys.stderr)
    options.client_core = options.server_core = None


def raise_file_limit(connections: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and hard < connections + 100:
        sys.exit(f"a process may open {hard} files here: fewer than {connections} connections need")


def start_servers(options: argparse.Namespace) -> list[Server]:
    servers: list[Server] = []
    command = options.target_command or f"{options.rampa} target --port 0{' --tls' if options.tls else ''}"
    starts = {
        "nginx": lambda: Nginx(options.server_core, options.connections, options.tls),
        "target": lambda: Target(options.server_core, command),
    }
    for name in options.server:
        try:
            servers.append(starts[name]())
        except Missing as error:
            print(f"skipped server {name}: {error}", file=sys.stderr)
    return servers


def measure(server: Server, client: clients.Client, load: clients.Load, core: int | None, round_: int) -> Sample:
    before = server.cpu_seconds()
    run = clients.run(client, load, core)
    server_cpu = server.cpu_seconds() - before
    return Sample(
        server=server.name,
        client=client.name,
        round=round_,
        requests=run.requests,
        failed=run.failed,
        requests_per_s=run.requests / load.duration,
        client_us=run.cpu * 1e6 / run.requests,
        client_busy=run.cpu / run.elapsed,
        server_us=server_cpu * 1e6 / run.requests,
        server_busy=server_cpu / run.elapsed,
        full=run.full,
        resumed=run.resumed,
    )


def choose_clients(options: argparse.Namespace) -> list[clients.Client]:
    """The wanted ones that are there. Those that Debian does not have are installed first, or left out with a word."""
    chosen = []
    for client in CLIENTS:
        if client.name not in options.client:
            continue
        try:
            if client.install and not options.no_install:
                client.install()
            chosen.append(client)
        except Missing as error:
            print(f"skipped {client.name}: {error}", file=sys.stderr)
    return chosen


def run_rounds(
    options: argparse.Namespace, servers: list[Server], scratch: Path, chosen: list[clients.Client]
) -> list[Sample]:
    samples: list[Sample] = []
    for round_ in range(options.rounds):
        for server in servers:
            url = server.url[:-1] + options.path if server.name == "target" else server.url
            load = clients.Load(url, options.connections, options.duration, scratch, options.rampa, options.close)
            for client in list(chosen):
                progress(f"round {round_ + 1}/{options.rounds}: {client.name} on {server.name}")
                try:
                    samples.append(measure(server, client, load, options.client_core, round_))
                except Missing as error:
                    progress("")
                    print(f"skipped {client.name}: {error}", file=sys.stderr)
                    chosen.remove(client)
        chosen = chosen[1:] + chosen[:1]
    progress("")
    return samples


def progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):7.2f} ({min(values):.2f}..{max(values):.2f})"


def ratios(samples: list[Sample], server: str, client: str, reference: str = REFERENCE) -> list[float]:
    """The client's CPU by the reference's of the same round: what changes with the machine cancels out."""
    others = {s.round: s.client_us for s in samples if (s.server, s.client) == (server, reference)}
    return [
        s.client_us / others[s.round]
        for s in samples
        if (s.server, s.client) == (server, client) and s.round in others
    ]


def print_table(samples: list[Sample], server: str) -> None:
    print(
        f"\n{server}\n  {'client':<12} {'client us/request':>24} {f'of {REFERENCE}':>7} {f'of {OURS}':>20} "
        f"{'requests/s':>11} {'busy':>5}   {'server us/request':>24} {'busy':>5}"
    )
    for client in CLIENTS:
        mine = [s for s in samples if (s.server, s.client) == (server, client.name)]
        if not mine:
            continue
        of_reference = ratios(samples, server, client.name)
        of_ours = ratios(samples, server, client.name, OURS)
        print(
            f"  {client.name:<12} {spread([s.client_us for s in mine]):>24} "
            f"{f'{statistics.median(of_reference):.2f}' if of_reference else '-':>7} "
            f"{report.spread(of_ours, 1 if min(of_ours) > 3 else 2) if of_ours else '-':>20} "
            f"{statistics.median(s.requests_per_s for s in mine):>11,.0f} "
            f"{statistics.median(s.client_busy for s in mine):>5.0%}   "
            f"{spread([s.server_us for s in mine]):>24} "
            f"{statistics.median(s.server_busy for s in mine):>5.0%}"
        )
        full, resumed = sum(s.full for s in mine), sum(s.resumed for s in mine)
        if full + resumed:
            print(f"  {'':<12} {full:,} full TLS handshakes, {resumed:,} resumed ones")
        failed = sum(s.failed for s in mine)
        if failed:
            print(f"  {'':<12} {failed:,} of its requests failed: its numbers mean little")


def measures_of(samples: list[Sample]) -> report.Measures:
    """What two files are compared by: processor time, and its ratio to the reference, which depends less on the moment."""
    measures: report.Measures = {}
    for sample in samples:
        name = f"{sample.server}, {sample.client}"
        report.add(measures, f"{name}: us/request", "us", True, sample.client_us)
    for server, client in sorted({(s.server, s.client) for s in samples if s.client != REFERENCE}):
        for ratio in ratios(samples, server, client):
            report.add(measures, f"{server}, {client}: of {REFERENCE}", "", True, ratio)
    return measures


def print_head(options: argparse.Namespace, about: dict) -> None:
    print(
        f"{report.machine_line(about)}\n"
        f"{options.connections} connections, medians of {options.rounds} alternating rounds of "
        f"{options.duration} s (min..max)"
    )
    if about["others"] + about["stolen"] > QUIET:
        print("warning: the machine was not quiet; compare the ratios, not the microseconds")


def write_json(options: argparse.Namespace, about: dict, samples: list[Sample]) -> None:
    keys = ("connections", "rounds", "duration", "client_core", "server_core", "path", "tls", "close")
    settings = {key: getattr(options, key) for key in keys}
    rows = [asdict(sample) for sample in samples]
    report.write(options.json, "peers", options.rampa, about, settings, rows, measures_of(samples))


def main() -> int:
    options = parse_options()
    choose_cores(options)
    raise_file_limit(options.connections)
    chosen = choose_clients(options)
    if options.tls:
        os.environ |= {"RAMPA_INSECURE": "1", "RAMPA_NO_HTTP2": "1"}  # as the others
    about = report.machine()
    before = report.Ticks.now()
    servers = start_servers(options)
    try:
        with tempfile.TemporaryDirectory(prefix="rampa-bench-") as scratch:
            samples = run_rounds(options, servers, Path(scratch), chosen)
    finally:
        for server in servers:
            server.stop()
    if not samples:
        print("nothing was measured", file=sys.stderr)
        return 1
    ours = sum(s.requests * (s.client_us + s.server_us) for s in samples) / 1e6
    about |= report.disturbance(before, ours)
    print_head(options, about)
    for server in servers:
        print_table(samples, server.name)
    if options.json:
        write_json(options, about, samples)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
