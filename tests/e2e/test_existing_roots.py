"""bootstrap beside roots that were in root.crt before: once an anchor is pinned, the gate refuses the servers of those that are not."""

import json
import os

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from bootstrapping import CONF, OLD, ROOT_CRT, write_root_crt
from certificates import EXPIRED, make_root, pem
from gated import GATED
from hostile import stepca_answers
from recording import THROUGH
from services import policy

OLDER = make_root("Older root", key="rsa2048")
REFUSED = "its certificate chain ends in a root that is not pinned"


@pytest.fixture
def root():
    return make_root("Company Root CA")


@pytest.fixture
def bootstrap(home, https_ca, root):
    """Factory bootstrap(*args) -> CompletedProcess, of a CA with this root."""
    ca = https_ca(stepca_answers(root), authority=root)
    return lambda *args: home.pganchor("bootstrap", "--ca-url", ca.url, "--fingerprint", root.fingerprint, *args)


@pytest.mark.parametrize("args", [[], ["--scoped"], ["--dry-run"], ["--json"]], ids=["root.crt", "scoped", "dry run", "JSON"])
def test_roots_that_are_not_pinned_are_named(home, bootstrap, root, connect, args):
    write_root_crt(home, OLD.pem + OLDER.pem)
    assert THROUGH in connect(OLD, *GATED)
    done = bootstrap(*args)
    assert done.returncode == 0
    what = "would refuse" if args == ["--dry-run"] else "refuses from now on"
    assert f"{what} the servers of 2 roots in it that are not pinned:" in done.stderr and "--pin-existing" in done.stderr
    for authority, name in ((OLD, "CN=Old root of somebody else's,O=Test PKI"), (OLDER, "CN=Older root,O=Test PKI")):
        assert f"    {name} (SHA-256 {authority.fingerprint})\n" in done.stderr
    assert root.fingerprint not in done.stderr
    assert (REFUSED if args != ["--dry-run"] else THROUGH) in connect(OLD, *GATED)


def test_and_pinned_where_that_is_wanted(home, bootstrap, root, connect):
    write_root_crt(home, OLD.pem + OLDER.pem)
    before = home.snapshot()
    done = bootstrap("--pin-existing", "--dry-run")
    assert done.returncode == 0 and f"Would be pinned too, as anchor existing-{OLD.fingerprint[:16]}: CN=Old root" in done.stdout
    assert home.snapshot() == before
    assert bootstrap().returncode == 0  # The command that is advised comes second.
    done = bootstrap("--pin-existing")
    assert done.returncode == 0 and "not pinned" not in done.stderr
    assert f"Pinned too, as anchor existing-{OLDER.fingerprint[:16]}: CN=Older root,O=Test PKI ({OLDER.fingerprint})" in done.stdout
    for authority in (root, OLD, OLDER):
        assert THROUGH in connect(authority, *GATED)
    assert (home / ROOT_CRT).read_text() == f"{OLD.pem}{OLDER.pem}# pganchor anchor localhost\n{root.pem}"
    before = home.snapshot()
    done = bootstrap("--pin-existing", "--json")
    assert json.loads(done.stdout)["changed"] is False and done.stderr == ""
    assert home.snapshot() == before


def test_without_a_ca_they_are_shown_first(home, bootstrap, root, connect):
    """As every advice prints it: the roots are compared by a person, and pinned by the next command."""
    write_root_crt(home, OLD.pem)
    assert bootstrap().returncode == 0
    before = home.snapshot()
    done = home.pganchor("bootstrap", "--pin-existing")
    assert done.returncode == 1 and "nothing was pinned" in done.stderr and "--yes" in done.stderr
    assert f"CN=Old root of somebody else's,O=Test PKI (SHA-256 {OLD.fingerprint}), valid to 20" in done.stdout
    assert root.fingerprint not in done.stdout
    done = home.pganchor("bootstrap", "--pin-existing", "--dry-run")
    assert done.returncode == 0 and OLD.fingerprint in done.stdout
    assert home.snapshot() == before and REFUSED in connect(OLD, *GATED)
    done = home.pganchor("bootstrap", "--pin-existing", "--yes")
    assert done.returncode == 0 and done.stderr == "" and OLD.fingerprint in done.stdout
    assert THROUGH in connect(OLD, *GATED) and THROUGH in connect(root, *GATED)
    before = home.snapshot()
    done = home.pganchor("bootstrap", "--pin-existing", "--yes")
    assert done.returncode == 0 and "nothing to do" in done.stdout and home.snapshot() == before


def test_without_a_ca_and_without_a_root_nothing_is_pinned(home):
    done = home.pganchor("bootstrap", "--pin-existing", "--yes")
    assert done.returncode == 1 and "there is no root to pin" in done.stderr and not (home / CONF).exists()
    write_root_crt(home, make_root("Weak root", key="rsa1024").pem + OLD.pem)
    done = home.pganchor("bootstrap", "--pin-existing", "--yes")
    assert done.returncode == 1 and "1024 bits" in done.stderr and OLD.fingerprint in done.stdout


@pytest.mark.parametrize("args", [["--name", "x"], ["--hosts", "h"], ["--fingerprint", "0" * 64], ["--scoped"], ["--replace"],
                                  ["--proxy", "http://h"], ["--json"]], ids=lambda args: args[0])
def test_without_a_ca_there_is_nothing_else_to_say(home, args):
    write_root_crt(home, OLD.pem)
    done = home.pganchor("bootstrap", "--pin-existing", "--yes", *args)
    assert done.returncode == 2 and "--ca-url is missing" in done.stderr and not (home / CONF).exists()


def test_the_report_of_it_is_true_and_in_order(home, bootstrap, root):
    write_root_crt(home, OLD.pem + OLDER.pem)
    assert bootstrap().returncode == 0
    names = [f"existing-{authority.fingerprint[:16]}" for authority in (OLD, OLDER)]
    planned = json.loads(bootstrap("--pin-existing", "--dry-run", "--json").stdout)
    shown = bootstrap("--pin-existing").stdout.splitlines()
    assert shown[0].endswith("is pinned already, as anchor localhost.")
    assert [line.split(":")[0] for line in shown[-3:]] == [f"Pinned too, as anchor {name}" for name in names] + ["Next"]
    told = [{"anchor": name, "pin": authority.fingerprint, "subject": f"CN={what},O=Test PKI"}
            for name, authority, what in zip(names, (OLD, OLDER), ("Old root of somebody else's", "Older root"))]
    assert planned["pinned_too"] == told and planned["changed"] is True
    assert "Nothing was changed." in bootstrap("--pin-existing").stdout


def test_one_that_can_be_no_anchor_is_named_and_the_others_pinned(home, bootstrap, connect):
    weak = make_root("Weak root", key="rsa1024")
    write_root_crt(home, weak.pem + OLD.pem)
    done = bootstrap("--pin-existing")
    assert done.returncode == 0
    assert "1024 bits" in done.stderr and "it is not pinned, and the gate refuses its servers" in done.stderr
    assert THROUGH in connect(OLD, *GATED)


QUIET = {
    "the root itself": lambda root: root.pem,
    "its twin": lambda root: root.twin().pem,
    "an expired root": lambda root: make_root("Expired", days=EXPIRED).pem,
    "an intermediate": lambda root: pem(OLD.intermediate().cert),
}


@pytest.mark.parametrize("content", QUIET.values(), ids=QUIET)
def test_what_ends_no_chain_is_not_named(home, bootstrap, root, content):
    write_root_crt(home, content(root))
    done = bootstrap()
    assert done.returncode == 0 and "not pinned" not in done.stderr


def test_a_policy_that_asks_for_no_pins(home, bootstrap, connect):
    write_root_crt(home, OLD.pem)
    (home / ".config/pganchor").mkdir(parents=True)
    (home / ".config/pganchor/policy.conf").write_text("trust = verified\n")
    done = bootstrap()
    assert done.returncode == 0 and "not pinned" not in done.stderr


def test_a_bundle_is_not_listed_in_full(home, bootstrap):
    many = [make_root(f"Public CA {number}") for number in range(12)]
    write_root_crt(home, "".join(root.pem for root in many))
    done = bootstrap()
    assert done.returncode == 0
    assert "12 roots in it that are not pinned" in done.stderr and "and 4 more" in done.stderr and done.stderr.count("CN=Public CA") == 8


def test_explain_names_them_too(home, bootstrap, root, tmp_path):
    """What it calls allowed is refused for a server of theirs."""
    write_root_crt(home, OLD.pem)
    strong = ["explain", "host=localhost sslmode=verify-full"]
    assert "not pinned" not in home.pganchor(*strong).stderr  # Nothing is pinned, and nothing refused for it.
    assert bootstrap().returncode == 0
    said = home.pganchor(*strong).stderr
    assert "refuses the servers of 1 root in it that is not pinned:" in said and OLD.fingerprint in said and root.fingerprint not in said
    own = root.write_root(tmp_path / "own.crt")
    assert home.pganchor("explain", f"host=localhost sslmode=verify-full sslrootcert={own}").stderr == ""
    assert bootstrap("--pin-existing").returncode == 0
    assert home.pganchor(*strong).stderr == ""


def test_service_list_names_them_too(home, bootstrap):
    write_root_crt(home, OLD.pem)
    assert home.pganchor("service", "add", "prod", "--host", "localhost").returncode == 0
    assert "not pinned" not in home.pganchor("service", "list").stderr
    assert bootstrap().returncode == 0
    done = home.pganchor("service", "list")
    assert "allowed" in done.stdout and OLD.fingerprint in done.stderr and "refuses the servers of 1 root in it" in done.stderr


def existing_alone(home, *args):
    return home.pganchor("bootstrap", "--pin-existing", *args, timeout=30)


NO_ROOTS = {
    "empty": lambda: b"",
    "text": lambda: b"no certificate\n",
    "lines that end with CR alone": lambda: OLD.pem.replace("\n", "\r").encode(),
    "indented": lambda: "".join(f"  {line}\n" for line in OLD.pem.splitlines()).encode(),
    "UTF-16": lambda: OLD.pem.encode("utf-16"),
    "DER": lambda: OLD.cert.public_bytes(Encoding.DER),
    "behind a NUL": lambda: b"\0\n" + OLD.pem.encode(),
    "beside a damaged one": lambda: (OLD.pem + OLDER.pem[:300]).encode(),
    "expired": lambda: make_root("Expired", days=EXPIRED).pem.encode(),
    "an intermediate": lambda: pem(OLD.intermediate().cert).encode(),
}


@pytest.mark.parametrize("content", NO_ROOTS.values(), ids=NO_ROOTS)
@pytest.mark.parametrize("args", [[], ["--yes"], ["--yes", "--dry-run"]], ids=str)
def test_nothing_to_pin_is_no_success(home, content, args):
    """Who hears that there is nothing to do believes that all is pinned."""
    write_root_crt(home, content())
    before = home.snapshot()
    done = existing_alone(home, *args)
    assert done.returncode == 1 and "root.crt: there is no root to pin: " in done.stderr and done.stdout == ""
    assert home.snapshot() == before


def test_a_pipe_in_the_place_of_root_crt_is_not_waited_for(home):
    (home / ".postgresql").mkdir()
    os.mkfifo(home / ROOT_CRT)
    done = existing_alone(home, "--yes")
    assert done.returncode == 1 and "there is no root to pin" in done.stderr


def test_nor_is_one_that_a_connection_or_an_entry_names(home, bootstrap):
    assert bootstrap().returncode == 0
    os.mkfifo(home / "pipe")
    named = f"sslrootcert={home / 'pipe'}"
    assert home.pganchor("explain", f"host=localhost sslmode=verify-full {named}", timeout=30).returncode == 0
    assert home.pganchor("service", "add", "prod", "--host", "localhost", named, timeout=30).returncode == 0
    assert home.pganchor("service", "show", "prod", timeout=30).returncode == 0
    own = home / ".config/pganchor/anchors/localhost.crt"
    own.unlink()
    os.mkfifo(own)
    done = home.pganchor("service", "add", "other", "--host", "localhost", "--anchor", "localhost", timeout=30)
    assert done.returncode == 1 and f"{own}: not a file" in done.stderr


def test_what_is_said_of_one_root_is_not_said_of_all(home):
    write_root_crt(home, make_root("Weak root", key="rsa1024").pem + OLD.pem)
    done = existing_alone(home, "--yes")
    assert done.returncode == 1 and "Pinned, as anchor existing-" in done.stdout
    assert "nothing was pinned" not in done.stderr and "    it is not pinned: once any root is" in done.stderr


def in_the_way(home):
    (home / ".config/pganchor/anchors").mkdir(parents=True, exist_ok=True)
    (home / f".config/pganchor/anchors/existing-{OLD.fingerprint[:16]}.crt").write_text("a note\n")
    write_root_crt(home, OLD.pem)


def outside(home):
    if os.geteuid() != 0:
        pytest.skip("needs root: a user's own files may be in two places, and nobody else can give one a certificate")
    (home / ".postgresql").mkdir()
    (home / ROOT_CRT).symlink_to(OLD.write_root(home.path.parent / "outside.crt"))


@pytest.mark.parametrize("prepare", [in_the_way, outside], ids=lambda prepare: prepare.__name__)
def test_no_option_is_advised_that_does_not_go_with_it(home, prepare):
    prepare(home)
    before = home.snapshot()
    done = existing_alone(home, "--yes")
    assert done.returncode == 1 and "    it is not pinned" in done.stderr and "--" not in done.stderr
    assert home.snapshot() == before


def test_a_root_that_could_not_be_pinned_too_is_a_failure(home, bootstrap, root):
    in_the_way(home)
    done = bootstrap("--pin-existing")
    assert done.returncode == 1 and "is pinned as anchor localhost" in done.stdout
    assert f"(SHA-256 {OLD.fingerprint}): " in done.stderr and "there is such a file" in done.stderr and "it is not pinned" in done.stderr


def test_so_is_a_file_of_which_nothing_can_be_pinned(home, bootstrap):
    write_root_crt(home, OLD.pem[:200])
    done = bootstrap("--scoped", "--pin-existing")
    assert done.returncode == 1 and "libpq finds no certificate in it, and there is none to pin" in done.stderr


def test_while_the_policy_audits_nothing_is_said_to_be_refused(home, bootstrap, connect):
    policy(home, "mode = audit\n")
    write_root_crt(home, OLD.pem)
    done = bootstrap("--hosts", "db.example.com")
    said = done.stderr + home.pganchor("explain", "host=localhost sslmode=verify-full").stderr
    assert done.returncode == 0 and THROUGH in connect(OLD, *GATED)
    assert said.count("the gate would refuse, but for mode = audit, the server") == 3
    assert "will refuse" not in said and "refuses" not in said
