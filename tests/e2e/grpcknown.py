# SPDX-License-Identifier: MIT
"""A server of grpcio with the services that gRPC itself defines: grpcknown.py.

It prints a port of its own for each of WAYS, one line, and ends with its standard input. The methods of its service test.Shop give back
what they get. Each server counts the streams of reflection that have come to it: the method /test.Shop/Asked gives the number.
"""
from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent import futures
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

# The messages of gRPC's own reflection.proto and health.proto, as far as they are needed.
_TEXT, _BYTES, _INT, _MESSAGE = 9, 12, 5, 11


def _message(file: Any, name: str, *fields: tuple[str, int, int, str, bool]) -> None:
    made = file.message_type.add(name=name)
    for field, number, kind, type_name, is_repeated in fields:
        made.field.add(name=field, number=number, type=kind, type_name=type_name or None, label=3 if is_repeated else 1)


def reflection_messages() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="r.proto", package="r", syntax="proto3")
    _message(
        file,
        "Request",
        ("host", 1, _TEXT, "", False),
        ("file_by_filename", 3, _TEXT, "", False),
        ("file_containing_symbol", 4, _TEXT, "", False),
        ("list_services", 7, _TEXT, "", False),
    )
    _message(file, "Files", ("file_descriptor_proto", 1, _BYTES, "", True))
    _message(file, "Service", ("name", 1, _TEXT, "", False))
    _message(file, "Services", ("service", 1, _MESSAGE, ".r.Service", True))
    _message(file, "Error", ("error_code", 1, _INT, "", False), ("error_message", 2, _TEXT, "", False))
    _message(
        file,
        "Response",
        ("valid_host", 1, _TEXT, "", False),
        ("original_request", 2, _MESSAGE, ".r.Request", False),
        ("file_descriptor_response", 4, _MESSAGE, ".r.Files", False),
        ("list_services_response", 6, _MESSAGE, ".r.Services", False),
        ("error_response", 7, _MESSAGE, ".r.Error", False),
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    classes = message_factory.GetMessages([file]) if hasattr(message_factory, "GetMessages") else None
    if classes is None:
        classes = message_factory.GetMessageClassesForFiles(["r.proto"], pool)
    return {name.removeprefix("r."): kind for name, kind in classes.items()}


def shop_files() -> dict[str, Any]:
    """shop.proto, which imports part.proto, which imports timestamp.proto of Protocol Buffers, which the server does not have."""
    part = descriptor_pb2.FileDescriptorProto(name="deep/part.proto", package="test", syntax="proto3")
    part.dependency.append("google/protobuf/timestamp.proto")
    _message(part, "Part", ("size", 1, _INT, "", False), ("at", 2, _MESSAGE, ".google.protobuf.Timestamp", False))
    shop = descriptor_pb2.FileDescriptorProto(name="shop.proto", package="test", syntax="proto3")
    shop.dependency.append("deep/part.proto")
    _message(shop, "Order", ("name", 1, _TEXT, "", False), ("parts", 2, _MESSAGE, ".test.Part", True))
    service = shop.service.add(name="Shop")
    for name, requests, responses in (("Add", 0, 0), ("List", 0, 1), ("Sum", 1, 0), ("Talk", 1, 1)):
        service.method.add(
            name=name, input_type=".test.Order", output_type=".test.Order", client_streaming=bool(requests), server_streaming=bool(responses)
        )
    return {file.name: file for file in (part, shop)}


class Reflection:
    """What a server answers. fault: what it does wrong."""

    def __init__(self, fault: str = "") -> None:
        self.fault = fault
        self.asked = 0
        self.kinds = reflection_messages()
        self.files = shop_files()
        if fault == "circle":
            self.files["deep/part.proto"].dependency.append("shop.proto")
        if fault == "broken":
            self.files["shop.proto"].message_type[0].field[1].type_name = ".test.None"

    def answer(self, request: Any) -> Any:
        answer = self.kinds["Response"](original_request=request)
        files = []
        if request.list_services or not (request.file_containing_symbol or request.file_by_filename):
            for name in ("test.Shop", "test.Other") if self.fault != "long" else [f"{number}\x1b\n" + "x" * 100000 for number in range(21)]:
                answer.list_services_response.service.add(name=name)
        elif request.file_containing_symbol == "test.Shop" and self.fault != "long":
            files = ["shop.proto"]
        elif self.fault != "missing" and request.file_by_filename in self.files:
            files = [request.file_by_filename]
        if self.fault == "rubbish" and files:
            answer.file_descriptor_response.file_descriptor_proto.append(b"\xff\xff")
        elif self.fault == "other" and request.file_by_filename:
            answer.file_descriptor_response.file_descriptor_proto.append(self.files["shop.proto"].SerializeToString())
        elif files:
            answer.file_descriptor_response.file_descriptor_proto.extend(self.files[name].SerializeToString() for name in files)
        elif not answer.list_services_response.service:
            if self.fault == "long" and request.file_containing_symbol == "test.Shop":
                answer.error_response.error_code = 7
                answer.error_response.error_message = "\x1b[31mlong" * 100000
                return answer
            answer.error_response.error_code = 5
            answer.error_response.error_message = "there is none \x1b[31m"
        return answer

    def stream(self, requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        self.asked += 1
        if self.fault == "end":
            return
        if self.fault == "denied":
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "not for you")
        for request in requests:
            yield self.answer(request)

    def handlers(self, *packages: str) -> list[Any]:
        method = grpc.stream_stream_rpc_method_handler(self.stream, self.kinds["Request"].FromString, self.kinds["Response"].SerializeToString)
        return [grpc.method_handlers_generic_handler(f"{package}.ServerReflection", {"ServerReflectionInfo": method}) for package in packages]


def shop(reflection: Reflection) -> Any:
    return grpc.method_handlers_generic_handler(
        "test.Shop",
        {
            "Add": grpc.unary_unary_rpc_method_handler(lambda request, _: request),
            "List": grpc.unary_stream_rpc_method_handler(lambda request, _: iter([request, request])),
            "Sum": grpc.stream_unary_rpc_method_handler(lambda requests, _: b"".join(requests)),
            "Talk": grpc.stream_stream_rpc_method_handler(lambda requests, _: requests),
            "Peer": grpc.unary_unary_rpc_method_handler(lambda _, context: context.peer().encode()),
            "Asked": grpc.unary_unary_rpc_method_handler(lambda request, _: b"%d" % reflection.asked),
        },
    )


def health() -> Any:
    """What grpc.health.v1 says of test.Shop, of a service that is down, of one with a status from the future, and of the whole."""
    known = {b"": b"\x08\x01", b"\n\ttest.Shop": b"\x08\x01", b"\n\ttest.Down": b"\x08\x02", b"\n\ttest.Next": b"\x08\x7f"}

    def check(request: bytes, context: grpc.ServicerContext) -> bytes:
        if request not in known:
            context.abort(grpc.StatusCode.NOT_FOUND, "who?")
        return known[request]

    def watch(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        yield from (b"", b"\x08\x02", known.get(request, b"\x08\x03"))

    methods = {"Check": grpc.unary_unary_rpc_method_handler(check), "Watch": grpc.unary_stream_rpc_method_handler(watch)}
    return grpc.method_handlers_generic_handler("grpc.health.v1.Health", methods)


def add_judge(server: grpc.Server, reflection: Reflection) -> None:
    """Reflection as the package grpcio-reflection has it; without that there is none."""
    try:
        from grpc_reflection.v1alpha.reflection import enable_server_reflection
    except ImportError:
        return
    from google.protobuf import timestamp_pb2

    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
    for file in reflection.files.values():
        pool.Add(file)
    enable_server_reflection(("test.Shop",), server, pool)


V1, ALPHA = "grpc.reflection.v1", "grpc.reflection.v1alpha"
# The servers by their names: where reflection stands, and what it does wrong.
WAYS: dict[str, tuple[tuple[str, ...], str]] = {
    "v1": ((V1, ALPHA), ""),
    "alpha": ((ALPHA,), ""),
    "none": ((), ""),
    "judge": ((), "judge"),
    **{fault: ((V1,), fault) for fault in ("circle", "broken", "missing", "rubbish", "other", "end", "denied", "long")},
}


def main() -> None:
    server_of: list[grpc.Server] = []
    ports = []
    for packages, fault in WAYS.values():
        reflection = Reflection(fault)
        server = grpc.server(futures.ThreadPoolExecutor(4))
        server.add_generic_rpc_handlers((shop(reflection), *reflection.handlers(*packages)))
        if packages:
            server.add_generic_rpc_handlers((health(),))
        if fault == "judge":
            add_judge(server, reflection)
        ports.append(server.add_insecure_port("127.0.0.1:0"))
        server.start()
        server_of.append(server)
    print(*ports, flush=True)
    sys.stdin.read()
    for server in server_of:
        server.stop(0)


if __name__ == "__main__":
    main()
