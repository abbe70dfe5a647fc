# SPDX-License-Identifier: MIT
"""Peers that the benchmark installs itself, and what it says of two runs. Nothing here leaves the machine."""
from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "bench"))

import beside  # noqa: E402
import clients  # noqa: E402
import compare  # noqa: E402
import grpc_calls  # noqa: E402
import peers  # noqa: E402
import report  # noqa: E402
import run as bench  # noqa: E402

LOCUST = '[{"name": "/", "num_requests": 41, "num_failures": 2}, {"name": "/a", "num_requests": 1, "num_failures": 0}]'
OHA = """{"statusCodeDistribution": {"200": 90, "503": 2},
          "errorDistribution": {"aborted due to deadline": 64, "refused": 3}}"""


@pytest.fixture
def load(tmp_path: Path) -> clients.Load:
    return clients.Load("http://127.0.0.1:1/", 64, 3, tmp_path, "rampa")


def test_requests_are_read_from_the_output_of_peers(load: clients.Load):
    (load.scratch / "k6.json").write_text('{"metrics": {"http_reqs": {"count": 12}, "http_req_failed": {"passes": 1}}}')
    assert peers.count_k6("", load) == (12, 1)
    assert peers.count_locust(LOCUST, load) == (42, 2)
    assert peers.count_oha(OHA, load) == (90, 5)
    assert peers.read_vegeta('{"status_codes": {"0": 4, "200": 70}}') == (70, 4)
    assert grpc_calls.count_ghz('{"count": 13, "statusCodeDistribution": {"OK": 11, "Unavailable": 2}}', load) == (11, 2)


def test_the_start_of_a_client_is_taken_off(load: clients.Load, monkeypatch: pytest.MonkeyPatch):
    """Of 100 calls in 5 s and 40 in 1 s those count that the longer run has made beyond the shorter one, with their time."""
    runs = {5: clients.Measured(100, 0, 3.0, 5.0), 1: clients.Measured(40, 0, 1.8, 1.0)}
    monkeypatch.setenv("RAMPA_BENCH_GRPC_BYTES", "")  # what is set below goes with the test
    monkeypatch.setattr(clients, "run", lambda client, load, core: runs[load.duration])
    options = grpc_calls.parse_options(["--duration", "5", "--less", "1"])

    class Server:
        used = iter([0.0, 2.0, 2.0, 2.8])

        def cpu_seconds(self) -> float:
            return next(self.used)

    sample = beside.measure(options, grpc_calls.CLIENTS["ghz"], "x", Server(), 0, load.scratch)
    assert (sample.count, round(sample.client_us), round(sample.server_us)) == (60, 20_000, 20_000)


@pytest.mark.parametrize("client", peers.CLIENTS, ids=lambda client: client.name)
def test_peers_get_the_connections_and_the_time(load: clients.Load, client: clients.Client):
    """In their command, or by the environment that all clients have and that k6's script reads."""
    said = " ".join(client.argv(load))
    if client.name == "k6":
        said += (clients.FOLDER / "get_check_k6.js").read_text()
        assert "RAMPA_BENCH_CONNECTIONS" in said and "RAMPA_BENCH_DURATION" in said
    else:
        assert "64" in said and "3s" in said


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "rampa-bench"


def test_a_peer_is_installed_once(cache: Path):
    script = "mkdir -p {folder}/bin && echo made >>{folder}/../times && touch {folder}/bin/fake"
    package = peers.Package("fake", "1.2", [["sh", "-c", script]])
    package.install()
    with peers.locked(cache / "fake-1.2.lock"):  # somebody else's installation
        package.install()
    assert (cache / "times").read_text() == "made\n"
    assert package.program() == str(cache / "fake-1.2/bin/fake")


def test_what_an_interrupted_installation_left_is_removed(cache: Path):
    (cache / "fake-1.2/bin").mkdir(parents=True)
    peers.Package("fake", "1.2", [["sh", "-c", "mkdir {folder}/bin"]]).install()
    assert (cache / "fake-1.2/installed").exists()


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (["sh", "-c", "echo more; echo no route to registry; exit 1"], "fake 1.2 could not be installed: no route to registry"),
        (["no-such-compiler", "x"], "no-such-compiler is not installed, which fake 1.2 is made with"),
    ],
)
def test_a_peer_that_cannot_be_installed_is_left_out(cache: Path, step: list[str], why: str, monkeypatch, capsys):
    package = peers.Package("fake", "1.2", [step])
    client = clients.Client("k6", lambda load: "", lambda load: [], clients.count_wrk, {}, package.install)
    monkeypatch.setattr(bench, "CLIENTS", [client])
    assert bench.choose_clients(bench.parse_options(["k6"])) == []
    assert f"skipped k6: {why}" in capsys.readouterr().err
    assert bench.choose_clients(bench.parse_options(["k6", "--no-install"])) == [client]


def sample(client: str, round_: int, client_us: float) -> bench.Sample:
    return bench.Sample("nginx", client, round_, 10, 0, 1, client_us, 1, 1, 1)


def test_ratios_to_rampa_are_shown(capsys):
    samples = [sample("rampa", 0, 2), sample("rampa", 1, 4), sample("k6", 0, 26), sample("k6", 1, 44)]
    bench.print_table(samples, "nginx")
    row = next(line for line in capsys.readouterr().out.splitlines() if " k6 " in line)
    assert "12.0 (11.0..13.0)" in row


def written(path: Path, client_us: list[float], item: str = "peers", **machine: object) -> str:
    samples = [sample("rampa", i, us) for i, us in enumerate(client_us)] + [sample("wrk", i, 8) for i in range(len(client_us))]
    about = {"cpu": "x", "cores": 2, "kernel": "6", "load_before": 0.0, "others": 0.0, "stolen": 0.0, **machine}
    rows = [vars(s) for s in samples]
    report.write(str(path), item, "no-such-rampa", about, {"rounds": len(client_us)}, rows, bench.measures_of(samples))
    return str(path)


BASE = [5.0, 5.2, 4.9, 5.1, 5.05, 4.95, 5.0]


@pytest.mark.parametrize(
    ("factor", "verdict", "code"), [(1.01, "within the noise", 0), (0.8, "better", 0), (1.3, "WORSE", 1)]
)
def test_a_difference_is_told_from_noise(tmp_path: Path, capsys, factor: float, verdict: str, code: int):
    base = written(tmp_path / "base.json", BASE)
    current = written(tmp_path / "current.json", [factor * us for us in BASE])
    assert compare.main([base, current]) == code
    rows = [line for line in capsys.readouterr().out.splitlines() if "nginx, rampa" in line]
    assert len(rows) == 2  # us/request, of wrk
    assert all(line.endswith(verdict) and f"{factor:.3f}" in line for line in rows)


def test_few_rounds_allow_no_judgement(tmp_path: Path, capsys):
    base, current = written(tmp_path / "base.json", [5, 5, 5]), written(tmp_path / "current.json", [9, 9, 9])
    assert compare.main([base, current]) == 0
    assert "fewer than 5 samples" in capsys.readouterr().out


def test_only_what_both_have_is_compared():
    def run(**samples: list[float]) -> dict:
        return {"measures": {name: {"less_is_better": True, "samples": found} for name, found in samples.items()}}

    found = compare.changes(run(a=BASE, b=BASE, c=[], d=[0.0]), run(d=BASE, c=BASE, a=BASE))
    assert [(row.name, row.verdict) for row in found] == [("a", "within the noise"), ("d", "no ratio to 0")]


def test_more_may_be_better():
    one, two = ({"less_is_better": False, "samples": [factor * us for us in BASE]} for factor in (1, 2))
    assert [compare.change("gain", *pair).verdict for pair in ((one, two), (two, one))] == ["better", "WORSE"]


def test_what_makes_runs_incomparable_is_said(tmp_path: Path, capsys):
    base = written(tmp_path / "base.json", BASE)
    assert compare.main([base, written(tmp_path / "current.json", BASE, cores=64)]) == 0
    assert "the machines differ: cores 2 and 64" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="is of 'peers', .* of 'scale'"):
        compare.main([base, written(tmp_path / "other.json", BASE, item="scale")])
    (tmp_path / "old.json").write_text('{"schema": 1}')
    with pytest.raises(SystemExit, match="schema 2"):
        compare.main([base, str(tmp_path / "old.json")])


def test_the_file_has_what_a_comparison_needs(tmp_path: Path):
    found = json.loads(Path(written(tmp_path / "base.json", BASE)).read_text())
    assert found["measures"]["nginx, rampa: us/request"] == {"unit": "us", "less_is_better": True, "samples": BASE}
    assert found["measures"]["nginx, rampa: of wrk"]["samples"] == [us / 8 for us in BASE]
    assert len(found["samples"]) == 14
    assert {"commit", "versions", "machine", "settings", "time"} <= found.keys()
