"""The policy's channel-binding and auth: how the two sides prove who they are, held where the CA does not hold. With each libpq."""

import json
import re

import pytest

from certificates import make_root
from gated import anchored, run_gated  # noqa: F401
from home import Home
from postgres import SUPERUSER, USER
from recording import ASK_FOR_MD5, ASK_FOR_PASSWORD, LET_IN
from services import policy as write_policy

pytestmark = pytest.mark.plain_build

BUILT = "bsymbolic-functions"  # libpq 18 whose own calls the gate does not see
REFUSED = "pganchor refused this connection: "
SECRET = "hunter2"
NO_AUTH = "require_auth is unknown to this libpq, which is older than 16, and cannot be held to the policy's auth"

# In the root directories of the other releases, this machine's sockets are not there.
HAS_SOCKETS = (15, BUILT)

every = pytest.mark.parametrize("libpq", [15, 17, 18, 19, BUILT])
with_require_auth = pytest.mark.parametrize("libpq", [17, 18, 19, BUILT])


@pytest.fixture
def libpq():
    return 15


@pytest.fixture
def home(request, libpq, pganchor, tmp_path):
    if libpq == 15:
        return Home(tmp_path / "home", pganchor)
    return request.getfixturevalue("built_home" if libpq == BUILT else "rooted_home")(libpq)


@pytest.fixture
def server_of(make_postgres, stepca):
    """Factory server_of(method) -> a real server that wants this method by TCP and lets anybody in by its socket."""
    def make(method):
        hba = f"local all {SUPERUSER} peer map=tests\nlocal all {USER} trust\nhost all {USER} 127.0.0.1/32 {method}\n"
        return make_postgres(*stepca.issue("localhost"), hba=hba)

    return make


def psql(home, conninfo, **kwargs):
    return run_gated(home, ["psql", "-wXAtc", "SELECT 1", conninfo], **kwargs)


def strong(server, **settings):
    return server.conninfo(sslmode="verify-full", gssencmode="disable", **settings)


def refusal(home, conninfo, **kwargs):
    """What the gate says of it."""
    done = psql(home, conninfo, **kwargs)
    assert done.returncode == 2 and REFUSED in done.stderr, done.stdout + done.stderr
    return " ".join(done.stderr.split())


# What a server asks for, and libpq's words where channel binding is required.
UNBOUND = {"password": "channel binding required but not supported by server's authentication request",
           "trust": "channel binding required, but server authenticated client without channel binding"}


@every
def test_scram_is_bound_to_the_channel(anchored, postgres, server_of, libpq):
    write_policy(anchored, "channel-binding = require\n")
    assert psql(anchored, strong(postgres)).stdout == "1\n"
    for method, words in UNBOUND.items():
        server = server_of(method)
        assert anchored.run(["psql", "-wXAtc", "SELECT 1", strong(server)]).stdout == "1\n", "else it would prove nothing"
        done = psql(anchored, strong(server, channel_binding="prefer"))
        assert done.returncode == 2 and words in done.stderr, done.stderr
        assert "\n    pganchor: the policy (channel-binding = require) asks for it; only SCRAM by TLS has it\n" in done.stderr, done.stderr
        if libpq in HAS_SOCKETS:
            assert psql(anchored, server.conninfo(host=server.socket_dir)).stdout == "1\n"


def lured(home, stepca, recording_server, ask, **kwargs):
    """What a server that has a good certificate gets of the client when it asks so, and what the client says."""
    server = recording_server(b"S", issued=stepca.issue("localhost"), ask=ask)
    conninfo = f"host=localhost port={server.port} user=app dbname=app password={SECRET} sslmode=verify-full gssencmode=disable"
    done = psql(home, conninfo, **kwargs)
    (record,) = server.finish()
    return record, done.stderr


@every
def test_a_hostile_server_gets_no_password_under_channel_binding(anchored, stepca, recording_server, libpq):
    record, _ = lured(anchored, stepca, recording_server, ASK_FOR_PASSWORD)
    assert SECRET.encode() in record.inside, "else it would prove nothing"
    write_policy(anchored, "channel-binding = require\n")
    for ask in (ASK_FOR_PASSWORD, ASK_FOR_MD5, LET_IN):
        record, said = lured(anchored, stepca, recording_server, ask)
        assert record.requests == ["ssl", "startup"] and SECRET.encode() not in record.everything
        assert "channel binding required" in said, said


@with_require_auth
def test_auth_is_held(anchored, postgres, server_of, stepca, recording_server, libpq):
    write_policy(anchored, "auth = scram-sha-256\n")
    assert psql(anchored, strong(postgres)).stdout == "1\n"
    for method in ("password", "trust"):
        server = server_of(method)
        done = psql(anchored, strong(server))
        assert done.returncode == 2 and 'requirement "scram-sha-256" failed' in done.stderr, done.stderr
        assert "\n    pganchor: the policy's auth leaves the server no other method than these: scram-sha-256\n" in done.stderr
        if libpq in HAS_SOCKETS:
            assert psql(anchored, server.conninfo(host=server.socket_dir)).stdout == "1\n", "a socket is left as it is"
    for ask in (ASK_FOR_PASSWORD, ASK_FOR_MD5, LET_IN):
        record, said = lured(anchored, stepca, recording_server, ask)
        assert record.requests == ["ssl", "startup"] and SECRET.encode() not in record.everything
        assert 'requirement "scram-sha-256" failed' in said, said


def test_a_libpq_without_require_auth_is_refused(anchored, postgres):
    """This machine's."""
    write_policy(anchored, "auth = scram-sha-256, gss\n")
    seen = postgres.connections()
    assert f"{REFUSED}{NO_AUTH} " in refusal(anchored, strong(postgres))
    assert postgres.connections() == seen
    assert psql(anchored, postgres.conninfo(host=postgres.socket_dir)).stdout == "1\n"
    explained = anchored.pganchor("explain", "host=localhost sslmode=verify-full")
    assert explained.returncode == 3
    assert f"    {NO_AUTH}\nwhat to change:\n    program: let it use libpq 16 or later, which has require_auth\n" in explained.stdout
    assert NO_AUTH in anchored.pganchor("service", "add", "prod", "--host", "localhost").stderr


# Settings, the policy, what the gate says of them. None: nothing.
WORDS = [
    ({"channel_binding": "disable"}, "channel-binding = require",
     "channel_binding=disable (conninfo) goes without channel binding, which the policy requires"),
    ({"channel_binding": "prefer"}, "channel-binding = require", None),
    ({"channel_binding": "require"}, "channel-binding = require", None),
    ({"channel_binding": "disable"}, "channel-binding = prefer", None),
    ({"require_auth": "md5"}, "auth = scram-sha-256",
     "require_auth=md5 (conninfo) names a method of authentication that the policy's auth does not"),
    ({"require_auth": "scram-sha-256,none"}, "auth = scram-sha-256", "require_auth=scram-sha-256,none (conninfo) names a method"),
    ({"require_auth": "scram-sha-256"}, "auth = gss scram-sha-256", None),
    ({"require_auth": "!md5,!none"}, "auth = scram-sha-256", None),
    ({"require_auth": "!scram-sha-256"}, "auth = scram-sha-256",
     "require_auth=!scram-sha-256 (conninfo) leaves no method of the policy's auth that this libpq has"),
    ({"require_auth": "md5"}, "auth = any", "md5"),
    ({}, "auth = password,md5,gss,sspi,scram-sha-256,oauth,none", None),
]


@pytest.mark.parametrize("libpq", [17, 18])
def test_what_a_program_says_itself(anchored, postgres, libpq):
    for settings, policy, words in WORDS:
        write_policy(anchored, policy + "\n")
        done = psql(anchored, strong(postgres, **settings))
        if words is None:
            assert done.stdout == "1\n", (settings, policy, done.stderr)
        elif words == "md5":
            assert done.returncode == 2 and "pganchor" not in done.stderr
        else:
            assert f"{REFUSED}{words}" in done.stderr, (settings, policy, done.stderr)
    write_policy(anchored, "auth = scram-sha-256\nchannel-binding = require\n")
    said = refusal(anchored, strong(postgres), env={"PGREQUIREAUTH": "password", "PGCHANNELBINDING": "disable"})
    assert "channel_binding=disable (environment PGCHANNELBINDING) goes without" in said
    assert "require_auth=password (environment PGREQUIREAUTH) names a method" in said


@pytest.mark.parametrize("libpq", [17, 18, 19])
def test_what_is_locked_is_explained(anchored, libpq):
    """Of a program that leaves out some methods, what is left."""
    conninfo = "host=db.example.test sslmode=verify-full gssencmode=disable ssl_min_protocol_version=TLSv1.2"
    write_policy(anchored, "auth = scram-sha-256, gss, oauth\nchannel-binding = require\n")
    methods = "gss,scram-sha-256" + (",oauth" if libpq >= 18 else "")
    told = anchored.pganchor("explain", conninfo).stdout
    assert f"; the gate locks channel_binding=require; the gate locks require_auth={methods}\n" in told, told
    told = anchored.pganchor("explain", f"{conninfo} channel_binding=require require_auth=!gss,!oauth").stdout
    assert "; the gate locks require_auth=scram-sha-256\n" in told and "channel_binding=require;" not in told, told
    told = anchored.pganchor("explain", f"{conninfo} channel_binding=require require_auth=gss").stdout
    assert told.startswith("allowed") and "the gate locks" not in told, told
    told = anchored.pganchor("explain", f"{conninfo} channel_binding=disable require_auth=md5").stdout
    assert "what to change:\n    conninfo: write channel_binding=require\n    conninfo: leave require_auth out\n" in told, told
    mixed = conninfo.replace("db.example.test", "/tmp,db.example.test")
    assert "require_auth=" + methods + ", for the Unix-domain sockets of the list, too\n" in anchored.pganchor("explain", mixed).stdout


@pytest.mark.parametrize("libpq", [15, 17, 18, 19])
def test_where_nothing_could_be_locked(anchored, postgres, compile_program, libpq):
    """A connection begun past the gate's entry points. A libpq whose own calls are not seen looks up no host then."""
    program = compile_program("connect.c", ["libpq"])
    bound = strong(postgres, channel_binding="require")
    write_policy(anchored, "channel-binding = require\n")
    done = run_gated(anchored, [program, "raw", strong(postgres)])
    assert "channel_binding=prefer (the program's, or libpq's default) can do without channel binding" in done.stdout, done.stdout
    assert "status ok" in run_gated(anchored, [program, "raw", bound]).stdout
    write_policy(anchored, "auth = scram-sha-256\n")
    done = run_gated(anchored, [program, "raw", bound])
    if libpq == 15:
        assert NO_AUTH in done.stdout
        return
    assert "lets in methods of authentication that the policy's auth does not" in done.stdout, done.stdout
    assert "status ok" in run_gated(anchored, [program, "raw", f"{bound} require_auth=scram-sha-256"]).stdout


@every
def test_however_it_is_begun_and_reset(anchored, postgres, server_of, compile_program, libpq):
    program = compile_program("connect.c", ["libpq"])
    write_policy(anchored, "channel-binding = require\n")
    trusting = server_of("trust")
    for how in ("connectdb", "connectdbParams", "setdbLogin", "start", "startParams", "found", "foundStart"):
        assert UNBOUND["trust"] in run_gated(anchored, [program, how, strong(trusting)]).stdout, how
    for how in ("connectdb+reset", "start+resetStart"):
        done = run_gated(anchored, [program, how, strong(postgres)])
        assert done.stdout.count("status ok") == 2, done.stdout


@every
def test_exempt_hosts_and_sockets_are_left_as_they_are(anchored, server_of, libpq):
    server = server_of("trust")
    write_policy(anchored, "channel-binding = require\nauth = scram-sha-256\nallow-weak = localhost\n")
    assert psql(anchored, server.conninfo()).stdout == "1\n"
    if libpq in HAS_SOCKETS:
        assert psql(anchored, server.conninfo(host=server.socket_dir)).stdout == "1\n"


@pytest.mark.parametrize("libpq", [BUILT])
def test_a_list_with_a_socket_in_it_is_held_as_a_whole(anchored, postgres, server_of, libpq):
    """libpq has no channel binding there: the socket fails, and is not let in by less."""
    server = server_of("scram-sha-256")
    write_policy(anchored, "channel-binding = require\n")
    done = psql(anchored, strong(server, host=f"{server.socket_dir},localhost"))
    assert done.returncode == 2 and "channel binding required" in done.stderr, done.stderr
    assert psql(anchored, strong(server, host=f"{anchored.path},localhost")).stdout == "1\n"


@every
def test_audit_mode_locks_nothing(anchored, server_of, libpq):
    server = server_of("trust")
    write_policy(anchored, "mode = audit\nlog = off\nchannel-binding = require\nauth = scram-sha-256\n")
    assert psql(anchored, strong(server)).stdout == "1\n"


def test_lists_that_have_nothing_in_common_refuse(anchored, postgres, system):
    """Those of several files: what each of them has is left."""
    system("auth = scram-sha-256, gss\n")
    write_policy(anchored, "auth = gss md5\n")
    assert json.loads(anchored.pganchor("status", "--json").stdout)["policy"]["auth"] == "gss"
    write_policy(anchored, "auth = any\n")
    assert json.loads(anchored.pganchor("status", "--json").stdout)["policy"]["auth"] == "gss,scram-sha-256"
    write_policy(anchored, "auth = md5\n")
    assert json.loads(anchored.pganchor("status", "--json").stdout)["policy"]["auth"] == "no method in common"
    assert "the lists of auth in the policy's files have no method in common" in refusal(anchored, strong(postgres))


@pytest.mark.parametrize("text, complaint", [
    ("auth =", "line 1: not a method of authentication, as libpq's require_auth has them: auth ="),
    ("auth = , ,", "line 1: not a method of authentication"),
    ("auth = scram-sha-256, !md5", "line 1: auth says which methods are good, and not which are none: !md5"),
    ("auth = scram-sha-256, SCRAM", "line 1: not a method of authentication, as libpq's require_auth has them: SCRAM"),
    ("auth = any, md5", "line 1: not a method of authentication, as libpq's require_auth has them: any"),
    ("auth = md5\nauth = md5", "line 2: set twice in one file: auth"),
    ("channel-binding = disable", "line 1: not a value of this key: channel-binding = disable"),
])
def test_a_malformed_line_refuses_everything(anchored, postgres, text, complaint):
    write_policy(anchored, text + "\n")
    assert f"{REFUSED}{anchored / '.config/pganchor/policy.conf'}, {complaint}" in refusal(anchored, strong(postgres))


# ---- certificates that libpq knows no digest for

@pytest.mark.parametrize("libpq", [15, BUILT])
@pytest.mark.parametrize("key", ["ed25519", "ed448"])
def test_why_scram_fails_is_said(home, make_postgres, tmp_path, key, libpq):
    root = make_root()
    (home / ".postgresql").mkdir()
    root.write_root(home / ".postgresql/root.crt")
    server = make_postgres(*root.intermediate(key=key).issue(tmp_path, "localhost"))
    for policy, way_out in (("channel-binding = prefer\n", " unless channel_binding=disable is set"), ("channel-binding = require\n", ", and no other login")):
        write_policy(home, policy)
        done = psql(home, strong(server))
        assert re.search("could not find digest for NID .*\n    pganchor: libpq cannot bind SCRAM to a certificate", done.stderr), done.stderr
        done = home.pganchor("service", "add", "prod", "--check", "--replace", "--host", "localhost", "--port", str(server.port))
        assert f"could not find digest for NID\"{way_out}" in done.stderr, done.stderr
    write_policy(home, "channel-binding = prefer\n")
    assert psql(home, strong(server, channel_binding="disable")).stdout == "1\n"


# ---- services

def service(home, name):
    text = (home / ".pg_service.conf").read_text()
    return dict(line.split("=", 1) for line in re.split(r"^\[", text, flags=re.M)[1:] if line.startswith(name + "]")
                for line in line.splitlines()[1:] if "=" in line)


@pytest.mark.parametrize("libpq", [15, 18])
def test_an_entry_holds_without_the_gate(anchored, postgres, libpq):
    policy = "channel-binding = require\n" + ("auth = scram-sha-256\n" if libpq >= 16 else "")
    write_policy(anchored, policy)
    done = anchored.pganchor("service", "add", "prod", "--host", "localhost", "--port", str(postgres.port), "--dbname", "app")
    assert done.returncode == 0, done.stderr
    written = service(anchored, "prod")
    assert written["channel_binding"] == "require" and written.get("require_auth") == ("scram-sha-256" if libpq >= 16 else None)
    for given in ("channel_binding=prefer", "channel_binding=disable", *(("require_auth=!md5", "require_auth=md5") if libpq >= 16 else ())):
        done = anchored.pganchor("service", "add", "weak", "--host", "localhost", given)
        assert done.returncode == 3 and given in done.stderr, done.stderr
    assert service(anchored, "weak") == {}
    (anchored / ".pg_service.conf").write_text(
        "[old]\nhost=localhost\nsslmode=verify-full\nchannel_binding=disable\n\n"
        "[other]\nhost=localhost\nsslmode=require\nchannel_binding=require\n")
    listed = anchored.pganchor("service", "list").stdout
    assert "channel_binding=disable" in listed and re.search("old .*weak", listed), listed
    shown = anchored.pganchor("service", "show", "old").stdout
    assert "channel_binding=disable" in shown and "pganchor service add" in shown
    # What makes an entry weak is left out of the command that writes it anew, and what is stricter is not.
    assert "channel_binding" not in re.search("pganchor service add .*", shown).group()
    assert "channel_binding=require" in re.search("pganchor service add .*", anchored.pganchor("service", "show", "other").stdout).group()


@pytest.mark.parametrize("libpq", [15, 18])
def test_the_audit_log_has_what_was_asked_for(anchored, postgres, libpq):
    """And explain's JSON the same reasons."""
    write_policy(anchored, "channel-binding = require\n")
    told = json.loads(anchored.pganchor("explain", "--json", "host=h sslmode=verify-full channel_binding=disable").stdout)
    assert told["reasons"] == ["channel_binding=disable (conninfo) goes without channel binding, which the policy requires"]
