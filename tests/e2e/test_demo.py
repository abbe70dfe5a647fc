# SPDX-License-Identifier: MIT
"""`rampa demo`: a server of which the truth is known, and a run that finds it."""
from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Rampa = Callable[..., "Finished"]


def test_the_run_finds_the_truth(rampa: Rampa) -> None:
    # What the environment says about the load and Python is not for the demo.
    env = {"RAMPA_VUS": "3", "RAMPA_RATE": "1/s", "RAMPA_PYTHON": "/nowhere/python3", "RAMPA_QUIET": "1"}
    done = rampa("demo", env=env, code=0)
    assert done.stderr == ""
    assert re.search(r"broken +10 of 100 requests, each answered with status 503", done.stdout)
    assert re.search(r"http_req_failed \.+ rate==0\.1 +rate=10\.00%", done.stdout)
    assert re.search(r"  slow \.+ +300 +0 ", done.stdout)
    assert "PASSED: 7 of 7 thresholds" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("What was measured is what is true.")


def test_the_server_ends_with_the_demo(rampa: Rampa) -> None:
    url = re.search(r"listens at http://127\.0\.0\.1:(\d+) ", rampa("demo", code=0).stdout)
    assert url is not None
    rampa("run", f"http://127.0.0.1:{url[1]}/", code=1)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_output_that_cannot_be_written(program: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([program, "demo"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 6 and "No space left" in done.stderr


def test_ctrl_c_reaches_the_run_alone(program: Path) -> None:
    """The server answers while the run stops, so no request fails for want of it."""
    demo = subprocess.Popen(
        [program, "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert demo.stdout is not None
    lines = []
    for line in demo.stdout:  # the truth is told before the run begins
        lines.append(line)
        if not line.strip() and "--threshold" in lines[-2]:
            break
    os.killpg(demo.pid, signal.SIGINT)
    rest, _ = demo.communicate(timeout=60)
    assert "connection refused" not in rest
    if demo.returncode == -signal.SIGINT:  # the run had not begun
        assert rest == ""
    elif demo.returncode == 4:  # else it was over before
        assert rest.splitlines()[-1] == "The run was stopped before it could show all of it."
    else:
        assert (demo.returncode, "PASSED" in rest) == (0, True)
