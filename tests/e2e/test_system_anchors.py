"""The system's anchors: pins for every user of the machine, to which a user's own add, and which nobody but the administrator writes."""

import json
import os
import re

import pytest

from certificates import make_root
from hostile import stepca_answers
from policies import hand_over, open_to_all
from services import add, entry, pin, policy as write_policy, write
from test_consent import PROMPT

REFUSED = "pganchor refused this connection: "
NOT_PINNED = "its certificate chain ends in a root that is not pinned"
OWNERS = "only root may write the system's anchors"
PYTHON = "/usr/bin/python3"
ZEROS = "0" * 64
NOBODY = 65534
QUERY = ["psql", "-XAtc", "SELECT 1"]

# Takes each step in turn, then connects, and says how it went.
WATCH = """import sys, psycopg2
for step in sys.argv[2:]:
    exec(step)
    try:
        psycopg2.connect(sys.argv[1]).close(); print("connected", flush=True)
    except psycopg2.OperationalError as e:
        print(str(e).splitlines()[0], flush=True)
"""


def section(name, figure, hosts=None):
    return f"[{name}]\n" + (f"hosts = {hosts}\n" if hosts else "") + f"pin = {figure}\n"


def strong(server, **kwargs):
    return [*QUERY, server.conninfo(sslmode="verify-full", gssencmode="disable", **kwargs)]


def gated(home, argv, **kwargs):
    return home.pganchor("run", "--", *argv, **kwargs)


@pytest.fixture
def trusting(home, stepca, impostor_ca):
    """A home whose root.crt has two roots, of which it pins none."""
    write(home, stepca.root_pem + impostor_ca.pem, ".postgresql/root.crt")
    return home


def lets_through(home, server, **kwargs):
    done = gated(home, strong(server, **kwargs))
    return done.stdout == "1\n" and done.stderr == ""


def test_who_has_no_pins_is_held_to_the_systems(trusting, postgres, impostor_postgres, system, stepca):
    assert lets_through(trusting, postgres) and lets_through(trusting, impostor_postgres)
    system(section("company", stepca.fingerprint), "anchors.conf")
    assert lets_through(trusting, postgres)
    done = gated(trusting, strong(impostor_postgres))
    assert NOT_PINNED in done.stderr and done.returncode == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone becomes another user")
def test_and_so_is_every_other_user(home, postgres, system, stepca, pganchor):
    shared = postgres.socket_dir / "shared-root.crt"
    shared.write_text(stepca.root_pem)
    shared.chmod(0o644)
    words = [*open_to_all(pganchor.prefix), "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "env", "HOME=/nonexistent",
             f"LD_PRELOAD={pganchor.module}", *strong(postgres, sslrootcert=shared)]
    try:
        system(section("company", stepca.fingerprint), "anchors.conf")
        assert home.run(words, cwd="/").stdout == "1\n"
        system(section("company", ZEROS), "anchors.conf")
        assert NOT_PINNED in home.run(words, cwd="/").stderr
    finally:
        shared.unlink()


def test_a_users_pins_add_to_them_unless_the_policy_refuses(trusting, postgres, impostor_postgres, system, stepca, impostor_ca):
    system(section("company", stepca.fingerprint), "anchors.conf")
    pin(trusting, ("mine", impostor_ca.fingerprint, "*", "root.crt"))
    assert lets_through(trusting, postgres) and lets_through(trusting, impostor_postgres)
    system("user-anchors = refuse\n")
    assert lets_through(trusting, postgres)
    refusal = gated(trusting, strong(impostor_postgres)).stderr
    assert NOT_PINNED in refusal and "(user-anchors = refuse)" in refusal and "pganchor bootstrap" not in refusal
    # A user may refuse their own, and cannot allow what the system refuses.
    write_policy(trusting, "user-anchors = allow\n")
    assert NOT_PINNED in gated(trusting, strong(impostor_postgres)).stderr
    system("user-anchors = allow\n")
    assert lets_through(trusting, impostor_postgres)
    write_policy(trusting, "user-anchors = refuse\n")
    assert NOT_PINNED in gated(trusting, strong(impostor_postgres)).stderr


def test_where_the_system_alone_pins_and_has_no_pin_nothing_is_believed(trusting, postgres, system, stepca):
    """A file that has gone must not leave less than there was."""
    pin(trusting, ("mine", stepca.fingerprint, "*", "root.crt"))
    system("user-anchors = refuse\n")
    assert NOT_PINNED in gated(trusting, strong(postgres)).stderr
    system(section("company", stepca.fingerprint), "anchors.d/company.conf")
    assert lets_through(trusting, postgres)


def test_a_user_does_not_widen_what_the_system_pins(trusting, postgres, system, stepca):
    path = system(section("company", stepca.fingerprint, "db.example.test"), "anchors.conf")
    refusal = gated(trusting, strong(postgres)).stderr
    assert "ends in anchor company, which is not valid for this host (hosts = db.example.test)" in refusal
    assert f"{path} is for who runs this machine to change" in refusal
    pin(trusting, ("mine", stepca.fingerprint, "*", "root.crt"))
    assert "ends in anchor company, which is not valid for this host" in gated(trusting, strong(postgres)).stderr
    assert lets_through(trusting, postgres, host="db.example.test", hostaddr="127.0.0.1")
    # What several files of the system's say of it counts together.
    system(section("second", stepca.fingerprint, "localhost"), "anchors.d/second.conf")
    assert lets_through(trusting, postgres)
    # And a user may narrow it.
    pin(trusting, ("mine", stepca.fingerprint, "db.example.test", "root.crt"))
    assert "ends in anchor mine, which is not valid for this host (hosts = db.example.test)" in gated(trusting, strong(postgres)).stderr
    assert lets_through(trusting, postgres, host="db.example.test", hostaddr="127.0.0.1")


@pytest.mark.parametrize("place, change, complaint", [
    ("anchors.conf", 0o664, "can be written by its group (mode 0664)"),
    ("anchors.conf", 0o646, "can be written by everybody (mode 0646)"),
    ("anchors.d/10-company.conf", 0o666, "can be written by everybody (mode 0666)"),
    ("anchors.d", 0o775, "can be written by its group (mode 0775)"),
    ("anchors.conf", "owner", "belongs to the user 12345"),
    ("anchors.d/10-company.conf", "owner", "belongs to the user 12345"),
    ("anchors.d", "owner", "belongs to the user 12345"),
])
def test_anchors_that_others_could_write_refuse_everything(trusting, postgres, system, stepca, place, change, complaint):
    directory = system(section("company", stepca.fingerprint), "anchors.conf").parent
    system(section("company", stepca.fingerprint), "anchors.d/10-company.conf")
    assert lets_through(trusting, postgres)
    if change == "owner":
        hand_over(directory / place, 12345)
    else:
        (directory / place).chmod(change)
    done = gated(trusting, strong(postgres))
    assert f"{REFUSED}{directory / place}: {complaint}: {OWNERS}" in done.stderr and done.returncode == 2
    assert f"pganchor: {directory / place}: {complaint}" in trusting.pganchor("explain", "host=localhost").stderr
    assert f"{directory / place}: {complaint}" in trusting.pganchor("status", "--all").stdout


@pytest.mark.parametrize("name", ["anchors.conf", "anchors.d/10.conf"])
@pytest.mark.parametrize("text, why", [
    ("", ": there is no anchor in it: was it cut short?"), ("[company]\n", ", line 1: a section without a pin: company"),
    (f"[company]\nhost = localhost\npin = {ZEROS}\n", ", line 2: no such key: host"), ("\0", ", line 1: not a line of text: NUL")])
def test_anchors_that_cannot_be_made_out_refuse_everything(trusting, postgres, system, name, text, why):
    path = system(text, name)
    done = gated(trusting, strong(postgres))
    assert f"{REFUSED}{path}{why}" in done.stderr and "as root" in done.stderr and done.returncode == 2


@pytest.mark.parametrize("place", ["anchors.conf", "anchors.d", "anchors.d/10.conf"])
def test_a_link_of_the_systems_that_leads_to_nothing_refuses(trusting, postgres, system, place):
    path = system("").parent / place
    path.parent.mkdir(exist_ok=True)
    path.symlink_to("/nowhere/pganchor")
    assert f"{REFUSED}{path}: a symbolic link that leads to nothing" in gated(trusting, strong(postgres)).stderr


def test_anchors_that_cannot_be_read_refuse(trusting, postgres, system, stepca):
    path = system(section("company", stepca.fingerprint), "anchors.conf")
    for place in (path, system(section("two", ZEROS), "anchors.d/two.conf").parent):
        mode = place.stat().st_mode
        place.chmod(0)
        done = gated(trusting, strong(postgres), ordinary=True)
        assert REFUSED in done.stderr and str(place) in done.stderr and "Permission denied" in done.stderr
        place.chmod(mode)


def test_a_program_that_runs_sees_the_change(trusting, impostor_postgres, system, stepca, impostor_ca):
    """A file that comes, one that changes, and a second one."""
    directory = system("").parent
    steps = ["pass",
             f"open({str(directory / 'anchors.conf')!r}, 'w').write({section('company', stepca.fingerprint)!r})",
             f"import os; os.mkdir({str(directory / 'anchors.d')!r})",
             f"open({str(directory / 'anchors.d/two.conf')!r}, 'w').write({section('two', impostor_ca.fingerprint)!r})",
             f"open({str(directory / 'anchors.d/two.conf')!r}, 'w').write({section('two', ZEROS)!r})",
             f"open({str(directory / 'policy.conf')!r}, 'w').write('trust = verified')"]
    done = gated(trusting, [PYTHON, "-c", WATCH, strong(impostor_postgres)[-1], *steps])
    said = [line if line == "connected" else NOT_PINNED in line for line in done.stdout.splitlines()]
    assert said == ["connected", True, True, "connected", True, "connected"], done


def test_status_counts_them_by_whose_they_are(trusting, system, stepca):
    pin(trusting, ("mine", "1" * 64, "*", "root.crt"))
    assert "\npins: 0 of the system, 1 of yours\n" in trusting.pganchor("status", "--all").stdout
    system(section("company", stepca.fingerprint), "anchors.conf")
    system(section("second", ZEROS), "anchors.d/second.conf")
    assert "\npins: 2 of the system, 1 of yours\n" in trusting.pganchor("status", "--all").stdout
    told = json.loads(trusting.pganchor("status", "--json").stdout)
    assert (told["pins"], told["pins_system"]) == (3, 2)
    system("user-anchors = refuse\n")
    assert "\npins: 2 of the system; yours do not count (user-anchors = refuse)\n" in trusting.pganchor("status", "--all").stdout
    assert json.loads(trusting.pganchor("status", "--json").stdout)["pins"] == 2


def test_their_names_are_completed(trusting, system, stepca):
    pin(trusting, ("mine", "1" * 64, "*", "root.crt"), ("company", "2" * 64, "*", "root.crt"))
    system(section("company", stepca.fingerprint) + section("theirs", ZEROS), "anchors.conf")
    names = trusting.pganchor("completion", "anchors").stdout.split()
    assert sorted(names) == ["company", "mine", "theirs"]


# ---- service add ----

def test_a_service_is_bound_to_the_systems_file(trusting, postgres, system, stepca):
    system(section("company", stepca.fingerprint), "anchors.conf")
    path = system(stepca.root_pem, "anchors/company.crt")
    (trusting / ".postgresql/root.crt").unlink()
    assert add(trusting, "prod", "--host", "localhost", "--port", str(postgres.port), "--check").returncode == 0
    assert ("sslrootcert", str(path)) in entry(trusting, "prod")
    assert add(trusting, "named", "--host", "localhost", "--anchor", "company").returncode == 0
    assert entry(trusting, "named") == [pair for pair in entry(trusting, "prod") if pair[0] != "port"]
    # Every user can read it, and so the machine's entries may name it.
    done = add(trusting, "all", "--host", "localhost", "--system")
    assert done.returncode == 0, done.stderr
    assert ("sslrootcert", str(path)) in entry(trusting, "all", "machine/pg_service.conf")


def test_a_service_whose_anchor_has_no_file_of_the_systems(trusting, system, stepca):
    path = system(section("company", stepca.fingerprint), "anchors.conf").parent / "anchors/company.crt"
    done = add(trusting, "prod", "--host", "localhost", "--anchor", "company")
    assert done.returncode == 1 and f"anchor company: root certificate file {path} does not exist" in done.stderr
    assert "who runs this machine has to put its certificate there" in done.stderr
    # Where nobody asks for that file, root.crt is the one, if it has the root.
    assert add(trusting, "prod", "--host", "localhost").returncode == 0
    assert ("sslrootcert", str(trusting / ".postgresql/root.crt")) in entry(trusting, "prod")


@pytest.mark.parametrize("spoil, why", [
    (lambda path: path.chmod(0o666), f"can be written by everybody (mode 0666): {OWNERS}"),
    (lambda path: path.write_text(make_root("Root of somebody else").pem), "holds"),
    (lambda path: hand_over(path, 12345), f"belongs to the user 12345: {OWNERS}")])
def test_a_file_of_the_systems_that_is_not_right_is_not_named(trusting, system, stepca, spoil, why):
    system(section("company", stepca.fingerprint), "anchors.conf")
    path = system(stepca.root_pem, "anchors/company.crt")
    spoil(path)
    done = add(trusting, "prod", "--host", "localhost", "--anchor", "company")
    assert done.returncode == 1 and f"anchor company: {path}" in done.stderr and (why == "holds" or why in done.stderr)
    assert not (trusting / ".pg_service.conf").exists()


# ---- bootstrap ----

@pytest.fixture
def root():
    return make_root("Company Root CA")


@pytest.fixture
def ca(https_ca, root):
    return https_ca({**stepca_answers(root)}, authority=root)


def test_what_the_system_pins_is_not_asked_about(home, system, stepca):
    path = system(section("company", stepca.fingerprint), "anchors.conf")
    shown = home.run_tty([home.program.binary, "bootstrap", "--ca-url", stepca.url], answers=[])
    assert shown.returncode == 0 and "Trust this root" not in shown.output, shown.output
    assert f"this root is pinned for every user already, as anchor company of {path}" in re.sub(r"\s*\n\s*", " ", shown.output)
    # What needs a file of the user's has it.
    assert (home / ".config/pganchor/anchors/localhost.crt").exists() and (home / ".postgresql/root.crt").exists()


def test_where_a_users_pin_would_not_count_none_is_made(home, system, stepca):
    system("user-anchors = refuse\n")
    shown = home.run_tty([home.program.binary, "bootstrap", "--ca-url", stepca.url], answers=[])
    done = home.pganchor("bootstrap", "--ca-url", stepca.url, "--fingerprint", stepca.fingerprint)
    for said in (shown.output, done.stderr):
        assert "the policy takes no anchors of users (user-anchors = refuse)" in said
    assert shown.returncode == done.returncode == 1 and "Trust this root" not in shown.output and home.snapshot() == {}
    write(home, stepca.root_pem, ".postgresql/root.crt")
    done = home.pganchor("bootstrap", "--pin-existing", "--yes")
    assert done.returncode == 1 and "the policy takes no anchors of users" in done.stderr and not (home / ".config").exists()
    system(section("company", stepca.fingerprint), "anchors.conf")
    assert home.pganchor("bootstrap", "--ca-url", stepca.url, "--fingerprint", stepca.fingerprint).returncode == 0


def test_another_root_from_the_address_of_the_systems(home, system, stepca):
    """It may be an attack; and no word of a user's takes the place of what the system pins."""
    system(f"[company]\nsource = {stepca.url}\npin = {ZEROS}\n", "anchors.conf")
    for words in ([], ["--replace", "--name", "company"]):
        shown = home.run_tty([home.program.binary, "bootstrap", "--ca-url", stepca.url, *words], answers=[])
        assert shown.returncode == 1 and "pinned already, as anchor company, with another root" in re.sub(r"\s*\n\s*", " ", shown.output)
        assert "--replace --name" not in shown.output and home.snapshot() == {}
    shown = home.run_tty([home.program.binary, "bootstrap", "--ca-url", stepca.url, "--name", "new"], answers=[(PROMPT, "yes")])
    assert shown.returncode == 0


# ---- bootstrap --system ----

def to_system(home, ca, *words, **kwargs):
    return home.pganchor("bootstrap", "--system", "--ca-url", ca.url, "--fingerprint", ca.fingerprint, *words, **kwargs)


def test_root_pins_one_for_every_user(trusting, system, stepca, postgres, impostor_postgres):
    directory = system("").parent
    before = trusting.snapshot()
    old = os.umask(0o077)
    try:
        done = to_system(trusting, stepca, "--name", "company", "--hosts", "localhost")
    finally:
        os.umask(old)
    assert done.returncode == 0 and f"Made {directory}/anchors.conf: the pin" in done.stdout, done.stderr
    assert "the gate lets no user of this machine reach a server of a root that is pinned neither here nor by the user" in done.stdout
    assert (directory / "anchors/company.crt").read_text() == stepca.root_pem
    modes = {path.name: path.stat().st_mode & 0o777 for path in (directory / "anchors.conf", directory / "anchors", directory / "anchors/company.crt")}
    assert modes == {"anchors.conf": 0o644, "anchors": 0o755, "company.crt": 0o644}
    assert trusting.snapshot() == before
    assert lets_through(trusting, postgres) and NOT_PINNED in gated(trusting, strong(impostor_postgres)).stderr
    assert "not valid for this host (hosts = localhost)" in gated(trusting, strong(postgres, host="127.0.0.1")).stderr
    assert add(trusting, "prod", "--host", "localhost", "--port", str(postgres.port), "--check").returncode == 0
    again = to_system(trusting, stepca)
    assert again.returncode == 0 and "is pinned already, as anchor company. Nothing was changed." in again.stdout
    # Beside what the administrator has written there.
    text = (directory / "anchors.conf").read_text()
    (directory / "anchors.conf").write_text(f"# ours\n{section('other', ZEROS)}{text}")
    assert to_system(trusting, stepca, "--hosts", "*", "--replace").returncode == 0
    assert (directory / "anchors.conf").read_text() == f"# ours\n{section('other', ZEROS)}{text.replace('hosts = localhost', 'hosts = *')}"


def test_what_root_has_pinned_for_itself_does_not_answer_for_all(home, system, stepca):
    system("user-anchors = refuse\n")
    pin(home, ("mine", stepca.fingerprint, "*", "scoped"))
    words = [home.program.binary, "bootstrap", "--system", "--ca-url", stepca.url]
    assert home.run_tty(words, answers=[(PROMPT, "no")]).returncode == 1
    assert home.run_tty(words, answers=[(PROMPT, "yes")]).returncode == 0
    # Asked once: from then on it is the system's.
    again = home.run_tty(words, answers=[])
    assert again.returncode == 0 and "Trust this root" not in again.output


@pytest.mark.parametrize("place", ["anchors.conf", "anchors", ""])
def test_where_others_could_write_nothing_is_pinned(home, system, stepca, place):
    """The gate would refuse it, and everything else with it."""
    directory = system(section("other", ZEROS), "anchors.conf").parent
    system("", "anchors/note")
    (directory / place).chmod(0o777)
    before = sorted((path, path.read_bytes()) for path in directory.rglob("*") if path.is_file() and path.name != ".pganchor.lock")
    done = to_system(home, stepca)
    assert done.returncode == 1 and f"{directory / place if place else directory}: can be written by everybody" in done.stderr
    assert before == sorted((path, path.read_bytes()) for path in directory.rglob("*") if path.is_file() and path.name != ".pganchor.lock")


@pytest.mark.parametrize("word", ["--unscoped", "--pin-existing"])
def test_what_is_about_a_users_root_crt_does_not_go_with_it(home, stepca, word):
    done = to_system(home, stepca, word)
    assert done.returncode == 2 and f"--system and {word}: root.crt is a user's own" in done.stderr and home.snapshot() == {}


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone becomes another user")
def test_who_is_not_root_is_told(home, system, stepca, pganchor):
    directory = system("").parent
    done = home.run([*open_to_all(pganchor.prefix), "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "env", "HOME=/nonexistent",
                     pganchor.binary, "bootstrap", "--system", "--ca-url", stepca.url, "--fingerprint", stepca.fingerprint], cwd="/")
    assert done.returncode == 1 and str(directory) in done.stderr and "sudo" in done.stderr and not (directory / "anchors.conf").exists()
