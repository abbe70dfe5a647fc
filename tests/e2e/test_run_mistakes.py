# SPDX-License-Identifier: MIT
"""What people get wrong with async functions, and what the summary says about it."""
from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from finished import Finished
from started import warnings_of

Rampa = Callable[..., Finished]
Script = Callable[..., Path]

HEAD = """
import asyncio
import os
import threading
import rampa

url = os.environ["TARGET"]


async def foo(*_):
    await asyncio.sleep(0)
    return False


def pair(worker):
    return worker.http.get(url + "/json"), worker.sleep(1)


@rampa.scenario(executor="per-vu-iterations", vus=2, iterations=3)
"""
FIRST = HEAD.count("\n") + 2  # the line of a body's first line


def write(script: Script, body: str, def_: str = "async def a(worker):") -> None:
    lines = "\n".join("    " + line for line in body.splitlines())
    script(f"{HEAD}{def_}\n{lines}\n")


def warnings(done: Finished) -> dict[str, int]:
    return warnings_of(done.result())


# ---- no await --------------------------------------------------------------------------------------------------------


NOT_AWAITED = {
    "a coroutine": ("foo()", "coroutine 'foo' was never awaited, so it did not run: script.py:{line} in a"),
    "one that is kept a while": (
        "kept = foo()\nawait asyncio.sleep(0)\nkept = None",
        "coroutine 'foo' was never awaited, so it did not run: script.py:{third} in a",
    ),
    "asyncio.sleep": ("asyncio.sleep(1)", "coroutine 'sleep' was never awaited, so it did not run: script.py:{line} in a"),
    "worker.sleep": (
        "worker.sleep(1)",
        "the script does not await worker.sleep(), so it does not sleep: script.py:{line} in a",
    ),
    "a request": (
        'worker.http.get(url + "/json")',
        "the script does not await a request, so it is not sent: GET {target}/json: script.py:{line} in a",
    ),
}


KEPT = {
    "a request": ('kept = worker.http.get(url + "/json")', "the script does not await a request, so it is not sent: GET {target}/json"),
    "worker.sleep": ("kept = worker.sleep(1)", "the script does not await worker.sleep(), so it does not sleep"),
    "a coroutine": ("kept = foo()", "coroutine 'foo' was never awaited, so it did not run"),
}


@pytest.mark.parametrize("def_", ["async def a(worker):", "def a(worker):"])
@pytest.mark.parametrize("name", KEPT)
def test_what_a_variable_keeps_to_the_end_is_named(rampa: Rampa, script: Script, target: str, name: str, def_: str) -> None:
    """The line of the await that is not there is gone by then: the place is the function."""
    body, text = KEPT[name]
    write(script, body, def_)
    done = rampa("run", "script.py", out=True, code=0, env={"TARGET": target})
    expected = f"{text.format(target=target)}: script.py:{FIRST - 2} in a"
    assert warnings(done)[expected] == 1


def test_what_a_hook_and_a_task_keep_to_the_end_is_named(
    rampa: Rampa, script: Script, target: str, tmp_path: Path
) -> None:
    write(script, "async def late():\n    kept = worker.sleep(1)\nawait asyncio.create_task(late())")
    with (tmp_path / "script.py").open("a") as file:
        file.write("async def setup(worker):\n    kept = worker.sleep(1)\n")
    done = rampa("run", "script.py", out=True, code=0, env={"TARGET": target})
    text = "the script does not await worker.sleep(), so it does not sleep: script.py:"
    assert {name for name in warnings(done) if name.startswith(text)} == {f"{text}{FIRST} in late", f"{text}{FIRST + 3} in setup"}


@pytest.mark.parametrize("name", NOT_AWAITED)
def test_what_is_not_awaited_is_named(rampa: Rampa, script: Script, target: str, name: str) -> None:
    """Once, however often it happens."""
    body, text = NOT_AWAITED[name]
    write(script, body)
    done = rampa("run", "script.py", out=True, code=0, env={"TARGET": target})
    assert warnings(done) == {text.format(line=FIRST, third=FIRST + 2, target=target): 1}
    assert done.stderr == ""
    assert done.count("http_reqs") == 0


def test_every_place_is_named(rampa: Rampa, script: Script, target: str) -> None:
    write(script, "foo()\npair(worker)\nfoo()")
    done = rampa("run", "script.py", out=True, code=0, env={"TARGET": target})
    assert sorted(re.findall(r"\d+ in \w+$", text)[0] for text in warnings(done)) == [
        f"{FIRST} in a", f"{FIRST + 1} in a", f"{FIRST + 2} in a",
    ]


def test_a_coroutine_that_a_thread_drops(rampa: Rampa, script: Script, target: str) -> None:
    write(script, "await asyncio.to_thread(lambda: (foo(), None)[1])")
    done = rampa("run", "script.py", out=True, code=0, env={"TARGET": target})
    (text,) = warnings(done)
    assert text.startswith("coroutine 'foo' was never awaited, so it did not run: ") and text.endswith(f"script.py:{FIRST}")


def test_what_is_cut_short_is_no_mistake(rampa: Rampa, script: Script, target: str) -> None:
    """An iteration that is interrupted, or raises, might have come to it."""
    text = (
        HEAD.split("@rampa")[0]
        + '@rampa.scenario(executor="constant-vus", vus=2, duration="50ms", graceful_stop="50ms")\n'
        "async def a(worker):\n    request, pause = pair(worker)\n    kept = foo()\n    {}\n"
    )
    script(text.format("await asyncio.sleep(3600)"))
    done = rampa("run", "script.py", out=True, code=0, env={"TARGET": target})
    assert warnings(done) == {} and done.stderr == ""
    script(text.format("await asyncio.sleep(0.001)\n    raise ValueError"))
    done = rampa("run", "script.py", out=True, code=2, env={"TARGET": target})
    assert warnings(done) == {} and done.stderr == ""


def test_other_warnings_go_their_way(rampa: Rampa, script: Script, target: str) -> None:
    write(script, "import warnings\nwarnings.warn('mine', RuntimeWarning)")
    done = rampa("run", "script.py", out=True, code=0, env={"TARGET": target})
    assert warnings(done) == {}
    assert "RuntimeWarning: mine" in done.stderr


# ---- async where a plain function is needed ----------------------------------------------------------------------------


PREDICATES = {
    "an async function": ("foo", "coroutine"),
    "a lambda that gives a coroutine": ("lambda value: foo()", "coroutine"),
    "a lambda that gives a request": ("lambda value: worker.http.get(url)", "Request"),
    "a coroutine": ("foo()", "coroutine"),
    "a future": ("asyncio.get_running_loop().create_future()", "Future"),
}


@pytest.mark.parametrize("name", PREDICATES)
def test_an_async_predicate_is_a_failed_check(rampa: Rampa, script: Script, target: str, name: str) -> None:
    predicate, kind = PREDICATES[name]
    write(script, f'assert worker.check(1, {{"looks": {predicate}, "is": True}}) is False')
    done = rampa("run", "script.py", out=True, code=0, env={"TARGET": target})
    told = warnings(done)
    assert told.pop(
        f"check 'looks' gives a {kind}, which check() does not await (it counts as failed): await first, then check what "
        "came of it"
    )
    assert all("a request, so it is not sent" in text for text in told)
    assert done.stderr == ""
    assert done.metrics()["checks"]["rate"] == 0.5


# ---- plain functions as scenarios --------------------------------------------------------------------------------------


PLAIN = {
    "nothing": ("pass", "def a(worker):", 0),
    "a value": ("return 42", "def a(worker):", 0),
    "a coroutine": ("return answer(worker)", "def a(worker):", 6),
    "a request": ('return worker.http.get(url + "/json")', "def a(worker):", 6),
    "a future": ('return asyncio.gather(answer(worker), worker.http.get(url + "/json"))', "def a(worker):", 12),
    "a task": ("return asyncio.ensure_future(answer(worker))", "def a(worker):", 6),
}


@pytest.mark.parametrize("name", PLAIN)
def test_what_a_plain_function_gives_is_awaited(rampa: Rampa, script: Script, target: str, name: str) -> None:
    body, def_, requests = PLAIN[name]
    script(
        f"{HEAD}{def_}\n    {body}\n\nasync def answer(worker):\n    return await worker.http.get(url + '/json')\n"
    )
    done = rampa("run", "script.py", out=True, code=0, env={"TARGET": target})
    assert (done.count("iterations"), done.count("http_reqs"), warnings(done), done.stderr) == (6, requests, {}, "")


@pytest.mark.parametrize("code", ["(n for n in ())", "agen()"])
def test_a_plain_function_that_gives_a_generator(rampa: Rampa, script: Script, target: str, code: str) -> None:
    write(script, f"async def agen(): yield 1\nreturn {code}", "def a(worker):")
    done = rampa("run", "script.py", out=True, code=2, env={"TARGET": target})
    (group,) = done.result()["errors"]["iterations"]
    assert (group["type"], group["count"]) == ("TypeError", 6)
    assert "generator" in group["message"]


def test_a_failure_that_no_code_of_the_script_sees(rampa: Rampa, script: Script, target: str) -> None:
    write(script, 'return worker.http.get(url + "/reset", raise_errors=True)', "def a(worker):")
    done = rampa("run", "script.py", out=True, env={"TARGET": target})
    (group,) = done.result()["errors"]["iterations"]
    assert (group["place"], group["count"]) == ("script.py", 6)


# ---- recursion without end ---------------------------------------------------------------------------------------------


RECURSION = """
def down(n): return up(n + 1)
def up(n): return down(n + 1)
async def adown(n): return await aup(n + 1)
async def aup(n): return await adown(n + 1)
class Deep(Exception):
    def __str__(self): return down(0)
    __repr__ = __str__
"""
RECURSIVE = {"down(0)": "RecursionError", "await adown(0)": "RecursionError", "await asyncio.gather(adown(0))": "RecursionError",
             "raise Deep": "Deep"}


@pytest.mark.parametrize("code", RECURSIVE)
def test_recursion_without_end(rampa: Rampa, script: Script, target: str, code: str) -> None:
    script(f"{HEAD}async def a(worker):\n    {code}\n{RECURSION}")
    done = rampa("run", "script.py", out=True, code=2, env={"TARGET": target})
    (group,) = done.result()["errors"]["iterations"]
    assert (group["type"], group["count"]) == (RECURSIVE[code], 6)
    if code != "raise Deep":
        assert group["message"].startswith("maximum recursion depth exceeded")
        lines = group["traceback"].splitlines()
        assert len(lines) < 150
        assert any(re.fullmatch(r"  \(\d{3,} frames left out\)", line) for line in lines)
        assert lines[-1] == "(first in iteration 0 of scenario 'a', VU 1)"
        assert "_worker.py" not in group["traceback"]


def test_recursion_in_a_predicate(rampa: Rampa, script: Script, target: str) -> None:
    script(f'{HEAD}async def a(worker):\n    worker.check(1, {{"deep": down}})\n{RECURSION}')
    done = rampa("run", "script.py", out=True, code=0, env={"TARGET": target})
    assert done.metrics()["checks"]["rate"] == 0
    assert any(text.startswith("check 'deep' raised RecursionError: maximum") for text in warnings(done))


ODD = 'raise ValueError("odd \\udcff \\x00 end")'


@pytest.mark.parametrize("where, code", [("module", 3), ("setup", 5), ("iteration", 2), ("check", 0)])
def test_an_exception_whose_text_is_no_utf8(rampa: Rampa, script: Script, where: str, code: int) -> None:
    """str() may give half of a surrogate pair, as for a file name of other bytes, or a NUL: it is told all the same."""
    body = {
        "module": f"{ODD}\n" + one("    pass"),
        "setup": f"async def setup(worker):\n    {ODD}\n\n" + one("    pass"),
        "iteration": one(f"    {ODD}"),
        "check": f"def odd(value):\n    {ODD}\n\n" + one('    worker.check(1, {"it": odd})'),
    }
    script("import rampa\n\n" + body[where])
    done = rampa("run", "script.py", code=code)
    assert "ValueError: odd \\udcff \\x00 end" in done.stdout + done.stderr


def one(body: str) -> str:
    return f'@rampa.scenario(executor="per-vu-iterations", vus=1, iterations=1)\nasync def a(worker):\n{body}\n'


# ---- values of another kind ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code, message",
    [
        ('worker.sleep("1s")', "sleep: seconds as a number, not '1s'"),
        ("worker.sleep(None)", "sleep: seconds as a number, not None"),
        ('worker.trend("xx", "1")', "trend: the value as a number, not '1'"),
        ('worker.counter("xx", value=[])', "counter: the value as a number, not []"),
        ('worker.gauge("xx", {})', "gauge: the value as a number, not {}"),
    ],
)
def test_what_is_no_number(rampa: Rampa, script: Script, code: str, message: str) -> None:
    write(script, code)
    (group,) = rampa("run", "script.py", out=True, code=2, env={"TARGET": "http://127.0.0.1"}).result()["errors"]["iterations"]
    assert (group["type"], group["message"], group["place"]) == ("TypeError", message, f"script.py:{FIRST} in a")


def test_a_name_that_the_package_does_not_have(rampa: Rampa, script: Script) -> None:
    script("import rampa\n@rampa.scenarios(vus=1)\nasync def a(worker): ...\n")
    done = rampa("check", "script.py", code=1)
    assert "script.py:2: AttributeError: module 'rampa' has no attribute 'scenarios' (did you mean 'scenario'?)" in done.stderr
