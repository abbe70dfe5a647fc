# SPDX-License-Identifier: MIT
"""--output: samples one by one in files, as csv, json and lines of JSON; mistakes; what is lost."""
from __future__ import annotations

import csv
import json
import os
import subprocess
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest
from finished import Finished, check_result

Rampa = Callable[..., Finished]
Script = Callable[..., Path]

HOSTILE = "=cmd|'/c calc'!A1"
CHECK = 'red \x1b[31m, "quoted"\r\nnext'
SCRIPT = f"""
import rampa
config = rampa.Config(options=rampa.Options(tags={{"zone": "eu", "-formula": {HOSTILE!r}}}), thresholds={{"done": ["count==6"]}})
@rampa.scenario(executor="per-vu-iterations", vus=2, iterations=3, tags={{"team": "+1"}})
async def browse(worker):
    worker.counter("done", 1)
    worker.trend("size", 0.1 + worker.execution.iteration, tags={{"kind": "a&b", "x": "100%"}})
    worker.gauge("@level", 3)
    worker.check(1, {{{CHECK!r}: lambda v: True, "bad": lambda v: False}})
"""


@pytest.fixture
def outputs(rampa: Rampa, script: Script, tmp_path: Path) -> Callable[..., Finished]:
    script(SCRIPT)

    def run(*words: str, **more: object) -> Finished:
        return rampa("run", "script.py", "--quiet", *words, **more)

    return run


def test_every_sample_is_in_every_file_and_the_files_agree_with_the_result(
    outputs: Callable[..., Finished], tmp_path: Path
) -> None:
    done = outputs("-O", "csv=s.csv", "--output", "ndjson=s=1.ndjson", "-O", "json=s.json", "-O", "console=s.txt", out=True, code=0)
    result = done.result()
    document = json.loads((tmp_path / "s.json").read_text())
    samples = document.pop("samples")
    check_result(document)
    assert document["summary"]["metrics"] == result["summary"]["metrics"] and document["thresholds"] == result["thresholds"]

    with (tmp_path / "s.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, strict=True))
    lines = [json.loads(line) for line in (tmp_path / "s=1.ndjson").read_text().splitlines()]
    points = [line for line in lines if line["type"] == "Point"]
    assert len(samples) == len(rows) == len(points)
    for sample, row, point in zip(samples, rows, points):
        assert sample["metric"] == row["metric"].removeprefix("'") == point["metric"]
        assert sample["value"] == float(row["value"]) == point["data"]["value"]
        assert sample["tags"] == point["data"]["tags"]
        assert sample["timestamp"] == float(row["timestamp"])
        assert point["data"]["time"].endswith("Z") and f"{sample['timestamp']:.6f}".split(".")[1] in point["data"]["time"]

    sums: defaultdict[str, float] = defaultdict(float)
    counts: Counter[str] = Counter()
    for sample in samples:
        sums[sample["metric"]] += sample["value"]
        counts[sample["metric"]] += 1
    metrics = result["summary"]["metrics"]
    assert sums["done"] == metrics["done"]["count"] == 6
    assert counts["size"] == metrics["size"]["count"] and abs(sums["size"] / 6 - metrics["size"]["avg"]) < 1e-6
    assert (sums["checks"], counts["checks"]) == (metrics["checks"]["passes"], 12)
    assert counts["iteration_duration"] == metrics["iteration_duration"]["count"] == 6
    # What a metric is stands before its first sample, once.
    assert [line["data"]["name"] for line in lines if line["type"] == "Metric"] == list(dict.fromkeys(s["metric"] for s in samples))
    kinds = {line["data"]["name"]: (line["data"]["type"], line["data"]["contains"]) for line in lines if line["type"] == "Metric"}
    assert kinds["iteration_duration"] == ("trend", "time") and kinds["done"] == ("counter", "default")
    assert "\x1b" not in (tmp_path / "s.txt").read_text() and "iteration_duration ." in (tmp_path / "s.txt").read_text()


def test_hostile_names_stay_in_their_cells(outputs: Callable[..., Finished], tmp_path: Path) -> None:
    outputs("-O", "csv=s.csv", "-O", "ndjson=s.ndjson", code=0)
    text = (tmp_path / "s.csv").read_bytes()
    assert text.startswith(b"timestamp,metric,value,'-formula,check,error,") and b",url,zone,extra_tags\r\n" in text
    with (tmp_path / "s.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, strict=True))
    assert {row["'-formula"] for row in rows if row["scenario"]} == {"'" + HOSTILE}
    assert {row["team"] for row in rows if row["scenario"]} == {"'+1"}
    assert {row["metric"] for row in rows} >= {"'@level", "done"}
    assert {row["check"] for row in rows if row["metric"] == "checks"} == {CHECK, "bad"}
    assert {row["extra_tags"] for row in rows if row["metric"] == "size"} == {"kind=a%26b&x=100%25"}
    assert not any(value.startswith(("=", "+", "-", "@")) for row in rows for value in row.values())
    assert b"\x1b" not in (tmp_path / "s.ndjson").read_bytes()  # JSON escapes it


def test_a_part_of_each_series(rampa: Rampa, script: Script, tmp_path: Path) -> None:
    script('import rampa\n@rampa.scenario(vus=1, executor="per-vu-iterations", iterations=25)\nasync def a(worker): worker.counter("done")\n')
    rampa("run", "script.py", "-q", "-O", "csv=s.csv", "--output-option", "csv.sample=1/10", code=0)
    with (tmp_path / "s.csv").open(newline="") as file:
        counts = Counter(row["metric"] for row in csv.DictReader(file))
    assert counts["done"] == counts["iterations"] == counts["iteration_duration"] == 3


def test_samples_on_stdout_stand_there_alone(rampa: Rampa, script: Script) -> None:
    script(
        'import rampa\n@rampa.scenario(executor="per-vu-iterations", vus=1, iterations=3000)\nasync def a(worker):\n'
        '    if worker.execution.iteration == 0: print("said")\n    worker.counter("done")\n'
    )
    done = rampa("run", "script.py", "-O", "ndjson=-", code=0)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert sum(line["type"] == "Point" and line["metric"] == "done" for line in lines) == 3000
    assert "said\n" in done.stderr and "\nNOT JUDGED" in done.stderr
    done = rampa("run", "script.py", "--quiet", "-O", "console", code=0)
    assert "\nNOT JUDGED" in done.stdout and done.stderr == ""


@pytest.mark.parametrize("name", ["csv", "ndjson", "json"])
def test_a_full_disk_is_exit_6_and_says_what_is_missing(outputs: Callable[..., Finished], name: str) -> None:
    done = outputs("-O", f"{name}=/dev/full", code=6)
    assert f"error: the output {name} cannot write to '/dev/full': No space left on device; samples are missing there\n" in done.stderr
    count = done.stderr.splitlines()[-1].split()[3]
    assert done.stderr.splitlines()[-1] == f"error: of the {count} samples of the output {name} {count} are not in '/dev/full': No space left on device"


def test_a_reader_that_has_gone_is_exit_6_and_the_run_goes_on(program: Path, script: Script, tmp_path: Path) -> None:
    script(SCRIPT + "\ndef teardown(): open('torn down', 'w')\n")
    reader, writer = os.pipe()
    os.close(reader)
    words = [program, "run", "script.py", "-q", "-O", f"csv=/dev/fd/{writer}", "--out", "result.json"]
    done = subprocess.run(words, cwd=tmp_path, pass_fds=[writer], stderr=subprocess.PIPE, text=True, timeout=120)
    os.close(writer)
    assert done.returncode == 6 and ": Broken pipe" in done.stderr
    assert (tmp_path / "torn down").exists()
    assert json.loads((tmp_path / "result.json").read_text())["run"]["exit_code"] == 6


MISTAKES = [
    (["-O", "nope=1"], "-O: there is no output 'nope'; the outputs are console, csv, "),
    (["-O", "cvs=a.csv"], "did you mean 'csv'?"),
    (["-O", "csv"], "-O: the output 'csv' needs a destination\n  write -O csv=FILE\n"),
    (["-O", "csv="], "-O: the output 'csv' needs a destination\n"),
    (["-O", "csv=missing/s.csv"], "the output csv cannot write to 'missing/s.csv': No such file or directory\n  make the folder first"),
    (["-O", "json=missing/s.json"], "the result file 'missing/s.json' cannot be written: its folder does not exist\n"),
    (["-O", "csv=a", "-O", "ndjson=a"], "-O 'a' and -O 'a' are the same output\n"),
    (["-O", "csv=-", "--out", "-"], "--out '-' and -O '-' are the same output\n"),
    (["-O", "console", "-O", "console"], "-O: the output 'console' is given twice with the same destination\n"),
    (["-O", "csv=a", "--output-option", "csv.sample=10"], "the option csv.sample is '10', which is not 1/N\n"),
    (["-O", "csv=a", "--output-option", "csv.smple=10"], "--output-option: the output 'csv' has no option 'smple'\n  its options are sample\n"),
    (["-O", "csv=a", "--output-option", "json.sample=1/2"], "there is an option of the output 'json', which is not asked for\n"),
    (["-O", "csv=a", "--output-option", "sample=1/2"], "--output-option: the name of the option is not OUTPUT.KEY\n"),
]


@pytest.mark.parametrize(("words", "message"), MISTAKES, ids=[" ".join(words) for words, _ in MISTAKES])
def test_a_mistake_is_told_before_anything_runs(rampa: Rampa, script: Script, tmp_path: Path, words: list[str], message: str) -> None:
    script(SCRIPT.replace('worker.counter("done", 1)', 'worker.counter("done", 1); open("ran", "w")'))
    done = rampa("run", "script.py", *words, code=3)
    assert message in done.stderr and done.stderr.startswith("error: ") and "Traceback" not in done.stderr
    assert done.stdout == "" and not (tmp_path / "ran").exists()
