# SPDX-License-Identifier: MIT
"""The command line as a user meets it: what it says, where, with which exit code, in which colours."""
from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
COMMANDS = ["run", "check", "inspect", "archive", "report", "result", "compare", "status", "stop", "pause", "resume", "adjust", "doctor"]
COMMANDS += ["target", "demo", "mcp", "agent", "completion", "help"]
SECONDS = 60

Rampa = Callable[..., "subprocess.CompletedProcess[str]"]


def option_table() -> list[tuple[str, str]]:
    """Every row of the table in the source: the name and the commands it belongs to, as C wrote them."""
    source = (ROOT / "src/app/table.c").read_text()
    rows = re.findall(r'\[RP_OPT_\w+\] = \{(.*?)\n    \},', source, re.S)
    table = []
    for row in rows:
        name = re.search(r'\.name = "(--[\w-]+)"', row)
        commands = re.search(r"\.commands = ([^,]+),", row)
        assert name and commands, row
        table.append((name[1], commands[1]))
    return table


def belongs(commands: str, command: str) -> bool:
    """Whether the text of a row's commands means this one."""
    in_script = "RP_IN_SCRIPT" in commands and command in ("run", "check", "inspect")
    in_control = "RP_IN_CONTROL" in commands and command in ("status", "stop", "pause", "resume", "adjust")
    return in_script or in_control or commands == "RP_IN_ALL" or f"RP_IN(RP_CMD_{command.upper()})" in commands


def on_terminal(words: list[str], columns: int = 80, env: dict[str, str] | None = None) -> tuple[int, str]:
    """Runs a command with a terminal for all three streams; returns the exit code and what the terminal got."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    plain = {k: v for k, v in os.environ.items() if not k.startswith("RAMPA_") and k not in ("NO_COLOR", "COLUMNS")}
    process = subprocess.Popen(
        words, stdin=slave, stdout=slave, stderr=slave, env={**plain, "TERM": "xterm", **(env or {})}
    )
    os.close(slave)
    text = b""
    while True:
        ready, _, _ = select.select([master], [], [], SECONDS)
        assert ready, "the program said nothing and did not end"
        try:
            chunk = os.read(master, 65536)
        except OSError:  # a terminal whose other side has been closed
            break
        if not chunk:
            break
        text += chunk
    os.close(master)
    return process.wait(SECONDS), text.decode().replace("\r\n", "\n")


# ---- help and version ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_has_exactly_its_options(rampa: Rampa, command: str) -> None:
    done = rampa(command, "--help", code=0)
    assert done.stderr == ""
    assert done.stdout.startswith(f"Usage: rampa {command}")
    shown = set(re.findall(r"^  (?:-\w, |    )(--[\w-]+)", done.stdout, re.M))
    assert shown == {name for name, commands in option_table() if belongs(commands, command)}
    assert "Examples:\n  # " in done.stdout
    assert re.search(r"^Exit codes:\n  0  ", done.stdout, re.M)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_command_says_the_same(rampa: Rampa, command: str) -> None:
    assert rampa("help", command, code=0).stdout == rampa(command, "-h", code=0).stdout


def test_global_help_has_every_command(rampa: Rampa) -> None:
    done = rampa("--help", code=0)
    shown = re.findall(r"^  (\w+)(?: \[?[A-Z]+\S*)?  +\S", done.stdout.split("Commands:")[1].split("\n\n")[0], re.M)
    assert shown == COMMANDS
    assert rampa("help", code=0).stdout == done.stdout
    assert "NO_COLOR" in done.stdout


def test_version(rampa: Rampa) -> None:
    version = re.search(r"version: '([\d.]+)'", (ROOT / "meson.build").read_text())
    assert version
    assert rampa("--version", code=0).stdout == f"rampa {version[1]}\n"
    assert rampa("run", "-V", code=0).stdout == f"rampa {version[1]}\n"


def test_help_wins_over_mistakes_but_not_over_an_unknown_command(rampa: Rampa) -> None:
    assert "Usage: rampa run" in rampa("run", "--duraton", "--help", code=0).stdout
    assert "unknown command 'rnu'" in rampa("rnu", "--help", code=3).stderr


# ---- mistakes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "stderr"),
    [
        (
            ["run", "a.py", "--duraton", "30s"],
            "error: unknown option '--duraton' (did you mean '--duration'?)\nsee 'rampa run --help'\n",
        ),
        (["rnu", "a.py"], "error: unknown command 'rnu' (did you mean 'run'?)\nsee 'rampa --help'\n"),
        (
            ["load.py"],
            "error: unknown command 'load.py' (did you mean 'rampa run load.py'?)\nsee 'rampa --help'\n",
        ),
        (["run"], "error: no script or URL given (rampa run SCRIPT|URL)\nsee 'rampa run --help'\n"),
        (["run", "a.py", "--vus"], "error: option '--vus' needs a value (--vus N)\nsee 'rampa run --help'\n"),
        (
            ["run", "a.py", "--color"],
            "error: unknown option '--color'\nsee 'rampa run --help'\n",
        ),
        (
            ["check", "a.py", "--vus=x", "--out", "b", "--env", "FOO", "c.py"],
            "error: --vus: 'x' is not a whole number\n"
            "error: unknown option '--out' (it is an option of 'rampa run')\n"
            "error: --env: 'FOO' is not KEY=VALUE\n"
            "error: unexpected argument 'c.py'\n"
            "see 'rampa check --help'\n",
        ),
        (
            ["inspect", "a.py", "--format", "xml"],
            "error: --format: 'xml' is not one of text, json\nsee 'rampa inspect --help'\n",
        ),
        (["help", "rum"], "error: unknown command 'rum' (did you mean 'run'?)\nsee 'rampa help --help'\n"),
    ],
)
def test_a_mistake_is_explained(rampa: Rampa, words: list[str], stderr: str) -> None:
    done = rampa(*words, code=3)
    assert done.stdout == ""
    assert done.stderr == stderr


def test_a_mistake_in_the_environment_names_the_variable(rampa: Rampa) -> None:
    done = rampa("run", "a.py", env={"RAMPA_VUS": "many", "RAMPA_QUIET": "perhaps"}, code=3)
    assert done.stderr == (
        "error: RAMPA_VUS: 'many' is not a whole number\n"
        "error: RAMPA_QUIET: 'perhaps' is neither yes nor no (set it to 1 or 0)\n"
        "see 'rampa run --help'\n"
    )


@pytest.mark.parametrize("command", ["run", "check", "inspect"])
def test_a_file_that_is_no_script_is_explained(rampa: Rampa, script: Callable[..., Path], command: str) -> None:
    script("", name="load.py")
    script("", name="load.js")
    folder = script("", name="x.txt").parent / "folder"
    folder.mkdir()
    code = 1 if command == "check" else 3
    assert rampa(command, "laod.py", code=code).stderr == "error: laod.py: no such file\n  did you mean 'load.py'?\n"
    assert rampa(command, "load", code=code).stderr == "error: load: no such file\n  did you mean 'load.py'?\n"
    assert rampa(command, "folder", code=code).stderr == "error: folder: is a folder, not a script\n"
    assert rampa(command, "load.js", code=code).stderr == (
        "error: load.js: is not a Python script\n  this version of rampa runs URLs, scripts (.py) and archives (.rampa)\n"
    )
    assert rampa(command, "nowhere/load.py", code=code).stderr == (
        "error: nowhere/load.py: no such file\n  there is no folder 'nowhere'\n"
    )


@pytest.mark.parametrize("command", ["run", "check", "inspect"])
def test_a_password_in_what_is_no_url_is_not_shown(rampa: Rampa, command: str) -> None:
    code = 1 if command == "check" else 3
    for word, masked, url in (
        ("u:secret@h", "***@h", "http://***@h"),
        ("http:/u:secret@h:80/x", "http:/***@h:80/x", "http://***@h:80/x"),
        ("http:u:/secret@h", "http:***@h", "http://***@h"),
        ("u:secret@h/x.py", "***@h/x.py", "http://***@h/x.py"),
    ):
        done = rampa(command, word, code=code)
        assert done.stderr == f"error: {masked}: no such file\n  did you mean '{url}'?\n"
        assert "secret" not in rampa(word, code=3).stderr
        assert "secret" not in rampa(command, "x.py", word, code=3).stderr
        assert "secret" not in rampa("target", word, code=3).stderr


def test_control_characters_of_the_line_do_not_reach_the_terminal(rampa: Rampa) -> None:
    done = rampa("run", "\x1b[2J\a.py", code=3)
    assert "\x1b" not in done.stderr and "\a" not in done.stderr
    assert done.stderr.startswith("error: ")


def test_output_that_cannot_be_written_is_exit_6(program: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([program, "--help"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=SECONDS)
    assert done.returncode == 6
    assert done.stderr == "error: cannot write the output: No space left on device\n"


def test_without_a_command_the_short_help_is_shown(rampa: Rampa) -> None:
    done = rampa(code=0)
    assert done.stderr == "" and "Usage: rampa COMMAND" in done.stdout
    assert len(done.stdout.splitlines()) < 24 and "--help" in done.stdout


def test_check_of_a_script_that_is_not_there(rampa: Rampa) -> None:
    assert "no such file" in rampa("check", "/no/such/script.py", code=1).stderr
    assert "no such file" in rampa("run", "/no/such/script.py", code=3).stderr
    assert "no such file" in rampa("inspect", "/no/such/script.py", code=3).stderr


CHECKED = """
import rampa

config = rampa.Config(thresholds={"checks": ["rate>0.5"], "iterations": ["count>1", "count<9"]})

def setup(): pass

@rampa.scenario(executor="constant-vus", vus=5, duration="1m30s")
async def a(worker): pass

@rampa.scenario(executor="constant-arrival-rate", rate=3, time_unit="2s", duration="250ms", pre_allocated_vus=1)
async def b(worker): pass

@rampa.scenario(executor="per-vu-iterations", vus=1, iterations=7)
async def c(worker): pass

@rampa.scenario(executor="ramping-vus", stages=[["1s", 5], ["2s", 0]])
async def d(worker): pass
"""


def test_check_says_what_it_has_found(rampa: Rampa, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(CHECKED)
    assert rampa("check", tmp_path / "script.py", code=0).stdout.splitlines() == [
        "scenarios: 4 found",
        "  - a (constant-vus, 5 VUs, 1m30s)",
        "  - b (constant-arrival-rate, 1.5/s, 250ms)",
        "  - c (per-vu-iterations, 1 VU, 7 iterations)",
        "  - d (ramping-vus, 2 stages)",
        "thresholds: 3 configured",
        "setup: yes",
        "teardown: no",
        "status: valid",
    ]


# ---- colours and width ------------------------------------------------------------------------------------------


def test_no_colours_in_a_pipe(program: Path) -> None:
    env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR",)}
    for words in (["--help"], ["run", "--help"], ["run", "--bad"], ["doctor"], []):
        done = subprocess.run([program, *words], capture_output=True, text=True, timeout=SECONDS, env=env)
        assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["run", "--bad"], ["doctor"], []])
def test_colours_on_a_terminal(program: Path, words: list[str]) -> None:
    _, colored = on_terminal([str(program), *words])
    assert "\x1b[" in colored
    # nothing but colours: no cursor moves
    assert set(re.findall(r"\x1b(.*?[A-Za-z])", colored)) <= {"[0m", "[1m", "[2m", "[31m", "[32m", "[33m", "[36m"}
    for say_no in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        _, plain = on_terminal([str(program), *words], env=say_no)
        assert "\x1b" not in plain
    _, plain = on_terminal([str(program), "--no-color", *words])
    assert "\x1b" not in plain
    _, colored = on_terminal([str(program), *words], env={"NO_COLOR": ""})
    assert "\x1b[" in colored


def widest(text: str) -> int:
    """Columns of the widest line that could have been broken."""
    lines = [re.sub(r"\x1b\[\d+m", "", line) for line in text.splitlines()]
    return max(len(line) for line in lines if not re.match(r"  (#|rampa )", line))


def test_help_fits_the_terminal(program: Path) -> None:
    for columns in (70, 80, 92):
        code, text = on_terminal([str(program), "run", "--help"], columns)
        assert code == 0
        assert columns - 15 < widest(text) <= columns
    _, text = on_terminal([str(program), "run", "--help"], 300)
    assert widest(text) <= 100
    _, text = on_terminal([str(program), "run", "--help"], 80, {"COLUMNS": "70"})
    assert widest(text) <= 70


def test_a_pipe_has_80_columns_or_COLUMNS(rampa: Rampa) -> None:
    assert 65 < widest(rampa("run", "--help", env={"COLUMNS": ""}, code=0).stdout) <= 80
    assert 80 < widest(rampa("run", "--help", env={"COLUMNS": "92"}, code=0).stdout) <= 92


# ---- completion -------------------------------------------------------------------------------------------------


def complete(script: str, *words: str) -> list[str]:
    """What bash offers for the last word."""
    line = " ".join(f"'{word}'" for word in words)
    ask = f"{script}\nCOMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _rampa; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    done = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, timeout=SECONDS, check=True)
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes_commands_options_and_values(rampa: Rampa, script: Callable[..., Path]) -> None:
    code = rampa("completion", "bash", code=0).stdout
    assert complete(code, "rampa", "") == COMMANDS
    assert complete(code, "rampa", "in") == ["inspect"]
    assert complete(code, "rampa", "run", "--du") == ["--duration"]
    assert complete(code, "rampa", "doctor", "--format", "") == ["text", "json"]
    assert complete(code, "rampa", "doctor", "--format", "=") == ["text", "json"]  # bash takes --format=j for three words
    assert complete(code, "rampa", "doctor", "--format", "=", "j") == ["json"]
    assert complete(code, "rampa", "run", "--http-debug", "=") == ["headers", "full"]
    assert complete(code, "rampa", "run", "--http-debug", "=", "f") == ["full"]
    assert complete(code, "rampa", "completion", "z") == ["zsh"]
    assert complete(code, "rampa", "help", "ta") == ["target"]
    for words in ((), ("--format", "json"), ("--format", "=", "json")):
        assert complete(code, "rampa", "result", *words, "") == ["open", "slowest", "errors"]
        assert complete(code, "rampa", "result", *words, "op") == ["open"]
    assert complete(code, "rampa", "--no-color", "result", "s") == ["slowest"]
    offered = complete(code, "rampa", "check", "--")
    assert offered == [name for name, commands in option_table() if belongs(commands, "check")]
    path = script("")
    script("", name="other.txt")
    archive, results = script("", name="test.rampa"), [script("{}", name="a b.json"), script("{}", name="b.json")]
    assert complete(code, "rampa", "run", f"{path.parent}/") == [str(path), str(archive)]
    assert complete(code, "rampa", "archive", f"{path.parent}/") == [str(path)]
    for words in (["report"], ["compare"], ["compare", "a.json"], ["result", "open"], ["result", "--format", "json", "errors"]):
        assert set(complete(code, "rampa", *words, f"{path.parent}/")) >= {f"{path.parent}/a", "b.json", str(results[1])}
    assert complete(code, "rampa", "run", "--http-debug", f"{path.parent}/") == [str(path), str(archive)]


@pytest.mark.skipif(not shutil.which("zsh"), reason="no zsh")
def test_zsh_reads_its_completion(rampa: Rampa) -> None:
    code = rampa("completion", "zsh", code=0).stdout
    done = subprocess.run(["zsh", "-n"], input=code, capture_output=True, text=True, timeout=SECONDS)
    assert (done.returncode, done.stderr) == (0, "")
    assert code.count("'*:RESULT:_files'") == 2  # any number of results, which are no scripts
    assert code.count("'1:SCRIPT|URL:_files -g \"*.py *.rampa\"'") == 3
    assert "::full:(headers full)'" in code and "'--http-debug=-[" in code  # a value only behind '='


@pytest.mark.skipif(not shutil.which("fish"), reason="no fish")
def test_fish_completes_commands_options_and_values(rampa: Rampa, script: Callable[..., Path]) -> None:
    code = rampa("completion", "fish", code=0).stdout
    path = script("")

    def offered(line: str) -> list[str]:
        done = subprocess.run(
            ["fish", "--no-config", "-c", "source; complete -C $argv[1]", line],
            input=code, capture_output=True, text=True, timeout=SECONDS, check=True, cwd=path.parent,
        )  # fmt: skip
        assert done.stderr == ""
        return [word.split("\t")[0] for word in done.stdout.splitlines()]

    assert sorted(offered("rampa ")) == sorted(COMMANDS)
    assert offered("rampa in") == ["inspect"]
    assert offered("rampa run --du") == ["--duration"]
    assert offered("rampa doctor --format ") == ["json", "text"]
    assert offered("rampa doctor --format=j") == ["--format=json"]
    assert {"--http-debug=full", "--http-debug=headers"} <= set(offered("rampa run --http-debug="))
    assert path.name in offered("rampa run --http-debug ")
    assert offered("rampa completion z") == ["zsh"]
    (path.parent / "a.rampa").touch()
    (path.parent / "b.json").touch()
    assert {path.name, "a.rampa"} <= set(offered("rampa run "))
    assert "b.json" in offered("rampa report ") and "b.json" in offered("rampa compare a.json ")
    assert "--help" in offered("rampa check --")


# ---- doctor -----------------------------------------------------------------------------------------------------


FINDINGS = [
    "version", "system", "build", "loop", "tls", "python", "open_files", "ports", "somaxconn", "processors", "memory",
]  # fmt: skip


def test_doctor_finds_the_same_in_text_and_json(rampa: Rampa) -> None:
    done = rampa("doctor", "--format", "json")
    report = json.loads(done.stdout)
    assert [finding["id"] for finding in report["findings"]] == FINDINGS
    assert done.code == (0 if report["can_run"] else 1)
    verdicts = [finding["verdict"] for finding in report["findings"]]
    assert report["errors"] == verdicts.count("error")
    assert report["warnings"] == verdicts.count("warning")
    assert report["can_run"] == (report["errors"] == 0)
    text = rampa("doctor")
    assert text.code == done.code
    assert f"\npython: {report['python']}\n" in text.stdout
    for name, version in report["packages"].items():
        unfit = name == "mcp" and not (version or "").startswith("2.")
        assert f"\n{name}: {version or 'not installed'}{' (rampa mcp needs version 2: ' if unfit else chr(10)}" in text.stdout
    assert re.findall(r"^  (ok|warning|error)  ", text.stdout, re.M) == verdicts


def test_doctor_says_when_python_is_missing(rampa: Rampa) -> None:
    done = rampa("doctor", "--python", "/nonexistent/python3", code=1)
    assert re.search(r"^  error +Python +/nonexistent/python3: No such file", done.stdout, re.M)
    assert "No test can run here" in done.stdout
    same = rampa("doctor", env={"RAMPA_PYTHON": "/nonexistent/python3"}, code=1)
    assert "/nonexistent/python3" in same.stdout


def test_doctor_says_when_the_extension_is_missing(rampa: Rampa, tmp_path: Path) -> None:
    (tmp_path / "python").write_text(f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n')  # sees no PYTHONPATH
    (tmp_path / "python").chmod(0o755)
    done = rampa("doctor", "--python", tmp_path / "python", "--format", "json", code=1)
    python = next(f for f in json.loads(done.stdout)["findings"] if f["id"] == "python")
    assert python["verdict"] == "error"
    assert "rampa cannot be imported (ModuleNotFoundError" in python["limits"]


def test_doctor_reads_the_limit_of_open_files(program: Path) -> None:
    words = ["prlimit", "--nofile=500:1000", str(program), "doctor", "--format", "json"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS)
    files = next(f for f in json.loads(done.stdout)["findings"] if f["id"] == "open_files")
    assert files["value"] == "soft limit 500, hard limit 1000"
    assert files["verdict"] == "warning"


def test_doctor_page_describes_every_finding() -> None:
    page = (ROOT / "docs/doctor.md").read_text()
    assert re.findall(r"^\| `(\w+)` \|", page, re.M) == FINDINGS


# ---- target -----------------------------------------------------------------------------------------------------


def test_target_says_where_it_listens_and_ends_on_a_signal(program: Path) -> None:
    process = subprocess.Popen([program, "target", "--port", "0"], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    first = process.stdout.readline()
    found = re.fullmatch(r"listening on (http://127\.0\.0\.1:\d+)\n", first)
    assert found, first
    with urllib.request.urlopen(found[1] + "/status/200", timeout=SECONDS) as response:
        assert response.status == 200
    process.send_signal(signal.SIGINT)
    rest = process.stdout.read()
    assert process.wait(SECONDS) == 0
    assert rest.endswith("\nrequests: 1 (0 bad), connections: 1\n")
    assert "/status/<code>" in rest


def test_target_help_has_its_endpoints(rampa: Rampa) -> None:
    assert re.search(r"^  /delay/<ms> +answers", rampa("target", "--help", code=0).stdout, re.M)


def test_target_says_when_it_cannot_listen(rampa: Rampa) -> None:
    done = rampa("target", "--host", "192.0.2.1", "--port", "0", code=3)
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert "192.0.2.1" in done.stderr
