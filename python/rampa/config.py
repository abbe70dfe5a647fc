"""Configuration of a test, as scripts write it.

The objects can be read and changed until the run starts: a field that was not given reads as its default, a duration reads as
a timedelta. The values are checked when the plan is: by ``rampa run``, ``check`` and ``inspect``, by ``load_test()`` and by the
engine.
"""

from __future__ import annotations

import collections.abc
import datetime
import decimal
import math
import re
import typing

from rampa._model import Field, Model, as_json, field_parameters
from rampa._proxy import auth_text, plain_url
from rampa.errors import ConfigError

__all__ = ["Config", "Options", "ScenarioConfig", "Stage", "ThresholdDict", "as_json", "field_parameters", "parse_duration"]

Duration = typing.Union[str, float, int, datetime.timedelta]
Executor = typing.Literal[
    "constant-vus", "ramping-vus", "shared-iterations", "per-vu-iterations", "constant-arrival-rate", "ramping-arrival-rate"
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
    if isinstance(value, float) and not math.isfinite(value):
        raise _no_duration(value, "it is not finite")
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return datetime.timedelta(seconds=value)
        text = value.strip() if isinstance(value, str) else ""
        if text == "0":
            return datetime.timedelta(0)
        parts = _PART.findall(text)
        units = [unit for _, unit in parts]
        if not text or _PART.sub("", text):
            raise _no_duration(value, "write it like '30s', '1m30s' or '250ms'")
        if units != [unit for unit in _UNITS if unit in units]:
            raise _no_duration(value, "units must go from large to small, each once, as in '1m30s'")
        seconds = sum((decimal.Decimal(number) * decimal.Decimal(_UNITS[unit]) for number, unit in parts), decimal.Decimal(0))
        return datetime.timedelta(microseconds=int(seconds * 1_000_000))
    except ArithmeticError:
        raise _no_duration(value, "it is too long") from None


def _no_duration(value: object, why: str) -> ValueError:
    return ValueError(f"invalid duration: {value!r:.100} ({why})")


class ThresholdDict(typing.TypedDict, total=False):
    """A threshold with more than its expression.

    Attributes:
        threshold: the expression, ``"p(95)<500"``; it must be given.
        abort_on_fail: whether the run ends when it fails.
        delay_abort_eval: how long it may fail at the beginning before that ends the run.
    """

    threshold: typing.Required[str]
    abort_on_fail: bool
    delay_abort_eval: Duration


_T = typing.TypeVar("_T", covariant=True)


class _List(typing.Protocol[_T]):
    """A list to a type checker, unlike Sequence no text, which would be a list of letters."""

    def __iter__(self) -> collections.abc.Iterator[_T]: ...
    def copy(self) -> _List[_T]: ...


Thresholds = collections.abc.Mapping[str, _List[typing.Union[str, ThresholdDict]]]


def _whole(value: typing.Any) -> typing.Any:
    """Text that is a whole number, as one from the environment is, and reals without a fraction become integers."""
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,18}\s*", value, re.ASCII):
        return int(value)
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


def _number(value: typing.Any) -> typing.Any:
    """Text that is a number becomes one; everything else stays as it is."""
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,18}(\.[0-9]{1,18})?\s*", value, re.ASCII):
        return float(value) if "." in value else int(value)
    return value


def _time(value: typing.Any) -> typing.Any:
    """A duration as it is read; what is none is given back, and refused when the plan is checked."""
    try:
        return value if value is None else parse_duration(value)
    except ValueError:
        return value


def _seconds(number: int) -> collections.abc.Callable[[], datetime.timedelta]:
    return lambda: datetime.timedelta(seconds=number)


def _model(kind: type[Model], value: typing.Any) -> typing.Any:
    """A dict for a nested object becomes one, unless its keys are no fields' names."""
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        return value
    try:
        return kind(**value)
    except TypeError:  # a field is missing
        return value


def _stage(value: typing.Any) -> typing.Any:
    if isinstance(value, (tuple, list)) and len(value) == 2:
        return Stage(*value)
    return _model(Stage, value)


def _stages(value: typing.Any) -> typing.Any:
    return [_stage(item) for item in value] if isinstance(value, (list, tuple)) else value


class Stage(Model):
    """One step of a ramp: in this time the number of VUs, or the rate, goes evenly from where it is to the target.

    In a list of stages ``("30s", 100)`` and ``{"duration": "30s", "target": 100}`` are the same. A stage cannot be changed; put
    another one into the list.

    Args:
        duration: how long, ``"30s"`` or seconds as a number; 0 jumps.
        target: VUs, or iterations in every ``time_unit``; a whole number from 0.
        **unknown: any other name is an error when the plan is checked.

    >>> Stage(duration="30s", target=100).target, Stage("1m", 5) == Stage("60s", 5)
    (100, True)
    """

    duration: Field[Duration, datetime.timedelta] = Field(show=_time)
    target: Field[int, int] = Field(_whole)

    if typing.TYPE_CHECKING:

        def __init__(self, duration: Duration, target: int) -> None: ...

    else:

        def __init__(self, duration: Duration, target: int, **unknown: typing.Any) -> None:
            super().__init__(duration=duration, target=target, **unknown)

        def __setattr__(self, name: str, value: typing.Any) -> None:
            if name in self._table:
                raise AttributeError("a Stage cannot be changed: put another one into the list of stages")
            super().__setattr__(name, value)

    def __hash__(self) -> int:
        return hash((self.duration, self.target))


class ScenarioConfig(Model):
    """Settings of a scenario; those of the decorator :func:`rampa.scenario` are the same.

    An unknown field and a value that cannot be are errors with their line when the plan is checked. A field that belongs to
    another executor does nothing, with a warning. None is the same as not given. Which executor has which fields, and their
    defaults: docs/scenarios.md. Durations are given as text with units, as seconds, or as a timedelta; they read as a timedelta.

    Attributes:
        executor: how iterations are scheduled: ``constant-vus`` (the default), ``ramping-vus``, ``shared-iterations``,
            ``per-vu-iterations``, ``constant-arrival-rate`` or ``ramping-arrival-rate``.
        exec_fn: name of the function that is one iteration. It reads ``"default"`` when it was not given; then the decorated
            function, or the one of the scenario's name, comes first.
        vus: number of VUs; of ``ramping-vus`` the same as start_vus.
        start_vus: VUs at the start of the first stage.
        duration: how long iterations start; of an executor of iterations the same as max_duration.
        iterations: of all VUs together (``shared-iterations``), or of each VU.
        stages: steps of a ramp, a list of :class:`Stage`.
        rate: iterations in every ``time_unit``; of a ramping rate, the one it starts from.
        time_unit: what ``rate`` and the targets of stages count in; 1 s by default.
        arrival: ``uniform``, exactly at the rate, or ``poisson``, by chance with the rate on average.
        pre_allocated_vus: VUs made before the start; max_vus, or 10, by default.
        max_vus: most VUs: when more are made because all are busy, or for ``RunController.adjust()``.
        max_duration: iterations not started by then are dropped.
        start_time: how long after the run's start it begins.
        graceful_stop: time for running iterations to end before they are interrupted.
        graceful_ramp_down: the same for a VU that a stage takes away.
        tags: tags of every sample of the scenario, text to text.
        env: ``worker.env`` of the scenario, over the environment, text to text.

    >>> settings = ScenarioConfig(executor="constant-vus", vus=3, duration="10s")
    >>> settings.vus, settings.duration, settings.graceful_stop
    (3, datetime.timedelta(seconds=10), datetime.timedelta(seconds=30))
    """

    executor: Field[Executor | None, Executor] = Field(default=lambda: "constant-vus", is_derived=True)
    exec_fn: Field[str | None, str] = Field(default=lambda: "default", is_derived=True)
    vus: Field[int | None, int | None] = Field(_whole)
    start_vus: Field[int | None, int | None] = Field(_whole)
    duration: Field[Duration | None, datetime.timedelta | None] = Field(show=_time)
    iterations: Field[int | None, int | None] = Field(_whole)
    stages: Field[collections.abc.Sequence[StageLike] | None, list[Stage] | None] = Field(_stages)
    rate: Field[float | None, float | None] = Field(_number)
    time_unit: Field[Duration | None, datetime.timedelta] = Field(show=_time, default=_seconds(1))
    arrival: Field[Arrival | None, Arrival] = Field(default=lambda: "uniform")
    pre_allocated_vus: Field[int | None, int | None] = Field(_whole)
    max_vus: Field[int | None, int | None] = Field(_whole)
    max_duration: Field[Duration | None, datetime.timedelta] = Field(show=_time, default=_seconds(600))
    start_time: Field[Duration | None, datetime.timedelta] = Field(show=_time, default=_seconds(0))
    graceful_stop: Field[Duration | None, datetime.timedelta] = Field(show=_time, default=_seconds(30))
    graceful_ramp_down: Field[Duration | None, datetime.timedelta] = Field(show=_time, default=_seconds(30))
    tags: Field[dict[str, str] | None, dict[str, str]] = Field(default=dict)
    env: Field[dict[str, str] | None, dict[str, str]] = Field(default=dict)

    if typing.TYPE_CHECKING:

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


def _list(value: typing.Any) -> typing.Any:
    return list(value) if isinstance(value, tuple) else value


def _http2(value: typing.Any) -> typing.Any:
    return {True: "always", False: "never"}[value] if isinstance(value, bool) else value


class Options(Model):
    """Shortcuts for scenarios without fields (the first four), and settings of the run.

    The values are checked when the plan is.

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
        base_url: goes before URLs that begin with ``/``: the server that ``worker.http.get("/items")`` asks.
        http2: True speaks HTTP/2 with ``http://`` too, by prior knowledge, False speaks HTTP/1.1 only; by default the server
            chooses it with ``https://``.
        insecure_skip_tls_verify: accepts any certificate of a server.
        tls_ca: file (PEM) of the authorities that sign servers' certificates, in place of those of the system.
        tls_cert: file (PEM) of the certificate that is shown to servers, with its chain.
        tls_key: file (PEM) of its key, which must not be encrypted; by default it is in ``tls_cert``.
        tls_min_version: oldest version of TLS that is spoken, ``"1.2"`` by default.
        tls_max_version: newest version of TLS that is spoken, ``"1.3"`` by default.
        tls_cipher_suites: ciphers, separated by ``:``, by their names in OpenSSL or of IANA.
        tls_cert_status: a server must bring along that its certificate is not revoked (OCSP stapling).
        no_tls_resumption: makes each TLS handshake a full one.
        tls_keylog: file that gets the keys of TLS connections, for reading a capture.
        no_kernel_timestamps: times answers when the generator looks at them, and not when the kernel received them.
        connect_timeout: how long opening a connection may take, in place of the timeout of the request.
        no_connection_reuse: True opens a new connection for each request.
        no_vu_connection_reuse: True closes the connections of a VU when its iteration ends.
        keep_cookies: True keeps the cookies of a VU for its next iterations; else they end with the iteration.
        connections_per_host: most connections of a VU to one host and port, 6 by default.
        shared_connections: most connections of all VUs of a worker to one host and port, which they share; 0 = each VU has its own.
        batch: most requests of one ``worker.http.batch()`` that are under way at a time, 20 by default.
        traceparent: True has each request name a trace of its own (W3C Trace Context).
        max_connection_requests: most requests on one connection, 0 for no limit.
        max_connection_age: a connection that is older serves no further request; 0 for no limit.
        hosts: where connections go instead: ``{"example.com:443": "127.0.0.1:8443", "*.example.org": "unix:/run/app.sock"}``.
        proxy: that requests go through, such as ``"http://user:password@host:3128"`` or ``"socks5://host:1080"``; the variables of
            the environment are not read.
        proxy_auth: user and password of the proxy, a pair or a :class:`rampa.BasicAuth`; no output has them.
        no_proxy: hosts that are reached without it, separated by commas: ``"example.com,10.0.0.0/8"``.
        allow_ips: the only addresses and networks that connections may lead to: ``"127.0.0.1,10.0.0.0/8"`` (docs/http.md).
        local_ips: addresses that VUs connect from, such as ``"10.0.0.5-10.0.0.9,10.0.1.0/28"``.
        dns: how names become addresses: ``{"ttl": "5m", "select": "first", "policy": "preferIPv4"}`` (docs/http.md).
        failed_exchanges: how many failed requests of each kind are kept for the result, with their answers: 0 to 100, 3 by default.
        execution_segment: the part of the load that this run makes, while runs on other machines make the others: ``"0:1/4"``.
        execution_segment_sequence: the cuts between the segments of all these runs: ``"0,1/4,1/2,1"``.
        http_debug: ``"headers"`` or ``"full"`` shows requests and answers on standard error, the first 500 of them.

    >>> Options(stages=[("30s", 100), ("1m", 0)]).stages[0]
    Stage(duration=datetime.timedelta(seconds=30), target=100)
    """

    vus: Field[int | None, int | None] = Field(_whole)
    duration: Field[Duration | None, datetime.timedelta | None] = Field(show=_time)
    iterations: Field[int | None, int | None] = Field(_whole)
    stages: Field[collections.abc.Sequence[StageLike] | None, list[Stage] | None] = Field(_stages)
    tags: Field[dict[str, str] | None, dict[str, str]] = Field(default=dict)
    setup_timeout: Field[Duration | None, datetime.timedelta] = Field(show=_time, default=_seconds(60))
    teardown_timeout: Field[Duration | None, datetime.timedelta] = Field(show=_time, default=_seconds(60))
    summary_trend_stats: Field[collections.abc.Sequence[str] | None, list[str]] = Field(_list, default=lambda: ["avg", "min", "med", "max", "p(90)", "p(95)", "p(99)"])
    seed: Field[int | None, int | None] = Field(_whole)
    base_url: Field[str | None, str | None] = Field()
    http2: Field[bool | None, str | None] = Field(_http2)
    insecure_skip_tls_verify: Field[bool | None, bool] = Field(default=bool)
    tls_ca: Field[str | None, str | None] = Field()
    tls_cert: Field[str | None, str | None] = Field()
    tls_key: Field[str | None, str | None] = Field()
    tls_min_version: Field[str | None, str | None] = Field()
    tls_max_version: Field[str | None, str | None] = Field()
    tls_cipher_suites: Field[str | None, str | None] = Field()
    tls_cert_status: Field[bool | None, bool] = Field(default=bool)
    no_tls_resumption: Field[bool | None, bool] = Field(default=bool)
    tls_keylog: Field[str | None, str | None] = Field()
    no_kernel_timestamps: Field[bool | None, bool] = Field(default=bool)
    connect_timeout: Field[Duration | None, datetime.timedelta | None] = Field(show=_time)
    no_connection_reuse: Field[bool | None, bool] = Field(default=bool)
    no_vu_connection_reuse: Field[bool | None, bool] = Field(default=bool)
    keep_cookies: Field[bool | None, bool] = Field(default=bool)
    connections_per_host: Field[int | None, int] = Field(_whole, default=lambda: 6)
    shared_connections: Field[int | None, int] = Field(_whole, default=int)
    batch: Field[int | None, int] = Field(_whole, default=lambda: 20)
    traceparent: Field[bool | None, bool] = Field(default=bool)
    max_connection_requests: Field[int | None, int] = Field(_whole, default=int)
    max_connection_age: Field[Duration | None, datetime.timedelta] = Field(show=_time, default=_seconds(0))
    hosts: Field[dict[str, str] | None, dict[str, str]] = Field(default=dict)
    allow_ips: Field[str | None, str | None] = Field()
    local_ips: Field[str | None, str | None] = Field()
    dns: Field[dict[str, str] | None, dict[str, str]] = Field(default=dict)
    failed_exchanges: Field[int | None, int] = Field(_whole, default=lambda: 3)
    proxy: Field[str | None, str | None] = Field(plain_url)
    proxy_auth: Field[typing.Any, str | None] = Field(auth_text)
    no_proxy: Field[str | None, str | None] = Field()
    http_debug: Field[str | None, str | None] = Field()
    execution_segment: Field[str | None, str | None] = Field()
    execution_segment_sequence: Field[str | None, str | None] = Field()

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
            base_url: str | None = None,
            http2: bool | None = None,
            insecure_skip_tls_verify: bool | None = None,
            tls_ca: str | None = None,
            tls_cert: str | None = None,
            tls_key: str | None = None,
            tls_min_version: str | None = None,
            tls_max_version: str | None = None,
            tls_cipher_suites: str | None = None,
            tls_cert_status: bool | None = None,
            no_tls_resumption: bool | None = None,
            tls_keylog: str | None = None,
            no_kernel_timestamps: bool | None = None,
            connect_timeout: Duration | None = None,
            no_connection_reuse: bool | None = None,
            no_vu_connection_reuse: bool | None = None,
            keep_cookies: bool | None = None,
            connections_per_host: int | None = None,
            shared_connections: int | None = None,
            batch: int | None = None,
            traceparent: bool | None = None,
            max_connection_requests: int | None = None,
            max_connection_age: Duration | None = None,
            hosts: dict[str, str] | None = None,
            allow_ips: str | None = None,
            local_ips: str | None = None,
            dns: dict[str, str] | None = None,
            failed_exchanges: int | None = None,
            proxy: str | None = None,
            proxy_auth: typing.Any = None,
            no_proxy: str | None = None,
            http_debug: str | None = None,
            execution_segment: str | None = None,
            execution_segment_sequence: str | None = None,
        ) -> None: ...


_SHORTCUTS = ("vus", "duration", "iterations", "stages")


def _scenarios(value: typing.Any) -> typing.Any:
    return {name: _model(ScenarioConfig, entry) for name, entry in value.items()} if isinstance(value, dict) else value


def _thresholds(value: typing.Any) -> typing.Any:
    return dict(value) if isinstance(value, collections.abc.Mapping) and not isinstance(value, dict) else value


class Config(Model):
    """What a script's ``config`` is: the object of that name at the top level of the script.

    Args:
        scenarios: name -> :class:`ScenarioConfig`.
        thresholds: metric -> list of expressions, or of dicts ``{"threshold", "abort_on_fail", "delay_abort_eval"}``
            (docs/thresholds.md).
        options: an :class:`Options`.
        metrics: name -> ``counter``, ``gauge``, ``rate`` or ``trend``, for custom metrics whose names are made at run time.
        **unknown: any other name is an error when the plan is checked.

    Raises:
        rampa.errors.ConfigError: which is a ValueError: a metric has no expression or a blank one, or options has a shortcut
            beside scenarios with fields.

    >>> Config(thresholds={"http_req_duration": ["p(95)<500"]}).thresholds
    {'http_req_duration': ['p(95)<500']}
    """

    scenarios: Field[
        collections.abc.Mapping[str, ScenarioConfig | dict[str, typing.Any]] | None, dict[str, ScenarioConfig]
    ] = Field(_scenarios, default=dict)
    thresholds: Field[Thresholds | None, dict[str, list[typing.Any]]] = Field(_thresholds, default=dict)
    options: Field[Options | dict[str, typing.Any] | None, Options] = Field(
        lambda value: _model(Options, value), default=Options
    )
    metrics: Field[dict[str, str] | None, dict[str, str]] = Field(default=dict)

    if typing.TYPE_CHECKING:

        def __init__(
            self,
            scenarios: collections.abc.Mapping[str, ScenarioConfig | dict[str, typing.Any]] | None = None,
            thresholds: Thresholds | None = None,
            options: Options | dict[str, typing.Any] | None = None,
            metrics: dict[str, str] | None = None,
        ) -> None: ...

    else:

        def __init__(self, scenarios=None, thresholds=None, options=None, metrics=None, **unknown) -> None:
            given = {"scenarios": scenarios, "thresholds": thresholds, "options": options, "metrics": metrics}
            super().__init__(**{k: v for k, v in given.items() if v is not None}, **unknown)
            self._check()

    def _check(self) -> None:
        """Refuses, where it is written, what no plan could be made of."""
        if isinstance(self.thresholds, dict):
            for metric, expressions in self.thresholds.items():
                if isinstance(expressions, (list, tuple)):
                    self._check_expressions(metric, expressions)
        if not isinstance(self.options, Options) or not isinstance(self.scenarios, dict):
            return
        shortcut = next((name for name in _SHORTCUTS if getattr(self.options, name) is not None), None)
        for name, entry in self.scenarios.items():
            if shortcut and isinstance(entry, ScenarioConfig) and any(v is not None for v in entry._given().values()):
                message = f"options: {shortcut!r} cannot stand beside scenario {name!r}, which has fields of its own"
                raise ConfigError(message, self._file, self._line, f"give {shortcut!r} to the scenarios that need it")

    def _check_expressions(self, metric: typing.Any, expressions: typing.Any) -> None:
        hint = f'write "{metric}": ["p(95)<500"]'
        if not expressions:
            raise ConfigError(f"thresholds of {metric!r}: the list is empty", self._file, self._line, hint)
        for expression in expressions:
            if isinstance(expression, str) and not expression.strip():
                raise ConfigError(f"thresholds of {metric!r}: an expression is blank", self._file, self._line, hint)
