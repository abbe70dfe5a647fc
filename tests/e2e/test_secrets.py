# SPDX-License-Identifier: MIT
"""One token is given to a run in every way there is, to servers that say all of it again. Nothing that the run leaves shows it."""
from __future__ import annotations

import base64
import http.server
import json
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from finished import Finished

Rampa = Callable[..., Finished]

TOKEN = "pla/nted+Tok3n"
WRITTEN = urllib.parse.quote(TOKEN, safe="")
FORMS = {
    TOKEN,
    WRITTEN,
    WRITTEN.lower(),
    TOKEN.replace("/", "\\/"),
    base64.b64encode(f"joe:{TOKEN}".encode()).decode(),
    "nted+Tok3n",  # what is left when a part was masked
    "Tok3n",
}


class Parrot(http.server.BaseHTTPRequestHandler):
    """Answers with what it was sent, as servers for trying out do, and as others do in their errors."""

    protocol_version = "HTTP/1.1"
    seen: set[str]

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.seen.add(self.path)
        if "Authorization" in self.headers:
            self.seen.add(self.headers["Authorization"])
        if self.command == "GET":
            text = json.dumps({"headers": dict(self.headers)})
        else:
            scheme, _, word = self.headers.get("Authorization", "").partition(" ")
            known = base64.b64decode(word).decode() if scheme == "Basic" else word
            text = f"Cannot {self.command} {self.path} or {urllib.parse.unquote(self.path)} as {self.headers.get('Authorization')}, {known}, {self.headers.get('X-Key')}"
        self.send_response(500 if self.command == "GET" else 400)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Set-Cookie", f"sid={TOKEN}")
        self.end_headers()
        self.wfile.write(text.encode())

    do_POST = do_GET

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def parrot() -> Iterator[tuple[str, set[str]]]:
    """HOST:PORT, and the paths and authorizations that it was asked with."""

    class Handler(Parrot):
        seen: set[str] = set()

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"127.0.0.1:{server.server_port}", Handler.seen
    server.shutdown()
    server.server_close()


def test_a_token_is_shown_nowhere(rampa: Rampa, parrot: tuple[str, set[str]], tmp_path: Path) -> None:
    place, seen = parrot
    (tmp_path / "base.json").write_text('{"metrics": {"http_reqs": {"count": 3, "rate": 1}}}')
    run = rampa(
        *("run", f"http://{place}/a", "-n", "1", "--http-debug=full", "--event-log", "events"),
        *("-H", f"X-Api-Key: {TOKEN}", "--auth", f"joe:{TOKEN}", "--cookie", f"sid={WRITTEN}"),
        *("-O", f"influxdb=http://joe:{WRITTEN}@{place}/write?db=x&p={WRITTEN}"),
        *("-O", f"webhook=http://{place}/hooks/{WRITTEN}/more?key={WRITTEN}", "--output-option", f"webhook.header=X-Key: {TOKEN}"),
        *("-O", f"prometheus=http://{place}/write/{WRITTEN}", "--output-option", f"prometheus.header=Authorization: Bearer {TOKEN}"),
        *("-O", "otel", "-O", "console=console.txt", "-O", "csv=a.csv", "-O", "ndjson=a.ndjson", "-O", "json=a.json"),
        *("-O", "junit=a.xml", "-O", "github=a.md"),
        env={
            "GITHUB_ACTIONS": "true",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://joe:{WRITTEN}@{place}/otel/{WRITTEN}?key={WRITTEN}",
            "OTEL_EXPORTER_OTLP_HEADERS": f"x-key=Bearer%20{WRITTEN}",
            "no_proxy": "*",
        },
        out=True,
        code=6,
    )
    assert len(seen) >= 6 and sum(WRITTEN in path for path in seen) >= 4, seen
    told = [line for line in run.stderr.splitlines() if "it answered 400: Cannot POST " in line]
    assert [name for name in ("influxdb", "webhook", "prometheus", "otel") if not any(f"the output {name} " in line for line in told)] == [], run.stderr
    shown = {"stdout": run.stdout, "stderr": run.stderr}
    rampa("report", "result.json", "-o", "page.html", code=0)
    for words in (("--format", "markdown"), ("--format", "json"), ()):
        done = rampa("compare", "base.json", "result.json", "--fail-on", "never", *words, code=0)
        shown[f"compare {words}"] = done.stdout + done.stderr
    shown |= {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert shown.keys() >= {"result.json", "events", "console.txt", "a.csv", "a.ndjson", "a.json", "a.xml", "a.md", "page.html"}
    for name, text in shown.items():
        found = [text[max(text.find(form) - 80, 0) : text.find(form) + 40] for form in FORMS if form in text]
        assert not found, f"{name}: {found}"
