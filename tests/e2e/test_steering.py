"""Texts of others in what pganchor prints: none steers a terminal, turns the direction of writing or hides, and JSON loses none."""

import json
import os
import subprocess
import unicodedata

import pytest

from certificates import make_root
from hostile import stepca_answers
from gated import run_gated
from services import policy as write_policy

# What Unicode's DerivedCoreProperties.txt calls Default_Ignorable_Code_Point: it is drawn as nothing.
IGNORABLE = [0xad, 0x34f, 0x61c, 0x115f, 0x1160, 0x17b4, 0x17b5, *range(0x180b, 0x1810), *range(0x200b, 0x2010), *range(0x202a, 0x202f),
             *range(0x2060, 0x2070), 0x3164, *range(0xfe00, 0xfe10), 0xfeff, 0xffa0, *range(0xfff0, 0xfff9), *range(0x1bca0, 0x1bca4),
             *range(0x1d173, 0x1d17b), *range(0xe0000, 0xe0080), 0xe0100, 0xe01ef, 0xe0fff]
BIDI = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
STEERING = {chr(point) for point in IGNORABLE} | {
    chr(point) for point in range(0x110000)
    if unicodedata.category(chr(point)) in ("Cc", "Zl", "Zp") or unicodedata.bidirectional(chr(point)) in BIDI}
HARMLESS = "\u00fc\u00df\u0416\u5d4c\u0627\u05d0\u20ac\U0001f418 ~!"
# One of each kind, as it could stand in a name.
NAME = "a\x9b31mb\u202ec\u2066d\u200fe\u061cf\u2028g\ufeffh\u200bi\x7fj\U000e0041k"


def steers(text):
    return sorted({f"U+{ord(c):04X}" for c in text if c in STEERING and c != "\n"})


def escaped(text):
    return "".join("".join(f"\\x{byte:02X}" for byte in c.encode()) if c in STEERING else c for c in text)


def test_every_character(home):
    """As the value of a setting: in the table as \\xNN, in JSON as \\uNNNN, from which it comes back."""
    every = "".join(sorted(STEERING - {"\0"})) + HARMLESS
    conninfo = f"host=h application_name='{every}'"
    shown = home.pganchor("explain", conninfo)
    assert not steers(shown.stdout + shown.stderr)
    assert f" {escaped(every)} " in shown.stdout
    report = home.pganchor("explain", "--json", conninfo)
    assert not steers(report.stdout) and HARMLESS in report.stdout
    settings = {setting["keyword"]: setting["value"] for setting in json.loads(report.stdout)["settings"]}
    assert settings["application_name"] == every


def in_files(home):
    """The name in every file and variable that is quoted."""
    (home / ".pg_service.conf").write_text(f"[{NAME}]\nhost={NAME}\ndbname={NAME}\nuser={NAME}\n")
    (home / ".config/pganchor").mkdir(parents=True, exist_ok=True)


SAYS_IT = {
    "no such command": [NAME], "no such option": ["explain", f"--{NAME}"], "not an option": ["bootstrap", NAME],
    "list": ["service", "list"], "list in JSON": ["service", "list", "--json"],
    "show": ["service", "show", NAME], "show in JSON": ["service", "show", NAME, "--json"],
    "add": ["service", "add", "x", "--host", NAME], "add in JSON": ["service", "add", "x", "--host", NAME, "--json"],
    "add a name": ["service", "add", NAME, "--host", "h"], "remove": ["service", "remove", NAME, "--dry-run"],
    "remove in JSON": ["service", "remove", NAME, "--dry-run", "--json"], "explain": ["explain", f"service={NAME}"],
    "explain in JSON": ["explain", "--json", f"host={NAME} dbname={NAME} sslmode=require"],
    "explain nonsense": ["explain", f"host=h {NAME}=x"], "explain what is no URI": ["explain", f"postgresql://{NAME}:x:y/"],
    "ca-url": ["bootstrap", "--ca-url", f"https://h/{NAME}", "--fingerprint", "ab" * 32],
    "a ca-url's host": ["bootstrap", "--ca-url", f"https://{NAME}", "--fingerprint", "ab" * 32],
    "fingerprint": ["bootstrap", "--ca-url", "h", "--fingerprint", NAME],
    "hosts": ["bootstrap", "--ca-url", "h", "--fingerprint", "ab" * 32, "--hosts", NAME],
    "name": ["bootstrap", "--ca-url", "h", "--fingerprint", "ab" * 32, "--name", NAME],
    "run": ["run", NAME], "unit": ["enable", "--unit", NAME, "--dry-run"], "log": ["log", "--file", NAME]}


@pytest.mark.parametrize("words", SAYS_IT.values(), ids=SAYS_IT)
def test_what_each_command_quotes(home, words):
    in_files(home)
    done = home.pganchor(*words)
    assert done.stdout + done.stderr
    assert not steers(done.stdout + done.stderr)


def test_paths(home, tmp_path, stepca):
    """A home whose own name steers."""
    odd = tmp_path / f"odd{NAME}"
    odd.mkdir()
    env = {"HOME": odd, "PGSERVICEFILE": odd / "services"}
    shown = ""
    for words in (["bootstrap", "--ca-url", stepca.url, "--fingerprint", stepca.fingerprint],
                  ["bootstrap", "--ca-url", stepca.url, "--fingerprint", stepca.fingerprint, "--scoped", "--replace", "--json"],
                  ["service", "add", "x", "--host", "h"], ["service", "list"], ["service", "show", "x"], ["explain", "service=x"],
                  ["service", "add", "y", "--host", "h", "--json"], ["service", "remove", "x"], ["status"], ["status", "--json"]):
        done = home.pganchor(*words, env=env)
        assert done.returncode in (0, 3), (words, done.stderr)
        shown += done.stdout + done.stderr
    assert not steers(shown) and escaped(NAME) in shown


def test_a_path_that_is_no_utf_8(home, tmp_path, stepca):
    """What was done is said, and done it is."""
    odd = os.fsencode(tmp_path) + b"/\xff\xc3\xbc\xfe"
    os.mkdir(odd)
    words = ["bootstrap", "--ca-url", stepca.url, "--fingerprint", stepca.fingerprint, "--json"]
    done = subprocess.run([home.program.binary, *words], env={**home.environment(), "HOME": odd}, capture_output=True)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.decode())
    assert report["files"]["root.crt"] == {"path": f"{tmp_path}/\\xFFü\\xFE/.postgresql/root.crt", "change": "created"}
    assert os.path.exists(odd + b"/.postgresql/root.crt")


@pytest.mark.parametrize("name, shown", [
    (b"gr\xf6\xdfe", "gr\\xF6\\xDFe"), (b"\xc3\xbc\xf6", "ü\\xF6"), (b"a\x80b\xed\xa0\x80", "a\\x80b\\xED\\xA0\\x80")], ids=repr)
def test_a_service_that_is_no_utf_8(home, name, shown):
    (home / ".pg_service.conf").write_bytes(b"[" + name + b"]\nhost=h\n")
    done = home.pganchor("service", "list", "--json")
    assert [service["name"] for service in json.loads(done.stdout)["services"]] == [shown]
    assert shown in home.pganchor("service", "list").stdout


def test_the_audit_log(home):
    """A line of syslog is anybody's; log shows it decoded."""
    (home / "syslog").write_text('pganchor[1]: audit: time="1790000000" program="\\xC2\\x9B31mred\\xE2\\x80\\xAE\\x7F" host="h" reasons="r"\n')
    for words in ([], ["--json"]):
        done = home.pganchor("log", "--file", home / "syslog", *words)
        assert "red" in done.stdout and not steers(done.stdout + done.stderr)


@pytest.mark.parametrize("common_name", ["\x1b[2J\x1b[31mX", "a\rb", "a\nb", "\u202eevil", "\x9b31m", "in\u200bvisible", "\U000e0041tag"], ids=repr)
def test_a_subject(home, https_ca, common_name):
    root = make_root(common_name)
    ca = https_ca(stepca_answers(root), authority=root)
    for words in (["--dry-run", "--json"], []):
        done = home.pganchor("bootstrap", "--ca-url", ca.url, "--fingerprint", root.fingerprint, *words)
        assert done.returncode == 0 and "CN=" in done.stdout and not steers(done.stdout + done.stderr)
    assert not steers((home / ".config/pganchor/anchors.conf").read_text())


def test_a_refusal_of_the_gate(home):
    """It is a program's error message, which the program prints as it is; libpq's own half is libpq's."""
    for conninfo in (f"host={NAME} sslmode=require", f"host={NAME} dbname={NAME}", f"service={NAME}"):
        in_files(home)
        done = run_gated(home, ["psql", "-X", conninfo])
        assert "pganchor refused" in done.stderr and not steers(done.stderr.partition("pganchor refused")[2])


def test_a_policy_that_is_not_read(home):
    write_policy(home, f"{NAME} = x\n")
    done = run_gated(home, ["psql", "-X", "host=h"])
    assert "pganchor refused" in done.stderr and not steers(done.stderr)


def test_the_reason_of_a_handshake(home, stepca, impostor_postgres):
    """The gate's line behind libpq's message; where an address is given too, a host may be called anything."""
    (home / ".postgresql").mkdir()
    (home / ".postgresql/root.crt").write_text(stepca.root_pem)
    done = run_gated(home, ["psql", "-X", impostor_postgres.conninfo(host=NAME, hostaddr="127.0.0.1", sslmode="verify-full")])
    reason = done.stderr.partition("    pganchor: the certificate of ")[2]
    assert reason.startswith(f"{escaped(NAME)}: ") and not steers(reason)
