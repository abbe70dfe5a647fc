# SPDX-License-Identifier: MIT
"""--tui: what is on a terminal while a test runs, what the keys do, and what the terminal has afterwards. The terminal is tmux."""
from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from terminal import SECONDS, Terminal

pytestmark = pytest.mark.skipif(not shutil.which("tmux"), reason="no tmux")

SCRIPT = """
import rampa

config = rampa.Config(thresholds={{"http_req_duration": ["p(95)<60000"]}})

@rampa.scenario(executor="constant-vus", vus=2, max_vus=4, duration="10m")
async def browse(worker):
    if worker.execution.iteration == 0:
        print("hello from the script")
    await worker.http.get("{url}/json", name="a page")
    await worker.sleep(0.02)

@rampa.scenario(executor="constant-arrival-rate", rate=10, duration="10m", pre_allocated_vus=2)
async def orders(worker):
    pass
"""


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path, 80, 24)
    yield terminal
    terminal.tmux("kill-server")


def start(terminal: Terminal, program: Path, script: Callable[..., Path], target: str, *words: str) -> None:
    script(SCRIPT.format(url=target))
    line = shlex.join([str(program), "run", "script.py", "--tui", *words])
    terminal.command(f"{line}; echo EXIT $?")
    terminal.until_text("a page")


def test_keys(terminal: Terminal, program: Path, script: Callable[..., Path], target: str, tmp_path: Path) -> None:
    start(terminal, program, script, target, "--out", "result.json")
    shown = terminal.until_text("THRESHOLDS")
    assert [word for word in ("browse", "orders", "rate", "p95", "generator", "REQUESTS", "LOG") if word not in shown] == []
    assert "hello from the script" in shown
    terminal.keys("p")
    assert terminal.until_text(" paused").startswith(" paused")
    terminal.keys("p")
    terminal.until_text("goes on")
    terminal.keys("?")
    terminal.until_text("another scenario for + and -")
    terminal.keys("Space")
    terminal.until_text("+ - load of browse")
    terminal.keys("+", "+", "+")  # faster than the workers tell what they have
    terminal.until_text("number from 0 to 4")
    terminal.keys("-", "-", "-")
    terminal.until_text("browse: vus 1")
    terminal.keys("Right")
    terminal.until_text("+ - load of orders")
    terminal.keys("+")
    terminal.until_text("orders: rate 11")
    terminal.tmux("resize-window", "-x", "60", "-y", "20")
    terminal.until(lambda shown: "load of orders" in shown and len(shown.splitlines()) == 20)
    terminal.keys("s")
    terminal.until_text("Stop the run?")
    terminal.keys("n")
    terminal.until(lambda shown: "Stop the run?" not in shown)
    terminal.keys("q", "y")
    shown = terminal.until_text("EXIT 4", "-S", "-200")
    assert "stopped from the dashboard" in shown
    assert shown.count("hello from the script") == 1
    assert "THRESHOLDS" in shown and "load of orders" not in shown
    result = json.loads((tmp_path / "result.json").read_text())
    assert [(a["scenario"], a["what"], a["value"], a["hold"]) for a in result["run"]["adjustments"]] == [
        *(("browse", "vus", vus, True) for vus in (3, 4, 3, 2, 1)), ("orders", "rate", 11, True)
    ]


LATE = """
import rampa

@rampa.scenario(executor="constant-arrival-rate", rate=100, duration="10m", start_time="9m", pre_allocated_vus=2)
async def orders(worker):
    pass

@rampa.scenario(executor="ramping-vus", start_vus=20, max_vus=40, stages=[("10m", 20)], start_time="9m")
async def browse(worker):
    pass

@rampa.scenario(executor="constant-vus", vus=1, duration="10m")
async def visit(worker):
    await worker.http.get("{url}/json", name="a page")
    await worker.sleep(0.02)
"""


def test_the_load_of_scenarios_that_wait(
    terminal: Terminal, program: Path, script: Callable[..., Path], target: str, tmp_path: Path
) -> None:
    """It is what they begin with, not 0."""
    script(LATE.format(url=target))
    terminal.command(f"{shlex.join([str(program), 'run', 'script.py', '--tui', '--out', 'result.json'])}; echo EXIT $?")
    terminal.until_text("a page")
    terminal.keys("+")
    terminal.until_text("orders: rate 110")
    terminal.keys("Right")
    terminal.until_text("load of browse")
    terminal.keys("-")
    terminal.until_text("browse: vus 18")
    terminal.keys("q", "y")
    terminal.until_text("EXIT 4", "-S", "-200")


def test_it_is_stopped_and_goes_on(terminal: Terminal, program: Path, script: Callable[..., Path], target: str) -> None:
    start(terminal, program, script, target, "--quiet")
    terminal.keys("C-z")
    terminal.until_text("Stopped")
    terminal.command("fg")
    terminal.until(lambda shown: "load of browse" in shown and "Stopped" not in shown)
    terminal.keys("C-c")
    terminal.until_text("aborted by a signal")
    terminal.command("echo EXIT $?")  # the shell has forgotten what was to come after a job that was stopped
    assert "REQUESTS" not in terminal.until_text("EXIT 4", "-S", "-200")


def test_without_a_terminal(program: Path, script: Callable[..., Path], target: str, tmp_path: Path) -> None:
    """The progress is shown, as without a terminal; so it is on one that cannot move its cursor."""
    script(SCRIPT.format(url=target).replace("10m", "100ms"))
    done = subprocess.run(
        [program, "run", "script.py", "--tui", "--quiet"], cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0
    assert done.stdout.strip() == "hello from the script"
    assert "running" in done.stderr and "\x1b" not in done.stderr


def test_a_dumb_terminal(terminal: Terminal, program: Path, script: Callable[..., Path], target: str) -> None:
    script(SCRIPT.format(url=target).replace("10m", "100ms"))
    terminal.command(f"TERM=dumb {shlex.quote(str(program))} run script.py --tui -q; echo EXIT $?")
    shown = terminal.until_text("EXIT 0")
    assert "running" in shown and "load of" not in shown


def test_an_unknown_terminal(terminal: Terminal, program: Path, script: Callable[..., Path], target: str) -> None:
    script(SCRIPT.format(url=target))
    terminal.command(f"TERM=no-such {shlex.quote(str(program))} run script.py --tui; echo EXIT $?")
    shown = terminal.until_text("EXIT 3")
    assert "--tui does not know the terminal TERM='no-such'" in " ".join(shown.split())


PLAN = """
import sys
import rampa, rampa.loader, rampa.tui

visits = []

async def browse(worker):
    visits.append(1)
    if len(visits) == 1:
        print("hello from the plan")
    await worker.sleep(0.02)

def run(**fields):
    return rampa.tui.run_tui(rampa.loader.TestPlan({"browse": (rampa.ScenarioConfig(**fields), browse)}))

print("FIRST", run(executor="constant-vus", vus=2, duration="10m"), len(visits) > 1)
print("YOU SAID", sys.stdin.readline())
print("SECOND", run(executor="constant-vus", vus=2, duration="10m"))
"""


def test_a_plan_of_a_program(terminal: Terminal, script: Callable[..., Path]) -> None:
    """run_tui(), twice in one process: the functions of the plan are the program's own, and the terminal is as before in between."""
    script(PLAN)
    terminal.command(f"{shlex.quote(sys.executable)} script.py")
    shown = terminal.until_text("load of browse")
    assert "hello from the plan" not in shown
    terminal.keys("p")
    terminal.until(lambda shown: shown.startswith(" paused"))
    terminal.keys("q", "y")
    shown = terminal.until_text("FIRST 4 True", "-S", "-200")
    assert shown.index("hello from the plan") < shown.index("stopped from the dashboard")
    terminal.command("yes")
    terminal.until_text("load of browse")
    terminal.until_text("running  ")
    terminal.keys("C-c")
    shown = terminal.until_text("SECOND 4", "-S", "-200")
    assert "YOU SAID yes" in shown and "aborted by a signal" in shown


def test_a_plan_on_an_unknown_terminal(terminal: Terminal, script: Callable[..., Path]) -> None:
    script(PLAN)
    terminal.command(f"TERM=no-such {shlex.quote(sys.executable)} script.py; echo EXIT $?")
    shown = "".join(terminal.until_text("EXIT 1").split())
    assert "thedashboarddoesnotknowtheterminalTERM='no-such'" in shown and "--tui" not in shown


def test_a_plan_without_a_terminal(script: Callable[..., Path], tmp_path: Path) -> None:
    script(PLAN.replace("10m", "100ms"))
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    assert "FIRST 0 True" in done.stdout and "hello from the plan" in done.stdout and "\x1b" not in done.stdout + done.stderr
