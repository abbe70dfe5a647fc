# SPDX-License-Identifier: MIT
"""unittest runs load tests: a mixin for test cases."""

from __future__ import annotations

import collections.abc
import typing
import unittest

from rampa._sync import TestRun, run_scenario
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
        executor: str = "constant-vus",
        vus: int | None = None,
        duration: typing.Any = None,
        thresholds: dict[str, typing.Any] | None = None,
        *,
        setup: collections.abc.Callable[..., typing.Any] | None = None,
        teardown: collections.abc.Callable[..., typing.Any] | None = None,
        may_fail: bool = False,
        **fields: typing.Any,
    ) -> RunResult:
        """Runs a load test in this process to its end.

        The result is returned however the run ended. When it failed, the test case fails too, after its own code, with the
        actual and the expected values. It does not when its code has read ``status``, ``passed``, ``threshold_results`` or
        ``exit_code`` of the result, or with ``may_fail=True``.

        Args:
            worker_fn: one iteration, a function, bound method, closure or lambda that takes the worker.
            executor: which one starts iterations.
            vus: how many virtual users, 1 by default.
            duration: how long; 30 s by default for the executors ``constant-vus`` and ``constant-arrival-rate``.
            thresholds: metric -> list of expressions.
            setup: runs once before; what it returns is ``worker.setup_data``.
            teardown: runs once after.
            may_fail: whether a run that failed is no failure of the test case.
            **fields: the others of :class:`rampa.ScenarioConfig`, such as ``iterations=10``.

        Returns:
            The result.

        Raises:
            rampa.errors.ConfigError: a field or a threshold is wrong.
        """
        if duration is None and executor in ("constant-vus", "constant-arrival-rate"):
            duration = "30s"
        given = {"executor": executor, "vus": vus, "duration": duration}
        fields.update({name: value for name, value in given.items() if value is not None})
        run = run_scenario(
            worker_fn,
            title=getattr(self, "_testMethodName", "test"),
            thresholds=thresholds,
            setup=setup,
            teardown=teardown,
            may_fail=may_fail,
            fields=fields,
        )
        typing.cast(unittest.TestCase, self).addCleanup(self._judge_rampa, run)
        return run.handed

    def _judge_rampa(self, run: TestRun) -> None:
        failure = run.failure()
        if failure:
            raise getattr(self, "failureException", AssertionError)(failure)
