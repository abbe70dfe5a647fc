# SPDX-License-Identifier: MIT
"""What users install: the Debian package, the wheel and `meson install`, each in a system that has nothing of ours but that.

The system is a Debian 12 made for the test. It has no compiler and no header, so a package that runs there brings or names what it needs.
"""
from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SECONDS = 1200

SCRIPT = """
import rampa

config = rampa.Config(thresholds={"http_reqs": ["count==6"], "checks": ["rate==1"]})

@rampa.scenario(executor="per-vu-iterations", vus=2, iterations=3)
async def visit(worker: rampa.Worker) -> None:
    page = await worker.http.get(worker.env["BASE_URL"] + "/")
    worker.check(page, {"status is 200": lambda r: r.status == 200})
"""

# Runs a script and a URL against the server of the package itself; `set -e` lets none of it fail.
TRY = """
set -e
! command -v gcc >/dev/null
started=$(mktemp -u)
mkfifo "$started"
rampa target --port 0 >"$started" &
exec 3<"$started"
read -r line <&3
url=http://${line##*http://}
rampa --version
rampa run /tmp/script.py --env BASE_URL="$url"
rampa run "$url" --iterations 3
rampa check /tmp/script.py
python3 -c 'from importlib.metadata import entry_points; assert "rampa" in entry_points(group="pytest11").names'
"""


def may_make_a_system() -> bool:
    return os.geteuid() == 0 and subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode == 0


pytestmark = pytest.mark.skipif(not may_make_a_system(), reason="to make a system one must be root and may mount")


def run(*words: str | Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [str(word) for word in words], cwd=ROOT, env=env, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def in_system(system: Path, code: str) -> str:
    """Runs a shell script in the system, with processes and mounts of its own."""
    (system / "tmp/test.sh").write_text(code)
    (system / "tmp/script.py").write_text(SCRIPT)
    enter = f"mount --rbind /dev {system}/dev && mount -t proc proc {system}/proc && exec chroot {system} sh /tmp/test.sh"
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"}
    return run("unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", enter, env=environment)


def built(command: str) -> Path:
    """The package that `./dev COMMAND` makes."""
    return ROOT / run("./dev", command).splitlines()[-1]


@pytest.fixture(scope="module")
def deb() -> Path:
    return built("deb")


@pytest.fixture(scope="module")
def systems(tmp_path_factory: pytest.TempPathFactory, deb: Path) -> Iterator[tuple[Path, Path]]:
    """A system with python3-venv, and the same one with the Debian package installed by apt."""
    folder = tmp_path_factory.mktemp("systems")
    plain, installed = folder / "plain", folder / "installed"
    plain.mkdir()
    run(
        "mmdebstrap", "--variant=minbase", "--include=python3-venv",
        f'--customize-hook=tar --one-file-system -C "$1" -cf - . | tar -xf - -C {plain}',
        f'--customize-hook=copy-in {deb} /tmp',
        f'--customize-hook=chroot "$1" apt-get install -qy --no-install-recommends /tmp/{deb.name}',
        "--format=directory", "bookworm", installed,
    )  # fmt: skip
    yield plain, installed
    shutil.rmtree(folder)


def test_lintian_finds_nothing_in_the_debian_package(deb: Path) -> None:
    assert run("lintian", "--allow-root", "--fail-on=warning", deb) == ""


def test_the_debian_package_runs_where_nothing_else_is(systems: tuple[Path, Path]) -> None:
    said = in_system(systems[1], TRY)
    assert "2 of 2 thresholds" in said
    for path in (
        "man/man1/rampa.1.gz", "bash-completion/completions/rampa", "zsh/vendor-completions/_rampa",
        "fish/vendor_completions.d/rampa.fish", "rampa/grafana/rampa-prometheus.json", "rampa/grafana/rampa-influxdb.json",
    ):  # fmt: skip
        assert (systems[1] / "usr/share" / path).is_file()


def test_the_wheel_runs_in_an_environment_where_nothing_else_is(systems: tuple[Path, Path]) -> None:
    wheel = built("wheel")
    assert "manylinux" in wheel.name
    shutil.copy(wheel, systems[0] / "tmp")
    install = f"python3 -m venv /opt/env\n/opt/env/bin/pip install --no-index /tmp/{wheel.name}\nPATH=/opt/env/bin:$PATH\n"
    said = in_system(systems[0], "set -e\n! command -v rampa\n" + install + TRY)
    assert "2 of 2 thresholds" in said
    for path in (
        "man/man1/rampa.1", "bash-completion/completions/rampa", "zsh/site-functions/_rampa",
        "fish/vendor_completions.d/rampa.fish",
    ):  # fmt: skip
        assert (systems[0] / "opt/env/share" / path).is_file()


def test_meson_install_runs_with_the_interpreter_of_the_system(systems: tuple[Path, Path], tmp_path: Path) -> None:
    build = Path(os.environ.get("RAMPA", ROOT / "build/rampa")).parent
    run("meson", "install", "-C", build, "--no-rebuild", env={**os.environ, "DESTDIR": str(tmp_path)})
    system = systems[1]  # which has the libraries that the program needs
    in_system(system, "dpkg --remove rampa\n! command -v rampa\n")
    shutil.copytree(tmp_path, system, dirs_exist_ok=True)
    said = in_system(system, TRY)
    assert "2 of 2 thresholds" in said
