# SPDX-License-Identifier: MIT
"""The cases by which implementations of gRPC are tested against each other, with worker.grpc as the client.

A script for rampa run: TARGET is a server with grpc.testing.TestService, and testservice_pb2 is importable. Each case prints
a line of JSON: its name, and what was wrong or null.
"""
from __future__ import annotations

import asyncio
import json
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import testservice_pb2 as pb  # type: ignore[import-not-found]

import rampa
from rampa.grpc import GrpcChannel, GrpcStatus

TESTS = "/grpc.testing.TestService/"
SIZES = [31415, 9, 2653, 58979]
INPUTS = [27182, 8, 1828, 45904]
OUTPUT = pb.StreamingOutputCallResponse
ECHOES = {"x-grpc-test-echo-initial": "test_initial_metadata_value", "x-grpc-test-echo-trailing-bin": b"\xab\xab\xab"}
SPECIAL = "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n"

Case = Callable[[GrpcChannel], Awaitable[None]]
CASES: list[Case] = []


def case(function: Case) -> Case:
    CASES.append(function)
    return function


def payload(size: int) -> Any:
    return pb.Payload(body=bytes(size))


def output(size: int, sent: int = 0, **fields: Any) -> Any:
    return pb.StreamingOutputCallRequest(response_parameters=[pb.ResponseParameters(size=size, **fields)], payload=payload(sent))


def body(message: Any) -> bytes:
    data: bytes = message.payload.body
    return data


async def fails(awaited: Awaitable[Any], status: GrpcStatus, details: str | None = None) -> None:
    response = await awaited
    assert response.status == status, response
    assert details is None or response.details == details, response.details


@case
async def empty_unary(c: GrpcChannel) -> None:
    response = await c.unary(TESTS + "EmptyCall", b"")
    assert response.ok and response.data == b""


@case
async def large_unary(c: GrpcChannel) -> None:
    request = pb.SimpleRequest(response_size=314159, payload=payload(271828))
    response = await c.unary(TESTS + "UnaryCall", request, response=pb.SimpleResponse)
    assert response.ok and body(response.message) == bytes(314159)


@case
async def client_streaming(c: GrpcChannel) -> None:
    requests = [pb.StreamingInputCallRequest(payload=payload(size)) for size in INPUTS]
    response = await c.client_stream(TESTS + "StreamingInputCall", requests, response=pb.StreamingInputCallResponse)
    assert response.ok and response.message.aggregated_payload_size == 74922


@case
async def server_streaming(c: GrpcChannel) -> None:
    request = pb.StreamingOutputCallRequest(response_parameters=[pb.ResponseParameters(size=size) for size in SIZES])
    async with c.server_stream(TESTS + "StreamingOutputCall", request, response=OUTPUT) as s:
        assert [len(body(message)) async for message in s] == SIZES
    assert s.ok


@case
async def ping_pong(c: GrpcChannel) -> None:
    async with c.bidi(TESTS + "FullDuplexCall", response=OUTPUT) as s:
        for size, sent in zip(SIZES, INPUTS):
            await s.send(output(size, sent))
            assert body(await s.receive()) == bytes(size)
        await s.end()
        assert await s.receive() is None
    assert s.ok


@case
async def empty_stream(c: GrpcChannel) -> None:
    async with c.bidi(TESTS + "FullDuplexCall", response=OUTPUT) as s:
        await s.end()
        assert await s.receive() is None
    assert s.ok


@case
async def cancel_after_begin(c: GrpcChannel) -> None:
    async with c.client_stream(TESTS + "StreamingInputCall") as s:
        pass
    assert s.status == GrpcStatus.CANCELLED


@case
async def cancel_after_first_response(c: GrpcChannel) -> None:
    async with c.bidi(TESTS + "FullDuplexCall", response=OUTPUT) as s:
        await s.send(output(31415, 27182))
        assert body(await s.receive()) == bytes(31415)
    assert s.status == GrpcStatus.CANCELLED


@case
async def timeout_on_sleeping_server(c: GrpcChannel) -> None:
    async with c.bidi(TESTS + "FullDuplexCall", response=OUTPUT, deadline=0.05) as s:
        await s.send(output(31415, 27182, interval_us=2000000000))
        assert await s.receive() is None
    assert s.status == GrpcStatus.DEADLINE_EXCEEDED


@case
async def custom_metadata(c: GrpcChannel) -> None:
    request = pb.SimpleRequest(response_size=314159, payload=payload(271828))
    response = await c.unary(TESTS + "UnaryCall", request, metadata=ECHOES)
    first, last = ECHOES.items()
    assert response.ok and response.metadata[first[0]] == first[1] and response.trailers[last[0]] == last[1]
    async with c.bidi(TESTS + "FullDuplexCall", metadata=ECHOES) as s:
        await s.send(output(314159, 271828))
        await s.end()
        assert await s.receive() is not None and await s.receive() is None
        assert (await s.metadata())[first[0]] == first[1]
    assert s.ok and s.trailers[last[0]] == last[1]


@case
async def status_code_and_message(c: GrpcChannel) -> None:
    status = pb.EchoStatus(code=2, message="test status message")
    await fails(c.unary(TESTS + "UnaryCall", pb.SimpleRequest(response_status=status)), GrpcStatus.UNKNOWN, status.message)
    async with c.bidi(TESTS + "FullDuplexCall") as s:
        await s.send(pb.StreamingOutputCallRequest(response_status=status))
        await s.end()
        assert await s.receive() is None
    assert s.status == GrpcStatus.UNKNOWN and s.details == status.message


@case
async def special_status_message(c: GrpcChannel) -> None:
    status = pb.EchoStatus(code=2, message=SPECIAL)
    await fails(c.unary(TESTS + "UnaryCall", pb.SimpleRequest(response_status=status)), GrpcStatus.UNKNOWN, SPECIAL)


@case
async def unimplemented_method(c: GrpcChannel) -> None:
    await fails(c.unary(TESTS + "UnimplementedCall", b""), GrpcStatus.UNIMPLEMENTED)


@case
async def unimplemented_service(c: GrpcChannel) -> None:
    await fails(c.unary("/grpc.testing.UnimplementedService/UnimplementedCall", b""), GrpcStatus.UNIMPLEMENTED)


@rampa.scenario(executor="per-vu-iterations", vus=1, iterations=1)
async def interop(worker: rampa.Worker) -> None:
    channel = worker.grpc.connect(worker.env["TARGET"])
    for one in CASES:
        wrong = None
        try:
            async with asyncio.timeout(30):
                await one(channel)
        except Exception:  # noqa: BLE001, told in the line
            wrong = traceback.format_exc()
        print(json.dumps([one.__name__, wrong]))
