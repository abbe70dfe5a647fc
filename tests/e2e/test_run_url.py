# SPDX-License-Identifier: MIT
"""`rampa run URL`: a load test without a script, and without Python."""
from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from faultserver import ExpectRequest, FaultServer, Hang, RefusingPort, Repeat, Send, answer
from started import Started

Rampa = Callable[..., "Finished"]
ANSWERS = Repeat([ExpectRequest(), Send(answer(b"x" * 1000))])


@pytest.mark.parametrize("loop", ["", "epoll"])
def test_each_iteration_is_one_request_and_needs_no_python(rampa: Rampa, loop: str) -> None:
    with FaultServer([ANSWERS]) as server:
        env = {"RAMPA_LOOP": loop, "RAMPA_PYTHON": "/nowhere/python3"}
        url = f"{server.url}/a?b=c"
        done = rampa("run", url, "-u", "3", "-i", "50", env=env, out=True, code=0)
    assert done.stderr == ""
    assert f"  {url}  ran " in done.stdout.splitlines()[0]
    metrics = done.metrics()
    assert metrics["iterations"]["count"] == metrics["http_reqs"]["count"] == 50
    assert metrics["http_req_failed"]["rate"] == 0
    assert metrics["data_received"]["count"] == 50 * len(answer(b"x" * 1000))
    assert {(request.method, request.target) for request in server.requests} == {("GET", "/a?b=c")}
    assert len(server.connections) == 3


def test_requests_that_fail_are_counted_and_fail_no_iteration(rampa: Rampa) -> None:
    with RefusingPort() as port:
        done = rampa("run", f"{port.url}/", "-i", "3", "--tag", "team=a", out=True, code=1)
    assert done.metrics()["http_req_failed"]["rate"] == 1
    assert (done.count("iterations"), done.count("iteration_errors")) == (3, 0)
    assert "connection refused" in done.stdout


def test_a_first_request_is_there_soon(program: Path, tmp_path: Path) -> None:
    """The processor time of both processes in user mode, the least of several runs, with a machine that is busy in mind."""
    if "ASAN_OPTIONS" in os.environ:
        pytest.skip("sanitizers take longer")
    times = []
    with FaultServer([ANSWERS]) as server:
        for _ in range(8):
            before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
            subprocess.run([str(program), "run", server.url, "-n", "1"], cwd=tmp_path, check=True, capture_output=True)
            times.append(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before)
    assert min(times) <= 0.015, times


def test_a_rate_and_a_stage(rampa: Rampa) -> None:
    with FaultServer([ANSWERS]) as server:
        arrivals = rampa("run", server.url, "--rate", "100/s", "-d", "200ms", "--max-vus", "5", out=True, code=0)
        assert arrivals.result()["accounting"][0]["scheduled"] == 20
        ramp = rampa("run", server.url, "--stage", "100ms:3", out=True, code=0)
        assert ramp.count("iterations") == ramp.count("http_reqs") > 0


def test_a_request_that_waited_long_when_it_is_interrupted_has_failed(program: Path, tmp_path: Path) -> None:
    with FaultServer([Hang()]) as server:
        run = Started([str(program), "run", server.url, "-u", "2", "-d", "1h"], tmp_path)
        try:
            server.wait_for_connections(2)
            run.process.send_signal(signal.SIGINT)
            text, _ = run.process.communicate(timeout=60)  # ten of them are those that requests are given to end
        finally:
            run.process.kill()
            run.process.wait()
    assert run.process.returncode == 4, text
    assert b"2 interrupted" in text or b"interrupted_iterations" in text
    assert re.search(rb"http_req_failed \.+ 100\.00%  2 of 2\n", text), text


def test_check_and_inspect_take_a_url(rampa: Rampa) -> None:
    done = rampa("check", "http://127.0.0.1:1/", "-u", "5", "-d", "1s", code=0)
    assert re.search(r"^  - .* \(constant-vus, 5 VUs, 1s\)$", done.stdout, re.M) and done.stdout.endswith("\nstatus: valid\n")
    assert "\n  vus                  5\n" in rampa("inspect", "http://127.0.0.1:1/", "-u", "5", "-d", "1s", code=0).stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["ftp://127.0.0.1/"], "error: the URL 'ftp://127.0.0.1/' has the unknown scheme 'ftp'\n"),
        (["http://127.0.0.1:99999/"], "error: "),
        (["http://127.0.0.1/", "--env", "A=b"], "error: --env is for scripts; a URL is requested without one\n"),
        (["http://127.0.0.1/", "--python", "python3"], "error: --python is for scripts; a URL is requested without one\n"),
        (["http://127.0.0.1/\udcff"], "error: the URL is not UTF-8"),
    ],
)
def test_what_cannot_be_run_is_said(rampa: Rampa, words: list[str], message: str) -> None:
    done = rampa("run", *words, code=3)
    assert done.stderr.startswith(message) and done.stdout == ""


def test_the_workers_word_is_of_no_use_by_hand(rampa: Rampa) -> None:
    assert rampa("_worker").code == 9
    assert "_worker" not in rampa("--help", code=0).stdout
