# SPDX-License-Identifier: MIT
"""The pages in docs/: what they show runs, and what they list is what the sources have.

A fenced python block after `<!-- run -->` is a whole script, after `<!-- run: body -->` the body of a scenario with
`worker` and `base`. Each runs against the demo server and must end with exit code 0 and without a failed check.
"""
from __future__ import annotations

import json
import os
import re
import subprocess
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
MINE = ["README.md", "python-api.md", "asyncio.md", "http.md"]

BLOCK = re.compile(r"^<!-- run(: body)? -->\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WRAPPER = """\
import rampa


@rampa.scenario(executor="per-vu-iterations", vus=2, iterations=2)
async def snippet(worker):
    base = worker.env["BASE_URL"]
{body}
"""


def snippets() -> list[pytest.param]:
    found = []
    for page in PAGES:
        text = page.read_text()
        for match in BLOCK.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            code = match[2]
            if match[1]:
                code = WRAPPER.format(body=textwrap.indent(code, "    "))
            found.append(pytest.param(code, id=f"{page.name}:{line}"))
    return found


@pytest.mark.parametrize("code", snippets())
def test_snippet_runs(code: str, program: Path, target: str, tmp_path: Path) -> None:
    script = tmp_path / "snippet.py"
    script.write_text(code)
    out = tmp_path / "result.json"
    done = subprocess.run(
        [program, "run", script, "--env", f"BASE_URL={target}", "--out", out],
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    result = json.loads(out.read_text())
    assert all(check["fails"] == 0 and check["passes"] > 0 for check in result["checks"]), done.stdout


@pytest.mark.parametrize("name", MINE)
def test_python_blocks_are_run(name: str) -> None:
    """Nothing that looks like Python stands on these pages without being run."""
    text = (ROOT / name if name == "README.md" else ROOT / "docs" / name).read_text()
    assert len(re.findall(r"^```python$", text, re.MULTILINE)) == len(BLOCK.findall(text)) > 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    missing = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:|#", link) and not (page.parent / link.partition("#")[0]).exists():
            missing.append(link)
    assert not missing


def test_index_names_every_page() -> None:
    index = (ROOT / "docs/README.md").read_text()
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
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
    text = (ROOT / "src/client/http.h").read_text()
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
    source = (ROOT / "src/python/http.c").read_text()
    names = re.search(r"option_names\[O_COUNT\] = \{(.*?)\};", source, re.DOTALL)
    assert names
    options = re.findall(r'"(\w+)"', names[1])
    assert len(options) == 10
    section = text.split("## worker.http")[1].split("## Response")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == set(options)
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
    sources = "\n".join(
        path.read_text() for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in (".c", ".h", ".py")
    )
    # of the system and of asyncio
    others = {"gather", "select", "cancel", "send", "wait"}
    assert names - others
    assert {name for name in names - others if not re.search(rf"\b{name}\b", sources)} == set()
