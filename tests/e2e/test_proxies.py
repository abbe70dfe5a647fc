# SPDX-License-Identifier: MIT
"""Requests through proxies: tinyproxy, squid and microsocks with nginx behind them, and one that misbehaves."""
from __future__ import annotations

import base64
import os
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from faultserver import Close, ExpectRequest, FaultServer, Hang, RefusingPort, Repeat, Reset, Send, answer
from finished import Finished
from proxy_world import TOKEN, USER, WAIT, Plain, Secure, World, made, read, read_head
from tlsserver import TlsServer

Rampa = Callable[..., Finished]
Script = Callable[..., Path]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with made(tmp_path_factory.mktemp("p")) as world:
        yield world


# ---- what goes well ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loop", ["epoll", "io_uring"])
@pytest.mark.parametrize("scheme", ["http", "squid", "socks5", "socks5h"])
def test_http_and_https(rampa: Rampa, world: World, scheme: str, loop: str) -> None:
    """A VU keeps its connection, through the proxy too; the exchange with the proxy is in the time of connecting."""
    world.seen()
    place = {"http": world.http, "squid": world.squid}.get(scheme, world.socks)
    proxy = f"{'http' if scheme == 'squid' else scheme}://{USER}@{place}"
    env = {**world.trust, "RAMPA_LOOP": loop}
    done = rampa("run", world.tls + "/t", "-u", "2", "-i", "6", "--proxy", proxy, env=env, out=True, code=0)
    metrics = done.metrics()
    assert len({line.split()[0] for line in world.seen(6)}) == 2
    assert metrics["http_req_connecting"]["max"] > 0 and metrics["http_req_tls_handshaking"]["max"] > 0
    assert metrics["http_req_connecting"]["min"] == metrics["http_req_tls_handshaking"]["min"] == 0
    assert done.count("http_reqs") == 6 and "through the proxy" in done.stdout and place in done.stdout
    rampa("run", world.plain + "/p", "-i", "2", "--proxy", proxy, env=env, code=0)
    lines = world.seen(2)
    assert ["GET /p HTTP/1.1" in line for line in lines] == [True, True], lines
    text = done.stdout + done.stderr + done.out.read_text()
    assert "s3cret" not in text and TOKEN not in text and TOKEN not in "".join(lines)


def test_http2_inside_the_tunnel(rampa: Rampa, world: World) -> None:
    world.seen()
    done = rampa("run", world.tls + "/t", "-i", "3", "--http2", "--proxy", f"{USER}@{world.http}", "--threshold",
                 "http_reqs{proto:HTTP/2.0}:count==3", env=world.trust, out=True, code=0)  # fmt: skip
    lines = world.seen(3)
    assert len(lines) == 3 and all("HTTP/2.0" in line for line in lines) and len({line.split()[0] for line in lines}) == 1
    assert done.metrics()["http_req_tls_handshaking"]["max"] > 0


def test_a_proxy_that_speaks_tls(rampa: Rampa, world: World, tmp_path: Path) -> None:
    """TLS inside TLS, and the request of http inside the TLS of the proxy."""
    world.seen()
    secure = Secure(world, tmp_path / "k")
    with secure.serve() as proxy:
        words = ["--proxy", f"https://{USER}@localhost:{proxy.port}"]
        for url in (world.plain, world.tls):
            done = rampa("run", url + "/x", "-i", "1", *words, "--cacert", secure.both, "--no-http2", out=True, code=0)
            assert done.metrics()["http_req_tls_handshaking"]["max"] > 0
            assert len(proxy.versions) == (1 if url == world.plain else 2), proxy.failures
        done = rampa("run", world.tls + "/x", "--once", *words, env=world.trust, code=1)
        assert f"proxy unreachable: localhost:{proxy.port}: certificate of an unknown authority" in done.stdout
    assert len([line for line in world.seen(2) if "GET /x" in line]) == 2


def test_large_bodies_both_ways(rampa: Rampa, script: Script, world: World, tmp_path: Path) -> None:
    """Through a tunnel, and through TLS inside TLS, of more bytes than the sockets take at once."""
    size = 2_000_017

    def echo(sock: ssl.SSLSocket) -> None:
        while head := read_head(sock):
            body = read(sock, size)
            assert b"Content-Length: %d" % size in head
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + body)

    secure = Secure(world, tmp_path / "k")
    with secure.serve() as proxy, TlsServer(echo, secure.pki.issue("server")) as server:
        proxies = [f"{USER}@{world.http}", f"socks5://{USER}@{world.socks}", f"https://{USER}@localhost:{proxy.port}"]
        script(f"""\
import random
import rampa

config = rampa.Config(options=rampa.Options(http2=False))


async def default(worker):
    body = random.Random(1).randbytes({size})
    for proxy in {proxies!r}:
        for _ in range(2):
            r = await worker.http.post({server.url!r}, data=body, proxy=proxy)
            assert r.status == 200 and r.body == body
""")
        rampa("run", "script.py", "-i", "1", "--cacert", secure.both, code=0)
        assert len(server.versions) == 3, server.failures


def test_a_script(rampa: Rampa, script: Script, world: World) -> None:
    """The proxy of the run, that of a request, and none; cookies of redirects and credentials go to nobody but who they are for."""
    world.seen()
    script(f"""\
import rampa

config = rampa.Config(options=rampa.Options(proxy="http://{world.squid}", proxy_auth=("joe", "s3cret1"), no_proxy="other.example, 127.0.0.1"))


async def default(worker):
    http = worker.http
    r = await http.get("{world.plain}/to-tls", headers={{"X-Token": "t"}})
    assert r.text() == "ok /after" and len(r.history) == 1, r
    r = await http.get("{world.plain}/a", proxy="socks5h://{world.socks}", proxy_auth=rampa.BasicAuth("joe", "s3cret1"))
    assert r.text() == "ok /a"
    r = await http.get("{world.plain}/b", proxy="{USER}@{world.http}")
    assert r.text() == "ok /b"
    r = await http.get("{world.plain.replace("localhost", "127.0.0.1")}/c")
    assert r.text() == "ok /c"
    r = await http.get("{world.plain}/d", proxy="")
    assert r.text() == "ok /d"
    try:
        await http.get("{world.plain}/e", proxy="socks5://{world.socks}")
    except rampa.errors.ProxyError as error:
        assert error.error_code == 1321, error
    else:
        raise AssertionError
""")
    done = rampa("run", "script.py", "-i", "2", env=world.trust, out=True, code=0)
    lines = world.seen(12)
    assert len(lines) == 12 and TOKEN not in "".join(lines)
    assert f"through the proxy http://{world.squid}, but for other.example, 127.0.0.1" in " ".join(done.stdout.split())
    for proxy in (f"socks5h://{world.socks}", world.http, f"socks5://{world.socks}"):
        assert f"requests went through the proxy {proxy} (proxy=)" in " ".join(done.stdout.split())
    text = done.stdout + done.stderr + done.out.read_text()
    assert "s3cret" not in text and TOKEN not in text
    assert '"proxy_auth": "***"' in done.out.read_text()
    inspected = rampa("inspect", "script.py", code=0).stdout + rampa("inspect", "script.py", "--format", "json", code=0).stdout
    assert "s3cret" not in inspected and world.squid in inspected


def test_the_environment_is_not_read(rampa: Rampa, world: World) -> None:
    """A load test would measure the proxy of the machine, and nobody would know."""
    with RefusingPort() as refusing:
        port = refusing.port
        proxies = dict.fromkeys(("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"), f"http://127.0.0.1:{port}")
        done = rampa("run", world.plain, "-i", "1", env=proxies, code=0)
        assert "proxy" not in done.stdout
        rampa("run", world.plain, "-i", "1", env={"RAMPA_PROXY": f"http://127.0.0.1:{port}", "RAMPA_NO_PROXY": "localhost"}, code=0)
        done = rampa("run", world.plain, "-i", "1", env={"RAMPA_PROXY": f"http://127.0.0.1:{port}"}, code=1)
        assert "proxy unreachable (1320)" in done.stdout


def test_where_the_server_is_said_to_be(rampa: Rampa, world: World) -> None:
    """The proxy is asked for the place that --connect-to says, by CONNECT also for http."""
    world.seen()
    port = world.plain.rpartition(":")[2]
    for proxy in (f"http://{USER}@{world.squid}", f"socks5h://{USER}@{world.socks}"):
        rampa("run", "http://server.example/x", "-i", "1", "--proxy", proxy.replace("squid", ""), "--connect-to", f"::127.0.0.1:{port}", code=0)
    assert [line.split()[2] for line in world.seen(2)] == ["server.example"] * 2


# ---- what goes wrong --------------------------------------------------------------------------------------------------


def fails(rampa: Rampa, url: str, proxy: str, *words: str, env: dict[str, str] | None = None) -> str:
    """What --once says of the request."""
    done = rampa("run", url, "--once", "--proxy", proxy, *words, env=env, out=True, code=1)
    (kind,) = done.result()["errors"]["requests"]
    assert "s3cret" not in done.stdout + done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("! ")]
    return f"{kind['error_code']} {line[2:]}"


@pytest.mark.parametrize(("proxy", "url", "told"), [
    ("http://{http}", "{tls}", "1321 proxy authentication failed: {http} wants a user and a password, before its host and an '@': 407 Proxy Authentication Required"),
    ("http://joe:wrong@{squid}", "{tls}", "1321 proxy authentication failed: {squid} was given a user and a password: 407 Proxy Authentication Required"),
    ("http://{user}@{squid}", "https://forbidden.example", "1322 refused by the proxy: {squid} may not connect to forbidden.example:443 by its rules: 403 Forbidden"),
    ("http://{user}@{squid}", "https://127.0.0.1:{closed}", "1323 server unreachable for the proxy: {squid} cannot connect to 127.0.0.1:{closed}: 503 Service Unavailable"),
    ("http://{user}@{http}", "https://127.0.0.1:{closed}", "1323 server unreachable for the proxy: {http} cannot connect to 127.0.0.1:{closed}: 500 Unable to connect"),
    ("socks5://{socks}", "{tls}", "1321 proxy authentication failed: {socks} wants a user and a password, before its host and an '@': it asks for them"),
    ("socks5://joe:wrong@{socks}", "{plain}", "1321 proxy authentication failed: {socks} was given a user and a password: it does not accept them"),
    ("socks5h://{user}@{socks}", "http://127.0.0.1:{closed}", "1323 server unreachable for the proxy: {socks} cannot connect to 127.0.0.1:{closed}: connection refused"),
    ("http://{socks}", "{tls}", "1324 malformed answer of the proxy: {socks} is no proxy for http:// and CONNECT: the response does not begin with an HTTP status line"),
    ("http://127.0.0.1:{closed}", "{tls}", "1320 proxy unreachable: 127.0.0.1:{closed}: connection refused"),
])  # fmt: skip
def test_what_proxies_refuse(rampa: Rampa, world: World, proxy: str, url: str, told: str) -> None:
    with RefusingPort() as closed:
        values = {**world.__dict__, "user": USER, "closed": closed.port}
        said = fails(rampa, url.format(**values), proxy.format(**values), env=world.trust)
    assert said.startswith(told.format(**values)), said


def test_a_proxy_that_refuses_to_make_the_request(rampa: Rampa, world: World) -> None:
    """Its 407 is an answer like others. Nothing that is kept of the request has the credentials."""
    done = rampa("run", world.plain, "--once", "--proxy", f"http://joe:wr0ng@{world.squid}", out=True, code=1)
    (kind,) = done.result()["errors"]["requests"]
    assert (kind["status"], kind["error_code"]) == ("407", "1407")
    text = done.stdout + done.stderr + done.out.read_text()
    assert "wr0ng" not in text and base64.b64encode(b"joe:wr0ng").decode() not in text
    assert "Proxy-Authorization: ***" in done.stdout + done.stderr


def test_a_name_that_only_the_proxy_could_know(rampa: Rampa, world: World) -> None:
    """socks5:// looks it up here, which is done before the run; socks5h:// does not."""
    done = rampa("run", "http://two..dots/", "--once", "--proxy", f"socks5://{USER}@{world.socks}", code=3)
    assert done.stderr.startswith("error: the name of http://two..dots:80 cannot be resolved: "), done.stderr
    said = fails(rampa, "http://two..dots/", f"socks5h://{USER}@{world.socks}")
    assert said.startswith("1323 server unreachable for the proxy"), said
    done = rampa("run", world.plain, "--once", "--proxy", f"socks5://{USER}@no..proxy:1080", code=3)
    assert done.stderr.startswith("error: the name of the proxy no..proxy:1080 cannot be resolved: "), done.stderr
    assert "s3cret" not in done.stderr


CONNECTED = Send(b"HTTP/1.1 200 Connection established\r\n\r\n")
GREETED, ASKED = 3, 4 + 1 + len("server.example") + 2


@pytest.mark.parametrize(("steps", "told"), [
    ([ExpectRequest(), Close()], "1325 closed by the proxy: {place}: it ended the connection"),
    ([ExpectRequest(), Send(b"HTTP/1.1 200 OK\r\nX: "), Close()], "1325 closed by the proxy: {place}: it ended the connection"),
    ([ExpectRequest(), Reset()], "1325 closed by the proxy: {place}: connection reset"),
    ([ExpectRequest(), Send(b"SSH-2.0-OpenSSH_9.2\r\n"), Hang()], "1324 malformed answer of the proxy: {place} is no proxy for http:// and CONNECT: "),
    ([ExpectRequest(), Send(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 20000)], "1324 malformed answer of the proxy: {place} is no proxy for http:// and CONNECT: the response head"),
    ([ExpectRequest(), Send(b"HTTP/1.1 418 \x1b[31mtea\r\n\r\n"), Hang()], "1322 refused by the proxy: {place} may not connect to server.example:443 by its rules: 418 "),
    ([ExpectRequest(), Send(b"HTTP/1.1 504 Late\r\n\r\n"), Hang()], "1323 server unreachable for the proxy: {place} cannot connect to server.example:443: 504 Late"),
    ([ExpectRequest(), Hang()], "1326 proxy timeout: {place} did not answer whether it connects to server.example:443"),
    ([ExpectRequest(), CONNECTED, Send(b"no TLS\r\n\r\n"), Hang()], "1313 handshake failed: "),
])  # fmt: skip
def test_a_proxy_that_misbehaves(rampa: Rampa, steps: list[object], told: str) -> None:
    with FaultServer(steps) as proxy:
        place = f"127.0.0.1:{proxy.port}"
        said = fails(rampa, "https://server.example/", f"http://{USER}@{place}", "--connect-timeout", "700ms")
        assert said.startswith(told.format(place=place)), said
        (request,) = proxy.requests
        assert (request.method, request.target) == ("CONNECT", "server.example:443")
        assert (request.header("host"), request.header("proxy-authorization")) == ("server.example:443", "Basic " + TOKEN)


def test_an_answer_in_pieces_and_one_with_a_body(rampa: Rampa) -> None:
    """What a proxy says of a body in its 2xx is not meant (RFC 9110, 9.3.6); an answer before it (1xx) is passed over."""
    head = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
    for said in (head.replace(b"Transfer-Encoding: chunked\r\n", b""), b"HTTP/1.0 299 Fine\n\n"):
        steps = [ExpectRequest(), *(Send(said[i : i + 1]) for i in range(len(said))), Repeat([ExpectRequest(), Send(answer())])]
        with FaultServer(steps) as proxy:
            words = ["--connect-to", "server.example:80:other.example:81", "--proxy", f"127.0.0.1:{proxy.port}"]
            rampa("run", "http://server.example/x", "-i", "2", *words, code=0)
        assert [request.target for request in proxy.requests] == ["other.example:81", "/x", "/x"]


@pytest.mark.parametrize(("said", "told"), [
    (b"\x05\x07", "1324"), (b"\x04\x5a\0\0\0\0\0\0", "1324"), (b"HTTP/1.1 400 Bad Request\r\n\r\n", "1324"), (b"\x05\xff", "1321"),
    (b"\x05\0\x05\0\0\x01", "1324"), (b"\x05", "1325"),
])  # fmt: skip
def test_socks_that_misbehaves(rampa: Rampa, said: bytes, told: str) -> None:
    with Plain(lambda sock: (sock.recv(4), sock.sendall(said), sock.shutdown(socket.SHUT_WR), sock.recv(1))) as port:
        assert fails(rampa, "http://server.example/", f"socks5h://127.0.0.1:{port}").startswith(told)


@pytest.mark.parametrize("reply", [*range(1, 10), 255])
def test_socks_that_refuses(rampa: Rampa, reply: int) -> None:
    def serve(sock: socket.socket) -> None:
        assert read(sock, GREETED) == b"\x05\x01\0"
        sock.sendall(b"\x05\0")
        assert read(sock, ASKED) == b"\x05\x01\0\x03\x0eserver.example" + struct.pack(">H", 8080)
        sock.sendall(bytes([5, reply, 0, 1, 0, 0, 0, 0, 0, 0]))
        sock.recv(1)

    with Plain(serve) as port:
        said = fails(rampa, "http://server.example:8080/", f"socks5h://127.0.0.1:{port}")
    assert said.startswith("1322 " if reply in (2, 7, 8, 9, 255) else "1323 "), said


@pytest.mark.parametrize(("words", "told"), [
    (["--proxy", "ftp://a:21"], "proxy: it must be http://HOST:PORT"),
    (["--proxy", "http://joe:s3cret@a"], "proxy: it must be http://HOST:PORT"),
    (["--proxy", "http://joe:s3cret@a:99999"], "proxy: it must be http://HOST:PORT"),
    (["--proxy", "http://a:1/path"], "proxy: it must be http://HOST:PORT"),
    (["--proxy", "http://a:1", "--no-proxy", "a/b"], "no_proxy: 'a/b' is neither a host nor a network"),
    (["--proxy", f"http://{'x' * 300}:y@a:1"], "proxy: its user or its password has more than 255 bytes"),
])  # fmt: skip
def test_mistakes(rampa: Rampa, words: list[str], told: str) -> None:
    finished = rampa("run", "http://b/", "-i", "1", *words, code=3)
    assert told in finished.stderr and "s3cret" not in finished.stderr


def test_the_words_of_the_command_line(program: Path) -> None:
    """Others on this machine can read them."""
    release = threading.Event()
    with Plain(lambda sock: (sock.recv(1000), release.wait(WAIT))) as port:
        words = [str(program), "run", "http://b/", "-i", "1", "-x", f"http://joe:s3cret@127.0.0.1:{port}"]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while not children.read_text():
            assert process.poll() is None
            os.sched_yield()
        shown = b"".join(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in [str(process.pid), *children.read_text().split()])
        release.set()
        process.communicate(timeout=WAIT)
    assert b"s3cret" not in shown and b"http://**********@127.0.0.1" in shown
