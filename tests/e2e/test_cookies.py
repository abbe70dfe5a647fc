# SPDX-License-Identifier: MIT
"""Cookies: compared with curl, as scripts see them, and for how long they last."""
from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from caseserver import Answer, CaseServer

Rampa = Callable[..., "Finished"]
Script = Callable[..., Path]

# ---- the same cookies as curl -------------------------------------------------------------------------------------------

FIELDS = [
    "a=b", "a = b ", "a=b=c", "a=", 'a="b c"', "a=b; Path=/", "a=b; Path=/p", "a=b; path=/p/", "a=b; Path=relative", "a=b; Path",
    "a=b; Domain=shop.test", "a=b; Domain=.shop.test", "a=b; Domain=SHOP.test", "a=b; Domain=www.shop.test", "a=b; Domain=test",
    "a=b; Domain=other.test", "a=b; Domain=co.uk", "a=b; Domain=ample.co.uk", "a=b; Domain=example.co.uk", "a=b; Domain=127.0.0.1",
    "a=b; Domain=0.0.1", "a=b; Domain=localhost", "a=b; Domain=; Path=/", "a=b; Max-Age=100", "a=b; Max-Age=0", "a=b; Max-Age=-1",
    "a=b; Expires=Wed, 21 Oct 2037 07:28:00 GMT", "a=b; Expires=Wed, 21-Oct-37 07:28:00 GMT", "a=b; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
    "a=b; Expires=Sun Nov  6 08:49:37 1994", "a=b; Max-Age=100; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "a=b; Secure", "a=b; HttpOnly",
    "a=b; SameSite=Strict", "__Secure-a=b", "__Host-a=b; Path=/", "a=b;Path=/;Domain=shop.test;HttpOnly", "a=\xc3\xbc", "a=b;;;", "a=b,c",
]  # fmt: skip
WAYS = [
    ("http://shop.test/p/q", "http://shop.test/p/other"), ("http://shop.test/p/q", "http://shop.test/"),
    ("http://shop.test/", "http://www.shop.test/p"), ("http://www.shop.test/p/q", "http://shop.test/p"),
    ("http://www.shop.test/", "http://www.shop.test:81/p"), ("http://shop.test/p", "http://shop.test/pp/q"),
    ("http://example.co.uk/", "http://www.example.co.uk/"), ("http://www.example.co.uk/p/", "http://example.co.uk/p/"),
    ("http://127.0.0.1/", "http://127.0.0.1/p"), ("http://localhost/p/q", "http://localhost/p/q/r"),
]  # fmt: skip
CASES = list(itertools.product(FIELDS, WAYS))


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl")
def test_the_same_cookies_as_curl(program: Path) -> None:
    tool = program.parent / "tests/unit/proto/cookie_tool"
    if not tool.is_file():
        pytest.skip("a build without tests")
    lines = "".join(f"{way[0]}\t{field}\t{way[1]}\n" for field, way in CASES)
    done = subprocess.run([tool, str(int(time.time()))], input=lines.encode("latin-1"), capture_output=True, check=True, timeout=60)
    ours = done.stdout.decode("latin-1").split("\n")[:-1]

    def answer_of(case: int, index: int) -> Answer:
        return (200, [("Set-Cookie", CASES[case][0].encode("latin-1"))], b"") if index == 0 else (200, [], b"")

    with CaseServer(answer_of) as server:

        def ask(case: int) -> None:
            words = ["curl", "-q", "-s", "-o", "/dev/null", "-o", "/dev/null", "-b", "", "--connect-to", f"::127.0.0.1:{server.port}"]
            subprocess.run([*words, "-H", f"X-Case: {case}", *CASES[case][1]], check=True, timeout=60)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(ask, range(len(CASES))))
        seen = server.take()
    by_curl = [seen[case][1].header("Cookie") or "" for case in range(len(CASES))]
    assert len(CASES) == 400 and len(ours) == 400 and sum(map(bool, ours)) > 100
    # RFC 6265bis, 5.1.4: "/p/" does not match "/p", and a path that is none is that of the URL. curl thinks otherwise.
    odd = [("a=b; path=/p/", "/p"), ("a=b; Path=relative", "/")]
    different = [(CASES[n], by_curl[n], ours[n]) for n in range(len(CASES)) if by_curl[n] != ours[n]]
    known = [case for case in different if any(case[0][0] == field and case[0][1][1].endswith(to) for field, to in odd)]
    assert all(mine == "" for _, _, mine in known)
    different = [case for case in different if case not in known]
    assert not different, f"{len(different)} cases, such as {different[:5]}"


# ---- what scripts see ---------------------------------------------------------------------------------------------------

HEAD = """
import json
import rampa

@rampa.scenario(executor="per-vu-iterations", vus={vus}, iterations={iterations})
async def go(worker):
    base = worker.env["BASE"]
    http = worker.http
"""


def body(text: str, vus: int = 1, iterations: int = 1, head: str = HEAD) -> str:
    return head.format(vus=vus, iterations=iterations) + "".join(f"    {line}\n" for line in text.strip().splitlines())


def sets(*fields: str) -> Callable[[int, int], Answer]:
    """Sets these cookies with each answer."""
    return lambda case, index: (200, [("Set-Cookie", field.encode("latin-1")) for field in fields], b"")


def test_cookies_are_kept_within_an_iteration(rampa: Rampa, script: Script) -> None:
    script(
        body(
            """
n = worker.execution.vu
r = await http.get(f"{base}/login", headers={"X-Case": str(n)})
assert r.cookies == {"sid": "1", "theme": "dark"}, r.cookies
await http.get(f"{base}/page", headers={"X-Case": str(n)})
await http.post(f"{base}/page", headers={"X-Case": str(n), "Cookie": "own=2; theme=light"}, data=b"x")
await http.get(f"{base}/page", headers={"X-Case": str(n)}, cookies={"more": 3})
assert http.cookies["sid"] == "1" and "none" not in http.cookies and len(http.cookies) == 2
""",
            vus=2,
            iterations=2,
        )
    )
    with CaseServer(sets("sid=1; HttpOnly", "theme=dark")) as server:
        rampa("run", "script.py", "--env", f"BASE={server.url}", code=0)
        seen = server.take()
    for vu in 1, 2:
        sent = [request.header("Cookie") for request in seen[vu]]
        assert sent == [None, "sid=1; theme=dark", "own=2; theme=light; sid=1", "more=3; sid=1; theme=dark"] * 2
        for request in seen[vu]:
            assert sum(name.lower() == "cookie" for name, _ in request.fields) <= 1


def test_cookies_that_are_kept(rampa: Rampa, script: Script) -> None:
    """As long as the VU, and not for another one."""
    lines = 'await http.get(base, headers={"X-Case": str(worker.execution.vu)})'
    script(body(lines, vus=2, iterations=3) + "\nconfig = rampa.Config(options=rampa.Options(keep_cookies=True))\n")
    with CaseServer(lambda case, index: (200, [("Set-Cookie", b"n=%d" % index)], b"")) as server:
        rampa("run", "script.py", "--env", f"BASE={server.url}", code=0)
        seen = server.take()
    for vu in 1, 2:
        assert [request.header("Cookie") for request in seen[vu]] == [None, "n=0", "n=1"]


def test_cookies_of_redirects(rampa: Rampa, script: Script) -> None:
    """The log-in of the web: the answer to POST sets a cookie and leads to the page that asks for it."""
    script(body('r = await http.post(f"{base}/login", data={"user": "joe"}, headers={"X-Case": "0"})\nassert r.text() == "hello"'))

    def answer_of(case: int, index: int) -> Answer:
        if index % 2 == 0:
            return 302, [("Set-Cookie", b"sid=7"), ("Location", b"/home")], b""
        return 200, [], b"hello"

    with CaseServer(answer_of) as server:
        rampa("run", "script.py", "--env", f"BASE={server.url}", code=0)
        rampa("run", f"{server.url}/login", "-n", "2", "--follow", "-H", "X-Case: 1", code=0)
        rampa("run", f"{server.url}/login", "-n", "1", "-H", "X-Case: 2", code=0)
        seen = server.take()
    assert [(r.method, r.target, r.header("Cookie")) for r in seen[0]] == [("POST", "/login", None), ("GET", "/home", "sid=7")]
    assert [(r.target, r.header("Cookie")) for r in seen[1]] == [("/login", None), ("/home", "sid=7")] * 2
    assert len(seen[2]) == 1


def test_what_a_script_does_with_its_cookies(rampa: Rampa, script: Script) -> None:
    script(
        body(
            """
import datetime
jar = http.cookies
assert len(jar) == 0 and list(jar) == [] and jar.get("a") is None and jar.get("a", "x") == "x"
jar.set("a", "1", base)
jar.set("b", "2", base + "/p/q", path="/p", max_age=60)
jar.set("c", "3", "https://shop.test/", domain="shop.test", secure=True, http_only=True)
jar.set("late", "4", base, expires=datetime.datetime(2001, 1, 1))
assert [(c.name, c.value, c.path) for c in jar] == [("a", "1", "/"), ("b", "2", "/p"), ("c", "3", "/")], list(jar)
c = list(jar)[2]
assert c.domain == "shop.test" and c.secure and c.http_only and not c.host_only and c.expires is None
assert isinstance(c, rampa.Cookie) and isinstance(jar, rampa.Cookies) and list(jar)[1].expires > 0
assert jar.for_url(base) == {"a": "1"} and jar.for_url(base + "/p/x") == {"a": "1", "b": "2"}
assert jar.for_url("https://www.shop.test/") == {"c": "3"} and jar.for_url("http://www.shop.test/") == {}
assert "a" in jar and jar["b"] == "2" and jar.get("c", url=base) is None
await http.get(base + "/p", headers={"X-Case": "0"})
assert jar.delete("a") == 1 and jar.delete("a") == 0
await http.get(base + "/p", headers={"X-Case": "0"})
assert jar.clear(base + "/p") == 1 and len(jar) == 1 and jar.clear() == 1 and len(jar) == 0
await http.get(base + "/p", headers={"X-Case": "0"})
for wrong in (
    lambda: jar.set("a;b", "1", base), lambda: jar.set("", "1", base), lambda: jar.set("a", "x\\r\\ny: z", base),
    lambda: jar.set("a", "1", base, domain="other.test"), lambda: jar.set("a", "1", "shop.test"), lambda: jar.set("a", "1", base, path="p"),
    lambda: jar.set("a", "x" * 5000, base),
):
    try:
        wrong()
    except ValueError as error:
        print("refused:", error)
try:
    jar["none"]
except KeyError:
    print(repr(jar))
"""
        )
    )
    with CaseServer(sets()) as server:
        done = rampa("run", "script.py", "--quiet", "--env", f"BASE={server.url}", code=0)
        seen = server.take()
    assert [request.header("Cookie") for request in seen[0]] == ["b=2; a=1", "b=2", None]
    assert done.stdout.count("refused:") == 7 and "Cookies([])" in done.stdout


def test_cookies_of_one_request(rampa: Rampa, script: Script) -> None:
    script(
        body(
            """
import http.cookies
simple = http.cookies.SimpleCookie()
simple["s"] = "a b"
http = worker.http
class Jarred:
    name, value = "j", "1"
case = {"X-Case": "0"}
for cookies in ({"a": "1", "b": 2}, [("a", "1"), ("a", "2")], simple, [Jarred()], {}, None):
    await http.get(base, headers=case, cookies=cookies)
for cookies in ("a=b", 5, {"a;": "1"}, {"a": "1;"}, {"a": None}, {"a": "x\\n"}):
    try:
        await http.get(base, headers=case, cookies=cookies)
    except (TypeError, ValueError) as error:
        print(type(error).__name__, error)
assert len(http.cookies) == 0
"""
        )
    )
    with CaseServer(sets()) as server:
        done = rampa("run", "script.py", "--quiet", "--env", f"BASE={server.url}", code=0)
        seen = server.take()
    assert [request.header("Cookie") for request in seen[0]] == ["a=1; b=2", "a=1; a=2", 's="a b"', "j=1", None, None]
    assert len(done.stdout.splitlines()) == 6 and all("cookies" in line for line in done.stdout.splitlines())


def test_cookies_of_setup_stay_there(rampa: Rampa, script: Script) -> None:
    script(
        "async def setup(worker):\n    await worker.http.get(worker.env['BASE'], headers={'X-Case': '0'})\n"
        "    return {'sid': worker.http.cookies['sid']}\n"
        + body('assert len(http.cookies) == 0\nawait http.get(base, headers={"X-Case": "1"}, cookies=worker.setup_data)', vus=2)
    )
    with CaseServer(sets("sid=5")) as server:
        rampa("run", "script.py", "--env", f"BASE={server.url}", code=0)
        seen = server.take()
    assert [request.header("Cookie") for request in seen[1]] == ["sid=5"] * 2


def test_cookies_of_the_command_line(rampa: Rampa) -> None:
    with CaseServer(sets("sid=5")) as server:
        words = ["run", server.url, "-n", "2", "-H", "X-Case: 0"]
        rampa(*words, "--cookie", "a=1", "--cookie", "b=2", code=0)
        rampa(*words, "--cookie", "a=1", "-H", "cookie: c=3", code=0)
        for wrong in "a;b=1", "=1", "a=1;":
            assert "--cookie" in rampa(*words, "--cookie", wrong, code=3).stderr
        assert "--cookie" in rampa(*words, "--cookie", "nothing", code=3).stderr
        seen = server.take()
    assert [request.header("Cookie") for request in seen[0]] == ["a=1; b=2"] * 2 + ["c=3; a=1"] * 2


def test_a_cookie_is_shown_nowhere(rampa: Rampa, script: Script) -> None:
    token = "t0ken-of-a-cookie"
    script(body(f'await http.get(base, cookies={{"sid": "{token}"}})\nawait http.get(base)'))
    with CaseServer(sets(f"sid={token}")) as server:
        for words in (["script.py", "--env", f"BASE={server.url}"], [server.url, "--cookie", f"sid={token}"]):
            done = rampa("run", *words, "--once", out=True, code=0)
            assert token not in done.stdout + done.stderr + json.dumps(done.result())
