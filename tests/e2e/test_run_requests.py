# SPDX-License-Identifier: MIT
"""Requests by their names: the table of the summary and the rows of the result file."""
from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Callable
from pathlib import Path

import pytest

Rampa = Callable[..., "Finished"]
Script = Callable[..., Path]

SHOP = """
import rampa

@rampa.scenario(executor="shared-iterations", vus=2, iterations=30)
async def shop(worker):
    n = worker.execution.iteration
    await worker.http.get("{target}/", name="index")
    await worker.http.get("{target}/delay/20", name="search")
    await worker.http.get("{target}/status/503" if n % 3 == 0 else "{target}/", name="pay")
    await worker.http.get("http://127.0.0.1:1/", name="gone", raise_errors=False)
"""


def rows_of(text: str) -> dict[str, list[str]]:
    """The rows of the table REQUESTS by their names: what stands behind the dots."""
    part = re.search(r"^REQUESTS .*\n((?:  .*\n)+)", text, re.M)
    assert part, text
    rows = {}
    for line in part[1].splitlines():
        name, dots, cells = re.split(r"( \.+ )", line.strip(), maxsplit=1) if " .." in line else ("", "", line)
        if dots:
            rows[name] = cells.split()
        else:  # statuses that did not fit
            rows[list(rows)[-1]] += line.split()
    return rows


@pytest.mark.parametrize("workers", ["1", "2"])
def test_each_name_has_a_row(rampa: Rampa, script: Script, target: str, workers: str) -> None:
    script(SHOP.format(target=target))
    done = rampa("run", "script.py", "--workers", workers, out=True, code=0)
    rows = rows_of(done.stdout)
    assert list(rows) == ["gone", "index", "pay", "search"]
    assert {name: cells[:2] + cells[5:] for name, cells in rows.items()} == {
        "gone": ["30", "30", "none"],
        "index": ["30", "0", "200"],
        "pay": ["30", "10", "200:", "20,", "503:", "10"],
        "search": ["30", "0", "200"],
    }
    assert rows["search"][2].endswith("ms") and float(rows["search"][2].removesuffix("ms")) >= 20
    requests = {row["name"]: row for row in done.result()["summary"]["requests"]}
    assert {name: (row["count"], row["failed"], row["statuses"]) for name, row in requests.items()} == {
        "gone": (30, 30, {"0": 30}),
        "index": (30, 0, {"200": 30}),
        "pay": (30, 10, {"200": 20, "503": 10}),
        "search": (30, 0, {"200": 30}),
    }
    assert requests["search"]["duration"]["count"] == 30 and requests["search"]["duration"]["min"] >= 20
    assert requests["gone"]["duration"]["med"] is None and requests["gone"]["duration"]["count"] == 0


def test_one_name_has_a_line_of_statuses(rampa: Rampa, target: str) -> None:
    done = rampa("run", f"{target}/", "-i", "5", out=True, code=0)
    assert "\nSTATUSES  200: 5\n" in done.stdout and "REQUESTS" not in done.stdout
    (row,) = done.result()["summary"]["requests"]
    assert (row["name"], row["count"], row["failed"], row["statuses"]) == (f"{target}/", 5, 0, {"200": 5})


def test_many_names_are_cut(rampa: Rampa, script: Script, target: str) -> None:
    script(
        "import rampa\n"
        '@rampa.scenario(executor="shared-iterations", iterations=100)\n'
        "async def a(worker):\n"
        "    n = worker.execution.iteration\n"
        f'    await worker.http.get("{target}/", name=f"page {{n % 60}}")\n'
    )
    done = rampa("run", "script.py", out=True, code=0)
    rows = rows_of(done.stdout.replace("    and 20 more names, see --out\n", ""))
    assert len(rows) == 40 and {cells[0] for cells in rows.values()} == {"2"}
    assert "    and 20 more names, see --out\n" in done.stdout
    assert len(done.result()["summary"]["requests"]) == 60


def on_terminal(program: Path, folder: Path, cols: int) -> str:
    """What a run prints on a terminal of so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, cols, 0, 0))
    env = {k: v for k, v in os.environ.items() if not k.startswith("RAMPA_") or k == "RAMPA_PYTHON"}
    run = subprocess.Popen(
        [program, "run", "script.py"],
        cwd=folder,
        env={**env, "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    text = b""
    try:
        while data := os.read(ours, 65536):
            text += data
    except OSError:  # that is how a terminal ends
        pass
    os.close(ours)
    assert run.wait(60) == 0
    return text.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("cols", [40, 60, 80, 132])
def test_every_row_fits_the_terminal(program: Path, tmp_path: Path, script: Script, target: str, cols: int) -> None:
    script(SHOP.format(target=target).replace('"search"', '"a search with a name that is far too long for a row of this table"'))
    text = on_terminal(program, tmp_path, cols)
    part = text[text.index("REQUESTS") : text.index("\nHTTP")]
    assert all(len(line) <= cols for line in part.splitlines()), part
    assert "200: 20, 503: 10" in " ".join(part.split())


def test_hostile_names_are_harmless(rampa: Rampa, script: Script, target: str) -> None:
    script(
        "import rampa\n"
        '@rampa.scenario(executor="shared-iterations", iterations=1)\n'
        "async def a(worker):\n"
        f'    await worker.http.get("{target}/", name="red \\x1b[31m\\nHTTP")\n'
        f'    await worker.http.get("{target}/", name="plain")\n'
    )
    done = rampa("run", "script.py", out=True, code=0)
    assert "\x1b" not in done.stdout and "  red \N{REPLACEMENT CHARACTER}[31m HTTP .." in done.stdout
    assert [row["name"] for row in done.result()["summary"]["requests"]] == ["plain", "red \x1b[31m\nHTTP"]
