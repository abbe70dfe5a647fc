# SPDX-License-Identifier: MIT
"""More bodies of async functions for test_run_asyncio.py: asyncio's own parts, mostly without rampa's."""
from __future__ import annotations

PRIMITIVES = {
    "wait for all, with a limit, until the first failure": """
        async def after(event, fails=False):
            await event.wait()
            if fails:
                raise KeyError("x")
        now, never = asyncio.Event(), asyncio.Event()
        now.set()
        done, pending = await asyncio.wait({asyncio.create_task(after(now)), asyncio.create_task(after(now))})
        assert len(done) == 2 and not pending
        slow = asyncio.create_task(after(never))
        done, pending = await asyncio.wait([slow], timeout=0.005)
        assert not done and pending == {slow} and not slow.cancelled()
        bad = asyncio.create_task(after(now, fails=True))
        done, pending = await asyncio.wait([slow, bad], return_when=asyncio.FIRST_EXCEPTION)
        assert done == {bad} and isinstance(bad.exception(), KeyError)
        slow.cancel()
        await asyncio.wait([slow])
        for wrong in ([], asyncio.sleep(0)):
            try:
                await asyncio.wait(wrong)
                raise AssertionError(wrong)
            except (ValueError, TypeError):
                getattr(wrong, "close", int)()
    """,
    "as_completed with a limit": """
        never = asyncio.get_running_loop().create_future()
        got = []
        try:
            for next_ in asyncio.as_completed([asyncio.sleep(0, "a"), never], timeout=0.02):
                got.append(await next_)
            raise AssertionError("no limit")
        except TimeoutError:
            assert got == ["a"], got
    """,
    "gather of gathers, and one that is cancelled": """
        async def fail():
            raise ValueError("x")
        values = await asyncio.gather(asyncio.gather(asyncio.sleep(0, 1), worker.sleep(0)), fail(), return_exceptions=True)
        assert values[0] == [1, None] and isinstance(values[1], ValueError)
        assert await asyncio.gather() == []
        inner = [asyncio.create_task(asyncio.sleep(3600)) for _ in range(3)]
        outer = asyncio.gather(*inner)
        asyncio.get_running_loop().call_soon(outer.cancel)
        try:
            await outer
            raise AssertionError("not cancelled")
        except asyncio.CancelledError:
            assert all(task.cancelled() for task in inner) and asyncio.current_task().cancelling() == 0
    """,
    "wait_for without waiting": """
        assert await asyncio.wait_for(asyncio.sleep(0, "x"), None) == "x"
        done = asyncio.get_running_loop().create_future()
        done.set_result(5)
        assert await asyncio.wait_for(done, 0) == 5
        try:
            await asyncio.wait_for(asyncio.sleep(3600), 0)
            raise AssertionError("no timeout")
        except TimeoutError:
            pass
    """,
    "timeout_at and a timeout that is moved": """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(loop.time() + 0.01):
                await worker.sleep(3600)
            raise AssertionError("no timeout")
        except TimeoutError:
            pass
        async with asyncio.timeout(0.02) as limit:
            limit.reschedule(loop.time() + 3600)
            await asyncio.sleep(0.03)
        assert not limit.expired()
        async with asyncio.timeout(None):
            await worker.sleep(0)
    """,
    "groups of groups of tasks": """
        async def fail(error):
            await asyncio.sleep(0)
            raise error
        order = []
        try:
            async with asyncio.TaskGroup() as outer:
                outer.create_task(asyncio.sleep(3600)).add_done_callback(lambda task: order.append(task.cancelled()))
                async with asyncio.TaskGroup() as inner:
                    inner.create_task(fail(KeyError("a")))
                    inner.create_task(fail(ValueError("b")))
        except* (KeyError, ValueError) as group:
            (nested,) = group.exceptions
            assert {type(e) for e in nested.exceptions} == {KeyError, ValueError}
        assert order == [True]
        while asyncio.current_task().cancelling():  # which Python 3.11 leaves at 1, in any task
            asyncio.current_task().uncancel()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(asyncio.sleep(0, "named"), name="n")
        assert (task.get_name(), task.result()) == ("n", "named")
    """,
    "lock and event": """
        lock, event, order = asyncio.Lock(), asyncio.Event(), []
        async def enter(n):
            async with lock:
                order.append(n)
                await asyncio.sleep(0)
        async with lock:
            waiting = [asyncio.create_task(enter(n)) for n in range(5)]
            await asyncio.sleep(0)
            waiting[1].cancel()
            assert lock.locked() and order == []
        await asyncio.wait(waiting)
        assert order == [0, 2, 3, 4] and not lock.locked()
        waiters = [asyncio.create_task(event.wait()) for _ in range(3)]
        await asyncio.sleep(0)
        event.set()
        assert await asyncio.gather(*waiters) == [True] * 3
        event.clear()
        assert not event.is_set()
    """,
    "semaphores": """
        semaphore, most, inside = asyncio.Semaphore(3), 0, 0
        async def enter():
            nonlocal most, inside
            async with semaphore:
                inside += 1
                most = max(most, inside)
                await worker.sleep(0.0001)
                inside -= 1
        await asyncio.gather(*(enter() for _ in range(20)))
        assert (most, inside) == (3, 0)
        bounded = asyncio.BoundedSemaphore(1)
        await bounded.acquire()
        bounded.release()
        try:
            bounded.release()
            raise AssertionError("released twice")
        except ValueError:
            pass
    """,
    "condition": """
        condition, level = asyncio.Condition(), 0
        async def raise_it():
            nonlocal level
            while level < 3:
                async with condition:
                    level += 1
                    condition.notify_all()
                await asyncio.sleep(0)
        task = asyncio.create_task(raise_it())
        async with condition:
            await condition.wait_for(lambda: level == 3)
        await task
    """,
    "barrier": """
        barrier, places = asyncio.Barrier(3), []
        async def meet():
            async with barrier as place:
                places.append(place)
        await asyncio.gather(meet(), meet(), meet())
        assert sorted(places) == [0, 1, 2]
        alone = asyncio.create_task(barrier.wait())
        await asyncio.sleep(0)
        await barrier.abort()
        try:
            await alone
            raise AssertionError("not broken")
        except asyncio.BrokenBarrierError:
            assert barrier.broken
    """,
    "queues of every kind": """
        for kind, order in ((asyncio.Queue, [3, 1, 2]), (asyncio.LifoQueue, [2, 1, 3]), (asyncio.PriorityQueue, [1, 2, 3])):
            queue = kind()
            for n in (3, 1, 2):
                queue.put_nowait(n)
            assert [queue.get_nowait() for _ in range(3)] == order, kind
            joined = asyncio.create_task(queue.join())
            await asyncio.sleep(0)
            assert not joined.done()
            for _ in range(3):
                queue.task_done()
            await joined
        full = asyncio.Queue(1)
        full.put_nowait(0)
        blocked = asyncio.create_task(full.put(1))
        await asyncio.sleep(0)
        assert not blocked.done() and await full.get() == 0
        await blocked
        assert await full.get() == 1 and full.empty()
    """,
    "futures that threads and callbacks set": """
        loop = asyncio.get_running_loop()
        for set_it in (lambda f: loop.call_soon(f.set_result, 7), lambda f: loop.call_later(0.001, f.set_result, 7),
                       lambda f: threading.Thread(target=loop.call_soon_threadsafe, args=(f.set_result, 7)).start(),
                       lambda f: f.set_result(7)):
            future = loop.create_future()
            set_it(future)
            assert await future == 7
        future = loop.create_future()
        threading.Thread(target=loop.call_soon_threadsafe, args=(future.set_exception, OSError("x"))).start()
        try:
            await future
            raise AssertionError("no error")
        except OSError as e:
            assert e.args == ("x",)
        import concurrent.futures
        other = concurrent.futures.Future()
        threading.Timer(0.005, other.set_result, (9,)).start()
        assert await asyncio.wrap_future(other) == 9
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            assert await asyncio.gather(*(loop.run_in_executor(pool, abs, -n) for n in range(5))) == list(range(5))
    """,
    "loops that run already": """
        loop = asyncio.get_running_loop()
        def of_runner():
            with asyncio.Runner() as runner:
                runner.run(pause)
        for run in (of_runner, lambda: asyncio.run(pause), lambda: loop.run_until_complete(pause), loop.run_forever):
            pause = asyncio.sleep(0)
            try:
                run()
                raise AssertionError("it ran")
            except RuntimeError as e:
                assert "running" in str(e), e
            pause.close()
        assert asyncio.get_running_loop() is loop
        assert await asyncio.to_thread(lambda: asyncio.run(asyncio.sleep(0.001, "another loop"))) == "another loop"
    """,
    "async generators that nobody ends": """
        closed = []
        async def numbers(name):
            try:
                yield 1
                yield 2
            finally:
                await asyncio.sleep(0)
                closed.append(name)
        async for _ in numbers("dropped"):
            break
        gc.collect()
        for _ in range(100):
            if closed:
                break
            await asyncio.sleep(0)
        assert closed == ["dropped"]
        from contextlib import aclosing
        async with aclosing(numbers("closing")) as generator:
            assert await anext(generator) == 1
        thrown = numbers("thrown")
        await anext(thrown)
        try:
            await thrown.athrow(KeyError)
            raise AssertionError("no error")
        except KeyError:
            pass
        assert closed == ["dropped", "closing", "thrown"]
        assert [n async for n in numbers("all") if n > 1] == [2]
    """,
    "exit stacks and generators as context managers": """
        from contextlib import AsyncExitStack, asynccontextmanager
        order = []
        @asynccontextmanager
        async def inside(name):
            await asyncio.sleep(0)
            order.append(name)
            try:
                yield name
            finally:
                await worker.sleep(0.0001)
                order.append("not " + name)
        try:
            async with AsyncExitStack() as stack:
                assert await stack.enter_async_context(inside("a")) == "a"
                await stack.enter_async_context(inside("b"))
                stack.push_async_callback(asyncio.sleep, 0)
                raise KeyError
        except KeyError:
            assert order == ["a", "b", "not b", "not a"]
    """,
    "cancellation reaches the innermost await": """
        order = []
        async def innermost():
            try:
                await worker.sleep(3600)
            except asyncio.CancelledError as e:
                order.append(e.args)
                raise
            finally:
                await asyncio.sleep(0.001)
                order.append("cleaned up")
        async def middle():
            try:
                await innermost()
            finally:
                order.append("middle")
        task = asyncio.create_task(middle())
        await asyncio.sleep(0.001)
        assert task.cancel("enough") and task.cancelling() == 1
        try:
            await task
            raise AssertionError("not cancelled")
        except asyncio.CancelledError:
            pass
        assert task.cancelled() and not task.cancel() and order[1:] == ["cleaned up", "middle"]
        async def survives():
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                return asyncio.current_task().uncancel()
        task = asyncio.create_task(survives())
        await asyncio.sleep(0)
        task.cancel()
        assert await task == 0 and not task.cancelled()
    """,
    "tasks of this loop": """
        mine = asyncio.create_task(asyncio.sleep(0.001), name="mine")
        assert mine in asyncio.all_tasks() and asyncio.current_task() not in asyncio.all_tasks()
        assert mine.get_name() == "mine" and mine.get_loop() is asyncio.get_running_loop()
        assert asyncio.isfuture(mine) and not asyncio.isfuture(asyncio.current_task().get_coro())
        seen = []
        mine.add_done_callback(seen.append)
        await mine
        await asyncio.sleep(0)
        assert seen == [mine] and mine not in asyncio.all_tasks()
        assert asyncio.iscoroutinefunction(asyncio.sleep)
        var = contextvars.ContextVar("x", default=0)
        context = contextvars.copy_context()
        context.run(var.set, 5)
        async def look():
            return var.get()
        assert await asyncio.create_task(look(), context=context, name="c") == 5 and var.get() == 0
        if hasattr(asyncio, "eager_task_factory"):
            ran = []
            async def eager():
                ran.append(asyncio.current_task())
                await asyncio.sleep(0)
            task = asyncio.eager_task_factory(asyncio.get_running_loop(), eager())
            assert ran == [task]
            await task
    """,
    "handles of call_soon": """
        loop, order = asyncio.get_running_loop(), []
        handle = loop.call_soon(order.append, 1)
        assert isinstance(handle, asyncio.Handle) and not handle.cancelled() and "append" in repr(handle)
        assert weakref.ref(handle)() is handle
        never = loop.call_soon(order.append, 2)
        never.cancel()
        assert never.cancelled() and "cancelled" in repr(never)
        loop.call_soon(lambda a, b: order.append(a + b), 1, 2)
        loop.call_later(0, order.append, 4)
        for wrong in (lambda: loop.call_soon(), lambda: loop.call_soon(order.append, 5, other=1)):
            try:
                wrong()
                raise AssertionError("called")
            except TypeError:
                pass
        await asyncio.sleep(0.001)
        assert order == [1, 3, 4], order
    """,
    "handles that cancel themselves, that nobody holds, and in debug mode": """
        loop, called = asyncio.get_running_loop(), []
        handles = [loop.call_soon(lambda: (handles[0].cancel(), called.append(1)))]
        callback = lambda: called.append(2)
        callback.handle = loop.call_soon(callback)
        gone = [weakref.ref(callback), weakref.ref(callback.handle)]
        del callback
        await asyncio.sleep(0.001)
        assert called == [1, 2] and handles[0].cancelled(), called
        gc.collect()
        assert [ref() for ref in gone] == [None, None]
        async with shared.setdefault("one at a time", asyncio.Lock()):
            loop.set_debug(True)
            traced = loop.call_soon(called.append, 3)
            loop.set_debug(False)
            untraced = loop.call_soon(called.append, 4)
        assert traced._source_traceback and not untraced._source_traceback
        await asyncio.sleep(0.001)
        assert called == [1, 2, 3, 4], called
    """,
    "contexts of callbacks": """
        loop, var, seen = asyncio.get_running_loop(), contextvars.ContextVar("x", default="unset"), []
        var.set("of the VU")
        loop.call_soon(lambda: seen.append(var.get()))
        loop.call_soon(lambda: seen.append(var.get()), context=contextvars.Context())
        loop.call_later(0.001, lambda: seen.append(var.get()))
        await asyncio.sleep(0.01)
        assert seen == ["of the VU", "unset", "of the VU"], seen
        assert await asyncio.to_thread(var.get) == "of the VU"
    """,
    "sockets, readers and writers": """
        loop = asyncio.get_running_loop()
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setblocking(False)
        client = socket.socket()
        client.setblocking(False)
        (server, _), _ = await asyncio.gather(loop.sock_accept(listener), loop.sock_connect(client, listener.getsockname()))
        await loop.sock_sendall(client, b"hello")
        assert await loop.sock_recv(server, 100) == b"hello"
        writable = loop.create_future()
        loop.add_writer(client.fileno(), lambda: writable.done() or writable.set_result(True))
        assert await writable and loop.remove_writer(client.fileno())
        large = asyncio.create_task(loop.sock_sendall(client, bytes(4_000_000)))
        got = 0
        while got < 4_000_000:
            got += len(await loop.sock_recv(server, 1 << 20))
        await large
        for sock in (listener, client, server):
            sock.close()
    """,
    "datagrams": """
        loop = asyncio.get_running_loop()
        class Echo(asyncio.DatagramProtocol):
            def connection_made(self, transport):
                self.transport = transport
            def datagram_received(self, data, address):
                self.transport.sendto(data[::-1], address)
        class Client(asyncio.DatagramProtocol):
            def datagram_received(self, data, address):
                answer.set_result(data)
        answer = loop.create_future()
        server, _ = await loop.create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0))
        client, _ = await loop.create_datagram_endpoint(Client, remote_addr=server.get_extra_info("sockname"))
        client.sendto(b"abc")
        assert await asyncio.wait_for(answer, 30) == b"cba"
        client.close(), server.close()
    """,
    "unix sockets and pipes": """
        import tempfile
        path = tempfile.mktemp(prefix="rampa-", dir="/tmp")
        async def serve(reader, writer):
            writer.write((await reader.readline()).upper())
            await writer.drain()
            writer.close()
        server = await asyncio.start_unix_server(serve, path)
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"hello\\n")
        assert await reader.read() == b"HELLO\\n"
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        os.path.exists(path) and os.unlink(path)
        loop = asyncio.get_running_loop()
        read_end, write_end = os.pipe()
        stream = asyncio.StreamReader()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(read_end, "rb"))
        os.write(write_end, b"through a pipe")
        os.close(write_end)
        assert await stream.read() == b"through a pipe"
        transport.close()
    """,
    "names and addresses": """
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)
        assert found[0][4] == ("127.0.0.1", 80)
        assert (await loop.getnameinfo(("127.0.0.1", 80), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)) == ("127.0.0.1", "80")
    """,
    "processes that fail, hang and talk": """
        process = await asyncio.create_subprocess_shell("exit 3")
        assert await process.wait() == 3
        hangs = await asyncio.create_subprocess_exec(sys.executable, "-S", "-c", "input()", stdin=-1)
        try:
            await asyncio.wait_for(hangs.wait(), 0.02)
            raise AssertionError("no timeout")
        except TimeoutError:
            hangs.kill()
        assert await hangs.wait() == -9
        outputs = await asyncio.gather(*[
            (await asyncio.create_subprocess_exec("/bin/echo", str(n), stdout=-1)).communicate() for n in range(3)])
        assert [out for out, _ in outputs] == [b"0\\n", b"1\\n", b"2\\n"]
    """,
    "the loop's exception handler": """
        loop, told = asyncio.get_running_loop(), []
        async with shared.setdefault("one at a time", asyncio.Lock()):
            loop.set_exception_handler(lambda loop, context: told.append(context))
            handle = loop.call_soon(lambda: 1 / 0)
            loop.call_soon(contextvars.Context().run, wrong := object())
            loop.call_soon(print, context=wrong)
            await asyncio.sleep(0.001)
            loop.set_exception_handler(None)
        assert [type(context["exception"]) for context in told] == [ZeroDivisionError, TypeError, TypeError]
        assert told[0]["handle"] is handle and "lambda" in told[0]["message"] and told[0]["exception"].__traceback__
    """,
    "the loop's debug mode": """
        loop = asyncio.get_running_loop()
        async def child():
            await asyncio.sleep(0.001)
            return (await worker.http.get(url + "/json")).status
        async with shared.setdefault("one at a time", asyncio.Lock()):
            loop.slow_callback_duration = 3600
            loop.set_debug(True)
            assert await asyncio.gather(child(), asyncio.create_task(child())) == [200, 200]
            await asyncio.wait_for(asyncio.sleep(0.001), 10)
            assert loop.get_debug()
            loop.set_debug(False)
    """,
}
