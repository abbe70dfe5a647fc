# SPDX-License-Identifier: MIT
"""The pages in docs/: what they show runs, and what they list is what the sources have.

A fenced python block after `<!-- run -->` is a whole script, after `<!-- run: body -->` the body of a scenario with
`worker` and `base`. Each runs against the demo server and must end with exit code 0, or the one that is said
(`<!-- run: exit 1 -->`), and without a failed check. After `<!-- run: python -->` it is a program, after
`<!-- run: pytest -->` a file of tests. A block after `<!-- file: NAME -->` is a file beside the snippets of its page.
"""
from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs/howto").glob("*.md"))]
PAGES += sorted((ROOT / "docs/migrating").glob("*.md"))
MINE = ["README.md", "python-api.md", "asyncio.md", "http.md", "tutorial.md"]
MINE += [f"howto/{page.name}" for page in sorted((ROOT / "docs/howto").glob("*.md"))]

BLOCK = re.compile(r"^<!-- run(?:: ([a-z0-9 ]+))? -->\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"^<!-- file: ([\w.]+) -->\n```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LIBRARIES = re.compile(r"^import (aiohttp)$", re.MULTILINE)
WRAPPER = """\
import rampa


@rampa.scenario(executor="per-vu-iterations", vus=2, iterations=2)
async def snippet(worker):
    base = worker.env["BASE_URL"]
{body}
"""


def page_id(page: Path) -> str:
    return str(page.relative_to(ROOT / "docs")) if page.is_relative_to(ROOT / "docs") else page.name


def snippets() -> list[pytest.param]:
    found = []
    for page in PAGES:
        text = page.read_text()
        files = dict(FILE.findall(text))
        for match in BLOCK.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            how, code = match[1] or "", match[2]
            if how == "body":
                code = WRAPPER.format(body=textwrap.indent(code, "    "))
            found.append(pytest.param(how, code, files, id=f"{page_id(page)}:{line}"))
    return found


def patient(code: str) -> str:
    """The thresholds on times a thousand times wider, and none on dropped iterations: the machine may be busy."""
    return re.sub(r'<(\d{2,})"', r'<\g<1>000"', code).replace('iterations": ["count==0"]', 'iterations": ["count>=0"]')


def command(how: str, program: Path, script: Path, target: str, out: Path) -> list[str | Path]:
    if how == "python":
        return [sys.executable, "-B", script]
    if how == "pytest":
        return [sys.executable, "-B", "-m", "pytest", "-p", "rampa.pytest_plugin", "-p", "no:cacheprovider", script]
    return [program, "run", script, "--env", f"BASE_URL={target}", "--out", out]


@pytest.mark.parametrize(("how", "code", "files"), snippets())
def test_snippet_runs(how: str, code: str, files: dict[str, str], program: Path, target: str, tmp_path: Path) -> None:
    for library in LIBRARIES.findall(code):
        pytest.importorskip(library)
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    script = tmp_path / ("test_snippet.py" if how == "pytest" else "snippet.py")
    script.write_text(patient(code))
    out = tmp_path / "result.json"
    done = subprocess.run(
        command(how, program, script, target, out),
        env={**os.environ, "NO_COLOR": "1", "BASE_URL": target, "PYTEST_ADDOPTS": ""},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    code_of = re.fullmatch(r"exit ([0-9])", how)
    assert done.returncode == (int(code_of[1]) if code_of else 0), done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    if how in ("python", "pytest"):
        return
    result = json.loads(out.read_text())
    assert all(check["fails"] == 0 and check["passes"] > 0 for check in result["checks"]), done.stdout
    if not code_of:
        assert result["errors"]["iterations"] == [], done.stdout


def test_the_figures_of_a_result(program: Path, target: str, tmp_path: Path) -> None:
    """The little program of docs/howto/ci.md."""
    (tmp_path / "figures.py").write_text(dict(FILE.findall((ROOT / "docs/howto/ci.md").read_text()))["result_figures.py"])
    script = tmp_path / "script.py"
    script.write_text(
        "import rampa\nconfig = rampa.Config(thresholds={'http_reqs': ['count==2', 'count>2']})\n"
        + WRAPPER.format(body="    if worker.execution.iteration < 2: await worker.http.get(base)")
    )
    out = tmp_path / "result.json"
    words = [program, "run", script, "--env", f"BASE_URL={target}", "--out", out]
    assert subprocess.run(words, capture_output=True, timeout=120).returncode == 1
    shown = subprocess.run([sys.executable, tmp_path / "figures.py", out], capture_output=True, text=True, timeout=120)
    assert shown.stdout == "threshold_failed 2 requests\nok   http_reqs count==2 2\nFAIL http_reqs count>2 2\n"


def test_an_output_of_your_own(program: Path, target: str, tmp_path: Path) -> None:
    """The class of docs/outputs.md, for which every request is slow."""
    text = dict(FILE.findall((ROOT / "docs/outputs.md").read_text()))["slow.py"]
    assert len(text.splitlines()) <= 5
    (tmp_path / "slow.py").write_text(text.replace("s.value > 500", "s.value > 0"))
    words = [program, "run", target, "-n", "7", "--quiet", "--output", "slow:Slow"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "slow requests: 7\n")


@pytest.mark.parametrize("name", [name for name in MINE if name.startswith(("tutorial", "howto"))])
def test_options_exist(name: str, program: Path) -> None:
    """The lines that begin with rampa, in code and in YAML."""
    text = (ROOT / "docs" / name).read_text()
    for words in re.findall(r"^[ -]*(?:\S+=\S+ |run: )?(?:\S*/)?rampa (run|check|inspect) ([^\n]*)$", text, re.MULTILINE):
        known = subprocess.run([program, words[0], "--help"], capture_output=True, text=True, timeout=60).stdout
        for option in re.findall(r"(?<!\S)--[a-z-]+", words[1]):
            assert re.search(rf"(?<!\S){option}(?![a-z-])", known), f"{words}: {option}"


@pytest.mark.parametrize("name", MINE)
def test_python_blocks_are_run(name: str) -> None:
    """Nothing that looks like Python stands on these pages without being run."""
    text = (ROOT / name if name == "README.md" else ROOT / "docs" / name).read_text()
    as_files = [block for file, block in FILE.findall(text) if file.endswith(".py")]
    assert len(re.findall(r"^```python$", text, re.MULTILINE)) - len(as_files) == len(BLOCK.findall(text)) > 0


def test_index_names_every_page() -> None:
    index = (ROOT / "docs/README.md").read_text()
    pages = {page_id(page) for page in PAGES} - {"README.md"}
    assert {page for page in pages if f"({page})" not in index} == set()


def table(page: str, marker: str) -> list[list[str]]:
    """The rows below the head of the table after `<!-- marker -->`, cells stripped."""
    text = (ROOT / "docs" / page).read_text()
    lines = text.split(f"<!-- {marker} -->\n")[1].split("<!-- end -->")[0].strip().splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


METRIC = re.compile(r'\[RP_M_\w+\]\s*=\s*\{\s*"(\w+)",\s*(COUNTER|GAUGE|RATE|TIME)(,\s*\.is_bytes = true)?')


def test_metrics_are_those_of_the_code() -> None:
    source = (ROOT / "src/plan/metrics.c").read_text()
    units = {"TIME": "ms"}
    types = {"TIME": "trend"}
    expected = [
        [f"`{name}`", types.get(kind, kind.lower()), "bytes" if is_bytes else units.get(kind, "")]
        for name, kind, is_bytes in METRIC.findall(source)
    ]
    assert len(expected) == len(re.findall(r"^\s*\[RP_M_", source, re.MULTILINE)) > 20
    assert [row[:3] for row in table("metrics.md", "metrics")] == expected


def codes_of_the_source() -> dict[str, int]:
    text = (ROOT / "src/http/http.h").read_text()
    body = re.search(r"enum rp_http_code \{(.*?)\};", text, re.DOTALL)
    assert body
    return {name: int(number) for name, number in re.findall(r"RP_HTTP_(\w+) = (\d+)", body[1])}


def test_error_codes_are_those_of_the_code() -> None:
    rows = table("metrics.md", "codes")
    documented = {row[1]: row[0] for row in rows}
    expected = {name: str(number) for name, number in codes_of_the_source().items()}
    expected["STATUS_BASE"] = "1400 to 1599"
    assert documented == expected


def test_exceptions_are_those_of_the_code() -> None:
    from rampa import errors

    for number, name, exception, _ in table("metrics.md", "codes"):
        if exception == "none":
            continue
        raised = errors._BY_CODE.get(int(number), errors.RequestError)
        assert exception == f"`{raised.__name__}`", name
    assert set(errors._BY_CODE) <= set(codes_of_the_source().values())


def test_exceptions_of_the_api_page() -> None:
    from rampa import errors

    text = (ROOT / "docs/python-api.md").read_text().split("| exception in `rampa.errors` |")[1].split("\n\n")[0]
    documented = {}
    for line in text.splitlines()[2:]:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        documented[cells[0].strip("`")] = re.findall(r"`(\w+)`", cells[1])
    defined = {
        name: kind
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.RequestError)
    }
    assert set(documented) == set(defined)
    for name, bases in documented.items():
        for base in bases:
            assert base in {kind.__name__ for kind in defined[name].__mro__}, name


def test_the_api_page_names_what_the_extension_has() -> None:
    import _rampa

    text = (ROOT / "docs/python-api.md").read_text()
    source = (ROOT / "src/python/api/options.c").read_text()
    names = re.search(r"option_names\[O_COUNT\] = \{(.*?)\};", source, re.DOTALL)
    assert names
    options = re.findall(r'"(\w+)"', names[1])
    assert len(options) >= 18
    section = text.split("## worker.http")[1].split("## Response")[0]
    rows = "".join(re.findall(r"^\| (`\w+`(?:, `\w+`)?) \|", section, re.MULTILINE))
    assert set(re.findall(r"\w+", rows)) == set(options) - {"method", "url"}
    # every public attribute of Worker and Response is on the page
    for kind, part in ((_rampa.Worker, "## Worker"), (_rampa.Response, "## Response")):
        public = {name for name in vars(kind) if not name.startswith("_")}
        section = text.split(part + "\n")[1].split("\n## ")[0]
        assert {name for name in public if not re.search(rf"`{name}[`(]", section)} == set()


def test_names_of_functions_in_the_architecture_exist() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    names = set(re.findall(r"(?<![\w.])([a-z][a-z0-9_]+)\(\)", text))
    names |= {name for _, name in re.findall(r"(hooks|Host)\.(\w+)\(\)", text)}
    folders = ("src", "python")
    sources = (path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in (".c", ".h", ".py"))
    words = {word for path in sources for word in re.findall(r"\w+", path.read_text())}
    # of the system and of asyncio
    others = {"gather", "select", "cancel", "send", "wait"}
    assert names - others
    assert names - others - words == set()


def test_files_in_the_architecture_exist() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    folders = ("src", "python", "tests")
    files = [f"/{path.relative_to(ROOT)}" for folder in folders for path in (ROOT / folder).rglob("*")]
    named = set(re.findall(r"(?<![\w/.])(?:\w+/)*\w+\.(?:c|h|py)\b", text))
    others = {"FOLDER_internal.h", "Python.h", "load.py"}
    assert len(named) > 50
    assert {name for name in named - others if not any(file.endswith(f"/{name}") for file in files)} == set()


def test_the_architecture_names_every_message() -> None:
    text = (ROOT / "docs/architecture.md").read_text().split("## The life of a run")[1].split("\n## ")[0]
    names = re.findall(r"^    RP_MSG_(\w+)", (ROOT / "src/wire/message.h").read_text(), re.MULTILINE)
    assert {name.lower() for name in names if name not in ("NONE", "COUNT") and f"`{name.lower()}`" not in text} == set()
    assert len(names) > 20
