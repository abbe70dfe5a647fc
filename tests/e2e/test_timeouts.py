# SPDX-License-Identifier: MIT
"""Time-outs of the parts of a request: what ends, after which time, and what the numbers say of it."""
from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from faultserver import ExpectRequest, FaultServer, Hang, Repeat, Send, answer
from finished import Finished

Rampa = Callable[..., Finished]
Script = Callable[..., Path]

HEAD = """
import asyncio
import collections
import json
import rampa

@rampa.scenario(executor="per-vu-iterations", iterations=1)
async def go(worker):
    base = worker.env["BASE"]
    http = worker.http
"""


def body(text: str) -> str:
    return HEAD + "".join(f"    {line}\n" for line in text.strip().splitlines())


@contextlib.contextmanager
def full_port() -> Iterator[int]:
    """A port that listens and accepts nobody any more: the system drops what would connect."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = []
        for _ in range(8):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
            waiting.append(one)
        yield listener.getsockname()[1]
        for one in waiting:
            one.close()


PHASES = ["blocked", "looking_up", "connecting", "sending", "waiting"]


def phases(finished: Finished) -> dict[str, float]:
    """The mean of each phase of the requests, in milliseconds."""
    return {name.removeprefix("http_req_"): metric["avg"] for name, metric in finished.result()["summary"]["metrics"].items()
            if name.startswith("http_req_") and "avg" in metric}  # fmt: skip


# Of the time-outs of a whole request the connection takes a part, on a busy machine much of it.
FIRST_BYTE = [
    ("rampa.Timeout(first_byte=0.2)", "first byte timeout"),
    ("rampa.Timeout(idle=0.2)", "idle timeout"),
    ("rampa.Timeout(total=0.5)", "request timeout"),
    ("0.5", "request timeout"),
    ("(5, 0.2)", "idle timeout"),
    ('collections.namedtuple("ClientTimeout", "total connect sock_connect sock_read")(30, None, 10, 0.2)', "idle timeout"),
    ('collections.namedtuple("ClientTimeout", "total connect sock_connect sock_read")(0.5, None, None, None)', "request timeout"),
    ('collections.namedtuple("Timeout", "connect read write pool")(5, 0.2, 5, 5)', "idle timeout"),
]


@pytest.mark.parametrize(("timeout", "text"), FIRST_BYTE)
def test_a_server_that_never_answers(rampa: Rampa, script: Script, timeout: str, text: str) -> None:
    """The time-out is a sample with its real time: on a new connection and on a kept one."""
    limit, counted = (500, PHASES) if text == "request timeout" else (200, ["sending", "waiting"])
    script(body(f"""
await http.get(base + "/warm")
for _ in range(2):
    r = await http.get(base, timeout={timeout}, raise_errors=False)
    assert (r.status, r.error_code, r.error) == (0, 1050, "{text}"), (r.error_code, r.error)
    assert {limit} - 1 <= sum(getattr(r.timings, phase) for phase in {counted}) < 20_000, r.timings
"""))
    with FaultServer([ExpectRequest(), Send(answer()), ExpectRequest(), Hang()], [Hang()]) as server:
        finished = rampa("run", "script.py", "--env", f"BASE={server.url}", out=True, code=0)
    assert sum(phases(finished)[phase] for phase in counted) * 3 >= 2 * limit - 2


def test_an_answer_that_stops_coming(rampa: Rampa, script: Script) -> None:
    """Idle, and not the first byte: the time without a byte counts, however long the answer goes on."""
    script(body("""
r = await http.get(base, timeout=rampa.Timeout(first_byte=5, idle=0.3), raise_errors=False)
assert (r.error_code, r.error) == (1050, "idle timeout"), (r.error_code, r.error)
assert r.timings.receiving >= 300, r.timings
"""))
    with FaultServer([ExpectRequest(), Send(answer(b"hel", length=5)), Hang()]) as server:
        rampa("run", "script.py", "--env", f"BASE={server.url}", code=1)


def test_an_answer_that_comes_slowly_is_not_idle(rampa: Rampa, script: Script) -> None:
    script(body("""
r = await http.get(base, timeout=rampa.Timeout(idle=1.0))
assert r.body == b"0123456789" and r.timings.receiving >= 1500, r.timings
"""))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        import threading

        def serve() -> None:
            with listener.accept()[0] as one:
                one.recv(65536)
                one.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
                for digit in b"0123456789":
                    time.sleep(0.2)
                    one.sendall(bytes([digit]))

        thread = threading.Thread(target=serve)
        thread.start()
        rampa("run", "script.py", "--env", f"BASE=http://127.0.0.1:{listener.getsockname()[1]}", code=0)
        thread.join()


CONNECT = ["rampa.Timeout(connect=0.3)", "rampa.Timeout(connection=0.3)", "rampa.Timeout(total=0.3)", "(0.3, None)"]


@pytest.mark.parametrize("timeout", CONNECT)
def test_a_connect_that_never_ends(rampa: Rampa, script: Script, timeout: str) -> None:
    script(body(f"""
r = await http.get(base, timeout={timeout}, raise_errors=False)
assert (r.status, r.error_code, r.error) == (0, 1211, "connect timeout"), (r.error_code, r.error)
assert 299 <= r.timings.blocked + r.timings.looking_up + r.timings.connecting < 20_000, r.timings
assert r.timings.connecting > 0
"""))
    with full_port() as port:
        rampa("run", "script.py", "--env", f"BASE=http://127.0.0.1:{port}", code=1)


@pytest.mark.parametrize("way", ["option", "variable", "script"])
def test_a_connect_timeout_for_all_requests(rampa: Rampa, script: Script, way: str) -> None:
    path = script("import rampa\n"
                  f"config = rampa.Config(options=rampa.Options({'connect_timeout=0.3' if way == 'script' else ''}))\n"
                  'async def default(worker):\n    await worker.http.get(worker.env["BASE"], raise_errors=False)\n')  # fmt: skip
    with full_port() as port:
        url = f"http://127.0.0.1:{port}/"
        what = [url] if way == "variable" else [str(path), "--env", f"BASE={url}"]
        option = ["--connect-timeout", "300ms"] if way == "option" else []
        env = {"RAMPA_CONNECT_TIMEOUT": "300ms"} if way == "variable" else {}
        finished = rampa("run", *what, "-i", "1", *option, out=True, env=env, code=1)
    assert 299 <= phases(finished)["connecting"] < 5000
    assert "connect timeout" in finished.stdout


def test_a_handshake_that_never_ends(rampa: Rampa, script: Script) -> None:
    script(body("""
for timeout, code, text in [(rampa.Timeout(tls=0.3), 1211, "handshake timeout"), (rampa.Timeout(connect=0.3), 1211, "handshake timeout")]:
    r = await http.get(base, timeout=timeout, raise_errors=False)
    assert (r.error_code, r.error) == (code, text), (r.error_code, r.error)
    assert 299 <= r.timings.connecting + r.timings.tls_handshaking < 20_000 and r.timings.tls_handshaking > 0, r.timings
"""))
    with FaultServer([Hang()]) as server:
        rampa("run", "script.py", "--env", f"BASE={server.url.replace('http', 'https')}", code=1)


def test_waiting_for_a_connection_counts_for_connection_and_not_for_connect(rampa: Rampa, script: Script) -> None:
    script("import rampa\nconfig = rampa.Config(options=rampa.Options(connections_per_host=1))\n" + body("""
async def hold():
    await http.get(base, timeout=2, raise_errors=False)
first = asyncio.create_task(hold())
await asyncio.sleep(0)
limits = [rampa.Timeout(connection=0.3), rampa.Timeout(total=1, connect=0.01)]
one, two = await asyncio.gather(*(http.get(base, timeout=limit, raise_errors=False) for limit in limits))
assert (one.error_code, two.error_code) == (1050, 1050), (one.error, two.error)
assert one.error == two.error == "timeout: no connection became free"
assert 299 <= one.timings.blocked < two.timings.blocked and 999 <= two.timings.blocked, (one.timings, two.timings)
await first
"""))
    with FaultServer([Hang()]) as server:
        rampa("run", "script.py", "--env", f"BASE={server.url}", code=1)


def test_a_redirect_has_the_rest_of_the_whole_and_its_own_parts(rampa: Rampa, script: Script) -> None:
    script(body("""
r = await http.get(base, timeout=rampa.Timeout(total=30, first_byte=0.4, idle=5), raise_errors=False)
assert (r.error_code, r.error, len(r.history)) == (1050, "first byte timeout", 1), (r.error, r.history)
assert 399 <= r.timings.sending + r.timings.waiting < 20_000
"""))
    found = answer(status=302, headers=[("Location", "/next")])
    with FaultServer([ExpectRequest(), Send(found), ExpectRequest(), Hang()]) as server:
        rampa("run", "script.py", "--env", f"BASE={server.url}", code=0)


def test_an_aiohttp_timeout(rampa: Rampa, script: Script) -> None:
    pytest.importorskip("aiohttp")
    script("import aiohttp\n" + body("""
r = await http.get(base, timeout=aiohttp.ClientTimeout(total=5, sock_read=0.2), raise_errors=False)
assert (r.error_code, r.error) == (1050, "idle timeout")
"""))
    with FaultServer([Hang()]) as server:
        rampa("run", "script.py", "--env", f"BASE={server.url}", code=1)


@pytest.mark.parametrize(("value", "message"), [
    ("rampa.Timeout(idle=-1)", "ValueError: timeout: idle takes seconds from 0, not -1"),
    ('rampa.Timeout(total="5s")', "TypeError: timeout: total takes a number of seconds, not '5s'"),
    ("-1", "ValueError: timeout takes seconds above 0, not -1"),
])  # fmt: skip
def test_wrong_timeouts(rampa: Rampa, script: Script, value: str, message: str) -> None:
    script(body(f"await http.get(base, timeout={value})"))
    finished = rampa("run", "script.py", "--env", "BASE=http://127.0.0.1:1", code=2)
    assert message in finished.stdout


def test_short_parts_do_no_harm_to_a_good_request(rampa: Rampa, script: Script) -> None:
    """Timers of time-outs that were not needed end nothing later."""
    script(body("""
for i in range(2):
    r = await http.get(base, timeout=rampa.Timeout(connection=0.8, connect=0.8, tls=0.8, first_byte=0.8, idle=0.8))
    assert r.status == 200
    await asyncio.sleep(1)
"""))
    with FaultServer([Repeat([ExpectRequest(), Send(answer())])]) as server:
        rampa("run", "script.py", "--env", f"BASE={server.url}", code=0)
    assert {request.connection for request in server.requests} == {0}


@pytest.mark.parametrize("protocol", ["http/1.1", "h2"])
def test_a_body_below_the_minimum_rate(rampa: Rampa, script: Script, protocol: str) -> None:
    """The server sends the head and some bytes, and then nothing more. An assertion that fails would be exit code 2."""
    script(body("""
r = await http.get(base, timeout=rampa.Timeout(total=60, min_rate=1000, min_rate_time=0.3), raise_errors=False)
assert (r.error_code, r.error) == (1050, "below the minimum rate"), (r.error_code, r.error)
async with http.stream("GET", base, timeout=rampa.Timeout(total=60, min_rate=1000, min_rate_time=0.3)) as r:
    try:
        async for part in r:
            pass
    except rampa.errors.RequestTimeout as error:
        assert "below the minimum rate" in str(error), error
    else:
        raise AssertionError("it came to its end")
"""))
    if protocol == "h2":
        pytest.importorskip("hpack")
        from h2server import DATA, H2Server, Peer, frame

        def drip(peer: Peer) -> None:
            peer.begin()
            for count in (1, 2):
                peer.expect(count)
                stream = max(peer.requests)
                peer.send(peer.headers(stream, [(":status", "200")], end=False) + frame(DATA, 0, stream, b"few bytes"))
            peer.read_to_end()

        with H2Server(drip) as server:
            rampa("run", "script.py", "--env", f"BASE={server.url}", "--http2", code=1)
    else:
        with FaultServer([ExpectRequest(), Send(answer(b"x" * 9)[:-4]), Hang()]) as server:
            rampa("run", "script.py", "--env", f"BASE={server.url}", code=1)


@pytest.mark.parametrize(("options", "told"), [
    ("min_rate=-1", "ValueError: timeout: min_rate takes a number of bytes a second, not -1"),
    ("min_rate='fast'", "ValueError: timeout: min_rate"),  # the summary leaves the middle out
    ("min_rate=5, min_rate_time=0", "ValueError: timeout: min_rate needs a min_rate_time above 0 seconds"),
])  # fmt: skip
def test_minimum_rates_that_are_none(rampa: Rampa, script: Script, options: str, told: str) -> None:
    script(body(f"await http.get(base, timeout=rampa.Timeout({options}))"))
    assert told in rampa("run", "script.py", "--env", "BASE=http://127.0.0.1:1", code=2).stdout
