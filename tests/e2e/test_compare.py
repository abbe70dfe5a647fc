# SPDX-License-Identifier: MIT
"""rampa compare: what has changed between runs, and what is chance."""
from __future__ import annotations

import importlib.util
import itertools
import json
import lzma
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from finished import Finished

Rampa = Callable[..., Finished]
Script = Callable[..., Path]

SCRIPT = """
import rampa
config = rampa.Config(thresholds={"checks": ["rate>0.5"]})
@rampa.scenario(executor="per-vu-iterations", vus=2, iterations=3)
async def a(worker):
    r = await worker.http.get(worker.env["TARGET"] + "/status/" + worker.env["STATUS"], name="\\x1b[2J|<b>@all")
    worker.check(r, {"fine": lambda r: r.status == 200})
    worker.counter("seen", 2)
"""


def test_two_real_runs(rampa: Rampa, script: Script, tmp_path: Path, target: str) -> None:
    script(SCRIPT)
    for name, status in (("good", "200"), ("bad", "500")):
        code = 0 if status == "200" else 1
        rampa("run", "script.py", "-q", "-e", f"TARGET={target}", "-e", f"STATUS={status}", "--out", f"{name}.json", code=code)
    shown = rampa("compare", "good.json", "bad.json", code=1).stdout
    assert "checks: rate>0.5" in shown and "missed" in shown
    assert "bad.json is shorter than 5 intervals" in shown
    assert "\x1b" not in shown and "[2J|<b>@all" in shown
    page = rampa("compare", "good.json", "bad.json", "--format", "markdown", code=1).stdout
    assert "<b>" not in page and "@all" not in page and "\x1b" not in page
    document = json.loads(rampa("compare", "bad.json", "good.json", "--format=json", code=0).stdout)
    assert document["verdict"] == "better"  # the threshold; of so short runs nothing else can be told
    assert {row["verdict"] for row in document["numbers"]} == {"cannot_tell"}
    assert {row["name"] for row in document["numbers"]} >= {"http_req_failed", "fine", "seen", "\x1b[2J|<b>@all"}
    for fail_on, code in (("never", 0), ("worse", 1), ("unclear", 1), ("change", 1)):
        rampa("compare", "good.json", "bad.json", "--fail-on", fail_on, code=code)
    rampa("compare", "bad.json", "good.json", "--fail-on", "unclear", code=1)
    rampa("compare", "bad.json", "good.json", "--fail-on", "change", code=1)
    text = (tmp_path / "good.json").read_text()
    assert rampa("compare", "-", "good.json", stdin=text, code=0).stdout.startswith("good.json beside standard input\n")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["a.json"], "there is nothing to compare 'a.json' with"),
        ([], "no RESULT given"),
        (["-", "-"], "the standard input cannot be more than one result"),
        (["gone.json", "k6.json"], "'gone.json' cannot be read: No such file"),
        (["k6.json", "gone.json"], "'gone.json' cannot be read: No such file"),
        (["cut.json", "k6.json"], "it was cut off"),
        (["empty.json", "k6.json"], "'empty.json' is no result file: it is empty"),
        (["k6.json", "."], "'.' is a folder, and no result file"),
        (["newer.json", "k6.json"], "or a newer one"),
        (["foreign.json", "k6.json"], "'foreign.json' is no result"),
        (["other.json", "k6.json"], "'k6.json' and its base have no number in common that can be compared"),
        (["vus.json", "vus.json", "--fail-on", "never"], "have no number in common"),
        (["k6.json", "k6.json", "--min-effect", "0"], "'0' is no percentage above 0"),
        (["k6.json", "k6.json", "--min-effect", "many"], "'many' is no percentage above 0"),
        (["k6.json", "k6.json", "--fail-on", "always"], "not one of worse, unclear, change, never"),
        (["k6.json", "k6.json", "--format", "yaml"], "not one of text, markdown, json"),
    ],
)
def test_one_clear_error(rampa: Rampa, tmp_path: Path, words: list[str], says: str) -> None:
    k6 = {"metrics": {"http_reqs": {"count": 3, "rate": 1}}}
    (tmp_path / "k6.json").write_text(json.dumps(k6))
    (tmp_path / "cut.json").write_text(json.dumps(k6)[:-4])
    (tmp_path / "empty.json").touch()
    (tmp_path / "newer.json").write_text('{"schema": 99}')
    (tmp_path / "other.json").write_text('{"metrics": {"ws_sessions": {"count": 3, "rate": 1}, "mine": {"count": 3, "rate": 1}}}')
    (tmp_path / "vus.json").write_text('{"metrics": {"data_sent": {"count": 3, "rate": 1}}}')
    (tmp_path / "foreign.json").write_text('{"results": []}')
    failed = rampa("compare", *words, code=3)
    assert says in failed.stderr and failed.stdout == ""
    assert failed.stderr.count("error:") == 1


def test_a_full_disk_is_exit_code_6(program: Path, tmp_path: Path) -> None:
    k6: dict[str, Any] = {"metrics": {"http_reqs": {"count": 3, "rate": 1}}}
    (tmp_path / "k6.json").write_text(json.dumps(k6))
    with open("/dev/full", "w") as full:
        done = subprocess.run([program, "compare", "k6.json", "k6.json"], cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 6
    assert "No space left" in done.stderr


def test_the_recorder_keeps_what_is_compared(rampa: Rampa, script: Script, tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ./dev soak pairs leaves out of a result changes nothing in its metrics, thresholds and checks."""
    bench = Path(__file__).resolve().parents[2] / "bench"
    monkeypatch.syspath_prepend(bench)
    spec = importlib.util.spec_from_file_location("pairs", bench / "pairs.py")
    assert spec and spec.loader
    pairs = importlib.util.module_from_spec(spec)
    monkeypatch.setattr(sys, "path", list(sys.path))
    spec.loader.exec_module(pairs)
    script(SCRIPT.replace('    worker.counter("seen", 2)\n', ""))
    found = []
    rampa("run", "script.py", "-q", "-e", f"TARGET={target}", "-e", "STATUS=200", out=True, code=0)
    for keep in (dict, pairs.stripped):
        (tmp_path / "kept.json").write_text(json.dumps(keep(json.loads((tmp_path / "result.json").read_text()))))
        document = json.loads(rampa("compare", "kept.json", "kept.json", "--format=json", code=0).stdout)
        found.append([row for row in document["numbers"] if row["kind"] != "request"])
    assert len(found[0]) > 8
    assert found[0] == found[1]


PAIRS = Path(__file__).resolve().parent / "pairs/pairs.jsonl.xz"


def verdicts(program: Path, folder: Path, rounds: Iterator[list[dict[str, Any]]]) -> Iterator[list[dict[tuple[str, str], str]]]:
    """Of each round what is said of the second run beside the first one, and of the third one beside the second one."""
    for results in rounds:
        for number, result in enumerate(results):
            (folder / f"{number}.json").write_text(json.dumps(result))
        found = []
        for base in (0, 1):
            words = [program, "compare", f"{base}.json", f"{base + 1}.json", "--format", "json", "--fail-on", "never"]
            done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True)
            found.append({(row["name"], row["stat"]): row["verdict"] for row in json.loads(done.stdout)["numbers"]})
        yield found


def test_recorded_pairs_are_told_apart(program: Path, tmp_path: Path) -> None:
    """What tests/e2e/pairs/README.md says. A pair of the same server is a false alarm when any of its numbers has a change."""
    false_alarms = missed = rounds = 0
    wanted = 10 if "RAMPA_SANITIZED" in os.environ else 100  # the sanitizers look at the code and not at its statistics
    with lzma.open(PAIRS, "rt") as lines:
        for same, slower in verdicts(program, tmp_path, map(json.loads, itertools.islice(lines, wanted))):
            rounds += 1
            false_alarms += bool({"worse", "better", "changed"} & set(same.values()))
            missed += slower["http_req_duration", "p(95)"] != "worse"
    assert rounds == wanted
    assert false_alarms <= 5
    assert missed <= 10 * wanted // 100
