# SPDX-License-Identifier: MIT
"""--output otel over gRPC, into a receiver that grpcio makes, with the faults that the specification of OTLP names."""
from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from certificates import Certificate, Pki
from finished import Finished
from influx import wait_for
from otlp_world import SCRIPT, Streams, decoder, number
from proxy_world import Plain, pump, read_head

grpc = pytest.importorskip("grpc", reason="there is no grpcio (Debian's package python3-grpcio)")
from otlp_grpc import Receiver, plain_http, retry_info  # noqa: E402

Rampa = Callable[..., Finished]
Script = Callable[..., Path]
Status = grpc.StatusCode


@pytest.fixture(scope="module")
def decode(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bytes, bool], dict[str, Any]]:
    return decoder(tmp_path_factory.mktemp("otlp"))


@pytest.fixture
def receive() -> Iterator[Callable[..., Receiver]]:
    """receive(ACT, ...) makes a receiver, which listens unless it is told not to."""
    if "ASAN_OPTIONS" in os.environ:
        pytest.skip("grpcio is asked once, with the ordinary build")
    made: list[Receiver] = []

    def make(*acts: Any, listens: bool = True, **options: Any) -> Receiver:
        made.append(Receiver(*acts, **options))
        return made[-1].listen() if listens else made[-1]

    yield make
    for one in made:
        one.close()


def same(bodies: list[bytes], decode: Callable[..., Any], result: dict[str, Any], is_delta: bool = False) -> Streams:
    """The receiver has the numbers of the result."""
    streams, metrics = Streams(), result["summary"]["metrics"]
    for body in bodies:
        if body:  # the request before the run has no numbers
            streams.take(decode(body, False), is_delta)
    assert sorted(streams.total(name, is_delta, number) for name in ("my_metric", "my_metric_2")) == [40, 80]
    assert [streams.total(name, is_delta, number) for name in ("paid", "checks", "checks_true", "iterations")] == [40, 80, 40, 40]
    for name, unit in (("size", 1.0), ("iteration_duration", 1e3)):
        assert streams.total(name, is_delta, lambda point: int(point["count"])) == 40
        assert streams.total(name, is_delta, lambda point: point.get("sum", 0)) * unit == pytest.approx(metrics[name]["avg"] * 40)
    return streams


@pytest.mark.parametrize(("temporality", "compression"), [("cumulative", "none"), ("delta", "gzip")])
def test_a_receiver_has_the_numbers_of_the_result_in_spite_of_faults(
    rampa: Rampa, script: Script, decode: Callable[..., Any], receive: Callable[..., Receiver], temporality: str, compression: str
) -> None:
    """The same message is sent again after each status that passes, and when the server dies and comes back."""
    script(SCRIPT)
    acts = [b"", (Status.UNAVAILABLE, retry_info(0)), (Status.RESOURCE_EXHAUSTED, retry_info(0, 50_000_000)), "restart"]
    receiver = receive(*acts)
    options = [f"otel.temporality={temporality}", f"otel.compression={compression}", "otel.header=X-Api-Key: pla-nted", "otel.resource=team=a%20b"]
    words = [word for option in options for word in ("--output-option", option)]
    done = rampa("run", "script.py", "-q", "-O", f"otel={receiver.url}", *words, out=True, code=0)
    result = done.result()
    assert receiver.bodies[0] == b"" and len(receiver.bodies) >= 5 and receiver.acts == []
    assert receiver.bodies[1] == receiver.bodies[2] == receiver.bodies[3] == receiver.bodies[4] == receiver.taken[1]
    streams = same(receiver.taken, decode, result, temporality == "delta")
    assert streams.resource == {"service.name": "rampa", "service.instance.id": result["run"]["id"], "team": "a b"}
    assert all(metadata == {"x-api-key": "pla-nted"} for metadata in receiver.metadata)
    assert all(0 < left <= 10 for left in receiver.deadlines)  # the server is told how long the call may take
    text = " ".join(done.stderr.split())
    assert f"warning: the output otel could not deliver to {receiver.url}, and tries again: it answered UNAVAILABLE: not " in text
    assert "\x1b" not in done.stderr and "\n::" not in done.stderr and "pla-nted" not in text + done.out.read_text()


def test_a_receiver_that_comes_later_gets_everything(
    start: Callable[..., Any], decode: Callable[..., Any], receive: Callable[..., Receiver], tmp_path: Path
) -> None:
    """It is down at the start of the run and comes up in it."""
    receiver = receive(listens=False)
    body = SCRIPT.replace("await worker.sleep(0.06)", 'open("runs", "w")\n    while not os.path.exists("up"): await worker.sleep(0.05)')
    run = start("import os\n" + body, "-q", "-O", f"otel={receiver.url}")
    wait_for(tmp_path / "runs")
    receiver.listen()
    (tmp_path / "up").touch()
    assert run.end() == 0, run.text
    same(receiver.taken, decode, run.result())


def test_what_is_not_taken_is_lost_and_counted(rampa: Rampa, script: Script, receive: Callable[..., Receiver]) -> None:
    """A part of a message may be refused; and only the statuses of the specification have it sent again."""
    script(SCRIPT.replace("iterations=20", "iterations=1"))
    partial = b"\x0a\x0f\x08\x03\x12\x0btoo \x1b[1mold"
    receiver = receive(b"", partial)
    done = rampa("run", "script.py", "-q", "-O", f"otel={receiver.url}", code=6)
    lost = r"of the \d+ numbers of the output otel 3 did not get to \S+: it did not take 3 of \d+: too .\[1mold"
    assert re.search(lost, " ".join(done.stderr.split())) and "\x1b" not in done.stderr

    # Without RetryInfo a quota is used up for good.
    for status in (Status.INVALID_ARGUMENT, Status.RESOURCE_EXHAUSTED):
        receiver.bodies.clear()
        receiver.acts = [b"", status]
        done = rampa("run", "script.py", "-q", "-O", f"otel={receiver.url}", code=6)
        assert f"it answered {status.name}: not " in done.stderr and "\x1b" not in done.stderr
        assert len(receiver.bodies) == len(set(receiver.bodies)) >= 2

    receiver.acts = [b"", *[Status.UNAVAILABLE] * 100]
    words = ("-O", f"otel={receiver.url}", "--output-option", "otel.wait=0s")
    done = rampa("run", "script.py", "-q", *words, out=True, code=6)
    assert re.search(r"of the (\d+) numbers of the output otel \1 did not get to \S+: ", " ".join(done.stderr.split()))
    assert done.result()["run"]["status"] == "output_failed"


def test_a_receiver_that_does_not_answer_in_time(rampa: Rampa, script: Script, receive: Callable[..., Receiver]) -> None:
    script(SCRIPT.replace("iterations=20", "iterations=1"))
    receiver = receive(*["hang"] * 100)
    words = ("-O", f"otel={receiver.url}", "--output-option", "otel.wait=0s")
    done = rampa("run", "script.py", "-q", *words, env={"OTEL_EXPORTER_OTLP_TIMEOUT": "50"}, code=6)
    assert "deadline" in done.stderr.lower()  # the client or the server is the first to see it pass
    assert all(left <= 0.05 for left in receiver.deadlines)


def test_a_server_that_cannot_take_metrics_is_told_before_the_run(rampa: Rampa, script: Script, receive: Callable[..., Receiver]) -> None:
    script(SCRIPT)
    receiver = receive(Status.UNAUTHENTICATED, Status.UNIMPLEMENTED)
    done = rampa("run", "script.py", "-O", f"otel={receiver.url}", code=3)
    assert done.stderr.startswith(f"error: the output otel cannot use {receiver.url}: it answered UNAUTHENTICATED: not ")
    assert "\n  check its token, or user name and password\n" in done.stderr
    done = rampa("run", "script.py", "-O", f"otel={receiver.url}", code=3)
    assert "it answered UNIMPLEMENTED: not " in done.stderr
    with plain_http() as address:
        done = rampa("run", "script.py", "-O", f"otel=grpc://{address}", code=3)
    assert f"error: the output otel cannot use grpc://{address}: HTTP/2 protocol error: " in done.stderr
    assert "\n  check the port: " in done.stderr


def test_a_receiver_that_wants_a_certificate(
    rampa: Rampa, script: Script, receive: Callable[..., Receiver], pki: Pki, good: Certificate
) -> None:
    script(SCRIPT.replace("iterations=20", "iterations=1"))
    receiver = receive(certificate=good, authority=pki.root.file.read_bytes())
    mine = pki.issue("client")
    shown = {"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": str(mine.chain), "OTEL_EXPORTER_OTLP_CLIENT_KEY": str(mine.key)}
    rampa("run", "script.py", "-O", f"otel={receiver.url}", "--output-option", f"otel.cacert={pki.root.file}", env=shown, code=0)
    assert len(receiver.bodies) >= 2
    receiver.bodies.clear()
    # The same by the variables. HOST:PORT there is TLS.
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.address, "OTEL_EXPORTER_OTLP_CERTIFICATE": str(pki.root.file)}
    rampa("run", "script.py", "-O", "otel", env={**variables, **shown, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, code=0)
    assert len(receiver.bodies) >= 2
    receiver.bodies.clear()
    done = rampa("run", "script.py", "-O", f"otel={receiver.url}", code=3)
    assert done.stderr.startswith(f"error: the output otel cannot use {receiver.url}: ") and not receiver.bodies
    assert "\n  --output-option otel.cacert=FILE names its authority, otel.insecure=1 takes any certificate\n" in done.stderr


def test_tls_that_the_url_does_not_say(rampa: Rampa, script: Script, receive: Callable[..., Receiver], good: Certificate) -> None:
    script(SCRIPT.replace("iterations=20", "iterations=1"))
    receiver = receive(certificate=good)
    plain = f"grpc://{receiver.address}"
    done = rampa("run", "script.py", "-O", f"otel={plain}", code=3)
    what = "the server speaks TLS, and its URL says none\n  the URL begins with grpcs://\n"
    assert done.stderr.startswith(f"error: the output otel cannot use {plain}: {what}") and not receiver.bodies


def test_the_variables_of_opentelemetry(rampa: Rampa, script: Script, receive: Callable[..., Receiver]) -> None:
    script(SCRIPT.replace("iterations=20", "iterations=1"))
    receiver = receive()
    env = {
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.address,
        "OTEL_EXPORTER_OTLP_INSECURE": "true",
        "OTEL_EXPORTER_OTLP_HEADERS": "api-key=pla%2Dnted,x-more=2",
    }
    rampa("run", "script.py", "-O", "otel", env=env, code=0)
    assert receiver.metadata[-1] == {"api-key": "pla-nted", "x-more": "2"}
    for words, more in (
        (["-O", f"otel=http://{receiver.address}/"], {}),
        (["-O", f"otel={receiver.url}"], {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}),
        (["-O", "otel", "--output-option", "otel.protocol=grpc"], {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"http://{receiver.address}"}),
    ):
        receiver.bodies.clear()
        rampa("run", "script.py", *words, env={**env, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", **more}, code=0)
        assert len(receiver.bodies) >= 2


def test_a_proxy_of_the_environment_gives_a_tunnel(rampa: Rampa, script: Script, receive: Callable[..., Receiver]) -> None:
    receiver, heads = receive(), list[bytes]()

    def serve(sock: socket.socket) -> None:
        heads.append(read_head(sock))
        host, port = receiver.address.split(":")
        with socket.create_connection((host, int(port))) as there:
            sock.sendall(b"HTTP/1.1 200 Yes\r\n\r\n")
            back = threading.Thread(target=pump, args=(there, sock), daemon=True)
            back.start()
            pump(sock, there)
            back.join(30)

    script(SCRIPT.replace("iterations=20", "iterations=1"))
    with Plain(serve) as port:
        env = {"http_proxy": f"http://joe:s3cret1@127.0.0.1:{port}"}
        done = rampa("run", "script.py", "-O", "otel=grpc://collector.example:4317", env=env, code=0)
    (head,) = heads
    assert head.startswith(b"CONNECT collector.example:4317 HTTP/1.1\r\n") and b"Proxy-Authorization: Basic " in head
    assert len(receiver.bodies) >= 2
    assert f"the output otel goes through the proxy 127.0.0.1:{port}" in " ".join(done.stdout.split()) and "s3cret" not in done.stdout


MISTAKES = [
    ("grpc://127.0.0.1:1/v1/metrics", (), "the destination has a path, and gRPC has none\n  it is grpc://HOST:PORT, or grpcs://HOST:PORT for TLS\n"),
    ("grpc://", (), "the destination is no server of gRPC\n"),
    ("127.0.0.1:4317", ("otel.protocol=grpc",), "the destination is no server of gRPC\n"),
    ("grpc://127.0.0.1:1", ("otel.protocol=http/json",), "protocol of the output otel is 'http/json', and its URL says grpc\n"),
    ("grpc://127.0.0.1:1", ("otel.header=Grpc-Timeout: 1S",), "gRPC has the header Grpc-Timeout for itself"),
    ("grpcs://127.0.0.1:1", ("otel.cacert=/none.pem",), "otel: the file of authorities /none.pem cannot be used"),
]


@pytest.mark.parametrize(("destination", "options", "message"), MISTAKES)
def test_a_wrong_setting_is_told_before_anything_runs(
    rampa: Rampa, script: Script, destination: str, options: tuple[str, ...], message: str
) -> None:
    script(SCRIPT)
    words = [word for option in options for word in ("--output-option", option)]
    done = rampa("run", "script.py", "-O", f"otel={destination}", *words, code=3)
    assert done.stderr.startswith("error: ") and message in done.stderr, done.stderr
