# SPDX-License-Identifier: MIT
"""The types of ``worker.ws``, for annotations: a script makes none of them itself."""

from rampa._rampa import WebSocketClient, WebSocketSession

__all__ = ["WebSocketClient", "WebSocketSession"]
