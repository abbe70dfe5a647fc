# SPDX-License-Identifier: MIT
"""Where connections go, and where they come from."""
from __future__ import annotations

import http.server
import os
import shutil
import socket
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from accesslog import lines_of
from faultserver import ExpectRequest, FaultServer, Repeat, Send, answer

Rampa = Callable[..., "Finished"]
Script = Callable[..., Path]

SERVE = [Repeat([ExpectRequest(), Send(answer())])]


@pytest.mark.parametrize("options", [
    ["--connect-to", "server.example:80:127.0.0.1:{port}"],
    ["--connect-to", "SERVER.example:80:localhost:{port}"],
    ["--connect-to", "server.example::127.0.0.1:{port}"],
    ["--connect-to", "::127.0.0.1:{port}"],
    ["--connect-to", "other.example:80:127.0.0.1:1", "--connect-to", "server.example:80:127.0.0.1:{port}", "--connect-to", "::127.0.0.1:1"],
])  # fmt: skip
def test_options(rampa: Rampa, options: list[str]) -> None:
    """Host and the name of the request stay those of the URL."""
    with FaultServer(SERVE) as server:
        finished = rampa("run", "http://server.example/x", "-i", "2", *(o.format(port=server.port) for o in options), out=True, code=0)
    assert [request.header("host") for request in server.requests] == ["server.example"] * 2
    assert "http://server.example/x" in finished.stdout
    assert finished.result()["summary"]["metrics"]["http_req_looking_up"]["max"] == 0 or "localhost" in str(options)


def test_resolve_keeps_the_port(rampa: Rampa) -> None:
    with FaultServer(SERVE) as server:
        rampa("run", f"http://server.example:{server.port}/", "-i", "1", "--resolve", f"server.example:{server.port}:127.0.0.1", code=0)
        assert [request.header("host") for request in server.requests] == [f"server.example:{server.port}"]


def test_resolve_to_several_addresses(rampa: Rampa, script: Script) -> None:
    """The one that nobody listens at gives way, and `select` holds for them too."""
    with FaultServer(SERVE) as server:
        where = f"server.example:{server.port}:127.0.0.2,[::1],127.0.0.1"
        url = f"http://server.example:{server.port}/"
        finished = rampa("run", url, "-i", "4", "--no-reuse", "--resolve", where, "--dns", "select=first", out=True, code=0)
        script(f"import rampa\nconfig = rampa.Config(options=rampa.Options(hosts={{'*': '127.0.0.1,127.0.0.1:{server.port}'}}, dns={{'ttl': '0'}}))\n"
               "async def default(worker):\n    assert (await worker.http.get('http://two.example/')).status == 200\n")  # fmt: skip
        rampa("run", "script.py", "-i", "1", code=0)
    assert finished.result()["summary"]["metrics"]["http_req_failed"]["rate"] == 0
    assert len(server.requests) == 5


@pytest.mark.parametrize(("hosts", "url"), [
    ({"server.example": "127.0.0.1:{port}"}, "http://server.example/"),
    ({"server.example:80": "127.0.0.1:{port}", "server.example": "127.0.0.1:1"}, "http://server.example/"),
    ({"*.example": "127.0.0.1:{port}", "*": "127.0.0.1:1"}, "http://a.b.example/"),
    ({"*.b.example": "127.0.0.1:{port}", "*.example": "127.0.0.1:1"}, "http://a.b.example/"),
    ({"a.b.example": "127.0.0.1:{port}", "*.b.example": "127.0.0.1:1"}, "http://a.b.example/"),
    ({"*": "[::ffff:127.0.0.1]:{port}"}, "http://server.example/"),
    ({"*:81": "127.0.0.1:1", "*": ":{port}"}, "http://127.0.0.1/"),
])  # fmt: skip
def test_hosts_of_a_script(rampa: Rampa, script: Script, hosts: dict[str, str], url: str) -> None:
    with FaultServer(SERVE) as server:
        hosts = {key: value.format(port=server.port) for key, value in hosts.items()}
        script(f"import rampa\nconfig = rampa.Config(options=rampa.Options(hosts={hosts!r}))\n"
               f"async def default(worker):\n    assert (await worker.http.get({url!r})).status == 200\n")  # fmt: skip
        rampa("run", "script.py", "-i", "1", code=0)
    assert len(server.requests) == 1


@pytest.mark.parametrize(("options", "message"), [
    (["--connect-to", "a:80"], "--connect-to: hosts: '' is no place to connect to"),
    (["--resolve", "a:http:127.0.0.1"], "--resolve: hosts: 'a:http' is neither a host nor a host with its port"),
    (["--resolve", "a:80:b/c"], "--resolve: hosts: 'b/c' is no place to connect to"),
    (["--connect-to", "a:80:b:99999"], "--connect-to: hosts: 'b:99999' is no place to connect to"),
    (["--resolve", "a:80:127.0.0.1,b"], "--resolve: hosts: '127.0.0.1,b' is no place to connect to"),
    (["--dns", "first"], "--dns: dns: 'first' has no value"),
    (["--dns", "ttl=5"], "--dns: dns: ttl cannot be '5'"),
    (["--dns", "select=frist"], "--dns: dns: select cannot be 'frist'"),
    (["--dns", "policy=ipv4"], "--dns: dns: policy cannot be 'ipv4'"),
    (["--dns", "ttl=0,server=8.8.8.8"], "--dns: dns: there is no 'server'"),
    (["--unix-socket", "/" + "x" * 200], "--unix-socket: hosts: 'unix:/xx"),
    (["--local-ips", "1.2.3.4"], "local_ips: connections cannot come from 1.2.3.4: this machine does not have the address"),
    (["--local-ips", "127.0.0.1,here"], "local_ips: 'here' is neither an address nor several"),
    (["--local-ips", "127.0.0.9-127.0.0.1"], "local_ips: '127.0.0.9-127.0.0.1' is neither an address nor several"),
    (["--allow-ips", "127.0.0.1,localhost"], "allow_ips: 'localhost' is no address and no network"),
    (["--local-ips", "127.0.0.1/33"], "local_ips: '127.0.0.1/33' is neither an address nor several"),
])  # fmt: skip
def test_mistakes(rampa: Rampa, options: list[str], message: str) -> None:
    assert message in rampa("run", "http://a/", "-i", "1", *options, code=3).stderr


# ---- where they come from ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ips", "expected"), [
    ("127.0.0.7", {"127.0.0.7": 4}),
    ("127.0.0.2-127.0.0.3", {"127.0.0.2": 2, "127.0.0.3": 2}),
    ("127.0.1.0/30", {"127.0.1.1": 2, "127.0.1.2": 2}),
    ("127.0.0.5,127.0.0.9,::1", {"127.0.0.5": 2, "127.0.0.9": 2}),
])  # fmt: skip
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_local_ips(rampa: Rampa, ips: str, expected: dict[str, int], host: str) -> None:
    """Each VU has one of them, by its number."""
    seen: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.client_address[0])
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://{host}:{server.server_address[1]}/"
        rampa("run", url, "-u", "4", "-i", "4", "--local-ips", ips, "--no-reuse", code=0)
        server.shutdown()
    if ips == "127.0.0.5,127.0.0.9,::1":
        assert set(seen) == {"127.0.0.5", "127.0.0.9"}
    else:
        assert Counter(seen) == expected


def test_local_ips_without_the_family_of_the_server(rampa: Rampa) -> None:
    """It is not reached from an address that nobody has asked for."""
    with FaultServer(SERVE) as server:
        finished = rampa("run", server.url, "-i", "1", "--local-ips", "::1", code=1)
    assert "no local address of its family (1210)" in finished.stdout
    assert not server.connections


# ---- where they may lead to -------------------------------------------------------------------------------------------


def test_a_run_stays_in_the_networks_that_are_allowed(rampa: Rampa, script: Script) -> None:
    """Whatever the script, a redirect, a name or a socket says."""
    with FaultServer(SERVE) as outside:
        away = outside.url.replace("127.0.0.1", "127.0.0.9")
        moved = f"HTTP/1.1 302 Found\r\nLocation: {away}\r\nContent-Length: 0\r\n\r\n".encode()
        with FaultServer([ExpectRequest(), Send(moved)]) as inside:
            script("import rampa\nconfig = rampa.Config(options=rampa.Options(allow_ips='0.0.0.0/0,::/0'))\n"
                   "async def default(worker):\n"
                   f"    for url in ({away!r}, {inside.url!r}, 'http://name.test/', 'http+unix://%2Fnowhere/'):\n"
                   "        try:\n            await worker.http.get(url)\n"
                   "        except rampa.errors.ConnectError as error:\n            assert error.error_code == 1110, error\n"
                   "        else:\n            raise RuntimeError(url)\n"
                   f"    for target in ({away!r}, 'http://name.test:80', 'unix:/nowhere'):\n"
                   "        response = await worker.grpc.unary(target, '/a.B/C', b'')\n"
                   "        assert response.error_code == 1110, response.details\n")  # fmt: skip
            rampa("run", "script.py", "-i", "1", "--allow-ips", "127.0.0.0/29", "--resolve", "name.test:80:127.0.0.9", code=0)
            assert len(inside.requests) == 1
        assert not outside.connections


# ---- sockets of this machine ------------------------------------------------------------------------------------------

NGINX = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
CONFIG = """
daemon off;
worker_processes 1;
error_log {folder}/error.log;
pid {folder}/nginx.pid;
events {{ worker_connections 512; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
    uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
    server {{
        listen unix:{folder}/s backlog=1;
        return 200 "$host over a socket";
    }}
}}
"""


@pytest.fixture
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """nginx on a socket of this machine."""
    if not NGINX:
        pytest.skip("no nginx")
    folder = tmp_path_factory.mktemp("n")
    user = "user root;\n" if os.getuid() == 0 else ""
    (folder / "nginx.conf").write_text(user + CONFIG.format(folder=folder))
    process = subprocess.Popen([NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf")], stderr=subprocess.PIPE)
    with socket.socket(socket.AF_UNIX) as probe:
        while probe.connect_ex(str(folder / "s")):
            assert process.poll() is None, process.stderr and process.stderr.read()
    yield folder
    process.terminate()
    process.wait()


def test_nginx_on_a_unix_socket(rampa: Rampa, script: Script, nginx: Path) -> None:
    """Many VUs at once, and a queue for one: nobody is turned away."""
    finished = rampa("run", "http://any.example/", "-u", "50", "-i", "2000", "--unix-socket", str(nginx / "s"), out=True, code=0)
    assert finished.result()["summary"]["metrics"]["http_reqs"]["count"] == 2000
    assert finished.result()["summary"]["metrics"]["http_req_failed"]["rate"] == 0
    script("import rampa\n"
           f'config = rampa.Config(options=rampa.Options(hosts={{"*.example": "unix:{nginx}/s"}}))\n'
           'async def default(worker):\n    r = await worker.http.get("http://two.example/")\n'
           '    assert r.text() == "two.example over a socket", r.text()\n')  # fmt: skip
    rampa("run", "script.py", "-i", "3", code=0)


def test_a_url_with_a_unix_socket(rampa: Rampa, script: Script, nginx: Path) -> None:
    """As a URL of its own, as the base of others, and beside the same server by a rule of hosts, whose cookies and name are others."""
    place = f"http+unix://{str(nginx / 's').replace('/', '%2F')}"
    # A proxy could not reach it, and is not asked.
    finished = rampa("run", f"{place}/a/b?c", "-u", "2", "-i", "20", "--proxy", "http://127.0.0.1:1", out=True, code=0)
    assert finished.result()["summary"]["metrics"]["http_req_failed"]["rate"] == 0
    assert [one["name"] for one in finished.result()["summary"]["requests"]] == [f"{place}/a/b?c"]
    script("import rampa\nasync def default(worker):\n"
           f'    r = await worker.http.get("/x")\n    assert r.text() == "localhost over a socket", r.text()\n'
           f'    assert r.url == "{place}/x", r.url\n'
           f'    r = await worker.http.get("{place}-not/x", raise_errors=False)\n    assert r.error_code == 1210, r.error\n'
           f'    r = await worker.http.get("{place[:-1]}S/", raise_errors=False)\n    assert r.error_code == 1210, r.error\n')  # fmt: skip
    rampa("run", "script.py", "-i", "3", "--base-url", place, code=0)
    log = "\n".join(lines_of(nginx / "access.log", 23))
    assert log.count('"GET /a/b?c HTTP/1.1" 200') == 20 and log.count('"GET /x HTTP/1.1" 200') == 3


@pytest.mark.parametrize("url", ["http+unix:///run/s", "http+unix://run%2Fs/", "http+unix://%2F" + "x" * 107, "http+unix://%2Fa%00b/", "http+unix://%2Fa:80/"])
def test_urls_without_a_unix_socket(rampa: Rampa, url: str) -> None:
    assert "has no path of a socket before its first '/'" in rampa("run", url, "-i", "1", code=3).stderr


def test_a_server_does_not_lead_to_a_unix_socket(rampa: Rampa, nginx: Path) -> None:
    place = f"http+unix://{str(nginx / 's').replace('/', '%2F')}/secret"
    with FaultServer([ExpectRequest(), Send(answer(status=302, headers=[("Location", place)]))]) as server:
        finished = rampa("run", server.url, "-i", "1", "--follow", code=1)
    assert "(1906)" in finished.stdout
    assert "secret" not in (nginx / "access.log").read_text()


def test_a_unix_socket_that_is_not_there(rampa: Rampa, tmp_path: Path) -> None:
    finished = rampa("run", "http://any.example/", "-i", "1", "--unix-socket", str(tmp_path / "none"), code=1)
    assert "connect failed (1210)" in finished.stdout


def test_a_unix_socket_that_nobody_accepts_from(rampa: Rampa, tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(0)
        waiting = [socket.socket(socket.AF_UNIX) for _ in range(2)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(path)
        finished = rampa("run", "http://any.example/", "-i", "1", "--unix-socket", path, "--connect-timeout", "300ms", code=1)
        for one in waiting:
            one.close()
    assert "connect timeout (1211)" in finished.stdout
