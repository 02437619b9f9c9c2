"""anchors.conf: what becomes of a file that was cut, and what an edit leaves of the others' lines."""

import pytest

from certificates import make_root
from hostile import stepca_answers
from gated import CLIENTS, run_gated

CONF = ".config/pganchor/anchors.conf"
OLD = make_root("Old root of somebody else's")


@pytest.fixture
def root():
    return make_root("Company Root CA")


@pytest.fixture
def bootstrap(home, https_ca, root):
    """Factory bootstrap(*args) -> CompletedProcess, of a CA with this root."""
    ca = https_ca(stepca_answers(root), authority=root)
    return lambda *args: home.pganchor("bootstrap", "--ca-url", ca.url, "--fingerprint", root.fingerprint, *args)


def write_conf(home, content):
    (home / CONF).parent.mkdir(parents=True, exist_ok=True)
    (home / CONF).write_bytes(content.encode())


# A file that was cut. Without the file, no root is pinned; one that says nothing must not say the same.

@pytest.fixture
def server(root, recording_server, tmp_path):
    """A server of the CA, trusted by libpq alone."""
    return recording_server(b"S", issued=root.issue(tmp_path, "localhost"))


def connect(home, server, root):
    (home / ".postgresql").mkdir(exist_ok=True)
    root.write_root(home / ".postgresql/root.crt")
    done = run_gated(home, CLIENTS["psql"](f"host=localhost port={server.port} user=app password=none sslmode=verify-full"))
    return done.stderr


EMPTY = {"nothing": "", "blanks": "\n  \n\n", "comments": "# The roots that are trusted\n# more\n"}


@pytest.mark.parametrize("content", EMPTY.values(), ids=EMPTY)
def test_no_anchor_in_it(home, bootstrap, server, root, content):
    write_conf(home, content)
    assert "there is no anchor in it: was it cut short?" in connect(home, server, root)
    assert server.finish() == []
    before = home.snapshot()
    for done in (bootstrap(), home.pganchor("explain", "host=localhost"), home.pganchor("service", "add", "x", "--host", "localhost")):
        assert done.returncode != 0 and "there is no anchor in it" in done.stderr and "remove the file" in done.stderr
    assert home.snapshot() == before
    # The way out.
    (home / CONF).unlink()
    assert bootstrap().returncode == 0


def test_no_file_is_no_pins(home, server, root):
    assert "password authentication failed" in connect(home, server, root)


def test_cut_anywhere_it_is_found_out(home, bootstrap, root):
    """What was lost may have been the hosts: an anchor without them is valid for every host."""
    assert bootstrap("--hosts", "*.example.test").returncode == 0
    whole = (home / CONF).read_text()
    begin = whole.index("[localhost]")
    for length in (*range(begin, begin + 30), *range(begin + 30, len(whole) - 1, 7), len(whole) - 2):
        write_conf(home, whole[:length])
        done = home.pganchor("explain", "host=localhost")
        assert done.returncode != 0 and "anchors.conf" in done.stderr, whole[:length]
    # But an editor may leave out the last line end.
    write_conf(home, whole[:-1])
    assert "anchors.conf" not in home.pganchor("explain", "host=localhost").stderr


# What an edit leaves.

def test_line_ends_are_kept(home, bootstrap, root):
    """A line that changes keeps the line end that it had, and one that is added has its section's."""
    text = f"# mine\r\n[a]\r\npin = {root.fingerprint}\r\nhosts = x.test\r\n[b]\npin = {OLD.fingerprint}\n"
    write_conf(home, text)
    assert bootstrap("--hosts", "y.test", "--replace").returncode == 0
    assert (home / CONF).read_bytes().decode() == text.replace("x.test", "y.test").replace("[a]\r\n", "[a]\r\nscope = root.crt\r\n")


@pytest.mark.parametrize("end", ["", "\n", "\n\n", "\r\n"], ids=["no line end", "line end", "blank line", "CRLF"])
def test_a_new_section_behind_the_last_line(home, bootstrap, end):
    text = f"[old]\npin = {OLD.fingerprint}{end}"
    write_conf(home, text)
    assert bootstrap("--name", "new").returncode == 0
    assert (home / CONF).read_bytes().decode().startswith(f"{text}{'' if end else chr(10)}\n[new]\n")


@pytest.mark.parametrize("before", range(196, 203))
def test_a_long_line_is_shown_in_whole_characters(home, before):
    write_conf(home, f"{'x' * before}{'é' * 50}\n")
    said = home.pganchor("explain", "host=localhost").stderr
    assert "anchors.conf, line 1: " in said and "x" * 190 in said and "\\x" not in said


# What --replace leaves, and patterns that mean no host.

def section(home, name="localhost"):
    text = (home / CONF).read_text()
    return dict(line.split(" = ") for line in text[text.index(f"[{name}]"):].splitlines()[1:] if " = " in line)


@pytest.mark.parametrize("way", ["hosts", "another root"])
def test_replace_keeps_the_scope(home, bootstrap, https_ca, way):
    assert bootstrap("--scoped", "--name", "company").returncode == 0
    if way == "hosts":
        done = bootstrap("--hosts", "*.example.test", "--replace")
        assert section(home, "company")["hosts"] == "*.example.test"
    else:
        new = make_root("New Root CA")
        ca = https_ca(stepca_answers(new), authority=new)
        done = home.pganchor("bootstrap", "--ca-url", ca.url, "--fingerprint", new.fingerprint, "--name", "company", "--replace")
        assert section(home, "company")["pin"] == new.fingerprint
        assert (home / ".config/pganchor/anchors/company.crt").read_text() == new.pem
    assert done.returncode == 0 and "anchor company stays scoped, as it was" in done.stderr
    assert section(home, "company")["scope"] == "scoped" and not (home / ".postgresql").exists()


@pytest.mark.parametrize("words", [[], ["--replace"], ["--hosts", "*"]], ids=str)
def test_a_second_run_keeps_the_scope(home, bootstrap, words):
    assert bootstrap("--scoped").returncode == 0
    before = home.snapshot()
    done = bootstrap(*words)
    assert done.returncode == 0 and "Nothing was changed" in done.stdout and home.snapshot() == before
    assert "anchor localhost stays scoped, as it was: root.crt is left alone" in done.stderr and "--unscoped" in done.stderr
    assert done.stdout.endswith("Next: pganchor service add NAME --host HOST --anchor localhost\n")
    own = home / ".config/pganchor/anchors/localhost.crt"
    pem = own.read_text()
    own.unlink()  # What is missing comes back where it was, and nowhere else.
    assert bootstrap(*words).returncode == 0 and own.read_text() == pem and set(home.snapshot()) == set(before)


def test_and_goes_into_root_crt_as_is_said_then(home, bootstrap, root):
    assert bootstrap("--scoped").returncode == 0
    assert bootstrap("--unscoped").returncode == 0
    assert section(home)["scope"] == "root.crt" and root.pem in (home / ".postgresql/root.crt").read_text()
    before = home.snapshot()
    done = bootstrap("--unscoped")
    assert done.returncode == 0 and "Nothing was changed" in done.stdout and home.snapshot() == before


def test_one_scope_or_the_other(home, bootstrap):
    done = bootstrap("--scoped", "--unscoped")
    assert done.returncode == 2 and "--scoped and --unscoped: one of them" in done.stderr and home.snapshot() == {}


@pytest.mark.parametrize("pattern", ["10.0.0.0/8", "db:5432", "https://db", "[::1]", ".example.com", "db*.example.com"])
def test_patterns_that_mean_no_host(home, bootstrap, pattern):
    """One rule for the three places in which a person writes them."""
    why = f"neither *, *.DOMAIN, a host name nor an address: {pattern}\n"
    done = bootstrap("--hosts", f"db.example.com {pattern}")
    assert done.returncode == 2 and f"--hosts: {pattern}: neither" in done.stderr
    assert home.snapshot() == {}
    write_conf(home, f"[a]\npin = {OLD.fingerprint}\nhosts = db.example.com, {pattern}\n")
    assert why in home.pganchor("explain", "host=localhost").stderr
    (home / CONF).unlink()
    (home / ".config/pganchor/policy.conf").write_text(f"allow-weak = {pattern} db.example.com\n")
    assert why in home.pganchor("explain", "host=localhost").stderr
