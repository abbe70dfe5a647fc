#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What iterations leave behind: a script of each kind is run, and counts memory blocks and objects on its way.

By hand, with more iterations than a suite has time for:

    RAMPA=build/rampa PYTHONPATH=build/python /usr/bin/python3 tests/python/leaks.py 1000000 [CASE...]
"""
from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any

# Each is the body of an iteration; `count` is its number in the run.
CASES = {
    "empty": "pass",
    "request": """
        response = await worker.http.get(url + "/json")
        worker.check(response, {"has JSON": lambda r: isinstance(r.json(), dict) and r.headers and r.timings and r.text()})
        """,
    "refused": """
        with contextlib.suppress(errors.RequestError):
            await worker.http.get(refused)
        await worker.http.get(refused)
        """,
    "exception": """
        await asyncio.sleep(0)
        raise ValueError(f"number {count}")
        """,
    "interrupted": """
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(1000))
            with contextlib.suppress(KeyError):
                await asyncio.gather(worker.sleep(1000), asyncio.get_running_loop().create_future(), asyncio.sleep(1000))
        """,
    "cancelled": """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0):
                await worker.http.get(url + "/delay/9")
        operation = worker.sleep(1000)
        asyncio.get_running_loop().call_soon(operation.cancel)
        try:
            await operation
        except asyncio.CancelledError:
            asyncio.current_task().uncancel()
        task = asyncio.current_task()
        asyncio.get_running_loop().call_soon(task.cancel, "enough")
        await asyncio.Event().wait()
        """,
    "gather": """
        await asyncio.gather(worker.http.get(url + "/json"), worker.sleep(0), asyncio.sleep(0), nothing(), return_exceptions=True)
        """,
    "tasks": """
        async with asyncio.TaskGroup() as group:
            group.create_task(nothing())
            group.create_task(asyncio.sleep(0.0001))
        left = asyncio.create_task(asyncio.sleep(1000))
        worker.vu["left"] = left
        """,
    "options": """
        await worker.http.post(
            url + "/status/200", headers={f"X-Count-{count % 7}": str(count)}, tags={"part": str(count % 20)},
            params={"a": count % 3}, json={"count": count}, name="posted", timeout=30, expected_statuses=(200, (201, 204)),
        )
        """,
    "group": """
        with worker.group("outer"):
            await asyncio.sleep(0)
            with worker.group("inner" + str(count % 5)):
                worker.counter("inside", 1)
        """,
    "metrics": """
        worker.counter("count_" + str(count % 10))
        worker.gauge("gauge", count)
        worker.rate("rate", count % 2, {"half": "yes" if count % 2 else "no"})
        worker.trend("trend", count % 1000, tags={"part": count % 20})
        worker.execution, worker.env, worker.tags, worker.vu, repr(worker)
        """,
    "new tags": """
        worker.counter("seen", 1, {"id": str(count)})
        with worker.group("g" + str(count)):
            worker.check(count, {"c" + str(count): True})
        await worker.http.get(url + "/status/200", tags={"url": str(count)}, name="n" + str(count))
        """,
    "new urls": """
        await worker.http.get(url + "/status/200?" + str(count))
        """,
    "misuse": """
        for wrong in (lambda: worker.http.get(5), lambda: worker.http.get(refused, tags=5), lambda: worker.trend("trend", "x"),
                      lambda: worker.counter("times", 1, {5: 5}), lambda: worker.check(1, 1), lambda: worker.group(1),
                      lambda: worker.sleep(-1), lambda: worker.http.get(refused, timeout="never"), lambda: worker.nothing):
            with contextlib.suppress(TypeError, ValueError, AttributeError):
                wrong()
        worker.http.get(refused), worker.sleep(1)
        done = worker.sleep(0)
        await done, await done, done.result(), done.exception(), done.add_done_callback(id), done.remove_done_callback(id)
        failed = worker.http.get(refused)
        await asyncio.gather(failed, return_exceptions=True)
        failed.exception(), await worker.http.get(refused, raise_errors=False)
        """,
    "contexts": """
        variable.set(count)
        await asyncio.sleep(0.0001)
        await asyncio.to_thread(variable.get)
        """,
    "generators": """
        async def numbers():
            try:
                while True:
                    yield await worker.sleep(0)
            finally:
                await asyncio.sleep(0)
        async for _ in numbers():
            break
        """,
}

_ONCE = 'executor="shared-iterations", vus={vus}, iterations={{iterations}}, max_duration="3h"'
FIELDS = {
    # A VU that is refused waits before it tries again.
    "refused": _ONCE.format(vus=1000),
    "misuse": _ONCE.format(vus=1000),
    # 500 VUs that come and go: each iteration is ended by the engine, about 130 a round. All of them have been there before: what a
    # VU keeps for its next iteration is no leak, and how many VUs a short round reaches is a matter of time.
    "interrupted": 'executor="ramping-vus", start_vus=500, stages=[("1s", 500)] + [("5ms", 0), ("5ms", 500)] * {rounds}, graceful_ramp_down="0s", graceful_stop="0s"',
}

HEAD = """
import asyncio, contextlib, contextvars, gc, json, os, pathlib, sys
import rampa
from rampa import errors

url, refused = os.environ["TARGET"], os.environ["REFUSED"]
variable = contextvars.ContextVar("variable")
seen = 0
ALWAYS_THERE = (None, True, False, asyncio, rampa, errors, sys.modules["_rampa"], asyncio.CancelledError, errors.RequestError)

if "GC_STRESS" in os.environ:
    gc.set_threshold(1, 1, 1)


async def nothing():
    pass


def setup():
    asyncio.get_running_loop().slow_callback_duration = 3600  # of debug mode: it is said of a machine that is busy


def teardown():
    gc.collect()
    types = {}
    for thing in gc.get_objects():
        name = type(thing).__module__ + "." + type(thing).__qualname__
        types[name] = types.get(name, 0) + 1
    left = {
        "blocks": sys.getallocatedblocks(),
        "references": sum(map(sys.getrefcount, ALWAYS_THERE)),
        "rss": int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"),
        "iterations": seen,
        "types": types,
    }
    pathlib.Path("left.json").write_text(json.dumps(left))
"""

FUNCTION = """

@rampa.scenario("{name}", {fields})
async def run_{name}(worker):
    global seen
    seen = count = seen + 1
{body}
"""


def script_of(cases: list[str], iterations: int) -> str:
    text = HEAD
    for case in cases:
        fields = FIELDS.get(case, _ONCE.format(vus=4)).format(iterations=iterations, rounds=max(1, iterations // 130))
        body = textwrap.indent(textwrap.dedent(CASES[case]), "    ")
        text += FUNCTION.format(name=case.replace(" ", "_"), fields=fields, body=body)
    return text


def refused_url() -> tuple[socket.socket, str]:
    """A port that refuses as long as the socket is open: bound, and nobody listens."""
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    return taken, f"http://127.0.0.1:{taken.getsockname()[1]}/"


def left_by(program: Path, target: str, cases: list[str], iterations: int, folder: Path, **env: str) -> dict[str, Any]:
    """Runs so many iterations of each case (about as many, of "interrupted") in one run, whose standard error becomes a file.

    Returns:
        What there is in the worker when all of them are over, by ``teardown()``.
    """
    (folder / "script.py").write_text(script_of(cases, iterations))
    taken, refused = refused_url()
    with taken:
        done = subprocess.run(
            [str(program), "run", "script.py"],
            cwd=folder,
            env={**os.environ, "TARGET": target, "REFUSED": refused, **env},
            capture_output=True,
            text=True,
        )
    (folder / "stderr").write_text(done.stderr)
    if done.returncode != (2 if {"exception", "cancelled"} & set(cases) else 0):
        raise RuntimeError(f"{cases}: exit code {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return json.loads((folder / "left.json").read_text())


def main() -> None:
    iterations, cases = int(sys.argv[1]), sys.argv[2:] or list(CASES)
    program = Path(os.environ.get("RAMPA", "build/rampa")).resolve()
    server = subprocess.Popen([program, "target", "--port", "0"], stdout=subprocess.PIPE, text=True)
    assert server.stdout
    target = server.stdout.readline().split()[-1].rstrip("/")
    print(f"{'case':<12} {'iterations':>10} {'blocks':>7} {'per million':>11} {'references':>10} {'RSS, MiB':>9} {'per million':>11}")
    try:
        for case in cases:
            with tempfile.TemporaryDirectory() as folder:
                few, many = (left_by(program, target, [case], n, Path(folder)) for n in (iterations // 10, iterations))
            millions = (many["iterations"] - few["iterations"]) / 1e6
            more = {what: many[what] - few[what] for what in ("blocks", "references", "rss")}
            print(
                f"{case:<12} {many['iterations']:>10} {many['blocks']:>7} {more['blocks'] / millions:>11.1f} "
                f"{more['references']:>+10} {many['rss'] / 2**20:>9.1f} {more['rss'] / 2**20 / millions:>11.2f}",
                flush=True,
            )
            for name in sorted(few["types"].keys() | many["types"].keys()):
                grown = many["types"].get(name, 0) - few["types"].get(name, 0)
                if grown > 20:
                    print(f"    {name} {grown:+}")
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
