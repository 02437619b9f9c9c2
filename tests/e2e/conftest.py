"""The fixtures of the end-to-end tests: real servers, hostile servers, a throw-away home. Run by /usr/bin/python3 -m pytest.

The program, home.py
  pganchor         .prefix .binary .module: what `make install` put into $PGANCHOR_PREFIX; fails (no skip) without it
  home             a throw-away HOME, clean environment, pganchor first on PATH
                     home.pganchor("bootstrap", ..., env={}, input="", cwd=) -> CompletedProcess (text)
                       ordinary=True: file modes hold for root too; full_disk=True: no block is free under the home
                     home.run(argv, ...)                   the same for any command; no terminal, no input unless given
                     home.pganchor_tty(*args, answers=[(prompt regex, answer)]) -> .returncode .output
                     home.run_tty(argv, ...)               the same for any command
                     home.snapshot()                       {path: Entry(kind, mode, content, target, mtime_ns)}: compare with ==
                     home.strace_sockets(argv) -> (CompletedProcess, [tracing.Call]); tracing.internet(calls)
                     home / ".postgresql/root.crt"         a path in it
  bare_home        the same without pganchor
  anchored         home with the root of stepca where libpq looks, gated.py; run_gated(home, argv) runs a command under the gate there
  client           one of its CLIENTS, by its name: psql, pg_dump, pg_isready, pgbench, psycopg2
  lived_in         home with an anchor, a root.crt and a note in it, bootstrapping.py; fails(lived_in, ca, why=) runs bootstrap there

A real CA, stepca.py (session)
  stepca           .url .port .root (path) .root_pem .fingerprint .daemon.text() (log)
                     .issue(*names, not_after="24h") -> (chain, key) by the real /sign
                     .authority() -> Authority that signs what step-ca never would (expired, another key, ...)
  other_stepca     another one with another root

  rotating_ca      one for one test that moves to another root, rotation.py: .have(roots, issuer); .new .issuer .old_root
  connecting       connecting(function) connects all along in a thread: .some_more() .stop() -> what failed

Real PostgreSQL, postgres.py (session). Weak connections succeed when nothing stops them.
  postgres         certificate of stepca for localhost, 127.0.0.1 and, with hostaddr=127.0.0.1, db.example.test
                     .conninfo(sslmode=..., host=...) -> string; .port .socket_dir .user .password .dbname
                     .superuser -> the string by which this process alone gets in as one
                     .connections() and .daemon.text(): what the server saw
  impostor_postgres, plain_postgres   certificate of impostor_ca for the same names; no TLS
  make_postgres(cert, key, settings={"ssl_max_protocol_version": "TLSv1.2"}, hba="...") -> Server for one test
                     env={"LD_PRELOAD": ...}: of the postmaster; copy=clusters.base_backup(conninfo): a standby
  postgres_of(18)  postgreses.py: .start(cert, key, settings=, hba=, ...) a server of that version; stop it yourself

Certificates, certificates.py (plain functions; nothing to clean up)
  make_root(key="p224", days=EXPIRED, digest="sha1", ca=False, usage=("digital_signature",), signed_by=...) -> Authority
  make_v1_root(directory); KEYS names the key types
  Authority: .pem .fingerprint .write_root(path) .issue(directory, *names, key=, days=, digest=) -> (chain, key) .intermediate()
  impostor_ca      (session) a root of somebody else's

Certificates of one's own, certs.py (import what is used; cert_postgres is a fixture)
  begin(home, stepca)                   the home knows the CA, with the password of its provisioner in home / "password"
  pair(home), Pair(crt, key)            .chain() .private() .matches() .names()
  make_token(stepca, "app", "san", exp=) what `step ca token` prints;  signs(stepca) how often it was asked to sign
  protected(name, password)             a JWK provisioner as a false CA lists it;  start_with(directory, change) a step-ca so configured
  cert_postgres                         lets in who shows a certificate of stepca for the role, and nobody else
  own_certificates.py has what renewals need, issuing.py what cert issue does, local_cas.py the CA of ca local

Hostile servers, hostile.py and recording.py: factories for one test
  https_ca({"/root/...": reply("{}"), ...}, issued=|authority=|names=, before_tls=) -> .url .port .requests .connections .sent
                     answers: reply(body, status, headers, length=), redirect(url), huge(), endless(), Cut(b), Drip(b), HANG,
                     or function(Request) -> answer; stepca_answers(authority or stepca, prefix="")
                     before_tls: close_at_once, close_in_handshake, hang, speak(b"SSH-2.0-x")
  recording_server(ssl_answer=b"N" | b"S" | b"S..." | None, issued=(chain, key)) -> .port
                     .finish() -> [Recorded(.plain .tls .inside .everything .requests .tls_error)], [] when nobody came
  proxy(status="200 Connection established") -> .url .asked (the targets of CONNECT), proxies.py
  connect(authority, *words, **settings) -> what psql says of a server with a certificate of that CA
  relay(port) -> .port .finish() .sent: what the client of each connection sent to a server behind it, byte for byte

Many servers, fleets.py
  make_fleet(100, {3: "silent"}) -> .servers (HOST:PORT) .root .list(home) .counts() -> (handshakes, connections); the home trusts them
  black_hole       HOST:PORT where no connection is ever taken

Other libpqs, libpqs.py and builds.py
  rooted_home(17)  the fixture home, its commands run with libpq 17 (or 18) in a Debian that has it
  libpq_roots(17)  that Debian: .directory .libpq
  built_home("bsymbolic")   the same with libpq 18 as others build it; builds.py has the names
  libpq_builds("bsymbolic") that libpq.so.5
  kerberos.py has a KDC that runs there, for test_kerberos.py

The system's policy, policies.py
  system           system("mode = audit", name="policy.conf") writes a file of it -> path; all are gone when the test ends
                     open_to_all(prefix): words before a command, for users who cannot reach the prefix

The audit log, audited.py
  audited          audited("psql", ...) runs a command under the gate in audit mode -> (CompletedProcess, what syslog was told)

Running programs, running.py
  among([argv, ...]) -> (pids, status, output) of pganchor status, where nothing else runs

A keyring, keyring.py
  keyring          a real gnome-keyring on a bus of its own, unlocked
  keepassxc        KeePassXC as one: .environment .lock()
                     .environment (for commands) .lock() .stop() .cont() .kill() .start(password) .restart(password) .pid

The packages, packages.py (session): built once
  debs, rpms       {"pganchor": its .deb or .rpm, ...}; next_debs: the .debs once more, of a later version
  make_machine("name")      a minimal Debian in a directory: .run(argv) as its user, .root(argv); install_debs(machine, debs)

Small programs, programs.py
  compile_program("connect.c", ["libpq"]) -> path; build("go" | "rustc" | "cc", "hello.go", words...) -> path, of programs/other
  compile_gate("cc", "-O0", words..., own="api.c") -> the gate's own sources as one shared object
  extension, opener   a library that calls libpq, and a program that opens one in the way of a word
  second_libpq     a copy of this machine's libpq under a soname of its own
  own_libpq_words  what links libpq itself into a C program

A browser, chromium.py (module): import it where it is used
  chromium         .open(path, width, scheme="dark") .value(expression) .picture() .printed(path) .errors

The documents, walkthroughs.py: what docs/*.md and the README's first day have people type, run and compared

Nothing here sleeps: a server is ready when it says so. All servers are stopped by process id, and die with pytest.
"""

import datetime
import os
import signal
from pathlib import Path

import pytest

from audited import audited  # noqa: F401
from bootstrapping import lived_in  # noqa: F401
from builds import built_home, libpq_builds  # noqa: F401
from certificates import impostor_ca  # noqa: F401
from fleets import black_hole, make_fleet  # noqa: F401
from gated import anchored, client  # noqa: F401
from hostile import https_ca  # noqa: F401
from home import bare_home, home, pganchor  # noqa: F401
from keyring import keepassxc, keyring  # noqa: F401
from libpqs import libpq_roots, rooted_home  # noqa: F401
from machines import LIBPQS
from missing import skip_what_is_missing
from programs import build, compile_gate, compile_program, extension, opener, own_libpq_words, second_libpq  # noqa: F401
from policies import system  # noqa: F401
from postgres import clusters, impostor_postgres, make_postgres, plain_postgres, postgres  # noqa: F401
from postgreses import postgres_of  # noqa: F401
from packages import base_system, debs, make_machine, next_debs, release, rpm_build, rpms, system_with_32_bit  # noqa: F401
from processes import session_directory  # noqa: F401
from proxies import proxy  # noqa: F401
from recording import connect, recording_server, relay  # noqa: F401
from rotation import connecting, rotating_ca  # noqa: F401
from running import among  # noqa: F401
from stepca import other_stepca, stepca  # noqa: F401
from turns import turn_of


def _interrupt(number, frame):
    raise KeyboardInterrupt


def beyond_the_share(items):
    """Of modules that run tests with each of many libpqs: what is left to PGANCHOR_TESTS_WHOLE. Such a module has SHARE = (name of the
    parameter, how many). Each of its tests, with its other parameters, runs with that many of the values, which are others for the
    next test, so that all of them have their part; the same ones each time."""
    groups = {}
    for item in items:
        parameter, _ = getattr(item.module, "SHARE", (None, 0))
        parameters = dict(item.callspec.params) if hasattr(item, "callspec") else {}
        if parameters.pop(parameter, None) is not None:
            rest = sorted(f"{name}={value!r}" for name, value in parameters.items())
            groups.setdefault((item.module.__name__, item.originalname, *rest), []).append(item)
    for number, group in enumerate(groups.values()):
        count = group[0].module.SHARE[1]
        kept = {(number + part * len(group) // count) % len(group) for part in range(count)}
        yield from (item for at, item in enumerate(group) if at not in kept)


def beyond_a_few(items, count):
    """Of each test with many parameters, all but so many of them."""
    groups = {}
    for item in items:
        groups.setdefault((item.module.__name__, item.originalname), []).append(item)
    for number, group in enumerate(groups.values()):
        kept = {(number + part * len(group) // count) % len(group) for part in range(count)}
        yield from (item for at, item in enumerate(group) if at not in kept)


# This machine's libpq and the newest release of it; --whole has the others, too.
USUAL_LIBPQS = {15, 18}


def is_for_the_whole(item):
    """What has the mark, or runs with a libpq that is not among the usual ones, alone or as one of a pair."""
    if item.get_closest_marker("whole"):
        return True
    parameters = item.callspec.params.items() if hasattr(item, "callspec") else ()
    words = [word for name, value in parameters if name in ("home", "libpq", "version", "who")
             for word in (value if isinstance(value, tuple) else (value,))]
    return any(word in LIBPQS and word not in USUAL_LIBPQS for word in words)


def of_other_days(items, days, lately, least, today=None):
    """What a landing leaves to other days, where all of it would take hours: of each test with parameters, but those of files that the
    last commits have changed, it runs one in `days` of them, others each day, and at least so many. With `least` 0, the tests that
    have none left take turns, too, as those do that take minutes. lately: the paths that were changed, as git names them."""
    first = (today or datetime.date.today()).toordinal()
    groups = {}
    for item in items:
        day, of, paths = turn_of(item) or (None, 1, ())
        if f"tests/e2e/{item.path.name}" in lately or any(path.startswith(paths) for path in lately if paths):
            continue
        if day is None:
            groups.setdefault((item.module.__name__, item.originalname), []).append(item)
        elif first % of != day:
            yield item
    for number, group in enumerate(groups.values()):
        kept = [item for at, item in enumerate(group) if (number + at + first) % days == 0]
        kept = kept if len(kept) >= least else group[first % len(group):][:least]
        yield from (item for item in group if item not in kept)


def of_other_runs(items, share):
    """What is not for this run, where $PGANCHOR_TESTS_SHARE is "0/2" for the first of two at the same time, "1/2" for the second:
    each file is one's alone, the next in size for the one that has least. The tests' own runs of pytest do not inherit it."""
    mine, runs = map(int, share.split("/"))
    files = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    shares = [[] for _ in range(runs)]
    for _, of_file in sorted(files.items(), key=lambda file: (-len(file[1]), file[0])):
        min(shares, key=len).extend(of_file)
    return [item for run, of_run in enumerate(shares) if run != mine for item in of_run]


# After all others, as what their expressions deselect is nobody's share.
@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """A module that takes over tests of another one can say which of them, with which parameters, mean nothing there."""
    left = {item for item in items if getattr(item.module, "is_out_of_place", lambda item: False)(item)}
    if not os.environ.get("PGANCHOR_TESTS_WHOLE"):
        left.update(filter(is_for_the_whole, items))
        left.update(beyond_the_share([item for item in items if item not in left]))
        few = int(os.environ.get("PGANCHOR_TESTS_FEW") or 0)
        left.update(beyond_a_few([item for item in items if item not in left], few) if few else ())
        days, lately = int(os.environ.pop("PGANCHOR_TESTS_DAYS", 1)), os.environ.pop("PGANCHOR_TESTS_LATELY", os.devnull)
        chosen = [item for item in items if item not in left]
        left.update(of_other_days(chosen, days, Path(lately).read_text().split(), 0 if few else 1) if days > 1 else ())
    left.update(of_other_runs([item for item in items if item not in left], os.environ.pop("PGANCHOR_TESTS_SHARE", "0/1")))
    config.hook.pytest_deselected(items=list(left))
    items[:] = [item for item in items if item not in left]
    skip_what_is_missing(items)


MARKS = {
    "own_builds": "its builds and machines are its own: runs beside the others, which share the prefix",
    "plain_build": "makes builds of its own, or is about the plain one: not with --sanitizers, --valgrind or --under-the-gate",
    "no_instruments": "loads the plain gate into other programs, or starts no tool: not with --sanitizers or --valgrind",
    "no_sanitizers": "takes ASan's options from the tool, or loads something before it: not with --sanitizers",
    "whole": "its machine or its build takes minutes to make: with --whole alone",
    "no_gate": "about a tool or a shell without the gate: not with --under-the-gate",
}


def pytest_configure(config):
    """A run that is ended by SIGTERM cleans up as after Ctrl-C. What the run itself was started with ignored, as a job in the
    background is, the programs under test would inherit: they have it as at a terminal. Of the umask it is the usual one: files that
    a group may write are not believed."""
    os.umask(0o022)
    for name, meaning in MARKS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGQUIT, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        # nohup: it is for the run, which goes on. What has a handler is back to its default in a child.
        signal.signal(signal.SIGHUP, lambda *_: None)
