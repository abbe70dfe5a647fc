# SPDX-License-Identifier: MIT
"""The access log of nginx, which has the line of a request a moment after the client has its answer."""
from __future__ import annotations

import time
from pathlib import Path

SECONDS = 30


def lines_of(log: Path, count: int = 0) -> list[str]:
    """All lines, as soon as there are so many of them, or after half a minute."""
    until = time.monotonic() + SECONDS
    text = log.read_text()
    while text.count("\n") < count and time.monotonic() < until:
        time.sleep(0.01)
        text = log.read_text()
    return text.splitlines()
