# SPDX-License-Identifier: MIT
"""The soak: what it calls growth, what it forgives, and one tiny run that is watched."""
from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "bench"))

import soak  # noqa: E402
from servers import Missing  # noqa: E402

SECONDS = 600


def seen(kib, descriptors=lambda at: 77, seconds: int = SECONDS) -> soak.Seen:
    """Once a second: what the two functions of the time say."""
    at = [float(second) for second in range(seconds)]
    return soak.Seen(at, [kib(second) for second in at], [descriptors(second) for second in at])


def leak(at: float) -> float:
    return 100_000 + 5 * at  # KiB: 300 a minute, one byte for each of 5,000 requests a second


STEADY = {
    "flat": lambda at: 100_000,
    "grown within the first minute": lambda at: 20_000 + 2000 * min(at, 55),
    "noise": lambda at: 100_000 + 300 * (at * 7919 % 13),
    "peaks": lambda at: 100_000 + (50_000 if at % 50 == 0 else 0),
    "one small step": lambda at: 100_000 + (400 if at > 300 else 0),
    "points of the time series": lambda at: 100_000 + 1.5 * at,
    "shrinking": lambda at: 100_000 - 10 * at,
}
GROWING = {
    "leak": leak,
    "leak with noise": lambda at: leak(at) + 300 * (at * 7919 % 13),
    "leak in blocks of the heap": lambda at: 100_000 + 1024 * (at // 100),
    "one large step": lambda at: 100_000 + (4096 if at > 330 else 0),
    "leak that begins late": lambda at: 100_000 + 20 * max(0, at - 250),
}


@pytest.mark.parametrize("kib", STEADY.values(), ids=STEADY)
def test_what_does_not_grow_is_steady(kib):
    assert soak.judge(seen(kib), 60).complaints == []


@pytest.mark.parametrize("kib", GROWING.values(), ids=GROWING)
def test_what_grows_is_found(kib):
    assert soak.judge(seen(kib), 60).complaints == ["the memory grows"]


def test_the_growth_is_told_by_the_minute():
    verdict = soak.judge(seen(leak), 60)
    assert verdict.kib_per_minute == pytest.approx(300, rel=0.01) and verdict.minutes == pytest.approx(9, rel=0.01)
    assert verdict.first_kib < verdict.last_kib


def test_descriptors_are_constant_but_for_a_moment():
    assert soak.judge(seen(STEADY["flat"], lambda at: 77 + (at % 40 == 0)), 60).complaints == []
    assert soak.judge(seen(STEADY["flat"], lambda at: 13 + min(at, 59)), 60).complaints == []
    changing = soak.judge(seen(STEADY["flat"], lambda at: 77 + at // 200), 60)
    assert changing.complaints == ["the number of open descriptors changes"] and changing.descriptors == (77, 79)


def test_a_run_that_ended_too_soon_is_not_judged():
    with pytest.raises(Missing, match="too few"):
        soak.judge(seen(leak, seconds=62), 60)


@pytest.mark.parametrize("minutes", ["1", "0", "nan"])
def test_the_length_is_checked(minutes: str, capsys):
    with pytest.raises(SystemExit):
        soak.parse_options([minutes])
    assert "MINUTES is" in capsys.readouterr().err


@pytest.mark.parametrize("part", soak.PARTS)
def test_program_and_worker_are_watched(program: Path, tmp_path: Path, part: str):
    options = soak.parse_options(["0.1", "--warm-up", "0", "--every", "0.1", "--part", part, "--rampa", str(program)])
    server = soak.Target(None, f"{program} target --port 0")
    try:
        found, per_s = soak.watch(options, part, server.url, tmp_path)
    finally:
        server.stop()
    assert list(found) == ["program", "worker 1"] and per_s > 0
    assert all(max(one.kib) > 1000 for one in found.values())
    assert max(found["worker 1"].descriptors) >= 64  # a connection for each VU
    assert (tmp_path / "events.jsonl").exists() == (part == "live")


def test_growth_is_exit_code_1_with_the_figures(program: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.setattr(soak, "watch", lambda *_: ({"program": seen(leak), "worker 1": seen(STEADY["flat"])}, 5000))
    assert soak.main(["10", "--part", "plain", "--rampa", str(program)]) == 1
    grown, steady = (line for line in capsys.readouterr().out.splitlines() if line.startswith("  plain"))
    assert "300.0" in grown and grown.endswith("the memory grows") and steady.endswith("steady")
    monkeypatch.setattr(soak, "watch", lambda *_: ({name: seen(STEADY["flat"]) for name in ("program", "worker 1")}, 5000))
    assert soak.main(["10", "--rampa", str(program)]) == 0
