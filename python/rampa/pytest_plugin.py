# SPDX-License-Identifier: MIT
"""pytest runs load tests: the fixture ``rampa_run``, and the marker ``rampa_scenario`` with the fixture ``rampa_result``.

Installed with rampa; from a build folder: ``pytest -p rampa.pytest_plugin``. ::

    async def browse(worker: rampa.Worker) -> None:
        response = await worker.http.get("http://127.0.0.1:8080/")
        worker.check(response, {"status is 200": lambda r: r.status == 200})

    @pytest.mark.rampa_scenario(worker_fn=browse, vus=10, duration="5s", thresholds={"http_req_duration": ["p(95)<100"]})
    def test_load(rampa_result: rampa.RunResult) -> None:
        assert rampa_result.snapshot.values["http_reqs"]["count"] > 100

    def test_server(server, rampa_run) -> None:
        async def browse(worker: rampa.Worker) -> None:
            await worker.http.get(server.url)

        rampa_run(browse, vus=10, duration="5s", thresholds={"http_req_failed": ["rate==0"]})
"""

from __future__ import annotations

import argparse
import collections.abc
import pathlib
import types
import typing

import pytest

from rampa._compare import CannotCompare, what_is_worse
from rampa._sync import TestRun, _file_name, run_plan, run_scenario
from rampa.errors import ConfigError
from rampa.events import RunResult

_run_plan = run_plan  # the name by which the reference's own tests call it

_MARKER = (
    "rampa_scenario(*, worker_fn, thresholds=None, setup=None, teardown=None, may_fail=False, **fields): the load test whose "
    "result the fixture rampa_result is; fields are those of rampa.ScenarioConfig. The test fails when the run does, unless "
    "may_fail is true or the test looks at how the run ended."
)
_PROPERTY = "rampa."  # of the properties in JUnit's XML
_LINE = "rampa.summary"
_RUNS = pytest.StashKey[list[TestRun]]()
_FIXTURES = ("rampa_result", "rampa_run")

RampaRun = collections.abc.Callable[..., RunResult]
"""The type of the fixture ``rampa_run``."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declares ``--rampa-duration-scale``, ``--rampa-vus-scale``, ``--rampa-out`` and ``--rampa-compare``.

    Args:
        parser: of pytest.
    """
    group = parser.getgroup("rampa", "load tests (rampa)")
    group.addoption(
        "--rampa-duration-scale",
        type=_scale,
        default=1.0,
        metavar="FACTOR",
        help="multiply durations, stages and start times of load tests by this, 0.1 for a quick look",
    )
    group.addoption(
        "--rampa-vus-scale",
        type=_scale,
        default=1.0,
        metavar="FACTOR",
        help="multiply the VUs, and the rates of arrivals, of load tests by this",
    )
    group.addoption(
        "--rampa-out",
        default=None,
        metavar="FOLDER",
        help="write the result file of every load test into this folder",
    )
    group.addoption(
        "--rampa-compare",
        default=None,
        metavar="FILE",
        help="compare every load test with this result file, or with its own in a folder that --rampa-out has written; what is worse, and not by chance, fails the test",
    )


def _scale(text: str) -> float:
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not 0 < factor < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no factor above 0")
    return factor


def pytest_configure(config: pytest.Config) -> None:
    """Registers the marker, and refuses a ``--rampa-compare`` that is not there.

    Args:
        config: of pytest.
    """
    base: typing.Any = config.getoption("--rampa-compare")
    if base is not None and not pathlib.Path(base).exists():
        raise pytest.UsageError(f"--rampa-compare: there is no file or folder {base!r}")
    config.addinivalue_line("markers", _MARKER)


def _run(request: pytest.FixtureRequest, worker_fn: typing.Any, fields: dict[str, typing.Any]) -> RunResult:
    """Runs one scenario for a test, keeps the run for its end, and gives the result that the test is handed."""
    node: typing.Any = request.node
    config: typing.Any = request.config
    runs = node.stash.setdefault(_RUNS, [])
    number = f"-{len(runs) + 1}" if runs else ""
    run: TestRun | None = None
    mistake = ""
    try:
        run = run_scenario(
            worker_fn,
            title=node.name + number,
            file_name=node.nodeid + number,
            thresholds=fields.pop("thresholds", None),
            setup=fields.pop("setup", None),
            teardown=fields.pop("teardown", None),
            may_fail=fields.pop("may_fail", False),
            duration_scale=config.getoption("--rampa-duration-scale"),
            vus_scale=config.getoption("--rampa-vus-scale"),
            out=config.getoption("--rampa-out"),
            fields=fields,
        )
    except ConfigError as error:
        mistake = "\n".join([str(error), *getattr(error, "__notes__", [])])
    if run is None:
        pytest.fail(mistake, pytrace=False)
    runs.append(run)
    run.worse = _compared(run, config.getoption("--rampa-compare"), node.nodeid + number)
    properties = node.user_properties
    properties += [(_PROPERTY + name + number, value) for name, value in run.figures().items()]
    properties.append((_LINE, run.line()))
    return run.handed


def _compared(run: TestRun, base: str | None, file_name: str) -> str | None:
    """What is worse than before, or None. A test that the folder of results before does not know has nothing to be worse than."""
    if base is None:
        return None
    path = pathlib.Path(base)
    if path.is_dir():
        path /= f"{_file_name(file_name)}.json"
        if not path.exists():
            return None
    try:
        return what_is_worse(run.result, path)
    except CannotCompare as error:
        pytest.fail(f"--rampa-compare: {error}", pytrace=False)


def _bound(worker_fn: typing.Any, instance: typing.Any) -> typing.Any:
    """The function, as a method of the test's object where a class of tests names a method of its own in the marker."""
    if isinstance(worker_fn, types.FunctionType) and getattr(type(instance), worker_fn.__name__, None) is worker_fn:
        return worker_fn.__get__(instance)
    return worker_fn


@pytest.fixture
def rampa_result(request: pytest.FixtureRequest) -> RunResult:
    """Runs the load test of the test's ``rampa_scenario`` marker and gives its :class:`rampa.RunResult`.

    When a threshold, an iteration or a hook failed, the test fails after its own code has run, with the actual and the
    expected values. It does not when its code has read ``status``, ``passed``, ``threshold_results`` or ``exit_code`` of the
    result, or when the marker says ``may_fail=True``. A test without the marker, or with a marker without ``worker_fn``, is
    skipped.

    Args:
        request: of pytest.
    """
    marker = request.node.get_closest_marker("rampa_scenario")
    if marker is None:
        pytest.skip("rampa_result needs a marker: @pytest.mark.rampa_scenario(worker_fn=...)")
    if marker.args:
        pytest.fail(
            "rampa_scenario takes keyword arguments only, worker_fn among them\n"
            "remedy: @pytest.mark.rampa_scenario(worker_fn=browse, vus=10, duration='5s')",
            pytrace=False,
        )
    fields = dict(marker.kwargs)
    if fields.get("worker_fn") is None:
        pytest.skip("the marker rampa_scenario has no worker_fn: the function that makes one iteration")
    return _run(request, _bound(fields.pop("worker_fn"), request.instance), fields)


@pytest.fixture
def rampa_run(request: pytest.FixtureRequest) -> RampaRun:
    """Gives a function that runs a load test from within the test, which so has its own variables and fixtures.

    ``rampa_run(worker_fn, **fields)`` takes what the marker ``rampa_scenario`` takes, runs to the end and returns the
    :class:`rampa.RunResult`. A run that failed fails the test under the same rule as with ``rampa_result``. It may be called
    several times.

    Args:
        request: of pytest.
    """

    def run(worker_fn: collections.abc.Callable[..., typing.Any], **fields: typing.Any) -> RunResult:
        return _run(request, worker_fn, fields)

    return run


@pytest.hookimpl(tryfirst=True)  # type: ignore[misc]
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuses a marker that would run nothing. Forgets the runs of a test that is run again, as plug-ins for flaky tests do.

    Args:
        item: the test.
    """
    runs: list[TestRun] = []
    item.stash[_RUNS] = runs
    item.user_properties[:] = [(name, value) for name, value in item.user_properties if not str(name).startswith(_PROPERTY)]
    marker = item.get_closest_marker("rampa_scenario")
    if marker is not None and not set(_FIXTURES) & set(getattr(item, "fixturenames", _FIXTURES)):
        pytest.fail(
            "the test has the marker rampa_scenario and does not ask for its load test\n"
            "remedy: add the argument rampa_result to the test, or @pytest.mark.usefixtures('rampa_result')",
            pytrace=False,
        )


@pytest.hookimpl(trylast=True)  # type: ignore[misc]
def pytest_runtest_call(item: pytest.Item) -> None:
    """After the test's own code, which has not failed: fails the test when a run did, unless the code looked at that.

    Args:
        item: the test.
    """
    failures = [failure for run in item.stash.get(_RUNS, []) if (failure := run.failure())]
    if failures:
        pytest.fail("\n".join(failures), pytrace=False)


@pytest.hookimpl(tryfirst=True)  # type: ignore[misc]
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Adds to the report of a test that failed by its own code what its runs did not hold.

    Args:
        item: the test.
        call: the part of it that has ended.
    """
    if call.when != "call" or call.excinfo is None:
        return
    for run in item.stash.get(_RUNS, []):
        report = run.report()
        if report and run.failure() is None:
            item.add_report_section("call", "load test", report)


def pytest_terminal_summary(terminalreporter: typing.Any) -> None:
    """A line for each load test. The figures come with the reports, also from the processes of pytest-xdist.

    Args:
        terminalreporter: of pytest.
    """
    lines: dict[str, list[str]] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "teardown":
                found = [value for name, value in report.user_properties if name == _LINE]
                if found:
                    lines[report.nodeid] = found
    if lines:
        terminalreporter.section("load tests (rampa)")
        for nodeid in sorted(lines):
            terminalreporter.write_line("\n  ".join([nodeid, *lines[nodeid]]))
