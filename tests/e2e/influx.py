# SPDX-License-Identifier: MIT
"""Debian's InfluxDB on free ports, what was written to it, and a front before it that misbehaves as told."""
from __future__ import annotations

import contextlib
import http.server
import json
import re
import socket
import struct
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from certificates import Certificate
from tlsserver import context_of

CONFIG = """
reporting-disabled = true
bind-address = "127.0.0.1:0"
[meta]
  dir = "{0}/meta"
[data]
  dir = "{0}/data"
  wal-dir = "{0}/wal"
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:0"
  log-enabled = false
"""


class Influx:
    def __init__(self, url: str) -> None:
        self.url = url

    def query(self, text: str, database: str = "") -> list[dict[str, Any]]:
        body = urllib.parse.urlencode({"q": text, "db": database, "epoch": "ns"}).encode()
        with urllib.request.urlopen(f"{self.url}/query", data=body, timeout=60) as answer:
            results = json.load(answer)["results"]
        assert not any("error" in one for one in results), results
        return [series for one in results for series in one.get("series", [])]

    def points(self, database: str) -> dict[str, list[dict[str, Any]]]:
        """All points by measurement, in the order of time; what a point does not have is None."""
        return {
            series["name"]: [dict(zip(series["columns"], row)) for row in series["values"]]
            for series in self.query("SELECT * FROM /.*/", database)
        }


@contextlib.contextmanager
def influxdb(folder: Path) -> Iterator[Influx]:
    (folder / "influx.conf").write_text(CONFIG.format(folder))
    process = subprocess.Popen(["influxd", "-config", folder / "influx.conf"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        assert process.stderr
        for line in process.stderr:
            if found := re.search(r"Listening on HTTP.* addr=([\d.:]+)", line):
                break
        else:
            raise AssertionError("influxd has ended")
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield Influx(f"http://{found[1]}")
    finally:
        process.kill()
        process.wait()


class Front:
    """Hands what is posted on to InfluxDB, but first does what `acts` says, one item a request: a status to answer with, a pair of status and
    Retry-After, "drop" to cut the connection, "ok" to let one through, bytes for an answer 200 that has them, a path for none: it makes the file, and does
    not answer. It refuses connections until listen() is called. With a certificate it speaks TLS."""

    def __init__(self, behind: str, *acts: int | str | bytes | tuple[int, str] | Path, certificate: Certificate | None = None) -> None:
        self.behind, self.acts = behind, list(acts)
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.bodies: list[bytes] = []
        self.closed = threading.Event()
        front = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                front.requests.append((self.path, {key.lower(): value for key, value in self.headers.items()}))
                front.bodies.append(body)
                act = front.acts.pop(0) if front.acts else "ok"
                if act == "drop":
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.close_connection = True
                elif act == "ok":
                    with urllib.request.urlopen(urllib.request.Request(front.behind + self.path, data=body, headers=front.passed(self.headers)), timeout=60) as answer:
                        self.answer(answer.status)
                elif isinstance(act, Path):
                    act.touch()
                    front.closed.wait()
                    self.close_connection = True
                elif isinstance(act, bytes):
                    self.answer(200, {}, act)
                elif isinstance(act, tuple):
                    self.answer(act[0], {"Retry-After": act[1]})
                else:
                    self.answer(int(act), {}, b"not \x1b[31mnow\n::error::no")

            def answer(self, status: int, fields: dict[str, str] | None = None, body: bytes = b"") -> None:
                self.send_response(status)
                for name, value in (fields or {}).items():
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body if status != 204 else b"")

            def log_message(self, *args: object) -> None:
                pass

        self.passed = lambda fields: {name: fields[name] for name in ("Content-Type", "Content-Encoding") if name in fields}

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                pass  # a connection was cut

        self.server = Server(("127.0.0.1", 0), Handler, bind_and_activate=False)
        self.server.server_bind()  # the port is ours, and nobody listens there yet
        self.address = f"127.0.0.1:{self.server.server_port}"
        self.url = f"http{'s' if certificate else ''}://{self.address}"
        if certificate:  # the handshake is made by the thread of the connection
            self.server.socket = context_of(certificate).wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)

    def listen(self) -> Front:
        self.server.server_activate()
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def close(self) -> None:
        self.closed.set()
        self.server.shutdown()
        self.server.server_close()


def wait_for(path: Path) -> None:
    """Until the script has made the file; the test's own time limit ends a wait in vain."""
    while not path.exists():
        time.sleep(0.02)
