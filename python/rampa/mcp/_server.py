# SPDX-License-Identifier: MIT
"""The MCP server on the official SDK: what the table lists, and what the tools do, as messages of the protocol."""

from __future__ import annotations

import collections.abc
import contextlib
import json
import os
import subprocess
import typing

import mcp.types as types  # type: ignore[import]
from mcp import MCPError  # pyright: ignore[reportAttributeAccessIssue]
from mcp.server import NotificationOptions, Server, ServerRequestContext  # type: ignore[import]

from rampa.mcp._arguments import checked
from rampa.mcp._failure import Failure
from rampa.mcp._files import shown
from rampa.mcp._program import path_of_program
from rampa.mcp._resources import read, uri_of
from rampa.mcp._runs import RunRegistry
from rampa.mcp._settings import Settings
from rampa.mcp._subscriptions import Subscriptions
from rampa.mcp._table import INSTRUCTIONS, PROMPT_DEFAULTS, PROMPTS, RESOURCES, TOOLS, Tool
from rampa.mcp._tools import Tools
from rampa.mcp._watch import Watch


def _version(settings: Settings) -> str:
    """That of the program, which is the one that runs tests."""
    try:
        done = subprocess.run([path_of_program(settings), "--version"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=60, check=True)
    except (Failure, OSError, subprocess.SubprocessError):
        return ""
    words = done.stdout.decode(errors="replace").split()
    return words[1] if len(words) > 1 else ""


def _described(tool: Tool) -> typing.Any:
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.arguments,
        output_schema=tool.answer,
        annotations=types.ToolAnnotations(
            title=tool.title,
            read_only_hint=tool.reads_only,
            destructive_hint=tool.destroys,
            idempotent_hint=tool.repeats,
            open_world_hint=tool.reaches_out,
        ),
    )


def _result(answer: dict[str, typing.Any], is_error: bool) -> typing.Any:
    # All but ASCII is escaped in the text, so that nothing of it can act on a terminal.
    text = json.dumps(answer)
    # Clients compare structured content with the schema of the tool, also that of errors, which do not fit it.
    structured = None if is_error else answer
    return types.CallToolResult(content=[types.TextContent(type="text", text=text)], structured_content=structured, is_error=is_error)


class Calls:
    """The calls of tools that are on, and which of them the client has called off.

    The SDK ends a call in the same way when the client calls it off and when the client has gone.
    """

    def __init__(self) -> None:
        self._on: dict[str, bool] = {}

    def hear(self, line: str) -> None:
        """Looks at a message before the SDK does. A transport with one client alone has it: clients may use the same ids.

        Args:
            line: of JSON, or anything else.
        """
        if "cancelled" not in line:
            return
        with contextlib.suppress(ValueError, RecursionError, TypeError, KeyError):
            message = json.loads(line)
            if message["method"] == "notifications/cancelled" and (key := str(message["params"]["requestId"])) in self._on:
                self._on[key] = True

    @contextlib.contextmanager
    def one(self, request_id: object) -> collections.abc.Iterator[collections.abc.Callable[[], bool]]:
        """A call, and what says whether the client has called it off.

        Args:
            request_id: of it.
        """
        key = str(request_id)
        self._on[key] = False
        try:
            yield lambda: self._on.get(key, False)
        finally:
            self._on.pop(key, None)


class _Handlers:
    """One method for each request of the protocol."""

    def __init__(self, tools: Tools, calls: Calls, subscriptions: Subscriptions) -> None:
        self._tools = tools
        self._calls = calls
        self._subscriptions = subscriptions
        self._by_name = {tool.name: tool for tool in TOOLS}

    async def list_tools(self, context: ServerRequestContext, params: typing.Any) -> typing.Any:
        return types.ListToolsResult(tools=[_described(tool) for tool in TOOLS])

    async def call_tool(self, context: ServerRequestContext, params: typing.Any) -> typing.Any:
        tool = self._by_name.get(params.name)
        if tool is None:
            raise MCPError(types.INVALID_PARAMS, f"Unknown tool: {shown(params.name)}")

        async def progress(done: float, total: float | None, message: str) -> None:
            await context.session.report_progress(done, total, message)

        try:
            with self._calls.one(context.request_id) as is_called_off:
                return _result(await self._tools.call(tool.name, checked(tool.arguments, params.arguments or {}), progress, is_called_off), False)
        except Failure as failure:
            return _result(failure.answer, True)

    async def list_resources(self, context: ServerRequestContext, params: typing.Any) -> typing.Any:
        plain = [row for row in RESOURCES if "{" not in row.uri]
        rows = [types.Resource(uri=row.uri, name=row.name, title=row.title, description=row.description, mime_type="application/json") for row in plain]
        for run in self._tools.runs():
            script = os.path.basename(run["script_path"])
            rows.append(types.Resource(uri=uri_of(run["run_id"]), name=run["run_id"], title=f"Run of {shown(script)}", mime_type="application/json"))
        self._subscriptions.has_listed(context)
        return types.ListResourcesResult(resources=rows)

    async def list_templates(self, context: ServerRequestContext, params: typing.Any) -> typing.Any:
        rows = [
            types.ResourceTemplate(uri_template=row.uri, name=row.name, title=row.title, description=row.description, mime_type="application/json")
            for row in RESOURCES
            if "{" in row.uri
        ]
        return types.ListResourceTemplatesResult(resource_templates=rows)

    async def read_resource(self, context: ServerRequestContext, params: typing.Any) -> typing.Any:
        uri = str(params.uri)
        try:
            value = read(self._tools, uri)
        except LookupError:
            raise MCPError(types.INVALID_PARAMS, f"Resource not found: {shown(uri)}", {"uri": uri[:200]}) from None
        except Failure as failure:
            raise MCPError(types.INVALID_PARAMS, f"{failure.error}; {failure.hint}", {"uri": uri[:200]}) from None
        return types.ReadResourceResult(contents=[types.TextResourceContents(uri=uri, mime_type="application/json", text=json.dumps(value, indent=2))])

    async def list_prompts(self, context: ServerRequestContext, params: typing.Any) -> typing.Any:
        rows = [
            types.Prompt(
                name=row.name,
                title=row.title,
                description=row.description,
                arguments=[types.PromptArgument(name=name, description=text, required=name not in PROMPT_DEFAULTS) for name, text in row.arguments.items()],
            )
            for row in PROMPTS
        ]
        return types.ListPromptsResult(prompts=rows)

    async def get_prompt(self, context: ServerRequestContext, params: typing.Any) -> typing.Any:
        row = next((row for row in PROMPTS if row.name == params.name), None)
        if row is None:
            raise MCPError(types.INVALID_PARAMS, f"Unknown prompt: {shown(params.name)}")
        given = params.arguments or {}
        values = {}
        for name in row.arguments:
            value = given.get(name) or PROMPT_DEFAULTS.get(name)
            if value is None or len(value) > 2000:
                raise MCPError(types.INVALID_PARAMS, f"The prompt {row.name} needs the argument {name}, of at most 2000 characters")
            values[name] = value
        message = types.PromptMessage(role="user", content=types.TextContent(type="text", text=row.text.format(**values)))
        return types.GetPromptResult(description=row.description, messages=[message])


class RunServer(Server):  # type: ignore[misc]
    """The server, which says of itself that its list of resources changes.

    Attributes:
        registry: of its runs.
        calls: of its tools.
    """

    registry: RunRegistry
    calls: Calls

    def create_initialization_options(self, notification_options: typing.Any = None, *others: typing.Any, **more: typing.Any) -> typing.Any:
        return super().create_initialization_options(notification_options or NotificationOptions(resources_changed=True), *others, **more)


def make_server(settings: Settings | None = None) -> RunServer:
    """The server, to be run on a transport of the SDK. Its runs end with it, or go on, as the settings say.

    Args:
        settings: of it, or None for those of the environment.

    Raises:
        SettingsError: when a variable of the environment is of no use.
    """
    used = Settings.from_environment(os.environ) if settings is None else settings
    registry = RunRegistry(used)
    tools = Tools(used, registry)
    watch = Watch(tools)
    subscriptions = Subscriptions(watch)
    calls = Calls()
    handlers = _Handlers(tools, calls, subscriptions)

    @contextlib.asynccontextmanager
    async def lifespan(server: Server) -> collections.abc.AsyncIterator[RunRegistry]:
        await registry.adopt()
        try:
            yield registry
        finally:
            watch.close()
            await registry.close()

    made = RunServer(
        "rampa",
        version=_version(used),
        title="rampa",
        description="Load testing",
        instructions=INSTRUCTIONS,
        lifespan=lifespan,
        on_list_tools=handlers.list_tools,
        on_call_tool=handlers.call_tool,
        on_list_resources=handlers.list_resources,
        on_list_resource_templates=handlers.list_templates,
        on_read_resource=handlers.read_resource,
        on_subscribe_resource=subscriptions.subscribe,
        on_unsubscribe_resource=subscriptions.unsubscribe,
        on_subscriptions_listen=subscriptions.listen,
        on_list_prompts=handlers.list_prompts,
        on_get_prompt=handlers.get_prompt,
    )
    made.registry, made.calls = registry, calls
    return made
