"""The gate and a chain that ends in a twin of a pinned root: another certificate of its name and key.

Whether OpenSSL ends a chain in the one or in the other depends on their order in root.crt and on their dates. What counts for the
gate is whether the chain verifies with the pinned root alone.
"""


import pytest
from cryptography import x509

from certificates import EXPIRED, Authority, make_root, pem
from gated import CLIENTS, run_gated, write_anchor
from home import Home
from recording import THROUGH

pytestmark = pytest.mark.plain_build

REFUSED = "pganchor refused the server localhost: its certificate chain ends in a root that is not pinned"
PINNED = make_root("Company Root CA")
OTHER = make_root("Another Root CA")

LIBPQS = [15, 17, 18, 19, "bsymbolic"]


@pytest.fixture(params=LIBPQS, ids=str)
def home(request, pganchor, tmp_path):
    if request.param == 15:
        home = Home(tmp_path / "home", pganchor)
    else:
        home = request.getfixturevalue("rooted_home" if isinstance(request.param, int) else "built_home")(request.param)
    (home / ".postgresql").mkdir()
    return home


@pytest.fixture
def attempt(home, recording_server, tmp_path):
    """Factory attempt(authority, roots) -> what psql says under the gate, with these roots in root.crt, in this order."""
    def run(authority, *roots, **issue):
        (home / ".postgresql/root.crt").write_text("".join(map(pem, [root.cert for root in roots])))
        server = recording_server(b"S", issued=authority.issue(tmp_path, "localhost", **issue))
        done = run_gated(home, CLIENTS["psql"](f"host=localhost port={server.port} user=app dbname=app password=none sslmode=verify-full"))
        records = server.finish()
        assert records, done.stderr
        through = any("startup" in record.requests for record in records)
        assert through == (THROUGH in done.stderr), done.stderr
        return done.stderr

    return run


def test_a_renewed_root(home, attempt):
    """Either in front: one of the two is what the chain ends in."""
    twin = PINNED.twin(days=(-2, 300))
    write_anchor(home, "company", PINNED.fingerprint)
    assert THROUGH in attempt(PINNED, PINNED, twin)
    assert THROUGH in attempt(PINNED, twin, PINNED)
    assert THROUGH in attempt(PINNED.intermediate(), twin, PINNED)


def test_a_root_that_is_renewed_because_it_expired(home, attempt):
    expired = PINNED.twin(days=EXPIRED)
    write_anchor(home, "company", expired.fingerprint)
    assert THROUGH in attempt(PINNED, expired, PINNED)
    # The dates of all else count.
    assert "certificate has expired" in attempt(PINNED, expired, PINNED, days=EXPIRED)


def test_a_root_that_another_ca_has_signed(home, attempt):
    """The chain goes on to that CA, which is trusted by libpq and not pinned."""
    crossed = PINNED.twin(by=OTHER)
    write_anchor(home, "company", PINNED.fingerprint)
    assert THROUGH in attempt(PINNED, crossed, OTHER, PINNED)
    assert THROUGH in attempt(PINNED.intermediate(), crossed, OTHER, PINNED)
    assert REFUSED in attempt(OTHER, crossed, OTHER, PINNED)


def test_the_twin_alone_is_not_pinned(home, attempt):
    """libpq itself has to trust the pinned root, too."""
    write_anchor(home, "company", PINNED.fingerprint)
    assert REFUSED in attempt(PINNED, PINNED.twin())
    assert REFUSED in attempt(PINNED, PINNED.twin(by=OTHER), OTHER)


def test_another_key_of_the_same_name(home, attempt):
    same_name = make_root("Company Root CA")
    write_anchor(home, "company", PINNED.fingerprint)
    assert REFUSED in attempt(same_name, same_name, PINNED)
    assert REFUSED in attempt(same_name.intermediate(), same_name, PINNED)
    assert THROUGH in attempt(PINNED, PINNED, same_name)


def test_a_twin_of_a_root_with_other_hosts(home, attempt):
    write_anchor(home, "company", PINNED.fingerprint, hosts="*.example.test")
    assert REFUSED in attempt(PINNED, PINNED.twin(), PINNED)
    (home / ".config/pganchor/anchors.conf").unlink()
    write_anchor(home, "company", PINNED.fingerprint, hosts="localhost")
    assert THROUGH in attempt(PINNED, PINNED.twin(), PINNED)


def constrained(root):
    """A twin for names below example.test only."""
    names = x509.NameConstraints([x509.DNSName("example.test")], None)
    return root.twin(extensions=[(names, True)])


def test_what_the_pinned_root_does_not_allow(home, attempt):
    """Its twin in root.crt would allow it: whoever has broken into the CA gets no further by it."""
    pinned = constrained(PINNED)
    write_anchor(home, "company", pinned.fingerprint)
    assert REFUSED in attempt(PINNED, PINNED, pinned)


def test_a_server_that_shows_the_pinned_root_itself(home, attempt):
    """What a server sends makes no root trusted."""
    impostor = make_root("Impostor Root CA")
    write_anchor(home, "company", PINNED.fingerprint)
    sends_more = Authority(impostor.cert, impostor.key, chain=[PINNED.cert, PINNED.twin(by=impostor).cert])
    assert REFUSED in attempt(sends_more, impostor, PINNED)


def test_an_expired_intermediate_of_the_pinned_root(home, attempt):
    """Whoever has its old key, and a CA that libpq trusts, gets no further by it: libpq has verified another certificate of its."""
    expired = PINNED.intermediate(days=EXPIRED)
    impostor = make_root("Company Root CA")
    signed_by_impostor = x509.AuthorityKeyIdentifier.from_issuer_public_key(impostor.key.public_key())
    renewed = expired.twin(by=impostor, extensions=[(signed_by_impostor, False)])
    chain = [expired.cert, renewed.cert, impostor.twin(by=OTHER).cert]
    write_anchor(home, "company", PINNED.fingerprint)
    assert REFUSED in attempt(Authority(expired.cert, expired.key, chain=chain), OTHER, PINNED)
