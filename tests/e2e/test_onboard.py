"""pganchor onboard: a profile is applied over a real CA and a real server."""

import hashlib
import re
import socket

import pytest
from cryptography import x509

from certificates import make_root
from onboarding import onboard  # noqa: F401


@pytest.fixture
def unused():
    """A port on which nobody listens."""
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))
        yield kept.getsockname()[1]


def test_everything_works_after_one_command(onboard, postgres, stepca):
    onboard.write(policy={"channel-binding": "require"})
    said = onboard.does()
    assert "+ anchor acme-ca for localhost" in said and f"SHA-256 {stepca.fingerprint}" in said
    assert "+ service orders at localhost, anchor acme-ca" in said and "+ policy channel-binding = require" in said
    assert "Questions: #databases" in said and said.endswith("next:\n    psql service=orders\n    pganchor run -- psql service=orders\n")
    row = next(line for line in said.splitlines() if line.startswith("orders "))
    assert row.split()[:4] == ["orders", "localhost", "yes", "acme-ca"]
    entry = onboard.entry("orders")
    assert entry["sslmode"] == "verify-full" and entry["channel_binding"] == "require"
    assert entry["sslrootcert"] == str(onboard.home / ".config/pganchor/anchors/acme-ca.crt")
    assert (onboard.home / ".config/pganchor/policy.conf").read_text() == "channel-binding = require\n"
    done = onboard.home.run(["psql", "service=orders", "-Atc", "select 1"], env={"PGPASSWORD": postgres.password})
    assert done.stdout == "1\n", done.stderr


def test_a_second_time_changes_nothing_and_says_so(onboard):
    onboard.write(policy={"min-tls": "1.3"})
    onboard.does()
    before = onboard.home.snapshot()
    assert "All of it is so already." in onboard.does()
    assert onboard.home.snapshot() == before


# ---- the merge ----


def test_a_newer_version_is_merged(onboard):
    onboard.write(services={"orders": onboard.service(), "billing": onboard.service(application_name="billing"),
                            "old": onboard.service(), "older": onboard.service()})
    onboard.does()
    onboard.replace_line("[billing]\n", "[billing]\nkeepalives_idle=30\n")
    onboard.replace_line("[older]\n", "[older]\nkeepalives_idle=30\n")
    onboard.write(version=2, services={"orders": onboard.service(connect_timeout=7), "billing": onboard.service(application_name="pay"),
                                       "new": onboard.service()})
    said = onboard.report()
    assert said["version"] == 2 and said["applied_version"] == 1 and said["changed"]
    services = {one["service"]: one for one in said["services"]}
    assert {name: one["action"] for name, one in services.items()} == {
        "orders": "change", "billing": "change", "new": "add", "old": "remove", "older": "keep"}
    assert services["billing"]["why"] == "your keepalives_idle stays"
    assert "the profile has dropped it" in services["older"]["why"]
    assert onboard.entry("orders")["connect_timeout"] == "7" and onboard.entry("old") is None
    billing = onboard.entry("billing")
    assert billing["application_name"] == "pay" and billing["keepalives_idle"] == "30" and onboard.entry("older") and onboard.entry("new")
    before = onboard.home.snapshot()
    assert set(onboard.actions()["services"].values()) == {"same"}
    assert onboard.home.snapshot() == before


def test_an_entry_that_changes_keeps_its_comments_and_their_places(onboard):
    onboard.write()
    onboard.does()
    onboard.replace_line("host=localhost\n", "# where it is\nhost=localhost\n# behind it\n\n")
    onboard.replace_line("dbname=", "application_name=mine\napplication_name=hidden\ndbname=")
    path = onboard.home / ".pg_service.conf"
    before = path.read_text()
    onboard.write(version=2, services={"orders": onboard.service(connect_timeout=7, port=1)})
    onboard.does(status=1)
    port = f"port={onboard.server.port}\n"
    assert before.count(port) == 1 and path.read_text() == before.replace(port, "port=1\n") + "connect_timeout=7\n"
    # What the profile drops again goes, and nothing else.
    onboard.write(version=3)
    onboard.does()
    assert path.read_text() == before


def test_what_the_user_has_changed_stays_and_is_told(onboard):
    onboard.write()
    onboard.does()
    onboard.replace_line(f"dbname={onboard.server.dbname}", "dbname=mine")
    onboard.write(version=2, services={"orders": onboard.service(dbname="theirs", connect_timeout=7)})
    said = onboard.does()
    assert "your dbname stays, and the profile has another" in said and "+ connect_timeout=7" in said
    hint = f"pganchor onboard {onboard.path} --replace orders"
    assert hint in said
    assert onboard.entry("orders")["dbname"] == "mine" and onboard.entry("orders")["connect_timeout"] == "7"
    done = onboard.home.run(["sh", "-c", hint + " --yes"])
    assert done.returncode == 0, done.stderr
    assert onboard.entry("orders")["dbname"] == "theirs"


def test_a_service_of_the_users_own_is_never_overwritten(onboard, postgres):
    own = f"[orders]\nhost=localhost\nport={postgres.port}\nsslmode=require\n"
    (onboard.home / ".pg_service.conf").write_text(own)
    onboard.write()
    said = onboard.does(status=3)
    assert "there is one of this name, which the profile has not made" in said and "weaker than the policy" in said
    assert (onboard.home / ".pg_service.conf").read_text() == own
    onboard.does("--replace", "orders")
    assert onboard.entry("orders")["sslmode"] == "verify-full"
    assert onboard.actions()["services"] == {"orders": "same"}


def test_what_the_user_has_removed_stays_away(onboard):
    onboard.write(services={"orders": onboard.service(), "billing": onboard.service()})
    onboard.does()
    assert onboard.home.pganchor("service", "remove", "orders").returncode == 0
    said = onboard.does()
    assert "you have removed it" in said and onboard.entry("orders") is None
    assert onboard.actions()["services"] == {"orders": "keep", "billing": "same"}
    onboard.does("--replace", "orders")
    assert onboard.entry("orders")["sslmode"] == "verify-full"


def test_an_older_version_is_refused(onboard):
    onboard.write(version=3)
    onboard.does()
    onboard.write(version=2, services={})
    before = onboard.home.snapshot()
    done = onboard()
    assert done.returncode == 1 and "is older than 3" in done.stderr and "--allow-older" in done.stderr
    assert onboard.home.snapshot() == before
    onboard.does("--allow-older")
    assert onboard.entry("orders") is None if (onboard.home / ".pg_service.conf").exists() else True


def test_what_would_be_weak_beside_a_users_change_is_not_written(onboard):
    onboard.write()
    onboard.does()
    onboard.replace_line("sslmode=verify-full", "sslmode=require")
    onboard.write(version=2, services={"orders": onboard.service(connect_timeout=7)})
    said = onboard.does(status=3)
    assert "does not go together with the profile" in said
    assert "connect_timeout" not in onboard.entry("orders") and onboard.entry("orders")["sslmode"] == "require"


# ---- anchors ----


def test_another_root_takes_the_place_of_the_one_before(onboard, stepca, other_stepca, make_postgres):
    onboard.write()
    onboard.does()
    moved = make_postgres(*other_stepca.issue("localhost"))
    both = {"source": other_stepca.url, "fingerprint": other_stepca.fingerprint, "hosts": "localhost"}
    onboard.write(version=2, anchors={"acme-ca": both}, services={"orders": onboard.service(port=moved.port)})
    actions = onboard.actions()
    assert sorted(actions["services"].items()) == [("orders", "change")]
    conf = (onboard.home / ".config/pganchor/anchors.conf").read_text()
    assert other_stepca.fingerprint in conf and stepca.fingerprint not in conf
    roots = (onboard.home / ".postgresql/root.crt").read_text()
    assert other_stepca.root_pem.strip() in roots and stepca.root_pem.strip() not in roots
    crts = list((onboard.home / ".config/pganchor/anchors").glob("*.crt"))
    assert [path.name for path in crts] == ["acme-ca.crt"] and crts[0].read_text().strip() == other_stepca.root_pem.strip()


def test_while_a_ca_moves_both_roots_are_good(onboard, stepca, other_stepca, make_postgres, tmp_path):
    roots = tmp_path / "roots.pem"
    roots.write_text(other_stepca.root_pem + stepca.root_pem)
    onboard.write()
    onboard.does()
    moved = make_postgres(*other_stepca.issue("localhost"))
    moving = {"source": roots, "fingerprint": f"{other_stepca.fingerprint} {stepca.fingerprint}", "hosts": "localhost *.example.test"}
    onboard.write(version=2, anchors={"acme-ca": moving}, services={"orders": onboard.service(), "new": onboard.service(port=moved.port)})
    said = onboard.does()
    assert "acme-ca-2" in said
    assert onboard.entry("new")["sslrootcert"] == onboard.entry("orders")["sslrootcert"]
    gone = {"source": roots, "fingerprint": other_stepca.fingerprint, "hosts": "localhost *.example.test"}
    onboard.write(version=3, anchors={"acme-ca": gone}, services={"new": onboard.service(port=moved.port)})
    onboard.does()
    conf = (onboard.home / ".config/pganchor/anchors.conf").read_text()
    assert stepca.fingerprint not in conf and other_stepca.fingerprint in conf
    before = onboard.home.snapshot()
    assert set(onboard.actions()["services"].values()) == {"same"} and onboard.home.snapshot() == before


def test_an_anchor_that_was_pinned_before_is_used_as_it_is_called(onboard, stepca):
    assert onboard.home.pganchor("bootstrap", "--ca-url", stepca.url, "--fingerprint", stepca.fingerprint, "--name", "mine").returncode == 0
    onboard.write()
    assert onboard.actions()["anchors"] == {"mine": "same"}
    assert onboard.entry("orders")["sslrootcert"].endswith("anchors/mine.crt")
    onboard.write(version=2, services={}, anchors={})
    onboard.does()
    assert stepca.fingerprint in (onboard.home / ".config/pganchor/anchors.conf").read_text()


def test_an_anchor_that_was_renamed_is_followed_by_its_new_name(onboard):
    onboard.write()
    before = set(onboard.home.snapshot())
    onboard.does()
    assert onboard.home.pganchor("anchor", "rename", "acme-ca", "mine").returncode == 0
    own = str(onboard.home / ".config/pganchor/anchors/mine.crt")
    assert not onboard.report()["changed"] and onboard.entry("orders")["sslrootcert"] == own
    onboard.write(version=2, anchors={"acme-ca": {**onboard.anchor, "hosts": "localhost"}}, services={"orders": onboard.service(connect_timeout=7)})
    assert onboard.actions() == {"anchors": {"mine": "change"}, "services": {"orders": "change"}, "policy_keys": {}}
    assert onboard.entry("orders")["sslrootcert"] == own and onboard.entry("orders")["connect_timeout"] == "7"
    # What the user makes of its hosts stays, and when the profile drops it, it is told.
    assert onboard.home.pganchor("anchor", "set-hosts", "mine", "localhost *.mine.test", "--yes").returncode == 0
    assert onboard.actions()["anchors"] == {"mine": "keep"}
    onboard.write(version=3, anchors={}, services={})
    assert onboard.actions()["anchors"] == {"mine": "keep"} and not (onboard.home / ".pg_service.conf").exists()
    assert onboard.home.pganchor("uninstall", "--yes").returncode == 0
    assert set(onboard.home.snapshot()) == before


def test_a_wrong_root_leaves_everything_as_it_was(onboard, other_stepca):
    onboard.write(anchors={"acme-ca": {**onboard.anchor, "fingerprint": other_stepca.fingerprint}})
    before = onboard.home.snapshot()
    done = onboard()
    assert done.returncode == 1 and onboard.home.snapshot() == before


def test_an_anchor_that_a_service_of_the_users_uses_stays(onboard, stepca):
    onboard.write()
    onboard.does()
    assert onboard.home.pganchor("service", "add", "own", "--host", "localhost", "--anchor", "acme-ca").returncode == 0
    onboard.write(version=2, services={}, anchors={})
    said = onboard.does()
    assert "your service own uses it" in said and "- service orders" in said
    assert stepca.fingerprint in (onboard.home / ".config/pganchor/anchors.conf").read_text()


def test_what_a_profile_drops_leaves_nothing_behind(onboard):
    onboard.write(policy={"min-tls": "1.3"})
    onboard.does()
    onboard.write(version=2, services={}, anchors={})
    onboard.does()
    left = {path for path in onboard.home.snapshot() if path.startswith((".config/pganchor/", ".postgresql/", ".pg_service"))}
    assert left == {".config/pganchor/manifest", ".config/pganchor/profiles", ".config/pganchor/profiles/acme", ".config/pganchor/profiles.conf"}


# ---- the way back ----


@pytest.mark.parametrize("lived_in", [False, True])
def test_uninstall_takes_it_back_to_the_byte(onboard, lived_in):
    onboard.write(policy={"min-tls": "1.3", "channel-binding": "require"})
    if lived_in:
        (onboard.home / ".pg_service.conf").write_text("# mine\n[own]\nhost=localhost")
        (onboard.home / ".config/pganchor").mkdir(parents=True)
        (onboard.home / ".config/pganchor/policy.conf").write_text("# mine\nunix-socket = refuse")
        (onboard.home / ".postgresql").mkdir()
    before = onboard.home.snapshot()
    onboard.does()
    if lived_in:
        assert (onboard.home / ".config/pganchor/policy.conf").read_text() == \
            "# mine\nunix-socket = refuse\nmin-tls = 1.3\nchannel-binding = require\n"
    onboard.write(version=2, policy={"min-tls": "1.3"}, services={"orders": onboard.service(connect_timeout=7), "new": onboard.service()})
    onboard.does()
    done = onboard.home.pganchor("uninstall", "--yes")
    assert done.returncode == 0, done.stderr
    after = onboard.home.snapshot()
    for snapshot in (before, after):
        snapshot.pop("acme.profile")
    assert after == before


# ---- the question ----

TRUST = "Trust these roots for PostgreSQL, and do all of this\\? Type yes: "


def test_the_question_shows_the_fingerprints_and_a_no_changes_nothing(onboard, stepca):
    onboard.write()
    for answer in ("no", "", "\x04", "\x03"):
        before = onboard.home.snapshot()
        done = onboard.home.pganchor_tty("onboard", onboard.path, answers=[(TRUST, answer)])
        assert done.returncode != 0 and stepca.fingerprint in done.output and "+ service orders" in done.output
        assert onboard.home.snapshot() == before, answer
    done = onboard.home.pganchor_tty("onboard", onboard.path, answers=[(TRUST, "yes")])
    assert done.returncode == 0 and onboard.entry("orders")["sslmode"] == "verify-full", done.output


def test_without_a_terminal_a_file_that_nothing_proves_is_refused(onboard):
    onboard.write()
    before = onboard.home.snapshot()
    done = onboard(yes=False)
    assert done.returncode == 2 and "--yes" in done.stderr and "--sha256" in done.stderr
    assert onboard.home.snapshot() == before


def test_one_with_its_digest_asks_nobody(onboard):
    digest = hashlib.sha256(onboard.write().read_bytes()).hexdigest()
    onboard.does("--sha256", digest, yes=False)
    assert onboard.entry("orders")["sslmode"] == "verify-full"


def test_a_dry_run_changes_nothing(onboard):
    onboard.write(policy={"min-tls": "1.3"})
    before = onboard.home.snapshot()
    said = onboard.does("--dry-run", yes=False)
    assert "+ service orders" in said and said.endswith("This was a dry run: nothing was written.\n")
    report = onboard.report("--dry-run")
    assert report["changed"] and report["services"][0]["server"] is None and report["anchors"][0]["hosts"] == ["localhost", "*.example.test"]
    assert onboard.home.snapshot() == before


# ---- the servers ----


def test_servers_that_do_not_answer_or_are_others_are_told_apart(onboard, impostor_postgres, plain_postgres, unused):
    onboard.write(services={"orders": onboard.service(), "gone": onboard.service(port=unused), "other": onboard.service(port=impostor_postgres.port),
                            "plain": onboard.service(port=plain_postgres.port)})
    said = onboard.does(status=1)
    rows = {line.split()[0]: line for line in said.splitlines() if "localhost " in line and not line.startswith((" ", "service", "profile"))}
    assert " yes " in rows["orders"] and " no answer " in rows["gone"] and " no " in rows["other"] and " no " in rows["plain"]
    assert "service gone: " in said and "Connection refused" in said and "certificate verify failed" in said
    assert "    pganchor probe gone\n" in said and "    pganchor probe other\n" in said and said.endswith("next:\n    psql service=orders\n    pganchor run -- psql service=orders\n")
    servers = {one["service"]: one["server"] for one in onboard.report(status=1)["services"]}
    assert servers["orders"]["verified"] and servers["orders"]["days_left"] in (0, 1) and servers["orders"]["problem"] is None
    assert not servers["gone"]["answered"] and servers["other"]["answered"] and not servers["other"]["verified"]


# ---- the administrator's ----


@pytest.fixture
def system_profile(onboard, pganchor, system):
    """system_profile(...) writes it into SYSCONFDIR/pganchor/profile.d."""
    written = []

    def write(**kwargs):
        path = system("", name="policy.conf").parent / "profile.d/acme.profile"
        path.parent.mkdir(exist_ok=True)
        path.write_text(onboard.write(**kwargs).read_text())
        written.append(path)
        return path
    yield write
    for path in written:
        path.unlink(missing_ok=True)
        if path.parent.exists():
            path.parent.rmdir()


def test_a_machine_without_a_profile_says_so(home):
    for words in ((), ("--dry-run",)):
        done = home.pganchor("onboard", "--system-profiles", *words)
        assert done.returncode == 0 and re.fullmatch(r"no profile is in /\S+/pganchor/profile\.d\n", done.stdout), done.stdout
    assert home.pganchor("onboard", "--system-profiles", "--yes").stdout == ""


def test_a_first_login_does_it_and_the_next_ones_say_nothing(onboard, system_profile):
    system_profile()
    done = onboard.home.pganchor("onboard", "--system-profiles", "--yes")
    assert done.returncode == 0 and "profile acme: applied" in done.stdout, done.stderr
    before = onboard.home.snapshot()
    done = onboard.home.pganchor("onboard", "--system-profiles", "--yes")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert onboard.home.snapshot() == before


def test_what_the_system_pins_is_not_pinned_once_more(onboard, stepca, system):
    directory = system("", name="policy.conf").parent
    system(f"[acme]\nhosts = localhost *.example.test\npin = {stepca.fingerprint}\n", name="anchors.conf")
    (directory / "anchors").mkdir()
    try:
        (directory / "anchors/acme.crt").write_text(stepca.root_pem)
        onboard.write()
        assert onboard.actions()["anchors"] == {"acme": "same"}
        assert onboard.entry("orders")["sslrootcert"] == str(directory / "anchors/acme.crt")
        assert not (onboard.home / ".config/pganchor/anchors.conf").exists() and not (onboard.home / ".postgresql").exists()
    finally:
        (directory / "anchors/acme.crt").unlink()
        (directory / "anchors").rmdir()


def test_a_machine_that_takes_no_anchors_of_users_says_so(onboard, system):
    system("user-anchors = refuse\n")
    onboard.write()
    before = onboard.home.snapshot()
    done = onboard()
    assert done.returncode == 1 and "user-anchors = refuse" in done.stderr and onboard.home.snapshot() == before


# ---- policies ----


def test_a_policy_of_the_users_keeps_its_bytes(onboard):
    path = onboard.home / ".config/pganchor/policy.conf"
    path.parent.mkdir(parents=True)
    path.write_text("# mine\nmin-tls = 1.2\nlog = off")
    onboard.write(policy={"min-tls": "1.3", "channel-binding": "require"})
    said = onboard.does()
    assert "! policy min-tls = 1.3" in said and "you have another value" in said
    assert path.read_text() == "# mine\nmin-tls = 1.2\nlog = off\nchannel-binding = require\n"
    onboard.write(version=2, policy={})
    onboard.does()
    assert path.read_text() == "# mine\nmin-tls = 1.2\nlog = off\n"
    before = onboard.home.snapshot()
    onboard.does()
    assert onboard.home.snapshot() == before


# ---- hostile ones ----


def test_names_that_would_steer_the_terminal_are_made_harmless(onboard):
    onboard.write(services={"a\x1b[2Jb": onboard.service()})
    done = onboard("--dry-run")
    assert "\x1b" not in done.stdout + done.stderr


def test_hosts_that_the_ca_can_never_sign_for_are_told(onboard, tmp_path):
    ca = make_root("Constrained").twin(extensions=[(x509.NameConstraints([x509.DNSName("example.org")], None), True)])
    (tmp_path / "other.pem").write_text(ca.pem)
    onboard.write(anchors={"other": {"source": tmp_path / "other.pem", "fingerprint": ca.fingerprint, "hosts": "db.example.net"}},
                  services={})
    done = onboard("--dry-run")
    assert done.returncode == 0 and "the CA can never sign for db.example.net" in done.stderr, done.stderr


def test_thousands_of_services_are_written_at_once(onboard):
    onboard.write(services={f"s{number}": {"host": "localhost", "port": onboard.server.port} for number in range(4000)})
    said = onboard.actions("--dry-run")
    assert len(said["services"]) == 4000 and set(said["services"].values()) == {"add"}


def test_what_was_the_users_as_the_profile_asks_for_it_stays_the_users(onboard, stepca, tmp_path):
    """An anchor and a service: they are used, and neither the profile nor uninstall takes them away."""
    onboard.write(services={"orders": onboard.service(), "other": onboard.service()})
    onboard.does()
    services = (onboard.home / ".pg_service.conf").read_text()
    assert onboard.home.pganchor("uninstall", "--yes").returncode == 0
    done = onboard.home.pganchor("bootstrap", "--ca-url", stepca.url, "--fingerprint", stepca.fingerprint, "--name", "acme-ca", "--hosts",
                                 "localhost *.example.test")
    assert done.returncode == 0, done.stderr
    (onboard.home / ".pg_service.conf").write_text(services[:services.index("\n[other]")])
    mine = (onboard.home / ".pg_service.conf").read_text()
    assert onboard.actions("--dry-run") == {"anchors": {"acme-ca": "same"}, "services": {"orders": "same", "other": "add"}, "policy_keys": {}}
    onboard.does()
    onboard.does()
    onboard.write(version=2, anchors={}, services={})
    onboard.does()
    assert onboard.home.pganchor("anchor", "show", "acme-ca").returncode == 0
    assert (onboard.home / ".pg_service.conf").read_text() == mine
    onboard.write(version=3, services={"orders": onboard.service()})
    onboard.does()
    assert onboard.home.pganchor("uninstall", "--yes").returncode == 0
    assert (onboard.home / ".pg_service.conf").read_text() == mine


def test_a_line_of_the_policy_that_was_the_users_before_stays_the_users(onboard):
    path = onboard.home / ".config/pganchor/policy.conf"
    path.parent.mkdir(parents=True)
    path.write_text("# mine\nmin-tls = 1.3\n")
    path.chmod(0o600)
    onboard.write(policy={"min-tls": "1.3", "channel-binding": "require"})
    onboard.does()
    onboard.does()
    assert path.read_text() == "# mine\nmin-tls = 1.3\nchannel-binding = require\n"
    onboard.write(version=2)
    onboard.does()
    assert path.read_text() == "# mine\nmin-tls = 1.3\n"
    assert onboard.home.pganchor("uninstall", "--yes").returncode == 0
    assert path.read_text() == "# mine\nmin-tls = 1.3\n"
