"""A machine of its own with daemons of Debian that call chroot or drop their privileges before they connect, and the gate in every
program of it by /etc/ld.so.preload."""

import shutil

import pytest

from machines import make_tarball, run, take_away, unpack

PACKAGES = ["pdns-server", "pdns-backend-pgsql", "postfix", "postfix-pgsql", "dovecot-core", "dovecot-pgsql", "kamailio",
            "kamailio-postgres-modules"]

DATABASE = "cells"

# The prefix under test and the server's sockets at their own paths, and what every machine has. The shell is the namespace's first
# process and stays root's: a signal at the death of its parent would be lost to one that becomes another user.
ENTER = r"""
set -e
root=$1 prefix=$2 sockets=$3; shift 3
umask 022
mkdir -p "$root$prefix" "$root$sockets"
mount -n --bind "$prefix" "$root$prefix"
mount -n --bind "$sockets" "$root$sockets"
mount -n --bind /dev "$root/dev"
mount -n -t proc proc "$root/proc"
status=0; chroot "$root" "$@" || status=$?
exit $status
"""


class Machine:
    """machine / "etc/passwd" is a path in it."""

    def __init__(self, directory, program, server):
        self.directory, self.program, self.server = directory, program, server
        self.write("etc/ld.so.preload", f"{program.module}\n")

    def __truediv__(self, name):
        return self.directory / name

    def write(self, name, text):
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o644)

    def words(self, *argv):
        """The words that run a command there, in namespaces of its own: whatever it has started ends with it."""
        return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", ENTER, "enter", self.directory, self.program.prefix,
                self.server.socket_dir, *argv]


def make_database(machine, server):
    """With PowerDNS's tables."""
    for dbname, words in ((server.dbname, ["-c", f"CREATE DATABASE {DATABASE}"]),
                          (DATABASE, ["-f", machine / "usr/share/pdns-backend-pgsql/schema/schema.pgsql.sql"])):
        run("psql", "-X", "-v", "ON_ERROR_STOP=1", "-d", server.conninfo(host=server.socket_dir, dbname=dbname), *words)


@pytest.fixture(scope="session")
def cells(pganchor, postgres, stepca, tmp_path_factory, session_directory):
    directory = session_directory / "cells"
    directory.mkdir()
    try:
        unpack(make_tarball("bookworm", "minbase", PACKAGES, tmp_path_factory.mktemp("cells")), directory)
        directory.chmod(0o755)
        machine = Machine(directory, pganchor, postgres)
        # Where a daemon sees it from outside of its new root directory, and from inside of each.
        for place in ("", "cell/", "var/spool/postfix/"):
            machine.write(f"{place}root.crt", stepca.root_pem)
        # Kamailio looks its user up when it is there.
        for name in ("etc/passwd", "etc/group"):
            machine.write(f"cell/{name}", (machine / name).read_text())
        make_database(machine, postgres)
        yield machine
    finally:
        take_away(directory)
        shutil.rmtree(directory, ignore_errors=True)
