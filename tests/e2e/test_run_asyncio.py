# SPDX-License-Identifier: MIT
"""asyncio inside scenarios: whatever works in a task works in a VU, beside the native requests.

Each case is the body of an async function that runs in an iteration; it fails by raising. `worker`, `url` (of the demo
server), asyncio and a few more modules are there.
"""
from __future__ import annotations

import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from asyncio_cases import CASES as OF_RAMPA
from asyncio_primitives import PRIMITIVES

CASES = OF_RAMPA | PRIMITIVES
Rampa = Callable[..., "Finished"]
Script = Callable[..., Path]

HEAD = """
import asyncio
import contextvars
import gc
import os
import socket
import sys
import threading
import time
import weakref
from contextlib import suppress

import rampa
from rampa import errors

url = os.environ["TARGET"]
shared = {{}}


@rampa.scenario(executor="per-vu-iterations", vus={vus}, iterations={iterations}, graceful_stop="5s", max_duration="30s")
async def case(worker):
"""


def write(script: Script, body: str, vus: int, iterations: int) -> None:
    script(HEAD.format(vus=vus, iterations=iterations) + textwrap.indent(textwrap.dedent(body), "    "))


FAILING = {"timeouts within each other", "a task group fails", "a failed request awaited twice", "a VU is cancelled by a task", "cancelling a request"}
"""Their requests all fail, so that nothing succeeds."""


@pytest.mark.parametrize("loop", ["default", "epoll"])
@pytest.mark.parametrize("name", CASES)
def test_in_a_vu(rampa: Rampa, script: Script, target: str, name: str, loop: str) -> None:
    write(script, CASES[name], vus=3, iterations=2)
    env = {"TARGET": target, **({} if loop == "default" else {"RAMPA_LOOP": loop})}
    done = rampa("run", "script.py", out=True, code=1 if name in FAILING else 0, env=env, timeout=60)
    assert done.count("iterations") == 6
    assert done.stderr == ""


WARNED = {
    "a request that is never awaited": ["warning: the script does not await a request, so it is not sent: GET "],
    "loops that run already": ["warning: coroutine 'BaseEventLoop.shutdown_asyncgens' was never awaited"],
}


@pytest.mark.parametrize("name", sorted(CASES.keys() - {"context variables", "current_task", "tasks of this loop"}))
def test_in_setup(rampa: Rampa, script: Script, target: str, name: str) -> None:
    """The same in an ordinary task of the same loop: what is special about VUs must not show."""
    body = textwrap.indent(textwrap.dedent(CASES[name]), "    ")
    script(
        HEAD.format(vus=1, iterations=1).split("\n@rampa")[0]
        + f"\nasync def setup(worker):\n{body}\n\n"
        + '@rampa.scenario(executor="per-vu-iterations")\nasync def case(worker): worker.counter("ran")\n'
    )
    done = rampa("run", "script.py", "--quiet", env={"TARGET": target}, code=1 if name in FAILING else 0, timeout=60)
    # That the one scenario makes no request is always said; so is which requests failed, when all did, and what a case is about.
    expected = (*WARNED.get(name, ()), "warning: no request was made", *(("error: none of the", "error: the only request", "error: 1 x", "error: 2 x") * (name in FAILING)))
    assert [line for line in done.stderr.splitlines() if not line.startswith(expected)] == []


# ---- between VUs ------------------------------------------------------------------------------------------------------


BETWEEN = {
    "queue": """
        queue = shared.setdefault("queue", asyncio.Queue())
        if worker.execution.vu == 1:
            for i in range(20):
                await worker.http.get(url + "/json")
                await queue.put(i)
        else:
            assert await queue.get() == worker.execution.iteration_in_vu or worker.execution.vu
    """,
    "event": """
        event = shared.setdefault("event", asyncio.Event())
        if worker.execution.vu == 3:
            await worker.sleep(0.02)
            event.set()
        else:
            await event.wait()
    """,
    "one request for all": """
        if "request" not in shared:
            shared["request"] = worker.http.get(url + "/delay/20")
        response = await shared["request"]
        assert response.status == 200
        shared.setdefault("seen", []).append(response)
        assert all(r is response for r in shared["seen"])
    """,
    "one task for all": """
        task = shared.setdefault("task", None) or asyncio.create_task(asyncio.sleep(0.02, "done"))
        shared["task"] = task
        assert await asyncio.shield(task) == "done"
    """,
    "future": """
        future = shared.setdefault(worker.execution.iteration_in_vu, asyncio.get_running_loop().create_future())
        if worker.execution.vu == 1:
            await worker.sleep(0.001)
            future.set_result("told")
        assert await asyncio.shield(future) == "told"
    """,
    "semaphore": """
        semaphore = shared.setdefault("semaphore", asyncio.Semaphore(1))
        async with semaphore:
            shared["inside"] = shared.get("inside", 0) + 1
            await worker.http.get(url + "/json")
            assert shared["inside"] == 1
            shared["inside"] -= 1
    """,
    "channel": """
        # Every VU gets what the one before has put, and puts it for the next.
        queues = shared.setdefault("queues", [asyncio.Queue() for _ in range(3)])
        me = worker.execution.vu - 1
        if me == 0:
            queues[1].put_nowait(worker.execution.iteration_in_vu)
        got = await queues[me].get()
        assert got == worker.execution.iteration_in_vu
        if me != 0:
            queues[(me + 1) % 3].put_nowait(got)
    """,
    "barrier": """
        barrier = shared.setdefault("barrier", asyncio.Barrier(3))
        await barrier.wait()
    """,
    "state of a VU": """
        worker.vu["count"] = worker.vu.get("count", 0) + 1
        await worker.sleep(0.001)
        assert worker.vu["count"] == worker.execution.iteration_in_vu + 1
    """,
}


@pytest.mark.parametrize("loop", ["default", "epoll"])
@pytest.mark.parametrize("name", BETWEEN)
def test_between_vus(rampa: Rampa, script: Script, target: str, name: str, loop: str) -> None:
    write(script, BETWEEN[name], vus=3, iterations=1 if name in ("queue", "event") else 3)
    env = {"TARGET": target, **({} if loop == "default" else {"RAMPA_LOOP": loop})}
    rampa("run", "script.py", "--quiet", code=0, env=env, timeout=60)


def test_one_vu_cancels_its_wait_for_a_shared_request(rampa: Rampa, script: Script, target: str) -> None:
    """The other one still gets its answer when it was not the first to wait."""
    write(
        script,
        """
        go_on = shared.setdefault("go on", asyncio.Event())
        async def serve(reader, writer):
            await reader.readuntil(b"\\r\\n\\r\\n")
            await go_on.wait()
            writer.write(b"HTTP/1.1 204 Late\\r\\n\\r\\n")
            writer.close()
        if worker.execution.vu == 1:
            server = await asyncio.start_server(serve, "127.0.0.1", 0)
            shared["request"] = worker.http.get("http://127.0.0.1:%d/" % server.sockets[0].getsockname()[1])
            assert (await shared["request"]).status == 204
            server.close()
        else:
            while "request" not in shared:
                await asyncio.sleep(0.001)
            try:
                async with asyncio.timeout(0.01):
                    await asyncio.shield(shared["request"])
                raise AssertionError("no timeout")
            except TimeoutError:
                go_on.set()
        """,
        vus=2,
        iterations=1,
    )
    rampa("run", "script.py", "--quiet", code=0, env={"TARGET": target})


# ---- the end of iterations --------------------------------------------------------------------------------------------


INTERRUPTED = """
import asyncio
import os
import rampa

url = os.environ["TARGET"]


@rampa.scenario(executor="constant-vus", vus=4, duration="100ms", graceful_stop="100ms")
async def case(worker):
    try:
        await {wait}
    except asyncio.CancelledError:
        print("cancelled", flush=True)
        raise
    finally:
        await asyncio.sleep(0.001)
        await worker.http.get(url + "/json")
        print("cleaned up", flush=True)
"""

WAITS = {
    "request": 'worker.http.get(url + "/hang")',
    "worker.sleep": "worker.sleep(3600)",
    "asyncio.sleep": "asyncio.sleep(3600)",
    "future": "asyncio.get_running_loop().create_future()",
    "gather": 'asyncio.gather(worker.http.get(url + "/hang"), asyncio.sleep(3600))',
    "task": 'asyncio.create_task(worker.http.get(url + "/hang"))',
}


@pytest.mark.parametrize("name", WAITS)
@pytest.mark.parametrize("loop", ["default", "epoll"])
def test_an_interruption_is_a_cancellation(rampa: Rampa, script: Script, target: str, name: str, loop: str) -> None:
    script(INTERRUPTED.format(wait=WAITS[name]))
    env = {"TARGET": target, **({} if loop == "default" else {"RAMPA_LOOP": loop})}
    done = rampa("run", "script.py", out=True, code=0, env=env)
    assert done.stdout.count("cancelled\n") == done.stdout.count("cleaned up\n") == 4
    (row,) = done.result()["accounting"]
    assert (row["started"], row["interrupted"], row["completed"], row["errors"]) == (4, 4, 0, 0)
    assert "iteration_duration" not in done.metrics() or done.metrics()["iteration_duration"]["count"] == 0


def test_an_iteration_that_swallows_its_interruption_is_closed(rampa: Rampa, script: Script) -> None:
    script(
        "import asyncio\nimport rampa\n\n"
        '@rampa.scenario(executor="constant-vus", vus=2, duration="50ms", graceful_stop="50ms")\n'
        "async def a(worker):\n    while True:\n        try:\n            await worker.sleep(3600)\n"
        "        except asyncio.CancelledError:\n            print('no')\n"
    )
    done = rampa("run", "script.py", out=True, code=0)
    (row,) = done.result()["accounting"]
    assert (row["started"], row["interrupted"]) == (2, 2)


def test_the_connection_of_an_interrupted_request_is_not_used_again(
    rampa: Rampa, script: Script, tmp_path: Path
) -> None:
    from faultserver import ExpectRequest, FaultServer, Hang, Repeat, Send, answer

    with FaultServer([ExpectRequest(), Hang()], [Repeat([ExpectRequest(), Send(answer(b"second"))])]) as server:
        script(
            "import asyncio\nimport os\nimport rampa\n\n"
            '@rampa.scenario(executor="per-vu-iterations", iterations=2)\nasync def a(worker):\n'
            "    if worker.execution.iteration == 0:\n"
            f'        request = asyncio.create_task(worker.http.get("{server.url}/"))\n'
            '        while not os.path.exists("arrived"):\n            await asyncio.sleep(0.001)\n'
            "        await asyncio.sleep(0.05)\n        request.cancel()\n        return\n"
            f'    assert (await worker.http.get("{server.url}/")).body == b"second"\n'
        )

        def tell() -> None:
            server.wait_for_requests(1)
            (tmp_path / "arrived").touch()

        teller = threading.Thread(target=tell)
        teller.start()
        done = rampa("run", "script.py", out=True, code=0)
        server.wait_for_connections(2)
        teller.join()
    assert len(server.requests) == 2
    assert server.connections[0].client_left in ("closed", "reset")
    kinds = {kind["error_code"]: kind["count"] for kind in done.result()["errors"]["requests"]}
    assert kinds == {"1903": 1}  # it is a failed request, with the time it took until it was given up
    assert done.metrics()["http_req_duration"]["max"] >= 50


def test_tasks_that_are_no_iterations(rampa: Rampa, script: Script, target: str) -> None:
    """What the script makes a Task of by itself goes on while the run does, and ends with it without a word."""
    script(
        "import asyncio\nimport os\nimport rampa\n\n\nasync def background(worker):\n    while True:\n"
        '        await worker.http.get(os.environ["TARGET"] + "/json")\n        await asyncio.sleep(0.001)\n\n\n'
        'tasks = []\n\n@rampa.scenario(executor="per-vu-iterations", vus=3, iterations=5)\n'
        "async def a(worker):\n    if worker.execution.iteration_in_vu == 0:\n"
        "        tasks.append(asyncio.Task(background(worker)))\n    await worker.sleep(0.01)\n    assert not tasks[0].done()\n"
    )
    done = rampa("run", "script.py", out=True, code=0, env={"TARGET": target})
    assert done.count("iterations") == 15
    assert done.count("http_reqs") >= 3
    assert done.stderr == ""


def test_a_thread_that_does_not_end_does_not_keep_the_run(rampa: Rampa, script: Script) -> None:
    script(
        "import asyncio\nimport threading\nimport rampa\n\nnever = threading.Event()\n\n"
        '@rampa.scenario(executor="constant-vus", vus=2, duration="50ms", graceful_stop="50ms")\n'
        "async def a(worker):\n    await asyncio.to_thread(never.wait)\n"
    )
    done = rampa("run", "script.py", out=True, code=0)
    (row,) = done.result()["accounting"]
    assert (row["started"], row["interrupted"]) == (2, 2)


def test_leftovers_are_cancelled_at_the_end(rampa: Rampa, script: Script, target: str) -> None:
    script(
        "import asyncio\nimport os\nimport rampa\n\n\nasync def background(what):\n    try:\n        await what\n"
        '    finally:\n        print("ended")\n\n\nasync def numbers():\n    try:\n        yield 1\n    finally:\n'
        '        await asyncio.sleep(0)\n        print("closed")\n\n\nkept = []\n\n'
        '@rampa.scenario(executor="per-vu-iterations")\nasync def a(worker):\n'
        '    for what in (asyncio.sleep(3600), worker.sleep(3600), worker.http.get(os.environ["TARGET"] + "/hang")):\n'
        "        kept.append(asyncio.create_task(background(what)))\n"
        "    kept.append(numbers())\n    await anext(kept[-1])\n    await worker.sleep(0.01)\n"
    )
    done = rampa("run", "script.py", "--quiet", code=1, env={"TARGET": target})  # the only request is given up
    assert sorted(done.stdout.split()) == ["closed", "ended", "ended", "ended"]
    assert "Traceback" not in done.stderr


def test_aiohttp(rampa: Rampa, script: Script, target: str) -> None:
    pytest.importorskip("aiohttp")
    script(
        "import asyncio\nimport os\nimport aiohttp\nimport rampa\n\n"
        '@rampa.scenario(executor="per-vu-iterations", vus=3, iterations=3)\nasync def a(worker):\n'
        "    async with aiohttp.ClientSession() as session:\n"
        '        async with session.get(os.environ["TARGET"] + "/json") as response:\n'
        '            assert (await response.json())["ok"] is True\n'
        '        native, other = await asyncio.gather(worker.http.get(os.environ["TARGET"] + "/bytes/3"),\n'
        '                                             session.get(os.environ["TARGET"] + "/bytes/4"))\n'
        "        assert len(native.body) == 3 and len(await other.read()) == 4\n"
        '        worker.trend("aiohttp_ms", 1.5)\n'
        "        try:\n"
        '            await session.get(os.environ["TARGET"] + "/hang", timeout=aiohttp.ClientTimeout(total=0.02))\n'
        '            raise AssertionError("no timeout")\n'
        "        except asyncio.TimeoutError:\n            pass\n"
    )
    done = rampa("run", "script.py", out=True, code=0, env={"TARGET": target})
    assert done.count("iterations") == 9
    assert done.count("http_reqs") == 9  # aiohttp's are not ours
