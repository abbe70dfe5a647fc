# SPDX-License-Identifier: MIT
"""The interoperability cases of gRPC, with rampa as the client of two servers: the demo server, and one of grpcio."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from testservice import messages

HERE = Path(__file__).parent
PATIENCE = 60
CASES = """empty_unary large_unary client_streaming server_streaming ping_pong empty_stream cancel_after_begin
cancel_after_first_response timeout_on_sleeping_server custom_metadata status_code_and_message special_status_message
unimplemented_method unimplemented_service""".split()


@pytest.fixture
def grpcio(folder: Path) -> Iterator[str]:
    pytest.importorskip("grpc")
    if "ASAN_OPTIONS" in os.environ:
        pytest.skip("grpcio is asked once, with the ordinary build")
    words = [sys.executable, HERE / "testservice_server.py"]
    env = {**os.environ, "PYTHONPATH": str(folder)}
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
    assert process.stdout
    yield f"127.0.0.1:{int(process.stdout.readline())}"
    process.communicate(timeout=PATIENCE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the messages of the service can be imported from."""
    made = tmp_path / "messages"
    made.mkdir()
    return messages(made)


@pytest.mark.parametrize("server", ["own_target", "grpcio"])
def test_cases(server: str, rampa: Callable[..., Any], folder: Path, request: pytest.FixtureRequest) -> None:
    target = request.getfixturevalue(server)
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
    done = rampa("run", HERE / "interop_cases.py", "--env", f"TARGET={target}", env={"PYTHONPATH": path}, code=0)
    seen = dict(json.loads(line) for line in done.stdout.splitlines() if line.startswith("["))
    assert {name: wrong for name, wrong in seen.items() if wrong} == {}
    assert list(seen) == CASES
