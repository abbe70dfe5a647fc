# SPDX-License-Identifier: MIT
"""A terminal (tmux): what is on its screen, and keys for what runs there."""
from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

SECONDS = 60


class Terminal:
    def __init__(self, folder: Path, cols: int, rows: int) -> None:
        self.words = ["tmux", "-S", str(folder / "tmux"), "-f", "/dev/null"]
        self.tmux("new-session", "-d", "-x", str(cols), "-y", str(rows), "-c", str(folder), "bash --norc --noprofile")

    def tmux(self, *words: str) -> str:
        return subprocess.run([*self.words, *words], check=True, capture_output=True, text=True, timeout=SECONDS).stdout

    def keys(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def command(self, text: str) -> None:
        self.tmux("send-keys", "-l", text)
        self.keys("Enter")

    def shown(self, *words: str) -> str:
        return self.tmux("capture-pane", "-p", *words)

    def until(self, is_there: Callable[[str], bool], *words: str) -> str:
        end = time.monotonic() + SECONDS
        while not is_there(text := self.shown(*words)):
            assert time.monotonic() < end, text
            time.sleep(0.05)
        return text

    def until_text(self, text: str, *words: str) -> str:
        return self.until(lambda shown: text in shown, *words)
