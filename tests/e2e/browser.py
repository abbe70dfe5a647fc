# SPDX-License-Identifier: MIT
"""A headless Chromium, steered over a pair of pipes (the DevTools protocol): what a page shows, and what its buttons do."""
from __future__ import annotations

import base64
import json
import os
import select
import subprocess
import time
from pathlib import Path
from typing import Any

SECONDS = 60


class Browser:
    """One page of a browser with a profile of its own in @folder."""

    def __init__(self, chromium: str, folder: Path) -> None:
        to_browser, self.writer = os.pipe()
        self.reader, from_browser = os.pipe()

        def at_three_and_four() -> None:
            high = [os.dup(os.dup(os.dup(fd))) for fd in (to_browser, from_browser)]
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self.process = subprocess.Popen(
            [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", f"--user-data-dir={folder}/browser",
             "--hide-scrollbars", "--remote-debugging-pipe", "about:blank"],
            close_fds=False, preexec_fn=at_three_and_four, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(folder), "LD_PRELOAD": ""},
        )  # fmt: skip
        os.close(to_browser)
        os.close(from_browser)
        self.text = b""
        self.last = 0
        self.complaints: list[str] = []
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(target for target in targets if target["type"] == "page")
        self.session = ""
        self.session = self.call("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """The result of a call."""
        message = self.ask(method, **params)
        assert "error" not in message, message
        result: dict[str, Any] = message["result"]
        return result

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """The answer to a call. What the page complains of meanwhile is kept."""
        self.last += 1
        session = {"sessionId": self.session} if getattr(self, "session", "") else {}
        os.write(self.writer, json.dumps({"id": self.last, "method": method, "params": params, **session}).encode() + b"\0")
        while True:
            message = self.receive()
            if message.get("method") == "Log.entryAdded":
                self.complaints.append(message["params"]["entry"]["text"])
            elif message.get("method") in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
                self.complaints.append(json.dumps(message["params"]))
            if message.get("id") == self.last:
                return message

    def receive(self) -> dict[str, Any]:
        while b"\0" not in self.text:
            ready, _, _ = select.select([self.reader], [], [], SECONDS)
            assert ready, "the browser says nothing"
            data = os.read(self.reader, 1 << 20)
            assert data, "the browser has ended"
            self.text += data
        line, self.text = self.text.split(b"\0", 1)
        message: dict[str, Any] = json.loads(line)
        return message

    def value(self, expression: str) -> Any:
        """What an expression is in the page; None while there is no page, or another one comes."""
        made = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True).get("result", {})
        return made["result"].get("value") if "result" in made and "exceptionDetails" not in made else None

    def wait_for(self, expression: str) -> Any:
        """Until an expression is true in the page."""
        end = time.monotonic() + SECONDS
        while not (value := self.value(expression)):
            shown = self.value("document.body.innerText")
            assert time.monotonic() < end, f"{expression} is never true; the page shows:\n{shown}\n{self.complaints}"
            time.sleep(0.05)
        return value

    def open(self, address: str) -> None:
        self.call("Page.navigate", url=address)

    def picture(self, path: Path, width: int, height: int, is_dark: bool = False) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}])
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]))

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.writer)
        os.close(self.reader)
