# SPDX-License-Identifier: MIT
"""--output influxdb, into Debian's InfluxDB: what is read back by query equals the result file, after faults as well."""
from __future__ import annotations

import datetime
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from finished import Finished
from influx import Front, Influx, influxdb, wait_for

Rampa = Callable[..., Finished]
Script = Callable[..., Path]

pytestmark = [
    pytest.mark.skipif(not shutil.which("influxd"), reason="there is no influxd (Debian's package influxdb)"),
    pytest.mark.skipif("ASAN_OPTIONS" in os.environ, reason="the database is asked once, with the ordinary build"),
]

# Odd names: what must be escaped in the line protocol, and backslashes that a server may take for escapes.
SCRIPT = """
import os, rampa
config = rampa.Config(options=rampa.Options(tags={"zone": "eu, =1", "time": "x", "path": "C:\\\\", "odd": "a\\\\,b\\\\\\\\c\\\\d"}))

@rampa.scenario(executor="per-vu-iterations", vus=2, iterations=ITERATIONS)
async def browse(worker):
    worker.counter("#done, or not", 1)
    worker.counter("bytes", 0.5)
    worker.trend("size", 1 + worker.execution.iteration % 7, tags={"kind=": "a\\nb"})
    worker.gauge("level", 3 + worker.execution.iteration)
    worker.check(1, {"is, up=\\U0001f600": lambda v: True, "bad": lambda v: False})
    await worker.sleep(PAUSE)
""".lstrip()


@pytest.fixture(scope="module")
def influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influx]:
    with influxdb(tmp_path_factory.mktemp("influx")) as server:
        yield server


@pytest.fixture
def database(influx: Influx, request: pytest.FixtureRequest) -> str:
    name = request.node.name.replace("[", "_").replace("]", "")
    influx.query(f'CREATE DATABASE "{name}"')
    return name


def text(iterations: int = 20, pause: str = "0.06") -> str:
    return SCRIPT.replace("ITERATIONS", str(iterations)).replace("PAUSE", pause)


def total(points: list[dict[str, Any]], field: str) -> float:
    return sum(point[field] for point in points)


def same(points: dict[str, list[dict[str, Any]]], result: dict[str, Any]) -> None:
    """Every metric of the result is in the database, with the same numbers."""
    metrics, types = result["summary"]["metrics"], result["summary"]["types"]
    assert set(points) == {("metric" if name[0] in "#_" else "") + name for name in metrics}
    for name, stats in metrics.items():
        rows = points[("metric" if name[0] in "#_" else "") + name]
        match types[name]["type"]:
            case "counter":
                assert total(rows, "value") == stats["count"], name
                newest = {tuple(sorted(series_of(row).items())): row for row in rows}
                assert total(list(newest.values()), "total") == stats["count"], name
            case "rate":
                assert (total(rows, "hits"), total(rows, "count")) == (stats["passes"], stats["passes"] + stats["fails"]), name
            case "gauge":
                extremes = [min(row["min"] for row in rows), max(row["max"] for row in rows)]
                assert extremes == pytest.approx([stats["min"], stats["max"]]), name
            case "trend":
                assert total(rows, "count") == stats["count"], name
                extremes = [min(row["min"] for row in rows), max(row["max"] for row in rows)]
                assert extremes == pytest.approx([stats["min"], stats["max"]]), name
                assert total(rows, "sum") / stats["count"] == pytest.approx(stats["avg"]), name


FIELDS = {"time", "value", "total", "count", "total_count", "hits", "total_hits", "sum", "min", "max", "avg", "med", "p90", "p95", "p99"}


def series_of(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in FIELDS and value is not None}


def test_the_database_has_the_numbers_of_the_result(rampa: Rampa, script: Script, influx: Influx, database: str) -> None:
    script(text())
    result = rampa("run", "script.py", "-q", "-O", f"influxdb={influx.url}/{database}", out=True, code=0).result()
    points = influx.points(database)
    same(points, result)
    assert len(points["bytes"]) >= 2  # more than one second
    first = points["size"][0]
    assert series_of(first) == {"scenario": "browse", "zone": "eu, =1", "tag_time": "x", "path": "C:/", "odd": "a/,b/\\c\\d", "kind=": "a b"}
    assert {row["check"] for row in points["checks"]} == {"is, up=\U0001f600", "bad"}
    assert abs(points["bytes"][0]["time"] / 1e9 - started(result)) < 1


def started(result: dict[str, Any]) -> float:
    return datetime.datetime.fromisoformat(result["run"]["started"].replace("Z", "+00:00")).timestamp()


def test_nothing_is_lost_by_faults_that_pass(rampa: Rampa, script: Script, influx: Influx, database: str) -> None:
    script(text())
    front = Front(influx.url, 503, 503, "drop", (429, "0"), "ok", 500).listen()
    done = rampa("run", "script.py", "-q", "-O", f"influxdb={front.url}/write?db={database}", out=True, code=0)
    front.close()
    same(influx.points(database), done.result())
    assert front.acts == [] and len(front.requests) >= 7
    assert f"warning: the output influxdb could not deliver to {front.url}, and tries again: it answered 503: not " in done.stderr
    assert "\x1b" not in done.stderr and "\n::" not in done.stderr


def test_a_database_that_comes_later_gets_everything(
    start: Callable[..., Any], influx: Influx, database: str, tmp_path: Path
) -> None:
    """It is down at the start of the run and comes up in it."""
    front = Front(influx.url)
    body = text(2, '0.05 if os.path.exists("up") else 0').replace("    await", '    open("runs", "w")\n    while not os.path.exists("up"): await worker.sleep(0.05)\n    await')
    run = start(body, "-q", "-O", f"influxdb={front.url}/{database}")
    wait_for(tmp_path / "runs")
    front.listen()
    (tmp_path / "up").touch()
    assert run.end() == 0, run.text
    front.close()
    same(influx.points(database), run.result())


def test_a_database_that_dies_in_the_run_costs_what_it_did_not_get(rampa: Rampa, script: Script, influx: Influx, database: str) -> None:
    script(text())
    front = Front(influx.url, "ok", "ok", *[503] * 100).listen()
    words = ("-O", f"influxdb={front.url}/{database}", "--output-option", "influxdb.wait=0s")
    done = rampa("run", "script.py", "-q", *words, out=True, code=6)
    front.close()
    result = done.result()
    assert (result["run"]["exit_code"], result["run"]["status"]) == (6, "output_failed")
    (error,) = (line for line in done.stderr.splitlines() if line.startswith("error: of the "))
    sent, lost = int(error.split()[3]), int(error.split()[9])
    assert f" did not get to {front.url}: " in error
    # What was on its way when the time was over may be there or not.
    assert 0 < lost <= sent and sent - lost <= sum(len(rows) for rows in influx.points(database).values()) < sent


def test_what_the_server_refuses_is_lost_and_the_rest_goes_on(rampa: Rampa, script: Script, influx: Influx, database: str) -> None:
    script(text())
    front = Front(influx.url, "ok", 400).listen()
    done = rampa("run", "script.py", "-q", "-O", f"influxdb={front.url}/{database}", out=True, code=6)
    front.close()
    assert f"the output influxdb loses what it sends to {front.url}: it answered 400: not" in " ".join(done.stderr.split())
    rows = influx.points(database)["bytes"]
    count = done.count("bytes")
    assert rows[-1]["total"] == count and total(rows, "value") < count  # what is cumulative is right again


def test_a_second_version_gets_token_and_bucket_and_nobody_sees_the_token(rampa: Rampa, script: Script, tmp_path: Path) -> None:
    script(text(2, "0"))
    front = Front("", 204, 204, 204, 204).listen()
    options = ("--output-option", "influxdb.bucket=load tests", "--output-option", "influxdb.org=a&b")
    done = rampa("run", "script.py", "-q", "-O", f"influxdb={front.url}", *options, env={"INFLUX_TOKEN": "pla-nted"}, out=True, code=0)
    path, fields = front.requests[-1]
    assert path == "/api/v2/write?org=a%26b&bucket=load%20tests" and fields["authorization"] == "Token pla-nted"
    front.acts = [401]
    words = ("-O", f"influxdb=http://u:pla-nted@{front.address}/write?db=x&p=pla-nted", "--output-option", "influxdb.token=pla-nted")
    refused = rampa("run", "script.py", "-q", *words, "--event-log", "events", code=3)
    front.close()
    assert refused.stderr.startswith(f"error: the output influxdb cannot use {front.url}: it answered 401: not ")
    assert "\n  check its token, or user name and password\n" in refused.stderr
    files = [path.read_text() for path in tmp_path.iterdir() if path.is_file()]
    assert not any("pla-nted" in one for one in (done.stderr, done.stdout, refused.stderr, refused.stdout, *files))


MISTAKES = [
    ("influxdb=ftp://h/pla-nted?p=pla-nted", (), "-O: the destination is no URL of http or https\n  it begins with http://HOST:PORT\n"),
    ("influxdb=127.0.0.1/pla-nted", (), "-O: the destination is no URL of http or https\n"),
    ("influxdb=http://127.0.0.1:1", (), "-O: the destination of influxdb names no database and no bucket\n"),
    ("influxdb=http://127.0.0.1:1/a/b", (), "-O: the destination of influxdb names no database and no bucket\n"),
    ("influxdb=http://no-such-name.invalid/db", (), "the output influxdb cannot use http://no-such-name.invalid: host not found"),
    ("influxdb=http://127.0.0.1:1/db", ("influxdb.required=1",), "the output influxdb cannot use http://127.0.0.1:1: connection refused\n"),
    ("influxdb=http://127.0.0.1:1/db", ("influxdb.required=yes",), "the option influxdb.required is 'yes', which is neither 1 nor 0\n"),
    ("influxdb=http://127.0.0.1:1/db", ("influxdb.wait=5",), "the option influxdb.wait is '5', which is no time up to 1h\n"),
    ("influxdb=DOWN/nosuch", (), 'it answered 404: {"error":"database not found'),
]


@pytest.mark.parametrize(("destination", "options", "message"), MISTAKES)
def test_a_wrong_destination_is_told_before_anything_runs(
    rampa: Rampa, script: Script, influx: Influx, tmp_path: Path, destination: str, options: tuple[str, ...], message: str
) -> None:
    script(text(1, "0").replace("import os, rampa", 'import os, rampa\ndef setup(): open("ran", "w")'))
    words = [word for option in options for word in ("--output-option", option)]
    done = rampa("run", "script.py", "-q", "-O", destination.replace("DOWN", influx.url), *words, code=3)
    assert message in done.stderr and "pla-nted" not in done.stderr and not (tmp_path / "ran").exists()


def test_the_class_in_python_writes_every_sample(rampa: Rampa, script: Script, influx: Influx, database: str) -> None:
    script(text(iterations=10, pause="0"))
    output = "rampa.outputs.influxdb:InfluxDBOutput"
    result = rampa("run", "script.py", "-q", "-O", f"{output}={influx.url}/write?db={database}", env={"no_proxy": "*"}, out=True, code=0).result()
    points, metrics = influx.points(database), result["summary"]["metrics"]
    assert total(points["metric#done, or not"], "value") == metrics["#done, or not"]["count"] == 20
    assert {name: len(points[name]) for name in ("size", "checks")} == {"size": 20, "checks": 40}
    assert {row["kind="] for row in points["size"]} == {"a b"} and {row["path"] for row in points["size"]} == {"C:/"}
    assert total(points["size"], "value") / 20 == pytest.approx(metrics["size"]["avg"])
