"""An anchor counts where its certificate is in the file of roots that the connection will use: explain, service list and service
show say what the gate will refuse for that, though the settings are as strong as can be."""

import json

import pytest

from certificates import EXPIRED, Authority, make_root, pem, trusted_certificate
from gated import GATED
from hostile import stepca_answers
from recording import THROUGH
from services import add, entry, listed, pin_files, policy, service, write

ONE = make_root("Root of the first company")
TWO = make_root("Root of the second company")
STRONG = "host=localhost sslmode=verify-full"
ENTRY = "[prod]\nhost=localhost\nsslmode=verify-full\ngssencmode=disable\n"
NO_ANCHOR = "no anchor for localhost is in {}: the gate will refuse the server (trust = pinned)"
NONE_AT_ALL = "no anchor is pinned for localhost: the gate will refuse the server (trust = pinned)"


@pytest.fixture
def anchored(home):
    """Two anchors: one in root.crt for hosts of its own, the other alone in its file, for every host."""
    pin_files(home, ("one", ONE, "*.example.com", "root.crt"), ("two", TWO, "*", "scoped"))
    return home


def own_file(home, name="two"):
    return home / f".config/pganchor/anchors/{name}.crt"


def explained(home, conninfo=STRONG):
    done = home.pganchor("explain", conninfo)
    assert done.returncode == 0 and done.stdout.startswith("allowed")
    return done.stderr


def reasons(home, name="prod"):
    shown = json.loads(service(home, "show", name, "--json").stdout)
    assert shown["verdict"] == "allowed" and shown["reasons"] == listed(home)[(name, "user")]["reasons"]
    return " ".join(shown["reasons"])


def test_what_the_gate_refuses_is_said_before(anchored, connect):
    said = NO_ANCHOR.format(anchored / ".postgresql/root.crt")
    assert "ends in anchor one" in connect(ONE, *GATED)
    assert said in explained(anchored)
    assert f"anchor two is for it: \"pganchor service add\" with --anchor two, or sslrootcert={own_file(anchored)}" in explained(anchored)
    write(anchored, ENTRY)
    assert said in reasons(anchored)
    assert f"\nprod, allowed: {said}\n    anchor two is for it: " in service(anchored, "list").stdout
    assert f"    {said}" in service(anchored, "show", "prod").stdout


def test_and_nothing_is_said_of_what_it_lets_through(anchored, connect):
    own = f"sslrootcert={own_file(anchored)}"
    assert THROUGH in connect(TWO, *GATED, sslrootcert=own_file(anchored))
    assert explained(anchored, f"{STRONG} {own}") == ""
    write(anchored, f"{ENTRY}{own}\n")
    assert reasons(anchored) == ""
    assert explained(anchored, "host=db.example.com sslmode=verify-full") == ""


def test_the_advice_works(anchored, connect):
    assert add(anchored, "prod", "--host", "localhost", "--anchor", "two").returncode == 0
    assert reasons(anchored) == ""


def test_an_anchor_that_is_in_another_file_of_its_own(anchored):
    """The other way round: the first anchor's file is named, the second is for the host."""
    said = explained(anchored, f"{STRONG} sslrootcert={own_file(anchored, 'one')}")
    assert NO_ANCHOR.format(own_file(anchored, "one")) in said


def test_each_host_of_a_list(anchored):
    said = explained(anchored, "host=a.example.com,localhost,127.0.0.1,/tmp sslmode=verify-full")
    assert "no anchor for localhost, 127.0.0.1 is in " in said
    policy(anchored, "allow-weak = 127.0.0.1\n")
    assert "no anchor for localhost is in " in explained(anchored, "host=a.example.com,localhost,127.0.0.1 sslmode=verify-full")


def test_hosts_without_any_anchor_are_said_beside_it(home):
    pin_files(home, ("one", ONE, "*.example.com", "root.crt"), ("two", TWO, "b", "scoped"))
    said = explained(home, "host=a,b sslmode=verify-full")
    assert "no anchor is pinned for a: " in said and "no anchor for b is in " in said


def test_after_the_hosts_were_changed(home, https_ca, connect):
    """bootstrap writes the entry's trust, and takes it away again."""
    ca = https_ca(stepca_answers(ONE), authority=ONE)
    bootstrap = ["bootstrap", "--ca-url", ca.url, "--fingerprint", ONE.fingerprint]
    assert home.pganchor(*bootstrap).returncode == 0 and add(home, "prod", "--host", "localhost").returncode == 0
    assert reasons(home) == ""
    assert home.pganchor(*bootstrap, "--hosts", "*.example.com", "--replace").returncode == 0
    assert NONE_AT_ALL in reasons(home)
    assert f"prod, allowed: {NONE_AT_ALL}" in service(home, "list").stdout


NOT_TOLD = {
    "another root of the file": lambda home: write(home, ONE.pem + TWO.pem, ".postgresql/root.crt"),
    "no pins are asked for": lambda home: policy(home, "trust = verified\n"),
    "the host is exempt": lambda home: policy(home, "allow-weak = localhost\n"),
    "nothing is pinned": lambda home: (home / ".config/pganchor/anchors.conf").unlink(),
}


@pytest.mark.parametrize("change", NOT_TOLD.values(), ids=NOT_TOLD)
def test_where_the_gate_may_let_it_through(anchored, change):
    change(anchored)
    write(anchored, ENTRY)
    assert "no anchor" not in explained(anchored) and "no anchor" not in reasons(anchored)


def test_of_a_file_that_libpq_cannot_use_nothing_more_is_said(anchored):
    write(anchored, "no certificate\n", ".postgresql/root.crt")
    done = anchored.pganchor("explain", STRONG)
    assert "but libpq will not connect" in done.stdout and "no anchor" not in done.stderr


def test_show_names_roots_that_are_not_pinned(home):
    pin_files(home, ("one", ONE, "*", "root.crt"))
    write(home, ONE.pem + TWO.pem, ".postgresql/root.crt")
    write(home, ENTRY)
    assert TWO.fingerprint in service(home, "show", "prod").stderr


def test_pins_that_cannot_be_read_are_warned_of(anchored):
    (anchored / ".config/pganchor/anchors.conf").write_text("[a]\npin = 12\n")
    write(anchored, ENTRY)
    for words in (["list"], ["show", "prod"]):
        done = service(anchored, *words)
        assert done.returncode == 0 and "anchors.conf, line" in done.stderr


@pytest.mark.parametrize("beside", [False, True], ids=["root.crt goes", "root.crt stays"])
def test_what_is_taken_out_of_root_crt_names_the_services_that_used_it(home, https_ca, connect, beside):
    """Each with the command that works; the others are left alone."""
    ca = https_ca(stepca_answers(ONE), authority=ONE)
    bootstrap = ["bootstrap", "--ca-url", ca.url, "--fingerprint", ONE.fingerprint, "--hosts", "localhost"]
    if beside:
        pin_files(home, ("two", TWO, "db.example.com", "root.crt"))
    assert home.pganchor(*bootstrap).returncode == 0
    assert add(home, "prod", "--host", "localhost", "--dbname", "a b", "application_name=it's").returncode == 0
    by_hand = "[by hand]\nhost=localhost\nsslmode=verify-full\n"
    others = ("[other]\nhost=db.example.com\nsslmode=verify-full\n[weak]\nhost=localhost\n[socket]\nhost=/tmp\n"
              f"[own]\nhost=localhost\nsslmode=verify-full\nsslrootcert={own_file(home, 'localhost')}\n")
    write(home, (home / ".pg_service.conf").read_text() + by_hand + others)
    planned = home.pganchor(*bootstrap, "--scoped", "--replace", "--dry-run", env={"PGSYSCONFDIR": home / "machine"}).stderr
    done = home.pganchor(*bootstrap, "--scoped", "--replace", env={"PGSYSCONFDIR": home / "machine", "PGHOST": "/tmp"})
    assert done.returncode == 0 and f"{home / '.postgresql/root.crt'} does not hold anchor localhost any more" in done.stderr
    commands = [line for line in done.stderr.splitlines() if line.startswith("    pganchor service add ")]
    assert [line.split(" --replace")[0].split("add ")[1] for line in commands] == ["prod", "'by hand'"]
    assert commands == [line for line in planned.splitlines() if line.startswith("    pganchor service add ")]
    before = dict(entry(home, "prod"))
    for command in commands:
        assert home.run(["sh", "-c", command], env={"PGSYSCONFDIR": home / "machine"}).returncode == 0
    assert dict(entry(home, "prod")) == {**before, "sslrootcert": str(own_file(home, "localhost"))}
    assert reasons(home, "prod") == reasons(home, "by hand") == ""


@pytest.mark.parametrize("named", [False, True], ids=["root.crt", "a file that was named"])
@pytest.mark.parametrize("hosts", ["*.example.com", "*"], ids=["an anchor for other hosts", "an anchor elsewhere"])
def test_add_says_what_the_list_says_then(home, named, hosts):
    """The same entry is not without fault in one command and refused in the next."""
    pin_files(home, ("one", ONE, hosts, "root.crt"))
    other = write(home, TWO.pem, "other.crt" if named else ".postgresql/root.crt")
    added = json.loads(add(home, "prod", "--host", "localhost", "--json", *([f"sslrootcert={other}"] if named else [])).stdout)
    said = [reason for reason in listed(home)[("prod", "user")]["reasons"] if "the gate will refuse the server" in reason]
    assert added["written"] is True and len(said) == 1
    assert any(warning.startswith(said[0]) for warning in added["warnings"])


def test_add_says_nothing_of_a_host_that_is_exempt(home):
    pin_files(home, ("one", ONE, "*.example.com", "root.crt"))
    policy(home, "allow-weak = localhost\n")
    assert "refuse" not in add(home, "prod", "--host", "localhost").stderr


NO_ROOT = {
    "expired": lambda home: make_root("Old", days=EXPIRED).write_root(home / "old.crt"),
    "rejected for servers": lambda home: write(home, trusted_certificate(ONE, home.path, "-addreject", "serverAuth"), "rejected.crt"),
    "an intermediate": lambda home: write(home, pem(ONE.intermediate().cert), "intermediate.crt"),
    "the null device": lambda home: "/dev/null",
}


@pytest.mark.parametrize("make", NO_ROOT.values(), ids=NO_ROOT)
def test_a_file_by_which_libpq_verifies_no_server_is_said(home, connect, make):
    file = make(home)
    assert THROUGH not in connect(ONE, sslrootcert=file)
    assert home.pganchor("explain", f"{STRONG} sslrootcert={file}").stdout.startswith("allowed, but libpq will not connect: ")
    write(home, f"{ENTRY}sslrootcert={file}\n")
    assert listed(home)[("prod", "user")]["verdict"] == "broken"


def test_a_trusted_intermediate_is_a_root_to_libpq(home, connect):
    """OpenSSL ends the chain in what is said to be trusted for servers."""
    below = ONE.intermediate()
    file = write(home, trusted_certificate(Authority(below.cert, below.key), home.path, "-addtrust", "serverAuth"), "trusted.crt")
    assert THROUGH in connect(below, sslrootcert=file)
    write(home, f"{ENTRY}sslrootcert={file}\n")
    assert listed(home)[("prod", "user")]["verdict"] == "allowed"


@pytest.mark.parametrize("where", ["before", "behind"])
def test_a_copy_that_the_user_has_put_there_stays_and_is_told_alone(home, https_ca, where):
    """With another root between the two. Who uses the file goes on as before."""
    ca = https_ca(stepca_answers(ONE), authority=ONE)
    bootstrap = ["bootstrap", "--ca-url", ca.url, "--fingerprint", ONE.fingerprint]
    assert home.pganchor(*bootstrap).returncode == 0 and add(home, "prod", "--host", "localhost").returncode == 0
    root_crt = home / ".postgresql/root.crt"
    own, users = root_crt.read_text(), f"mine\n{ONE.pem}{TWO.pem}" if where == "before" else f"{TWO.pem}mine\n{ONE.pem}"
    root_crt.write_text(users + own if where == "before" else own + users)
    done = home.pganchor(*bootstrap, "--scoped", "--replace", env={"PGSYSCONFDIR": home / "machine"})
    assert done.returncode == 0 and root_crt.read_text() == users
    assert f"{root_crt} still holds this root, put there by somebody else" in done.stderr
    assert "this root is no longer in it" not in done.stdout and "put there for the anchor is no longer in it" in done.stdout
    assert "any more" not in done.stderr and reasons(home) == ""
