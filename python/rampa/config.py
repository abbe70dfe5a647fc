"""Configuration of a test, as scripts write it. It is checked when it is loaded, by ``rampa run``, ``check`` or ``inspect``."""

from __future__ import annotations

import collections.abc
import datetime
import decimal
import inspect
import math
import re
import sys
import typing

Duration = typing.Union[str, float, int, datetime.timedelta]
Executor = typing.Literal[
    "constant-vus",
    "ramping-vus",
    "shared-iterations",
    "per-vu-iterations",
    "constant-arrival-rate",
    "ramping-arrival-rate",
]
Arrival = typing.Literal["uniform", "poisson"]
StageLike = typing.Union["Stage", "tuple[Duration, int]", "dict[str, typing.Any]"]

_UNITS = {"d": "86400", "h": "3600", "m": "60", "s": "1", "ms": "0.001", "us": "0.000001", "ns": "0.000000001"}
_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ms|us|ns|d|h|m|s)")


def parse_duration(value: Duration) -> datetime.timedelta:
    """A duration as people write it.

    Args:
        value: text with units from large to small (``d h m s ms us ns``, decimals allowed), such as ``"1m30s"``; a number of
            seconds; or a timedelta, which is given back.

    Returns:
        The timedelta. It ends at microseconds; durations of scenarios are exact to the nanosecond.

    Raises:
        ValueError: it is none of these.

    >>> parse_duration("1m30s"), parse_duration("1.5s"), parse_duration(2)
    (datetime.timedelta(seconds=90), datetime.timedelta(seconds=1, microseconds=500000), datetime.timedelta(seconds=2))
    """
    if isinstance(value, datetime.timedelta):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return datetime.timedelta(seconds=value)
    text = value.strip() if isinstance(value, str) else ""
    if text == "0":
        return datetime.timedelta(0)
    if not text or _PART.sub("", text):
        raise ValueError(f"invalid duration: {value!r} (write it like '30s', '1m30s' or '250ms')")
    seconds = sum((decimal.Decimal(n) * decimal.Decimal(_UNITS[u]) for n, u in _PART.findall(text)), decimal.Decimal(0))
    return datetime.timedelta(microseconds=int(seconds * 1_000_000))


def _place() -> tuple[str, int]:
    """File and line of the code that called into this package."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("rampa."):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


class _Fields:
    """Keeps what the script said, and where, so that errors can name the line and the field."""

    __signature__: typing.ClassVar[inspect.Signature]

    def __init_subclass__(cls) -> None:
        if "__init__" not in vars(cls):
            cls.__signature__ = inspect.Signature(field_parameters(cls))  # for help() and editors

    def __init__(self, **fields: typing.Any) -> None:
        self._fields = fields
        self._file, self._line = _place()

    def __getattr__(self, name: str) -> typing.Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._fields.get(name)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._fields == self._fields  # type: ignore[attr-defined]

    __hash__: typing.ClassVar[None]  # type: ignore[assignment]

    def __repr__(self) -> str:
        inner = ", ".join(f"{k}={v!r}" for k, v in self._fields.items())
        return f"{type(self).__name__}({inner})"


def field_parameters(kind: type[_Fields]) -> list[inspect.Parameter]:
    """The fields of a class that is annotated with them, as parameters of a signature.

    Args:
        kind: the class.
    """
    own = inspect.get_annotations(kind)
    return [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=own[name]) for name in own]


class Stage(_Fields):
    """One step of a ramp: in this time the number of VUs, or the rate, goes evenly from where it is to the target.

    In a list of stages ``("30s", 100)`` and ``{"duration": "30s", "target": 100}`` are the same.

    Args:
        duration: how long, ``"30s"`` or seconds as a number; 0 jumps.
        target: VUs, or iterations in every ``time_unit``; a whole number from 0.
        **unknown: any other name is an error when the script is loaded.

    >>> Stage(duration="30s", target=100).target
    100
    """

    duration: Duration
    target: int

    def __init__(self, duration: Duration, target: int, **unknown: typing.Any) -> None:
        super().__init__(duration=duration, target=target, **unknown)


class ScenarioConfig(_Fields):
    """Settings of a scenario; those of the decorator :func:`rampa.scenario` are the same.

    What is given is kept as it is, and judged when the script is loaded: a field that is unknown, that the executor does
    not have, or whose value cannot be, is an error with its line. None is the same as not given. Which executor has which
    fields, and their defaults: docs/scenarios.md. Durations are text with units, seconds as a number, or a timedelta.

    Attributes:
        executor: how iterations are scheduled: ``constant-vus`` (the default), ``ramping-vus``, ``shared-iterations``,
            ``per-vu-iterations``, ``constant-arrival-rate`` or ``ramping-arrival-rate``.
        exec_fn: name of the function that is one iteration.
        vus: number of VUs.
        start_vus: VUs at the start of the first stage.
        duration: how long iterations start.
        iterations: of all VUs together (``shared-iterations``), or of each VU.
        stages: steps of a ramp, a list of :class:`Stage`.
        rate: iterations in every ``time_unit``; of a ramping rate, the one it starts from.
        time_unit: what ``rate`` and the targets of stages count in; 1 s by default.
        arrival: ``uniform``, exactly at the rate, or ``poisson``, by chance with the rate on average.
        pre_allocated_vus: VUs made before the start.
        max_vus: most VUs, when more are made because all are busy.
        max_duration: iterations not started by then are dropped.
        start_time: how long after the run's start it begins.
        graceful_stop: time for running iterations to end before they are interrupted.
        graceful_ramp_down: the same for a VU that a stage takes away.
        tags: tags of every sample of the scenario, text to text.
        env: ``worker.env`` of the scenario, over the environment, text to text.

    >>> ScenarioConfig(executor="constant-vus", vus=3, duration="10s").vus
    3
    """

    executor: Executor | None
    exec_fn: str | None
    vus: int | None
    start_vus: int | None
    duration: Duration | None
    iterations: int | None
    stages: collections.abc.Sequence[StageLike] | None
    rate: float | None
    time_unit: Duration | None
    arrival: Arrival | None
    pre_allocated_vus: int | None
    max_vus: int | None
    max_duration: Duration | None
    start_time: Duration | None
    graceful_stop: Duration | None
    graceful_ramp_down: Duration | None
    tags: dict[str, str] | None
    env: dict[str, str] | None

    if typing.TYPE_CHECKING:  # what is given is kept as it is, and judged with its line when the script is loaded

        def __init__(
            self,
            *,
            executor: Executor | None = None,
            exec_fn: str | None = None,
            vus: int | None = None,
            start_vus: int | None = None,
            duration: Duration | None = None,
            iterations: int | None = None,
            stages: collections.abc.Sequence[StageLike] | None = None,
            rate: float | None = None,
            time_unit: Duration | None = None,
            arrival: Arrival | None = None,
            pre_allocated_vus: int | None = None,
            max_vus: int | None = None,
            max_duration: Duration | None = None,
            start_time: Duration | None = None,
            graceful_stop: Duration | None = None,
            graceful_ramp_down: Duration | None = None,
            tags: dict[str, str] | None = None,
            env: dict[str, str] | None = None,
        ) -> None: ...


class Options(_Fields):
    """Shortcuts for scenarios without fields (the first four), and settings of the run.

    What is given is kept as it is, and judged when the script is loaded.

    Attributes:
        vus: number of VUs.
        duration: how long iterations start: makes ``constant-vus``, or is the ``max_duration`` of ``iterations``.
        iterations: of all VUs together: makes ``shared-iterations``.
        stages: steps of a ramp: makes ``ramping-vus``.
        tags: tags of every sample of the run, text to text.
        setup_timeout: longest time of setup(), 60 s by default.
        teardown_timeout: longest time of teardown(), 60 s by default.
        summary_trend_stats: what the summary shows of trends, such as ``["avg", "p(99)", "count"]``.
        seed: of what is random in the run, 0 to 2^53-1; the same seed repeats it.

    >>> Options(stages=[("30s", 100), ("1m", 0)]).stages[0]
    ('30s', 100)
    """

    vus: int | None
    duration: Duration | None
    iterations: int | None
    stages: collections.abc.Sequence[StageLike] | None
    tags: dict[str, str] | None
    setup_timeout: Duration | None
    teardown_timeout: Duration | None
    summary_trend_stats: collections.abc.Sequence[str] | None
    seed: int | None

    if typing.TYPE_CHECKING:

        def __init__(
            self,
            *,
            vus: int | None = None,
            duration: Duration | None = None,
            iterations: int | None = None,
            stages: collections.abc.Sequence[StageLike] | None = None,
            tags: dict[str, str] | None = None,
            setup_timeout: Duration | None = None,
            teardown_timeout: Duration | None = None,
            summary_trend_stats: collections.abc.Sequence[str] | None = None,
            seed: int | None = None,
        ) -> None: ...


class Config(_Fields):
    """What a script's ``config`` is: the object of that name at the top level of the script.

    Args:
        scenarios: name -> :class:`ScenarioConfig`.
        thresholds: metric -> list of expressions, or of dicts ``{"threshold", "abort_on_fail", "delay_abort_eval"}``
            (docs/thresholds.md).
        options: an :class:`Options`.
        metrics: name -> ``counter``, ``gauge``, ``rate`` or ``trend``, for custom metrics whose names are made at run time.
        **unknown: any other name is an error when the script is loaded.

    >>> Config(thresholds={"http_req_duration": ["p(95)<500"]}).thresholds
    {'http_req_duration': ['p(95)<500']}
    """

    scenarios: dict[str, typing.Any] | None
    thresholds: dict[str, typing.Any] | None
    options: Options | None
    metrics: dict[str, str] | None

    def __init__(
        self,
        scenarios: dict[str, typing.Any] | None = None,
        thresholds: dict[str, typing.Any] | None = None,
        options: Options | None = None,
        metrics: dict[str, str] | None = None,
        **unknown: typing.Any,
    ) -> None:
        given = {"scenarios": scenarios, "thresholds": thresholds, "options": options, "metrics": metrics}
        super().__init__(**{k: v for k, v in given.items() if v is not None}, **unknown)


def as_json(value: typing.Any) -> typing.Any:
    """A value of the configuration as plain JSON; what JSON has no word for becomes its repr, to be refused by name.

    Args:
        value: of a field.
    """
    if isinstance(value, _Fields):
        return {k: as_json(v) for k, v in value._fields.items()}
    if isinstance(value, datetime.timedelta):
        return f"{value // datetime.timedelta(microseconds=1)}us"
    if isinstance(value, dict):
        return {str(k): as_json(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(v) for v in value]
    if value is None or isinstance(value, (bool, int, str)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return repr(value)
