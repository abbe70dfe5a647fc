# SPDX-License-Identifier: MIT
"""Bodies of async functions for test_run_asyncio.py, each of which fails by raising."""
from __future__ import annotations

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
        go_on = asyncio.Event()
        async def late():
            await go_on.wait()
            return await worker.http.get(url + "/bytes/1")
        hanging, urls = worker.http.get(url + "/hang"), []
        for next_ in asyncio.as_completed([hanging, late(), worker.http.get(url + "/json")]):
            try:
                urls.append((await next_).url)
            except asyncio.CancelledError:
                urls.append("cancelled")
            go_on.set() if len(urls) == 1 else hanging.cancel()
        assert urls == [url + "/json", url + "/bytes/1", "cancelled"], urls
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
        go_on = asyncio.Event()
        async def serve(reader, writer):
            await reader.readuntil(b"\\r\\n\\r\\n")
            await go_on.wait()
            writer.write(b"HTTP/1.1 204 Late\\r\\n\\r\\n")
            writer.close()
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        request = worker.http.get("http://127.0.0.1:%d/" % server.sockets[0].getsockname()[1])
        try:
            async with asyncio.timeout(0.005):
                await asyncio.shield(request)
            raise AssertionError("no timeout")
        except TimeoutError:
            go_on.set()
        assert (await request).status == 204
        server.close()
        await server.wait_closed()
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
