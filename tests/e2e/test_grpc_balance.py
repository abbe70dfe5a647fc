# SPDX-License-Identifier: MIT
"""Calls of worker.grpc that go to all addresses of a name in turn, some of which are down for a while."""
from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from grpc_world import Rampa, Script, run

pytest.importorskip("hpack")
from h2server import DATA, Peer, WINDOW_UPDATE, frame  # noqa: E402

ADDRESSES = ["127.0.0.2", "127.0.0.3", "127.0.0.4"]
WHO, STOP, START = "/test.Test/Who", "/test.Test/Stop", "/test.Test/Start"

# Run by the calls() of each test.
SCRIPT = f"""
from collections import Counter

channel = worker.grpc.connect("grpc://all.test:{{port}}", balance="round_robin"{{more}})
async def who(count):
    rs = [await channel.unary("{WHO}", b"") for _ in range(count)]
    assert all(r.ok for r in rs), [(r.status, r.details) for r in rs if not r.ok]
    return Counter(r.data.decode() for r in rs)
async def switch(method, address):
    assert (await channel.unary("/test.Test/" + method, address.encode())).ok
async def until_it_has(address):
    while address not in await who(1):
        pass
"""


class Servers:
    """Servers of gRPC at several addresses with one port, which tell who they are, and stop and start one another when they are asked."""

    def __init__(self) -> None:
        self.listeners: dict[str, socket.socket] = {}
        self.peers: dict[str, list[Peer]] = {address: [] for address in ADDRESSES}
        self.threads: list[threading.Thread] = []
        self.port = 0
        self.closed_at_once = 0
        while not self.listeners:
            try:
                self.start(ADDRESSES)
            except OSError:  # another one has the port there
                self.stop(list(self.listeners))
                self.port = 0

    def start(self, addresses: list[str]) -> None:
        for address in addresses:
            self.listeners[address] = socket.create_server((address, self.port), backlog=64)
            self.port = self.listeners[address].getsockname()[1]
            self._run(self._accept, address, self.listeners[address])

    def close_at_once(self, addresses: list[str]) -> None:
        """There, connections are accepted, and closed when the first bytes have come."""
        for address in addresses:
            self.listeners[address] = socket.create_server((address, self.port), backlog=64)
            self._run(self._refuse, self.listeners[address])

    def stop(self, addresses: list[str]) -> None:
        """Afterwards nobody listens there, and the connections are closed."""
        for address in addresses:
            listener = self.listeners.pop(address)
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            for peer in self.peers[address]:
                try:
                    peer.socket.shutdown(socket.SHUT_RDWR)
                except OSError:  # it is closed
                    pass
            self.peers[address].clear()

    def close(self) -> None:
        self.stop(list(self.listeners))
        for thread in self.threads:
            thread.join(30)
            assert not thread.is_alive()

    def _run(self, function: Any, *args: Any) -> None:
        self.threads.append(threading.Thread(target=function, args=args))
        self.threads[-1].start()

    def _accept(self, address: str, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.peers[address].append(Peer(connection))
            self._run(self._serve, address, self.peers[address][-1])

    def _refuse(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.closed_at_once += 1
            with connection:
                connection.recv(1 << 16)

    def _serve(self, address: str, peer: Peer) -> None:
        try:
            peer.begin()
            peer.send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 30)))
            while True:
                for stream, request in list(peer.requests.items()):
                    del peer.requests[stream]
                    self._answer(address, peer, stream, request.fields[":path"], request.body[5:].decode())
                peer.read_frame()
        except (EOFError, OSError):
            pass
        finally:
            peer.socket.close()

    def _answer(self, address: str, peer: Peer, stream: int, path: str, text: str) -> None:
        if path == STOP:
            self.stop(text.split())
        elif path == START:
            self.start(text.split())
        data = address.encode()
        message = frame(DATA, 0, stream, b"\0" + struct.pack(">I", len(data)) + data)
        head = [(":status", "200"), ("content-type", "application/grpc")]
        peer.send(peer.headers(stream, head, end=False) + message + peer.headers(stream, [("grpc-status", "0")]))


@pytest.fixture
def servers() -> Iterator[Servers]:
    servers = Servers()
    yield servers
    servers.close()


def balanced(rampa: Rampa, script: Script, servers: Servers, body: str, *words: str, more: str = "", code: int = 0) -> list[Any]:
    where = ("--resolve", f"all.test:{servers.port}:{','.join(ADDRESSES)}")

    def resolved(*args: Any, **options: Any) -> Any:
        return rampa(*args, *where, *words, **options)

    return run(resolved, script, SCRIPT.format(port=servers.port, more=more) + body, code=code)[1]


@pytest.mark.parametrize("select", ["vu", "first", "roundRobin", "random"])
def test_all_addresses(rampa: Rampa, script: Script, servers: Servers, select: str) -> None:
    (counts,) = balanced(rampa, script, servers, "print(json.dumps(await who(12)))", "--dns", f"select={select}")
    assert counts == dict.fromkeys(ADDRESSES, 4)


@pytest.mark.parametrize("more", ["", ", shared=True"])
def test_servers_that_are_started_again(rampa: Rampa, script: Script, servers: Servers, more: str) -> None:
    """The calls of all that are up go on, none fails, and a server that is back gets its share."""
    body = """
print(json.dumps(await who(6)))
for address in ("127.0.0.2", "127.0.0.4"):
    await channel.unary("/test.Test/Stop", address.encode())
    print(json.dumps(await who(8)))
    await switch("Start", address)
    await until_it_has(address)
    print(json.dumps(await who(9)))
"""
    all_three, without_first, again, without_last, again_too = balanced(rampa, script, servers, body, more=more)
    assert all_three == dict.fromkeys(ADDRESSES, 2)
    assert without_first == dict.fromkeys(ADDRESSES[1:], 4)
    assert without_last == dict.fromkeys(ADDRESSES[:2], 4)
    assert again == again_too == dict.fromkeys(ADDRESSES, 3)


def test_all_but_one_down_from_the_beginning(rampa: Rampa, script: Script, servers: Servers) -> None:
    servers.stop(ADDRESSES[1:])
    body = """
print(json.dumps(await who(6)))
await switch("Start", "127.0.0.3 127.0.0.4")
await until_it_has("127.0.0.3")
await until_it_has("127.0.0.4")
print(json.dumps(await who(9)))
"""
    alone, together = balanced(rampa, script, servers, body)
    assert alone == {ADDRESSES[0]: 6}
    assert together == dict.fromkeys(ADDRESSES, 3)


def test_none_up(rampa: Rampa, script: Script, servers: Servers) -> None:
    servers.stop(ADDRESSES)
    (line,) = balanced(rampa, script, servers, f'told(await channel.unary("{WHO}", b""))', code=1)
    assert (line["status"], line["code"]) == (14, 1212), json.dumps(line)


@pytest.mark.parametrize("broken", [1, 2])
def test_addresses_that_accept_and_close(rampa: Rampa, script: Script, servers: Servers, broken: int) -> None:
    """A call is passed on until it comes to the one that works."""
    servers.stop(ADDRESSES[:broken])
    servers.close_at_once(ADDRESSES[:broken])
    (counts,) = balanced(rampa, script, servers, "print(json.dumps(await who(6)))")
    assert sum(counts.values()) == 6 and set(counts) == set(ADDRESSES[broken:])


@pytest.mark.parametrize("scheme", ["grpc", "grpcs"])
def test_the_only_address_is_dialled_once_a_call(rampa: Rampa, script: Script, servers: Servers, scheme: str) -> None:
    """Whether the server closes in place of a handshake of TLS or of the first frame."""
    servers.stop(ADDRESSES)
    servers.close_at_once(ADDRESSES[:1])
    body = f"""
channel = worker.grpc.connect("{scheme}://{ADDRESSES[0]}:{servers.port}", balance="round_robin")
for _ in range(5):
    told(await channel.unary("{WHO}", b""))
"""
    _, lines = run(rampa, script, body, code=1)
    assert [line["status"] for line in lines] == [14] * 5
    assert servers.closed_at_once == 5
