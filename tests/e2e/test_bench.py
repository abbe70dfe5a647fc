# SPDX-License-Identifier: MIT
"""The benchmark's own arithmetic: what it reads from the clients' output, and whose processor time it counts."""
from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "bench"))

import asyncio_cost  # noqa: E402
import clients  # noqa: E402
import run as bench  # noqa: E402
from servers import Missing  # noqa: E402

WRK = "  61244 requests in 1.00s, 7.30MB read\n"
H2LOAD = "requests: 56350 total, 56358 started, 56350 done, 56347 succeeded, 3 failed, 2 errored, 0 timeout\n"
HEY = "Status code distribution:\n  [200]\t36178 responses\n  [503]\t3 responses\n\nError distribution:\n  [2]\tGet x: reset\n"


@pytest.fixture
def load(tmp_path: Path) -> clients.Load:
    return clients.Load("http://127.0.0.1:1/", 64, 1, tmp_path, "rampa")


@pytest.mark.parametrize(
    ("count", "text", "expected"),
    [
        (clients.count_wrk, WRK, (61244, 0)),
        (clients.count_wrk, WRK + "  Non-2xx or 3xx responses: 12\n", (61244, 12)),
        (clients.count_wrk, WRK + "  Socket errors: connect 1, read 20, write 300, timeout 4000\n", (61244, 4321)),
        (clients.count_h2load, H2LOAD, (56347, 3)),
        (clients.count_hey, HEY, (36178, 5)),
        (clients.count_aiohttp, '{"requests": 7, "failed": 1}', (7, 1)),
    ],
)
def test_requests_are_read_from_the_output(load: clients.Load, count, text: str, expected: tuple[int, int]):
    assert count(text, load) == expected


def test_requests_of_rampa_are_read_from_its_result_file(load: clients.Load):
    metrics = '{"summary": {"metrics": {"http_reqs": {"count": 200}, "http_req_failed": {"rate": 0.25}}}}'
    (load.scratch / "rampa.json").write_text(metrics)
    assert clients.count_rampa("", load) == (200, 50)


def test_handshakes_are_read_from_the_result_file(load: clients.Load):
    metrics = '{"summary": {"metrics": {"tls_full_handshakes": {"count": 64}, "tls_resumed_handshakes": {"count": 900}}}}'
    (load.scratch / "rampa.json").write_text(metrics)
    assert clients.count_handshakes(load) == (64, 900)
    (load.scratch / "rampa.json").write_text('{"summary": {"metrics": {}}}')
    assert clients.count_handshakes(load) == (0, 0)


def test_full_handshakes_are_measured_where_each_request_has_one():
    assert "rampa-url-full" in bench.parse_options(["--tls", "--close"]).client
    assert "rampa-url-full" not in bench.parse_options(["--close"]).client + bench.parse_options(["--tls"]).client


def python_client(code: str) -> clients.Client:
    return clients.Client(
        "fake", lambda load: sys.executable, lambda load: [sys.executable, "-c", code], clients.count_aiohttp
    )


BURN = "import time\nwhile time.process_time() < 0.3: pass\n"


def test_the_processor_time_of_child_processes_counts(load: clients.Load):
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BURN!r}]); "
    code += "print('{\"requests\": 5, \"failed\": 0}')"
    measured = clients.run(python_client(code), load, None)
    assert (measured.requests, measured.failed) == (5, 0)
    assert measured.cpu >= 0.3


@pytest.mark.parametrize("code", ["print('{}')", "raise SystemExit(3)", "print('{\"requests\": 0, \"failed\": 9}')"])
def test_a_client_without_a_result_is_told_from_a_slow_one(load: clients.Load, code: str):
    with pytest.raises(Missing, match="fake ended with code"):
        clients.run(python_client(code), load, None)


def test_a_missing_client_is_named(load: clients.Load):
    client = clients.Client("x", lambda load: "no-such-client", lambda load: [], clients.count_wrk)
    with pytest.raises(Missing, match="no-such-client is not installed"):
        clients.run(client, load, None)


def test_ratios_are_taken_within_a_round():
    def sample(client: str, round_: int, client_us: float) -> bench.Sample:
        return bench.Sample("nginx", client, round_, 1, 0, 1, client_us, 1, 1, 1)

    samples = [sample("wrk", 0, 4), sample("rampa", 0, 2), sample("rampa", 1, 9), sample("wrk", 1, 6), sample("rampa", 2, 1)]
    assert bench.ratios(samples, "nginx", "rampa") == [0.5, 1.5]
    assert bench.ratios(samples, "target", "rampa") == []


def test_an_await_is_compared_with_that_of_the_same_round():
    costs = {"asyncio": {"x": [1.0, 4.0, 2.0]}, "rampa": {"x": [0.5, 1.0, 1.8], "own": [3.0]}}
    assert asyncio_cost.cell(costs, "rampa", "x") == "1.00 (0.50)"
    assert asyncio_cost.cell(costs, "rampa", "own") == "3.00"
    assert asyncio_cost.cell(costs, "asyncio", "own") == "-"


def test_every_kind_of_await_is_measured_in_every_loop(program: Path, tmp_path: Path):
    bench_run, samples = Path(asyncio_cost.__file__).with_name("run"), tmp_path / "samples.json"
    argv = [str(bench_run), "asyncio", "--rampa", str(program), "--times", "40", "--rounds", "1", "--users", "4"]
    done = subprocess.run([*argv, "--json", str(samples)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "4 at a time: us an await" in done.stdout
    costs: dict[str, dict[str, list[float]]] = {}
    for row in json.loads(samples.read_text())["samples"]:
        costs.setdefault(row["loop"], {})[row["name"]] = row["us"]
    for loop in ("asyncio", "rampa", "rampa-epoll"):
        names = [*asyncio_cost.WORK, *(asyncio_cost.NATIVE if loop != "asyncio" else ())]
        assert list(costs[loop]) == names
        assert all(len(cost) == 1 and cost[0] >= 0 for cost in costs[loop].values()), costs[loop]
