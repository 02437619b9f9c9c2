"""What whoever begins with certificates of their own types, and mistypes: it works, or says what would, and costs nothing."""

import os
import shutil
import subprocess

import pytest

from certs import begin, make_token, pair, signs
from own_certificates import DUE, cert, have, match, serial, status
from postgres import SUPERUSER
from services import bootstrap

CA = ".config/pganchor/local-ca"


@pytest.fixture
def own(home, stepca):
    """The home knows stepca, and has its provisioner's password in a file."""
    return begin(home, stepca)


def shell(home, words, **kwargs):
    """As it is typed in a shell."""
    return home.run(["bash", "-c", words], **kwargs)


@pytest.mark.parametrize("words", [
    "pganchor cert issue app --password-file <(cat password)", "cat password | pganchor cert issue app --password-file /dev/stdin",
    "(cat password; echo; echo user: app) | pganchor cert issue app --password-file -"])
def test_a_password_by_a_pipe(own, words):
    done = shell(own, words)
    assert done.returncode == 0 and "others may read it" not in done.stderr, done.stderr
    assert pair(own).matches()


def test_a_token_by_a_pipe(own, stepca):
    (own / "token").write_text(make_token(stepca, "app") + "\n")
    done = shell(own, "pganchor cert issue --token <(cat token)")
    assert done.returncode == 0 and pair(own).names() == ["app"], done.stderr


def test_what_flows_for_ever_is_no_password(own, stepca):
    asked = signs(stepca)
    done = shell(own, "pganchor cert issue app --password-file <(yes | tr -d '\\n')")
    assert done.returncode == 1 and "longer than" in done.stderr and signs(stepca) == asked


def test_where_nothing_can_be_written_no_token_is_spent(own, stepca):
    (own / "closed").mkdir(mode=0o500)
    (own / "token").write_text(make_token(stepca, "localhost") + "\n")
    (own / "token").chmod(0o600)
    asked, words = signs(stepca), ["issue", "--for", "server", "--token", own / "token", "--as", "db"]
    if os.geteuid() == 0:
        words += ["--owner", "root:root"]
    for place in own / "closed", own / "closed/below":
        done = cert(own, *words, "--out-cert", place / "s.crt", "--out-key", place / "s.key", ordinary=True)
        assert done.returncode == 1 and "no CA was asked" in done.stderr, done.stderr
    assert signs(stepca) == asked
    done = cert(own, *words, "--out-cert", own / "open/s.crt", "--out-key", own / "open/s.key")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("left", [None, 4194303])
@pytest.mark.parametrize("prove", [False, True])
def test_a_server_that_does_not_run_has_the_new_one_when_it_starts(home, stepca, left, prove):
    """postmaster.pid is there as long as the server runs; one that has crashed leaves it behind."""
    bootstrap(home, stepca)
    crt, key = have(home, stepca, "localhost", days=DUE, crt="data/server.crt", key="data/server.key")
    if left is not None:
        (home / "data/postmaster.pid").write_text(f"{left}\n")
    words = ["--prove", "localhost:1"] if prove else []
    done = cert(home, "add", "db", "--for", "server", "--cert", crt, "--key", key, "--signal", "HUP:data/postmaster.pid", *words)
    assert done.returncode == 0, done.stderr
    old = serial(crt)
    done = cert(home, "renew")
    assert done.returncode == 0 and "could not be seen in use" in done.stderr.replace("\n    ", " "), done.stderr
    assert serial(crt) != old and match(crt, key) and status(home)[1]["db"]["failures"] == 0


def test_a_number_that_is_never_there_is_told(home, stepca):
    bootstrap(home, stepca)
    crt, key = have(home, stepca, "localhost", days=DUE, crt="data/server.crt", key="data/server.key")
    old = crt.read_bytes()
    assert cert(home, "add", "db", "--for", "server", "--cert", crt, "--key", key).returncode == 0
    done = cert(home, "renew", "--signal", "HUP:dada/postmaster.pid")
    assert done.returncode == 1 and "dada/postmaster.pid: No such file or directory" in done.stderr, done.stderr
    assert crt.read_bytes() == old and done.stderr.count("No such file") == 1


def test_a_path_of_the_working_directory_is_remembered_whole(own):
    words = ["issue", "localhost", "--for", "server", "--password-file", "password", "--out-cert", "data/s.crt", "--out-key", "data/s.key",
             "--signal", "HUP:data/postmaster.pid"]
    if os.geteuid() == 0:
        words += ["--owner", "root:root"]
    done = cert(own, *words)
    assert done.returncode == 0 and "what does not run starts with the new one" in done.stderr, done.stderr
    known = status(own)[1]["localhost"]
    assert known["signal"] == f"HUP:{own / 'data/postmaster.pid'}" and known["certificate"] == str(own / "data/s.crt")


@pytest.mark.parametrize("words, says", [
    (["issue", "app", "--ca", "https://ca.example.com:9000"], "pganchor bootstrap --ca-url https://ca.example.com:9000 --fingerprint"),
    (["issue", "app", "--ca", "campany"], "there are: company"), (["issue", ""], "the name that it is for is empty"),
    (["issue", "app", "--encrypt-key", "--password-file", "password"], "without --encrypt-key")])
def test_what_is_mistyped(home, stepca, words, says):
    bootstrap(home, stepca, "--name", "company")
    (home / "password").write_bytes((stepca.directory / "password").read_bytes())
    done = cert(home, *words)
    assert done.returncode != 0 and says in done.stderr, done.stderr
    assert not (home / ".postgresql/postgresql.crt").exists()


def test_who_has_none_yet_is_told_how_to_get_one(home):
    for words in "status", "renew":
        done = cert(home, words)
        assert done.returncode == 0 and "pganchor cert issue\n" in done.stdout


def test_the_command_that_is_printed_makes_it_anew(own):
    """Of another name than the user's, for a server, in other files: as it was."""
    words = ["--owner", "root:root"] if os.geteuid() == 0 else []
    done = cert(own, "issue", "localhost", "--for", "server", "--san", "db.test", "--password-file", "password", "--out-cert", "data/s.crt",
                "--out-key", "data/s.key", "--as", "db", *words)
    assert done.returncode == 0, done.stderr
    (own / "data/s.key").unlink()
    hint = status(own)[1]["db"]["hint"]
    done = shell(own, hint[hint.index("pganchor cert issue"):] + f" --password-file password {' '.join(words)}")
    assert done.returncode == 0 and match(own / "data/s.crt", own / "data/s.key"), (hint, done.stderr)
    done = cert(own, "revoke", "db", "--yes")
    again = done.stdout.splitlines()[-1]
    done = shell(own, f"{again} --password-file password")
    assert done.returncode == 0 and status(own)[1]["db"]["state"] == "not-due", (again, done.stderr)
    assert {name.split(":")[1] for name in status(own)[1]["db"]["names"]} == {"localhost", "db.test"}


# The local CA.

def serve(home, server, *words):
    return home.pganchor("ca", "local", "serve", server.directory / "data", "--user", SUPERUSER, *words)


def reaches(home, server):
    root = home / ".config/pganchor/anchors/local.crt"
    return home.run(["psql", "-XAtc", "SELECT 1", server.conninfo(sslmode="verify-full", sslrootcert=root)]).stdout == "1\n"


def test_a_server_of_another_local_ca_is_replaced_by_request_alone(home, make_postgres):
    """As after sudo without --ca, or with a CA that was lost: nothing has to be taken away by hand."""
    server = make_postgres()
    assert serve(home, server).returncode == 0
    shutil.rmtree(home / ".config")
    place = server.directory / "data/pganchor-local.crt"
    before = place.read_bytes()
    done = serve(home, server)
    assert done.returncode == 1 and "--replace" in done.stderr, done.stderr
    assert place.read_bytes() == before
    done = serve(home, server, "--replace")
    assert done.returncode == 0 and "Proved" in done.stdout, done.stderr
    assert place.read_bytes() != before and reaches(home, server)


@pytest.mark.parametrize("bounds", ["critical,permitted;DNS:com", "permitted;DNS:localhost"])
def test_a_ca_of_other_constraints_is_not_taken_for_it(home, bounds):
    place = home / CA
    place.mkdir(mode=0o700, parents=True)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=CA", "-days", "300",
                    "-keyout", place / "ca.key", "-out", place / "ca.crt", "-addext", "basicConstraints=critical,CA:TRUE,pathlen:0",
                    "-addext", f"nameConstraints={bounds}"], check=True, capture_output=True)
    done = home.pganchor("ca", "local")
    assert done.returncode == 1 and "no local CA of pganchor's" in done.stderr, done.stdout
    assert not (home / ".config/pganchor/anchors.conf").exists()
    assert home.pganchor("ca", "local", "remove").returncode == 0
    done = home.pganchor("ca", "local")
    assert done.returncode == 0 and "Made the local CA" in done.stdout, done.stderr
