# SPDX-License-Identifier: MIT
"""The control server of a run, on a UNIX socket in the private folder of the run: docs/control.md."""

from __future__ import annotations

import asyncio
import json
import os
import typing

from rampa.mcp._failure import Failure
from rampa.mcp._untrusted import plain

_SECONDS = 30.0
_ANSWER = 4 << 20
_LOOK_SECONDS = 0.05
_WORDS = 1000  # characters of an error
_HINT = "discover_scenarios names the scenarios of a script, and inspect_config says what they have room for (max_vus)"


class Control:
    """Asks the control server of a run.

    Args:
        folder: that the run has for XDG_RUNTIME_DIR.
        run_id: of the run.
    """

    def __init__(self, folder: str, run_id: str) -> None:
        self._socket = os.path.join(folder, "rampa", f"{run_id}.sock")

    async def post(self, path: str, body: dict[str, typing.Any]) -> dict[str, typing.Any]:
        """Asks for a change.

        Args:
            path: such as ``/v1/stop``.
            body: what JSON can hold.

        Raises:
            Failure: what the run says, or that it does not answer.
        """
        try:
            async with asyncio.timeout(_SECONDS):
                status, answer = _taken_apart(await self._exchange(path, json.dumps(body).encode()))
        except (OSError, TimeoutError, ValueError) as error:
            raise Failure(f"the run does not answer: {error or 'it takes too long'}", "get_status says whether it is over") from None
        if status != 200:
            hint = plain(answer.get("hint"), _WORDS)
            # The coordinator says it, which executes nothing of the script; of the script it has names of scenarios at most.
            raise Failure(plain(answer.get("error"), _WORDS), _HINT if "/v1/" in hint else hint)
        return answer

    async def _exchange(self, path: str, body: bytes) -> bytes:
        while True:  # a run that has just begun makes the socket first, and then the file of the token
            try:
                with open(f"{self._socket}.token", encoding="ascii") as file:
                    token = file.read().strip()
                if token:
                    break
            except FileNotFoundError:
                pass
            await asyncio.sleep(_LOOK_SECONDS)
        reader, writer = await asyncio.open_unix_connection(self._socket)
        try:
            head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
            writer.write(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
            answer = b""
            while piece := await reader.read(65536):
                answer += piece
                if len(answer) > _ANSWER:
                    raise ValueError("its answer is too long")
            return answer
        finally:
            writer.close()


def _taken_apart(answer: bytes) -> tuple[int, dict[str, typing.Any]]:
    """The status and the body of a response, which ends with the connection."""
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    value = json.loads(body)
    if len(words) < 2 or not words[1].isdigit() or not isinstance(value, dict):
        raise ValueError("its answer is none of HTTP")
    return int(words[1]), value
