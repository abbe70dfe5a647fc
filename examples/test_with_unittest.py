# SPDX-License-Identifier: MIT
"""Load tests as tests of unittest.

    python -m unittest examples/test_with_unittest.py       # with rampa installed
"""

import os
import unittest

import rampa
from rampa.unittest_plugin import RampaTestCase


class TestShop(RampaTestCase, unittest.TestCase):
    def setUp(self) -> None:
        self.base = os.environ.get("BASE_URL", "http://127.0.0.1:8080")
        self.seen: list[int] = []

    async def browse(self, worker: rampa.Worker) -> None:
        page = await worker.http.get(f"{self.base}/json")
        worker.check(page, {"status is 200": lambda r: r.status == 200})
        self.seen.append(page.status)

    def test_page_is_fast(self) -> None:
        result = self.run_rampa(
            self.browse,
            executor="per-vu-iterations",
            vus=3,
            iterations=5,
            thresholds={"http_req_duration": ["p(95)<500"]},
        )
        self.assertEqual(self.seen, [200] * 15)
        self.assertTrue(result.passed)


if __name__ == "__main__":
    unittest.main()
