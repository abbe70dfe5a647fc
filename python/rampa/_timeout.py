# SPDX-License-Identifier: MIT
"""Time-outs of the parts of a request."""

from __future__ import annotations

import typing


class Timeout(typing.NamedTuple):
    """How long a request, and its parts, may take, in seconds; None and 0 are no limit.

    A request that takes longer has failed, and is recorded with the time that it has taken.

    Attributes:
        total: from the call to the last byte, redirects included.
        connection: from the call until there is a connection, the wait for a free one included.
        connect: opening a connection: the look-up of the name, the connect, the TLS handshake.
        tls: the TLS handshake.
        first_byte: from the last byte of the request until something of the answer comes.
        idle: without a byte of the answer.
        min_rate: the body of the answer comes with at least so many bytes in a second, before it is decoded; None is no limit.
        min_rate_time: the rate is that of each span of so many seconds, from the first byte of the answer on.

    >>> Timeout(total=30, first_byte=2.5).connect is None
    True
    """

    total: float | None = None
    connection: float | None = None
    connect: float | None = None
    tls: float | None = None
    first_byte: float | None = None
    idle: float | None = None
    min_rate: float | None = None
    min_rate_time: float = 30.0
