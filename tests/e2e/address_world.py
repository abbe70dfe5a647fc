# SPDX-License-Identifier: MIT
"""A network of its own (unshare -n -m) with a name server, and rampa in it: `address_world.py ZONE SERVERS HOLES WORDS...`.

ZONE is JSON: name -> {"A": [...], "AAAA": [...]}; a family that is null is never answered, and one whose addresses are lists
themselves is answered with one list after the other. SERVERS are addresses, with commas, at
which an HTTP server listens on port 8000; at the addresses of HOLES nobody answers to a SYN. Prints JSON: how often each server was connected to,
the questions, and what rampa printed.
"""
from __future__ import annotations

import collections
import ipaddress
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from typing import Any

TYPES = {1: "A", 28: "AAAA"}


def serve_names(zone: dict[str, dict[str, Any]], questions: list[str]) -> None:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 53))
    while True:
        data, peer = sock.recvfrom(4096)
        at, labels = 12, []
        while data[at]:
            labels.append(data[at + 1 : at + 1 + data[at]].decode())
            at += 1 + data[at]
        (kind,) = struct.unpack(">H", data[at + 1 : at + 3])
        name = ".".join(labels).lower()
        questions.append(f"{name} {TYPES.get(kind, kind)}")
        records = zone.get(name, {}).get(TYPES.get(kind, ""), [])
        if records is None:
            continue
        if records and isinstance(records[0], list):
            records = records.pop(0) if len(records) > 1 else records[0]
        answers = b""
        for record in records:
            packed = ipaddress.ip_address(record).packed
            answers += b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(packed)) + packed
        code = 0 if name in zone else 3
        head = data[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(records), 0, 0)
        sock.sendto(head + data[12 : at + 5] + answers, peer)


def serve_http(listener: socket.socket, address: str, connections: collections.Counter[str]) -> None:
    def talk(sock: socket.socket) -> None:
        while sock.recv(65536):
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    while True:
        sock, _ = listener.accept()
        connections[address] += 1
        threading.Thread(target=talk, args=(sock,), daemon=True).start()


def listen(address: str, backlog: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    sock.bind((address, 8000))
    sock.listen(backlog)
    return sock


def main() -> None:
    zone, servers, holes = json.loads(sys.argv[1]), sys.argv[2].split(","), sys.argv[3].split(",")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("resolv.conf", "nameserver 127.0.0.1\n"), ("hosts", "127.0.0.1 localhost\n")):
            path = os.path.join(folder, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            subprocess.run(["mount", "--bind", path, f"/etc/{name}"], check=True)
        questions: list[str] = []
        connections: collections.Counter[str] = collections.Counter()
        threading.Thread(target=serve_names, args=(zone, questions), daemon=True).start()
        keep = []
        for address in filter(None, holes):
            keep.append(listen(address, 0))
            keep.append(socket.create_connection((address, 8000)))  # its queue is full with this one
        for address in filter(None, servers):
            listener = listen(address, 128)
            threading.Thread(target=serve_http, args=(listener, address, connections), daemon=True).start()
        done = subprocess.run(sys.argv[4:], capture_output=True, text=True)
        json.dump(
            {"connections": connections, "questions": questions, "code": done.returncode, "stdout": done.stdout, "stderr": done.stderr},
            sys.stdout,
        )
        for name in ("resolv.conf", "hosts"):
            subprocess.run(["umount", f"/etc/{name}"], check=True)


if __name__ == "__main__":
    main()
