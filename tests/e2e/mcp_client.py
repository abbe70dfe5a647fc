# SPDX-License-Identifier: MIT
"""Clients of the official MCP SDK, which run in an interpreter that has it: see test_mcp_protocol.py.

usage: mcp_client.py stdio|http ROOT URL_OF_TARGET COMMAND_OR_URL...
It prints a line of JSON for each thing that it has asked.
"""
import asyncio
import json
import sys

import mcp
from mcp import Client, StdioServerParameters
from mcp.client.subscriptions import ResourcesListChanged, ResourceUpdated
from mcp.types import ResourceListChangedNotification, ResourceUpdatedNotification


def tell(name: str, value: object) -> None:
    print(json.dumps([name, value]), flush=True)


class Heard:
    """What the server has told of by itself, of either revision of the protocol."""

    def __init__(self) -> None:
        self.uris: "set[str | None]" = set()
        self.came = asyncio.Event()

    async def take(self, message: object) -> None:
        if isinstance(message, (ResourceUpdatedNotification, ResourceUpdated)):
            self.uris.add(getattr(message, "params", message).uri)
        elif isinstance(message, (ResourceListChangedNotification, ResourcesListChanged)):
            self.uris.add(None)
        self.came.set()

    async def wait(self, uri: "str | None") -> None:
        while uri not in self.uris:
            self.came.clear()
            await self.came.wait()


async def subscribe(client: Client, heard: Heard, run_id: str) -> None:
    """Waits until a run that is on is heard of, and then that there is another one."""
    metrics, away = f"rampa://runs/{run_id}/metrics", "rampa://runs/nope"
    await client.subscribe_resource(metrics)
    try:
        await client.subscribe_resource(away)
    except mcp.MCPError as error:
        tell("unknown_subscription", error.error.code)
    await heard.wait(metrics)
    await client.list_resources()
    await client.call_tool("start_run", {"script_path": "made.py", "duration": "10m"})
    await heard.wait(None)
    await client.unsubscribe_resource(metrics)
    tell("heard", sorted(heard.uris - {metrics, None}))


async def listen(client: Client, heard: Heard, run_id: str) -> None:
    """The same by the newer revision."""
    metrics, away = f"rampa://runs/{run_id}/metrics", "rampa://runs/nope"
    async with client.listen(resources_list_changed=True, tools_list_changed=True, resource_subscriptions=[metrics, away]) as stream:
        honored = stream.honored
        tell("honored", [honored.resources_list_changed, honored.tools_list_changed, honored.resource_subscriptions == [metrics]])

        async def follow() -> None:
            async for event in stream:
                await heard.take(event)

        following = asyncio.create_task(follow())
        await heard.wait(metrics)
        await client.call_tool("start_run", {"script_path": "made.py", "duration": "10m"})
        await heard.wait(None)
        following.cancel()
        tell("heard", sorted(heard.uris - {metrics, None}))


async def ask(client: Client, heard: Heard, root: str, target: str) -> None:
    tell("server", [client.server_info.name, client.server_info.version])
    for tool in (await client.list_tools()).tools:
        hints = tool.annotations
        tell("tool", [tool.name, hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint, hints.open_world_hint])
    tell("resources", [str(one.uri) for one in (await client.list_resources()).resources])
    tell("templates", [one.uri_template for one in (await client.list_resource_templates()).resource_templates])
    tell("prompts", [one.name for one in (await client.list_prompts()).prompts])
    prompt = await client.get_prompt("load_test_url", {"url": "http://a/"})
    tell("prompt", prompt.messages[0].content.text.splitlines()[0])
    progress = []

    async def report(done: float, total: "float | None", message: "str | None") -> None:
        progress.append([done, total])

    async def call(name: str, **arguments: object) -> dict:
        result = await client.call_tool(name, arguments, progress_callback=report)
        answer = json.loads(result.content[0].text)
        assert result.structured_content == (None if result.is_error else answer)
        tell(name, [result.is_error, answer])
        return answer

    await call("write_scenario_skeleton", path="made.py", url=target, duration="1500ms")
    await call("discover_scenarios", script_path="made.py")
    await call("discover_scenarios", script_path="../made.py")
    await call("start_run", script_path="made.py", vus="many")
    run_id = (await call("start_run", script_path="made.py", vus=2, wait=True))["run_id"]
    tell("progress", progress)
    await call("get_metrics", run_id=run_id, metric_name="http_reqs")
    await call("list_runs")
    content = (await client.read_resource(f"rampa://runs/{run_id}/thresholds")).contents[0]
    tell("resource", [content.mime_type, json.loads(content.text)["run_id"] == run_id])
    for name, asked in (("unknown_tool", client.call_tool("nope", {})), ("unknown_resource", client.read_resource("rampa://nope"))):
        try:
            await asked
        except mcp.MCPError as error:
            tell(name, error.error.code)
    # a run that is on when the client goes
    run_id = (await call("start_run", script_path="made.py", duration="10m"))["run_id"]
    await (subscribe if client.protocol_version < "2026" else listen)(client, heard, run_id)


async def main() -> None:
    kind, root, target, *words = sys.argv[1:]
    server = words[0] if kind == "http" else StdioServerParameters(command=words[0], args=words[1:], env={"RAMPA_MCP_ROOT": root})
    heard = Heard()
    mode = "auto" if kind == "http" else "legacy"
    async with asyncio.timeout(100), Client(server, mode=mode, message_handler=heard.take) as client:
        await ask(client, heard, root, target)


asyncio.run(main())
