// SPDX-License-Identifier: MIT
// A client of the TypeScript SDK, which asks what mcp_client.py asks and tells it in the same way.
// usage: node mcp_client.mjs stdio|http FOLDER_OF_NODE_MODULES ROOT URL_OF_TARGET COMMAND_OR_URL...
import { createRequire } from "node:module";
import path from "node:path";

const [kind, modules, root, target, ...words] = process.argv.slice(2);
const load = createRequire(path.join(modules, "here.js"));
const { Client } = load("@modelcontextprotocol/sdk/client/index.js");
const { StdioClientTransport } = load("@modelcontextprotocol/sdk/client/stdio.js");
const { StreamableHTTPClientTransport } = load("@modelcontextprotocol/sdk/client/streamableHttp.js");
const { ResourceListChangedNotificationSchema, ResourceUpdatedNotificationSchema } = load("@modelcontextprotocol/sdk/types.js");

const tell = (name, value) => console.log(JSON.stringify([name, value]));
const heard = new Set();
let wake = () => {};
const hear = (uri) => {
    heard.add(uri);
    wake();
};
const until = async (uri) => {
    while (!heard.has(uri)) await new Promise((resolve) => (wake = resolve));
};

const client = new Client({ name: "test", version: "1" });
client.setNotificationHandler(ResourceUpdatedNotificationSchema, (message) => hear(message.params.uri));
client.setNotificationHandler(ResourceListChangedNotificationSchema, () => hear("list"));
await client.connect(
    kind === "http"
        ? new StreamableHTTPClientTransport(new URL(words[0]))
        : new StdioClientTransport({ command: words[0], args: words.slice(1), env: { ...process.env, RAMPA_MCP_ROOT: root } }),
);

const codeOf = async (asked) => {
    try {
        await asked;
        return null;
    } catch (error) {
        return error.code;
    }
};
const progress = [];
const call = async (name, args = {}, options = {}) => {
    const onprogress = (said) => progress.push([said.progress, said.total ?? null]);
    const result = await client.callTool({ name, arguments: args }, undefined, { onprogress, ...options });
    const answer = JSON.parse(result.content[0].text);
    tell(name, [result.isError ?? false, answer]);
    return answer;
};

const server = client.getServerVersion();
tell("server", [server.name, server.version]);
for (const tool of (await client.listTools()).tools) {
    const hints = tool.annotations;
    tell("tool", [tool.name, hints.readOnlyHint, hints.destructiveHint, hints.idempotentHint, hints.openWorldHint]);
}
tell("resources", (await client.listResources()).resources.map((one) => one.uri));
tell("templates", (await client.listResourceTemplates()).resourceTemplates.map((one) => one.uriTemplate));
tell("prompts", (await client.listPrompts()).prompts.map((one) => one.name));
const prompt = await client.getPrompt({ name: "load_test_url", arguments: { url: "http://a/" } });
tell("prompt", prompt.messages[0].content.text.split("\n")[0]);

await call("write_scenario_skeleton", { path: "made.py", url: target, duration: "1500ms" });
await call("discover_scenarios", { script_path: "made.py" });
await call("discover_scenarios", { script_path: "../made.py" });
await call("start_run", { script_path: "made.py", vus: "many" });
let run_id = (await call("start_run", { script_path: "made.py", vus: 2, wait: true })).run_id;
tell("progress", progress);
await call("get_metrics", { run_id, metric_name: "http_reqs" });
await call("list_runs");
const content = (await client.readResource({ uri: `rampa://runs/${run_id}/thresholds` })).contents[0];
tell("resource", [content.mimeType, JSON.parse(content.text).run_id === run_id]);
tell("unknown_tool", await codeOf(client.callTool({ name: "nope", arguments: {} })));
tell("unknown_resource", await codeOf(client.readResource({ uri: "rampa://nope" })));

run_id = (await call("start_run", { script_path: "made.py", duration: "10m" })).run_id;
await client.subscribeResource({ uri: `rampa://runs/${run_id}/metrics` });
tell("unknown_subscription", await codeOf(client.subscribeResource({ uri: "rampa://runs/nope" })));
await until(`rampa://runs/${run_id}/metrics`);
await client.unsubscribeResource({ uri: `rampa://runs/${run_id}/metrics` });

// A call that is called off once it has told how far it is: a run that was only waited for goes on, one that the call has started stops.
const calledOff = async (name, args) => {
    const stop = new AbortController();
    return codeOf(client.callTool({ name, arguments: args }, undefined, { signal: stop.signal, onprogress: () => stop.abort("enough") }));
};
await client.listResources();
tell("wait_called_off", (await calledOff("wait_run", { run_id })) !== null);
const status = async (id) => (await client.callTool({ name: "get_status", arguments: { run_id: id } })).structuredContent;
tell("goes_on", (await status(run_id)).status);
tell("start_called_off", (await calledOff("start_run", { script_path: "made.py", duration: "10m", wait: true })) !== null);
await until("list");
const runs = (await client.callTool({ name: "list_runs", arguments: {} })).structuredContent.result;
const other = runs[runs.length - 1].run_id;
await client.callTool({ name: "wait_run", arguments: { run_id: other } });
tell("stopped", (await status(other)).stop_reason);
tell("heard", [...heard].filter((uri) => uri !== "list" && uri !== `rampa://runs/${run_id}/metrics`));
await client.close();
