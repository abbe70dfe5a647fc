# SPDX-License-Identifier: MIT
"""What the tests of the MCP server have in common: a root with a script, and tools that are called as a client does."""
from __future__ import annotations

import asyncio
import contextlib
import json
import typing
from pathlib import Path

import pytest
from rampa.mcp import RunRegistry, Settings
from rampa.mcp._arguments import checked
from rampa.mcp._failure import Failure
from rampa.mcp._table import TOOLS
from rampa.mcp._tools import Tools

SECONDS = 120

SCRIPT = """\
import os
import rampa

config = rampa.Config(thresholds={"http_req_failed": ["rate<=0.5"]})

@rampa.scenario(executor="constant-vus", vus=2, duration="30s", max_vus=6)
async def browse(worker):
    print("printed", flush=True)
    await worker.http.get(os.environ["TARGET"])
    await worker.sleep(0.05)
"""


def make_root(tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TARGET", target)
    folder = tmp_path / "root"
    folder.mkdir()
    (folder / "load.py").write_text(SCRIPT)
    return folder.resolve()


def settings_of(root: Path, program: Path, **more: typing.Any) -> Settings:
    return Settings(root=str(root), program=str(program), inherited=("TARGET",), **more)


@contextlib.asynccontextmanager
async def tools_of(settings: Settings) -> typing.AsyncIterator[typing.Callable[..., typing.Any]]:
    """Calls a tool as a client does: the arguments are checked, and progress is kept in call.progress."""
    registry = RunRegistry(settings)
    tools = Tools(settings, registry)
    told: list[tuple[float, float | None, str]] = []

    async def progress(done: float, total: float | None, message: str) -> None:
        told.append((done, total, message))

    async def call(name: str, **arguments: typing.Any) -> typing.Any:
        tool = next(tool for tool in TOOLS if tool.name == name)
        answer = await tools.call(name, checked(tool.arguments, arguments), progress)
        assert set(tool.answer["required"]) <= set(answer) and json.dumps(answer)
        return answer

    call.progress, call.tools, call.registry = told, tools, registry  # type: ignore[attr-defined]
    try:
        async with asyncio.timeout(SECONDS):
            yield call
    finally:
        await registry.close()


async def refused(call: typing.Awaitable[typing.Any]) -> dict[str, typing.Any]:
    """What rampa says of a call that fails. None of it stands outside of untrusted."""
    with pytest.raises(Failure) as caught:
        await call
    said = caught.value.untrusted
    assert said is not None and "note" in said
    assert not [text for name, text in said.items() if name != "note" and text and text in caught.value.error + caught.value.hint]
    return said
