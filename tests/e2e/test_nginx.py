# SPDX-License-Identifier: MIT
"""Against a server that is not ours: what it logs is what rampa must have counted."""
from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

NGINX = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
pytestmark = pytest.mark.skipif(not NGINX, reason="no nginx")

Rampa = Callable[..., "Finished"]
Script = Callable[..., Path]

CONFIG = """
daemon off;
worker_processes 1;
error_log {folder}/error.log;
pid {folder}/nginx.pid;
events {{ worker_connections 512; }}
http {{
    log_format bytes '$connection $request_length $bytes_sent $status $request_method $uri';
    access_log {folder}/access.log bytes;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_max_body_size 16m;
    keepalive_requests 100000;
    server {{
        listen 127.0.0.1:{port};
        root {folder}/files;
        location = /upload {{
            client_body_in_file_only on;
            client_body_temp_path {folder}/uploads;
            proxy_pass http://127.0.0.1:{port}/small;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
            proxy_method GET;
        }}
        location /short/ {{ keepalive_timeout 0; alias {folder}/files/; }}
    }}
}}
"""


@dataclass
class Line:
    connection: int
    request_length: int
    bytes_sent: int
    status: int
    method: str
    path: str


@dataclass
class Nginx:
    folder: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """Ends it, so that the log is whole."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)

    def log(self) -> list[Line]:
        self.stop()
        lines = []
        for line in (self.folder / "access.log").read_text().splitlines():
            connection, request_length, bytes_sent, status, method, path = line.split(" ", 5)
            lines.append(Line(int(connection), int(request_length), int(bytes_sent), int(status), method, path))
        return lines


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def answers(process: subprocess.Popen[bytes], port: int) -> bool:
    """True once it listens, False when it ended, for its port was taken."""
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=30).close()
            return True
        except ConnectionRefusedError:
            os.sched_yield()
    return False


BIG = bytes(range(256)) * 4096 * 3  # 3 MiB, every byte


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[Nginx]:
    folder = tmp_path / "nginx"
    (folder / "files").mkdir(parents=True)
    (folder / "uploads").mkdir()
    folder.chmod(0o755)
    (folder / "files/small").write_bytes(b"hello")
    (folder / "files/big").write_bytes(BIG)
    for _ in range(20):  # until nobody else has taken the port meanwhile
        port = free_port()
        user = "user root;" if os.getuid() == 0 else ""  # else it could not read the test's folder
        (folder / "nginx.conf").write_text(user + CONFIG.format(folder=folder, port=port))
        assert NGINX
        with open(folder / "stderr", "wb") as stderr:
            process = subprocess.Popen(
                [NGINX, "-p", folder, "-c", folder / "nginx.conf", "-e", folder / "error.log"], stderr=stderr
            )
        if answers(process, port):
            break
        if b"Address already in use" not in (folder / "stderr").read_bytes():
            pytest.fail((folder / "stderr").read_text())
    server = Nginx(folder, port, process)
    yield server
    server.stop()


def script_of(body: str, iterations: int = 1, vus: int = 1, config: str = "") -> str:
    return (
        f'import hashlib\nimport rampa\n{config}\n\n@rampa.scenario(executor="shared-iterations", vus={vus}, '
        f"iterations={iterations})\nasync def a(worker):\n{body}\n"
    )


def compare(done, log: list[Line]) -> None:
    """Counts and bytes of the result are those of the server's log."""
    assert done.count("http_reqs") == len(log)
    assert done.count("data_sent") == sum(line.request_length for line in log)
    assert done.count("data_received") == sum(line.bytes_sent for line in log)


@pytest.mark.parametrize("loop", ["default", "epoll"])
def test_connections_are_kept(nginx: Nginx, rampa: Rampa, script: Script, loop: str) -> None:
    script(script_of(f'    assert (await worker.http.get("{nginx.url}/small")).body == b"hello"', 3000, 7))
    env = {} if loop == "default" else {"RAMPA_LOOP": loop}
    done = rampa("run", "script.py", out=True, code=0, env=env)
    log = nginx.log()
    assert len(log) == 3000
    assert len({line.connection for line in log}) == 7  # one a VU
    compare(done, log)


def test_a_server_that_closes_after_each_answer(nginx: Nginx, rampa: Rampa, script: Script) -> None:
    script(script_of(f'    assert (await worker.http.get("{nginx.url}/short/small")).status == 200', 200, 5))
    done = rampa("run", "script.py", out=True, code=0)
    log = nginx.log()
    assert len({line.connection for line in log}) == 200
    compare(done, log)


def test_big_bodies_are_exact(nginx: Nginx, rampa: Rampa, script: Script) -> None:
    script(
        "from pathlib import Path\n"
        + script_of(
            f'    r = await worker.http.get("{nginx.url}/big")\n'
            f'    assert r.body == Path("{nginx.folder}/files/big").read_bytes()\n'
            '    assert r.headers["content-length"] == str(len(r.body))',
            20,
            4,
        )
    )
    done = rampa("run", "script.py", out=True, code=0)
    compare(done, nginx.log())
    assert done.count("data_received") > 20 * len(BIG)


def test_big_uploads_are_exact(nginx: Nginx, rampa: Rampa, script: Script) -> None:
    script(
        script_of(
            "    body = bytes(range(256)) * 4096 * 8 + bytes([worker.execution.iteration])\n"
            f'    r = await worker.http.post("{nginx.url}/upload", data=body)\n'
            "    assert (r.status, r.body) == (200, b'hello'), r",
            4,
            2,
        )
    )
    done = rampa("run", "script.py", out=True, code=0)
    log = [line for line in nginx.log() if line.method == "POST"]
    compare(done, log)
    whole = bytes(range(256)) * 4096 * 8
    uploads = sorted(path.read_bytes() for path in (nginx.folder / "uploads").iterdir())
    assert uploads == [whole + bytes([i]) for i in range(4)]


@pytest.mark.parametrize(
    ("arguments", "body", "kind"),
    [
        ("json={'a': [1, 'ä']}", b'{"a": [1, "\\u00e4"]}', "application/json"),
        ("data={'a': 'x y', 'b': ['1', '2']}", b"a=x+y&b=1&b=2", "application/x-www-form-urlencoded"),
        ("data='ä'", "ä".encode(), "text/plain; charset=utf-8"),
        ("data=b'\\0\\xff'", b"\0\xff", None),
    ],
)
def test_bodies_by_their_type(
    nginx: Nginx, rampa: Rampa, script: Script, arguments: str, body: bytes, kind: str | None
) -> None:
    script(script_of(f'    await worker.http.post("{nginx.url}/upload", {arguments})'))
    rampa("run", "script.py", code=0)
    nginx.stop()
    (upload,) = (nginx.folder / "uploads").iterdir()
    assert upload.read_bytes() == body


def test_methods_and_statuses(nginx: Nginx, rampa: Rampa, script: Script) -> None:
    script(
        script_of(
            f'    url = "{nginx.url}"\n'
            '    assert (await worker.http.head(url + "/small")).body == b""\n'
            '    assert (await worker.http.get(url + "/none")).status == 404\n'
            '    assert (await worker.http.post(url + "/small")).status == 405\n'
            '    assert (await worker.http.get(url + "/small", headers={"Range": "bytes=1-2"})).body == b"el"\n'
            '    r = await worker.http.get(url + "/small")\n'
            '    again = await worker.http.get(url + "/small", headers={"If-None-Match": r.headers["etag"]})\n'
            '    assert (again.status, again.body) == (304, b"")\n'
            '    assert (await worker.http.request("DELETE", url + "/small")).status == 405\n'
            '    assert (await worker.http.get(url + "/small", params={"q": "a b"})).status == 200',
            10,
            3,
        )
    )
    done = rampa("run", "script.py", out=True, code=0)
    log = nginx.log()
    compare(done, log)
    assert len({line.connection for line in log if line.status != 405}) <= 30
    by_status = {kind["status"]: kind["count"] for kind in done.result()["errors"]["requests"]}
    assert by_status == {"404": 10, "405": 20}
    assert done.metrics()["http_req_failed"]["passes"] == 30


def test_404s_fail_a_threshold(nginx: Nginx, rampa: Rampa, script: Script) -> None:
    script(
        script_of(
            f'    r = await worker.http.get("{nginx.url}/none")\n'
            '    worker.check(r, {"found": lambda r: r.status == 200})',
            50,
            2,
            'config = rampa.Config(thresholds={"http_req_failed": ["rate<0.01"], "checks": ["rate>0.99"], '
            '"http_reqs": ["count==50"]})',
        )
    )
    done = rampa("run", "script.py", out=True, code=1)
    result = done.result()
    assert [threshold["passed"] for threshold in result["thresholds"]] == [False, False, True]
    assert result["checks"] == [{"name": "found", "group": "", "passes": 0, "fails": 50}]
    assert result["run"]["reason"] == "2 of 3 thresholds failed"
    compare(done, nginx.log())


def test_an_open_run_counts_every_request_too(nginx: Nginx, rampa: Rampa, script: Script) -> None:
    """A run that ends by the clock: no request is counted that the server has not seen, and none is missing."""
    script(
        'import rampa\n@rampa.scenario(executor="constant-vus", vus=10, duration="1s")\n'
        f'async def a(worker):\n    await worker.http.get("{nginx.url}/small")\n'
    )
    done = rampa("run", "script.py", out=True, code=0)
    compare(done, nginx.log())
    assert done.count("http_reqs") == done.count("iterations") > 10
