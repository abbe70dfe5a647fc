# SPDX-License-Identifier: MIT
"""Where results cannot go, and interpreters that cannot run a script: what the user is told, with which exit code."""
from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from faultserver import ExpectRequest, FaultServer, Repeat, Send, answer

Rampa = Callable[..., "Finished"]
Script = Callable[..., Path]

ONE = '@rampa.scenario(executor="per-vu-iterations")\n'


def dedent(text: str) -> str:
    return textwrap.dedent(text).lstrip("\n")


# ---- outputs --------------------------------------------------------------------------------------------------------


def test_a_result_in_a_missing_folder_is_refused_before_anything_runs(rampa: Rampa, script: Script) -> None:
    with FaultServer([Repeat([ExpectRequest(), Send(answer())])]) as server:
        script(
            f'import rampa\nasync def setup(worker): await worker.http.get("{server.url}/setup")\n{ONE}'
            f'async def a(worker): await worker.http.get("{server.url}/")\n'
        )
        done = rampa("run", "script.py", "--out", "missing/result.json", code=3)
    assert server.requests == []
    assert done.stdout == ""
    assert done.stderr == (
        "error: the result file 'missing/result.json' cannot be written: its folder does not exist\n"
        "  make the folder first (mkdir -p)\n"
    )


def test_a_full_disk_is_one_message_and_no_partial_file(program: Path, script: Script, tmp_path: Path) -> None:
    script(f"import rampa\n{ONE}async def a(worker): worker.counter('done')\n")
    (tmp_path / "out").mkdir()

    def no_space() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))

    done = subprocess.run(
        [program, "run", "script.py", "--quiet", "--out", "out/result.json"],
        cwd=tmp_path,
        preexec_fn=no_space,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 6
    assert done.stdout == ""
    assert done.stderr == (
        "error: the result file 'out/result.json' could not be written: File too large\n"
        "  free some space or choose another folder; the file that was there before is untouched\n"
    )
    assert list((tmp_path / "out").iterdir()) == []


def test_dev_full_is_exit_6(rampa: Rampa, script: Script) -> None:
    script(f"import rampa\n{ONE}async def a(worker): worker.counter('done')\n")
    done = rampa("run", "script.py", "--out", "/dev/full", "--quiet", code=6)
    assert done.stderr == (
        "error: the result file '/dev/full' could not be written: No space left on device\n"
        "  free some space or choose another folder\n"
    )


def test_a_reader_of_stdout_that_goes_away_does_not_end_the_run(program: Path, script: Script, tmp_path: Path) -> None:
    script(
        'import rampa\n@rampa.scenario(executor="per-vu-iterations", iterations=100)\n'
        "async def a(worker): print('x' * 100_000)\n"
        "def teardown(): open('torn down', 'w')\n"
    )
    reader, writer = os.pipe()
    os.close(reader)
    words = [program, "run", "script.py", "--out", "result.json"]
    done = subprocess.run(words, cwd=tmp_path, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=120)
    os.close(writer)
    assert done.returncode == 6
    assert done.stderr == "error: cannot write the output: Broken pipe\n"
    assert (tmp_path / "torn down").exists()
    run = json.loads((tmp_path / "result.json").read_text())["run"]
    assert (run["exit_code"], run["status"]) == (6, "output_failed")  # what the program returned
    assert run["reason"] == "cannot write the output: Broken pipe"


PRINTS = f"import rampa\n{ONE}async def a(worker):\n    print('said')\n    worker.counter('done')\n"


@pytest.mark.parametrize("name", ["-", "/dev/stdout", "/dev/fd/1"])
def test_a_result_on_stdout_stands_there_alone(rampa: Rampa, script: Script, tmp_path: Path, name: str) -> None:
    script(PRINTS)
    done = rampa("run", "script.py", "--out", name, code=0)
    assert json.loads(done.stdout)["summary"]["metrics"]["done"]["count"] == 1
    assert "said\n" in done.stderr and "\nNOT JUDGED: there is no threshold\n" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "__pycache__") == ["script.py"]
    done = rampa("run", "script.py", "--out", name, "--quiet", code=0)
    assert json.loads(done.stdout)["schema"] == 2
    assert done.stderr == "said\n"


def test_events_on_stdout_stand_there_alone(rampa: Rampa, script: Script, tmp_path: Path) -> None:
    script(PRINTS)
    done = rampa("run", "script.py", "--event-log", "-", code=0)
    assert [json.loads(line)["type"] for line in done.stdout.splitlines()][-1] == "FinishedEvent"
    assert "said\n" in done.stderr and "NOT JUDGED" in done.stderr
    assert not (tmp_path / "-").exists()


def test_two_outputs_on_stdout_are_refused(rampa: Rampa, script: Script) -> None:
    script(PRINTS)
    done = rampa("run", "script.py", "--event-log", "-", "--out", "/dev/stdout", code=3)
    assert (done.stdout, done.stderr) == (
        "",
        "error: --out '/dev/stdout' and --event-log '-' are the same output\n  write one of them to a file\n",
    )


@pytest.mark.parametrize(("text", "remedy"), [("json=r.json", "r.json"), ("csv=r.csv", "r.csv"), ("cloud=", "result.json")])
def test_an_output_of_k6_gets_a_remedy(rampa: Rampa, script: Script, tmp_path: Path, text: str, remedy: str) -> None:
    script(PRINTS)
    done = rampa("run", "script.py", "--out", text, code=3)
    assert done.stderr.startswith(f"error: --out: '{text}' names an output of k6 (rampa writes its result as JSON to the file itself: ")
    assert f"--out {remedy}" in done.stderr
    assert ("; samples one by one: --output " in done.stderr) == (text != "cloud=")
    assert not (tmp_path / text).exists()


def test_a_name_with_an_equals_sign_is_a_name(rampa: Rampa, script: Script, tmp_path: Path) -> None:
    script(PRINTS)
    rampa("run", "script.py", "--out", "run=5.json", code=0)
    assert (tmp_path / "run=5.json").exists()


# ---- interpreters ---------------------------------------------------------------------------------------------------


def test_an_interpreter_without_the_extension_says_so_in_one_sentence(
    rampa: Rampa, script: Script, tmp_path: Path
) -> None:
    script(f"import rampa\n{ONE}async def a(worker): worker.counter('done')\n")
    (tmp_path / "python").write_text(f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n')  # sees no PYTHONPATH
    (tmp_path / "python").chmod(0o755)
    done = rampa("run", "script.py", "--python", tmp_path / "python")
    assert done.code == 3
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "has no rampa: No module named 'rampa'" in done.stderr.splitlines()[0]


def test_how_long_an_interpreter_is_waited_for(rampa: Rampa, script: Script, tmp_path: Path) -> None:
    script("import rampa\n@rampa.scenario(vus=1, iterations=1)\nasync def a(worker): worker.counter('done')\n")
    (tmp_path / "python").write_text("#!/bin/sh\nexec sleep 3600\n")
    (tmp_path / "python").chmod(0o755)
    words = ("run", "script.py", "--python", tmp_path / "python")
    done = rampa(*words, env={"RAMPA_PATIENCE": "100ms"}, code=9)
    assert "the worker did not say hello in time and was killed" in done.stdout + done.stderr
    done = rampa(*words, env={"RAMPA_PATIENCE": "5"}, code=3)
    assert done.stderr.startswith("error: the environment variable RAMPA_PATIENCE is '5', which is no duration\n")


def test_a_python_that_is_not_there(rampa: Rampa, script: Script, tmp_path: Path) -> None:
    script(f"import rampa\n{ONE}async def a(worker): worker.counter('done')\n")
    done = rampa("run", "script.py", "--python", "/nonexistent/python3", code=3)
    assert done.stderr.splitlines()[0] == (
        "error: cannot start the worker '/nonexistent/python3': No such file or directory"
    )
    assert "--python" in done.stderr.splitlines()[1]


def test_a_program_that_is_no_python(rampa: Rampa, script: Script) -> None:
    script(f"import rampa\n{ONE}async def a(worker): worker.counter('done')\n")
    done = rampa("run", "script.py", "--python", "/bin/true")
    assert done.code == 3
    assert "the worker '/bin/true' exited with status 0 before the test began" in done.stderr
