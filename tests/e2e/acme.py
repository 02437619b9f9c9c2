"""ACME: a client that does as it is told, in the place of lego; and a CA, pebble, with a DNS, knot, in a network of their own."""

import json
import os

import pytest

from certificates import make_root

# It has the words of lego that matter, and then does what $HOME/does says; sign OPTION... signs the request with the CA beside it.
CLIENT = r"""#!/bin/sh
while [ $# -gt 0 ]; do
    case $1 in --path) path=$2 ;; --csr) csr=$2 ;; esac
    shift
done
mkdir -p "$path/certificates" && cd "$path/certificates" || exit 9
sign() {
    openssl x509 -req -in "$csr" -CA "$HOME/acme/ca.crt" -CAkey "$HOME/acme/ca.key" -days 90 -copy_extensions copyall "$@" 2>/dev/null
    cat "$HOME/acme/ca.crt"
}
. "$HOME/does"
"""


class Client:
    """lego, as far as pganchor can tell. does(script) is what it does from now on."""

    def __init__(self, home):
        self.home = home
        (home / "bin").mkdir()
        (home / "acme").mkdir()
        lego = home / "bin/lego"
        lego.write_text(CLIENT)
        lego.chmod(0o755)
        authority = make_root()
        authority.write_root(home / "acme/ca.crt")
        os.replace(authority.issue_self(home / "acme").key, home / "acme/ca.key")
        self.env = {"PATH": f"{home / 'bin'}:{home.environment()['PATH']}"}
        self.does("sign >db.crt")

    def does(self, script):
        (self.home / "does").write_text(script + "\n")

    def cert(self, *args, env=None, **kwargs):
        return self.home.pganchor("cert", *args, env={**self.env, **(env or {})}, **kwargs)

    def issue(self, *args, name="db.example.test", challenge=("--http-01", ":80"), **kwargs):
        return self.cert("issue", name, "--for", "server", "--acme", "https://localhost:1/directory", *challenge,
                         "--out-cert", "server.crt", "--out-key", "server.key", "--owner", "root" if os.geteuid() == 0 else "", "--as", "db", *args, **kwargs)

    def renew(self, *args, **kwargs):
        return self.cert("renew", "db", "--force", *args, **kwargs)


@pytest.fixture
def client(home):
    return Client(home)


# A DNS that takes changes from whoever has the key, and a CA that asks it; both gone with the network. $acme is the CA's directory.
PEBBLE = r"""
ip link set lo up
echo nameserver 127.0.0.1 >bed/resolv.conf
mount --bind bed/resolv.conf /etc/resolv.conf
knotd -c "$PWD/bed/knot.conf" >bed/knot.log 2>&1 &
knot=$!
PEBBLE_VA_NOSLEEP=1 PEBBLE_AUTHZREUSE=0 PEBBLE_WFE_NONCEREJECT=${REJECT:-0} pebble -config bed/pebble.json -dnsserver 127.0.0.1:53 >bed/pebble.log 2>&1 &
pebble=$!
trap 'kill -9 "$knot" "$pebble" || :' EXIT
until curl -s --noproxy '*' --cacert bed/tls.crt https://localhost:14000/dir >/dev/null; do sleep 0.05; done
until knotc -c "$PWD/bed/knot.conf" zone-read example.test @ SOA >/dev/null 2>&1; do sleep 0.05; done
acme=https://localhost:14000/dir
"""

KNOT = """server:
    listen: 127.0.0.1@53
    rundir: {bed}
    pidfile: {bed}/knot.pid
database:
    storage: {bed}
key:
  - id: acme
    algorithm: hmac-sha256
    secret: {secret}
acl:
  - id: acme
    key: acme
    action: update
zone:
  - domain: example.test
    storage: {bed}
    file: zone
    acl: acme
    journal-content: none
    zonefile-sync: -1
    zonefile-load: whole
"""

ZONE = """example.test. 60 SOA ns.example.test. root.example.test. 1 3600 600 86400 60
example.test. 60 NS ns.example.test.
ns.example.test. 60 A 127.0.0.1
db.example.test. 60 A 127.0.0.1
"""

TSIG = "dGhpcyBpcyBhIHNlY3JldCBvZiBETlMgdXBkYXRlcw=="


@pytest.fixture
def pebble(home):
    """pebble(script) runs it where pebble is at $acme, whose own TLS is of bed/tls.crt, and asks the DNS that TSIG changes."""
    bed = home / "bed"
    bed.mkdir()
    authority = make_root("pebble's TLS")
    authority.write_root(bed / "tls.crt")
    (bed / "fingerprint").write_text(authority.fingerprint)
    issued = authority.issue(bed, "localhost")
    (bed / "pebble.json").write_text(json.dumps({"pebble": {
        "listenAddress": "127.0.0.1:14000", "managementListenAddress": "127.0.0.1:15000", "certificate": str(issued.cert),
        "privateKey": str(issued.key), "httpPort": 80, "tlsPort": 443, "ocspResponderURL": "", "externalAccountBindingRequired": False}}))
    (bed / "knot.conf").write_text(KNOT.format(bed=bed, secret=TSIG))
    (bed / "zone").write_text(ZONE)

    def run(script, **env):
        alone = ["unshare", "-nm"] if os.geteuid() == 0 else ["unshare", "-rnm"]
        return home.run([*alone, "sh", "-euc", PEBBLE + script], env=env)

    return run
