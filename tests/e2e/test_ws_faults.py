# SPDX-License-Identifier: MIT
"""Every class of fault of a WebSocket server: what the script gets, what the server is told, what is counted."""
from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from wsfaults import Answered, Case, FaultServer, closing, frame

EURO = "\u20ac".encode()
DEFLATE = b"Sec-WebSocket-Extensions: permessage-deflate\r\n"
HELLO = bytes.fromhex("f248cdc9c90700")  # "Hello", compressed

FAULTS: dict[str, Case] = {
    "reserved bit 1": Case(frame(1, b"x", bits=0x40)),
    "reserved bit 2": Case(frame(1, b"x", bits=0x20)),
    "reserved bit 3 of a ping": Case(frame(9, bits=0x10)),
    "all reserved bits": Case(frame(2, bits=0x70)),
    **{f"opcode {opcode}": Case(frame(1, b"before") + frame(opcode, b"x"), ["before"]) for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]},
    "masked": Case(b"\x81\x81\x01\x02\x03\x04x"),
    "a long ping": Case(frame(9, b"x" * 126)),
    "a long close frame": Case(frame(8, b"\x03\xe8" + b"x" * 124)),
    "a ping in fragments": Case(frame(9, b"x", fin=False) + frame(0, b"y")),
    "a close frame in fragments": Case(frame(8, b"\x03\xe8", fin=False)),
    "16 bits for a short length": Case(b"\x81\x7e\x00\x01x"),
    "64 bits for a short length": Case(b"\x81\x7f" + (65535).to_bytes(8, "big") + b"x" * 65535),
    "the highest bit of a length": Case(b"\x82\x7f\x80" + bytes(7)),
    "nothing to continue": Case(frame(0, b"x")),
    "nothing to continue any more": Case(frame(1, b"a", fin=False) + frame(0, b"b") + frame(0, b"c"), ["ab"]),
    "a message inside of another": Case(frame(1, b"a", fin=False) + frame(1, b"b")),
    "a close frame of one byte": Case(frame(8, b"\x03")),
    **{f"close code {code}": Case(closing(code)) for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]},
    "a reason that is not UTF-8": Case(closing(1000, b"\xff"), code=1007),
    "a reason that is cut off": Case(closing(1000, EURO[:2]), code=1007),
    "a text that is not UTF-8": Case(frame(1, b"good" * 300 + b"\xff"), code=1007),
    "such a text that is not complete": Case(b"\x81\x7e\x10\x00good\xff", code=1007),
    "such a text in the second fragment": Case(frame(1, EURO[:1], fin=False) + b"\x00\x05\x82\x41", code=1007),
    "a surrogate": Case(frame(1, b"\xed\xa0\x80"), code=1007),
    "an overlong form": Case(frame(1, b"\xc0\xaf"), code=1007),
    "beyond the last character": Case(frame(1, b"\xf4\x90\x80\x80"), code=1007),
    "a text that is cut off": Case(frame(1, b"x" + EURO[:2]), code=1007),
    "a frame of a message that is too large": Case(b"\x82\x7f" + (200_000).to_bytes(8, "big") + b"x" * 1000, code=1009),
    "fragments of a message that is too large": Case(frame(2, b"x" * 90_000, fin=False) + frame(0, b"x" * 20_000), code=1009),
    "compressed data that is broken": Case(frame(1, b"\xff\xff", bits=0x40), code=1007, fields=DEFLATE),
    "compressed data that is cut off": Case(frame(1, HELLO[:3], bits=0x40), code=1007, fields=DEFLATE),
    "the bit in a further fragment": Case(frame(1, HELLO[:3], fin=False, bits=0x40) + frame(0, HELLO[3:], bits=0x40), fields=DEFLATE),
}  # fmt: skip

GOOD: dict[str, Case] = {
    "messages": Case(frame(1, b"a") + frame(2, b"\x00") + frame(1) + closing(1000), ["a", b"\x00", ""], code=1000),
    "lengths of each kind": Case(b"".join(frame(2, bytes(n)) for n in (125, 126, 65535, 65536)) + closing(1000),
                                 [bytes(n) for n in (125, 126, 65535, 65536)], code=1000),
    "fragments": Case(frame(1, b"a", fin=False) + frame(0, fin=False) + frame(0, b"b") + closing(1000), ["ab"], code=1000),
    "a character in three fragments": Case(
        b"".join(frame(0 if i else 1, EURO[i : i + 1], fin=i == 2) for i in range(3)) + closing(1000), ["\u20ac"], code=1000),
    "pings": Case(frame(9, b"p" * 125) + frame(9) + closing(1000), code=1000, pongs=[b"p" * 125, b""]),
    "pings between fragments": Case(
        frame(2, b"a", fin=False) + frame(9, b"1") + frame(0, b"b", fin=False) + frame(9, b"2") + frame(0, b"c") + closing(1000),
        [b"abc"], code=1000, pongs=[b"1", b"2"]),
    "a pong that nobody has asked for": Case(frame(10, b"x") + frame(1, b"a") + closing(1000), ["a"], code=1000),
    "no close code": Case(frame(8), code=1005),
    "a close code of the server's own": Case(closing(4999, b"why"), code=4999),
    "something behind the close frame": Case(closing(1001, EURO) + frame(1, b"late") + b"\xff\xff", code=1001),
    "a close frame between fragments": Case(frame(1, b"a", fin=False) + closing(1000), code=1000),
    "byte by byte": Case(frame(1, b"a" * 126) + frame(1, EURO, fin=False) + frame(9, b"p") + frame(0, b"b") + closing(3000, b"r"),
                         ["a" * 126, "\u20acb"], code=3000, pongs=[b"p"], piece=1),
    "compressed messages": Case(frame(1, HELLO, bits=0x40) + frame(1, bytes.fromhex("f200110000"), bits=0x40) + frame(1, b"x") + closing(1000),
                                ["Hello", "Hello", "x"], code=1000, fields=DEFLATE),
    "compressed in fragments, byte by byte": Case(
        frame(1, HELLO[:3], fin=False, bits=0x40) + frame(9) + frame(0, HELLO[3:]) + closing(1000), ["Hello"], code=1000, pongs=[b""],
        fields=DEFLATE, piece=1),
}  # fmt: skip

ENDS: dict[str, Case] = {
    "at once": Case(b"", ends=True),
    "behind a message": Case(frame(1, b"a"), ["a"], ends=True),
    "in a header": Case(frame(1, b"a") + b"\x81", ["a"], ends=True),
    "in a message": Case(b"\x81\x05Hel", ends=True),
    "between fragments": Case(frame(1, b"a", fin=False), ends=True),
}

OK = b"HTTP/1.1 101 Switching Protocols\r\n"
UP = b"Upgrade: websocket\r\n"
KEPT = b"Connection: Upgrade\r\n"
ACCEPT = b"Sec-WebSocket-Accept: @ACCEPT@\r\n"
REFUSALS: dict[str, Case] = {
    "200": Case(b"", answer=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"),
    "401": Case(b"", answer=b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
    "503": Case(b"", answer=b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
    "no Upgrade": Case(b"", answer=OK + KEPT + ACCEPT + b"\r\n"),
    "another Upgrade": Case(b"", answer=OK + b"Upgrade: h2c\r\n" + KEPT + ACCEPT + b"\r\n"),
    "no Connection": Case(b"", answer=OK + UP + ACCEPT + b"\r\n"),
    "no Sec-WebSocket-Accept": Case(b"", answer=OK + UP + KEPT + b"\r\n"),
    "the accept of another key": Case(b"", answer=OK + UP + KEPT + b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"),
    "a subprotocol": Case(b"", fields=b"Sec-WebSocket-Protocol: chat\r\n"),
    "an extension": Case(b"", fields=b"Sec-WebSocket-Extensions: x-own\r\n"),
    "a wrong parameter": Case(b"", fields=b"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=16\r\n"),
    "permessage-deflate twice": Case(b"", fields=b"Sec-WebSocket-Extensions: permessage-deflate, permessage-deflate\r\n"),
    "no HTTP": Case(b"", answer=b"SSH-2.0-OpenSSH_9.2\r\n"),
    "no answer": Case(b"", answer=b" ", ends=True),
}

CASES = FAULTS | GOOD | ENDS | REFUSALS

SCRIPT = """
import json
from rampa import errors, scenario

@scenario(executor="shared-iterations", vus=1, iterations=1)
async def faults(worker):
    results = []
    for number in range({count}):
        got, error, code, opened = [], None, None, False
        try:
            async with worker.ws.connect(f"{url}/{{number}}", compress=True, max_message_size=100_000, timeout=60) as session:
                opened = True
                try:
                    async for message in session:
                        got.append(message if isinstance(message, str) else list(message))
                finally:
                    code = session.close_code
        except errors.RequestError as e:
            error = str(e)
        results.append([opened, got, code, error])
    with open("results.json", "w") as file:
        json.dump(results, file)
"""


@dataclass
class Outcome:
    """What the script has seen of a case."""

    opened: bool
    messages: list[str | bytes]
    code: int | None
    error: str | None
    answered: Answered


@pytest.fixture(scope="module")
def outcomes(program: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Outcome], dict[str, Any]]:
    """One run goes through all cases: what has become of each, and the metrics."""
    folder = tmp_path_factory.mktemp("faults")
    with FaultServer(list(CASES.values())) as server:
        (folder / "script.py").write_text(SCRIPT.format(count=len(CASES), url=server.url))
        done = subprocess.run([program, "run", "script.py", "--out", "out.json"], cwd=folder, capture_output=True, text=True, timeout=300)
        assert (folder / "results.json").exists(), done.stdout + done.stderr
    results = json.loads((folder / "results.json").read_text())
    seen = {
        name: Outcome(opened, [m if isinstance(m, str) else bytes(m) for m in got], code, error, answered)
        for name, (opened, got, code, error), answered in zip(CASES, results, server.answered, strict=True)
    }
    return seen, json.loads((folder / "out.json").read_text())["summary"]["metrics"]


Outcomes = tuple[dict[str, Outcome], dict[str, Any]]


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault(outcomes: Outcomes, name: str) -> None:
    outcome, case = outcomes[0][name], CASES[name]
    assert outcome.opened and outcome.messages == case.messages
    assert outcome.answered.code == case.code and outcome.answered.reason and outcome.answered.all_masked
    text = "a message has more than 100000 bytes" if case.code == 1009 else outcome.answered.reason
    assert outcome.error and text in outcome.error
    assert outcome.code == case.code


@pytest.mark.parametrize("name", GOOD)
def test_what_is_no_fault(outcomes: Outcomes, name: str) -> None:
    outcome, case = outcomes[0][name], CASES[name]
    assert outcome.opened and outcome.messages == case.messages and outcome.error is None
    assert (outcome.answered.code, outcome.code) == (case.code, case.code)
    assert outcome.answered.pongs == case.pongs and outcome.answered.all_masked


@pytest.mark.parametrize("name", ENDS)
def test_an_end_without_a_close_frame(outcomes: Outcomes, name: str) -> None:
    outcome, case = outcomes[0][name], CASES[name]
    assert outcome.opened and outcome.messages == case.messages
    assert outcome.code == 1006 and outcome.error and outcome.answered.code is None


@pytest.mark.parametrize("name", REFUSALS)
def test_a_handshake_that_fails(outcomes: Outcomes, name: str) -> None:
    outcome = outcomes[0][name]
    assert not outcome.opened and outcome.messages == [] and outcome.error and outcome.code is None
    assert outcome.answered.code is None and not outcome.answered.messages


def test_what_is_counted(outcomes: Outcomes) -> None:
    metrics = outcomes[1]
    assert metrics["ws_sessions"]["count"] == len(FAULTS) + len(GOOD) + len(ENDS)
    assert metrics["ws_errors"]["count"] == len(FAULTS) + len(ENDS) + len(REFUSALS)
    assert metrics["ws_msgs_received"]["count"] == sum(len(case.messages) for case in CASES.values())


ECHO = """
from rampa import errors, scenario

@scenario(executor="shared-iterations", vus=1, iterations=1)
async def echo(worker):
    async with worker.ws.connect("{url}/0", timeout=60) as session:
        try:
            async for message in session:
                await session.send(message)
        except errors.WebSocketClosed as e:
            assert e.code == 1002 and session.closed
    async with worker.ws.connect("{url}/1", timeout=60) as session:
        try:
            await session.request("question", match=lambda text: text == "answer")
        except errors.WebSocketClosed as e:
            assert e.code == 1002
"""


def test_messages_before_a_fault_are_answered(program: Path, tmp_path: Path) -> None:
    """Whatever comes in one piece with it; and a script that waits for something else learns of it without taking them."""
    before = frame(1, b"a") + frame(1, b"b", fin=False) + frame(0, b"c")
    with FaultServer([Case(before + frame(3) + frame(1, b"late")), Case(frame(1, b"noise") + frame(3))]) as server:
        (tmp_path / "script.py").write_text(ECHO.format(url=server.url))
        done = subprocess.run([program, "run", "script.py", "--out", "out.json"], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    metrics = json.loads((tmp_path / "out.json").read_text())["summary"]["metrics"]
    assert server.answered[0].messages == [b"a", b"bc"] and server.answered[0].code == 1002
    assert server.answered[1].code == 1002
    assert "iteration_errors" not in metrics or metrics["iteration_errors"]["count"] == 0
    assert [metrics[name]["count"] for name in ("ws_sessions", "ws_errors", "ws_session_duration")] == [2, 2, 2]


IN_VAIN = """
from rampa import errors, scenario

@scenario(executor="shared-iterations", vus=1, iterations=1)
async def wait(worker):
    for number in range(2):
        async with worker.ws.connect("{url}/0", timeout=60) as session:
            try:
                if number:
                    await session.ping(timeout=0.9)
                else:
                    await session.request("question", match=lambda text: text == "answer", timeout=0.9)
            except errors.WebSocketClosed as e:
                assert e.code == 1002
            assert [await session.receive(), await session.receive()] == ["a", "b"]
"""


def test_waits_for_what_cannot_come_any_more(program: Path, tmp_path: Path) -> None:
    """They end at once, by the fault and not by their time, and messages of before can still be received."""
    with FaultServer([Case(frame(1, b"a") + frame(1, b"b") + frame(3))]) as server:
        (tmp_path / "script.py").write_text(IN_VAIN.format(url=server.url))
        done = subprocess.run([program, "run", "script.py", "--out", "out.json"], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    metrics = json.loads((tmp_path / "out.json").read_text())["summary"]["metrics"]
    assert "iteration_errors" not in metrics or metrics["iteration_errors"]["count"] == 0, done.stdout
    assert server.answered[0].code == 1002 and metrics["ws_errors"]["count"] == 2


LEAVING = """
from rampa import scenario

@scenario(executor="shared-iterations", vus=1, iterations=1)
async def leave(worker):
    session = await worker.ws.connect("{url}/0", timeout=60)
    assert await session.receive() == "a"
    await worker.ws.close()
    assert (session.closed, session.close_code) == (True, 1002), session.close_code
    assert session.close_reason
"""


def test_a_session_left_with_a_fault_has_its_code(program: Path, tmp_path: Path) -> None:
    """What the server is told is what the script sees."""
    with FaultServer([Case(frame(1, b"a") + frame(1, b"b") + frame(3))]) as server:
        (tmp_path / "script.py").write_text(LEAVING.format(url=server.url))
        done = subprocess.run([program, "run", "script.py", "--out", "out.json"], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    metrics = json.loads((tmp_path / "out.json").read_text())["summary"]["metrics"]
    assert "iteration_errors" not in metrics or metrics["iteration_errors"]["count"] == 0, done.stdout
    assert server.answered[0].code == 1002 and metrics["ws_errors"]["count"] == 1


LEFT = """
from rampa import scenario

@scenario(executor="shared-iterations", vus=1, iterations=1)
async def leave(worker):
    for number in range(2):
        session = await worker.ws.connect(f"{url}/{{number}}", timeout=60)
        await session.send("hello")
"""


@pytest.mark.parametrize("words", [["script.py"], ["{url}/0", "-u", "1", "-i", "1", "--body", "hello"]], ids=["a script", "a URL"])
def test_what_the_end_of_the_run_closes_is_counted(program: Path, tmp_path: Path, words: list[str]) -> None:
    """Close frames of the last moment are in data_sent, and each session has a duration."""
    with FaultServer([Case(b"", echoes=True), Case(b"", echoes=True)]) as server:
        (tmp_path / "script.py").write_text(LEFT.format(url=server.url))
        words = [word.format(url=server.url) for word in words]
        done = subprocess.run([program, "run", *words, "--out", "out.json"], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    metrics = json.loads((tmp_path / "out.json").read_text())["summary"]["metrics"]
    sessions = 2 if words == ["script.py"] else 1
    assert [answered.code for answered in server.answered[:sessions]] == [1000] * sessions
    assert [metrics[name]["count"] for name in ("ws_sessions", "ws_session_duration")] == [sessions, sessions]
    assert "ws_errors" not in metrics or metrics["ws_errors"]["count"] == 0
    assert metrics["data_sent"]["count"] == sum(answered.total for answered in server.answered)
