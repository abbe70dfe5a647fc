# SPDX-License-Identifier: MIT
"""The tool that runs the tests of the reference: what it translates, and how it compares a run with the page."""
from __future__ import annotations

import importlib.machinery
import importlib.util
import subprocess
import sys
import types
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
TOOL = ROOT / "tools/run-reference-tests"


@pytest.fixture(scope="module")
def tool() -> types.ModuleType:
    loader = importlib.machinery.SourceFileLoader("run_reference_tests", str(TOOL))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_the_syntax_is_translated(tool: types.ModuleType) -> None:
    new = "type A = int | str\ntry:\n    pass\nexcept KeyError, os.error:\n    pass\nexcept ValueError:\n    pass\n"
    old = "A = int | str\ntry:\n    pass\nexcept (KeyError, os.error):\n    pass\nexcept ValueError:\n    pass\n"
    assert tool.translated(new) == old


def test_a_run_is_compared_with_the_page(
    tool: types.ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text("| tests that fail | because |\n|---|---|\n| `test_a.py`, `cli/test_b.py` | x |\n| `test_c.py::test_d` | y |\n")
    assert tool.listed(page) == {"test_a.py", "cli/test_b.py", "test_c.py::test_d"}
    assert tool.compare(["test_a.py", "cli/test_b.py", "test_c.py::test_d[one]"], page) == 0
    assert tool.compare(["test_a.py::test_x", "test_c.py::test_e", "cli/test_b.py"], page) == 2
    assert capsys.readouterr().out.splitlines() == [
        f"not listed in {page}: test_c.py::test_e",
        f"listed in {page}, but does not fail: test_c.py::test_d",
    ]


def test_the_page_has_a_list(tool: types.ModuleType) -> None:
    assert len(tool.listed(ROOT / "docs/migrating/rampa.md")) > 5


def test_a_folder_that_is_no_checkout_is_refused(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, TOOL, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "is no checkout of the reference" in done.stderr


PASSING = "def test_good(): pass\ndef test_bad(): assert 1 == 2, 'no'\n"


def test_a_small_checkout(tmp_path: Path) -> None:
    """Its tests are run with our package, and the checkout stays as it is."""
    for name in ("tests", "docs", "scripts"):
        (tmp_path / name).mkdir()
    (tmp_path / "README.md").write_text("")
    (tmp_path / "tests/__init__.py").write_text("")
    (tmp_path / "tests/test_engine.py").write_text("import rampa.worker\n" + PASSING)
    (tmp_path / "tests/test_none.py").write_text("import no_such_module_at_all\n")
    before = sorted(tmp_path.rglob("*"))
    done = subprocess.run([sys.executable, TOOL, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[-1].startswith("1 passed, 2 failed, 0 skipped")
    assert any(line.startswith("failed  test_engine.py::test_bad: ") for line in lines)
    assert any(line.startswith("failed  test_none.py: ") and "no_such_module_at_all" in line for line in lines)
    assert sorted(tmp_path.rglob("*")) == before
