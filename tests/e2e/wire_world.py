# SPDX-License-Identifier: MIT
"""A network of its own (unshare -n) in which tcpdump listens to a run: `wire_world.py RAMPA CAPTURE RESULT WORDS...`.

Starts `rampa target` and `rampa run URL/PATH` with WORDS, the first of which is PATH. Prints JSON: of each request that was seen
on the wire how long it took there, from its last byte to the first byte of its answer, in nanoseconds.
"""
from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

SNAP = 80  # bytes of a packet: as far as the TCP header
LOOPBACK_HEADER = 14


def packets(path: str) -> Iterator[tuple[int, int, int, int]]:
    """Of each packet its time in nanoseconds, the ports that it comes from and goes to, and how many bytes of data it has."""
    data = Path(path).read_bytes()
    assert struct.unpack_from("<I", data)[0] == 0xA1B23C4D, "no nanoseconds"
    at = 24
    while at + 16 <= len(data):
        seconds, nanoseconds, kept, _ = struct.unpack_from("<IIII", data, at)
        at += 16
        ip = at + LOOPBACK_HEADER
        at += kept
        header = (data[ip] & 15) * 4
        (total,) = struct.unpack_from(">H", data, ip + 2)
        source, target = struct.unpack_from(">HH", data, ip + header)
        yield seconds * 10**9 + nanoseconds, source, target, total - header - (data[ip + header + 12] >> 4) * 4


def durations(path: str, port: int) -> list[int]:
    asked: dict[int, int] = {}
    found = []
    for when, source, target, length in packets(path):
        if length <= 0:
            continue
        if target == port:
            asked[source] = when
        elif source == port and target in asked:
            found.append(when - asked.pop(target))
    return found


def wait_for_all(capture: str, port: int) -> None:
    """Until what is sent now is in the file, and so all that was sent before."""
    limit = time.monotonic() + 30
    before = Path(capture).stat().st_size
    with socket.create_connection(("127.0.0.1", port)) as last:
        mark = struct.pack(">HH", last.getsockname()[1], port)
        while mark not in Path(capture).read_bytes()[before:]:
            assert time.monotonic() < limit, "tcpdump writes nothing"
            time.sleep(0.05)


def listen(capture: str, port: int) -> subprocess.Popen[str]:
    words = ["tcpdump", "-i", "lo", "-U", "-w", capture, "-B", "65536", "-s", str(SNAP), "-Z", "root"]
    words += ["--time-stamp-precision=nano", f"tcp port {port}"]
    tcpdump = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    assert tcpdump.stderr
    for line in tcpdump.stderr:
        if "listening on" in line:
            return tcpdump
    raise RuntimeError("tcpdump does not listen")


def main() -> None:
    rampa, capture, result, path, *words = sys.argv[1:]
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    target = subprocess.Popen([rampa, "target", "--port", "0"], stdout=subprocess.PIPE, text=True)
    assert target.stdout
    tcpdump = None
    try:
        url = target.stdout.readline().split()[-1].rstrip("/")
        port = int(url.rsplit(":", 1)[1])
        tcpdump = listen(capture, port)
        run = [rampa, "run", url + path, "--quiet", "--out", result, *words]
        done = subprocess.run(run, capture_output=True, text=True)
        wait_for_all(capture, port)
        tcpdump.terminate()
        assert tcpdump.stderr
        told = {"code": done.returncode, "stderr": done.stderr, "tcpdump": tcpdump.stderr.read()}
    finally:
        for process in filter(None, (target, tcpdump)):
            process.kill()
            process.wait()
    print(json.dumps({"durations": durations(capture, port), **told}))


if __name__ == "__main__":
    main()
