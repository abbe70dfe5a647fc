# SPDX-License-Identifier: MIT
"""A rampa that runs while the test looks on."""
from __future__ import annotations

import json
import os
import re
import select
import subprocess
import time
from pathlib import Path
from typing import Any

from finished import check_result

SECONDS = 60


def warnings_of(result: dict[str, Any]) -> dict[str, int]:
    """How often each warning was given, without those that come in any test: about a machine that is overloaded, and about a
    script that makes no request."""
    warnings = {warning["text"]: warning["count"] for warning in result["warnings"]}
    common = r"worker \d+ said nothing for |no request was made: "
    return {text: count for text, count in warnings.items() if not re.match(common, text)}


def wait_until_taken(process: subprocess.Popen[bytes]) -> None:
    """Until no signal is waiting for a program any more."""
    while process.poll() is None:
        status = Path(f"/proc/{process.pid}/status").read_text()
        if int(re.findall(r"^ShdPnd:\s*(\w+)$", status, re.M)[0], 16) == 0:
            break
        time.sleep(0.001)


class Started:
    """A rampa that runs: say(WORD) waits for a line of its output, and end() for its end."""

    def __init__(self, words: list[str], folder: Path) -> None:
        self.out = folder / "result.json"
        env = {k: v for k, v in os.environ.items() if not re.match("RAMPA_(?!PYTHON$)|.*_PROXY$", k, re.I)}
        self.process = subprocess.Popen(
            [*words, "--out", str(self.out)],
            cwd=folder,
            env={**env, "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.text = b""

    def read(self) -> bool:
        assert self.process.stdout
        ready, _, _ = select.select([self.process.stdout], [], [], SECONDS)
        assert ready, f"nothing happens; so far:\n{self.text.decode()}"
        data = os.read(self.process.stdout.fileno(), 65536)
        self.text += data
        return bool(data)

    def wait_for(self, line: str, times: int = 1) -> list[str]:
        """Until so many lines begin with this; returns the words of the last."""
        while True:
            lines = [text for text in self.text.decode().splitlines(keepends=True) if text.endswith("\n")]
            found = [text for text in lines if text.startswith(line)]
            if len(found) >= times:
                return found[times - 1].split()
            assert self.read(), f"ended without saying {line!r}:\n{self.text.decode()}"

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait_until_taken(self) -> None:
        wait_until_taken(self.process)

    def end(self) -> int:
        while self.read():
            pass
        return self.process.wait(SECONDS)

    def result(self) -> dict[str, Any]:
        result = json.loads(self.out.read_text())
        check_result(result)
        return result
