# SPDX-License-Identifier: MIT
"""Clients that are told of changes, by messages of the protocol.

Up to the revision 2025-11-25 a client subscribes to each resource, and is told over the connection. Since 2026-07-28 it sends
one request that says what it wants, and is told in the answer of that request, as long as that is open.
"""

from __future__ import annotations

import contextlib
import typing

import mcp.types as types  # type: ignore[import]
from mcp import MCPError  # pyright: ignore[reportAttributeAccessIssue]
from mcp.server import ServerRequestContext  # type: ignore[import]
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ResourcesListChanged, ResourceUpdated  # type: ignore[import]

from rampa.mcp._failure import Failure
from rampa.mcp._files import shown
from rampa.mcp._watch import URIS, Listener, Watch

_FIRST_WITHOUT_CONNECTIONS = "2026-07-28"


def _refused(failure: Failure) -> MCPError:
    return MCPError(types.INVALID_PARAMS, f"{failure.error}; {failure.hint}")


def _connection_of(context: ServerRequestContext) -> typing.Any:
    """The connection of a request, with a stack of what is to be done when the client has gone.

    The SDK makes a session for each request. Up to its version 2.3 it hides the connection, which alone outlives the request, and has no other
    way to tell that a client has gone. A later version may have another name for it: then clients cannot subscribe, and all else works.

    Raises:
        Failure: it is not there.
    """
    connection = getattr(context.session, "_connection", None)
    if not hasattr(getattr(connection, "exit_stack", None), "callback"):
        raise Failure("this server cannot tell of changes, because of its version of the package mcp", "wait_run waits for a run; mcp 2.3 is known to work")
    return connection


class Subscriptions:
    """The requests by which clients subscribe.

    Args:
        watch: that looks at what they want.
    """

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._by_connection: dict[int, Listener] = {}

    def _listener(self, context: ServerRequestContext) -> Listener:
        """That of the connection of a request. It is closed with the connection."""
        connection = _connection_of(context)
        if id(connection) in self._by_connection:
            return self._by_connection[id(connection)]
        session = context.session

        async def send(uri: str | None) -> None:
            if uri is None:
                await session.send_notification(types.ResourceListChangedNotification())
            else:
                await session.send_notification(types.ResourceUpdatedNotification(params=types.ResourceUpdatedNotificationParams(uri=uri)))

        listener = self._watch.listen(send)
        self._by_connection[id(connection)] = listener

        def close() -> None:
            del self._by_connection[id(connection)]
            listener.close()

        connection.exit_stack.callback(close)
        return listener

    def has_listed(self, context: ServerRequestContext) -> None:
        """Tells a client that has asked for the list of resources when the list changes.

        Args:
            context: of its request.
        """
        if context.protocol_version < _FIRST_WITHOUT_CONNECTIONS:
            with contextlib.suppress(Failure):  # there are too many, and it can ask again
                self._listener(context).wants_list = True

    async def subscribe(self, context: ServerRequestContext, params: typing.Any) -> typing.Any:
        """``resources/subscribe``."""
        uri = str(params.uri)
        try:
            self._listener(context).add(uri)
        except LookupError:
            raise MCPError(types.INVALID_PARAMS, f"Resource not found: {shown(uri)}", {"uri": uri[:200]}) from None
        except Failure as failure:
            raise _refused(failure) from None
        return types.EmptyResult()

    async def unsubscribe(self, context: ServerRequestContext, params: typing.Any) -> typing.Any:
        """``resources/unsubscribe``."""
        with contextlib.suppress(Failure):
            self._listener(context).uris.discard(str(params.uri))
        return types.EmptyResult()

    async def listen(self, context: ServerRequestContext, params: typing.Any) -> typing.Any:
        """``subscriptions/listen``. What there is not is left out, as the acknowledgement says."""
        wanted = params.notifications
        if len(wanted.resource_subscriptions or ()) > URIS:
            raise MCPError(types.INVALID_PARAMS, f"A request may name at most {URIS} resources")
        bus = InMemorySubscriptionBus()

        async def send(uri: str | None) -> None:
            await bus.publish(ResourcesListChanged() if uri is None else ResourceUpdated(uri))

        try:
            listener = self._watch.listen(send)
        except Failure as failure:
            raise _refused(failure) from None
        try:
            listener.wants_list = bool(wanted.resources_list_changed)
            for uri in wanted.resource_subscriptions or ():
                with contextlib.suppress(LookupError, Failure):
                    listener.add(uri)
            # Tools and prompts never change.
            honored = types.SubscriptionFilter(resources_list_changed=listener.wants_list or None, resource_subscriptions=sorted(listener.uris) or None)
            return await ListenHandler(bus)(context, params.model_copy(update={"notifications": honored}))
        finally:
            listener.close()
