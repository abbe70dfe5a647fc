# SPDX-License-Identifier: MIT
"""Instructions and allocations of a request, counted by valgrind, beside the budget that the tests hold them to.

A worker runs under callgrind twice, for few requests and for many: the difference, divided by the further requests, is what
one costs, without start and end. Only what the program itself executes is counted, not the kernel's part. Such counts are
the same on a busy machine as on an idle one. See docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER))

from servers import Target  # noqa: E402

PYTHON = os.environ.get("RAMPA_PYTHON") or "/usr/bin/python3"
BUDGET = FOLDER / "instructions.json"
TOLERANCE = 0.03
WARM_UP = 1000  # requests of the shorter run: every connection is open, every free list is filled
# Only what happens inside of these is counted. The loop calls them for a request: with the bytes of its answer, to begin the
# next iteration, to send. The rest belongs to turns of the loop and to seconds, of which a busy machine needs more.
ENTRIES = ("stream_data", "begin_ready", "rp_stream_offer")
COUNTED = [f"--toggle-collect={name}" for name in ENTRIES]
# Calls, however, are counted everywhere.
OURS = {"rp_alloc", "rp_calloc", "rp_realloc"}
SYSTEM = {"malloc", "calloc", "realloc"}


class Failed(Exception):
    """A run that gave no count; the text says why."""


@dataclass
class Settings:
    rampa: str
    url: str
    connections: int
    requests: int  # of the longer run, beyond WARM_UP
    scratch: Path


@dataclass
class Counts:
    """Of one request."""

    instructions: float
    allocations: float  # by our C code
    all_allocations: float  # by Python objects and libraries too


@dataclass
class Profile:
    """What callgrind has written about one process."""

    instructions: int
    calls: Counter[str]


def read_profile(text: str) -> Profile:
    """A file of callgrind. Names are written once and then referred to by number; `calls=` is about the last `cfn=`."""
    names: dict[str, str] = {}
    profile = Profile(0, Counter())
    callee = ""
    for line in text.splitlines():
        key, _, rest = line.partition("=")
        if key in ("fn", "cfn"):
            number, _, name = rest.partition(" ")
            if name:
                names[number] = name.partition("'")[0]  # 'N: a function that has called itself
            callee = names[number]
        elif key == "calls":
            profile.calls[callee] += int(rest.split()[0])
        elif line.startswith("totals:"):
            profile.instructions = int(line.split()[1])
    return profile


def callgrind(settings: Settings, name: str) -> list[str]:
    return ["valgrind", "--quiet", "--tool=callgrind", *COUNTED, f"--callgrind-out-file={settings.scratch}/{name}.callgrind"]


def run_python(settings: Settings, name: str, requests: int) -> list[str]:
    """Only the interpreter runs under callgrind: what --python names is a script that starts both."""
    wrapper = settings.scratch / f"{name}-python3"
    valgrind = " ".join([*callgrind(settings, name), "--log-file=/dev/null"])
    wrapper.write_text(f'#!/bin/sh\nexec {valgrind} {PYTHON} "$@"\n')
    wrapper.chmod(0o755)
    return [settings.rampa, "run", str(FOLDER / "get_check_count.py"), "--quiet", "--python", str(wrapper)]


def run_url(settings: Settings, name: str, requests: int) -> list[str]:
    """Engine and client of a worker without Python. (rampa itself needs system calls that valgrind does not know.)"""
    program = Path(settings.rampa).resolve().parent / "tests/unit/app/url_bench"
    return [*callgrind(settings, name), str(program), settings.url, str(settings.connections), str(requests)]


CASES: dict[str, Callable[[Settings, str, int], list[str]]] = {"python": run_python, "url": run_url}


def compile_package(settings: Settings) -> None:
    """Once, so that no worker has to do it under valgrind."""
    package = str(Path(settings.rampa).resolve().parent / "python")
    env = {**os.environ, "PYTHONPYCACHEPREFIX": str(settings.scratch), "PYTHONPATH": package}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    subprocess.run([PYTHON, "-c", "import rampa._worker"], env=env, check=False, capture_output=True)


def run(settings: Settings, case: str, requests: int, allocator: str) -> Profile:
    name = f"{case}-{allocator}-{requests}"
    env = {
        **os.environ,
        "RAMPA_PATIENCE": "5m",  # a busy machine may need a minute to start Python under valgrind
        "RAMPA_LOOP": "epoll",  # valgrind does not run io_uring as we use it
        "PYTHONHASHSEED": "0",  # else the start differs a little each time
        "PYTHONMALLOC": allocator,
        "PYTHONPYCACHEPREFIX": str(settings.scratch),
        "RAMPA_BENCH_URL": settings.url,
        "RAMPA_BENCH_CONNECTIONS": str(settings.connections),
        "RAMPA_BENCH_REQUESTS": str(requests),
    }
    done = subprocess.run(
        CASES[case](settings, name, requests), env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600
    )
    if done.returncode:
        raise Failed(f"{name} ended with code {done.returncode}: {(done.stderr + done.stdout)[-2000:]}")
    profile = read_profile((settings.scratch / f"{name}.callgrind").read_text(errors="replace"))
    if not profile.instructions:
        raise Failed("callgrind has counted nothing")
    return profile


def difference(settings: Settings, case: str, requests: int, allocator: str = "pymalloc") -> Profile:
    """What a longer run has beyond a short one."""
    few = run(settings, case, WARM_UP, allocator)
    many = run(settings, case, WARM_UP + requests, allocator)
    many.calls.subtract(few.calls)
    return Profile(many.instructions - few.instructions, many.calls)


def count(settings: Settings, case: str) -> Counts:
    fewer = max(1, settings.requests // 3)
    profile = difference(settings, case, settings.requests)
    # Calls of the system's allocator tell what Python allocates only when Python has none of its own.
    by_system = difference(settings, case, fewer, "malloc").calls if case == "python" else profile.calls
    divisor = fewer if case == "python" else settings.requests
    return Counts(
        instructions=round(profile.instructions / settings.requests, 1),
        allocations=round(sum(profile.calls[name] for name in OURS) / settings.requests, 3),
        all_allocations=round(sum(by_system[name] for name in SYSTEM) / divisor, 3),
    )


def missing() -> str | None:
    return None if shutil.which("valgrind") else "valgrind is not installed"


def read_budget() -> dict[str, Any]:
    return json.loads(BUDGET.read_text())


def compile_command(rampa: str) -> list[str]:
    """How a file of the program was compiled; empty when its build folder does not say."""
    try:
        compiled = json.loads((Path(rampa).resolve().parent / "compile_commands.json").read_text())
    except (OSError, ValueError):
        return []
    commands = (entry["command"].split() for entry in compiled if entry["file"].endswith("http/connection.c"))
    return next(commands, [])


def build_of(rampa: str) -> str:
    """What a budget holds for. Another compiler, optimisation, interpreter or machine has other counts."""
    words = compile_command(rampa)
    compiler = next((word for word in words if not word.endswith("ccache")), "")
    if not shutil.which(compiler):
        return "unknown"
    version = subprocess.run([compiler, "-dumpversion"], capture_output=True, text=True).stdout.strip()
    python = subprocess.run([PYTHON, "-V"], capture_output=True, text=True).stdout.strip().rpartition(".")[0]
    level = [word for word in words if re.fullmatch("-O.*", word)][-1:]
    extra = [word for word in words if word.startswith(("-fsanitize", "-flto", "-DNDEBUG", "--coverage"))]
    return " ".join([Path(compiler).name, version.partition(".")[0], *level, *extra, python, platform.machine()])


def measure(rampa: str, cases: Sequence[str], connections: int, requests: int) -> dict[str, Counts]:
    target = Target(None, f"{rampa} target --port 0")
    try:
        with tempfile.TemporaryDirectory(prefix="rampa-bench-") as scratch:
            settings = Settings(rampa, target.url, connections, requests, Path(scratch))
            compile_package(settings)
            return {case: count(settings, case) for case in cases}
    finally:
        target.stop()


def parse_options(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench instructions", description=__doc__.partition("\n")[0])
    parser.add_argument("case", nargs="*", help=f"only these, of {', '.join(CASES)}")
    parser.add_argument("--connections", type=int, default=64, metavar="N")
    parser.add_argument("--requests", type=int, default=20_000, metavar="N")
    parser.add_argument("--update", action="store_true", help="make what was counted the budget")
    parser.add_argument(
        "--rampa", metavar="PROGRAM", default=os.environ.get("RAMPA", str(FOLDER.parent / "build/rampa"))
    )
    options = parser.parse_args(argv)
    for case in options.case:
        if case not in CASES:
            parser.error(f"there is no case '{case}'; there are {', '.join(CASES)}")
    options.case = options.case or list(CASES)
    return options


def excess(counted: Counts, allowed: dict[str, float]) -> list[str]:
    """What is over its budget, in words."""
    slack = {
        "instructions": allowed["instructions"] * TOLERANCE,
        "allocations": 0.2,  # a page of a histogram, now and then
        "all_allocations": 0.6,  # some more once a second
    }
    return [
        f"{getattr(counted, key):,} {title} a request, more than {allowed[key]:,}"
        for key, title in COLUMNS.items()
        if getattr(counted, key) > allowed[key] + slack[key]
    ]


COLUMNS = {"instructions": "instructions", "allocations": "allocations in C", "all_allocations": "allocations in all"}


def print_table(counts: dict[str, Counts], budget: dict[str, dict[str, float]]) -> None:
    print(f"{'':<8}" + "".join(f"{title:>20} {'budget':>8}" for title in COLUMNS.values()))
    for case, counted in counts.items():
        cells = (
            f"{getattr(counted, key):>20,g} {budget[case][key] if case in budget else '-':>8}" for key in COLUMNS
        )
        print(f"{case:<8}{''.join(cells)}")


def main() -> int:
    options = parse_options()
    why = missing()
    if why:
        print(why, file=sys.stderr)
        return 1
    try:
        counts = measure(options.rampa, options.case, options.connections, options.requests)
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    print(f"one request, {options.connections} connections, on epoll; {build_of(options.rampa)}\n")
    budget = read_budget()["requests"]
    print_table(counts, budget)
    if options.update:
        budget |= {case: {key: round(getattr(counted, key)) for key in COLUMNS} for case, counted in counts.items()}
        BUDGET.write_text(json.dumps({"build": build_of(options.rampa), "requests": budget}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
