# SPDX-License-Identifier: MIT
"""Runs of `rampa mcp --at-end finish`: they outlive a server that has ended or was killed, are bounded, and are found by the next one."""
from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import typing
from pathlib import Path

import pytest
from mcp_world import SECONDS, make_root, settings_of, tools_of
from rampa.mcp import _kept
from test_mcp_protocol import INITIALIZE, READY, command, http_server, run_of, waiting_call
from test_mcp_protocol import PYTHON as PYTHON_WITH_SDK

pytestmark = pytest.mark.skipif("RAMPA_SANITIZED" in os.environ, reason="checked with the ordinary build")
needs_sdk = pytest.mark.skipif(not PYTHON_WITH_SDK, reason="MCP_PYTHON names no interpreter with the package mcp")

FOREVER = """\
import rampa

@rampa.scenario(executor="shared-iterations", vus=1, iterations=100000000, max_duration="100h")
async def one(worker):
    await worker.sleep(0.01)
"""

#: A server that starts a run, says what its processes are, and waits to be killed.
HOST = """\
import asyncio, sys
from rampa.mcp import RunRegistry, Settings, _kept
from rampa.mcp._tools import Tools
_kept._LATER = 0.0
async def main():
    root, program, script, duration, longest = sys.argv[1:]
    settings = Settings(root=root, program=program, inherited=("TARGET",), at_end="finish", max_duration=float(longest))
    registry = RunRegistry(settings)
    answer = await Tools(settings, registry).start_run(script, None, duration or None, None, False, None)
    print(answer["run_id"], registry.get(answer["run_id"]).runtime.controller.pid, flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> typing.Iterator[Path]:
    """Where servers have their files. The paths of sockets must be short."""
    with tempfile.TemporaryDirectory(prefix="rmo") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


@pytest.fixture
def root(tmp_path: Path, target: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = make_root(tmp_path, target, monkeypatch)
    (folder / "forever.py").write_text(FOREVER)
    return folder


def leave(root: Path, program: Path, script: str = "load.py", *, duration: str = "", longest: float = 3600.0) -> tuple[str, int]:
    """Starts a run by a server that is killed then. Gives the id of the run, and a descriptor of its keeper."""
    words = [sys.executable, "-c", HOST, root, program, script, duration, str(longest)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as host:
        try:
            assert host.stdout is not None
            run_id, pid = host.stdout.readline().split()
            return run_id, os.pidfd_open(int(pid))
        finally:
            host.send_signal(signal.SIGKILL)


def has_ended(process: int) -> bool:
    return bool(select.select([process], [], [], SECONDS)[0])


def is_on(process: int) -> bool:
    return not select.select([process], [], [], 0)[0]


def test_a_run_goes_on_when_its_server_was_killed_and_the_next_one_has_its_result(root: Path, program: Path, home: Path) -> None:
    run_id, keeper = leave(root, program, duration="3s")
    assert is_on(keeper)

    async def main() -> None:
        async with tools_of(settings_of(root, program)) as call:
            await call.registry.adopt()
            assert [row["run_id"] for row in (await call("list_runs"))["result"]] == [run_id]
            summary = await call("wait_run", run_id=run_id)
            assert (summary["status"], summary["exit_code"], summary["completed"]) == ("passed", 0, True)
            assert summary["metrics"]["http_reqs"]["count"] > 0 and 2.9 < summary["duration"] < 30
            status = await call("get_status", run_id=run_id)
            assert status["planned_s"] == 3 and status["elapsed_s"] >= 3
            await call("get_report", run_id=run_id, path="kept.json")

    asyncio.run(main())
    assert has_ended(keeper) and json.loads((root / "kept.json").read_text())["run"]["status"] == "passed"
    os.close(keeper)
    assert not list(home.iterdir())  # the second server stops what it has, and leaves nothing


def test_a_run_that_has_ended_between_two_servers_is_found_until_it_is_forgotten(root: Path, program: Path, home: Path) -> None:
    run_id, keeper = leave(root, program, duration="300ms")
    assert has_ended(keeper)
    os.close(keeper)

    async def found(folder: Path, **more: typing.Any) -> list[tuple[str, str]]:
        async with tools_of(settings_of(folder, program, at_end="finish", **more)) as call:
            await call.registry.adopt()
            return [(row["run_id"], row["status"]) for row in (await call("list_runs"))["result"]]

    other = root / "other"
    other.mkdir()
    assert asyncio.run(found(other)) == []  # of another root
    assert asyncio.run(found(root)) == asyncio.run(found(root)) == [(run_id, "passed")]
    (about,) = home.glob("rampa-mcp-*/*/run.json")
    about.write_text(json.dumps({**json.loads(about.read_text()), "keep": 0.0}))
    assert asyncio.run(found(other)) == []  # and removes what nobody will ask for
    assert not list(home.iterdir())


@pytest.mark.parametrize("before", ["is_dir", "stat", "lock", "scandir"])
def test_a_folder_that_vanishes_while_it_is_looked_at_is_left_out(before: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another server ends, and removes its folder, before one of the steps."""
    for name in ("rampa-mcp-a", "rampa-mcp-z"):
        (home / name / "run").mkdir(parents=True)
        (home / name / "run" / "run.json").write_text(json.dumps({"root": "/x", "keep": 60.0}))
    listing, locking = os.scandir, _kept.lock

    def arrive(step: str, path: str) -> None:
        if step == before and path == str(home / "rampa-mcp-a"):
            os.rename(path, home / "gone")

    class Entry:
        def __init__(self, entry: os.DirEntry[str]) -> None:
            self.name, self.path, self._entry = entry.name, entry.path, entry

        def is_dir(self, **how: bool) -> bool:
            arrive("is_dir", self.path)
            return self._entry.is_dir(**how)

        def stat(self, **how: bool) -> os.stat_result:
            arrive("stat", self.path)
            return self._entry.stat(**how)

    def scandir(path: str) -> list[Entry]:
        arrive("scandir", path)
        return [Entry(entry) for entry in listing(path)]

    def lock(folder: str) -> typing.BinaryIO | None:
        arrive("lock", folder)
        return locking(folder)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", scandir)
        patch.setattr(_kept, "lock", lock)
        found = list(_kept.left_behind("/x"))
    for _, held, _ in found:
        held.close()
    assert (home / "gone").exists()
    assert [(path, len(runs)) for path, _, runs in found] == [(str(home / "rampa-mcp-z"), 1)]


def test_a_run_without_a_server_is_bounded(root: Path, program: Path) -> None:
    run_id, keeper = leave(root, program, "forever.py", longest=3.0)
    assert has_ended(keeper)
    os.close(keeper)
    assert run_of(str(root / "forever.py")) is None

    async def main() -> None:
        async with tools_of(settings_of(root, program)) as call:
            await call.registry.adopt()
            summary = await call("wait_run", run_id=run_id)
            assert (summary["completed"], summary["metrics"]["iterations"]["count"] > 0) == (True, True)
            assert summary["status"] == "stopped", summary

    asyncio.run(main())


def test_the_next_server_counts_bounds_and_steers_what_it_finds(root: Path, program: Path) -> None:
    run_id, keeper = leave(root, program, duration="10m")

    async def main() -> None:
        async with tools_of(settings_of(root, program, max_runs=1)) as call:
            await call.registry.adopt()
            with pytest.raises(Exception, match="RAMPA_MCP_MAX_RUNS allows no more"):
                await call("start_run", script_path="load.py", duration="1s")
            assert (await call("pause_run", run_id=run_id))["status"] == "paused"
            assert (await call("get_status", run_id=run_id))["status"] == "paused"
            await call("stop_run", run_id=run_id, reason="seen enough")
            summary = await call("wait_run", run_id=run_id)
            assert (summary["completed"], summary["untrusted"]["reason"]) == (True, "stopped by control: seen enough")

    asyncio.run(main())
    assert has_ended(keeper)
    os.close(keeper)


def test_a_run_is_stopped_by_the_end_of_a_server_that_stops_runs(root: Path, program: Path, home: Path) -> None:
    _, keeper = leave(root, program, duration="10m")

    async def main() -> None:
        async with tools_of(settings_of(root, program)) as call:
            await call.registry.adopt()
            assert is_on(keeper)

    asyncio.run(main())
    assert has_ended(keeper) and not list(home.iterdir())
    os.close(keeper)
    assert run_of(str(root / "load.py")) is None


def test_a_keeper_that_was_killed_takes_its_run_along(root: Path, program: Path, home: Path) -> None:
    run_id, keeper = leave(root, program, duration="10m")
    run = run_of(str(root / "load.py"))
    assert run is not None
    signal.pidfd_send_signal(keeper, signal.SIGKILL)
    assert has_ended(run)  # gracefully, with a result

    async def main() -> None:
        async with tools_of(settings_of(root, program)) as call:
            await call.registry.adopt()
            summary = await call("wait_run", run_id=run_id)
            assert (summary["status"], "http_reqs" in summary["metrics"]) == ("stopped", True), summary

    asyncio.run(main())
    os.close(run)
    os.close(keeper)


def test_a_run_that_does_not_begin_says_why(root: Path, program: Path) -> None:
    (root / "bad.py").write_text(FOREVER + "\nimport os, sys\nif 'inspect' not in open('/proc/%d/cmdline' % os.getppid()).read(): raise RuntimeError('not today')\n")

    async def main() -> None:
        async with tools_of(settings_of(root, program, at_end="finish")) as call:
            with pytest.raises(_kept.Failure) as caught:
                await call("start_run", script_path="bad.py")
            assert "RuntimeError in line 8 (the run has ended before it began)" in caught.value.error and "not today" in json.dumps(caught.value.answer)

    asyncio.run(main())


# ---- clients ---------------------------------------------------------------------------------------------------------

#: A client that starts a server, has it start a run and wait for it, and says so.
CLIENT = """\
import json, subprocess, sys
server = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
server.stdin.write(sys.argv[1].encode())
server.stdin.flush()
while b"notifications/progress" not in server.stdout.readline():
    pass
print(server.pid, flush=True)
server.wait()
"""
CALL = waiting_call(2)
CALL["params"]["arguments"] = {"script_path": "forever.py", "wait": True}


def asks(server: subprocess.Popen[bytes], number: int, name: str, **arguments: typing.Any) -> typing.Any:
    """What a server over standard input answers to a call."""
    assert server.stdin is not None and server.stdout is not None
    message = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
    server.stdin.write(json.dumps(message).encode() + b"\n")
    server.stdin.flush()
    while (answer := json.loads(server.stdout.readline())).get("id") != number:
        pass
    return json.loads(answer["result"]["content"][0]["text"])


@contextlib.contextmanager
def stdio_server(program: Path, *words: str) -> typing.Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([*command(program), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None
        server.stdin.write(b"".join(json.dumps(message).encode() + b"\n" for message in (INITIALIZE, READY)))
        yield server
        server.stdin.close()
        assert server.wait(SECONDS) == 0


@needs_sdk
@pytest.mark.parametrize(("variable", "words", "goes_on"), [("", (), False), ("finish", (), True), ("stop", ("--at-end", "finish"), True)])
def test_a_client_that_is_killed_in_a_call(
    variable: str, words: tuple[str, ...], goes_on: bool, root: Path, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAMPA_MCP_ROOT", str(root))
    monkeypatch.setenv("RAMPA_MCP_AT_END", variable)
    said = "".join(json.dumps(message) + "\n" for message in (INITIALIZE, READY, CALL))
    with subprocess.Popen([sys.executable, "-c", CLIENT, said, *command(program), *words], stdout=subprocess.PIPE) as client:
        assert client.stdout is not None
        server = os.pidfd_open(int(client.stdout.readline()))
        run = run_of(str(root / "forever.py"))
        client.send_signal(signal.SIGKILL)
    assert run is not None
    assert has_ended(server)
    os.close(server)
    if goes_on:
        assert is_on(run)
        with stdio_server(program) as second:
            (row,) = asks(second, 3, "list_runs")["result"]
            assert row["status"] == "running"
            asks(second, 4, "stop_run", run_id=row["run_id"])
            assert asks(second, 5, "wait_run", run_id=row["run_id"])["metrics"]["iterations"]["count"] > 0
    assert has_ended(run)
    os.close(run)


@needs_sdk
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_server_of_http_that_ends_in_a_call(number: signal.Signals, root: Path, program: Path) -> None:
    import http.client

    with contextlib.ExitStack() as stack:
        url, _ = stack.enter_context(http_server(program, root, RAMPA_MCP_TOKEN="", RAMPA_MCP_AT_END="finish", ended_by=number))
        connection = http.client.HTTPConnection(url.split("/")[2], timeout=SECONDS)
        fields = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        connection.request("POST", "/mcp", json.dumps(INITIALIZE), fields)
        response = connection.getresponse()
        fields["mcp-session-id"] = response.headers["mcp-session-id"] or ""
        response.read()
        connection.request("POST", "/mcp", json.dumps(CALL), fields)
        response = connection.getresponse()
        while b"notifications/progress" not in response.readline():
            pass
        run = run_of(str(root / "forever.py"))
        assert run is not None
    assert is_on(run)
    connection.close()

    async def main() -> None:
        async with tools_of(settings_of(root, program)) as call:
            await call.registry.adopt()
            assert [row["status"] for row in (await call("list_runs"))["result"]] == ["running"]

    asyncio.run(main())
    assert has_ended(run)
    os.close(run)


@needs_sdk
def test_a_call_that_is_called_off_stops_its_run_also_then(root: Path, program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAMPA_MCP_ROOT", str(root))
    with stdio_server(program, "--at-end=finish") as server:
        assert server.stdin is not None and server.stdout is not None
        off = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 2}}
        server.stdin.write(json.dumps(CALL).encode() + b"\n")
        server.stdin.flush()
        while b"notifications/progress" not in server.stdout.readline():
            pass
        server.stdin.write(json.dumps(off).encode() + b"\n")
        (row,) = asks(server, 3, "list_runs")["result"]
        assert asks(server, 4, "wait_run", run_id=row["run_id"])["stop_reason"] == "the call of start_run was called off"


@needs_sdk
@pytest.mark.parametrize("called_off", [2, 7])
def test_a_client_that_calls_off_and_goes(called_off: int, root: Path, program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stops the run of the call that it has called off, and no other."""
    monkeypatch.setenv("RAMPA_MCP_ROOT", str(root))
    off = json.dumps({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": called_off}})
    with stdio_server(program, "--at-end=finish") as server:
        assert server.stdin is not None and server.stdout is not None
        server.stdin.write(json.dumps(CALL).encode() + b"\n")
        server.stdin.flush()
        while b"notifications/progress" not in server.stdout.readline():
            pass
        run = run_of(str(root / "forever.py"))
        assert run is not None
        server.stdin.write(off.replace("/", "\\/").encode() + b"\n")  # as some write JSON
    if called_off == 7:
        assert is_on(run)
        with stdio_server(program) as second:
            (row,) = asks(second, 3, "list_runs")["result"]
            assert row["status"] == "running"
    ended = bool(select.select([run], [], [], 30)[0])
    if not ended:
        signal.pidfd_send_signal(run, signal.SIGKILL)
    os.close(run)
    assert ended
