# SPDX-License-Identifier: MIT
"""What pip makes of the source tree: a source distribution, a wheel from it, and the command `rampa` in a virtual environment."""
from __future__ import annotations

import os
import subprocess
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PYTHON = "/usr/bin/python3"
SECONDS = 600

pytestmark = pytest.mark.skipif(
    "RAMPA_SANITIZED" in os.environ or not (ROOT / ".git").exists(),
    reason="builds everything once more; a source distribution is made of what git knows",
)

SCRIPT = """
import sys
import only_here
import rampa

@rampa.scenario(executor="per-vu-iterations", vus=2, iterations=3)
async def scenario(worker: rampa.Worker) -> None:
    worker.check(sys.executable, {"the environment's interpreter": lambda path: path == only_here.PYTHON})
"""


def run(*words: str | Path, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("RAMPA", "PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(
        [str(word) for word in words], cwd=cwd, env={**clean, **env}, capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done


def backend(hook: str, source: Path, target: Path, **env: str) -> Path:
    """Calls a hook of the build backend as pip does."""
    code = f"import sys, mesonpy; print(mesonpy.{hook}({str(target)!r}), file=sys.stderr)"
    return target / run(PYTHON, "-c", code, cwd=source, **env).stderr.splitlines()[-1]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment in which the wheel of the source distribution is installed."""
    folder = tmp_path_factory.mktemp("install")
    with tarfile.open(backend("build_sdist", ROOT, folder)) as tar:
        tar.extractall(folder / "source", filter="data") if hasattr(tarfile, "data_filter") else tar.extractall(folder / "source")
    (source,) = (folder / "source").iterdir()
    wheel = backend("build_wheel", source, folder, CFLAGS="-O0")  # what counts is where everything goes
    run(PYTHON, "-m", "venv", folder / "venv", cwd=folder)
    run(folder / "venv/bin/pip", "install", "--no-index", "--no-deps", wheel, cwd=folder)
    (site,) = (folder / "venv/lib").glob("python3*/site-packages")
    (site / "only_here.py").write_text(f"PYTHON = {str(folder / 'venv/bin/python3')!r}\n")
    (folder / "script.py").write_text(SCRIPT)
    return folder


@pytest.mark.parametrize("command", [["rampa"], ["python3", "-m", "rampa"]])
def test_the_command_runs_scripts_with_the_environment_it_was_installed_in(environment: Path, command: list[str]) -> None:
    words = [environment / "venv/bin" / command[0], *command[1:]]
    done = run(*words, "run", "script.py", cwd=environment)
    assert "the environment's interpreter" in done.stdout
    assert "iterations .......... 6" in done.stdout
    assert run(*words, "--version", cwd=environment).stdout.startswith("rampa ")


def test_the_program_of_a_build_starts_the_interpreter_of_the_active_environment(environment: Path) -> None:
    program = os.environ.get("RAMPA", str(ROOT / "build/rampa"))
    done = run(program, "run", "script.py", cwd=environment, VIRTUAL_ENV=str(environment / "venv"))
    assert "iterations .......... 6" in done.stdout


def test_an_installed_package_without_its_program_says_what_to_do(environment: Path, tmp_path: Path) -> None:
    code = "from rampa import __main__ as m; m.program = lambda: None; m.main()"
    done = subprocess.run([environment / "venv/bin/python3", "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0].endswith("has no program beside it")
    assert done.stderr.splitlines()[1].startswith("remedy: ")
