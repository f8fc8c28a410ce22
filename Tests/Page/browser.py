"""Chromium without a window, driven over its DevTools protocol: real mouse, touch and key events.

https://chromedevtools.github.io/devtools-protocol/ — over a pair of pipes, so that nothing but Python's own
library is needed.
"""
import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
KEYS = {
    "Enter": (13, "\r"), "Escape": (27, ""), "Delete": (46, ""), "Backspace": (8, ""), "Tab": (9, ""),
    "ArrowLeft": (37, ""), "ArrowUp": (38, ""), "ArrowRight": (39, ""), "ArrowDown": (40, ""),
}
SHIFT, CONTROL, ALT = 8, 2, 1


def chromium():
    """The program, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class BrowserError(Exception):
    pass


class Browser:
    """One Chromium with one page."""

    def __init__(self, program):
        self.folder = tempfile.mkdtemp(prefix="chatspot-page-")
        to_browser, self.output = os.pipe()
        self.input, from_browser = os.pipe()
        arguments = [
            program, "--headless=new", "--remote-debugging-pipe", f"--user-data-dir={self.folder}",
            "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage", "--disable-extensions",
            "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
            "--password-store=basic", "about:blank",
        ]
        if os.geteuid() == 0:
            arguments.insert(1, "--no-sandbox")

        # The browser reads commands from descriptor 3 and writes to descriptor 4.
        def place_pipes():
            spare = [os.dup(to_browser), os.dup(from_browser)]
            high = [os.dup2(descriptor, number) for descriptor, number in zip(spare, (53, 54))]
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self.process = subprocess.Popen(
            arguments, preexec_fn=place_pipes, close_fds=False, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self.buffer = b""
        self.number = 0
        self.session = None
        self.problems = []
        self.requests = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.input)
        os.close(self.output)
        shutil.rmtree(self.folder, ignore_errors=True)

    # ------------------------------------------------------------ protocol

    def call(self, method, timeout=20, **parameters):
        self.number += 1
        number = self.number
        message = {"id": number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.output, data):]
        end = time.monotonic() + timeout
        while True:
            answer = self._receive(end, method)
            if answer.get("id") != number:
                continue
            if "error" in answer:
                raise BrowserError(f"{method}: {answer['error']['message']}")
            return answer["result"]

    def _receive(self, end, method):
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.input], [], [], max(0, end - time.monotonic()))
            if not ready:
                raise BrowserError(f"{method}: no answer in time")
            data = os.read(self.input, 1 << 16)
            if not data:
                raise BrowserError(f"{method}: the browser has ended")
            self.buffer += data
        message, self.buffer = self.buffer.split(b"\0", 1)
        message = json.loads(message)
        self._note(message)
        return message

    def _note(self, message):
        """Keeps what the page complains of and what it asks servers for."""
        parameters = message.get("params", {})
        match message.get("method"):
            case "Runtime.exceptionThrown":
                details = parameters["exceptionDetails"]
                self.problems.append(details.get("exception", {}).get("description") or details["text"])
            case "Log.entryAdded":
                entry = parameters["entry"]
                # A refused request is the server's answer; the page says it in words.
                if entry["level"] == "error" and entry["source"] != "network":
                    self.problems.append(entry["text"])
            case "Network.requestWillBeSent":
                self.requests.append((parameters["requestId"], parameters["request"]))

    # ------------------------------------------------------------ the page

    def open(self, url):
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def evaluate(self, expression, timeout=20):
        result = self.call(
            "Runtime.evaluate", timeout=timeout, expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise BrowserError(details.get("exception", {}).get("description") or details["text"])
        return result["result"].get("value")

    def wait(self, expression, timeout=15):
        """Until an expression is true; its value."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            value = self.evaluate(expression)
            if value not in (None, False, 0, ""):
                return value
            time.sleep(0.03)
        raise BrowserError(f"not in {timeout} s: {expression}")

    def text(self, selector):
        return self.evaluate(f"document.querySelector({json.dumps(selector)})?.innerText ?? null")

    def box(self, selector):
        """x, y, width, height on the screen, scrolled into view."""
        return self.wait(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); if (!e) return null;"
            " e.scrollIntoView({block: 'nearest'}); const r = e.getBoundingClientRect();"
            " return r.width ? [r.x, r.y, r.width, r.height] : null; })()")

    def screen(self, width, height, dark=False, touch=False, scale=1, reduced=True):
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=touch)
        self.call("Emulation.setTouchEmulationEnabled", enabled=touch, maxTouchPoints=2 if touch else 1)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if reduced else "no-preference"}])
        self.settle()

    def settle(self):
        """Two frames: what was changed is laid out."""
        self.evaluate("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => r())))")

    def screenshot(self, path):
        data = self.call("Page.captureScreenshot", format="png")["data"]
        Path(path).write_bytes(base64.b64decode(data))

    # ------------------------------------------------------------ mouse, touch, keys

    def mouse(self, kind, x, y, buttons=0, count=1, modifiers=0):
        self.call(
            "Input.dispatchMouseEvent", type=kind, x=x, y=y, modifiers=modifiers, buttons=buttons,
            button="none" if kind == "mouseMoved" and not buttons else "left",
            clickCount=0 if kind == "mouseMoved" else count)

    def click(self, x, y, count=1, modifiers=0):
        self.mouse("mouseMoved", x, y, modifiers=modifiers)
        self.mouse("mousePressed", x, y, 1, count, modifiers)
        self.mouse("mouseReleased", x, y, 0, count, modifiers)

    def click_on(self, selector):
        x, y, width, height = self.box(selector)
        self.click(x + width / 2, y + height / 2)

    def drag(self, *places, modifiers=0):
        """Presses at the first place, moves over the others in steps, and lets go at the last."""
        (x, y), *others = places
        self.mouse("mouseMoved", x, y, modifiers=modifiers)
        self.mouse("mousePressed", x, y, 1, modifiers=modifiers)
        for nx, ny in others:
            for step in range(1, 5):
                self.mouse("mouseMoved", x + (nx - x) * step / 4, y + (ny - y) * step / 4, 1, modifiers=modifiers)
            x, y = nx, ny
        self.mouse("mouseReleased", x, y, 0, modifiers=modifiers)

    def touch(self, *places):
        (x, y), *others = places
        self.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
        for nx, ny in others:
            for step in range(1, 5):
                point = {"x": x + (nx - x) * step / 4, "y": y + (ny - y) * step / 4}
                self.call("Input.dispatchTouchEvent", type="touchMove", touchPoints=[point])
                time.sleep(0.02)
            x, y = nx, ny
            # A finger that rests before it is lifted throws nothing.
            time.sleep(0.2)
        self.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def key(self, name, modifiers=0):
        code, text = KEYS[name]
        event = {"key": name, "code": name, "windowsVirtualKeyCode": code, "modifiers": modifiers}
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **event)
        self.call("Input.dispatchKeyEvent", type="keyUp", **event)

    def type(self, text):
        for letter in text:
            self.call("Input.dispatchKeyEvent", type="keyDown", key=letter, text=letter)
            self.call("Input.dispatchKeyEvent", type="keyUp", key=letter)
