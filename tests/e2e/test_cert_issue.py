"""pganchor cert issue against a real step-ca: what it writes, and what each refusal says."""

import datetime
import email.utils
import json
import os
import pwd
import re
import shutil
import stat
import subprocess
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from certificates import make_root
from certs import Pair, begin, cert_postgres, encode, make_token, pair, protected, signs, start_with  # noqa: F401
from crl_stepca import crl_stepcas  # noqa: F401
from gated import run_gated
from hostile import HANG, Cut, Drip, endless, reply, stepca_answers
from postgres import NAMES, USER
from test_out_of_memory import failing_malloc, run_failing, without_wrapper  # noqa: F401
from test_trust_faults import WHOLE, WRITES as SOME_WRITES
from tracing import NO_LEAKS

WRITES = f"{SOME_WRITES},symlinkat,linkat"
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
    fails(own, stepca, own.pganchor(*APP[:3]), "--password-file", f"pganchor password set localhost:{stepca.port} -U tests", asked=asked, before=before)
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


def test_what_is_somebody_elses_stays(own, stepca):
    files = pair(own)
    chain, key = stepca.issue("mine")
    files.certificate.write_bytes(chain.read_bytes())
    files.key.write_bytes(key.read_bytes())
    files.key.chmod(0o600)
    asked, before = signs(stepca), own.snapshot()
    fails(own, stepca, issue(own, USER), "it is there already, and not by pganchor", "--force", asked=asked, before=before)
    question = r"is there already. Replace it \(a copy stays\)\? \[yes/no\] "
    asking = ["cert", "issue", USER, "--password-file", own / "password"]
    done = own.pganchor_tty(*asking, answers=[(question, "no")])
    assert done.returncode == 1 and "not wanted by you" in done.output and own.snapshot() == before and signs(stepca) == asked
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


def usable(files):
    """What libpq would find: a pair that matches, or no certificate."""
    return not files.certificate.exists() or files.matches()


def trace(home, log, *expressions):
    program = home.program.binary.with_name("pganchor.real")
    program = program if program.exists() else home.program.binary
    return home.run(["strace", "-qqq", "-o", log, *(word for one in expressions for word in ("-e", one)), "--", program, "cert", "issue",
                     USER, "--password-file", home / "password"], env=NO_LEAKS)


def put_back(home, kept):
    for entry in os.scandir(home.path):
        shutil.rmtree(entry.path) if entry.is_dir(follow_symlinks=False) else os.unlink(entry.path)
    shutil.copytree(kept, home.path, symlinks=True, dirs_exist_ok=True)


def find_faults(home, log):
    """(name of the call, how often it was called by then) of each that changes something, of a run that succeeds."""
    done = trace(home, log, f"trace={WRITES}")
    assert done.returncode == 0, done.stderr
    lines = [line for line in log.read_text().splitlines() if re.match(r"\w+\(", line)]
    names = [line.split("(")[0] for line in lines]
    first = next(at for at, line in enumerate(lines) if ".pganchor" in line)
    faults = [(name, names[:at + 1].count(name)) for at, name in enumerate(names) if at >= first]
    assert len(faults) > 15
    return faults


@pytest.fixture(params=[False, True], ids=["first", "another"])
def faulty(request, own, tmp_path):
    """faulty(what) -> of each fault: (how the command ended, whether there was a pair before)"""
    log, kept = tmp_path / "trace", tmp_path / "kept"
    if request.param:
        issued(own, USER)
    shutil.copytree(own.path, kept, symlinks=True)

    def run(what):
        faults = find_faults(own, log)
        for name, number in faults if WHOLE else faults[::5]:
            put_back(own, kept)
            yield trace(own, log, f"trace={WRITES}", f"inject={name}:{what}:when={number}"), request.param, (name, number)

    return run


def test_killed_at_every_call_the_pair_matches(own, faulty):
    """And the next run finishes, with nothing left behind."""
    files, kills, runs, clean = pair(own), 0, 0, None
    for killed, again, where in faulty("signal=SIGKILL"):
        # What the network does need not be the same twice, and then a call is not there to be killed at.
        kills, runs = kills + (killed.returncode == -9), runs + 1
        assert killed.returncode in (-9, 0) and usable(files), (where, killed.stderr)
        issued(own, USER, *([] if again else ["--force"]))
        assert files.matches() and not files.certificate.is_symlink() and not files.key.is_symlink(), where
        left = {path for path in own.snapshot() if not path.endswith(".old") and path != ".postgresql"}
        clean = left if clean is None else clean
        assert left == clean, where
    assert kills > runs // 2


def test_whatever_fails_the_pair_is_the_old_one_or_the_new_one(own, faulty):
    """It is told, and where it is told that nothing was done, nothing was."""
    files = pair(own)
    old = files.certificate.read_bytes() if files.certificate.exists() else b""
    for done, again, where in faulty("error=ENOSPC"):
        assert done.returncode in (0, 1) and usable(files), (where, done.stderr)
        assert files.certificate.exists() == (again or done.returncode == 0), (where, done.stderr)
        if done.returncode == 0:
            assert "Issued" in done.stdout and files.matches() and files.certificate.read_bytes() != old, where
        else:
            assert "pganchor: " in done.stderr and (files.certificate.read_bytes() if again else b"") == old, (where, done.stderr)
        assert not files.certificate.is_symlink() or "are symbolic links" in done.stderr, (where, done.stderr)
        issued(own, USER, "--force")
        assert files.matches() and not files.certificate.is_symlink() and not files.key.is_symlink(), where


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
    # Renewed without anybody who types: the same key, and another under the same passphrase.
    for words in ([], ["--rekey"]):
        old, key = files.certificate.read_bytes(), files.key.read_bytes()
        done = own.pganchor("cert", "renew", "client", "--force", *words, env=keyring.environment)
        assert done.returncode == 0 and files.certificate.read_bytes() != old, done.stderr
        assert (files.key.read_bytes() != key) == bool(words) and files.private(secret.encode()) is not None
        assert run_gated(own, query, env=keyring.environment).stdout == f"{USER}\n"
    none = own.pganchor("cert", "renew", "client", "--force")
    assert none.returncode == 1 and "the key has a passphrase" in none.stderr, none.stderr


def test_a_passphrase_needs_a_keyring(own, stepca):
    asked, before = signs(stepca), own.snapshot()
    done = issue(own, USER, "--encrypt-key")
    fails(own, stepca, done, "keyring", asked=asked, before=before)


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


def false_ca(home, https_ca, sign, headers=(), ca=None):
    """A CA of ours whose one provisioner's password is "password", and which answers a request to sign so."""
    ca = ca or make_root()
    server = https_ca({**stepca_answers(ca), "/roots": reply(json.dumps({"crts": [ca.pem]})), "/1.0/sign": sign,
                       "/provisioners?limit=100": reply(json.dumps({"provisioners": [protected("tests", b"password")]}), headers=headers)},
                      authority=ca)
    done = home.pganchor("bootstrap", "--ca-url", server.url, "--fingerprint", ca.fingerprint)
    assert done.returncode == 0, done.stderr
    return ca, server


def refusal(status, message, **kwargs):
    return reply(json.dumps({"status": int(status.split()[0]), "message": message}), status=status, **kwargs)


def date(offset):
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
    (refusal("401 Unauthorized", UNAUTHORIZED, headers=date(1200)), "behind the CA's"),
    (refusal("401 Unauthorized", UNAUTHORIZED, headers=date(-1200)), "ahead of the CA's"),
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


def signed(authority, request):
    """What the request asks for, signed by this authority."""
    csr = x509.load_pem_x509_csr(json.loads(request.raw.split(b"\r\n\r\n", 1)[1])["csr"].encode())
    now = datetime.datetime.now(datetime.timezone.utc)
    built = (x509.CertificateBuilder().subject_name(csr.subject).issuer_name(authority.cert.subject).public_key(csr.public_key())
             .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
             .not_valid_after(now + datetime.timedelta(hours=8))
             .add_extension(csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value, critical=False))
    leaf = built.sign(authority.key, None if isinstance(authority.key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    return reply(json.dumps({"certChain": [leaf.public_bytes(Encoding.PEM).decode()]}), status="201 Created")


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


@pytest.mark.parametrize("again", [False, True], ids=["first", "another"])
@pytest.mark.parametrize("on", [False, True], ids=["once", "from then on"])
def test_without_memory_it_is_done_or_nothing_was(home, https_ca, failing_malloc, tmp_path, on, again):  # noqa: F811
    """And it says which."""
    ca, server = false_ca(home, https_ca, lambda request: signed(holder[0], request))
    holder, kept, files = [None], tmp_path / "kept", pair(home)
    holder[0] = ca
    conf = home / ".config/pganchor/certs.conf"
    (home / "password").write_text("password\n")
    (home / "password").chmod(0o600)
    program, gate = without_wrapper(home)
    argv = [program, "cert", "issue", USER, "--password-file", home / "password"]
    if again:
        assert home.run(argv).returncode == 0
    old = files.certificate.read_bytes() if again else None
    shutil.copytree(home.path, kept, symlinks=True)
    good, count = run_failing(home, failing_malloc, argv, 0, preload=gate)
    assert good.returncode == 0 and count > 100, good.stderr
    ends = set()
    for number in range(1 + 7 * on, count + 1, max(1, count // (400 if WHOLE else 40))):
        put_back(home, kept)
        done, _ = run_failing(home, failing_malloc, argv, number, on, preload=gate)
        now = files.certificate.read_bytes() if files.certificate.exists() else None
        assert done.returncode in (0, 1) and usable(files), (number, done.stderr)
        if done.returncode == 0:
            assert now != old and files.matches(), (number, done.stderr)
            noted = conf.exists() and "[client]" in conf.read_text()
            assert noted or "not known to cert status" in done.stderr, (number, done.stderr)
        else:
            assert now == old and "pganchor: " in done.stderr, (number, done.stdout, done.stderr)
        ends.add(done.returncode)
    assert 1 in ends


def test_files_in_two_directories_and_behind_links(own):
    """The links of a person stay; what they lead to is what changes."""
    (own / "a").mkdir(), (own / "b").mkdir(), (own / "real").mkdir()
    words = [USER, "--as", "apart", "--out-cert", own / "a/mine.crt", "--out-key", own / "b/mine.key"]
    files = Pair(own / "a/mine.crt", own / "b/mine.key")
    issued(own, *words)
    first = files.certificate.read_bytes()
    files.certificate.rename(own / "real/mine.crt")
    files.certificate.symlink_to("../real/mine.crt")
    paths = set(own.snapshot())
    issued(own, *words)
    assert files.matches() and files.certificate.read_bytes() != first and set(own.snapshot()) == paths
    assert os.readlink(files.certificate) == "../real/mine.crt" and not (own / "real/mine.crt").is_symlink()


def test_a_link_of_somebody_else_is_not_followed(own):
    if os.geteuid() != 0:
        pytest.skip("root alone can give a link to somebody else")
    (own / "elsewhere").write_text("precious")
    (own / "mine.crt").symlink_to("elsewhere")
    os.lchown(own / "mine.crt", 12345, 12345)
    before = own.snapshot()
    done = issue(own, USER, "--as", "mine", "--out-cert", own / "mine.crt", "--out-key", own / "mine.key", "--force")
    assert done.returncode == 1 and "is not followed" in done.stderr and own.snapshot() == before


def test_a_server_that_reads_it_anew(own, stepca, make_postgres):
    """In place while it runs: told by a signal, and seen in a handshake. Where it is not told, what was there comes back."""
    chain, key = stepca.issue(*NAMES)
    server = make_postgres(chain, key)
    data = server.directory / "data"
    files = Pair(data / "server.crt", data / "server.key")
    old = files.certificate.read_bytes()
    words = ["localhost", "--for", "server", "--out-cert", files.certificate, "--out-key", files.key, "--force", "--prove", f"localhost:{server.port}"]
    if os.geteuid() == 0:
        words += ["--owner", pwd.getpwuid(files.key.stat().st_uid).pw_name]
    done = issue(own, *words, "--exec", "false")
    assert done.returncode == 1 and "what was there before is back" in done.stderr, done.stderr
    assert files.certificate.read_bytes() == old and files.matches() and not list(data.glob("*.old"))
    report = issued(own, *words, "--exec", "", "--signal", f"HUP:{data / 'postmaster.pid'}")
    assert report["reloaded"] and report["proved"] and files.matches() and files.names() == ["localhost"]
    assert mode(files.key) == 0o600 and files.key.stat().st_uid == (data / "PG_VERSION").stat().st_uid
    assert own.run(["psql", "-XAtc", "SELECT 1", server.conninfo(sslmode="verify-full")]).stdout == "1\n"


def test_root_writes_as_the_directory_s_owner(own):
    """A server's directory is its user's: so is what comes there, the first time and again, and root's power is not used in it."""
    if os.geteuid() != 0:
        pytest.skip("root alone writes for others")
    user = pwd.getpwnam("nobody")
    place = own / "data"
    place.mkdir()
    os.chown(place, user.pw_uid, user.pw_gid)
    place.chmod(0o700)
    files = Pair(place / "server.crt", place / "server.key")
    for _ in range(2):
        issued(own, "localhost", "--for", "server", "--out-cert", files.certificate, "--out-key", files.key)
        assert files.matches() and {path.stat().st_uid for path in place.iterdir()} == {user.pw_uid}
        assert mode(files.key) == 0o600 and sorted(path.name for path in place.iterdir()) == ["server.crt", "server.key"]


def test_root_s_directory_needs_an_owner(own, stepca):
    if os.geteuid() != 0:
        pytest.skip("root alone writes there")
    asked = signs(stepca)
    done = issue(own, "localhost", "--for", "server", "--out-cert", own / "server.crt", "--out-key", own / "server.key")
    fails(own, stepca, done, "its directory is root's", "--owner postgres", asked=asked)


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


def test_several_at_once(own):
    """Of whichever comes last both files are, and nothing is left of the others."""
    words = [own.program.binary, "cert", "issue", USER, "--password-file", own / "password", "--force"]
    for _ in range(2):
        running = [subprocess.Popen(words, env=own.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                    text=True) for _ in range(4)]
        said = [process.communicate(timeout=120)[1] for process in running]
        assert {process.returncode for process in running} <= {0, 1} and 0 in {process.returncode for process in running}, said
        assert pair(own).matches() and not pair(own).certificate.is_symlink(), said
        assert not [path for path in own.snapshot() if ".pganchor-" in path]
