"""Words that pganchor does not know: each error names the word, and where one is near, what was meant."""

import re

import pytest

COMMANDS = [
    (["--hlep"], "--hlep: no such option; did you mean --help?"), (["--verison"], "--verison: no such option; did you mean --version?"),
    (["-x"], "-x: no such option"), (["boostrap"], "boostrap: no such command; did you mean bootstrap?"),
    (["help", "stauts"], "stauts: no such command; did you mean status?"),
    (["list"], "list: no such command; did you mean service list or anchor list?"),
    (["serv"], "serv: no such command; did you mean service?"), (["off"], "off: no such command; did you mean disable?"),
    (["nonsense"], "nonsense: no such command"), (["service", "lsit"], "service: lsit: no such command; did you mean service list?"),
    (["service", "rm", "x"], "service: rm: no such command; did you mean service remove?"),
    (["service", "nonsense"], "service: nonsense: no such command"), (["hlep"], "hlep: no such command; did you mean help?"),
    (["help", "boostrap"], "boostrap: no such command; did you mean bootstrap?"), (["help", "--json"], "--json: no such option"),
    (["help", "service", "ad"], "service: ad: no such command; did you mean service add?"),
    (["service", "help", "rm"], "service: rm: no such command; did you mean service remove?")]

OPTIONS = [
    (["bootstrap", "--fingerprnt", "x"], "--fingerprnt: no such option; did you mean --fingerprint?"),
    (["bootstrap", "--ca_url", "x"], "--ca_url: no such option; did you mean --ca-url?"), (["bootstrap", "--ca-url"], "--ca-url: needs a value"),
    (["bootstrap", "--yes=1"], "--yes: takes no value"), (["bootstrap", "--h"], "--h: could be any of --hostaddr, --host, --hosts, --help"),
    (["bootstrap", "-json"], "-json: no such option; did you mean --json?"),
    (["service", "add", "x", "--hots", "h"], "--hots: no such option; did you mean --host?"), (["service", "add", "x", "-H"], "-H: needs a value"),
    (["service", "add", "x", "--port"], "--port: needs a value"), (["service", "add", "-nx"], "-x: no such option"),
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


@pytest.mark.parametrize("env", [{}, {"PGHOST": "db.example.com", "PGSSLMODE": "verify-full"}], ids=["socket", "PGHOST"])
@pytest.mark.parametrize("word", ["db.example.com", "localhost", "192.0.2.1", "[::1]", "db:5432", "db1", "app"])
def test_a_single_word_is_not_judged(home, word, env):
    """For libpq it is the name of a database, and the verdict would be of a socket, or of another host."""
    for more in ([], ["--json"]):
        done = home.pganchor("explain", word, *more, env=env)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"libpq takes {word} for the name of a database" in done.stderr and "nothing was judged" in done.stderr
    meant = re.search(r'"pganchor explain (\S+)" \(a server\)', done.stderr)[1]
    assert home.run(["sh", "-c", f"pganchor explain {meant}"]).returncode in (1, 3)
    assert home.pganchor("explain", f"dbname={word}").returncode == 0


@pytest.mark.parametrize("url", ["https://db.example.com", "jdbc:postgresql://db.example.com:5432/app",
                                 "https://u:secret@db.example.com/x"])
def test_another_kind_of_url_is_named_as_one(home, url):
    """As the name of a host it cannot work either: it is not advised."""
    done = home.pganchor("explain", url)
    assert done.returncode == 2 and done.stdout == "" and "secret" not in done.stderr
    assert f"{url.split('//')[0]}//...: a URL, and none that libpq knows" in done.stderr
    assert "did you mean" not in done.stderr and "postgresql://USER@HOST:PORT/DBNAME" in done.stderr


@pytest.mark.parametrize("conninfo, env", [("host=https://db.example.com", {}), ("host=jdbc:postgresql://db/app", {}),
                                           ("sslmode=verify-full", {"PGHOST": "https://u:secret@db"})])
def test_a_url_as_the_name_of_a_host(home, conninfo, env):
    for more in ([], ["--json"]):
        done = home.pganchor("explain", conninfo, *more, env=env)
        assert done.returncode == 1 and "a URL, not the name of a host" in done.stderr
        assert "secret" not in done.stderr and "****" not in done.stdout + done.stderr


def test_where_a_value_comes_from_that_libpq_refuses(home):
    said = home.pganchor("explain", "host=h", env={"PGSSLMODE": "quatsch"}).stderr
    assert 'invalid sslmode value: "quatsch"\n    it is the value of PGSSLMODE, in the environment\n' in said
    for conninfo, env in (("host=h sslmode=quatsch", {"PGSSLMODE": "quatsch"}), ("host=h sslmode=quatsch", {"PGSSLMODE": "require"})):
        said = home.pganchor("explain", conninfo, env=env).stderr
        assert "quatsch" in said and "environment" not in said


def test_the_first_words_that_are_typed(home):
    done = home.pganchor("bootstrap", "https://ca.example.com:9000")
    assert done.returncode == 2 and "--fingerprint is missing" in done.stderr
    done = home.pganchor("service", "add", "prod", "db.example.com")
    assert done.returncode == 2 and "the host is --host db.example.com\n" in done.stderr
    done = home.pganchor("service", "add", "prod", "other", "--host", "h")
    assert done.returncode == 2 and "--host other" not in done.stderr


def test_without_a_root_the_next_command_is_the_one_that_brings_it(home):
    command = "next:\n    pganchor bootstrap --ca-url URL --fingerprint HEX\n"
    done = home.pganchor("explain", "host=db.example.com sslmode=verify-full")
    assert done.returncode == 0 and done.stdout.startswith("allowed, but libpq will not connect") and f"\n{command}\n" in done.stdout
    for conninfo in ("host=db.example.com", f"host=h sslmode=verify-full sslrootcert={home.path}/other.crt", "host=/tmp"):
        assert "bootstrap" not in home.pganchor("explain", conninfo).stdout


def test_a_password_in_a_single_word_is_masked(home):
    done = home.pganchor("explain", "postgres:/me:s3cret@db")
    assert done.returncode == 2 and "s3cret" not in done.stderr


@pytest.mark.parametrize("conninfo", ["host=h", "postgresql://h/", "postgres://h", "", "service=x host=h"])
def test_and_what_is_none_is_not_said_to_be(home, conninfo):
    (home / ".pg_service.conf").write_text("[x]\nhost=h\n")
    assert "for the name of a database" not in home.pganchor("explain", conninfo).stderr


def test_a_service_that_is_none(home):
    done = home.pganchor("explain", "service=prd")
    assert done.returncode == 1 and 'definition of service "prd" not found' in done.stderr
    assert '"pganchor service list" shows the services' in done.stderr
