# SPDX-License-Identifier: MIT
"""How outputs reach their servers: through TLS, and through the proxy that the environment names, which load never takes."""
from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from certificates import Certificate, Pki
from finished import Finished
from influx import Front
from proxy_world import Plain, pump, read_head

Rampa = Callable[..., Finished]
Script = Callable[..., Path]

SCRIPT = """
import rampa
config = rampa.Config(options=rampa.Options(iterations=2, base_url="{url}"))
def setup(): open("ran", "w")
async def default(worker):
    worker.counter("done")
    await worker.http.post("/load")
"""


@pytest.fixture
def target(script: Script) -> Iterator[Front]:
    """What the load goes to."""
    front = Front("", 204, 204).listen()
    script(SCRIPT.format(url=front.url))
    yield front
    front.close()


@contextmanager
def front(certificate: Certificate | None = None, acts: int = 20) -> Iterator[Front]:
    made = Front("", *[200] * acts, certificate=certificate).listen()
    yield made
    made.close()


def run(rampa: Rampa, url: str, *options: str, code: int, env: dict[str, str] | None = None) -> Finished:
    words = [word for option in options for word in ("--output-option", f"webhook.{option}")]
    return rampa("run", "script.py", "-O", f"webhook={url}/hook/pla-nted", *words, out=True, code=code, env=env)


# ---- TLS ----


def test_a_server_behind_tls(rampa: Rampa, target: Front, pki: Pki, good: Certificate, trust: dict[str, str], tmp_path: Path) -> None:
    with front(good) as server:
        for ways, env in (([f"cacert={pki.root.file}"], {}), (["insecure=1"], {}), ([], trust)):
            server.bodies.clear()
            run(rampa, server.url, *ways, code=0, env=env)
            assert len(server.bodies) >= 3 and b'"finished"' in server.bodies[-1]
            target.acts = [204, 204]


def test_a_server_that_nobody_vouches_for_is_told_before_anything_runs(
    rampa: Rampa, target: Front, pki: Pki, good: Certificate, tmp_path: Path
) -> None:
    late = pki.issue("late", days=(-20, -10))
    elsewhere = pki.issue("elsewhere", hosts="DNS:elsewhere.example")
    for certificate, ca, what in (
        (good, pki.stranger.file, "authority"),
        (good, pki.stranger.file, "\n  --output-option webhook.cacert=FILE names its authority, webhook.insecure=1 takes any certificate\n"),
        (late, pki.root.file, "expired"),
        (elsewhere, pki.root.file, "127.0.0.1"),
        (elsewhere, pki.root.file, "\n  --output-option webhook.insecure=1 takes any certificate\n"),
    ):
        with front(certificate) as server:
            done = run(rampa, server.url, f"cacert={ca}", code=3)
            assert done.stderr.startswith(f"error: the output webhook cannot use {server.url}: "), done.stderr
            assert what in done.stderr and "pla-nted" not in done.stderr
            assert not server.bodies
    with front(good) as server:
        plain = server.url.replace("https:", "http:")
        done = run(rampa, plain, code=3)
        said = f"error: the output webhook cannot use {plain}: the server speaks TLS, and its URL says none\n  the URL begins with https://\n"
        assert done.stderr.startswith(said) and not server.bodies
    missing = run(rampa, server.url, f"cacert={tmp_path}/none.pem", code=3)
    assert f"{tmp_path}/none.pem" in missing.stderr
    assert not (tmp_path / "ran").exists() and not target.bodies


# ---- proxies ----

USER = "joe:s3cret%31"
TOKEN = "Basic " + base64.b64encode(b"joe:s3cret1").decode()


def test_a_proxy_of_the_environment_is_asked_and_the_load_goes_past_it(rampa: Rampa, target: Front, tmp_path: Path) -> None:
    with front() as proxy:
        env = {"http_proxy": f"http://{USER}@{proxy.address}", "HTTP_PROXY": "http://127.0.0.1:1"}
        done = run(rampa, "http://no-such-name.invalid", code=0, env=env)
        assert done.count("http_reqs") == 2 == len(target.bodies)
        assert len(proxy.bodies) >= 3 and b'"finished"' in proxy.bodies[-1]
        for path, fields in proxy.requests:
            assert path == "http://no-such-name.invalid/hook/pla-nted"
            assert fields["host"] == "no-such-name.invalid" and fields["proxy-authorization"] == TOKEN
        assert f"the output webhook goes through the proxy {proxy.address}" in " ".join(done.stdout.split())
        text = done.stdout + done.stderr + done.out.read_text()
        assert "s3cret" not in text and TOKEN not in text and "pla-nted" not in text


def test_https_goes_through_a_tunnel(rampa: Rampa, target: Front, pki: Pki, good: Certificate) -> None:
    heads: list[bytes] = []

    def serve(sock: socket.socket) -> None:
        """Gives the connection that is asked for: one, for the output keeps it."""
        heads.append(read_head(sock))
        with socket.create_connection(server.server.server_address[:2]) as there:  # type: ignore[arg-type]
            sock.sendall(b"HTTP/1.1 200 Yes\r\n\r\n")
            back = threading.Thread(target=pump, args=(there, sock), daemon=True)
            back.start()
            pump(sock, there)
            back.join(30)

    with front(good) as server, Plain(serve) as port:
        name = f"localhost:{server.server.server_port}"
        run(rampa, f"https://{name}", f"cacert={pki.root.file}", code=0, env={"HTTPS_PROXY": f"{USER}@127.0.0.1:{port}"})
        (head,) = heads
        assert head.startswith(f"CONNECT {name} HTTP/1.1\r\n".encode()) and TOKEN.encode() in head
        assert len(server.requests) >= 3
        assert all(path == "/hook/pla-nted" and "proxy-authorization" not in fields for path, fields in server.requests)


def test_hosts_without_a_proxy(rampa: Rampa, target: Front) -> None:
    with front() as server:
        done = run(rampa, server.url, code=0, env={"ALL_PROXY": "socks5://127.0.0.1:1", "NO_PROXY": "a.example, 127.0.0.0/8"})
        assert len(server.requests) >= 3 and server.requests[0][0] == "/hook/pla-nted"
        assert "proxy" not in done.stdout


def test_what_a_proxy_refuses(rampa: Rampa, target: Front, tmp_path: Path) -> None:
    with front() as server:
        server.acts = [407]
        env = {"http_proxy": f"http://joe:pla-nted@{server.address}"}
        done = run(rampa, "http://shop.example", code=3, env=env)
        where = f"http://shop.example through the proxy {server.address}"
        assert done.stderr.startswith(f"error: the output webhook cannot use {where}: "), done.stderr
    for variable, value in (("http_proxy", "ftp://joe:pla-nted@x:1"), ("NO_PROXY", "a b/pla-nted")):
        env = {"http_proxy": "127.0.0.1:1", variable: value}
        done = run(rampa, "http://shop.example", code=3, env=env)
        assert done.stderr.startswith(f"error: -O: {variable}: "), done.stderr
        assert "joe" not in done.stderr
    done = run(rampa, "http://shop.example", "required=1", code=3, env={"http_proxy": "127.0.0.1:1"})
    assert "http://shop.example through the proxy 127.0.0.1:1: " in done.stderr
    assert not (tmp_path / "ran").exists()
