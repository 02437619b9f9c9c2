"""Root directories of Debian releases, made by mmdebstrap: machines of their own, with programs and libraries of their age."""

import hashlib
import os
import re
import subprocess
from pathlib import Path

# For what root alone may do: to make a machine in a directory, and to go there by chroot(2).
ROOT = [] if os.geteuid() == 0 else ["sudo", "-n"]
# What is mounted then is that command's alone. Where / is a directory that somebody went into by chroot(2), there is no mount whose
# propagation could be changed; and none that would reach others.
OWN_MOUNTS = ["unshare", "--mount", *([] if re.search(r"^\d+ \d+ \S+ \S+ / ", Path("/proc/self/mountinfo").read_text(), re.M)
                                      else ["--propagation", "unchanged"])]
# A mirror's copy of sid may be older than its Release file allows; it is no less what Debian has signed.
STALE = 'Acquire::Check-Valid-Until "false";\n'

# The Debian that the tests run on.
HERE = "bookworm"
# Every libpq that the gate is tried with, and the Debian that has it. A new one is a line here; test_exports.py and
# test_every_setting.py then say which functions and keywords are new.
LIBPQS = {15: HERE, 17: "trixie", 18: "sid", 19: "experimental"}


def run(*argv, **kwargs):
    done = subprocess.run([str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", **kwargs)
    assert done.returncode == 0, f"{' '.join(map(str, argv))} ended with {done.returncode}:\n{done.stdout[-6000:]}"
    return done.stdout


def apt_targets():
    """This machine's own sources, sorted: (URI, suite, component)."""
    listed = run("apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages")
    return sorted({tuple(line.split()) for line in listed.splitlines() if re.match(rf"\S+ {HERE}\S* \S+$", line)})


def apt_sources(release):
    """Sources of a release as lines, from where this machine has its own; none where it has none, and mmdebstrap then takes
    Debian's. Of another release than this machine's, the main archive alone. Experimental is no release: what it lacks is sid's."""
    if release == "experimental":
        return [line.replace(" sid ", f" {suite} ") for suite in ("sid", "experimental") for line in apt_sources("sid")]
    if release == HERE:
        return [f"deb {uri} {suite} {component}" for uri, suite, component in apt_targets()]
    return [f"deb {uri} {release} main" for uri, suite, component in apt_targets() if (suite, component) == (HERE, "main")]


def apt_options():
    """How this machine's apt reaches them (proxies and the like), as lines of apt.conf."""
    dump = run("apt-config", "dump", "--no-empty", "--format", '%f "%v";%n', "Acquire")
    return "".join(line + "\n" for line in dump.splitlines() if re.match(r"Acquire::(https?|Check)\b", line))


# What a machine of experimental has of it, and no more: else half of sid would come along.
FROM_EXPERIMENTAL = "Package: libpq5 libpq-dev libpq-oauth postgresql-*19\nPin: release a=experimental\nPin-Priority: 990\n"


# Nobody needs such a machine after a power cut, or reads its manuals.
QUICKLY = ["force-unsafe-io", "path-exclude=/usr/share/man/*", "path-exclude=/usr/share/locale/*", "path-exclude=/usr/share/doc/*",
           "path-include=/usr/share/doc/*/copyright"]


def make_tarball(release, variant, packages, directory, more_options="", architectures=None):
    """The tarball of a minimal machine with these packages, made once: kept in the cache of the tests where there is one,
    else in `directory`."""
    wanted = ",".join(sorted(packages))
    sources = apt_sources(release)
    if architectures:
        # A mirror need not have all of another architecture.
        sources = [source for source in sources if source.endswith(f" {release} main")]
    key = hashlib.sha256("\n".join([variant, wanted, architectures or "", *sources]).encode()).hexdigest()[:16]
    tarball = Path(os.environ.get("PGANCHOR_TEST_CACHE") or directory) / f"{release}-{key}.tar"
    if not tarball.exists():
        options = Path(directory) / f"apt-{release}.conf"
        if release == "experimental":
            preferences = Path(directory) / "experimental.pref"
            preferences.write_text(FROM_EXPERIMENTAL)
            more_options += f'Dir::Etc::preferences "{preferences}";\n'
        options.write_text(apt_options() + more_options)
        # Two runs at the same time each make their own, and either will do.
        made = f"{tarball}.{os.getpid()}"
        run(*ROOT, "mmdebstrap", "--mode=root", "--format=tar", f"--variant={variant}", f"--include={wanted}",
            f"--aptopt={options}", *(f"--dpkgopt={option}" for option in QUICKLY), *([f"--architectures={architectures}"] if architectures else []),
            "sid" if release == "experimental" else release, made, *sources)
        run(*ROOT, "mv", made, tarball)
    return tarball


def unpack(tarball, directory):
    run(*ROOT, "tar", "-xp", "--numeric-owner", "-C", directory, "-f", tarball)


def take_away(directory):
    run(*ROOT, "rm", "-rf", "--one-file-system", directory)
