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

from rampa._auth import BasicAuth, BearerAuth, DigestAuth
from rampa._cookies import Cookie, Cookies
from rampa._response import Headers, Timings
from rampa._stream import ServerSentEvent, Stream
from rampa._timeout import Timeout
from rampa.config import Config, Options, ScenarioConfig, Stage
from rampa.loader import scenario

if typing.TYPE_CHECKING:
    from rampa._rampa import Execution, Group, HttpClient, Request, Response, Sleep, Worker
    from rampa._types import Sample, make_sample
    from rampa.engine import Engine, EngineOptions, RunController
    from rampa.events import RunResult, RunStatus
else:
    from _rampa import Execution, Group, HttpClient, Request, Response, Sleep, Worker

    def _hint(name: str) -> str:
        import difflib

        near = difflib.get_close_matches(name, __all__, 1)
        return f" (did you mean {near[0]!r}?)" if near and not name.startswith("_") else ""

    def __getattr__(name: str) -> typing.Any:
        """The engine is imported when somebody asks for it: a worker, which runs a script, does not."""
        if name in ("Engine", "EngineOptions", "RunController"):
            from rampa import engine as module
        elif name in ("RunResult", "RunStatus"):
            from rampa import events as module
        elif name in ("Sample", "make_sample"):
            from rampa import _types as module
        else:
            raise AttributeError(f"module 'rampa' has no attribute {name!r}{_hint(name)}")
        value = globals()[name] = getattr(module, name)
        return value


__all__ = [
    "BasicAuth",
    "BearerAuth",
    "Config",
    "Cookie",
    "Cookies",
    "DigestAuth",
    "Engine",
    "EngineOptions",
    "Execution",
    "Group",
    "Headers",
    "HttpClient",
    "Options",
    "Request",
    "Response",
    "RunController",
    "RunResult",
    "RunStatus",
    "Sample",
    "ScenarioConfig",
    "ServerSentEvent",
    "Sleep",
    "Stage",
    "Stream",
    "Timeout",
    "Timings",
    "Worker",
    "make_sample",
    "scenario",
]
