"""What stands between bootstrap and the CA: redirects, proxies, old TLS; and the addresses that CAs have."""

import ssl

import pytest

from bootstrapping import CONF, bootstrap, fails
from certificates import make_root
from hostile import close_at_once, redirect, reply, stepca_answers

# Redirects. Who is not verified yet must not choose whom this machine asks next.

TARGETS = ["https://localhost:{port}/moved", "https://127.0.0.1:{port}/root/x", "http://localhost:{port}/", "//localhost:{port}/x", "/moved",
           "file:///etc/passwd", "ftp://localhost:{port}/", "https://user:word@localhost:{port}/"]


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"])
@pytest.mark.parametrize("target", TARGETS)
def test_redirects_are_not_followed(lived_in, https_ca, impostor_ca, target, status):
    there = https_ca(stepca_answers(impostor_ca, prefix="/moved"), authority=impostor_ca)
    to = target.format(port=there.port)
    ca = https_ca(lambda request: redirect(to, status), authority=impostor_ca)
    fails(lived_in, ca, fingerprint=impostor_ca.fingerprint, why=["sent on to ", "Give the CA's own address"])
    assert there.connections == 0 and len(ca.requests) == 1


def test_a_redirect_of_health_is_not_followed(lived_in, https_ca, impostor_ca):
    """Nor that of a verified one: what it sends to need not be the CA."""
    there = https_ca(stepca_answers(impostor_ca), authority=impostor_ca)
    ca = https_ca({**stepca_answers(impostor_ca), "/health": redirect(f"{there.url}/health")}, authority=impostor_ca)
    fails(lived_in, ca, fingerprint=impostor_ca.fingerprint, why=f"/health: sent on to {there.url}/health")
    assert there.connections == 0


def test_what_a_redirect_says_is_shortened_and_steers_nothing(lived_in, https_ca, impostor_ca):
    to = "https://localhost/\u202e\x1b[31m" + "x" * 5000
    ca = https_ca(lambda request: reply(status="302 Found", headers=[f"Location: {to}"]), authority=impostor_ca)
    done = fails(lived_in, ca, fingerprint=impostor_ca.fingerprint, why="xxx...")
    assert "\x1b" not in done.stderr and "\u202e" not in done.stderr and len(done.stderr) < 1000


# TLS.

LENIENT = """
openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = default
[default]
CipherString = ALL:@SECLEVEL=0
MinProtocol = TLSv1
"""


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1], ids=["1.0", "1.1"])
def test_old_tls_where_openssl_is_told_to_take_it(lived_in, https_ca, impostor_ca, version):
    (lived_in / "openssl.cnf").write_text(LENIENT)
    env = {"OPENSSL_CONF": lived_in / "openssl.cnf"}
    ca = https_ca(stepca_answers(impostor_ca), authority=impostor_ca, tls={"maximum_version": version})
    alone = lived_in.run(["openssl", "s_client", "-connect", f"localhost:{ca.port}"], env=env, input="")
    assert "Cipher    : 0000" not in alone.stdout and alone.returncode == 0, "OpenSSL has to take it"
    fails(lived_in, ca, fingerprint=impostor_ca.fingerprint, env=env, why="no TLS")
    assert ca.requests == []


def test_a_root_that_only_has_the_name(lived_in, https_ca):
    """It is not verified; that it speaks TLS is not the question."""
    root = make_root("Company Root CA")
    ca = https_ca(stepca_answers(root), authority=make_root("Company Root CA"))
    fails(lived_in, ca, fingerprint=root.fingerprint, why=["/health: the server is not verified", "its own TLS certificate does not come from"])


# Proxies.

@pytest.mark.parametrize("way", ["--proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"])
def test_proxies(home, stepca, proxy, way):
    through = proxy()
    args, env = (["--proxy", through.url], {}) if way == "--proxy" else ([], {way: through.url})
    done = bootstrap(home, stepca, *args, fingerprint=stepca.fingerprint, env=env)
    assert done.returncode == 0, done.stderr
    assert through.asked == [f"localhost:{stepca.port}"] * 2


def test_an_ipv6_address(home, https_ca, impostor_ca, proxy):
    """By way of a proxy, so that it works where there is no IPv6."""
    ca = https_ca(stepca_answers(impostor_ca), authority=impostor_ca, names=("::1",))
    through = proxy()
    done = bootstrap(home, f"[::1]:{ca.port}/", "--proxy", through.url, fingerprint=impostor_ca.fingerprint)
    assert done.returncode == 0, done.stderr
    assert through.asked == [f"[::1]:{ca.port}"] * 2
    text = (home / CONF).read_text()
    assert f"[ipv6---1]\nsource = https://[::1]:{ca.port}\n" in text and f"\npin = {impostor_ca.fingerprint}\n" in text


def test_no_proxy(home, stepca, proxy):
    through = proxy()
    done = bootstrap(home, stepca, fingerprint=stepca.fingerprint, env={"https_proxy": through.url, "no_proxy": "localhost"})
    assert done.returncode == 0 and through.asked == []
    done = bootstrap(home, stepca, "--proxy", "", fingerprint=stepca.fingerprint, env={"https_proxy": through.url})
    assert done.returncode == 0 and through.asked == []


SECRET = "s3cr%40t"


@pytest.mark.parametrize("way", ["--proxy", "https_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("status, user, why", [
    ("403 Forbidden", "", ["does not let it through (HTTP 403)", "ask who runs the proxy"]),
    ("407 Proxy Authentication Required", "", ["wants a user and a password (HTTP 407)", "http://USER:PASSWORD@HOST:PORT"]),
    ("407 Proxy Authentication Required", f"me:{SECRET}@", ["does not take this user and password (HTTP 407)", "%40"]),
    ("502 Bad Gateway", f"me:{SECRET}@", ["could not connect there (HTTP 502)", "is the CA running"]),
    ("503 Service Unavailable", "", ["could not connect there (HTTP 503)", "is the CA running"]),
    ("302 Found", "", ["does not let it through (HTTP 302)"])], ids=str)
def test_a_proxy_that_refuses(lived_in, stepca, proxy, way, status, user, why):
    """It is named, and its password is not."""
    refusing = proxy(status=status)
    address = refusing.url.replace("//", f"//{user}")
    args, env = (["--proxy", address], {}) if way == "--proxy" else ([], {way: address})
    done = fails(lived_in, stepca, *args, fingerprint=stepca.fingerprint, env=env,
                 why=[f"{stepca.url}/root/{stepca.fingerprint}: the proxy {refusing.url} ", *why])
    assert "s3cr" not in done.stderr and "me:" not in done.stderr
    assert refusing.asked == [f"localhost:{stepca.port}"]


# What libcurl would take apart otherwise than the user meant, or not at all.
BAD_PROXIES = ["http://me:s3cr/t@127.0.0.1:1", "http://me:12/s3cr@127.0.0.1:1", "http://me:s3cr?t@127.0.0.1:1", "http://me:1#s3cr@127.0.0.1:1",
               "http://me:s3cr@127.0.0.1:99999", "http://me:s3cr@", "http://me:s3cr@a b", "ftp://me:s3cr@127.0.0.1:1", "http://me:s3cr@[::1"]


@pytest.mark.parametrize("address", BAD_PROXIES)
def test_a_proxy_that_is_no_address(lived_in, stepca, address):
    before = lived_in.snapshot()
    done, calls = lived_in.strace_sockets([lived_in.program.binary, "bootstrap", "--ca-url", stepca.url, "--fingerprint", stepca.fingerprint,
                                           "--proxy", address])
    assert done.returncode == 2 and "--proxy: not the address of a proxy" in done.stderr and "%2F" in done.stderr
    assert "s3cr" not in done.stderr and calls == [] and lived_in.snapshot() == before
    done = fails(lived_in, stepca, fingerprint=stepca.fingerprint, env={"https_proxy": address},
                 why="https_proxy: not the address of a proxy")
    assert "s3cr" not in done.stderr


def test_a_socks_proxy_that_is_none(lived_in, https_ca, stepca):
    silent = https_ca(before_tls=close_at_once)
    fails(lived_in, stepca, "--proxy", f"socks5h://127.0.0.1:{silent.port}", fingerprint=stepca.fingerprint,
          why=["the proxy does not let it through", "check --proxy"])


# Addresses.

def test_a_link_local_address(home, https_ca, impostor_ca, proxy):
    """Its zone is the interface of this machine that it holds on. By way of a proxy, so that it works where there is no IPv6."""
    ca = https_ca(stepca_answers(impostor_ca), authority=impostor_ca, names=("fe80::1",))
    for zone in ("%25lo", "%lo"):
        done = bootstrap(home, f"https://[fe80::1{zone}]:{ca.port}", "--proxy", proxy().url, fingerprint=impostor_ca.fingerprint)
        assert done.returncode == 0, done.stderr
    text = (home / CONF).read_text()
    assert f"[ipv6-fe80--1]\nsource = https://[fe80::1%25lo]:{ca.port}\n" in text and f"\npin = {impostor_ca.fingerprint}\n" in text


def test_the_zone_is_where_it_connects(home):
    done, calls = home.strace_sockets([home.program.binary, "bootstrap", "--ca-url", "https://[fe80::1%25lo]:9", "--fingerprint", "ab" * 32])
    assert done.returncode == 1 and "https://[fe80::1%25lo]:9/" in done.stderr
    connects = [call.line for call in calls if call.name == "connect" and call.family == "AF_INET6"]
    if any(call.family == "AF_INET6" for call in calls):
        assert any('sin6_scope_id=if_nametoindex("lo")' in line for line in connects), connects


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
@pytest.mark.parametrize("written, name", [
    ("B\u00fccher.example", "xn--bcher-kva.example"), ("b\u00fccher\u3002example", "xn--bcher-kva.example"),
    ("xn--bcher-kva.example", "xn--bcher-kva.example"), ("\u0431\u0430\u0437\u0430.example", "xn--80aabz.example")])
def test_international_names(home, https_ca, impostor_ca, proxy, written, name, locale):
    """Kept as DNS and certificates have them, which libpq and OpenSSL compare byte for byte."""
    ca = https_ca(stepca_answers(impostor_ca), authority=impostor_ca, names=(name,))
    through = proxy()
    done = bootstrap(home, f"{written}:{ca.port}", "--proxy", through.url, "--hosts", f"*.{written}, db.{written}", "--json",
                     fingerprint=impostor_ca.fingerprint, env={"LC_ALL": locale})
    assert done.returncode == 0, done.stderr
    assert through.asked == [f"{name}:{ca.port}"] * 2
    text = (home / CONF).read_text()
    assert f"[{name}]" in text and f"source = https://{name}:{ca.port}\n" in text and f"hosts = *.{name} db.{name}\n" in text
    assert text.isascii()


@pytest.mark.parametrize("args, why", [
    (["--ca-url", "https://-\u00fc"], "cannot be made an international host name"), (["--ca-url", "https://h\udcff"], "not UTF-8"),
    (["--ca-url", "https://ex\uff20mple"], "--ca-url"), (["--ca-url", "https://a\u2066b"], "invisible"),
    (["--ca-url", "h", "--hosts", "-\u00fc"], "-\u00fc: cannot be made an international host name"),
    (["--ca-url", "h", "--hosts", "*.*.b\u00fc.example"], "cannot be made"), (["--ca-url", "h", "--hosts", "\udcff"], "cannot be made")],
    ids=ascii)
def test_international_names_that_are_none(home, args, why):
    done, calls = home.strace_sockets([home.program.binary, "bootstrap", *args, "--fingerprint", "ab" * 32])
    assert done.returncode == 2 and why in done.stderr and calls == [] and home.snapshot() == {}


@pytest.mark.parametrize("args", [["--host", "B\u00fccher.example,db,/run/b\u00fc"], ["host=b\u00fccher.example,db,/run/b\u00fc"]], ids=ascii)
def test_an_international_host_of_a_service(home, args):
    """As UTF-8, libpq would look it up and compare it byte for byte."""
    done = home.pganchor("service", "add", "x", *args, env={"LC_ALL": "C"})
    assert done.returncode == 0, done.stderr
    assert "host=xn--bcher-kva.example,db,/run/b\u00fc\n" in (home / ".pg_service.conf").read_text()


@pytest.mark.parametrize("host", ["-\u00fc", "h\udcff", "db,-\u00fc"], ids=ascii)
def test_an_international_host_of_a_service_that_is_none(home, host):
    done = home.pganchor("service", "add", "x", "--host", host)
    assert done.returncode == 2 and "cannot be made an international host name" in done.stderr and home.snapshot() == {}
