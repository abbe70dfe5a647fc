# SPDX-License-Identifier: MIT
"""The servers that the clients load: one process each, pinned to a core, on a port of the system's choosing."""

from __future__ import annotations

import os
import re
import resource
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")

NGINX_CONFIG = """\
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 1;
worker_rlimit_nofile {files};
events {{ worker_connections {files}; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {tls}
    server {{
        listen 127.0.0.1:{port} {ssl} backlog=4096;
        location / {{ default_type text/plain; return 200 "ok\\n"; }}
    }}
}}
"""


# As measured by others: TLS 1.3 with a key on P-256, tickets on.
NGINX_TLS = """\
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_certificate {folder}/server.pem;
    ssl_certificate_key {folder}/server.key;
"""


def make_certificate(folder: str) -> None:
    """server.pem and server.key, signed by itself."""
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-keyout", f"{folder}/server.key", "-out", f"{folder}/server.pem",
        ],
        check=True, capture_output=True,
    )  # fmt: skip


class Missing(Exception):
    """A program that is not installed, or that does not start; the text says which and why."""


def finish(process: subprocess.Popen, watch: Callable[[], None] | None = None) -> resource.struct_rusage:
    """Waits for the end of a process, whose `returncode` says it then. `watch` is called every 50 ms until then.

    Returns:
        What it has used, with all its children.
    """
    try:
        while watch and os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            watch()
            time.sleep(0.05)
        _, status, usage = os.wait4(process.pid, 0)
    except BaseException:
        process.kill()
        process.wait()
        raise
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage


def run_rampa(
    argv: list[str], said: Path, watch: Callable[[int], None] | None = None, may_end: Sequence[int] = (0,), **popen
) -> tuple[resource.struct_rusage, int]:
    """Runs rampa to its end. What it says is in the file `said`, and `watch` is called with its process id.

    Returns:
        What it and its workers have used, and the exit code.

    Raises:
        Missing: it has ended with another code than those of `may_end`.
    """
    with open(said, "w+") as file:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=file, stderr=file, **popen)
        usage = finish(process, (lambda: watch(process.pid)) if watch else None)
        if process.returncode not in may_end:
            file.seek(0)
            raise Missing(f"rampa ended with code {process.returncode}: {' | '.join(file.read().strip().splitlines()[-3:])}")
    return usage, process.returncode


def pin_to(core: int | None):
    """A function for subprocess' preexec_fn that keeps the child on one core."""
    return (lambda: os.sched_setaffinity(0, {core})) if core is not None else None


def cpu_seconds(pid: int) -> float:
    """User and system time that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def wait_until_it_accepts(port: int, process: subprocess.Popen) -> None:
    for _ in range(500):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            raise Missing(f"it ended at once with code {process.returncode}")
        time.sleep(0.01)
    raise Missing("it does not accept connections")


class Server:
    """A running server: `url` to load and `pid` of the process that does the work."""

    name = ""
    url = ""
    pid = 0
    process: subprocess.Popen | None = None

    def cpu_seconds(self) -> float:
        return cpu_seconds(self.pid)

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Nginx(Server):
    """nginx with one worker and a constant answer, from a configuration of its own."""

    name = "nginx"

    def __init__(self, core: int | None, connections: int, tls: bool = False, http2: bool = False) -> None:
        program = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        if not program:
            raise Missing("nginx is not installed")
        self.folder = tempfile.TemporaryDirectory(prefix="rampa-bench-")
        with socket.socket() as probe:  # nginx cannot say which port it was given
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        config = Path(self.folder.name, "nginx.conf")
        config.write_text(
            NGINX_CONFIG.format(
                folder=self.folder.name, port=port, files=connections + 1024, ssl="ssl" * tls + " http2" * http2,
                tls=NGINX_TLS.format(folder=self.folder.name) if tls else "",
            )  # fmt: skip
        )
        if tls:
            make_certificate(self.folder.name)
        self.process = subprocess.Popen(
            [program, "-p", self.folder.name, "-c", str(config)],
            stderr=subprocess.DEVNULL,
            preexec_fn=pin_to(core),
        )
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}/"
        try:
            wait_until_it_accepts(port, self.process)
            master = self.process.pid
            children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
            self.pid = int(children[0])
        except (Missing, OSError, IndexError) as error:
            log = Path(self.folder.name, "error.log")
            tail = log.read_text().strip()[-300:] if log.exists() else ""
            self.stop()
            raise Missing(f"nginx does not start: {error} {tail}".strip()) from None

    def stop(self) -> None:
        super().stop()
        self.folder.cleanup()


class Target(Server):
    """A server that prints its URL on its first line and works in the process that was started: `rampa target`."""

    name = "target"

    def __init__(self, core: int | None, command: str) -> None:
        argv = shlex.split(command)
        if not argv or not shutil.which(argv[0]):
            raise Missing(f"{argv[0] if argv else 'its command'} is not there")
        self.process = subprocess.Popen(
            argv, stdout=subprocess.PIPE, text=True, preexec_fn=pin_to(core)
        )
        self.pid = self.process.pid
        line = self.process.stdout.readline()
        found = re.search(r"https?://[^\s/]+", line)
        if not found:
            self.stop()
            raise Missing(f"'{command}' said {line.strip()!r} instead of its URL")
        self.url = found[0] + "/"

    def stop(self) -> None:
        super().stop()
        if self.process:
            self.process.stdout.close()
