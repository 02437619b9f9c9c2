"""cert issue --acme, through a real lego, with pebble, Let's Encrypt's CA for tests, and by a real DNS, which whoever has its key may change."""

import json

from acme import TSIG, pebble  # noqa: F401
from certs import Pair
from own_certificates import CERTS_CONF

ISSUE = ('pganchor anchor add --name pebble bed/tls.crt --fingerprint "$(cat bed/fingerprint)" >/dev/null\n'
         'pganchor cert issue db.example.test --for server --acme "$acme" --ca pebble --out-cert server.crt --out-key server.key --owner root --as db ')
DNS = "--dns-01 rfc2136 --dns-settings dns.settings "


def settings(home, secret=TSIG):
    """What lego's provider wants; it waits for a minute between two names by itself."""
    path = home / "dns.settings"
    path.write_text(f"RFC2136_NAMESERVER=127.0.0.1:53\nRFC2136_TSIG_ALGORITHM=hmac-sha256.\nRFC2136_TSIG_KEY=acme\nRFC2136_TSIG_SECRET={secret}\n"
                    "RFC2136_POLLING_INTERVAL=1\nRFC2136_SEQUENCE_INTERVAL=1\nRFC2136_TTL=1\n")
    path.chmod(0o600)


def test_by_dns(home, pebble):  # noqa: F811
    """A wildcard, too, which is by DNS alone; and a renewal, of the same pair, with nothing in the environment, as a timer's."""
    settings(home)
    done = pebble(ISSUE + DNS + "--san '*.db.example.test'\ncp server.crt first.crt\ncp server.key first.key\n"
                  'env -i HOME="$HOME" PATH="$PATH" pganchor cert renew --force --json >renewed\n'
                  '! knotc -c "$PWD/bed/knot.conf" zone-read example.test | grep _acme-challenge')
    assert done.returncode == 0, done.stderr
    first, now = Pair(home / "first.crt", home / "first.key"), Pair(home / "server.crt", home / "server.key")
    assert first.matches() and now.matches() and set(first.names()) == set(now.names()) == {"*.db.example.test", "db.example.test"}
    assert first.certificate.read_bytes() != now.certificate.read_bytes() and first.key.read_bytes() == now.key.read_bytes()
    assert json.loads((home / "renewed").read_text())["certificates"][0]["change"] == "renewed"
    # The root that it signs by is another than that of its TLS.
    assert "clients that have pinned that root alone will refuse the server" in done.stderr
    having = {path.name for path in home.path.rglob("*") if path.is_file() and path.parent.name != "bed" and TSIG in path.read_text()}
    assert having == {"dns.settings"}


def test_the_dns_takes_no_change(home, pebble):  # noqa: F811
    wrong = "d3Jvbmcgd3Jvbmcgd3Jvbmcgd3Jvbmcgd3Jvbmc="
    settings(home, wrong)
    done = pebble(ISSUE + DNS)
    assert done.returncode == 1 and "DNS" in done.stderr and wrong not in done.stdout + done.stderr, done.stderr
    assert not (home / "server.key").exists() and not (home / CERTS_CONF).exists()


def test_by_port_80(home, pebble):  # noqa: F811
    """The port is somebody else's at first, and then a web server's that does not have the answer: as it was before, each time."""
    done = pebble("python3 -m http.server --bind 127.0.0.1 80 >/dev/null 2>&1 &\nweb=$!\n"
                  "until curl -s http://127.0.0.1/ >/dev/null; do sleep 0.05; done\n" + ISSUE + "--http-01 127.0.0.1:80 2>taken && exit 9\n"
                  + ISSUE + '--http-01 "$PWD/bed" 2>invalid && exit 8\nkill "$web"\nwait "$web" || :\n'
                  + "[ ! -e server.crt ] && [ ! -e server.key ]\n" + ISSUE + "--http-01 127.0.0.1:80\ncp server.crt first.crt\n"
                  'kill -9 "$pebble"\nwait "$pebble" || :\npganchor cert renew db --force 2>down && exit 7\ncmp server.crt first.crt', REJECT="15")
    assert done.returncode == 0, done.stderr
    assert Pair(home / "server.crt", home / "server.key").matches()
    taken, invalid, down = ((home / name).read_text() for name in ("taken", "invalid", "down"))
    assert "address already in use" in taken and "give its directory: --http-01 /var/www/html" in taken
    assert "404" in invalid and "unauthorized" in invalid
    assert "connection refused" in down and "the old one is as before" in down


def test_nobody_has_pinned_its_root(home, pebble):  # noqa: F811
    done = pebble(ISSUE.partition("\n")[2].replace("--ca pebble ", "") + "--http-01 127.0.0.1:80")
    assert done.returncode == 1 and "unknown authority" in done.stderr and "--ca ANCHOR" in done.stderr, done.stderr
    assert not (home / "server.key").exists()
