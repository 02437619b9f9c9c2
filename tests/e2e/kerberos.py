"""A real KDC on loopback, a PostgreSQL that takes GSSAPI encryption, and tickets for its user.

The KDC runs in the root directory of libpq 18, which has its programs.
"""

import shutil

import pytest

from machines import run
from postgres import HBA, USER, Clusters
from processes import Daemon, NotReady, free_port

REALM = "EXAMPLE.TEST"

KRB5_CONF = """\
[libdefaults]
default_realm = {realm}
dns_lookup_realm = false
dns_lookup_kdc = false
dns_canonicalize_hostname = false
rdns = false
udp_preference_limit = 1
[realms]
{realm} = {{
    kdc = 127.0.0.1:{port}
}}
[domain_realm]
localhost = {realm}
[logging]
kdc = STDERR
"""

KDC_CONF = """\
[kdcdefaults]
kdc_listen = ""
kdc_tcp_listen = 127.0.0.1:{port}
[realms]
{realm} = {{
    database_name = {directory}/principal
    key_stash_file = {directory}/stash
    acl_file = {directory}/acl
}}
"""


class Kerberos:
    """The realm: its KDC, and `keytab` with the keys of postgres/localhost and of the user."""

    def __init__(self, root, directory):
        self.root, self.directory = root, directory
        self.keytab = directory / "keytab"
        self.config = directory / "krb5.conf"
        self.env = {"PATH": "/usr/sbin:/usr/bin", "HOME": str(directory), "LC_ALL": "C",
                    "KRB5_CONFIG": str(self.config), "KRB5_KDC_PROFILE": str(directory / "kdc.conf")}
        self.configure(free_port())
        self.run("kdb5_util", "create", "-s", "-P", "the realm's master key")
        for principal in (USER, "postgres/localhost"):
            self.run("kadmin.local", "addprinc", "-randkey", principal)
            self.run("kadmin.local", "ktadd", "-k", self.keytab, principal)
        self.daemon = self.start()

    def configure(self, port):
        self.config.write_text(KRB5_CONF.format(realm=REALM, port=port))
        (self.directory / "kdc.conf").write_text(KDC_CONF.format(realm=REALM, port=port, directory=self.directory))

    def start(self, tries=5):
        for attempt in range(tries):
            daemon = Daemon(self.root.enter("/", self.env, ["krb5kdc", "-n"]), self.directory / "kdc.log")
            try:
                daemon.wait_for("commencing operation")
                return daemon
            except NotReady:
                daemon.stop()
                if attempt + 1 == tries:
                    raise
                self.configure(free_port())

    def run(self, *argv):
        run(*self.root.enter("/", self.env, argv))

    def log_in(self, home):
        """Put a ticket of the user into this home; the environment with which its programs find it."""
        ticket, config = home / "ticket", home / "krb5.conf"
        self.run("kinit", "-k", "-t", self.keytab, "-c", f"FILE:{self.directory}/ticket", USER)
        shutil.copyfile(self.directory / "ticket", ticket)
        shutil.copyfile(self.config, config)
        return {"KRB5_CONFIG": config, "KRB5CCNAME": f"FILE:{ticket}"}


@pytest.fixture(scope="session")
def kerberos(libpq_roots):
    root = libpq_roots(18)
    directory = root.directory / "homes" / "kerberos"
    directory.mkdir(mode=0o755)
    realm = Kerberos(root, directory)
    yield realm
    realm.daemon.stop()


@pytest.fixture(scope="session")
def kerberos_postgres(kerberos, session_directory, stepca):
    """A server that takes GSSAPI encryption with a ticket, and TLS with a password; its certificate is good."""
    directory = session_directory / "kerberos-pg"
    directory.mkdir(mode=0o755)
    clusters = Clusters(directory)
    clusters.env["KRB5_CONFIG"] = str(kerberos.config)
    keytab = directory / "keytab"
    shutil.copyfile(kerberos.keytab, keytab)
    clusters.give(keytab, 0o600)
    hba = f"hostgssenc all all 127.0.0.1/32 gss include_realm=0 krb_realm={REALM}\n" + HBA
    server = clusters.start(*stepca.issue("localhost"), settings={"krb_server_keyfile": keytab}, hba=hba)
    yield server
    server.stop()
