# SPDX-License-Identifier: MIT
"""--output otel, decoded by Google's library with the definitions of OpenTelemetry, into a receiver that is strict."""
from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from certificates import Certificate, Pki
from finished import Finished
from influx import Front
from otlp_world import SCRIPT, Streams, decoder, number

Rampa = Callable[..., Finished]
Script = Callable[..., Path]


@pytest.fixture(scope="module")
def decode(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bytes, bool], dict[str, Any]]:
    return decoder(tmp_path_factory.mktemp("otlp"))


CASES = [
    ("http/protobuf", "cumulative", "explicit"),
    ("http/json", "cumulative", "exponential"),
    ("http/protobuf", "delta", "exponential"),
]


@pytest.mark.parametrize(("protocol", "temporality", "histograms"), CASES)
def test_a_receiver_has_the_numbers_of_the_result(
    rampa: Rampa, script: Script, decode: Callable[..., Any], protocol: str, temporality: str, histograms: str
) -> None:
    script(SCRIPT)
    is_json, is_delta = protocol == "http/json", temporality == "delta"
    front = Front("", 200, 200, 503, "drop", *[b""] * 50).listen()
    words = [f"otel.protocol={protocol}", f"otel.temporality={temporality}", f"otel.histograms={histograms}", "otel.resource=team=a%20b,x=y"]
    options = [word for option in words for word in ("--output-option", option)]
    result = rampa("run", "script.py", "-q", "-O", f"otel={front.url}/otlp/", *options, out=True, code=0).result()
    front.close()
    assert front.bodies[2] == front.bodies[3] == front.bodies[4]  # the same is sent again
    streams = Streams()
    for (path, fields), body in zip(front.requests, front.bodies):
        assert path == "/otlp/v1/metrics"
        assert fields["content-type"] == ("application/json" if is_json else "application/x-protobuf")
    assert decode(front.bodies[0], is_json) == {}
    for body in front.bodies[1:3] + front.bodies[5:]:
        streams.take(decode(body, is_json), is_delta)
    assert streams.resource == {"service.name": "rampa", "service.instance.id": result["run"]["id"], "team": "a b", "x": "y"}

    metrics = result["summary"]["metrics"]
    assert sorted(streams.total(name, is_delta, number) for name in ("my_metric", "my_metric_2")) == [40, 80]
    assert streams.total("metric_2nd", is_delta, number) == 20
    assert [streams.total(name, is_delta, number) for name in ("paid", "paid_true", "paid_true_2")] == [40, 40, 120]
    assert [streams.total(name, is_delta, number) for name in ("checks", "checks_true")] == [80, 40]
    assert streams.total("iterations", is_delta, number) == 40
    assert max(number(point) for (name, _), points in streams.points.items() if name == "level" for point in points) in range(3, 43)
    assert streams.kinds["level"] == "gauge" and streams.kinds["iterations"] == "sum"
    kind = "exponentialHistogram" if histograms == "exponential" else "histogram"
    for name, unit in (("size", 1.0), ("iteration_duration", 1e3)):
        assert streams.kinds[name] == kind and streams.units[name] == ("s" if unit == 1e3 else "")
        assert streams.total(name, is_delta, lambda point: int(point["count"])) == 40
        assert streams.total(name, is_delta, lambda point: point.get("sum", 0)) * unit == pytest.approx(metrics[name]["avg"] * 40)
        points = [point for (its, _), points in streams.points.items() if its == name for point in points]
        assert min(point.get("min", 0) for point in points) * unit == pytest.approx(metrics[name]["min"])
        assert max(point.get("max", 0) for point in points) * unit == pytest.approx(metrics[name]["max"])
    ((_, tags),) = [stream for stream in streams.points if stream[0] == "size"]
    assert dict(tags) == {"scenario": "browse", "kind": "a\nb", "a b": "1", "a_b": "2", "Zone": '\U0001f600 "q"\\'}
    values = [i % 7 - 1 for i in range(40)]
    (points,) = [points for stream, points in streams.points.items() if stream[0] == "size"]
    if kind == "histogram":
        below = [int(n) for point in (points if is_delta else points[-1:]) for n in point["bucketCounts"][:4]]
        assert sum(below) == sum(value <= 2.5 for value in values)
    else:
        check_buckets(points if is_delta else points[-1:], values)


def test_a_receiver_has_the_numbers_of_the_class_in_python(rampa: Rampa, script: Script, decode: Callable[..., Any]) -> None:
    script(SCRIPT)
    refusal = b'{"partialSuccess": {"rejectedDataPoints": "3", "errorMessage": "x"}}'
    front = Front("", *[b"{}"] * 50).listen()
    words = ["-O", f"rampa.outputs.otel:OTelOutput={front.url}/otlp/", "--output-option", "rampa.outputs.otel:OTelOutput.service_name=shop"]
    metrics = rampa("run", "script.py", "-q", *words, env={"no_proxy": "*"}, out=True, code=0).result()["summary"]["metrics"]
    streams = Streams()
    assert {path for path, _ in front.requests} == {"/otlp/v1/metrics"}
    for body in front.bodies:
        streams.take(decode(body, True), False)
    front.acts = [refusal] * 50
    done = rampa("run", "script.py", "-q", *words, env={"no_proxy": "*"}, code=6)
    front.close()
    assert f"PostError: {front.url}: it has not taken 3 of the numbers" in done.stderr
    assert streams.resource == {"service.name": "shop"}
    assert sorted(streams.total(name, False, number) for name in ("my_metric", "my_metric_2")) == [40, 80]
    assert [streams.total(name, False, number) for name in ("paid", "paid_true", "paid_true_2")] == [40, 40, 120]
    assert [streams.total(name, False, number) for name in ("checks", "checks_true", "iterations")] == [80, 40, 40]
    assert streams.kinds["level"] == "gauge" and streams.kinds["iterations"] == "sum"
    for name, unit in (("size", 1.0), ("iteration_duration", 1e3)):
        assert streams.kinds[name] == "histogram" and streams.units[name] == ("s" if unit == 1e3 else "")
        assert streams.total(name, False, lambda point: int(point["count"])) == 40
        assert streams.total(name, False, lambda point: point.get("sum", 0)) * unit == pytest.approx(metrics[name]["avg"] * 40)


def test_a_series_without_a_histogram_has_a_name_of_its_own(rampa: Rampa, script: Script, decode: Callable[..., Any]) -> None:
    """A metric is of one kind, and an exponential histogram has all its samples in its buckets. Streams holds both."""
    script(
        "async def default(worker):\n    for i in range(400):\n        for n in range(10):\n"
        "            worker.trend('took', 1.01 ** (n * 200), {'id': str(i)})\n"
    )
    front = Front("", *[b""] * 50).listen()
    words = ["--output-option", "otel.histograms=exponential", "--series-memory", "1"]
    rampa("run", "script.py", "-q", "-O", f"otel={front.url}", *words, code=0)
    front.close()
    streams = Streams()
    for body in front.bodies[1:]:
        streams.take(decode(body, False), False)
    assert streams.kinds["took"] == "exponentialHistogram" and streams.kinds["took_without_buckets"] == "histogram"
    counts = [streams.total(name, False, lambda point: int(point["count"])) for name in ("took", "took_without_buckets")]
    assert sum(counts) == 4000 and all(counts)


def check_buckets(points: list[dict[str, Any]], values: list[int]) -> None:
    """Each value is in a bucket whose borders it lies between, but for a thousandth."""
    found: list[float] = []
    for point in points:
        base = 2 ** 2 ** -point.get("scale", 0)
        found += [0.0] * int(point.get("zeroCount", 0))
        for side, sign in (("positive", 1), ("negative", -1)):
            buckets = point.get(side, {})
            for i, count in enumerate(buckets.get("bucketCounts", []), buckets.get("offset", 0)):
                found += [sign * base ** (i + 1)] * int(count)
    for bucket, value in zip(sorted(found), sorted(values), strict=True):
        assert value == pytest.approx(bucket, rel=0.04)


MOCK_SERVER = """
const [module, protocol] = process.argv.slice(1);
const {MockOtlpServer} = require(module);
const server = new MockOtlpServer({
  services: [protocol], httpHostname: '127.0.0.1', httpPort: 0, grpcHostname: '127.0.0.1', grpcPort: 0, logLevel: 'fatal',
  onMetrics: (request) => console.log(JSON.stringify(request)),
});
server.start().then(() => console.log(String(protocol === 'grpc' ? server.grpcUrl : server.httpUrl)));
"""


def usual(item: dict[str, Any]) -> Any:
    """Part of a message as the JSON form has it: the server writes numbers of 64 bits, and of an enumeration, in a way of its own."""
    if set(item) == {"low", "high", "unsigned"}:
        return str(item["high"] % 2**32 << 32 | item["low"] % 2**32)
    if item.get("aggregationTemporality") == 2:
        item["aggregationTemporality"] = "AGGREGATION_TEMPORALITY_CUMULATIVE"
    return item


@pytest.mark.skipif("ASAN_OPTIONS" in os.environ, reason="the server is asked once, with the ordinary build")
@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_server_that_is_not_ours_has_the_numbers_of_the_result(rampa: Rampa, script: Script, protocol: str) -> None:
    """Elastic's mockotlpserver decodes with a library and definitions of its own."""
    command = shutil.which("mockotlpserver")
    if not command or not shutil.which("node"):
        pytest.skip("there is no mockotlpserver (npm install -g @elastic/mockotlpserver@0.10.0)")
    module = Path(command).resolve().parent / "index.js"
    with subprocess.Popen(["node", "-e", MOCK_SERVER, "--", module, protocol], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            url = server.stdout.readline().strip()
            script(SCRIPT)
            words = ["--output-option", "otel.histograms=exponential", "--output-option", "otel.compression=none"]
            if protocol == "grpc":
                words += ["--output-option", "otel.protocol=grpc"]
            result = rampa("run", "script.py", "-q", "-O", f"otel={url}", *words, out=True, code=0).result()
        finally:
            server.terminate()
        streams, metrics = Streams(), result["summary"]["metrics"]
        for line in server.stdout:
            if request := json.loads(line, object_hook=usual):  # the one before the run is empty
                streams.take(request, is_delta=False)
    assert sorted(streams.total(name, False, number) for name in ("my_metric", "my_metric_2")) == [40, 80]
    assert [streams.total(name, False, number) for name in ("paid", "paid_true", "checks", "checks_true")] == [40, 40, 80, 40]
    assert streams.kinds["size"] == "exponentialHistogram" and streams.kinds["level"] == "gauge"
    assert streams.total("size", False, lambda point: int(point["count"])) == 40
    assert streams.total("size", False, lambda point: point["sum"]) == pytest.approx(metrics["size"]["avg"] * 40)
    (points,) = [points for stream, points in streams.points.items() if stream[0] == "size"]
    check_buckets(points[-1:], [i % 7 - 1 for i in range(40)])


def test_what_is_not_taken_is_lost_and_counted(rampa: Rampa, script: Script) -> None:
    """Of an answer 2xx a part may be refused; 500 is not to be sent again, which only 429, 502, 503 and 504 are."""
    lost = r"of the \d+ numbers of the output otel 3 did not get to \S+: it did not take 3 of \d+: too .\[1mold"
    script(SCRIPT)
    partial = b'{"partialSuccess":{"rejectedDataPoints":"3","errorMessage":"too \\u001b[1mold"}}'
    remark = b'{"partialSuccess":{"errorMessage":"slow%d"}}'
    front = Front("", b"", remark % 1, 502, 504, (429, "0"), partial, *[b""] * 20).listen()
    done = rampa("run", "script.py", "-q", "-O", f"otel={front.url}", "--output-option", "otel.protocol=http/json", code=6)
    front.close()
    text = " ".join(done.stderr.split())
    assert re.search(lost, text) and f"{front.url} says to the output otel: slow1" in text and "\x1b" not in done.stderr, text
    assert front.bodies[2] == front.bodies[3] == front.bodies[4] == front.bodies[5]

    script(SCRIPT.replace("iterations=20", "iterations=40"))
    front = Front("", b"", *[remark % n for n in range(20)]).listen()
    done = rampa("run", "script.py", "-q", "-O", f"otel={front.url}", "--output-option", "otel.protocol=http/json", code=0)
    front.close()
    assert done.stderr.count(" says to the output otel: ") == 1, "a long run gets very many"

    script(SCRIPT.replace("iterations=20", "iterations=1"))
    front = Front("", b"", b"\x0a\x0f\x08\x03\x12\x0btoo \x1b[1mold", *[b""] * 20).listen()
    done = rampa("run", "script.py", "-q", "-O", f"otel={front.url}", code=6)
    assert re.search(lost, " ".join(done.stderr.split())) and "\x1b" not in done.stderr
    front.bodies.clear()
    front.acts = [b"", 500, *[b""] * 20]
    done = rampa("run", "script.py", "-q", "-O", f"otel={front.url}", code=6)
    front.close()
    assert "it answered 500" in done.stderr and len(front.bodies) == len(set(front.bodies)) >= 2


def test_the_variables_of_opentelemetry(rampa: Rampa, script: Script, decode: Callable[..., Any]) -> None:
    script(SCRIPT.replace("iterations=20", "iterations=1"))
    front = Front("", *[b""] * 20).listen()
    env = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": front.url + "/base",
        "OTEL_EXPORTER_OTLP_HEADERS": "api-key=pla%2Dnted, x-more = 2",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "Delta",
        "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": "base2_exponential_bucket_histogram",
        "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
        "OTEL_SERVICE_NAME": "shop",
        "OTEL_RESOURCE_ATTRIBUTES": "service.name=other,deployment.environment.name=pre%2Cprod",
    }
    done = rampa("run", "script.py", "-O", "otel", env=env, out=True, code=0)
    path, fields = front.requests[-1]
    assert path == "/base/v1/metrics" and (fields["api-key"], fields["x-more"]) == ("pla-nted", "2")
    streams = Streams()
    assert all(fields["content-encoding"] == "gzip" for _, fields in front.requests)
    bodies = [gzip.decompress(body) for body in front.bodies]
    assert decode(bodies[0], True) == {}
    for body in bodies[1:]:
        streams.take(decode(body, True), is_delta=True)
    assert streams.resource["service.name"] == "shop" and streams.resource["deployment.environment.name"] == "pre,prod"
    assert streams.kinds["iteration_duration"] == "exponentialHistogram"
    text = done.stdout + done.stderr + done.out.read_text()
    assert "pla-nted" not in text and "pla%2Dnted" not in text

    # What is said of metrics alone is stronger; the options are stronger still.
    env |= {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": front.url + "/as/it/is?x=y", "OTEL_EXPORTER_OTLP_METRICS_HEADERS": "only=1"}
    words = ("--output-option", "otel.protocol=http/protobuf", "--output-option", "otel.compression=none")
    rampa("run", "script.py", "-O", "otel", *words, env=env, code=0)
    path, fields = front.requests[-1]
    assert path == "/as/it/is?x=y" and fields["only"] == "1" and "api-key" not in fields
    assert fields["content-type"] == "application/x-protobuf" and "content-encoding" not in fields
    rampa("run", "script.py", "-O", f"otel={front.url}/mine/v1/metrics?k=v", env=env, code=0)
    assert front.requests[-1][0] == "/mine/v1/metrics?k=v"
    front.close()


def test_a_receiver_that_wants_a_certificate(rampa: Rampa, script: Script, pki: Pki, good: Certificate) -> None:
    script(SCRIPT.replace("iterations=20", "iterations=1"))
    front = Front("", *[b""] * 20, certificate=good)
    front.server.socket.context.load_verify_locations(pki.root.file)  # type: ignore[attr-defined]
    front.server.socket.context.verify_mode = ssl.CERT_REQUIRED  # type: ignore[attr-defined]
    front.listen()
    mine = pki.issue("client")
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": front.url, "OTEL_EXPORTER_OTLP_CERTIFICATE": str(pki.root.file)}
    shown = {"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": str(mine.chain), "OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY": str(mine.key)}
    rampa("run", "script.py", "-O", "otel", env={**env, **shown}, code=0)
    assert len(front.bodies) >= 2
    front.bodies.clear()
    rampa("run", "script.py", "-O", "otel", "--output-option", "otel.required=1", env=env, code=3)
    front.close()
    assert not front.bodies


def test_a_receiver_that_does_not_answer_in_time(rampa: Rampa, script: Script) -> None:
    script(SCRIPT.replace("iterations=20", "iterations=1"))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        env = {"OTEL_EXPORTER_OTLP_TIMEOUT": "60000", "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT": "50"}
        done = rampa("run", "script.py", "-O", f"otel={url}", "--output-option", "otel.wait=0s", env=env, code=6)
        assert re.search(rf"of the (\d+) numbers of the output otel \1 did not get to {url}: ", " ".join(done.stderr.split())), done.stderr


MISTAKES = [
    ({"OTEL_EXPORTER_OTLP_PROTOCOL": "thrift"}, (), "OTEL_EXPORTER_OTLP_PROTOCOL of the output otel is 'thrift', which it does not know"),
    ({"OTEL_EXPORTER_OTLP_TIMEOUT": "10s"}, (), "OTEL_EXPORTER_OTLP_TIMEOUT is '10s', which are no milliseconds up to an hour"),
    ({"OTEL_EXPORTER_OTLP_COMPRESSION": "zstd"}, (), "OTEL_EXPORTER_OTLP_COMPRESSION of the output otel is 'zstd', which it does not know"),
    ({"OTEL_EXPORTER_OTLP_HEADERS": "pla-nted"}, (), "OTEL_EXPORTER_OTLP_HEADERS of the output otel is no list KEY=VALUE,KEY=VALUE"),
    ({"OTEL_EXPORTER_OTLP_HEADERS": "x y=pla-nted"}, (), "otel: "),
    ({"OTEL_EXPORTER_OTLP_HEADERS": "a=b%0d%0ax: pla-nted"}, (), "otel: the value of the header a holds CR, LF or NUL"),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://127.0.0.1:1", "OTEL_EXPORTER_OTLP_CERTIFICATE": "/none.pem"}, (), "otel: the file of authorities /none.pem cannot be used"),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317/pla-nted"}, (), "OTEL_EXPORTER_OTLP_ENDPOINT: the destination is no URL of http, https, grpc or grpcs\n  it begins with http://HOST:PORT, or with grpc://HOST:PORT"),
    ({"OTEL_EXPORTER_OTLP_CERTIFICATE": "none.pem", "OTEL_EXPORTER_OTLP_ENDPOINT": "https://127.0.0.1:1"}, (), "none.pem"),
    ({}, ("otel.temporality=both",), "temporality of the output otel is 'both', which it does not know\n  it is cumulative or delta\n"),
    ({}, ("otel.histograms=none",), "histograms of the output otel is 'none', which it does not know\n  it is explicit or exponential\n"),
    ({}, ("otel.resource=team",), "resource of the output otel is no list KEY=VALUE,KEY=VALUE"),
]


@pytest.mark.parametrize(("env", "options", "message"), MISTAKES)
def test_a_wrong_setting_is_told_before_anything_runs(
    rampa: Rampa, script: Script, env: dict[str, str], options: tuple[str, ...], message: str
) -> None:
    script(SCRIPT)
    words = [word for option in options for word in ("--output-option", option)]
    done = rampa("run", "script.py", "-O", "otel", *words, env={"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", **env}, code=3)
    assert done.stderr.startswith("error: ") and message in done.stderr and "pla-nted" not in done.stderr, done.stderr
