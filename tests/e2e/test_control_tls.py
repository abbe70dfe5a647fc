# SPDX-License-Identifier: MIT
"""rampa run --serve with a certificate, and the commands that speak to such a run by its URL."""
from __future__ import annotations

import contextlib
import http.client
import http.server
import json
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from certificates import OPENSSL
from controlled import SECONDS, Control
from finished import Finished
from started import Started

if TYPE_CHECKING:
    from certificates import Certificate, Pki

pytestmark = pytest.mark.skipif(not OPENSSL, reason="no openssl")

VERSIONS = [(ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1), (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_2)]
ENDLESS = """
import asyncio, rampa
@rampa.scenario(executor="constant-vus", vus=2, duration="10m")
async def browse(worker):
    await asyncio.sleep(0.01)
"""


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="rampa-", dir="/tmp"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(path))
    yield path / "rampa"
    shutil.rmtree(path)


class Secured(Control):
    """The control server over TLS."""

    def __init__(self, path: str, address: str, authority: Path) -> None:
        super().__init__(path, address)
        self.context = ssl.create_default_context(cafile=str(authority))

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPSConnection(str(self.address), timeout=SECONDS, context=self.context)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")  # old versions, which the server refuses
def test_a_run_is_watched_and_steered_over_tls(
    start: Callable[..., Started], rampa: Callable[..., Finished], pki: Pki, good: Certificate, tmp_path: Path
) -> None:
    started = start(ENDLESS, "--serve=localhost:0", "--serve-cert", str(good.chain), "--serve-key", str(good.key))
    path = started.wait_for("control: socket ")[2]
    url = started.wait_for("control: https://localhost:")[1].removesuffix("/v1/status")
    control = Secured(path, url.removeprefix("https://"), pki.root.file)
    events = control.events(after=0)
    assert next(events)[1] == "PhaseEvent"
    while next(events)[1] != "SnapshotEvent":
        pass
    run_id = control.get("/v1/status")["run_id"]
    assert Control(path).get("/v1/status")["run_id"] == run_id
    assert control.ask("GET", "/v1/status", token="")[0] == 401
    assert control.ask("GET", "/v1/status", headers={"Host": "load1.example"})[0] == 200  # the certificate says who may come
    assert control.ask("GET", "/v1/status", headers={"Origin": url})[0] == 200
    assert control.ask("GET", "/v1/status", headers={"Origin": url.replace("https", "http")})[0] == 403
    plain = http.client.HTTPConnection(url.removeprefix("https://"), timeout=SECONDS)
    with pytest.raises((http.client.HTTPException, OSError)):
        plain.request("GET", "/v1/status", headers={"Authorization": f"Bearer {control.token}"})
        plain.getresponse()

    old = ssl.create_default_context(cafile=str(pki.root.file))
    old.set_ciphers("DEFAULT:@SECLEVEL=0")  # without it the client would not speak them
    for old.minimum_version, old.maximum_version in VERSIONS:
        with socket.create_connection(("localhost", int(url.rpartition(":")[2])), timeout=SECONDS) as wire:
            if old.maximum_version >= ssl.TLSVersion.TLSv1_2:
                old.wrap_socket(wire, server_hostname="localhost").close()
                continue
            with pytest.raises(OSError):
                old.wrap_socket(wire, server_hostname="localhost")

    once = control.post("/v1/browser")["address"].removeprefix(url)
    connection = control.connect()
    connection.request("GET", once)
    cookie, *attributes = connection.getresponse().headers["Set-Cookie"].split("; ")
    assert cookie.startswith("__Host-rampa") and attributes == ["Path=/", "HttpOnly", "SameSite=Strict", "Secure"]
    own = {"Cookie": cookie, "Origin": url}
    assert control.ask("POST", "/v1/pause", headers=own, token="")[0] == 200
    assert control.ask("POST", "/v1/resume", headers={**own, "Origin": "http" + url[5:]}, token="")[0] == 403

    token = tmp_path / "token"
    token.write_text(control.token + "\n")
    far = (url, "--token-file", token, "--cacert", pki.root.file)
    assert json.loads(rampa("status", *far, "--format", "json", code=0).stdout)["status"] == "paused"
    assert rampa("resume", *far, code=0).stdout == f"run {run_id}: running\n"
    assert rampa("adjust", *far, "--vus", "1", code=0).stdout == f"run {run_id}: running, browse: 1 VUs\n"
    assert "from 0 to 2" in rampa("adjust", *far, "--vus", "3", code=1).stderr
    by_address = url.replace("localhost", "127.0.0.1")
    assert rampa("status", by_address, *far[1:], "--browser", code=0).stdout.startswith(f"{by_address}/?once=")
    assert "begins with https://" in rampa("status", url.replace("https", "http"), *far[1:], code=3).stderr
    stranger = rampa("status", url, "--token-file", token, "--cacert", pki.stranger.file, code=3).stderr
    assert "does not answer" in stranger and "--cacert" in stranger
    token.write_text("0" * 64)
    assert "the token is wrong" in rampa("status", *far, code=1).stderr
    assert rampa("stop", url, "--token-file", path + ".token", "--cacert", pki.root.file, code=0).stdout == f"run {run_id}: stopping\n"
    assert "FinishedEvent" in [name for _, name, _ in events]
    assert started.end() == 4
    gone = rampa("status", *far, code=3).stderr
    assert "does not answer: connection refused" in gone


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--serve=localhost:0", "--serve-cert", "none.pem"), "--serve-cert: the certificate none.pem cannot be used"),
        (("--serve=localhost:0", "--serve-cert", "key", "--serve-key", "key"), "--serve-cert: the file KEY has no certificate in PEM"),
        (("--serve=localhost:0", "--serve-cert", "good"), "has no private key in PEM\n  name the file of its key with --serve-key"),
        (("--serve=localhost:0", "--serve-cert", "good", "--serve-key", "good"), "--serve-key: the file GOOD has no private key in PEM"),
        (("--serve=localhost:0", "--serve-cert", "good", "--serve-key", "other"), "--serve-key: the key OTHER is not that of the certificate GOOD"),
        (("--serve=localhost:0", "--serve-cert", "good", "--serve-key", "rsa"), "--serve-key: the key RSA is not that of the certificate GOOD"),
        (("--serve=localhost:0", "--serve-cert", "good", "--serve-key", "none.pem"), "--serve-key: the key none.pem cannot be used: No such file"),
        (("--serve=localhost:0", "--serve-cert", "good", "--serve-key", "locked"), "must be PEM and not encrypted"),
        (("--serve", "--serve-cert", "good"), "--serve-cert: nobody is shown the certificate"),
        (("--serve=localhost:0", "--serve-key", "good"), "--serve-key: there is no certificate that the key is for"),
        (("--serve=192.0.2.1:0",), "give it a certificate with --serve-cert"),
        (("--serve=192.0.2.1:0", "--serve-cert", "good", "--serve-key", "key"), "Cannot assign requested address"),
    ],
)
def test_certificates_that_are_refused(
    words: tuple[str, ...], message: str, pki: Pki, good: Certificate, script: Callable[..., Path], rampa: Callable[..., Finished], tmp_path: Path
) -> None:
    files = {"good": str(good.chain), "key": str(good.key), "other": str(pki.middle.key), "locked": str(tmp_path / "locked.key"), "rsa": str(tmp_path / "rsa.key")}
    if "rsa" in words:
        subprocess.run([str(OPENSSL), "genrsa", "-out", files["rsa"], "1024"], check=True, stderr=subprocess.DEVNULL)
    if "locked" in words:
        subprocess.run([str(OPENSSL), "pkey", "-in", good.key, "-aes128", "-passout", "pass:secret", "-out", files["locked"]], check=True)
    done = rampa("run", script(ENDLESS), *(files.get(word, word) for word in words), code=3)
    for name, file in files.items():
        message = message.replace(name.upper(), file)
    assert message in done.stderr and "control:" not in done.stderr and "secret" not in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("https://localhost:1",), "a run at a URL needs its token"),
        (("https://localhost:1", "--token-file", "empty"), "--token-file: empty holds no token"),
        (("http://192.0.2.1:1", "--token-file", "token"), "is not sent to another machine without TLS"),
        (("http://127.evil.example:1", "--token-file", "token"), "is not sent to another machine without TLS"),
        (("ws://localhost:1", "--token-file", "token"), "the URL of a run is https://HOST:PORT"),
        (("https://joe:secret@localhost:1", "--token-file", "token"), "the URL of a run is https://HOST:PORT"),
        (("https://localhost:1/foo", "--token-file", "token"), "the URL of a run is https://HOST:PORT"),
        (("https://localhost:1/?once=ffff", "--token-file", "token"), "the URL of a run is https://HOST:PORT"),
        (("https://localhost:1", "--token-file", "none"), "--token-file: none cannot be read"),
        (("5f0c", "--token-file", "token"), "--token-file is for a run that is named by its URL\n  the tokens of runs on this machine"),
        (("localhost:1", "--token-file", "token"), "is named by its URL\n  put https:// in front of 'localhost:1'"),
        (("localhost:1",), "if it is the address of a run, write https://localhost:1"),
    ],
)
def test_urls_that_are_refused(words: tuple[str, ...], message: str, rampa: Callable[..., Finished], tmp_path: Path) -> None:
    (tmp_path / "token").write_text("f" * 64)
    (tmp_path / "empty").write_text("\n")
    done = rampa("status", *words, code=3)
    assert message in done.stderr and "secret" not in done.stderr and "ffff" not in done.stderr


def test_a_name_below_localhost_that_leads_elsewhere(program: Path, tmp_path: Path) -> None:
    """The token does not go there without TLS. The network and the hosts are the test's own."""
    (tmp_path / "token").write_text("f" * 64)
    (tmp_path / "hosts").write_text("192.0.2.2 load1.localhost\n")
    own = ["unshare", "-n", "-m", "sh", "-c", 'mount --bind hosts /etc/hosts && exec "$@"', "sh"]
    try:
        if subprocess.run([*own, "true"], cwd=tmp_path, capture_output=True).returncode:
            pytest.skip("this user cannot make a network of its own")
    except OSError:
        pytest.skip("no unshare")
    words = [*own, program, "status", "http://load1.localhost:8080", "--token-file", "token"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 3 and "is not sent to another machine without TLS" in done.stderr


@pytest.mark.parametrize(("command", "path"), [("status", ""), ("stop", "/v1/status")])
def test_a_server_that_is_no_run(command: str, path: str, rampa: Callable[..., Finished], target: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("f" * 64)
    done = rampa(command, target + path, "--token-file", "token", code=3)
    assert f"error: {target}{path} is no run of rampa: it answered 404\n" in done.stderr


GOOD = {
    "run_id": "a\x1bb", "script": "x.py", "status": "running", "phase": "running", "started_at": "2026-01-01T00:00:00Z", "elapsed_s": 1.5, "duration_s": None,
    "vus": 3, "scenarios": [{"name": "\u009b2J", "executor": "constant-vus", "state": "running", "vus": 3, "progress": 0.5, "stage": None}],
    "warnings": ["w"], "generator": {"limited": False, "verdict": "valid", "reasons": []},
}  # fmt: skip


@contextlib.contextmanager
def answering(body: bytes, status: int = 200) -> typing.Iterator[str]:
    """A server that answers all with this. Gives its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *words: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_an_answer_is_written_anew(rampa: Callable[..., Finished], tmp_path: Path) -> None:
    (tmp_path / "token").write_text("f" * 64)
    body = json.dumps({**GOOD, "later": [1], "generator": {**GOOD["generator"], "x": {}}}, ensure_ascii=False, indent=3)  # type: ignore[dict-item]
    with answering(body.encode()) as url:
        done = rampa("status", url, "--token-file", "token", "--format", "json", code=0)
        assert json.loads(done.stdout) == GOOD and done.stdout.count("\n") == 1 and "\x1b" not in done.stdout
        assert "\x1b" not in rampa("status", url, "--token-file", "token", code=0).stdout


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "it answered 200, and not with JSON"),
        (b"<html>\x1b[2J", "it answered 200, and not with JSON"),
        (b"[" * 100_000, "it answered 200, and not with JSON"),
        (b"[1]", "it answered 200, and not with JSON"),
        (b'{"run_id": "\xff"}', "it answered 200, and not with JSON"),
        (b"{}", "its answer has no 'run_id' as a run has it"),
        ({"run_id": 5}, "its answer has no 'run_id' as a run has it"),
        ({"run_id": None}, "its answer has no 'run_id' as a run has it"),
        (b'{"run_id": "x"}', "its answer has no 'status' as a run has it"),
        ({"vus": "3"}, "its answer has no 'vus' as a run has it"),
        ({"vus": 1e300}, "its answer has no 'vus' as a run has it"),
        ({"scenarios": {}}, "its answer has no 'scenarios' as a run has it"),
        ({"scenarios": [1]}, "its answer has no 'scenarios' as a run has it"),
        ({"scenarios": [{"name": []}]}, "its answer has no 'name' as a run has it"),
        ({"warnings": [None]}, "its answer has no 'warnings' as a run has it"),
        ({"generator": None}, "its answer has no 'generator' as a run has it"),
        ({"script": "x" * (5 << 20)}, "its answer has more than 4 MiB"),
    ],
)
@pytest.mark.parametrize("form", ["text", "json"])
def test_an_answer_that_is_none_of_a_run(form: str, body: typing.Any, said: str, rampa: Callable[..., Finished], tmp_path: Path) -> None:
    (tmp_path / "token").write_text("f" * 64)
    content = body if isinstance(body, bytes) else json.dumps({**GOOD, **body}).encode()
    with answering(content) as url:
        done = rampa("status", url, "--token-file", "token", "--format", form, code=3)
    assert (done.stdout, done.stderr.splitlines()[0]) == ("", f"error: {url} is no run of rampa: {said}")


@pytest.mark.parametrize(
    ("words", "member"),
    [(("pause",), "status"), (("resume",), "status"), (("stop",), "status"), (("adjust", "--vus", "1"), "status"), (("status", "--browser"), "address")],
)
@pytest.mark.parametrize("form", ["text", "json"])
def test_an_answer_without_what_is_shown(form: str, words: tuple[str, ...], member: str, rampa: Callable[..., Finished], tmp_path: Path) -> None:
    """Every answer has it: nothing was done by what says less. An address has no status."""
    (tmp_path / "token").write_text("f" * 64)
    given = {"run_id": "x", "status": "paused", "address": "http://x.localhost:1/?once=f"}
    for there in (True, False):
        with answering(json.dumps({name: text for name, text in given.items() if (name == member) == there or name == "run_id"}).encode()) as url:
            done = rampa(*words, url, "--token-file", "token", "--format", form, code=0 if there else 3)
        if there:
            assert given[member] in done.stdout
        else:
            assert (done.stdout, done.stderr.splitlines()[0]) == ("", f"error: {url} is no run of rampa: its answer has no '{member}' as a run has it")


def test_a_certificate_for_another_host(
    start: Callable[..., Started], rampa: Callable[..., Finished], pki: Pki, tmp_path: Path
) -> None:
    other = pki.issue("other", hosts="DNS:load1.example")
    started = start(ENDLESS, "--serve=127.0.0.1:0", "--serve-cert", str(other.chain), "--serve-key", str(other.key))
    path = started.wait_for("control: socket ")[2]
    url = started.wait_for("control: https://")[1].removesuffix("/v1/status")
    done = rampa("stop", url, "--token-file", path + ".token", "--cacert", pki.root.file, code=3)
    assert "not for '127.0.0.1'\n  ask by a name that the certificate is for" in done.stderr
    rampa("stop", code=0)
    assert started.end() == 4
