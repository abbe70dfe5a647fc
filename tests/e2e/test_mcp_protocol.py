# SPDX-License-Identifier: MIT
"""`rampa mcp` as clients see it: those of the official SDKs, the inspector, the conformance suite, and clients that send anything else.

The variable MCP_PYTHON names an interpreter that has the SDK, MCP_NODE a Node of version 22, and MCP_NODE_MODULES a folder with the
packages of npm: ./dev makes all of them.
"""
from __future__ import annotations

import contextlib
import functools
import http.client
import json
import os
import re
import select
import signal
import stat
import subprocess
import typing
from pathlib import Path

import pytest
from rampa.mcp._table import PROMPTS, RESOURCES, TOOLS

SECONDS = 120
PYTHON = os.environ.get("MCP_PYTHON", "")
CLIENT = Path(__file__).parent / "mcp_client.py"
NODE_CLIENT = Path(__file__).parent / "mcp_client.mjs"
NODE_MODULES = os.environ.get("MCP_NODE_MODULES", "")
NODE = os.environ.get("MCP_NODE") or "node"
#: The scenarios of the conformance suite for servers. Those that apply, with the number of checks that pass and that warn.
CONFORMANCE = {
    "server-initialize": (1, 0),
    "ping": (1, 0),
    "tools-list": (1, 0),
    "resources-list": (1, 0),
    "prompts-list": (1, 0),
    "server-sse-multiple-streams": (2, 0),
    "dns-rebinding-protection": (2, 0),
    "server-sse-polling": (0, 2),  # streams are not resumed, which is no must
}
#: Those that do not: they need tools, resources and prompts of the suite's own server, or what this one does not have.
NO_CONFORMANCE = (
    "completion-complete", "elicitation-sep1034-defaults", "elicitation-sep1330-enums", "json-schema-2020-12", "logging-set-level",
    "prompts-get-embedded-resource", "prompts-get-simple", "prompts-get-with-args", "prompts-get-with-image", "resources-read-binary",
    "resources-read-text", "resources-subscribe", "resources-templates-read", "resources-unsubscribe", "tools-call-audio",
    "tools-call-elicitation", "tools-call-embedded-resource", "tools-call-error", "tools-call-image", "tools-call-mixed-content",
    "tools-call-sampling", "tools-call-simple-text", "tools-call-with-logging", "tools-call-with-progress",
)  # fmt: skip
TOKEN = "0123456789abcdef0123"

pytestmark = [
    pytest.mark.skipif("RAMPA_SANITIZED" in os.environ, reason="checked with the ordinary build"),
    pytest.mark.skipif(not PYTHON, reason="MCP_PYTHON names no interpreter with the package mcp"),
]


def command(program: Path) -> list[str]:
    return [str(program), "mcp", "--python", PYTHON]


def environment(root: Path, **more: str) -> dict[str, str]:
    return {**os.environ, "RAMPA_MCP_ROOT": str(root), **more}


def answers_of(words: list[str], *, client: tuple[str, ...] = (PYTHON, str(CLIENT))) -> list[tuple[str, typing.Any]]:
    """What a client of the SDK tells."""
    done = subprocess.run([*client, *words], capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stderr
    return [(name, value) for name, value in map(json.loads, done.stdout.splitlines())]


def judge(answers: list[tuple[str, typing.Any]], root: Path, program: Path) -> dict[str, typing.Any]:
    """Looks at what the client has told, and gives the first value of each name."""
    version = subprocess.run([program, "--version"], capture_output=True, text=True).stdout.split()[1]
    first: dict[str, typing.Any] = {}
    for name, value in answers:
        first.setdefault(name, value)
    assert first["server"] == ["rampa", version]
    assert [value for name, value in answers if name == "tool"] == [
        [tool.name, tool.reads_only, tool.destroys, tool.repeats, tool.reaches_out] for tool in TOOLS
    ]
    assert first["resources"] + first["templates"] == [row.uri for row in RESOURCES]
    assert first["prompts"] == [row.name for row in PROMPTS]
    assert first["prompt"] == "Load-test http://a/ with 10 virtual users for 30s."
    assert first["write_scenario_skeleton"][1]["path"] == str(root / "made.py")
    found, refused = (value for name, value in answers if name == "discover_scenarios")
    assert (found[0], list(found[1]["scenarios"])) == (False, ["load"])
    assert (refused[0], set(refused[1])) == (True, {"error", "hint"})
    mistaken, run, last = (value for name, value in answers if name == "start_run")
    assert mistaken[0] is True and "argument vus is 'many'" in mistaken[1]["error"]
    assert (run[0], run[1]["completed"], run[1]["exit_code"] in (0, 1)) == (False, True, True)
    assert first["progress"] and all(total == 1.5 for _, total in first["progress"])
    assert first["get_metrics"][1]["values"] == run[1]["metrics"]["http_reqs"]
    assert [row["run_id"] for row in first["list_runs"][1]["result"]] == [run[1]["run_id"]]
    assert first["resource"] == ["application/json", True]
    assert (first["unknown_tool"], first["unknown_resource"]) == (-32602, -32602)
    assert last[1]["status"] == "started"
    assert first["heard"] == []
    return first


def run_of(script: str) -> int | None:
    """A descriptor of the process of a run of this script, or None when there is none any more."""
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if entry.name.isdigit() and words[1:2] == [b"run"] and script.encode() in words:
                return os.pidfd_open(int(entry.name))
    return None


def test_a_client_of_the_sdk_over_standard_input(program: Path, target: str, tmp_path: Path) -> None:
    root = tmp_path.resolve()
    first = judge(answers_of(["stdio", str(root), target, *command(program)]), root, program)
    assert first["unknown_subscription"] == -32602
    script = str(root / "made.py")
    while (left := run_of(script)) is not None:  # its server has ended, and it is about to end
        assert select.select([left], [], [], SECONDS)[0]
        os.close(left)


@contextlib.contextmanager
def http_server(program: Path, root: Path, *, ended_by: signal.Signals = signal.SIGTERM, **more: str) -> typing.Iterator[tuple[str, typing.IO[str]]]:
    """The address of a server on a free port, and what it says after that. The signal ends it."""
    variables = environment(root, FASTMCP_TRANSPORT="http", FASTMCP_PORT="0", **more)
    with subprocess.Popen(command(program), env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None and server.stdout is not None
        try:
            line = server.stderr.readline()
            assert line.startswith("rampa mcp listens on http://127.0.0.1:"), line + server.stderr.read()
            yield line.split()[-1], server.stderr
        finally:
            server.send_signal(ended_by)
            code = server.wait(SECONDS)
        assert (code, server.stdout.read()) == (0 if ended_by == signal.SIGTERM else -ended_by, "")


def test_a_client_of_the_sdk_over_http(program: Path, target: str, tmp_path: Path) -> None:
    root = tmp_path.resolve()
    with http_server(program, root, RAMPA_MCP_TOKEN="") as (url, _):
        first = judge(answers_of(["http", str(root), target, url]), root, program)
        assert first["honored"] == [True, None, True]
    while (left := run_of(str(root / "made.py"))) is not None:
        assert select.select([left], [], [], SECONDS)[0]
        os.close(left)


needs_node = pytest.mark.skipif(not NODE_MODULES, reason="MCP_NODE_MODULES names no folder with the packages of @modelcontextprotocol")


@needs_node
@pytest.mark.parametrize("kind", ["stdio", "http"])
def test_a_client_of_the_typescript_sdk(kind: str, program: Path, target: str, tmp_path: Path) -> None:
    root = tmp_path.resolve()
    with contextlib.ExitStack() as stack:
        last = command(program) if kind == "stdio" else [stack.enter_context(http_server(program, root, RAMPA_MCP_TOKEN=""))[0]]
        client = (NODE, str(NODE_CLIENT), kind, NODE_MODULES)
        first = judge(answers_of([str(root), target, *last], client=client), root, program)
    assert first["unknown_subscription"] == -32602
    assert (first["wait_called_off"], first["goes_on"]) == (True, "running")
    assert (first["start_called_off"], first["stopped"]) == (True, "the call of start_run was called off")
    while (left := run_of(str(root / "made.py"))) is not None:
        assert select.select([left], [], [], SECONDS)[0]
        os.close(left)


@needs_node
def test_the_conformance_suite(program: Path, tmp_path: Path) -> None:
    suite = [NODE, f"{NODE_MODULES}/@modelcontextprotocol/conformance/dist/index.js"]

    def said(*words: str) -> str:
        done = subprocess.run([*suite, *words], capture_output=True, text=True, timeout=SECONDS, cwd=tmp_path, env={**os.environ, "NO_COLOR": "1"})
        assert done.returncode == 0, done.stdout + done.stderr
        return re.sub("\x1b\\[[0-9;]*m", "", done.stdout)

    assert sorted(re.findall(r"^ +- (\S+) \[", said("list", "--server"), re.MULTILINE)) == sorted([*CONFORMANCE, *NO_CONFORMANCE])
    with http_server(program, tmp_path.resolve(), RAMPA_MCP_TOKEN="") as (url, _):
        for scenario, (passed, warnings) in CONFORMANCE.items():
            text = said("server", "--url", url, "--scenario", scenario)
            assert f"Passed: {passed}/{passed}, 0 failed, {warnings} warnings" in text, text


@needs_node
def test_the_inspector(program: Path, tmp_path: Path) -> None:
    (tmp_path / "made.py").write_text(MADE)
    inspector = [NODE, f"{NODE_MODULES}/@modelcontextprotocol/inspector-cli/build/cli.js", "--cli", "-e", f"RAMPA_MCP_ROOT={tmp_path.resolve()}"]
    inspector += [word for name in ("PYTHONPATH", "RAMPA_PYTHON") if name in os.environ for word in ("-e", f"{name}={os.environ[name]}")]
    path = f"{os.path.dirname(NODE)}:{os.environ['PATH']}" if "/" in NODE else os.environ["PATH"]  # it starts another one

    def ask(method: str, *words: str) -> typing.Any:
        whole = [*inspector, *command(program), "--method", method, *words]
        done = subprocess.run(whole, capture_output=True, text=True, timeout=SECONDS, cwd=tmp_path, env={**os.environ, "PATH": path})
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def call(name: str, **arguments: str) -> tuple[bool, typing.Any]:
        words = [word for argument in arguments.items() for word in ("--tool-arg", "=".join(argument))]
        answer = ask("tools/call", "--tool-name", name, *words)
        return answer.get("isError", False), json.loads(answer["content"][0]["text"])

    assert [tool["name"] for tool in ask("tools/list")["tools"]] == [tool.name for tool in TOOLS]
    assert [row["uri"] for row in ask("resources/list")["resources"]] == ["rampa://runs"]
    assert [row["name"] for row in ask("prompts/list")["prompts"]] == [row.name for row in PROMPTS]
    assert call("discover_scenarios", script_path="made.py")[1]["scenarios"]["one"]["vus"] == 1
    is_error, summary = call("start_run", script_path="made.py", wait="true", vus="2", duration="200ms")
    assert (is_error, summary["completed"], summary["exit_code"]) == (False, True, 0)
    is_error, answer = call("wait_run", run_id="none", timeout_s="5")
    assert (is_error, answer["error"]) == (True, "run 'none' not found")


INITIALIZE = {
    "jsonrpc": "2.0", "id": 1, "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}  # fmt: skip


def status_of(place: str, body: str = json.dumps(INITIALIZE), **fields: str) -> int:
    connection = http.client.HTTPConnection(place, timeout=SECONDS)
    head = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream", "Authorization": f"Bearer {TOKEN}"}
    connection.request("POST", "/mcp", body, {**head, **{name.replace("_", "-"): value for name, value in fields.items()}})
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status


def test_http_needs_a_token_also_when_none_is_set(program: Path, tmp_path: Path) -> None:
    with http_server(program, tmp_path.resolve(), XDG_RUNTIME_DIR=str(tmp_path)) as (url, said):
        line = said.readline()
        assert line.startswith("each request needs the token in ")
        path = Path(line.split()[-1])
        assert (path.parent, stat.S_IMODE(path.stat().st_mode)) == (tmp_path, 0o600)
        token = path.read_text().strip()
        assert len(token) >= 32
        place = url.split("/")[2]
        assert status_of(place) == status_of(place, Authorization="") == 401
        assert status_of(place, Authorization=f"Bearer {token}") == 200
    assert not path.exists()


def test_http_refuses_pages_and_who_has_no_token(program: Path, tmp_path: Path) -> None:
    with http_server(program, tmp_path.resolve(), RAMPA_MCP_TOKEN=TOKEN) as (url, _):
        place = url.split("/")[2]
        status = functools.partial(status_of, place)
        assert status() == 200
        assert status(Origin=f"http://{place}") == 200
        assert status(Authorization="") == status(Authorization=f"Bearer {TOKEN}x") == status(Authorization=TOKEN) == 401
        assert status(Origin="http://evil.example") == status(Origin="null") == status(Origin=f"ftp://{place}") == 403
        assert status(Host="evil.example") == status(Host="evil.example:80") == 403
        assert status(body="[" * 5_000_000) == 413
        assert status(body="no JSON") == 400


def test_whatever_a_client_writes_it_gets_messages(program: Path, tmp_path: Path) -> None:
    junk = [b"", b"no JSON", b"[]", b"{}", b"null", b'{"jsonrpc":"2.0"}', b"\xff\xfe\x00", b'"' + b"x" * (5 << 20) + b'"', b"[" * 100_000]
    first = json.dumps(INITIALIZE).encode()
    rest = [{"jsonrpc": "2.0", "method": "notifications/initialized"}, {"jsonrpc": "2.0", "id": "last", "method": "tools/list"}]
    lines = junk + [first] + junk + [json.dumps(one).encode() for one in rest]
    with subprocess.Popen(
        command(program), env=environment(tmp_path.resolve()), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as server:
        assert server.stdin is not None and server.stdout is not None and server.stderr is not None
        for line in lines:
            half = len(line) // 2
            for piece in (line[:half], line[half:] + b"\n"):
                server.stdin.write(piece)
                server.stdin.flush()
        answers: dict[typing.Any, typing.Any] = {}
        while "last" not in answers:
            answer = json.loads(server.stdout.readline())
            assert answer["jsonrpc"] == "2.0"
            answers[answer.get("id")] = answer
        # what is no message, without its end
        server.stdin.write(b'{"jsonrpc":"2.0","id":3,"method":"ping"')
        server.stdin.close()
        assert server.stdout.read() == b""
        assert server.wait(SECONDS) == 0, server.stderr.read()
    assert answers[1]["result"]["serverInfo"]["name"] == "rampa"
    assert len(answers["last"]["result"]["tools"]) == len(TOOLS)


def test_an_input_that_is_closed_ends_it(program: Path, tmp_path: Path) -> None:
    words = ["sh", "-c", 'exec "$@" <&-', "sh", *command(program)]
    done = subprocess.run(words, env=environment(tmp_path.resolve()), capture_output=True, timeout=SECONDS)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


WITHOUT_CONNECTIONS = """\
import asyncio, types
from mcp import MCPError
from rampa.mcp._subscriptions import Subscriptions
context = types.SimpleNamespace(session=object(), protocol_version="2025-11-25")
params = types.SimpleNamespace(uri="rampa://runs")
subscriptions = Subscriptions(None)
subscriptions.has_listed(context)
asyncio.run(subscriptions.unsubscribe(context, params))
try:
    asyncio.run(subscriptions.subscribe(context, params))
except MCPError as error:
    print(error.error.message)
"""


def test_an_sdk_that_does_not_show_its_connections() -> None:
    done = subprocess.run([PYTHON, "-c", WITHOUT_CONNECTIONS], capture_output=True, text=True, timeout=SECONDS)
    assert done.stdout == (
        "this server cannot tell of changes, because of its version of the package mcp; wait_run waits for a run; mcp 2.3 is known to work\n"
    ), done.stderr


@pytest.mark.parametrize(
    ("redirections", "wrong"),
    [
        ("<.", "standard input is a folder"),
        ("</dev/null", "standard input is /dev/null"),
        ("0>file", "standard input cannot be read from"),
        (">&-", "standard output cannot be written to"),
    ],
)
def test_streams_that_nobody_can_speak_by(redirections: str, wrong: str, program: Path, tmp_path: Path) -> None:
    words = ["sh", "-c", f'exec "$@" {redirections}', "sh", *command(program)]
    done = subprocess.run(words, cwd=tmp_path, stdin=subprocess.PIPE, capture_output=True, text=True, timeout=SECONDS)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.splitlines() == [
        f"error: {wrong}, so no client can speak to 'rampa mcp'",
        "  have an MCP client start it, or serve HTTP with FASTMCP_TRANSPORT=http",
    ]


def test_http_and_tasks_for_agents_do_without_standard_input(program: Path, tmp_path: Path) -> None:
    words = [str(program), "agent", "init", "--python", PYTHON]
    folder = os.open(tmp_path, os.O_RDONLY)
    assert subprocess.run(words, cwd=tmp_path, stdin=folder, timeout=SECONDS).returncode == 0
    variables = environment(tmp_path.resolve(), FASTMCP_TRANSPORT="http", FASTMCP_PORT="0", RAMPA_MCP_TOKEN="")
    with subprocess.Popen(command(program), env=variables, stdin=folder, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        assert server.stderr.readline().startswith("rampa mcp listens on ")
        server.terminate()
    os.close(folder)


def waiting_call(number: int) -> dict[str, typing.Any]:
    """A call of start_run that waits for a run of ten minutes, and wants to be told how far it is."""
    params = {"name": "start_run", "arguments": {"script_path": "made.py", "duration": "10m", "wait": True}, "_meta": {"progressToken": "far"}}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}


MADE = """\
import rampa

@rampa.scenario(executor="constant-vus", vus=1, duration="1s")
async def one(worker):
    await worker.sleep(0.01)
"""
READY = {"jsonrpc": "2.0", "method": "notifications/initialized"}


@pytest.mark.parametrize("still_writes", [False, True])
def test_a_client_that_dies_in_a_call_leaves_no_run(still_writes: bool, program: Path, tmp_path: Path) -> None:
    root = tmp_path.resolve()
    (root / "made.py").write_text(MADE)
    with subprocess.Popen(
        command(program), env=environment(root), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as server:
        assert server.stdin is not None and server.stdout is not None and server.stderr is not None
        for message in (INITIALIZE, READY, waiting_call(2)):
            server.stdin.write(json.dumps(message).encode() + b"\n")
        server.stdin.flush()
        while b"notifications/progress" not in server.stdout.readline():
            pass
        run = run_of(str(root / "made.py"))
        assert run is not None
        server.stdout.close()  # nobody reads any more
        if not still_writes:
            server.stdin.close()
        assert select.select([run], [], [], SECONDS)[0]
        os.close(run)
        assert (server.wait(SECONDS), server.stderr.read()) == (0, b"")


def test_a_client_of_http_that_dies_in_a_call_leaves_a_run_that_the_next_one_finds(program: Path, tmp_path: Path) -> None:
    root = tmp_path.resolve()
    (root / "made.py").write_text(MADE)
    with http_server(program, root, RAMPA_MCP_TOKEN="") as (url, _):
        fields = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}

        def post(message: typing.Any, **more: str) -> http.client.HTTPResponse:
            connection = http.client.HTTPConnection(url.split("/")[2], timeout=SECONDS)
            connection.request("POST", "/mcp", json.dumps(message), {**fields, **more})
            return connection.getresponse()

        def session() -> str:
            response = post(INITIALIZE)
            response.read()
            session = response.headers["mcp-session-id"]
            assert session
            post(READY, **{"mcp-session-id": session}).read()
            return session

        response = post(waiting_call(2), **{"mcp-session-id": session()})
        while b"notifications/progress" not in response.readline():
            pass
        response.close()
        lists = {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": "list_runs", "arguments": {}}}
        said = post(lists, **{"mcp-session-id": session()}).read().decode()
        assert '"status":"running"' in said.replace(" ", "").replace("\\", ""), said
        run = run_of(str(root / "made.py"))
        assert run is not None
    assert select.select([run], [], [], SECONDS)[0]  # it ends with the server
    os.close(run)
