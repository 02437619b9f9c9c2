"""No secret is shown: by explain, by what reads and edits pg_service.conf, by the library, by a refusal. The audit log is in test_log.py."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from audited import PYTHON
from passwords import FORMS, passwords
from services import add, environment, service, write

SECRET = "Xq7Kw9Zj5Vb3"
KEYWORDS = ["password", "PASSWORD", "sslpassword", "scram_client_key", "scram_server_key", "oauth_client_secret", "PGPASSWORD"]
BROKEN = ["postgresql://u:{}@[::1/db", "postgresql://u:{}%zz@h/db", "postgresql://h/db?password={}%", "postgresql://u:{}@[::1]x/db",
          "postgres://u:p@{}@h/db", "postgres://u:p/{}@h/db", "postgres://u:p?{}@h/db", "postgres://u:{}", "postgres://u:{}@h:1x/db?foo=1",
          "postgresql://u:p%40{}%@h/db", "postgresql://u:{}@h/db?sslmode", "postgresql://h/db?user=u&password={}&x", "postgresql://{}:{}@",
          "password={} foo", "password=two {} words", "password='{}", "password = '{}' x", "password='it''s {} x' y=z", "passwrd='a {}' password=x",
          "host=h passwrd={} sslmode", "sslpassword={} host=h", "user=postgres://u:{}@h/db", "dbname=postgres://u:{}@h/x",
          "dbname='host=h password={}'", "options='-c app.password={} -c x=y' host=h", "application_name='postgres://u:{}@h/db'",
          "service='postgres://u:{}@h/db'", 'password=a"b {}"c d', "scram_client_key={}", 'postgresql://u"x:{}@[::1', "postgres://u:p/a?%22{}%22b=x@h/db", "u:{}@h", "u:{}@h/db", "postgres:/u:{}@h/db", "host='u:{}@h'", "sslrootcert=https://u:{}@h/root"]


def told(text, secret=SECRET):
    return [secret[at:at + 4] for at in range(len(secret) - 3) if secret[at:at + 4] in text]


@pytest.mark.parametrize("form", BROKEN)
@pytest.mark.parametrize("words", [[], ["--json"]])
def test_explain_does_not_show_a_password_wherever_libpq_takes_it_to_be(home, form, words):
    # Behind the name of a user that a secret stands for too, only the second is one.
    given = form.replace("{}", "u", form.count("{}") - 1).replace("{}", SECRET)
    done = home.pganchor("explain", *words, given)
    if "passwrd" in form and "password" not in form:
        assert 'invalid connection option "passwrd"' in done.stderr
    assert not told(done.stdout + done.stderr), done.stdout + done.stderr
    assert done.stdout + done.stderr


ASK = r"""
import ctypes, json, sys
library = ctypes.CDLL(sys.argv[1])
library.pganchor_explain.restype = ctypes.c_void_p
for line in sys.stdin:
    text = library.pganchor_explain(json.loads(line).encode(), None)
    print(json.dumps(ctypes.string_at(text).decode("utf-8", "replace")))
    reasons = ctypes.c_char_p()
    library.pganchor_judge(json.loads(line).encode(), ctypes.byref(reasons))
    print(json.dumps((reasons.value or b"").decode("utf-8", "replace")))
"""


def test_nor_does_the_library_of_any_password(home, pganchor):
    """With each character that means something to a URI or a conninfo, at each end and inside. Some of these libpq takes, some it refuses."""
    (home / ".config/pganchor").mkdir(parents=True)
    (home / ".config/pganchor/policy.conf").write_text("unix-socket = refuse\n")
    tried = [(form, password) for form in [*FORMS, *BROKEN] for password in passwords()
             # Without an @ behind the password, one in it ends the password for everybody, and a comma begins the name of a host. What is
             # not in quotes ends for everybody at a blank with one of libpq's keywords behind it.
             if not (form == "postgresql://alice:{}/sales" and {"@", ","} & set(password)) and "=" not in password
             and not (form == "postgres://u:{}" and set("@,/") & set(password))]
    given = [form.replace("{}", "u", form.count("{}") - 1).replace("{}", password) for form, password in tried]
    done = home.run([PYTHON, "-c", ASK, pganchor.prefix / "lib/libpganchor.so.0"], input="".join(json.dumps(one) + "\n" for one in given))
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == 2 * len(given)
    harmless = {"?use", "user", "ser="}
    found = []
    for (form, password), explained, judged in zip(tried, answers[::2], answers[1::2]):
        text = re.sub(r"\\x([0-9A-F]{2})", lambda hit: chr(int(hit[1], 16)), explained + judged)
        found += [(form, password, piece, text) for piece in told(text, password) if piece not in harmless]
    assert not found, (len(found), *found[:4])
    # It was not by masking all: the server is told where nothing says that it could be a part of a password.
    assert sum("10.9.8.7" in answer for answer in answers) > 1000


@pytest.mark.parametrize("line", [*[f"{keyword}={SECRET}" for keyword in KEYWORDS], f"password {SECRET}", f"password = {SECRET}",
                                  f"password: {SECRET}", f"#password={SECRET}", f"dbname=postgres://u:{SECRET}@h/db",
                                  f"user=u:{SECRET}", f"host=u:{SECRET}@h", f"application_name=postgres://u:a@{SECRET}@h/db",
                                  f"application_name=http://p/?password={SECRET}&x=a:b",
                                  f"options=-c app.secret={SECRET} -c x=y", f"- password: {SECRET}", f"export PGPASSWORD {SECRET}",
                                  f"application_name=x password: {SECRET}", f"application_name=x, pwd {SECRET}", f"password{SECRET}",
                                  f"me:{SECRET}@host", f"h:5432:app:me:{SECRET}", f"password\n{SECRET}", f"# the password is {SECRET}",
                                  f"{SECRET}"])
def test_commands_that_show_an_entry_show_no_secret(home, line):
    commands = [["list"], ["list", "--json"], ["show", "a"], ["show", "a", "--json"], ["add", "a", "--replace", "--host", "z"],
                ["add", "a", "--replace", "--host", "z", "--json"], ["remove", "a"]]
    for args in commands:
        write(home, f"[a]\nhost=x\n{line}\n")
        done = service(home, *args)
        assert not told(done.stdout + done.stderr), (args, done.stdout + done.stderr)
        # Something is said of the line all the same.
        if args[0] == "remove" and not line.startswith("#"):
            assert "********" in done.stdout
            keyword = line.split("=")[0].split()[0].rstrip(":")
            assert keyword in done.stdout or keyword not in KEYWORDS


def test_what_is_added_is_masked_too(home):
    for setting in (f"password={SECRET}", f"application_name=postgres://u:{SECRET}@h/db"):
        for words in ([], ["--json"]):
            done = add(home, "a", "--replace", "--host", "h", setting, *words)
            assert done.returncode == 0, done.stderr
            assert not told(done.stdout + done.stderr), done.stdout
    assert SECRET in (home / ".pg_service.conf").read_text()


def test_what_is_no_secret_is_shown(home):
    shown = json.loads(home.pganchor("explain", "--json", "host=db.example.com,10.0.0.1 port=5432,5433 dbname=app user=me@realm passfile=/p "
                                     "application_name=a:b@c options='-c search_path=x'").stdout)
    values = {setting["keyword"]: setting["value"] for setting in shown["settings"]}
    assert values["host"] == "db.example.com,10.0.0.1" and values["port"] == "5432,5433" and values["user"] == "me@realm"
    assert values["passfile"] == "/p" and values["options"] == "-c search_path=x" and values["dbname"] == "app"
    assert shown["notes"] == []
    for given, words in (("hosst=h", 'invalid connection option "hosst"'), ("host=h sslmode=bogus password=x", 'invalid sslmode value: "bogus"'),
                         ("postgresql://u:x@h/db?foo=1", 'invalid URI query parameter: "foo"'), ("service=nope", 'definition of service "nope"')):
        assert words in home.pganchor("explain", given).stderr


TRANSLATED = r"""
import ctypes, locale, sys
locale.setlocale(locale.LC_ALL, "")
reasons = ctypes.c_char_p()
ctypes.CDLL(sys.argv[1]).pganchor_judge(sys.argv[2].encode(), ctypes.byref(reasons))
sys.stdout.buffer.write(reasons.value)
"""


@pytest.mark.parametrize("given", [f"password=two {SECRET} words", f"postgresql://u:p/a?{SECRET}=x@h/db", f'password="two {SECRET}" words'])
@pytest.mark.parametrize("language", ["de", "fr", "es", "el", "cs", "ja"])
def test_nor_where_libpq_speaks_another_language(home, pganchor, language, given):
    """Some of its translations quote with guillemets."""
    done = home.run([PYTHON, "-c", TRANSLATED, pganchor.prefix / "lib/libpganchor.so.0", given],
                    env={"LC_ALL": "C.UTF-8", "LANGUAGE": language})
    assert done.returncode == 0 and not told(done.stdout), done.stdout + done.stderr
    # It was not by masking all, and in that language, where this libpq has it.
    assert re.search(r"[^ *]{3}", done.stdout) and "********" in done.stdout
    assert not done.stdout.isascii() or not list(Path("/usr/share/locale").glob(f"{language}/LC_MESSAGES/libpq5-*.mo"))


@pytest.mark.parametrize("given", ["postgresql://:@127.0.0.1/db?gssencmode=", "postgresql://u:p@h/db?sslmode=", "host=h port='' password=x sslmode=''"])
def test_what_libpq_quotes_may_be_empty(home, given):
    done = home.pganchor("explain", given)
    assert done.returncode in (1, 3) and done.stdout + done.stderr


def test_why_host_port_and_dbname_are_not_shown_is_said(home):
    done = home.pganchor("explain", f"postgresql://u:a@{SECRET}@h/db")
    assert done.returncode == 3
    assert re.search(r"^host +\*{8} +conninfo$", done.stdout, re.MULTILINE)
    assert 'host, port and dbname are not shown: one of them may be a part of a password, in which "@" and "/"' in done.stdout


def test_a_refusal_does_not_quote_what_may_be_a_password(home):
    (home / ".config/pganchor").mkdir(parents=True)
    (home / ".config/pganchor/policy.conf").write_text("unix-socket = refuse\n")
    done = home.pganchor("run", "--", "psql", "-X", f"postgresql:///app?host=/tmp/u:{SECRET}@h")
    assert done.returncode == 2 and "host=******** (conninfo) is a Unix-domain socket" in done.stderr
    assert not told(done.stderr)


@pytest.mark.parametrize("words", [["n", "-H", f"postgresql://u:{SECRET}@h/db"], ["n", "-H", f"host=x password={SECRET}"], ["n", f"u:{SECRET}@h"],
                                   ["n", "-H", "h", f"postgresql://u:{SECRET}@h"], [f"password={SECRET}", "-H", "h"],
                                   [f"postgresql://u:{SECRET}@h/shop", "-H", "h"], [f"scram_client_key={SECRET}", "-H", "h"],
                                   [f"u:{SECRET}@h/db", "-H", "h", "--json"]], ids=lambda words: words[0][:12])
def test_what_is_typed_in_the_wrong_place_is_neither_said_nor_written(home, words):
    done = home.pganchor("service", "add", *words)
    assert done.returncode in (1, 2) and done.stderr and SECRET not in done.stdout + done.stderr
    assert not (home / ".pg_service.conf").exists()
