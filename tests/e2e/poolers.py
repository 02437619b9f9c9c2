"""PgBouncer before a server."""

import os
import pwd
import shutil

from postgres import USER
from processes import Daemon, NotReady, free_port


def start_pooler(server, directory, chain, key, server_tls="prefer"):
    """(its port, its Daemon): its clients have the one session for a transaction each, by TLS or the socket in the directory."""
    directory.mkdir(mode=0o755)
    chain, key = (shutil.copy(path, directory / name) for path, name in ((chain, "crt"), (key, "key")))
    user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
    (directory / "users").write_text(f'"{USER}" "{server.password}"\n')
    for path in (directory, *directory.iterdir()):
        os.chown(path, user.pw_uid if user else -1, -1)
    for _ in range(20):
        port = free_port()
        (directory / "ini").write_text(f"""[databases]
* = host=127.0.0.1 port={server.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
auth_type = scram-sha-256
auth_file = {directory}/users
pool_mode = transaction
default_pool_size = 1
client_tls_sslmode = require
client_tls_cert_file = {chain}
client_tls_key_file = {key}
server_tls_sslmode = {server_tls}
unix_socket_dir = {directory}
""")
        daemon = Daemon(["/usr/sbin/pgbouncer", directory / "ini"], f"{directory}.log", user=user)
        try:
            daemon.wait_for("process up")
            return port, daemon
        except NotReady:
            daemon.stop()
    raise NotReady("pgbouncer finds no free port")
