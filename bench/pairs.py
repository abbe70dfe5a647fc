# SPDX-License-Identifier: MIT
"""Records pairs of runs that `rampa compare` is judged by: what `./dev soak pairs` does.

A round is three runs of bench/pairs_load.py, one after the other: two of the same server, and one of a server whose answers
take 10 % longer. So it has a pair without a change, the first and the second run, and one with a change, the second and the
third. What `rampa compare` reads of the results goes into one file: an xz file with a line of JSON for each round, a list of
three results.
"""

from __future__ import annotations

import argparse
import json
import lzma
import os
import shlex
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from run import progress  # noqa: E402
from servers import Target  # noqa: E402

FOLDER = Path(__file__).resolve().parent
SCALES = (1.0, 1.0, 1.1)
KEPT = ("schema", "version", "run", "thresholds", "checks", "errors", "accounting", "warnings", "generator")
SERIES = ("checks", "http_req_duration", "http_req_failed", "http_reqs", "iteration_duration", "iterations")


def stripped(result: dict[str, Any]) -> dict[str, Any]:
    """A result file without what a comparison does not read, which is most of it."""
    names = [name for name in result["summary"]["metrics"] if name in SERIES]
    kept = {key: result[key] for key in KEPT}
    kept["summary"] = {key: {name: result["summary"][key][name] for name in names} for key in ("metrics", "types")}
    kept["summary"]["requests"] = [{**request, "buckets": None} for request in result["summary"]["requests"]]
    kept["series"] = {name: result["series"][name] for name in names if name != "http_req_duration"}
    kept["histograms"] = {name: {"buckets": result["histograms"][name]["buckets"]} for name in ("iteration_duration",)}
    kept["intervals"] = {**result["intervals"], "requests": None}
    return kept


def one_run(program: str, url: str, scale: float, out: Path) -> dict[str, Any]:
    """A run, and what of its result is kept."""
    command = [program, "run", str(FOLDER / "pairs_load.py"), "--quiet", "--out", str(out), "-e", f"TARGET={url}", "-e", f"SCALE={scale}"]
    subprocess.run(command, check=True)
    return stripped(json.loads(out.read_text()))


def one_round(program: str, number: int) -> list[dict[str, Any]]:
    """The three runs of a round, with a server of their own."""
    target = Target(None, shlex.join([program, "target", "--port", "0"]))
    try:
        with tempfile.TemporaryDirectory() as folder:
            results = [one_run(program, target.url.rstrip("/"), scale, Path(folder) / "result.json") for scale in SCALES]
    finally:
        target.stop()
    progress(f"round {number} is recorded; load of the machine: {os.getloadavg()[0]:.1f}")
    return results


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev soak pairs", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="the file that is written: pairs.jsonl.xz")
    parser.add_argument("--rounds", type=int, default=100, help="how many rounds are recorded (100); each takes half a minute")
    parser.add_argument("--side-by-side", type=int, default=1, help="how many rounds run at the same time (1)")
    arguments = parser.parse_args()
    program = os.environ["RAMPA"]
    with ThreadPoolExecutor(arguments.side_by_side) as pool, lzma.open(arguments.file, "wt", preset=9) as file:
        for results in pool.map(lambda number: one_round(program, number), range(1, arguments.rounds + 1)):
            file.write(json.dumps(results, separators=(",", ":")) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
