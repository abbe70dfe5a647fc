# SPDX-License-Identifier: MIT
"""The names of :mod:`rampa.grpc`."""

from rampa.grpc import GrpcClient, GrpcResponse

__all__ = ["GrpcClient", "GrpcResponse"]
