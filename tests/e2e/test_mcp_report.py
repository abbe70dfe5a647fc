# SPDX-License-Identifier: MIT
"""What the MCP server tells of a run that is over, and of a script that cannot be loaded."""
from __future__ import annotations

import asyncio
import os
import typing
from pathlib import Path

import pytest
from mcp_world import SCRIPT, make_root, settings_of, tools_of
from rampa.mcp import RunRegistry
from rampa.mcp._failure import Failure
from rampa.mcp._report import course_of
from rampa.mcp._settings import SettingsError
from rampa.mcp._table import TOOLS, Schema

pytestmark = pytest.mark.skipif("RAMPA_SANITIZED" in os.environ, reason="checked with the ordinary build")

FAILS = """\
import os
import time
import rampa

config = rampa.Config(thresholds={"http_req_failed": ["rate<0.1"]})

@rampa.scenario(executor="per-vu-iterations", vus=1, iterations=4)
async def one(worker):
    await worker.http.get(os.environ["TARGET"] + "/delay/300", name="slow one")
    await worker.http.get(os.environ["TARGET"] + "/status/500", name="bad one")
    worker.check(1, {"is two": lambda value: value == 2})
    time.sleep(0.8)
    raise KeyError("lost")
"""


def fit(schema: Schema, value: typing.Any, place: str = "") -> None:
    """Whether a value has what its schema says, and no member that an object with a list of members does not have."""
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    types = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "null": type(None), "object": dict, "array": list}
    assert any(isinstance(value, types[kind]) and (kind == "boolean" or not isinstance(value, bool)) for kind in kinds), (place, value)  # type: ignore[arg-type]
    if isinstance(value, dict):
        assert set(schema.get("required", [])) <= set(value), place
        for name, one in value.items():
            rules = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
            assert rules is not None or "properties" not in schema, (place, name)
            if rules is not None:
                fit(rules, one, f"{place}.{name}")
    if isinstance(value, list) and "items" in schema:
        for one in value:
            fit(schema["items"], one, f"{place}[]")


def test_a_report_says_what_was_slow_and_what_failed_and_since_when(tmp_path: Path, target: str, program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_root(tmp_path, target, monkeypatch)
    (root / "fails.py").write_text(FAILS)

    async def main() -> None:
        async with tools_of(settings_of(root, program)) as call:
            summary = await call("start_run", script_path="fails.py", wait=True)
            run_id = summary["run_id"]
            report = await call("get_report", run_id=run_id)
            schemas = {tool.name: tool.answer for tool in TOOLS}
            fit(schemas["start_run"], summary)
            fit(schemas["get_report"], report)
            fit(schemas["compare_results"], await call("compare_results", base=run_id, current=run_id))
            said = report["untrusted"]
            assert said["failed_requests"] == [
                {"id": "e1", "error": None, "error_code": "1500", "status": "500", "count": 4, "example": {"method": "GET", "name": "bad one"}}
            ]
            assert [(row["id"], row["type"], row["count"]) for row in said["failed_iterations"]] == [("i1", "KeyError", 4)]
            assert said["checks"] == [{"name": "is two", "group": "", "passes": 0, "fails": 4}]
            blocked = [row for row in said["warnings"] if "blocked the event loop" in row["text"]]
            assert blocked and all(isinstance(row["count"], int) for row in said["warnings"])
            # the generator: why, and what to do
            reasons = report["generator"]["reasons"]
            assert report["generator"]["verdict"] == "limited"
            assert any(row["cause"] == "script" and "use await worker.sleep()" in row["text"] for row in reasons), reasons
            # by name, the slowest first
            assert [(row["name"], row["count"], row["failed"], row["statuses"]) for row in said["requests"]] == [
                ("slow one", 4, 0, {"200": 4}), ("bad one", 4, 4, {"500": 4})
            ]  # fmt: skip
            assert all(row["duration"]["p(95)"] >= 300 for row in said["requests"][:1])
            assert [(row["id"], row["name"], row["status"]) for row in said["exchanges"]] == [(f"x{n}", "bad one", 500) for n in (1, 2, 3)]
            assert "500" in said["exchanges"][0]["response"]
            # the course
            course = report["course"]
            assert [sum(row.get(name, 0) for row in course) for name in ("http_reqs", "http_req_failed", "iterations")] == [8, 4, 4]
            assert [row["start_s"] for row in course] == sorted(row["start_s"] for row in course) and len(course) >= 2
            # one thing whole
            for item in ("x1", "e1", "i1", said["requests"][0]["id"]):
                one = await call("get_report", run_id=run_id, item=item)
                fit(schemas["get_report"], one)
                assert one["untrusted"]["item"]["id"] == item
            whole = (await call("get_report", run_id=run_id, item="x1"))["untrusted"]["item"]
            assert whole["response"]["line"].startswith("HTTP/1.1 500") and ["Content-Type", "text/plain; charset=utf-8"] in whole["response"]["headers"]
            for item, text in (("x99", "nothing with the id x99"), ("--out=x", "is no id of something"), ("", "is no id of something")):
                with pytest.raises(Failure, match=text):
                    await call("get_report", run_id=run_id, item=item)
            # what else may go wrong is said as it is
            Path(call.registry.get(run_id).result_path).write_text("{}")
            with pytest.raises(Failure, match="rampa result has ended with exit code") as caught:
                await call("get_report", run_id=run_id, item="x1")
            assert caught.value.untrusted is not None
            Path(call.registry.get(run_id).result_path).unlink()
            with pytest.raises(Failure, match="rampa result has ended with exit code"):
                await call("get_report", run_id=run_id, item="x1")

    asyncio.run(main())


def test_what_was_never_judged_fits_its_schema(tmp_path: Path, target: str, program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_root(tmp_path, target, monkeypatch)
    setup = "\nasync def setup():\n    raise ValueError('no setup')\n"
    (root / "setup.py").write_text((root / "load.py").read_text() + setup)
    (root / "dies.py").write_text((root / "load.py").read_text() + setup.replace("raise ValueError('no setup')", "os.kill(os.getppid(), 9)"))

    async def main() -> None:
        async with tools_of(settings_of(root, program)) as call:
            schemas = {tool.name: tool.answer for tool in TOOLS}
            for script, status in (("setup.py", "setup_failed"), ("dies.py", "internal_error")):
                summary = await call("start_run", script_path=script, wait=True)
                run_id = summary["run_id"]
                assert summary["status"] == status, summary
                fit(schemas["start_run"], summary)
                for name in ("get_status", "get_metrics", "get_thresholds"):
                    fit(schemas[name], await call(name, run_id=run_id))
            assert [row["passed"] for row in (await call("start_run", script_path="setup.py", wait=True))["thresholds"]] == [None]

    asyncio.run(main())


def test_the_course_of_a_long_run_is_short_and_whole() -> None:
    for count, length in ((0, 1.0), (1, 0.25), (20, 1.0), (21, 1.0), (399, 1.01), (3000, 4.0)):
        points = [[number * length, length, 1, 5] for number in range(count)]
        trends = [[number * length, length, 1, 1, 1, number, number] for number in range(count)]
        course = course_of(
            {
                "series": {
                    "http_reqs": {"columns": ["start_s", "length_s", "samples", "sum"], "points": points},
                    "http_req_duration": {"columns": ["start_s", "length_s", "samples", "avg", "min", "max", "p(95)"], "points": trends},
                }
            }
        )
        assert len(course) <= 20 and (count == 0 or len(course) >= min(count, 10))
        assert sum(row["http_reqs"] for row in course) == 5 * count
        assert abs(sum(row["length_s"] for row in course) - count * length) < 0.1
        assert [row["http_req_duration_max"] for row in course] == sorted(row["http_req_duration_max"] for row in course)
    assert course_of({}) == []


@pytest.mark.parametrize(
    ("text", "arguments", "error"),
    [
        ("x = (\n", {}, "the script 'made.py' cannot be loaded: there is a syntax error in line 1"),
        ("import rampa\n", {}, "no scenarios found in the script 'made.py'"),
        ("x = 1\n\n1 / 0\n", {}, "the script 'made.py' cannot be loaded: ZeroDivisionError in line 3"),
        ("import away\n", {}, "cannot be loaded: ModuleNotFoundError in line 1"),
        ("class Obey(Exception):\n    pass\nraise Obey('me')\n", {}, "cannot be loaded: an exception in line 3"),
        ("import rampa\nconfig = rampa.Config(thresholds={'x(': ['p(95)<5']})\n", {}, "cannot be loaded: what is declared is not valid in line 2"),
        ("import os\nos.kill(os.getpid(), 9)\n", {}, "the process that loads the script 'made.py' was killed by signal 9"),
        (None, {"scenario": "other"}, "scenario 'other' not found"),
        (None, {"duration": "abc"}, "argument duration: invalid duration: 'abc'"),
        (None, {"duration": "0s"}, "argument duration is '0s': it must be more than 0s"),
    ],
)
def test_an_error_names_its_cause(
    text: str | None, arguments: dict[str, str], error: str, tmp_path: Path, target: str, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_root(tmp_path, target, monkeypatch)
    if text is not None:
        (root / "made.py").write_text(text)

    async def main() -> None:
        async with tools_of(settings_of(root, program)) as call:
            with pytest.raises(Failure) as caught:
                await call("start_run", script_path="load.py" if text is None else "made.py", **arguments)
            assert error in caught.value.error and caught.value.hint
            assert "Obey" not in caught.value.error + caught.value.hint

    asyncio.run(main())


def test_a_rate_is_written_in_one_way(tmp_path: Path, target: str, program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_root(tmp_path, target, monkeypatch)

    async def main() -> None:
        async with tools_of(settings_of(root, program)) as call:
            for number, (rate, found, most) in enumerate(((20, 20, 20), ("20/s", 20, 20), ("30/m", 30, 10), (0.5, 0.5, 10), ("7/3s", 7, 10))):
                await call("write_scenario_skeleton", path=f"r{number}.py", url=target, rate=rate)
                made = (await call("inspect_config", script_path=f"r{number}.py"))["scenarios"]["load"]
                assert (made["rate"], made["max_vus"]) == (found, most)
            for wrong in ("x", "5/", "0/s", 0, -1, "5/0s", "007", "1/s'"):
                with pytest.raises(Failure, match="argument rate"):
                    await call("write_scenario_skeleton", path="wrong.py", url=target, rate=wrong)

    asyncio.run(main())


def test_a_rate_without_a_time_is_one_a_second(tmp_path: Path, target: str, program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_root(tmp_path, target, monkeypatch)
    arrivals = 'executor="constant-arrival-rate", rate=60, time_unit="1m", duration="10m", pre_allocated_vus=1, max_vus=6'
    (root / "minute.py").write_text(SCRIPT.replace('executor="constant-vus", vus=2, duration="30s", max_vus=6', arrivals))

    async def main() -> None:
        async with tools_of(settings_of(root, program)) as call:
            run_id = (await call("start_run", script_path="minute.py"))["run_id"]
            asked = (("3", 180.0), (3, 180.0), ("3/s", 180.0), ("3/m", 3.0), (2.0, 120.0), (0.00001, 0.0006), (1 / 3, 20.0), (0, 0.0), ("1.5", 90.0))
            for rate, _ in asked:
                await call("adjust_run", run_id=run_id, rate=rate)
            for wrong in (1e-10, -1, "-1", "", "1e400"):
                with pytest.raises(Failure, match="is not a rate"):
                    await call("adjust_run", run_id=run_id, rate=wrong)
            record = call.registry.get(run_id)
            await call("stop_run", run_id=run_id)
            await call("wait_run", run_id=run_id)
            given = [event["value"] for event in record.events if event["type"] == "AdjustEvent"]
            assert [round(value, 6) for value in given] == [a_minute for _, a_minute in asked]

    asyncio.run(main())


def test_a_registry_needs_no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert RunRegistry().list_all() == []
    monkeypatch.setenv("RAMPA_MCP_MAX_RUNS", "none")
    with pytest.raises(SettingsError):
        RunRegistry()
