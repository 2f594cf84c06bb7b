"""Chromium for tests: headless, cut off from the network, driven through its DevTools pipe.

One start serves many pages. Nothing but Chromium is needed: the protocol is JSON, each message ended by
a zero byte, on the file descriptors 3 and 4.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.tools import program

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND", "--remote-debugging-pipe",
)  # fmt: skip


class Browser:
    """A running Chromium."""

    def __init__(self, folder: str) -> None:
        here_in, there_out = os.pipe()
        there_in, here_out = os.pipe()
        # Chromium reads from descriptor 3 and writes to 4.
        script = f'exec 3<&{there_in} 4>&{there_out}; exec "$0" "$@"'
        self.process = subprocess.Popen(
            ["bash", "-c", script, program("chromium"), *FLAGS, f"--user-data-dir={folder}", "about:blank"],
            pass_fds=(there_in, there_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(there_in)
        os.close(there_out)
        self.into, self.out = here_out, here_in
        self.numbers = itertools.count(1)
        self.rest = b""
        self.events: list[dict[str, Any]] = []

    def close(self) -> None:
        """Ends the browser and waits for it."""
        try:
            self.call("Browser.close")
            self.process.wait(20)
        except (OSError, TimeoutError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        os.close(self.into)
        os.close(self.out)

    def call(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        """A command's answer."""
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": params}
        data = json.dumps(message | ({"sessionId": session} if session else {})).encode() + b"\0"
        while data:
            data = data[os.write(self.into, data) :]
        while (answer := self.next()).get("id") != number:
            self.events.append(answer)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    def next(self, seconds: float = 60.0) -> dict[str, Any]:
        """The next message."""
        end = time.monotonic() + seconds
        while b"\0" not in self.rest:
            ready, _, _ = select.select([self.out], [], [], max(0.0, end - time.monotonic()))
            chunk = os.read(self.out, 1 << 20) if ready else b""
            if not chunk:
                raise TimeoutError("Chromium says nothing more")
            self.rest += chunk
        line, _, self.rest = self.rest.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return message

    def wait(self, method: str, session: str) -> None:
        """Until an event has come."""
        while True:
            for event in self.events:
                if event.get("method") == method and event.get("sessionId") == session:
                    self.events.remove(event)
                    return
            self.events.append(self.next())

    def open(self, path: Path, width: int = 1000, height: int = 800) -> Tab:
        """A file in a tab of its own, with its fonts loaded."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab = Tab(self, target, session)
        tab.size(width, height)
        for domain in ("Page", "Network"):
            tab.call(f"{domain}.enable")
        tab.call("Page.navigate", url=path.resolve().as_uri())
        self.wait("Page.loadEventFired", session)
        tab.run("document.fonts.ready.then(() => true)")
        return tab


class Tab:
    """A page that is open."""

    def __init__(self, browser: Browser, target: str, session: str) -> None:
        self.browser, self.target, self.session = browser, target, session

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        return self.browser.call(method, self.session, **params)

    def run(self, script: str) -> Any:
        """The value of an expression of JavaScript, awaited."""
        done = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def size(self, width: int, height: int) -> None:
        """The size of the window."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def media(self, kind: str = "", scheme: str = "light") -> None:
        """As on screen or paper, light or dark."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", media=kind, features=features)

    def picture(self) -> bytes:
        """What the window shows, as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot")["data"])

    def paper(self) -> bytes:
        """The page printed, as PDF."""
        return base64.b64decode(self.call("Page.printToPDF", preferCSSPageSize=True)["data"])

    def asked(self) -> list[str]:
        """The addresses the page has asked for."""
        return [
            e["params"]["request"]["url"]
            for e in self.browser.events
            if e.get("method") == "Network.requestWillBeSent" and e.get("sessionId") == self.session
        ]

    def close(self) -> None:
        self.browser.call("Target.closeTarget", targetId=self.target)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser for as long as it is needed."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        browser = Browser(folder)
        try:
            yield browser
        finally:
            browser.close()
