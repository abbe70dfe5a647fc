# SPDX-License-Identifier: MIT
"""`rampa result` on the file of a run: from the list of what failed to one exchange, by ids."""
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from finished import Finished

Rampa = Callable[..., Finished]


def test_from_the_list_to_one_exchange(rampa: Rampa, target: str, tmp_path: Path) -> None:
    rampa("run", f"{target}/status/503", "-n", "2", "--quiet", "--expect-status", "200", out=True)
    errors = json.loads(rampa("result", "errors", "result.json", "--format", "json", code=0).stdout)["errors"]
    assert [(row["id"], row["status"], row["count"], row["exchanges"]) for row in errors] == [("e1", "503", 2, ["x1", "x2"])]
    shown = rampa("result", "open", "result.json", errors[0]["exchanges"][0], code=0).stdout
    assert "> GET /status/503 HTTP/1.1\n" in shown and "< HTTP/1.1 503 " in shown
    assert rampa("result", "slowest", "result.json", code=0).stdout.startswith(f"r1  {target}/status/503: 2 requests, 2 failed  med ")
    assert "x1 to x2  kept exchanges" in rampa("result", "open", "result.json", code=0).stdout


def test_what_cannot_be_shown(rampa: Rampa, tmp_path: Path) -> None:
    (tmp_path / "no.json").write_text("{}")
    for words, cause in (
        (("open", "no.json", "x1"), "it has no 'schema'"),
        (("open", "missing.json"), "missing.json"),
        (("errors",), "no result file is given"),
        (("slowest", "no.json", "x1"), "only open takes an id"),
        (("all", "no.json"), "'all' is not one of open, slowest, errors\n"),
        (("opne", "no.json"), "'opne' is not one of open, slowest, errors (did you mean 'open'?)"),
    ):
        done = rampa("result", *words, code=3)
        assert cause in done.stderr and done.stdout == "", done.stderr


def test_an_agent_gets_a_short_summary_unless_it_asks_for_more(rampa: Rampa, target: str, tmp_path: Path) -> None:
    words = ("run", f"{target}/", "-n", "2", "--threshold", "http_reqs:count==2")
    whole = rampa(*words, code=0).stdout
    assert "http_req_waiting" in whole and "data_sent" in whole and "Left out" not in whole
    short = rampa(*words, env={"AI_AGENT": "some"}, code=0).stdout
    assert len(short.splitlines()) < 25 < len(whole.splitlines())
    for part in ("http_req_duration", "http_reqs", "iterations ", "PASSED: 1 of 1 threshold", "Generator: "):
        assert part in short
    assert "http_req_waiting" not in short and "data_sent" not in short and short.splitlines()[-1].endswith("rampa result errors FILE")
    asked = rampa(*words, "--histogram", "-O", "console", env={"CLAUDECODE": "1"}, code=0).stdout
    assert "http_req_waiting" in asked and "Left out" not in asked
    assert rampa(*words, "--quiet", env={"AI_AGENT": "some"}, code=0).stdout == ""
    assert "http_req_waiting" in rampa(*words, env={"AI_AGENT": ""}, code=0).stdout
