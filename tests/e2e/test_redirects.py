# SPDX-License-Identifier: MIT
"""Redirects: what is requested, compared with curl, and what scripts and the numbers see of it."""
from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import pytest
from caseserver import Answer, CaseServer, Seen
from certificates import OPENSSL, Pki
from faultserver import Close, ExpectRequest, FaultServer, Hang, Repeat, Send, answer

Rampa = Callable[..., "Finished"]
Script = Callable[..., Path]

HEAD = """
import json
import rampa
from rampa.errors import *

@rampa.scenario(executor="per-vu-iterations", iterations=1)
async def go(worker):
    base = worker.env["BASE"]
    http = worker.http
"""


def body(text: str) -> str:
    return HEAD + "".join(f"    {line}\n" for line in text.strip().splitlines())


# ---- the same requests as curl ------------------------------------------------------------------------------------------

STATUSES = [301, 302, 303, 307, 308, 200, 404]
METHODS = ["GET", "HEAD", "POST", "PUT"]
LOCATIONS = [
    b"/absolute", b"relative", b"../up", b"./here", b"a/./b/../c", b"?only=query", b"/x?q=1#fragment", b"/x#f?q",
    b"//127.0.0.1:{port}/network-path", b"http://127.0.0.1:{port}", b"http://127.0.0.1:{port}/whole?a=b", b"HTTP://127.0.0.1:{port}/Case",
    b"http://localhost:{port}/other-origin", b"//localhost:{port}/other", b"/a%20b%2fc", b"/a b", b"  /blanks  ", b"/\xc3\xbc?\xc3\xa4=1",
    b"/a;p=1,2:3@4", b"/..//../x", b"/quote\"<>", b"",
]  # fmt: skip
CASES = list(itertools.product(STATUSES, METHODS, LOCATIONS))

SCRIPT_OF_CASES = """
for number, method in enumerate(json.loads(worker.env["METHODS"])):
    headers = {"X-Case": str(number), "Cookie": "a=b", "Authorization": "Basic am9lOnNlY3JldA=="}
    options = {"data": b"some body"} if method in ("POST", "PUT") else {}
    if method == "POST":
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    await http.request(method, f"{base}/start/here?x=y", headers=headers, **options)
"""


def redirects(port: int) -> Callable[[int, int], Answer]:
    def answer_of(case: int, index: int) -> Answer:
        status, _, location = CASES[case]
        if index:
            return 200, [], b"end"
        return status, [("Location", location.replace(b"{port}", b"%d" % port))], b"moved"

    return answer_of


def curl_of_cases(url: str, folder: Path) -> list[str]:
    """One run of curl with all cases."""
    (folder / "upload").write_bytes(b"some body")
    lines = []
    for number, (_, method, _) in enumerate(CASES):
        lines += ["next"] if number else []
        lines += [f'url = "{url}/start/here?x=y"', "location", "silent", f'header = "X-Case: {number}"']
        lines += ['header = "Cookie: a=b"', 'user = "joe:secret"', 'output = "/dev/null"']
        lines += {"GET": [], "HEAD": ["head"], "POST": ['data = "some body"'], "PUT": [f'upload-file = "{folder}/upload"']}[method]
    (folder / "curlrc").write_text("\n".join(lines) + "\n")
    return ["curl", "-q", "--no-progress-meter", "-K", str(folder / "curlrc")]


def what_matters(requests: list[Seen]) -> list[tuple[object, ...]]:
    names = ["Cookie", "Authorization", "Content-Length", "Content-Type", "Host"]
    return [
        (seen.method, urllib.parse.unquote_to_bytes(seen.target), seen.body, *[seen.header(name) if name != "Content-Type" else None for name in names])
        for seen in requests
    ]


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl")
def test_the_same_requests_as_curl(rampa: Rampa, script: Script, tmp_path: Path) -> None:
    with CaseServer(lambda case, index: redirects(server.port)(case, index)) as server:
        subprocess.run(curl_of_cases(server.url, tmp_path), check=True, timeout=120, stdout=subprocess.DEVNULL)
        by_curl = server.take()
        script(body(SCRIPT_OF_CASES))
        methods = json.dumps([method for _, method, _ in CASES])
        rampa("run", "script.py", "--quiet", "--env", f"BASE={server.url}", "--env", f"METHODS={methods}", code=0)
        ours = server.take()
    assert len(CASES) > 600 and set(by_curl) == set(ours) == set(range(len(CASES)))
    different = []
    for number, case in enumerate(CASES):
        theirs, mine = what_matters(by_curl[number]), what_matters(ours[number])
        if theirs != mine:
            different.append((case, theirs[1:], mine[1:]))
    assert not different, f"{len(different)} cases, such as {different[:5]}"


def test_where_rfc_3986_and_curl_differ(rampa: Rampa, script: Script) -> None:
    """A reference that is only a fragment is the same document; a user of the Location goes before the one of the last URL."""
    locations = [b"#part", b"http://new:pw@127.0.0.1:{port}/userinfo"]

    def answer_of(case: int, index: int) -> Answer:
        if index:
            return 200, [], b"end"
        return 302, [("Location", locations[case].replace(b"{port}", b"%d" % server.port))], b""

    with CaseServer(answer_of) as server:
        script(
            body(
                """
base = base.replace("//", "//joe:secret@")
for case in "0", "1":
    r = await http.get(base + "/start?x=y", headers={"X-Case": case})
    assert "@" not in r.url and r.status == 200, r.url
"""
            )
        )
        rampa("run", "script.py", "--env", f"BASE={server.url}", code=0)
        seen = server.take()
    assert [request.target for request in seen[0]] == ["/start?x=y", "/start?x=y"]
    assert [request.header("Authorization") for request in seen[0]] == ["Basic am9lOnNlY3JldA=="] * 2
    assert [request.header("Authorization") for request in seen[1]] == ["Basic am9lOnNlY3JldA==", "Basic bmV3OnB3"]


def test_chains_are_as_long_as_curls(rampa: Rampa, script: Script, tmp_path: Path) -> None:
    """A chain of n redirects with a limit of m: case 10 m + n."""
    cases = [10 * limit + length for limit in range(1, 6) for length in range(7)]
    with CaseServer(lambda case, index: (302, [("Location", b"/next")], b"") if index < case % 10 else (200, [], b"")) as server:
        codes = {}
        if shutil.which("curl"):
            for case in cases:
                words = ["curl", "-q", "-s", "-o", "/dev/null", "-L", "--max-redirs", str(case // 10), "-H", f"X-Case: {case}", server.url]
                codes[case] = subprocess.run(words, timeout=60).returncode
        by_curl = {case: len(seen) for case, seen in server.take().items()}
        script(
            body(
                """
for case in json.loads(worker.env["CASES"]):
    try:
        r = await http.get(base, headers={"X-Case": str(case)}, max_redirects=case // 10)
        print(case, r.status, len(r.history))
    except TooManyRedirects as error:
        print(case, error.error_code, len(error.response.history))
"""
            )
        )
        done = rampa("run", "script.py", "--quiet", "--env", f"BASE={server.url}", "--env", f"CASES={json.dumps(cases)}", code=0)
        ours = {case: len(seen) for case, seen in server.take().items()}
    said = {int(line.split()[0]): line.split()[1:] for line in done.stdout.splitlines()}
    for case in cases:
        limit, length = divmod(case, 10)
        assert said[case] == (["200", str(length)] if length <= limit else ["1905", str(limit)])
        if codes:
            assert ours[case] == by_curl[case]
            assert codes[case] == (0 if length <= limit else 47)


# ---- what scripts see ---------------------------------------------------------------------------------------------------


def test_what_a_script_sees(rampa: Rampa, script: Script, target: str) -> None:
    script(
        body(
            """
r = await http.get(f"{base}/redirect/3")
assert r.status == 200 and r.url == f"{base}/redirect/0" and r.text() == "ok\\n"
assert [hop.status for hop in r.history] == [302, 302, 302]
assert [hop.url for hop in r.history] == [f"{base}/redirect/{n}" for n in (3, 2, 1)]
assert r.history[0].headers["location"] == "/redirect/2" and r.history[0].body == b"/redirect/2\\n"
assert r.history[0].ok and r.history[0].timings.duration > 0 and len(r.history[2].history) == 2
assert isinstance(r.history, tuple) and (await http.get(base)).history == ()
for options in ({"allow_redirects": False}, {"follow_redirects": False}, {"allow_redirects": False, "max_redirects": 3}):
    r = await http.get(f"{base}/redirect/1", **options)
    assert r.status == 302 and r.history == () and r.url == f"{base}/redirect/1"
for options in ({"allow_redirects": True}, {"allow_redirects": None}, {"max_redirects": None}, {"max_redirects": 100}):
    assert (await http.get(f"{base}/redirect/1", **options)).status == 200
r = await http.post(f"{base}/redirect/1", data=b"x", name="named", tags={"k": "v"})
assert r.status == 200 and r.method == "GET"
try:
    await http.get(f"{base}/redirect/11")
except TooManyRedirects as error:
    assert isinstance(error, RequestError) and error.error_code == 1905 and len(error.response.history) == 10
    assert "too many redirects: more than 10" in str(error), error
else:
    raise AssertionError
r = await http.get(f"{base}/redirect/2", max_redirects=1, raise_errors=False)
assert r.status == 0 and r.error_code == 1905 and not r.ok and len(r.history) == 1
print("done")
"""
        )
    )
    done = rampa("run", "script.py", "--env", f"BASE={target}", out=True, code=0)
    assert "done" in done.stdout


def test_each_redirect_is_a_request_in_the_numbers(rampa: Rampa, script: Script, target: str) -> None:
    script(body('for _ in range(5):\n    await http.get(f"{base}/redirect/2", name="login", expected_statuses=200)'))
    done = rampa("run", "script.py", "--env", f"BASE={target}", out=True, code=0)
    metrics = done.result()["summary"]["metrics"]
    assert metrics["http_reqs"]["count"] == 15 and metrics["http_req_duration"]["count"] == 15
    assert metrics["http_req_failed"]["passes"] == 0
    assert [row["name"] for row in done.result()["summary"]["requests"]] == ["login"]


def test_what_leads_nowhere_is_a_failure(rampa: Rampa, script: Script) -> None:
    script(
        body(
            """
try:
    await http.get(base)
except RedirectError as error:
    assert not isinstance(error, TooManyRedirects) and error.error_code == 1906
    print(error)
"""
        )
    )
    steps = [Repeat([ExpectRequest(), Send(answer(status=302, headers=[("Location", "ftp://joe:s3cret@h/\x1b[31m")]))])]
    with FaultServer(steps) as server:
        done = rampa("run", "script.py", "--env", f"BASE={server.url}", out=True)
    assert "bad redirect" in done.stdout and "s3cret" not in done.stdout + done.stderr + json.dumps(done.result())
    assert done.result()["summary"]["metrics"]["http_req_failed"]["passes"] == 1


def test_a_chain_has_one_time_limit(rampa: Rampa, script: Script) -> None:
    script(
        body(
            """
try:
    await http.get(base, timeout=0.5)
except RequestTimeout as error:
    print("late", len(error.response.history))
"""
        )
    )
    steps = [ExpectRequest(), Send(answer(status=302, headers=[("Location", "/slow")])), ExpectRequest(), Hang()]
    with FaultServer(steps) as server:
        done = rampa("run", "script.py", "--quiet", "--env", f"BASE={server.url}")
    assert "late 1" in done.stdout


def test_an_error_of_aiohttp_is_one_there(rampa: Rampa, script: Script, target: str) -> None:
    pytest.importorskip("aiohttp")
    script(
        "import aiohttp\n"
        + body(
            """
try:
    await http.get(f"{base}/redirect/3", max_redirects=1)
except aiohttp.TooManyRedirects as error:
    print("caught", len(error.history), isinstance(error, aiohttp.ClientError))
"""
        )
    )
    done = rampa("run", "script.py", "--quiet", "--env", f"BASE={target}")
    assert "caught 1 True" in done.stdout


@pytest.mark.skipif(not OPENSSL, reason="no openssl")
def test_from_http_to_https(rampa: Rampa, script: Script, tmp_path: Path) -> None:
    """It is another origin: what is secret does not go there."""
    from tlsserver import context_of

    context = context_of(Pki(tmp_path).self_signed("self"))
    script(
        body(
            """
r = await http.get(base, auth=("joe", "pw"), verify=False, headers={"X-Case": "0", "Cookie": "a=b"})
assert r.status == 200 and r.url.startswith("https://") and r.timings.tls_handshaking > 0 and len(r.history) == 1
"""
        )
    )
    with CaseServer(lambda case, index: (200, [], b""), context) as secure:
        with CaseServer(lambda case, index: (301, [("Location", secure.url.encode() + b"/in")], b"")) as plain:
            rampa("run", "script.py", "--env", f"BASE={plain.url}", code=0)
            assert [request.header("Authorization") for request in plain.take()[0]] == ["Basic am9lOnB3"]
        (request,) = secure.take()[0]
    assert request.target == "/in" and request.header("Authorization") is None and request.header("Cookie") is None


# ---- URLs without a script ----------------------------------------------------------------------------------------------


def test_a_run_of_urls_follows_when_asked(rampa: Rampa, target: str) -> None:
    done = rampa("run", f"{target}/redirect/2", "-n", "10", "--follow", out=True, code=0)
    assert done.result()["summary"]["metrics"]["http_reqs"]["count"] == 30
    assert done.result()["summary"]["metrics"]["iterations"]["count"] == 10
    done = rampa("run", f"{target}/redirect/2", "-n", "10", out=True, code=0)
    assert done.result()["summary"]["metrics"]["http_reqs"]["count"] == 10
    done = rampa("run", f"{target}/redirect/20", "-n", "2", "--follow", out=True, code=0)
    assert done.result()["summary"]["metrics"]["http_req_failed"]["passes"] == 2
    assert "too many redirects" in done.stdout


def test_one_iteration_shows_the_whole_chain(rampa: Rampa, target: str) -> None:
    done = rampa("run", f"{target}/redirect/2", "--once", "--follow", code=0)
    text = done.stdout + done.stderr
    assert [text.count(f"GET /redirect/{n} ") for n in (2, 1, 0)] == [1, 1, 1]


def test_connections_that_end_with_the_answer(rampa: Rampa, script: Script) -> None:
    script(body('for _ in range(3):\n    assert (await http.get(base)).status == 200'))
    first = [ExpectRequest(), Send(answer(status=302, headers=[("Location", "/end"), ("Connection", "close")])), Close()]
    second = [ExpectRequest(), Send(answer(headers=[("Connection", "close")])), Close()]
    with FaultServer(first, second, first, second, first, second) as server:
        rampa("run", "script.py", "--quiet", "--env", f"BASE={server.url}", code=0)
    assert [request.target for request in server.requests] == ["/", "/end"] * 3
