"""pganchor forecast: what it says of a day, and what psql does on it. The judge is libfaketime: a psql that lives at that moment."""

import datetime
import json
import re
import subprocess

import pytest
from cryptography import x509

import services
from certificates import make_root, pem, write_crl
from services import pin_files, policy, write

MINUTE = 1 / (24 * 60)
DAY = datetime.timedelta(days=1)


def not_after(certificate):
    return certificate.not_valid_after.replace(tzinfo=datetime.timezone.utc)


def leaf_of(issued):
    return x509.load_pem_x509_certificate(issued.cert.read_bytes())


def moment(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)


def forecast(home, *args, status=3, **kwargs):
    done = services_run(home, *args, "--json", **kwargs)
    assert done.returncode == status, done.stdout + done.stderr
    return json.loads(done.stdout)


def services_run(home, *args, env=None, **kwargs):
    return home.pganchor("forecast", *args, env=services.environment(home, env), **kwargs)


def told(report):
    """[(kind, moment, whether a new leaf helps, whether it is behind another end)]."""
    return [(end["kind"], moment(end["at"]), end["renewing_leaf_helps"], end["behind"]) for end in report["ends"]]


def connects(home, server, when, service="prod"):
    """What a psql says that lives at this moment: None where it connects."""
    at = when.strftime("%Y-%m-%d %H:%M:%S")
    done = services.psql(home, f"service={service}", password=server.password,
                         env={"TZ": "UTC", "FAKETIME_DONT_RESET": "1"}, prefix=("faketime", "-f", f"{at}"))
    assert done.returncode in (0, 2), done.stderr
    return done.stderr if done.returncode else None


def holds(home, server, when, service="prod"):
    """What works a second before this moment does not at it."""
    before = connects(home, server, when - datetime.timedelta(seconds=1), service)
    assert before is None, before
    after = connects(home, server, when, service)
    assert after is not None and "certificate verify failed" in after, after


def add(home, server, name="prod", **settings):
    words = {"host": "localhost", "port": server.port, "user": server.user, "dbname": server.dbname, "sslmode": "verify-full",
             "gssencmode": "disable", **settings}
    path = home / services.USER
    before = path.read_text() if path.exists() else ""
    write(home, before + f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in words.items()))


@pytest.mark.parametrize("ends", ["leaf", "intermediate", "root"])
def test_what_ends_first_is_when_psql_stops(home, make_postgres, tmp_path, ends):
    days = {name: (-1, 3 + 4 * place if name == ends else 40 + 10 * place) for place, name in enumerate(("leaf", "intermediate", "root"))}
    root = make_root("Company Root CA", days=days["root"])
    middle = root.intermediate(days=days["intermediate"])
    issued = middle.issue(tmp_path, "localhost", days=days["leaf"])
    server = make_postgres(*issued)
    pin_files(home, ("company", root, "localhost", "root.crt"))
    add(home, server)
    certificates = {"leaf": leaf_of(issued), "intermediate": middle.cert, "root": root.cert}
    when = not_after(certificates[ends])
    report = forecast(home, "--days", "30")
    assert told(report) == [(ends, when, ends == "leaf", False)]
    assert report["ends"][0]["anchor"] == ("company" if ends == "root" else None)
    holds(home, server, when)
    # What is behind it is told as well.
    later = sorted(((not_after(certificate), name) for name, certificate in certificates.items() if name != ends))
    report = forecast(home)
    assert told(report)[1:] == [(name, at, False, True) for at, name in later]
