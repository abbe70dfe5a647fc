# SPDX-License-Identifier: MIT
"""The gRPC client as connectrpc's conformance suite asks for it: client.py FOLDER, with what protoc has made of the suite's messages.

It reads a ClientCompatRequest after the other from standard input, each behind its length in four bytes, makes the call that each of
them describes, with worker.grpc, and writes a ClientCompatResponse for it to standard output. The calls run side by side in one VU.
"""
from __future__ import annotations

import asyncio
import base64
import contextlib
import importlib
import struct
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

import rampa
from rampa.loader import TestPlan

compat: Any
config: Any
service: Any
FILES = Path(tempfile.mkdtemp(prefix="rampa-conformance-"))


def write_file(data: bytes) -> str:
    """A file with these bytes; the same bytes are the same file, so that connections are used again."""
    path = FILES / f"{hash(data):x}.pem"
    if not path.exists():
        path.write_bytes(data)
    return str(path)


def metadata_of(headers: Any) -> list[tuple[str, str | bytes]]:
    pairs = [(header.name.lower(), value) for header in headers for value in header.value]
    return [(name, from_base64(value) if name.endswith("-bin") else value) for name, value in pairs]


def from_base64(value: str) -> bytes:
    return base64.b64decode(value + "=" * (-len(value) % 4))


def put_headers(to: Any, metadata: dict[str, Any]) -> None:
    for name, value in metadata.items():
        if name != "grpc-status-details-bin":
            to.add(name=name, value=[base64.b64encode(value).rstrip(b"=").decode() if isinstance(value, bytes) else value])


def put_error(result: Any, code: int, text: str, trailers: dict[str, Any]) -> None:
    """What a call that has failed says, with the details that a server has sent along."""
    if code == 0:
        return
    result.error.code = code
    result.error.message = text
    details = trailers.get("grpc-status-details-bin")
    if isinstance(details, bytes):
        # A google.rpc.Status has the same fields as the suite's own message of an error.
        result.error.details.extend(service.Error.FromString(details).details)


def channel_of(worker: rampa.Worker, asked: Any) -> Any:
    options: dict[str, Any] = {}
    if asked.compression == config.COMPRESSION_GZIP:
        options["compression"] = "gzip"
    if asked.message_receive_limit:
        options["max_message_size"] = asked.message_receive_limit
    if asked.server_tls_cert:
        options |= {"tls": True, "verify": write_file(asked.server_tls_cert)}
    if asked.HasField("client_tls_creds"):
        options["cert"] = (write_file(asked.client_tls_creds.cert), write_file(asked.client_tls_creds.key))
    return worker.grpc.connect(f"{asked.host}:{asked.port}", metadata=metadata_of(asked.request_headers), **options)


class Call:
    def __init__(self, worker: rampa.Worker, asked: Any, result: Any) -> None:
        self.channel = channel_of(worker, asked)
        self.asked, self.result = asked, result
        self.method = f"/{asked.service}/{asked.method}"
        self.messages = [message.value for message in asked.request_messages]
        self.options = {
            "response": getattr(service, f"{asked.method}Response"),
            "deadline": asked.timeout_ms / 1000 if asked.HasField("timeout_ms") else None,
        }
        self.cancels = asked.cancel.WhichOneof("cancel_timing") if asked.HasField("cancel") else None
        if asked.HasField("cancel") and self.cancels is None:
            self.cancels = "after_close_send_ms"

    def take(self, message: Any) -> None:
        self.result.payloads.append(message.payload)

    async def one_response(self, response: Any) -> None:
        put_headers(self.result.response_headers, response.metadata)
        put_headers(self.result.response_trailers, response.trailers)
        put_error(self.result, response.status_code, response.details, response.trailers)
        if response.ok:
            try:
                self.take(response.message)
            except DecodeError as error:  # the message is the script's own to read; other clients call this INTERNAL
                self.result.error.code, self.result.error.message = config.CODE_INTERNAL, str(error)

    async def ended(self, stream: Any) -> None:
        """The call has ended by itself, or because its block was left."""
        put_headers(self.result.response_headers, await stream.metadata())
        put_headers(self.result.response_trailers, stream.trailers)
        put_error(self.result, stream.status_code, stream.details, stream.trailers)

    async def delay(self) -> None:
        if self.asked.request_delay_ms:
            await asyncio.sleep(self.asked.request_delay_ms / 1000)

    async def requests(self) -> AsyncIterator[bytes]:
        for message in self.messages:
            await self.delay()
            yield message

    async def cancelled(self, awaitable: Any) -> Any:
        """Awaits it; when the suite asks for it, it is cancelled after a time."""
        if self.cancels != "after_close_send_ms":
            return await awaitable
        try:
            return await asyncio.wait_for(awaitable, max(self.asked.cancel.after_close_send_ms, 1) / 1000)
        except asyncio.TimeoutError:
            self.result.error.code = config.CODE_CANCELED
            return None

    async def unary(self) -> None:
        await self.delay()
        response = await self.cancelled(self.channel.unary(self.method, self.messages[0], **self.options))
        if response is not None:
            await self.one_response(response)

    async def client_stream(self) -> None:
        async with self.channel.client_stream(self.method, **self.options) as s:
            await self.send_all(s)
            if self.cancels == "before_close_send":
                self.result.error.code = config.CODE_CANCELED
                return
            response = await self.cancelled(s.finish())
        if response is not None:
            await self.one_response(response)

    async def send_all(self, s: Any) -> None:
        for i, message in enumerate(self.messages):
            await self.delay()
            if s.status_code is not None:
                self.result.num_unsent_requests = len(self.messages) - i
                return
            await s.send(message)

    async def take_all(self, s: Any) -> bool:
        """Whether the call is to be left now."""
        while (message := await s.receive()) is not None:
            self.take(message)
            if self.cancels == "after_num_responses" and len(self.result.payloads) == self.asked.cancel.after_num_responses:
                return True
        return False

    async def server_stream(self) -> None:
        await self.delay()
        async with self.channel.server_stream(self.method, self.messages[0], **self.options) as s:
            await self.cancelled(self.take_all(s))
        await self.ended(s)

    async def half_duplex(self) -> None:
        async with self.channel.bidi(self.method, **self.options) as s:
            await self.send_all(s)
            if self.cancels != "before_close_send":
                await s.end()
                await self.cancelled(self.take_all(s))
        await self.ended(s)

    async def full_duplex(self) -> None:
        async with self.channel.bidi(self.method, **self.options) as s:
            for i, request in enumerate(self.messages):
                await self.delay()
                if s.status_code is not None:
                    self.result.num_unsent_requests = len(self.messages) - i
                    break
                await s.send(request)
                message = await s.receive()
                if message is None:
                    self.result.num_unsent_requests = len(self.messages) - i - 1
                    break
                self.take(message)
                if self.cancels == "after_num_responses" and len(self.result.payloads) == self.asked.cancel.after_num_responses:
                    break
            else:
                if self.cancels != "before_close_send":
                    await s.end()
                    await self.cancelled(self.take_all(s))
        await self.ended(s)

    async def run(self) -> None:
        kinds = {
            config.STREAM_TYPE_UNARY: self.unary,
            config.STREAM_TYPE_CLIENT_STREAM: self.client_stream,
            config.STREAM_TYPE_SERVER_STREAM: self.server_stream,
            config.STREAM_TYPE_HALF_DUPLEX_BIDI_STREAM: self.half_duplex,
            config.STREAM_TYPE_FULL_DUPLEX_BIDI_STREAM: self.full_duplex,
        }
        await kinds[self.asked.stream_type]()


def next_request() -> Any:
    head = sys.stdin.buffer.read(4)
    if len(head) < 4:
        return None
    return compat.ClientCompatRequest.FromString(sys.stdin.buffer.read(struct.unpack(">I", head)[0]))


async def answer(worker: rampa.Worker, asked: Any) -> None:
    response = compat.ClientCompatResponse(test_name=asked.test_name)
    try:
        response.response.SetInParent()
        await Call(worker, asked, response.response).run()
    except Exception as error:
        response.error.message = f"{type(error).__name__}: {error}"
    data = response.SerializeToString()
    sys.stdout.buffer.write(struct.pack(">I", len(data)) + data)
    sys.stdout.buffer.flush()


async def calls(worker: rampa.Worker) -> None:
    running: set[asyncio.Task[None]] = set()
    while (asked := await asyncio.to_thread(next_request)) is not None:
        running.add(asyncio.create_task(answer(worker, asked)))
        if len(running) >= 16:
            _, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    if running:
        await asyncio.wait(running)


async def main() -> None:
    scenario = rampa.ScenarioConfig(executor="per-vu-iterations", vus=1, iterations=1, max_duration="1h")
    controller = await rampa.Engine(TestPlan(scenarios={"calls": (scenario, calls)}, config=rampa.Config())).start()
    result = await controller.wait()
    for error in result.errors:
        print(error, file=sys.stderr)


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    compat = importlib.import_module("connectrpc.conformance.v1.client_compat_pb2")
    config = importlib.import_module("connectrpc.conformance.v1.config_pb2")
    service = importlib.import_module("connectrpc.conformance.v1.service_pb2")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
