# SPDX-License-Identifier: MIT
"""nginx, and in front of it tinyproxy, squid and microsocks, which know the user joe; and what plays a proxy."""
from __future__ import annotations

import base64
import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from accesslog import lines_of
from certificates import OPENSSL, Pki
from tlsserver import TlsServer

PATH = os.environ.get("PATH", "") + ":/usr/sbin"
NGINX, TINYPROXY, SQUID, MICROSOCKS = (shutil.which(name, path=PATH) for name in ("nginx", "tinyproxy", "squid", "microsocks"))
NCSA = "/usr/lib/squid/basic_ncsa_auth"
WAIT = 30

NGINX_CONFIG = """
daemon off;
worker_processes 1;
error_log {folder}/error.log;
pid {folder}/nginx.pid;
events {{ worker_connections 512; }}
http {{
    log_format own '$connection $server_protocol $host "$request" "$http_proxy_authorization" "$http_x_token"';
    access_log {folder}/access.log own;
    client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
    uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
    server {{
        listen 127.0.0.1:{plain};
        listen 127.0.0.1:{tls} ssl http2;
        ssl_certificate {chain};
        ssl_certificate_key {key};
        location /to-tls {{ return 302 https://localhost:{tls}/after; }}
        location / {{ return 200 "ok $request_uri"; }}
    }}
}}
"""
TINYPROXY_CONFIG = 'Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 100\nAllow 127.0.0.1\nBasicAuth joe s3cret1\n'
SQUID_CONFIG = """
http_port 127.0.0.1:{port}
auth_param basic program {ncsa} {folder}/users
auth_param basic realm test
acl known proxy_auth REQUIRED
acl forbidden dstdomain forbidden.example
http_access deny forbidden
http_access allow known
http_access deny all
cache deny all
cache_mem 8 MB
access_log none
cache_log {folder}/cache.log
pid_filename none
coredump_dir {folder}
shutdown_lifetime 0 seconds
dns_nameservers 127.0.0.1
"""


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def start(words: Callable[[list[int]], list[str]], log: Path, count: int = 1) -> tuple[subprocess.Popen[bytes], list[int]]:
    """A program that listens on the ports, which nobody else has."""
    for _ in range(20):
        ports = free_ports(count)
        with open(log, "wb") as out:
            process = subprocess.Popen(words(ports), stdout=out, stderr=out)
        while process.poll() is None:
            try:
                for port in ports:
                    socket.create_connection(("127.0.0.1", port), timeout=WAIT).close()
                return process, ports
            except ConnectionRefusedError:
                os.sched_yield()
    pytest.fail(log.read_text(errors="replace"))


@dataclass
class World:
    """The servers behind the proxies, and the proxies, which know the user joe."""

    plain: str  # URL of the server
    tls: str
    trust: dict[str, str]  # an environment that trusts it
    log: Path
    http: str = ""  # HOST:PORT of tinyproxy, squid and microsocks
    squid: str = ""
    socks: str = ""

    def seen(self, count: int = 0) -> list[str]:
        """What the server has logged, of at least so many requests, and forgets it."""
        lines = lines_of(self.log, count)
        os.truncate(self.log, 0)
        return lines


USER = "joe:s3cret%31"  # as in a URL
TOKEN = base64.b64encode(b"joe:s3cret1").decode()


@contextmanager
def made(folder: Path) -> Iterator[World]:
    """All of them, with their files in an empty folder."""
    if not OPENSSL or not NGINX or not TINYPROXY or not SQUID or not MICROSOCKS:
        pytest.skip("no nginx, tinyproxy, squid or microsocks")
    cage = Path(tempfile.mkdtemp())  # where squid can look when it has given up root
    cage.chmod(0o777)
    good = Pki(folder).issue("good")
    user = "user root;\n" if os.getuid() == 0 else ""
    processes = []

    def serve(ports: list[int]) -> list[str]:
        config = NGINX_CONFIG.format(folder=folder, plain=ports[0], tls=ports[1], chain=good.chain, key=good.key)
        (folder / "nginx.conf").write_text(user + config)
        return [str(NGINX), "-p", str(folder), "-c", str(folder / "nginx.conf")]

    def tiny(ports: list[int]) -> list[str]:
        (folder / "tinyproxy.conf").write_text(TINYPROXY_CONFIG.format(port=ports[0]))
        return [str(TINYPROXY), "-d", "-c", str(folder / "tinyproxy.conf")]

    def squid(ports: list[int]) -> list[str]:
        hashed = subprocess.run([str(OPENSSL), "passwd", "-apr1", "s3cret1"], capture_output=True, text=True, check=True).stdout
        (cage / "users").write_text("joe:" + hashed)
        (cage / "squid.conf").write_text(SQUID_CONFIG.format(port=ports[0], ncsa=NCSA, folder=cage))
        return [str(SQUID), "-N", "-f", str(cage / "squid.conf")]

    try:
        process, (plain, tls) = start(serve, folder / "nginx.log", 2)
        processes.append(process)
        root = folder / "pki" / "root.pem"
        world = World(f"http://localhost:{plain}", f"https://localhost:{tls}", {"SSL_CERT_FILE": str(root), "SSL_CERT_DIR": "/nonexistent"},
                      folder / "access.log")  # fmt: skip
        process, (port,) = start(tiny, folder / "tinyproxy.log")
        processes.append(process)
        world.http = f"127.0.0.1:{port}"
        process, (port,) = start(squid, folder / "squid.log")
        processes.append(process)
        world.squid = f"127.0.0.1:{port}"
        process, (port,) = start(lambda ports: [str(MICROSOCKS), "-i", "127.0.0.1", "-p", str(ports[0]), "-u", "joe", "-P", "s3cret1"],
                                 folder / "socks.log")  # fmt: skip
        processes.append(process)
        world.socks = f"127.0.0.1:{port}"
        yield world
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(WAIT)
        shutil.rmtree(cage)


class Secure:
    """tinyproxy inside TLS, with an authority of its own."""

    def __init__(self, world: World, folder: Path) -> None:
        folder.mkdir()
        self.pki = Pki(folder)
        self.place = world.http.split(":")
        self.both = folder / "both.pem"  # the authorities of the proxy and of the server
        self.both.write_text(self.pki.root.file.read_text() + Path(world.trust["SSL_CERT_FILE"]).read_text())

    def serve(self) -> TlsServer:
        return TlsServer(self._relay, self.pki.issue("proxy"))

    def _relay(self, sock: socket.socket) -> None:
        with socket.create_connection((self.place[0], int(self.place[1])), timeout=WAIT) as plain:
            there = threading.Thread(target=pump, args=(plain, sock), daemon=True)
            there.start()
            pump(sock, plain)
            there.join(WAIT)


def pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def read_head(sock: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n") and (byte := sock.recv(1)):
        head += byte
    return head


def read(sock: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        data += sock.recv(count - len(data)) or pytest.fail("the client ended")
    return data


class Plain:
    """A server that serves one connection."""

    def __init__(self, serve: Callable[[socket.socket], object]) -> None:
        self.serve = serve
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        sock, _ = self.listener.accept()
        with sock:
            sock.settimeout(WAIT)
            try:
                self.serve(sock)
            except OSError:
                pass

    def __enter__(self) -> int:
        self.thread.start()
        return int(self.listener.getsockname()[1])

    def __exit__(self, *_: object) -> None:
        self.thread.join(WAIT)
        self.listener.close()
