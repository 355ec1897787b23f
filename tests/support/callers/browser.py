"""Drives a real Chromium by its DevTools protocol: opens pages, types and clicks as people do, and looks."""

from __future__ import annotations

import base64
import json
import os
import select
import shlex
import signal
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.support.callers.chromium import FLAGS

_LIMIT_S: Final = 30.0
_CHUNK: Final = 1 << 20
_KEYS: Final = {
    "Enter": ("Enter", 13, "\r"),
    "Escape": ("Escape", 27, ""),
    "ArrowDown": ("ArrowDown", 40, ""),
    "ArrowRight": ("ArrowRight", 39, ""),
}
Json = Any


class Browser:
    """One process of Chromium. Calls are answered in their order, so no thread is needed."""

    def __init__(self, binary: str, folder: Path) -> None:
        to_browser, ours = os.pipe()
        theirs, from_browser = os.pipe()[::-1]
        flags = (*FLAGS, "--remote-debugging-pipe", f"--user-data-dir={folder / 'profile'}", "about:blank")
        # Chromium reads from descriptor 3 and writes to 4, whatever numbers the pipes have here.
        line = f"exec {shlex.join((binary, *flags))} 3<&{to_browser} 4>&{theirs}"
        with (folder / "chromium.log").open("ab") as log:
            self._process = subprocess.Popen(
                ["bash", "-c", line], pass_fds=(to_browser, theirs), stdout=log, stderr=log, start_new_session=True
            )
        os.close(to_browser)
        os.close(theirs)
        self._write, self._read = ours, from_browser
        self._rest = b""
        self._number = 0
        self._tabs: dict[str, Tab] = {}

    def tab(
        self, url: str, *, dark: bool = False, width: int = 1200, height: int = 900, any_certificate: bool = False
    ) -> Tab:
        """Open a page in a context of its own: it shares nothing with other tabs."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab = self._tabs[session] = Tab(self, session, context)
        for domain in ("Page", "Runtime", "Log", "Network"):
            tab.call(f"{domain}.enable")
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        tab.call("Emulation.setEmulatedMedia", features=[scheme])
        tab.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        tab.call("Security.setIgnoreCertificateErrors", ignore=any_certificate)
        tab.go(url)
        return tab

    def call(self, method: str, session: str = "", **parameters: Json) -> Json:
        """Call a method, and return its result. What happens meanwhile is noted in the tabs. Raises TimeoutError."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters} | (
            {"sessionId": session} if session else {}
        )
        os.write(self._write, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + _LIMIT_S
        while True:
            answer = self._next(deadline)
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            if (tab := self._tabs.get(answer.get("sessionId", ""))) is not None:
                tab.note(answer)

    def _next(self, deadline: float) -> Json:
        while b"\0" not in self._rest:
            left_s = deadline - time.monotonic()
            if left_s <= 0 or not select.select([self._read], [], [], left_s)[0]:
                raise TimeoutError("the browser does not answer")
            if not (chunk := os.read(self._read, _CHUNK)):
                raise AssertionError("the browser has ended")
            self._rest += chunk
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def close(self) -> None:
        os.close(self._write)
        os.close(self._read)
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


class Tab:
    """A page, and what went wrong in it."""

    def __init__(self, browser: Browser, session: str, context: str) -> None:
        self._browser = browser
        self._session = session
        self._context = context
        self.faults: list[str] = []
        """Exceptions that nobody caught, and what the browser refused, such as by the Content-Security-Policy."""
        self.requests: list[str] = []
        """The URLs of all requests."""

    def call(self, method: str, **parameters: Json) -> Json:
        return self._browser.call(method, self._session, **parameters)

    def note(self, event: Json) -> None:
        parameters = event["params"]
        match event["method"]:
            case "Runtime.exceptionThrown":
                self.faults.append(json.dumps(parameters["exceptionDetails"]))
            case "Log.entryAdded" if parameters["entry"]["source"] in ("security", "violation", "javascript"):
                self.faults.append(parameters["entry"]["text"])
            case "Network.requestWillBeSent":
                self.requests.append(parameters["request"]["url"])

    def go(self, url: str) -> None:
        self.call("Page.navigate", url=url)

    def look(self, expression: str) -> Json:
        """Return the value of an expression, or what its promise comes to."""
        result = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, (expression, result["exceptionDetails"])
        return result["result"].get("value")

    def until(self, expression: str, within_s: float = _LIMIT_S) -> Json:
        """Wait until an expression is true for a picture of the page, and return its value."""
        deadline = time.monotonic() + within_s
        waiting = f"""new Promise(resolve => {{
            const end = performance.now() + 5000;
            const look = () => {{
                let value = false;
                try {{ value = ({expression}); }} catch {{ }}
                if (value || performance.now() > end) resolve(value instanceof Node || value);
                else requestAnimationFrame(look);
            }};
            look();
        }})"""
        while True:
            try:
                value = self.look(waiting)
            except AssertionError as error:
                # The page was left while it was looked at.
                if "context" not in str(error) and "navigated" not in str(error):
                    raise
                value = None
            if value:
                return value
            assert time.monotonic() < deadline, (expression, self.text(), self.faults)

    def text(self) -> str:
        return str(self.look("document.body.innerText"))

    def until_text(self, *texts: str, within_s: float = _LIMIT_S) -> None:
        for text in texts:
            self.until(f"document.body.innerText.includes({json.dumps(text)})", within_s)

    def click(self, selector: str, text: str = "") -> None:
        """Click in the middle of the first element that matches, and has the text."""
        found = f"""(() => {{
            const found = [...document.querySelectorAll({json.dumps(selector)})].find(one =>
                one.textContent.includes({json.dumps(text)}) && one.checkVisibility() && !one.disabled);
            found?.scrollIntoView({{block: "center"}});
            const box = found?.getBoundingClientRect();
            return box && {{x: box.x + box.width / 2, y: box.y + box.height / 2}};
        }})()"""
        place = self.until(found)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **place)

    def type(self, selector: str, text: str) -> None:
        """Replace what a field holds, as by the keyboard."""
        # What is not seen cannot have the focus, as a field of a dialog that is about to open.
        self.until(f"document.querySelector({json.dumps(selector)})?.checkVisibility()")
        self.look(f"(one => {{ one.focus(); one.select(); }})(document.querySelector({json.dumps(selector)}))")
        self.call("Input.insertText", text=text)

    def choose(self, selector: str, value: str) -> None:
        """Choose an option of a list, whose menu is not a part of the page."""
        self.until(f"document.querySelector({json.dumps(selector)})")
        chosen = f"one.value = {json.dumps(value)}; one.dispatchEvent(new Event('change', {{bubbles: true}}))"
        self.look(f"(one => {{ {chosen}; }})(document.querySelector({json.dumps(selector)}))")

    def press(self, key: str) -> None:
        code, number, text = _KEYS[key]
        event = {"key": key, "code": code, "windowsVirtualKeyCode": number}
        self.call("Input.dispatchKeyEvent", type="keyDown", **event, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **event)

    def picture(self, path: Path, max_height: int) -> None:
        """Write the page into a file, also what is below the window: PNG, JPEG or WebP, by the name of the file."""
        width, height = self.look("[innerWidth, document.documentElement.scrollHeight]")
        area = {"x": 0, "y": 0, "width": width, "height": min(height, max_height), "scale": 1}
        format_ = path.suffix.removeprefix(".")
        picture = self.call("Page.captureScreenshot", format=format_, clip=area, captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(picture["data"]))

    def close(self) -> None:
        self._browser.call("Target.disposeBrowserContext", browserContextId=self._context)


@contextmanager
def running_browser(binary: str, folder: Path) -> Generator[Browser]:
    browser = Browser(binary, folder)
    try:
        yield browser
    finally:
        browser.close()
