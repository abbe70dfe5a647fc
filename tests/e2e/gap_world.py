# SPDX-License-Identifier: MIT
"""A network of its own (unshare -n) with a server that loses segments: `gap_world.py GAP_MS WORDS...`.

The server is made of packets, on the other side of a TUN device, and listens at http://10.77.0.2/. It answers each request in two
segments; of a request for a path that begins with /gap the first segment comes GAP_MS after the second. WORDS are run. Prints
JSON: for each request its path, when it came and when the first segment was sent, in nanoseconds of the monotonic clock, and what
was printed.
"""
from __future__ import annotations

import fcntl
import json
import os
import select
import struct
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
BODY = b"ok"


def checksum(data: bytes) -> int:
    total = sum(struct.unpack(f">{len(data) // 2}H", data[: len(data) & ~1]))
    total += data[-1] << 8 if len(data) & 1 else 0
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@dataclass
class Packet:
    source: bytes
    target: bytes
    ports: tuple[int, int]
    seq: int
    ack: int
    flags: int
    data: bytes = b""

    @classmethod
    def parse(cls, raw: bytes) -> Packet | None:
        if raw[0] >> 4 != 4 or raw[9] != 6:
            return None
        tcp = raw[(raw[0] & 15) * 4 : struct.unpack_from(">H", raw, 2)[0]]
        source, target, seq, ack, offset, flags = struct.unpack_from(">HHIIBB", tcp)
        return cls(raw[12:16], raw[16:20], (source, target), seq, ack, flags, tcp[(offset >> 4) * 4 :])

    def bytes(self) -> bytes:
        tcp = struct.pack(">HHIIBBHHH", *self.ports, self.seq & 0xFFFFFFFF, self.ack & 0xFFFFFFFF, 0x50, self.flags, 65535, 0, 0)
        pseudo = self.source + self.target + struct.pack(">BBH", 0, 6, len(tcp) + len(self.data))
        tcp = tcp[:16] + struct.pack(">H", checksum(pseudo + tcp + self.data)) + tcp[18:]
        size = 20 + len(tcp) + len(self.data)
        head = struct.pack(">BBHHHBBH", 0x45, 0, size, 0, 0, 64, 6, 0) + self.source + self.target
        return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + tcp + self.data


@dataclass
class Server:
    tun: int
    gap: float
    requests: list[dict[str, object]] = field(default_factory=list)
    sent: dict[tuple[int, int], int] = field(default_factory=dict)  # of a connection: the number of its next byte

    def answer(self, to: Packet, seq: int, flags: int, data: bytes = b"") -> None:
        used = len(to.data) + bool(to.flags & (SYN | FIN))
        ports = to.ports[1], to.ports[0]
        os.write(self.tun, Packet(to.target, to.source, ports, seq, to.seq + used, flags, data).bytes())

    def take(self, packet: Packet) -> None:
        if packet.flags & SYN:
            self.sent[packet.ports] = 1001
            self.answer(packet, 1000, SYN | ACK)
        elif packet.flags & FIN:
            self.answer(packet, self.sent[packet.ports], FIN | ACK)
        elif packet.data and not packet.flags & RST:
            self.serve(packet, self.sent[packet.ports])

    def serve(self, packet: Packet, seq: int) -> None:
        came = time.monotonic_ns()
        path = packet.data.split()[1].decode()
        is_lost = path.startswith("/gap")
        if is_lost:
            self.answer(packet, seq + len(HEAD), PSH | ACK, BODY)
            time.sleep(self.gap)
        first = time.monotonic_ns()
        self.answer(packet, seq, PSH | ACK, HEAD)
        if not is_lost:
            self.answer(packet, seq + len(HEAD), PSH | ACK, BODY)
        self.sent[packet.ports] = seq + len(HEAD + BODY)
        self.requests.append({"path": path, "came": came, "first": first})

    def run(self) -> None:
        while True:
            select.select([self.tun], [], [])
            packet = Packet.parse(os.read(self.tun, 65536))
            if packet:
                self.take(packet)


def main() -> None:
    gap_ms, *words = sys.argv[1:]
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"gap", IFF_TUN | IFF_NO_PI))
    subprocess.run(["ip", "addr", "add", "10.77.0.1/24", "dev", "gap"], check=True)
    for device in "lo", "gap":
        subprocess.run(["ip", "link", "set", device, "up"], check=True)
    server = Server(tun, int(gap_ms) / 1000)
    threading.Thread(target=server.run, daemon=True).start()
    done = subprocess.run(words, capture_output=True, text=True)
    print(json.dumps({"requests": server.requests, "code": done.returncode, "stdout": done.stdout, "stderr": done.stderr}))


if __name__ == "__main__":
    main()
