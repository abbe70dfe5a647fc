# SPDX-License-Identifier: MIT
"""rampa report: the page of a run, looked at in a browser."""
from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from finished import Finished

Rampa = Callable[..., Finished]
Script = Callable[..., Path]

HOSTILE = "<img src=x onerror=alert(1)></script><b>&amp;"
SCRIPT = f"""
import rampa
config = rampa.Config(thresholds={{"size": ["max<=0.5", "count==2"], "checks": ["rate>=0"]}})
@rampa.scenario(executor="ramping-vus", start_vus=1, stages=[("100ms", 1), ("100ms", 1)])
async def a(worker):
    await worker.http.get(worker.env["TARGET"] + "/status/500", name={HOSTILE!r})
@rampa.scenario(executor="per-vu-iterations", vus=1, iterations=2)
async def b(worker):
    worker.trend("size", 0.75)
    worker.check(1, {{{HOSTILE!r}: lambda v: False}})
"""


@pytest.fixture(scope="module")
def chromium() -> str:
    path = shutil.which("chromium")
    if path is None or "ASAN_OPTIONS" in os.environ:
        pytest.skip("the browser looks at the pages of the ordinary build")
    return path


def look(chromium: str, page: Path, tmp_path: Path) -> str:
    """What stands in the page once its scripts have run. None of them may complain."""
    done = subprocess.run(
        [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", f"--user-data-dir={tmp_path}/browser",
         "--enable-logging=stderr", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, timeout=300, env={**os.environ, "HOME": str(tmp_path), "LD_PRELOAD": ""},
    )  # fmt: skip
    assert "CONSOLE" not in done.stderr
    assert done.returncode == 0
    return done.stdout


def test_the_page_shows_the_run_and_takes_names_as_text(rampa: Rampa, script: Script, tmp_path: Path, target: str, chromium: str) -> None:
    script(SCRIPT)
    rampa("run", "script.py", "-q", "--env", f"TARGET={target}", out=True, code=1)
    assert rampa("report", "result.json", code=0).stderr == "wrote result.html\n"
    shown = look(chromium, tmp_path / "result.html", tmp_path)
    body = shown[shown.index("<main>") : shown.index("</main>")]
    assert "<h1>script.py</h1>" in body
    assert re.search(r'<strong class="bad">FAILED</strong> [^<]+', body)
    assert body.count("\u2717 missed") == 1 and body.count("\u2713 met") == 2
    for title in ("Duration of requests", "Requests per second", "Virtual users", "Iterations per second", "How long requests took"):
        assert f"<figcaption>{title}" in body
    assert body.count("<canvas") >= 10
    escaped = "&lt;img src=x onerror=alert(1)&gt;&lt;/script&gt;&lt;b&gt;&amp;amp;"
    assert body.count(escaped) >= 3  # a request, a check, an error
    kept = re.findall(r'<details class="exchange">.*?</details>', body, re.S)
    assert len(kept) == 3
    assert f'<summary><span class="bad">status 500</span> {escaped} <small>' in kept[0]
    assert "<pre>GET /status/500 HTTP/1.1\n" in kept[0] and "<pre>HTTP/1.1 500 " in kept[0] and "scenario a" in kept[0]
    assert "<img" not in body and "<b>&" not in body


def test_two_results_stand_side_by_side(rampa: Rampa, script: Script, tmp_path: Path, target: str, chromium: str) -> None:
    script(SCRIPT)
    rampa("run", "script.py", "-q", "--env", f"TARGET={target}", "--out", "before.json", code=1)
    after: dict[str, Any] = json.loads((tmp_path / "before.json").read_text())
    after["summary"]["requests"][0]["count"] *= 2
    (tmp_path / "after.json").write_text(json.dumps(after))
    rampa("report", "before.json", "after.json", "-o", "both.html", code=0)
    shown = look(chromium, tmp_path / "both.html", tmp_path)
    assert "<h3>A: before.json</h3>" in shown and "<h3>B: after.json</h3>" in shown
    assert re.search(r"<td>change</td><td class=\"number\">\+100 %</td>", shown)
    assert "median, A" in shown and "median, B" in shown


def test_a_run_that_measured_nothing_has_a_page(rampa: Rampa, script: Script, tmp_path: Path, chromium: str) -> None:
    script("def setup(): 1 / 0\nasync def default(worker): pass\n")
    rampa("run", "script.py", out=True, code=5)
    rampa("report", "result.json", "-o", "page.html", code=0)
    assert "FAILED</strong>" in look(chromium, tmp_path / "page.html", tmp_path)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["report"], 3, "no RESULT given (rampa report RESULT)"),
        (["report", "a", "b", "c"], 3, "unexpected argument 'c'"),
        (["report", "none.json"], 3, "the result file 'none.json' cannot be read: No such file or directory"),
        (["report", "script.py"], 3, "the file 'script.py' is no result file"),
        (["report", "-", "-"], 3, "the standard input cannot be both results"),
        (["report", "old.json"], 3, "has schema 1, and this rampa reads schema 2"),
        (["report", "good.json", "-o", "good.json"], 3, "the page would replace the result file 'good.json'"),
        (["report", "good.json", "-o", "none/page.html"], 3, "make the folder first"),
        (["report", "good.json", "-o", "/dev/full"], 6, "No space left on device"),
    ],
)
def test_what_cannot_be_done_is_said(rampa: Rampa, script: Script, tmp_path: Path, words: list[str], code: int, said: str) -> None:
    script("async def default(worker): pass\n")
    rampa("run", "script.py", "-i", "1", "-q", "--out", "good.json", code=0)
    (tmp_path / "old.json").write_text('{"schema": 1}')
    before = (tmp_path / "good.json").read_bytes()
    done = rampa(*words, code=code)
    assert said in done.stderr and done.stderr.startswith("error: ")
    assert (tmp_path / "good.json").read_bytes() == before


def test_pipes_work_on_both_ends(rampa: Rampa, script: Script) -> None:
    script("async def default(worker): pass\n")
    result = rampa("run", "script.py", "-i", "1", "-q", "--out", "-", code=0).stdout
    page = rampa("report", "-", "-o", "-", stdin=result, code=0)
    assert page.stdout.startswith("<!DOCTYPE html>") and page.stderr == ""
