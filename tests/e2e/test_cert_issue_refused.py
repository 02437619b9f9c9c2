"""pganchor cert issue where nothing is issued: each refusal is told apart, and whatever a CA says, nothing is changed."""

import email.utils
import json
import os
import time

import pytest

from certificates import make_root
from certs import begin, cert_postgres, encode, make_token, pair, signs, start_with  # noqa: F401
from crl_stepca import crl_stepcas  # noqa: F401
from hostile import HANG, Cut, Drip, endless, reply, stepca_answers
from issuing import APP, by_token, fails, false_ca, issue, issued, logs_in, own, signed  # noqa: F401
from postgres import USER


def test_the_password_is_tried_here(own, stepca):
    """A wrong one is known before the CA is asked for anything by it."""
    asked, before = signs(stepca), own.snapshot()
    fails(own, stepca, own.pganchor(*APP, "-", input="wrong\n"), "not the password of provisioner tests", asked=asked, before=before)
    fails(own, stepca, own.pganchor(*APP[:3]), "--password-file", f"pganchor password set localhost:{stepca.port} -U tests", asked=asked, before=before)
    right = (own / "password").read_text().strip()
    prompt = r"Password of provisioner tests: "
    done = own.pganchor_tty(*APP[:3], answers=[(prompt, "no"), (prompt, "nor this"), (prompt, right)])
    assert done.returncode == 0 and done.output.count("that is not it") == 2 and right not in done.output
    assert pair(own).matches()


def test_each_token_that_cannot_be_used_is_told_before_it_is_spent(own, stepca):
    asked, before, now = signs(stepca), own.snapshot(), int(time.time())
    for token, words, says in (
            (make_token(stepca, USER, exp=now - 200, nbf=now - 500), [], "the token has expired"),
            (make_token(stepca, USER, nbf=now + 900, exp=now + 1200), [], "the token is not valid before"),
            (make_token(stepca, USER, iss="nobody"), [], "it has no provisioner nobody"),
            (make_token(stepca, "bob"), [USER], "the token is for bob, and not for app"),
            (make_token(stepca, USER), [USER, "--san", "other.example"], "the token does not allow the name other.example"),
            (make_token(stepca, USER, aud=f"{stepca.url}/1.0/revoke"), [], "no token to issue by"),
            ("nothing", [], "this is no token")):
        fails(own, stepca, by_token(own, token, *words), says, asked=asked, before=before)
    done = own.pganchor("cert", "issue", "--token", make_token(stepca, USER))
    fails(own, stepca, done, "what stands in a command line can be read by others", asked=asked, before=before)


def test_a_token_that_was_used(own, stepca):
    token = make_token(stepca, USER)
    assert by_token(own, token).returncode == 0
    before = own.snapshot()
    fails(own, stepca, by_token(own, token), "it was used before", before=before)


def test_a_provisioner_that_is_not_there(own, stepca):
    fails(own, stepca, issue(own, USER, "--provisioner", "nobody"), "no provisioner nobody", "it has: tests (JWK), acme (ACME)")
    fails(own, stepca, issue(own, USER, "--provisioner", "acme"), "no password opens its provisioner acme")


@pytest.fixture(scope="session")
def strict_ca(session_directory):
    """Signs for no longer than an hour."""
    def change(config):
        config["authority"]["claims"] = {}
        for provisioner in config["authority"]["provisioners"]:
            provisioner["claims"] = {"maxTLSCertDuration": "1h", "defaultTLSCertDuration": "30m"}
    ca = start_with(session_directory / "strict", change)
    yield ca
    ca.daemon.stop()


def test_a_lifetime_that_the_provisioner_does_not_sign(home, strict_ca):
    """It says so itself, so that no token is spent."""
    begin(home, strict_ca)
    asked, before = signs(strict_ca), home.snapshot()
    fails(home, strict_ca, issue(home, USER, "--lifetime", "8h"), "provisioner tests signs for 1h at the most", asked=asked, before=before)
    issued(home, USER)


def test_a_lifetime_that_only_the_ca_knows(own, stepca):
    before = own.snapshot()
    fails(own, stepca, issue(own, USER, "--lifetime", "20s"), "the CA does not sign for that lifetime", before=before)


@pytest.mark.no_sanitizers
def test_a_clock_that_is_wrong(own, stepca, cert_postgres):  # noqa: F811
    """The token is made by the CA's clock, so that it works all the same; where TLS itself fails, the clock is what is told of."""
    words = [own.program.binary, "cert", "issue", USER, "--password-file", own / "password"]
    before = own.snapshot()
    for offset in ("-20m", "-900d"):
        fails(own, stepca, own.run(["faketime", "-f", offset, *words]), "not yet valid", "is the clock of this machine right", before=before)
    done = own.run(["faketime", "-f", "+20m", *words])
    assert done.returncode == 0 and "ahead of that of the CA" in done.stderr, done.stderr
    assert logs_in(own, cert_postgres).stdout == f"{USER}\n"


def test_a_ca_that_is_down(home, session_directory):
    ca = start_with(session_directory / "gone", lambda config: None)
    begin(home, ca)
    ca.daemon.stop()
    before = home.snapshot()
    fails(home, ca, issue(home, USER), "could not connect", before=before)


# Of those that take as long as they may; others may take long on a busy machine.
TIME = {"no whole answer within 1 seconds": "1", "within 1 seconds": "1"}


def provisioners(key, **more):
    return reply(json.dumps({"provisioners": [{"type": "JWK", "name": "tests", "key": {"kid": "x"}, "encryptedKey": key, **more}]}))


def jwe(parts=5, **header):
    """One that nobody can open."""
    said = {"alg": "PBES2-HS256+A128KW", "enc": "A256GCM", "p2c": 1000, "p2s": encode(b"s" * 16), "cty": "jwk+json", **header}
    return ".".join([encode(json.dumps(said).encode()), encode(b"k" * 40), encode(b"v" * 12), encode(b"c" * 50), encode(b"t" * 16)][:parts])


@pytest.mark.parametrize("answer, says", ids=lambda value: value[:30] if isinstance(value, str) else "", argvalues=[
    (provisioners(jwe(p2c=2_000_000_000)), "its password is to be hashed 2000000000 times"),
    (provisioners(jwe(p2c=1)), "its password is to be hashed 1 times"),
    (provisioners(jwe(p2c="many")), "its password is to be hashed 0 times"),
    (provisioners(jwe(alg="dir")), "its algorithm is not"),
    (provisioners(jwe(enc="none")), "its content is not by AES in GCM"),
    (provisioners(jwe(p2s="!")), "its salt is not base64url"),
    (provisioners(jwe(p2s="")), "its salt is too short"),
    (provisioners(jwe(parts=4)), "it has not five parts"),
    (provisioners(jwe() + "="), "a part of it is not base64url"),
    (provisioners("A" * 100_000), "too long"),
    (provisioners(jwe()), "not the password of provisioner tests"),
    (provisioners(7), "it has no provisioner that a password opens"),
    (reply('{"provisioners": 1}'), "is no list of provisioners"),
    (reply("[" * 100_000), "is no list of provisioners"),
    (HANG, "no whole answer within 1 seconds"),
    (Drip(reply(b'{"provisioners": [', length=False)), "within 1 seconds"),
    (endless(b'{"provisioners": ['), "an answer of more than 1 MiB"),
])
def test_a_ca_that_says_anything(home, https_ca, answer, says):
    """It ends, in time, and says what is wrong."""
    ca = make_root()
    server = https_ca({**stepca_answers(ca), "/roots": reply(json.dumps({"crts": [ca.pem]})), "/provisioners?limit=100": answer}, authority=ca)
    done = home.pganchor("bootstrap", "--ca-url", server.url, "--fingerprint", ca.fingerprint)
    assert done.returncode == 0, done.stderr
    done = home.pganchor("cert", "issue", USER, "--password-file", "-", "--max-time", TIME.get(says, "60"), input="password\n")
    assert done.returncode == 1 and says in done.stderr, done.stderr
    assert not (home / ".postgresql/postgresql.crt").exists()


def test_a_list_of_provisioners_that_does_not_end(home, https_ca):
    """What has no name is none, and counts."""
    ca = make_root()
    page = reply(json.dumps({"provisioners": [{"type": "JWK"}] * 100, "nextCursor": "a0"}))
    server = https_ca({**stepca_answers(ca), "/roots": reply(json.dumps({"crts": [ca.pem]})), "/provisioners?limit=100": page,
                       "/provisioners?limit=100&cursor=a0": page}, authority=ca)
    assert home.pganchor("bootstrap", "--ca-url", server.url, "--fingerprint", ca.fingerprint).returncode == 0
    done = home.pganchor("cert", "issue", USER, "--password-file", "-", input="password\n")
    assert done.returncode == 1 and "is no list of provisioners" in done.stderr, done.stderr


def refusal(status, message, **kwargs):
    return reply(json.dumps({"status": int(status.split()[0]), "message": message}), status=status, **kwargs)


def date(offset):
    """When the tests are collected, long before this one runs, perhaps: a day is enough of an offset."""
    return [f"Date: {email.utils.formatdate(time.time() + offset, usegmt=True)}"]


UNAUTHORIZED = "The request lacked necessary authorization to be completed. Please see the certificate authority logs for more info."
FORBIDDEN = "The request was forbidden by the certificate authority: "


@pytest.mark.parametrize("answer, says", ids=lambda value: value[:30] if isinstance(value, str) else "", argvalues=[
    (refusal("403 Forbidden", FORBIDDEN + 'dns name "app" not allowed'), 'the CA does not sign for these names: The request was'),
    (refusal("403 Forbidden", FORBIDDEN + "requested duration of 8h0m0s is more than the authorized maximum certificate duration of 1h1m0s"),
     "the CA does not sign for that lifetime"),
    (refusal("403 Forbidden", FORBIDDEN + "certificate request does not contain the valid common name - got app, want bob"),
     "the CA does not sign for this name:"),
    (refusal("403 Forbidden", "\x1b[2J" + "x" * 5000), "the CA does not sign this: \\x1B[2Jxxx"),
    (refusal("401 Unauthorized", UNAUTHORIZED), "a token of provisioner tests was refused, though its password is right"),
    (refusal("401 Unauthorized", UNAUTHORIZED, headers=date(86400)), "behind the CA's"),
    (refusal("401 Unauthorized", UNAUTHORIZED, headers=date(-86400)), "ahead of the CA's"),
    (refusal("500 Internal Server Error", "error"), "the CA has a fault of its own"),
    (reply("{}", status="201 Created"), "has no certificate in it"),
    (reply("no JSON", status="201 Created"), "has no certificate in it"),
    (reply('{"certChain": ["nothing"]}', status="201 Created"), "has no certificate in it"),
    (Cut(b"HTTP/1.1 201 Created\r\nContent-Length: 5000\r\n\r\n{"), "/1.0/sign: "),
])
def test_whatever_a_ca_answers_nothing_is_changed(home, https_ca, answer, says):
    false_ca(home, https_ca, answer)
    before = home.snapshot()
    done = home.pganchor("cert", "issue", USER, "--password-file", "-", input="password\n")
    assert done.returncode == 1 and says in done.stderr, done.stderr
    assert home.snapshot() == before


def test_what_a_ca_signs_has_to_be_ours(home, https_ca, tmp_path):
    """For another key, or by another root."""
    answers = []
    ca, _ = false_ca(home, https_ca, lambda request: answers.pop())
    before = home.snapshot()
    for authority, says in ((ca, "a certificate for another key"), (make_root("Another"), "a certificate for another key")):
        chain, _ = authority.issue(tmp_path, USER)
        answers.append(reply(json.dumps({"certChain": [chain.read_text()]}), status="201 Created"))
        done = home.pganchor("cert", "issue", USER, "--password-file", "-", input="password\n")
        assert done.returncode == 1 and says in done.stderr, done.stderr
        assert home.snapshot() == before


def test_what_openssl_does_not_load_is_not_written(home, https_ca):
    """With a key in the chain that is below its level of security libpq would connect nowhere any more."""
    behind = [make_root("Weak", key="rsa1024").pem]
    ca, _ = false_ca(home, https_ca, lambda request: signed(holder[0], request, *behind))
    holder = [ca]
    before = home.snapshot()
    words = ["cert", "issue", USER, "--password-file", "-"]
    done = home.pganchor(*words, input="password\n")
    assert done.returncode == 1 and "OpenSSL does not load what the CA has issued: ca key too small" in done.stderr, done.stderr
    assert home.snapshot() == before
    behind.clear()
    assert home.pganchor(*words, input="password\n").returncode == 0


def test_a_chain_to_another_root_is_refused(home, https_ca):
    by = [make_root("Another")]
    ca, server = false_ca(home, https_ca, lambda request: signed(by[0], request))
    before = home.snapshot()
    words = ["cert", "issue", USER, "--password-file", "-"]
    done = home.pganchor(*words, input="password\n")
    assert done.returncode == 1 and "does not lead to a root that is pinned" in done.stderr, done.stderr
    assert home.snapshot() == before
    by[0] = ca
    done = home.pganchor(*words, input="password\n")
    assert done.returncode == 0, done.stderr
    assert pair(home).matches()
    # Neither the password nor the key has gone to the CA.
    sent = b"".join(request.raw for request in server.requests)
    assert b'"csr"' in sent and b"PRIVATE" not in sent and b"password" not in sent


def test_a_ca_that_signs_by_ed25519(home, https_ca):
    """A client's certificate will do; libpq could not log in by SCRAM to a server with such a one."""
    ca, _ = false_ca(home, https_ca, lambda request: signed(holder[0], request), ca=make_root(key="ed25519"))
    holder = [ca]
    words = ["cert", "issue", "localhost", "--password-file", "-", "--out-cert", "mine.crt", "--out-key", "mine.key"]
    server = [*words, "--for", "server"] + (["--owner", "root:root"] if os.geteuid() == 0 else [])
    done = home.pganchor(*server, input="password\n")
    assert done.returncode == 1 and "signs by Ed25519" in done.stderr and not (home / "mine.crt").exists(), done.stderr
    assert home.pganchor(*words, input="password\n").returncode == 0


@pytest.mark.whole
def test_a_newer_step_ca(home, crl_stepcas):  # noqa: F811
    """Debian sid's, which has the password hashed six times as often."""
    ca = crl_stepcas[False]
    begin(home, ca)
    issued(home, USER, "--lifetime", "2h")
    assert pair(home).matches() and len(pair(home).chain()) == 2 and pair(home).names() == [USER]
    before = home.snapshot()
    fails(home, ca, issue(home, USER, "--lifetime", "20s"), "the CA does not sign for that lifetime", before=before)
    token = make_token(ca, USER)
    assert by_token(home, token).returncode == 0
    before = home.snapshot()
    fails(home, ca, by_token(home, token), "it was used before", before=before)
    fails(home, ca, home.pganchor(*APP, "-", input="wrong\n"), "not the password of provisioner tests", before=before)
