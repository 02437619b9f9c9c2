"""pganchor audit of servers that are newer than this machine's libpq: what they connect to by options that it does not know is judged by
all that they say, and by those options where they weaken it."""

import json

import pytest

from anchoring import own, service
from certificates import make_root
from postgres import USER
from services import environment, pin_files
from test_audit import found, sql

ROOT = make_root("Newer Root CA")
GOOD = "host=up.example.com gssencmode=disable sslrootcert=/r"
# By the name of its subscription: what it says, and whether it is verified.
SAID = {
    "direct": (f"{GOOD} sslmode=verify-full sslnegotiation=direct", True),
    "every": (f"sslcertmode = 'disable' {GOOD} require_auth='scram-sha-256' load_balance_hosts=random sslmode=verify-full gssdelegation=0", True),
    "uri": ("postgresql://u:a%3Fsslmode@up.example.com/db?sslcertmode=allow&sslmode=verify-full&sslnegotiation=direct&gssencmode=disable"
            "&sslrootcert=/r", True),
    # The system's roots are taken with verify-full there, whatever this libpq does.
    "system": ("host=up.example.com gssencmode=disable sslrootcert=system", True),
    "weak": ("host=up.example.com sslnegotiation=direct sslmode=require", False),
    # What stands in the value of another setting is none, and a blank behind the "=" belongs to no value.
    "quoted": (f"{GOOD} application_name='sslmode=verify-full sslnegotiation=direct' sslnegotiation=direct sslmode=require", False),
    "blanks": (f"{GOOD} sslmode=verify-full sslnegotiation= direct application_name=a\\ sslmode=disable", True),
    "uri_weak": ("postgresql://up.example.com/db?sslnegotiation=direct&sslmode=require&application_name=sslmode%3Dverify-full", False),
}


@pytest.fixture
def audit(home):
    pin_files(home, ("company", ROOT, "*", "scoped"))

    def run(server):
        service(home, f"at{server.port}", "localhost", home / own("company"), more=f"port={server.port}\nuser={USER}\ndbname={USER}\n")
        done = home.pganchor("audit", f"at{server.port}", "--json", env={**environment(home), "PGPASSWORD": server.password})
        assert done.stderr == "", done.stderr
        return json.loads(done.stdout)["servers"][0]

    return run


def subscribe(server, name, conninfo):
    sql(server, f"""CREATE SUBSCRIPTION {name} CONNECTION '{conninfo.replace("'", "''")}' PUBLICATION p
                    WITH (connect = false, enabled = false, slot_name = NONE)""", dbname=USER)


@pytest.fixture
def server(postgres_of, tmp_path):
    server = postgres_of(17).start(*ROOT.issue(tmp_path, "localhost"), settings={"wal_level": "logical"})
    sql(server, f"ALTER ROLE {USER} SUPERUSER")
    yield server
    server.stop()


def test_options_of_newer_libpqs(server, audit):
    for name, (said, _) in SAID.items():
        subscribe(server, name, said)
    seen = audit(server)
    judged = {item["name"]: item["allowed"] for item in seen["connections"]}
    assert judged == {name: good for name, (_, good) in SAID.items()}, seen["connections"]
    assert found(seen, "outward-not-judged") == []
    shown = {item["name"]: item["settings"] for item in seen["connections"]}
    assert "sslnegotiation=direct" in shown["direct"] and "require_auth=scram-sha-256" in shown["every"]


def test_a_standby_says_all_of_its_libpqs_options(audit, postgres_of, server):
    """pg_stat_wal_receiver shows the defaults too."""
    clusters = postgres_of(17)
    plain = server.conninfo(dbname=None, sslmode="disable", application_name="standby")
    standby = clusters.start(server.cert, server.directory / "data/server.key", copy=clusters.base_backup(plain), settings={"hot_standby": "on"})
    try:
        standby.daemon.wait_for("started streaming WAL")
        seen = audit(standby)
    finally:
        standby.stop()
    assert seen["standby"] is True and found(seen, "receiver-weak") == [("its primary", "error")], seen["connections"]
    assert "sslcertmode=" in seen["connections"][0]["settings"] and "sslnegotiation=" in seen["connections"][0]["settings"]


def test_what_weakens_it_is_found_by_its_name(home, audit, postgres_of, tmp_path):
    """A key log gives the session away; a word that nobody knows could do as much."""
    server = postgres_of(18).start(*ROOT.issue(tmp_path, "localhost"), settings={"wal_level": "logical"})
    try:
        sql(server, f"ALTER ROLE {USER} SUPERUSER")
        good = f"{GOOD} sslmode=verify-full min_protocol_version=3.0"
        subscribe(server, "good", good)
        subscribe(server, "logged", f"{good} sslkeylogfile=/keys")
        subscribe(server, "keys", f"{good} scram_client_key=geheim")
        # As a server of tomorrow would have it.
        subscribe(server, "beyond", good)
        sql(server, f"UPDATE pg_subscription SET subconninfo = '{good} sslwhatever=1' WHERE subname = 'beyond'", dbname=USER)
        seen = audit(server)
    finally:
        server.stop()
    judged = {item["name"]: item["allowed"] for item in seen["connections"]}
    assert judged == {"good": True, "logged": False, "keys": True, "beyond": None}, seen["connections"]
    assert found(seen, "outward-not-judged") == [("beyond", "warning")]
    assert "geheim" not in json.dumps(seen)


def test_a_subscription_by_a_foreign_server(audit, postgres_of, tmp_path):
    """From 19 on: it connects by the options of the server and of its owner's mapping, or of everybody's."""
    server = postgres_of(19).start(*ROOT.issue(tmp_path, "localhost"), settings={"wal_level": "logical"})
    strong = "host 'up.example.com', sslmode 'verify-full', sslrootcert '/r', gssencmode 'disable', sslnegotiation 'direct'"
    try:
        sql(server, f"ALTER ROLE {USER} SUPERUSER")
        sql(server, "CREATE EXTENSION postgres_fdw", f"CREATE SERVER strong FOREIGN DATA WRAPPER postgres_fdw OPTIONS ({strong})",
            "CREATE SERVER weak FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'up.example.com', sslmode 'require')",
            *[command for name in ("strong", "weak") for command in (
                f"CREATE USER MAPPING FOR PUBLIC SERVER {name} OPTIONS (user 'u', password 'geheim')",
                f"CREATE SUBSCRIPTION by_{name} SERVER {name} PUBLICATION p WITH (connect = false, enabled = false, slot_name = NONE)")],
            dbname=USER)
        seen = audit(server)
    finally:
        server.stop()
    judged = {item["name"]: (item["allowed"], "up.example.com" in item["settings"]) for item in seen["connections"] if item["way"] == "subscription"}
    assert judged == {"by_strong": (True, True), "by_weak": (False, True)}, seen["connections"]
    assert found(seen, "subscription-weak") == [("by_weak", "warning")] and found(seen, "outward-not-judged") == []
    assert "geheim" not in json.dumps(seen)
