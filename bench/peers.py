# SPDX-License-Identifier: MIT
"""Load generators that Debian does not have: each in the version named here, from its own registry.

They are installed outside of the project's tree, in a folder each under $XDG_CACHE_HOME/rampa-bench (~/.cache), when they
are first compared with. Where the registry cannot be reached, or the compiler is missing, they are left out with a word.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from clients import FOLDER, PYTHON, Client, Load
from servers import Missing

LONGEST_INSTALL_S = 1800


@dataclass
class Package:
    """What is installed: steps are commands, in which {folder} stands for where it goes."""

    name: str
    version: str
    steps: list[list[str]]

    def folder(self) -> Path:
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return Path(cache) / "rampa-bench" / f"{self.name}-{self.version}"

    def program(self) -> str:
        return str(self.folder() / "bin" / self.name)

    def is_there(self) -> bool:
        return (self.folder() / "installed").exists()

    def install(self) -> None:
        """Does nothing when it is there. Who wants the same at the same time waits."""
        if self.is_there():
            return
        folder = self.folder()
        folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(folder.with_name(folder.name + ".lock")):
            if self.is_there():
                return
            print(f"installing {self.name} {self.version} into {folder}, once; minutes", file=sys.stderr)
            shutil.rmtree(folder, ignore_errors=True)  # what an interrupted installation has left
            folder.mkdir()
            for step in self.steps:
                self.run_step([part.format(folder=folder) for part in step])
            (folder / "installed").touch()

    def run_step(self, argv: list[str]) -> None:
        if not shutil.which(argv[0]):
            raise Missing(f"{argv[0]} is not installed, which {self.name} {self.version} is made with")
        log = self.folder() / "log"
        env = os.environ | {"GOBIN": str(self.folder() / "bin")}
        with open(log, "ab") as output:
            try:
                subprocess.run(
                    argv, check=True, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=env,
                    timeout=LONGEST_INSTALL_S,
                )  # fmt: skip
            except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
                last = log.read_text(errors="replace").strip().splitlines()[-1:]
                why = last[0] if last else str(error)
                raise Missing(f"{self.name} {self.version} could not be installed: {why} ({log})") from None


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    with open(path, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


K6 = Package("k6", "0.57.0", [["go", "install", "go.k6.io/k6@v0.57.0"]])
VEGETA = Package("vegeta", "12.12.0", [["go", "install", "github.com/tsenart/vegeta/v12@v12.12.0"]])
OHA = Package("oha", "1.4.7", [["cargo", "install", "--locked", "--root", "{folder}", "oha@1.4.7"]])
LOCUST = Package(
    "locust",
    "2.47.0",
    [
        [PYTHON, "-m", "venv", "{folder}"],
        ["{folder}/bin/pip", "install", "--quiet", "--only-binary", ":all:", "locust==2.47.0"],
    ],
)
PACKAGES = [K6, LOCUST, VEGETA, OHA]


def k6_argv(load: Load) -> list[str]:
    out = str(load.scratch / "k6.json")
    quiet = ["--quiet", "--no-usage-report", "--no-color"]
    return [K6.program(), "run", *quiet, "--summary-export", out, str(FOLDER / "get_check_k6.js")]


def count_k6(text: str, load: Load) -> tuple[int, int]:
    metrics = json.loads((load.scratch / "k6.json").read_text())["metrics"]
    return int(metrics["http_reqs"]["count"]), int(metrics["http_req_failed"]["passes"])


def locust_argv(load: Load) -> list[str]:
    users = str(load.connections)
    length = ["--users", users, "--spawn-rate", users, "--run-time", f"{load.duration}s"]
    quiet = ["--headless", "--json", "--loglevel", "ERROR"]
    return [LOCUST.program(), "--locustfile", str(FOLDER / "get_check_locust.py"), *quiet, *length]


def count_locust(text: str, load: Load) -> tuple[int, int]:
    rows = json.loads(text)
    return sum(row["num_requests"] for row in rows), sum(row["num_failures"] for row in rows)


def vegeta_argv(load: Load) -> list[str]:
    targets = load.scratch / "vegeta.targets"
    targets.write_text(f"GET {load.url}\n")
    users = str(load.connections)
    workers = ["-rate", "0", "-workers", users, "-max-workers", users, "-connections", users]
    files = ["-targets", str(targets), "-output", str(load.scratch / "vegeta.bin")]
    return [VEGETA.program(), "attack", *workers, "-duration", f"{load.duration}s", *files]


def count_vegeta(text: str, load: Load) -> tuple[int, int]:
    argv = [VEGETA.program(), "report", "-type", "json", str(load.scratch / "vegeta.bin")]
    return read_vegeta(subprocess.run(argv, capture_output=True, text=True).stdout)


def read_vegeta(text: str) -> tuple[int, int]:
    codes = json.loads(text)["status_codes"]
    good = codes.get("200", 0)
    return good, sum(codes.values()) - good


def oha_argv(load: Load) -> list[str]:
    users = str(load.connections)
    return [OHA.program(), "-c", users, "-z", f"{load.duration}s", "--no-tui", "--json", load.url]


def count_oha(text: str, load: Load) -> tuple[int, int]:
    """The requests that the end of the time cuts off are no failures."""
    result = json.loads(text)
    codes = result["statusCodeDistribution"]
    errors = sum(n for why, n in result["errorDistribution"].items() if why != "aborted due to deadline")
    good = codes.get("200", 0)
    return good, sum(codes.values()) - good + errors


ONE_CORE = {"GOMAXPROCS": "1"}
CLIENTS = [
    Client("k6", lambda load: K6.program(), k6_argv, count_k6, ONE_CORE, K6.install),
    Client("locust", lambda load: LOCUST.program(), locust_argv, count_locust, {}, LOCUST.install),
    Client("vegeta", lambda load: VEGETA.program(), vegeta_argv, count_vegeta, ONE_CORE, VEGETA.install),
    Client("oha", lambda load: OHA.program(), oha_argv, count_oha, {}, OHA.install),
]
