# SPDX-License-Identifier: MIT
"""What happens during a run, and how it ends."""

from __future__ import annotations

import dataclasses
import enum
import json
import os
import pathlib
import typing

from rampa._types import MetricType
from rampa.metrics import MetricSnapshot, create_sink
from rampa.thresholds import ThresholdResult, parse_threshold

if typing.TYPE_CHECKING:
    from rampa import _rampa
else:
    import _rampa


class RunStatus(str, enum.Enum):
    """How a run ended. Result files, events and reports of tests use the same words.

    >>> RunStatus.THRESHOLD_FAILED.value
    'threshold_failed'
    """

    PASSED = "passed"
    THRESHOLD_FAILED = "threshold_failed"
    NOTHING_SUCCEEDED = "nothing_succeeded"  # every request failed, or every iteration had an error; exit code 1
    EXECUTION_FAILED = "execution_failed"  # iterations raised something other than a failed request
    STOPPED = "stopped"  # by the caller, the script or a signal
    SETUP_FAILED = "setup_failed"
    OUTPUT_FAILED = "output_failed"
    TEARDOWN_FAILED = "teardown_failed"
    GENERATOR_LIMITED = "generator_limited"
    INTERNAL_ERROR = "internal_error"

    def __str__(self) -> str:
        return self.value


EXIT_CODES = {
    RunStatus.PASSED: 0,
    RunStatus.THRESHOLD_FAILED: 1,
    RunStatus.NOTHING_SUCCEEDED: 1,
    RunStatus.EXECUTION_FAILED: 2,
    RunStatus.STOPPED: 4,
    RunStatus.SETUP_FAILED: 5,
    RunStatus.OUTPUT_FAILED: 6,
    RunStatus.TEARDOWN_FAILED: 7,
    RunStatus.GENERATOR_LIMITED: 8,
    RunStatus.INTERNAL_ERROR: 9,
}
"""What ``rampa run`` returns for each."""


@dataclasses.dataclass(frozen=True)
class RunResult:
    """Everything that is known when a run has ended.

    Attributes:
        run_id: a UUID, or what ``EngineOptions.run_id`` says.
        status: how it ended.
        exit_code: what ``rampa run`` would have returned, see the README.
        snapshot: the metrics; None when the run ended before there were any.
        threshold_results: how each threshold came out, in the order of the plan.
        stop_reason: why it did not pass, one sentence; None when it passed.
        error: what setup, teardown or the first failing iteration raised, or None.
        document: the result file as ``--out`` writes it (docs/result.md): accounting, checks, errors, series and more.
        json: the same as text.
        text: the summary that ``rampa run`` prints, without colours.
    """

    run_id: str
    status: RunStatus
    snapshot: MetricSnapshot | None
    threshold_results: list[ThresholdResult]
    error: BaseException | None = dataclasses.field(default=None, repr=False)
    stop_reason: str | None = None
    exit_code: int = 0
    document: dict[str, typing.Any] = dataclasses.field(default_factory=dict, repr=False)
    json: str = dataclasses.field(default="", repr=False)
    text: str = dataclasses.field(default="", repr=False)

    @property
    def passed(self) -> bool:
        """Whether everything that was asked for held."""
        return self.status is RunStatus.PASSED

    @property
    def checks(self) -> list[dict[str, typing.Any]]:
        """The checks: name, passes, fails."""
        return list(self.document.get("checks") or [])

    @property
    def errors(self) -> list[dict[str, typing.Any]]:
        """Exceptions of iterations and hooks by kind and place, each with its count and one traceback."""
        return list((self.document.get("errors") or {}).get("iterations") or [])

    @property
    def failed_requests(self) -> list[dict[str, typing.Any]]:
        """Failed requests by kind, each with its count and one example."""
        return list((self.document.get("errors") or {}).get("requests") or [])

    @property
    def warnings(self) -> list[str]:
        """What the summary warns of."""
        return [str(row["text"]) for row in self.document.get("warnings") or []]

    def summary(self) -> str:
        """The summary that ``rampa run`` prints, without colours."""
        return self.text

    def write_json(self, path: str | os.PathLike[str]) -> None:
        """Writes the result file, the same as ``--out`` (docs/result.md).

        Args:
            path: of the file; an old one is replaced.

        Raises:
            OSError: it cannot be written.
        """
        pathlib.Path(path).write_text(self.json, encoding="utf-8")


@dataclasses.dataclass(frozen=True)
class EngineEvent:
    """Base of all events.

    Attributes:
        run_id: the run's UUID, or what ``EngineOptions.run_id`` says.
        timestamp_ns: nanoseconds since the run began.
    """

    run_id: str
    timestamp_ns: int


@dataclasses.dataclass(frozen=True)
class PhaseEvent(EngineEvent):
    """The run has come to another of its four phases. Every run has all of them, in this order; when setup fails, ``execute``
    is left out.

    Attributes:
        phase: ``setup`` (with the loading of the script), ``execute``, ``teardown`` or ``complete``.
        detail: the part of the phase that it begins with, see :class:`DetailEvent`.
    """

    phase: str
    detail: str | None = None


@dataclasses.dataclass(frozen=True)
class DetailEvent(EngineEvent):
    """The run has come to another part of the same phase.

    Attributes:
        phase: as in :class:`PhaseEvent`.
        detail: ``setup`` after ``loading``, in the phase ``setup``; ``stopping`` after ``running``, in ``execute``.
    """

    phase: str
    detail: str


@dataclasses.dataclass(frozen=True)
class SnapshotEvent(EngineEvent):
    """When the scenarios begin, then at the interval ``EngineOptions.metric_flush_interval``, and at the end.

    Attributes:
        snapshot: the metrics so far.
    """

    snapshot: MetricSnapshot


@dataclasses.dataclass(frozen=True)
class LiveThresholdEvent(EngineEvent):
    """How the thresholds are while the run goes on: with the first snapshot that has samples, and every two seconds.

    Attributes:
        results: of each threshold, in the order of the plan; one without samples has passed, with None as ``lhs``.
        will_abort: whether one of them ends the run now.
    """

    results: list[ThresholdResult]
    will_abort: bool = False


@dataclasses.dataclass(frozen=True)
class ThresholdEvent(EngineEvent):
    """The final verdict on the thresholds.

    Attributes:
        results: of each threshold, in the order of the plan.
    """

    results: list[ThresholdResult]


@dataclasses.dataclass(frozen=True)
class PauseEvent(EngineEvent):
    """The run is paused."""


@dataclasses.dataclass(frozen=True)
class ResumeEvent(EngineEvent):
    """The run goes on, or ends in the pause.

    Attributes:
        paused_seconds: how long it has paused in all.
    """

    paused_seconds: float


@dataclasses.dataclass(frozen=True)
class AdjustEvent(EngineEvent):
    """A scenario gets another load.

    Attributes:
        scenario: its name.
        what: "vus" or "rate".
        value: so many VUs, or iterations per ``time_unit``.
        hold: it counts to the end of the scenario, not only until the present stage ends.
        at_seconds: from when on, in seconds since the iterations began, without pauses.
    """

    scenario: str
    what: str
    value: float
    hold: bool
    at_seconds: float


@dataclasses.dataclass(frozen=True)
class WarningEvent(EngineEvent):
    """Something that the summary will warn of, when it comes up for the first time.

    Attributes:
        text: one sentence.
    """

    text: str


@dataclasses.dataclass(frozen=True)
class GeneratorEvent(EngineEvent):
    """A reason to doubt that the numbers are the server's: the generator itself was, or may have been, a limit.

    Attributes:
        verdict: "suspect" or "limited".
        cause: as in the result file, such as "cpu" or "local_ports".
        worker: the worker that it is worst for, from 1.
        workers: how many it is so for.
        text: one sentence, with the remedy.
    """

    verdict: str
    cause: str
    worker: int
    workers: int
    text: str


@dataclasses.dataclass(frozen=True)
class MissedEvent(EngineEvent):
    """This consumer was too slow, and the oldest events are lost to it: the run does not wait for consumers.

    Attributes:
        count: how many.
    """

    count: int


@dataclasses.dataclass(frozen=True)
class FinishedEvent(EngineEvent):
    """The last event of a run.

    Attributes:
        status: of the result; None when the plan could not be run.
        exit_code: of the result; 3 when the plan was not valid.
        reason: why the run did not pass, one sentence; None when it passed.
    """

    status: RunStatus | None
    exit_code: int
    reason: str | None = None


class _Reader:
    """Makes events of the lines that the engine publishes (docs/events.md)."""

    def read(self, line: str) -> list[EngineEvent]:
        row = json.loads(line)
        event = self._event(row["kind"], row["run_id"], row["ns"], row)
        return [event] if event is not None else []

    @staticmethod
    def _event(kind: str, run_id: str, ns: int, row: dict[str, typing.Any]) -> EngineEvent | None:
        if kind == "phase":
            if row["type"] == "PhaseEvent":
                return PhaseEvent(run_id, ns, row["phase"], row["detail"])
            return DetailEvent(run_id, ns, row["phase"], row["detail"])
        if kind == "snapshot":
            return SnapshotEvent(run_id, ns, _live_snapshot(row))
        if kind == "threshold":
            return ThresholdEvent(run_id, ns, [ThresholdResult(*_verdict(one)) for one in row["results"]])
        if kind == "live_threshold":
            results = [ThresholdResult(*_verdict(one)) for one in row["results"]]
            return LiveThresholdEvent(run_id, ns, results, row["will_abort"])
        if kind == "pause":
            return PauseEvent(run_id, ns)
        if kind == "resume":
            return ResumeEvent(run_id, ns, row["paused_ns"] / 1e9)
        if kind == "adjust":
            return AdjustEvent(run_id, ns, row["scenario"], row["what"], row["value"], row["hold"], row["at_ns"] / 1e9)
        if kind == "warning":
            return WarningEvent(run_id, ns, row["text"])
        if kind == "generator":
            return GeneratorEvent(run_id, ns, row["verdict"], row["cause"], row["worker"], row["workers"], row["text"])
        if kind == "missed":
            return MissedEvent(run_id, ns, row["count"])
        if kind == "finished":
            return FinishedEvent(run_id, ns, _status(row["status"]), row["exit_code"], row["reason"])
        return None


def _status(word: str) -> RunStatus | None:
    """None for a plan that could not be run, which has no result."""
    return RunStatus(word) if word in RunStatus._value2member_map_ else None


def serialize_event(event: EngineEvent) -> dict[str, typing.Any]:
    """The fields of an event, and as ``type`` the name of its class. JSON can hold them.

    Args:
        event: of a run.

    >>> serialize_event(PauseEvent("my-run", 5))
    {'run_id': 'my-run', 'timestamp_ns': 5, 'type': 'PauseEvent'}
    """
    return {**dataclasses.asdict(event), "type": type(event).__name__}


def _verdict(row: dict[str, typing.Any]) -> tuple[str, bool, float | None, float, str]:
    """The fields of a ThresholdResult in an event."""
    return row["source"], row["passed"], row["lhs"], row["rhs"], row["metric"]


def _threshold_result(row: dict[str, typing.Any]) -> ThresholdResult:
    """A threshold of the result file or of an event."""
    return ThresholdResult(
        source=row["expression"],
        passed=bool(row["passed"]),
        lhs=row["actual"],
        rhs=parse_threshold(row["expression"]).value,
        metric=row["metric"],
    )


def _numbers(metrics: dict[str, dict[str, typing.Any]]) -> dict[str, dict[str, float]]:
    """What can be computed with of the metrics of a result file."""
    return {
        name: {stat: float(value) for stat, value in row.items() if isinstance(value, (int, float))}
        for name, row in metrics.items()
    }


def _live_snapshot(row: dict[str, typing.Any]) -> MetricSnapshot:
    """The metrics of a snapshot event."""
    snapshot = row["snapshot"]
    values = _numbers(snapshot["values"])
    for stats in values.values():
        stats.pop("total", None)
    return MetricSnapshot(snapshot["timestamp"], snapshot["duration"], values)


def _with_builtins(values: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """The same, and the built-in metrics that have no sample, with zeros; some under a further name too."""
    for name, kind, _ in _rampa.builtin_metrics():
        if name not in values:
            values[name] = dict(_ZEROS[kind])
    for alias, name in _rampa.metric_aliases().items():
        values[alias] = dict(values[name])
    return values


_ZEROS = {kind.value: create_sink(kind).format(0.0) for kind in MetricType}
