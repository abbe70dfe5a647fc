# SPDX-License-Identifier: MIT
"""WebSockets against the package ws of npm: random frames both ways, permessage-deflate with its parameters, close codes."""
from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from finished import Finished
from test_websocket import HEAD
from test_ws_codec import all_terms, ask, message, show_terms, texts, tool

__all__ = ["tool"]  # a fixture

Rampa = Callable[..., Finished]
Script = Callable[..., Path]
PROGRAM = Path(__file__).with_name("wsnpm.js")


@pytest.fixture(scope="module")
def node() -> tuple[str, dict[str, str]]:
    """The program, and an environment in which it finds the package."""
    if "ASAN_OPTIONS" in os.environ:
        pytest.skip("the package ws is asked once, with the ordinary build")
    node = shutil.which("node")
    if not node:
        pytest.skip("there is no node")
    folders = [os.environ.get("NODE_PATH", ""), str(Path(node).resolve().parent.parent / "lib/node_modules"), "/usr/share/nodejs"]
    env = {**os.environ, "NODE_PATH": ":".join(filter(None, folders))}
    if subprocess.run([node, "-e", "require.resolve('ws')"], env=env, capture_output=True).returncode:
        pytest.skip("there is no package ws (apt-get install node-ws)")
    return node, env


def ask_npm(node: tuple[str, dict[str, str]], connections: list[dict[str, Any]]) -> list[bytes]:
    text = "".join(json.dumps(connection) + "\n" for connection in connections)
    words = [node[0], str(PROGRAM), "codec"]
    done = subprocess.run(words, env=node[1], input=text, capture_output=True, text=True, timeout=120, check=True)
    return [bytes.fromhex(line) for line in done.stdout.splitlines()]


def test_both_make_the_same_of_random_frames(tool: Path, node: tuple[str, dict[str, str]]) -> None:
    """ws looks whether a text is UTF-8 when its message is complete, and ours as soon as a wrong byte comes."""
    rng = random.Random(8441)
    inputs = []
    for _ in range(500):
        is_server = rng.random() < 0.5
        data = b"".join(message(rng, is_server) for _ in range(rng.randrange(1, 6)))
        if rng.random() < 0.1:
            data = data[: rng.randrange(len(data) + 1)]
        inputs.append((is_server, data))
    lines = [f"read {'server' if is_server else 'client'} - {rng.choice([1, 7, 100, 10**6])} {data.hex() or '-'}"
             for is_server, data in inputs]  # fmt: skip
    theirs = ask_npm(node, [{"server": is_server, "terms": None, "read": data.hex()} for is_server, data in inputs])
    seen, equal = set(), 0
    for (_, data), ours, other in zip(inputs, ask(tool, lines), theirs, strict=True):
        before, _, error = ours.partition(b"error(")
        their_before, _, their_error = other.partition(b"error(")
        if error[:4] == b"1007":
            assert their_before.startswith(before), data.hex()
        else:
            assert before == their_before, data.hex()
            assert bool(error) == bool(their_error), data.hex()
        equal += error[:4] == their_error and before == their_before
        seen.add(error[:4])
    assert seen == {b"", b"1002", b"1007"}
    assert equal > len(inputs) * 0.95


@pytest.mark.parametrize("is_server", [False, True], ids=["client", "server"])
def test_compressed_messages_of_theirs_are_read(tool: Path, node: tuple[str, dict[str, str]], is_server: bool) -> None:
    rng = random.Random(7692)
    connections, expected = [], []
    for terms in [None, *all_terms()[::3]]:
        messages: list[tuple[str, bool]] = []
        trace = b""
        for text in texts(rng):
            trace += b"text(" + text + b");"
            if len(text) > 1000:  # in fragments
                messages += [(text[:1000].hex(), False), (text[1000:].hex(), True)]
            else:
                messages.append((text.hex(), True))
        expected.append(trace)
        connections.append({"server": not is_server, "terms": terms, "write": messages})
    lines = [f"read {'server' if is_server else 'client'} {show_terms(connection['terms'])} {rng.choice([1, 1000])} {data.hex()}"
             for connection, data in zip(connections, ask_npm(node, connections), strict=True)]  # fmt: skip
    assert ask(tool, lines) == expected


@pytest.mark.parametrize("is_server", [False, True], ids=["client", "server"])
def test_messages_of_ours_are_read_by_theirs(tool: Path, node: tuple[str, dict[str, str]], is_server: bool) -> None:
    rng = random.Random(7692)
    lines, cases, expected = [], [], []
    for terms in [None, *all_terms()[1::3], (0, 0, 8, 8), (1, 1, 8, 8)]:
        messages = texts(rng)
        lines.append(f"write {'server' if is_server else 'client'} {show_terms(terms)} "
                     + " ".join(f"1 {text.hex() or '-'}" for text in messages) + " 9 70")  # fmt: skip
        cases.append(terms)
        expected.append(b"".join(b"text(" + text + b");" for text in messages) + b"ping(p);")
    connections = [{"server": not is_server, "terms": terms, "read": data.hex()}
                   for terms, data in zip(cases, ask(tool, lines), strict=True)]  # fmt: skip
    assert ask_npm(node, connections) == expected


# ---- the server of ws ---------------------------------------------------------------------------------------------------


@pytest.fixture
def server(node: tuple[str, dict[str, str]]) -> Iterator[tuple[str, list[Any]]]:
    """Its address, and what it has seen, once the test has asked for it by leaving the with block of the process."""
    with subprocess.Popen([node[0], str(PROGRAM), "serve"], env=node[1], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield f"ws://127.0.0.1:{process.stdout.readline().strip()}", [process]
        process.communicate()


def test_messages_and_ends(rampa: Rampa, script: Script, server: tuple[str, list[Any]]) -> None:
    url, (process,) = server
    lines = '''
rng = random.Random(11)
terms = ("server_no_context_takeover", "client_no_context_takeover", "server_max_window_bits", "client_max_window_bits")
kinds = [("/plain", 0), ("/plain", True), ("/deflate", True), ("/deflate", 10), ("/deflate", dict.fromkeys(terms[:2], True)),
         ("/alone", True), ("/small", True), ("/small", dict.fromkeys(terms[2:], 9))]
for n, (path, compress) in enumerate(kinds):
    s = await worker.ws.connect(URL + path + f"?{n}", compress=compress)
    for _ in range(10):
        size = rng.choice([0, 1, 125, 126, 65535, 65536, 200000])
        data = rng.choice([rng.randbytes(size), "\\u00e4 to be or not " * (size // 16)])
        assert await s.request(data) == data
    assert await s.ping() > 0
    await s.close(3000 + n, "so long")
    assert (s.close_code, s.close_reason) == (3000 + n, "so long")
for code, reason, expected in [(1000, "", 1000), (1001, "bye", 1001), (1014, "x" * 123, 1014), (4999, "", 4999), (0, "", 1005)]:
    s = await worker.ws.connect(URL + f"/close?code={code}&reason={reason}")
    await s.send("x")
    with raises(errors.WebSocketClosed, code=expected, error_code=0):
        await s.receive()
    assert s.close_reason == reason
'''
    body = "".join(f"    {line}\n" for line in lines.strip("\n").splitlines())
    script("import random\n" + HEAD.format(url=url) + f"async def default(worker):\n{body}")
    done = rampa("run", "script.py", "-i", "1", out=True)
    assert done.code == 0, done.stdout + done.stderr
    seen = [json.loads(process.stdout.readline()) for _ in range(13)]
    assert [row[2:] for row in seen[:8]] == [[3000 + n, "so long"] for n in range(8)], seen
    assert [bool(row[1]) for row in seen[:8]] == [False, False] + [True] * 6, seen
    assert [row[2] for row in seen[8:]] == [1000, 1001, 1014, 4999, 1005], seen
    assert (done.count("ws_sessions"), done.count("ws_errors"), done.count("ws_msgs_received")) == (13, 0, 80)
