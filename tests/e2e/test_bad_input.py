# SPDX-License-Identifier: MIT
"""Scripts, settings and servers that are wrong: what the user is told, word by word, with which exit code."""
from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from faultserver import RefusingPort

Rampa = Callable[..., "Finished"]
Script = Callable[..., Path]

ONE = '@rampa.scenario(executor="per-vu-iterations")\n'


def dedent(text: str) -> str:
    return textwrap.dedent(text).lstrip("\n")


# ---- the script cannot be loaded ----------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["run", "check", "inspect"])
def test_a_missing_script(rampa: Rampa, command: str) -> None:
    done = rampa(command, "nowhere.py", code=1 if command == "check" else 3)  # 1: not valid
    assert (done.stdout, done.stderr) == ("", "error: nowhere.py: no such file\n")


def test_a_syntax_error_shows_the_line(rampa: Rampa, script: Script) -> None:
    path = script("import rampa\n\nasync def browse(worker:\n    pass\n")
    done = rampa("run", "script.py", code=3)
    assert done.stdout == ""
    assert done.stderr == (
        "error: script.py:3: SyntaxError: '(' was never closed\n"
        f'  File "{path}", line 3\n'
        "    async def browse(worker:\n"
        "                    ^\n"
        "SyntaxError: '(' was never closed\n"
    )


def test_a_missing_module_says_which_python_was_asked(rampa: Rampa, script: Script) -> None:
    path = script("import rampa\nimport nonexistent_module_of_nobody\n")
    done = rampa("run", "script.py", code=3)
    lines = done.stderr.splitlines()
    assert lines[0] == "error: script.py:2: ModuleNotFoundError: No module named 'nonexistent_module_of_nobody'"
    assert lines[1].startswith("  the worker's Python is /") and lines[1].endswith("; choose another one with --python")
    assert lines[2:] == [
        "Traceback (most recent call last):",
        f'  File "{path}", line 2, in <module>',
        "    import nonexistent_module_of_nobody",
        "ModuleNotFoundError: No module named 'nonexistent_module_of_nobody'",
    ]


def test_an_exception_at_import_has_the_users_frames_only(rampa: Rampa, script: Script) -> None:
    path = script("def prices():\n    raise ValueError('no prices')\n\n\nprices()\n")
    done = rampa("run", "script.py", code=3)
    assert done.stderr == (
        "error: script.py:2: ValueError: no prices\n"
        "Traceback (most recent call last):\n"
        f'  File "{path}", line 5, in <module>\n'
        "    prices()\n"
        f'  File "{path}", line 2, in prices\n'
        "    raise ValueError('no prices')\n"
        "ValueError: no prices\n"
    )


def test_a_module_beside_the_script_is_named_as_the_place(rampa: Rampa, script: Script) -> None:
    helper = script("def f():\n    raise KeyError('x')\n", name="helper_of_test.py")
    script("import helper_of_test\nhelper_of_test.f()\n")
    assert rampa("run", "script.py", code=3).stderr.startswith(f"error: {helper}:2: KeyError: 'x'\n")


def test_a_script_that_exits(rampa: Rampa, script: Script) -> None:
    script("import sys\nsys.exit(7)\n")
    assert rampa("run", "script.py", code=3).stderr.startswith("error: script.py:2: SystemExit: 7\n")


# ---- the script says something that cannot be -----------------------------------------------------------------------


MESSAGES = {
    "no_scenario": (
        "import rampa\n",
        "error: script.py declares no scenario\n  decorate an async function with @rampa.scenario(...)\n",
    ),
    "unknown_executor": (
        'import rampa\n\n@rampa.scenario(executor="constant-vu", vus=1, duration="1s")\nasync def a(worker): pass\n',
        "error: script.py:3: scenario 'a': unknown executor 'constant-vu'\n  did you mean 'constant-vus'?\n",
    ),
    "unknown_field": (
        'import rampa\n@rampa.scenario(executor="constant-vus", vu=1, duration="1s")\nasync def a(worker): pass\n',
        "error: script.py:2: scenario 'a': unknown field 'vu'\n  did you mean 'vus'?\n",
    ),
    "bad_duration": (
        'import rampa\n@rampa.scenario(executor="constant-vus", vus=1, duration="1x")\nasync def a(worker): pass\n',
        "error: script.py:2: scenario 'a': duration: '1x' is not a duration: it has an unknown unit\n"
        '  a duration is numbers with units, such as "30s", "1m30s" or "250ms" (units: d h m s ms us ns)\n',
    ),
    "unknown_exec_fn": (
        "import rampa\nconfig = rampa.Config(scenarios={\n"
        '    "shop": rampa.ScenarioConfig(executor="per-vu-iterations", exec_fn="brows"),\n})\n'
        "async def browse(worker): pass\n",
        "error: script.py:3: scenario 'shop': exec_fn: script.py has no function 'brows'\n  did you mean 'browse'?\n",
    ),
    "config_of_another_type": (
        'import rampa\nconfig = {"thresholds": {}}\n' + ONE + "async def a(worker): pass\n",
        "error: script.py:2: config must be a rampa.Config, not dict\n  write config = rampa.Config(...) with these keys\n",
    ),
    "generator": (
        "import rampa\n" + ONE + "async def a(worker):\n    yield 1\n",
        "error: script.py:2: scenario 'a': a() is a generator, for it has a 'yield'\n",
    ),
    "no_argument": (
        "import rampa\n" + ONE + "async def a():\n    pass\n",
        "error: script.py:2: scenario 'a': a() must take one argument, the worker\n",
    ),
    "two_arguments": (
        "import rampa\n" + ONE + "async def a(worker, other):\n    pass\n",
        "error: script.py:2: scenario 'a': a(worker, other) must take one argument, the worker\n",
    ),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_wrong_script_is_explained(rampa: Rampa, script: Script, name: str) -> None:
    text, message = MESSAGES[name]
    script(text)
    done = rampa("run", "script.py", code=3)
    assert (done.stdout, done.stderr) == ("", message)
    assert rampa("check", "script.py", code=1).stderr == message
    assert rampa("inspect", "script.py", code=3).stderr == message


@pytest.mark.parametrize(
    ("value", "shown"), [("0", "0"), ("-1", "-1"), ("'many'", "'many'"), ("1.5", "1.5"), ("True", "True")]
)
def test_a_number_of_vus_that_is_none(rampa: Rampa, script: Script, value: str, shown: str) -> None:
    script(f'import rampa\n@rampa.scenario(executor="constant-vus", vus={value}, duration="1s")\nasync def a(w): pass\n')
    assert rampa("run", "script.py", code=3).stderr == (
        f"error: script.py:2: scenario 'a': vus must be a whole number from 1 to 10000000, not {shown}\n"
    )


@pytest.mark.parametrize(
    ("metric", "expression", "message"),
    [
        (
            "http_req_duratio",
            "p(95)<500",
            "thresholds of 'http_req_duratio': unknown metric\n"
            "  did you mean 'http_req_duration'? A metric of the script's own can be declared: "
            'Config(metrics={"http_req_duratio": "trend"})\n',
        ),
        (
            "http_req_duration",
            "rate<5",
            "threshold 'rate<5' on 'http_req_duration': a trend has no 'rate'\n"
            "  a trend has: avg, min, max, med, p(N), count\n",
        ),
        (
            "http_req_duration",
            "p(95)<",
            "threshold 'p(95)<' on 'http_req_duration', column 7: expected a number such as 500, 0.01 or 1e3, not ''\n",
        ),
    ],
)
def test_a_wrong_threshold_is_explained(rampa: Rampa, script: Script, metric: str, expression: str, message: str) -> None:
    script(
        f"import rampa\nconfig = rampa.Config(thresholds={{{metric!r}: [{expression!r}]}})\n{ONE}"
        "async def a(worker): pass\n"
    )
    assert rampa("run", "script.py", code=3).stderr == f"error: script.py:2: {message}"


@pytest.mark.parametrize("value", ["0", "-3", "x", "1.5", "99999999999999999999"])
def test_vus_of_the_command_line(rampa: Rampa, script: Script, value: str) -> None:
    script(f"import rampa\n{ONE}async def a(worker): pass\n")
    done = rampa("run", "script.py", f"--vus={value}", code=3)
    assert done.stdout == ""
    assert done.stderr.startswith("error: --vus: ") and value in done.stderr


# ---- servers that are not there: data, and the run goes on ------------------------------------------------------------


def test_a_host_that_does_not_exist_is_data(rampa: Rampa, script: Script) -> None:
    script(
        'import rampa\n@rampa.scenario(executor="shared-iterations", vus=2, iterations=4)\n'
        'async def a(worker):\n    await worker.http.get("http://nosuch.invalid/")\n'
    )
    done = rampa("run", "script.py", out=True, code=1)
    result = done.result()
    assert [{k: v for k, v in kind.items() if k != "example"} for kind in result["errors"]["requests"]] == [
        {"error_code": "1101", "error": "host not found", "status": "0", "count": 4}
    ]
    group = result["errors"]["iterations"][0]
    assert (group["type"], group["count"], group["is_request"]) == ("NameResolutionError", 4, True)
    assert group["message"] == "GET http://nosuch.invalid/: host not found: nosuch.invalid"
    assert done.count("iterations") == done.count("iteration_errors") == done.count("http_reqs") == 4
    assert "4 x host not found (1101)  GET http://nosuch.invalid/" in done.stdout


# ---- names that are known before the run: no load for them ------------------------------------------------------------


# No name server is needed to know that this is no name.
NO_NAME = "error: the name of http://two..dots:80 cannot be resolved: not a valid host name\n  check the URL, or give the name an address: --resolve two..dots:80:ADDRESS\n"


@pytest.mark.parametrize("words", [("http://two..dots/x",), ("/x", "--base-url", "http://two..dots"), ("http://127.0.0.1:1/", "http://two..dots/", "--workers", "2")])
def test_a_url_whose_name_does_not_exist(rampa: Rampa, words: tuple[str, ...]) -> None:
    done = rampa("run", *words, "-z", "1h", code=3)
    assert (done.stdout, done.stderr) == ("", NO_NAME)


def test_a_base_url_whose_name_does_not_exist(rampa: Rampa, script: Script) -> None:
    """Of a script it is what is known before the run. teardown() and setup() do not run either."""
    script(
        'import rampa\nconfig = rampa.Config(options=rampa.Options(base_url="http://two..dots"))\n'
        'def setup(): print("never")\ndef teardown(): print("never")\n'
        f'{ONE}async def a(worker):\n    print("never")\n'
    )
    done = rampa("run", "script.py", code=3)
    assert (done.stdout, done.stderr) == ("", NO_NAME)
    rampa("check", "script.py", code=0)
    done = rampa("run", "script.py", "--resolve", "two..dots:80:127.0.0.1", code=0)
    assert done.stdout.count("never") == 3


REFUSED = '@rampa.scenario(executor="shared-iterations", iterations=3)\nasync def a(worker):\n'


def test_a_refused_connection_is_data(rampa: Rampa, script: Script) -> None:
    with RefusingPort() as port:
        script(f'import rampa\n{REFUSED}    await worker.http.get("{port.url}/")\n')
        done = rampa("run", "script.py", out=True, code=1)
    assert done.result()["errors"]["requests"][0]["error_code"] == "1212"
    assert done.metrics()["http_req_failed"]["passes"] == 3
    assert f"3 x connection refused (1212)  GET {port.url}/" in done.stdout
    assert "iterations ended by a failed request: 3" in done.stdout
    assert "NOTHING SUCCEEDED: none of the 3 requests has succeeded" in done.stdout


def test_a_threshold_decides_about_refused_connections(rampa: Rampa, script: Script) -> None:
    with RefusingPort() as port:
        script(
            'import rampa\nconfig = rampa.Config(thresholds={"http_req_failed": ["rate<0.5"]})\n'
            f'{REFUSED}    await worker.http.get("{port.url}/")\n'
        )
        done = rampa("run", "script.py", out=True, code=1)
    assert done.result()["thresholds"][0]["actual"] == 1
    assert done.result()["run"]["status"] == "threshold_failed"


def test_a_caught_request_error_is_no_error_of_the_iteration(rampa: Rampa, script: Script) -> None:
    with RefusingPort() as port:
        script(
            f"import rampa\nfrom rampa.errors import ConnectError\n{REFUSED}    try:\n"
            f'        await worker.http.get("{port.url}/")\n    except ConnectError as e:\n'
            "        assert e.error_code == 1212 and e.response.status == 0 and isinstance(e, ConnectionError), e\n"
            f'        assert e.method == "GET" and e.url == "{port.url}/"\n'
            f'    else:\n        raise AssertionError("it was answered")\n'
            f'    r = await worker.http.get("{port.url}/x", raise_errors=False)\n'
            '    assert (r.status, r.error_code, r.error, r.ok) == (0, 1212, "connection refused", False), r\n'
        )
        done = rampa("run", "script.py", out=True, code=1)
    assert done.result()["errors"]["iterations"] == []
    assert done.count("http_reqs") == 6


def test_a_bad_url_is_an_exception_of_the_users_line(rampa: Rampa, script: Script) -> None:
    path = script(f'import rampa\n{ONE}async def a(worker):\n    await worker.http.get("not a url")\n')
    done = rampa("run", "script.py", out=True, code=2)
    group = done.result()["errors"]["iterations"][0]
    assert (group["type"], group["place"], group["is_request"]) == ("ValueError", "script.py:4 in a", False)
    assert group["message"].startswith("the URL 'not a url' has no scheme")
    assert group["traceback"] == (
        "Traceback (most recent call last):\n"
        f'  File "{path}", line 4, in a\n'
        '    await worker.http.get("not a url")\n'
        "          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        f"ValueError: {group['message']}\n"
        "(first in iteration 0 of scenario 'a', VU 1)"
    )
    shown = " ".join(done.stdout.split())
    assert f"ValueError: {group['message']}" in shown  # in full, however long


# ---- exceptions of iterations ---------------------------------------------------------------------------------------


RAISES = dedent(
    """
    import rampa

    {config}

    def divide(n):
        return 1 / n


    @rampa.scenario(executor="shared-iterations", iterations=10)
    async def shop(worker):
        if worker.execution.iteration % 2:
            divide(0)
        raise KeyError("price")
    """
)


def test_exceptions_are_grouped_by_type_and_place(rampa: Rampa, script: Script) -> None:
    path = script(RAISES.format(config=""))
    done = rampa("run", "script.py", out=True, code=2)
    result = done.result()
    groups = sorted(result["errors"]["iterations"], key=lambda group: group["type"])
    assert [(g["type"], g["message"], g["place"], g["count"], g["scenario"]) for g in groups] == [
        ("KeyError", "'price'", "script.py:13 in shop", 5, "shop"),
        ("ZeroDivisionError", "division by zero", "script.py:6 in divide", 5, "shop"),
    ]
    assert groups[1]["traceback"].splitlines() == [
        "Traceback (most recent call last):",
        f'  File "{path}", line 12, in shop',
        "    divide(0)",
        f'  File "{path}", line 6, in divide',
        "    return 1 / n",
        "           ~~^~~",
        "ZeroDivisionError: division by zero",
        "(first in iteration 1 of scenario 'shop', VU 1)",
    ]
    assert result["run"]["reason"] == "10 iterations raised an exception"
    assert done.stdout.count("Traceback (most recent call last):") == 2
    assert done.count("iterations") == done.count("iteration_errors") == 10


@pytest.mark.parametrize(("limit", "code"), [("count<=10", 0), ("count<10", 1)])
def test_a_threshold_on_iteration_errors_decides_instead(rampa: Rampa, script: Script, limit: str, code: int) -> None:
    script(RAISES.format(config=f'config = rampa.Config(thresholds={{"iteration_errors": ["{limit}"]}})'))
    done = rampa("run", "script.py", out=True, code=code)
    assert done.result()["thresholds"][0]["actual"] == 10


@pytest.mark.parametrize("error", ["SystemExit(3)", "KeyboardInterrupt()", "GeneratorExit()", "StopIteration()"])
def test_whatever_an_iteration_raises_the_run_goes_on(rampa: Rampa, script: Script, error: str) -> None:
    script(f'import rampa\n@rampa.scenario(executor="shared-iterations", iterations=3)\nasync def a(w): raise {error}\n')
    done = rampa("run", "script.py", out=True, code=2)
    assert done.count("iteration_errors") == done.count("iterations") == 3


def test_many_kinds_of_errors_are_bounded(rampa: Rampa, script: Script) -> None:
    script(
        'import rampa\n@rampa.scenario(executor="shared-iterations", iterations=1500)\nasync def a(worker):\n'
        '    exec(compile("\\n" * worker.execution.iteration + "1/0", "made up", "exec"))\n'
    )
    done = rampa("run", "script.py", out=True, code=2)
    groups = done.result()["errors"]["iterations"]
    assert len(groups) <= 1001
    assert sum(group["count"] for group in groups) == 1500
    assert len(done.stdout.splitlines()) < 300


# ---- set-up and teardown --------------------------------------------------------------------------------------------


HOOKED = dedent(
    """
    import asyncio
    import rampa

    {config}
    {hooks}

    @rampa.scenario(executor="per-vu-iterations")
    async def a(worker):
        print("iteration", worker.setup_data)
    """
)


@pytest.mark.parametrize(
    ("async_", "worker"), [("async ", "worker"), ("async ", ""), ("", "worker"), ("", "")], ids=str
)
def test_hooks_with_and_without_a_worker(rampa: Rampa, script: Script, async_: str, worker: str) -> None:
    uses = "    assert worker.execution.vu == 0 and worker.execution.scenario is None\n" if worker else ""
    hooks = (
        f'{async_}def setup({worker}):\n{uses}    print("setup")\n    return {{"token": 7}}\n\n'
        f'{async_}def teardown({worker}):\n{uses}    print("teardown")\n'
    )
    script(HOOKED.format(config="", hooks=hooks))
    done = rampa("run", "script.py", "--quiet", code=0)
    assert done.stdout.splitlines() == ["setup", "iteration {'token': 7}", "teardown"]


def test_hooks_make_requests(rampa: Rampa, script: Script, target: str) -> None:
    hooks = (
        "async def setup(worker):\n"
        f'    return (await worker.http.get("{target}/json")).json()["message"]\n'
        "async def teardown(worker):\n"
        f'    assert worker.setup_data == "hello"\n    await worker.http.get("{target}/json")\n'
    )
    script(HOOKED.format(config="", hooks=hooks))
    done = rampa("run", "script.py", out=True, code=0)
    assert "iteration hello" in done.stdout
    assert done.count("http_reqs") == 2


@pytest.mark.parametrize("async_", ["", "async "])
@pytest.mark.parametrize("worker", ["", "worker"])
def test_a_setup_that_raises(rampa: Rampa, script: Script, async_: str, worker: str) -> None:
    hooks = f'{async_}def setup({worker}):\n    raise LookupError("no token")\ndef teardown(worker): print("teardown", worker.setup_data)\n'
    path = script(HOOKED.format(config="", hooks=hooks))
    done = rampa("run", "script.py", out=True, code=5)
    assert done.stdout.startswith("teardown None\n") and "iteration hello" not in done.stdout
    result = done.result()
    assert result["run"]["status"] == "setup_failed"
    assert result["run"]["reason"] == "setup() failed: LookupError: no token"
    assert result["run"]["started"] is None
    group = result["errors"]["iterations"][0]
    assert (group["type"], group["message"], group["place"]) == ("LookupError", "no token", "script.py:6 in setup")
    assert group["traceback"].splitlines()[1:3] == [
        f'  File "{path}", line 6, in setup',
        '    raise LookupError("no token")',
    ]
    assert all(row["started"] == 0 for row in result["accounting"])


def test_a_setup_that_takes_too_long(rampa: Rampa, script: Script) -> None:
    config = 'config = rampa.Config(options=rampa.Options(setup_timeout="200ms"))'
    hooks = (
        "async def setup():\n    try:\n        await asyncio.sleep(3600)\n"
        '    finally:\n        print("cleaned up")\ndef teardown(): print("teardown")\n'
    )
    script(HOOKED.format(config=config, hooks=hooks))
    done = rampa("run", "script.py", out=True, code=5)
    assert done.result()["run"]["reason"] == "setup() failed: TimeoutError: setup() took longer than 0.2 s"
    assert done.result()["errors"]["iterations"][0]["place"] == "script.py:7 in setup"
    assert done.stdout.startswith("cleaned up\nteardown\n")


@pytest.mark.parametrize("async_", ["", "async "])
@pytest.mark.parametrize("worker", ["", "worker"])
def test_a_teardown_that_raises(rampa: Rampa, script: Script, async_: str, worker: str) -> None:
    hooks = f'{async_}def teardown({worker}):\n    raise LookupError("no token")\n'
    script(HOOKED.format(config="", hooks=hooks))
    done = rampa("run", "script.py", out=True, code=7)
    assert "iteration None\n" in done.stdout
    assert done.result()["run"]["reason"] == "teardown() failed: LookupError: no token"
    assert done.count("iterations") == 1


def test_teardown_runs_after_errors_of_iterations_and_the_first_failure_wins(rampa: Rampa, script: Script) -> None:
    script('import rampa\ndef teardown():\n    raise OSError("down")\n' + ONE + "async def a(worker): 1 / 0\n")
    done = rampa("run", "script.py", out=True, code=2)
    kinds = {group["type"] for group in done.result()["errors"]["iterations"]}
    assert kinds == {"ZeroDivisionError", "OSError"}
    assert done.result()["run"]["reason"] == "1 iteration raised an exception; then teardown() failed: OSError: down"


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("fails", ["raise LookupError('no token')", "worker.abort('enough')", "return open('script.py')"])
def test_teardown_after_a_setup_that_fails(rampa: Rampa, script: Script, workers: int, fails: str) -> None:
    """It may have made something before. What it would have returned is not there."""
    script(
        f"import rampa\ndef setup(worker):\n    print('made')\n    {fails}\n"
        "def teardown(worker):\n    print('removed', worker.setup_data)\n    raise OSError('down')\n"
        + ONE
        + "async def a(worker): print('iteration')\n"
    )
    if "open" in fails and workers == 1:
        return
    code = 4 if "abort" in fails else 5
    done = rampa("run", "script.py", "--workers", workers, out=True, code=code)
    assert done.stdout.startswith("made\nremoved ") and "\niteration\n" not in done.stdout
    assert "open" in fails or "removed None\n" in done.stdout
    reason = done.result()["run"]["reason"]
    assert reason.endswith("; then teardown() failed: OSError: down")
    assert reason.startswith("aborted by the script" if code == 4 else "setup() failed: ")
    assert len(done.result()["errors"]["iterations"]) == (1 if code == 4 else 2)


def test_set_up_data_is_the_same_object_for_all_vus(rampa: Rampa, script: Script) -> None:
    script(
        "import rampa\ndef setup(): return []\n"
        '@rampa.scenario(executor="per-vu-iterations", vus=5, iterations=2)\n'
        "async def a(worker): worker.setup_data.append(worker.execution.vu)\n"
        "def teardown(worker): print(sorted(worker.setup_data))\n"
    )
    assert rampa("run", "script.py", "--quiet", code=0).stdout == "[1, 1, 2, 2, 3, 3, 4, 4, 5, 5]\n"
