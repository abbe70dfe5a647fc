# SPDX-License-Identifier: MIT
"""Several faces of one run at once: the page in a browser, the dashboard in a terminal, the commands and streams of events."""
from __future__ import annotations

import json
import os
import shlex
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser import Browser
from controlled import Control
from finished import Finished
from started import Started
from terminal import Terminal

ITERATIONS = 40
# teardown() waits until somebody opens the pipe.
SCRIPT = """
import asyncio, rampa
config = rampa.Config(options=rampa.Options(vus=2, iterations={iterations}), thresholds={{"http_reqs": ["count=={iterations}"]}})
async def default(worker):
    await worker.http.get("{url}/json", name="a page")
    await asyncio.sleep(0.02)
async def teardown(worker):
    print("all iterations have ended")
    await asyncio.get_running_loop().run_in_executor(None, lambda: open("gate").read())
"""
ENDLESS = """
import asyncio, rampa
@rampa.scenario(executor="constant-vus", vus=1, duration="10m")
async def browse(worker):
    await asyncio.sleep(0.05)
"""
STREAMS_MAX = 100

needs_browser = pytest.mark.skipif(
    "ASAN_OPTIONS" in os.environ or not shutil.which("chromium"), reason="the browser looks at the page of the ordinary build"
)


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="rampa-", dir="/tmp"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(path))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def browser(folder: Path) -> Iterator[Browser]:
    browser = Browser(str(shutil.which("chromium")), folder)
    yield browser
    browser.close()


def tile(title: str) -> str:
    return f"[...document.querySelectorAll('#tiles dt')].find((dt) => dt.textContent === '{title}')?.nextSibling.textContent"


@needs_browser
@pytest.mark.skipif(not shutil.which("tmux"), reason="no tmux")
def test_the_numbers_agree(
    browser: Browser, folder: Path, program: Path, script: Callable[..., Path], target: str, rampa: Callable[..., Finished], tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "gate")
    script(SCRIPT.format(url=target, iterations=ITERATIONS))
    terminal = Terminal(tmp_path, 100, 30)
    try:
        words = [str(program), "run", "script.py", "--tui", "--serve=127.0.0.1:0", "--out", "result.json"]
        terminal.command(f"{shlex.join(words)}; echo EXIT $?")
        screen = terminal.until_text("all iterations have ended")
        browser.open(rampa("status", "--browser", code=0).stdout.strip())
        browser.wait_for(f"{tile('requests')} === '{ITERATIONS}'")
        browser.wait_for("document.querySelectorAll('#plots canvas').length >= 2")
        control = Control(next(str(path) for path in (folder / "rampa").iterdir() if path.suffix == ".sock"))
        live = control.get("/v1/metrics")["metrics"]
        intervals = control.get("/v1/intervals")["intervals"]
        shown = json.loads(rampa("status", "--format", "json", code=0).stdout)
        (tmp_path / "gate").write_text("go")
        terminal.until_text("EXIT 0", "-S", "-200")
        browser.wait_for("document.getElementById('status').textContent === 'PASSED'")
        result = json.loads((tmp_path / "result.json").read_text())
        metrics = result["summary"]["metrics"]
        assert [number for number in screen.splitlines() if "a page" in number and f" {ITERATIONS} " in number], screen
        assert shown["status"] == "stopping" or shown["phase"] == "teardown"
        for name in ("http_reqs", "http_req_duration", "iterations", "iteration_duration"):
            for key in live[name].keys() & metrics[name].keys() - {"rate"}:
                assert live[name][key] == pytest.approx(metrics[name][key], rel=1e-12), (name, key)
        for title, key in (("median of all", "med"), ("p95 of all", "p(95)"), ("p99 of all", "p(99)")):
            assert browser.value(tile(title)) == browser.value(f"rampaCharts.text({metrics['http_req_duration'][key]}, 'ms')"), title
        written = [entry for entry in result["intervals"]["all"] if entry["start_s"] is not None]
        assert [entry["count"] for entry in intervals] == [entry["count"] for entry in written] and sum(e["count"] for e in intervals) == ITERATIONS
        for entry, own in zip(written, intervals, strict=True):
            for share, key in ((0.5, "med"), (0.95, "p(95)"), (0.99, "p(99)")):
                drawn = browser.value(f"rampaCharts.percentile({json.dumps(entry['buckets'])}, {share})")
                assert own[key] == pytest.approx(drawn, rel=1e-9), (own["start_s"], key)
        assert browser.complaints == []
    finally:
        terminal.tmux("kill-server")


# Remembers the streams of the page, so that a test can put events in.
CATCH = "window.EventSource = class extends EventSource { constructor(...words) { super(...words); (window.streams ||= []).push(this); } };"
FEED = """(() => {
  const stream = window.streams.at(-1);
  const tell = (type, data) => stream.dispatchEvent(new MessageEvent(type, { data: JSON.stringify(data) }));
  const names = ['http_reqs', 'http_req_failed', 'iterations', 'dropped_iterations', 'iteration_errors'];
  for (let i = 1; i <= COUNT; i++) {
    const metrics = Object.fromEntries(names.map((name) => [name, { count: i, passes: i, rate: 0.5 }]));
    tell('SnapshotEvent', { elapsed_ns: (1e6 + i) * 1e9, vus: 3, scenarios: [], metrics: { ...metrics, generator_cpu: { value: 0.1 } } });
    if (i % 10 === 0) tell('AdjustEvent', { scenario: 'browse', what: 'vus', value: 1, hold: false, at_ns: (1e6 + i) * 1e9, ns: i });
  }
})()"""

DRAW = """(() => {
  const step = () => {
    const at = 2e6 + performance.now();
    window.streams.at(-1).dispatchEvent(new MessageEvent('SnapshotEvent', { data: JSON.stringify({ elapsed_ns: at * 1e9, vus: 3, scenarios: [], metrics: {} }) }));
    requestAnimationFrame(() => { if (++window.drawn < COUNT) step(); });
  };
  step();
})()"""


@needs_browser
def test_a_page_that_is_open_for_long(browser: Browser, start: Callable[..., Started]) -> None:
    """It is refused its events as long as too many follow the run; and however many come, its memory is bounded."""
    started = start(ENDLESS, "--serve=127.0.0.1:0")
    control = Control(started.wait_for("control: socket ")[2], started.wait_for("control: http://")[1].split("/")[2])
    others = [control.events(after=0) for _ in range(STREAMS_MAX)]
    for events in others:
        next(events)
    browser.call("Page.addScriptToEvaluateOnNewDocument", source=CATCH)
    browser.open(control.post("/v1/browser")["address"])
    browser.wait_for("document.getElementById('head')?.textContent.includes('sends no events')")
    for events in others:
        events.close()  # type: ignore[attr-defined]
    browser.wait_for(tile("VUs"))
    browser.wait_for("!document.getElementById('head').textContent.includes('sends no events')")

    def used(count: int) -> tuple[float, int]:
        browser.value(FEED.replace("COUNT", str(count)))
        browser.call("HeapProfiler.collectGarbage")
        return browser.call("Runtime.getHeapUsage")["usedSize"], browser.value("document.querySelectorAll('*').length")

    first, before = used(3000)
    last, after = used(60000)
    assert last - first < 8e6  # all points would take 30 MB
    assert after - before < 100

    def kept(frames: int) -> tuple[float, float]:
        """What there is of the page, also off the screen, when it has been drawn so many times."""
        browser.value("window.drawn = 0")
        browser.value(DRAW.replace("COUNT", str(frames)))
        browser.wait_for(f"window.drawn === {frames}")
        counts = []
        for _ in range(5):  # one collection may leave what the last drawing still held
            browser.call("HeapProfiler.collectGarbage")
            counters = browser.call("Memory.getDOMCounters")
            counts.append((counters["nodes"], counters["jsEventListeners"]))
        return min(counts)

    (nodes, listeners), (more, further) = kept(20), kept(150)
    assert more - nodes < 300 and further - listeners < 50, (nodes, more, listeners, further)  # a drawing makes some 100 nodes
    control.post("/v1/stop")
    assert started.end() == 4
