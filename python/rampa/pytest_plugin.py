# SPDX-License-Identifier: MIT
"""pytest runs load tests: the marker ``rampa_scenario`` and the fixture ``rampa_result``.

Installed with rampa; from a build folder: ``pytest -p rampa.pytest_plugin``. ::

    async def browse(worker: rampa.Worker) -> None:
        response = await worker.http.get("http://127.0.0.1:8080/")
        worker.check(response, {"status is 200": lambda r: r.status == 200})

    @pytest.mark.rampa_scenario(worker_fn=browse, vus=10, duration="5s", thresholds={"http_req_duration": ["p(95)<100"]})
    def test_load(rampa_result: rampa.RunResult) -> None:
        assert rampa_result.snapshot.values["http_reqs"]["count"] > 100
"""

from __future__ import annotations

import argparse
import typing

import pytest

from rampa._sync import TestRun, run_scenario
from rampa.events import RunResult

_MARKER = (
    "rampa_scenario(*, worker_fn, thresholds=None, setup=None, teardown=None, may_fail=False, **fields): the load test whose "
    "result the fixture rampa_result is; fields are those of rampa.ScenarioConfig. The test fails when the run does, unless "
    "may_fail is true."
)
_PROPERTY = "rampa."  # of the properties in JUnit's XML
_LINE = "rampa.summary"
_FAILURE = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declares ``--rampa-duration-scale``, ``--rampa-vus-scale`` and ``--rampa-out``.

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


def _scale(text: str) -> float:
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not 0 < factor < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no factor above 0")
    return factor


def pytest_configure(config: pytest.Config) -> None:
    """Registers the marker.

    Args:
        config: of pytest.
    """
    config.addinivalue_line("markers", _MARKER)


def _run(request: pytest.FixtureRequest) -> TestRun:
    marker = request.node.get_closest_marker("rampa_scenario")
    if marker is None:
        raise pytest.UsageError(
            f"{request.node.nodeid} asks for rampa_result and has no marker\n"
            "remedy: put @pytest.mark.rampa_scenario(worker_fn=...) above it"
        )
    if marker.args or "worker_fn" not in marker.kwargs:
        raise pytest.UsageError(
            f"{request.node.nodeid}: rampa_scenario takes keyword arguments only, worker_fn among them\n"
            "remedy: @pytest.mark.rampa_scenario(worker_fn=browse, vus=10, duration='5s')"
        )
    fields = dict(marker.kwargs)
    config: typing.Any = request.config
    return run_scenario(
        fields.pop("worker_fn"),
        title=request.node.name,
        file_name=request.node.nodeid,
        thresholds=fields.pop("thresholds", None),
        setup=fields.pop("setup", None),
        teardown=fields.pop("teardown", None),
        may_fail=fields.pop("may_fail", False),
        duration_scale=config.getoption("--rampa-duration-scale"),
        vus_scale=config.getoption("--rampa-vus-scale"),
        out=config.getoption("--rampa-out"),
        fields=fields,
    )


@pytest.fixture
def rampa_result(request: pytest.FixtureRequest) -> RunResult:
    """Runs the load test of the test's ``rampa_scenario`` marker and gives its :class:`rampa.RunResult`.

    The test fails before its own code runs, with the actual and the expected values, when a threshold, an iteration or a hook
    failed, unless the marker says ``may_fail=True``.

    Args:
        request: of pytest.
    """
    run = _run(request)
    node: typing.Any = request.node
    properties = node.user_properties
    properties += [(_PROPERTY + name, value) for name, value in run.figures().items()]
    properties.append((_LINE, run.line()))
    failure = run.failure()
    if failure:
        node.stash[_FAILURE] = failure
    return run.result


def pytest_runtest_call(item: pytest.Item) -> None:
    """Before, and in place of, a test whose load test has failed: a failure of the test, not an error of its set-up.

    Args:
        item: the test.
    """
    failure = item.stash.get(_FAILURE, None)
    if failure is not None:
        pytest.fail(failure, pytrace=False)


def pytest_terminal_summary(terminalreporter: typing.Any) -> None:
    """A line for each load test. The figures come with the reports, also from the processes of pytest-xdist.

    Args:
        terminalreporter: of pytest.
    """
    lines: dict[str, str] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "teardown":
                line = dict(report.user_properties).get(_LINE)
                if line:
                    lines[report.nodeid] = line
    if lines:
        terminalreporter.section("load tests (rampa)")
        for nodeid in sorted(lines):
            terminalreporter.write_line(f"{nodeid}\n  {lines[nodeid]}")
