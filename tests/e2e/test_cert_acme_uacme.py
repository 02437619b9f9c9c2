"""cert issue --acme where there is no lego, but uacme: by the directory of a web server, and from the version on that takes a CA's root."""

import json
import os
from pathlib import Path

import pytest

from acme import pebble  # noqa: F401
from certs import Pair
from own_certificates import CERTS_CONF

# bookworm's is 1.7.4, which verifies a CA by the system's store alone: where that has the root, it does what 1.7.6 does.
NEWER = '#!/bin/sh\n[ "$1" != --version ] || { echo "uacme: version 1.7.6"; exit; }\nexec /usr/bin/uacme "$@"\n'
TRUSTING = "mount --bind bed/tls.crt /etc/ssl/certs/ca-certificates.crt\n"
WEB = 'mkdir www\npython3 -m http.server --directory www --bind 127.0.0.1 80 >/dev/null 2>&1 &\nuntil curl -s http://127.0.0.1/ >/dev/null; do sleep 0.05; done\n'
ISSUE = ("pganchor cert issue db.example.test --for server --acme {acme} --out-cert server.crt --out-key server.key {owner} --as db "
         "--http-01 {where}")


@pytest.fixture
def path(home):
    """PATH of a machine that has all but lego, and this uacme."""
    def of(script):
        (home / "bin").mkdir()
        for program in Path("/usr/bin").iterdir():
            if program.name not in ("lego", "uacme"):
                (home / "bin" / program.name).symlink_to(program)
        if script is not None:
            (home / "bin/uacme").write_text(script)
            (home / "bin/uacme").chmod(0o755)
        return {"PATH": f"{home.program.binary.parent}:{home / 'bin'}:/usr/sbin:/sbin"}

    return of


def issue(home, env, where):
    words = ISSUE.format(acme="https://localhost:1/dir", owner="--owner root" if os.geteuid() == 0 else "", where=where)
    return home.run(words.split(), env=env)


def test_issued_and_renewed(home, pebble, path):  # noqa: F811
    words = ISSUE.format(acme='"$acme"', owner="--owner root", where='"$PWD/www"')
    done = pebble(TRUSTING + WEB + words + "\ncp server.crt first.crt\npganchor cert renew db --force --json >renewed", **path(NEWER))
    assert done.returncode == 0, done.stderr
    now = Pair(home / "server.crt", home / "server.key")
    assert now.matches() and now.names() == ["db.example.test"] and len(now.chain()) == 2
    assert (home / "first.crt").read_bytes() != now.certificate.read_bytes()
    assert json.loads((home / "renewed").read_text())["certificates"][0]["change"] == "renewed"
    account = home / ".config/pganchor/acme/db"
    assert (account / "uacme/private/key.pem").stat().st_mode & 0o077 == 0 and not (account / "request-cert.pem").exists()
    assert not list((home / "www/.well-known/acme-challenge").iterdir())
    assert "uacme" in (home / CERTS_CONF).read_text()


@pytest.mark.parametrize("version", ["1.7.4", "1.6.9", "0.9.9"])
def test_one_that_is_too_old(home, path, version):
    done = issue(home, path(f"#!/bin/sh\necho uacme: version {version}\n"), home / "www")
    assert done.returncode == 1 and f"uacme {version} is too old: from 1.7.6 on it takes the root of a CA\n    apt install lego" in done.stderr
    assert not (home / "server.key").exists()


@pytest.mark.parametrize("script, where, says", [
    (NEWER, ":80", "the directory of a web server alone"), (NEWER, "/nowhere", "could not make /nowhere/.well-known/acme-challenge"),
    ("#!/bin/sh\necho nothing of a version\n", "/nowhere", "too old"), (None, ":80", "lego could not be run"),
])
def test_what_it_cannot_do(home, path, script, where, says):
    done = issue(home, path(script), where)
    assert done.returncode == 1 and says in done.stderr, done.stderr
    assert not (home / "server.key").exists()
