# SPDX-License-Identifier: MIT
"""What the tests of gRPC share: a run of one iteration, whose calls tell in lines of JSON how they have ended."""
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Rampa = Callable[..., Any]
Script = Callable[..., Path]

HEAD = """
import asyncio
import json
import rampa


def told(r):
    data = getattr(r, "data", b"").decode("latin-1")
    print(json.dumps(dict(status=r.status_code, details=r.details, code=r.error_code, data=data[:200], size=len(data))))


"""


def run(rampa: Rampa, script: Script, body: str, code: int = 0, before: str = "", **options: Any) -> tuple[Any, list[Any]]:
    """A run of one iteration of this code, and the lines of JSON that it has printed."""
    lines = "".join(f"    {line}\n" for line in body.strip("\n").split("\n"))
    text = f"{HEAD}{before}\n\n@rampa.scenario(executor='per-vu-iterations', vus=1, iterations=1)\nasync def calls(worker):\n{lines}"
    done = rampa("run", script(text), out=True, code=code, **options)
    return done, [json.loads(line) for line in done.stdout.splitlines() if line.startswith(("{", "["))]
