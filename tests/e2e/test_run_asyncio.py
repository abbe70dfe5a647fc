# SPDX-License-Identifier: MIT
"""asyncio inside scenarios: whatever works in a task works in a VU, beside the native requests.

Each case is the body of an async function that runs in an iteration; it fails by raising. `worker`, `url` (of the demo
server), asyncio and a few more modules are there.
"""
from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

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

CASES = {
    "sleep": """
        began = time.monotonic()
        await asyncio.sleep(0.02)
        assert 0.02 <= time.monotonic() - began
        assert await asyncio.sleep(0.001, "result") == "result"
    """,
    "sleep of the worker": """
        began = time.monotonic()
        assert await worker.sleep(0.02) is None
        assert 0.0199 <= time.monotonic() - began
        await worker.sleep(0)
        for bad in (-1, float("nan"), float("inf")):
            with suppress(ValueError):
                worker.sleep(bad)
                raise AssertionError(bad)
    """,
    "sleep(0) gives way": """
        order = []
        async def other():
            order.append("other")
        task = asyncio.create_task(other())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        order.append("mine")
        await task
        assert order == ["other", "mine"], order
    """,
    "sleep(0) many times": """
        for _ in range(2000):
            await asyncio.sleep(0)
    """,
    "gather of requests": """
        a, b, c = await asyncio.gather(*(worker.http.get(f"{url}/bytes/{n}") for n in (1, 2, 3)))
        assert [len(r.body) for r in (a, b, c)] == [1, 2, 3]
    """,
    "gather of many requests on few connections": """
        responses = await asyncio.gather(*(worker.http.get(f"{url}/bytes/{n}") for n in range(40)))
        assert [len(r.body) for r in responses] == list(range(40))
    """,
    "gather of coroutines": """
        async def fetch(n):
            await asyncio.sleep(0.001 * (5 - n))
            return len((await worker.http.get(f"{url}/bytes/{n}")).body)
        assert await asyncio.gather(*map(fetch, range(5))) == list(range(5))
    """,
    "gather collects exceptions": """
        good, bad = await asyncio.gather(
            worker.http.get(url + "/json"), worker.http.get(url + "/reset"), return_exceptions=True)
        assert good.status == 200 and isinstance(bad, errors.ConnectionLost), (good, bad)
    """,
    "wait_for": """
        assert (await asyncio.wait_for(worker.http.get(url + "/json"), 10)).status == 200
        try:
            await asyncio.wait_for(worker.http.get(url + "/hang"), 0.02)
            raise AssertionError("no timeout")
        except asyncio.TimeoutError:
            pass
        assert (await worker.http.get(url + "/json")).status == 200
    """,
    "timeout around a request": """
        try:
            async with asyncio.timeout(0.02):
                await worker.http.get(url + "/hang")
            raise AssertionError("no timeout")
        except TimeoutError as e:
            assert not isinstance(e, errors.RequestError)
        assert asyncio.current_task().cancelling() == 0
        assert (await worker.http.get(url + "/json")).status == 200
    """,
    "timeout around sleeps": """
        for pause in (asyncio.sleep, worker.sleep):
            try:
                async with asyncio.timeout(0.02):
                    await pause(3600)
                raise AssertionError("no timeout")
            except TimeoutError:
                pass
        async with asyncio.timeout(10):
            await worker.sleep(0.001)
            await asyncio.sleep(0.001)
    """,
    "timeouts within each other": """
        try:
            async with asyncio.timeout(0.02) as outer:
                async with asyncio.timeout(10) as inner:
                    await worker.http.get(url + "/hang")
            raise AssertionError("no timeout")
        except TimeoutError:
            assert outer.expired() and not inner.expired()
    """,
    "task group": """
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(worker.http.get(f"{url}/bytes/{n}")) for n in range(5)]
        assert [len(t.result().body) for t in tasks] == list(range(5))
    """,
    "a task group fails": """
        async def fail():
            await asyncio.sleep(0.01)
            raise KeyError("x")
        try:
            async with asyncio.TaskGroup() as group:
                hanging = group.create_task(worker.http.get(url + "/hang"))
                group.create_task(fail())
                await worker.sleep(3600)
            raise AssertionError("no failure")
        except* KeyError as e:
            assert len(e.exceptions) == 1
        assert hanging.cancelled()
        assert asyncio.current_task().cancelling() == 0
        await worker.sleep(0.001)
    """,
    "create_task of a request": """
        task = asyncio.create_task(worker.http.get(url + "/json"))
        assert (await task).json()["ok"] is True
        assert task.done() and task.result().status == 200
    """,
    "ensure_future of a request": """
        request = worker.http.get(url + "/json")
        future = asyncio.ensure_future(request)
        assert (await future).status == 200
    """,
    "as_completed": """
        slow, fast = worker.http.get(url + "/delay/60"), worker.http.get(url + "/json")
        urls = [(await next_).url for next_ in asyncio.as_completed([slow, fast])]
        assert urls == [url + "/json", url + "/delay/60"], urls
    """,
    "wait": """
        slow = asyncio.create_task(worker.http.get(url + "/hang"))
        fast = asyncio.create_task(worker.http.get(url + "/json"))
        done, pending = await asyncio.wait({slow, fast}, return_when=asyncio.FIRST_COMPLETED)
        assert done == {fast} and pending == {slow}
        slow.cancel()
        with suppress(asyncio.CancelledError):
            await slow
        assert slow.cancelled()
    """,
    "shield": """
        request = worker.http.get(url + "/delay/40")
        try:
            async with asyncio.timeout(0.005):
                await asyncio.shield(request)
            raise AssertionError("no timeout")
        except TimeoutError:
            pass
        assert (await request).status == 200
    """,
    "a request awaited twice": """
        request = worker.http.get(url + "/json")
        first, second = await request, await request
        assert first is second and first.status == 200
    """,
    "a request awaited by tasks at once": """
        request = worker.http.get(url + "/delay/10")
        async def wait():
            return await request
        responses = await asyncio.gather(wait(), wait(), request)
        assert responses[0] is responses[1] is responses[2] and responses[0].status == 200
    """,
    "a failed request awaited twice": """
        request = worker.http.get(url + "/reset")
        for _ in range(2):
            try:
                await request
                raise AssertionError("no error")
            except errors.ConnectionLost as e:
                assert e.error_code == 1220
        assert request.done() and isinstance(request.exception(), errors.ConnectionLost)
    """,
    "futures of a request": """
        request = worker.http.get(url + "/json")
        try:
            request.result()
            raise AssertionError("no result yet")
        except asyncio.InvalidStateError:
            pass
        called = asyncio.Event()
        request.add_done_callback(lambda r: called.set())
        assert request.get_loop() is asyncio.get_running_loop()
        await called.wait()
        assert request.done() and not request.cancelled() and request.result().status == 200
        assert request.exception() is None and request.cancel() is False
    """,
    "a callback that is removed": """
        request, calls = worker.http.get(url + "/json"), []
        request.add_done_callback(calls.append)
        assert request.remove_done_callback(calls.append) == 1
        await request
        await asyncio.sleep(0.01)
        assert calls == []
    """,
    "queue": """
        queue = asyncio.Queue(2)
        async def produce():
            for i in range(20):
                await queue.put(i)
            await queue.put(None)
        producer, got = asyncio.create_task(produce()), []
        while (item := await queue.get()) is not None:
            got.append(item)
            await worker.http.get(url + "/json")
        await producer
        assert got == list(range(20))
    """,
    "locks and conditions": """
        lock, semaphore, inside = asyncio.Lock(), asyncio.Semaphore(2), []
        async def work(n):
            async with semaphore:
                inside.append(n)
                assert semaphore._value >= 0
                async with lock:
                    await worker.http.get(url + "/json")
        await asyncio.gather(*map(work, range(8)))
        assert sorted(inside) == list(range(8))
        condition = asyncio.Condition()
        async def tell():
            async with condition:
                condition.notify_all()
        async with condition:
            task = asyncio.create_task(tell())
            await condition.wait()
        await task
    """,
    "to_thread": """
        assert await asyncio.to_thread(lambda a: a + 1, 41) == 42
        assert await asyncio.to_thread(threading.get_ident) != threading.get_ident()
        try:
            await asyncio.to_thread(lambda: 1 / 0)
            raise AssertionError("no error")
        except ZeroDivisionError:
            pass
    """,
    "a request while a thread works": """
        thread = asyncio.create_task(asyncio.to_thread(time.sleep, 0.05))
        for _ in range(5):
            assert (await worker.http.get(url + "/json")).status == 200
        await thread
    """,
    "run_in_executor and call_soon_threadsafe": """
        loop, event = asyncio.get_running_loop(), asyncio.Event()
        assert await loop.run_in_executor(None, sum, [1, 2, 3]) == 6
        threading.Timer(0.01, loop.call_soon_threadsafe, (event.set,)).start()
        await event.wait()
        async def answer():
            return (await worker.http.get(url + "/json")).status
        def ask():
            return asyncio.run_coroutine_threadsafe(answer(), loop).result(30)
        assert await asyncio.to_thread(ask) == 200
    """,
    "open_connection": """
        host, port = url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /bytes/5 HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
        await writer.drain()
        assert (await reader.read()).endswith(b"abcde")
        writer.close()
        await writer.wait_closed()
    """,
    "start_server": """
        async def serve(reader, writer):
            await reader.readuntil(b"\\r\\n\\r\\n")
            writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 4\\r\\n\\r\\nmine")
            await writer.drain()
            writer.close()
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        assert (await worker.http.get(f"http://127.0.0.1:{port}/")).body == b"mine"
        server.close()
        await server.wait_closed()
    """,
    "datagrams and readers": """
        loop = asyncio.get_running_loop()
        left, right = socket.socketpair()
        left.setblocking(False), right.setblocking(False)
        await loop.sock_sendall(left, b"ping")
        assert await loop.sock_recv(right, 10) == b"ping"
        readable = loop.create_future()
        loop.add_reader(right.fileno(), readable.set_result, None)
        left.send(b"x")
        await readable
        loop.remove_reader(right.fileno())
        left.close(), right.close()
    """,
    "subprocess": """
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-S", "-c", "print(input()[::-1])", stdin=-1, stdout=-1)
        out, _ = await process.communicate(b"olleh\\n")
        assert (out, process.returncode) == (b"hello\\n", 0)
    """,
    "call_later and call_at": """
        loop, order = asyncio.get_running_loop(), []
        future = loop.create_future()
        loop.call_later(0.02, future.set_result, "late")
        loop.call_later(0.01, order.append, 1)
        loop.call_soon(order.append, 0)
        loop.call_at(loop.time() + 3600, order.append, "never").cancel()
        assert await future == "late" and order == [0, 1], order
    """,
    "context variables": """
        var = shared.setdefault("var", contextvars.ContextVar("var", default=None))
        seen = var.get()  # what this very VU has set in its iteration before
        assert seen == (worker.execution.vu if worker.execution.iteration_in_vu else None), seen
        var.set(worker.execution.vu)
        await worker.http.get(url + "/delay/3")
        assert var.get() == worker.execution.vu
        await asyncio.sleep(0.003)
        assert var.get() == worker.execution.vu
        async def child():
            before = var.get()
            var.set("child")
            return before
        assert await asyncio.create_task(child()) == worker.execution.vu
        assert var.get() == worker.execution.vu
    """,
    "current_task": """
        task = asyncio.current_task()
        assert task is not None and not task.done() and task.get_name()
        await worker.http.get(url + "/json")
        assert asyncio.current_task() is task
        await asyncio.sleep(0.001)
        assert asyncio.current_task() is task
        async def child():
            assert asyncio.current_task() is not task
        await asyncio.create_task(child())
        assert asyncio.current_task() is task
        assert task.get_coro() is not None and len(task.get_stack()) == 1 and repr(task)
        assert task.cancelling() == 0
    """,
    "a VU cancels itself": """
        task = asyncio.current_task()
        for pause in (lambda: asyncio.sleep(3600), lambda: worker.sleep(3600), lambda: worker.http.get(url + "/hang"),
                      lambda: asyncio.sleep(0)):
            assert task.cancel() and task.cancelling() == 1
            try:
                await pause()
                raise AssertionError("not cancelled")
            except asyncio.CancelledError:
                assert task.uncancel() == 0
        await worker.sleep(0.001)
        assert (await worker.http.get(url + "/json")).status == 200
    """,
    "a VU is cancelled by a task": """
        task = asyncio.current_task()
        async def cancel():
            task.cancel()
        for pause in (lambda: asyncio.sleep(3600), lambda: worker.sleep(3600), lambda: worker.http.get(url + "/hang"),
                      lambda: asyncio.shield(asyncio.sleep(0.05)), lambda: asyncio.gather(asyncio.sleep(3600))):
            other = asyncio.create_task(cancel())
            try:
                await pause()
                raise AssertionError("not cancelled")
            except asyncio.CancelledError:
                task.uncancel()
            await other
    """,
    "cancelling a task that waits for a request": """
        async def fetch():
            try:
                await worker.http.get(url + "/hang")
            finally:
                shared[worker.execution.vu] = "cleaned"
        task = asyncio.create_task(fetch())
        await asyncio.sleep(0.01)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert task.cancelled() and shared[worker.execution.vu] == "cleaned"
        assert (await worker.http.get(url + "/json")).body.startswith(b"{")
    """,
    "cancelling a request": """
        request = worker.http.get(url + "/hang")
        asyncio.get_running_loop().call_later(0.01, request.cancel)
        try:
            await request
            raise AssertionError("not cancelled")
        except asyncio.CancelledError:
            pass
        assert request.cancelled() and request.done()
        never = worker.http.get(url + "/json")
        assert never.cancel() and never.cancelled()
        try:
            await never
            raise AssertionError("not cancelled")
        except asyncio.CancelledError:
            pass
    """,
    "async generators": """
        async def pages():
            try:
                for n in range(3):
                    yield len((await worker.http.get(f"{url}/bytes/{n}")).body)
            finally:
                await asyncio.sleep(0.001)
                shared["closed"] = True
        assert [n async for n in pages()] == [0, 1, 2]
        async for n in pages():
            break
        generator = pages()
        assert await anext(generator) == 0
        await generator.aclose()
        assert shared["closed"]
    """,
    "async context managers": """
        class Session:
            async def __aenter__(self):
                self.token = (await worker.http.get(url + "/json")).json()["message"]
                return self
            async def __aexit__(self, *error):
                await worker.http.delete(url + "/json")
        async with Session() as session:
            assert session.token == "hello"
    """,
    "an own awaitable": """
        class Twice:
            def __await__(self):
                first = yield from worker.http.get(url + "/bytes/2").__await__()
                second = yield from worker.sleep(0.001).__await__()
                return len(first.body), second
        assert await Twice() == (2, None)
    """,
    "something that cannot be awaited": """
        class Odd:
            def __await__(self):
                yield 42
        try:
            await Odd()
            raise AssertionError("it could")
        except RuntimeError as e:
            assert "42" in str(e)
        await asyncio.sleep(0)
    """,
    "runner of asyncio": """
        coroutine = asyncio.sleep(0)
        try:
            asyncio.run(coroutine)
            raise AssertionError("a loop runs already")
        except RuntimeError as e:
            assert "running event loop" in str(e), e
        coroutine.close()
    """,
    "the loop": """
        loop = asyncio.get_running_loop()
        assert loop.is_running() and not loop.is_closed()
        before = loop.time()
        await asyncio.sleep(0.005)
        assert loop.time() >= before + 0.005
    """,
    "tracing a weak reference": """
        request = worker.http.get(url + "/json")
        reference = weakref.ref(request)
        await request
        del request
        await asyncio.sleep(0)
        assert reference() is None
    """,
    "a request that is never awaited": """
        worker.http.get(url + "/json")
        request = worker.http.get(url + "/hang")
        asyncio.ensure_future(request).cancel()
        await asyncio.sleep(0.001)
    """,
}


def write(script: Script, body: str, vus: int, iterations: int) -> None:
    script(HEAD.format(vus=vus, iterations=iterations) + textwrap.indent(textwrap.dedent(body), "    "))


@pytest.mark.parametrize("loop", ["default", "epoll"])
@pytest.mark.parametrize("name", CASES)
def test_in_a_vu(rampa: Rampa, script: Script, target: str, name: str, loop: str) -> None:
    write(script, CASES[name], vus=3, iterations=2)
    env = {"TARGET": target, **({} if loop == "default" else {"RAMPA_LOOP": loop})}
    done = rampa("run", "script.py", out=True, code=0, env=env, timeout=60)
    assert done.count("iterations") == 6
    assert done.stderr == ""


@pytest.mark.parametrize("name", sorted(CASES.keys() - {"context variables", "current_task"}))
def test_in_setup(rampa: Rampa, script: Script, target: str, name: str) -> None:
    """The same in an ordinary task of the same loop: what is special about VUs must not show."""
    body = textwrap.indent(textwrap.dedent(CASES[name]), "    ")
    script(
        HEAD.format(vus=1, iterations=1).split("\n@rampa")[0]
        + f"\nasync def setup(worker):\n{body}\n\n"
        + '@rampa.scenario(executor="per-vu-iterations")\nasync def case(worker): pass\n'
    )
    done = rampa("run", "script.py", "--quiet", env={"TARGET": target}, code=0, timeout=60)
    assert done.stderr == ""


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
        if worker.execution.vu == 1:
            shared["request"] = worker.http.get(url + "/delay/60")
            assert (await shared["request"]).status == 200
        else:
            try:
                async with asyncio.timeout(0.01):
                    await asyncio.shield(shared["request"])
                raise AssertionError("no timeout")
            except TimeoutError:
                pass
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


def test_the_connection_of_an_interrupted_request_is_not_used_again(rampa: Rampa, script: Script) -> None:
    from faultserver import ExpectRequest, FaultServer, Hang, Repeat, Send, answer

    with FaultServer([ExpectRequest(), Hang()], [Repeat([ExpectRequest(), Send(answer(b"second"))])]) as server:
        script(
            "import asyncio\nimport rampa\n\n"
            '@rampa.scenario(executor="per-vu-iterations", iterations=2)\nasync def a(worker):\n'
            "    if worker.execution.iteration == 0:\n        try:\n            async with asyncio.timeout(0.05):\n"
            f'                await worker.http.get("{server.url}/")\n        except TimeoutError:\n            return\n'
            f'    assert (await worker.http.get("{server.url}/")).body == b"second"\n'
        )
        done = rampa("run", "script.py", out=True, code=0)
        server.wait_for_connections(2)
    assert len(server.requests) == 2
    assert server.connections[0].client_left in ("closed", "reset")
    kinds = {kind["error_code"]: kind["count"] for kind in done.result()["errors"]["requests"]}
    assert kinds == {"1903": 1}  # it is a failed request, with the time it took until it was given up
    assert done.metrics()["http_req_duration"]["max"] >= 45


def test_tasks_that_outlive_their_iteration(rampa: Rampa, script: Script, target: str) -> None:
    """A background task goes on while the run does, and ends with it without a word."""
    script(
        "import asyncio\nimport os\nimport rampa\n\n\nasync def background(worker):\n    while True:\n"
        '        await worker.http.get(os.environ["TARGET"] + "/json")\n        await asyncio.sleep(0.001)\n\n\n'
        'tasks = []\n\n@rampa.scenario(executor="per-vu-iterations", vus=3, iterations=5)\n'
        "async def a(worker):\n    if worker.execution.iteration_in_vu == 0:\n"
        "        tasks.append(asyncio.create_task(background(worker)))\n    await worker.sleep(0.01)\n"
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
    done = rampa("run", "script.py", "--quiet", code=0, env={"TARGET": target})
    assert sorted(done.stdout.split()) == ["closed", "ended", "ended", "ended"]
    assert done.stderr == ""


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
