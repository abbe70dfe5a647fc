# SPDX-License-Identifier: MIT
"""What the tests of the reference's names share: its table of metrics, and ports."""
from __future__ import annotations

import socket

# The reference's own table.
BUILTINS = {
    "counter": "iterations iteration_errors dropped_iterations data_sent data_received http_reqs ws_sessions ws_messages_sent "
    "ws_messages_received ws_errors grpc_reqs grpc_streams_opened grpc_messages_sent grpc_messages_received",
    "gauge": "vus vus_max",
    "rate": "checks http_req_failed grpc_req_failed",
    "trend": "iteration_duration http_req_duration http_req_blocked http_req_connecting http_req_sending http_req_waiting "
    "http_req_receiving ws_connecting ws_session_duration grpc_req_duration",
}


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
