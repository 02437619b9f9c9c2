"""pganchor bootstrap with a real step-ca: what a user does, and what is on the disk afterwards.

In this order: the whole job and what was there before; root.crt; what is warned of; scope; names; --replace; hosts; anchors.conf; reports;
the question on a terminal; options that are none."""

import json
import re
import stat

import pytest

from certificates import make_root

CONF = ".config/pganchor/anchors.conf"
MANIFEST = ".config/pganchor/manifest"
SOURCES = ".config/pganchor/sources.conf"
ROOT_CRT = ".postgresql/root.crt"


def bootstrap(home, ca, *args, fingerprint=None, **kwargs):
    return home.pganchor("bootstrap", "--ca-url", ca.url, "--fingerprint", fingerprint or ca.fingerprint, *args, **kwargs)


def crt(name="localhost"):
    return f".config/pganchor/anchors/{name}.crt"


def conf(home):
    """The sections of anchors.conf as {name: {key: value}}."""
    sections = {}
    for line in (home / CONF).read_text().splitlines():
        if line.startswith("["):
            section = sections.setdefault(line[1:-1], {})
        elif line and not line.startswith("#"):
            key, value = line.split(" = ", 1)
            section[key] = value
    return sections


def psql(home, conninfo, **kwargs):
    return home.run(["psql", "-X", "-A", "-t", "-c", "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", conninfo], **kwargs)


def test_the_whole_job(home, stepca, postgres):
    assert psql(home, postgres.conninfo(sslmode="verify-full")).returncode == 2
    done = bootstrap(home, stepca)
    assert done.returncode == 0, done.stderr
    assert stepca.fingerprint in done.stdout
    assert "Next: pganchor service add NAME --host HOST\n" in done.stdout
    section = conf(home)["localhost"]
    assert section["pin"] == stepca.fingerprint and section["source"] == stepca.url and section["scope"] == "root.crt"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", section["pinned"])
    assert (home / crt()).read_text() == stepca.root_pem
    assert (home / ROOT_CRT).read_text() == f"# pganchor anchor localhost\n{stepca.root_pem}"
    done = psql(home, postgres.conninfo(sslmode="verify-full"))
    assert (done.returncode, done.stdout) == (0, "t\n"), done.stderr


def test_modes(home, stepca):
    assert bootstrap(home, stepca).returncode == 0
    modes = {path: entry.mode for path, entry in home.snapshot().items()}
    assert modes == {".config": 0o700, ".config/pganchor": 0o700, ".config/pganchor/anchors": 0o700, ".postgresql": 0o700,
                     CONF: 0o600, crt(): 0o644, ROOT_CRT: 0o644, MANIFEST: 0o600, SOURCES: 0o600}


def test_modes_do_not_hang_on_the_umask(home, stepca):
    done = home.run(["sh", "-c", 'umask 077; exec pganchor bootstrap --ca-url "$0" --fingerprint "$1"', stepca.url, stepca.fingerprint])
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE((home / ROOT_CRT).stat().st_mode) == 0o644


def test_again_changes_nothing_and_says_so(home, stepca):
    assert bootstrap(home, stepca).returncode == 0
    before = home.snapshot()
    done = bootstrap(home, stepca)
    assert done.returncode == 0 and "pinned already" in done.stdout and "Nothing was changed" in done.stdout
    assert done.stderr == ""
    assert home.snapshot() == before


def upper_with_colons(pin):
    return ":".join(pin[i:i + 2] for i in range(0, 64, 2)).upper()


@pytest.mark.parametrize("write", [
    str.upper, upper_with_colons, lambda pin: upper_with_colons(pin).lower(), lambda pin: f"SHA256 Fingerprint={upper_with_colons(pin)}",
    lambda pin: f"sha256 Fingerprint={upper_with_colons(pin)}", lambda pin: f"SHA256:{pin}", lambda pin: f"  {pin}\n"],
    ids=["upper", "COLONS", "colons", "OpenSSL 1", "OpenSSL 3", "prefix", "blanks"])
def test_fingerprints_as_people_write_them(home, stepca, write):
    done = bootstrap(home, stepca, fingerprint=write(stepca.fingerprint))
    assert done.returncode == 0, done.stderr
    assert conf(home)["localhost"]["pin"] == stepca.fingerprint


@pytest.mark.parametrize("url, name", [
    ("localhost:{port}", "localhost"), ("https://localhost:{port}/", "localhost"), ("HTTPS://LOCALHOST:{port}", "localhost"),
    ("127.0.0.1:{port}", "127.0.0.1")])
def test_ways_to_write_the_url(home, stepca, url, name):
    done = home.pganchor("bootstrap", "--ca-url", url.format(port=stepca.port), "--fingerprint", stepca.fingerprint)
    assert done.returncode == 0, done.stderr
    assert conf(home)[name]["source"] == f"https://{name}:{stepca.port}"


def test_another_ca_is_put_beside_the_first(home, stepca, other_stepca, postgres):
    assert bootstrap(home, stepca).returncode == 0
    done = bootstrap(home, other_stepca, "--name", "other")
    assert done.returncode == 0, done.stderr
    assert "did not exist before" not in done.stderr
    assert (home / ROOT_CRT).read_text() == \
        f"# pganchor anchor localhost\n{stepca.root_pem}# pganchor anchor other\n{other_stepca.root_pem}"
    assert {name: section["pin"] for name, section in conf(home).items()} == \
        {"localhost": stepca.fingerprint, "other": other_stepca.fingerprint}
    assert psql(home, postgres.conninfo(sslmode="verify-full")).stdout == "t\n"


OLD = make_root("Old root of somebody else's")


@pytest.mark.parametrize("before, unended", [
    (OLD.pem, False), (OLD.pem.rstrip("\n"), True), (OLD.pem.replace("\n", "\r\n"), False),
    (f"a note, not PEM\n\n{OLD.pem}\n\n", False), ("", False), ("# nothing yet", True)], ids=["plain", "no newline", "CRLF", "notes", "empty", "comment"])
def test_root_crt_keeps_every_byte(home, stepca, postgres, before, unended):
    (home / ".postgresql").mkdir(mode=0o750)
    (home / ROOT_CRT).write_bytes(before.encode())
    (home / ROOT_CRT).chmod(0o640)
    done = bootstrap(home, stepca)
    assert done.returncode == 0, done.stderr
    between, noted = ("\n", " (the line above had no end)") if unended else ("", "")
    assert (home / ROOT_CRT).read_bytes() == f"{before}{between}# pganchor anchor localhost{noted}\n{stepca.root_pem}".encode()
    assert stat.S_IMODE((home / ROOT_CRT).stat().st_mode) == 0o640
    assert stat.S_IMODE((home / ".postgresql").stat().st_mode) == 0o750
    assert "did not exist before" not in done.stderr
    assert psql(home, postgres.conninfo(sslmode="verify-full")).stdout == "t\n"


def test_root_crt_that_holds_the_root_already_is_left_alone(home, stepca):
    (home / ".postgresql").mkdir()
    (home / ROOT_CRT).write_text(f"{OLD.pem}by hand:\n{stepca.root_pem}")
    before = home.snapshot()[ROOT_CRT]
    assert bootstrap(home, stepca).returncode == 0
    assert home.snapshot()[ROOT_CRT] == before
    assert conf(home)["localhost"]["pin"] == stepca.fingerprint


def test_a_link_stays_a_link(home, stepca):
    (home / "elsewhere").mkdir()
    (home / "elsewhere/roots.pem").write_text(OLD.pem)
    (home / ".postgresql").mkdir()
    (home / ROOT_CRT).symlink_to("../elsewhere/roots.pem")
    assert bootstrap(home, stepca).returncode == 0
    assert (home / ROOT_CRT).is_symlink()
    assert (home / "elsewhere/roots.pem").read_text() == f"{OLD.pem}# pganchor anchor localhost\n{stepca.root_pem}"


def test_a_damaged_root_crt_is_an_error_and_stays(home, stepca):
    (home / ".postgresql").mkdir()
    (home / ROOT_CRT).write_text(OLD.pem.replace("-----END CERTIFICATE-----\n", ""))
    before = home.snapshot()
    done = bootstrap(home, stepca)
    assert done.returncode == 1 and f"{home / ROOT_CRT}: damaged" in done.stderr and "--scoped" in done.stderr
    assert home.snapshot() == before
    done = bootstrap(home, stepca, "--scoped")
    assert done.returncode == 0, done.stderr
    assert home.snapshot()[ROOT_CRT] == before[ROOT_CRT]


def test_it_warns_that_require_becomes_verify_ca(home, stepca, impostor_postgres):
    """And what it says is so: a server of another CA stops working with sslmode=require."""
    assert psql(home, impostor_postgres.conninfo(sslmode="require")).stdout == "t\n"
    done = bootstrap(home, stepca)
    assert "sslmode=require" in done.stderr and "verify-ca" in done.stderr and "--scoped" in done.stderr
    done = psql(home, impostor_postgres.conninfo(sslmode="require"))
    assert done.returncode == 2 and "certificate verify failed" in done.stderr
    # The way out that the warning names.
    done = bootstrap(home, stepca, "--scoped", "--replace")
    assert done.returncode == 0, done.stderr
    assert not (home / ROOT_CRT).exists() and conf(home)["localhost"]["scope"] == "scoped"
    assert psql(home, impostor_postgres.conninfo(sslmode="require")).stdout == "t\n"


def test_it_warns_that_prefer_goes_on_in_plain_text(home, stepca, impostor_postgres):
    """The default: a server of another CA, which was spoken to over TLS before, is spoken to without."""
    assert psql(home, impostor_postgres.conninfo(sslmode="prefer")).stdout == "t\n"
    dry = bootstrap(home, stepca, "--dry-run")
    done = bootstrap(home, stepca)
    for told in (dry, done):
        assert "sslmode=prefer, the default, goes on in plain text" in told.stderr
    assert psql(home, impostor_postgres.conninfo(sslmode="prefer")).stdout == "f\n"
    done = bootstrap(home, stepca, "--scoped", "--replace")
    assert "plain text" not in done.stderr
    assert psql(home, impostor_postgres.conninfo(sslmode="prefer")).stdout == "t\n"


def test_it_warns_when_libpq_looks_elsewhere(home, stepca):
    done = bootstrap(home, stepca, env={"PGSSLROOTCERT": "/elsewhere/root.pem"})
    assert done.returncode == 0 and "PGSSLROOTCERT is set to /elsewhere/root.pem" in done.stderr


def test_scoped_leaves_root_crt_alone(home, stepca, postgres, impostor_postgres):
    done = bootstrap(home, stepca, "--scoped")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert "Next: pganchor service add NAME --host HOST --anchor localhost\n" in done.stdout
    assert not (home / ".postgresql").exists()
    assert conf(home)["localhost"]["scope"] == "scoped"
    assert psql(home, impostor_postgres.conninfo(sslmode="require")).stdout == "t\n"
    assert psql(home, postgres.conninfo(sslmode="verify-full", sslrootcert=home / crt())).stdout == "t\n"


def test_scoped_again_changes_nothing(home, stepca):
    assert bootstrap(home, stepca, "--scoped").returncode == 0
    before = home.snapshot()
    done = bootstrap(home, stepca, "--scoped")
    assert done.returncode == 0 and "Nothing was changed" in done.stdout
    assert home.snapshot() == before


def test_scoped_first_and_for_all_later(home, stepca, postgres):
    assert bootstrap(home, stepca, "--scoped", "--hosts", "localhost").returncode == 0
    pinned = conf(home)["localhost"]
    done = bootstrap(home, stepca, "--unscoped")
    assert done.returncode == 0, done.stderr
    assert conf(home)["localhost"] == {**pinned, "scope": "root.crt"}
    assert psql(home, postgres.conninfo(sslmode="verify-full")).stdout == "t\n"


def test_scoped_after_for_all_needs_replace(home, stepca, other_stepca):
    assert bootstrap(home, other_stepca, "--name", "other").returncode == 0
    before = (home / ROOT_CRT).read_bytes()
    assert bootstrap(home, stepca).returncode == 0
    snapshot = home.snapshot()
    done = bootstrap(home, stepca, "--scoped")
    assert done.returncode == 1 and "--replace" in done.stderr
    assert home.snapshot() == snapshot
    assert bootstrap(home, stepca, "--scoped", "--replace").returncode == 0
    assert (home / ROOT_CRT).read_bytes() == before


def test_what_is_missing_comes_back(home, stepca):
    assert bootstrap(home, stepca).returncode == 0
    whole = {path: entry.content for path, entry in home.snapshot().items()}
    for path, content in ((crt(), None), (ROOT_CRT, None), (crt(), OLD.pem), (ROOT_CRT, ""), (CONF, None)):
        (home / path).unlink() if content is None else (home / path).write_text(content)
        done = bootstrap(home, stepca)
        assert done.returncode == 0, done.stderr
        assert str(home / path) in done.stdout and "Nothing was changed" not in done.stdout
        now = {path: entry.content for path, entry in home.snapshot().items()}
        # They have times in them.
        times = dict.fromkeys((CONF, MANIFEST, ".config/pganchor/sources.conf"))
        assert {**now, **times} == {**whole, **times}
        assert conf(home)["localhost"]["pin"] == stepca.fingerprint


def test_names(home, stepca):
    done = bootstrap(home, stepca, "--name", "company-1.example_x")
    assert done.returncode == 0, done.stderr
    assert list(conf(home)) == ["company-1.example_x"] and (home / crt("company-1.example_x")).exists()


@pytest.mark.parametrize("name", ["", ".hidden", "-dash", "a/b", "../up", "a b", "a]b", "a\nb", "ü", "x" * 65])
def test_names_that_are_none(home, stepca, name):
    done = bootstrap(home, stepca, f"--name={name}")
    assert done.returncode == 2 and done.stderr.startswith("pganchor: --name: ")
    assert name == "a\nb" or name in done.stderr
    assert home.snapshot() == {}


def test_the_same_root_keeps_its_name(home, stepca):
    assert bootstrap(home, stepca, "--name", "company").returncode == 0
    before = home.snapshot()
    done = bootstrap(home, stepca)
    assert done.returncode == 0 and "as anchor company" in done.stdout
    assert home.snapshot() == before
    for more in ((), ("--replace",)):
        done = bootstrap(home, stepca, "--name", "another", *more)
        assert done.returncode == 1 and "pinned already, as company" in done.stderr
        assert home.snapshot() == before


def test_a_taken_name_needs_replace(home, stepca, other_stepca):
    assert bootstrap(home, stepca, "--hosts", "db.example.test").returncode == 0
    before = home.snapshot()
    done = bootstrap(home, other_stepca)
    assert done.returncode == 1 and "the name is taken" in done.stderr and stepca.fingerprint in done.stderr and "--replace" in done.stderr
    assert home.snapshot() == before


def test_replace_takes_the_old_root_out_of_root_crt(home, stepca, other_stepca, postgres):
    (home / ".postgresql").mkdir()
    (home / ROOT_CRT).write_text(f"mine\n{OLD.pem}")
    assert bootstrap(home, stepca, "--hosts", "db.example.test").returncode == 0
    (home / ROOT_CRT).write_text((home / ROOT_CRT).read_text() + "behind\n")
    done = bootstrap(home, other_stepca, "--replace")
    assert done.returncode == 0, done.stderr
    assert (home / ROOT_CRT).read_text() == f"mine\n{OLD.pem}behind\n# pganchor anchor localhost\n{other_stepca.root_pem}"
    section = conf(home)["localhost"]
    assert section["pin"] == other_stepca.fingerprint and section["source"] == other_stepca.url
    # A new root is not valid for more than the old one.
    assert section["hosts"] == "db.example.test"
    assert (home / crt()).read_text() == other_stepca.root_pem
    assert psql(home, postgres.conninfo(sslmode="verify-full")).returncode == 2


def test_replace_says_when_the_old_root_stays(home, stepca, other_stepca):
    (home / ".postgresql").mkdir()
    (home / ROOT_CRT).write_text(f"by hand\n{stepca.root_pem}")
    assert bootstrap(home, stepca).returncode == 0
    done = bootstrap(home, other_stepca, "--replace")
    assert done.returncode == 0 and "still holds the root that was pinned before" in done.stderr
    assert (home / ROOT_CRT).read_text() == f"by hand\n{stepca.root_pem}# pganchor anchor localhost\n{other_stepca.root_pem}"


@pytest.mark.parametrize("under_our_line", [lambda ours: OLD.pem, lambda ours: f"{OLD.pem}{ours}", lambda ours: f"a note\n{OLD.pem}"])
def test_what_somebody_put_under_our_line_stays(home, stepca, under_our_line):
    assert bootstrap(home, stepca).returncode == 0
    text = f"# pganchor anchor localhost\n{under_our_line(stepca.root_pem)}"
    (home / ROOT_CRT).write_text(text)
    done = bootstrap(home, stepca, "--scoped", "--replace")
    assert done.returncode == 0, done.stderr
    assert (home / ROOT_CRT).read_text() == text
    assert ("still holds" in done.stderr) == (stepca.root_pem in text)


def test_a_root_crt_that_would_be_left_without_a_root(home, stepca):
    """libpq refuses such a file for every connection, and its notes are not ours to throw away."""
    (home / ".postgresql").mkdir()
    (home / ROOT_CRT).write_text("notes\n")
    assert bootstrap(home, stepca).returncode == 0
    before = home.snapshot()
    done = bootstrap(home, stepca, "--scoped", "--replace")
    assert done.returncode == 1 and "there would be none in it" in done.stderr
    assert home.snapshot() == before


def test_a_file_that_is_no_anchors_is_not_overwritten(home, stepca):
    (home / ".config/pganchor/anchors").mkdir(parents=True)
    (home / crt()).write_text("precious\n")
    before = home.snapshot()
    done = bootstrap(home, stepca)
    assert done.returncode == 1 and str(home / crt()) in done.stderr
    assert home.snapshot() == before


def test_hosts(home, stepca):
    done = bootstrap(home, stepca, "--hosts", " *.example.com,db.example.org\t127.0.0.1 ")
    assert done.returncode == 0, done.stderr
    assert conf(home)["localhost"]["hosts"] == "*.example.com db.example.org 127.0.0.1"
    before = home.snapshot()
    for same in ((), ("--hosts", "*.example.com db.example.org 127.0.0.1")):
        assert "Nothing was changed" in bootstrap(home, stepca, *same).stdout
    done = bootstrap(home, stepca, "--hosts", "*")
    assert done.returncode == 1 and "--replace" in done.stderr
    assert home.snapshot() == before
    assert bootstrap(home, stepca, "--hosts", "*", "--replace").returncode == 0
    assert conf(home)["localhost"]["hosts"] == "*"


@pytest.mark.parametrize("hosts", ["", " , ", "*.", "db*.example.com", "a\n[evil]\npin=x", "*.*.com", "a;b"])
def test_hosts_that_are_none(home, stepca, hosts):
    done = bootstrap(home, stepca, "--hosts", hosts)
    assert done.returncode == 2 and done.stderr.startswith("pganchor: --hosts: ")
    assert home.snapshot() == {}


def test_anchors_conf_keeps_every_byte(home, stepca, other_stepca):
    text = (f"# mine\r\n[first]\r\n  pin={OLD.fingerprint}  \r\nscope = scoped\r\n\r\n# about the second\n"
            f"[second]\nscope=scoped\npin = {other_stepca.fingerprint}\n; ".rstrip("; "))
    (home / ".config/pganchor").mkdir(parents=True)
    (home / CONF).write_bytes(text.encode())
    assert bootstrap(home, stepca, "--scoped").returncode == 0
    assert (home / CONF).read_bytes().startswith(text.encode() + b"\n[localhost]\n")
    (home / CONF).write_bytes(text.encode())
    assert bootstrap(home, other_stepca, "--unscoped").returncode == 0
    assert (home / CONF).read_bytes().decode() == text.replace("[second]\nscope=scoped\n", "[second]\nscope = root.crt\n")


@pytest.mark.parametrize("text, line", [
    ("[a]\npin = 12\n", 2), ("pin = 12\n", 1), ("[a]\n", 1), (f"[a]\npin = {'0' * 64}\nhost = x\n", 3), ("[a b]\n", 1), ("what\n", 1),
    (f"[a]\npin = {'0' * 64}\n[b]\npin = {'0' * 64}\n", 3), (f"[a]\npin = {'0' * 64}\n\n[a]\npin = {'1' * 64}\n", 4),
    (f"[a]\npin = {'0' * 64}\nscope = all\n", 3), (f"[a]\npin = {'0' * 64}\nhosts =\n", 3), (f"[a]\npin = {'A' * 64}\n", 2),
    (f"[a]\npin = {'0' * 64}\npin = {'0' * 64}\n", 3), (f"[a]\npin = {'0' * 64}\nsource = \0\n", 3)])
def test_a_damaged_anchors_conf_is_an_error_with_its_line(home, stepca, text, line):
    (home / ".config/pganchor").mkdir(parents=True)
    (home / CONF).write_text(text)
    before = home.snapshot()
    done = bootstrap(home, stepca)
    assert done.returncode == 1 and f"{home / CONF}, line {line}: " in done.stderr
    assert home.snapshot() == before


def test_xdg_config_home(home, stepca):
    assert bootstrap(home, stepca, env={"XDG_CONFIG_HOME": home / "xdg"}).returncode == 0
    assert (home / "xdg/pganchor/anchors.conf").exists() and not (home / ".config").exists()


def test_dry_run_says_it_and_writes_nothing(home, stepca):
    done = bootstrap(home, stepca, "--dry-run")
    assert done.returncode == 0, done.stderr
    for path in (CONF, crt(), ROOT_CRT):
        assert f"Would make {home / path}" in done.stdout
    assert "nothing was written" in done.stdout
    assert home.snapshot() == {}


def test_json(home, stepca):
    done = bootstrap(home, stepca, "--json", "--name", "company")
    report = json.loads(done.stdout)
    assert done.returncode == 0
    assert (report["anchor"], report["pin"], report["source"]) == ("company", stepca.fingerprint, stepca.url)
    assert (report["scope"], report["hosts"], report["changed"], report["dry_run"]) == ("root.crt", "*", True, False)
    assert report["files"]["root.crt"] == {"path": str(home / ROOT_CRT), "change": "created"}
    report = json.loads(bootstrap(home, stepca, "--json").stdout)
    assert report["changed"] is False and report["already_pinned"] is True
    assert {file["change"] for file in report["files"].values()} == {"unchanged"}


def test_many_at_the_same_time_lose_none(home, stepca, other_stepca):
    """Each of 12 runs pins one of two roots; all must be there in the end, once."""
    script = "".join(f'pganchor bootstrap --ca-url {ca.url} --fingerprint {ca.fingerprint} --name {name} >>log 2>&1 || echo failed >>log &\n'
                     for ca, name in ((stepca, "one"), (other_stepca, "two")) * 6)
    home.run(["sh", "-c", f"{script} wait"])
    assert "failed" not in (home / "log").read_text(), (home / "log").read_text()
    assert {name: section["pin"] for name, section in conf(home).items()} == {"one": stepca.fingerprint, "two": other_stepca.fingerprint}
    assert (home / ROOT_CRT).read_text().count("BEGIN CERTIFICATE") == 2


# The dialogue without --fingerprint.

PROMPT = r"Type yes, or the fingerprint: $"


def ask(home, ca, answer, *args, **kwargs):
    return home.pganchor_tty("bootstrap", "--ca-url", ca.url, *args, answers=[(PROMPT, answer)], **kwargs)


def test_on_a_terminal_it_asks(home, stepca, postgres):
    shown = ask(home, stepca, "yes", env={"NO_COLOR": "1"})
    assert shown.returncode == 0, shown.output
    asked, _, _ = shown.output.partition("Type yes")
    assert "CN=Test Root CA,O=Test" in asked and stepca.fingerprint in asked and re.search(r"valid +\d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d", asked)
    assert conf(home)["localhost"]["pin"] == stepca.fingerprint
    assert psql(home, postgres.conninfo(sslmode="verify-full")).stdout == "t\n"


def test_the_fingerprint_is_an_answer_too(home, stepca):
    assert ask(home, stepca, upper_with_colons(stepca.fingerprint)).returncode == 0
    assert conf(home)["localhost"]["pin"] == stepca.fingerprint


@pytest.mark.parametrize("answer", ["no", "", "y", "Yes", "YES", "yes please", " yes", "0" * 64, "\x04"])
def test_anything_else_pins_nothing(home, stepca, answer):
    shown = ask(home, stepca, answer)
    assert shown.returncode == 1 and "nothing was pinned" in shown.output
    assert home.snapshot() == {}


def test_the_terminal_is_asked_whatever_standard_input_says(home, stepca):
    shown = home.run_tty(["sh", "-c", f"echo yes | pganchor bootstrap --ca-url {stepca.url}"], answers=[(PROMPT, "no")])
    assert shown.returncode == 1 and home.snapshot() == {}


@pytest.mark.parametrize("more", [[], ["--yes"], ["--json", "--yes"]], ids=str)
def test_without_a_terminal_it_refuses_and_asks_nobody(home, stepca, more):
    done, calls = home.strace_sockets([home.program.binary, "bootstrap", "--ca-url", stepca.url, *more], input="yes\nyes\n")
    assert done.returncode == 2 and "--fingerprint is missing" in done.stderr
    assert "step certificate fingerprint root_ca.crt" in done.stderr
    assert "openssl x509 -noout -fingerprint -sha256 -in root_ca.crt" in done.stderr
    assert home.snapshot() == {} and calls == []


def test_yes_is_no_way_round_on_a_terminal_either(home, stepca):
    shown = home.pganchor_tty("bootstrap", "--ca-url", stepca.url, "--yes")
    assert shown.returncode == 2 and home.snapshot() == {}


def test_yes_beside_a_fingerprint_is_fine(home, stepca):
    assert bootstrap(home, stepca, "--yes").returncode == 0


# Usage.

def test_help(home):
    done = home.pganchor("bootstrap", "--help")
    assert done.returncode == 0 and done.stderr == ""
    for option in ("ca-url", "fingerprint", "name", "scoped", "unscoped", "hosts", "replace", "proxy", "connect-timeout", "max-time", "dry-run", "json"):
        assert f"--{option}" in done.stdout


@pytest.mark.parametrize("args, why", [
    ([], "--ca-url is missing"), (["--nonsense"], "--nonsense"), (["--ca-url"], "--ca-url: needs a value"),
    (["--ca-url", "x", "y"], "y and --ca-url: one of them"), (["--ca-url", "x", "--max-time", "0"], "--max-time"),
    (["--ca-url", "x", "--max-time", "1s"], "--max-time"), (["--ca-url", "x", "--connect-timeout", "-1"], "--connect-timeout"),
    (["--ca-url", "x", "--max-time", "nan"], "--max-time"), (["-x"], "-x")], ids=str)
def test_usage(home, args, why):
    done = home.pganchor("bootstrap", *args)
    assert done.returncode == 2 and why in done.stderr and "see pganchor bootstrap --help" in done.stderr
    assert done.stdout == "" and home.snapshot() == {}


@pytest.mark.parametrize("url, why", [
    ("http://localhost:9000", "only https"), ("ftp://localhost", "only https"), ("ldap://localhost", "only https"),
    ("file:///etc/passwd", "only https"), ("https://user:s3cret@localhost", "a user or a password"), ("https://user@localhost", "a user"),
    ("user:s3cret@localhost", "a user"), ("https://localhost/?a=b", "a query"), ("https://localhost#x", "a fragment"), ("https://", "--ca-url"),
    ("", "--ca-url"), ("https://local host", "blanks"), ("https://localhost:99999", "--ca-url"), ("localhost\n", "control")], ids=str)
def test_urls_that_are_refused(home, url, why):
    done, calls = home.strace_sockets([home.program.binary, "bootstrap", "--ca-url", url, "--fingerprint", "0" * 64])
    assert done.returncode == 2 and why in done.stderr and "s3cret" not in done.stderr
    assert calls == [] and home.snapshot() == {}


@pytest.mark.parametrize("text, why", [
    ("a9993e364706816aba3e25717850c26c9cd0d89d", "SHA-1"), (":".join(["A9"] * 20), "SHA-1"), ("0" * 32, "MD5"), ("", "0 hex digits"),
    ("0" * 63, "63 hex digits"), ("0" * 65, "65 hex digits"), ("0" * 63 + "g", "not a fingerprint"), ("0" * 64 + " 0", "65 hex digits"),
    ("0:" + "0" * 63, "not a fingerprint"), ("00::" + "0" * 62, "not a fingerprint"), ("0" * 64 + ":", "not a fingerprint")])
def test_fingerprints_that_are_none(home, text, why):
    done, calls = home.strace_sockets([home.program.binary, "bootstrap", "--ca-url", "localhost", "--fingerprint", text])
    assert done.returncode == 2 and why in done.stderr
    assert "step certificate fingerprint" in done.stderr
    assert calls == [] and home.snapshot() == {}
