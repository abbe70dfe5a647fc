# SPDX-License-Identifier: MIT
"""What every suite shares: the program under test and the demo server.

RAMPA names the program; without it the one that ./dev build makes is taken.
"""
from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# What the tests start beside rampa must not load the runtime of the sanitizers: curl hangs with it. RAMPA_PYTHON is an
# interpreter that brings it along.
SANITIZED = "RAMPA_SANITIZED" in os.environ
HAS_RUNTIME = SANITIZED and os.environ.pop("LD_PRELOAD", None) is not None


def pytest_configure(config: pytest.Config) -> None:
    """Tests start Python with the runtime. The process that starts those of xdist gives them what it has itself."""
    if SANITIZED and (HAS_RUNTIME or not getattr(config.option, "numprocesses", None)):
        sys.executable = os.environ["RAMPA_PYTHON"]


# Who was started in the background by a shell ignores SIGINT, and so would everything that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# An agent that runs the tests sets one of these, and gets another summary.
for name in ("AI_AGENT", "CLAUDECODE", "CODEX_SANDBOX", "CODEX_THREAD_ID", "CURSOR_AGENT", "GEMINI_CLI"):
    os.environ.pop(name, None)

# What takes longest is first, so that at the end no process of pytest-xdist has much left when the others are through.
LONGEST = """
    cpython_asyncio install bench_instructions pytest_plugin docs workers run_events run_asyncio package generator run_watchdog
    faults proxies open_model hooks types engine_life http2_faults bad_input robust run_lifecycle examples
""".split()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {f"test_{name}": place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


START_SECONDS = 30


def read_line(process: subprocess.Popen[str]) -> str:
    """The first line a server prints, or a failure when it ends or says nothing."""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], START_SECONDS)
    line = process.stdout.readline().strip() if ready else ""
    if not line:
        process.kill()
        pytest.fail(f"{process.args} did not say where it listens; exit code {process.wait()}")
    return line


@pytest.fixture(scope="session")
def program() -> Path:
    """The path of the rampa that is tested."""
    path = Path(os.environ.get("RAMPA", ROOT / "build/rampa"))
    if not path.is_file():
        pytest.fail(f"{path} is not there; ./dev build makes it")
    return path


@pytest.fixture(scope="session")
def target_factory(program: Path) -> Iterator[Callable[..., str]]:
    """target_factory("--option", ...) starts a `rampa target` on a free port and returns its URL."""
    running: list[subprocess.Popen[str]] = []

    def start(*options: str) -> str:
        process = subprocess.Popen([program, "target", "--port", "0", *options], stdout=subprocess.PIPE, text=True)
        running.append(process)
        return read_line(process).split()[-1].rstrip("/")

    yield start
    for process in running:
        process.send_signal(signal.SIGTERM)
    for process in running:
        process.wait(START_SECONDS)


@pytest.fixture(scope="session")
def target(target_factory: Callable[..., str]) -> str:
    """The URL of a demo server that all tests share, without a slash at its end."""
    return target_factory()
