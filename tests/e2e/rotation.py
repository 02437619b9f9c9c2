"""A real step-ca that moves to another root, and connections that are made all along."""

import json
import signal
import ssl
import threading
import time
import urllib.request

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from certificates import make_root
from certificates import pem as pem_of
from stepca import start_stepca

SECONDS = 60


class RotatingCA:
    """A step-ca of one test, whose roots are what the test says.

    old, new     its first root (as stepca.StepCA) and the one that it moves to (an Authority), which nobody has yet
    have(roots, issuer)   from now on it shows these roots (PEM texts), and its own certificate is the issuer's: None, its first
                          intermediate's, or an Authority below the new root
    """

    def __init__(self, ca):
        self.old = ca
        self.new = make_root("Next Root CA")
        self.issuer = self.new.intermediate("Next Intermediate CA")

    def __getattr__(self, name):
        return getattr(self.old, name)

    @property
    def old_root(self):
        return self.old.root_pem

    def have(self, roots, issuer=None):
        directory = self.old.directory
        path = directory / "config" / "ca.json"
        config = json.loads(path.read_text())
        names = []
        for number, text in enumerate(roots):
            names.append(str(directory / "certs" / f"shown-{number}.crt"))
            (directory / "certs" / f"shown-{number}.crt").write_text(text)
        config["root"] = names
        if issuer is not None:
            password = (directory / "password").read_bytes()
            (directory / "certs" / "next.crt").write_text(pem_of(issuer.cert))
            (directory / "secrets" / "next.key").write_bytes(
                issuer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password)))
            config["crt"], config["key"] = str(directory / "certs" / "next.crt"), str(directory / "secrets" / "next.key")
        path.write_text(json.dumps(config))
        # Reloaded as it runs: the port stays its own.
        self.old.daemon.process.send_signal(signal.SIGHUP)
        self._wait_for(roots, issuer)

    def _wait_for(self, roots, issuer):
        trusted = ssl.create_default_context(cadata=self.new.pem if issuer is not None else self.old_root)
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.old.url}/roots", context=trusted, timeout=SECONDS) as answer:
                    if [text.strip() for text in json.load(answer)["crts"]] == [text.strip() for text in roots]:
                        return
            except OSError:
                pass
        raise TimeoutError(f"step-ca never had its new roots:\n{self.old.daemon.text()}")


@pytest.fixture
def rotating_ca(tmp_path):
    ca = RotatingCA(start_stepca(tmp_path / "rotating"))
    yield ca
    ca.old.daemon.stop()


class Connecting:
    """Connects again and again in a thread of its own until it is stopped, and remembers what failed."""

    def __init__(self, connect):
        self.made, self.failed = 0, []
        self._connect, self._end, self._news = connect, threading.Event(), threading.Condition()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._end.is_set():
            why = self._connect()
            with self._news:
                self.made += 1
                if why:
                    self.failed.append(why)
                self._news.notify_all()
            self._end.wait(0.05)

    def some_more(self, count=3):
        """Wait until that many connections have been made from now on, begun and ended."""
        with self._news:
            wanted = self.made + count + 1
            assert self._news.wait_for(lambda: self.made >= wanted, 120), "no connection is made any more"

    def stop(self):
        self._end.set()
        self._thread.join(120)
        return self.failed


@pytest.fixture
def connecting():
    """Factory connecting(function) -> Connecting; the function connects once, and says what went wrong."""
    started = []

    def start(connect):
        started.append(Connecting(connect))
        return started[-1]

    yield start
    for one in started:
        one.stop()
