"""Debian's packages of other releases, verified by the archive's signature: sources, and programs that are unpacked, not installed."""

import re
import threading

from machines import FROM_EXPERIMENTAL, STALE, apt_options, apt_sources, run


class Apt:
    """apt-get with no state but a directory of its own, knowing the source packages, or with kind="deb" the others, of some Debian
    releases."""

    def __init__(self, directory, releases, kind="deb-src"):
        self.directory = directory
        self.one_at_a_time = threading.Lock()
        for name in ("lists/partial", "archives/partial"):
            (directory / name).mkdir(parents=True)
        lines = [line for release in releases for line in apt_sources(release)]
        assert lines, "this machine's apt has no sources of Debian 12 from which those of another release could be told"
        keys = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
        (directory / "sources.list").write_text("".join(re.sub("^deb ", f"{kind} {keys} ", line) + "\n" for line in lines))
        (directory / "experimental.pref").write_text(FROM_EXPERIMENTAL)
        (directory / "apt.conf").write_text(
            apt_options() + STALE +
            f'Dir::State "{directory}";\nDir::State::lists "{directory}/lists";\nDir::State::status "/dev/null";\n'
            f'Dir::Cache "{directory}";\nDir::Etc::sourcelist "{directory}/sources.list";\nDir::Etc::sourceparts "-";\n'
            f'Dir::Etc::preferences "{directory}/experimental.pref";\nDir::Etc::preferencesparts "-";\n'
            'Acquire::Languages "none";\nAPT::Sandbox::User "";\n')
        self.call("apt-get", "-q", "update", "--error-on=any")

    def call(self, program, *argv):
        return run(program, "-c", self.directory / "apt.conf", *argv, cwd=self.directory)

    def versions(self, package):
        """Those that apt knows, the newest first."""
        stanzas = self.call("apt-cache", "showsrc", "--only-source", package)
        return list(dict.fromkeys(re.findall(r"^Version: (.*)$", stanzas, re.M)))

    def source(self, package, directory):
        """Unpack the newest version of a source package that the mirrors have, patched as Debian builds it. Returns it."""
        versions = self.versions(package)
        for number, version in enumerate(versions):
            try:
                with self.one_at_a_time:
                    self.call("apt-get", "-q", "source", "--download-only", "--only-source", f"{package}={version}")
            except AssertionError:
                # A security update's binaries can be on a mirror that has not its source.
                if number + 1 == len(versions):
                    raise
                continue
            name = f"{package}_{version.split(':')[-1]}.dsc"
            # apt has verified these files by their signed list; their maintainer's own signature adds nothing to that.
            run("dpkg-source", "--no-check", "-q", "-x", name, directory, cwd=self.directory)
            return version
        raise AssertionError(f"{package}: apt knows no source package of this name")

    def unpack(self, package, wanted, directory):
        """Unpack the newest version of a package and, of all that it depends on, those whose names match."""
        plan = self.call("apt-get", "-q", "-s", "--no-install-recommends", "install", package)
        names = [name for name in re.findall(r"^Inst (\S+)", plan, re.M) if name == package or re.fullmatch(wanted, name)]
        self.call("apt-get", "-q", "download", *names)
        for deb in sorted(self.directory.glob("*.deb")):
            run("dpkg-deb", "--extract", deb, directory)
            deb.unlink()
