# SPDX-License-Identifier: MIT
"""rampa archive, and archives in place of scripts."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from finished import Finished

Run = Callable[..., Finished]

FILES = {
    "load.py": """
import json
from pathlib import Path

import rampa
from lib.users import name

ROWS = json.loads((Path(__file__).parent / "data" / "rows.json").read_text())
NOTE = open("note.txt").read()
config = rampa.Config(thresholds={"checks": ["rate==1"]})

@rampa.scenario(executor="shared-iterations", vus=2, iterations=6, env={"TOKEN": "s3cr3t-t0ken"})
async def a(worker):
    worker.check(worker, {"data": lambda w: ROWS == [1, 2] and NOTE == "hello" and name() == "joe", "env": lambda w: w.env["TOKEN"]})
""",
    "lib/users.py": "def name(): return 'joe'\n",
    "data/rows.json": "[1, 2]",
    "note.txt": "hello",
    ".env": "PASSWORD=s3cr3t-passw0rd",
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a script; unpacked archives are in tmp_path/unpacked."""
    (tmp_path / "unpacked").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "unpacked"))
    for name, text in FILES.items():
        path = tmp_path / "home" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "home"


def left(tmp_path: Path) -> list[str]:
    return os.listdir(tmp_path / "unpacked")


def test_an_archive_does_what_its_script_does(rampa: Run, program: Path, home: Path, tmp_path: Path) -> None:
    done = rampa("archive", home / "load.py")  # which opens a file of its folder as one of the current folder
    assert done.code == 3 and "note.txt" in done.stderr
    words = [str(program.resolve()), "archive", "load.py", "-o", str(tmp_path / "test.rampa")]
    packed = subprocess.run(words, cwd=home, capture_output=True, text=True)
    assert (packed.returncode, packed.stdout) == (0, ""), packed.stderr
    assert packed.stderr == f"wrote {tmp_path / 'test.rampa'} with 4 files\n"
    with zipfile.ZipFile(tmp_path / "test.rampa") as archive:
        assert set(archive.namelist()) == FILES.keys() - {".env"} | {"manifest.json"}
        manifest = archive.read("manifest.json").decode()
    assert "s3cr3t" not in manifest and json.loads(manifest)["config"]["scenarios"]["a"]["iterations"] == 6
    for name in sorted(FILES, reverse=True):
        (home / name).unlink()  # nothing of it is needed any more
    done = rampa("run", "test.rampa", "--workers", 2, out=True, code=0)
    result = done.result()
    assert result["summary"]["metrics"]["checks"]["passes"] == 12 and result["config"]["script"] == "load.py"
    assert "status: valid" in rampa("check", "test.rampa", code=0).stdout
    assert json.loads(rampa("inspect", "test.rampa", "--format", "json", "--vus", 5, code=0).stdout)["scenarios"]["a"]["vus"] == 5
    assert left(tmp_path) == []


def pack(path: Path, script: str) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("script.py", script)
        archive.writestr("manifest.json", '{"version": 1, "entrypoint": "script.py"}')


def test_mistakes(rampa: Run, home: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.rampa"
    pack(path, "import nothing_of_this_name\n")
    done = rampa("run", path, code=3)
    assert "script.py:1" in done.stderr and "nothing_of_this_name" in done.stderr
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../evil.py", "")
    done = rampa("run", path, code=3)
    assert f"{path}: the name '../evil.py' leads out of the archive" in done.stderr
    assert rampa("check", path, code=1).stderr == done.stderr
    path.write_text("no archive")
    assert "it is no zip file" in rampa("inspect", path, code=3).stderr
    assert "is an archive already" in rampa("archive", path, code=3).stderr
    assert "not of a URL" in rampa("archive", "http://127.0.0.1/", code=3).stderr
    (home / "plain.py").write_text("import rampa\n@rampa.scenario(iterations=1, executor='shared-iterations')\nasync def a(w): pass\n")
    assert "does not end in .rampa" in rampa("archive", home / "plain.py", "-o", "a.zip", code=3).stderr
    assert "there is no file" in rampa("archive", home / "plain.py", "--include", "nothing", code=3).stderr
    assert left(tmp_path) == [] and not list(tmp_path.glob("*.zip"))


def test_an_archive_that_cannot_be_written(rampa: Run, program: Path, home: Path, tmp_path: Path) -> None:
    (home / "plain.py").write_text("async def default(w): pass\n")
    done = rampa("archive", home / "plain.py", "-o", "none/a.rampa", code=3)
    assert done.stderr == "error: the archive 'none/a.rampa' cannot be written: No such file or directory\n  make the folder first (mkdir -p)\n"
    (tmp_path / "dir.rampa").mkdir()
    assert "'dir.rampa' cannot be written: Is a directory" in rampa("archive", home / "plain.py", "-o", "dir.rampa", code=3).stderr
    full = subprocess.run(
        ["prlimit", "--fsize=100", program, "archive", home / "plain.py", "-o", "a.rampa"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (full.returncode, full.stderr) == (6, "error: the archive 'a.rampa' cannot be written: File too large\n")
    assert not list(tmp_path.glob(".rampa-*")) and not (tmp_path / "a.rampa").exists()

    pack(tmp_path / "a.rampa", "x = 1\n" * 1000)
    full = subprocess.run(["prlimit", "--fsize=100", program, "run", "a.rampa"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert full.returncode == 3 and "a.rampa: it cannot be unpacked into " in full.stderr and full.stderr.endswith(
        ": File too large\n  TMPDIR names another folder for it\n"
    )
    assert left(tmp_path) == []


def test_an_interpreter_that_does_not_answer(rampa: Run, tmp_path: Path) -> None:
    pack(tmp_path / "a.rampa", "")
    done = rampa("run", "a.rampa", "--python", "/bin/true", code=3)
    assert "'/bin/true', the Python that does this for rampa, gave no answer" in done.stderr


def test_files_of_options_are_those_of_the_current_folder(rampa: Run, home: Path, tmp_path: Path) -> None:
    pack(tmp_path / "a.rampa", "import rampa\n@rampa.scenario(executor='shared-iterations', iterations=1)\nasync def a(worker): pass\n")
    shown = json.loads(rampa("inspect", "a.rampa", "--cacert", "ca.pem", "--format", "json", code=0).stdout)
    assert shown["tls_ca"] == str(tmp_path / "ca.pem")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_when_the_run_is_killed(program: Path, home: Path, tmp_path: Path, number: int) -> None:
    pack(
        tmp_path / "a.rampa",
        "import rampa\n@rampa.scenario(vus=1, duration='100s')\nasync def a(worker):\n    print('begun', flush=True)\n    await worker.sleep(100)\n",
    )
    words = [str(program), "run", str(tmp_path / "a.rampa")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "RAMPA_PATIENCE": "60s"}) as run:
        assert run.stderr and run.stdout
        while "begun" not in run.stdout.readline():
            assert run.poll() is None
        assert len(left(tmp_path)) == 1
        assert (tmp_path / "unpacked" / left(tmp_path)[0]).stat().st_mode & 0o777 == 0o700
        run.send_signal(number)
        if number == signal.SIGINT:
            run.send_signal(signal.SIGTERM)  # the second of two ends it at once; two of one kind may become one
        run.stdout.read()  # the end of everybody who has it: the process that keeps the folder too
        run.stderr.read()
    assert left(tmp_path) == []
