# SPDX-License-Identifier: MIT
"""Calls grpc.testing.TestService by grpcio: testservice_client.py HOST:PORT. Prints a JSON object of what came.

testservice_pb2 must be importable.
"""
from __future__ import annotations

import json
import queue
import sys
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import testservice_pb2 as pb  # type: ignore[import-not-found]

TESTS = "/grpc.testing.TestService/"
SIZES = [31415, 9, 2653, 58979]
INPUTS = [27182, 8, 1828, 45904]


def payload(size: int) -> Any:
    return pb.Payload(body=bytes(size))


def outputs(*sizes: int, **fields: Any) -> Any:
    return pb.StreamingOutputCallRequest(response_parameters=[pb.ResponseParameters(size=size, **fields) for size in sizes])


class Calls:
    def __init__(self, channel: grpc.Channel) -> None:
        self.channel = channel
        self.empty = self.method("unary_unary", "EmptyCall", "Empty", "Empty")
        self.unary = self.method("unary_unary", "UnaryCall", "SimpleRequest", "SimpleResponse")
        self.output = self.method("unary_stream", "StreamingOutputCall", "StreamingOutputCallRequest", "StreamingOutputCallResponse")
        self.input = self.method("stream_unary", "StreamingInputCall", "StreamingInputCallRequest", "StreamingInputCallResponse")
        self.duplex = self.method("stream_stream", "FullDuplexCall", "StreamingOutputCallRequest", "StreamingOutputCallResponse")

    def method(self, kind: str, name: str, request: str, response: str) -> Callable[..., Any]:
        made: Callable[..., Any] = getattr(self.channel, kind)(TESTS + name, getattr(pb, request).SerializeToString, getattr(pb, response).FromString)
        return made

    def raw(self, name: str, *messages: bytes) -> str:
        """The status of a call with these bytes."""
        return status(lambda: self.channel.stream_unary(TESTS + name)(iter(messages)))


def status(call: Callable[[], Any]) -> str:
    try:
        call()
    except grpc.RpcError as error:
        assert isinstance(error, grpc.Call)
        return f"{error.code().name}: {error.details()}"
    return "OK"


def sizes(responses: Any) -> list[int]:
    return [len(response.payload.body) for response in responses]


def talk(calls: Calls) -> list[int]:
    """Ping-pong: each request is sent when the response to the one before has come."""
    came: queue.Queue[None] = queue.Queue()
    got: list[int] = []

    def requests() -> Iterator[Any]:
        for size in SIZES:
            yield outputs(size)
            came.get()

    for response in calls.duplex(requests()):
        got.append(len(response.payload.body))
        came.put(None)
    return got


def main(address: str) -> None:
    channel = grpc.insecure_channel(address)
    calls = Calls(channel)
    gzip, yes = grpc.Compression.Gzip, pb.BoolValue(value=True)
    seen: dict[str, Any] = {}
    fields = [("x-grpc-test-echo-initial", "first"), ("x-grpc-test-echo-trailing-bin", b"\xab\xab\xab")]
    large, call = calls.unary.with_call(pb.SimpleRequest(response_size=314159, payload=payload(271828)), metadata=fields)  # type: ignore[attr-defined]
    seen["empty"] = calls.empty(pb.Empty()).SerializeToString().hex()
    seen["large"] = [len(large.payload.body), sum(large.payload.body)]
    seen["metadata"] = [[list(pair) for pair in call.initial_metadata()], [[key, value.hex()] for key, value in call.trailing_metadata()]]
    text = "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n"
    seen["text"] = status(lambda: calls.unary(pb.SimpleRequest(response_status=pb.EchoStatus(code=2, message=text))))[9:] == text
    seen["output"] = sizes(calls.output(outputs(*SIZES, 0, 1000000, interval_us=1)))
    seen["input"] = calls.input(iter([pb.StreamingInputCallRequest(payload=payload(size)) for size in INPUTS])).aggregated_payload_size
    seen["no input"] = calls.input(iter([])).aggregated_payload_size
    seen["duplex"] = talk(calls)
    seen["empty stream"] = sizes(calls.duplex(iter([])))
    seen["many"] = len(sizes(calls.duplex(iter([outputs(*[1] * 20)] * 50))))
    seen["compressed"] = len(calls.unary(pb.SimpleRequest(response_size=100000, payload=payload(1000), response_compressed=yes, expect_compressed=yes), compression=gzip).payload.body)
    seen["some compressed"] = sizes(calls.output(outputs(5, 6, compressed=yes)))
    mixed = pb.StreamingOutputCallRequest(response_parameters=[pb.ResponseParameters(size=7), pb.ResponseParameters(size=8, compressed=yes)])
    seen["mixed"] = sizes(calls.output(mixed, compression=gzip))
    seen["not compressed"] = status(lambda: calls.unary(pb.SimpleRequest(expect_compressed=yes)))
    seen["deadline"] = status(lambda: sizes(calls.duplex(iter([outputs(1, interval_us=2000000000)]), timeout=0.05))).split(":")[0]
    seen["within"] = status(lambda: sizes(calls.output(outputs(*[10] * 1000, interval_us=50000), timeout=0.2))).split(":")[0]
    seen["stream fails"] = status(lambda: sizes(calls.duplex(iter([outputs(3), pb.StreamingOutputCallRequest(response_status=pb.EchoStatus(code=5))]))))
    seen["unimplemented"] = calls.raw("UnimplementedCall", b"")
    seen["no method"] = status(lambda: channel.unary_unary("/no.Service/Method")(b""))
    seen["too large"] = status(lambda: calls.unary(pb.SimpleRequest(payload=payload(5 << 20))))
    seen["no message"] = [calls.raw(name, b"\xff") for name in ("EmptyCall", "UnaryCall", "StreamingOutputCall", "StreamingInputCall", "FullDuplexCall")]
    seen["negative"] = [calls.raw("UnaryCall", b"\x10" + b"\xff" * 9 + b"\x01"), calls.raw("UnaryCall", b"\x3a\x0b\x08" + b"\xff" * 9 + b"\x01")]
    seen["none"], seen["two"] = calls.raw("EmptyCall"), calls.raw("EmptyCall", b"", b"")
    responses = calls.duplex(iter([outputs(3, 2, interval_us=1), outputs(1, interval_us=2000000000)]))
    seen["before cancel"] = sizes([next(responses)])
    responses.cancel()
    seen["cancelled"] = responses.code().name
    print(json.dumps(seen))


if __name__ == "__main__":
    main(sys.argv[1])
