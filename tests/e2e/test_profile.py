"""pganchor profile: what a profile may hold, where it comes from, and why it is believed."""

import json
import os
import shutil

import pytest

from certificates import make_root
from hostile import HANG, Cut, Drip, endless, huge, redirect, reply
from profiles import ZEROS, Minisign, anchor, digest, inline, profile, service

GOOD = profile(anchor(), service(dbname="orders", user="%u", anchor="acme-ca", password="ask"), ("policy", {"channel-binding": "require"}),
               message="Questions: #databases")


@pytest.fixture
def key(tmp_path):
    return Minisign(tmp_path)


@pytest.fixture
def acme(home):
    """acme(text) writes it as a file of the user's."""
    def write(text=GOOD, name="acme.profile"):
        path = home / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


def shown(home, *args, **kwargs):
    done = home.pganchor("profile", *args, "--json", **kwargs)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return json.loads(done.stdout)["profiles"]


def refused(home, *args, status=1, **kwargs):
    """What the error says, and its hint."""
    done = home.pganchor("profile", *args, **kwargs)
    assert (done.returncode, done.stdout) == (status, ""), done.stdout
    assert done.stderr.startswith("pganchor: ") and "\n    " in done.stderr, done.stderr
    return done.stderr


# ---- what it holds ----

def test_all_of_it_is_shown(home, acme):
    path = acme()
    before = home.snapshot()
    assert shown(home, path) == [{
        "profile": "acme", "version": 7, "message": "Questions: #databases", "source": str(path), "digest": digest(GOOD), "believed": "owner",
        "key_id": None, "key": None, "comment": None, "version_before": None,
        "anchors": [{"anchor": "acme-ca", "source": "https://ca.acme.example:9000", "certificate": None, "pins": [ZEROS],
                     "hosts": ["*.acme.example"], "scope": "root.crt"}],
        "services": [{"service": "orders", "settings": {"host": "db.acme.example", "dbname": "orders", "user": "%u"}, "anchor": "acme-ca",
                      "password": "ask"}],
        "policy": [{"key": "channel-binding", "value": "require"}]}]
    said = home.pganchor("profile", "acme.profile").stdout
    for line in ("acme, version 7: ", "    believed: nobody else can write the file\n", "    applied: not yet\n",
                 "service orders: host=db.acme.example dbname=orders user=%u, by the anchor acme-ca, password: ask\n"):
        assert line in said
    assert home.snapshot() == before


def test_it_may_hold_the_root_itself(home, acme):
    ca = make_root("Acme")
    [one] = shown(home, acme(profile(anchor(**inline(ca), scope="scoped"))))[0]["anchors"]
    assert (one["certificate"].strip(), one["source"], one["scope"]) == (ca.pem.strip(), None, "scoped")
    other = profile(anchor(**{**inline(ca), "fingerprint": ZEROS}))
    assert f"its certificate has another fingerprint than it says: {ca.fingerprint}" in refused(home, acme(other))


def test_a_root_may_be_one_of_several(home, acme):
    text = profile(anchor(fingerprint=f"{ZEROS} {'ab:' * 31}ab"))
    assert shown(home, acme(text))[0]["anchors"][0]["pins"] == [ZEROS, "ab" * 32]


A, S = anchor(), service()
WRONG = {
    "no profile": ("[anchor x]\nsource = https://ca\n", "no [profile] in it"),
    "nothing": ("", "no [profile] in it"),
    "no name": ("[profile]\nversion = 1\n", "line 1: a profile without a name"),
    "no version": ("[profile]\nname = acme\n", "line 1: a profile without a version"),
    "version 0": (profile(version=0), "line 3: not a version"),
    "version 1.2": (profile(version="1.2"), "line 3: not a version"),
    "a long version": (profile(version="1" * 19), "line 3: not a version"),
    "name": (profile(name="a/b"), "line 2: not a name for a profile"),
    "unknown key": (profile(url="x"), "line 4: no such key of [profile]: url"),
    "twice": (profile() + "name = other\n", "line 4: set twice in one section: name"),
    "version twice": (profile() + "version = 8\n", "line 4: set twice in one section: version"),
    "long message": (profile(message="x" * 1001), "line 4: a message of more than 1,000 bytes"),
    "section twice": (profile(("profile", {})), "line 5: this section is there twice: profile"),
    "policy twice": (profile(("policy", {}), ("policy", {})), "line 7: this section is there twice: policy"),
    "unknown section": (profile(("services", {})), "neither [profile], [anchor NAME], [service NAME] nor [policy]: services"),
    "before": ("name = acme\n", "line 1: a setting before any section: name"),
    "no line": (profile() + "sslmode\n", "line 4: neither a section nor a line of the form key = value"),
    "NUL": (profile() + "message = a\0b\n", "line 4: not a line of text: it holds a NUL"),
    "not UTF-8": (profile().encode() + b"message = a\xff\n", "line 4: not a line of text: it is no UTF-8"),
    "escape": (profile() + "# \x1b[2J\n", "line 4: not a line of text: it is no UTF-8, or has a character in it that steers"),
    "reversed": (profile(message="a\u202eb"), "line 4: not a line of text"),
    "too large": (profile() + "#" * 2**20, "larger than 1024 KiB"),

    "anchor's name": (profile(anchor("-x")), "line 5: not a name for an anchor: -x"),
    "no fingerprint": (profile(anchor(fingerprint=None)), "line 5: an anchor without fingerprint: acme-ca"),
    "short fingerprint": (profile(anchor(fingerprint="ab" * 20)), "line 7: not a fingerprint: SHA-256, 64 hex digits"),
    "fingerprint twice": (profile(anchor(fingerprint=f"{ZEROS} {ZEROS}")), "line 7: this fingerprint is there twice"),
    "many fingerprints": (profile(anchor(fingerprint=" ".join(f"{i:064x}" for i in range(17)))), "line 7: more fingerprints than an anchor has"),
    "no source": (profile(anchor(source=None)), "line 5: an anchor without source and certificate"),
    "standard input": (profile(anchor(source="-")), "line 6: no source of a root"),
    "relative": (profile(anchor(source="./root.crt")), "line 6: no source of a root"),
    "no hosts": (profile(anchor(hosts=None)), "line 5: an anchor without hosts"),
    "empty hosts": (profile(anchor(hosts=",")), "line 8: no host pattern"),
    "wrong hosts": (profile(anchor(hosts="*.a.example db:5432")), "line 8: neither *, *.DOMAIN, a host name nor an address: db:5432"),
    "certificate": (profile(anchor(source=None, certificate="AAAA")), "no certificate"),
    "base64": (profile(anchor(source=None, certificate="A AA")), "not base64 of a certificate's DER form"),
    "scope": (profile(anchor(scope="all")), "line 9: neither root.crt nor scoped: all"),
    "unknown anchor key": (profile(anchor(host="x")), "line 9: no such key of an anchor: host"),
    "anchor twice": (profile(A, anchor(fingerprint="ab" * 32)), "line 10: this anchor is there twice: acme-ca"),
    "root twice": (profile(A, anchor("other")), "line 10: another anchor has this fingerprint, too"),

    "no host": (profile(A, service(host=None)), "line 10: a service without a host: orders"),
    "a socket": (profile(A, service(host="/tmp")), "line 10: service orders: not a host, but a socket: /tmp"),
    "an address alone": (profile(A, service(host="", hostaddr="192.0.2.1")), "host: the value is empty"),
    "service twice": (profile(A, S, S), "line 13: this service is there twice: orders"),
    "service's name": (profile(A, service("a]b")), "neither a section"),
    "its anchor": (profile(A, service(anchor="other")), "line 10: service orders: the profile has no anchor of this name: other"),
    "its anchor's hosts": (profile(A, service(host="db.other.example", anchor="acme-ca")), "its anchor is not valid for db.other.example"),
    "one of its hosts": (profile(A, service(host="db.acme.example,db", anchor="acme-ca")), "its anchor is not valid for db"),
    "unknown setting": (profile(A, service(database="x")), "database: the installed libpq"),
    "wrong port": (profile(A, service(port="x")), 'invalid integer value "x"'),
    "libpq refuses": (profile(A, service(target_session_attrs="any-other")), 'libpq refuses it: invalid target_session_attrs value: "any-other"'),
    "setting twice": (profile(A, S) + "host = other\n", "line 12: set twice in one section: host"),
    "percent": (profile(A, service(dbname="%x")), "service orders: dbname: %x stands for nothing"),
    "percent at the end": (profile(A, service(dbname="50%")), "service orders: dbname: % stands for nothing"),
    "a library": (profile(A, service(sslkey="../../x:key")), "line 12: a profile names no library to be loaded, and what stands before the colon "
                                                             "of sslkey is one: ../../x:key"),
    **{f"ours: {ours}": (profile(A, service(**{ours: "x"})), f"line 12: pganchor sets this itself: every service of a profile is verify-full: {ours}")
       for ours in ("sslmode", "requiressl", "gssencmode", "sslrootcert", "sslcrl", "passfile", "service", "servicefile", "sslkeylogfile")},
    **{f"not allowed: {key}": (profile(A, service(**{key: "0"})), "line 12: not a setting that a service of a profile may have: it could weaken the "
                                                                  f"connection: {key}")
       for key in ("sslcompression", "sslsni", "gsslib", "requirepeer")},
    **{f"secret: {name}": (profile(A, service(**{name: "x"})), f"line 12: a profile holds no secret, and this names one: {name}")
       for name in ("sslpassword", "scram_client_key", "oauth_client_secret")},
    "weak binding": (profile(A, service(channel_binding="disable")), "weaker than one of a profile may be: channel_binding=disable"),
    "old TLS": (profile(A, service(ssl_min_protocol_version="TLSv1")), "ssl_min_protocol_version is older than TLSv1.2"),
    "old TLS alone": (profile(A, service(ssl_max_protocol_version="TLSv1.1", ssl_min_protocol_version="TLSv1")), "weaker than one of a profile may be"),

    "no such policy": (profile(("policy", {"modus": "enforce"})), "line 6: no such key: modus"),
    "policy's value": (profile(("policy", {"min-tls": "1.4"})), "line 6: not a value of this key: min-tls = 1.4"),
    "policy's auth": (profile(("policy", {"auth": "!md5"})), "line 6: not a list of methods"),
    "policy's key twice": (profile(("policy", {"min-tls": "1.3"})) + "min-tls = 1.3\n", "line 7: set twice in one section: min-tls"),
    "exempts": (profile(("policy", {"allow-weak": "x.example"})), "and this exempts hosts: allow-weak"),
    **{f"weak: {name}": (profile(("policy", {name: value})), f"this is weaker than what holds without it: {name} = {value}")
       for name, value in {"mode": "audit", "trust": "verified", "gss-encryption": "allow", "log": "off", "continuity-key": "issuer"}.items()},
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_profile_is_refused_with_its_line(home, acme, what):
    text, why = WRONG[what]
    path = acme(text)
    said = refused(home, path)
    assert "/acme.profile" in said and why in said, said
    assert "hunter2" not in said


def test_a_password_that_was_written_into_it_is_not_shown(home, acme):
    for text in (profile(A, service(password="hunter2")), profile(A, S) + "hunter2\n", profile(A, service(sslpassword="hunter2"))):
        assert "hunter2" not in refused(home, acme(text))


def test_every_value_of_the_policy_that_is_no_weaker(home, acme):
    """That of pganchor-policy(5), which is held against the policy itself elsewhere."""
    from test_manuals import policy_keys

    weak = {("mode", "audit"), ("trust", "verified"), ("gss-encryption", "allow"), ("log", "off"), ("continuity-key", "issuer")}
    for name, values in policy_keys().items():
        for value in values:
            done = home.pganchor("profile", acme(profile(("policy", {name: value}))))
            assert done.returncode == int((name, value) in weak), (name, value, done.stderr)


def test_the_environment_says_nothing_of_its_services(home, acme):
    env = {"PGSSLMODE": "disable", "PGHOST": "elsewhere", "PGPORT": "none", "PGCHANNELBINDING": "disable", "PGSERVICE": "none",
           "PGTARGETSESSIONATTRS": "none"}
    assert shown(home, acme(), env=env) == shown(home, acme())


def test_many_services(home, acme):
    text = profile(A, *(service(f"s{number}", anchor="acme-ca") for number in range(4096)))
    assert len(shown(home, acme(text))[0]["services"]) == 4096
    assert "more services than a profile has: one-more" in refused(home, acme(text + "[service one-more]\nhost = db.acme.example\n"))


# ---- why it is believed ----

def test_a_file_that_others_can_write_is_not_believed(home, acme):
    path = acme()
    path.chmod(0o666)
    said = refused(home, path)
    assert "somebody else could have written the profile" in said and "--sha256 HEX does without" in said
    assert shown(home, path, "--sha256", digest(GOOD))[0]["believed"] == "digest"
    path.chmod(0o644)
    (home / "open").mkdir()
    (home / "open").chmod(0o777)
    shutil.move(path, home / "open")
    assert "somebody else could have written the profile" in refused(home, home / "open/acme.profile")


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone gives a file away")
def test_a_file_of_somebody_elses_is_not_believed(home, acme):
    os.chown(acme(), 65534, 65534)
    assert "belongs to the user 65534" in refused(home, "acme.profile")


def test_standard_input_is_whose_who_types(home):
    assert shown(home, "-", input=GOOD)[0]["believed"] == "user"
    assert shown(home, "-", "--sha256", digest(GOOD), input=GOOD)[0]["believed"] == "digest"
    assert "its digest is " + digest(GOOD + "\n") in refused(home, "-", "--sha256", digest(GOOD), input=GOOD + "\n")


def test_no_such_file(home):
    assert "acme.profile: no such file" in refused(home, "acme.profile")
    said = refused(home, "acme.profile", "--sha256", "ab")
    assert "64" in said and "    sha256sum FILE shows it" in said and "root_ca.crt" not in said


def test_a_signed_file(home, acme, key):
    path = acme()
    key.sign(path, comment="acme, version 7")
    said = refused(home, path)
    assert f"signed by the key {key.id}, which is not trusted here" in said and "--public-key FILE" in said
    for given in (key.public, key.text):
        [one] = shown(home, path, "--public-key", given)
        assert (one["believed"], one["key_id"], one["key"], one["comment"]) == ("signature", key.id, key.text, "acme, version 7")
    # It need not be in a place of the user's own.
    path.chmod(0o666)
    assert "believed: signed by the key" in home.pganchor("profile", path, "--public-key", key.public).stdout


def test_a_signature_with_the_comment_that_minisign_makes_up(home, acme, key):
    """As `minisign -S -m FILE` by itself writes it, with tabs."""
    path = acme()
    assert "\t" in key.sign(path, comment=None).read_text()
    [one] = shown(home, path, "--public-key", key.public)
    assert one["believed"] == "signature" and "file:acme.profile" in one["comment"], one
    assert "believed: signed by the key" in home.pganchor("profile", path, "--public-key", key.public).stdout


@pytest.mark.parametrize("change", ["file", "comment", "signature", "other key", "same id", "old kind", "cut", "long", "twice"])
def test_a_signature_that_is_not_good(home, acme, key, change, tmp_path):
    path = acme()
    signature = key.sign(path, *(["-l"] if change == "old kind" else []))
    lines = signature.read_text().splitlines()
    given = key.public
    why = "the signature is not that of this file"
    if change == "file":
        acme(GOOD.replace("orders", "others"))
    elif change == "comment":
        lines[2] += "!"
    elif change == "signature":
        lines[1] = lines[1][:30] + ("A" if lines[1][30] != "A" else "B") + lines[1][31:]
    elif change == "other key":
        given, why = Minisign(tmp_path, "other").public, "and --public-key is"
    elif change == "same id":
        other = Minisign(tmp_path, "other").text
        given = key.text[:14] + other[14:]
    elif change == "old kind":
        why = "a signature of the old kind, which is not of the file's digest"
    elif change == "cut":
        lines, why = lines[:2], "not a signature of minisign's"
    elif change == "long":
        lines[1], why = lines[1] + "AAAA", "not a signature of minisign's"
    else:
        lines, why = lines * 2, "not a signature of minisign's"
    signature.write_text("\n".join(lines) + "\n")
    said = refused(home, path, "--public-key", given)
    assert why in said, said
    assert "for the tests" not in said


def test_a_comment_that_would_steer(home, acme, key):
    path = acme()
    signature = key.sign(path)
    signature.write_text(signature.read_text().replace("trusted comment: for", "trusted comment: \x1b[2Jfor"))
    assert "not a signature of minisign's" in refused(home, path, "--public-key", key.public)


def test_keys_that_are_none(home, acme, key):
    path = acme()
    key.sign(path)
    (home / "no.pub").write_text("untrusted comment: none\n" + key.text[:-4] + "\n")
    for given in ("no.pub", path, key.text[:-1] + "!"):
        assert "not a public key of minisign's" in refused(home, path, "--public-key", given)
    assert "no-such.pub" in refused(home, path, "--public-key", "no-such.pub")


def test_a_key_that_is_given_wants_a_signature(home, acme, key):
    assert "it is not signed: there is no" in refused(home, acme(), "--public-key", key.public)
    assert "standard input has no signature beside it" in refused(home, "-", "--public-key", key.public, input=GOOD)
    done = home.pganchor("profile", "--public-key", key.public)
    assert done.returncode == 2 and "--public-key goes with a PROFILE" in done.stderr


def test_the_machines_keys_are_trusted(home, acme, key, system):
    path = acme()
    key.sign(path)
    placed = system(key.public.read_text(), "profile-keys.d/acme.pub")
    system("no key", "profile-keys.d/README")
    assert shown(home, path)[0]["believed"] == "signature"
    placed.chmod(0o666)
    assert "only root may write the keys of profiles" in refused(home, path)


# ---- the machine's ----

def test_the_machines_profiles(home, key, system):
    assert home.pganchor("profile").stdout.startswith("no profile is in ")
    path = system(profile(name="b"), "profile.d/2.profile")
    system(profile(name="a"), "profile.d/3.profile")
    system("nothing", "profile.d/1.profile.bak")
    assert [(one["profile"], one["believed"]) for one in shown(home)] == [("b", "system"), ("a", "system")]
    assert shown(home, path)[0]["believed"] == "system"
    signature = key.sign(path)
    assert "which is not trusted here" in refused(home)
    system(key.public.read_text(), "profile-keys.d/acme.pub")
    one = shown(home)[0]
    assert (one["believed"], one["key_id"]) == ("system", key.id)
    said = home.pganchor("profile").stdout
    assert f"the administrator of this machine has put it there, and signed by the key {key.id}" in said
    signature.unlink()
    system(profile(name="b"), "profile.d/3.profile")
    assert "has a profile b, too" in refused(home)
    path.chmod(0o666)
    assert "only root may write the profile" in refused(home)


# ---- an address ----

@pytest.fixture
def served(https_ca, key, acme):
    """served(answers) -> a server of the profile and its signature, but for what the answers say else."""
    path = acme()
    signature = key.sign(path).read_bytes()
    path.unlink()

    def serve(answers=()):
        return https_ca({"/acme.profile": reply(GOOD), "/acme.profile.minisig": reply(signature), **dict(answers)})

    return serve


def test_an_address_that_is_not_https(home):
    said = refused(home, "http://ada:secret@intra.example.com/acme.profile")
    assert said == ("pganchor: the address of the profile: only https is possible\n"
                    "    such as https://intra.example.com/acme.profile\n")


def test_an_address_needs_a_digest_or_a_signature(home, served, key):
    server = served()
    url = server.url + "/acme.profile"
    said = refused(home, url)
    assert "nothing says that it is the profile that you want" in said and "--sha256 HEX" in said and "--public-key FILE" in said
    assert server.requests == []
    assert shown(home, url, "--sha256", digest(GOOD))[0]["believed"] == "digest"
    [one] = shown(home, url, "--public-key", key.public)
    assert (one["believed"], one["source"]) == ("signature", url)
    one = shown(home, url, "--public-key", key.public, "--sha256", digest(GOOD))[0]
    assert (one["believed"], one["key_id"]) == ("signature", key.id)
    assert "not the profile that you want: its digest is" in refused(home, url, "--sha256", ZEROS)


def test_only_over_tls(home, served, key):
    url = served().url.replace("https://", "http://") + "/acme.profile"
    assert "http" in refused(home, url, "--public-key", key.public)


def test_the_address_is_verified_where_somebody_is_named_for_that(home, served, key, tmp_path):
    server = served()
    other = make_root("Other").write_root(tmp_path / "other.crt")
    assert "is it another CA's file?" in refused(home, server.url + "/acme.profile", "--public-key", key.public, "--ca-file", other)


@pytest.mark.parametrize("answers, why", [
    ({"/acme.profile.minisig": reply("", "404 Not Found")}, "could not get the profile's signature"),
    ({"/acme.profile.minisig": reply("x" * 20000)}, "could not get the profile's signature"),
    ({"/acme.profile.minisig": reply("x")}, "not a signature of minisign's"),
    ({"/acme.profile": reply("", "404 Not Found")}, "check the address"),
    ({"/acme.profile": redirect("https://localhost/other")}, ""),
    ({"/acme.profile": huge()}, ""), ({"/acme.profile": endless()}, ""), ({"/acme.profile": HANG}, ""),
    ({"/acme.profile": Cut(b"[profile]\n")}, ""), ({"/acme.profile": Drip(b"[profile]\n" * 100)}, ""),
    ({"/acme.profile": reply(GOOD.replace("orders", "others"))}, "the signature is not that of this file"),
], ids=str)
def test_whatever_the_server_answers(home, served, key, answers, why):
    url = served(answers).url + "/acme.profile"
    assert why in refused(home, url, "--public-key", key.public, "--max-time", "1")


def test_an_address_with_a_query_has_no_signature(home, served, key):
    said = refused(home, served({"/acme.profile?v=7": reply(GOOD)}).url + "/acme.profile?v=7", "--public-key", key.public)
    assert "nobody knows where its signature is" in said


# ---- what was applied

def onboard(home, path, *args, status=0):
    done = home.pganchor("onboard", "--yes", path, *args)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stderr


def test_what_was_applied_is_not_taken_back(home, acme, key):
    """An older version, or one of the same name that somebody else has made."""
    path = acme(profile())
    signature = key.sign(path)
    assert home.pganchor("profile", path, "--public-key", key.public, "--pending").returncode == 0
    onboard(home, path, "--public-key", key.public)
    assert home.pganchor("profile", path, "--public-key", key.public, "--pending").returncode == 1
    assert "    applied: version 7, 2" in home.pganchor("profile", path, "--public-key", key.public).stdout
    conf = (home / ".config/pganchor/profiles.conf").read_text()
    assert f"key = {key.text}\n" in conf and f"digest = {digest(profile())}\n" in conf

    signature.unlink()
    before = home.snapshot()
    assert "is not signed, and the version that was applied was" in onboard(home, path, status=1)
    other = Minisign(home.path.parent, "other")
    other.sign(acme(profile(version=8)))
    assert home.pganchor("profile", path, "--public-key", other.public, "--pending").returncode == 0
    assert "is signed by another key than the version that was applied" in onboard(home, path, "--public-key", other.public, status=1)
    key.sign(acme(profile(version=6)))
    said = onboard(home, path, "--public-key", key.public, status=1)
    assert "version 6 of the profile acme is older than 7, which was applied" in said and "--allow-older" in said
    key.sign(acme(profile(message="new")))
    assert "version 7 of the profile acme says something else than the one that was applied" in onboard(home, path, "--public-key", key.public, status=1)
    after = home.snapshot()
    assert {name: one for name, one in after.items() if "acme" not in str(name)} == {name: one for name, one in before.items() if "acme" not in str(name)}

    key.sign(acme(profile(version=6)))
    onboard(home, path, "--public-key", key.public, "--allow-older")
    other.sign(acme(profile(version=8)))
    onboard(home, path, "--public-key", other.public, "--allow-other-key")
    assert f"key = {other.text}\n" in (home / ".config/pganchor/profiles.conf").read_text()


@pytest.mark.parametrize("text, why", [
    ("version = 1\n", "line 1: a setting before any [NAME]"), ("[acme]\nversion = x\n", "line 2: not a version: x"),
    ("[a/b]\n", "line 1: not a name for a profile"), ("[acme]\n[acme]\n", "line 2: this profile is there twice"),
    ("acme\n", "line 1: neither [NAME] nor a line of the form"), ("[acme]\nsource = \0\n", "line 2: not a line of text"),
    ("[acme]\nversion = 123456789012345678901\n", "line 2: not a version")])
def test_a_record_that_cannot_be_read_refuses(home, acme, text, why):
    path = acme(profile())
    onboard(home, path)
    (home / ".config/pganchor/profiles.conf").write_text(text)
    assert why in refused(home, path) and why in onboard(home, path, status=1)
