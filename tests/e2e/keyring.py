"""A real gnome-keyring on a bus of its own, as a desktop's session has it, without a display: what would ask the user fails."""

import base64
import os
import re
import signal
import subprocess
import uuid

import pytest

from processes import Daemon, as_user

PASSWORD = "the keyring's own"
SECONDS = 30
SECRETS = "org.freedesktop.secrets"


class Keyring:
    """environment: what a command needs to reach it. It is started unlocked."""

    def __init__(self, directory):
        self.directory = directory
        runtime = directory / "run"
        for made in (directory, runtime):
            made.mkdir(mode=0o700)
        # The daemon that D-Bus starts where there is none keeps its files in this home, too.
        self._own = {"PATH": os.environ["PATH"], "HOME": str(directory), "XDG_RUNTIME_DIR": str(runtime), "LC_ALL": "C.UTF-8"}
        self.bus = Daemon(["dbus-daemon", "--session", "--nofork", "--nopidfile", f"--address=unix:path={runtime}/bus",
                           "--print-address"], directory / "bus.log", env=self._own)
        self.bus.wait_for("^unix:path=")
        self.environment = {"XDG_RUNTIME_DIR": str(runtime), "DBUS_SESSION_BUS_ADDRESS": f"unix:path={runtime}/bus"}
        self.process = None
        self.start()

    def _gdbus(self, *words, check=True):
        done = subprocess.run(["gdbus", *map(str, words)], env={**self._own, **self.environment}, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=SECONDS)
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout

    def _ask_bus(self, method, *words, check=True):
        return self._gdbus("call", "--session", "--dest", "org.freedesktop.DBus", "--object-path", "/org/freedesktop/DBus",
                           "--method", f"org.freedesktop.DBus.{method}", *words, check=check)

    @property
    def pid(self):
        """The process that has the keyring now; None where there is none."""
        said = re.search(r"uint32 (\d+)", self._ask_bus("GetConnectionUnixProcessID", SECRETS, check=False))
        return int(said[1]) if said else None

    def start(self, password=PASSWORD):
        """Another password than the keyring's leaves it locked, as a login without one does."""
        self.process = subprocess.Popen(
            as_user(["gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets"], None),
            env={**self._own, **self.environment}, stdin=subprocess.PIPE, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=open(self.directory / "keyring.log", "a", encoding="utf-8"))
        self.process.stdin.write(password.encode())
        self.process.stdin.close()
        self._gdbus("wait", "--session", "--timeout", SECONDS, SECRETS)

    def lock(self):
        said = self._gdbus("call", "--session", "--dest", SECRETS, "--object-path", "/org/freedesktop/secrets",
                           "--method", "org.freedesktop.Secret.Service.Lock", "['/org/freedesktop/secrets/aliases/default']")
        assert "aliases/default" in said or "collection/login" in said, said

    def stop(self):
        """It answers nothing, and does not end."""
        os.kill(self.process.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)

    def cont(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def kill(self):
        """And nobody has it then, until D-Bus starts one for who asks, which may be at once."""
        self.process.kill()
        self.process.wait(SECONDS)
        while self.pid == self.process.pid:
            pass

    def restart(self, password=PASSWORD):
        self.end_all()
        self.start(password)

    def end_all(self):
        """Ends the one that D-Bus may have started, too."""
        if self.process.poll() is None:
            self.cont()
            self.kill()
        pid = self.pid
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
        while pid is not None and self.pid == pid:
            pass

    def end(self):
        if self.bus.process.poll() is None:
            self.end_all()
            self.bus.stop()


@pytest.fixture
def keyring(tmp_path):
    """A Keyring for one test: .environment .lock() .stop() .cont() .kill() .start(password) .restart(password) .pid"""
    made = Keyring(tmp_path / "keyring")
    yield made
    made.end()


KDBX = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<KeePassFile><Meta><Generator>KeePassXC</Generator><DatabaseName>passwords</DatabaseName><CustomData><Item>
<Key>FDO_SECRETS_EXPOSED_GROUP</Key><Value>{{{group}}}</Value></Item></CustomData></Meta>
<Root><Group><UUID>{uuid}</UUID><Name>Root</Name></Group></Root></KeePassFile>
"""
# It waits within a search for its dialog, where all of its databases are locked.
KEEPASSXC_INI = """[General]
ConfigVersion=2
UpdateCheckMessageShown=true
[GUI]
CheckForUpdates=false
[FdoSecrets]
Enabled=true
ConfirmAccessItem=false
ConfirmDeleteItem=false
UnlockBeforeSearch=true
"""


class KeePassXC:
    """The same by KeePassXC, with a database that it shows to whoever asks on the bus."""

    def __init__(self, directory):
        runtime, group = directory / "run", uuid.uuid4()
        config = directory / "home/.config/keepassxc"
        for made in (directory, runtime):
            made.mkdir(mode=0o700)
        config.mkdir(parents=True)
        (config / "keepassxc.ini").write_text(KEEPASSXC_INI)
        self._own = {"PATH": os.environ["PATH"], "HOME": str(directory / "home"), "XDG_RUNTIME_DIR": str(runtime), "TMPDIR": str(runtime),
                     "QT_QPA_PLATFORM": "offscreen", "LC_ALL": "C.UTF-8"}
        self.bus = Daemon(["dbus-daemon", "--session", "--nofork", "--nopidfile", f"--address=unix:path={runtime}/bus",
                           "--print-address"], directory / "bus.log", env=self._own)
        self.bus.wait_for("^unix:path=")
        self.environment = {"XDG_RUNTIME_DIR": str(runtime), "DBUS_SESSION_BUS_ADDRESS": f"unix:path={runtime}/bus"}
        database = directory / "passwords.kdbx"
        database.with_suffix(".xml").write_text(KDBX.format(group=group, uuid=base64.b64encode(group.bytes).decode()))
        self._run(["keepassxc-cli", "import", "-p", database.with_suffix(".xml"), database], f"{PASSWORD}\n{PASSWORD}\n")
        self.process = subprocess.Popen(as_user(["keepassxc", "--pw-stdin", str(database)], None), env={**self._own, **self.environment},
                                        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
        self.process.stdin.write(f"{PASSWORD}\n")
        self.process.stdin.close()
        self._run(["gdbus", "wait", "--session", "--timeout", SECONDS, SECRETS])
        while "collection/passwords" not in self._get("", "Service", "Collections") or "false" not in self._locked():
            assert self.process.poll() is None

    def _run(self, words, input="", may_say=None):
        """What it prints; "" where it fails for the reason that it may have."""
        done = subprocess.run(list(map(str, words)), env={**self._own, **self.environment}, input=input, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=SECONDS)
        if done.returncode != 0 and may_say and may_say in done.stderr:
            return ""
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _get(self, path, interface, name):
        return self._run(["gdbus", "call", "--session", "--dest", SECRETS, "--object-path", f"/org/freedesktop/secrets{path}", "--method",
                          "org.freedesktop.DBus.Properties.Get", f"org.freedesktop.Secret.{interface}", name], may_say="UnknownObject")

    def _locked(self):
        """While it changes, the collection is off the bus for a moment."""
        return self._get("/collection/passwords", "Collection", "Locked")

    def lock(self):
        self._run(["keepassxc", "--lock"])
        while "true" not in self._locked():
            assert self.process.poll() is None

    def end(self):
        self.process.kill()
        self.process.wait(SECONDS)
        self.bus.stop()


@pytest.fixture
def keepassxc(tmp_path):
    """A KeePassXC for one test: .environment .lock()"""
    made = KeePassXC(tmp_path / "keepassxc")
    yield made
    made.end()
