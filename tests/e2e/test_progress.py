# SPDX-License-Identifier: MIT
"""What is shown while a test runs, on a terminal and elsewhere."""

from __future__ import annotations

import errno
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
from collections.abc import Callable
from pathlib import Path

import pytest

# When teardown() begins, all has been told of the scenarios: what is drawn then does not depend on time.
SCRIPT = """
import rampa

config = rampa.Config(scenarios={
    "pool": {"executor": "shared-iterations", "vus": 2, "iterations": 6, "exec_fn": "one"},
    "each": {"executor": "per-vu-iterations", "vus": 2, "iterations": 1, "exec_fn": "one"},
})


async def one(worker):
    print("said", flush=True)
    worker.counter("said")


def teardown(data):
    pass
"""
SECONDS = 60
TERMINAL = {"TERM": "xterm-256color", "NO_COLOR": ""}
ESCAPE = re.compile(r"\x1b\[[0-9;]*([A-Za-z])")
BAR = re.compile(r"^(\w+)  \[(=+)\]  (\d+)/(\d+) iters  finished", re.M)


@pytest.fixture
def on_terminal(program: Path, tmp_path: Path) -> Callable[..., tuple[str, str]]:
    """on_terminal(WORD, ...) runs the script with a terminal of 100 columns as standard error, or with `both` as standard
    output too; returns what the terminal got and the standard output."""

    def run(*words: str, env: dict[str, str], both: bool = False) -> tuple[str, str]:
        (tmp_path / "script.py").write_text(SCRIPT)
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        ours = {k: v for k, v in os.environ.items() if not k.startswith("RAMPA_") or k == "RAMPA_PYTHON"}
        process = subprocess.Popen(
            [program, "run", "script.py", *words],
            cwd=tmp_path,
            env={**ours, **env},
            stdin=subprocess.DEVNULL,
            stdout=slave if both else subprocess.PIPE,
            stderr=slave,
        )
        os.close(slave)
        shown = b""
        while True:
            assert select.select([master], [], [], SECONDS)[0], shown.decode()
            try:
                piece = os.read(master, 65536)
            except OSError as error:
                assert error.errno == errno.EIO  # nobody has it open any more
                break
            if not piece:
                break
            shown += piece
        os.close(master)
        stdout = process.communicate(timeout=SECONDS)[0] or b""
        assert process.returncode == 0, shown.decode()
        return shown.decode().replace("\r\n", "\n"), stdout.decode()

    return run


def test_a_bar_for_each_scenario(on_terminal: Callable[..., tuple[str, str]]) -> None:
    shown, stdout = on_terminal(env=TERMINAL)
    assert "\x1b[1mteardown\x1b[0m" in shown
    assert {bar[0]: bar[2:] for bar in BAR.findall(ESCAPE.sub("", shown))} == {"pool": ("6", "6"), "each": ("2", "2")}
    assert shown.endswith("\x1b[J")  # nothing stays
    assert stdout.count("said\n") == 8 and "NOT JUDGED" in stdout and "\x1b" not in stdout


def test_without_colors(on_terminal: Callable[..., tuple[str, str]]) -> None:
    for words, env in (((), {**TERMINAL, "NO_COLOR": "1"}), (("--no-color",), TERMINAL)):
        shown, _ = on_terminal(*words, env=env)
        assert len(BAR.findall(ESCAPE.sub("", shown))) >= 2
        assert set(ESCAPE.findall(shown)) == {"A", "K", "J"}


def rendered(text: str) -> list[str]:
    """The rows of a terminal without a lower edge that got this text; ours has no tabs and no colours."""
    rows, row, column = [""], 0, 0
    for command, number, kind, plain in re.findall(r"(\x1b\[(\d*)([AKJ])|\r|\n)|([^\x1b\r\n]+)", text):
        if plain:
            rows[row] = rows[row][:column].ljust(column) + plain + rows[row][column + len(plain) :]
            column += len(plain)
        elif command == "\r":
            column = 0
        elif command == "\n":
            row, column = row + 1, 0
            rows += [""] * (row == len(rows))
        elif kind == "A":
            row -= int(number)
            assert row >= 0
        else:
            rows[row] = rows[row][:column]
            rows[row + 1 :] = [] if kind == "J" else rows[row + 1 :]
    return rows


def test_the_block_gets_out_of_the_way(on_terminal: Callable[..., tuple[str, str]]) -> None:
    shown, _ = on_terminal("--no-color", env=TERMINAL, both=True)
    assert "running  0s/" in shown and BAR.search(ESCAPE.sub("", shown))
    rows = rendered(shown)
    assert rows[:8] == ["said"] * 8
    assert re.match(r"rampa \S+  script\.py  ran ", rows[8])
    assert not [row for row in rows if re.match(r"(loading|running|teardown)  |\w+ +\[", row)]


def test_plain_lines(on_terminal: Callable[..., tuple[str, str]]) -> None:
    shown, _ = on_terminal(env={"TERM": "dumb", "NO_COLOR": ""})
    assert "\x1b" not in shown
    assert re.search(r"^running  0s/", shown, re.M) and re.search(r"^teardown  0s", shown, re.M)
    assert all(re.match(r"(loading|setup|running|teardown)  \d", line) for line in shown.splitlines())


def test_quiet(on_terminal: Callable[..., tuple[str, str]]) -> None:
    shown, stdout = on_terminal("--quiet", env=TERMINAL)
    assert (shown, stdout) == ("", "said\n" * 8)
    shown, stdout = on_terminal("--quiet", "--progress", env=TERMINAL)
    assert "teardown" in shown and stdout == "said\n" * 8
