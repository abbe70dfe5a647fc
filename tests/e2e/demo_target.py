# SPDX-License-Identifier: MIT
"""A demo server of a test's own, which ends with it."""
from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

PATIENCE = 60


@contextlib.contextmanager
def demo_target(program: Path, *options: str, env: dict[str, str] | None = None, lines: int = 1) -> Iterator[list[str]]:
    """The last words of the first lines that it prints: its URL without a slash at its end, and with --tls its certificate. It is stopped
    whatever becomes of the block, and must end well."""
    process = subprocess.Popen([program, "target", "--port", "0", *options], stdout=subprocess.PIPE, text=True, env=env)
    assert process.stdout
    try:
        yield [process.stdout.readline().split()[-1].rstrip("/") for _ in range(lines)]
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
