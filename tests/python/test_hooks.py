# SPDX-License-Identifier: MIT
"""What C asks of Python: the table of src/python/drive/hooks.h, the Protocol of rampa._hooks, and who implements it."""
from __future__ import annotations

import inspect
import os
import re
import shutil
import subprocess
import typing
from pathlib import Path

import pytest
from rampa import _hooks
from rampa._guest import GuestHooks
from rampa._worker import Hooks

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCE = ROOT / "src/python"
PACKAGE = Path(_hooks.__file__).parent
ROW = re.compile(r'^ +X\((\w+), (\w+), "([a-zA-Z#]*)"\)', re.MULTILINE)
KINDS = {"s": {"str"}, "y": {"bytes"}, "y#": {"bytes"}, "L": {"int"}, "K": {"int"}, "d": {"float"}}
"""What C makes of each letter of Py_BuildValue(). O is any object."""


def table() -> str:
    return (SOURCE / "drive/hooks.h").read_text()


def methods(protocol: type) -> dict[str, inspect.Signature]:
    return {name: inspect.signature(value) for name, value in vars(protocol).items() if inspect.isfunction(value) and name[0] != "_"}


def mismatches(text: str, protocol: type) -> list[str]:
    """What C would do otherwise than the Protocol says."""
    asked = {name: re.findall(r"[a-zA-Z]#?", letters) for _, name, letters in ROW.findall(text)}
    known = methods(protocol)
    wrong = [f"{name} is asked for, and not in the Protocol" for name in asked if name not in known]
    wrong += [f"{name} is in the Protocol, and never asked for" for name in known if name not in asked]
    for name in asked.keys() & known.keys():
        parameters = list(known[name].parameters.values())[1:]
        if len(parameters) != len(asked[name]):
            wrong.append(f"{name} is given {len(asked[name])} arguments, and takes {len(parameters)}")
            continue
        for letter, parameter in zip(asked[name], parameters):
            if letter != "O" and parameter.annotation not in KINDS[letter]:
                wrong.append(f"{name}: {parameter.name} is {parameter.annotation}, and given as {letter}")
    return wrong


def test_c_asks_what_the_protocol_says() -> None:
    assert len(ROW.findall(table())) == table().count(" X(") - table().count("HOOKS(X)") == len(methods(_hooks.HostHooks))
    assert mismatches(table(), _hooks.HostHooks) == []
    for constant, name, _ in ROW.findall(table()):
        assert constant == name.upper()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("X(LOAD, load,", "X(LOAD, loads,", ["loads is asked for", "load is in the Protocol"]),
        ('note_error, "sOLK"', 'note_error, "sOL"', ["note_error is given 3 arguments, and takes 4"]),
        ('stuck, "d"', 'stuck, "s"', ["stuck: seconds is float, and given as s"]),
        ('    X(PACK, pack, "") \\\n', "", ["pack is in the Protocol, and never asked for"]),
    ],
)
def test_a_table_that_differs_is_seen(old: str, new: str, said: list[str]) -> None:
    assert table().count(old) >= 1
    wrong = mismatches(table().replace(old, new), _hooks.HostHooks)
    for part in said:
        assert any(part in line for line in wrong), wrong


def test_c_asks_through_the_table_only() -> None:
    """Whoever holds the hooks otherwise could call a method by a name that nobody compares."""
    holders = {"drive/hooks.c", "drive/host.h", "bridge/host.c"}
    used: set[str] = set()
    for file in sorted(SOURCE.rglob("*.[ch]")):
        text = file.read_text()
        name = str(file.relative_to(SOURCE))
        used |= set(re.findall(r"rp_py_(?:ask|tell)\(\s*[\w>.()&-]+,\s+PY_HOOK_(\w+)", text))
        if name not in holders:
            assert not re.findall(r"(?:CallMethod|GetAttr)\w*\([^;]*hooks\b", text), name
    assert used == {constant for constant, _, _ in ROW.findall(table())}


@pytest.mark.parametrize("kind", [Hooks, GuestHooks])
def test_hooks_take_what_the_protocol_says(kind: type) -> None:
    for name, signature in methods(_hooks.HostHooks).items():
        assert list(inspect.signature(getattr(kind, name)).parameters) == list(signature.parameters), name


def test_every_method_of_the_protocol_says_what_it_is_for() -> None:
    assert [name for name in methods(_hooks.HostHooks) if not getattr(_hooks.HostHooks, name).__doc__] == []


@pytest.mark.skipif(not shutil.which("mypy"), reason="no mypy")
@pytest.mark.skipif("RAMPA_SANITIZED" in os.environ, reason="checked with the ordinary build")
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("def sampled(self)", "def sample(self)"),
        ("def stuck(self, seconds: float) -> bool:", "def stuck(self, seconds: str) -> bool:"),
        ("def pack(self) -> bytes:", "def pack(self) -> str:"),
    ],
)
def test_mypy_sees_hooks_that_differ(tmp_path: Path, old: str, new: str) -> None:
    shutil.copytree(PACKAGE, tmp_path / "rampa", ignore=shutil.ignore_patterns("__pycache__"))
    worker = tmp_path / "rampa/_worker.py"
    assert worker.read_text().count(old) == 1
    worker.write_text(worker.read_text().replace(old, new))
    done = subprocess.run(
        ["mypy", "--strict", "--cache-dir", "cache", "-m", "rampa._worker"],
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    refused = [line for line in done.stdout.splitlines() if re.match(r'rampa/_worker.py:\d+: error: Argument 1 to "Host"', line)]
    assert len(refused) == 1 and "HostHooks" in refused[0], done.stdout


def test_answers_are_as_c_takes_them() -> None:
    hooks: typing.Any = Hooks()
    try:
        raise ValueError("odd")
    except ValueError as error:
        hooks.errors.note("buy", error, 3, 4)
        hooks.errors.note("buy", error, 3, 5)
    (told,) = hooks.errors.take_changed()
    assert (told[0], told[1], told[2], told[5], told[6]) == ("buy", "ValueError", "odd", 2, False)
    assert __file__ in told[3] and "(first in iteration 4 of scenario 'buy', VU 3)" in told[4]
    assert hooks.errors.take_changed() == []
    prepared = hooks.prepare_request(
        "http://a/?x=1#f", {"params": {"y": 2}, "json": [1], "tags": {"t": 1}, "expected_statuses": 404}
    )
    assert prepared == ("http://a/?x=1&y=2#f", [("Content-Type", "application/json")], b"[1]", None, [("t", "1")], [(404, 404)], None, None)
