# SPDX-License-Identifier: MIT
"""The field traceparent of W3C Trace Context."""
from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from faultserver import ExpectRequest, FaultServer, Repeat, Send, answer
from finished import Finished

Rampa = Callable[..., Finished]
Script = Callable[..., Path]

SERVE = [Repeat([ExpectRequest(), Send(answer())])]
# Version 00 as the ABNF of https://www.w3.org/TR/trace-context-1/ (3.2.2) has it; ids of zeros are not valid.
FIELD = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")


def trace_of(field: str | None) -> str:
    """The id of the trace, which must be valid and sampled."""
    match = FIELD.fullmatch(field or "")
    assert match and int(match[3], 16) & 1, field
    return match[1]


def test_every_request_has_a_trace_of_its_own(rampa: Rampa) -> None:
    """In all workers, VUs and iterations, and in a second run with the same seed."""
    with FaultServer(SERVE) as server:
        for _ in range(2):
            rampa("run", server.url, "--traceparent", "-u", "4", "-i", "40", "--workers", "2", "--seed", "7", code=0)
    fields = [request.header("traceparent") for request in server.requests]
    assert len(fields) == len({trace_of(field) for field in fields}) == 80
    assert len({field.split("-")[2] for field in fields if field}) == 80


def test_without_the_option_there_is_none(rampa: Rampa) -> None:
    with FaultServer(SERVE) as server:
        rampa("run", server.url, "-i", "2", code=0)
    assert {request.header("traceparent") for request in server.requests} == {None}


@pytest.mark.parametrize("is_set", [True, False])
def test_scripts(rampa: Rampa, script: Script, is_set: bool) -> None:
    """A response has the id of its request, as has an error. A header of the script stays; a keyword goes over the option."""
    script(f"""
import json
import rampa

config = rampa.Config(options=rampa.Options(iterations=1, traceparent={is_set}))

async def default(worker):
    http, base = worker.http, worker.env["BASE"]
    http.cookies.set("a", "b", base)
    ids = [(await http.get(base)).trace_id, (await http.get(base)).trace_id]
    hop = await http.get(base + "/moved", traceparent=True)
    ids += [hop.history[0].trace_id, hop.trace_id]
    ids.append((await http.get(base, headers={{"Traceparent": "mine"}}, traceparent=True)).trace_id)
    ids.append((await http.get(base, traceparent=False)).trace_id)
    ids.append((await http.post(base, data=b"x", traceparent=None)).trace_id)
    async with http.stream("GET", base, traceparent=True) as stream:
        ids.append(stream.trace_id)
        await stream.read()
    try:
        await http.get("http://127.0.0.1:1/", traceparent=True)
    except rampa.errors.ConnectError as error:
        assert len(error.response.trace_id) == 32
    try:
        http.get(base, traceparent="00-1-2-01")
    except TypeError as error:
        print(error)
    print(json.dumps(ids))
""")
    moved = answer(status=302, headers=[("Location", "/")])
    steps = [ExpectRequest(), Send(answer())] * 2 + [ExpectRequest(), Send(moved), *SERVE]
    with FaultServer(steps) as server:
        done = rampa("run", "script.py", "--quiet", "--env", f"BASE={server.url}", code=0)
    said, ids = done.stdout.splitlines()
    assert said == "traceparent takes True or False, not '00-1-2-01'"
    first, second, moved_id, end, own, without, posted, streamed = json.loads(ids)
    fields = [request.header("traceparent") for request in server.requests]
    assert [request.header("cookie") for request in server.requests] == ["a=b"] * 8
    for field, told in zip(fields, [first, second, moved_id, end, own, without, posted, streamed]):
        assert told == (trace_of(field) if field not in (None, "mine") else None)
    assert [own, without] == [None, None] and fields[4:6] == ["mine", None]
    assert len({moved_id, end, streamed} - {None}) == 3
    assert [told is not None for told in (first, second, posted)] == [is_set] * 3


def test_http2(rampa: Rampa) -> None:
    """It is there too, and takes no room in the table of fields that repeat."""
    pytest.importorskip("hpack")
    from h2server import H2Server, serve

    with H2Server(serve) as server:
        rampa("run", server.url, "--http2", "--traceparent", "-i", "5", code=0)
    (peer,) = server.peers
    ids = {trace_of(request.fields["traceparent"]) for request in peer.requests.values()}
    assert len(ids) == 5
    names = [name for name, _ in peer.decoder.header_table.dynamic_entries]
    assert b"user-agent" in names and b"traceparent" not in names
