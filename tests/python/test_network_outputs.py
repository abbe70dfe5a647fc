# SPDX-License-Identifier: MIT
"""The outputs in Python that have a server: what it gets, what is sent again, what is lost; and the one for GitHub."""
from __future__ import annotations

import asyncio
import http.server
import json
import re
import socket
import struct
import threading
import time
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest
import rampa
import rampa.outputs
import rampa.outputs._post
import rampa.outputs._sums
import rampa.outputs.influxdb
import rampa.outputs.prometheus
import rampa.runner
from enginetools import count, finish, plan, times
from rampa.events import RunStatus
from rampa.metrics import MetricSnapshot
from rampa.thresholds import ThresholdResult


class Server(http.server.ThreadingHTTPServer):
    """Keeps what is posted, and answers as `acts` says: a status, (429, Retry-After), or "drop"; 204 when there is none."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.acts: list[typing.Any] = []
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a connection was cut


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        act = self.server.acts.pop(0) if self.server.acts else 204
        if act == "drop":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            return
        status, after = act if isinstance(act, tuple) else (act, None)
        if status == 204:
            self.server.requests.append((self.path, {key.lower(): value for key, value in self.headers.items()}, body))
        self.send_response(status)
        if after:
            self.send_header("Retry-After", after)
        if status == 302:
            self.send_header("Location", self.server.url)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    with Server() as one:
        threading.Thread(target=one.serve_forever, args=(0.02,), daemon=True).start()
        yield one
        one.shutdown()


async def visit(worker: rampa.Worker) -> None:
    worker.counter("hits", 2, tags={"kind": "=a"})
    worker.trend("size", 1.5)
    await asyncio.sleep(0)


def run_with(*outputs: typing.Any, **words: typing.Any) -> rampa.RunResult:
    """Fifteen iterations."""
    return asyncio.run(finish(plan(visit, **times(3, 5), **words), rampa.EngineOptions(extra_outputs=outputs)))


def test_a_server_gets_every_sample(server: Server) -> None:
    began = time.time_ns()
    hook = rampa.outputs.WebhookOutput(f"{server.url}/hook?x=1", headers={"X-Key": "k"}, batch_size=20)
    line = rampa.outputs.InfluxDBOutput(f"{server.url}/write?db=x", token="t0ken")
    result = run_with(hook, line)
    ended = time.time_ns()
    assert result.status is RunStatus.PASSED and not result.warnings
    hooks = [(fields, json.loads(body)["samples"]) for path, fields, body in server.requests if path == "/hook?x=1"]
    assert all(fields["content-type"] == "application/json" and fields["x-key"] == "k" and len(rows) <= 20 for fields, rows in hooks)
    rows = [row for _, some in hooks for row in some]
    assert sum(row["value"] for row in rows if row["metric"] == "hits") == count(result, "hits") == 30
    assert {row["tags"]["kind"] for row in rows if row["metric"] == "hits"} == {"=a"}
    assert all(began - 60e9 < row["timestamp"] < ended + 60e9 for row in rows)
    [(path, fields, body)] = [one for one in server.requests if one[0] != "/hook?x=1"]
    assert path == "/write?db=x" and fields["authorization"] == "Token t0ken"
    lines = body.decode().split("\n")
    assert len(lines) == len(rows)
    hits = [re.fullmatch(r"hits,kind=\\=a(?:,\w+=\w+)* value=2.0 (\d+)", text) for text in lines if text.startswith("hits")]
    assert len({found[1] for found in hits if found}) == 15  # a point each, though they were recorded at the same time
    assert all(began - 60e9 < int(text.rpartition(" ")[2]) < ended + 60e9 for text in lines)


def test_what_passes_is_sent_again(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rampa.outputs._post, "PAUSE", 0.01)
    monkeypatch.setattr(rampa.outputs._post, "PATIENCE", 60)
    server.acts = [503, (429, "0"), "drop"]
    result = run_with(rampa.outputs.get_output("webhook", server.url))
    assert result.status is RunStatus.PASSED and not server.acts
    assert sum(row["value"] for row in json.loads(server.requests[0][2])["samples"] if row["metric"] == "hits") == 30


@pytest.mark.parametrize("act", [400, 302, 503, (429, "100000")])
def test_what_is_not_taken_is_lost(server: Server, monkeypatch: pytest.MonkeyPatch, act: typing.Any) -> None:
    monkeypatch.setattr(rampa.outputs._post, "PATIENCE", 0.0)
    server.acts = [act]
    url = server.url.replace("//", "//joe:planted@")
    result = run_with(rampa.outputs.get_output("influxdb", f"{url}/planted/write?p=planted"))
    assert result.exit_code == 6 and not server.requests
    status = act[0] if isinstance(act, tuple) else act
    assert f"InfluxDBOutput) raised PostError: {server.url}: it answered {status} " in result.warnings[0]
    assert re.search(r"of the (\d+) samples .* \1 are lost", result.warnings[-1])
    assert "planted" not in result.text + result.json


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rampa.outputs._post, "PATIENCE", 0.0)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        result = run_with(rampa.outputs.get_output("webhook", f"http://127.0.0.1:{nobody.getsockname()[1]}"))
    assert result.exit_code == 6 and ": it cannot be reached: Connection refused" in result.warnings[0]


def test_outputs_of_sums_know_what_a_metric_is(server: Server) -> None:
    """In a run they are told; what was not taken goes with the next numbers, and else once more at the end."""
    server.acts = [400]
    otel = rampa.outputs.get_output("otel", f"{server.url}/v1/metrics/")
    result = run_with(otel, rampa.outputs.get_output("prometheus", f"{server.url}/write"))
    assert result.exit_code == 6 and " raised PostError: " in result.warnings[0]
    bodies = [json.loads(body) for path, _, body in server.requests if path == "/v1/metrics"]
    metrics = {row["name"]: row for body in bodies for row in body["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]}
    assert metrics["hits"]["sum"]["dataPoints"][0]["asDouble"] == 30 and metrics["size"]["histogram"]["dataPoints"][0]["count"] == "15"
    told = [body for path, fields, body in server.requests if path == "/write" and fields["content-encoding"] == "snappy"]
    assert told and b"rampa_hits_total" in told[0]


def test_a_metric_that_nobody_described_is_a_gauge() -> None:
    sums = rampa.outputs._sums.Sums()
    found = list(sums.add([rampa.Sample("x", 2.0, 0, {}), rampa.Sample("http_req_duration", 20.0, 0, {}), rampa.Sample("x", 3.0, 0, {})]).values())
    assert [(series.kind.value, series.last, series.count) for series in found] == [("gauge", 3.0, 2), ("trend", 0.02, 1)]
    assert found[1].buckets[rampa.outputs._sums.SECONDS.index(0.025)] == 1
    assert rampa.outputs.prometheus._labels({"le": "x", "a b": "1", "a_b": "2", "9": "", "__x": "3"}) == {
        "tag_le": "x",
        "a_b": "1",
        "a_b_2": "2",
        "tag___x": "3",
    }


@pytest.mark.parametrize("name", ["influxdb", "otel", "prometheus", "webhook"])
@pytest.mark.parametrize("url", ["", "here", "ftp://h/", "http://"])
def test_a_destination_that_is_no_url(name: str, url: str) -> None:
    if url or name != "otel":  # which has one of its own
        with pytest.raises(ValueError, match=f"the output '{name}' needs a URL"):
            rampa.outputs.get_output(name, url)
    else:
        assert rampa.outputs.get_output(name)._poster.shown == "http://localhost:4318"


def test_odd_names_end_no_line() -> None:
    tags = {"a b": "c,d=e", "time": "x", "_t": "y", "path": "C:\\", "none": "", "end": "a\nb\x1b"}
    sample = rampa.Sample("_m\r,x", 1.0, 7, tags)
    line = "metric__m\\ \\,x,tag__t=y,a\\ b=c\\,d\\=e,end=a\\ b\ufffd,path=C:/,tag_time=x value=1.0 7"
    assert rampa.outputs.influxdb._sample_to_line(sample) == line


def test_github_gets_annotations_and_a_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "own.md"))
    summary = tmp_path / "summary.md"
    run_with(rampa.outputs.get_output("github", str(summary)), thresholds={"hits": ["count<3", "count==30"]})
    assert capsys.readouterr().out == "::error::Threshold failed: count<3 (got 30.00, expected 3.00)\n"
    text = summary.read_text()
    assert text.startswith("## rampa Results\n\n**Duration:** ") and "**Thresholds:** 1/2 passing\n\n- :x: `count<3`\n- :white_check_mark:" in text
    assert "\n| hits | count | 30 |\n" in text and "| http\\_reqs |" not in text
    output = rampa.outputs.get_output("github")
    failed = [ThresholdResult("a\n::error::`x`", False, None, 1.0, "m")] * 12
    output.write_summary(MetricSnapshot(0, 1.0, {"<b>|\x1b": {"count": 2.5}}), failed)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 10 and lines[-1] == "::error::3 more thresholds failed"
    assert lines[0] == "::error::Threshold failed: a%0A::error::`x` (got nothing, expected 1.00)"
    told = (tmp_path / "own.md").read_text()
    assert "- :x: `a\ufffd::error::'x'`\n" in told and "| &lt;b&gt;\\|\ufffd | count | 2.50 |" in told
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "missing" / "own.md"))
    assert run_with(rampa.outputs.get_output("github")).exit_code == 6
