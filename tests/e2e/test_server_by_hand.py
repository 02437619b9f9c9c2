"""pganchor server where the server lets nobody set anything but by hand, in its files (allow_alter_system, PostgreSQL 17 and later): the
lines and their places are shown, and once they are there, proved."""

import json
import re
import subprocess
from pathlib import Path

from certificates import make_root
from local_cas import pin_of, state
from test_server_enable_tls import altered, asked_for_tls, change, place, told, words_of


def steps(home, server, *words):
    done = change(home, server, *words, "--json")
    assert done.returncode == 1 and "the server does not allow ALTER SYSTEM" in done.stderr, done.stderr
    report = json.loads(done.stdout)
    assert (report["changed"], report["proved"]) == (False, False)
    return [line["text"] for line in report["plan"] if line["kind"] == "step"]


def follow(server, lines):
    """Do by hand what the steps say, as far as they are about a file."""
    followed = 0
    for line in lines:
        at_end = re.fullmatch(r"at the end of (/.*?): (\w+ = '.*')", line)
        in_place = re.fullmatch(r"in (/.*?), in the place of line (\d+): (\w+ = '.*')", line)
        followed += bool(at_end or in_place)
        if at_end:
            with Path(at_end[1]).open("a") as file:
                file.write(at_end[2] + "\n")
        if in_place:
            text = Path(in_place[1]).read_text().split("\n")
            text[int(in_place[2]) - 1] = in_place[3]
            Path(in_place[1]).write_text("\n".join(text))
    subprocess.run(["psql", "-XAtqc", "SELECT pg_reload_conf()", server.superuser], check=True, capture_output=True)
    return followed


def spoken(server, *words):
    """The cipher of a handshake of TLS 1.3; None where none stands."""
    done = subprocess.run(["openssl", "s_client", "-starttls", "postgres", "-connect", f"127.0.0.1:{server.port}", "-tls1_3", *words],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    cipher = re.search(r"Cipher is (TLS_\w+)", done.stdout)
    return cipher and cipher[1]


def test_the_lines_are_shown_and_once_they_are_there_proved(home, postgres_of, tmp_path):
    authority = make_root()
    server = postgres_of(18).start(settings={"allow_alter_system": "off", "ssl": "off"})
    try:
        pair = place(server, authority.issue(tmp_path, "localhost"), "it's own")
        words = ["enable-tls", *words_of(pair), "--min-version", "TLSv1.3"]
        before = state(server)
        shown = steps(home, server, *words)
        assert state(server) == before and asked_for_tls(server) is None
        assert not [line for line in shown if "ALTER SYSTEM" in line]
        assert follow(server, shown) == 4
        report = told(home, server, *words)
        assert (report["changed"], report["proved"], report["served"]) == (False, True, pin_of(pair[0]))
        assert asked_for_tls(server) == pin_of(pair[0])
        # Without --json, too: the lines, and then why nothing was done.
        done = change(home, server, "disable-tls")
        assert done.returncode == 1 and "would do:" in done.stdout and ": ssl = 'off'" in done.stdout
        assert follow(server, steps(home, server, "disable-tls")) == 1
        assert told(home, server, "disable-tls")["tls"] is False
        # What was set by ALTER SYSTEM while that was allowed.
        config = Path(server.directory, "data/postgresql.conf")
        config.write_text(config.read_text().replace("allow_alter_system = 'off'", "allow_alter_system = 'on'"))
        follow(server, [])
        newer = [*words, "--groups", "P-384", "--tls13-ciphers", "TLS_CHACHA20_POLY1305_SHA256"]
        done = change(home, server, *newer[:-1], "TLS_NONE")
        assert done.returncode == 1 and 'ssl_tls13_ciphers: OpenSSL knows no such list of TLS 1.3\'s ciphers as "TLS_NONE"' in done.stderr
        assert told(home, server, *newer)["changed"] is True
        assert altered(server) == {"ssl": "'on'", "ssl_groups": "'P-384'", "ssl_tls13_ciphers": "'TLS_CHACHA20_POLY1305_SHA256'"}
        assert spoken(server) == "TLS_CHACHA20_POLY1305_SHA256" and spoken(server, "-groups", "P-256") is None
        config.write_text(config.read_text().replace("allow_alter_system = 'on'", "allow_alter_system = 'off'"))
        follow(server, [])
        taken_out = steps(home, server, "undo")
        assert any(re.fullmatch(r"take ssl out of .*/postgresql.auto.conf, line \d+", line) for line in taken_out)
    finally:
        server.stop()
