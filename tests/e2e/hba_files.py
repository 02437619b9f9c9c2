"""Files pg_hba.conf: as distributions' packages and operators make them, and such as nobody should have; and a network of its own, in
which whoever comes from far away is here, too."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from audited import PYTHON
from postgres import SUPERUSER

COMERS = Path(__file__).parent / "programs/comers.py"

# What the tests get in by, before the rest of a file.
BEFORE = f"local all {SUPERUSER} peer map=tests\nhostssl all auditor 127.0.0.1/32 scram-sha-256\n"

# Its own addresses are the loopback's; these are routed to it all the same.
NETWORK = """
PATH=$PATH:/usr/sbin:/sbin
ip link set lo up
ip route add local 10.0.0.0/8 dev lo
ip route add local 192.0.2.0/24 dev lo
ip -6 route add local 2001:db8::/32 dev lo
echo ready
exec cat
"""
NEAR = ("127.0.0.1", "::1")
FAR = ("10.1.2.3", "192.0.2.7", "2001:db8::7")


@pytest.fixture(scope="module")
def network():
    """The words before a command that run it there."""
    root = os.geteuid() == 0
    unshare = ["unshare", "--net", *([] if root else ["--map-current-user", "--keep-caps"])]
    if subprocess.run([*unshare, "true"], stdin=subprocess.DEVNULL, capture_output=True).returncode != 0:
        pytest.skip("no network namespace can be made here")
    with subprocess.Popen([*unshare, "sh", "-ec", NETWORK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "ready\n"
        yield ["nsenter", f"--target={holder.pid}", "--net", *([] if root else ["--user", "--preserve-credentials"]), "--"]
        holder.stdin.close()


def come(network, server, comers):
    """{(address, user, database, tls): what the server answers}"""
    done = subprocess.run([*network, PYTHON, COMERS, str(server.port)], input=json.dumps(comers), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return dict(zip(map(tuple, comers), json.loads(done.stdout)))


def is_refused(answer):
    return answer.startswith(("28000 no pg_hba.conf entry", "28000 pg_hba.conf rejects"))


def initdb(template, local, host):
    """What initdb makes with these methods, out of what it has made with "reject"."""
    return re.sub(r"^(local|host)(\s.*\s)reject$", lambda line: line[1] + line[2] + (local if line[1] == "local" else host), template, flags=re.M)


def debian(template):
    """pg_createcluster's."""
    own = "\n# DO NOT DISABLE!\n# Database administrative login by Unix domain socket\nlocal   all             postgres                                peer\n\n"
    return initdb(template, "peer", "scram-sha-256").replace("# TYPE  DATABASE", f"{own}# TYPE  DATABASE")


NIXOS = """\
# Generated file; do not edit!
# default value of services.postgresql.authentication
local all all              peer
host  all all 127.0.0.1/32 md5
host  all all ::1/128      md5
"""

CLOUDNATIVEPG = """
#
# FIXED RULES
#

# Grant local access ('local' user map)
local all all peer map=local

# Require client certificate authentication for the streaming_replica user
hostssl postgres streaming_replica all cert map=cnpg_streaming_replica
hostssl replication streaming_replica all cert map=cnpg_streaming_replica
hostssl all cnpg_pooler_pgbouncer all cert map=cnpg_pooler_pgbouncer

#
# USER-DEFINED RULES
#



#
# DEFAULT RULES
#
host all all all scram-sha-256
"""

SPILO = """\
local   all             all                                   trust
hostssl all             +zalandos    127.0.0.1/32       pam
host    all             all                127.0.0.1/32       md5
hostssl all             +zalandos    ::1/128            pam
host    all             all                ::1/128            md5
local   replication     standby                    trust
hostssl replication     standby all                md5
hostnossl all           all                all                reject
hostssl all             +zalandos    all                pam
hostssl all             all                all                md5
"""

WORLD = "host all all all scram-sha-256"

# By who makes them: packages of distributions, or initdb as they have it called, an image, two operators, and Windows. With each, the
# lines of it that let somebody in from far away without TLS.
MADE = {
    "debian": (debian, []),
    "fedora": (lambda template: initdb(template, "peer", "ident"), []),
    "arch": (lambda template: initdb(template, "trust", "trust"), []),
    "nixos": (lambda template: NIXOS, []),
    "docker": (lambda template: initdb(template, "trust", "trust") + f"\n{WORLD}\n", [WORLD]),
    "cloudnativepg": (lambda template: CLOUDNATIVEPG, [WORLD]),
    "spilo": (lambda template: SPILO, []),
    "windows": (lambda template: initdb(template, "scram-sha-256", "scram-sha-256").replace("\n", "\r\n"), []),
}


# With the numbers of the lines that let somebody in from far away without TLS: behind those of BEFORE; and of those among
# them that nobody gets to.
HORRORS = {
    "all of the world, as the machine itself": ("host all all 127.0.0.1/0 trust\nhost all all ::1 :: md5\n", {3, 4}),
    "all of the world, otherwise": ("host all all 0.0.0.0 0.0.0.0 trust\nhost all all ::0/0 password\n", {3, 4}),
    "nearly the machine itself": ("host all all 127.0.0.0/7 trust\nhost all all 126.0.0.0 254.0.0.0 trust\n", {3, 4}, 4),
    "the machine itself, in other words": ("host all all 127.0.0.1 255.255.255.255 md5\nhost all all samehost md5\n", set()),
    "quoted": ("\"host\" \"all\" \"all\" \"10.0.0.0/8\" \"md5\"\nhost \"replication\" all 10.0.0.0/8 trust\nhost replication all 10.0.0.0/8 md5\n", {3, 4, 5}, 5),
    "in pieces": ("ho\\\nst a\\\nll all \\\n10.0.0.0\\\n/8 scram-sha-256\\\n\nhost all all 192.0.2.0/24\\\r\n md5\r\n", {3, 9}),
    "comments that go on": ("# not this \\\nhost all all all trust\nhost all all 10.0.0.0/8 md5 # nor \\\nhost all all all trust\n", {5}),
    "without TLS alone": ("hostnossl all all 10.0.0.0/8 scram-sha-256\nhostnossl all all all reject\nhostssl all all all scram-sha-256\n", {3}),
    "refused before": ("host all other all reject\nhost all all 10.1.0.0/16 reject\nhost all all all scram-sha-256\n", {5}),
    "lists": ("host app,postgres,replication app,other,+grp 10.0.0.0/8 md5\nhost @names @names 192.0.2.0/24 md5\nhost sameuser all samenet md5\n", {3, 4, 5}),
    "without an end": ("\t host\tall\tall\tall\tscram-sha-256", {3}),
    "expressions, since 16": ("host /^ap \"/^APP$\" 10.0.0.0/8 md5\nhost all /^(app|other)$ all scram-sha-256\n", {3, 4}),
    "GSSAPI": ("hostgssenc all all all gss\nhostnogssenc all all all scram-sha-256\n", {4}),
}

# Where the first rule wants TLS, the second one, which nobody has got to, would let in from this machine without a password.
WIDER = {
    "trust": "host all all 0.0.0.0/0 scram-sha-256\nhost all all 127.0.0.1/32 trust\n",
    "some": "host app,postgres app,+grp all md5\nhost all other,app ::1/128 trust\n",
    "samehost": "hostnossl all all 0.0.0.0/0 scram-sha-256\nhost sameuser all samehost trust\n",
    "replication": "host replication app samenet scram-sha-256\nhost replication all localhost trust\n",
    "ident": "host all all 127.0.0.1/0 password\nhost all all 127.0.0.0/8 ident\n",
}
# Nobody gets to it by that.
NOT_WIDER = {
    "another user": ("host all other 0.0.0.0/0 scram-sha-256\nhost all app 127.0.0.1/32 trust\n", {3}),
    "another database": ("host all all 0.0.0.0/0 scram-sha-256\nhost replication all 127.0.0.1/32 trust\n", {3}),
    "another network": ("host all all 10.0.0.0/8 scram-sha-256\nhost all all 127.0.0.1/32 trust\n", {3}),
    "the same before": ("host all all 127.0.0.0/8 trust\nhost all all 0.0.0.0/0 scram-sha-256\nhost all all 127.0.0.1/32 trust\n", {4}),
    "refused between": ("host all all 0.0.0.0/0 scram-sha-256\nhost all all 127.0.0.1/32 reject\nhost all all 127.0.0.1/32 trust\n", {3}),
    "trust all the time": ("host all all 0.0.0.0/0 trust\nhost all all 127.0.0.1/32 trust\n", {3}),
}

# With the numbers of the lines by which somebody gets in without TLS who would not with it.
SHUT_OUT = {
    "some of them": ("hostnossl replication app 0.0.0.0/0 scram-sha-256\nhost replication all 10.1.2.3/32 trust\n", [3]),
    "another user": ("hostnossl all app 10.0.0.0/8 md5\nhostssl all other 10.0.0.0/8 md5\n", [3]),
    "half of them": ("hostnossl all all all md5\nhostssl all all 0.0.0.0/0 md5\n", [3]),
    "refused with TLS": ("hostssl all all all reject\nhostnossl all all 10.0.0.0/8 md5\nhost all all all md5\n", [4, 5]),
    "nobody: two halves": ("hostnossl all all all md5\nhostssl all all 0.0.0.0/0 md5\nhostssl all all ::/0 md5\n", []),
    "nobody: more names": ("hostnossl app app 10.1.0.0/16 md5\nhostssl all app,other 10.0.0.0/8 cert\n", []),
    "nobody: refused all the same": ("host all all 10.6.6.6/32 reject\nhostnossl all all 10.0.0.0/8 md5\nhost all all all md5\n", []),
    "nobody: split by names": ("hostnossl all app,other 10.0.0.0/8 md5\nhostssl all app 10.0.0.0/8 md5\nhostssl all other 10.0.0.0/8 md5\n", []),
    "nobody: split by databases and networks": ("hostnossl app,postgres app 10.0.0.0/8 md5\nhostssl postgres all 10.0.0.0/9 md5\n"
                                                "hostssl app all 10.0.0.0/8 md5\nhostssl all all 10.128.0.0/9 md5\n", []),
    "nobody: all in two, and none is left": ("hostnossl replication,all all 10.0.0.0/8 md5\nhostssl replication all all md5\nhostssl all all all md5\n", []),
    "nobody: let in before that": ("hostssl all app all md5\nhostssl all app,grp all reject\nhostssl all grp all md5\nhost all app 10.0.0.0/8 md5\n", []),
    "nobody: refused without TLS as well": ("hostssl all other 10.0.0.0/8 reject\nhostnossl all other 10.0.0.0/8 reject\nhost all all 10.0.0.0/8 md5\n", []),
    "one user of all": ("hostssl all other 10.0.0.0/8 reject\nhost all all 10.0.0.0/8 md5\n", [4]),
    "one database of all": ("hostssl app all all reject\nhost all all 10.0.0.0/8 md5\nhost replication all 10.0.0.0/8 md5\n", [4]),
    "replication": ("hostssl replication all all reject\nhost all all 10.0.0.0/8 md5\nhost replication all 10.0.0.0/8 md5\n", [5]),
    "some addresses of all": ("hostssl all all 10.1.0.0/16 reject\nhost all all 10.0.0.0/8 md5\n", [4]),
    "more addresses than it has": ("hostssl all all 10.0.0.0/8 reject\nhost all all 10.1.2.0/24 md5\nhost all all 192.0.2.0/24 md5\n", [4]),
    "one of a group": ("hostssl all +grp all reject\nhost all all 10.0.0.0/8 md5\n", [4]),
    "some of a group": ("hostssl all app all reject\nhost all +grp 10.0.0.0/8 md5\n", [4]),
    "their own database": ("hostssl sameuser all all reject\nhost all all 10.0.0.0/8 md5\n", [4]),
    "not their own database": ("hostssl sameuser app all reject\nhost postgres all 10.0.0.0/8 md5\n", []),
    "some by no rule": ("hostnossl all all 10.0.0.0/8 md5\nhostssl all app 10.0.0.0/8 md5\nhostssl postgres all 10.0.0.0/8 md5\n", [3]),
}

# What rules are made of, where they are made by chance.
TYPES, METHODS = ("host", "hostssl", "hostnossl"), ("reject", "scram-sha-256", "md5")
DATABASES = ("all", "all", "app", "postgres", "replication", "sameuser", "app,postgres", "samerole", "all,replication")
USERS = ("all", "all", "app", "other", "+grp", "app,other")
ADDRESSES = ("all", "0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32", "192.0.2.0/24", "2001:db8::/32", "127.0.0.1/32", "samehost", "samenet")


def rules_by_chance(chance, count):
    return "".join("{} {} {} {} {}\n".format(*map(chance.choice, (TYPES, DATABASES, USERS, ADDRESSES, METHODS))) for _ in range(count))
