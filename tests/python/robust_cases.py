# SPDX-License-Identifier: MIT
"""What a script can do wrong, and must not crash, hang or spoil the run. Each is the body of one iteration."""
from __future__ import annotations

CASES = {
    "awaiting-nonsense": """
        class Bad:
            def __await__(self):
                yield 5
        for _ in range(100_000):
            with raises(RuntimeError, "neither rampa nor asyncio knows"):
                await Bad()
        """,
    "types": """
        rampa_module = sys.modules["_rampa"]
        for name in dir(rampa_module):
            kind = getattr(rampa_module, name)
            if not isinstance(kind, type):
                continue
            with raises(TypeError):
                type("Sub", (kind,), {})
            with raises(TypeError):
                kind.new_attribute = 1
            if name != "Host":
                for arguments in ((), (worker,), (1, 2, 3)):
                    with raises(TypeError):
                        kind(*arguments)
                with raises(TypeError):
                    object.__new__(kind)
        for thing in await of_every_type(worker):
            for use in (pickle.dumps, copy.copy, copy.deepcopy, lambda x: hash(x) and [], len, iter, lambda x: x < 1):
                with contextlib.suppress(TypeError):
                    use(thing)
            if thing is not worker:  # where a script may keep things
                with raises((TypeError, AttributeError)):
                    thing.new_attribute = 1
            with raises(TypeError):
                thing.__class__ = Plain
            if thing is worker:
                thing.new_attribute = thing.check  # which makes no way to put something over a method
            with contextlib.suppress(TypeError):
                weakref.ref(thing)
            for name in dir(thing):
                if not name.startswith("_"):
                    with raises((AttributeError, TypeError)):
                        delattr(thing, name)
                    with raises((AttributeError, TypeError)):
                        setattr(thing, name, None)
            repr(thing), str(thing), dir(thing), bool(thing), thing == thing, thing != 1, sys.getsizeof(thing)
        """,
    "awaited-twice": """
        sleep, request = worker.sleep(0), worker.http.get(url + "/json")
        assert await sleep is None and await sleep is None
        assert (await request) is (await request)
        failed = worker.http.get(refused)
        for _ in range(3):
            with raises(errors.RequestError):
                await failed
        cancelled = worker.sleep(1000)
        cancelled.cancel()
        for _ in range(2):
            try:
                await cancelled
            except asyncio.CancelledError:
                continue
            raise AssertionError("not cancelled")
        sleep = worker.sleep(0.001)
        await asyncio.gather(sleep, sleep, sleep)
        sleep = worker.sleep(0.001)
        async with asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(wait_for(sleep))
        """,
    "driven-by-hand": """
        for operation in worker.sleep(1000), worker.http.get(url + "/hang"):
            assert operation.send(None) is operation and iter(operation) is operation
            with raises(RuntimeError, "must be awaited, not iterated"):
                next(operation)
            with raises(TypeError, "throw() takes an exception"):
                operation.throw(5)
            with raises(KeyError):
                operation.throw(KeyError("a"))
            assert operation.cancelled()
            with raises(asyncio.CancelledError):
                operation.send(None)
        for iterate in (list, lambda x: [*x], lambda x: (lambda a, b: None)(*x), lambda x: dict.fromkeys(x), lambda x: 5 in x):
            operation = worker.sleep(1000)
            with raises(RuntimeError, "must be awaited, not iterated"):
                iterate(operation)
            operation.cancel()
        operation = worker.sleep(1000)
        operation.close(), operation.close()
        assert operation.cancelled()
        operation = worker.http.get(url + "/hang")
        operation.send(None)
        operation.close()
        assert operation.done()
        """,
    "callbacks-that-look-back": """
        class Nosy:
            def __init__(self, operation): self.operation = operation
            def __eq__(self, other):
                self.operation.cancel()
                self.operation.remove_done_callback(self)
                raise KeyError("compared")
            def __call__(self, operation): pass
        class Liar(Nosy):
            def __eq__(self, other):
                while self.operation.add_done_callback(print) is None and not hasattr(self, "done"):
                    self.done = self.operation.cancel()
                return True
        for kind in Nosy, Liar:
            operation = worker.sleep(1000)
            for _ in range(5):
                operation.add_done_callback(kind(operation))
            with contextlib.suppress(KeyError):
                operation.remove_done_callback(kind(operation))
            operation.cancel()
        """,
    "arguments-that-look-back": """
        tags = {}
        class Text:
            def __str__(self):
                tags.clear()
                gc.collect()
                return "text"
        for name in ("counter", "rate", "trend", "gauge"):
            tags.update({f"key_{i}": Text() for i in range(20)})
            getattr(worker, name)("looking_back_" + name, 1, tags)
        checks = {}
        def predicate(value):
            checks.clear()
            gc.collect()
            return True
        checks.update({f"check {i}": predicate for i in range(20)})
        worker.check(1, checks)
        class Name(str):
            def __del__(self):
                with contextlib.suppress(RuntimeError):  # the last goes when the run is over
                    worker.vu["again"] = again = worker.vu.get("again", 0) + 1
                    if again % 10:
                        worker.counter(Name(self))
        class Url(str):
            def __del__(self):
                with contextlib.suppress(RuntimeError):  # the last goes when the run is over
                    worker.vu["again"] = again = worker.vu.get("again", 0) + 1
                    if again % 10:
                        worker.http.get(Url(self)).cancel()
            def __eq__(self, other):
                gc.collect(0)
                return str.__eq__(self, other)
            __hash__ = str.__hash__
        for i in range(2000):
            worker.counter(Name("a_b" + "c" * (i % 20)))
            worker.http.get(Url(url + "/json?" + str(i % 10))).cancel()
        """,
    "threads": """
        def use():
            for i in range(100):
                worker.counter("from_a_thread"), worker.trend("in_a_thread", i), worker.check(i, {"a": lambda v: v < 1000})
                worker.tags, worker.env, worker.vu, worker.execution, worker.setup_data, repr(worker)
                with worker.group("thread"):
                    worker.rate("also_there", True)
                worker.http.get(url), worker.sleep(1)  # never awaited
            with raises(RuntimeError, "abort() must be called in the thread"):
                worker.abort("no")
            with raises(RuntimeError, "cancelled in the thread of the event loop"):
                shared.cancel()
            with raises(RuntimeError, "cancelled in the thread of the event loop"):
                task.cancel()
            async def wait():
                for make in (lambda: worker.http.get(url), lambda: worker.sleep(0)):
                    with raises(RuntimeError, "awaited in the thread of the event loop"):
                        await make()
                    with raises(RuntimeError, "awaited in the thread of the event loop"):
                        await asyncio.gather(make())
                assert not hasattr(asyncio.current_task(), "_worker")
                await asyncio.sleep(0.001)
            asyncio.run(wait())
        shared, task = worker.sleep(1000), asyncio.current_task()
        shared.add_done_callback(lambda _: None)
        await asyncio.gather(*(asyncio.to_thread(use) for _ in range(3)), worker.sleep(0.01))
        assert shared.cancel()
        """,
    "its-own-loop-from-inside": """
        await worker.sleep(0)  # resumed by the reactor
        loop = asyncio.get_running_loop()
        with raises(RuntimeError, "already running"):
            loop.run_until_complete(asyncio.sleep(0))
        with raises(RuntimeError, "already running"):
            loop._run_once()
        await asyncio.sleep(0)
        with raises(RuntimeError, "running event loop"):
            asyncio.run(asyncio.sleep(0))
        """,
    "hosts-of-its-own": """
        host = sys.modules["_rampa"].Host
        for arguments in ((), (1,), (1, 2), (None, {}, 3)):
            with raises(TypeError):
                host(*arguments)
        for seed in range(5):
            fuzz(random.Random(seed), [host(object(), {})], 200)
        """,
    "finalizers": """
        class Late:
            def __init__(self): self.me = self
            def __del__(self):
                worker.counter("late"), worker.http.get(url).cancel(), worker.sleep(1).cancel()
                Late() if worker.vu.setdefault("n", 0) < 100 else None
                worker.vu["n"] += 1
        for _ in range(20):
            Late()
        while gc.collect():
            pass
        """,
    "texts-that-are-none": r"""
        for text in ("\ud800", "a\0b", "\udcff" * 1000):
            worker.check(1, {"check of " + str(len(text)): lambda v: 1 / 0 if len(text) == 5 else raise_(ValueError(text))})
            for use in (lambda: worker.counter(text), lambda: worker.check(1, {text: True}), lambda: worker.trend("t_t", 1, {text: "a"}),
                        lambda: worker.trend("t_t", 1, {"a": text}), lambda: worker.http.get(text), lambda: worker.http.get(url + text),
                        lambda: worker.http.get(url, headers={"a": text}), lambda: worker.http.get(url, headers={text: "a"}),
                        lambda: worker.http.get(url, tags={"a": text}), lambda: worker.http.get(url, name=text),
                        lambda: worker.http.request(text, url), lambda: worker.group(text).__enter__()):
                with contextlib.suppress(ValueError, TypeError):
                    use()
        """,
    "recursion": """
        def deeper():
            worker.check(1, {"a check that recurses": lambda v: deeper()})
        deeper()
        async def chain(n):
            await worker.sleep(0)
            if n:
                await chain(n - 1)
        await chain(300)
        with raises(RecursionError):
            await chain(100_000)
        """,
    "modules": """
        import importlib
        first = sys.modules.pop("_rampa")
        try:
            second = importlib.import_module("_rampa")
            assert second is not first and second.Worker is not first.Worker
            assert second.parse_threshold("p(95)<5") == first.parse_threshold("p(95)<5")
            del second
        finally:
            sys.modules["_rampa"] = first
        gc.collect()
        worker.check(await worker.http.get(url + "/json"), {"still works": lambda r: r.status == 200})
        """,
    "a-long-chain-of-exceptions": """
        def chain():
            error = None
            for i in range(5000):
                new = ValueError(i)
                new.__context__ = error
                error = new
            return error
        worker.check(1, {"chained": lambda v: raise_(chain())})
        """,
}
"""The case passes when its body returns."""

FAILING = {
    "SystemExit": ("sys.exit(3)", "SystemExit"),
    "KeyboardInterrupt": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "no-text": (r"raise ValueError('\ud800')", "ValueError"),
    "a-zero": (r"raise ValueError('a\0b')", "ValueError"),
    "text-that-raises": ("class E(Exception):\n    def __str__(self): raise self\nraise E", "E"),
    "a-class-of-its-own": ("class Own(Exception): pass\nraise Own", "Own"),
    "a-long-chain": ("error = None\nfor i in range(5000):\n    new = KeyError(i)\n    new.__context__ = error\n    error = new\nraise error", "KeyError"),
    "endless-recursion": ("def f(): f()\nf()", "RecursionError"),
    "no-memory": ("raise MemoryError", "MemoryError"),
    "generator-exit": ("raise GeneratorExit", "GeneratorExit"),
    "stop": ("raise StopAsyncIteration", "StopAsyncIteration"),
    "a-group": ("raise BaseExceptionGroup('group', [KeyboardInterrupt(), ValueError('x')])", "BaseExceptionGroup"),
    "in-a-task": ("await asyncio.create_task(wait_for(5))", "TypeError"),
}
"""The exception that ends the iteration, and its type as the result has it."""

NO_MEMORY = {
    "request": """
        response = await worker.http.get(url + "/json", headers={"X-Count": str(n)}, tags={"part": "a"}, name="named")
        worker.check(response, {"has JSON": lambda r: isinstance(r.json(), dict) and r.headers and r.timings and r.text()})
        """,
    "post": """
        await worker.http.post(url + "/status/200", json={"count": n}, expected_statuses=(200, (201, 204)))
        """,
    "request that fails": """
        await worker.http.get(url + "/close")
        """,
    "sleep": """
        await worker.sleep(0)
        await worker.sleep(0.0001)
        """,
    "cancelled": """
        operation = worker.sleep(1000)
        operation.add_done_callback(Plain)
        operation.cancel()
        await operation
        """,
    "metrics": """
        worker.counter("count_" + str(n)), worker.gauge("gauge", n), worker.rate("rate", n % 2, {"half": "yes"})
        worker.trend("trend", n, tags={"part": n % 20})
        worker.execution, worker.env, worker.tags, worker.vu, repr(worker)
        """,
    "groups of tasks": """
        async def one(name):
            with worker.group(name):
                await asyncio.sleep(0)
                worker.check(n, {"in a group": True})
        await asyncio.gather(one("a"), one("b"))
    """,
    "a group that is never left": """
        await asyncio.gather(asyncio.sleep(0))
        worker.group("left").__enter__()
        await asyncio.gather(asyncio.sleep(0))
    """,
    "group": """
        with worker.group("outer"):
            await worker.sleep(0)
            with worker.group("inner" + str(n)):
                worker.counter("inside", 1)
        """,
    "exception": """
        raise ValueError(f"number {n}")
        """,
    "generators": """
        async def numbers():
            try:
                while True:
                    yield await worker.sleep(0)
            finally:
                await worker.sleep(0)
        async for _ in numbers():
            break
        """,
    "nonsense": """
        class Bad:
            def __await__(self):
                yield 5
        await Bad()
        """,
}
"""Bodies of iterations that must survive whichever allocation fails: ``n`` is its number. None waits for asyncio, which itself
loses what it was about to wake then."""
