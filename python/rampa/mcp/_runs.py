# SPDX-License-Identifier: MIT
"""The runs of the server. Each is a child process, so that a script that blocks, prints or crashes harms nobody.

What a run says of itself while it is on comes from its event log, and what it has found from its result file. Both are in
a private folder, which is removed with the record of the run.
"""

from __future__ import annotations

import asyncio
import collections
import collections.abc
import contextlib
import dataclasses
import os
import shutil
import signal
import tempfile
import time
import typing

from rampa.mcp._control import Control
from rampa.mcp._event_log import EventLog
from rampa.mcp._failure import Failure
from rampa.mcp._kept import PREFIX, Kept, Left, Said, left_behind, lock, start_kept
from rampa.mcp._program import Process, Tail, end, ends_within, failure_of, kill, start
from rampa.mcp._result import read_result, thresholds_of, with_silent_metrics
from rampa.mcp._settings import Settings
from rampa.mcp._untrusted import marked_event, plain

#: How many finished runs, and events of each run, are remembered.
RECORDS = 50
EVENTS = 200
_LOOK_SECONDS = 0.2
_START_SECONDS = 60.0
_STOP_SECONDS = 120.0  # from asking a run to stop to stopping it at once
_END_SECONDS = 10.0  # from one signal to the next, and to killing it
_ADOPT_SECONDS = 2.0
_CLOSE_SECONDS = 5.0  # the same two when the server ends


@dataclasses.dataclass
class RuntimeRun:
    """What there is of a run only while it is on.

    Attributes:
        controller: the process of the run.
        said: what the run has printed.
        wait_task: waits for the end of the run.
        event_task: reads the events of the run.
    """

    controller: Process
    said: Tail | Said
    wait_task: asyncio.Task[None] | None = None
    event_task: asyncio.Task[None] | None = None


@dataclasses.dataclass
class RunRecord:
    """What is known of a run.

    Attributes:
        run_id: its id, as in its events and its result.
        script_path: of its script.
        folder: of its files.
        started_at: when it was started, in seconds of the monotonic clock.
        started: the same of the wall clock.
        planned: seconds of its scenarios, or None when that cannot be told.
        runtime: None when it is over.
        result: what its result file says (rampa.mcp._result), or None.
        events: the last ones, but for snapshots and live thresholds, as clients get them.
        event_count: how many there were, of all kinds.
        snapshot: the last event of this kind.
        live_thresholds: the thresholds as they were last judged.
        phase: where it is, as its events say.
        is_paused: whether it pauses.
        stop_reason: why it was stopped, or None.
        failure: why there is no result, or why it is that of the events.
        finished: what its last event says.
        stopping: asks it to stop.
        ended_at: when it ended, as started_at, or None.
        ended: is set at its end.
    """

    run_id: str
    script_path: str
    folder: str = ""
    started_at: float = dataclasses.field(default_factory=time.monotonic)
    started: float = dataclasses.field(default_factory=time.time)
    planned: float | None = None
    runtime: RuntimeRun | None = None
    result: dict[str, typing.Any] | None = None
    events: collections.deque[dict[str, typing.Any]] = dataclasses.field(default_factory=lambda: collections.deque(maxlen=EVENTS))
    event_count: int = 0
    snapshot: dict[str, typing.Any] | None = None
    live_thresholds: list[dict[str, typing.Any]] = dataclasses.field(default_factory=list)
    phase: str = "loading"
    is_paused: bool = False
    stop_reason: str | None = None
    failure: Failure | None = None
    finished: dict[str, typing.Any] | None = None
    stopping: asyncio.Task[None] | None = None
    ended_at: float | None = None
    ended: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)

    @property
    def is_complete(self) -> bool:
        """Whether the run is over."""
        return self.ended_at is not None

    @property
    def status(self) -> str:
        """``running``, ``paused``, ``stopping``, or how the run has ended."""
        if self.result is not None:
            return str(self.result["run"]["status"])
        if self.is_complete:
            return "internal_error"
        if self.stop_reason is not None or self.phase in ("stopping", "teardown"):
            return "stopping"
        return "paused" if self.is_paused else "running"

    @property
    def thresholds(self) -> list[dict[str, typing.Any]]:
        """The thresholds, as they stand or have ended."""
        return thresholds_of(self.live_thresholds) if self.result is None else list(self.result["thresholds"])

    @property
    def result_path(self) -> str:
        """Where the run writes its result."""
        return os.path.join(self.folder, "result.json")

    def take(self, event: dict[str, typing.Any]) -> None:
        """Keeps what an event says.

        Args:
            event: a line of the event log.
        """
        self.event_count += 1
        kind = event["type"]
        if kind == "PhaseEvent":
            self.phase = plain(event.get("detail"))
        if kind in ("PauseEvent", "ResumeEvent"):
            self.is_paused = kind == "PauseEvent"
        if kind == "SnapshotEvent":
            self.snapshot = event
            return
        if kind in ("LiveThresholdEvent", "ThresholdEvent") and isinstance(event.get("results"), list):
            self.live_thresholds = event["results"]
        if kind == "FinishedEvent":
            self.finished = {name: event.get(name) for name in ("status", "exit_code")}
        if kind != "LiveThresholdEvent":
            self.events.append(marked_event(event))

    def result_of_events(self) -> dict[str, typing.Any] | None:
        """What the events say of the end of the run, for the case that its result file is too large. The last snapshot has the totals."""
        if self.finished is None:
            return None
        last = (self.snapshot or {}).get("snapshot") or {}
        summary = {"duration": last.get("duration"), "metrics": last.get("values")}
        return {"run": self.finished, "summary": summary, "thresholds": thresholds_of(self.live_thresholds), "generator": {"verdict": None}, "texts": {}}

    @property
    def control(self) -> Control:
        """By which it is steered while it is on."""
        return Control(self.folder, self.run_id)

    def stop(self, reason: str) -> None:
        """Asks the run to end gracefully, in the background.

        Args:
            reason: for the result of the run. Only the first one counts.
        """
        if self.stop_reason is None and self.runtime is not None:
            self.stop_reason = reason
            self.stopping = asyncio.create_task(self._stop(reason))

    async def _stop(self, reason: str) -> None:
        try:
            await self.control.post("/v1/stop", {"reason": reason})
        except Failure:  # it is over, or does not answer
            self.send(signal.SIGTERM)

    def send(self, number: signal.Signals) -> None:
        """Sends the run a signal, when it is on.

        Args:
            number: of the signal.
        """
        if self.runtime is not None:
            with contextlib.suppress(ProcessLookupError):
                self.runtime.controller.send_signal(number)


class RunRegistry:
    """All runs of the server: they are limited in number, each in duration, and forgotten after a time.

    Args:
        settings: of the server, or None for those of the environment.

    Raises:
        SettingsError: when a variable of the environment is of no use.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = Settings.from_environment(os.environ) if settings is None else settings
        self._records: dict[str, RunRecord] = {}
        self._starting = 0
        self._home: str | None = None
        self._locks: dict[str, typing.BinaryIO] = {}  # of the own folder, and of those that other servers have left
        self._late: set[asyncio.Task[None]] = set()
        self._is_leaving = False
        #: Says whether the server is about to end. Its transport sets it.
        self.is_ending: collections.abc.Callable[[], bool] = lambda: False

    # ---- records -----------------------------------------------------------------------------------------------------

    def register(self, record: RunRecord) -> None:
        """Keeps a run.

        Args:
            record: of it.
        """
        self._records[record.run_id] = record

    def get(self, run_id: str) -> RunRecord | None:
        """The run of this id, or None.

        Args:
            run_id: as start_run has given it.
        """
        self.forget()
        return self._records.get(run_id)

    def list_all(self) -> list[RunRecord]:
        """All runs that are remembered, the oldest first."""
        self.forget()
        return list(self._records.values())

    def complete(self, run_id: str, result: dict[str, typing.Any] | None) -> None:
        """Says that a run is over.

        Args:
            run_id: of a run that was registered.
            result: of its result file, or None when it has written none.
        """
        record = self._records[run_id]
        record.result = result
        record.runtime = None
        if result is not None:  # which has all of it
            record.snapshot, record.live_thresholds = None, []
        record.ended_at = time.monotonic()
        record.ended.set()

    def forget(self) -> None:
        """Drops what has ended long ago, and the oldest of what has ended when that is too much."""
        ended = [record for record in self._records.values() if record.ended_at is not None]
        ended.sort(key=lambda record: record.ended_at or 0.0)
        oldest = time.monotonic() - self._settings.keep
        for number, record in enumerate(ended):
            if len(ended) - number > RECORDS or (record.ended_at or 0.0) < oldest:
                del self._records[record.run_id]
                shutil.rmtree(record.folder, ignore_errors=True)

    # ---- folders -----------------------------------------------------------------------------------------------------

    def folder(self) -> str:
        """A new private folder for a run."""
        if self._home is None:
            made = tempfile.mkdtemp(prefix=f".{PREFIX}")
            held = lock(made)
            assert held is not None
            self._home = os.path.join(os.path.dirname(made), os.path.basename(made)[1:])
            self._locks[self._home] = held
            os.rename(made, self._home)  # only now another server looks at it
        return tempfile.mkdtemp(dir=self._home)

    # ---- runs --------------------------------------------------------------------------------------------------------

    async def start(self, script: str, words: list[str], planned: float | None) -> RunRecord:
        """Starts a run, and waits until it says that it lives.

        Args:
            script: path of it, for people.
            words: of the command line of ``rampa run``, without the outputs.
            planned: seconds of its scenarios, when that can be told.

        Raises:
            Failure: when too many are on, or it cannot start.
        """
        on = self._starting + sum(not record.is_complete for record in self._records.values())
        if on >= self._settings.max_runs:
            raise Failure(
                f"{on} runs are on, and RAMPA_MCP_MAX_RUNS allows no more", "wait for one (wait_run) or stop one (stop_run); list_runs names them"
            )
        self._starting += 1
        try:
            record = await self._begin(script, words, planned)
        finally:
            self._starting -= 1
        self.register(record)
        assert record.runtime is not None
        record.runtime.wait_task = asyncio.create_task(self._see_to_end(record, record.runtime))
        return record

    async def _begin(self, script: str, words: list[str], planned: float | None) -> RunRecord:
        folder = self.folder()
        log = EventLog(os.path.join(folder, "events.ndjson"))
        outputs = ["--out", os.path.join(folder, "result.json"), "--event-log", os.path.join(folder, "events.ndjson")]
        process: Process | None = None
        words = ["run", *words, "--quiet", "--serve", *outputs]
        more = {"XDG_RUNTIME_DIR": folder}  # the socket of the run is in its folder, where nobody else finds it
        reading = None
        try:
            if self._settings.at_end == "finish":
                process = start_kept(self._settings, folder, words, {"script": script, "planned": planned}, more)
                runtime = RuntimeRun(process, Said(folder))
            else:
                child = process = await start(self._settings, words, dies_by=signal.SIGTERM, joined=True, more=more)
                assert child.stdout is not None
                said = Tail()
                runtime = RuntimeRun(process, said)
                reading = asyncio.create_task(said.follow(child.stdout))
            events = await _first_events(log, process)
            if not events:
                kill(process)
                if reading is not None:
                    await reading
                raise failure_of(runtime.said.lines, "the run has ended before it began", script)
            record = RunRecord(str(events[0].get("run_id")), script, folder, planned=planned, runtime=runtime)
            for event in events:
                record.take(event)
            runtime.event_task = asyncio.create_task(_follow(record, log, process))
        except BaseException:
            if process is not None:
                kill(process)
            log.close()
            shutil.rmtree(folder, ignore_errors=True)
            if process is not None:
                await ends_within(process, _END_SECONDS)
            raise
        return record

    async def _see_to_end(self, record: RunRecord, runtime: RuntimeRun) -> None:
        """Waits for the end of a run, and ends it when it has lasted too long. Then reads its result."""
        process = runtime.controller
        try:
            if not await ends_within(process, max(0.0, record.started_at + self._settings.max_duration - time.monotonic())):
                record.stop("RAMPA_MCP_MAX_DURATION is over")
                if not await ends_within(process, _STOP_SECONDS):
                    await end(process, _END_SECONDS)
        finally:
            if not self._is_leaving:
                kill(process)
        await process.wait()
        if runtime.event_task is not None:
            await asyncio.wait([runtime.event_task])  # an exception of it does not keep the run from its end
        await self._take_result(record, runtime.said, process.returncode)

    async def _take_result(self, record: RunRecord, said: Tail | Said, code: int | None) -> None:
        try:
            result = await asyncio.to_thread(read_result, record.result_path)
            if result is None:
                record.failure = failure_of(said.lines, f"the run has ended with exit code {code}, and without a result", record.script_path)
            else:
                result = with_silent_metrics(result, record.snapshot)
        except Exception as error:  # whatever the file has in it, who waits for the run must hear of its end
            odd = Failure(f"the result file cannot be read: {type(error).__name__}", "what is told of the run is from its events")
            record.failure = error if isinstance(error, Failure) else odd
            result = record.result_of_events()
        self.complete(record.run_id, result)

    # ---- runs of other servers ---------------------------------------------------------------------------------------

    async def adopt(self) -> None:
        """Takes over the runs of this root that servers which have ended have left."""
        for home, held, found in left_behind(self._settings.root):
            self._locks[home] = held
            for left in found:
                task = asyncio.create_task(self._adopt(left))
                self._late.add(task)
                task.add_done_callback(self._late.discard)
        if self._late:  # a run that has just been started is taken over when it says which one it is
            await asyncio.wait(self._late, timeout=_ADOPT_SECONDS)

    async def _adopt(self, left: Left) -> None:
        log = EventLog(os.path.join(left.folder, "events.ndjson"))
        process = None
        while left.rest is None and process is None and (process := left.process()) is None and not left.is_over():
            await asyncio.sleep(_LOOK_SECONDS)
        events = log.take() if process is None else await _first_events(log, process)
        if not events:  # it has not begun, and nobody knows its id
            log.close()
            if process is not None:
                await end(process, _END_SECONDS)
            shutil.rmtree(left.folder, ignore_errors=True)
            return
        record = RunRecord(str(events[0].get("run_id")), left.script, left.folder, planned=left.planned)
        record.started_at -= left.age
        record.started -= left.age
        for event in events:
            record.take(event)
        self.register(record)
        if process is not None:
            record.runtime = RuntimeRun(process, Said(left.folder))
            record.runtime.event_task = asyncio.create_task(_follow(record, log, process))
            record.runtime.wait_task = asyncio.create_task(self._see_to_end(record, record.runtime))
            return
        await _drain(record, log)
        log.close()
        await self._take_result(record, Said(left.folder), None)
        record.ended_at = time.monotonic() - (left.rest or 0.0)

    # ---- end ---------------------------------------------------------------------------------------------------------

    @property
    def leaves_runs(self) -> bool:
        """Whether the server is about to end, and its runs go on."""
        return self._settings.at_end == "finish" and self.is_ending()

    async def close(self) -> None:
        """Stops all runs, gracefully at first, at once when that lasts, and removes their files; or leaves them to the next server."""
        for task in self._late:
            task.cancel()
        on = [record for record in self._records.values() if record.runtime is not None]
        await (self._leave(on) if self._settings.at_end == "finish" else self._stop_all(on))
        self._records.clear()
        for home, held in self._locks.items():
            is_own = home == self._home and self._settings.at_end == "stop"
            if is_own or not any(entry.is_dir() for entry in os.scandir(home)):
                shutil.rmtree(home, ignore_errors=True)
            held.close()
        self._locks.clear()
        self._home = None

    async def _leave(self, on: list[RunRecord]) -> None:
        self._is_leaving = True
        stopping = [record.stopping for record in on if record.stopping is not None]
        if stopping:  # these have been promised to stop
            await asyncio.wait(stopping, timeout=_CLOSE_SECONDS)
        for runtime in [record.runtime for record in on if record.runtime is not None]:
            tasks = [task for task in (runtime.wait_task, runtime.event_task) if task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            if isinstance(runtime.controller, Kept):
                runtime.controller.let_go()

    async def _stop_all(self, on: list[RunRecord]) -> None:
        for _ in range(2):
            for record in on:
                record.stop_reason = record.stop_reason or "the MCP server has ended"
                record.send(signal.SIGTERM)
            waits = [record.runtime.wait_task for record in on if record.runtime is not None and record.runtime.wait_task is not None]
            if waits:
                await asyncio.wait(waits, timeout=_CLOSE_SECONDS)
        for record in on:
            if record.runtime is not None:
                kill(record.runtime.controller)
        for record in self._records.values():
            shutil.rmtree(record.folder, ignore_errors=True)


async def _first_events(log: EventLog, process: Process) -> list[dict[str, typing.Any]]:
    """What the run says first; nothing when it ends before, or says nothing for long."""
    end = time.monotonic() + _START_SECONDS
    while True:
        has_ended = process.returncode is not None
        if events := log.take():
            return events
        if has_ended or time.monotonic() > end:
            return []
        await asyncio.sleep(_LOOK_SECONDS / 4)


async def _drain(record: RunRecord, log: EventLog) -> None:
    """Takes all events that are there. Others have their turn meanwhile."""
    is_first = True
    while is_first or not log.is_at_end:
        is_first = False
        for event in log.take():
            record.take(event)
        await asyncio.sleep(0)


async def _follow(record: RunRecord, log: EventLog, process: Process) -> None:
    """Takes the events of a run until it has ended."""
    try:
        while True:
            has_ended = process.returncode is not None
            await _drain(record, log)
            if has_ended:
                return
            await asyncio.sleep(_LOOK_SECONDS)
    finally:
        log.close()
