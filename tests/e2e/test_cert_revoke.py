"""cert revoke: at a real step-ca, for ever."""

from own_certificates import CERTS_CONF, DUE, cert, known, status


def test_revoked_is_not_renewed(home, stepca):
    crt, key = known(home, stepca, "app", days=DUE)
    before = crt.read_bytes()
    done = cert(home, "revoke", "client")
    assert done.returncode == 1 and "--yes" in done.stderr and status(home)[0] == 3
    assert "Would have client revoked" in cert(home, "revoke", "client", "-n").stdout and status(home)[0] == 3
    assert cert(home, "revoke", "client", "--reason", "because").returncode == 2
    done = cert(home, "revoke", "client", "--yes", "--reason", "key-compromise")
    assert done.returncode == 0 and "revoked" in done.stdout, done.stderr
    code, items = status(home)
    assert code == 1 and items["client"]["state"] == "broken" and "revoked" in items["client"]["fault"]
    assert cert(home, "renew", "--force").returncode == 1 and crt.read_bytes() == before and key.exists()
    # The CA itself says no as well.
    conf = home / CERTS_CONF
    conf.write_text("".join(line for line in conf.read_text().splitlines(True) if not line.startswith(("revoked", "failures", "tried", "why"))))
    done = cert(home, "renew", "--force")
    assert done.returncode == 1 and "it may have been revoked" in done.stderr, done.stderr


def test_a_person_is_asked_before(home, stepca):
    known(home, stepca, "app")
    done = home.pganchor_tty("cert", "revoke", "client", answers=[("Type yes", "no")])
    assert done.returncode == 1 and "nothing was changed" in done.output
    done = home.pganchor_tty("cert", "revoke", "client", answers=[("Type yes", "yes")])
    assert done.returncode == 0 and status(home)[0] == 1
