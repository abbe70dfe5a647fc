# SPDX-License-Identifier: MIT
"""How long connections are kept, and how many there are."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from faultserver import ExpectRequest, FaultServer, Repeat, Send, answer

Rampa = Callable[..., "Finished"]
Script = Callable[..., Path]

SERVE = [Repeat([ExpectRequest(), Send(answer())])]
THREE = 'import asyncio\nimport rampa\nconfig = rampa.Config(options=rampa.Options({options}))\n' \
    '@rampa.scenario(executor="per-vu-iterations", vus=1, iterations=2)\nasync def go(worker):\n' \
    '    for _ in range(3):\n        await worker.http.get(worker.env["BASE"]{keywords})\n{more}'  # fmt: skip


def connections(server: FaultServer) -> list[int]:
    return [request.connection for request in server.requests]


@pytest.mark.parametrize(("options", "expected"), [
    ("", [0, 0, 0, 0, 0, 0]),
    ("no_connection_reuse=True", [0, 1, 2, 3, 4, 5]),
    ("no_vu_connection_reuse=True", [0, 0, 0, 1, 1, 1]),
    ("max_connection_requests=2", [0, 0, 1, 1, 2, 2]),
    ("max_connection_requests=4", [0, 0, 0, 0, 1, 1]),
    ("max_connection_age=1e-9", [0, 1, 2, 3, 4, 5]),
    ('max_connection_age="1h", max_connection_requests=3', [0, 0, 0, 1, 1, 1]),
])  # fmt: skip
def test_scripts(rampa: Rampa, script: Script, options: str, expected: list[int]) -> None:
    script(THREE.format(options=options, keywords="", more=""))
    with FaultServer(SERVE) as server:
        rampa("run", "script.py", "--env", f"BASE={server.url}", code=0)
    assert connections(server) == expected
    closing = [request.header("connection") for request in server.requests]
    assert closing == ["close" if "no_connection_reuse" in options else None] * 6


@pytest.mark.parametrize(("option", "expected"), [
    ([], [0, 0, 0]), (["--no-reuse"], [0, 1, 2]), (["--no-vu-reuse"], [0, 1, 2]),
])  # fmt: skip
def test_urls(rampa: Rampa, option: list[str], expected: list[int]) -> None:
    with FaultServer(SERVE) as server:
        rampa("run", server.url, "-i", "3", *option, code=0)
    assert connections(server) == expected


def test_an_option_goes_over_the_script(rampa: Rampa, script: Script) -> None:
    script(THREE.format(options="no_connection_reuse=False", keywords="", more=""))
    with FaultServer(SERVE) as server:
        rampa("run", "script.py", "--env", f"BASE={server.url}", "--no-reuse", code=0)
    assert connections(server) == [0, 1, 2, 3, 4, 5]


def test_a_redirect_within_an_iteration_keeps_the_connection(rampa: Rampa) -> None:
    found = answer(status=302, headers=[("Location", "/next")])
    serve = [Repeat([ExpectRequest(), Send(found), ExpectRequest(), Send(answer())])]
    with FaultServer(serve) as server:
        rampa("run", server.url, "-i", "2", "--follow", "--no-vu-reuse", code=0)
    assert connections(server) == [0, 0, 1, 1]


def test_a_connection_header_of_the_script_stays(rampa: Rampa, script: Script) -> None:
    script(THREE.format(options="no_connection_reuse=True", keywords=', headers={"Connection": "x-y"}', more=""))
    with FaultServer(SERVE) as server:
        rampa("run", "script.py", "--env", f"BASE={server.url}", code=0)
    assert connections(server) == [0, 1, 2, 3, 4, 5]
    assert {request.header("connection") for request in server.requests} == {"x-y"}


@pytest.mark.parametrize(("options", "line", "most"), [
    ("", [], 6), ("connections_per_host=2", [], 2), ("connections_per_host=2", ["--connections-per-host", "9"], 9),
])  # fmt: skip
def test_connections_per_host(rampa: Rampa, script: Script, options: str, line: list[str], most: int) -> None:
    script(THREE.format(options=options, keywords="", more=(
        '    await asyncio.gather(*(worker.http.get(worker.env["BASE"]) for _ in range(12)))\n')))  # fmt: skip
    with FaultServer(SERVE) as server:
        rampa("run", "script.py", "--env", f"BASE={server.url}", *line, code=0)
    assert len(set(connections(server))) == most


@pytest.mark.parametrize(("options", "message"), [
    ("no_connection_reuse=1", "no_connection_reuse must be true or false, not 1"),
    ("connections_per_host=0", "connections_per_host must be a whole number from 1 to 10000, not 0"),
    ("max_connection_requests=-1", "max_connection_requests must be a whole number from 0 to"),
    ('connect_timeout="soon"', "connect_timeout"),
    ("noConnectionReuse=True", "no_connection_reuse"),
])  # fmt: skip
def test_wrong_settings(rampa: Rampa, script: Script, options: str, message: str) -> None:
    script(THREE.format(options=options, keywords="", more=""))
    assert message in rampa("run", "script.py", code=3).stderr
