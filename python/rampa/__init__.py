"""rampa: load tests as async Python functions, driven by a C engine.

A script declares scenarios; ``rampa run load.py`` runs them::

    import rampa

    @rampa.scenario(executor="constant-vus", vus=10, duration="30s")
    async def browse(worker: rampa.Worker) -> None:
        response = await worker.http.get("http://127.0.0.1:8080/")
        worker.check(response, {"status is 200": lambda r: r.status == 200})
"""

from __future__ import annotations

import typing

from rampa.config import Config, Options, ScenarioConfig, Stage
from rampa.loader import scenario

if typing.TYPE_CHECKING:
    from rampa._rampa import Response, Worker
else:
    from _rampa import Response, Worker

__all__ = ["Config", "Options", "Response", "ScenarioConfig", "Stage", "Worker", "scenario"]
