# SPDX-License-Identifier: MIT
"""--output prometheus: into Debian's Prometheus, and to a receiver that is strict where that one forgives."""
from __future__ import annotations

import contextlib
import datetime
import json
import os
import re
import shutil
import struct
import subprocess
import threading
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from finished import Finished
from influx import Front

Rampa = Callable[..., Finished]
Script = Callable[..., Path]

SCRIPT = """
import rampa
config = rampa.Config(options=rampa.Options(tags={"le": "x", "a b": "1", "a_b": "2", "Zone": "\\U0001f600 \\"q\\"\\\\", "__x": "3", "9": "nine"}))
@rampa.scenario(executor="per-vu-iterations", vus=2, iterations=20)
async def browse(worker):
    worker.counter("my metric")
    worker.counter("my-metric", 2)
    worker.rate("paid", True)
    worker.counter("paid_true", 3)
    worker.gauge("paid_total", 4)
    worker.trend("size", 1 + worker.execution.iteration % 7, tags={"kind": "a\\nb"})
    worker.gauge("level", 3 + worker.execution.iteration)
    worker.check(1, {"up": lambda v: True, "bad": lambda v: False})
    await worker.sleep(0.06)
"""


@contextlib.contextmanager
def prometheus(folder: Path, *options: str) -> Iterator[str]:
    (folder / "prometheus.yml").write_text("")
    words = ["--web.enable-remote-write-receiver", "--web.listen-address=127.0.0.1:0", f"--storage.tsdb.path={folder}/data"]
    process = subprocess.Popen(
        ["prometheus", f"--config.file={folder}/prometheus.yml", *words, *options], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stderr
        address, is_ready = "", False
        while not (address and is_ready):
            line = process.stderr.readline()
            assert line, "prometheus has ended"
            if found := re.search(r'msg="Listening on" address=([\d.:]+)', line):
                address = found[1]
            is_ready = is_ready or "Server is ready to receive web requests" in line
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield f"http://{address}"
    finally:
        process.kill()
        process.wait()


def query(url: str, text: str, at: float) -> list[dict[str, Any]]:
    words = urllib.parse.urlencode({"query": text, "time": at})
    with urllib.request.urlopen(f"{url}/api/v1/query?{words}", timeout=60) as answer:
        return json.load(answer)["data"]["result"]


@pytest.mark.skipif(not shutil.which("prometheus"), reason="there is no prometheus (Debian's package prometheus)")
@pytest.mark.skipif("ASAN_OPTIONS" in os.environ, reason="the database is asked once, with the ordinary build")
def test_prometheus_has_the_numbers_of_the_result(rampa: Rampa, script: Script, tmp_path: Path) -> None:
    script(SCRIPT)
    (tmp_path / "prometheus").mkdir()
    with prometheus(tmp_path / "prometheus") as url:
        front = Front(url, 200, 503, "drop").listen()  # the probe, and faults that pass
        result = rampa("run", "script.py", "-q", "-O", f"prometheus={front.url}", out=True, code=0).result()
        front.close()
        has_numbers(url, result)


def has_numbers(url: str, result: dict[str, Any]) -> None:
    at = datetime.datetime.fromisoformat(result["run"]["started"].replace("Z", "+00:00")).timestamp() + 60

    def number(text: str) -> float:
        ((_, value),) = [one["value"] for one in query(url, text, at)]
        return float(value)

    metrics = result["summary"]["metrics"]
    assert number("sum(rampa_my_metric_total)") + number("sum(rampa_my_metric_2_total)") == 40 + 80
    assert number("sum(rampa_iterations_total)") == 40
    assert (number("rampa_paid_total"), number("rampa_paid_true_total")) == (40, 40)
    assert (number("rampa_paid_true_2_total"), number("rampa_paid_total_2")) == (120, 4)
    assert (number("sum(rampa_checks_true_total)"), number("sum(rampa_checks_total)")) == (40, 80)
    for name in ("rampa_iterations_total", "rampa_size_sum"):
        ((first, *_),) = [one["values"] for one in query(url, f"{name}[2m]", at)]
        assert first[1] == "0", "rate() has what came in the first second"
    assert number("max(rampa_level)") in range(3, 23 + 20)
    assert number("sum(rampa_size_count)") == 40 == number('sum(rampa_size_bucket{le="+Inf"})')
    assert number("sum(rampa_size_sum)") == pytest.approx(40 * metrics["size"]["avg"])
    assert number('sum(rampa_size_bucket{le="2.5"})') == sum(1 + i % 7 <= 2 for i in range(40))
    assert number("sum(rampa_iteration_duration_seconds_count)") == 40
    assert number("sum(rampa_iteration_duration_seconds_sum)") == pytest.approx(metrics["iteration_duration"]["avg"] * 40 / 1e3)
    (one,) = query(url, "rampa_level", at)
    assert one["metric"] == {
        "__name__": "rampa_level", "scenario": "browse", "tag_le": "x", "a_b": "1", "a_b_2": "2", "Zone": '\U0001f600 "q"\\',
        "tag___x": "3", "_9": "nine",
    }  # fmt: skip
    names = {series["__name__"] for series in json.load(urllib.request.urlopen(f"{url}/api/v1/series?match[]={{__name__!=''}}", timeout=60))["data"]}
    assert {name for name in names if name.startswith("rampa_vus")} == {"rampa_vus", "rampa_vus_max"}


@pytest.mark.skipif(not shutil.which("prometheus"), reason="there is no prometheus (Debian's package prometheus)")
@pytest.mark.skipif("ASAN_OPTIONS" in os.environ, reason="the database is asked once, with the ordinary build")
def test_prometheus_has_the_numbers_of_the_class_in_python(rampa: Rampa, script: Script, tmp_path: Path) -> None:
    script(SCRIPT)
    (tmp_path / "prometheus").mkdir()
    with prometheus(tmp_path / "prometheus") as url:
        output = f"rampa.outputs.prometheus:PrometheusOutput={url}/api/v1/write"
        has_numbers(url, rampa("run", "script.py", "-q", "-O", output, env={"no_proxy": "*"}, out=True, code=0).result())


@pytest.mark.skipif(not shutil.which("prometheus"), reason="there is no prometheus (Debian's package prometheus)")
@pytest.mark.skipif("ASAN_OPTIONS" in os.environ, reason="the database is asked once, with the ordinary build")
def test_native_histograms(rampa: Rampa, script: Script, tmp_path: Path) -> None:
    script(SCRIPT.replace("1 + worker.execution.iteration % 7", "worker.execution.iteration % 7 - 2"))
    (tmp_path / "prometheus").mkdir()
    with prometheus(tmp_path / "prometheus", "--enable-feature=native-histograms") as url:
        words = ("-O", f"prometheus={url}", "--output-option", "prometheus.histograms=native")
        result = rampa("run", "script.py", "-q", *words, out=True, code=0).result()
        at = datetime.datetime.fromisoformat(result["run"]["started"].replace("Z", "+00:00")).timestamp() + 60

        def number(text: str) -> float:
            ((_, value),) = [one["value"] for one in query(url, text, at)]
            return float(value)

        metrics = result["summary"]["metrics"]
        for name, unit in (("size", 1), ("iteration_duration_seconds", 1000)):
            stats = metrics[name.removesuffix("_seconds")]
            assert number(f"histogram_count(rampa_{name})") == 40
            assert number(f"histogram_sum(rampa_{name})") * unit == pytest.approx(stats["avg"] * 40)
        ((first, *_),) = [one["histograms"] for one in query(url, "rampa_size[2m]", at)]
        assert first[1]["count"] == "0"
        values = sorted(i % 7 - 2 for i in range(40))
        assert number("histogram_fraction(-1.5, 0.5, rampa_size)") == pytest.approx(sum(-1.5 < value < 0.5 for value in values) / 40, abs=0.01)
        assert number("histogram_quantile(0.9, rampa_size)") == pytest.approx(values[35], rel=0.05)
        assert number("histogram_quantile(0.05, rampa_size)") == pytest.approx(-2, rel=0.05)
    done = rampa("run", "script.py", "-O", "prometheus=http://127.0.0.1:1", "--output-option", "prometheus.histograms=both", code=3)
    assert "the option prometheus.histograms is 'both', which is neither classic nor native" in done.stderr


# ---- the strict receiver ----


def uncompressed(data: bytes) -> bytes:
    wanted, at = varint(data, 0)
    out = bytearray()
    while at < len(data):
        tag = data[at]
        at += 1
        if tag & 3 == 0:
            size = tag >> 2
            if size >= 60:
                width = size - 59
                size = int.from_bytes(data[at : at + width], "little")
                at += width
            out += data[at : at + size + 1]
            at += size + 1
        else:
            assert tag & 3 == 2, "only copies with two bytes of offset are written"
            offset = int.from_bytes(data[at : at + 2], "little")
            at += 2
            assert 0 < offset <= len(out)
            for _ in range((tag >> 2) + 1):
                out.append(out[-offset])
    assert len(out) == wanted
    return bytes(out)


def varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return value, at


def fields(data: bytes) -> Iterator[tuple[int, Any]]:
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
            yield key >> 3, value
        elif key & 7 == 1:
            yield key >> 3, struct.unpack_from("<d", data, at)[0]
            at += 8
        else:
            assert key & 7 == 2
            size, at = varint(data, at)
            yield key >> 3, data[at : at + size]
            at += size
    assert at == len(data)


@pytest.mark.parametrize("name", ["prometheus", "rampa.outputs.prometheus:PrometheusOutput"])
def test_a_strict_receiver_has_nothing_to_complain_of(rampa: Rampa, script: Script, name: str) -> None:
    script(SCRIPT)
    front = Front("", 204, *[204] * 50).listen()
    done = rampa("run", "script.py", "-q", "-O", f"{name}={front.url}/push", env={"no_proxy": "*"}, out=True, code=0)
    front.close()
    newest: dict[tuple[tuple[str, str], ...], tuple[int, float]] = {}
    assert len(front.bodies) >= (3 if name == "prometheus" else 1)
    assert name != "prometheus" or uncompressed(front.bodies[0]) == b""
    for (path, headers), body in zip(front.requests, front.bodies):
        assert path == "/push" and headers["content-type"] == "application/x-protobuf" and headers["content-encoding"] == "snappy"
        assert headers["x-prometheus-remote-write-version"] == "0.1.0"
        seen = set()
        for number, series in fields(uncompressed(body)):
            assert number == 1
            parts = list(fields(series))
            labels = tuple(tuple(part.decode() for _, part in fields(label)) for which, label in parts if which == 1)
            samples = [dict(fields(part)) for which, part in parts if which == 2]
            names = [name for name, _ in labels]
            assert names == sorted(set(names)) and all(value for _, value in labels)
            assert all(re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", name) for name in names)
            assert re.fullmatch("[a-zA-Z_:][a-zA-Z0-9_:]*", dict(labels)["__name__"])
            assert labels not in seen
            seen.add(labels)
            is_sum = dict(labels)["__name__"].endswith(("_total", "_bucket", "_count", "_sum")) and dict(labels)["__name__"] != "rampa_paid_total_2"
            assert len(samples) == (2 if is_sum and labels not in newest else 1), "a sum begins with zero, and rate() has all of it"
            assert samples[0][1] == 0 or len(samples) == 1
            for sample in samples:
                before = newest.get(labels, (0, 0.0))
                assert sample[2] > before[0] and (sample[1] >= before[1] or not is_sum)
                newest[labels] = (sample[2], sample[1])
    count = done.count("my metric")
    totals = [value for labels, (_, value) in newest.items() if dict(labels)["__name__"] in ("rampa_my_metric_total", "rampa_my_metric_2_total")]
    assert sorted(totals) == [count, 2 * count] and count == 40
