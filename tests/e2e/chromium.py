"""A real browser, asked over its debugging pipe: what a page looks like, and what it comes to on paper. One start is for all of a module."""

import base64
import contextlib
import json
import os
import select
import subprocess
import time

import pytest

BOUND = 120  # seconds for one answer, on a machine that has much else to do


class Chromium:
    """.errors: what a page was refused or got wrong, as the browser's log has it."""

    def __init__(self, directory):
        self.errors, self.number = [], 0
        to_read, self.to = os.pipe()
        self.come, to_write = os.pipe()

        def places():
            # Above them first: either may be where the other goes.
            ends = os.dup2(to_read, 90), os.dup2(to_write, 91)
            for end, place in zip(ends, (3, 4)):
                os.dup2(end, place)

        self.said = open(directory / "chromium.log", "wb")
        self.process = subprocess.Popen(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
             "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
             f"--user-data-dir={directory}/chromium", "--remote-debugging-pipe", "about:blank"],
            env={"PATH": os.environ["PATH"], "HOME": str(directory), "LANG": "C.UTF-8"}, stdin=subprocess.DEVNULL, stdout=self.said, stderr=self.said,
            preexec_fn=places, pass_fds=(3, 4), start_new_session=True)
        os.close(to_read)
        os.close(to_write)
        self.buffer, self.session = b"", None
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Log", "Runtime", "Network"):
            self.ask(f"{domain}.enable")

    def next(self):
        """The next message."""
        until = time.monotonic() + BOUND
        while b"\0" not in self.buffer:
            assert select.select([self.come], [], [], max(0, until - time.monotonic()))[0], "the browser does not answer"
            data = os.read(self.come, 1 << 20)
            assert data, "the browser has ended"
            self.buffer += data
        message, self.buffer = self.buffer.split(b"\0", 1)
        return self.note(json.loads(message))

    def note(self, message):
        if message.get("method") == "Log.entryAdded":
            self.errors.append(message["params"]["entry"]["text"])
        if message.get("method") == "Network.requestWillBeSent" and not message["params"]["request"]["url"].startswith(("file:", "about:")):
            self.errors.append(message["params"]["request"]["url"])
        return message

    def ask(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.to, data):]
        while True:
            answer = self.next()
            if answer.get("id") == self.number:
                assert "result" in answer, answer
                return answer["result"]

    def open(self, path, width=1280, height=900, scheme="light"):
        """Shows a file, in a window so wide."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.ask("Emulation.setEmulatedMedia", media="screen", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.ask("Page.navigate", url=path.as_uri())
        while self.next().get("method") != "Page.loadEventFired":
            pass

    def value(self, expression):
        """What the expression comes to in the page, which itself runs nothing."""
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def picture(self):
        """The window, as a PNG."""
        return base64.b64decode(self.ask("Page.captureScreenshot")["data"])

    def printed(self, path):
        """A PDF of it, on A4."""
        self.ask("Emulation.clearDeviceMetricsOverride")
        self.ask("Emulation.setEmulatedMedia", media="", features=[])
        path.write_bytes(base64.b64decode(self.ask("Page.printToPDF", paperWidth=8.27, paperHeight=11.69, preferCSSPageSize=True,
                                                   printBackground=False, generateTaggedPDF=True)["data"]))

    def stop(self):
        self.session = None
        with contextlib.suppress(AssertionError, OSError):
            self.ask("Browser.close")
        os.close(self.to)
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.come)
        self.said.close()


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    browser = Chromium(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.stop()
