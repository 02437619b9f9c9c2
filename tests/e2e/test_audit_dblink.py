"""pganchor audit: what functions, views and rules say to dblink is judged where it is written down; where it is put together as they run,
that is said."""

import json

import pytest

from anchoring import own, service
from certificates import make_root
from postgres import USER
from services import environment, pin_files
from test_audit import found, sql

ROOT = make_root("Called Root CA")
GOOD = "host=up.example.com sslmode=verify-full sslrootcert=/r gssencmode=disable"
# Bodies in PL/pgSQL: what is found of each is told behind it.
BODIES = {
    "plain": ("PERFORM dblink('host=a.example.com', 'SELECT 1');", "weak"),
    "good": (f"PERFORM dblink('{GOOD}', 'SELECT 1', false);", "verified"),
    "named": ("PERFORM dblink_connect('n', $c$host=b.example.com sslmode=require$c$);", "weak"),
    "escaped": (r"PERFORM public . dblink_exec (E'host=\'c.example.com\'', 'DELETE FROM t');", "weak"),
    "executed": ("EXECUTE 'SELECT * FROM dblink(''host=d.example.com'', ''SELECT 1'') AS t(i int)';", "weak"),
    "commented": ("-- dblink('host=e.example.com', 'x')\n/* /* */ dblink_connect('host=e.example.com') */ PERFORM 1;", None),
    # The SQL of a connection that has a name, or of the one without; and one of a foreign server.
    "by_name": ("PERFORM dblink('n', 'SELECT 1 WHERE a=b'); PERFORM dblink('SELECT 1 WHERE a=b', true); PERFORM dblink_connect('a_server');", None),
    "joined": ("PERFORM dblink('host=' || said, 'SELECT 1');", "unseen"),
    "formatted": ("EXECUTE format('SELECT dblink_connect(%L)', said);", "unseen"),
    "cut": ("EXECUTE 'SELECT dblink_connect(''' || said || ''')';", "unseen"),
    "variable": ("PERFORM dblink_connect('n', said);", "unseen"),
}


@pytest.fixture(scope="module")
def server(clusters, session_directory):
    server = clusters.start(*ROOT.issue(session_directory, "localhost"))
    sql(server, f"ALTER ROLE {USER} SUPERUSER")
    sql(server, "CREATE EXTENSION dblink", "CREATE TABLE t (i int)",
        "CREATE VIEW seen AS SELECT * FROM dblink('host=f.example.com', 'SELECT 1') AS t(i int)",
        f"CREATE MATERIALIZED VIEW stored AS SELECT * FROM dblink('{GOOD}', 'SELECT 1') AS t(i int) WITH NO DATA",
        "CREATE VIEW built AS SELECT * FROM dblink('host=' || current_user, 'SELECT 1') AS t(i int)",
        "CREATE RULE tells AS ON INSERT TO t DO ALSO SELECT dblink_exec('host=g.example.com', 'SELECT 1')",
        "CREATE FUNCTION parsed() RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT dblink_exec('host=h.example.com', 'SELECT 1'); END",
        *[f"CREATE FUNCTION {name}(said text) RETURNS void LANGUAGE plpgsql AS $$BEGIN {body} END$$" for name, (body, _) in BODIES.items()],
        dbname=USER)
    yield server
    server.stop()


def test_each_place(home, server):
    pin_files(home, ("company", ROOT, "*", "scoped"))
    service(home, "prod", "localhost", home / own("company"), more=f"port={server.port}\nuser={USER}\ndbname={USER}\n")
    done = home.pganchor("audit", "prod", "--json", env={**environment(home), "PGPASSWORD": server.password})
    assert done.stderr == "", done.stderr
    (seen,) = json.loads(done.stdout)["servers"]
    of_functions = {name: f"public.{name}(text)" for name in BODIES}
    judged = {item["name"]: item["allowed"] for item in seen["connections"]}
    weak = {of_functions[name] for name, (_, what) in BODIES.items() if what == "weak"} | {"public.seen", "tells of public.t", "public.parsed()"}
    verified = {of_functions[name] for name, (_, what) in BODIES.items() if what == "verified"} | {"public.stored"}
    assert judged == {**dict.fromkeys(weak, False), **dict.fromkeys(verified, True)}, seen["connections"]
    assert {name for name, _ in found(seen, "foreign-server-weak")} == weak
    unseen = {each["what"]: each["why"] for each in seen["unseen"]}
    names = sorted([*(of_functions[name] for name, (_, what) in BODIES.items() if what == "unseen"), "public.built"])
    assert unseen["where 5 functions or views with dblink connect to"] == f"it is put together when they run: {', '.join(names)}", unseen
