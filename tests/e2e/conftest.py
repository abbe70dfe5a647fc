# SPDX-License-Identifier: MIT
"""The program as a user starts it."""
from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from demo_target import demo_target
from finished import Finished

if TYPE_CHECKING:
    from certificates import Certificate, Pki
    from started import Started


if "RAMPA_SANITIZED" in os.environ:
    # The interpreter of these tests has no runtime of the sanitizers, without which the extension cannot be loaded: what asks
    # for it gets an ImportError. The tests of MCP import rampa, and are about its Python alone.
    sys.modules["rampa._rampa"] = sys.modules["_rampa"] = None  # type: ignore[assignment]
    collect_ignore_glob = ["test_mcp_*.py"]


@pytest.fixture(autouse=True)
def crashes_on_purpose(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that sends SIGSEGV is not to leave a report of the sanitizers, which counts as a failure."""
    params = request.node.callspec.params.values() if hasattr(request.node, "callspec") else ()
    if "ASAN_OPTIONS" in os.environ and any(value is signal.SIGSEGV for value in params):
        monkeypatch.setenv("ASAN_OPTIONS", os.environ["ASAN_OPTIONS"] + ":handle_segv=0")


# Under the sanitizers every object of Python is an allocation of its own in these, so that an object that the extension uses too
# long is seen. It makes the start of a worker cost twice as much: the others, which ask the same of the extension, go without,
# and for them only the allocations of C are looked at. (So it is in all of tests/python.)
EACH_OBJECT = """
    asyncio at_rest coding groups interruption lifecycle long_texts raising requests scripts streams stress tasks
""".split()
EACH_OBJECT = {f"test_run_{name}" for name in EACH_OBJECT} | {
    f"test_{name}" for name in "batch cookies grpc_faults http2_streams http_requests stream_uploads timeouts uploads websocket ws_faults".split()
}


@pytest.fixture(autouse=True)
def python_allocations(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "RAMPA_SANITIZED" in os.environ and request.module.__name__ not in EACH_OBJECT:
        monkeypatch.setenv("TESTS_PYTHONMALLOC", "pymalloc")


@pytest.fixture(scope="module")
def own_target(program: Path) -> Iterator[str]:
    """The URL of a demo server that a module has for itself, and that must end well."""
    with demo_target(program) as (url,):
        yield url


@pytest.fixture
def rampa(program: Path, tmp_path: Path) -> Callable[..., Finished]:
    """rampa("run", SCRIPT, ...) runs the program to its end in an empty folder.

    `env` adds to the environment (from which RAMPA_* and proxies are removed), `timeout` is in seconds, `out=True` adds --out. With `code` the exit code must be it.
    """

    def run(
        *args: str | Path,
        env: dict[str, str] | None = None,
        timeout: float = 120,
        out: bool = False,
        code: int | None = None,
        stdin: str | None = None,
    ) -> Finished:
        result_path = tmp_path / "result.json"
        ours = {k: v for k, v in os.environ.items() if not re.match("RAMPA_(?!PYTHON$)|.*_PROXY$", k, re.I)}
        words = [str(program), *map(str, args), *(["--out", str(result_path)] if out else [])]
        done = subprocess.run(
            words,
            cwd=tmp_path,
            env={**ours, "NO_COLOR": "1", **(env or {})},
            timeout=timeout,
            input=stdin or "",
            capture_output=True,
            text=True,
        )
        finished = Finished(done.returncode, done.stdout, done.stderr, result_path)
        if code is not None and finished.code != code:
            pytest.fail(
                f"{' '.join(words)}: exit code {finished.code}, not {code}\n"
                f"--- stdout\n{finished.stdout}\n--- stderr\n{finished.stderr}"
            )
        return finished

    return run


@pytest.fixture
def script(tmp_path: Path) -> Callable[..., Path]:
    """script(TEXT) writes a scenario script and returns its path."""

    def write(text: str, name: str = "script.py") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.fixture
def start(program: Path, script: Callable[..., Path], tmp_path: Path) -> Iterator[Callable[..., Started]]:
    """start(TEXT) runs a script of this text and returns at once."""
    from started import Started

    running: list[Started] = []

    def run(text: str, *options: str) -> Started:
        script(text)
        running.append(Started([str(program), "run", "script.py", *options], tmp_path))
        return running[-1]

    yield run
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    """Authorities of the test's own."""
    from certificates import Pki

    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def good(pki: Pki) -> Certificate:
    """What a server on localhost should show."""
    return pki.issue("good")


@pytest.fixture
def trust(pki: Pki) -> dict[str, str]:
    """The environment of a system that trusts the root."""
    return {"SSL_CERT_FILE": str(pki.root.file), "SSL_CERT_DIR": "/nonexistent"}


SIDE_BY_SIDE = """
import asyncio
import json
import rampa

config = rampa.Config(options=rampa.Options(iterations={iterations}, http2=True))


async def default(worker):
    paths = {paths}
    answers = await asyncio.gather(
        *[worker.http.{method}("{url}" + path, raise_errors=False, name=path, {options}) for path in paths]
    )
    print(json.dumps([
        dict(status=a.status, code=a.error_code, error=a.error, body=a.body.decode(), proto=a.proto,
             blocked=a.timings.blocked, waiting=a.timings.waiting) for a in answers
    ]))
"""


@pytest.fixture
def side_by_side(rampa: Callable[..., Any], script: Callable[..., Path]) -> Callable[..., list[dict[str, Any]]]:
    """side_by_side(URL) makes requests of HTTP/2 of these paths at the same time, and returns what each saw."""

    def run(
        url: str,
        paths: tuple[str, ...] = ("/1", "/2", "/3"),
        method: str = "get",
        options: str = "timeout=20",
        iterations: int = 1,
    ) -> list[dict[str, Any]]:
        script(SIDE_BY_SIDE.format(url=url, paths=paths, method=method, options=options, iterations=iterations))
        done = rampa("run", "script.py", "--quiet", out=True)
        assert done.count("http_reqs") == len(paths) * iterations, done.stderr
        return [answer for line in done.stdout.splitlines() for answer in json.loads(line)]

    return run
