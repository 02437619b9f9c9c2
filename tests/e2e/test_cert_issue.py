"""pganchor cert issue against a real step-ca: what it writes, and what each refusal says."""

import json
import os
import re
import stat
import subprocess
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from certificates import make_root
from certs import Pair, begin, cert_postgres, encode, make_token, pair, signs, start_with  # noqa: F401
from gated import run_gated
from hostile import HANG, endless, reply, stepca_answers
from postgres import NAMES, USER

APP = ["cert", "issue", USER, "--password-file"]


@pytest.fixture
def own(home, stepca):
    """The home knows stepca."""
    return begin(home, stepca)


def issue(home, *words, **kwargs):
    return home.pganchor("cert", "issue", *words, "--password-file", home / "password", **kwargs)


def issued(home, *words, **kwargs):
    """It works: what it reports."""
    done = issue(home, *words, "--json", **kwargs)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def fails(home, stepca, done, *says, asked=None, before=None):
    """Nothing was changed; where asked is given, the CA was not asked to sign more often than so."""
    assert done.returncode == 1, (done.stdout, done.stderr)
    for words in says:
        assert words in done.stderr, (words, done.stderr)
    if asked is not None:
        assert signs(stepca) == asked
    if before is not None:
        assert home.snapshot() == before


def logs_in(home, server):
    """By the certificate alone, as libpq finds it."""
    return home.run(["psql", "-XAtc", "SELECT current_user", server.conninfo(password=None, sslmode="verify-full")])


def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


def test_with_one_command_psql_gets_in(own, stepca, cert_postgres):  # noqa: F811
    assert logs_in(own, cert_postgres).returncode != 0
    done = issue(own, USER)
    assert done.returncode == 0 and "libpq finds both by itself" in done.stdout, done.stderr
    assert logs_in(own, cert_postgres).stdout == f"{USER}\n"
    files = pair(own)
    assert len(files.chain()) == 2 and files.matches() and files.names() == [USER]
    assert isinstance(files.private().curve, ec.SECP256R1)
    assert mode(files.key) == 0o600 and mode(files.certificate) == 0o644
    assert not [path for path in own.snapshot() if ".pganchor-" in path]
    assert (own / "password").read_text().strip() not in done.stdout + done.stderr


@pytest.mark.parametrize("kind, key", [("rsa", rsa.RSAPrivateKey), ("ed25519", ed25519.Ed25519PrivateKey)])
def test_keys_of_other_kinds(own, cert_postgres, kind, key):  # noqa: F811
    issued(own, USER, "--key", kind)
    assert isinstance(pair(own).private(), key)
    assert logs_in(own, cert_postgres).stdout == f"{USER}\n"


def test_it_is_known_from_then_on(own, stepca):
    report = issued(own, USER, "--lifetime", "8h")
    assert report["name"] == "client" and report["ca"] == stepca.url and report["provisioner"] == "tests"
    known = json.loads(own.pganchor("cert", "status", "--json").stdout)["certificates"][0]
    assert known["name"] == "client" and known["certificate"] == report["certificate"] and known["state"] == "not-due"
    leaf = pair(own).chain()[0]
    # Its beginning is a minute before it was made.
    assert 8 * 3600 <= (leaf.not_valid_after - leaf.not_valid_before).total_seconds() <= 8 * 3600 + 120


def test_a_server_for_itself_and_its_clients(own, stepca, make_postgres):
    report = issued(own, "localhost", "--for", "server", "--san", "127.0.0.1", "--out-cert", own / "tls/server.crt",
                    "--out-key", own / "tls/server.key", "--owner", "root:root" if os.geteuid() == 0 else "")
    files = Pair(own / "tls/server.crt", own / "tls/server.key")
    assert report["name"] == "localhost" and sorted(files.names()) == ["127.0.0.1", "localhost"]
    assert mode(files.key) == 0o640 and files.matches()
    server = make_postgres(files.certificate, files.key)
    for host in ("localhost", "127.0.0.1"):
        assert own.run(["psql", "-XAtc", "SELECT 1", server.conninfo(host=host, sslmode="verify-full")]).stdout == "1\n"


def test_the_password_is_tried_here(own, stepca):
    """A wrong one is known before the CA is asked for anything by it."""
    asked, before = signs(stepca), own.snapshot()
    fails(own, stepca, own.pganchor(*APP, "-", input="wrong\n"), "not the password of provisioner tests", asked=asked, before=before)
    fails(own, stepca, own.pganchor(*APP[:3]), "--password-file", "pganchor password set", asked=asked, before=before)
    right = (own / "password").read_text().strip()
    prompt = r"Password of provisioner tests: "
    done = own.pganchor_tty(*APP[:3], answers=[(prompt, "no"), (prompt, "nor this"), (prompt, right)])
    assert done.returncode == 0 and done.output.count("that is not it") == 2 and right not in done.output
    assert pair(own).matches()


def test_the_keyring_has_the_password(own, stepca, keyring):
    right = (own / "password").read_text()
    done = own.pganchor("password", "set", f"localhost:{stepca.port}", "-U", "tests", input=right, env=keyring.environment)
    assert done.returncode == 0, done.stderr
    done = own.pganchor(*APP[:3], env=keyring.environment)
    assert done.returncode == 0, done.stderr
    assert pair(own).matches()


def by_token(home, token, *words):
    return home.pganchor("cert", "issue", *words, "--token", "-", input=token + "\n")


def test_a_token_of_somebody_else(own, stepca):
    done = by_token(own, make_token(stepca, USER, USER, "laptop.example"))
    assert done.returncode == 0, done.stderr
    assert pair(own).names() == [USER, "laptop.example"] and pair(own).matches()


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
    """Signs names of one domain alone, and for no longer than an hour."""
    def change(config):
        config["authority"]["policy"] = {"x509": {"allow": {"dns": ["*.corp.example", "app"]}}}
        config["authority"]["claims"] = {}
        for provisioner in config["authority"]["provisioners"]:
            provisioner["claims"] = {"maxTLSCertDuration": "1h", "defaultTLSCertDuration": "30m"}
    ca = start_with(session_directory / "strict", change)
    yield ca
    ca.daemon.stop()


def test_what_the_ca_does_not_sign(home, strict_ca):
    begin(home, strict_ca)
    asked, before = signs(strict_ca), home.snapshot()
    fails(home, strict_ca, issue(home, USER, "--lifetime", "8h"), "provisioner tests signs for 1h at the most", asked=asked, before=before)
    fails(home, strict_ca, issue(home, USER, "--san", "evil.example"), "the CA does not sign for these names", before=before)
    assert signs(strict_ca) == asked + 1
    issued(home, USER)


def test_a_lifetime_that_only_the_ca_knows(own, stepca):
    before = own.snapshot()
    fails(own, stepca, issue(own, USER, "--lifetime", "20s"), "the CA does not sign for that lifetime", before=before)


def test_a_clock_that_is_wrong(own, stepca, cert_postgres):  # noqa: F811
    """The token is made by the CA's clock, so that it works all the same; where TLS itself fails, the clock is what is told of."""
    program = own.program.binary
    words = ["cert", "issue", USER, "--password-file", own / "password"]
    for offset, side in (("-20m", "behind"), ("+20m", "ahead of")):
        done = own.run(["faketime", "-f", offset, program, *words, "--force"])
        assert done.returncode == 0 and re.search(f"the clock of this machine is (19m59s|20m|20m1s|20m0s|19m5.s) {side} that of the CA", done.stderr), done.stderr
        assert logs_in(own, cert_postgres).stdout == f"{USER}\n"
    before = own.snapshot()
    done = own.run(["faketime", "-f", "-900d", program, *words])
    fails(own, stepca, done, "not yet valid", "is the clock of this machine right", before=before)


def test_a_ca_that_is_down(home, session_directory):
    ca = start_with(session_directory / "gone", lambda config: None)
    begin(home, ca)
    ca.daemon.stop()
    before = home.snapshot()
    fails(home, ca, issue(home, USER), "could not connect", before=before)


def test_what_is_somebody_elses_stays(own, stepca):
    files = pair(own)
    chain, key = stepca.issue("mine")
    files.certificate.write_bytes(chain.read_bytes())
    files.key.write_bytes(key.read_bytes())
    files.key.chmod(0o600)
    asked, before = signs(stepca), own.snapshot()
    fails(own, stepca, issue(own, USER), "it is there already, and not by pganchor", "--force", asked=asked, before=before)
    report = issued(own, USER, "--force")
    assert files.matches() and files.names() == [USER] and report["replaced"]
    kept = Pair(*(files.certificate.with_name(files.certificate.name + ".old"), files.key.with_name(files.key.name + ".old")))
    assert kept.matches() and kept.names() == ["mine"] and mode(kept.key) == 0o600
    assert report["kept"] == [str(kept.certificate), str(kept.key)]


def test_issued_again_it_is_another_pair_and_nothing_is_left(own):
    issued(own, USER)
    files = pair(own)
    first, key = files.certificate.read_bytes(), files.key.read_bytes()
    paths = set(own.snapshot())
    report = issued(own, USER)
    assert report["replaced"] and report["kept"] == []
    assert files.certificate.read_bytes() != first and files.key.read_bytes() != key and files.matches()
    assert set(own.snapshot()) == paths and not files.certificate.is_symlink() and not files.key.is_symlink()
    assert mode(files.key) == 0o600


def test_a_dry_run_changes_nothing(own, stepca):
    asked, before = signs(stepca), own.snapshot()
    done = own.pganchor("cert", "issue", USER, "--dry-run")
    assert done.returncode == 0 and "Would have" in done.stdout and own.snapshot() == before and signs(stepca) == asked


@pytest.mark.parametrize("words, says", [
    (["--for", "nobody"], "neither client nor server"),
    (["--for", "server", "db.example"], "--out-cert FILE --out-key FILE"),
    (["--key", "dsa"], "none of ec, rsa and ed25519"),
    (["--out-cert", "x"], "go together"),
    (["--lifetime", "soon"], "no span of time"),
    (["--token", "-", "--password-file", "-"], "one of them"),
])
def test_words_that_are_none(home, words, says):
    done = home.pganchor("cert", "issue", *words)
    assert done.returncode == 2 and says in done.stderr, done.stderr


WRITES = ("openat,rename,renameat,renameat2,symlinkat,linkat,unlinkat,mkdirat,write,fsync,fchmod,fchown,unlink,mkdir")


def usable(files):
    """What libpq would find: a pair that matches, or no certificate."""
    return not files.certificate.exists() or files.matches()


def trace(home, log, *expressions):
    program = home.program.binary.with_name("pganchor.real")
    program = program if program.exists() else home.program.binary
    return home.run(["strace", "-qqq", "-o", log, *(word for one in expressions for word in ("-e", one)), "--", program, "cert", "issue",
                     USER, "--password-file", home / "password"])


@pytest.mark.parametrize("again", [False, True], ids=["first", "another"])
def test_killed_at_every_call_the_pair_matches(own, tmp_path, again):
    """And the next run finishes, with nothing left behind."""
    log = tmp_path / "trace"
    files = pair(own)
    if again:
        issued(own, USER)
    before = {path: path.read_bytes() for path in (files.certificate, files.key) if path.exists()}
    done = trace(own, log, f"trace={WRITES}")
    assert done.returncode == 0, done.stderr
    calls = [line.split("(")[0] for line in log.read_text().splitlines() if re.match(r"\w+\(", line)]
    first = next(at for at, line in enumerate(l for l in log.read_text().splitlines() if re.match(r"\w+\(", l)) if ".pganchor" in line)
    names = [(name, calls[:at + 1].count(name)) for at, name in enumerate(calls) if at >= first]
    assert len(names) > 20
    clean = set(own.snapshot())
    for name, number in names[::1 if os.environ.get("PGANCHOR_WHOLE") else 4]:
        for path in (files.certificate, files.key):
            path.unlink(missing_ok=True)
        for path, content in before.items():
            path.write_bytes(content)
            path.chmod(0o600)
        killed = trace(own, log, f"trace={WRITES}", f"inject={name}:signal=SIGKILL:when={number}")
        assert killed.returncode == -9, (name, number, killed.stderr)
        assert usable(files), (name, number)
    issued(own, USER)
    assert files.matches() and not files.certificate.is_symlink() and not files.key.is_symlink()
    assert set(own.snapshot()) == clean


def test_a_service_shows_it(own, cert_postgres):  # noqa: F811
    """In files that libpq does not find by itself."""
    issued(own, USER, "--out-cert", own / "mine.crt", "--out-key", own / "mine.key", "--as", "mine")
    done = own.pganchor("service", "add", "shop", "--host", "localhost", "--port", str(cert_postgres.port), "--dbname", USER,
                        "--user", USER, "--cert", "mine")
    assert done.returncode == 0, done.stderr
    text = (own / ".pg_service.conf").read_text()
    assert f"sslcert={own / 'mine.crt'}" in text and f"sslkey={own / 'mine.key'}" in text
    assert own.run(["psql", "-XAtc", "SELECT current_user", "service=shop"]).stdout == f"{USER}\n"
    none = own.pganchor("service", "add", "other", "--host", "localhost", "--cert", "nobody")
    assert none.returncode == 1 and "nobody: no certificate has this name" in none.stderr and "mine" in none.stderr


def test_the_key_under_a_passphrase_that_nobody_types(own, cert_postgres, keyring):  # noqa: F811
    """The keyring has it, and the gate hands it to libpq."""
    report = issued(own, USER, "--encrypt-key", env=keyring.environment)
    files = pair(own)
    assert report["encrypted"] and "BEGIN ENCRYPTED PRIVATE KEY" in files.key.read_text()
    done = own.pganchor("password", "get", "--key", files.key, env=keyring.environment)
    assert done.returncode == 0, done.stderr
    secret = done.stdout.strip()
    assert len(secret) == 32 and files.private(secret.encode()) is not None and secret not in json.dumps(report)
    query = ["psql", "-XAtc", "SELECT current_user", cert_postgres.conninfo(password=None, sslmode="verify-full")]
    assert run_gated(own, query, env=keyring.environment).stdout == f"{USER}\n"


def test_a_passphrase_needs_a_keyring(own, stepca):
    asked, before = signs(stepca), own.snapshot()
    done = issue(own, USER, "--encrypt-key")
    fails(own, stepca, done, "keyring", asked=asked, before=before)


def provisioners(key, **more):
    return reply(json.dumps({"provisioners": [{"type": "JWK", "name": "tests", "key": {"kid": "x"}, "encryptedKey": key, **more}]}))


def jwe(parts=5, **header):
    """One that nobody can open."""
    said = {"alg": "PBES2-HS256+A128KW", "enc": "A256GCM", "p2c": 1000, "p2s": encode(b"s" * 16), "cty": "jwk+json", **header}
    return ".".join([encode(json.dumps(said).encode()), encode(b"k" * 40), encode(b"v" * 12), encode(b"c" * 50), encode(b"t" * 16)][:parts])


@pytest.mark.parametrize("answer, says", [
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
    (endless(b'{"provisioners": ['), "within 1 seconds"),
])
def test_a_ca_that_says_anything(home, https_ca, answer, says):
    """It ends, in time, and says what is wrong."""
    ca = make_root()
    server = https_ca({**stepca_answers(ca), "/roots": reply(json.dumps({"crts": [ca.pem]})), "/provisioners?limit=100": answer}, authority=ca)
    done = home.pganchor("bootstrap", "--ca-url", server.url, "--fingerprint", ca.fingerprint)
    assert done.returncode == 0, done.stderr
    done = home.pganchor("cert", "issue", USER, "--password-file", "-", "--max-time", "1", input="password\n")
    assert done.returncode == 1 and says in done.stderr, done.stderr
    assert not (home / ".postgresql/postgresql.crt").exists()
