# SPDX-License-Identifier: MIT
"""Many connections, held: 19,000 in one worker and 100,000 over several, each with a request now and then.

Lateness at the begin and at the end of the hold are compared; memory is that of VUs that wait with an open connection. See
docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import report  # noqa: E402
from run import progress, raise_file_limit  # noqa: E402
from servers import Missing, Target  # noqa: E402

FOLDER = Path(__file__).resolve().parent
SIZES = ("19000/1", "100000/6")
A_SERVER = 8000  # connections that one server is given: beyond about 13,000 to one port the search for free ports gets slow
PER_S = 2000  # connections that are opened in a second: a server takes them one by one
TLS_PER_S = 250  # a full handshake takes client and server up to 2 ms each, on a machine where both have a core of their own
PAGE = os.sysconf("SC_PAGE_SIZE")
PARTS = {"iteration_lateness": "lateness", "loop_lag": "loop lag"}


@dataclass
class Sample:
    """One run. Times in milliseconds: means of parts of the hold, and the median of their seconds' p(95)."""

    size: str
    round: int
    open: int  # sockets of all workers at the end of the hold: connections, and what they talk to the coordinator by
    requests: int
    failed: int
    errors: str  # what they failed with
    full: int  # TLS handshakes
    resumed: int
    bytes_each: float  # a VU with its connection
    kernel_bytes_each: float  # what the kernel's own memory has grown by, with the server's end
    all_begun_ms: float  # from the first VU's first line to the last one's
    late: dict[str, dict[str, float]]
    core: float  # all workers, of a core
    server_core: float
    verdict: str


def parse_options(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench scale", description=__doc__.partition("\n")[0])
    parser.add_argument("size", nargs="*", default=list(SIZES), help=f"VUS/WORKERS ({' '.join(SIZES)})")
    parser.add_argument("--hold", type=int, default=60, metavar="S", help="how long all connections are held")
    parser.add_argument("--every", type=float, default=10, metavar="S", help="a request of each VU in this time")
    parser.add_argument("--rounds", type=int, default=1, metavar="N")
    parser.add_argument("--tls", action="store_true", help="over https; certificates are not verified")
    parser.add_argument(
        "--resumed", action="store_true", help="over https; each VU holds its second connection, which it has resumed"
    )
    parser.add_argument("--http2", action="store_true", help="over https, with HTTP/2")
    parser.add_argument("--json", metavar="FILE", help="write all samples there, for './dev bench compare'")
    parser.add_argument("--rampa", metavar="PROGRAM", default=os.environ.get("RAMPA", str(report.ROOT / "build/rampa")))
    options = parser.parse_args(argv)
    options.tls |= options.resumed or options.http2
    if min(options.hold, options.rounds) < 1 or options.every <= 0:
        parser.error("--hold and --rounds are at least 1, --every is more than 0")
    for size in options.size:
        vus, slash, workers = size.partition("/")
        if not (slash and vus.isdigit() and workers.isdigit() and int(vus) >= int(workers) > 0):
            parser.error(f"'{size}' is not VUS/WORKERS, as {SIZES[0]}")
    return options


def ramp_of(vus: int, tls: bool) -> int:
    """Seconds in which the connections are opened."""
    return math.ceil(vus / (TLS_PER_S if tls else PER_S))


def kernel_bytes() -> int:
    """What the kernel has for objects of its own, such as sockets. Of the whole machine."""
    return int(re.search(r"Slab:\s+(\d+) kB", Path("/proc/meminfo").read_text())[1]) * 1024


class Held:
    """A run of rampa, looked at from outside when it has opened all its connections and when it is about to end."""

    def __init__(self, options: argparse.Namespace, vus: int, workers: int, servers: Sequence[Target], scratch: Path):
        self.ramp = ramp_of(vus, options.tls)
        self.hold = options.hold
        self.notes = scratch / "notes"
        self.notes.mkdir()
        self.out = scratch / "result.json"
        self.said = scratch / "said"
        env = os.environ | {
            "RAMPA_BENCH_URLS": " ".join(server.url for server in servers),
            "RAMPA_BENCH_VUS": str(vus),
            "RAMPA_BENCH_RAMP": str(self.ramp),
            "RAMPA_BENCH_HOLD": str(options.hold),
            "RAMPA_BENCH_EVERY": str(options.every),
            "RAMPA_BENCH_NOTES": str(self.notes),
            "RAMPA_BENCH_RESUMED": str(int(options.resumed)),
            "RAMPA_INSECURE": str(int(options.tls)),
            "RAMPA_NO_HTTP2": str(int(not options.http2)),
        }
        argv = [options.rampa, "run", str(FOLDER / "idle.py"), "--quiet", "--no-spin", "--out", str(self.out)]
        with open(self.said, "w") as said:
            self.process = subprocess.Popen(
                [*argv, "--workers", str(workers)], stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=env
            )

    def fail(self, why: str) -> Missing:
        return Missing(f"{why}: {' | '.join(self.said.read_text(errors='replace').splitlines()[-3:])}")

    def wait_for_begin(self, vus: int) -> None:
        """Until every VU has begun."""
        for _ in range(6000):
            if sum(note["vus"] for note in self.read_notes().values()) >= vus:
                return
            if self.process.poll() is not None:
                raise self.fail(f"rampa ended with code {self.process.returncode}")
            time.sleep(0.01)
        raise self.fail("the VUs do not begin")

    def read_notes(self) -> dict[int, dict[str, Any]]:
        """By process. A file that is being written is left for the next look."""
        found = {}
        for file in self.notes.glob("*.json"):
            try:
                found[int(file.stem)] = json.loads(file.read_text())
            except ValueError:
                continue
        return found

    def look(self) -> tuple[int, int]:
        """Open sockets and resident bytes of all workers."""
        sockets = bytes_ = 0
        for pid in self.read_notes():
            try:
                sockets += count_sockets(pid)
                bytes_ += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
            except OSError:
                raise self.fail("a worker has ended") from None
        return sockets, bytes_

    def end(self) -> dict[str, Any]:
        code = self.process.wait()
        if code:
            raise self.fail(f"rampa ended with code {code}")
        return json.loads(self.out.read_text())

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def count_sockets(pid: int) -> int:
    """Sockets of a process: its connections, and the one to the coordinator."""
    folder = f"/proc/{pid}/fd"
    count = 0
    for name in os.listdir(folder):
        try:
            count += os.readlink(f"{folder}/{name}").startswith("socket:")
        except OSError:
            continue
    return count


def part_of(series: dict[str, Any], begin: float, end: float) -> tuple[float, float]:
    """Mean of what was measured between the two moments, and the median of its seconds' p(95)."""
    columns = {name: at for at, name in enumerate(series["columns"])}
    points = [p for p in series["points"] if begin <= p[columns["start_s"]] < end and p[columns["samples"]]]
    if not points:
        return 0.0, 0.0
    samples = sum(p[columns["samples"]] for p in points)
    mean = sum(p[columns["avg"]] * p[columns["samples"]] for p in points) / samples
    return mean, statistics.median(p[columns["p(95)"]] for p in points)


def lateness(result: dict[str, Any], ramp: int, hold: int) -> dict[str, dict[str, float]]:
    """Of the first third of the hold and of its last."""
    third = hold / 3
    found = {}
    for metric, label in PARTS.items():
        first = part_of(result["series"][metric], ramp, ramp + third)
        last = part_of(result["series"][metric], ramp + hold - third, ramp + hold)
        found[label] = {"first": first[0], "first p95": first[1], "last": last[0], "last p95": last[1]}
    return found


def measure(options: argparse.Namespace, size: str, round_: int) -> Sample:
    vus, workers = map(int, size.split("/"))
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rampa-bench-")))
        servers = []
        for _ in range(math.ceil(vus / A_SERVER)):
            servers.append(Target(None, f"{options.rampa} target --port 0{' --tls' if options.tls else ''}"))
            stack.callback(servers[-1].stop)
        kernel_before = kernel_bytes()
        held = Held(options, vus, workers, servers, scratch)
        stack.callback(held.stop)
        held.wait_for_begin(vus)
        begin = time.monotonic()
        server_before = sum(server.cpu_seconds() for server in servers)
        time.sleep(max(0.0, held.ramp + held.hold - 1.5 - (time.monotonic() - begin)))
        sockets, bytes_ = held.look()
        kernel_growth = kernel_bytes() - kernel_before
        notes = held.read_notes()
        server_cpu = sum(server.cpu_seconds() for server in servers) - server_before
        server_core = server_cpu / (time.monotonic() - begin)
        result = held.end()
    metrics = result["summary"]["metrics"]
    requests = int(metrics["http_reqs"]["count"])
    full, resumed = (int(metrics.get(f"tls_{kind}_handshakes", {}).get("count", 0)) for kind in ("full", "resumed"))
    before = sum(note["bytes"] for note in notes.values())
    return Sample(
        size=size,
        round=round_,
        open=sockets,
        requests=requests,
        failed=round(requests * metrics["http_req_failed"]["rate"]),
        errors=", ".join(f"{error['count']:,} {error['error']}" for error in result["errors"]["requests"][:3]),
        full=full,
        resumed=resumed,
        bytes_each=(bytes_ - before) / vus,
        kernel_bytes_each=kernel_growth / vus,
        all_begun_ms=1e3 * (max(n["begun"][1] for n in notes.values()) - min(n["begun"][0] for n in notes.values())),
        late=lateness(result, held.ramp, held.hold),
        core=sum(w["cpu_user_s"] + w["cpu_system_s"] for w in result["workers"]) / result["run"]["elapsed_s"],
        server_core=server_core,
        verdict="; ".join(reason["text"] for reason in result["generator"]["reasons"]) or "valid",
    )


def print_sample(sample: Sample) -> None:
    vus, workers = map(int, sample.size.split("/"))
    handshakes = f"; {sample.full:,} full TLS handshakes, {sample.resumed:,} resumed ones" if sample.full else ""
    print(
        f"\n{vus:,} VUs in {workers} worker{'s' * (workers > 1)}: {sample.open:,} sockets open at the end, {sample.requests:,} "
        f"requests, {sample.failed:,} failed{f' ({sample.errors})' if sample.failed else ''}{handshakes}\n"
        f"  all VUs begun within {sample.all_begun_ms:,.0f} ms; {sample.bytes_each:,.0f} bytes each, with an open connection; "
        f"the kernel has {sample.kernel_bytes_each:,.0f} more of its own for both ends\n"
        f"  workers used {sample.core:.0%} of a core, servers {sample.server_core:.0%}; generator: {sample.verdict}\n"
        f"  {'ms':<10} {'first third: mean':>18} {'p(95)':>8} {'last third: mean':>18} {'p(95)':>8}"
    )
    for label, row in sample.late.items():
        print(f"  {label:<10} {row['first']:>18.2f} {row['first p95']:>8.2f} {row['last']:>18.2f} {row['last p95']:>8.2f}")


def measures_of(samples: list[Sample]) -> report.Measures:
    measures: report.Measures = {}
    for s in samples:
        report.add(measures, f"{s.size}: bytes a VU", "bytes", True, s.bytes_each)
        report.add(measures, f"{s.size}: all begun", "ms", True, s.all_begun_ms)
        report.add(measures, f"{s.size}: workers", "cores", True, s.core)
        for label, row in s.late.items():
            report.add(measures, f"{s.size}: {label} at the end", "ms", True, row["last"])
    return measures


def main(argv: Sequence[str] | None = None) -> int:
    options = parse_options(argv)
    for size in options.size:
        vus, workers = map(int, size.split("/"))
        raise_file_limit(max(vus // workers, A_SERVER))
    about = report.machine()
    before = report.Ticks.now()
    samples = []
    for round_ in range(options.rounds):
        for size in options.size:
            progress(f"round {round_ + 1}/{options.rounds}: {size}")
            try:
                samples.append(measure(options, size, round_))
            except Missing as error:
                progress("")
                print(f"{size}: {error}", file=sys.stderr)
                return 1
    progress("")
    ours = sum((s.core + s.server_core) * (options.hold + ramp_of(int(s.size.split('/')[0]), options.tls)) for s in samples)
    about |= report.disturbance(before, ours)
    print(report.machine_line(about))
    for sample in samples:
        print_sample(sample)
    if options.json:
        settings = {key: getattr(options, key) for key in ("hold", "every", "rounds", "tls", "resumed", "http2")}
        rows = [asdict(s) for s in samples]
        report.write(options.json, "scale", options.rampa, about, settings, rows, measures_of(samples))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
