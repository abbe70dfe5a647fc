# SPDX-License-Identifier: MIT
"""Several requests at once: worker.http.batch()."""
from __future__ import annotations

import collections
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from finished import Finished

pytest.importorskip("hpack")
from h2server import ACK, PING, H2Server, Peer, frame  # noqa: E402

Rampa = Callable[..., Finished]
Script = Callable[..., Path]


class Gathering(http.server.ThreadingHTTPServer):
    """Answers requests of /together/N when N more of them have come, and anything else at once."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.lock = threading.Condition()
        self.come: collections.Counter[str] = collections.Counter()
        self.under_way: collections.Counter[str] = collections.Counter()
        self.most: collections.Counter[str] = collections.Counter()
        self.seen: list[str] = []  # paths
        self.clients: dict[str, set[tuple[str, int]]] = collections.defaultdict(set)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Gathering

    def serve(self) -> None:
        server, path = self.server, self.path
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if path.startswith("/together/"):
            count = int(path.split("/")[2])
            with server.lock:
                together = (server.come[path] // count + 1) * count
                server.come[path] += 1
                server.under_way[path] += 1
                server.most[path] = max(server.most[path], server.under_way[path])
                server.clients[path].add(self.client_address)
                server.lock.notify_all()
                assert server.lock.wait_for(lambda: server.come[path] >= together, timeout=60)
                server.under_way[path] -= 1
        with server.lock:
            server.seen.append(path)
        text = f"{self.command} {path} {body} {self.headers.get('X-Kind', '-')}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = do_DELETE = do_OPTIONS = serve

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def gathering() -> Iterator[Gathering]:
    with Gathering() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_batches(rampa: Rampa, script: Script, gathering: Gathering) -> None:
    """Requests go out together, up to the limits, in the order and the shape in which they are given."""
    script("""
import json
import rampa

config = rampa.Config(
    options=rampa.Options(iterations=1, batch=9, connections_per_host=5),
    thresholds={"http_reqs{group:::some}": ["count==20"]},
)

async def default(worker):
    base = worker.env["BASE"]
    got = worker.http.batch
    together = await got([base + "/together/5"] * 10)
    with worker.group("some"):
        few = await got({n: ("GET", base + "/together/4", None, {"name": "few"}) for n in range(20)})
    shapes = await got({
        "url": base + "/url",
        "pair": ("PUT", base + "/pair"),
        "body": ["POST", base + "/body", {"a": "1 2"}],
        "options": ("POST", base + "/options", "text", {"headers": {"X-Kind": "mine"}}),
        "dict": {"method": "POST", "url": base + "/dict", "json": [1]},
        "k6": {"method": "POST", "url": base + "/k6", "body": "text"},
        "made": worker.http.get(base + "/made"),
    })
    print(json.dumps([
        [a.body.decode() for a in together], {n: a.status for n, a in few.items()}, {n: a.text() for n, a in shapes.items()},
        await got([]), await got({}),
    ]))
""")
    done = rampa("run", "script.py", "--quiet", "--env", f"BASE={gathering.url}", out=True, code=0)
    together, few, shapes, *empty = json.loads(done.stdout)
    assert together == ["GET /together/5  -"] * 10
    assert gathering.most["/together/5"] == 5 and len(gathering.clients["/together/5"]) == 5
    assert few == {str(n): 200 for n in range(20)} and 4 <= gathering.most["/together/4"] <= 5
    assert shapes == {
        "url": "GET /url  -", "pair": "PUT /pair  -", "body": "POST /body a=1+2 -", "options": "POST /options text mine",
        "dict": "POST /dict [1] -", "k6": "POST /k6 text -", "made": "GET /made  -",
    }  # fmt: skip
    assert list(shapes) == ["url", "pair", "body", "options", "dict", "k6", "made"]
    assert empty == [[], {}]
    assert done.count("http_reqs") == 37


def test_a_failed_request_leaves_the_others(rampa: Rampa, script: Script, gathering: Gathering) -> None:
    """A Response with status 0 stands in its place, or its error is raised when all have ended."""
    script("""
import json
import rampa

async def broken():
    yield b"half"
    raise KeyError("mine")

@rampa.scenario(executor="per-vu-iterations", vus=1, iterations=1)
async def go(worker):
    base, nowhere = worker.env["BASE"], "http://127.0.0.1:1/"
    first = await worker.http.batch([base + "/1", nowhere, worker.http.get(nowhere), base + "/2"])
    print(json.dumps([(a.status, a.error_code) for a in first]))
    for requests in (
        [base + "/3", ("GET", nowhere, None, {"raise_errors": True, "name": "raising"}), base + "/4"],
        [("POST", base + "/5", broken()), base + "/6"],
        [base + "/none", ("GET", "ftp://x/")],
        [base + "/none", ("GET", base, None, {"colour": 1})],
        [worker.http.get(base + "/none"), 7],
        {"a": base + "/none", "b": {"method": "GET"}},
        base + "/none",
        [("GET", base + "/none", None, "text")],
    ):
        try:
            await worker.http.batch(requests)
        except Exception as error:
            print(json.dumps([type(error).__name__, str(error)]))
""")
    done = rampa("run", "script.py", "--quiet", "--env", f"BASE={gathering.url}", out=True, code=0)
    first, *errors = map(json.loads, done.stdout.splitlines())
    assert first == [[200, 0], [0, 1212], [0, 1212], [200, 0]]
    assert sorted(gathering.seen) == [f"/{n}" for n in (1, 2, 3, 4, 6)]
    assert [kind for kind, _ in errors] == ["ConnectError", "KeyError", "ValueError", *["TypeError"] * 5]
    assert errors[0][1].endswith("connection refused")
    assert "'colour'" in errors[3][1]
    assert errors[4][1].startswith("http.batch(): request 1 is to be a URL,") and errors[4][1].endswith("not 7")
    assert errors[5][1].startswith("http.batch(): request 'b' is to be a URL,")
    assert errors[6][1].startswith("http.batch() takes a list or a dict of requests, not 'http")
    assert "await" not in done.stderr


def test_requests_that_are_known_are_not_prepared_again(rampa: Rampa, script: Script, gathering: Gathering) -> None:
    """Nor are those of http.request() without options, in either case of the method."""
    script(
        """
import sys, rampa

@rampa.scenario(executor="per-vu-iterations", iterations=1)
async def go(worker):
    base, http, prepared = worker.env["BASE"], worker.http, []
    def note(frame, event, argument):
        if event == "call" and frame.f_code.co_name == "prepare" and frame.f_code.co_filename.endswith("_request.py"):
            prepared.append(1)
    sys.setprofile(note)
    for n in range(3):
        answers = await http.batch([base + "/a", ("GET", base + "/b"), ["delete", base + "/c"], {"url": base + "/d"}])
        assert [r.text().split()[:2] for r in answers] == [["GET", "/a"], ["GET", "/b"], ["DELETE", "/c"], ["GET", "/d"]]
        assert (await http.request("get", base + "/e")).text().startswith("GET /e")
        assert (await http.request("OPTIONS", base + "/f")).text().startswith("OPTIONS /f")
    assert not prepared, prepared
    await http.batch([("POST", base + "/g"), ("GET", base + "/h", None, {"headers": {"X-Kind": "h"}})])
    sys.setprofile(None)
    assert len(prepared) == 2, prepared
"""
    )
    rampa("run", "script.py", "--env", f"BASE={gathering.url}", code=0)


def test_http2_has_one_connection(rampa: Rampa, script: Script) -> None:
    """As many streams at a time as Options(batch=...) says, and no more until one of them has ended."""
    rounds: list[int] = []

    def serve(peer: Peer) -> None:
        peer.begin()
        for count in (9, 9, 2):
            streams = peer.expect(count)
            peer.send(frame(PING, payload=b"12345678"))
            while peer.read_frame()[:2] != (PING, ACK):
                pass
            rounds.append(len(peer.requests))
            peer.requests.clear()
            peer.send(b"".join(peer.headers(stream) for stream in streams))

    script("""
import rampa
config = rampa.Config(options=rampa.Options(iterations=1, batch=9, http2=True))

async def default(worker):
    answers = await worker.http.batch([worker.env["BASE"] + f"/{n}" for n in range(20)])
    assert [(a.status, a.proto) for a in answers] == [(200, "HTTP/2.0")] * 20
""")
    with H2Server(serve) as server:
        done = rampa("run", "script.py", "--quiet", "--env", f"BASE={server.url}", out=True, code=0)
    assert rounds == [9, 9, 2] and len(server.peers) == 1
    assert done.count("http_reqs") == 20


@pytest.mark.parametrize(("options", "message"), [
    ("batch=0", "batch must be a whole number from 1 to 10000, not 0"),
    ("batchPerHost=6", "connections_per_host"),
])  # fmt: skip
def test_wrong_settings(rampa: Rampa, script: Script, options: str, message: str) -> None:
    script(f"import rampa\nconfig = rampa.Config(options=rampa.Options({options}))\nasync def default(worker): pass\n")
    assert message in rampa("run", "script.py", code=3).stderr
