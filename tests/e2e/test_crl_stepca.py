"""pganchor crl with the CRL of a real step-ca: by itself it would cut off the user. psql is the judge."""

import json

import pytest

from crl_stepca import crl_stepcas  # noqa: F401
from crls import CRLS_CONF, ROOT_CRL, crl
from services import bootstrap, write

pytestmark = pytest.mark.whole

NAME = ".pg_service.conf"


def have(home, **servers):
    """Service entries of these servers."""
    write(home, "".join(f"[{name}]\nhost=localhost\nport={server.port}\ndbname={server.dbname}\nuser={server.user}\nsslmode=verify-full\n"
                        for name, server in servers.items()), NAME)
    write(home, "".join(f"localhost:{server.port}:*:*:{server.password}\n" for server in servers.values()), ".pgpass").chmod(0o600)


def psql(home, service):
    return home.run(["psql", "-X", "-At", "-c", "SELECT 'through'", f"service={service}"])


def through(home, service):
    done = psql(home, service)
    return (done.returncode, done.stdout) == (0, "through\n")


def refused(home, service):
    done = psql(home, service)
    return (done.returncode, done.stdout) == (2, "") and "certificate verify failed" in done.stderr


def test_the_crl_alone(home, crl_stepcas, make_postgres):
    """It is for the certificates that name it as theirs, and step-ca's do not unless a template says so."""
    ca = crl_stepcas[False]
    have(home, plain=make_postgres(*ca.issue("localhost")))
    bootstrap(home, ca)
    assert through(home, "plain")
    before = home.snapshot()
    done = home.pganchor("crl", "add", ca.crl_url)
    assert done.returncode == 1 and done.stdout == "", done.stdout + done.stderr
    assert "OpenSSL 44" in done.stderr and "critical issuing distribution point" in done.stderr and ca.crl_url in done.stderr
    assert "that of CN=localhost" in done.stderr and "names none" in done.stderr and "crlDistributionPoints" in done.stderr
    assert home.snapshot() == before and through(home, "plain")


def test_pganchor_was_right(home, crl_stepcas, make_postgres):
    """What psql says of that CRL when it is put in place by hand, with the root's own."""
    ca = crl_stepcas[False]
    have(home, plain=make_postgres(*ca.issue("localhost")))
    bootstrap(home, ca)
    fetch = home.run(["curl", "-sSf", "--noproxy", "*", "--cacert", ca.root, "-o", home / "step.der", ca.crl_url])
    assert fetch.returncode == 0, fetch.stderr
    made = home.run(["openssl", "crl", "-inform", "DER", "-in", home / "step.der"])
    write(home, made.stdout.encode() + crl(ca.root_authority()), ROOT_CRL)
    assert refused(home, "plain")


def test_with_distribution_points_and_the_roots_own(home, crl_stepcas, make_postgres, tmp_path):
    ca = crl_stepcas[True]
    good, lost = ca.issue("localhost"), ca.issue("localhost")
    have(home, good=make_postgres(*good), lost=make_postgres(*lost))
    bootstrap(home, ca)
    assert through(home, "good") and through(home, "lost")

    before = home.snapshot()
    done = home.pganchor("crl", "add", ca.crl_url)
    assert done.returncode == 1 and "OpenSSL 3" in done.stderr and "OpenSSL 44" not in done.stderr, done.stdout + done.stderr
    assert "there is none of CN=Test Root CA" in done.stderr and home.snapshot() == before

    own = write(home, crl(ca.root_authority()), "ROOT.crl")
    done = home.pganchor("crl", "add", own, ca.crl_url)
    assert done.returncode == 0 and "tried on 2 servers: libpq takes 2" in done.stdout, done.stdout + done.stderr
    assert (home / ROOT_CRL).exists() and through(home, "good") and through(home, "lost")

    ca.revoke(*lost)
    assert through(home, "lost")  # nothing tells libpq until the list is fetched anew
    done = home.pganchor("crl", "refresh", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["servers_revoked"] == ["service lost, localhost"]
    assert {item["name"]: item["revoked"] for item in report["crls"]} == {"test-root-ca": 0, "test-intermediate-ca": 1}
    assert through(home, "good") and refused(home, "lost")

    assert home.pganchor("crl", "remove", "--all").returncode == 0
    assert not (home / ROOT_CRL).exists() and not (home / CRLS_CONF).exists() and through(home, "lost")
