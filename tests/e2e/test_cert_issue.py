"""pganchor cert issue against a real step-ca: what it writes, and who gets in by it."""

import json
import os
import pwd

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from certs import Pair, cert_postgres, make_token, owned_by, pair, signs  # noqa: F401
from gated import run_gated
from issuing import APP, by_token, fails, issue, issued, logs_in, mode, own  # noqa: F401
from postgres import NAMES, USER


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
                    "--out-key", own / "tls/server.key", *owned_by("root:root"))
    files = Pair(own / "tls/server.crt", own / "tls/server.key")
    assert report["name"] == "localhost" and sorted(files.names()) == ["127.0.0.1", "localhost"]
    assert mode(files.key) == (0o640 if os.geteuid() == 0 else 0o600) and files.matches()
    server = make_postgres(files.certificate, files.key)
    for host in ("localhost", "127.0.0.1"):
        assert own.run(["psql", "-XAtc", "SELECT 1", server.conninfo(host=host, sslmode="verify-full")]).stdout == "1\n"


def test_the_keyring_has_the_password(own, stepca, keyring):
    right = (own / "password").read_text()
    done = own.pganchor("password", "set", f"localhost:{stepca.port}", "-U", "tests", input=right, env=keyring.environment)
    assert done.returncode == 0, done.stderr
    done = own.pganchor(*APP[:3], env=keyring.environment)
    assert done.returncode == 0, done.stderr
    assert pair(own).matches()


def test_a_token_of_somebody_else(own, stepca):
    done = by_token(own, make_token(stepca, USER, USER, "laptop.example"))
    assert done.returncode == 0, done.stderr
    assert pair(own).names() == [USER, "laptop.example"] and pair(own).matches()


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
    (["--key", "pkcs11:token=me"], "a key in a token or TPM is made and used by its own programs"),
    (["--key", "pkcs11:token=me"], "CAVEATS of pganchor-cert(1) has how it is made and renewed by hand"),
    (["--reload", "-f"], "such as postgresql.service"),
    (["--out-cert", "x"], "go together"),
    (["--lifetime", "soon"], "no span of time"),
    (["--token", "-", "--password-file", "-"], "one of them"),
])
def test_words_that_are_none(home, words, says):
    done = home.pganchor("cert", "issue", *words)
    assert done.returncode == 2 and says in done.stderr, done.stderr


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


def test_links_that_lead_nowhere_are_no_pair(own):
    """Of a run that was killed, where somebody has removed the directory that they lead to."""
    issued(own, USER)
    files = pair(own)
    for path, half in (files.certificate, "certificate"), (files.key, "key"):
        path.unlink()
        path.symlink_to(f".pganchor-pair-{files.certificate.name}/now/{half}")
    issued(own, USER, "--force")
    assert files.matches() and not files.certificate.is_symlink() and not files.key.is_symlink()


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
