# SPDX-License-Identifier: MIT
"""--output junit and github: what CI systems show, whatever names a script has made."""
from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

from finished import Finished

Rampa = Callable[..., Finished]
Script = Callable[..., Path]

CHECK = "up\n::error::no\x1b[31m %0A | <b>\"&' @all [x](http://x) `\ufffe"
SCRIPT = f"""
import rampa
config = rampa.Config(thresholds={{"done": ["count==2"], "size{{kind:a|b}}": ["max<=0.5"], "absent": ["max<1"]}}, metrics={{"absent": "trend"}})
@rampa.scenario(executor="per-vu-iterations", vus=1, iterations=2)
async def a(worker):
    worker.counter("done", 1)
    worker.trend("size", 0.75, tags={{"kind": "a|b"}})
    worker.check(1, {{{CHECK!r}: lambda v: True, "bad": lambda v: worker.execution.iteration == 0}})
"""


def test_each_threshold_and_check_is_a_test_case(rampa: Rampa, script: Script, tmp_path: Path) -> None:
    script(SCRIPT)
    result = rampa("run", "script.py", "-q", "-O", "junit=report.xml", out=True, code=1).result()
    root = ElementTree.parse(tmp_path / "report.xml").getroot()
    (suite,) = root.findall("testsuite")
    cases = {(case.get("classname"), case.get("name")): case for case in suite.findall("testcase")}
    assert {key: [(child.tag, child.get("message")) for child in case] for key, case in cases.items()} == {
        ("run", "the run"): [],
        ("thresholds", "done: count==2"): [],
        ("thresholds", "size{kind:a|b}: max<=0.5"): [("failure", "max was 0.75")],
        ("thresholds", "absent: max<1"): [("failure", "there were no samples")],
        ("checks", "bad"): [("system-out", None)],
        ("checks", CHECK.replace("\x1b", "\\x1b").replace("\ufffe", "\\xfffe")): [("system-out", None)],
    }
    assert [output.text for output in suite.iter("system-out")] == ["1 of 2 failed", "0 of 2 failed"]
    for counts in (root, suite):
        assert [counts.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["6", "2", "0", "0"]
    properties = {one.get("name"): one.get("value") for one in suite.iter("property")}
    assert properties == {"run_id": result["run"]["id"], "status": "threshold_failed", "exit_code": "1"}
    assert result["run"]["started"].startswith(suite.get("timestamp") or "-")


def test_a_check_fails_with_the_threshold_that_is_about_it(rampa: Rampa, script: Script, tmp_path: Path) -> None:
    checks = '{"bad": lambda v: v > 0, "bad too": lambda v: v > 0, "good": lambda v: True}'
    failed = {}
    for threshold in ("", "checks:rate>=0", "checks:rate==1", "checks{check:bad}:rate==1", "checks{group:\"::a\",scenario:default}:rate==1"):
        script(
            "async def default(worker):\n"
            f"    worker.check(worker.execution.iteration, {checks})\n"
            f"    with worker.group('a'):\n        worker.check(worker.execution.iteration, {checks})\n"
        )
        words = ["--threshold", threshold] if threshold else []
        done = rampa("run", "script.py", "-i", "2", "-q", "-O", "junit=report.xml", *words)
        suite = ElementTree.parse(tmp_path / "report.xml").getroot()[0]
        failed[threshold] = {case.get("name") for case in suite if case.get("classname") == "checks" and case.find("failure") is not None}
        assert (suite.get("failures") == "0") == (done.code == 0)
    assert list(failed.values()) == [set(), set(), {"bad", "bad too", "::a: bad", "::a: bad too"}, {"bad", "::a: bad"}, {"::a: bad", "::a: bad too"}]


def test_an_error_is_one_and_a_threshold_on_checks_decides(rampa: Rampa, script: Script, tmp_path: Path) -> None:
    script(
        'import rampa\nconfig = rampa.Config(thresholds={"checks": ["rate>=0"]})\n@rampa.scenario(vus=1, iterations=2, executor="per-vu-iterations")\n'
        'async def a(worker):\n    worker.check(1, {"bad": lambda v: False})\n    raise ValueError("<oops>")\n'
    )
    rampa("run", "script.py", "-q", "-O", "junit=report.xml", code=2)
    suite = ElementTree.parse(tmp_path / "report.xml").getroot()[0]
    assert [suite.get(name) for name in ("tests", "failures", "errors")] == ["3", "0", "1"]
    assert [error.get("message") for error in suite.iter("error")] == ["2 iterations raised an exception"]


def unescaped(text: str) -> str:
    """What Markdown shows of a cell."""
    text = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text)
    return text.replace("&lt;", "<").replace("&#64;", "@").replace("&amp;", "&")


def test_a_workflow_of_github_shows_failures_and_a_summary(rampa: Rampa, script: Script, tmp_path: Path) -> None:
    script(SCRIPT)
    (tmp_path / "step.md").write_text("# before\n")
    env = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(tmp_path / "step.md")}
    done = rampa("run", "script.py", "-q", "--output", "github", env=env, code=1)
    commands = [line for line in done.stderr.splitlines() if line.startswith("::")]
    assert commands == [
        "::error title=rampa::Threshold failed: size{kind:a|b}: max<=0.5: max was 0.75",
        "::error title=rampa::Threshold failed: absent: max<1: there were no samples",
    ]
    text = (tmp_path / "step.md").read_text()
    assert text.startswith("# before\n## rampa: threshold\\_failed\n") and "\x1b" not in text
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.splitlines() if line.startswith("|")]
    assert {len(row) for row in rows} == {2, 4}  # no name ends a cell
    cells = [[unescaped(cell.strip()) for cell in row] for row in rows]
    assert [":x:", "size{kind:a|b}", "max<=0.5", "max was 0.75"] in cells and [":x:", "bad", "1", "1"] in cells
    (name,) = (row[1] for row in cells if "::error" in row[1])
    assert name == CHECK.replace("\n", " ").replace("\x1b", "\ufffd").replace("\ufffe", name[-1])
    for raw in ("<b>", "@all", "[x]", "http://x", " `"):
        assert raw not in text


def test_annotations_stay_within_the_limit_of_github(rampa: Rampa, script: Script, tmp_path: Path) -> None:
    thresholds = [f"count=={n}" for n in range(100, 113)]
    script(
        f'import rampa\nconfig = rampa.Config(thresholds={{"done": {thresholds}}})\n@rampa.scenario(vus=1, iterations=1, executor="per-vu-iterations")\n'
        'async def a(worker): worker.counter("done")\n'
    )
    done = rampa("run", "script.py", "-q", "-O", "github", env={"GITHUB_ACTIONS": "true"}, code=1)
    commands = [line for line in done.stderr.splitlines() if line.startswith("::")]
    assert len(commands) == 10 and commands[-1].endswith("count==109: count was 1 (and 3 more)")
    done = rampa("run", "script.py", "-O", "github", env={"GITHUB_ACTIONS": ""}, code=1)
    assert "::error" not in done.stderr and "the output github writes nothing" in " ".join(done.stdout.split())
