# SPDX-License-Identifier: MIT
"""asyncio libraries that people use, inside scenarios, against the servers that they are made for."""
from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from started import warnings_of

Rampa = Callable[..., "Finished"]
Script = Callable[..., Path]
PATIENCE = 60

HEAD = """
import asyncio
import os
import rampa

@rampa.scenario(executor="per-vu-iterations", vus=4, iterations=5, max_duration="60s")
async def case(worker: rampa.Worker) -> None:
    assert asyncio.current_task() is not None
"""

# Bodies of an iteration; what does not hold raises.
AIOHTTP = """
    import aiohttp
    async with aiohttp.ClientSession() as session:
        async with session.get(os.environ["URL"] + "/bytes/1000") as response:
            assert response.status == 200 and len(await response.read()) == 1000
        answers = await asyncio.gather(*[session.get(os.environ["URL"] + "/") for _ in range(5)])
        assert [answer.status for answer in answers] == [200] * 5
        for answer in answers:
            answer.release()
    native = await worker.http.get(os.environ["URL"] + "/")
    assert native.status == 200
"""

HTTPX = """
    import httpx
    async with httpx.AsyncClient() as client:
        response = await client.get(os.environ["URL"] + "/bytes/1000")
        assert response.status_code == 200 and len(response.content) == 1000
        try:
            await client.get(os.environ["URL"] + "/delay/30000", timeout=httpx.Timeout(60, read=0.05))
        except httpx.ReadTimeout:
            pass
        else:
            raise AssertionError("no timeout")
"""

ANYIO = """
    import anyio
    seen = []

    async def child(number):
        await anyio.sleep(0.001 * number)
        seen.append(number)

    async with anyio.create_task_group() as group:
        for number in range(5):
            group.start_soon(child, number)
    assert sorted(seen) == list(range(5))
    with anyio.move_on_after(0.01) as scope:
        await anyio.sleep(30)
    assert scope.cancel_called
    try:
        with anyio.fail_after(0.01):
            await anyio.sleep(30)
    except TimeoutError:
        pass
    else:
        raise AssertionError("no timeout")
    send, receive = anyio.create_memory_object_stream(1)
    async with anyio.create_task_group() as group:
        group.start_soon(send.send, "hello")
        assert await receive.receive() == "hello"
    assert await anyio.to_thread.run_sync(lambda: 6 * 7) == 42
"""

WEBSOCKETS = """
    import websockets
    async with websockets.connect(os.environ["WS"]) as socket:
        for size in (0, 1, 70000):
            await socket.send("x" * size)
            assert await socket.recv() == "x" * size
        assert await asyncio.wait_for(await socket.ping(), 30) is not None
"""

# The tasks of a connection live as long as it does.
WEBSOCKETS_KEPT = """
    import websockets
    vu = worker.vu
    if "socket" not in vu:
        vu["socket"] = await websockets.connect(os.environ["WS"], ping_interval=0.005)
    await vu["socket"].send(str(worker.execution.iteration))
    assert await vu["socket"].recv() == str(worker.execution.iteration)
    await worker.sleep(0.01)
    if worker.execution.iteration_in_vu == 4:
        await vu["socket"].close()
"""

AIOHTTP_KEPT = """
    import aiohttp
    vu = worker.vu
    if "session" not in vu:
        vu["session"] = aiohttp.ClientSession()
    async with vu["session"].get(os.environ["URL"] + "/bytes/1000") as response:
        assert len(await response.read()) == 1000
    assert len(vu["session"].connector._conns) == 1
    if worker.execution.iteration_in_vu == 4:
        await vu["session"].close()
"""

REDIS = """
    import redis.asyncio
    client = redis.asyncio.Redis(unix_socket_path=os.environ["REDIS"])
    key = f"vu{worker.execution.vu}"
    await client.delete(key)
    async with client.pipeline(transaction=True) as pipe:
        for _ in range(3):
            pipe.incr(key)
        assert await pipe.execute() == [1, 2, 3]
    assert await client.get(key) == b"3"
    subscription = client.pubsub()
    await subscription.subscribe(key)
    assert (await subscription.get_message(timeout=30))["type"] == "subscribe"
    await client.publish(key, "news")
    assert (await subscription.get_message(timeout=30))["data"] == b"news"
    await subscription.unsubscribe(key)
    await subscription.close()
    await client.close()
    await client.connection_pool.disconnect()
"""

POSTGRES = """
    import asyncpg
    connection = await asyncpg.connect(host=os.environ["POSTGRES"], user="postgres", database="postgres")
    try:
        assert await connection.fetchval("select $1::int + 1", worker.execution.vu) == worker.execution.vu + 1
        async with connection.transaction():
            rows = [row["n"] async for row in connection.cursor("select generate_series(1, 100) as n", prefetch=10)]
        assert rows == list(range(1, 101))
        try:
            await asyncio.wait_for(connection.execute("select pg_sleep(30)"), 0.05)
        except asyncio.TimeoutError:
            pass
        else:
            raise AssertionError("no timeout")
        assert await connection.fetchval("select 1") == 1
    finally:
        await connection.close()
"""


def wait_for(ready: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not ready():
        assert process.poll() is None, f"{process.args} ended with {process.returncode}"
        assert time.monotonic() < deadline, f"{process.args} is not ready"
        time.sleep(0.02)


def answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as sock:
        try:
            sock.connect(str(path))
        except OSError:
            return False
    return True


@contextmanager
def serving(words: list[str], ready: Callable[[], bool] | None, **keywords: object) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, **keywords)  # type: ignore[call-overload]
    try:
        if ready:
            wait_for(ready, process)
        yield process
    finally:
        process.terminate()
        process.wait(PATIENCE)


def need(module: str, *programs: str) -> None:
    pytest.importorskip(module)
    for program in programs:
        if not shutil.which(program) and not Path(program).exists():
            pytest.skip(f"{program} is not installed")


def check(rampa: Rampa, script: Script, body: str, **env: str) -> None:
    # What a first import takes on a busy machine would be called blocking: it belongs to the module.
    library, rest = body[1:].split("\n", 1)
    assert library.startswith("    import ")
    script(f"{library.strip()}\n{HEAD}{rest}")
    for loop in ({}, {"RAMPA_LOOP": "epoll"}):
        done = rampa("run", "script.py", out=True, code=0, env={**env, **loop}, timeout=PATIENCE * 2)
        assert (done.count("iterations"), done.count("iteration_errors"), done.stderr) == (20, 0, "")
        # Libraries do block for a moment, as httpx does for each client's TLS context, and slow machines for longer.
        assert [text for text in warnings_of(done.result()) if " blocked the event loop " not in text] == []


@pytest.mark.parametrize(
    "module, body", [("aiohttp", AIOHTTP), ("aiohttp", AIOHTTP_KEPT), ("httpx", HTTPX), ("anyio", ANYIO)]
)
def test_http_clients_and_anyio(rampa: Rampa, script: Script, target: str, module: str, body: str) -> None:
    need(module)
    check(rampa, script, body, URL=target)


WS_SERVER = """
import asyncio, websockets

async def echo(socket, *path):
    async for message in socket:
        await socket.send(message)

async def main():
    async with websockets.serve(echo, "127.0.0.1", 0) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()

asyncio.run(main())
"""


@pytest.mark.parametrize("body", [WEBSOCKETS, WEBSOCKETS_KEPT], ids=["opened", "kept"])
def test_websockets(rampa: Rampa, script: Script, body: str) -> None:
    need("websockets")
    with serving([sys.executable, "-c", WS_SERVER], None, stdout=subprocess.PIPE) as process:
        assert process.stdout
        port = int(process.stdout.readline())
        check(rampa, script, body, WS=f"ws://127.0.0.1:{port}")


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder whose sockets have paths short enough for the kernel, open to a server's own user."""
    folder = Path(subprocess.check_output(["mktemp", "-d", "/tmp/rampa-XXXXXX"], text=True).strip())
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def test_redis(rampa: Rampa, script: Script, short_path: Path) -> None:
    need("redis", "redis-server")
    path = short_path / "redis"
    words = ["redis-server", "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(short_path)]
    with serving(words, lambda: answers(path), stdout=subprocess.DEVNULL):
        check(rampa, script, REDIS, REDIS=str(path))


def test_postgresql(rampa: Rampa, script: Script, short_path: Path) -> None:
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    need("asyncpg", str(binaries[-1] / "initdb") if binaries else "initdb")
    # The server refuses to run as root; its package brings a user of its own.
    user: dict[str, object] = {}
    if os.getuid() == 0:
        entry = pwd.getpwnam("postgres")
        user = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    data = short_path / "data"
    words = [str(binaries[-1] / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "--no-sync"]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, cwd=short_path, **user)  # type: ignore[call-overload]
    words = [str(binaries[-1] / "postgres"), "-D", str(data), "-k", str(short_path), "-c", "listen_addresses=", "-c", "fsync=off"]
    with (short_path / "log").open("wb") as log:
        with serving(words, lambda: answers(short_path / ".s.PGSQL.5432"), cwd=short_path, stderr=log, **user):
            wait = [str(binaries[-1] / "pg_isready"), "-h", str(short_path), "-t", str(PATIENCE)]
            deadline = time.monotonic() + PATIENCE
            while subprocess.run(wait, stdout=subprocess.DEVNULL).returncode:
                assert time.monotonic() < deadline, (short_path / "log").read_text()
            check(rampa, script, POSTGRES, POSTGRES=str(short_path))
