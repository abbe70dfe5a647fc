# SPDX-License-Identifier: MIT
"""What each output costs: processor time for each request, of the workers and of the coordinator, and memory, beside none.

The same load at the same rate, with each output in turn; the outputs of a URL send to a receiver of this program. See
docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import http.server
import json
import os
import re
import statistics
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import report  # noqa: E402
from run import progress  # noqa: E402
from servers import TICKS_PER_S, Missing, Target, run_rampa  # noqa: E402

NONE = "none"
# What stands behind --output, by the folder for files and the URL of a receiver.
OUTPUTS: dict[str, Callable[[Path, str], list[str]]] = {
    NONE: lambda folder, url: [],
    "prometheus": lambda folder, url: ["--output", f"prometheus={url}"],
    "influxdb": lambda folder, url: ["--output", f"influxdb={url}/db"],
    "otel": lambda folder, url: ["--output", f"otel={url}"],
    "otel-exponential": lambda folder, url: ["--output", f"otel={url}", "--output-option", "otel.histograms=exponential"],
    "webhook": lambda folder, url: ["--output", f"webhook={url}"],
    "junit": lambda folder, url: ["--output", f"junit={folder}/junit.xml"],
    "csv": lambda folder, url: ["--output", f"csv={folder}/out.csv"],
    "ndjson": lambda folder, url: ["--output", f"ndjson={folder}/out.ndjson"],
}


@dataclass
class Sample:
    """One run."""

    output: str
    round: int
    requests: int
    coordinator_us: float  # of processor time for each request
    workers_us: float
    coordinator_mib: float  # the most that was resident
    workers_mib: float
    lost: bool  # samples, or numbers


def parse_options(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench outputs", description=__doc__.partition("\n")[0])
    parser.add_argument("output", nargs="*", help=f"only these, of {', '.join(OUTPUTS)}")
    parser.add_argument("--rate", type=int, default=20000, metavar="N", help="requests a second")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--duration", type=int, default=5, metavar="S", help="seconds a run")
    parser.add_argument("--json", metavar="FILE", help="write all samples there, for './dev bench compare'")
    parser.add_argument("--rampa", metavar="PROGRAM", default=os.environ.get("RAMPA", str(report.ROOT / "build/rampa")))
    options = parser.parse_args(argv)
    for name in options.output:
        if name not in OUTPUTS:
            parser.error(f"there is no output '{name}' here; there are {', '.join(OUTPUTS)}")
    if min(options.rate, options.rounds, options.duration) < 1:
        parser.error("--rate, --rounds and --duration are at least 1")
    options.output = [name for name in OUTPUTS if name == NONE or not options.output or name in options.output]
    return options


class Receiver(http.server.BaseHTTPRequestHandler):
    """Takes everything."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def receiver() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Process:
    seconds: float = 0
    mib: float = 0


def look(pid: int, found: dict[int, Process]) -> None:
    """What a process and its children have used so far; one that has ended stays as it was seen last."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        memory = re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.M)
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return
    if memory:
        found[pid] = Process((int(stat[11]) + int(stat[12])) / TICKS_PER_S, int(memory[1]) / 1024)
    for child in children:
        look(int(child), found)


def run_looking(argv: list[str], scratch: Path) -> tuple[Process, Process, int]:
    """The coordinator, all workers together, and the exit code."""
    found: dict[int, Process] = {}
    usage, code = run_rampa(argv, scratch / "said", lambda pid: look(pid, found), may_end=(0, 6))
    own = found.pop(next(iter(found), 0), Process())  # it was seen first
    workers = Process(sum(one.seconds for one in found.values()), sum(one.mib for one in found.values()))
    # What the last look came too early for is in the sum of all of them: it is shared out as the rest is.
    seen = own.seconds + workers.seconds
    scale = (usage.ru_utime + usage.ru_stime) / seen if seen else 1
    return Process(own.seconds * scale, own.mib), Process(workers.seconds * scale, workers.mib), code


def measure(options: argparse.Namespace, name: str, round_: int, target: Target, url: str, scratch: Path) -> Sample:
    out = scratch / "result.json"
    argv = [
        options.rampa, "run", target.url, "--quiet", "--rate", str(options.rate), "--duration", f"{options.duration}s", "--out", str(out),
        *OUTPUTS[name](scratch, url),
    ]  # fmt: skip
    own, workers, code = run_looking(argv, scratch)
    requests = int(json.loads(out.read_text())["summary"]["metrics"]["http_reqs"]["count"])
    if not requests:
        raise Missing("rampa made no request")
    return Sample(name, round_, requests, own.seconds * 1e6 / requests, workers.seconds * 1e6 / requests, own.mib, workers.mib, code == 6)


def run_rounds(options: argparse.Namespace) -> list[Sample]:
    samples: list[Sample] = []
    names = list(options.output)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rampa-bench-")))
        target = Target(None, f"{options.rampa} target --port 0")
        stack.callback(target.stop)
        url = stack.enter_context(receiver())
        for round_ in range(options.rounds):
            for name in names:
                progress(f"round {round_ + 1}/{options.rounds}: {name}")
                samples.append(measure(options, name, round_, target, url, scratch))
            names.reverse()
    progress("")
    return samples


def beside_none(samples: list[Sample], name: str, what: Callable[[Sample], float]) -> list[float]:
    """How much more it is than without an output, in the same round."""
    nones = {s.round: what(s) for s in samples if s.output == NONE}
    return [what(s) - nones[s.round] for s in samples if s.output == name and s.round in nones]


def print_table(options: argparse.Namespace, samples: list[Sample]) -> None:
    print(
        f"medians of {options.rounds} alternating rounds of {options.duration} s at {options.rate} requests/s (min..max)\n\n"
        f"  {'output':<17} {'coordinator us':>22} {'more':>7} {'workers us':>24} {'more':>7} {'coordinator MiB':>15} {'workers MiB':>11}"
    )
    for name in options.output:
        mine = [s for s in samples if s.output == name]
        more = [statistics.median(beside_none(samples, name, what)) for what in (lambda s: s.coordinator_us, lambda s: s.workers_us)]
        print(
            f"  {name:<17} {report.spread([s.coordinator_us for s in mine]):>22} {more[0]:>7.2f} "
            f"{report.spread([s.workers_us for s in mine]):>24} {more[1]:>7.2f} {statistics.median(s.coordinator_mib for s in mine):>15.1f} "
            f"{statistics.median(s.workers_mib for s in mine):>11.1f}{'  something was lost' if any(s.lost for s in mine) else ''}"
        )


def measures_of(samples: list[Sample]) -> report.Measures:
    measures: report.Measures = {}
    for s in samples:
        report.add(measures, f"{s.output}: us of the coordinator a request", "us", True, s.coordinator_us)
        report.add(measures, f"{s.output}: us of the workers a request", "us", True, s.workers_us)
        report.add(measures, f"{s.output}: memory of the coordinator", "MiB", True, s.coordinator_mib)
    return measures


def main(argv: Sequence[str] | None = None) -> int:
    options = parse_options(argv)
    about = report.machine()
    before = report.Ticks.now()
    try:
        samples = run_rounds(options)
    except Missing as error:
        progress("")
        print(f"error: {error}", file=sys.stderr)
        return 1
    about |= report.disturbance(before, sum(s.requests * (s.coordinator_us + s.workers_us) for s in samples) / 1e6)
    print(report.machine_line(about))
    print_table(options, samples)
    if options.json:
        settings = {key: getattr(options, key) for key in ("rate", "rounds", "duration")}
        report.write(options.json, "outputs", options.rampa, about, settings, [asdict(s) for s in samples], measures_of(samples))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
