# SPDX-License-Identifier: MIT
"""A client of the control server, that is not ours: http.client over the UNIX socket."""
from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SECONDS = 60


class Connection(http.client.HTTPConnection):
    """HTTP over a UNIX socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=SECONDS)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(SECONDS)
        self.sock.connect(self.path)


class Control:
    """The control server of a run that goes on."""

    def __init__(self, path: str, address: str | None = None) -> None:
        self.path = path
        self.address = address
        self.token = Path(path + ".token").read_text().strip()

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.address, timeout=SECONDS) if self.address else Connection(self.path)

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, token: str | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Status and object of an answer. @body is made JSON unless it is bytes; an empty @token is none."""
        connection = self.connect()
        token = self.token if token is None else token
        fields = {"Authorization": f"Bearer {token}"} if token else {}
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection.request(method, path, body=data, headers={**fields, **(headers or {})})
        response = connection.getresponse()
        assert response.headers["Content-Type"] == "application/json"
        answer = json.loads(response.read())
        connection.close()
        return response.status, answer

    def get(self, path: str) -> dict[str, Any]:
        status, answer = self.ask("GET", path)
        assert status == 200, answer
        return answer

    def post(self, path: str, body: Any = None) -> dict[str, Any]:
        status, answer = self.ask("POST", path, body)
        assert status == 200, answer
        return answer

    def events(self, after: int | None = None) -> Iterator[tuple[int, str, dict[str, Any]]]:
        """Number, type and line of each event, until the stream ends."""
        connection = self.connect()
        fields = {"Authorization": f"Bearer {self.token}"}
        connection.request("GET", "/v1/events", headers=fields if after is None else {**fields, "Last-Event-ID": str(after)})
        response = connection.getresponse()
        assert response.status == 200 and response.headers["Content-Type"] == "text/event-stream"
        fields = {}
        while line := response.readline().decode():
            name, _, value = line.rstrip("\n").partition(": ")
            if name:
                fields[name] = value
                continue
            if "data" in fields:
                yield int(fields["id"]), fields["event"], json.loads(fields["data"])
            fields = {}
        connection.close()
