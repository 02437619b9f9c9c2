"""Comes to a PostgreSQL server from addresses of one's choice, as far as what it wants to know: reads [[address, user, database, tls], …]
from standard input, and writes for each what the server answered: "trust", "password", "md5", "scram" or its error.

comers.py PORT
"""

import json
import socket
import ssl
import struct
import sys
from concurrent.futures import ThreadPoolExecutor

IPV6_FREEBIND = 78
WAYS = {0: "trust", 3: "password", 5: "md5", 7: "gss", 10: "scram"}


def packet(user, database):
    replication = database == "replication"
    words = ["user", user, *(["replication", "true"] if replication else ["database", database]), ""]
    body = struct.pack("!I", 196608) + "\0".join(words).encode() + b"\0"
    return struct.pack("!I", len(body) + 4) + body


def exactly(connection, count):
    got = b""
    while len(got) < count:
        more = connection.recv(count - len(got))
        if not more:
            raise ConnectionError("the server has gone")
        got += more
    return got


def answer(connection):
    kind, length = struct.unpack("!cI", exactly(connection, 5))
    body = exactly(connection, length - 4)
    if kind == b"R":
        code = struct.unpack("!I", body[:4])[0]
        return WAYS.get(code, f"way {code}")
    fields = {field[:1]: field[1:] for field in body.decode(errors="replace").split("\0") if field}
    return f"{fields['C']} {fields['M']}"


def come(port, address, user, database, tls):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as connection:
        connection.settimeout(60)
        if family == socket.AF_INET6:
            connection.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
        connection.bind((address, 0))
        connection.connect(("::1" if family == socket.AF_INET6 else "127.0.0.1", port))
        if tls:
            connection.sendall(struct.pack("!II", 8, 80877103))
            if exactly(connection, 1) != b"S":
                return "no TLS"
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            connection = context.wrap_socket(connection)
        with connection:
            connection.sendall(packet(user, database))
            return answer(connection)


with ThreadPoolExecutor(8) as pool:
    json.dump(list(pool.map(lambda one: come(int(sys.argv[1]), *one), json.load(sys.stdin))), sys.stdout)
