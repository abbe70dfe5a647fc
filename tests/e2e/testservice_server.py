# SPDX-License-Identifier: MIT
"""grpc.testing.TestService by grpcio. Prints its port, and ends with its standard input. testservice_pb2 must be importable."""
from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Iterator
from concurrent import futures
from typing import Any

import grpc
import testservice_pb2 as pb  # type: ignore[import-not-found]

INITIAL, TRAILING = "x-grpc-test-echo-initial", "x-grpc-test-echo-trailing-bin"


def begin(context: grpc.ServicerContext) -> None:
    sent = dict(context.invocation_metadata())
    if INITIAL in sent:
        context.send_initial_metadata([(INITIAL, sent[INITIAL])])
    if TRAILING in sent:
        context.set_trailing_metadata([(TRAILING, sent[TRAILING])])


def check(request: Any, context: grpc.ServicerContext) -> None:
    """Ends the call with the status that is asked for."""
    if request.response_status.code:
        code = next(code for code in grpc.StatusCode if code.value[0] == request.response_status.code)
        context.abort(code, request.response_status.message)


def empty(request: Any, context: grpc.ServicerContext) -> Any:
    return pb.Empty()


def unary(request: Any, context: grpc.ServicerContext) -> Any:
    begin(context)
    check(request, context)
    return pb.SimpleResponse(payload=pb.Payload(body=bytes(request.response_size)))


def respond(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
    check(request, context)
    for parameters in request.response_parameters:
        if parameters.interval_us:
            gone = threading.Event()
            context.add_callback(gone.set)
            gone.wait(parameters.interval_us / 1e6)
        yield pb.StreamingOutputCallResponse(payload=pb.Payload(body=bytes(parameters.size)))


def duplex(requests: Iterable[Any], context: grpc.ServicerContext) -> Iterator[Any]:
    begin(context)
    for request in requests:
        yield from respond(request, context)


def count(requests: Iterable[Any], context: grpc.ServicerContext) -> Any:
    return pb.StreamingInputCallResponse(aggregated_payload_size=sum(len(request.payload.body) for request in requests))


def method(kind: str, function: Any, request: str, response: str) -> grpc.RpcMethodHandler:
    make = getattr(grpc, f"{kind}_rpc_method_handler")
    made: grpc.RpcMethodHandler = make(function, getattr(pb, request).FromString, getattr(pb, response).SerializeToString)
    return made


METHODS = {
    "EmptyCall": method("unary_unary", empty, "Empty", "Empty"),
    "UnaryCall": method("unary_unary", unary, "SimpleRequest", "SimpleResponse"),
    "StreamingOutputCall": method("unary_stream", respond, "StreamingOutputCallRequest", "StreamingOutputCallResponse"),
    "StreamingInputCall": method("stream_unary", count, "StreamingInputCallRequest", "StreamingInputCallResponse"),
    "FullDuplexCall": method("stream_stream", duplex, "StreamingOutputCallRequest", "StreamingOutputCallResponse"),
}


def main() -> None:
    server = grpc.server(futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("grpc.testing.TestService", METHODS),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    sys.stdin.read()
    server.stop(0)


if __name__ == "__main__":
    main()
