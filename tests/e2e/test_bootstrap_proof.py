"""pganchor bootstrap says that it is done where libpq can verify the CA's servers with the new files, and nowhere else.

The CA is a false one, so that its root and its chain can be of any kind; a false PostgreSQL server with a certificate of the same
CA tells what libpq makes of it.
"""

import json

import pytest

import certificates
from bootstrapping import OLD, ROOT_CRT, write_root_crt
from certificates import EXPIRED, make_root, trusted_certificate, write_crl
from gated import GATED
from hostile import reply, stepca_answers
from recording import THROUGH

OWN = ".config/pganchor/anchors/localhost.crt"
ROOT_CRL = ".postgresql/root.crl"


@pytest.fixture
def root():
    return make_root("Company Root CA")


@pytest.fixture
def ca(https_ca, root):
    return https_ca(stepca_answers(root), authority=root)


def bootstrap(home, ca, root, *args, **kwargs):
    return home.pganchor("bootstrap", "--ca-url", ca.url, "--fingerprint", root.fingerprint, *args, **kwargs)


def crossed(root, **kwargs):
    """Another certificate of the root, signed by another CA, and that one's."""
    other = make_root("Another Root CA", **kwargs)
    return root.twin(by=other).pem + other.pem


# What stands in root.crt beforehand, and what is said of it.
UNUSABLE = {
    "a NUL at the end": (lambda root, tmp: OLD.pem.encode() + b"\0\n", ["would hide the new certificate from libpq", "NUL bytes"]),
    "NULs as after a crash": (lambda root, tmp: OLD.pem.encode() + b"\0" * 300, ["would hide the new certificate", "NUL bytes"]),
    "UTF-16": (lambda root, tmp: OLD.pem.encode("utf-16"), ["would hide the new certificate", "NUL bytes"]),
    "the root behind NULs": (lambda root, tmp: OLD.pem.encode() + b"\0\n" + root.pem.encode(), ["NUL bytes"]),
    "the root as one that rejects servers": (
        lambda root, tmp: trusted_certificate(root, tmp, "-addreject", "serverAuth"), ["TRUSTED CERTIFICATE"]),
    "the root as one for mail": (
        lambda root, tmp: trusted_certificate(root, tmp, "-addtrust", "emailProtection"), ["TRUSTED CERTIFICATE"]),
    "a root of the same name": (lambda root, tmp: make_root("Company Root CA").pem, ["certificate signature failure"]),
    "cross-signed by an expired root": (lambda root, tmp: crossed(root, days=EXPIRED), ["certificate has expired"]),
    "cross-signed by an unknown root": (
        lambda root, tmp: root.twin(by=OLD).pem, ["unable to get issuer certificate"]),
}


@pytest.mark.parametrize("dry_run", [[], ["--dry-run"]], ids=["", "dry run"])
@pytest.mark.parametrize("content, why", UNUSABLE.values(), ids=UNUSABLE)
def test_a_root_crt_that_libpq_could_not_use(home, ca, root, tmp_path, connect, content, why, dry_run):
    write_root_crt(home, content(root, tmp_path))
    before = home.snapshot()
    done = bootstrap(home, ca, root, *dry_run)
    assert done.returncode == 1 and done.stdout == ""
    assert f"{home.path}/{ROOT_CRT}: " in done.stderr or f"~/{ROOT_CRT}: " in done.stderr
    for words in [*why, "--scoped", "nothing was changed"]:
        assert words in done.stderr, done.stderr
    assert home.snapshot() == before
    if not dry_run:  # What was advised works, and what was refused would not have.
        assert bootstrap(home, ca, root, "--scoped").returncode == 0
        assert THROUGH in connect(root, *GATED, sslrootcert=home / OWN)
        with open(home / ROOT_CRT, "ab") as file:
            file.write(root.pem.encode())
        assert any(words in connect(root) for words in ("SSL error: ", "could not read root certificate file"))


def test_a_root_crt_that_became_unusable_later(home, ca, root, connect):
    """Running it again says "nothing was changed" only of what works."""
    assert bootstrap(home, ca, root).returncode == 0
    assert THROUGH in connect(root)
    write_root_crt(home, b"\0\n" + (home / ROOT_CRT).read_bytes())
    done = bootstrap(home, ca, root)
    assert done.returncode == 1 and "NUL bytes" in done.stderr


@pytest.mark.parametrize("kind", ["older", "newer"])
def test_a_renewed_root_beside_the_old_one(home, https_ca, root, connect, kind):
    """Which of the two OpenSSL takes is its own business: both have the same key."""
    renewed = root.twin(days=(-1, 300 if kind == "older" else 3))
    write_root_crt(home, renewed.pem)
    done = bootstrap(home, https_ca(stepca_answers(root), authority=root), root)
    assert done.returncode == 0, done.stderr
    assert THROUGH in connect(root)


def test_an_intermediate_that_its_root_does_not_allow(home, https_ca):
    root = make_root(path_length=0)
    ca = https_ca(stepca_answers(root), authority=root.intermediate("First CA").intermediate("Second CA"))
    done = bootstrap(home, ca, root)
    assert done.returncode == 1 and "path length constraint exceeded" in done.stderr
    assert home.snapshot() == {}


def test_a_root_that_names_another_key_as_its_issuers(home, https_ca):
    """libcurl takes such a chain as a partial one, libpq never."""
    key_id = certificates.x509.AuthorityKeyIdentifier(b"\1" * 20, None, None)
    root = make_root("Copied").twin(extensions=[(key_id, False)])
    done = bootstrap(home, https_ca(stepca_answers(root), authority=root), root, "--scoped")
    assert done.returncode == 1 and "cannot be an anchor" in done.stderr and "authorityKeyIdentifier" in done.stderr
    assert home.snapshot() == {}


def test_crls_of_other_cas_alone(home, ca, root, connect):
    """libpq asks for a CRL of every CA where it has one of any. What is missing is in another file than ours."""
    write_root_crt(home, OLD.pem)
    others = write_crl(OLD, home / ROOT_CRL).read_bytes()
    for args in [["--dry-run"], []]:
        done = bootstrap(home, ca, root, *args)
        assert done.returncode == 0
        assert "warning: libpq cannot verify this CA's servers yet: " in done.stderr
        assert ROOT_CRL in done.stderr and "unable to get certificate CRL" in done.stderr and "sslcrl" in done.stderr
    assert "SSL error: certificate verify failed" in connect(root)
    assert THROUGH in connect(root, sslcrl=home / "none")  # as the warning says
    (home / ROOT_CRL).write_bytes(others + write_crl(root, home / "own.crl").read_bytes())
    done = bootstrap(home, ca, root)
    assert done.returncode == 0 and "cannot verify" not in done.stderr
    assert THROUGH in connect(root)


@pytest.mark.parametrize("variable", ["PGSSLCRL", "PGSSLCRLDIR"])
def test_crls_that_the_environment_names(home, ca, root, connect, tmp_path, variable):
    directory = tmp_path / "crls"
    directory.mkdir()
    crl = write_crl(OLD, directory / "old.crl")
    certificates.openssl("rehash", directory)
    done = bootstrap(home, ca, root, env={variable: crl if variable == "PGSSLCRL" else directory})
    assert done.returncode == 0 and "unable to get certificate CRL" in done.stderr and str(directory) in done.stderr
    assert "SSL error: certificate verify failed" in connect(root, "env", f"{variable}={crl if variable == 'PGSSLCRL' else directory}")
    # In their place, root.crl is not looked at: libpq passes over a file that is not there, and takes a directory for an empty one.
    write_crl(OLD, home / ROOT_CRL)
    done = bootstrap(home, ca, root, env={variable: tmp_path / "none"})
    assert (THROUGH in connect(root, "env", f"{variable}={tmp_path / 'none'}")) == ("cannot verify" not in done.stderr)
    assert ("cannot verify" not in done.stderr) == (variable == "PGSSLCRL")


def test_the_ca_itself_is_revoked(home, https_ca, root, tmp_path):
    issued = root.issue(tmp_path, "localhost")
    (home / ".postgresql").mkdir()
    write_crl(root, home / ROOT_CRL, issued.cert)
    before = home.snapshot()
    done = bootstrap(home, https_ca(stepca_answers(root), issued=issued), root)
    assert done.returncode == 1 and "certificate revoked" in done.stderr
    assert home.snapshot() == before


# A CA that moves from one root to another.

@pytest.fixture
def moving_ca(https_ca, root):
    """A CA that knows two roots, and whose own TLS still comes from the first: .url, and .new, the second."""
    new = make_root("New Root CA")
    ca = https_ca({**stepca_answers(root), **stepca_answers(new)}, authority=root.intermediate())
    ca.new = new
    return ca


def test_a_new_root_before_the_ca_moves_to_it(home, moving_ca, root, connect):
    assert bootstrap(home, moving_ca, root, "--name", "old").returncode == 0
    done = bootstrap(home, moving_ca, moving_ca.new, "--name", "new")
    assert done.returncode == 0, done.stderr
    assert f"the TLS of {moving_ca.url} still comes from anchor old: anchor new is proved by its fingerprint" in done.stderr
    for authority in (root, moving_ca.new):
        assert THROUGH in connect(authority, *GATED)
    before = home.snapshot()
    assert bootstrap(home, moving_ca, root, "--name", "old").stderr == ""
    assert home.snapshot() == before


@pytest.mark.parametrize("first, then", [([], ["--scoped"]), (["--scoped"], []), (["--scoped"], ["--scoped"])],
                         ids=["new scoped", "old scoped", "both scoped"])
def test_a_new_root_and_where_the_two_are_kept(home, moving_ca, root, connect, first, then):
    assert bootstrap(home, moving_ca, root, "--name", "old", *first).returncode == 0
    done = bootstrap(home, moving_ca, moving_ca.new, "--name", "new", *then)
    assert done.returncode == 0, done.stderr
    own = home / ".config/pganchor/anchors/new.crt"
    assert THROUGH in connect(moving_ca.new, *GATED, **({"sslrootcert": own} if then else {}))


def test_a_new_root_that_root_crt_would_hide(home, moving_ca, root):
    """It is proved as well, as far as that goes without a server of it."""
    assert bootstrap(home, moving_ca, root, "--name", "old").returncode == 0
    (home / ROOT_CRT).write_bytes((home / ROOT_CRT).read_bytes() + b"\0\n")
    done = bootstrap(home, moving_ca, moving_ca.new, "--name", "new")
    assert done.returncode == 1 and "NUL bytes" in done.stderr


def test_the_old_root_stays_as_long_as_the_ca_comes_from_it(home, moving_ca, root):
    assert bootstrap(home, moving_ca, root).returncode == 0
    before = home.snapshot()
    done = bootstrap(home, moving_ca, moving_ca.new, "--replace")
    assert done.returncode == 1 and "still comes from the root that would be replaced" in done.stderr and "--name" in done.stderr
    assert home.snapshot() == before


@pytest.mark.parametrize("known", ["from another address", "nothing", "in its own file no more"])
def test_a_new_root_of_a_ca_that_nothing_proves(home, https_ca, moving_ca, root, known):
    """Another CA's root says nothing of this one."""
    if known != "nothing":
        source = moving_ca if known == "in its own file no more" else https_ca(stepca_answers(root), authority=root)
        assert bootstrap(home, source, root, "--name", "old").returncode == 0
    if known == "in its own file no more":
        (home / ".config/pganchor/anchors/old.crt").write_text(OLD.pem)
    before = home.snapshot()
    done = bootstrap(home, moving_ca, moving_ca.new, "--name", "new")
    assert done.returncode == 1 and "the server is not verified" in done.stderr
    assert home.snapshot() == before


# What is said before a root is pinned.

def test_a_root_that_expires_soon(home, https_ca):
    root = make_root(days=(-1, 3))
    done = bootstrap(home, https_ca(stepca_answers(root), authority=root), root)
    assert done.returncode == 0 and "warning: the root expires at 20" in done.stderr
    later = make_root("Later", days=(-1, 25))
    assert "expires" not in bootstrap(home, https_ca(stepca_answers(later), authority=later), later, "--name", "later").stderr


def test_an_intermediate_with_a_weak_signature(home, https_ca):
    """The root's own signature proves nothing; those below it do."""
    root = make_root(key="rsa2048")
    ca = https_ca(stepca_answers(root), authority=root.intermediate(key="rsa2048", digest="sha1"))
    done = bootstrap(home, ca, root)
    assert done.returncode == 1 and "too weak" in done.stderr
    assert home.snapshot() == {}


@pytest.mark.parametrize("key, fails", [("ed25519", True), ("ed448", True), ("p256", False)])
def test_an_issuing_ca_whose_signatures_have_no_digest(home, https_ca, make_postgres, tmp_path, key, fails):
    """libpq wants the digest of the server's certificate for SCRAM (channel binding)."""
    root = make_root()
    issuing = root.intermediate(key=key)
    done = bootstrap(home, https_ca(stepca_answers(root), authority=issuing), root)
    assert done.returncode == 0
    assert ("could not find digest for NID" in done.stderr) == fails
    server = make_postgres(*issuing.issue(tmp_path, "localhost"))
    said = home.run(["psql", "-X", "-c", "SELECT 1", server.conninfo(sslmode="verify-full")]).stderr
    assert ("could not find digest for NID" in said) == fails, said
    # As the warning advises.
    assert home.run(["psql", "-X", "-c", "SELECT 1", server.conninfo(sslmode="verify-full", channel_binding="disable")]).returncode == 0


def test_it_is_said_before_it_is_asked(home, https_ca):
    """Whoever answers has read it."""
    root = make_root(days=(-1, 3))
    ca = https_ca({**stepca_answers(root), "/roots": reply(json.dumps({"crts": [root.pem]}), "201 Created")}, authority=root)
    done = home.pganchor_tty("bootstrap", "--ca-url", ca.url, answers=[("fingerprint: $", "no")])
    assert done.returncode == 1
    assert 0 < done.output.index("expires at") < done.output.index("Trust this root")
