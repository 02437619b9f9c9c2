"""Words that pganchor does not know: each error names the word, and where one is near, what was meant."""

import pytest

COMMANDS = [
    (["--hlep"], "--hlep: no such option; did you mean --help?"), (["--verison"], "--verison: no such option; did you mean --version?"),
    (["-x"], "-x: no such option"), (["boostrap"], "boostrap: no such command; did you mean bootstrap?"),
    (["help", "stauts"], "stauts: no such command; did you mean status?"), (["list"], "list: no such command; did you mean service list?"),
    (["serv"], "serv: no such command; did you mean service?"), (["off"], "off: no such command; did you mean disable?"),
    (["nonsense"], "nonsense: no such command"), (["service", "lsit"], "service: lsit: no such command; did you mean service list?"),
    (["service", "rm", "x"], "service: rm: no such command; did you mean service remove?"),
    (["service", "nonsense"], "service: nonsense: no such command")]

OPTIONS = [
    (["bootstrap", "--fingerprnt", "x"], "--fingerprnt: no such option; did you mean --fingerprint?"),
    (["bootstrap", "--ca_url", "x"], "--ca_url: no such option; did you mean --ca-url?"), (["bootstrap", "--ca-url"], "--ca-url: needs a value"),
    (["bootstrap", "--yes=1"], "--yes: takes no value"), (["bootstrap", "--h"], "--h: could be any of --hosts, --help"),
    (["bootstrap", "-json"], "-json: no such option; did you mean --json?"),
    (["service", "add", "x", "--hots", "h"], "--hots: no such option; did you mean --host?"), (["service", "add", "x", "-H"], "-H: needs a value"),
    (["service", "add", "x", "--port"], "--port: needs a value"), (["service", "add", "-sx"], "-x: no such option"),
    (["service", "add", "x", "-h", "db"], "-h is --help; the host is -H db"), (["service", "list", "--jsno"], "did you mean --json?"),
    (["service", "show", "--hlep"], "did you mean --help?"), (["service", "remove", "x", "--dryrun"], "did you mean --dry-run?"),
    (["run", "--requre", "--", "true"], "--requre: no such option; did you mean --require?"), (["run", "-x", "true"], "-x: no such option"),
    (["explain", "--josn"], "--josn: no such option; did you mean --json?"), (["explain", "--json", "-jx"], "-x: no such option"),
    (["explain", "-h", "db.example.com"], "-h is --help; the host is a word of the connection string: 'host=db.example.com'"),
    (["explain", "-hdb"], "'host=db'"), (["explain", "-p5432"], "-p: it is a word of the connection string: 'port=...'"),
    (["explain", "-U", "me"], "'user=...'"), (["explain", "-d", "app"], "'dbname=...'"), (["explain", "--username=me"], "'user=...'"),
    (["enable", "--sessoin"], "--sessoin: no such option; did you mean --session?"),
    (["enable", "--s"], "--s: could be any of --session, --shell, --system"), (["enable", "--unit"], "--unit: needs a value"),
    (["disable", "--al=1"], "--all: takes no value"), (["status", "-q"], "-q: no such option"),
    (["log", "--sinse", "x"], "--sinse: no such option; did you mean --since?"), (["log", "--file"], "--file: needs a value")]


@pytest.mark.parametrize("args, why", COMMANDS, ids=str)
def test_commands(home, args, why):
    done = home.pganchor(*args)
    first, second = done.stderr.splitlines()
    assert done.returncode == 2 and done.stdout == "" and first == f"pganchor: {why}"
    assert second.endswith("--help lists the commands")


@pytest.mark.parametrize("args, why", OPTIONS, ids=str)
def test_options(home, args, why):
    done = home.pganchor(*args)
    command = " ".join(args[:2] if args[0] == "service" else args[:1])
    first, second = done.stderr.splitlines()
    assert done.returncode == 2 and done.stdout == "" and home.snapshot() == {}
    assert first.startswith(f"pganchor: {command}: ") and first.endswith(why)
    assert second == f"    see pganchor {command} --help"


@pytest.mark.parametrize("word", ["--proxyy=http://me:s3cret@localhost", "--proxie=s3cret", "--p=s3cret", "--json=s3cret"])
def test_the_value_of_a_mistyped_option_is_not_shown(home, word):
    done = home.pganchor("bootstrap", "--ca-url", "h", word)
    assert done.returncode == 2 and "s3cret" not in done.stderr


@pytest.mark.parametrize("word", ["-h", "--help"])
def test_help_is_still_help(home, word):
    for args in (["explain", word], ["service", "add", word], ["bootstrap", word]):
        done = home.pganchor(*args)
        assert done.returncode == 0 and done.stdout.startswith("usage: pganchor ")


@pytest.mark.parametrize("word", ["db.example.com", "localhost", "app"])
def test_a_single_word_is_a_database_for_libpq(home, word):
    done = home.pganchor("explain", word)
    assert f"libpq takes {word} for the name of a database; a server is 'host={word}'" in done.stderr
    assert f"dbname  " in done.stdout and word in done.stdout


@pytest.mark.parametrize("conninfo", ["host=h", "postgresql://h/", "postgres://h", "", "service=x host=h"])
def test_and_what_is_none_is_not_said_to_be(home, conninfo):
    (home / ".pg_service.conf").write_text("[x]\nhost=h\n")
    assert "for the name of a database" not in home.pganchor("explain", conninfo).stderr


def test_a_service_that_is_none(home):
    done = home.pganchor("explain", "service=prd")
    assert done.returncode == 1 and 'definition of service "prd" not found' in done.stderr
    assert '"pganchor service list" shows the services' in done.stderr
