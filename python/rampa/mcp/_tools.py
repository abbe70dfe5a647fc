# SPDX-License-Identifier: MIT
"""What the tools of the MCP server do. It knows nothing of the protocol."""

from __future__ import annotations

import asyncio
import collections.abc
import datetime
import ipaddress
import json
import os
import pathlib
import re
import socket
import time
import typing

from rampa.config import parse_duration
from rampa.mcp._causes import NO_ITEM, NO_SCENARIO
from rampa.mcp._failure import Failure
from rampa.mcp._files import existing, shown, write_new
from rampa.mcp._program import ask
from rampa.mcp._runs import RunRecord, RunRegistry
from rampa.mcp._secrets import concealed
from rampa.mcp._settings import Network, Settings, network_of
from rampa.mcp._skeleton import skeleton, text_of_rate
from rampa.mcp._untrusted import bounded, marked, plain

Answer = dict[str, typing.Any]
#: (done, total or None, message): tells the client how far a call is.
Progress = collections.abc.Callable[[float, float | None, str], collections.abc.Awaitable[None]]

SCRIPTS = (".py", ".rampa")
_PROGRESS_SECONDS = 1.0
_NUMBERS = 200  # of a comparison
_ERRORS = 20
_PAGE = 64 << 20
_DURATION = "write it as 30s, 1m30s or 250ms"
_ITEM = re.compile("[eirx][1-9][0-9]{0,5}")
_ITEM_SIZE = (8, 100, 2100)  # depth, rows, characters of a text: as much as a result keeps of a body
_MAIN_METRICS = (
    "iterations", "iteration_errors", "dropped_iterations", "iteration_duration", "checks", "vus", "http_reqs", "http_req_failed",
    "http_req_duration", "http_req_waiting", "data_sent", "data_received",
)  # fmt: skip


def metrics_of(record: RunRecord) -> tuple[float, dict[str, dict[str, float | None]]] | None:
    """The seconds of iterations, and the metrics: the final ones of a run that is over, else those of its last snapshot."""
    if record.result is not None:
        summary = record.result["summary"]
        return float(summary.get("duration") or 0.0), dict(summary.get("metrics") or {})
    if record.snapshot is None:
        return None
    snapshot = record.snapshot.get("snapshot") or {}
    return float(snapshot.get("duration") or 0.0), dict(snapshot.get("values") or {})


def duration_of_plan(plan: Answer) -> float | None:
    """How many seconds the scenarios of an inspected plan last, without graceful stops; None when iterations decide that."""
    longest = 0.0
    for scenario in plan["scenarios"].values():
        texts = [scenario.get("start_time") or "0s"]
        if scenario.get("stages"):
            texts += [stage["duration"] for stage in scenario["stages"]]
        elif scenario.get("duration"):
            texts.append(scenario["duration"])
        else:
            return None
        longest = max(longest, sum(parse_duration(text).total_seconds() for text in texts))
    return longest


class Tools:
    """The tools. Each is a method of its name, and takes the arguments that its schema allows.

    Args:
        settings: of the server.
        registry: of its runs.
    """

    def __init__(self, settings: Settings, registry: RunRegistry) -> None:
        self._settings = settings
        self._registry = registry

    async def call(
        self, name: str, arguments: Answer, progress: Progress, is_called_off: collections.abc.Callable[[], bool] = lambda: False
    ) -> Answer:
        """Does what a tool does.

        Args:
            name: of a tool of the table.
            arguments: that fit its schema, with all defaults.
            progress: where a call that lasts tells how far it is.
            is_called_off: says whether the client has called this call off, also when the server is about to end.

        Raises:
            Failure: an expected one.
        """
        method = getattr(self, name)
        if name in ("start_run", "wait_run"):
            arguments = {**arguments, "progress": progress}
        if name == "start_run":
            arguments["is_called_off"] = is_called_off
        answer: Answer = concealed(await method(**arguments))
        return answer

    def record(self, run_id: str) -> RunRecord:
        """The run of an id.

        Raises:
            Failure: there is none.
        """
        record = self._registry.get(run_id)
        if record is None:
            raise Failure(f"run {shown(run_id)} not found", "list_runs names the runs; those that ended long ago are forgotten")
        return record

    # ---- life of a run -----------------------------------------------------------------------------------------------

    async def start_run(
        self,
        script_path: str,
        vus: int | None,
        duration: str | None,
        scenario: str | None,
        wait: bool,
        progress: Progress,
        is_called_off: collections.abc.Callable[[], bool] = lambda: False,
    ) -> Answer:
        """Starts a run."""
        script = existing(self._settings.root, script_path, "test script", SCRIPTS)
        words = [script]
        words += [f"--vus={vus}"] if vus is not None else []
        words += [f"--duration={duration}"] if duration is not None else []
        words += [f"--scenario={scenario}"] if scenario is not None else []
        _check_duration(duration)
        plan = await self._inspect(words, scenario)
        words += await _guard(self._settings.allow, plan.get("allow_ips"))
        planned = duration_of_plan(plan)
        if planned is not None and planned > self._settings.max_duration:
            raise Failure(
                f"the run would last {planned:.0f} s, and RAMPA_MCP_MAX_DURATION allows {self._settings.max_duration:.0f} s", "give it a shorter duration"
            )
        record = await self._registry.start(script, words, planned)
        if not wait:
            return {"run_id": record.run_id, "status": "started"}
        try:
            await self._wait(record, None, progress)
        finally:  # who has called off the call does not know the id to stop the run by
            if not record.is_complete and (is_called_off() or not self._registry.leaves_runs):
                record.stop("the call of start_run was called off")
        return self.summary(record)

    async def wait_run(self, run_id: str, timeout_s: float | None, progress: Progress) -> Answer:
        """Waits for the end of a run."""
        record = self.record(run_id)
        await self._wait(record, timeout_s, progress)
        return self.summary(record)

    async def _wait(self, record: RunRecord, seconds: float | None, progress: Progress) -> None:
        end = None if seconds is None else time.monotonic() + seconds
        told = -1.0
        while not record.is_complete:
            left = _PROGRESS_SECONDS if end is None else min(_PROGRESS_SECONDS, end - time.monotonic())
            if left <= 0:
                return
            try:
                async with asyncio.timeout(left):
                    await record.ended.wait()
            except TimeoutError:
                done, text = self._progress_of(record)
                if done > told:  # it must grow
                    told = done
                    await progress(done, record.planned, text)

    def _progress_of(self, record: RunRecord) -> tuple[float, str]:
        found = metrics_of(record)
        if found is None:
            return 0.0, f"{record.status}: {record.phase}"
        seconds, metrics = found
        count = metrics.get("http_reqs", {}).get("count") or 0
        return seconds, f"{record.status}: {count:.0f} requests, {metrics.get('iterations', {}).get('count') or 0:.0f} iterations"

    async def stop_run(self, run_id: str, reason: str | None) -> Answer:
        """Stops a run."""
        record = self.record(run_id)
        if record.is_complete:
            return {"run_id": run_id, "status": "already_completed"}
        record.stop(reason or "stop_run was called")
        return {"run_id": run_id, "status": "stopping"}

    async def pause_run(self, run_id: str) -> Answer:
        """Pauses a run."""
        return await self._steer(run_id, "/v1/pause", {}, "paused")

    async def resume_run(self, run_id: str) -> Answer:
        """Lets a run go on."""
        return await self._steer(run_id, "/v1/resume", {}, "resumed")

    async def adjust_run(self, run_id: str, scenario: str | None, vus: int | None, rate: str | float | None, hold: bool) -> Answer:
        """Gives a scenario another load."""
        if (vus is None) == (rate is None):
            raise Failure("adjust_run needs one of vus and rate", "vus is for executors of virtual users, rate for those of arrivals")
        load: Answer = {"vus": vus}
        if rate is not None:  # without a time it would be one of the time_unit of the scenario
            text = text_of_rate(rate)
            load = {"rate": text if "/" in text else f"{text}/s"}
        return await self._steer(run_id, "/v1/adjust", {"scenario": scenario, "hold": hold, **load}, "adjusted")

    async def _steer(self, run_id: str, path: str, body: Answer, status: str) -> Answer:
        record = self.record(run_id)
        try:
            if not record.is_complete:
                await record.control.post(path, body)
        except Failure:
            if not record.is_complete:  # else it has ended meanwhile
                raise
        if record.is_complete:
            return {"run_id": run_id, "status": "already_completed"}
        if status != "adjusted":
            record.is_paused = status == "paused"
        return {"run_id": run_id, "status": status}

    async def get_status(self, run_id: str) -> Answer:
        """How far a run is."""
        record = self.record(run_id)
        answer: Answer = {
            "run_id": run_id,
            "status": record.status,
            "completed": record.is_complete,
            "phase": record.phase,
            "started_at": datetime.datetime.fromtimestamp(record.started, datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "elapsed_s": round((record.ended_at or time.monotonic()) - record.started_at, 3),
            "planned_s": record.planned,
            "stop_reason": None if record.stop_reason is None else plain(record.stop_reason),
        }
        answer |= _said_at_end(record)
        if not record.is_complete:
            answer["has_snapshot"] = record.snapshot is not None
            answer["vus"] = None if record.snapshot is None else record.snapshot.get("vus")
        return answer

    async def list_runs(self) -> Answer:
        """All runs."""
        return {"result": self.runs()}

    def runs(self) -> list[Answer]:
        """All runs: id, script and status."""
        return [{"run_id": r.run_id, "script_path": r.script_path, "status": r.status} for r in self._registry.list_all()]

    # ---- scripts -----------------------------------------------------------------------------------------------------

    async def _inspect(self, words: list[str], scenario: str | None = None) -> Answer:
        try:
            plan: Answer = json.loads(await ask(self._settings, ["inspect", *words, "--format", "json"], script=words[0]))
        except Failure as failure:
            if scenario is None or NO_SCENARIO not in failure.error:
                raise
            raise Failure(f"scenario {shown(scenario)} not found", "discover_scenarios names those of the script", failure.untrusted) from None
        plan["env"] = dict.fromkeys(plan.get("env") or {}, "***")
        for one in plan["scenarios"].values():
            one["env"] = dict.fromkeys(one.get("env") or {}, "***")
        return plan

    async def discover_scenarios(self, script_path: str) -> Answer:
        """The scenarios of a script."""
        plan = await self._inspect([existing(self._settings.root, script_path, "test script", SCRIPTS)])
        scenarios = {
            name: {
                "executor": scenario["executor"],
                "vus": scenario.get("vus"),
                "duration": _clock(scenario.get("duration")),
                "iterations": scenario.get("iterations"),
                "rate": scenario.get("rate"),
            }
            for name, scenario in plan["scenarios"].items()
        }
        return {
            "script": plan["script"],
            "scenarios": scenarios,
            "thresholds": {metric: [row["threshold"] for row in rows] for metric, rows in plan["thresholds"].items()},
            "has_setup": plan["has_setup"],
            "has_teardown": plan["has_teardown"],
        }

    async def inspect_config(self, script_path: str) -> Answer:
        """All of the configuration of a script."""
        return await self._inspect([existing(self._settings.root, script_path, "test script", SCRIPTS)])

    async def write_scenario_skeleton(self, path: str, url: str, vus: int | None, duration: str, rate: str | float | None) -> Answer:
        """Writes a script."""
        text = skeleton(os.path.basename(path), url, vus, duration, rate)
        return {"path": write_new(self._settings.root, path, (".py",), text.encode()), "scenario": "load", "content": text}

    # ---- numbers -----------------------------------------------------------------------------------------------------

    async def get_metrics(self, run_id: str, metric_name: str | None) -> Answer:
        """The numbers of a run."""
        found = metrics_of(self.record(run_id))
        seconds, metrics = found if found is not None else (0.0, {})
        if metric_name is None:
            return {"run_id": run_id, "duration": seconds, "metrics": metrics}
        if metric_name not in metrics:
            raise Failure(f"metric {shown(metric_name)} not found", "get_metrics without metric_name gives all of them")
        return {"run_id": run_id, "metric": metric_name, "values": metrics[metric_name]}

    async def get_thresholds(self, run_id: str) -> Answer:
        """The thresholds of a run."""
        record = self.record(run_id)
        return {"run_id": run_id, "status": record.status, "thresholds": record.thresholds}

    # ---- results -----------------------------------------------------------------------------------------------------

    def summary(self, record: RunRecord) -> Answer:
        """What a run has found, in short."""
        found = metrics_of(record)
        seconds, metrics = found if found is not None else (None, {})
        answer: Answer = {
            "run_id": record.run_id,
            "status": record.status,
            "completed": record.is_complete,
            "passed": None if not record.is_complete else record.result is not None and record.result["run"]["exit_code"] == 0,
            "exit_code": None if record.result is None else record.result["run"]["exit_code"],
            "stop_reason": None if record.stop_reason is None else plain(record.stop_reason),
            "duration": seconds,
            "metrics": {name: metrics[name] for name in _MAIN_METRICS if name in metrics},
            "thresholds": record.thresholds,
        }
        answer |= _said_at_end(record)
        if record.result is not None:
            answer["generator"] = record.result["generator"]
            answer["untrusted"] = marked(**record.result["texts"])
        return answer

    def _over(self, run_id: str) -> RunRecord:
        record = self.record(run_id)
        if not record.is_complete:
            raise Failure(f"run {shown(run_id)} is not over", "wait_run waits for its end, stop_run ends it")
        if record.result is None:
            assert record.failure is not None
            raise Failure(f"run {shown(run_id)} has no result: {record.failure.error}", record.failure.hint, record.failure.untrusted)
        return record

    async def get_report(self, run_id: str, path: str | None, item: str | None) -> Answer:
        """The report of a run."""
        record = self._over(run_id)
        if item is not None:
            return await self._item(record, item)
        answer = self.summary(record)
        assert record.result is not None
        answer["course"] = record.result.get("course", [])
        answer["untrusted"] |= record.result.get("details", {})
        if path is not None:
            if path.endswith(".json"):
                content = await asyncio.to_thread(pathlib.Path(record.result_path).read_bytes)
            else:
                content = await ask(self._settings, ["report", record.result_path, "-o", "-"], limit=_PAGE)
            answer["path"] = await asyncio.to_thread(write_new, self._settings.root, path, (".html", ".json"), content)
        return answer

    async def _item(self, record: RunRecord, item: str) -> Answer:
        hint = "get_report without item names what there is: e1 is a kind of failed requests, i1 an exception, r1 a request by its name, x1 an exchange"
        if not _ITEM.fullmatch(item):
            raise Failure(f"{shown(item)} is no id of something in a report", hint)
        try:
            found = json.loads(await ask(self._settings, ["result", "open", record.result_path, item, "--format", "json"]))
        except Failure as failure:
            if NO_ITEM not in failure.error:
                raise
            raise Failure(f"the report of the run has nothing with the id {item}", hint) from None
        return {"run_id": record.run_id, "status": record.status, "completed": True, "untrusted": marked(item=bounded(found, *_ITEM_SIZE))}

    def _result_file(self, name: str) -> str:
        if self._registry.get(name) is not None:
            return self._over(name).result_path
        if not name.endswith(".json"):
            raise Failure(f"run {shown(name)} not found", "list_runs names the runs; a result file is named by its path, which ends with .json")
        return existing(self._settings.root, name, "result file", (".json",))

    async def compare_results(self, base: str, current: str) -> Answer:
        """What has changed between two runs."""
        files = [self._result_file(base), self._result_file(current)]
        answer: Answer = json.loads(await ask(self._settings, ["compare", *files, "--fail-on", "never", "--format", "json"]))
        answer["bases"], answer["current"] = [{"file": base}], {"file": current}
        rows = [{**row, "group": plain(row["group"]), "name": plain(row["name"])} for row in answer["numbers"][:_NUMBERS]]
        answer["left_out"] = len(answer["numbers"]) - len(rows)
        answer["thresholds"] = [
            {**row, "metric": plain(row["metric"]), "expression": plain(row["expression"])} for row in answer.get("thresholds", [])[:_NUMBERS]
        ]
        # Metrics have names of a program. All else, such as checks, is named by texts.
        answer["numbers"] = [row for row in rows if row["kind"] == "metric" and not row["group"]]
        others = [row for row in rows if row["kind"] != "metric" or row["group"]]
        answer["untrusted"] = marked(numbers=others, notes=[plain(text) for text in answer.pop("notes", [])[:_ERRORS]])
        return answer


def _check_duration(text: str | None) -> None:
    if text is None:
        return
    try:
        seconds = parse_duration(text).total_seconds()
    except ValueError as error:
        raise Failure(f"argument duration: {error}", _DURATION) from None
    if seconds <= 0:
        raise Failure(f"argument duration is {shown(text)}: it must be more than 0s", _DURATION)


async def _guard(allow: tuple[str, ...], own: str | None) -> list[str]:
    """The option by which a run connects only to what is allowed. Hosts are looked up now.

    Args:
        allow: by RAMPA_MCP_ALLOW.
        own: allow_ips of the script, which stays as narrow as it is.
    """
    networks: list[Network] = []
    for name in allow:
        if (network := network_of(name)) is not None:
            networks.append(network)
            continue
        try:
            found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except OSError as error:
            raise Failure(f"{name} of RAMPA_MCP_ALLOW is not found: {error.strerror}", "write its address, or take it out") from None
        networks += [ipaddress.ip_network(str(row[4][0]).partition("%")[0]) for row in found]
    if not networks:
        return []
    if own:
        of_script = [network for name in own.split(",") if (network := network_of(name.strip())) is not None]
        networks = [common for one in networks for other in of_script if (common := _common(one, other)) is not None]
        if not networks:
            raise Failure("RAMPA_MCP_ALLOW allows nothing of what allow_ips of the script does", "change one of them")
    return [f"--allow-ips={','.join(dict.fromkeys(map(str, networks)))}"]


def _common(one: Network, other: Network) -> Network | None:
    """What two networks have in common: the smaller one, or nothing."""
    smaller, larger = (one, other) if one.prefixlen >= other.prefixlen else (other, one)
    is_inside = smaller.version == larger.version and smaller.network_address in larger
    return smaller if is_inside else None


def _clock(duration: str | None) -> str | None:
    return None if duration is None else str(parse_duration(duration))


def _said_at_end(record: RunRecord) -> Answer:
    """Why a run that is over has not passed."""
    answer: Answer = {}
    if record.failure is not None:
        answer["failure"] = {"error": record.failure.error, "hint": record.failure.hint}
        if record.failure.untrusted is not None:
            answer["untrusted"] = record.failure.untrusted
    if record.result is not None:
        answer["untrusted"] = marked(reason=record.result["texts"].get("reason"))
    return answer
