# SPDX-License-Identifier: MIT
"""A server of gRPC made with grpcio, whose methods take and give bytes: grpcserver.py [CHAIN KEY [AUTHORITY]].

It prints its port, and ends with its standard input. With an authority it wants certificates of clients.
"""
from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Iterator
from concurrent import futures

import grpc

HANGING: dict[bytes, threading.Event] = {}


def echo(request: bytes, context: grpc.ServicerContext) -> bytes:
    context.send_initial_metadata((("first", "one"), ("first-bin", b"\x00\xff")))
    context.set_trailing_metadata((("last", "two"), ("last-bin", b"\x01")))
    return request


def metadata(request: bytes, context: grpc.ServicerContext) -> bytes:
    return repr(sorted((key, value) for key, value in context.invocation_metadata() if key.startswith("x-"))).encode()


def deadline(request: bytes, context: grpc.ServicerContext) -> bytes:
    return repr(context.time_remaining()).encode()


def fail(request: bytes, context: grpc.ServicerContext) -> bytes:
    context.set_trailing_metadata((("why", "because"),))
    context.abort(grpc.StatusCode.NOT_FOUND, "nothing here: \u20ac 100%\n")
    return b""


def hang(request: bytes, context: grpc.ServicerContext) -> bytes:
    """Waits until the client is gone: by its deadline, or because it has cancelled."""
    gone = threading.Event()
    context.add_callback(gone.set)
    HANGING.setdefault(request, threading.Event()).set()
    gone.wait(60)
    return b""


def until_hanging(request: bytes, context: grpc.ServicerContext) -> bytes:
    """Waits until a call of Hang with the same request has come."""
    HANGING.setdefault(request, threading.Event()).wait(60)
    return b""


def packed(request: bytes, context: grpc.ServicerContext) -> bytes:
    context.set_compression(grpc.Compression.Gzip)
    return request * 1000


def numbers(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
    """So many messages of the number of bytes that the request asks for; then it fails, if there is a third word."""
    count, size, *rest = map(int, request.split())
    for _ in range(count):
        yield bytes(size)
    if rest:
        context.abort(grpc.StatusCode(grpc_code(rest[0])), "after all")


def grpc_code(number: int) -> tuple[int, str]:
    return next(code.value for code in grpc.StatusCode if code.value[0] == number)


def count(requests: Iterable[bytes], context: grpc.ServicerContext) -> bytes:
    return repr(sum(len(request) for request in requests)).encode()


def talk(requests: Iterable[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
    yield from requests


METHODS = {
    "Echo": grpc.unary_unary_rpc_method_handler(echo),
    "Metadata": grpc.unary_unary_rpc_method_handler(metadata),
    "Deadline": grpc.unary_unary_rpc_method_handler(deadline),
    "Fail": grpc.unary_unary_rpc_method_handler(fail),
    "Hang": grpc.unary_unary_rpc_method_handler(hang),
    "UntilHanging": grpc.unary_unary_rpc_method_handler(until_hanging),
    "Packed": grpc.unary_unary_rpc_method_handler(packed),
    "Numbers": grpc.unary_stream_rpc_method_handler(numbers),
    "Count": grpc.stream_unary_rpc_method_handler(count),
    "Talk": grpc.stream_stream_rpc_method_handler(talk),
}


def main(files: list[str]) -> None:
    server = grpc.server(futures.ThreadPoolExecutor(16))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Service", METHODS),))
    if files:
        chain, key, *authority = [open(file, "rb").read() for file in files]
        credentials = grpc.ssl_server_credentials([(key, chain)], *authority, require_client_auth=bool(authority))
        port = server.add_secure_port("127.0.0.1:0", credentials)
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    sys.stdin.read()
    server.stop(0)


if __name__ == "__main__":
    main(sys.argv[1:])
