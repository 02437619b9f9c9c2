"""Daemons of Debian, unchanged, that call chroot or drop their privileges before they connect: weak and verified, audited and enforced."""

import os
import re
import signal
from urllib.parse import quote

import pytest

from cells import DATABASE, cells  # noqa: F401
from processes import Daemon, free_port

pytestmark = [pytest.mark.whole, pytest.mark.skipif(os.geteuid() != 0, reason="root alone can make a machine in a directory")]

STRONG = {"sslmode": "verify-full", "sslrootcert": "/root.crt", "gssencmode": "disable"}
WEAK = {"sslmode": "disable", "gssencmode": "disable"}
REFUSED = "pganchor refused this connection: sslmode=disable (conninfo) is weaker than verify-full"


@pytest.fixture(params=["weak, enforced", "weak, audited", "verified, enforced", "verified, audited"])
def case(request, system):
    """(what libpq is told, whether the connection is made)"""
    settings = WEAK if "weak" in request.param else STRONG
    system("unix-socket = refuse\n" + ("mode = audit\n" if "audited" in request.param else ""))
    return settings, request.param != "weak, enforced"


def run(home, cells, script):
    done = home.run(cells.words("bash", "-c", script), cwd="/", env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
    return done.stdout + done.stderr


def words_of(settings):
    return " ".join(f"{key}={value}" for key, value in settings.items())


def url(server, settings):
    return (f"postgresql://{server.user}:{quote(server.password)}@127.0.0.1:{server.port}/{DATABASE}?" +
            "&".join(f"{key}={value}" for key, value in settings.items()))


def came(server, before, encrypted):
    """The server let a user in since, with TLS or without."""
    server.settle()
    lines = [line for line in server.daemon.text()[before:].splitlines() if "connection authorized" in line]
    return bool(lines) and all(("SSL enabled" in line) == encrypted for line in lines)


@pytest.fixture
def seen(postgres, case):
    """Called at the end of a test: the server has seen what it was to see, and nothing of what was refused."""
    before, connections = len(postgres.daemon.text()), postgres.connections()
    settings, made = case

    def check():
        assert came(postgres, before, settings is STRONG) if made else postgres.connections() == connections

    return check


def test_powerdns(home, cells, postgres, case, seen, tmp_path):
    """It loads its backend, calls chroot, becomes another user, and connects."""
    settings, made = case
    argv = ["pdns_server", "--config-dir=/nowhere", "--daemon=no", "--guardian=no", "--disable-syslog", "--write-pid=no", "--socket-dir=/",
            f"--local-address=127.0.0.1:{free_port()}", "--launch=gpgsql", "--gpgsql-host=127.0.0.1", f"--gpgsql-port={postgres.port}",
            f"--gpgsql-user={postgres.user}", f"--gpgsql-password={postgres.password}", f"--gpgsql-dbname={DATABASE}",
            f"--gpgsql-extra-connection-parameters={words_of(settings)}", "--chroot=/cell", "--setuid=pdns", "--setgid=pdns"]
    daemon = Daemon(cells.words(*argv), tmp_path / "log", env=home.environment())
    try:
        daemon.wait_for("ready to distribute questions|refused")
    finally:
        daemon.stop(signal.SIGKILL)
    assert "Chrooted to '/cell'" in daemon.text()
    assert ("ready to distribute questions" in daemon.text()) == made, daemon.text()
    assert (REFUSED in daemon.text()) != made, daemon.text()
    seen()


KAMAILIO = """
children=1
disable_tcp=yes
listen=udp:127.0.0.1:{port}
loadmodule "db_postgres.so"
loadmodule "sqlops.so"
loadmodule "pv.so"
loadmodule "xlog.so"
{parameters}
modparam("sqlops", "sqlcon", "ca=>postgres://{server.user}:{password}@127.0.0.1:{server.port}/{database}")
modparam("sqlops", "connect_mode", 1)
event_route[core:worker-one-init] {{
    if (sql_query("ca", "select 41+1", "ra") > 0) {{ xlog("L_ERR", "the answer is $dbr(ra=>[0,0])\\n"); }}
}}
request_route {{ exit; }}
"""


def test_kamailio(home, cells, postgres, case, seen, tmp_path):
    """The same, with a connection for each of its processes."""
    settings, made = case
    cells.write("etc/kamailio.cfg", KAMAILIO.format(
        port=free_port(), server=postgres, password=postgres.password, database=DATABASE,
        parameters="\n".join(f'modparam("db_postgres", "con_param", "{key}={value}")' for key, value in settings.items())))
    argv = ["kamailio", "-DD", "-E", "-f", "/etc/kamailio.cfg", "-t", "/cell", "-u", "kamailio", "-g", "kamailio", "-m", "16", "-M", "4"]
    daemon = Daemon(cells.words(*argv), tmp_path / "log", env=home.environment())
    try:
        daemon.wait_for("the answer is|refused")
    finally:
        daemon.stop(signal.SIGKILL)
    assert ("the answer is 42" in daemon.text()) == made, daemon.text()
    assert (REFUSED in daemon.text()) != made, daemon.text()
    seen()


def test_dovecot(home, cells, postgres, case, seen):
    """Its process for passwords is one of the user dovecot, and here in a directory of its own."""
    settings, made = case
    cells.write("etc/dovecot/dovecot.conf", f"""
protocols =
ssl = no
log_path = /var/log/dovecot.log
service auth {{
  chroot = /cell
}}
passdb {{
  driver = sql
  args = /etc/dovecot/sql.conf
}}
userdb {{
  driver = static
  args = uid=65534 gid=65534 home=/nonexistent
}}
""")
    cells.write("etc/dovecot/sql.conf", f"""
driver = pgsql
connect = host=127.0.0.1 port={postgres.port} user={postgres.user} password='{postgres.password}' dbname={DATABASE} {words_of(settings)}
password_query = SELECT '%u' AS user, 'secret' AS password
default_pass_scheme = PLAIN
""")
    told = run(home, cells, "rm -f /var/log/dovecot.log; dovecot; doveadm auth test alice secret; doveadm stop; cat /var/log/dovecot.log")
    assert ("auth succeeded" in told) == made, told
    assert (REFUSED in told) != made, told
    seen()


def test_postfix(home, cells, postgres, case, seen):
    """smtpd opens its tables, calls chroot, and asks them when a mail comes."""
    settings, made = case
    port = free_port()
    cells.write("etc/postfix/main.cf", """
compatibility_level = 3.6
maillog_file = /var/log/mail.log
mydestination = example.test
myhostname = mail.example.test
mynetworks =
alias_maps =
local_recipient_maps = pgsql:/etc/postfix/recipients.cf
smtpd_recipient_restrictions = reject_unauth_destination
smtpd_tls_security_level = none
inet_protocols = ipv4
""")
    cells.write("etc/postfix/recipients.cf",
                # The URI says all; the others have to be there.
                f"hosts = {url(postgres, settings)}\ndbname = x\nuser = x\npassword = x\nquery = SELECT 'yes' WHERE '%s' = 'alice@example.test'\n")
    master = (cells / "usr/share/postfix/master.cf.dist").read_text()
    cells.write("etc/postfix/master.cf", re.sub(r"(?m)^smtp( +)inet", rf"127.0.0.1:{port}\1inet", master))
    told = run(home, cells, f"rm -f /var/log/mail.log; postfix start; exec 3<>/dev/tcp/127.0.0.1/{port}; read -r -t 30 greeting <&3\n"
               "for line in 'HELO localhost' 'MAIL FROM:<bob@example.org>' 'RCPT TO:<alice@example.test>' QUIT; do\n"
               "printf '%s\\r\\n' \"$line\" >&3; read -r -t 30 answer <&3; echo \"$answer\"; done\npostfix stop; cat /var/log/mail.log")
    assert ("250 2.1.5 Ok" in told) == made, told
    assert (REFUSED in told) != made, told
    seen()
