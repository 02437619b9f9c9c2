"""pganchor crl: revocation lists that do not cut off the user. psql is the judge of what libpq does with them."""

import json
import re

import pytest

from certificates import KEYS, make_root
from crls import CRLS_CONF, ROOT_CRL, crl, scope
from services import add, entry, pin_files, write
from tracing import NO_LEAKS

NAME = ".pg_service.conf"


@pytest.fixture(scope="module")
def root():
    return make_root("Root of the company")


@pytest.fixture(scope="module")
def ca(root):
    """An intermediate, which signs the servers."""
    return root.intermediate("Issuing CA")


@pytest.fixture(scope="module")
def other():
    return make_root("Root of others", organisation="Others")


@pytest.fixture(scope="module")
def leaves(root, ca, other, tmp_path_factory):
    directory = tmp_path_factory.mktemp("leaves")
    return {"plain": root.issue(directory, "localhost"), "deep": ca.issue(directory, "localhost"), "other": other.issue(directory, "localhost")}


@pytest.fixture(scope="module")
def servers(clusters, leaves):
    """plain: by the root; deep: by its intermediate; other: by another root."""
    started = {name: clusters.start(*leaf) for name, leaf in leaves.items()}
    yield started
    for server in started.values():
        server.stop()


@pytest.fixture
def crl_home(home, root, other):
    """A home in which both roots are pinned, and in root.crt."""
    pin_files(home, ("company", root, "*", "root.crt"), ("others", other, "*", "root.crt"))
    write(home, root.pem + other.pem, ".postgresql/root.crt")
    return home


def have(home, servers, *names, **settings):
    """Service entries of these servers, as pganchor writes them."""
    text = ""
    for name in names:
        every = {"host": "localhost", "port": servers[name].port, "dbname": servers[name].dbname, "user": servers[name].user,
                 "sslmode": "verify-full", **settings}
        text += f"# {name}\n[{name}]\n" + "".join(f"{key}={value}\n" for key, value in every.items()) + "\n"
    return write(home, text, NAME)


def psql(home, server, service):
    return home.run(["psql", "-X", "-At", "-c", "SELECT 'through'", f"service={service}"], env={"PGPASSWORD": server.password})


def through(home, servers, name):
    done = psql(home, servers[name], name)
    return done.returncode == 0 and done.stdout == "through\n"


def run(home, *args, status=0, **kwargs):
    done = home.pganchor("crl", *args, **kwargs)
    assert done.returncode == status, done.stdout + done.stderr
    return done


def refused(home, *args, **kwargs):
    """What it says; nothing was changed."""
    before = home.snapshot()
    done = run(home, *args, status=1, **kwargs)
    assert home.snapshot() == before and done.stdout == ""
    return done.stderr


def contents(home):
    """All that is there, but for pganchor's note of what it has made, and locks of those that were killed."""
    return {name: entry.content for name, entry in home.snapshot().items() if not name.endswith(("pganchor/manifest", ".pganchor.lock"))}


def crls_of(home):
    return {item["name"]: item for item in json.loads(run(home, "list", "--json").stdout)["crls"]}


def test_a_revoked_server_is_refused_and_the_others_are_not(crl_home, root, servers, leaves, tmp_path, make_postgres):
    revoked = root.issue(tmp_path, "localhost")
    all_servers = {**servers, "revoked": make_postgres(*revoked)}
    have(crl_home, all_servers, "plain", "revoked")
    before = contents(crl_home)
    assert through(crl_home, all_servers, "plain") and through(crl_home, all_servers, "revoked")
    write(crl_home, crl(root, revoked.cert), "root.crl")
    done = run(crl_home, "add", crl_home / "root.crl")
    assert "service revoked, localhost: its certificate is revoked: libpq refuses the server" in done.stderr
    assert "1 certificate revoked" in done.stdout and "tried on 2 servers: libpq takes 1" in done.stdout
    assert through(crl_home, all_servers, "plain") and not through(crl_home, all_servers, "revoked")
    item, = crls_of(crl_home).values()
    assert (item["name"], item["anchor"], item["revoked"], item["state"]) == ("root-of-the-company", "company", 1, "in-place")
    assert item["file"] == str(crl_home / ROOT_CRL) and item["source"] == str(crl_home / "root.crl") and item["days_left"] == 29
    assert "root-of-the-company" in run(crl_home, "list").stdout
    run(crl_home, "remove", item["name"])
    (crl_home / "root.crl").unlink()
    assert contents(crl_home) == before
    assert through(crl_home, all_servers, "revoked")


def test_dry_run(crl_home, root, servers):
    have(crl_home, servers, "plain")
    write(crl_home, crl(root), "root.crl")
    before = crl_home.snapshot()
    done = run(crl_home, "add", crl_home / "root.crl", "--dry-run")
    assert "would add root-of-the-company" in done.stdout and crl_home.snapshot() == before
    assert json.loads(run(crl_home, "add", crl_home / "root.crl", "-n", "-j").stdout)["crls"][0]["change"] == "added"
    run(crl_home, "add", crl_home / "root.crl")
    after = crl_home.snapshot()
    for args in (("remove", "--all", "-n"), ("refresh", "-n"), ("add", crl_home / "root.crl", "-n")):
        run(crl_home, *args)
        assert crl_home.snapshot() == after


@pytest.mark.parametrize("form", ["PEM", "DER"])
def test_from_standard_input(crl_home, root, servers, form):
    have(crl_home, servers, "plain")
    path = write(crl_home, crl(root, form=form), "given.crl")
    done = crl_home.run(["sh", "-c", f"pganchor crl add - <{path}"])
    assert done.returncode == 0, done.stderr
    assert crls_of(crl_home)["root-of-the-company"]["source"] is None
    assert "cannot be fetched anew" in run(crl_home, "refresh", status=1).stderr
    assert through(crl_home, servers, "plain")


def test_every_ca_of_the_chain(crl_home, root, ca, servers):
    """libpq sets CRL_CHECK_ALL: one of the two alone cuts the server off."""
    have(crl_home, servers, "deep")
    write(crl_home, crl(ca), "ca.crl")
    write(crl_home, crl(root), "root.crl")
    said = refused(crl_home, "add", crl_home / "ca.crl")
    assert "libpq wants a CRL of every CA of the chain, and there is none of CN=Root of the company" in said and "OpenSSL 3" in said
    assert "pganchor crl add ROOT.crl URL" in said
    said = refused(crl_home, "add", crl_home / "root.crl")
    assert "there is none of CN=Issuing CA" in said
    run(crl_home, "add", crl_home / "root.crl", crl_home / "ca.crl")
    assert set(crls_of(crl_home)) == {"root-of-the-company", "issuing-ca"}
    assert through(crl_home, servers, "deep")
    # One of them taken out would be as bad.
    assert "without it, libpq would refuse a server: service deep" in refused(crl_home, "remove", "root-of-the-company")
    run(crl_home, "remove", "--all")
    assert not (crl_home / ROOT_CRL).exists() and not (crl_home / CRLS_CONF).exists()


def test_as_step_ca_makes_them(crl_home, root, servers, https_ca, tmp_path, make_postgres):
    """A critical issuing distribution point, and certificates that name none; and those that do."""
    point = "https://localhost/1.0/crl"
    ca = root.intermediate("Step CA")
    plain, named = ca.issue(tmp_path, "localhost"), ca.issue(tmp_path, "localhost", points=[point])
    write(crl_home, crl(ca, idp=scope(point)), "ca.crl")
    write(crl_home, crl(root), "root.crl")
    step = {"step": make_postgres(*plain)}
    have(crl_home, step, "step")
    for files in (["ca.crl"], ["ca.crl", "root.crl"]):
        said = refused(crl_home, "add", *(crl_home / file for file in files))
        assert "OpenSSL 44" in said and point in said and "that of CN=localhost" in said and "names none" in said
        assert "critical issuing distribution point" in said and "crlDistributionPoints" in said
        assert ("there is none of CN=Root of the company" in said) == (len(files) == 1)
    step = {"step": make_postgres(*named)}
    have(crl_home, step, "step")
    said = refused(crl_home, "add", crl_home / "ca.crl")
    assert "OpenSSL 3" in said and "distribution point" not in said
    run(crl_home, "add", crl_home / "ca.crl", crl_home / "root.crl")
    assert through(crl_home, step, "step")


@pytest.mark.parametrize("kind, why", [
    ({"idp": scope(only_contains_ca_certs=True)}, "for certificates of CAs alone (onlyContainsCACerts), and that of CN=localhost"),
    ({"idp": scope(indirect_crl=True)}, "indirect CRL"),
    ({"idp": scope(only_contains_attribute_certs=True)}, "attribute certificates alone"),
    ({"delta": 1, "number": 2}, "delta CRL"),
    ({"days": (1, 2)}, "is not valid before"),
    ({"days": (-3, -1)}, "has expired, on"),
    ({"key": KEYS["p256"]()}, "is not signed by the key of CN=Root of the company"),
], ids=["CAs alone", "indirect", "attributes", "delta", "not yet", "expired", "forged"])
def test_what_cannot_be_used(crl_home, root, servers, kind, why):
    have(crl_home, servers, "plain")
    write(crl_home, crl(root, **kind), "root.crl")
    assert why in refused(crl_home, "add", crl_home / "root.crl")


@pytest.mark.parametrize("content, why", [
    (b"", "neither a CRL in DER form nor PEM"), (b"\0" * 100, "neither a CRL"), (b"0" + b"\x82" * 50, "no X.509 CRL"),
    (b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", "no X.509 CRL"),
    (b"-----BEGIN X509 CRL-----\nAAAA", "damaged PEM"), (None, "no CRL: CERTIFICATE"),
], ids=["empty", "NULs", "DER", "PEM", "cut", "certificate"])
def test_what_is_none(crl_home, root, servers, content, why):
    have(crl_home, servers, "plain")
    write(crl_home, content if content is not None else root.pem, "root.crl")
    assert why in refused(crl_home, "add", crl_home / "root.crl")


def test_of_somebody_else(crl_home, servers):
    have(crl_home, servers, "plain")
    write(crl_home, crl(make_root("Nobody")), "root.crl")
    assert "neither a pinned root nor in the chain of a server" in refused(crl_home, "add", crl_home / "root.crl")


def test_other_anchors_would_be_cut_off(crl_home, root, servers):
    """With any CRL in root.crl, libpq wants those of all CAs; the anchor's own file is for its services alone."""
    have(crl_home, servers, "plain", "other")
    write(crl_home, crl(root), "root.crl")
    said = refused(crl_home, "add", crl_home / "root.crl")
    assert "service other, localhost: " in said and "there is none of CN=Root of others" in said
    assert "--anchor company" in said
    assert said == refused(crl_home, "add", crl_home / "root.crl", "--yes")
    before = (crl_home / NAME).read_bytes()
    done = run(crl_home, "add", crl_home / "root.crl", "--anchor", "company")
    own = crl_home / ".config/pganchor/anchors/company.crl"
    assert "sslcrl of service plain" in done.stdout and own.exists() and not (crl_home / ROOT_CRL).exists()
    assert dict(entry(crl_home, "plain"))["sslcrl"] == str(own) and "sslcrl" not in dict(entry(crl_home, "other"))
    assert through(crl_home, servers, "plain") and through(crl_home, servers, "other")
    run(crl_home, "remove", "--all")
    assert (crl_home / NAME).read_bytes() == before and not own.exists()


def test_a_scoped_anchor(home, root, servers, leaves, tmp_path):
    pin_files(home, ("company", root, "*", "scoped"))
    have(home, servers, "plain", sslrootcert=home / ".config/pganchor/anchors/company.crt")
    write(home, crl(root, leaves["plain"].cert), "root.crl")
    done = run(home, "add", home / "root.crl")
    assert "is revoked" in done.stderr and not (home / ROOT_CRL).exists()
    assert dict(entry(home, "plain"))["sslcrl"].endswith("anchors/company.crl")
    assert "certificate revoked" in done.stdout and not through(home, servers, "plain")


def without_blank_end(home):
    """An entry that goes takes the blank line in front of it with it."""
    (home / NAME).write_bytes((home / NAME).read_bytes().rstrip() + b"\n")


@pytest.mark.parametrize("how", ["--anchor", "its file", "its hosts"])
def test_a_service_that_is_added_later(home, root, servers, leaves, tmp_path, make_postgres, how):
    """It is bound to the anchor's CRLs as those are that were there, and refuses a server that is revoked."""
    revoked = root.issue(tmp_path, "localhost")
    both = {"plain": servers["plain"], "revoked": make_postgres(*revoked)}
    pin_files(home, ("company", root, "localhost", "scoped" if how == "its file" else "root.crt"))
    have(home, both, "plain", sslrootcert=home / ".config/pganchor/anchors/company.crt")
    without_blank_end(home)
    write(home, crl(root, revoked.cert), "root.crl")
    run(home, "add", home / "root.crl", "--anchor", "company")
    before = contents(home)
    given = {"--anchor": ["--anchor", "company"], "its file": [f"sslrootcert={home / '.config/pganchor/anchors/company.crt'}"], "its hosts": []}[how]
    for name, server in (("revoked", both["revoked"]), ("good", both["plain"])):
        done = add(home, name, "host=localhost", f"port={server.port}", f"dbname={server.dbname}", f"user={server.user}", *given)
        assert done.returncode == 0, done.stderr
        assert dict(entry(home, name))["sslcrl"] == str(home / ".config/pganchor/anchors/company.crl")
    assert psql(home, both["plain"], "good").stdout == "through\n"
    done = psql(home, both["revoked"], "revoked")
    assert done.returncode != 0 and "certificate verify failed" in done.stderr
    assert psql(home, both["revoked"], "revoked sslcrl=''").stdout == "through\n"
    # The user's own word stays.
    own = write(home, crl(root), "own.crl")
    assert add(home, "own", "host=localhost", f"sslcrl={own}", *given).returncode == 0
    assert dict(entry(home, "own"))["sslcrl"] == str(own)
    own.unlink()
    for name in ("revoked", "good", "own"):
        assert home.pganchor("service", "remove", name).returncode == 0
    assert contents(home) == before
    run(home, "remove", "--all")
    assert add(home, "later", "host=localhost", *given).returncode == 0 and "sslcrl" not in dict(entry(home, "later"))


def test_a_service_that_is_added_later_and_not_bound(crl_home, root, servers):
    """Two anchors are valid for its host: which one the server has is not known, and that is told."""
    have(crl_home, servers, "plain", "other")
    write(crl_home, crl(root), "root.crl")
    run(crl_home, "add", crl_home / "root.crl", "--anchor", "company")
    done = add(crl_home, "new", "host=localhost", f"port={servers['other'].port}")
    assert done.returncode == 0 and "sslcrl" not in dict(entry(crl_home, "new"))
    assert "anchor company: its CRLs are for the services that name it" in done.stderr and '"--anchor company"' in done.stderr
    done = add(crl_home, "named", "host=localhost", "--anchor", "others")
    assert done.returncode == 0 and "CRL" not in done.stderr and "sslcrl" not in dict(entry(crl_home, "named"))
    done = add(crl_home, "all", "host=localhost", "--anchor", "company", "--system", env={"PGSYSCONFDIR": crl_home / "machine"})
    assert done.returncode == 1
    before = crl_home.snapshot()
    (crl_home / CRLS_CONF).write_text("nonsense\n")
    done = add(crl_home, "broken", "host=localhost", "--anchor", "company")
    assert done.returncode == 1 and "crls.conf" in done.stderr
    assert (crl_home / NAME).read_bytes() == before[NAME].content


@pytest.mark.parametrize("last", ["as they are", "crl remove"])
def test_uninstall_of_a_service_that_was_added_later(home, root, servers, last):
    write(home, root.pem, ".postgresql/root.crt")
    have(home, servers, "plain")
    without_blank_end(home)
    before = contents(home)
    assert home.pganchor("anchor", "add", home / ".postgresql/root.crt", "--name", "company", "--yes",
                         "--fingerprint", root.fingerprint).returncode == 0
    write(home, crl(root), "root.crl")
    run(home, "add", home / "root.crl", "--anchor", "company")
    assert add(home, "new", "host=localhost", f"port={servers['plain'].port}").returncode == 0
    assert "sslcrl" in dict(entry(home, "new"))
    (home / "root.crl").unlink()
    if last == "crl remove":
        run(home, "remove", "--all", "--yes")
    done = home.pganchor("uninstall", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert contents(home) == before


def test_a_service_with_crls_of_its_own(home, root, servers):
    pin_files(home, ("company", root, "*", "scoped"))
    write(home, crl(root), "own.crl")
    text = have(home, servers, "plain", sslrootcert=home / ".config/pganchor/anchors/company.crt", sslcrl=home / "own.crl").read_bytes()
    write(home, crl(root, number=2), "root.crl")
    done = run(home, "add", home / "root.crl", "--yes")
    assert "has CRLs of its own" in done.stderr and (home / NAME).read_bytes() == text


def test_servers_that_are_not_reached(crl_home, root, servers, tmp_path):
    have(crl_home, servers, "plain")
    with open(crl_home / NAME, "a", encoding="ascii") as file:
        file.write("[gone]\nhost=localhost\nport=1\nsslmode=verify-full\n")
    write(crl_home, crl(root), "root.crl")
    said = refused(crl_home, "add", crl_home / "root.crl")
    assert "could not be tried, and may be cut off by the CRL: service gone, localhost: " in said and "--yes" in said
    answers = [("Type yes: ", "no")]
    before = crl_home.snapshot()
    asked = crl_home.pganchor_tty("crl", "add", crl_home / "root.crl", answers=answers)
    assert asked.returncode == 1 and "service gone" in asked.output and crl_home.snapshot() == before
    asked = crl_home.pganchor_tty("crl", "add", crl_home / "root.crl", answers=[("Type yes: ", "yes")])
    assert asked.returncode == 0 and through(crl_home, servers, "plain")


def test_no_server_at_all(crl_home, root, servers):
    write(crl_home, crl(root), "root.crl")
    assert "there is no server to try the CRL on" in refused(crl_home, "add", crl_home / "root.crl")
    run(crl_home, "add", crl_home / "root.crl", "--host", f"localhost:{servers['plain'].port}")
    assert crls_of(crl_home)


def test_a_host_that_it_would_cut_off(crl_home, root, servers):
    write(crl_home, crl(root), "root.crl")
    said = refused(crl_home, "add", crl_home / "root.crl", "--host", f"localhost:{servers['deep'].port}")
    assert "there is none of CN=Issuing CA" in said


@pytest.mark.parametrize("end", [b"\n", b"", b"\r\n"], ids=["line end", "no line end", "CRLF"])
def test_what_is_the_users_stays(crl_home, root, other, servers, end):
    """Through add, refresh and remove, root.crl of the user's is there to the byte."""
    have(crl_home, servers, "plain", "other")
    own = b"# mine\r\n\r\n" + crl(other).rstrip(b"\n") + end
    write(crl_home, own, ROOT_CRL)
    before = contents(crl_home)
    write(crl_home, crl(root), "root.crl")
    assert not through(crl_home, servers, "plain")  # for want of this root's
    run(crl_home, "add", crl_home / "root.crl")
    assert (crl_home / ROOT_CRL).read_bytes().startswith(own) and through(crl_home, servers, "plain") and through(crl_home, servers, "other")
    write(crl_home, crl(root, number=2), "root.crl")
    assert "replaced" in run(crl_home, "refresh").stdout
    assert (crl_home / ROOT_CRL).read_bytes().startswith(own) and through(crl_home, servers, "other")
    run(crl_home, "remove", "--all", "--yes")
    (crl_home / "root.crl").unlink()
    assert contents(crl_home) == before


def test_the_users_own_is_never_taken_for_ours(crl_home, root, servers):
    have(crl_home, servers, "plain")
    write(crl_home, crl(root), ROOT_CRL)
    before = (crl_home / ROOT_CRL).read_bytes()
    write(crl_home, before, "root.crl")
    assert "it stays yours" in run(crl_home, "add", crl_home / "root.crl").stdout
    assert crls_of(crl_home) == {} and (crl_home / ROOT_CRL).read_bytes() == before
    run(crl_home, "remove", "--all")
    assert (crl_home / ROOT_CRL).read_bytes() == before


def test_what_became_the_users(crl_home, root, servers):
    """A block that somebody has put another CRL into is left, and named."""
    have(crl_home, servers, "plain")
    write(crl_home, crl(root), "root.crl")
    run(crl_home, "add", crl_home / "root.crl")
    text = (crl_home / ROOT_CRL).read_bytes()
    changed = text[:text.index(b"-----BEGIN")] + crl(root, number=7)
    (crl_home / ROOT_CRL).write_bytes(changed)
    assert crls_of(crl_home)["root-of-the-company"]["state"] == "changed"
    assert "changed by another hand" in run(crl_home, "refresh", status=1).stderr
    assert (crl_home / ROOT_CRL).read_bytes() == changed
    done = run(crl_home, "remove", "--all")
    assert "what is there is yours, and stays" in done.stderr and (crl_home / ROOT_CRL).read_bytes() == changed
    assert crls_of(crl_home) == {}


def test_what_would_hide_it(crl_home, root, servers):
    """libpq asks for no CRL at all where one block is damaged: it would be put there and do nothing."""
    have(crl_home, servers, "plain")
    write(crl_home, "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", ROOT_CRL)
    write(crl_home, crl(root), "root.crl")
    assert "would hide the CRL from libpq" in refused(crl_home, "add", crl_home / "root.crl")


def test_twice(crl_home, root, servers):
    have(crl_home, servers, "plain")
    write(crl_home, crl(root), "root.crl")
    run(crl_home, "add", crl_home / "root.crl")
    before = (crl_home / ROOT_CRL).read_bytes()
    assert "already" in run(crl_home, "add", crl_home / "root.crl").stdout
    assert (crl_home / ROOT_CRL).read_bytes() == before
    write(crl_home, crl(root, number=5), "root.crl")
    assert "replaced root-of-the-company" in run(crl_home, "add", crl_home / "root.crl").stdout
    write(crl_home, crl(root, number=4), "root.crl")
    assert "earlier" in refused(crl_home, "add", crl_home / "root.crl")
    assert len(crls_of(crl_home)) == 1 and (crl_home / ROOT_CRL).read_bytes().count(b"BEGIN") == 1


def test_those_that_the_certificates_name(crl_home, root, https_ca, make_postgres, tmp_path):
    from hostile import reply
    answers = {}
    web = https_ca(answers, authority=root)
    ca = root.intermediate("Named CA", points=[f"{web.url}/root.crl"])
    leaf = ca.issue(tmp_path, "localhost", points=["ldap://localhost/x", f"{web.url}/ca.crl"])
    answers.update({"/root.crl": reply(crl(root, form="DER")), "/ca.crl": reply(crl(ca, leaf.cert))})
    named = {"named": make_postgres(*leaf)}
    have(crl_home, named, "named")
    done = run(crl_home, "add", "--service", "named")
    assert "is revoked" in done.stderr and not through(crl_home, named, "named")
    assert {item["source"] for item in crls_of(crl_home).values()} == {f"{web.url}/root.crl", f"{web.url}/ca.crl"}
    answers["/ca.crl"] = reply(crl(ca, number=2))
    assert "named-ca: replaced" in run(crl_home, "refresh").stdout
    assert through(crl_home, named, "named")


def test_certificates_that_name_none(crl_home, servers):
    have(crl_home, servers, "plain")
    assert "name no CRL" in refused(crl_home, "add")
    assert "no service with TLS" in refused(crl_home, "add", "--anchor", "others")


def test_refresh(crl_home, root, ca, servers, leaves):
    have(crl_home, servers, "plain")
    path = write(crl_home, crl(root, number=5), "root.crl")
    run(crl_home, "add", path)
    assert run(crl_home, "refresh", "--due").stdout == ""
    assert json.loads(run(crl_home, "refresh", "--due", "--json").stdout)["crls"][0]["change"] == "not-due"
    assert "there is no newer one" in run(crl_home, "refresh").stdout
    kept = (crl_home / ROOT_CRL).read_bytes()
    for content, why in ((crl(root, number=4), "its number is not above"), (crl(root, leaves["plain"].cert, number=5), "its number is not above"),
                         (crl(root, number=None), "its number is not above"), (crl(root, number=6, days=(-2, 30)), "an earlier CRL"),
                         (crl(root, number=6, key=ca.key), "not signed by the key"), (crl(ca), "for what this one is for"),
                         (crl(root, number=6, days=(-3, -2)), "has expired"), (b"nothing", "neither a CRL")):
        path.write_bytes(content)
        done = run(crl_home, "refresh", "root-of-the-company", status=1)
        assert why in done.stderr, done.stderr
        assert (crl_home / ROOT_CRL).read_bytes() == kept
    path.write_bytes(crl(root, leaves["plain"].cert, number=0x10))
    done = run(crl_home, "refresh", "--json")
    report = json.loads(done.stdout)
    assert report["crls"][0]["change"] == "replaced" and report["servers_revoked"] == ["service plain, localhost"]
    assert not through(crl_home, servers, "plain")
    assert "there is none of this name" in run(crl_home, "refresh", "none", status=1).stderr


def test_due_is_half_way(crl_home, root, servers):
    have(crl_home, servers, "plain")
    path = write(crl_home, crl(root, days=(-10, 9)), "root.crl")
    run(crl_home, "add", path)
    path.write_bytes(crl(root, days=(-9, 12), number=2))
    assert "replaced" in run(crl_home, "refresh", "--due").stdout
    assert run(crl_home, "refresh", "--due").stdout == ""


def test_status_warns(crl_home, root, servers):
    have(crl_home, servers, "plain")
    path = write(crl_home, crl(root, days=(-10, 2)), "root.crl")
    run(crl_home, "add", path)
    assert "\nends next CRL root-of-the-company on " in crl_home.pganchor("status").stdout
    finding, = (found for found in json.loads(crl_home.pganchor("status", "--json").stdout)["findings"] if found["id"].startswith("crl"))
    assert finding["id"] == "crl-expires-soon" and finding["severity"] == "warning" and "crl refresh root-of-the-company" in finding["hint"]
    path.unlink()
    assert "No such file" in run(crl_home, "refresh", "--due", status=1).stderr
    notices = crl_home / ".local/state/pganchor/notices"
    assert "the CRL root-of-the-company was not refreshed" in notices.read_text()
    write(crl_home, crl(root, days=(-9, 30), number=2), "root.crl")
    run(crl_home, "refresh", "--due")
    assert "the CRL" not in (notices.read_text() if notices.exists() else "")
    conf = crl_home / CRLS_CONF
    conf.write_text(re.sub("(?m)^next-update = .*$", "next-update = 2026-01-01T00:00:00Z", conf.read_text()))
    assert '"crl-expired"' in crl_home.pganchor("status", "--json").stdout
    conf.write_text("nonsense\n")
    assert '"crls-unreadable"' in crl_home.pganchor("status", "--json").stdout


def test_with_its_anchor(crl_home, root, servers):
    """Nobody would refresh the CRLs of an anchor that is gone: they go with it, in one transaction."""
    have(crl_home, servers, "plain", "other")
    before = (crl_home / NAME).read_bytes()
    write(crl_home, crl(root), "root.crl")
    run(crl_home, "add", crl_home / "root.crl", "--anchor", "company")
    inside = contents(crl_home)
    done = crl_home.pganchor("anchor", "remove", "company", "--dry-run")
    assert "its CRL root-of-the-company" in done.stdout and contents(crl_home) == inside, done.stderr
    done = crl_home.pganchor("anchor", "remove", "company", "--yes")
    assert done.returncode == 0 and "sslcrl of service plain" in done.stdout, done.stderr
    assert crls_of(crl_home) == {} and (crl_home / NAME).read_bytes() == before
    assert not (crl_home / ".config/pganchor/anchors/company.crl").exists() and through(crl_home, servers, "other")


@pytest.mark.parametrize("place", [[], ["--anchor", "company"]], ids=["root.crl", "the anchor's"])
def test_uninstall(home, root, other, servers, place):
    """What pganchor has put there goes, and the user's own CRLs and entries are as they were."""
    write(home, root.pem, ".postgresql/root.crt")
    write(home, crl(other).rstrip(b"\n"), ROOT_CRL)
    have(home, servers, "plain")
    before = contents(home)
    assert home.pganchor("anchor", "add", home / ".postgresql/root.crt", "--name", "company", "--yes",
                         "--fingerprint", root.fingerprint).returncode == 0
    write(home, crl(root), "root.crl")
    run(home, "add", home / "root.crl", *place)
    assert through(home, servers, "plain")
    (home / "root.crl").unlink()
    done = home.pganchor("uninstall", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert contents(home) == before


def test_uninstall_leaves_a_revocation_of_the_users(home, root, servers, leaves):
    """What somebody has put into the anchor's own file of CRLs stays, and goes on being asked."""
    write(home, root.pem, ".postgresql/root.crt")
    have(home, servers, "plain")
    assert home.pganchor("anchor", "add", home / ".postgresql/root.crt", "--name", "company", "--yes",
                         "--fingerprint", root.fingerprint).returncode == 0
    write(home, crl(root), "root.crl")
    run(home, "add", home / "root.crl", "--anchor", "company")
    own = home / ".config/pganchor/anchors/company.crl"
    text = own.read_bytes()
    own.write_bytes(text[:text.index(b"-----BEGIN")] + crl(root, leaves["plain"].cert, number=7))
    assert not through(home, servers, "plain")
    services = (home / NAME).read_bytes()
    done = home.pganchor("uninstall", "--yes")
    assert done.returncode == 0 and f"Left {own}" in done.stdout, done.stdout + done.stderr
    assert (home / NAME).read_bytes() == services and not through(home, servers, "plain")


@pytest.mark.parametrize("text", ["[a]\n", "x = y\n", "[a]\nkey = \x1b[31m\n", "[a]\nkey = \0\n", "[../a]\n", "[a]\n[a]\n", "\0" * 4096,
                                  "[a]\nunknown = x\n"], ids=["incomplete", "no section", "escape", "NUL", "path", "twice", "NULs", "key"])
def test_hostile_bookkeeping(crl_home, root, servers, text):
    have(crl_home, servers, "plain")
    write(crl_home, text, CRLS_CONF)
    write(crl_home, crl(root), "root.crl")
    for args in (("add", crl_home / "root.crl"), ("list",), ("refresh",), ("remove", "--all")):
        said = refused(crl_home, *args)
        assert "crls.conf" in said and "\x1b" not in said and "\0" not in said


def test_usage(crl_home):
    for args in (("remove",), ("remove", "--all", "x"), ("add", "--host", "a:b:c"), ("list", "x"), ("none",)):
        assert crl_home.pganchor("crl", *args).returncode == 2


@pytest.mark.parametrize("number", range(1, 7))
def test_killed_at_a_rename(crl_home, root, servers, number):
    """After any of them, the same command does the rest, and the way back is open."""
    have(crl_home, servers, "plain")
    before = contents(crl_home)
    write(crl_home, crl(root), "root.crl")
    command = ["pganchor", "crl", "add", crl_home / "root.crl", "--anchor", "company"]
    crl_home.run(["strace", "-f", "-o", "/dev/null", "-e", "trace=renameat,renameat2,rename",
                  "-e", f"inject=renameat,renameat2,rename:signal=KILL:when={number}", *command], env=NO_LEAKS)
    assert through(crl_home, servers, "plain")
    run(crl_home, "add", crl_home / "root.crl", "--anchor", "company")
    assert through(crl_home, servers, "plain") and len(crls_of(crl_home)) == 1
    crl_home.run(["strace", "-f", "-o", "/dev/null", "-e", "trace=renameat,renameat2,rename,unlinkat",
                  "-e", f"inject=renameat,renameat2,rename,unlinkat:signal=KILL:when={number}",
                  "pganchor", "crl", "remove", "--all", "--yes"], env=NO_LEAKS)
    run(crl_home, "remove", "--all")
    (crl_home / "root.crl").unlink()
    assert contents(crl_home) == before
