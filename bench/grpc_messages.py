# SPDX-License-Identifier: MIT
"""The requests of the benchmark of gRPC, as bytes: the client is measured, and no encoder of messages."""

import os

SERVICE = "/grpc.testing.TestService/"
SIZE = int(os.environ["RAMPA_BENCH_GRPC_BYTES"])
MESSAGES = int(os.environ.get("RAMPA_BENCH_GRPC_MESSAGES", "0"))  # of a stream; 0 = unary calls


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(value)) + value


UNARY = b"\x10" + varint(SIZE)  # SimpleRequest.response_size
STREAM = field(2, b"\x08" + varint(SIZE)) * MESSAGES  # StreamingOutputCallRequest.response_parameters
