# SPDX-License-Identifier: MIT
"""Authentication: Basic, bearer tokens, and Digest, with Apache as the judge."""
from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from caseserver import Answer, CaseServer

Rampa = Callable[..., "Finished"]
Script = Callable[..., Path]

APACHE = shutil.which("apache2", path=os.environ.get("PATH", "") + ":/usr/sbin")
MODULES = Path("/usr/lib/apache2/modules")

HEAD = """
import rampa
from rampa.errors import *

@rampa.scenario(executor="per-vu-iterations", iterations=1)
async def go(worker):
    base = worker.env["BASE"]
    http = worker.http
"""


def body(text: str) -> str:
    return HEAD + "".join(f"    {line}\n" for line in text.strip().splitlines())


def ok(case: int, index: int) -> Answer:
    return 200, [], b""


def test_what_is_sent(rampa: Rampa, script: Script) -> None:
    script(
        body(
            """
import collections
class HTTPBasicAuth:  # as that of requests
    username, password = "joe", "pw"
class Basic(collections.namedtuple("Basic", "login password encoding")):  # as aiohttp's BasicAuth
    pass
case = {"X-Case": "0"}
for auth in (
    ("joe", "pw"), ["joe", "pw"], rampa.BasicAuth("joe", "pw"), HTTPBasicAuth(), Basic("joe", "pw", "latin1"), ("j\\u00f6", ""),
    Basic("j\\u00f6", "", "latin1"), rampa.BearerAuth("t0k"), None,
):
    await http.get(base, headers=case, auth=auth)
await http.get(base.replace("//", "//url:user@"), headers=case, auth=("joe", "pw"))
for auth, headers in ((("a:b", "c"), None), ("joe", None), (5, None), (("a", "b"), {"authorization": "x"}), (rampa.DigestAuth("", "x"), None)):
    try:
        await http.get(base, auth=auth, headers=headers)
    except (TypeError, ValueError) as error:
        print(type(error).__name__, error)
"""
        )
    )
    with CaseServer(ok) as server:
        done = rampa("run", "script.py", "--quiet", "--env", f"BASE={server.url}", code=0)
        seen = server.take()
    basic = "Basic am9lOnB3"
    assert [request.header("Authorization") for request in seen[0]] == [
        basic, basic, basic, basic, basic, "Basic asO2Og==", "Basic avY6", "Bearer t0k", None, basic,
    ]  # fmt: skip
    assert len(done.stdout.splitlines()) == 5 and "auth takes (user, password)" in done.stdout


def test_options_of_the_command_line(rampa: Rampa, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("joe:pw\nanother line\n")
    (tmp_path / "token").write_text("t0k\n")
    with CaseServer(ok) as server:
        words = ["run", server.url, "-H", "X-Case: 0"]
        for options in (["--auth", "joe:pw"], ["--auth", "@secret"], ["--bearer", "t0k"], ["--bearer", "@token"]):
            rampa(*words, *options, code=0)
        for options, text in (
            (["--auth", "joe"], "a user name, ':' and a password"), (["--auth", "@none"], "--auth"), (["--digest"], "--digest: --auth"),
            (["--auth", "a:b", "--bearer", "c"], "give one of"), (["--auth", "a:b", "-H", "Authorization: x"], "give one of"),
        ):  # fmt: skip
            assert text in rampa(*words, *options, code=3).stderr
        seen = server.take()
    assert [request.header("Authorization") for request in seen[0]] == ["Basic am9lOnB3"] * 2 + ["Bearer t0k"] * 2


def test_secrets_are_not_shown(rampa: Rampa, program: Path, script: Script, tmp_path: Path) -> None:
    token = "t0ken-of-joe"
    script(body(f'await http.get(base, auth=("joe", "{token}"))\nawait http.get(base, auth=rampa.BearerAuth("{token}"))'))
    with CaseServer(ok) as server:
        for words in (["script.py", "--env", f"BASE={server.url}"], [server.url, "--auth", f"joe:{token}"], [server.url, "--bearer", token]):
            done = rampa("run", *words, "--once", out=True, code=0)
            assert token not in done.stdout + done.stderr + json.dumps(done.result())
        running = subprocess.Popen([program, "run", server.url, "--auth", f"joe:{token}", "-d", "1h", "--quiet"], cwd=tmp_path)
        try:
            limit = time.monotonic() + 60
            while token.encode() in Path(f"/proc/{running.pid}/cmdline").read_bytes():
                assert time.monotonic() < limit
                time.sleep(0.02)
        finally:
            running.kill()
            running.wait()


# ---- Digest -------------------------------------------------------------------------------------------------------------

CONFIG = """
ServerRoot {folder}
ServerName localhost
PidFile {folder}/pid
ErrorLog {folder}/error.log
LogFormat "%s %m %U %u" short
CustomLog {folder}/access.log short
Listen 127.0.0.1:{port}
DocumentRoot {folder}/files
Mutex file:{folder}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authn_core_module {modules}/mod_authn_core.so
LoadModule authn_file_module {modules}/mod_authn_file.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule authz_user_module {modules}/mod_authz_user.so
LoadModule auth_digest_module {modules}/mod_auth_digest.so
LoadModule alias_module {modules}/mod_alias.so
Redirect 302 /moved /file
<Directory {folder}/files>
    AuthType Digest
    AuthName "the realm"
    AuthDigestProvider file
    AuthDigestDomain /
    AuthUserFile {folder}/users
    Require valid-user
</Directory>
"""


@pytest.fixture
def apache(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """URL and log of an Apache that wants joe, with the password s3cret."""
    if not APACHE or not (MODULES / "mod_auth_digest.so").is_file():
        pytest.skip("no apache2")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path / "apache"
    (folder / "files").mkdir(parents=True)
    (folder / "files/file").write_text("inside")
    for path in (tmp_path, folder, folder / "files"):
        path.chmod(0o755)
    for path in reversed(tmp_path.parents):
        if path.owner() == Path.home().owner() and str(path).startswith("/tmp/pytest"):
            path.chmod(0o755)
    digest = hashlib.md5(b"joe:the realm:s3cret").hexdigest()
    (folder / "users").write_text(f"joe:the realm:{digest}\n")
    (folder / "conf").write_text(CONFIG.format(folder=folder, port=port, modules=MODULES))
    process = subprocess.Popen([APACHE, "-D", "FOREGROUND", "-f", folder / "conf"])
    try:
        limit = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > limit:
                    pytest.skip("apache2 does not start here")
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}", folder / "access.log"
    finally:
        process.terminate()
        process.wait()


def test_digest_against_apache(rampa: Rampa, script: Script, apache: tuple[str, Path]) -> None:
    url, log = apache
    script(
        body(
            """
class HTTPDigestAuth:  # as that of requests
    username, password = "joe", "s3cret"
for auth in (rampa.DigestAuth("joe", "s3cret"), HTTPDigestAuth()):
    r = await http.get(base + "/file?a=b", auth=auth)
    assert r.status == 200 and r.text() == "inside" and [hop.status for hop in r.history] == [401]
r = await http.get(base + "/moved", auth=rampa.DigestAuth("joe", "s3cret"))
assert r.status == 200 and [hop.status for hop in r.history] == [401, 302, 401] or [hop.status for hop in r.history] == [302, 401], r.history
r = await http.get(base + "/file", auth=rampa.DigestAuth("joe", "wrong"))
assert r.status == 401 and not r.ok and len(r.history) == 1
r = await http.get(base + "/file", auth=("joe", "s3cret"))
assert r.status == 401 and len(r.history) == 0
"""
        )
    )
    rampa("run", "script.py", "--env", f"BASE={url}", code=0)
    done = rampa("run", f"{url}/file", "-n", "3", "--auth", "joe:s3cret", "--digest", out=True, code=0)
    metrics = done.result()["summary"]["metrics"]
    assert metrics["http_reqs"]["count"] == 6 and metrics["http_req_failed"]["passes"] == 0
    assert log.read_text().count("200 GET /file joe") >= 6


def test_a_challenge_that_cannot_be_answered_is_an_answer(rampa: Rampa, script: Script) -> None:
    fields = ["Basic realm=x", "Digest realm=x, nonce=y, algorithm=other", "Digest realm=x", "Digest realm=x, nonce=y, qop=auth-int"]
    script(
        body(
            """
for case in range(4):
    r = await http.post(base, data=b"x", headers={"X-Case": str(case)}, auth=rampa.DigestAuth("joe", "pw"))
    assert r.status == 401 and r.error_code == 1401 and r.history == ()
r = await http.post(base + "/p?q", data=b"x", headers={"X-Case": "4"}, auth=rampa.DigestAuth("joe", "pw"))
assert r.status == 200
"""
        )
    )
    good = 'Digest realm="r", nonce="n", opaque="o", qop="auth", algorithm=SHA-256'

    def answer_of(case: int, index: int) -> Answer:
        if case < 4:
            return 401, [("WWW-Authenticate", fields[case].encode())], b""
        return (401, [("WWW-Authenticate", good.encode())], b"") if index == 0 else (200, [], b"")

    with CaseServer(answer_of) as server:
        rampa("run", "script.py", "--env", f"BASE={server.url}", code=0)
        seen = server.take()
    assert [len(seen[case]) for case in range(5)] == [1, 1, 1, 1, 2]
    first, second = seen[4]
    assert first.header("Authorization") is None and second.body == b"x"
    answer = second.header("Authorization")
    assert answer is not None and answer.startswith('Digest username="joe", realm="r", nonce="n", uri="/p?q", algorithm=SHA-256, response="')
    values = dict(part.strip().partition("=")[::2] for part in answer[7:].split(","))
    sha = lambda *parts: hashlib.sha256(":".join(parts).encode()).hexdigest()  # noqa: E731
    a1, a2 = sha("joe", "r", "pw"), sha("POST", "/p?q")
    assert values["response"].strip('"') == sha(a1, "n", "00000001", values["cnonce"].strip('"'), "auth", a2)
