# SPDX-License-Identifier: MIT
"""gRPC beside grpcio's asyncio client and ghz: processor time of the client per unary call, or per message of streams with --stream.

The same server (the TestService of `rampa target`, over h2c), the same connections, alternating rounds. Each connection makes one call
after the other. ghz knows no time per message of a stream, and is left out there. See docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import beside  # noqa: E402
import clients  # noqa: E402
import peers  # noqa: E402
import report  # noqa: E402
from run import choose_cores, progress  # noqa: E402
from servers import Missing, Target  # noqa: E402

FOLDER = Path(__file__).resolve().parent
GHZ = peers.Package("ghz", "0.120.0", [["go", "install", "github.com/bojand/ghz/cmd/ghz@v0.120.0"]])
PROTO = FOLDER.parent / "examples/testservice.proto"


def rampa_argv(load: clients.Load) -> list[str]:
    return [load.rampa, "run", str(FOLDER / "grpc_rampa.py"), "--quiet", "--out", str(load.scratch / "rampa.json")]


def count_rampa(text: str, load: clients.Load) -> tuple[int, int]:
    metrics = json.loads((load.scratch / "rampa.json").read_text())["summary"]["metrics"]
    calls = metrics["grpc_reqs"]["count"]
    done = metrics["grpc_streams_msgs_received"]["count"] if "RAMPA_BENCH_GRPC_MESSAGES" in os.environ else calls
    return int(done), round(calls * metrics["grpc_req_failed"]["rate"])


def ghz_argv(load: clients.Load) -> list[str]:
    """With the request as bytes too: from JSON, which may be a template, it makes it anew for each call."""
    from grpc_messages import UNARY

    request = load.scratch / "request"
    request.write_bytes(UNARY)
    users = str(load.connections)
    what = ["--insecure", "--proto", str(PROTO), "--call", "grpc.testing.TestService.UnaryCall", "--binary-file", str(request)]
    how = ["--connections", users, "--concurrency", users, "--duration", f"{load.duration}s", "--duration-stop", "wait", "--cpus", "1"]
    return [GHZ.program(), *what, "--disable-template-functions", "--disable-template-data", *how, "--format", "json", load.url]


def count_ghz(text: str, load: clients.Load) -> tuple[int, int]:
    result = json.loads(text)
    good = result["statusCodeDistribution"].get("OK", 0)
    return good, result["count"] - good


CLIENTS = {
    client.name: client
    for client in (
        clients.Client(beside.REFERENCE, lambda load: load.rampa, rampa_argv, count_rampa, {"RAMPA_LOOP": ""}),
        clients.Client(
            "grpcio", lambda load: clients.PYTHON, lambda load: [clients.PYTHON, str(FOLDER / "grpc_grpcio.py")], clients.count_aiohttp,
        ),
        clients.Client("ghz", lambda load: GHZ.program(), ghz_argv, count_ghz, {"GOMAXPROCS": "1"}, GHZ.install),
    )
}  # fmt: skip


def parse_options(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench grpc", description=__doc__.partition("\n")[0])
    beside.add_options(parser, list(CLIENTS))
    parser.add_argument("--bytes", type=int, default=100, metavar="N", help="payload of a response (100)")
    parser.add_argument("--stream", type=int, metavar="N", help="calls with N responses each, whose messages are counted")
    options = parser.parse_args(argv)
    beside.check(parser, options, list(CLIENTS))
    if options.bytes < 0 or (options.stream is not None and options.stream < 1):
        parser.error("--bytes is at least 0, and --stream at least 1")
    if options.stream:
        options.client = [name for name in options.client if name != "ghz"]
        os.environ["RAMPA_BENCH_GRPC_MESSAGES"] = str(options.stream)
    os.environ["RAMPA_BENCH_GRPC_BYTES"] = str(options.bytes)
    return options


def main(argv: Sequence[str] | None = None) -> int:
    options = parse_options(argv)
    choose_cores(options)
    before = report.Ticks.now()
    try:
        server = Target(options.server_core, f"{options.rampa} target --port 0")
        try:
            with tempfile.TemporaryDirectory(prefix="rampa-bench-") as scratch:
                names = beside.installed(CLIENTS, options.client)
                address = server.url.removeprefix("http://").rstrip("/")
                samples = beside.run_rounds(options, CLIENTS, names, address, server, Path(scratch))
        finally:
            server.stop()
    except Missing as error:
        progress("")
        print(error, file=sys.stderr)
        return 1
    kind = f"streams of {options.stream:,} responses" if options.stream else "unary calls"
    what = f"{options.connections} connections, {kind} of {options.bytes:,} bytes"
    unit, item = ("message", "grpc-stream") if options.stream else ("call", "grpc")
    return beside.tell(options, list(CLIENTS), samples, unit, what, item, before)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
