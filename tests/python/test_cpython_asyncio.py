# SPDX-License-Identifier: MIT
"""A worker's event loop passes what CPython tests its own with."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import rampa

# The modules that make loops of the policy's kind. The others test classes of asyncio with loops of their own.
MODULES = """
    base_events buffered_proto context events futures2 locks queues sendfile server sock_lowlevel ssl sslproto streams
    subprocess taskgroups tasks threads timeouts unix_events waitfor
""".split()
LEAST = {"events": 200, "subprocess": 100, "tasks": 100, "sock_lowlevel": 30, "streams": 50}

pytest.importorskip("test.test_asyncio", reason="CPython's tests are in the package libpython3.11-testsuite")
pytestmark = pytest.mark.skipif("RAMPA_SANITIZED" in os.environ, reason="subprocesses and threads take too long under the sanitizers")


@pytest.mark.parametrize("module", MODULES)
def test_module(module: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("cpython_asyncio.py"), f"test_{module}"],
        env={**os.environ, "PYTHONPATH": str(Path(rampa.__file__).parent.parent)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.stdout, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["failed"] == {}
    assert result["run"] - result["skipped"] >= LEAST.get(module, 1)
    assert result["loops"] > 0
