"""What a profile comes to on a machine: the files of /etc and the unit of systemd, for packages and for an Ansible role.

pganchor itself reads the profile, and says what is wrong with it: nothing of its format is known here.
"""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ETC = "etc/pganchor"
UNITS = "usr/lib/systemd/user"
TEMPLATE = Path(__file__).resolve().parent


class File(NamedTuple):
    content: bytes
    config: bool = True  # the administrator's to change
    mode: int = 0o644


def stop(what, way=""):
    print(f"{Path(sys.argv[0]).name}: {what}" + (f"\n    {way}" if way else ""), file=sys.stderr)
    sys.exit(1)


class Profile:
    """A profile that pganchor has read, and the files beside it."""

    def __init__(self, path, key=None, pganchor="pganchor", anchors=True):
        self.path, self.anchors = Path(path), anchors
        signature = self.path.parent / f"{self.path.name}.minisig"
        self.signature = signature.read_bytes() if signature.exists() else None
        if key and self.signature is None:
            stop(f"{path}: it is not signed: there is no {signature}", "minisign -S -m FILE; or leave out --key")
        words = [pganchor, "profile", str(self.path.absolute()), "--json", *(["--public-key", str(Path(key).absolute())] if key else [])]
        try:
            done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        except OSError as error:
            stop(f"{pganchor}: {error.strerror}", "pganchor reads the profile: install it here, or name it by --pganchor")
        if done.returncode != 0:
            sys.exit(1)  # it has said why
        [self.read] = json.loads(done.stdout)["profiles"]
        # The package is about the bytes that pganchor has read.
        self.bytes = self.path.read_bytes()
        if hashlib.sha256(self.bytes).hexdigest() != self.read["digest"]:
            stop(f"{path}: has changed meanwhile")
        self.key = Path(key).read_bytes() if key else None

    @property
    def name(self):
        return self.read["profile"]

    @property
    def version(self):
        return self.read["version"]

    @property
    def unit(self):
        return f"pganchor-onboard-{self.name}"

    def files(self):
        """{path below the root directory: File}, sorted."""
        found = {f"{ETC}/profile.d/{self.name}.profile": File(self.bytes)}
        if self.signature is not None:
            found[f"{ETC}/profile.d/{self.name}.profile.minisig"] = File(self.signature)
        if self.key is not None:
            found[f"{ETC}/profile-keys.d/{self.name}.pub"] = File(self.key)
        if self.anchors and self.read["anchors"]:
            found[f"{ETC}/anchors.d/{self.name}.conf"] = File(self.anchors_conf().encode())
            for anchor in self.read["anchors"]:
                if anchor["certificate"]:
                    found[f"{ETC}/anchors/{anchor['anchor']}.crt"] = File(anchor["certificate"].encode())
        if self.read["policy"]:
            found[f"{ETC}/policy.d/{self.name}.conf"] = File(self.policy_conf().encode())
        for suffix in ("service", "path"):
            text = (TEMPLATE / f"pganchor-onboard.{suffix}").read_text().replace("@NAME@", self.name)
            found[f"{UNITS}/{self.unit}.{suffix}"] = File(text.encode(), config=False)
        return dict(sorted(found.items()))

    def gone(self):
        """What an earlier version may have had in /etc and this one has not."""
        may = [f"profile.d/{self.name}.profile.minisig", f"profile-keys.d/{self.name}.pub", f"anchors.d/{self.name}.conf", f"policy.d/{self.name}.conf"]
        return [f"{ETC}/{path}" for path in may if f"{ETC}/{path}" not in self.files()]

    def links(self):
        """{path: what it leads to}: the units start with a user's first session."""
        return {f"{UNITS}/default.target.wants/{self.unit}.{suffix}": f"../{self.unit}.{suffix}" for suffix in ("path", "service")}

    def heading(self):
        return f"# Of the profile {self.name}, version {self.version}.\n"

    def anchors_conf(self):
        """Pins for every user; what a user's own onboarding fetches is bound by them."""
        text = self.heading()
        for anchor in self.read["anchors"]:
            for number, pin in enumerate(anchor["pins"]):
                name = anchor["anchor"] if number == 0 else f"{anchor['anchor'][:60]}-{number + 1}"
                text += (f"\n[{name}]\n" + (f"source = {anchor['source']}\n" if anchor["source"] else "") +
                         f"hosts = {' '.join(anchor['hosts'])}\nscope = {anchor['scope']}\npin = {pin}\n")
        return text

    def policy_conf(self):
        return self.heading() + "".join(f"{line['key']} = {line['value']}\n" for line in self.read["policy"])

    def package_name(self, name=None):
        name = name or f"{self.name.lower().replace('_', '-')}-pganchor-profile"
        if not re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", name):
            stop(f"{name}: not a name for a package", "--name NAME, of small letters, digits, +, . and -")
        return name
