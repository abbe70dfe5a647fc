# SPDX-License-Identifier: MIT
"""unittest runs load tests: a mixin for test cases."""

from __future__ import annotations

import collections.abc
import typing
import unittest

from rampa._sync import run_scenario
from rampa.events import RunResult


class RampaTestCase:
    """Mixin of a ``unittest.TestCase``::

        class TestShop(unittest.TestCase, rampa.unittest_plugin.RampaTestCase):
            async def browse(self, worker: rampa.Worker) -> None:
                response = await worker.http.get(self.url)
                worker.check(response, {"status is 200": lambda r: r.status == 200})

            def test_load(self) -> None:
                self.run_rampa(self.browse, vus=5, duration="2s", thresholds={"http_req_duration": ["p(95)<100"]})
    """

    def run_rampa(
        self,
        worker_fn: collections.abc.Callable[..., typing.Any],
        *,
        thresholds: dict[str, typing.Any] | None = None,
        setup: collections.abc.Callable[..., typing.Any] | None = None,
        teardown: collections.abc.Callable[..., typing.Any] | None = None,
        may_fail: bool = False,
        **fields: typing.Any,
    ) -> RunResult:
        """Runs a load test in this process to its end.

        Args:
            worker_fn: one iteration, a function, bound method, closure or lambda that takes the worker.
            thresholds: metric -> list of expressions.
            setup: runs once before; what it returns is ``worker.setup_data``.
            teardown: runs once after.
            may_fail: whether to return the result of a run that failed rather than to fail the test.
            **fields: those of :class:`rampa.ScenarioConfig`, such as ``vus=5, duration="2s"``.

        Returns:
            The result.

        Raises:
            AssertionError: the run failed (the test case's ``failureException``), with actual and expected values.
            rampa.errors.ConfigError: a field or a threshold is wrong.
        """
        title = getattr(self, "_testMethodName", "test")
        run = run_scenario(
            worker_fn,
            title=title,
            thresholds=thresholds,
            setup=setup,
            teardown=teardown,
            may_fail=may_fail,
            fields=fields,
        )
        failure = run.failure()
        if failure:
            raise getattr(self, "failureException", unittest.TestCase.failureException)(failure)
        return run.result
