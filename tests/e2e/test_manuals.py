"""The manuals say what the programs do: all of their options and keys, and no others; their examples work."""

import re
import subprocess
from pathlib import Path

import pytest

MAN = Path(__file__).resolve().parent.parent.parent / "man"
COMMANDS = [
    "bootstrap", *(f"anchor {word}" for word in (
        "accept", "add", "export", "forget", "import", "list", "refresh", "remove", "rename", "set-hosts", "show", "timer", "trim", "verify")),
    *(f"service {word}" for word in ("add", "harden", "list", "remove", "show")), *(f"crl {word}" for word in ("add", "list", "refresh", "remove")),
    *(f"cert {word}" for word in ("add", "forget", "inspect", "issue", "renew", "revoke", "status", "timer")),
    *(f"ca local {word}" for word in ("create", "issue", "remove", "serve")),
    *(f"password {word}" for word in ("clear", "export", "get", "import", "list", "set", "unlock")),
    *(f"server {word}" for word in ("disable-tls", "enable-tls", "require-tls", "undo")),
    "forecast", "probe", "audit", "onboard", "profile", "run", "explain", "enable", "disable", "status", "doctor", "log", "uninstall", "completion"]


def manual(name):
    return (MAN / name).read_text()


def page_of(command):
    return f"pganchor-{command.split()[0]}.1"


def synopsis(command):
    """What the synopsis of the command's page says behind it, up to the next one."""
    section = manual(page_of(command)).split(".Sh SYNOPSIS\n")[1].split(".Sh ")[0]
    parts = [part for part in section.split(".Nm pganchor\n") if re.match(rf"\.Cm {command.replace(' ', ' Cm ')}\b(?!-)", part)]
    assert len(parts) == 1, command
    return parts[0]


def short_letters(text):
    return set("".join(re.findall(r"\bFl (\w+)", text)))


@pytest.mark.parametrize("command", COMMANDS)
def test_the_synopsis_has_the_options_of_help(home, command):
    told = home.pganchor(*command.split(), "--help")
    assert told.returncode == 0
    shown = synopsis(command)
    options = re.findall(r"^  (?:-(\w), |    )--([\w-]+)", told.stdout, re.MULTILINE)
    options = [(short, long) for short, long in options if long != "help"]
    long = set(re.findall(r"Fl -([\w-]+)", shown))
    letters = short_letters(shown)
    assert len(long) + len(letters) == len(options)
    for letter, name in options:
        assert name in long or letter in letters, name


def commands_in_help(home, *before):
    told = home.pganchor(*before, "--help").stdout
    listed = "" if before and "\ncommands:\n" not in told else "".join(re.findall(r"^[a-z ]+:\n((?:  .*\n)+)", told, re.MULTILINE))
    words = re.findall(r"^  ([a-z]\S*)", listed, re.MULTILINE)
    return [name for word in words for name in commands_in_help(home, *before, word)] or [" ".join(before)]


def test_every_command_has_a_page_and_a_line_in_the_overview(home):
    assert sorted(commands_in_help(home)) == sorted(COMMANDS)
    pages = {page_of(command) for command in COMMANDS}
    assert pages == {page.name for page in MAN.glob("pganchor-*.1")}
    overview = manual("pganchor.1").split(".Ss Commands\n")[1].split(".Sh ")[0]
    assert sorted(re.findall(r"^\.It Cm (\S+)$", overview, re.MULTILINE)) == sorted({command.split()[0] for command in COMMANDS})


@pytest.mark.parametrize("command", ["", "bootstrap", "anchor", "anchor add", "crl list"])
def test_help_names_the_page(home, command):
    page = "-".join(["pganchor", *command.split()[:1]])
    for told in home.pganchor(*command.split(), "--help"), home.pganchor("help", *command.split()):
        assert told.stdout.endswith(f"\nThe manual: man {page}\n")
    assert (MAN / f"{page}.1").exists()


def test_the_pages_name_each_other_by_their_names():
    for page in MAN.iterdir():
        for name, section in re.findall(r"^\.Xr (pganchor\S*|libpganchor) (\d)", page.read_text(), re.MULTILINE):
            assert (MAN / f"{name}.{section}").exists(), f"{page.name}: {name}({section})"
        of_itself = re.findall(r"\.Dt (\S+) (\d)\n", page.read_text())
        assert of_itself == [(page.stem.upper(), page.suffix[1:])]


def test_the_build_installs_every_page():
    listed = re.findall(r"\bman/(\S+\.\d)\b", (MAN.parent / "sources.mk").read_text())
    assert sorted(listed) == sorted(page.name for page in MAN.iterdir())


def test_every_long_option_is_described(home):
    for command in COMMANDS:
        # The options of bootstrap are those of anchor add.
        described = manual(page_of("bootstrap" if command == "anchor add" else command)).split(".Sh DESCRIPTION\n")[1]
        for long in re.findall(r"--([a-z][\w-]+)", home.pganchor(*command.split(), "--help").stdout.split("\n\n", 1)[1]):
            if long not in ("help", "noout"):
                assert f"-{long}" in described, f"{command}: --{long}"


def policy_keys():
    """{key: [values]} as pganchor-policy(5) has them, the strictest first; allow-weak apart."""
    listed = re.findall(r"^\.It Ic ([\w-]+) Li = ((?:Cm|Ar method) .*)$", manual("pganchor-policy.5"), re.MULTILINE)
    # What stands for something has an example of it.
    return {key: values.replace("Ar method ...", "scram-sha-256 gss").replace("Cm ", "").split(" | ") for key, values in listed}


def test_the_policy_takes_every_value_of_the_manual_and_no_other(home):
    keys = policy_keys()
    assert len(keys) >= 11
    (home / ".config/pganchor").mkdir(parents=True)
    policy = home / ".config/pganchor/policy.conf"
    conninfo = "host=db.example.test sslmode=verify-full"
    for key, values in keys.items():
        for value in [*values, "no-such-value"]:
            policy.write_text(f"{key} = {value}\n")
            done = home.pganchor("explain", conninfo)
            assert ("policy.conf, line 1" in done.stderr) == (value == "no-such-value"), f"{key} = {value}: {done.stderr}"
            # A libpq before 16 cannot be held to a list of methods.
            assert done.returncode == 0 or value == "no-such-value" or key == "auth"
    policy.write_text("allow-weak = localhost, *.example.test\n")
    assert home.pganchor("explain", "host=db.example.test sslmode=disable").returncode == 0


def test_the_defaults_of_the_manual_hold(home):
    """A policy that sets a key to its default changes no verdict; the sample file says the same."""
    defaults = dict(re.findall(r"^#([\w-]+) = (\S+)$", (MAN.parent / "packaging/policy.conf").read_text(), re.MULTILINE))
    text = manual("pganchor-policy.5")
    assert set(defaults) == set(policy_keys())
    for key, value in defaults.items():
        entry = text.split(f".It Ic {key} Li")[1].split(".It Ic")[0]
        assert re.search(rf"Default:\n\.Cm {re.escape(value)} \.|^\.Cm {re.escape(value)} ,\nthe default", entry, re.MULTILINE), key
    (home / ".config/pganchor").mkdir(parents=True)
    judged = ["host=/tmp", "host=db.example.test", "host=db.example.test sslmode=verify-full",
              "host=db.example.test sslmode=verify-full gssencmode=require"]
    before = [home.pganchor("explain", conninfo).stdout for conninfo in judged]
    (home / ".config/pganchor/policy.conf").write_text("".join(f"{key} = {value}\n" for key, value in defaults.items()))
    assert [home.pganchor("explain", conninfo).stdout for conninfo in judged] == before


def test_the_example_of_the_api_compiles_and_refuses(home, pganchor):
    page = manual("libpganchor.3").split("A program that asks first:\n")[1]
    source = page.split(".Bd -literal -offset indent\n")[1].split(".Ed")[0].replace("\\e", "\\")
    (home / "report.c").write_text(source)
    asked = {"PKG_CONFIG_PATH": str(pganchor.prefix / "lib/pkgconfig")}
    command = re.search(r"^\$ (cc .*)$", manual("libpganchor.3"), re.MULTILINE)[1]
    done = home.run(["sh", "-c", f"{command} -Wall -Wextra -Werror"], env=asked)
    assert done.returncode == 0, done.stderr
    library = {"LD_LIBRARY_PATH": str(pganchor.prefix / "lib")}
    done = home.run([home / "report", "host=db.example.test sslmode=require"], env=library)
    assert done.returncode == 1 and "sslmode=require (conninfo) is weaker than verify-full" in done.stderr, done.stderr


def test_the_manual_of_the_api_has_every_function_of_the_header(pganchor):
    header = (pganchor.prefix / "include/pganchor.h").read_text()
    declared = set(re.findall(r"\b(pganchor_\w+)\(", header))
    assert set(re.findall(r"^\.Fo (pganchor_\w+)$", manual("libpganchor.3"), re.MULTILINE)) == declared


@pytest.mark.parametrize("page", sorted(page.name for page in MAN.iterdir()))
def test_the_page_is_sound_mdoc(page):
    checked = subprocess.run(["mandoc", "-Tlint", "-Wwarning", MAN / page], capture_output=True, text=True)
    assert (checked.returncode, checked.stdout) == (0, "")


@pytest.mark.parametrize("page", ["pganchor.1", "libpganchor.3", "pganchor-policy.5"])
def test_the_page_says_what_it_does_not_protect_from(page):
    assert "SECURITY CONSIDERATIONS" in subprocess.run(["mandoc", "-Tman", MAN / page], capture_output=True, text=True).stdout


def test_every_finding_is_in_the_manual():
    words = re.findall(r'X\(\w+, "([\w-]+)"\)', (MAN.parent / "src/report/finding_ids.h").read_text())
    listed = manual("pganchor-findings.7")
    assert words == re.findall(r"^\.It Ql (.*)$", listed, re.MULTILINE)
