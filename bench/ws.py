# SPDX-License-Identifier: MIT
"""WebSockets beside the package websockets and the package ws of npm: processor time per message that comes back.

The same server (`rampa target`), the same connections, alternating rounds. A message is a text that is sent and received.
With --idle: the memory of WebSockets that are open and have nothing to do. See docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
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
WS = peers.Package("ws", "8.18.0", [["npm", "install", "--silent", "--prefix", "{folder}", "ws@8.18.0"]])


def rampa_argv(load: clients.Load) -> list[str]:
    return [load.rampa, "run", str(FOLDER / "ws_rampa.py"), "--quiet", "--out", str(load.scratch / "rampa.json")]


def count_rampa(text: str, load: clients.Load) -> tuple[int, int]:
    metrics = json.loads((load.scratch / "rampa.json").read_text())["summary"]["metrics"]
    received = metrics.get("ws_msgs_received") or metrics["ws_messages_received"]  # as earlier builds call it
    return int(received["count"]), int(metrics.get("ws_errors", {}).get("count", 0))


CLIENTS = {
    client.name: client
    for client in (
        clients.Client(beside.REFERENCE, lambda load: load.rampa, rampa_argv, count_rampa, {"RAMPA_LOOP": ""}),
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
    beside.add_options(parser, list(CLIENTS))
    parser.add_argument("--bytes", type=int, default=1024, metavar="N", help="of a message (1024)")
    parser.add_argument("--idle", type=int, metavar="N", help="only the memory of N idle WebSockets in one worker of rampa")
    options = parser.parse_args(argv)
    beside.check(parser, options, list(CLIENTS))
    if options.bytes < 0:
        parser.error("--bytes is at least 0")
    if options.idle is not None and options.idle < 1000:
        parser.error("--idle is at least 1000: fewer say little of what one takes")
    return options


def url_of(server: Target) -> str:
    return server.url.replace("http", "ws") + "ws"


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


def main(argv: Sequence[str] | None = None) -> int:
    options = parse_options(argv)
    choose_cores(options)
    os.environ["RAMPA_BENCH_WS_BYTES"] = str(options.bytes)
    before = report.Ticks.now()
    try:
        server = Target(options.server_core, f"{options.rampa} target --port 0")
        try:
            with tempfile.TemporaryDirectory(prefix="rampa-bench-") as scratch:
                if options.idle:
                    return measure_idle(options, server, Path(scratch))
                names = beside.installed(CLIENTS, options.client)
                samples = beside.run_rounds(options, CLIENTS, names, url_of(server), server, Path(scratch))
        finally:
            server.stop()
    except Missing as error:
        progress("")
        print(error, file=sys.stderr)
        return 1
    what = f"{options.connections} connections, texts of {options.bytes:,} bytes"
    return beside.tell(options, list(CLIENTS), samples, "message", what, "ws", before)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
