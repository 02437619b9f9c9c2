"""anchor refresh: what the sources have now, and what waits for a person."""

import json

import pytest

from certificates import EXPIRED, make_root
from hostile import reply, stepca_answers
from services import environment
from test_rotation import certificates, own, pins, refresh, refreshed, states

CONF = ".config/pganchor/anchors.conf"
NOTICES = ".local/state/pganchor/notices"


def lists(*roots, federated=()):
    return {"/roots": reply(json.dumps({"crts": [root.pem for root in roots]}), "201 Created"),
            "/federation": reply(json.dumps({"crts": [root.pem for root in federated] or None}), "201 Created")}


@pytest.fixture
def company():
    return make_root("Company Root CA")


@pytest.fixture
def ca(home, https_ca, company):
    """A CA that has one root, which is pinned as localhost; ca.answers is what it says."""
    answers = {**stepca_answers(company), **lists(company)}
    server = https_ca(lambda request: answers.get(request.path, reply("", "404 Not Found")), authority=company)
    server.answers = answers
    done = home.pganchor("bootstrap", "--ca-url", server.url, "--fingerprint", company.fingerprint)
    assert done.returncode == 0, done.stderr
    return server


def test_what_it_is_federated_with_is_pinned_too(home, ca, company):
    other, next_one = make_root("Federated Root CA"), make_root("Next Root CA")
    ca.answers.update(lists(company, next_one, federated=[company, other]))
    assert states(refreshed(home)) == [("localhost", "known"), ("localhost-2", "new"), ("localhost-3", "new")]
    assert pins(home) == {"localhost": company.fingerprint, "localhost-2": next_one.fingerprint, "localhost-3": other.fingerprint}
    assert set(certificates(home, own())) == {company.pem, other.pem, next_one.pem}


@pytest.mark.parametrize("count, why", [(301, "301 roots, too many"), (10000, "an answer of more than 1 MiB")])
def test_a_ca_with_too_many_roots(home, ca, company, count, why):
    ca.answers["/roots"] = reply(json.dumps({"crts": [company.pem] * count}), "201 Created")
    before = home.snapshot()
    done = refresh(home)
    assert done.returncode == 1 and why in done.stderr and done.stderr.count("\n") <= 3
    after = home.snapshot()
    assert {name for name in after if after[name] != before.get(name)} <= {
        ".local", ".local/state", ".local/state/pganchor", NOTICES, ".config/pganchor/manifest"}
    assert "could not be refreshed" in home.pganchor("status", "--all").stdout
    ca.answers.update(lists(company))
    assert refresh(home).returncode == 0 and "could not be refreshed" not in home.pganchor("status", "--all").stdout


def test_a_root_that_libpq_cannot_use_is_told_of(home, ca, company):
    ca.answers.update(lists(company, make_root("Weak Root CA", key="rsa1024")))
    report = refreshed(home, status=3)
    assert [root["state"] for root in report["sources"][0]["roots"]] == ["known", "unusable"]
    assert list(pins(home)) == ["localhost"] and "libpq cannot use" in home.pganchor("status", "--all").stdout


def test_another_ca_at_the_address_proves_nothing(home, ca, https_ca, company, impostor_ca):
    impostor = https_ca({**lists(company, impostor_ca)}, authority=impostor_ca)
    conf = home / CONF
    conf.write_text(conf.read_text().replace(ca.url, impostor.url))
    sources = home / ".config/pganchor/sources.conf"
    sources.write_text(sources.read_text().replace(ca.url, impostor.url))
    done = refresh(home)
    assert done.returncode == 1 and "not verified" in done.stderr and list(pins(home)) == ["localhost"]


def test_an_expired_root_says_what_to_do(home, https_ca, ca, company):
    over = make_root("Old Root CA", days=EXPIRED)
    conf = home / CONF
    conf.write_text(conf.read_text().replace(company.fingerprint, over.fingerprint))
    (home / own()).write_text(over.pem)
    done = refresh(home)
    assert done.returncode == 1 and "has expired on" in done.stderr
    assert f"pganchor bootstrap --ca-url {ca.url} --fingerprint HEX" in done.stderr
    assert "--fingerprint HEX" in home.pganchor("status", "--all").stdout


@pytest.mark.parametrize("written", [lambda url: url + "/", lambda url: url.replace("localhost", "LOCALHOST")], ids=["slash", "upper case"])
def test_an_address_that_is_written_otherwise(home, ca, company, written):
    conf, sources = home / CONF, home / ".config/pganchor/sources.conf"
    for path in (conf, sources):
        path.write_text(path.read_text().replace(ca.url, written(ca.url)))
    next_one = make_root("Next Root CA")
    ca.answers.update(lists(company, next_one))
    assert states(refreshed(home)) == [("localhost", "known"), ("localhost-2", "new")]
    assert states(refreshed(home)) == [("localhost", "known"), ("localhost-2", "known")]


def test_two_anchors_of_one_source_with_other_hosts(home, ca, company):
    second, third = make_root("Second Root CA"), make_root("Third Root CA")
    ca.answers.update({**lists(company, second), **{f"/root/{second.fingerprint}": reply(json.dumps({"ca": second.pem}))}})
    conf = home / CONF
    conf.write_text(conf.read_text() + f"\n[second]\nsource = {ca.url}\nhosts = *.second.example\npin = {second.fingerprint}\n")
    (home / own("second")).write_text(second.pem)
    ca.answers.update(lists(company, second, third))
    before = len(ca.requests)
    report = refreshed(home)
    assert len(ca.requests) == before + 2, "asked once for both"
    assert sorted(states(report)) == [("localhost", "known"), ("localhost-2", "new"), ("second", "known")]
    # What is for some hosts alone does not come into a file that is for all.
    assert set(certificates(home, own())) == {company.pem, third.pem}
    assert set(certificates(home, own("second"))) == {second.pem, company.pem, third.pem}


def test_a_rotation_that_was_stopped_before_the_files_is_finished(home, ca, company):
    next_one = make_root("Next Root CA")
    ca.answers.update(lists(company, next_one))
    assert refresh(home).returncode == 0
    (home / own()).write_text(company.pem)
    (home / own("localhost-2")).unlink()
    assert refresh(home).returncode == 0
    assert certificates(home, own()) == [company.pem, next_one.pem]
    assert certificates(home, own("localhost-2")) == [next_one.pem, company.pem]


def test_an_error_of_one_is_no_others(home, ca, company, https_ca):
    other = make_root("Other Root CA")
    gone = https_ca({**stepca_answers(other), **lists(other)}, authority=other)
    assert home.pganchor("bootstrap", "--ca-url", gone.url, "--fingerprint", other.fingerprint, "--name", "a-gone").returncode == 0
    gone.answer = None
    sources = home / ".config/pganchor/sources.conf"
    ca.answers.update(lists(company, make_root("Next Root CA")))
    for path in (home / CONF, sources):
        path.write_text(path.read_text().replace(gone.url, "https://localhost:1"))
    done = refresh(home)
    assert done.returncode == 1 and "localhost:1" in done.stderr and "localhost-2" in pins(home)


def test_due_asks_nobody_who_was_asked(home, ca, company):
    before = len(ca.requests)
    done = refresh(home, "--due")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "") and len(ca.requests) == before
    sources = home / ".config/pganchor/sources.conf"
    sources.write_text("".join("checked = 2020-01-01T00:00:00Z\n" if line.startswith("checked") else line
                               for line in sources.read_text().splitlines(True)))
    done = refresh(home, "--due")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "") and len(ca.requests) == before + 2
    assert "checked = 2020" not in sources.read_text()


def test_a_file_that_changes_is_shown_and_not_pinned(home, company):
    bundle = home / "roots.pem"
    bundle.write_text(company.pem)
    done = home.pganchor("anchor", "add", bundle, "--fingerprint", company.fingerprint, "--name", "company")
    assert done.returncode == 0, done.stderr
    assert refresh(home).returncode == 0
    new = make_root("New Root CA")
    bundle.write_text(company.pem + new.pem)
    before = (home / CONF).read_bytes()
    report = refreshed(home, status=3)
    assert [root["state"] for root in report["sources"][0]["roots"]] == ["known", "not-pinned"] and report["sources"][0]["changed"]
    assert (home / CONF).read_bytes() == before
    told = home.pganchor_tty("anchor", "list").output
    assert f"pganchor: notice: anchor company: {bundle} has changed" in told and new.fingerprint in told
    assert "notice" not in home.pganchor("anchor", "list").stderr
    assert "anchor company waits for you" in home.pganchor("status", "--all").stdout
    # Pinned by the user, it is settled.
    assert home.pganchor("anchor", "add", bundle, "--fingerprint", new.fingerprint, "--name", "new").returncode == 0
    assert "notice" not in home.pganchor_tty("anchor", "list").output


def test_a_notice_cannot_steer_the_terminal(home, ca):
    (home / NOTICES).parent.mkdir(parents=True)
    (home / NOTICES).write_text("localhost\tnew-root\t1700000000\t-\tlook \x1b[31m here\u202e\n" + "no notice\n" + "x\ty\n")
    told = home.pganchor_tty("anchor", "list").output
    assert "notice: anchor localhost: look \\x1B[31m here" in told and "\u202e" not in told
