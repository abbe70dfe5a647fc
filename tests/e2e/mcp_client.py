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


def tell(name: str, value: object) -> None:
    print(json.dumps([name, value]), flush=True)


async def ask(client: Client, root: str, target: str) -> None:
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
        assert json.loads(result.content[0].text) == result.structured_content
        tell(name, [result.is_error, result.structured_content])
        return result.structured_content

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
    await call("start_run", script_path="made.py", duration="10m")


async def main() -> None:
    kind, root, target, *words = sys.argv[1:]
    server = words[0] if kind == "http" else StdioServerParameters(command=words[0], args=words[1:], env={"RAMPA_MCP_ROOT": root})
    async with asyncio.timeout(100), Client(server, mode="auto" if kind == "http" else "legacy") as client:
        await ask(client, root, target)


asyncio.run(main())
