#!/usr/bin/python3
"""libpq's own tests as the judge of the gate.

PostgreSQL's tests of libpq (src/interfaces/libpq/t), of TLS (src/test/ssl/t) and of GSSAPI (src/test/kerberos/t) are run three
times, each on the libpq, the psql and the server of a Debian release: 15 of bookworm, 17 of trixie, 18 of sid, 19 of
experimental.

  plain     without the gate
  audit     with the module preloaded into everything, and a policy that says "mode = audit". Every result, by number and
            name, and of every command its arguments, exit status and standard error, word for word, are those of plain.
  enforce   with the module preloaded and no policy, which enforces. Each command that connects with verify-full, or to a
            Unix socket, or not at all, and the results that follow it, are those of plain; but for the line in which the gate
            tells why a certificate was not verified, and its answer to libpq's advice to leave that out. Each weaker connection is
            refused, by the gate in its own words, or by libpq in the words of plain, where it dislikes the options.

Usage: tests/upstream/run.py [--jobs N] [--keep] [--suite DIRECTORY]... MODULE [VERSION[/PATTERN]...]
       e.g. tests/upstream/run.py stage/lib/pganchor/pganchor-gate.so 18/006

MODULE is the pganchor-gate.so of a plain build. --suite names another directory of PostgreSQL's source with a t/ in it, instead
of those three; --keep leaves the directory of the run where it is, with the logs of the tests in VERSION/work. The last line is
"N passed, N failed, N skipped", a test being one file of one version in one of the two ways to compare; status 0 only where
none failed and some passed.

The tests come from Debian's source packages, fetched by an apt of its own in a scratch directory, so verified by the archive's
signature; where a mirror has no longer the newest one, the one before, or another release's. Programs come from Debian's binary packages, unpacked
by mmdebstrap into a directory per release; only the two small programs of libpq/test are compiled. Everything runs in there
by chroot(2), as an ordinary user. It needs root, or sudo without a password, and what `packaging/dependencies.sh build test`
installs. A machine is kept in $PGANCHOR_TEST_CACHE where there is one.

Left out: what needs an extension that Debian does not ship, injection_points (005_negotiate_encryption.pl of 17 and 18 does a
little more where it is). A test that ends where it cannot do without a weak connection (003_sslinfo.pl) is held against plain
up to there.
"""

import argparse
import concurrent.futures
import contextlib
import difflib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE.parent / "e2e"))

from machines import LIBPQS, ROOT, STALE, make_tarball, run, take_away, unpack  # noqa: E402
from sources import Apt  # noqa: E402

RELEASES = {str(version): release for version, release in LIBPQS.items()}
# A mirror need not have the source of what it has the programs of: then the tests of another version are run on them. Where one
# of them goes wrong without the gate, since that version is another, it has to go wrong with it in the same way.
INSTEAD = {"15": ["17", "18"], "17": ["15", "18"], "18": ["17", "15"], "19": ["18", "17"]}
SUITES = ("src/interfaces/libpq", "src/test/ssl", "src/test/kerberos")
# With postgresql-NN, which is the server, psql and the extension sslinfo. Nothing comes unasked, not even what is essential.
PACKAGES = ["base-files", "coreutils", "dash", "sed", "grep", "tar", "tzdata", "libpq-dev", "perl", "libipc-run-perl", "openssl",
            "krb5-kdc", "krb5-admin-server", "krb5-user"]
# The tests that PostgreSQL does not run unasked, since they open ports: loopback is ours.
EXTRA = "ssl libpq_encryption load_balance kerberos"
MODES = ("plain", "audit", "enforce")
POLICIES = {"audit": "mode = audit\n", "enforce": ""}
# The names that the tests use, each its own canonical name, which Kerberos goes by. No other is looked up anywhere.
HOSTS = """\
127.0.0.1 localhost
::1 localhost
127.0.0.1 enc-test-localhost.postgresql.example.com
127.0.0.1 auth-test-localhost.postgresql.example.com
127.0.0.1 pg-loadbalancetest
127.0.0.2 pg-loadbalancetest
127.0.0.3 pg-loadbalancetest
"""
# Each command has a network of its own, of nothing but loopback: PostgreSQL's tests let in whoever comes by it.
LOOPBACK = """import fcntl, os, socket, struct, sys
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh14x", b"lo", 0x49))  # SIOCSIFFLAGS: IFF_UP, IFF_LOOPBACK, IFF_RUNNING
os.execvp(sys.argv[1], sys.argv[1:])
"""
REFUSAL = "pganchor refused this connection"
SECONDS = 300


class Machine:
    """A release's directory: programs, tests and the module. What is written as a path here is as seen from the inside."""

    def __init__(self, version, directory, module, apt, suites):
        self.version = version
        self.suites = suites
        self.directory = directory
        directory.mkdir()
        tarball = make_tarball(RELEASES[version], "extract", [f"postgresql-{version}", *PACKAGES], apt.directory, STALE)
        unpack(tarball, directory)
        self.uid, self.gid = (os.geteuid(), os.getegid()) if os.geteuid() != 0 else (65534, 65534)
        self.furnish()
        sources = apt.directory / f"source{version}"
        self.fetched, self.of_another = self.fetch(apt, sources)
        for part in ("src/test/perl", "src/test/ssl", *suites):
            if (sources / part).exists():
                self.bring(sources / part, f"/source/{part}")
        self.bring(HERE / "Recorder.pm", "/perl/Recorder.pm")
        self.bring(module, "/pganchor-gate.so")
        self.bring(HERE / "krb5-config", "/programs/krb5-config")
        for name in ("libpq_testclient", "libpq_uri_regress"):
            self.compile(sources, f"src/interfaces/libpq/test/{name}.c", f"/programs/{name}")
        shutil.rmtree(sources)
        for mode, policy in POLICIES.items():
            self.root(f'mkdir -p "$1/policies/{mode}/pganchor"; printf %s "$2" >"$1/policies/{mode}/pganchor/policy.conf"', policy)
        self.listen()

    def fetch(self, apt, sources):
        """Unpack the source of the tests. Returns its version, and whether that is another than ours."""
        missing = None
        for version in (self.version, *INSTEAD[self.version]):
            try:
                return apt.source(f"postgresql-{version}", sources), version != self.version
            except AssertionError as error:
                missing = missing or error
        raise missing

    def root(self, script, *arguments):
        """A shell script as root: "$1" is the directory, then come the arguments."""
        return run(*ROOT, "sh", "-euc", script, "sh", self.directory, *arguments)

    def furnish(self):
        """What the packages' scripts would have done, had they been run, as far as it is needed."""
        self.root(
            'for name in bin sbin lib lib64; do [ -e "$1/$name" ] || ln -s "usr/$name" "$1/$name"; done\n'
            'printf "root:x:0:0::/root:/bin/sh\ntests:x:%s:%s::/home:/bin/sh\n" "$2" "$3" >"$1/etc/passwd"\n'
            'printf "root:x:0:\ntests:x:%s:\n" "$3" >"$1/etc/group"\n'
            'printf %s "$4" >"$1/etc/hosts"\n'
            'echo "hosts: files" >"$1/etc/nsswitch.conf"\n'
            'rm -f "$1/etc/resolv.conf"\n'
            '[ -e "$1/bin/sh" ] || ln -s dash "$1/bin/sh"\n'
            'for name in "$1"/usr/bin/*.mit; do [ ! -e "$name" ] || ln -s "${name##*/}" "${name%.mit}"; done\n'
            'mkdir -p "$1/home" "$1/work" "$1/proc"\n'
            'chown "$2:$3" "$1/home" "$1/work"\n'
            'chmod 1777 "$1/tmp" "$1/dev/shm"\n',
            self.uid, self.gid, HOSTS)

    def bring(self, here, there):
        self.root('mkdir -p "$1$(dirname "$3")"; cp -rL "$2" "$1$3"; chmod -R a+rX "$1$3"', here, there)

    def compile(self, sources, file, program):
        """With this machine's compiler and libc, against that release's libpq. PostgreSQL's own printf is in no package."""
        libpq = next(self.directory.glob("usr/lib/*/libpq.so.5"))
        made = sources / Path(program).name
        run("cc", "-I", sources / "src/include", "-I", self.directory / "usr/include/postgresql",
            "-Dpg_printf=printf", "-Dpg_fprintf=fprintf", "-o", made, sources / file, libpq, "-Wl,--allow-shlib-undefined")
        self.bring(made, program)

    def listen(self):
        """A syslog of its own, which counts what the gate has to tell in audit mode."""
        self.journal = []
        self.syslog = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        place = self.directory / "dev/log"
        if ROOT:
            self.root('chmod 777 "$1/dev"')
        self.syslog.bind(str(place))
        place.chmod(0o666)
        threading.Thread(target=self.hear, daemon=True).start()

    def hear(self):
        while True:
            try:
                line = self.syslog.recv(65536)
            except OSError:
                return
            if b"pganchor" in line:
                self.journal.append(line.decode(errors="replace"))

    def enter(self, cwd, env, argv):
        return [*ROOT, "unshare", "--net", sys.executable, "-c", LOOPBACK,
                "chroot", f"--userspec=+{self.uid}:+{self.gid}", "--groups=", self.directory,
                "/usr/bin/env", "-i", f"--chdir={cwd}", *[f"{name}={value}" for name, value in env.items()], *argv]

    def environment(self, mode, work="/work"):
        env = {
            "PATH": f"/usr/lib/postgresql/{self.version}/bin:/programs:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/home", "TZ": "UTC", "LC_ALL": "C", "XDG_CONFIG_HOME": f"/policies/{mode}",
            "PG_TEST_EXTRA": EXTRA, "with_ssl": "openssl", "OPENSSL": "/usr/bin/openssl",
            "with_gssapi": "yes", "with_krb_srvnam": "postgres",
            # On Unix, `pg_regress --config-auth` does nothing.
            "PG_REGRESS": "/bin/true",
            "TESTDIR": work, "TESTDATADIR": f"{work}/tmp_check", "TESTLOGDIR": f"{work}/log",
            # Where the tests agree on who takes which port.
            "top_builddir": "/work",
        }
        if mode != "plain":
            env["LD_PRELOAD"] = "/pganchor-gate.so"
        return env

    def call(self, mode, *argv):
        done = subprocess.run([str(word) for word in self.enter("/work", self.environment(mode), argv)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.stdout

    def prepare(self):
        """The gate is there in the two modes, and not without; what it says of a weak connection."""
        nobody = "Connection refused"
        for mode, words, absent in (("plain", nobody, REFUSAL), ("audit", nobody, REFUSAL), ("enforce", REFUSAL, nobody)):
            # A port that nobody can listen at.
            said = self.call(mode, "psql", "host=127.0.0.1 port=1 sslmode=prefer")
            assert words in said and absent not in said, f"psql {self.version}, {mode}: {said}"
        assert any("sslmode=prefer" in line for line in self.journal), "audit mode has told syslog nothing"
        # Tests of 17 and later copy a cluster where one is made.
        if int(self.version) > 15:
            said = self.call("plain", "initdb", "-D", "/work/template", "-A", "trust", "-N")
            assert "Success" in said, said

    def files(self):
        """[(suite, name)] of its tests."""
        return [(suite, path.name) for suite in self.suites for path in sorted((self.directory / "source" / suite / "t").glob("*.pl"))]

    def clear(self):
        """End what still runs in there: the servers of a test that was ended by force."""
        self.root('for root in /proc/[0-9]*/root; do\n'
                  '    [ "$(readlink "$root")" != "$1" ] || { pid=${root%/root}; kill -KILL "${pid#/proc/}"; } || :\n'
                  'done')

    def close(self):
        self.syslog.close()
        self.clear()


class Run:
    """One test file, run in one mode: .events, a list of ("result", line) and ("command", (words, status, errors))."""

    def __init__(self, machine, suite, name, mode):
        self.mode = mode
        work = f"/work/{suite.replace('/', '-')}-{name.partition('.')[0]}-{mode}"
        machine.root('mkdir -p "$1$2"; chown "$3:$4" "$1$2"', work, machine.uid, machine.gid)
        env = machine.environment(mode, work)
        if int(machine.version) > 15:
            env["INITDB_TEMPLATE"] = "/work/template"
        argv = ["perl", "-I", "/source/src/test/perl", "-I", f"/source/{suite}/t", "-I", "/perl", "-MRecorder", f"t/{name}"]
        begun = time.monotonic()
        process = subprocess.Popen([str(word) for word in machine.enter(f"/source/{suite}", env, argv)], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True)
        try:
            out, err = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            # Its servers, and whatever else runs in that machine, have to go too.
            machine.clear()
            out, err = process.communicate()
            err += f"\nended after {SECONDS} seconds"
        self.status = process.returncode
        self.seconds = time.monotonic() - begun
        self.words = err
        self.events = []
        for line in out.splitlines():
            recorded = re.match(r"\s*# recorded (.*)", line)
            if recorded:
                argv, status, errors = json.loads(steady(recorded.group(1), work))
                self.events.append(("command", (tuple(map(str, argv or ())), status, errors)))
            elif re.match(r"\s*(not ok|ok|Bail out!)|\s*1\.\.\d", line):
                self.events.append(("result", steady(line, work)))

    def blocks(self):
        """[(command, [results up to the next one])]; the first command is None."""
        blocks = [(None, [])]
        for kind, what in self.events:
            if kind == "command":
                # Polling until something is there takes as many calls as it takes.
                if blocks[-1][0] == what and not blocks[-1][1]:
                    continue
                blocks.append((what, []))
            else:
                blocks[-1][1].append(what)
        return blocks

    @property
    def results(self):
        return [what for kind, what in self.events if kind == "result"]


def steady(text, work):
    """The text without what differs from one run to the next: directories, ports, numbers of processes."""
    text = text.replace(work, "WORK")
    text = re.sub(r"/tmp/\w{10}\b", "/tmp/DIRECTORY", text)
    text = re.sub(r"(tmp_test|t_\w+_data)_\w{4}\b", r"\1", text)
    text = re.sub(r"\b(port=|port |:|PGSQL\.)\d{4,5}(,\d{4,5})*\b", r"\1PORT", text)
    return re.sub(r"\b(PID|pid) \d+", r"\1 N", text)


def difference(one, other, names):
    return "\n".join(difflib.unified_diff(list(one), list(other), *names, lineterm="", n=2))


def lines_of(run_):
    for command, results in run_.blocks():
        if command:
            words, status, errors = command
            yield f"command {' '.join(words)!r} -> {status}: {errors!r}"
        yield from results


def compare_audit(plain, audit):
    """What is wrong, as text; "" where nothing is."""
    wrong = ""
    if plain.status != audit.status:
        wrong += f"exit status {plain.status} without, {audit.status} with\n"
    return wrong + difference(lines_of(plain), lines_of(audit), ("plain", "audit"))


def kind_of(words):
    """What a command is to the gate: "strong", "weak", or "other" (a Unix socket, or no connection)."""
    text = " ".join(words)
    if not words or Path(words[0]).name != "psql":
        return "other"
    hosts = re.findall(r"\bhost(?:addr)?=(\S+)", text)
    if not any(not one.startswith("/") for host in hosts for one in host.strip("'").split(",")):
        return "other"
    # With the system's roots, verify-full is libpq's default, and it takes no less.
    roots = re.findall(r"\bsslrootcert=(\S+)", text)
    modes = re.findall(r"\bsslmode=([\w-]+)", text) or (["verify-full"] if roots[-1:] == ["system"] else [])
    return "strong" if modes[-1:] == ["verify-full"] and "sslkeylogfile=" not in text else "weak"


def unnumbered(results):
    return [re.sub(r"\b(ok) \d+", r"\1", line) for line in results]


def compare_enforce(plain, enforce, counts):
    """What is wrong, as text; "" where nothing is. Counts what was held against what."""
    wrong = []
    mine, theirs = enforce.blocks(), plain.blocks()
    last = None
    for number, (block, peer) in enumerate(zip(mine, theirs)):
        (command, results), (command_plain, results_plain) = block, peer
        if command is None:
            kind = "other"
        else:
            words, status, errors = command
            if words != command_plain[0]:
                wrong.append(f"a command of its own, number {number}: {words}, plain {command_plain[0]}, behind {last}")
                break
            # Why a certificate was not verified is told in a line of the gate's own.
            told = r"^    pganchor: the certificate of .*\n|^    pganchor: leave sslmode as it is: .*\n    missing is the root .*\n"
            command = (words, status, re.sub(told, "", errors, flags=re.M) if errors else errors)
            kind = kind_of(words)
            last = command
        if kind == "weak":
            if errors is not None and REFUSAL in errors and status != 0:
                counts["refused"] += 1
                continue
            if status == 0:
                wrong.append(f"a weak connection was let through: {words}")
                continue
            # libpq itself has found fault with the options, which it does before it looks for a server.
            if not (errors or "").startswith("psql: error: ") or "connection to server" in errors:
                wrong.append(f"a weak connection went as far as the server: {words}: {errors}")
                continue
            counts["refused by libpq"] += 1
        else:
            counts[kind] += 1
            if kind == "strong" and status == 0:
                counts["strong, connected"] += 1
        if command != command_plain or unnumbered(results) != unnumbered(results_plain):
            wrong.append(difference(map(str, [command_plain, *unnumbered(results_plain)]), map(str, [command, *unnumbered(results)]),
                                    ("plain", "enforce")))
    if not wrong and len(mine) != len(theirs):
        # A test ends where it cannot do without a connection that was refused.
        if len(mine) < len(theirs) and last and last[2] and REFUSAL in last[2]:
            counts["ended early"] += 1
        else:
            wrong.append(f"ended after {len(mine)} commands of {len(theirs)}, behind {last}:\n{enforce.words}")
    return "\n".join(wrong)


class Report:
    def __init__(self):
        self.passed = self.failed = 0
        self.skipped = 0

    def tell(self, name, wrong, detail):
        if wrong:
            self.failed += 1
            print(f"FAIL: {name}: {detail}")
            print("    " + wrong[:6000].replace("\n", "\n    "), flush=True)
        else:
            self.passed += 1
            print(f"PASS: {name}: {detail}", flush=True)


def judge(report, machine, runs, totals):
    """Compare the three runs of one file."""
    (suite, name), plain = runs["file"], runs["plain"]
    label = f"{machine.version} {suite}/t/{name}"
    failures = [line for line in plain.results if line.lstrip().startswith("not ok") and "# TODO" not in line]
    counts = Counter(result.lstrip().split()[0] for result in plain.results)
    skips = sum("# SKIP" in line or "# skip" in line for line in plain.results)
    wrong = compare_audit(plain, runs["audit"])
    if not counts["ok"]:
        wrong = "no result at all:\n" + "\n".join(plain.results) + f"\n{plain.words}"
    elif (failures or plain.status != 0) and not machine.of_another:
        # A judge that fails by itself is none.
        wrong = f"fails without the gate too, status {plain.status}:\n" + "\n".join(failures) + f"\n{plain.words}\n{wrong}"
    totals["results"] += counts["ok"]
    totals["commands"] += len(plain.blocks()) - 1
    report.tell(f"{label} audit", wrong,
                f"{counts['ok']} results, {len(plain.blocks()) - 1} commands, {skips} skipped, {plain.seconds:.0f} s")
    held = Counter()
    wrong = compare_enforce(plain, runs["enforce"], held)
    if suite == "src/test/ssl" and name.startswith("001") and held["strong, connected"] < 10:
        wrong += "\nnot ten connections with verify-full among them"
    totals.update(held)
    report.tell(f"{label} enforce", wrong, ", ".join(f"{what} {count}" for what, count in held.items()))


@contextlib.contextmanager
def ended_with(pool, machines):
    """Whoever interrupts us need not wait for tests that nobody will read."""
    try:
        yield
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for machine in machines.values():
            machine.clear()
        raise


def main():
    parser = argparse.ArgumentParser(usage="%(prog)s [--jobs N] [--keep] [--suite DIRECTORY]... MODULE [VERSION[/PATTERN]...]")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)) + 1)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--suite", action="append")
    parser.add_argument("module", type=Path)
    parser.add_argument("choice", nargs="*", default=list(RELEASES))
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    choices = [choice.partition("/") for choice in arguments.choice]
    directory = Path(tempfile.mkdtemp(prefix="pgu-"))
    directory.chmod(0o711)
    report, machines, totals = Report(), {}, Counter()
    if "PGANCHOR_TEST_CACHE" in os.environ:
        Path(os.environ["PGANCHOR_TEST_CACHE"]).mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        (directory / "apt").mkdir()
        apt = Apt(directory / "apt", RELEASES.values())
        with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
            suites = arguments.suite or SUITES
            made = {version: pool.submit(Machine, version, directory / version, arguments.module.resolve(), apt, suites)
                    for version in dict.fromkeys(version for version, _, _ in choices)}
            for version, future in made.items():
                machines[version] = future.result()
        for version, machine in machines.items():
            machine.prepare()
            print(f"{version}: {machine.call('plain', 'psql', '--version').strip()}, tests of {machine.fetched}", flush=True)
        files = [(machine, one) for version, machine in machines.items() for one in machine.files()
                 if any(version == wanted and pattern in one[1] for wanted, _, pattern in choices)]
        # The long ones first.
        files.sort(key=lambda pair: ("005" not in pair[1][1], "001_ssl" not in pair[1][1]))
        with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool, ended_with(pool, machines):
            waiting = [(machine, one, {mode: pool.submit(Run, machine, *one, mode) for mode in MODES}) for machine, one in files]
            for machine, one, runs in waiting:
                judge(report, machine, {"file": one, **{mode: future.result() for mode, future in runs.items()}}, totals)
    finally:
        for machine in machines.values():
            machine.close()
        if arguments.keep:
            print(f"kept: {directory}")
        else:
            take_away(directory)
    for version, machine in machines.items():
        print(f"{version}: {len(machine.journal)} lines to syslog")
    print(", ".join(f"{what} {count}" for what, count in totals.items()))
    print(f"{report.passed} passed, {report.failed} failed, {report.skipped} skipped")
    return 0 if report.passed and not report.failed else 1


if __name__ == "__main__":
    sys.exit(main())
