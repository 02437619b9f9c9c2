"""pganchor service add --check: as far as the TLS handshake, and no byte further."""

import json
import re

import pytest

from certificates import EXPIRED, make_root, write_crl
from services import add, bootstrap, entry, pin, pin_files, policy, write


def finding_of(home, *args):
    """The id of the one finding of the report, which says what standard error does."""
    done = add(home, *args, "--check", "--json")
    finding, = json.loads(done.stdout)["findings"]
    assert finding["severity"] == "error" and not json.loads(done.stdout)["written"]
    assert done.stderr.endswith(f"pganchor: {finding['message']}\n    {finding['hint']}\n")
    return finding["id"]


def failed(home, *args, status=1, **kwargs):
    before = home.snapshot()
    done = add(home, *args, "--check", **kwargs)
    assert done.returncode == status, done.stdout + done.stderr
    assert "nothing was written" in done.stderr
    assert home.snapshot() == before
    return done.stderr


def test_what_it_found(home, stepca, postgres):
    bootstrap(home, stepca)
    done = add(home, "prod", "--host", "localhost", "--port", postgres.port, "--check")
    assert (done.returncode, done.stderr) == (0, "")
    found = dict(re.findall(r"^    (\S+) +(.*)$", done.stdout, re.M))
    assert found["protocol"] == "TLSv1.3" and found["cipher"].startswith("TLS_")
    assert found["certificate"] == "CN=localhost"
    assert found["names"] == "DNS:localhost, DNS:db.example.test, IP Address:127.0.0.1"
    assert found["sha256"] == stepca.fingerprint and found["pinned"] == "anchor localhost"
    assert "checked localhost:" in done.stdout and "valid from" in done.stdout and "valid to" in done.stdout
    assert dict(entry(home, "prod"))["sslmode"] == "verify-full"


def test_as_json(home, stepca, postgres):
    bootstrap(home, stepca, "--scoped")
    done = add(home, "prod", "--host", "localhost", "--port", postgres.port, "--check", "--json")
    report = json.loads(done.stdout)
    host, = report["check"]
    assert report["written"] and host["trusted"] and host["anchor"] == "localhost" and host["protocol"] == "TLSv1.3"
    assert host["root_sha256"] == stepca.fingerprint and host["valid_from"] < host["valid_to"]
    assert report["findings"] == []


def test_no_byte_of_postgresql_goes_out(home, stepca, recording_server):
    bootstrap(home, stepca)
    server = recording_server(b"S", issued=stepca.issue("localhost"))
    done = add(home, "prod", "--host", "localhost", "--port", server.port, "user=me", "password=secret", "--check")
    assert done.returncode == 0, done.stderr
    came, = server.finish()
    assert came.tls and came.requests == ["ssl"] and came.inside == b""


def test_an_impostor(home, stepca, impostor_ca, impostor_postgres):
    bootstrap(home, stepca)
    before = home.snapshot()
    done = add(home, "prod", "--host", "localhost", "--port", impostor_postgres.port, "--check")
    assert done.returncode == 1 and home.snapshot() == before
    assert "certificate verify failed" in done.stderr and "nothing was written" in done.stderr
    # Whom it would have been, and not a word on how to go on all the same.
    found = dict(re.findall(r"^    (refused|it showed|names|signed by|valid to) +(.*)$", done.stdout, re.M))
    assert (done.stdout + done.stderr).count("certificate verify failed") == 1 and found["it showed"].startswith("CN=localhost,")
    assert "DNS:localhost" in found["names"] and found["signed by"] and found["valid to"]
    for way in ("leave --check out", "--fingerprint", "bootstrap", "sslmode", impostor_ca.fingerprint):
        assert way not in done.stdout + done.stderr
    report = json.loads(add(home, "prod", "--host", "localhost", "--port", impostor_postgres.port, "--check", "--json").stdout)
    host, = report["check"]
    assert not report["written"] and not host["trusted"] and host["root_sha256"] == "" and host["anchor"] is None
    assert "certificate verify failed" in host["problem"] and host["subject"].startswith("CN=localhost,")
    assert finding_of(home, "prod", "--host", "localhost", "--port", impostor_postgres.port) == "server-root-unknown"
    assert add(home, "prod", "--host", "localhost", "--port", impostor_postgres.port).returncode == 0


def test_why_a_certificate_was_refused(home, impostor_ca, recording_server, tmp_path):
    """libpq says "certificate verify failed" of all of these; OpenSSL knows which it was, and each has another way out."""
    root = make_root("Company Root CA")
    pin_files(home, ("company", root, "localhost", "root.crt"))

    def refused(*issued):
        return failed(home, "prod", "--host", "localhost", "--port", recording_server(b"S", issued=issued).port)

    said = refused(*root.issue(tmp_path, "localhost", days=EXPIRED))
    assert "certificate verify failed (certificate has expired)\n    nothing was written. Whoever runs the server" in said
    said = refused(*root.intermediate(days=EXPIRED).issue(tmp_path, "localhost"))
    assert "(certificate has expired, at depth 1 of its chain)" in said
    said = refused(*impostor_ca.issue(tmp_path, "localhost"))
    assert re.search(r"certificate verify failed \((unable to get local issuer|self-signed|unable to verify the first) certificate", said), said
    assert "No root that libpq trusts here has signed what the server shows" in said
    write_crl(impostor_ca, home / ".postgresql/root.crl")
    said = refused(*root.issue(tmp_path, "localhost"))
    assert "(unable to get certificate CRL)" in said and "libpq wants a CRL, in date, of every CA" in said


def test_whom_libpq_refused_is_seen_in_the_one_connection(home, stepca, impostor_ca, recording_server, tmp_path):
    """A second one, which would have to believe it, is not needed to show it."""
    bootstrap(home, stepca)
    server = recording_server(b"S", issued=impostor_ca.issue(tmp_path, "localhost"))
    done = add(home, "prod", "--host", "localhost", "--port", server.port, "--check")
    assert "it showed    CN=localhost" in done.stdout
    assert len(server.finish()) == 1
    server = recording_server(b"S", issued=stepca.issue("db.example.org"))
    done = add(home, "prod", "--host", "localhost", "--port", server.port, "--check")
    assert "it showed    CN=db.example.org" in done.stdout and "does not match host name" in done.stderr


def test_without_a_root_libpqs_advice_is_answered(home, postgres):
    said = failed(home, "prod", "--host", "localhost", "--port", postgres.port)
    assert re.search(r"change sslmode to disable server certificate verification.*\n    nothing was written. Leave sslmode as it is", said), said


def test_another_name_in_the_certificate(home, stepca, recording_server):
    bootstrap(home, stepca)
    server = recording_server(b"S", issued=stepca.issue("db.example.org"))
    said = failed(home, "prod", "--host", "localhost", "--port", server.port)
    assert 'server certificate for "db.example.org" does not match host name "localhost"' in said


def test_a_server_without_tls(home, stepca, plain_postgres):
    bootstrap(home, stepca)
    assert "server does not support SSL" in failed(home, "prod", "--host", "localhost", "--port", plain_postgres.port)


def test_no_root_yet(home, postgres):
    assert "root.crt" in failed(home, "prod", "--host", "localhost", "--port", postgres.port)


def test_a_server_that_never_answers(home, stepca, recording_server):
    bootstrap(home, stepca)
    server = recording_server(None)
    said = failed(home, "prod", "--host", "127.0.0.1", "--port", server.port, "connect_timeout=1")
    assert "did not answer within 1 seconds" in said


# What is preloaded would be before ASan's runtime.
@pytest.mark.no_sanitizers
@pytest.mark.parametrize("under_gate", [False, True], ids=["alone", "under the gate"])
def test_an_address_that_refused_before_is_not_what_there_is_to_say(home, pganchor, compile_program, stepca, impostor_ca,
                                                                    recording_server, tmp_path, under_gate):
    """localhost is ::1 first, and few servers listen there."""
    bootstrap(home, stepca)
    library = compile_program("two_addresses.c", [], words=("-shared", "-fPIC", "-ldl"))
    env = {"LD_PRELOAD": f"{library} {pganchor.module}" if under_gate else library}
    server = recording_server(b"S", issued=impostor_ca.issue(tmp_path, "localhost"))
    said = failed(home, "prod", "--host", "localhost", "--port", server.port, env=env)
    assert "(127.0.0.1)" in said and "certificate verify failed" in said and "127.0.0.9" not in said
    server = recording_server()
    server.finish()
    said = failed(home, "prod", "--host", "localhost", "--port", server.port, env=env)
    assert "(127.0.0.9)" in said and "(127.0.0.1)" in said and said.count("Connection refused") == 2


def test_what_is_no_postgresql_has_shown_nothing(home, stepca):
    """Nor is its silence a reason to write the entry unseen."""
    bootstrap(home, stepca)
    said = failed(home, "prod", "--host", "localhost", "--port", stepca.port)
    assert "shows no certificate: is it the port of a PostgreSQL server that has TLS?" in said
    assert "what it shows" not in said and "leave --check out" not in said


def test_nobody_listens_and_no_such_host(home, stepca, recording_server):
    bootstrap(home, stepca)
    server = recording_server()
    server.finish()
    assert "Connection refused" in failed(home, "prod", "--host", "127.0.0.1", "--port", server.port)
    assert "could not translate host name" in failed(home, "prod", "--host", "no-such-host.invalid")


def test_a_root_that_is_not_pinned(home, stepca, other_stepca, postgres):
    """libpq verifies it, the gate would refuse it: so does the check."""
    bootstrap(home, other_stepca, "--name", "other")
    said = failed(home, "prod", "--host", "localhost", "--port", postgres.port, f"sslrootcert={stepca.root}", status=3)
    assert "not pinned" in said and "bootstrap --ca-url URL --fingerprint HEX" in said
    assert "in root.crt" not in said and "--pin-existing" not in said
    policy(home, "trust = verified\n")
    done = add(home, "prod", "--host", "localhost", "--port", postgres.port, f"sslrootcert={stepca.root}", "--check")
    assert done.returncode == 0 and "pinned       no" in done.stdout


def test_a_root_that_is_in_root_crt_and_not_pinned(home, stepca, impostor_ca, postgres, impostor_postgres):
    """libpq believes its servers; once another CA is pinned, the gate does not."""
    write(home, impostor_ca.pem, ".postgresql/root.crt")
    assert "not pinned" not in add(home, "old", "--host", "localhost").stderr
    bootstrap(home, stepca)
    said = add(home, "new", "--host", "localhost").stderr
    assert said.count("warning") == 1 and f"(SHA-256 {impostor_ca.fingerprint}); pganchor bootstrap --pin-existing pins" in said
    warning, = json.loads(add(home, "json", "--host", "localhost", "--json").stdout)["warnings"]
    assert impostor_ca.fingerprint in warning and "the gate refuses the servers of 1 root" in warning
    assert "not pinned" not in add(home, "own", "--host", "localhost", "--anchor", "localhost").stderr
    assert "not pinned" not in add(home, "socket", "--host", "/tmp").stderr
    # With --check it is known whose server it is.
    done = add(home, "good", "--host", "localhost", "--port", postgres.port, "--check")
    assert (done.returncode, done.stderr) == (0, "")
    said = failed(home, "bad", "--host", "localhost", "--port", impostor_postgres.port, status=3)
    assert f"(SHA-256 {impostor_ca.fingerprint}), which is not pinned: the gate would refuse the server" in said and "--pin-existing" in said
    assert finding_of(home, "bad", "--host", "localhost", "--port", impostor_postgres.port) == "root-not-pinned"
    bootstrap(home, stepca, "--pin-existing")
    assert "not pinned" not in add(home, "after", "--host", "localhost").stderr


def test_a_chain_that_ends_in_a_twin_of_a_pinned_root(home, recording_server, tmp_path):
    """As the gate has it: the twin is trusted where the pinned root is there too, and the chain verifies with that one alone."""
    root = make_root("Company Root CA")
    twin = root.twin(days=(-2, 300))
    pin(home, ("company", root.fingerprint, "localhost", "root.crt"))

    def checked(*trusted):
        write(home, "".join(ca.pem for ca in trusted), ".postgresql/root.crt")
        server = recording_server(b"S", issued=root.issue(tmp_path, "localhost"))
        return add(home, "prod", "--replace", "--host", "localhost", "--port", server.port, "--check")

    for trusted in ((root, twin), (twin, root)):
        done = checked(*trusted)
        assert done.returncode == 0 and "pinned       anchor company" in done.stdout, done.stdout + done.stderr
    assert checked(twin).returncode == 3
    pin(home, ("company", root.fingerprint, "db.example.com", "root.crt"))
    assert {checked(root, twin).returncode, checked(twin, root).returncode} == {3}


def test_a_pin_that_may_not_vouch_for_the_host(home, stepca, postgres):
    pin(home, ("corp", stepca.fingerprint, "*.example.com", "root.crt"))
    said = failed(home, "prod", "--host", "localhost", "--port", postgres.port, f"sslrootcert={stepca.root}", status=3)
    assert "not pinned for it" in said
    words = ("prod", "--host", "localhost", "--port", postgres.port, f"sslrootcert={stepca.root}")
    assert finding_of(home, *words) == "root-not-pinned-for-host"


def test_every_host_of_a_list_is_checked(home, stepca, postgres, impostor_postgres):
    bootstrap(home, stepca)
    done = add(home, "prod", "--host", "localhost,127.0.0.1", "--port", f"{postgres.port},{postgres.port}", "--check")
    assert done.returncode == 0, done.stderr
    assert "checked localhost:" in done.stdout and "checked 127.0.0.1:" in done.stdout
    said = failed(home, "bad", "--host", "localhost,localhost", "--port", f"{postgres.port},{impostor_postgres.port}")
    assert "certificate verify failed" in said


def test_every_host_has_to_be_trusted(home, stepca, impostor_ca, postgres, impostor_postgres, tmp_path):
    """Both roots are in the file that is trusted; one of them alone is pinned."""
    roots = tmp_path / "roots.crt"
    roots.write_text(stepca.root_pem + impostor_ca.pem)
    bootstrap(home, stepca)
    ports = [postgres.port, impostor_postgres.port]
    for order in (ports, ports[::-1]):
        said = failed(home, "prod", "--host", "localhost,localhost", "--port", ",".join(map(str, order)), f"sslrootcert={roots}",
                      status=3)
        assert "not pinned" in said


def test_no_certificate_of_the_user_goes_to_whom_libpq_refuses(home, stepca, impostor_ca, recording_server, tmp_path):
    """The second look, which believes nothing, shows nothing either."""
    bootstrap(home, stepca)
    chain, key = stepca.issue("me")
    key.chmod(0o600)
    server = recording_server(b"S", issued=impostor_ca.issue(tmp_path, "localhost"))
    failed(home, "prod", "--host", "localhost", "--port", server.port, f"sslcert={chain}", f"sslkey={key}")
    for came in server.finish():
        assert came.inside == b"" and came.requests == ["ssl"]


def test_a_chain_that_nobody_verified_has_no_root(home, impostor_ca, impostor_postgres):
    policy(home, "allow-weak = localhost\n")
    done = add(home, "old", "--host", "localhost", "--port", impostor_postgres.port, "sslmode=require", "--check")
    assert done.returncode == 0, done.stderr
    assert "root         none: the chain was not verified" in done.stdout and "pinned       no" in done.stdout
    assert impostor_ca.fingerprint not in done.stdout
    assert not re.search(r"^    sha256 +[0-9a-f]", done.stdout, re.M)


@pytest.mark.parametrize("env, said", [
    ({"PGHOSTADDR": "127.0.0.99"}, "Connection refused"),
    ({"PGSSLMAXPROTOCOLVERSION": "TLSv1.1"}, "invalid SSL protocol version range"),
    ({"PGCHANNELBINDING": "bogus"}, 'invalid channel_binding value: "bogus"'),
])
def test_it_connects_as_the_next_program_will(home, stepca, postgres, env, said):
    """With what the shell has exported: passed and then failed would be a lie, and the reverse too."""
    bootstrap(home, stepca)
    args = ["prod", "--host", "localhost", "--port", postgres.port]
    assert said in failed(home, *args, env=env)
    done = add(home, *args, "--check", env={"PGPORT": "1", "PGSSLMODE": "disable", "PGSSLROOTCERT": "/nowhere"})
    assert done.returncode == 0, done.stderr


def test_hostaddr(home, stepca, postgres):
    bootstrap(home, stepca)
    pin(home, ("corp", stepca.fingerprint, "db.example.test", "root.crt"))
    done = add(home, "prod", "--host", "db.example.test", "hostaddr=127.0.0.1", "--port", postgres.port, "--check")
    assert done.returncode == 0, done.stderr
    assert "checked db.example.test:" in done.stdout


def test_a_socket_has_no_handshake(home):
    done = add(home, "local", "--host", "/nonexistent", "--check")
    assert done.returncode == 0 and "nothing to check" in done.stdout


def test_control_characters_in_a_certificate(home, recording_server, impostor_ca, tmp_path):
    issued = impostor_ca.issue(tmp_path, "localhost", common_name="\x1b[2Jgreat")
    server = recording_server(b"S", issued=issued)
    root = impostor_ca.write_root(tmp_path / "root.crt")
    done = add(home, "prod", "--host", "localhost", "--port", server.port, f"sslrootcert={root}", "--check")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout and "great" in done.stdout
