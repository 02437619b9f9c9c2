"""pganchor forecast: what it says of a day, and what psql does on it. The judge is libfaketime: a psql that lives at that moment."""

import datetime
import json
import re
import socket
import subprocess
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

import services
from certificates import make_root, pem, write_crl
from listener import Listener, read_to_end, tls_context
from services import pin_files, policy, write

DAY = datetime.timedelta(days=1)


def not_after(certificate):
    return certificate.not_valid_after.replace(tzinfo=datetime.timezone.utc)


def leaf_of(issued):
    return x509.load_pem_x509_certificate(issued.cert.read_bytes())


def leaf_end(server):
    return not_after(x509.load_pem_x509_certificate(server.cert.read_bytes()))


def moment(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)


def forecast(home, *args, status=3, **kwargs):
    done = services_run(home, *args, "--json", **kwargs)
    assert done.returncode == status, done.stdout + done.stderr
    return json.loads(done.stdout)


def services_run(home, *args, env=None, **kwargs):
    return home.pganchor("forecast", *args, env=services.environment(home, env), **kwargs)


def told(report):
    """[(kind, moment, whether a new leaf helps, whether it is behind another end)]."""
    return [(end["kind"], moment(end["at"]), end["renewing_leaf_helps"], end["behind"]) for end in report["ends"]]


def connects(home, server, when, service="prod", env=None):
    """What a psql says that lives at this moment: None where it connects."""
    at = when.strftime("%Y-%m-%d %H:%M:%S")
    done = services.psql(home, f"service={service}", password=server.password,
                         env={"TZ": "UTC", **(env or {})}, prefix=("faketime", "-f", f"{at}"))
    assert done.returncode in (0, 2), done.stderr
    return done.stderr if done.returncode else None


def holds(home, server, when, service="prod", env=None):
    """What works a second before this moment does not at it."""
    before = connects(home, server, when - datetime.timedelta(seconds=1), service, env)
    assert before is None, before
    after = connects(home, server, when, service, env)
    assert after is not None and "certificate verify failed" in after, after


def add(home, server, name="prod", **settings):
    words = {"host": "localhost", "port": server.port, "user": server.user, "dbname": server.dbname, "sslmode": "verify-full",
             "gssencmode": "disable", **settings}
    path = home / services.USER
    before = path.read_text() if path.exists() else ""
    write(home, before + f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in words.items()))


@pytest.mark.parametrize("ends", ["leaf", "intermediate", "root"])
def test_what_ends_first_is_when_psql_stops(home, make_postgres, tmp_path, ends):
    days = {name: (-1, 3 + 4 * place if name == ends else 40 + 10 * place) for place, name in enumerate(("leaf", "intermediate", "root"))}
    root = make_root("Company Root CA", days=days["root"])
    middle = root.intermediate(days=days["intermediate"])
    issued = middle.issue(tmp_path, "localhost", days=days["leaf"])
    server = make_postgres(*issued)
    pin_files(home, ("company", root, "localhost", "root.crt"))
    add(home, server)
    certificates = {"leaf": leaf_of(issued), "intermediate": middle.cert, "root": root.cert}
    when = not_after(certificates[ends])
    report = forecast(home, "--days", "30")
    assert told(report) == [(ends, when, ends == "leaf", False)]
    assert report["ends"][0]["anchor"] == ("company" if ends == "root" else None)
    holds(home, server, when)
    # What is behind it is told as well.
    later = sorted(((not_after(certificate), name) for name, certificate in certificates.items() if name != ends))
    report = forecast(home)
    assert told(report)[1:] == [(name, at, False, True) for at, name in later]


def crl(authority, path, hours):
    """A list by this CA, added to the file, that is good for so long."""
    now = datetime.datetime.now(datetime.timezone.utc)
    built = (x509.CertificateRevocationListBuilder().issuer_name(authority.cert.subject)
             .last_update(now - datetime.timedelta(hours=1)).next_update(now + datetime.timedelta(hours=hours)).sign(authority.key, hashes.SHA256()))
    path.parent.mkdir(exist_ok=True, parents=True)
    with path.open("ab") as file:
        file.write(built.public_bytes(serialization.Encoding.PEM))
    return built.next_update.replace(tzinfo=datetime.timezone.utc)


@pytest.fixture
def company(home, make_postgres, tmp_path):
    """A server below an intermediate, its root pinned, and a service for it: (root, intermediate, issued, server)."""
    root = make_root("Company Root CA", days=(-1, 60))
    middle = root.intermediate(days=(-1, 50))
    issued = middle.issue(tmp_path, "localhost", "127.0.0.1", days=(-1, 20))
    server = make_postgres(*issued)
    pin_files(home, ("company", root, "*", "root.crt"))
    add(home, server)
    return root, middle, issued, server


@pytest.mark.parametrize("where", [".postgresql/root.crl", "my.crl", "environment"])
def test_a_crl_ends(home, company, where):
    """Everything that ends behind it is told, too."""
    root, middle, issued, server = company
    path = home / (where if where != "environment" else "env.crl")
    env = {"PGSSLCRL": path} if where == "environment" else {}
    if where == "my.crl":
        write(home, (home / services.USER).read_text() + f"sslcrl={path}\n")
    first, second = crl(middle, path, 24 * 5), crl(root, path, 24 * 7)
    report = forecast(home, env=env)
    assert told(report) == [("crl", first, False, False), ("crl", second, False, True), ("leaf", not_after(leaf_of(issued)), False, True),
                            ("intermediate", not_after(middle.cert), False, True), ("root", not_after(root.cert), False, True)]
    assert report["ends"][0]["subject"] == "CN=Intermediate CA,O=Test PKI" and report["ends"][0]["reason"] == "CRL has expired"
    holds(home, server, first, env=env)


def test_a_directory_of_crls(home, company):
    root, middle, _, server = company
    directory = home / "crls"
    ends = [crl(authority, directory / f"{number}.crl", 24 * (5 + number)) for number, authority in enumerate((middle, root))]
    subprocess.run(["openssl", "rehash", directory], check=True, capture_output=True)
    write(home, (home / services.USER).read_text() + f"sslcrldir={directory}\n")
    assert [(kind, at) for kind, at, _, _ in told(forecast(home, "--days", 10))] == [("crl", at) for at in ends]
    holds(home, server, ends[0])


def test_a_crl_that_is_missing_or_revokes_is_told_as_of_now(home, company):
    root, middle, issued, server = company
    write_crl(root, home / ".postgresql/root.crl")
    report = forecast(home, "--days", 10)
    assert [(end["kind"], end["already"]) for end in report["ends"]] == [("crl", True), ("crl", False)]
    assert report["ends"][0]["reason"] == "unable to get certificate CRL" and report["ends"][0]["subject"] == "CN=Intermediate CA,O=Test PKI"
    (home / ".postgresql/root.crl").unlink()
    crl(root, home / ".postgresql/root.crl", 100)
    both = write_crl(middle, home / "middle.crl", issued.cert)
    write(home, (home / ".postgresql/root.crl").read_text() + both.read_text(), ".postgresql/root.crl")
    end = forecast(home, "--days", 0)["ends"][0]
    assert (end["kind"], end["reason"], end["renewing_leaf_helps"], end["already"]) == ("leaf", "certificate revoked", True, True)
    assert "certificate verify failed" in connects(home, server, datetime.datetime.now(datetime.timezone.utc))


def test_without_a_root_and_with_the_next(home, company, tmp_path, make_postgres):
    """What is foretold of a root that goes is what comes of it when it has gone."""
    root, _, _, server = company
    now = datetime.datetime.now(datetime.timezone.utc)
    for word in ("company", root.fingerprint, root.fingerprint.upper()):
        report = forecast(home, "--without", word, "--days", 10)
        assert [(end["kind"], end["already"], end["renewing_leaf_helps"]) for end in report["ends"]] == [("no-root", True, False)]
        assert report["without"] == [root.fingerprint]
    # The next root, which has signed the same intermediate's successor.
    following = make_root("Company Root CA 2", days=(-1, 400))
    new = make_postgres(*following.intermediate(days=(-1, 300)).issue(tmp_path, "localhost", days=(-1, 200)))
    add(home, new, "next")
    add_file = following.write_root(tmp_path / "next.pem")
    assert [(end["service"], end["kind"], end["already"]) for end in forecast(home, "--days", 10)["ends"]] == [("next", "no-root", True)]
    assert forecast(home, "--days", 10, "--with", add_file, status=0)["with"] == [following.fingerprint]
    rotated = forecast(home, "--days", 10, "--with", add_file, "--without", "company")
    assert [(end["service"], end["kind"], end["already"]) for end in rotated["ends"]] == [("prod", "no-root", True)]
    # And so it is.
    assert connects(home, server, now) is None and "certificate verify failed" in connects(home, new, now, "next")
    write(home, following.pem, ".postgresql/root.crt")
    assert connects(home, new, now, "next") is None and "certificate verify failed" in connects(home, server, now)


def test_of_two_roots_the_other_one_goes_on(home, make_postgres, tmp_path):
    """Cross-signed: the chain ends in either."""
    old = make_root("Old Root CA", days=(-1, 5))
    new = make_root("New Root CA", days=(-1, 80))
    cross = new.twin(by=old, days=(-1, 80))
    issued = new.issue(tmp_path, "localhost", days=(-1, 60))
    issued.cert.write_text(issued.cert.read_text() + pem(cross.cert))
    server = make_postgres(*issued)
    pin_files(home, ("old", old, "localhost", "root.crt"), ("new", new, "localhost", "root.crt"))
    add(home, server)
    assert told(forecast(home, "--days", 70)) == [("leaf", not_after(leaf_of(issued)), True, False)]
    assert connects(home, server, not_after(old.cert) + DAY) is None
    # With the old root alone, its end is the service's.
    pin_files(home, ("old", old, "localhost", "root.crt"))
    assert told(forecast(home, "--days", 30)) == [("root", not_after(old.cert), False, False)]
    holds(home, server, not_after(old.cert))
    # libpq goes on by a root that the gate does not take.
    write(home, old.pem + new.pem, ".postgresql/root.crt")
    kinds = told(forecast(home, "--days", 30))
    assert [kind for kind, *_ in kinds] in ([], ["root-not-pinned"]) and connects(home, server, not_after(old.cert) + DAY) is None


def test_the_pins_are_the_gates(home, company):
    root, *_ = company
    pin_files(home, ("company", root, "other.example", "root.crt"))
    report = forecast(home, "--days", 10)
    assert [(end["kind"], end["already"], end["sha256"]) for end in report["ends"]] == [("root-not-pinned", True, root.fingerprint)]
    for text in ("trust = verified\n", "mode = audit\n", "allow-weak = localhost\n"):
        policy(home, text)
        assert forecast(home, "--days", 10, status=0)["ends"] == []


def test_what_has_ended_and_what_has_not_begun(home, make_postgres, tmp_path):
    root = make_root(days=(-30, 60))
    over, early = root.issue(tmp_path, "localhost", days=(-10, -2)), root.issue(tmp_path, "localhost", days=(3, 50))
    pin_files(home, ("company", root, "localhost", "root.crt"))
    for name, issued in (("over", over), ("early", early)):
        add(home, make_postgres(*issued), name)
    ends = {end["service"]: end for end in forecast(home, "--days", 20)["ends"]}
    assert moment(ends["over"]["at"]) == not_after(leaf_of(over)) and ends["over"]["days_left"] in (-2, -3) and ends["over"]["until"] is None
    assert ends["early"]["reason"] == "certificate is not yet valid" and ends["early"]["already"]
    begins = leaf_of(early).not_valid_before.replace(tzinfo=datetime.timezone.utc)
    assert moment(ends["early"]["until"]) == begins and ends["early"]["renewing_leaf_helps"]


def test_hosts_sockets_and_servers_that_are_down(home, company, make_postgres, tmp_path):
    root, _, issued, server = company
    other = make_postgres(*root.issue(tmp_path, "localhost", days=(-1, 8)))
    add(home, server, "both", host="localhost,127.0.0.1", port=f"{other.port},{server.port}")
    add(home, server, "local", host=server.socket_dir)
    add(home, server, "plain", sslmode="prefer")
    write(home, (home / services.USER).read_text() + "[odd]\nhost=h\ntarget_session_attrs=odd\n[ldap]\nldap://127.0.0.1/x?y?sub?z\n")
    report = forecast(home, "--days", 30)
    assert sorted((end["service"], end["host"], end["port"], end["kind"]) for end in report["ends"]) == [
        ("both", "127.0.0.1", server.port, "leaf"), ("both", "localhost", other.port, "leaf"), ("prod", "localhost", server.port, "leaf")]
    left = {one["service"]: one["why"] for one in report["servers"] if one["state"] == "left-out"}
    assert left["local"] == "a Unix-domain socket has no TLS" and left["plain"] == "sslmode=prefer demands no TLS"
    assert "target_session_attrs" in left["odd"] and "LDAP" in left["ldap"] and report["findings"] == []
    # With the servers down, the roots of each remain.
    for one in (server, other):
        one.stop()
    report = forecast(home, "--days", 30, "--service", "prod", status=1)
    assert report["ends"] == [] and [finding["id"] for finding in report["findings"]] == ["server-not-reached"]
    report = forecast(home, "--service", "prod", "--service", "both")
    assert {(end["service"], end["kind"], end["at"], end["assumed"]) for end in report["ends"]} == {
        (service, "root", not_after(root.cert).strftime("%Y-%m-%dT%H:%M:%SZ"), True) for service in ("prod", "both")}
    assert len(report["findings"]) == 3
    assert [(end["kind"], end["already"]) for end in forecast(home, "--service", "prod", "--without", "company")["ends"]] == [("no-root", True)]


class Waiting(Listener):
    """A PostgreSQL server that begins TLS once all of them are connected to."""

    def __init__(self, issued, all_of_them):
        self.context, self.all_of_them = tls_context(issued), all_of_them
        super().__init__()

    def serve(self, sock, number):
        assert len(sock.recv(8, socket.MSG_WAITALL)) == 8
        try:
            self.all_of_them.wait(60)
        except threading.BrokenBarrierError:
            return
        sock.sendall(b"S")
        with self.context.wrap_socket(sock, server_side=True) as session:
            read_to_end(session)


def test_many_servers_at_once_and_each_told_of_itself(home, tmp_path):
    """Whichever answers first; and why one is refused is its own reason, not that of another."""
    root, impostor = make_root(days=(-1, 60)), make_root("Another CA", days=(-1, 60))
    pin_files(home, ("company", root, "localhost", "root.crt"))
    together = threading.Barrier(14)
    order = [(number * 5) % 14 for number in range(14)]
    servers = {number: Waiting((root if number % 2 else impostor).issue(tmp_path, "localhost", days=(-1, number + 2)), together) for number in order}
    write(home, "".join(f"[s{number}]\nhost=localhost\nhostaddr=127.0.0.1\nport={servers[number].port}\nsslmode=verify-full\n"
                        "gssencmode=disable\nconnect_timeout=100\n" for number in order))
    report = forecast(home, "--days", 30)
    for server in servers.values():
        server.stop()
    assert [one["service"] for one in report["servers"]] == [f"s{number}" for number in order] and report["findings"] == []
    assert {one["state"] for one in report["servers"]} == {"seen"}
    ends = {}
    for end in report["ends"]:
        ends.setdefault(end["service"], end)
    assert {name: end["kind"] for name, end in ends.items()} == {f"s{number}": "leaf" if number % 2 else "no-root" for number in order}
    assert all(ends[f"s{number}"]["days_left"] in (number + 1, number + 2) for number in order if number % 2)


def test_the_table_fits_80_columns(home, company, make_postgres, tmp_path):
    root, _, issued, server = company
    long = root.issue(tmp_path, "localhost", common_name="a-very-long-name-of-a-database-server.example", days=(-1, 3))
    add(home, make_postgres(*long), "a-service-with-a-long-name\u00e9\u00e9")
    done = services_run(home)
    assert (done.returncode, done.stderr) == (3, "")
    table, *rest = done.stdout.split("\n\n")
    rows = table.splitlines()
    assert rows[0].split() == ["WHEN", "DAYS", "SERVICE", "WHAT", "ENDS", "NEW", "LEAF"] and len(rows) == 6
    assert all(len(row) <= 80 for row in rows) and [row[:16] for row in rows[1:]] == sorted(row[:16] for row in rows[1:])
    assert re.search(r"^leaf CN=a-very-long-name-of-a-database-server.example,O=Test PKI, from .*: certificate has expired$", done.stdout, re.M)
    assert f"stops: prod (localhost:{server.port})\n    a renewed certificate of the server's helps\n" in done.stdout
    done = services_run(home, "--days", 2)
    assert (done.returncode, done.stdout) == (0, "nothing ends within 2 days: 2 servers\n")


def unfolded(calendar):
    """The lines of an iCalendar, by the strict reading of RFC 5545."""
    assert calendar.endswith(b"\r\n") and calendar.count(b"\n") == calendar.count(b"\r\n") == calendar.count(b"\r")
    lines = calendar[:-2].split(b"\r\n")
    assert all(0 < len(line) <= 75 for line in lines)
    for line in lines:
        line.decode()  # folded between characters
    return calendar[:-2].replace(b"\r\n ", b"").decode().split("\r\n")


def components(lines):
    """[(name, {property: value})], each with its properties once."""
    found, open_ones = [], []
    for line in lines:
        name, value = re.fullmatch(r"([A-Z-]+):(.*)", line).groups()
        if name == "BEGIN":
            open_ones.append((value, {}))
        elif name == "END":
            kind, properties = open_ones.pop()
            assert kind == value
            found.append((kind, properties))
        else:
            assert name not in open_ones[-1][1] and not re.search(r"(?<!\\)(\\\\)*[;,]", value), line
            open_ones[-1][1][name] = re.sub(r"\\(.)", lambda one: "\n" if one[1] in "nN" else one[1], value)
    assert not open_ones and found[-1][0] == "VCALENDAR"
    return found


def calendar(home, status, *words):
    """The components of what is printed, byte for byte."""
    path = home / "forecast.ics"
    done = home.run(["sh", "-c", 'exec pganchor forecast --ical "$@" >forecast.ics', "sh", *words], env=services.environment(home), cwd=home.path)
    assert (done.returncode, done.stderr) == (status, "")
    return components(unfolded(path.read_bytes()))


def test_the_calendar(home, company, make_postgres, tmp_path):
    root, _, issued, server = company
    odd = root.issue(tmp_path, "localhost", common_name="a;b,c\\d " + "\u00e9" * 40, days=(-1, 3))
    add(home, make_postgres(*odd), "odd, name; of")
    found = calendar(home, 3)
    kinds = [kind for kind, _ in found]
    assert kinds == ["VEVENT"] * 5 + ["VCALENDAR"] and found[-1][1]["VERSION"] == "2.0" and "PRODID" in found[-1][1]
    events = [properties for kind, properties in found if kind == "VEVENT"]
    ends = forecast(home)["ends"]
    assert [event["DTSTART"] for event in events] == [end["at"].replace("-", "").replace(":", "") for end in ends]
    assert all(re.fullmatch(r"\d{8}T\d{6}Z", event["DTSTAMP"]) for event in events)
    assert "CN=a\\;b\\,c\\\\d \u00e9\u00e9" in events[0]["SUMMARY"] and events[0]["SUMMARY"].startswith("odd, name; of stops: leaf CN=")
    again = calendar(home, 3, "--days", 500)
    assert [properties["UID"] for kind, properties in again if kind == "VEVENT"][:5] == [event["UID"] for event in events]
    assert len({event["UID"] for event in events}) == 5
    # RFC 5545 wants one component at least.
    assert [kind for kind, _ in calendar(home, 0, "--days", 0)] == ["STANDARD", "VTIMEZONE", "VCALENDAR"]


def test_what_is_asked_wrongly(home, company, tmp_path):
    for words in (["--days", "x"], ["--days", "-1"], ["--days", "40000"], ["--json", "--ical"], ["--without", "no-such-anchor"], ["word"]):
        done = services_run(home, *words)
        assert (done.returncode, done.stdout) == (2, ""), words
    done = services_run(home, "--service", "none")
    assert done.returncode == 1 and 'service none: there is none of this name' in done.stderr and '"pganchor service list"' in done.stderr
    (tmp_path / "empty").write_text("nothing\n")
    for name in ("empty", "missing"):
        done = services_run(home, "--with", tmp_path / name)
        assert done.returncode == 1 and name in done.stderr
    done = services_run(home, "--without", "ab" * 32, "--days", 1)
    assert done.returncode == 0 and f"no service trusts the root {'ab' * 32}" in done.stderr


def test_no_services_and_no_roots(home):
    done = services_run(home)
    assert done.returncode == 0 and done.stdout.startswith("no services")
    write(home, "[prod]\nhost=db.example\nsslmode=verify-full\n")
    report = forecast(home)
    assert [(end["kind"], end["already"]) for end in report["ends"]] == [("no-root", True)] and "root.crt" in report["ends"][0]["reason"]


# In the Debian that has libpq 18, where the tool of a plain build alone finds its libraries.
@pytest.mark.plain_build
def test_the_systems_store(rooted_home, make_postgres, tmp_path):
    """From libpq 16 on, sslrootcert=system is OpenSSL's own store: a file, and a directory of hashed names."""
    home = rooted_home(18)
    root = make_root("Public Root CA", days=(-1, 15))
    server = make_postgres(*root.issue(tmp_path, "localhost", days=(-1, 40)))
    add(home, server, sslrootcert="system")
    write(home, root.pem, "certs/public.pem")
    subprocess.run(["openssl", "rehash", home / "certs"], check=True, capture_output=True)
    for env in ({"SSL_CERT_FILE": home / "certs/public.pem", "SSL_CERT_DIR": "/nonexistent"},
                {"SSL_CERT_FILE": "/nonexistent", "SSL_CERT_DIR": f"/nowhere:{home / 'certs'}"}):
        report = forecast(home, env=env)
        assert [(kind, at) for kind, at, _, _ in told(report)] == [("root", not_after(root.cert)), ("leaf", leaf_end(server))]
        assert [one["system_roots"] for one in report["servers"]] == [True]
        assert "by the system's store of roots: prod (localhost" in services_run(home, env=env).stdout
        assert [end["kind"] for end in forecast(home, "--days", 1, "--without", root.fingerprint, env=env)["ends"]] == ["no-root"]
