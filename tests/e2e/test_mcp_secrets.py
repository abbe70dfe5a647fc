# SPDX-License-Identifier: MIT
"""A token goes into a run in every way that a script has, and the script says it wherever it can. No client of the MCP server gets it."""
from __future__ import annotations

import asyncio
import base64
import json
import os
import typing
import urllib.parse
from pathlib import Path

import pytest
from mcp_world import make_root, settings_of, tools_of
from rampa.mcp._failure import Failure
from rampa.mcp._resources import read
from rampa.mcp._secrets import conceal, concealed
from rampa.mcp._table import RESOURCES
from rampa.mcp._untrusted import TEXT, plain

pytestmark = pytest.mark.skipif("RAMPA_SANITIZED" in os.environ, reason="checked with the ordinary build")

TOKEN = "pla/nted+Tok3n"
WRITTEN = urllib.parse.quote(TOKEN, safe="")
FORMS = {TOKEN, WRITTEN, WRITTEN.lower(), base64.b64encode(TOKEN.encode()).decode(), base64.b64encode(f"joe:{TOKEN}".encode()).decode(), "Tok3n"}

TALKS = """\
import os
import urllib.parse
import rampa

token = os.environ["API_TOKEN"]
written = urllib.parse.quote(token, safe="")
place = os.environ["TARGET"].removeprefix("http://")
print("token", token, flush=True)

config = rampa.Config(
    metrics={"said": "counter"},
    thresholds={"http_req_failed{key:" + written + "}": ["rate<=1"], "said": ["count<1"]},
    options=rampa.Options(tags={"key": token}),
)

def setup():
    print(token, flush=True)
    if os.path.exists("broken"):
        raise RuntimeError("the token is " + token)

@rampa.scenario(executor="shared-iterations", vus=1, iterations=3, env={"KEY": token})
async def browse(worker):
    worker.counter("said", tags={"key": token})
    with worker.group("as " + token):
        response = await worker.http.get(f"http://joe:{written}@{place}/?token={written}", headers={"X-Key": token}, tags={"key": token})
        worker.check(response, {"has " + token: lambda r: False})
    try:
        await worker.http.get(f"http://127.0.0.1:1/{written}", auth=rampa.BasicAuth("joe", token))
    finally:
        raise ValueError(f"{token} is refused")
"""


def forms_in(value: typing.Any) -> list[str]:
    text = json.dumps(value, ensure_ascii=False)
    return [text[max(text.find(form) - 60, 0) : text.find(form) + 40] for form in FORMS if form in text]


@pytest.fixture
def root(tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("API_TOKEN", TOKEN)
    root = make_root(tmp_path, target, monkeypatch)
    (root / "talks.py").write_text(TALKS)
    return root


def test_no_client_gets_a_token(root: Path, program: Path) -> None:
    settings = settings_of(root, program)
    settings = type(settings)(**{**settings.__dict__, "inherited": ("TARGET", "API_TOKEN")})

    async def main() -> None:
        async with tools_of(settings) as call:
            answers: dict[str, typing.Any] = {}
            for name in ("discover_scenarios", "inspect_config"):
                answers[name] = await call(name, script_path="talks.py")
            run_id = (await call("start_run", script_path="talks.py", wait=True))["run_id"]
            for name in ("wait_run", "get_status", "get_metrics", "get_thresholds", "get_report"):
                answers[name] = await call(name, run_id=run_id)
            answers["list_runs"] = await call("list_runs")
            answers["compare_results"] = await call("compare_results", base=run_id, current=run_id)
            for row in RESOURCES:
                answers[row.uri] = read(call.tools, row.uri.format(run_id=run_id, name="http_reqs"))
            errors = answers["get_report"]["untrusted"]
            assert [row["message"] for row in errors["failed_iterations"]] == ["*** is refused"] and errors["checks"] == [{"name": "has ***", "group": "::as ***", "passes": 0, "fails": 3}]
            answers["progress"] = call.progress
            (root / "broken").touch()
            answers["broken"] = await call("start_run", script_path="talks.py", wait=True)
            assert "the token is ***" in json.dumps(answers["broken"])
            (root / "wrong.py").write_text(TALKS + "raise SystemExit('no ' + token)\n")
            for script in ("wrong.py", f"{TOKEN}.py"):
                with pytest.raises(Failure) as caught:
                    await call("discover_scenarios", script_path=script)
                answers[script[:5]] = {"args": caught.value.args, **caught.value.answer}
            assert {name: found for name, value in answers.items() if (found := forms_in(value))} == {}

    asyncio.run(main())


def test_secrets_are_found_by_the_names_of_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {"API_TOKEN": "token-1", "PGPASSWORD": "secret-2", "SSH_KEY": "key-33", "MY_AUTH": "auth-4", "DATABASE_URL": "db://u:pa%2Fss5@h/x"}
    for name, value in {**secrets, "KEYBOARD": "de-latin1", "GIT_AUTHOR_NAME": "author", "SHORT_KEY": "abc"}.items():
        monkeypatch.setenv(name, value)
    for text in ("token-1", "secret-2", "key-33", "auth-4", "pa%2Fss5", "pa/ss5"):
        assert conceal(f"<{text}>") == "<***>"
    for text in ("de-latin1", "author", "abc"):
        assert conceal(text) == text
    assert concealed({"token-1": ["key-33", 1, None, {"x": ("auth-4",)}]}) == {"***": ["***", 1, None, {"x": ["***"]}]}


def test_secrets_are_found_by_their_form() -> None:
    for text, plain_text in (
        ("http://joe:hidden@host/x", "http://***@host/x"),
        ("Authorization: Bearer abcdef123456.x", "Authorization: Bearer ***"),
        ("authorization: basic am9lOmhpZGRlbg==", "authorization: basic ***"),
        ("Bearer authentication is missing", "Bearer authentication is missing"),
        ("http://host:80/a@b", "http://host:80/a@b"),
        ("http://joe@host/", "http://joe@host/"),
        ("redis://:hidden@host", "redis://***@host"),
        ("http://joe:hid@den@host/x@y", "http://***@host/x@y"),
        ("http://joe@example.com:hidden@host", "http://***@host"),
        ("http://joe@[::1]:80/", "http://joe@[::1]:80/"),
        ("Basic dXNlcjpwYXNz", "Basic ***"),  # user:pass
        ("Basic authentication, basic test, basic 1000 users", "Basic authentication, basic test, basic 1000 users"),
        ("Bearer abcdefghijklmnop", "Bearer ***"),
        ("Bearer abc1, bearer hidDen", "Bearer ***, bearer ***"),
        ("Authorization: Bearer hidden", "Authorization: Bearer ***"),
        ('{"authorization": "Basic hidden"}', '{"authorization": "Basic ***"}'),
        ("The Bearer token expired.", "The Bearer token expired."),
    ):
        assert conceal(text) == plain_text


def test_a_secret_at_the_end_of_a_text_is_not_cut_before_it_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", TOKEN)
    assert not forms_in(plain("x" * (TEXT - 5) + TOKEN)) and "pla/" not in plain("x" * (TEXT - 5) + TOKEN)
