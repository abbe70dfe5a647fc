# SPDX-License-Identifier: MIT
"""The GitHub Action: its steps, run one after the other as the runner does it, with a gh that is the test's own."""
from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from finished import Finished

Rampa = Callable[..., Finished]
Script = Callable[..., Path]

FOLDER = Path(__file__).resolve().parent.parent.parent / ".github/actions/rampa-benchmark"
ACTION: dict[str, Any] = yaml.safe_load((FOLDER / "action.yml").read_text())
NEEDS_A_NETWORK = "Install rampa"
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")

SCRIPT = """
import rampa
config = rampa.Config(thresholds={"checks": ["rate==1"]})
@rampa.scenario(executor="per-vu-iterations", vus=2, iterations=30)
async def a(worker):
    worker.check(1, {"good": lambda v: worker.env.get("BROKEN") is None})
    worker.trend("work", 10 + worker.execution.iteration % 3)
    await worker.sleep(0.02)
"""

# What it is asked is a line of calls.jsonl. The results of earlier runs are in folders that have the number of the run as name.
GH = """#!{python}
import json, os, pathlib, shutil, sys
world = pathlib.Path({world!r})
words = sys.argv[1:]
body = next((word[6:] for word in words if word.startswith("body=@")), None)
with open(world / "calls.jsonl", "a") as file:
    file.write(json.dumps([words, body and pathlib.Path(body).read_text()]) + "\\n")
if words[:2] == ["run", "list"]:
    print((world / "runs").read_text(), end="")
elif words[:2] == ["run", "download"]:
    source = world / words[2] / "rampa-result.json"
    if not source.exists():
        sys.exit("no artifact matches any of the names or patterns provided")
    folder = pathlib.Path(words[words.index("--dir") + 1])
    folder.mkdir()
    shutil.copy(source, folder)
elif words[:2] == ["api", "--paginate"]:
    print((world / "comment").read_text(), end="")
"""


@dataclass
class Job:
    """A job whose one step is the action."""

    folder: Path
    program: Path
    inputs: dict[str, str]
    github: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)
    failed: str | None = None
    exit_code: int = 0
    log: str = ""

    def __post_init__(self) -> None:
        self.world = self.folder / "gh-world"
        self.bin = self.folder / "bin"
        self.temp = self.folder / "runner temp"
        for folder in (self.world, self.bin, self.temp):
            folder.mkdir(exist_ok=True)
        (self.world / "runs").touch()
        (self.world / "comment").touch()
        gh = self.bin / "gh"
        gh.write_text(GH.format(python=sys.executable, world=str(self.world)))
        gh.chmod(0o755)
        (self.bin / "rampa").unlink(missing_ok=True)
        (self.bin / "rampa").symlink_to(self.program)

    def value(self, expression: str) -> str:
        """What the runner puts in the place of an expression."""
        names = expression.split(".")
        if names[0] == "inputs":
            assert names[1] in ACTION["inputs"], expression
            return self.inputs.get(names[1], self.text(ACTION["inputs"][names[1]].get("default", "")))
        if names[0] == "steps":
            assert names[1] in [step.get("id") for step in ACTION["runs"]["steps"]], expression
            return self.outputs.get(names[1], {}).get(names[3], "")
        found: Any = {"github": {"token": "secret", "event_name": "push", **self.github}}
        for name in names:
            found = found.get(name, {})
        return str(found or "")

    def text(self, template: str) -> str:
        return EXPRESSION.sub(lambda match: self.value(match[1]), template)

    def holds(self, condition: str) -> bool:
        """Of a condition, which is a row of comparisons with a text. A step that has none needs that all before passed."""
        match = EXPRESSION.fullmatch(condition)
        terms = (match[1] if match else condition).split(" && ")
        if "always()" not in terms and self.failed:
            return False
        for term in terms:
            if term not in ("always()", "success()"):
                left, operator, right = re.fullmatch(r"([\w.-]+) (==|!=) '([^']*)'", term).groups()  # type: ignore[union-attr]
                if (self.value(left) == right) != (operator == "=="):
                    return False
        return True

    def run(self) -> Job:
        for step in ACTION["runs"]["steps"]:
            name = step.get("name", step.get("uses"))
            if name == NEEDS_A_NETWORK or not self.holds(step.get("if", "success()")):
                continue
            self.ran.append(name)
            if "run" in step:
                self.run_command(name, step)
        return self

    def run_command(self, name: str, step: dict[str, Any]) -> None:
        assert step["shell"] == "bash" and "${{" not in step["run"], "an input could be a command"
        output = self.folder / "output"
        output.write_text("")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.folder,
            env={
                **{key: value for key, value in os.environ.items() if not key.startswith(("RAMPA_", "GITHUB_")) or key == "RAMPA_PYTHON"},
                "PATH": f"{self.bin}:{os.environ['PATH']}",
                "GITHUB_ACTIONS": "true",
                "GITHUB_ACTION_PATH": str(FOLDER),
                "GITHUB_OUTPUT": str(output),
                "GITHUB_REPOSITORY": "shop/web",
                "GITHUB_RUN_ID": "100",
                "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
                "GITHUB_WORKFLOW": "load",
                "RUNNER_TEMP": str(self.temp),
                **self.environment,
                **{key: self.text(str(value)) for key, value in step.get("env", {}).items()},
            },
            capture_output=True,
            text=True,
            timeout=120,
        )
        self.log += done.stdout + done.stderr
        if "id" in step:
            self.outputs[step["id"]] = dict(line.split("=", 1) for line in output.read_text().splitlines())
        if done.returncode and not self.failed:
            self.failed, self.exit_code = name, done.returncode

    def calls(self) -> list[tuple[list[str], str | None]]:
        path = self.world / "calls.jsonl"
        return [(words, body) for words, body in map(json.loads, path.read_text().splitlines())] if path.exists() else []

    def summary(self) -> str:
        path = self.folder / "summary.md"
        return path.read_text() if path.exists() else ""

    def output(self, name: str) -> str:
        return self.text(ACTION["outputs"][name]["value"])


@pytest.fixture
def job(program: Path, script: Script, tmp_path: Path) -> Callable[..., Job]:
    """job(inputs, github, environment) is a job of its own folder, and has run."""
    script(SCRIPT, "load test.py")

    def make(inputs: dict[str, str] | None = None, **others: Any) -> Job:
        return Job(tmp_path, program, {"script": "load test.py", **(inputs or {})}, **others)

    return make


def test_a_run_that_passes(job: Callable[..., Job]) -> None:
    done = job().run()
    assert (done.failed, done.output("exit-code"), done.output("regressed")) == (None, "0", ""), done.log
    assert done.ran == ["actions/setup-python@v5", "Run the load test", "Keep the result", "Compare with the branch", "Judge"]
    assert json.loads(Path(done.output("result")).read_text())["run"]["exit_code"] == 0
    assert "rampa" in done.summary()
    (listing,) = done.calls()
    assert listing[0][:2] == ["run", "list"] and "main" in listing[0]


def test_a_threshold_fails_the_job_after_the_result_was_kept_and_compared(job: Callable[..., Job]) -> None:
    done = job(environment={"BROKEN": "1"}).run()
    assert (done.failed, done.exit_code, done.output("exit-code")) == ("Judge", 1, "1"), done.log
    assert done.ran[-3:] == ["Keep the result", "Compare with the branch", "Judge"]
    assert Path(done.output("result")).exists()


def test_a_threshold_may_be_told_without_failing(job: Callable[..., Job]) -> None:
    done = job({"thresholds-fail": "false"}, environment={"BROKEN": "1"}).run()
    assert (done.failed, done.output("exit-code")) == (None, "1"), done.log


def test_vus_and_duration_are_those_of_the_inputs(job: Callable[..., Job], script: Script) -> None:
    script("import rampa\n@rampa.scenario(vus=1, duration='1h')\nasync def a(worker):\n    await worker.sleep(0.01)\n", "load test.py")
    done = job({"vus": "3", "duration": "200ms"}).run()
    assert done.failed is None, done.log
    assert json.loads(Path(done.output("result")).read_text())["summary"]["metrics"]["vus_max"]["max"] == 3


@pytest.mark.parametrize("name", ["script", "vus", "duration", "compare-branch", "artifact-name"])
def test_no_input_is_a_command(job: Callable[..., Job], tmp_path: Path, name: str) -> None:
    done = job({name: "$(touch pwned); touch pwned; '\"`touch pwned`\n"})
    (done.world / "runs").write_text("7 push\n")
    done.run()
    assert not list(tmp_path.rglob("pwned"))
    assert done.output("exit-code") == ("3" if name in ("script", "vus", "duration") else "0"), done.log


def test_the_last_results_of_the_branch_are_the_base(job: Callable[..., Job]) -> None:
    first = job().run()
    done = job({"compare-branch": "stable", "artifact-name": "load"}, environment={"BROKEN": "1"})
    for number in ("98", "97"):
        (done.world / number).mkdir()
        shutil.copy(first.output("result"), done.world / number)
    (done.world / "95").mkdir()
    (done.world / "95/rampa-result.json").write_text('{"schema": 99}')
    # 100 is the run at work, 99 has left no result, 96 is that of a fork, whose branch has the same name, and 95 that of a newer rampa
    (done.world / "runs").write_text("100 push\n99 schedule\n98 push\n97 push\n96 pull_request\n95 push\n")
    (done.world / "calls.jsonl").unlink()
    done.folder.joinpath("summary.md").unlink()
    done.run()
    assert (done.output("regressed"), done.exit_code) == ("true", 1), done.log
    calls = [words for words, _ in done.calls()]
    assert [words[words.index("--branch") + 1] for words in calls if words[1] == "list"] == ["stable"]
    assert sorted(words[2] for words in calls if words[1] == "download") == ["95", "97", "98", "99"]
    assert {words[words.index("--name") + 1] for words in calls if words[1] == "download"} == {"load"}
    page = Path(done.outputs["compare"]["page"]).read_text()
    assert page in done.summary() and "checks" in page


@pytest.mark.parametrize("comment, call", [("", ["POST", "repos/shop/web/issues/5/comments"]), ("77\n", ["PATCH", "repos/shop/web/issues/comments/77"])])
def test_one_comment_of_a_pull_request(job: Callable[..., Job], comment: str, call: list[str]) -> None:
    first = job().run()
    done = job(github={"event_name": "pull_request", "event": {"pull_request": {"number": 5}}})
    (done.world / "98").mkdir()
    shutil.copy(first.output("result"), done.world / "98")
    (done.world / "runs").write_text("98 push\n")
    (done.world / "comment").write_text(comment)
    done.run()
    assert done.failed is None and done.output("regressed") in ("true", "false"), done.log  # two short runs may differ
    words, body = done.calls()[-1]
    assert words[2:4] == call
    assert body == "<!-- rampa: rampa-results -->\n" + Path(done.outputs["compare"]["page"]).read_text()
    silent = job({"comment-on-pr": "false"}, github=done.github)
    (silent.world / "runs").write_text("98 push\n")
    assert "Comment on the pull request" not in silent.run().ran


def test_every_input_is_used() -> None:
    steps = json.dumps(ACTION["runs"])
    for name in ACTION["inputs"]:
        assert f"inputs.{name}" in steps, name
