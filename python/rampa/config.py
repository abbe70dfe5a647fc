"""Configuration of a test, as scripts write it. It is checked when it is loaded, by ``rampa run``, ``check`` or ``inspect``."""

from __future__ import annotations

import collections.abc
import datetime
import decimal
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

    A string needs units (d h m s ms us ns, decimals and combinations allowed), a number is seconds. Raises ValueError.
    A timedelta ends at microseconds; scenarios' own durations are exact to the nanosecond.

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

    def __init__(self, **fields: typing.Any) -> None:
        self._fields = fields
        self._file, self._line = _place()

    def __getattr__(self, name: str) -> typing.Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._fields.get(name)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._fields == self._fields  # type: ignore[attr-defined]

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        inner = ", ".join(f"{k}={v!r}" for k, v in self._fields.items())
        return f"{type(self).__name__}({inner})"


class Stage(_Fields):
    """One step of a ramp: during ``duration`` the number of VUs or the rate goes to ``target``. In a list of stages
    ``("30s", 100)`` and ``{"duration": "30s", "target": 100}`` are the same.

    >>> Stage(duration="30s", target=100).target
    100
    """

    def __init__(self, duration: Duration, target: int, **unknown: typing.Any) -> None:
        super().__init__(duration=duration, target=target, **unknown)


class ScenarioConfig(_Fields):
    """Settings of a scenario: executor, vus, start_vus, duration, iterations, stages, rate, time_unit, arrival,
    pre_allocated_vus, max_vus, exec_fn, start_time, graceful_stop, graceful_ramp_down, max_duration, tags, env.

    >>> ScenarioConfig(executor="constant-vus", vus=3, duration="10s").vus
    3
    """

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
    """Shortcuts instead of scenarios, as in k6: vus, duration, iterations, stages; and settings of the run: tags,
    setup_timeout, teardown_timeout, summary_trend_stats, seed.

    >>> Options(stages=[("30s", 100), ("1m", 0)]).stages[0]
    ('30s', 100)
    """

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
    """The script's ``config``: scenarios (name -> ScenarioConfig), thresholds (metric -> list of expressions), options, and
    metrics (name -> "counter", "gauge", "rate" or "trend") for custom metrics whose names are made at run time.

    >>> Config(thresholds={"http_req_duration": ["p(95)<500"]}).thresholds
    {'http_req_duration': ['p(95)<500']}
    """

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
    """A value of the configuration as plain JSON; what JSON has no word for becomes its repr, to be refused by name."""
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
