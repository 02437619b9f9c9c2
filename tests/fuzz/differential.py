#!/usr/bin/python3
"""Differential fuzzing of the gate, with libpq as its own oracle: tests/fuzz/differential.py [--cases N] [--seed N]
[--root DIRECTORY | --libpq DIRECTORY].

Random connection strings, URIs, parameter arrays and PQsetdbLogin arguments, under random environments, service files and
policies. A listener on loopback, on TCP and on a Unix socket, writes down what each connection really sends, answers N to
every request for encryption, and hangs up. Then

  - what the gate refused has sent nothing at all;
  - what it allowed has sent a request for TLS, or the hello of a direct TLS handshake, and nothing else (on the Unix socket,
    where the policy allows that, anything);
  - what it allowed sends the same and fails with the same words as without the gate.

Prints the seed and the counts; exit status 1 with the case when one of these does not hold. Needs PGANCHOR_PREFIX.
--root: libpq, and all that it needs, is that of another Debian in this root directory (chroot).
--libpq: the libpq.so.5 in this directory, in the place of this machine's; tests/libpqs/build.sh makes some.
"""

import argparse
import os
import random
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent
SSL_REQUEST = struct.pack("!ii", 8, 80877103)
GSS_REQUEST = struct.pack("!ii", 8, 80877104)
SENTINEL = b"\0SENTINEL"
BATCH = 40


class Listener:
    """Takes one connection after the other, on TCP and on a Unix socket, and writes down what each sends."""

    def __init__(self, directory):
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.port = self.tcp.getsockname()[1]
        self.local = socket.socket(socket.AF_UNIX)
        self.local.bind(f"{directory}/.s.PGSQL.{self.port}")
        self.local.listen()
        self.seen = {"tcp": [], "local": []}
        self.news = {"tcp": threading.Event(), "local": threading.Event()}
        for name, server in (("tcp", self.tcp), ("local", self.local)):
            threading.Thread(target=self._serve, args=(name, server), daemon=True).start()

    def _serve(self, name, server):
        while True:
            connection, _ = server.accept()
            with connection:
                sent = self._read(connection)
            if sent == SENTINEL:
                self.news[name].set()
            else:
                self.seen[name].append(sent)

    @staticmethod
    def _read(connection):
        """All that it sends, while requests for encryption are answered with N and all else by hanging up."""
        sent = b""
        try:
            while True:
                chunk = connection.recv(8)
                sent += chunk
                if chunk in (SSL_REQUEST, GSS_REQUEST):
                    connection.sendall(b"N")
                elif chunk != SENTINEL[:8]:
                    break
        except OSError:
            pass
        return sent

    def take(self):
        """What has come since the last time; connections are taken in their order, so the last one is ours."""
        for name, family, address in (("tcp", socket.AF_INET, self.tcp.getsockname()),
                                      ("local", socket.AF_UNIX, self.local.getsockname())):
            self.news[name].clear()
            with socket.socket(family) as mine:
                mine.connect(address)
                mine.sendall(SENTINEL)
            self.news[name].wait()
        taken = {name: list(records) for name, records in self.seen.items()}
        for records in self.seen.values():
            records.clear()
        return taken


class Driver:
    """A process that connects when told, with or without the gate."""

    def __init__(self, enter, program, env, module=None):
        env = {**env, **({"LD_PRELOAD": str(module)} if module else {})}
        words = [f"{name}={value}".encode("utf-8", "surrogateescape") for name, value in env.items()]
        self.process = subprocess.Popen([*enter, "/usr/bin/env", "-i", *words, program], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def connect(self, case):
        self.process.stdin.write(b"".join(text.encode("utf-8", "surrogateescape") + b"\0" for text in case))
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"the driver died of {case!r}")
        outcome, message = answer.rstrip(b"\n").split(b"\t", 1)
        return outcome.decode(), message

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


class Chance:
    """Random settings, most of them near the edge between weak and strong."""

    def __init__(self, seed, directory, port):
        self.random = random.Random(seed)
        self.directory, self.port = directory, port
        self.values = {
            "host": ["localhost", "127.0.0.1", str(directory), "", f"{directory},localhost", f"localhost,{directory}", "localhost,localhost",
                     ",", "localhost,", "@nowhere", "/nowhere", "LOCALHOST"],
            "hostaddr": ["127.0.0.1", "", "127.0.0.1,127.0.0.1", ",127.0.0.1", "127.0.0.1,", "::1"],
            "port": [str(port), str(port), f"{port},{port}", "", "0", "70000", "x"],
            "sslmode": ["verify-full", "verify-full", "verify-full", "verify-ca", "require", "prefer", "allow", "disable", "",
                        "VERIFY-FULL", "verify-full ", "verify"],
            "sslnegotiation": ["postgres", "direct"],
            "gssencmode": ["disable", "prefer", "require", "", "DISABLE"],
            "ssl_min_protocol_version": ["TLSv1", "TLSv1.2", "tlsv1.3", "", "SSLv3"],
            "ssl_max_protocol_version": ["TLSv1.1", "TLSv1.2", "TLSv1.3", ""],
            "sslrootcert": ["system", "/nowhere", "", f"{directory}/home/.postgresql/root.crt"],
            "service": ["weak", "strong", "twice", "odd", "missing", "nested", "lookup"],
            "requiressl": ["0", "1"],
            "sslkeylogfile": [f"{directory}/keys"],
            "oauth_ca_file": [f"{directory}/own.crt", ""],
            "servicefile": [f"{directory}/home/.pg_service.conf", f"{directory}/missing"],
            "channel_binding": ["require", "disable", "prefer"],
            "target_session_attrs": ["any", "read-write", "standby", "nonsense"],
            "connect_timeout": ["2", "0"],
            "user": ["app", "", "a b"],
            "password": ["secret", "it's", ""],
            "dbname": ["app", "host=localhost", "postgresql://localhost/x", "sslmode=disable", "="],
            "sslcompression": ["1"],
            "replication": ["true"],
            # "random" is verdict.c's alone, which can have libpq throw the same dice twice.
            "load_balance_hosts": ["disable"],
        }

    def setting(self):
        keyword = self.random.choice(["host", "sslmode", "port", "hostaddr", *self.values])
        value = self.random.choice(self.values[keyword])
        if self.random.random() < 0.02:
            value += self.random.choice([" ", "\t", "'", "\\", "%00", "é", "\udcff", ","])
        return keyword, value

    def settings(self):
        """Half of them near what is just strong enough, which most other settings would make an error of libpq's."""
        if self.random.random() < 0.5:
            chosen = [("host", self.random.choice(["localhost", "127.0.0.1"])), ("port", str(self.port)),
                      ("sslmode", self.random.choice(["verify-full", "verify-full", "require"]))]
            return chosen + [self.setting() for _ in range(self.random.choice([0, 0, 1, 1, 2]))]
        chosen = [self.setting() for _ in range(self.random.randint(0, 5))]
        if self.random.random() < 0.7:
            chosen.append(("port", str(self.port)))
        return chosen

    def string(self, depth=0):
        kind = self.random.random()
        if kind < 0.65:
            return " ".join(self.word(*setting) for setting in self.settings()) or self.random.choice(["", "  ", "x", "="])
        if kind < 0.95:
            return self.uri()
        return "".join(self.random.choice("host=localsm '\\,:/@?&%\t") for _ in range(self.random.randint(0, 30)))

    def word(self, keyword, value):
        if self.random.random() < 0.5 and value and not set(value) & set(" '\\\t"):
            return f"{keyword}={value}"
        quoted = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"{keyword}{self.random.choice(['=', ' = '])}'{quoted}'"

    def uri(self):
        hosts = self.random.choice(["localhost", "127.0.0.1", "", "localhost,127.0.0.1", "[::1]",
                                    str(self.directory).replace("/", "%2F")])
        port = self.random.choice(["", f":{self.port}", f":{self.port}"]) if "," not in hosts else ""
        user = self.random.choice(["", "app@", "app:secret@"])
        query = "&".join(f"{key}={value.replace('/', '%2F').replace(' ', '%20')}" for key, value in self.settings())
        scheme = self.random.choice(["postgresql://", "postgres://", "postgresql:/", "Postgresql://"])
        return f"{scheme}{user}{hosts}{port}/{self.random.choice(['', 'app'])}{'?' + query if query else ''}"

    def case(self):
        kind = self.random.random()
        if kind < 0.5:
            return ["string", self.string()]
        if kind < 0.7:
            return ["login", self.random.choice(self.values["host"]), self.random.choice(self.values["port"]),
                    self.string(), self.random.choice(self.values["user"])]
        pairs = self.settings()
        if self.random.random() < 0.4:
            pairs.insert(self.random.randint(0, len(pairs)), ("dbname", self.string()))
        return ["array", str(self.random.randint(0, 1)), str(len(pairs)), *(text for pair in pairs for text in pair)]

    def environment(self):
        env = {}
        for _ in range(self.random.choice([0, 0, 0, 1, 2])):
            name = {"host": "PGHOST", "hostaddr": "PGHOSTADDR", "sslmode": "PGSSLMODE", "gssencmode": "PGGSSENCMODE",
                    "port": "PGPORT", "service": "PGSERVICE", "requiressl": "PGREQUIRESSL", "sslrootcert": "PGSSLROOTCERT",
                    "ssl_min_protocol_version": "PGSSLMINPROTOCOLVERSION", "connect_timeout": "PGCONNECT_TIMEOUT",
                    "target_session_attrs": "PGTARGETSESSIONATTRS", "dbname": "PGDATABASE",
                    "user": "PGUSER"}.get(keyword := self.random.choice(list(self.values)))
            if name:
                env[name] = self.random.choice(self.values[keyword])
        if self.random.random() < 0.05:
            env["PGOAUTHDEBUG"] = self.random.choice(["UNSAFE", "UNSAFE:http", "UNSAFER", ""])
        return env

    def service_file(self):
        lines = []
        for name in ("weak", "strong", "twice", "odd", "twice", "nested"):
            lines.append(self.random.choice([f"[{name}]", f" [{name}] # x", f"[{name}"] if name == "odd" else [f"[{name}]"]))
            lines += [f"{key}={value}" for key, value in self.settings() if "\n" not in value]
            if name == "strong":
                lines.append("sslmode=verify-full")
            if name == "nested":
                lines.append("service=weak")
            if self.random.random() < 0.2:
                lines.append(self.random.choice(["# comment", "", "nonsense", "x=y", "sslmode = disable", "\x01=\xff"]))
        return "\n".join(lines).encode("utf-8", "surrogateescape")

    def policy(self):
        keys = {"unix-socket": ["allow", "refuse"], "min-tls": ["1.2", "1.3"], "public-ca": ["allow", "refuse"],
                "trust": ["pinned", "verified"], "allow-weak": ["nowhere.example", "*.example", ""]}
        chosen = {key: self.random.choice(values) for key, values in keys.items() if self.random.random() < 0.4}
        return chosen, "".join(f"{key} = {value}\n" for key, value in chosen.items())


def check(outcome, sent, alone, policy):
    """What is wrong with this outcome; None when nothing is."""
    if outcome[0] == "refused":
        return "a refused connection sent something" if sent["tcp"] or sent["local"] else None
    for record in sent["tcp"]:
        if record not in (SSL_REQUEST, b"") and not record.startswith(b"\x16\x03"):
            return f"an allowed connection sent {record!r}"
    if sent["local"] and policy.get("unix-socket") == "refuse":
        return "a Unix-domain socket was used, which the policy refuses"
    if outcome[0] == "stands":
        return "a connection stands, and nobody answered"
    (alone_outcome, alone_sent) = alone
    # A hello is as long as what it offers, and hanging up on one is seen as this error or as that.
    hello = any(record.startswith(b"\x16\x03") for record in sent["tcp"])
    sent, alone_sent = ({kind: [record[:2] if record.startswith(b"\x16\x03") else record for record in records]
                         for kind, records in seen.items()} for seen in (sent, alone_sent))
    # libpq alone asks for GSSAPI encryption where it has a ticket, which nobody has here; all else is the same.
    if alone_sent["local"] != sent["local"] or alone_sent["tcp"] != sent["tcp"]:
        return f"alone, libpq sends {alone_sent!r}, with the gate {sent!r}"
    # Where libpq has advised to switch verification off, the gate answers right behind it.
    outcome = (outcome[0], outcome[1].split(b"    pganchor: leave sslmode as it is: ")[0])
    if alone_outcome != outcome and not hello and b"protocol version" not in outcome[1]:
        return f"alone, libpq says {alone_outcome!r}, with the gate {outcome!r}"
    return None


def compile_driver(directory):
    libpq = subprocess.run(["pkg-config", "--cflags", "--libs", "libpq"], check=True, capture_output=True, text=True)
    program = directory / "driver"
    subprocess.run(["cc", "-O1", "-D_GNU_SOURCE", "-o", program, HERE / "driver.c", *libpq.stdout.split()], check=True)
    return program


def prepare_root(root):
    """How to run a command in there. Its own path leads back to the root in it, so that paths below it are the same inside
    and outside."""
    power = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if not Path(f"{root}{root}").exists():
        subprocess.run([*power, "mkdir", "-p", f"{root}{root.parent}"], check=True)
        subprocess.run([*power, "ln", "-s", "/", f"{root}{root}"], check=True)
    return [*power, "chroot", f"--userspec=+{os.geteuid()}:+{os.getegid()}", root]


def run_batch(chance, listener, entrance, libraries, home, count, totals):
    module, libpq = libraries
    env = {"HOME": str(home), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "KRB5CCNAME": "FILE:/nowhere",
           "PGCONNECT_TIMEOUT": "5", **({"LD_LIBRARY_PATH": str(libpq.resolve())} if libpq else {}), **chance.environment()}
    (home / ".pg_service.conf").write_bytes(chance.service_file())
    policy, text = chance.policy()
    (home / ".config/pganchor/policy.conf").write_text(text)
    gated, plain = Driver(*entrance, env, module), Driver(*entrance, env)
    for _ in range(count):
        case = chance.case()
        if any("\0" in text for text in case):
            continue
        outcome = gated.connect(case)
        sent = listener.take()
        alone = (None, None)
        if outcome[0] != "refused":
            alone = (plain.connect(case), listener.take())
        totals[outcome[0]] = totals.get(outcome[0], 0) + 1
        totals["asked for TLS"] = totals.get("asked for TLS", 0) + bool(sent["tcp"])
        wrong = check(outcome, sent, alone, policy)
        if wrong:
            raise SystemExit(f"{wrong}\n  case {case!r}\n  environment {env!r}\n  policy {text!r}\n  outcome {outcome!r}\n"
                             f"  service file {(home / '.pg_service.conf').read_bytes()!r}")
    gated.stop()
    plain.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2 ** 32))
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--root", type=Path)
    which.add_argument("--libpq", type=Path)
    options = parser.parse_args()
    if options.libpq and not (options.libpq / "libpq.so.5").exists():
        parser.error(f"{options.libpq}: no libpq.so.5 is in there")
    if "PGANCHOR_PREFIX" not in os.environ:
        parser.error("PGANCHOR_PREFIX is not set: `make install` into a prefix and name it there")
    module = Path(os.environ["PGANCHOR_PREFIX"]).resolve() / "lib/pganchor/pganchor-gate.so"
    print(f"seed {options.seed}", flush=True)
    totals = {}
    root = options.root.resolve() if options.root else None
    where = next(place for place in (root / "homes", root / "tmp") if place.exists()) if root else None
    with tempfile.TemporaryDirectory(prefix="pga-fuzz-", dir=where) as name:
        directory = Path(name)
        home = directory / "home"
        (home / ".config/pganchor").mkdir(parents=True)
        (home / ".postgresql").mkdir()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                        directory / "key", "-out", home / ".postgresql/root.crt", "-subj", "/CN=Fuzz", "-days", "2"], check=True,
                       capture_output=True)
        listener = Listener(directory)
        entrance = (prepare_root(root) if root else [], compile_driver(directory))
        if root:
            module = shutil.copy(module, directory / module.name)
        chance = Chance(options.seed, directory, listener.port)
        for start in range(0, options.cases, BATCH):
            run_batch(chance, listener, entrance, (module, options.libpq), home, min(BATCH, options.cases - start), totals)
    print(f"{options.cases} cases: " + ", ".join(f"{count} {what}" for what, count in sorted(totals.items())) + "; no escape")


if __name__ == "__main__":
    sys.exit(main())
