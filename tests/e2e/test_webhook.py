# SPDX-License-Identifier: MIT
"""--output webhook: JSON once a second to a server of the test, and how the run ended."""
from __future__ import annotations

import contextlib
import json
import signal
import socket
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest
from controlled import Control
from finished import Finished
from influx import Front
from started import Started

Rampa = Callable[..., Finished]
Script = Callable[..., Path]

SCRIPT = """
import rampa
config = rampa.Config(thresholds={"done": ["count==41"], "checks": ["rate>=0.5"]})
@rampa.scenario(executor="per-vu-iterations", vus=2, iterations=20, tags={"team\\x01": "a\\"b\\\\"})
async def browse(worker):
    worker.counter("done")
    worker.trend("size", 1 + worker.execution.iteration % 7)
    worker.gauge("level", 3)
    worker.check(1, {"<up>": lambda v: True, "bad": lambda v: False})
    await worker.sleep(0.06)
"""


def test_each_second_and_the_end_are_sent(rampa: Rampa, script: Script, tmp_path: Path) -> None:
    script(SCRIPT.replace("\\x01", "-1"))
    front = Front("", 204, 200, 503, *[200] * 20).listen()
    words = ("-O", f"webhook={front.url}/hook/pla-nted?key=a=b", "--output-option", "webhook.header=X-Key: pla-nted:1")
    done = rampa("run", "script.py", "-q", *words, "--output-option", "webhook.header=X-More: 2", out=True, code=1)
    front.close()
    result = done.result()
    for path, fields in front.requests:
        assert path == "/hook/pla-nted?key=a=b" and fields["content-type"] == "application/json"
        assert (fields["x-key"], fields["x-more"]) == ("pla-nted:1", "2")
    assert front.bodies[2] == front.bodies[3]  # what was answered with 503 is sent again
    bodies = [json.loads(body) for body in front.bodies[:3] + front.bodies[4:]]
    assert bodies[0] == {"samples": []}
    assert {body["run_id"] for body in bodies[1:]} == {result["run"]["id"]}
    finished = bodies[-1].pop("finished")
    assert bodies[-1]["samples"] == [] and all("finished" not in body for body in bodies)
    assert (finished["status"], finished["exit_code"], finished["reason"]) == ("threshold_failed", 1, result["run"]["reason"])
    assert [(one["metric"], one["source"], one["passed"], one["actual"]) for one in finished["thresholds"]] == [
        ("done", "count==41", False, 40),
        ("checks", "rate>=0.5", True, 0.5),
    ]
    samples = [sample for body in bodies for sample in body["samples"]]
    sums: defaultdict[tuple[str, str], float] = defaultdict(float)
    for sample in samples:
        for field, value in sample.items():
            if isinstance(value, (int, float)):
                sums[sample["metric"], field] += value
    metrics = result["summary"]["metrics"]
    assert sums["done", "value"] == metrics["done"]["count"] == [one for one in samples if one["metric"] == "done"][-1]["total"]
    assert (sums["checks", "hits"], sums["checks", "count"]) == (metrics["checks"]["passes"], 80)
    assert sums["size", "count"] == metrics["size"]["count"]
    assert {sample["metric"] for sample in samples} == set(metrics)
    assert all(set(sample) >= {"metric", "type", "value", "timestamp", "tags", "count"} for sample in samples)
    assert {sample["tags"].get("team-1") for sample in samples if "scenario" in sample["tags"]} == {'a"b\\'}
    assert "pla-nted" not in done.stderr + done.stdout + (tmp_path / "result.json").read_text()


def test_a_header_that_is_none(rampa: Rampa, script: Script) -> None:
    script(SCRIPT.replace("\\x01", ""))
    for header in ("pla-nted", ": pla-nted", "X y: pla-nted"):
        done = rampa("run", "script.py", "-O", "webhook=http://127.0.0.1:1/", env={"RAMPA_WEBHOOK_HEADER": header}, code=3)
        assert done.stderr.startswith("error: ") and "header" in done.stderr and "pla-nted" not in done.stderr


def test_a_loss_has_its_own_reason_and_no_older_one(rampa: Rampa, script: Script, tmp_path: Path) -> None:
    """An answer 503 passes, and then the server is silent; an answer 400 loses a body, and a 503 after it passes."""
    script(
        "import os\nasync def default(worker):\n    while not os.path.exists('hung'):\n"
        "        worker.counter('n')\n        await worker.sleep(0.1)\n"
    )
    for acts, reason in (((503, 200), "it was too slow"), ((400, 503, 200), "it answered 400")):
        front = Front("", 200, *acts, tmp_path / "hung", tmp_path / "hung").listen()
        words = ("-O", f"webhook={front.url}", "--output-option", "webhook.wait=0s")
        done = rampa("run", "script.py", "-i", "1", "-q", *words, code=6)
        front.close()
        (tmp_path / "hung").unlink()
        (said,) = (line for line in " ".join(done.stderr.split()).split("error: ") if line.startswith("of the "))
        assert "503" not in said, said
        assert reason in " ".join(done.stderr.split())


@pytest.mark.parametrize("kind", ["webhook", "otel", "prometheus"])
@pytest.mark.parametrize("how", ["signal", "control"])
@pytest.mark.parametrize("closes", [False, True], ids=["silent", "closes first, then silent"])
def test_a_run_is_stopped_while_a_server_is_silent(
    kind: str, how: str, closes: bool, start: Callable[..., Started], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes the connection and says nothing, or nothing in the handshake that one is asked for that has closed a connection.
    Nobody waits for it: a wait would end with a warning, and iterations would begin."""
    with tempfile.TemporaryDirectory(prefix="rampa-") as folder, socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        running = start(SCRIPT.replace("\\x01", ""), "-O", f"{kind}=http://127.0.0.1:{listener.getsockname()[1]}/hook", "--serve")
        control = Control(running.wait_for("control: socket ")[2])
        connection, _ = listener.accept()
        with contextlib.ExitStack() as stack:
            stack.callback(lambda: connection.close())
            assert connection.recv(65536).startswith(b"POST /hook")
            if closes:
                connection.close()
                connection, _ = listener.accept()
                assert connection.recv(1) == b"\x16"  # of a handshake
            assert control.get("/v1/status")["status"] == "starting"
            if how == "signal":
                running.signal(signal.SIGINT)
            else:
                control.post("/v1/stop", {"reason": "enough"})
            assert running.end() == 4
            assert (b"stopped by control: enough" if how == "control" else b"aborted by a signal") in running.text
            assert b"could not deliver" not in running.text


def test_a_run_begins_when_the_servers_have_answered(start: Callable[..., Started], tmp_path: Path) -> None:
    """Two of them, the first one last."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        words = [f"webhook=http://127.0.0.1:{listener.getsockname()[1]}/hook" for listener in (one, other)]
        running = start(SCRIPT.replace("\\x01", "").replace("    worker.counter", "    print('iterates', flush=True)\n    worker.counter"), "-O", words[0], "-O", words[1])
        first, second = one.accept()[0], other.accept()[0]
        with first, second:
            for connection in (second, first):
                assert connection.recv(65536).startswith(b"POST /hook")
                assert b"iterates" not in running.text
                connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n" if connection is first else b"HTTP/1.1 204 No Content\r\n\r\n")
            assert running.end() == 3
            assert b"cannot use" in running.text and b"iterates" not in running.text
