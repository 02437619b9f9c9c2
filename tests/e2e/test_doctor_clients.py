"""pganchor doctor: the connections that GUI clients, editors and psql keep in files of their own."""

import json
import os
import re
import sqlite3

import pytest

SECRET = "hunter2-in-the-store"


def findings(home, *ids, **kwargs):
    """The findings of these ids, in their order; none of them, and nothing else, says the secret."""
    done = home.pganchor("doctor", "--json", **kwargs)
    assert SECRET not in done.stdout + done.stderr
    return [one for one in json.loads(done.stdout)["findings"] if one["id"] in ids]


def weak(home, **kwargs):
    """What is weak, by its client and its name, or where it has none, its host."""
    found = findings(home, "client-weak", "client-unreadable", **kwargs)
    assert all(one["id"] == "client-weak" and one["severity"] == "error" and one["hint"] for one in found), found
    told = [re.fullmatch(r"(.*?): (?:the connection (.*?)(?: to \S+)?|a connection to (\S+)) is weaker than the policy", one["message"])
            for one in found]
    return {f"{words[1]} {words[2] or words[3]}": one for words, one in zip(told, found)}


def put(home, path, content):
    file = home / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content, indent="\t"))
    return file


# ---- DBeaver: data-sources.json as DataSourceSerializerModern writes it ----

def dbeaver(name, host="db.example.com", url=None, handler=None, properties=None, provider="postgresql"):
    """One connection, as DBeaver 24 keeps it."""
    configuration = {
        "host": host, "port": "5432", "database": "sales", "url": url or f"jdbc:postgresql://{host}:5432/sales",
        "configurationType": "MANUAL", "home": "/usr", "type": "dev", "closeIdleConnection": True, "auth-model": "native",
        "provider-properties": {"@dbeaver-show-non-default-db@": "false"}}
    if properties:
        configuration["properties"] = properties
    if handler:
        configuration["handlers"] = {"postgre_ssl": {"type": "CONFIG", "enabled": handler.pop("enabled", True), "save-password": True,
                                                     "properties": handler}}
    return {"provider": provider, "driver": "postgres-jdbc", "name": name, "save-password": True, "configuration": configuration}


DBEAVER = ".local/share/DBeaverData/workspace6/General/.dbeaver/data-sources.json"
DBEAVER_ADVICE = "in DBeaver: Edit Connection, SSL: "


def data_sources(*connections):
    return {"folders": {}, "connections": {f"postgres-jdbc-18f{number}-{number}": one for number, one in enumerate(connections)},
            "connection-types": {"dev": {"name": "Development", "color": "255,255,255", "description": "Regular development database"}}}


@pytest.mark.parametrize("words, why", [
    ({}, "no sslmode: the JDBC driver prefers TLS, goes on without it, and checks no certificate"),
    ({"handler": {"sslMode": "require", "ssl.ca.cert": "/ca.pem"}},
     "sslmode=require: the JDBC driver checks no certificate then, not even where there is a root.crt"),
    ({"handler": {"sslMode": "verify-ca"}}, "sslmode=verify-ca: any server with a certificate of the CA will do, whatever its name"),
    ({"handler": {"sslMode": "verify-full", "sslFactory": "org.postgresql.ssl.NonValidatingFactory"}},
     "sslfactory=NonValidatingFactory: no certificate is checked"),
    ({"handler": {"sslMode": "verify-full", "enabled": False}},
     "no sslmode: the JDBC driver prefers TLS, goes on without it, and checks no certificate"),
    ({"properties": {"sslmode": "disable"}}, "sslmode=disable: no TLS at all"),
    ({"url": "jdbc:postgresql://db.example.com:5432/sales?sslmode=allow"},
     "sslmode=allow: no TLS unless the server asks for it, and no certificate is checked"),
    ({"url": "jdbc:postgresql://db.example.com/sales?user=a&sslmode=pref%65r", "handler": {"sslMode": "verify-full"}},
     "sslmode=prefer: without TLS where the server has none, and no certificate is checked"),
    ({"handler": {"sslMode": "verify-full", "ssl.ca.cert": "/ca.pem"}}, None),
    ({"handler": {"sslMode": ""}}, None),  # ssl=true: verify-full
    ({"properties": {"ssl": "true"}}, None),
    ({"url": "jdbc:postgresql://db.example.com/sales?ssl"}, None),
    ({"properties": {"sslmode": "verify-full"}}, None),
    ({"url": "jdbc:postgresql:///?service=sales"}, None),
    ({"properties": {"sslmode": "no such mode"}}, None),  # the driver refuses it
    ({"provider": "mysql"}, None),
])
def test_dbeaver(home, words, why):
    put(home, DBEAVER, data_sources(dbeaver("the sales", **words)))
    found = weak(home)
    if why is None:
        assert found == {}
        return
    assert list(found) == ["DBeaver the sales"]
    one = found["DBeaver the sales"]
    assert one["message"] == "DBeaver: the connection the sales to db.example.com is weaker than the policy"
    assert one["detail"] == f"{why}; it is kept in {home / DBEAVER}"
    assert one["hint"].startswith(DBEAVER_ADVICE)


@pytest.mark.parametrize("place, env", [
    (".var/app/io.dbeaver.DBeaverCommunity/data/DBeaverData/workspace6/General/.dbeaver/data-sources.json", {}),
    ("snap/dbeaver-ce/current/.local/share/DBeaverData/workspace6/Other/.dbeaver/data-sources-2.json", {}),
    ("data[1]/DBeaverData/workspace6/General/.dbeaver/data-sources.json", {"XDG_DATA_HOME": "data[1]"}),
])
def test_where_dbeaver_is(home, place, env):
    put(home, place, data_sources(dbeaver("x")))
    assert list(weak(home, env={key: home / value for key, value in env.items()})) == ["DBeaver x"]


def test_a_host_that_the_policy_exempts_is_not_weak(home):
    put(home, ".config/pganchor/policy.conf", "allow-weak = *.dev.example.com\n")
    put(home, DBEAVER, data_sources(dbeaver("x", "db.dev.example.com"), dbeaver("y", "db.example.com")))
    assert list(weak(home)) == ["DBeaver y"]


def test_no_piece_of_a_password_is_told(home):
    """A name that is a whole address, a host that is the end of a password, a password in the address."""
    put(home, DBEAVER, data_sources(
        dbeaver(f"postgresql://me:{SECRET}@db/x"), dbeaver("b", host="", url=f"jdbc:postgresql://me:{SECRET}@db/x"),
        dbeaver("c", url=f"jdbc:postgresql://db/x?password={SECRET}&sslpassword={SECRET}")))
    put(home, ".psqlrc", f"\\connect postgresql://me:{SECRET}@db/x\n\\c 'host=db password={SECRET}'\n\\c postgresql://me:p@{SECRET}@db/x\n")
    put(home, ".config/pgcli/config", f"[alias_dsn]\none = postgresql://me:{SECRET}@db/x\n")
    put(home, ".config/Code/User/settings.json", {"pgsql.connections": [
        {"server": "db", "user": "me", "password": SECRET, "profileName": f"postgresql://me:{SECRET}@db:5432/"}],
        "sqltools.connections": [{"driver": "PostgreSQL", "name": "t", "connectString": f"postgresql://me:{SECRET}@db/x", "password": SECRET}]})
    assert len(findings(home, "client-weak")) == 9
    shown = home.pganchor("doctor")
    assert SECRET not in shown.stdout + shown.stderr and "is weaker than the policy" in shown.stdout


# ---- DataGrip ----

SOURCES = """<?xml version="1.0" encoding="UTF-8"?>
<project version="4">
  <component name="DataSourceManagerImpl" format="xml" multifile-model="true">
    <data-source source="LOCAL" name="sales@db" uuid="26af-1">
      <driver-ref>postgresql</driver-ref>
      <synchronize>true</synchronize>
      <jdbc-driver>org.postgresql.Driver</jdbc-driver>
      <jdbc-url>{url}</jdbc-url>
      <jdbc-additional-properties>
        <property name="com.intellij.clouds.kubernetes.db.enabled" value="false" />
      </jdbc-additional-properties>
      <driver-properties>
        {properties}
      </driver-properties>
      <working-dir>$ProjectFileDir$</working-dir>
    </data-source>
    <data-source source="LOCAL" name="shop" uuid="26af-2">
      <driver-ref>mysql.8</driver-ref>
      <jdbc-url>jdbc:mysql://localhost:3306</jdbc-url>
    </data-source>
  </component>
</project>
"""

LOCAL = """<?xml version="1.0" encoding="UTF-8"?>
<project version="4">
  <component name="dataSourceStorageLocal" created-in="DB-241.14494.312">
    <data-source name="sales@db" uuid="26af-1">
      <database-info product="PostgreSQL" version="15.6" jdbc-version="4.2" driver-name="PostgreSQL JDBC Driver" dbms="POSTGRES">
        <identifier-quote-string>&quot;</identifier-quote-string>
      </database-info>
      <secret-storage>master_key</secret-storage>
      <user-name>alice</user-name>
      <schema-mapping />
      <ssl-config>{page}</ssl-config>
    </data-source>
    <data-source name="gone" uuid="26af-9"><ssl-config><enabled>true</enabled><mode>REQUIRE</mode></ssl-config></data-source>
  </component>
</project>
"""

PROJECTS = """<application>
  <component name="RecentDirectoryProjectsManager">
    <option name="additionalInfo">
      <map>
        <entry key="$USER_HOME$/DataGripProjects/sales"><value><RecentProjectMetaInfo frameTitle="sales" /></value></entry>
        <entry key="$USER_HOME$/gone" />
        <entry key="relative" />
      </map>
    </option>
  </component>
</application>
"""

RECENT = ".config/JetBrains/DataGrip2024.1/options/recentProjects.xml"
IN_PROJECT = "DataGripProjects/sales/.idea/dataSources.xml"
URL = "jdbc:postgresql://db.example.com:5432/sales"


@pytest.mark.parametrize("url, properties, page, why", [
    (URL, "", None, "no sslmode: "),
    (URL, "", "<enabled>false</enabled><mode>VERIFY_FULL</mode>", "no sslmode: "),
    (URL, "", "<enabled>true</enabled>", "sslmode=require: "),
    (URL, "", "<ca-cert>$USER_HOME$/ca.pem</ca-cert><enabled>true</enabled><mode>REQUIRE</mode>", "sslmode=require: "),
    (URL, "", "<ca-cert>$USER_HOME$/ca.pem</ca-cert><enabled>true</enabled><mode>VERIFY_CA</mode>", "sslmode=verify-ca: "),
    (URL, "", "<enabled>true</enabled><mode>VERIFY_FULL</mode>", None),
    (URL, '<property name="sslmode" value="disable" />', None, "sslmode=disable: "),
    (URL, '<property name="sslmode" value="verify-full" />', None, None),
    (URL, '<property name="ssl" value="true" />', None, None),
    (URL + "?sslmode=require&amp;x=y", "", "<enabled>true</enabled><mode>VERIFY_FULL</mode>", "sslmode=require: "),
    (URL + "?sslmode=verify-full", "", None, None),
])
def test_datagrip(home, url, properties, page, why):
    """What the page on SSL says is in the file beside it; the address counts before both."""
    put(home, RECENT, PROJECTS)
    file = put(home, IN_PROJECT, SOURCES.format(url=url, properties=properties))
    if page is not None:
        put(home, IN_PROJECT.replace(".xml", ".local.xml"), LOCAL.format(page=page))
    found = weak(home)
    if why is None:
        assert found == {}
        return
    assert list(found) == ["DataGrip sales@db"]
    assert found["DataGrip sales@db"]["message"] == "DataGrip: the connection sales@db to db.example.com is weaker than the policy"
    assert found["DataGrip sales@db"]["detail"].startswith(why) and found["DataGrip sales@db"]["detail"].endswith(f"it is kept in {file}")


@pytest.mark.parametrize("place", [".config/JetBrains/DataGrip2023.3/projects/default/.idea/dataSources.xml",
                                   ".config/JetBrains/IntelliJIdea2024.1/options/dataSources.xml"])
def test_data_sources_of_no_project(home, place):
    put(home, place, SOURCES.format(url=URL, properties=""))
    assert list(weak(home)) == ["DataGrip sales@db"]


# ---- pgAdmin: its tables as its migrations make them ----

PGADMIN = """
CREATE TABLE server (id INTEGER NOT NULL, user_id INTEGER NOT NULL, servergroup_id INTEGER NOT NULL, name VARCHAR(128) NOT NULL,
    host VARCHAR(128), port INTEGER NOT NULL CHECK(port >= 1 AND port <= 65534), maintenance_db VARCHAR(64), username VARCHAR(64) NOT NULL,
    {old} role VARCHAR(64), comment VARCHAR(1024), discovery_id VARCHAR(128), password TEXT(64), save_password INTEGER DEFAULT 0,
    db_res TEXT, bgcolor TEXT(10), fgcolor TEXT(10), service TEXT, use_ssh_tunnel INTEGER DEFAULT 0, tunnel_host TEXT, tunnel_port TEXT,
    tunnel_password TEXT, shared BOOLEAN, kerberos_conn INTEGER DEFAULT 0, cloud_status INTEGER DEFAULT 0, passexec_cmd TEXT {new},
    PRIMARY KEY(id))
"""


def pgadmin(home, *servers, version=8, path=".pgadmin/pgadmin4.db", wal=False):
    file = home / path
    file.parent.mkdir(parents=True, exist_ok=True)
    base = sqlite3.connect(file)
    if wal:
        base.execute("PRAGMA journal_mode = wal")
    base.execute(PGADMIN.format(old="ssl_mode VARCHAR(16) NOT NULL," if version < 7 else "", new=", connection_params JSON" if version >= 7 else ""))
    for name, host, more in servers:
        words = {"user_id": 1, "servergroup_id": 1, "name": name, "host": host, "port": 5432, "maintenance_db": "postgres", "username": "postgres",
                 "password": SECRET, "passexec_cmd": SECRET, **more}
        base.execute(f"INSERT INTO server ({', '.join(words)}) VALUES ({', '.join('?' * len(words))})", list(words.values()))
    base.commit()
    return base, file


def parameters(**words):
    """As pgAdmin 8 keeps them of a new server."""
    return {"connection_params": json.dumps({
        "sslmode": "prefer", "connect_timeout": 10, "sslcert": "<STORAGE_DIR>/.postgresql/postgresql.crt",
        "sslkey": "<STORAGE_DIR>/.postgresql/postgresql.key", **words})}


def test_pgadmin(home):
    base, file = pgadmin(home, ("sales", "db.example.com", parameters()), ("hr", "hr.example.com", parameters(sslmode="verify-full")),
                         ("by service", None, {"service": "hr", "connection_params": None}),
                         ("bare", "other.example.com", {"connection_params": None}), ("local", "/var/run/postgresql", parameters()))
    base.close()
    before = file.read_bytes(), sorted(os.listdir(file.parent))
    found = weak(home)
    assert list(found) == ["pgAdmin sales", "pgAdmin bare"]
    one = found["pgAdmin sales"]
    assert one["message"] == "pgAdmin: the connection sales to db.example.com is weaker than the policy"
    assert one["detail"] == f"sslmode=prefer (conninfo) is weaker than verify-full; it is kept in {file}"
    assert "in pgAdmin: Properties of the server, Parameters: SSL mode verify-full" in one["hint"]
    assert (file.read_bytes(), sorted(os.listdir(file.parent))) == before


def test_an_older_pgadmin(home):
    pgadmin(home, ("a", "db", {"ssl_mode": "require"}), ("b", "db", {"ssl_mode": "verify-full"}), version=6)[0].close()
    assert list(weak(home)) == ["pgAdmin a"]


@pytest.mark.parametrize("wal", [False, True])
def test_pgadmin_that_is_writing(home, wal):
    """Nothing waits for its locks, and its journal is not touched."""
    base, file = pgadmin(home, ("a", "db", parameters()), wal=wal)
    if wal:
        base.execute("PRAGMA wal_checkpoint")
    base.execute("BEGIN IMMEDIATE" if wal else "BEGIN EXCLUSIVE")
    base.execute("UPDATE server SET name = 'other'")
    before = sorted(os.listdir(file.parent))
    assert list(weak(home)) == ["pgAdmin a"] and sorted(os.listdir(file.parent)) == before
    base.rollback()
    base.close()


# A view of the table's name that never ends.
ENDLESS = ("CREATE VIEW server AS WITH RECURSIVE r(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM r WHERE id > 0) "
           "SELECT id, 'n' AS name, 'h' AS host, 1 AS port, '' AS username, '' AS maintenance_db, '' AS service, '' AS connection_params "
           "FROM r WHERE id < 0")
COLUMNS = "port, username, maintenance_db, service, connection_params"
# Each row takes a fifth of a second, in a few steps of SQLite's machine.
SLOW = (f"CREATE TABLE server (id INTEGER PRIMARY KEY, a, name, host TEXT AS (instr(a, substr(a, 1, 40000) || 'b')), {COLUMNS})",
        *[f"INSERT INTO server (a) VALUES (replace(hex(zeroblob(45000)), '0', 'a'))"] * 150)
# Far more than any time limit, in one step of SQLite's.
LIKES = "+".join(["(a LIKE b)"] * 300)
MANY = (f"CREATE TABLE server (id INTEGER PRIMARY KEY, a, b, host, {COLUMNS})",
        "INSERT INTO server (a, b) VALUES (replace(hex(zeroblob(45000)), '0', '0'), '%' || hex(zeroblob(20000)) || '1%')",
        f"ALTER TABLE server ADD COLUMN name TEXT AS ({LIKES})")
LONG = (f"CREATE TABLE server (id INTEGER PRIMARY KEY, name, host, {COLUMNS})", "INSERT INTO server (name) VALUES (hex(zeroblob(100000)))")


@pytest.mark.parametrize("statements, why", [((ENDLESS,), "not authorized"), (SLOW, "computed columns"), (MANY, "computed columns"), (LONG, "string or blob too big")],
                         ids=["a view", "slow", "slow in one step", "long"])
def test_a_base_that_keeps_sqlite_busy(home, statements, why):
    file = home / ".pgadmin/pgadmin4.db"
    file.parent.mkdir()
    base = sqlite3.connect(file)
    for statement in statements:
        base.execute(statement)
    base.commit()
    base.close()
    # What it has read by then is told, too.
    one = findings(home, "client-unreadable", "client-weak")[-1]
    assert one["message"] == "pgAdmin: its connections could not be looked at" and why in one["detail"]


def test_a_base_that_is_too_large(home):
    """Nobody reads all of it to say so."""
    base, file = pgadmin(home, ("a", "db", parameters()))
    base.close()
    os.truncate(file, 2 ** 30)
    [one] = findings(home, "client-unreadable", "client-weak")
    assert "larger than 16 MiB" in one["detail"]


# ---- VS Code ----

SETTINGS = """// Settings of mine
{
    "editor.fontSize": 13, /* "pgsql.connections": [{"server": "commented"}], */
    "files.associations": {"http://x": "a // b",},
    "pgsql.connections": [
        {
            "id": "A341074D-4C67-4C77-95BD-2C5D72CAE7D5",
            "groupId": "F40134B9-E0DB-4400-AD1F-8FB51CB409FB",
            "authenticationType": "SqlLogin",
            "connectTimeout": 15,
            "applicationName": "vscode-pgsql",
            "sslmode": "prefer",
            "server": "db.example.com",
            "port": "5432",
            "user": "postgres",
            "password": "",
            "profileName": "the sales",
            "expiresOn": 0,
        },
        {"server": "good.example.com", "sslmode": "verify-full", "profileName": "good"},
        {"server": "bare.example.com", "port": 5433},
    ],
    "sqltools.connections": [
        {"previewLimit": 50, "server": "a.example.com", "port": 5432, "driver": "PostgreSQL", "name": "no ssl", "database": "x", "username": "u"},
        {"server": "b.example.com", "driver": "PostgreSQL", "name": "unchecked", "pgOptions": {"ssl": {"rejectUnauthorized": false}}},
        {"server": "c.example.com", "driver": "PostgreSQL", "name": "checked", "pgOptions": {"ssl": {"ca": "/ca.pem"}}},
        {"server": "d.example.com", "driver": "PostgreSQL", "name": "public", "pgOptions": {"ssl": true}},
        {"driver": "PostgreSQL", "name": "by string", "connectString": "postgresql://u@e.example.com/x"},
        {"driver": "PostgreSQL", "name": "no-verify", "connectString": "postgresql://u@e.example.com/x?sslmode=no-verify"},
        {"driver": "PostgreSQL", "name": "good string", "connectString": "postgresql://u@e.example.com/x?sslmode=verify-full"},
        {"server": "f.example.com", "driver": "MySQL", "name": "mysql"}
    ]
}
"""


def test_vscode(home):
    put(home, ".config/Code/User/settings.json", SETTINGS)
    found = weak(home)
    assert list(found) == ["VS Code the sales", "VS Code bare.example.com", "SQLTools in VS Code no ssl", "SQLTools in VS Code unchecked",
                           "SQLTools in VS Code by string", "SQLTools in VS Code no-verify"]
    assert found["VS Code the sales"]["detail"].startswith("sslmode=prefer (conninfo) is weaker than verify-full; ")
    assert found["SQLTools in VS Code no ssl"]["detail"].startswith("no ssl: node-postgres uses no TLS then; ")
    assert found["SQLTools in VS Code unchecked"]["detail"].startswith("rejectUnauthorized is false: no certificate is checked; ")


@pytest.mark.parametrize("place", [".config/Code/User/profiles/-2a/settings.json", ".config/VSCodium/User/settings.json",
                                   ".config/Code - Insiders/User/settings.json", ".vscode-server/data/Machine/settings.json",
                                   ".var/app/com.visualstudio.code/config/Code/User/settings.json"])
def test_where_vscode_is(home, place):
    put(home, place, '\ufeff{"pgsql.connections": [{"server": "db"}]}')
    assert len(weak(home)) == 1


# ---- psql and pgcli ----

@pytest.mark.parametrize("line, host", [
    ("\\connect 'host=db.example.com sslmode=require'", "db.example.com"),
    ("\\c postgresql://db.example.com/sales", "db.example.com"),
    ("  \\c -reuse-previous=off \"host=db.example.com\"", "db.example.com"),
    ("\\set prod '\\\\c \"host=db.example.com dbname=sales\"'", "db.example.com"),
    ("\\set prod 'host=db.example.com sslmode=prefer'", "db.example.com"),
    ("\\set prod postgresql://db.example.com/sales?sslmode=disable", "db.example.com"),
    ("\\c 'host=db.example.com sslmode=verify-full'", None),
    ("\\c postgresql://db.example.com/sales?sslmode=verify-full", None),
    ("\\c sales alice db.example.com", None),  # it goes on with the settings of before
    ("\\c 'host=db.example.com sslmode=nonsense'", None),  # libpq refuses it
    ("\\set PROMPT1 '%n@%/%R%#%x '", None),
    ("-- \\c 'host=db.example.com'", None),
    ("\\cd host=db.example.com", None),
])
def test_psqlrc(home, line, host):
    file = put(home, ".psqlrc-15", f"\\set QUIET 1\n{line}\n\\timing\n")
    found = weak(home, env={"PGSSLMODE": "verify-full"})
    if host is None:
        assert found == {}
        return
    assert list(found) == [f"psql {host}"]
    assert found[f"psql {host}"]["message"] == f"psql: a connection to {host} is weaker than the policy"
    assert found[f"psql {host}"]["detail"].endswith(f"it is kept in {file}")


def test_pgcli(home):
    put(home, ".config/pgcli/config", """# vi: ft=ini
[main]
other = postgresql://not.example.com/
[alias_dsn]
# example_dsn = postgresql://[user[:password]@][netloc][:port][/dbname]
prod = postgresql://me@prod.example.com/sales
quoted = "postgresql://me@quoted.example.com/sales?sslmode=require"
good = postgresql://me@good.example.com/sales?sslmode=verify-full
[data_formats]
float = ""
""")
    assert [one["message"] for one in weak(home).values()] == [
        "pgcli: the connection prod to prod.example.com is weaker than the policy",
        "pgcli: the connection quoted to quoted.example.com is weaker than the policy"]


# ---- files that are none ----

STORES = [DBEAVER, IN_PROJECT, ".pgadmin/pgadmin4.db", ".config/Code/User/settings.json", ".config/pgcli/config", ".psqlrc", RECENT]


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("kind", ["fifo", "device", "directory", "loop", "huge", "closed"])
def test_a_file_that_is_none_is_told_and_nothing_waits_for_it(home, store, kind):
    if store == IN_PROJECT:
        put(home, RECENT, PROJECTS)
    file = home / store
    file.parent.mkdir(parents=True, exist_ok=True)
    if kind == "fifo":
        os.mkfifo(file)
    elif kind == "device":
        file.symlink_to("/dev/zero")
    elif kind == "directory":
        file.mkdir()
    elif kind == "loop":
        file.symlink_to(file.name)
    else:
        file.write_text("x")
        if kind == "huge":
            os.truncate(file, 1 << 40)
        else:
            file.chmod(0)
    found = findings(home, "client-unreadable", "client-weak", ordinary=True)
    if kind == "loop" and (store == IN_PROJECT or "*" in store):
        return
    assert [one["severity"] for one in found] == ["warning"] * len(found)
    if kind != "loop":
        assert len(found) == 1 and str(file) in found[0]["detail"], found


@pytest.mark.parametrize("store, content, why", [
    (DBEAVER, '{"connections": ', "it is no JSON"),
    (DBEAVER, "[" * 100000, "it is no JSON"),
    (".config/Code/User/settings.json", '{"a": /* no end', "it is no JSON, even without its comments"),
    (IN_PROJECT, "<project><data-source>", "no element found"),
    (IN_PROJECT, '<!DOCTYPE p [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><project>&c;</project>', "it has a document type of its own"),
    (IN_PROJECT, "<a>" * 100000, "its elements are too deep"),
    (".pgadmin/pgadmin4.db", "this is no base", "file is not a database"),
    (".pgadmin/pgadmin4.db", "", "no such table"),
])
def test_a_file_of_another_form_is_told(home, store, content, why):
    put(home, RECENT, PROJECTS)
    put(home, store, content)
    [one] = findings(home, "client-unreadable", "client-weak")
    assert why in one["detail"] and str(home / store) in one["detail"]


@pytest.mark.parametrize("store, content", [
    (DBEAVER, "[]"), (DBEAVER, '{"connections": {"a": 1, "b": {"provider": "postgresql"}, "c": {"provider": 7, "configuration": []}}}'),
    (".config/Code/User/settings.json", ""), (".config/Code/User/settings.json", '{"pgsql.connections": {"a": 1}, "sqltools.connections": [1, null]}'),
    (IN_PROJECT, "<project><jdbc-url>jdbc:postgresql:x</jdbc-url><data-source><jdbc-url/></data-source></project>"),
    (".config/pgcli/config", "[alias_dsn]\n=\n[[x\nx"), (".psqlrc", "\\c\n\\set\n\\set x\n\\c '\n\\connect -reuse-previous=\n"),
])
def test_a_file_with_other_things_in_it(home, store, content):
    put(home, RECENT, PROJECTS)
    put(home, store, content)
    found = findings(home, "client-unreadable", "client-weak")
    assert [one["id"] for one in found] in ([], ["client-weak"])


def test_what_is_not_installed_is_said(home, tmp_path):
    """Without SQLite or expat, the file is told of, and how it can be read."""
    put(home, RECENT, PROJECTS)
    pgadmin(home, ("a", "db", parameters()))[0].close()
    script = "mount -n --bind /dev/null \"$(ldconfig -p | sed -n 's/.*libsqlite3.so.0 .*=> //p' | head -n 1)\"; " \
             "mount -n --bind /dev/null \"$(ldconfig -p | sed -n 's/.*libexpat.so.1 .*=> //p' | head -n 1)\"; exec pganchor doctor --json"
    unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    done = home.run([*unshare, "sh", "-c", script])
    found = [one for one in json.loads(done.stdout)["findings"] if one["id"] == "client-unreadable"]
    assert sorted((one["message"], one["detail"], one["hint"]) for one in found) == [
        ("DataGrip: its connections could not be looked at", f"could not read {home / RECENT}: it needs libexpat.so.1", "sudo apt install libexpat1"),
        ("pgAdmin: its connections could not be looked at", f"could not read {home / '.pgadmin/pgadmin4.db'}: it needs libsqlite3.so.0",
         "sudo apt install libsqlite3-0")]
