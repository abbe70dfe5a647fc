# SPDX-License-Identifier: MIT
"""WebSockets of scripts, against servers that are not ours: messages, ends, what is measured, what goes wrong."""
from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from certificates import Certificate
from faultserver import ExpectRequest, FaultServer, Hang, Send, answer
from finished import Finished
from tlsserver import context_of
from wsserver import WsServer

Rampa = Callable[..., Finished]
Script = Callable[..., Path]

HEAD = """\
import asyncio
import rampa
from rampa import errors
from rampa.protocols.websocket import WebSocketSession

URL = {url!r}


def raises(kind, **attributes):
    class Expected:
        def __enter__(self):
            return self

        def __exit__(self, found, error, traceback):
            assert found is not None and issubclass(found, kind), (kind, found, error)
            self.error = error
            for name, value in attributes.items():
                assert getattr(error, name) == value, (name, getattr(error, name), str(error))
            return True

    return Expected()


"""


@pytest.fixture(scope="module")
def server() -> Iterator[WsServer]:
    with WsServer() as server:
        yield server


@pytest.fixture
def run(rampa: Rampa, script: Script, server: WsServer) -> Callable[..., Finished]:
    """Runs an async function, given as its lines, in one iteration."""

    def run(lines: str, *words: str, code: int = 0, url: str = "", **more: object) -> Finished:
        body = "".join(f"    {line}\n" for line in lines.strip("\n").splitlines())
        script(HEAD.format(url=url or server.url("")) + f"async def default(worker):\n{body}")
        done = rampa("run", "script.py", "-i", "1", *words, out=True, **more)
        assert done.code == code, done.stdout + done.stderr
        server.wait_for_rest()
        return done

    return run


# ---- what goes well ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loop", ["epoll", "io_uring"])
def test_messages_and_what_is_measured(run: Callable[..., Finished], server: WsServer, loop: str) -> None:
    server.closed.clear()
    done = run(
        """
async with worker.ws.connect(URL + "/echo", protocols=["v2", "other"], name="talk", tags={"kind": "a"}) as s:
    assert isinstance(s, WebSocketSession) and (s.subprotocol, s.response.status, s.closed, s.close_code) == ("v2", 101, False, None), s
    await s.send("h\\u00e9llo \\U0001f600")
    assert await s.receive() == "h\\u00e9llo \\U0001f600"
    for data in (b"\\0\\xff", bytearray(b"abc"), memoryview(b""), ""):
        await s.send(data)
        assert await s.receive(timeout=30) == (data if isinstance(data, str) else bytes(data))
    await s.send_json({"a": [1, None]})
    assert await s.receive_json() == {"a": [1, None]}
    big = bytes(range(256)) * 8192
    for _ in range(3):
        await s.send(big)
        assert await s.receive() == big
    assert await s.ping() > 0
    assert await s.request("q", lambda m: m == "q", 30) == "q"
    answers = await asyncio.gather(*(s.request(str(n), match=lambda m, n=n: m == str(n)) for n in range(5)))
    assert answers == ["0", "1", "2", "3", "4"]
assert (s.closed, s.close_code, s.close_reason) == (True, 1000, "")
with raises(errors.WebSocketClosed, code=1000, error_code=0):
    await s.receive()
with raises(errors.WebSocketClosed, code=1000):
    await s.send("x")
await s.close()
s = await worker.ws.connect(URL + "/echo", max_msg_size=0)
await s.close(4321, "so long")
assert (s.close_code, s.close_reason) == (4321, "so long")
left = await worker.ws.connect(URL + "/echo?left=1")
""",
        env={"RAMPA_LOOP": loop},
    )
    assert sorted(code for _, code in server.closed) == [1000, 1000, 4321]
    metrics = done.metrics()
    assert (done.count("ws_sessions"), done.count("ws_msgs_sent"), done.count("ws_msgs_received")) == (3, 15, 15)
    assert metrics["ws_session_duration"]["count"] == metrics["ws_connecting"]["count"] == 3
    assert metrics["ws_ping"]["count"] == 1 and metrics["ws_roundtrip"]["count"] == 6
    assert done.count("data_sent") > 3 << 21 < done.count("data_received")
    assert metrics.get("http_reqs", {"count": 0})["count"] == 0 and done.count("ws_errors") == 0
    assert "WEBSOCKET" in done.stdout and "no request was made" not in done.stdout


def test_the_server_closes(run: Callable[..., Finished]) -> None:
    """Messages that have come can be taken after the end; a text of the server is shown without its control characters."""
    done = run(
        """
async with worker.ws.connect(URL + "/close") as s:
    assert [m async for m in s] == ["one", "two", "three"]
    assert (s.close_code, s.close_reason) == (4001, "enough \\x1b[31m")
s = await worker.ws.connect(URL + "/greet")
assert await s.request("a", match=lambda m: m == "A") == "A"
assert [await s.receive() for _ in range(2)] == ["hello", "noise"]
with raises(errors.WebSocketTimeout):
    await s.request("b", match=lambda m: False, timeout=0.2)
with raises(ZeroDivisionError):
    await s.request("b", match=lambda m: 1 / 0)
s = await worker.ws.connect(URL + "/abort", tags={"part": "abort"})
await s.send("x")
with raises(errors.WebSocketClosed, code=1006) as caught:
    await s.receive()
assert isinstance(caught.error, ConnectionError) and caught.error.error_code in (1220, 1901)
s = await worker.ws.connect(URL + "/close")
await s.receive(), await s.receive(), await s.receive()
await s.receive()
""",
        "--threshold",
        "ws_errors{part:abort}:count==1",
        "--threshold",
        "ws_messages_received:count>=9",  # the name of the package rampa 0.0
        code=1,
    )
    assert done.count("ws_errors") == 1
    assert "WebSocketClosed" in done.stdout and "\x1b[31m" not in done.stdout and "4001" in done.out.read_text()


def test_what_the_server_is_told(
    run: Callable[..., Finished], good: Certificate, trust: dict[str, str]
) -> None:
    """Over TLS, with cookies of the HTTP client, credentials, and fields of the script's own; secrets are shown nowhere."""
    authorities = trust["SSL_CERT_FILE"]
    with WsServer(context_of(good)) as secure:
        done = run(
            f"""
worker.http.cookies.set("sid", "tok3n", url=URL.replace("wss", "https"))
async with worker.ws.connect(URL + "/echo?a=1", params={{"b": 2}}, headers={{"X-One": "1"}}, origin="https://a.example",
                             auth=("joe", "s3cret"), cookies={{"c": "d"}}, subprotocol="chat", heartbeat=0.05, verify={authorities!r}) as s:
    assert s.subprotocol == "chat" and s.url.endswith("/echo?a=1&b=2")
    await s.send("x")
    assert await s.receive() == "x"
s = await worker.ws.connect(URL.replace("//", "//joe:s3cret@") + "/echo", verify={authorities!r})
assert "s3cret" not in s.url + repr(s)
with raises(errors.CertificateError, error_code=1310):
    await worker.ws.connect(URL + "/echo", verify=True)
await worker.ws.connect(URL + "/echo", verify=False)
""",
            url=secure.url(""),
        )
        secure.wait_for_rest()
    path, fields = secure.seen[0]
    assert path == "/echo?a=1&b=2" and fields["X-One"] == "1" and fields["Origin"] == "https://a.example"
    assert fields["Cookie"] == "c=d; sid=tok3n" and fields["Authorization"] == "Basic am9lOnMzY3JldA=="
    assert secure.seen[1][1]["Authorization"] == "Basic am9lOnMzY3JldA==" and len(secure.seen) == 3
    text = done.stdout + done.stderr + done.out.read_text()
    assert "s3cret" not in text and "tok3n" not in text and "am9lOnMzY3JldA" not in text


def test_compressed_messages(run: Callable[..., Finished], server: WsServer) -> None:
    """With every parameter of permessage-deflate; a message that grows too much when it is decompressed is refused."""
    server.seen.clear()
    done = run(
        """
terms = ("server_no_context_takeover", "client_no_context_takeover", "server_max_window_bits", "client_max_window_bits")
for compress in (True, 10, dict.fromkeys(terms[:2], True), dict.fromkeys(terms[2:], 9)):
    async with worker.ws.connect(URL + "/echo", compress=compress) as s:
        for n in range(3):
            text = f"{n} " + "to be or not to be " * 5000
            assert await s.request(text) == text
        assert await s.request(b"") == b""
s = await worker.ws.connect(URL + "/bomb", compress=True)
with raises(errors.WebSocketClosed, code=1009) as caught:
    await s.receive()
assert "more than 4194304 bytes (max_msg_size= allows more)" in str(caught.error)
for more in (0, 200_000_000):
    assert await (await worker.ws.connect(URL + "/bomb", compress=True, max_msg_size=more)).receive() == bytes(100_000_000)
"""
    )
    offers = [fields["Sec-WebSocket-Extensions"] for _, fields in server.seen]
    assert all(offer.startswith("permessage-deflate") for offer in offers) and "server_max_window_bits=10" in offers[1]
    assert "server_no_context_takeover" in offers[2] and "client_no_context_takeover" in offers[2]
    assert "server_max_window_bits=9" in offers[3] and "client_max_window_bits=9" in offers[3]
    assert done.count("data_sent") < 100_000 and done.count("ws_msgs_received") == 18 and done.count("ws_errors") == 1


def test_through_a_proxy(run: Callable[..., Finished], server: WsServer) -> None:
    """By CONNECT, for ws too (RFC 6455, 4.1)."""
    lines: list[str] = []

    def pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def serve(listener: socket.socket) -> None:
        client, _ = listener.accept()
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += client.recv(1)
        lines.append(head.split(b"\r\n")[0].decode())
        client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        with client, socket.create_connection(("127.0.0.1", server.port)) as far:
            back = threading.Thread(target=pump, args=(far, client))
            back.start()
            pump(client, far)
            back.join()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        proxy = f"http://127.0.0.1:{listener.getsockname()[1]}"
        done = run(f"""
async with worker.ws.connect(URL + "/echo", proxy={proxy!r}) as s:
    assert await s.request("x") == "x"
""")
        thread.join(30)
    assert lines == [f"CONNECT localhost:{server.port} HTTP/1.1"] and f"through the proxy {proxy}" in " ".join(done.stdout.split())


# ---- ends of iterations and of runs -----------------------------------------------------------------------------------


def test_who_gives_up(run: Callable[..., Finished], server: WsServer) -> None:
    """Time-outs of asyncio, tasks that are cancelled, and the client's own close(): nothing is left open."""
    done = run(
        """
with raises(TimeoutError):
    async with asyncio.timeout(0.2):
        async with worker.ws.connect(URL + "/silent") as s:
            await s.receive()
assert s.close_code == 1000
s = await worker.ws.connect(URL + "/silent")
task = asyncio.create_task(anext(aiter(s)).__await__.__self__ and asyncio.wait_for(s.receive(), None))
await asyncio.sleep(0)
task.cancel()
with raises(asyncio.CancelledError):
    await task
with raises(errors.WebSocketTimeout):
    await s.receive(timeout=0.05)
assert not s.closed
await worker.ws.close()
assert s.closed and s.close_code == 1000
with raises(RuntimeError):
    await s.send("x")
worker.vu["kept"] = await worker.ws.connect(URL + "/silent")
""",
    )
    assert done.count("ws_sessions") == 3 and done.count("ws_errors") == 0


def test_a_task_closes_what_its_iteration_waits_for(run: Callable[..., Finished]) -> None:
    """The iteration goes on after that step of the task, and what it opens then is not closed."""
    done = run(
        """
steps = []
async def close():
    steps.append("begins")
    await worker.ws.close()
    steps.append("ends")
for n in range(5):
    try:
        async with worker.ws.connect(URL + "/silent") as s:
            if n:
                break
            task = asyncio.create_task(close())
            await s.receive()
    except RuntimeError:
        steps.append("woken")
await task
assert (steps, n) == (["begins", "ends", "woken"], 1), (steps, n)
s = await worker.ws.connect(URL + "/silent")
waits = [asyncio.create_task(s.receive()) for _ in range(2)]
await asyncio.sleep(0)
await worker.ws.close()
found = await asyncio.gather(*waits, return_exceptions=True)
assert [type(error) for error in found] == [RuntimeError] * 2, found
"""
    )
    assert done.count("ws_sessions") == 3 and done.count("ws_errors") == 0


def test_the_end_of_the_run_ends_what_waits(rampa: Rampa, script: Script, server: WsServer) -> None:
    """setup() and teardown() have the client too."""
    server.closed.clear()
    script(
        HEAD.format(url=server.url(""))
        + """\
async def setup(worker):
    async with worker.ws.connect(URL + "/echo") as s:
        return await s.request("from setup")


@rampa.scenario(executor="constant-vus", vus=3, duration="0.3s", graceful_stop="0s")
async def wait(worker):
    assert worker.setup_data == "from setup"
    async with worker.ws.connect(URL + "/silent") as s:
        await s.receive()


async def teardown(worker):
    async with worker.ws.connect(URL + "/echo") as s:
        assert await s.request("x") == "x"
"""
    )
    done = rampa("run", "script.py", out=True, code=0)
    server.wait_for_rest()
    assert done.count("ws_sessions") == 5 and done.count("interrupted_iterations") == 3
    assert sorted(server.closed) == [("/echo", 1000)] * 2 + [("/silent", 1000)] * 3


PEER = r"""
import base64, hashlib, queue, socket, threading, time
frames, sent = queue.Queue(), queue.Queue()
listener = socket.create_server(("127.0.0.1", 0))
def serve():
    peer, head = listener.accept()[0], b""
    with peer:
        while b"\r\n\r\n" not in head:
            head += peer.recv(4096)
        key = head.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0]
        accepted = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        peer.sendall(head + accepted + b"\r\n\r\n")
        while frame := frames.get():
            peer.sendall(frame)
            sent.put(None)
peer = threading.Thread(target=serve, daemon=True)
peer.start()
s = await worker.ws.connect(f"ws://127.0.0.1:{listener.getsockname()[1]}/")
"""


def test_what_came_in_time_is_not_late(run: Callable[..., Finished]) -> None:
    """A script that blocks the loop until the limit is over is given what has come before."""
    done = run(
        PEER
        + r"""
async def stall(waiting, frame):
    task = asyncio.create_task(waiting)
    await asyncio.sleep(0)
    frames.put(frame)
    sent.get()
    time.sleep(0.06)
    return await task
assert await stall(s.receive(timeout=0.05), b"\x81\x01a") == "a"
assert await stall(s.request("q", timeout=0.05), b"\x81\x01b") == "b"
assert await stall(s.ping(timeout=0.05), b"\x8a\x011") > 0
asked = asyncio.create_task(s.request("q", match=lambda m: m == "c"))
await asyncio.sleep(0)
with raises(errors.WebSocketTimeout):
    await stall(s.receive(timeout=0.05), b"\x81\x01c")
assert await asked == "c"
await worker.ws.close()
frames.put(None)
peer.join()
listener.close()
"""
    )
    assert done.count("ws_msgs_received") == 3


def test_a_script_that_does_not_receive_holds_the_server_up(run: Callable[..., Finished]) -> None:
    done = run(
        """
import resource
s = await worker.ws.connect(URL + "/flood")
first = await s.receive()
with raises(RuntimeError) as caught:
    while True:
        await s.ping()
assert "no answer to this ping" in str(caught.error)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
await asyncio.sleep(0.3)
assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000
for _ in range(200):
    assert await s.receive() == first
# No close(): it would take what the server sends before it reads the close frame, however much that is.
"""
    )
    assert 200 < done.count("ws_msgs_received") < 600


# ---- what goes wrong --------------------------------------------------------------------------------------------------

ACCEPTED = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"


def test_servers_that_speak_something_else(run: Callable[..., Finished], target: str) -> None:
    """Failures are data: they are counted and raised, and are no bug of the script."""
    wrong = [ExpectRequest(), Send((ACCEPTED + "Sec-WebSocket-Accept: AAAA\r\n\r\n").encode()), Hang()]
    forbidden = [ExpectRequest(), Send(answer(b"no", status=403)), Hang()]
    with FaultServer(wrong, forbidden) as fault:
        done = run(
            f"""
with raises(errors.WebSocketHandshakeError, status=404, error_code=1404) as caught:
    await worker.ws.connect({target!r} + "/nowhere")
assert "status 404, not 101" in str(caught.error) and caught.error.response.body and str(caught.error).startswith("ws://127.0.0.1:")
with raises(errors.WebSocketHandshakeError, status=101, error_code=1900) as caught:
    await worker.ws.connect("ws://127.0.0.1:{fault.port}/")
assert "Sec-WebSocket-Accept" in str(caught.error), caught.error
with raises(errors.WebSocketHandshakeError, status=403):
    async with worker.ws.connect("ws://127.0.0.1:{fault.port}/"):
        raise AssertionError
with raises(errors.WebSocketHandshakeError, error_code=1900) as caught:
    await worker.ws.connect(URL + "/echo", subprotocol="mqtt")
assert "has not chosen the subprotocol 'mqtt'" in str(caught.error)
with raises(errors.ConnectError, error_code=1212):
    await worker.ws.connect("ws://127.0.0.1:1/")
await worker.ws.connect("ws://127.0.0.1:1/", name="refused")
""",
            "--threshold", "ws_errors{name:refused}:count==1", code=0,  # fmt: skip
        )
    assert done.count("ws_errors") == 6 and done.count("ws_sessions") == 0 and done.count("iteration_errors") == 1
    assert "GET ws://" in done.stdout and "GET http" not in done.stdout
    assert any(item["status"] == 404 for item in json.loads(done.out.read_text())["exchanges"])
    done = run('await worker.ws.connect("ws://127.0.0.1:1/")', code=1)
    assert "the only WebSocket has not been opened" in " ".join(done.stdout.split())
    assert "1 x connection refused (1212)  ws://127.0.0.1:1/\n" in done.stdout


BAD = [
    ("ws://127.0.0.1:1/a#b", "", "the URL of a WebSocket has no fragment"),
    ("ftp://h/", "", "unknown scheme 'ftp'"),
    ("ws:/x", "", "URL"),
    ("127.0.0.1/ws", "", "write it like ws://127.0.0.1:8080/path"),
    ("", "subprotocol=1", "subprotocol: a name is a str, not 1"),
    ("", 'compress=8', "compress takes a number of bits from 9 to 15"),
    ("", 'compress={"server_bits": 9}', "there is no parameter 'server_bits'"),
    ("", 'autoping=False', "autoping takes True"),
    ("", 'autoclose=False', "autoclose takes True"),
    ("", 'method="POST"', "method takes 'GET'"),
    ("", 'timeout="1s"', "timeout takes a number of seconds"),
    ("", 'heartbeat=0', "heartbeat takes seconds above 0"),
    ("", 'protocols="chat"', "protocols takes a list"),
    ("", 'protocols=["a b"]', "no name of a subprotocol"),
    ("", 'protocols=["a", "a"]', "given twice"),
    ("", 'headers={"Upgrade": "x"}', "the header Upgrade cannot be set"),
    ("", 'max_msg_size=-1', "max_msg_size takes a number of bytes"),
    ("", 'subprotocols=["a"]', "did you mean 'protocols'?"),
    ("", 'server_hostname="x"', "Options(hosts="),
    ("", 'auth=rampa.DigestAuth("a", "b")', "Digest"),
]


def test_mistakes_in_calls(run: Callable[..., Finished]) -> None:
    """Each is said at the call, with what to write instead. A ws:// URL is none for the HTTP client, which says whose it is."""
    lines = [f"check(lambda: worker.ws.connect({url!r} or URL{', ' + words if words else ''}), {text!r})" for url, words, text in BAD]
    run(
        """
def check(call, text):
    try:
        call()
    except (AttributeError, TypeError, ValueError) as error:
        assert text in str(error), (text, str(error))
    else:
        raise AssertionError(text)

"""
        + "\n".join(lines)
        + """
check(lambda: worker.http.get(URL), "worker.ws.connect(url)")
early = worker.ws.connect(URL + "/echo")
check(lambda: early.send("x"), "await it first, and use what that gives")
check(lambda: early.receive(), "write s = await worker.ws.connect(url) first")
s = await early
check(lambda: s.send(1), "send_json")
check(lambda: s.request("x", match=1), "match takes a function")
check(lambda: s.close(1000, b"x"), "reason takes a str, not bytes")
check(lambda: s.close(message=b"x"), "close() has no 'message': it takes reason=")
for code, reason in ((1006, ""), (1005, ""), (999, ""), (1000, "x" * 124)):
    with raises(ValueError):
        await s.close(code, reason)
assert not s.closed
"""
    )
