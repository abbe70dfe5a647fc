# SPDX-License-Identifier: MIT
"""The page of a run that goes on, in a browser."""
from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser import Browser
from controlled import Control
from finished import Finished
from relay import Relay
from started import Started

HOSTILE = "<img src=x onerror=alert(1)></script><b>&amp;"

SCRIPT = f"""
import asyncio, rampa
config = rampa.Config(thresholds={{"iterations": ["count>=0"]}})
@rampa.scenario(name={HOSTILE!r}, executor="constant-vus", vus=4, duration="10m")
async def a(worker):
    await asyncio.sleep(0.01)
"""


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="rampa-", dir="/tmp"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(path))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def run(folder: Path, start: Callable[..., Started]) -> tuple[Started, Control]:
    started = start(SCRIPT, "--serve=127.0.0.2:0")
    path = started.wait_for("control: socket ")[2]
    return started, Control(path, started.wait_for("control: http://")[1].split("/")[2])


def get(control: Control, path: str, **fields: str) -> tuple[int, http.client.HTTPMessage, str]:
    connection = control.connect()
    connection.request("GET", path, headers=fields)
    response = connection.getresponse()
    answer = response.status, response.headers, response.read().decode()
    connection.close()
    return answer


def test_an_address_lets_one_browser_in(run: tuple[Started, Control], rampa: Callable[..., Finished]) -> None:
    started, control = run
    assert control.ask("GET", "/", token="")[0] == 401
    address = rampa("status", "--browser", code=0).stdout.strip()
    assert address.startswith(f"http://{control.address}/?once=") and address not in started.text.decode()
    once = address[address.index("/?once=") :]
    assert get(control, "/?once=" + "0" * 64)[0] == 401
    assert get(control, once.replace("/?", "/v1/status?"))[0] == 401
    status, headers, text = get(control, once)
    assert status == 200 and 'url=/"' in text
    cookie, *attributes = headers["Set-Cookie"].split("; ")
    assert attributes == ["Path=/", "HttpOnly", "SameSite=Strict"]
    status, headers, text = get(control, once, Accept="text/html,*/*;q=0.8")  # it was used
    assert status == 401 and headers["Content-Type"] == "text/html; charset=utf-8"
    assert "rampa status --browser" in text and control.token not in text and once[-64:] not in text
    status, headers, text = get(control, once, Accept="application/json")
    assert status == 401 and json.loads(text)["error"] == "a token is needed"
    assert get(control, "/v1/status", Accept="text/html")[1]["Content-Type"] == "application/json"
    again = control.post("/v1/browser")["address"]
    again = again[again.index("/?once=") :]
    assert get(control, again, Host="evil.example")[0] == 403
    assert "Set-Cookie" in get(control, again, Cookie=cookie)[1]  # it counts also for a browser that is in
    assert get(control, again)[0] == 401
    status, headers, page = get(control, "/", Cookie=cookie)
    assert status == 200 and headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Content-Security-Policy"] == "frame-ancestors 'none'"
    assert re.search(r"default-src 'none'; .*connect-src 'self'; style-src 'sha256-", page)
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", page[: page.index("<style>")])
    assert get(control, "/v1/status", Cookie=cookie)[0] == 200
    assert get(control, "/v1/status", Cookie=cookie[:-1] + "g")[0] == 401
    assert get(control, "/v1/status", Cookie=cookie, Authorization="Bearer x")[0] == 401
    assert get(Control(control.path), "/v1/status", Cookie=cookie)[0] == 401  # not on the UNIX socket
    assert control.ask("POST", "/v1/pause", headers={"Cookie": cookie}, token="")[0] == 403  # without Origin
    own = {"Cookie": cookie, "Origin": f"http://{control.address}"}
    assert control.ask("POST", "/v1/pause", headers={**own, "Origin": "http://localhost:1"}, token="")[0] == 403
    assert control.ask("POST", "/v1/stop", headers=own, token="")[0] == 200
    assert started.end() == 4
    unreachable = rampa("status", "--browser", code=3)
    assert "there is no run that can be steered" in unreachable.stderr


@pytest.mark.skipif("ASAN_OPTIONS" in os.environ, reason="the browser looks at the page of the ordinary build")
@pytest.mark.skipif(not shutil.which("chromium"), reason="no chromium")
def test_the_page_shows_the_run_and_steers_it(run: tuple[Started, Control], folder: Path) -> None:
    started, control = run
    assert control.address
    port = int(control.address.split(":")[1])
    relay = Relay(("127.0.0.1", port), ("127.0.0.2", port))  # the run answers to both addresses
    browser = Browser(str(shutil.which("chromium")), folder)

    def wait_for_status(word: str) -> None:
        browser.wait_for(f"document.getElementById('status').textContent === '{word}'")

    try:
        browser.open(control.post("/v1/browser")["address"].replace("127.0.0.2", "127.0.0.1"))
        wait_for_status("running")
        browser.wait_for("document.querySelectorAll('#plots canvas').length >= 4")
        tile = "[...document.querySelectorAll('#tiles dt')].find((dt) => dt.textContent === 'iterations').nextSibling.textContent"
        first = browser.wait_for(tile)
        browser.wait_for(f"{tile} !== '{first}'")  # numbers move, and so do the bars of scenarios
        bar = "document.querySelector('#scenarios progress').value"
        browser.wait_for(f"{bar} > {browser.value(bar)}")
        browser.wait_for("document.querySelector('#thresholds .good') !== null")
        assert browser.value("document.querySelector('#scenarios td').textContent") == HOSTILE
        assert browser.value("document.querySelectorAll('img').length") == 0
        assert browser.value("document.cookie") == ""
        browser.value("document.getElementById('pause').click()")
        wait_for_status("paused")
        assert control.get("/v1/status")["status"] == "paused"
        browser.value("document.getElementById('pause').click()")
        wait_for_status("running")
        browser.value("load.value = '9'; load.dispatchEvent(new Event('input'))")
        browser.wait_for("!document.getElementById('set').disabled")
        browser.value("document.getElementById('set').click()")
        browser.wait_for("document.querySelector('#steer [role=alert]').textContent.includes('from 0 to 4')")
        browser.value("load.value = '3'; load.focus()")
        for kind in ("keyDown", "keyUp"):
            browser.call("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", text="\r", windowsVirtualKeyCode=13)
        browser.wait_for("document.querySelector('#events').textContent.includes(': vus 3')")
        for width, is_dark in ((390, False), (1200, True)):
            browser.picture(folder / "page.png", width, 900, is_dark)
            assert browser.value("document.documentElement.scrollWidth <= window.innerWidth")
            hidden = "[...document.querySelectorAll('#scenarios .wide, #thresholds .wide')].filter((it) => it.scrollWidth > it.clientWidth).length"
            assert browser.value(hidden) == 0
        complaints = [text for text in browser.complaints if "400" not in text]
        assert complaints == []
        relay.cut()
        browser.wait_for("document.getElementById('head').textContent.includes('does not answer')")
        relay.listen()
        browser.wait_for("!document.getElementById('head').textContent.includes('does not answer')")
        first = browser.value(tile)
        browser.wait_for(f"{tile} !== '{first}'")
        started.process.send_signal(signal.SIGSTOP)  # it hangs: no connection is closed
        wait_for_status("no answer")
        assert browser.value("document.title").startswith("no answer: ")
        assert browser.value("['pause', 'stop', 'set'].every((id) => document.getElementById(id).disabled)")
        started.process.send_signal(signal.SIGCONT)
        wait_for_status("running")
        browser.wait_for("!document.getElementById('stop').disabled")
        browser.value("document.getElementById('stop').click()")
        browser.value("document.getElementById('stop').click()")
        wait_for_status("STOPPED")
        assert "stopped by control: stopped on the page" in browser.value("document.querySelector('.verdict').textContent")
    finally:
        browser.close()
        relay.cut()
    assert started.end() == 4
    numbers = started.result()["summary"]["metrics"]["iterations"]
    assert numbers["count"] > 0 and started.result()["run"]["adjustments"][0]["value"] == 3
