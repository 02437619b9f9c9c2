"""Anchors of roots that no CA serves: pinned out of files, with services that use them."""

import json
import os

from bootstrapping import CONF, MANIFEST, ROOT_CRT, SOURCES  # noqa: F401
from certificates import make_root
from services import environment, write

COMPANY_AND_OTHER = (make_root("Company Root CA", days=(-1, 400)), make_root("Other Root CA", days=(-1, 400)))
RENAMES = "rename,renameat,renameat2,unlink,unlinkat"


def own(name, ending="crt"):
    return f".config/pganchor/anchors/{name}.{ending}"


def anchor(home, *args, env=None, **kwargs):
    return home.pganchor("anchor", *args, env=environment(home, env), **kwargs)


def done(result, status=0):
    assert result.returncode == status, result.stderr
    return result


def told(result, status=0):
    """The JSON of a command that ends so."""
    return json.loads(done(result, status).stdout)


def add(home, name, authority, *args):
    """Pins it out of a file, as whoever has got one does."""
    path = home.path.parent / f"{name}.pem"
    path.write_text(authority.pem)
    done(anchor(home, "add", path, "--fingerprint", authority.fingerprint, "--name", name, *args))


def listed(home, *args, **kwargs):
    """{name: anchor} of anchor list --json."""
    return {one["anchor"]: one for one in told(anchor(home, "list", "--json", *args, **kwargs))["anchors"]}


def services_of(listed_anchor):
    return [use["service"] for use in listed_anchor["services"]]


def service(home, name, host, roots=None, file=".pg_service.conf", more=""):
    """Writes an entry behind those that are there."""
    path = home / file
    before = path.read_text() if path.exists() else ""
    line = f"sslrootcert={roots}\n" if roots is not None else ""
    write(home, f"{before}[{name}]\nhost={host}\nsslmode=verify-full\n{line}{more}\n", file)


def content(home):
    """What a home has but for the manifest, in which the tool notes what it made, and times."""
    return {path: entry._replace(mtime_ns=None) for path, entry in home.snapshot().items() if path != MANIFEST}


def killed(home, number, *args):
    """The command, killed as it makes its number-th rename or removal."""
    return home.run(["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={RENAMES}", "-e",
                     f"inject={RENAMES}:signal=SIGKILL:when={number}", "--", home.program.binary, "anchor", *args],
                    env=environment(home, {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}))


def broken(home, number, *args):
    """The same with an error in the place of its number-th rename."""
    renames = "rename,renameat,renameat2"
    return home.run(["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={renames}", "-e",
                     f"inject={renames}:error=EIO:when={number}", "--", home.program.binary, "anchor", *args],
                    env=environment(home, {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}))
