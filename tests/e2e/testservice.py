# SPDX-License-Identifier: MIT
"""The messages of grpc.testing.TestService, as protoc makes them of the example's .proto file."""
from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

PROTO = Path(__file__).parents[2] / "examples" / "testservice.proto"


def messages(folder: Path) -> Path:
    """Writes testservice_pb2.py into this folder, which is returned; skips the test when that cannot be."""
    pytest.importorskip("google.protobuf")
    if not shutil.which("protoc"):
        pytest.skip("protoc is not there")
    subprocess.run(["protoc", "-I", PROTO.parent, "--python_out", folder, PROTO], check=True)
    return folder
