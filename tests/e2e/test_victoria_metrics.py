# SPDX-License-Identifier: MIT
"""--output influxdb (version 2) and prometheus into Debian's VictoriaMetrics, which takes both: its numbers are those of the result file."""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from finished import Finished
from influx import Front

Rampa = Callable[..., Finished]
Script = Callable[..., Path]

pytestmark = [
    pytest.mark.skipif(not shutil.which("victoria-metrics"), reason="there is no victoria-metrics (Debian's package of that name)"),
    pytest.mark.skipif("ASAN_OPTIONS" in os.environ, reason="the database is asked once, with the ordinary build"),
]

SCRIPT = """
import rampa
config = rampa.Config(options=rampa.Options(tags={"zone": "eu, =1", "path": "C:\\\\", "odd": "a\\\\,b\\\\\\\\c\\\\d"}))

@rampa.scenario(executor="per-vu-iterations", vus=2, iterations=20)
async def browse(worker):
    worker.counter("done, or not", 1)
    worker.counter("bytes", 0.5)
    worker.trend("size", 1 + worker.execution.iteration % 7, tags={"kind=": "a\\nb"})
    worker.gauge("level", 3 + worker.execution.iteration)
    worker.check(1, {"is, up=\\U0001f600": lambda v: True, "bad": lambda v: False})
    await worker.sleep(0.06)
"""


def listening_port(pid: int) -> str | None:
    """The port that a process listens at. The database does not say which one it has got."""
    try:
        sockets = {os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir() if entry.is_symlink()}
    except FileNotFoundError:  # a descriptor that is closed by now
        return None
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if words[3] == "0A" and f"socket:[{words[9]}]" in sockets:
            return str(int(words[1].split(":")[1], 16))
    return None


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("victoria")
    words = ["-httpListenAddr=127.0.0.1:0", f"-storageDataPath={folder}", "-retentionPeriod=1", "-memory.allowedBytes=64MiB"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(["victoria-metrics", *words], stdout=log, stderr=log)
    try:
        port = None
        while port is None:
            assert process.poll() is None, (folder / "log").read_text()
            time.sleep(0.05)
            port = listening_port(process.pid)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read().decode()


class Series:
    """What the database holds, sample by sample. It shows what it has taken a moment later."""

    def __init__(self, url: str) -> None:
        taken = sum(int(row.split()[1]) for row in get(f"{url}/metrics").splitlines() if row.startswith("vm_rows_inserted_total{"))
        self.rows: list[dict[str, Any]] = []
        while sum(len(row["values"]) for row in self.rows) < taken:
            get(f"{url}/internal/force_flush")
            self.rows = [json.loads(line) for line in get(f"{url}/api/v1/export?match[]={{__name__!=''}}").splitlines()]

    def of(self, name: str) -> list[dict[str, Any]]:
        return [row for row in self.rows if row["metric"]["__name__"] == name]

    def sum(self, name: str) -> float:
        """Of numbers that say what came in a second."""
        return sum(sum(row["values"]) for row in self.of(name))

    def last(self, name: str) -> float:
        """Of numbers that are sums since the start."""
        return sum(row["values"][-1] for row in self.of(name))


def test_it_has_the_numbers_of_the_result_by_both_ways(rampa: Rampa, script: Script, database: str) -> None:
    script(SCRIPT)
    front = Front(database, "ok", "ok", 503, "drop", (429, "0")).listen()  # two that ask before the run, and faults that pass
    words = ["influxdb.org=shop", "influxdb.bucket=load tests"]
    options = [word for option in words for word in ("--output-option", option)]
    result = rampa("run", "script.py", "-q", "-O", f"influxdb={front.url}", "-O", f"prometheus={front.url}", *options, out=True, code=0).result()
    front.close()
    assert {path for path, _ in front.requests} == {"/api/v2/write?org=shop&bucket=load%20tests", "/api/v1/write"}
    series, metrics, types = Series(database), result["summary"]["metrics"], result["summary"]["types"]
    for name, stats in metrics.items():
        sent = "rampa_" + name.replace(", ", "__").replace(" ", "_") + ("_seconds" if types[name]["unit"] == "ms" else "")
        match types[name]["type"]:
            case "counter":
                assert series.sum(f"{name}_value") == series.last(f"{name}_total") == series.last(f"{sent}_total") == stats["count"], name
            case "rate":
                assert series.sum(f"{name}_hits") == series.last(f"{sent}_true_total") == stats["passes"], name
                assert series.sum(f"{name}_count") == series.last(f"{sent}_total") == stats["passes"] + stats["fails"], name
            case "gauge":
                assert max(max(row["values"]) for row in series.of(f"{name}_max")) == pytest.approx(stats["max"]), name
                assert series.of(sent), name
            case "trend":
                unit = 1e3 if types[name]["unit"] == "ms" else 1
                assert series.sum(f"{name}_count") == series.last(f"{sent}_count") == stats["count"], name
                assert series.sum(f"{name}_sum") / stats["count"] == pytest.approx(stats["avg"]), name
                assert series.last(f"{sent}_sum") * unit / stats["count"] == pytest.approx(stats["avg"]), name
    (tags,) = [row["metric"] for row in series.of("size_sum")]
    assert tags.items() >= {"scenario": "browse", "zone": "eu, =1", "path": "C:/", "odd": "a/,b/\\c\\d", "kind=": "a b"}.items()
    assert {row["metric"]["check"] for row in series.of("rampa_checks_total")} == {"is, up=\U0001f600", "bad"}
    assert all(row["values"][0] == 0 for row in series.of("rampa_iterations_total"))
