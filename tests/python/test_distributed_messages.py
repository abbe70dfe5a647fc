# SPDX-License-Identifier: MIT
"""rampa.distributed: messages between machines, as the package rampa 0.0 has them."""
from __future__ import annotations

import asyncio
import dataclasses
import logging
import queue
import sys
import typing

import pytest

from rampa._types import Sample
from rampa.distributed.coordinator import CoordinatorState, WorkerConnection, ingest_remote_samples
from rampa.distributed.protocol import Envelope, MessageType, WireFormat, decode, encode
from rampa.distributed.segment import ExecutionSegment
from rampa.distributed.worker_client import WorkerClient

needs_msgpack = pytest.mark.skipif("not __import__('importlib.util').util.find_spec('msgpack')", reason="no msgpack")

# A message, its JSON and its MessagePack. What the package rampa 0.0.1 has written, byte for byte.
SAMPLES = {"samples": [{"m": "dur", "v": 45.25, "t": 2000, "g": {"status": "200"}}]}
VECTORS = [
    (
        Envelope(MessageType.REGISTER, "w-0", 1, {"version": "0.0.1", "worker_id": "w-0"}, 1_000_000_000),
        b'{"msg_type": "register", "worker_id": "w-0", "seq": 1, '
        b'"payload": {"version": "0.0.1", "worker_id": "w-0"}, "timestamp_ns": 1000000000}',
        "85a86d73675f74797065a87265676973746572a9776f726b65725f6964a3772d30a373657101a77061796c6f6164"
        "82a776657273696f6ea5302e302e31a9776f726b65725f6964a3772d30ac74696d657374616d705f6e73ce3b9aca00",
    ),
    (
        Envelope(MessageType.SAMPLES, "w-1", 300, SAMPLES, 5),
        b'{"msg_type": "samples", "worker_id": "w-1", "seq": 300, "payload": {"samples": '
        b'[{"m": "dur", "v": 45.25, "t": 2000, "g": {"status": "200"}}]}, "timestamp_ns": 5}',
        "85a86d73675f74797065a773616d706c6573a9776f726b65725f6964a3772d31a3736571cd012ca77061796c6f6164"
        "81a773616d706c65739184a16da3647572a176cb4046a00000000000a174cd07d0a16781a6737461747573a3323030"
        "ac74696d657374616d705f6e7305",
    ),
    (
        Envelope(MessageType.ERROR, "w-2", 2, {"message": "kaputt: ü"}, 0),
        b'{"msg_type": "error", "worker_id": "w-2", "seq": 2, "payload": {"message": "kaputt: \\u00fc"}, '
        b'"timestamp_ns": 0}',
        "85a86d73675f74797065a56572726f72a9776f726b65725f6964a3772d32a373657102a77061796c6f616481a76d657373616765"
        "aa6b61707574743a20c3bcac74696d657374616d705f6e7300",
    ),
]


@pytest.mark.parametrize(("message", "text", "packed"), VECTORS)
def test_json_vectors(message: Envelope, text: bytes, packed: str) -> None:
    assert encode(message) == text
    assert decode(text) == message


@needs_msgpack
@pytest.mark.parametrize(("message", "text", "packed"), VECTORS)
def test_messagepack_vectors(message: Envelope, text: bytes, packed: str) -> None:
    assert encode(message, WireFormat.MSGPACK).hex() == packed
    assert decode(bytes.fromhex(packed), WireFormat.MSGPACK) == message


def test_the_words_of_the_messages() -> None:
    assert [str(word) for word in WireFormat] == ["msgpack", "json"]
    assert [str(word) for word in MessageType] == (
        "register assign samples stop heartbeat_req heartbeat_resp threshold_breach error phase".split()
    )
    bare = decode(b'{"msg_type": "stop", "worker_id": "c", "seq": 3}')
    assert bare == Envelope(MessageType.STOP, "c", 3, {}, 0)
    assert Envelope(MessageType.STOP, "c", 3).timestamp_ns > 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        bare.seq = 4  # type: ignore[misc]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the message is no JSON: "),
        (b"\xff\xfe\x00", "the message is no JSON: "),
        (b"[" * 100_000, "the message is no JSON: "),
        (b"[1]", "the message is list, not a map"),
        (b"{}", "the message has no 'msg_type'"),
        (b'{"msg_type": "dance", "worker_id": "c", "seq": 3}', "'dance' is not a valid MessageType"),
        (b'{"msg_type": ["stop"], "worker_id": "c", "seq": 3}', "the 'msg_type' of the message is list, not str"),
        (b'{"msg_type": "stop", "seq": 3}', "the message has no 'worker_id'"),
        (b'{"msg_type": "stop", "worker_id": 7, "seq": 3}', "the 'worker_id' of the message is int, not str"),
        (b'{"msg_type": "stop", "worker_id": "c", "seq": true}', "the 'seq' of the message is bool, not int"),
        (b'{"msg_type": "stop", "worker_id": "c", "seq": 3, "payload": []}', "the 'payload' of the message is list"),
    ],
)
def test_what_is_no_message(data: bytes, words: str) -> None:
    with pytest.raises(ValueError) as caught:
        decode(data)
    assert str(caught.value).startswith(words)


@needs_msgpack
@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x85\xa1", b"{}", b"\x81\x01\x02", b"\xdf\xff\xff\xff\xff"])
def test_what_is_no_messagepack(data: bytes) -> None:
    with pytest.raises(ValueError, match="the message is "):
        decode(data, WireFormat.MSGPACK)


def test_messagepack_is_never_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(typing.cast("dict[str, typing.Any]", sys.modules), "msgpack", None)
    with pytest.raises(ImportError, match="pip install msgpack"):
        encode(VECTORS[0][0], WireFormat.MSGPACK)
    with pytest.raises(ImportError, match="pip install msgpack"):
        decode(b"{}", WireFormat.MSGPACK)


# ---- the coordinator ------------------------------------------------------------------------------------------------


class Connection:
    def __init__(self, worker_id: str, works: bool = True) -> None:
        self.worker_id = worker_id
        self.segment = ExecutionSegment(0, 1)
        self.got: list[Envelope] = []
        self._works = works

    async def send(self, envelope: Envelope) -> None:
        if not self._works:
            raise ConnectionResetError("gone\x1b[31m")
        self.got.append(envelope)

    async def close(self) -> None:
        pass


def test_a_message_to_all_workers(caplog: pytest.LogCaptureFixture) -> None:
    state = CoordinatorState()
    broken, whole = Connection("w\n0", works=False), Connection("w-1")
    assert isinstance(whole, WorkerConnection) and not isinstance("w-1", WorkerConnection)
    state.register_worker(broken)
    state.register_worker(whole)
    assert state.worker_count == 2

    async def tell() -> None:
        await state.broadcast(MessageType.STOP, {"reason": "enough"})
        await state.broadcast(MessageType.HEARTBEAT_REQ, {})

    with caplog.at_level(logging.WARNING):
        asyncio.run(tell())
    assert [(each.msg_type, each.worker_id, each.seq, each.payload) for each in whole.got] == [
        (MessageType.STOP, "coordinator", 1, {"reason": "enough"}),
        (MessageType.HEARTBEAT_REQ, "coordinator", 2, {}),
    ]
    lines = [record.getMessage() for record in caplog.records]
    assert lines[0] == "the message 'stop' did not reach the worker 'w\\n0': ConnectionResetError('gone\\x1b[31m')"
    assert len(lines) == 2

    again = Connection("w-1")
    state.register_worker(again)
    state.remove_worker("w\n0")
    state.remove_worker("w\n0")
    assert state.worker_count == 1
    asyncio.run(state.broadcast(MessageType.STOP, {}))
    assert [each.seq for each in again.got] == [3] and len(whole.got) == 2


def test_samples_of_another_machine() -> None:
    got: queue.SimpleQueue[Sample | None] = queue.SimpleQueue()
    payload = {"samples": [{"m": "reqs", "v": 1.0, "t": 7}, {"m": "dur", "v": 45.2, "t": 8, "g": {"status": "200"}}]}
    assert ingest_remote_samples(payload, got) == 2
    first, second = got.get_nowait(), got.get_nowait()
    assert first and second
    assert (first.metric, first.value, first.tags) == ("reqs", 1.0, {})
    assert (second.metric, second.value, second.tags) == ("dur", 45.2, {"status": "200"})
    assert first.timestamp > 8  # of this machine's clock
    assert ingest_remote_samples({}, got) == 0


@pytest.mark.parametrize(
    "row",
    [{}, {"m": "a"}, {"m": 1, "v": 1}, {"m": "a", "v": "1"}, {"m": "a", "v": 1, "g": []}, {"m": "a", "v": 1, "g": {"b": 2}}, 5],
)
def test_what_are_no_samples(row: typing.Any) -> None:
    got: queue.SimpleQueue[Sample | None] = queue.SimpleQueue()
    with pytest.raises(ValueError, match="a sample needs a name 'm'"):
        ingest_remote_samples({"samples": [{"m": "reqs", "v": 1.0}, row]}, got)
    assert got.empty()


# ---- the worker's end -----------------------------------------------------------------------------------------------


def test_a_worker_speaks_to_its_coordinator() -> None:
    web = pytest.importorskip("aiohttp.web")
    heard: list[Envelope] = []
    kinds: set[str] = set()

    async def listen(request: typing.Any) -> typing.Any:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for frame in socket:
            kinds.add(frame.type.name)
            heard.append(decode(frame.data))
        return socket

    async def talk() -> None:
        app = web.Application()
        app.router.add_get("/", listen)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        worker = WorkerClient(f"ws://127.0.0.1:{runner.addresses[0][1]}/", "w-0", batch_size=2)
        with pytest.raises(RuntimeError, match="call connect\\(\\) first"):
            await worker.send_phase("running")
        await worker.connect()
        await worker.send_phase("running")
        await worker.send_heartbeat(3, 40)
        samples: queue.SimpleQueue[Sample | None] = queue.SimpleQueue()
        stream = asyncio.create_task(worker.stream_samples(samples))
        for number in range(3):
            samples.put(Sample("reqs", float(number), 10 + number, {"n": str(number)}))
        while sum(len(each.payload.get("samples", ())) for each in heard) < 3:  # the third alone, when the queue is idle
            await asyncio.sleep(0.01)
        samples.put(Sample("reqs", 3.0, 13, {}))
        samples.put(None)
        await stream
        await worker.close()
        await worker.close()
        await runner.cleanup()

    asyncio.run(asyncio.wait_for(talk(), 60))
    assert kinds == {"BINARY"}
    assert [each.seq for each in heard] == list(range(1, 1 + len(heard)))
    assert {each.worker_id for each in heard} == {"w-0"}
    assert [(each.msg_type.value, each.payload) for each in heard[:3]] == [
        ("register", {"version": "0.0.1", "worker_id": "w-0"}),
        ("phase", {"phase": "running"}),
        ("heartbeat_resp", {"active_vus": 3, "iteration_count": 40}),
    ]
    batches = [each.payload["samples"] for each in heard[3:]]
    assert [[row["v"] for row in rows] for rows in batches] == [[0.0, 1.0], [2.0], [3.0]]
    assert batches[0][1] == {"m": "reqs", "v": 1.0, "t": 11, "g": {"n": "1"}}


def test_a_worker_without_a_coordinator(monkeypatch: pytest.MonkeyPatch) -> None:
    aiohttp = pytest.importorskip("aiohttp")
    with pytest.raises(ValueError, match="batch_size must be >= 1, got 0"):
        WorkerClient("ws://127.0.0.1:1/", "w-0", 0)

    async def alone() -> None:
        worker = WorkerClient("ws://127.0.0.1:1/", "w-0")
        with pytest.raises(aiohttp.ClientError):
            await worker.connect()
        assert worker._session is None  # nothing stays open
        monkeypatch.setitem(typing.cast("dict[str, typing.Any]", sys.modules), "aiohttp", None)
        with pytest.raises(ImportError, match="pip install aiohttp"):
            await worker.connect()

    asyncio.run(alone())
