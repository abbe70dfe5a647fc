# SPDX-License-Identifier: MIT
"""What Locust runs: one GET and one check an iteration, by its faster client, without a wait."""

import os

from locust import FastHttpUser, task

URL = os.environ["RAMPA_BENCH_URL"]


class User(FastHttpUser):
    host = URL

    @task
    def get_and_check(self) -> None:
        response = self.client.get(URL)
        assert response.status_code == 200
