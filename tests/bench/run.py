#!/usr/bin/python3
"""What the gate and the tool cost: tests/bench/run.py [NAME...] [--pairs N] [--json FILE] [--check].

  connect     PQconnectdb with verify-full, one after the other
  connect64   the same by 64 threads at once
  refuse      a weak PQconnectdb that the gate refuses, beside a verified one
  pgbench     transactions a second of `pgbench -C`, which connects for each
  start       starting `true`: with the gate, with libeatmydata, with an empty shared object
  verdict     instructions of one connection that are the gate's, counted by callgrind, with ten anchors and exempt hosts
  scale       the same with 10,000 anchors and exempt hosts
  memory      private pages of a process that never connects, its stack apart
  dropin      the drop-in in the module's place: connect, the start of psql, memory of a process with libpq; the start of `true`
              on a machine where it is enabled (needs a mount namespace)
  continuity  the gate with continuity = require and a hundred servers that are known: connect, with and without
  passwords   the gate with passwords of a keyring, connect: an index without an entry for the server, beside no index; a password of
              the keyring's, beside one in .pgpass, in a process that stays, and in one that connects once
  bundle      processor time of a client that connects: with a bundle of 145 roots ("without") and with the file of the anchor
  anchors     processor time of `pganchor anchor list` with 1,000 anchors ("without") and with 10,000
  refresh     processor time of `pganchor anchor refresh` with 10 sources ("without") and with 100
  services    processor time of `pganchor service list` with 1,000 entries ("without") and with 10,000
  status      `pganchor status` of a user with ten anchors and services, beside `psql --version` ("without"): elapsed and processor time
  one_probe   `pganchor probe` of one server, beside `openssl s_client -starttls postgres` ("without"): elapsed and processor time
  cert_issue  `pganchor cert issue`, beside step's own library that does the same ("without"), which hashes the password as often; and beside
              that hash alone: elapsed
  local_ca    `pganchor ca local issue` where there is no CA yet, beside mkcert ("without"): a CA and a server's certificate; elapsed,
              and the processor time beside mkcert -ecdsa
  probe       `pganchor probe --file` of 1,000 servers, beside a program that does nothing but as many handshakes as that takes
              ("without"), with as many threads; its memory with 100 servers ("without") and with 1,000

Without NAME, all of them. Needs PGANCHOR_PREFIX (where `make install` put pganchor) and what the tests need; the server
and the CA are the tests' own. Each figure is a ratio or a count of one run, in which measurements without and with the
gate take turns; a ratio is that of the medians. Prints a table; the JSON holds the same. With --check the exit status is
1 when a figure is not within its limit.

Instructions of the gate are those of the module and of what it calls for itself. To take the difference of two
connections would not do: what a TLS handshake computes differs from one to the next by more.
"""

import argparse
import base64
import hashlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from functools import cache, cached_property
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from certificates import KEYS, make_root  # noqa: E402
from fleets import Fleet, measured  # noqa: E402
from keyring import Keyring  # noqa: E402
from postgres import PASSWORD, Clusters, binary_directory  # noqa: E402
from stepca import call, start_stepca  # noqa: E402

PAGE = os.sysconf("SC_PAGESIZE")
MEASUREMENTS = {}
PASSED_ON = {"PQconnectdb", "PQconnectdbParams", "PQconnectStartParams", "PQconnectPoll", "PQfinish",
             "SSL_connect", "SSL_write", "getaddrinfo"}
ASKING = ("pga_effective_", "begin", "read_probe")


def measurement(function):
    MEASUREMENTS[function.__name__] = function
    return function


def row(without, gated, unit, *, at_most=None, at_least=None, figure=None, **more):
    """One line of the table. figure: what the limit is for and the table shows; the ratio where it is not given."""
    ratio = gated / without if without else None
    figure = ratio if figure is None else figure
    within = (at_most is None or figure <= at_most) and (at_least is None or figure >= at_least)
    return {"without": without, "with": gated, "unit": unit, "ratio": ratio, "figure": figure, "at_most": at_most,
            "at_least": at_least, "within": within, **more}


def compiled(name, directory, *words):
    program = directory / name
    subprocess.run(["cc", "-O2", "-o", program, *words], check=True)
    return program


def write_rules(home, fingerprint, count):
    """`count` anchors, of which the first is the real one, and `count` exempt hosts, none of which is asked for."""
    directory = home / ".config/pganchor"
    directory.mkdir(parents=True)
    sections = [f"[bench]\npin = {fingerprint}\nhosts = localhost\n"]
    sections += [f"[other-{i}]\npin = {i:08x}{i * 2654435761 % 2**224:056x}\n" for i in range(1, count)]
    (directory / "anchors.conf").write_text("".join(sections))
    if count > 1:
        hosts = " ".join(f"*.net{i}.example.com" if i % 2 else f"db{i}.example.com" for i in range(count))
        (directory / "policy.conf").write_text(f"allow-weak = {hosts}\n")


class Timer:
    """A connect_timer that waits for its commands."""

    def __init__(self, argv, home, preload=None, libraries=None, environment=None):
        env = {"HOME": str(home), "PATH": os.environ["PATH"], "LC_ALL": "C", **(environment or {})}
        if preload:
            env["LD_PRELOAD"] = str(preload)
        if libraries:
            env["LD_LIBRARY_PATH"] = str(libraries)
        self.process = subprocess.Popen(list(map(str, argv)), env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()

    def once(self, command="c"):
        self.process.stdin.write(command)
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit("connect_timer gave up")
        return int(answer)


def in_pairs(first, second, pairs, warm_up=10, command="c"):
    """([nanoseconds of the first], [of the second]), the order changing from pair to pair."""
    for timer in (first, second):
        for _ in range(min(warm_up, pairs)):
            timer.once(command)
    ones, others = [], []
    for number in range(pairs):
        if number % 2:
            others.append(second.once(command))
            ones.append(first.once(command))
        else:
            ones.append(first.once(command))
            others.append(second.once(command))
    return ones, others


def microseconds(nanoseconds):
    return statistics.median(nanoseconds) / 1000


def instructions(path, module):
    """Of a file that callgrind wrote: (all instructions, those spent in the module or on its behalf). The latter are what
    calls into the module took, less what the calls took that it passes on to libpq, OpenSSL and libc: those that do not come
    from its questions to libpq (src/policy/effective.c and ask_libpq.c)."""
    total, own, names = 0, 0, {}
    here, there, calls = {}, {}, False

    def named(kind, number, name):
        return names.setdefault((kind, number), name)

    for line in path.read_text().splitlines():
        if found := re.match(r"(c?)(ob|fn)=(\(\d+\))(?: (.*))?", line):
            called, kind, number, name = found.groups()
            (there if called else here)[kind] = named(kind, number, name)
        elif line.startswith("calls="):
            calls = True  # the next line is what the called function took
        elif re.match(r"[+*\d-]", line):
            cost = int(line.split()[1])
            inside, into = here["ob"] == str(module), there.get("ob", here["ob"]) == str(module)
            if not calls:
                total += cost
            elif into and not inside:
                own += cost
            elif inside and there["fn"] in PASSED_ON and not here["fn"].startswith(ASKING):
                own -= cost
            if calls:
                calls, there = False, {}
    return total, own


class Bench:
    """What the measurements share. The server and the CA are started when the first of them needs one."""

    def __init__(self, prefix, directory, pairs):
        self.module = prefix / "lib/pganchor/pganchor-gate.so"
        self.dropin = prefix / "lib/pganchor/libpq"
        self.tool = prefix / "bin/pganchor"
        self.directory = directory
        self.pairs = pairs
        self.cleanup = ExitStack()
        if not self.module.exists():
            raise SystemExit(f"{self.module} is not there: `make install` first")

    @cached_property
    def ca(self):
        ca = start_stepca(self.directory / "stepca")
        self.cleanup.callback(ca.daemon.stop)
        return ca

    @cached_property
    def server(self):
        server = Clusters(self.directory).start(*self.ca.issue("localhost"), settings={"max_connections": "300"})
        self.cleanup.callback(server.stop)
        return server

    @cached_property
    def timer(self):
        libpq = subprocess.run(["pkg-config", "--cflags", "--libs", "libpq"], check=True, capture_output=True, text=True)
        return compiled("connect_timer", self.directory, HERE / "connect_timer.c", "-pthread", *libpq.stdout.split())

    @cached_property
    def home(self):
        return self.home_with(1)

    def home_with(self, count, name="plain"):
        """A home whose user trusts the CA and has this many anchors and exempt hosts."""
        home = self.directory / f"home-{name}-{count}"
        (home / ".postgresql").mkdir(parents=True)
        (home / ".postgresql/root.crt").write_text(self.ca.root_pem)
        write_rules(home, self.ca.fingerprint, count)
        return home

    @property
    def strong(self):
        return self.server.conninfo(sslmode="verify-full", gssencmode="disable")

    @cached_property
    def knowing_home(self):
        """One with continuity, whose user has met a hundred servers, this one among them."""
        home = self.home_with(1, "knowing")
        (home / ".config/pganchor/policy.conf").write_text("continuity = require\n")
        line = 'seen host="db{0}.example.com" port="5432" key="{0:064x}" issuer="{1:064x}" time="1795331163" program="psql"\n'
        (home / ".config/pganchor/known_servers.conf").write_text("".join(line.format(i, i % 3) for i in range(99)))
        return home

    @cached_property
    def keyring(self):
        keyring = Keyring(self.directory / "keyring")
        self.cleanup.callback(keyring.end)
        return keyring

    def keeping_home(self, name, host):
        """One whose keyring has the password for a host."""
        home = self.home_with(1, name)
        subprocess.run([self.tool, "password", "set", host, "-U", self.server.user], check=True, input=PASSWORD, text=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       env={"HOME": str(home), "PATH": "/usr/bin:/bin", **self.keyring.environment})
        return home

    def run_tool(self, words, home):
        subprocess.run([self.tool, *words], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       env={"HOME": str(home), "PATH": "/usr/bin:/bin"})

    def connecting(self, preload=None, threads=1, libraries=None, home=None):
        return Timer([self.timer, threads, self.strong], home or self.home, preload, libraries)

    @cached_property
    def libpq(self):
        """A directory like the drop-in's, with the machine's libpq in it: ld.so looks into either alike."""
        directory = self.directory / "libpq"
        directory.mkdir()
        needed = subprocess.run(["readelf", "-d", self.dropin / "libpq.so.5"], check=True, capture_output=True, text=True).stdout
        (directory / "libpq.so.5").symlink_to(re.search(r"NEEDED.*\[(/.*)\]", needed)[1])
        return directory

    @cache
    def counted(self, rules):
        """(all, those of the gate): instructions of one connection by this many anchors and exempt hosts, the mean of
        several. What comes before the second dump does not count: the first connections, and what callgrind's first dump
        leaves behind of them."""
        connections = max(1, min(10, self.pairs // 20))
        output = self.directory / "callgrind.out"
        for old in self.directory.glob("callgrind.out*"):
            old.unlink()
        with Timer(["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={output}", self.timer, 1, self.strong],
                   self.home_with(rules), self.module) as timer:
            for command in "cdcd" + "c" * connections + "d":
                timer.once(command)
        return [count / connections for count in instructions(self.directory / "callgrind.out.3", self.module)]


@measurement
def connect(bench):
    with bench.connecting() as plain, bench.connecting(bench.module) as gated:
        ones, others = in_pairs(plain, gated, bench.pairs)
    return {"connect": row(microseconds(ones), microseconds(others), "us", at_most=1.01, pairs=len(ones))}


@measurement
def connect64(bench):
    rounds = max(2, bench.pairs // 10)
    with bench.connecting(threads=64) as plain, bench.connecting(bench.module, 64) as gated:
        ones, others = in_pairs(plain, gated, rounds, warm_up=2)
    return {"connect64": row(microseconds(ones) / 64, microseconds(others) / 64, "us", at_most=1.01, pairs=rounds)}


@measurement
def refuse(bench):
    weak = [bench.timer, 1, bench.server.conninfo(), "refused"]
    with bench.connecting() as plain, Timer(weak, bench.home, bench.module) as refused:
        ones, others = in_pairs(plain, refused, bench.pairs)
    return {"refuse": row(microseconds(ones), microseconds(others), "us", pairs=len(ones))}


@measurement
def pgbench(bench):
    script = bench.directory / "select.sql"
    script.write_text("SELECT 1;\n")
    transactions = max(5, bench.pairs // 10)

    def throughput(preload):
        env = {"HOME": str(bench.home), "PATH": os.environ["PATH"], "LC_ALL": "C", "PGPASSWORD": PASSWORD}
        if preload:
            env["LD_PRELOAD"] = str(preload)
        done = subprocess.run([binary_directory() / "pgbench", "-C", "-n", "-f", script, "-t", str(transactions),
                               bench.server.conninfo(sslmode="verify-full", gssencmode="disable", password=None)],
                              env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
        return float(re.search(r"^tps = ([\d.]+)", done.stdout, re.M)[1])

    runs = max(2, bench.pairs // 50)
    pairs = [tuple(map(throughput, (None, bench.module) if number % 2 else (bench.module, None))) for number in range(runs)]
    plain = statistics.median(pair[number + 1 & 1] for number, pair in enumerate(pairs))
    gated = statistics.median(pair[number & 1] for number, pair in enumerate(pairs))
    return {"pgbench": row(plain, gated, "tps", at_least=0.99, pairs=runs)}


def spawned(bench, rounds, words, *settings):
    """What the start of a program takes with each of these settings, in turns: the medians, in microseconds."""
    spawn_timer = compiled("spawn_timer", bench.directory, HERE / "spawn_timer.c")
    done = subprocess.run([spawn_timer, str(rounds), *settings, "--", *words], check=True, capture_output=True, text=True)
    return map(microseconds, zip(*(map(int, line.split()) for line in done.stdout.splitlines())))


@measurement
def start(bench):
    (bench.directory / "empty.c").touch()
    empty = compiled("empty.so", bench.directory, "-shared", "-fPIC", bench.directory / "empty.c")
    eatmydata = next(iter(Path("/usr/lib").glob("**/libeatmydata.so")), None)
    if eatmydata is None:
        raise SystemExit("libeatmydata.so is not there: packaging/dependencies.sh test")
    rounds = 2 * bench.pairs
    plain, empty_us, eatmydata_us, gated = spawned(
        bench, rounds, ["/bin/true"], "-", *(f"LD_PRELOAD={library}" for library in (empty, eatmydata, bench.module)))
    return {"start": row(plain, gated, "us", at_most=1.03, pairs=rounds),
            "start, beside libeatmydata": row(eatmydata_us, gated, "us", at_most=1.0, pairs=rounds),
            "start of libeatmydata": row(plain, eatmydata_us, "us", pairs=rounds),
            "start of an empty object": row(plain, empty_us, "us", pairs=rounds)}


@measurement
def verdict(bench):
    total, own = bench.counted(10)
    return {"verdict": row(total - own, total, "instr", figure=round(own))}


@measurement
def scale(bench):
    few, many = bench.counted(10)[1], bench.counted(10000)[1]
    return {"scale": row(few, many, "instr", at_most=1.05)}


def private_pages(argv, **setting):
    """Of a process that answers a line and waits: the pages which are no file's. Not those of its stack: where the kernel puts that,
    which is another place each time, makes one page more or less, with any preloaded object."""
    with subprocess.Popen(argv, env={"PATH": "/usr/bin:/bin", **setting}, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdin.write(b"\n")
        process.stdin.flush()
        process.stdout.readline()
        pages, stack = 0, False
        for line in Path(f"/proc/{process.pid}/smaps").read_text().splitlines():
            if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
                stack = line.endswith("[stack]")
            elif (found := re.match(r"Anonymous: +(\d+) kB", line)) and not stack:
                pages += int(found[1]) * 1024 // PAGE
        process.stdin.close()
    return pages


@measurement
def memory(bench):
    # The environment is as long without as with the module.
    plain, gated = private_pages(["cat"], XX_PRELOAD=str(bench.module)), private_pages(["cat"], LD_PRELOAD=str(bench.module))
    return {"memory": row(plain, gated, "pages", at_most=2, figure=gated - plain)}


def true_by_cache(bench, name, *first):
    """A function that measures some starts of `true`, on a machine whose ld.so.cache has these directories first."""
    conf, cache = bench.directory / f"{name}.conf", bench.directory / f"{name}.cache"
    conf.write_text("".join(f"{path}\n" for path in (*first, "include /etc/ld.so.conf")))
    subprocess.run([shutil.which("ldconfig", path="/sbin:/usr/sbin:/bin:/usr/bin"), "-X", "-f", conf, "-C", cache], check=True)
    spawn_timer = compiled("spawn_timer", bench.directory, HERE / "spawn_timer.c")
    script = 'mount -n --bind "$1" /etc/ld.so.cache && shift && exec "$@"'
    words = ["unshare", "--mount", *(["--map-root-user"] if os.geteuid() else []), "sh", "-c", script, "sh", cache,
             spawn_timer, "50", "-", "--", "/bin/true"]
    return lambda: list(map(int, subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()))


@measurement
def dropin(bench):
    as_it_is, enabled = true_by_cache(bench, "plain"), true_by_cache(bench, "enabled", bench.dropin)
    starts = {as_it_is: [], enabled: []}
    for number in range(max(2, bench.pairs // 25)):
        for measure in (as_it_is, enabled) if number % 2 else (enabled, as_it_is):
            starts[measure] += measure()
    with bench.connecting(libraries=bench.libpq) as plain, bench.connecting(libraries=bench.dropin) as gated:
        ones, others = in_pairs(plain, gated, bench.pairs)
    rounds = 2 * bench.pairs
    alone, before = spawned(bench, rounds, [binary_directory() / "psql", "--version"], *(f"LD_LIBRARY_PATH={path}" for path in (bench.libpq, bench.dropin)))
    waiting = [bench.timer, "1", "host=/nowhere"]
    pages, more = (private_pages(waiting, LD_LIBRARY_PATH=str(path)) for path in (bench.libpq, bench.dropin))
    return {"dropin, connect": row(microseconds(ones), microseconds(others), "us", at_most=1.005, pairs=len(ones)),
            "dropin, start of true": row(microseconds(starts[as_it_is]), microseconds(starts[enabled]), "us", at_most=1.01,
                                         pairs=len(starts[as_it_is])),
            "dropin, start of psql": row(alone, before, "us", at_most=1.1, pairs=rounds),
            "dropin, memory": row(pages, more, "pages", at_most=8, figure=more - pages)}


@measurement
def continuity(bench):
    with bench.connecting(bench.module) as without, bench.connecting(bench.module, home=bench.knowing_home) as known:
        ones, others = in_pairs(without, known, bench.pairs)
    return {"continuity": row(microseconds(ones), microseconds(others), "us", at_most=1.005, pairs=len(ones))}


@measurement
def passwords(bench):
    none, other, own = bench.home, bench.keeping_home("other", "other.example.com"), bench.keeping_home("own", "localhost")
    filed = bench.home_with(1, "filed")
    (filed / ".pgpass").write_text(f"*:*:*:*:{PASSWORD}\n")
    (filed / ".pgpass").chmod(0o600)
    strong = bench.server.conninfo(sslmode="verify-full", gssencmode="disable", password=None)

    def timer(home):
        return Timer([bench.timer, 1, strong], home, bench.module, environment=bench.keyring.environment)

    def once(home):
        begun = time.monotonic_ns()
        with timer(home) as one:
            one.once()
        return time.monotonic_ns() - begun

    with bench.connecting(bench.module, home=none) as without, bench.connecting(bench.module, home=other) as indexed:
        ones, others = in_pairs(without, indexed, bench.pairs)
    with timer(filed) as from_file, timer(own) as from_keyring:
        later = in_pairs(from_file, from_keyring, bench.pairs)
    first = list(zip(*((once(filed), once(own)) for _ in range(max(2, bench.pairs // 10)))))
    more = (microseconds(first[1]) - microseconds(first[0])) / 1000
    return {"passwords, none": row(microseconds(ones), microseconds(others), "us", at_most=1.005, pairs=len(ones)),
            "passwords, later": row(*map(microseconds, later), "us", at_most=1.02, pairs=len(later[0])),
            "passwords, first": row(*map(microseconds, first), "us", figure=round(more, 1), at_most=20, pairs=len(first[0]))}


def processor_times(bench, words, few, many):
    """Milliseconds of the tool in the two homes, in turns: the least of each."""
    def once(home):
        child = os.posix_spawn(bench.tool, [str(bench.tool), *words], {"HOME": str(home), "PATH": "/usr/bin:/bin"},
                               file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
        _, status, usage = os.wait4(child, 0)
        if status != 0:
            raise SystemExit(f"pganchor {' '.join(words)} failed")
        return (usage.ru_utime + usage.ru_stime) * 1000

    times = [(once(few), once(many)) for _ in range(5)]
    return min(one for one, _ in times), min(many for _, many in times)


@measurement
def services(bench):
    """libpq reads a service file from its start to the entry: by itself, ten times the entries take a hundred times as long."""
    def listing(count):
        home = bench.directory / f"services-{count}"
        home.mkdir()
        (home / ".pg_service.conf").write_text("".join(
            f"[s{i}]\nhost=db{i}.example.com\nuser=app\nsslmode=verify-full\ngssencmode=disable\n\n" for i in range(count)))
        (home / ".postgresql").mkdir()
        (home / ".postgresql/root.crt").write_text(bench.ca.root_pem)
        return home

    few, many = listing(1000), listing(10000)
    return {"services": row(*processor_times(bench, ["service", "list"], few, many), "ms", at_most=12)}


def spent(argv, home, status_wanted=0):
    """(elapsed, processor) microseconds of a command."""
    began = time.monotonic_ns()
    process = subprocess.Popen(list(map(str, argv)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env={"HOME": str(home), "PATH": os.environ["PATH"]})
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != status_wanted:
        raise SystemExit(f"{argv[0]} ended with {process.returncode}")
    return (time.monotonic_ns() - began) / 1000, (usage.ru_utime + usage.ru_stime) * 1e6


@measurement
def status(bench):
    """The one screen is to be there in less than 50 ms, where psql starts in 4 to 5. It looks into each process that runs."""
    home = bench.home_with(10, "status")
    (home / ".pg_service.conf").write_text("".join(
        f"[s{i}]\nhost=db{i}.example.com\nuser=app\nsslmode=verify-full\ngssencmode=disable\n\n" for i in range(10)))
    psql = [binary_directory() / "psql", "--version"]
    processes = sum(name.isdigit() for name in os.listdir("/proc"))
    # Nothing is enabled there, which is weaker than what the policy wants: 3.
    rounds = [(spent(psql, home), spent([bench.tool, "status"], home, 3)) for _ in range(max(4, bench.pairs // 4))]
    (alone, alone_cpu), (screen, screen_cpu) = ([statistics.median(column) for column in zip(*side)] for side in zip(*rounds))
    more = {"at_most": 5 + processes / 20, "pairs": len(rounds), "processes": processes}
    return {"status": row(alone, screen, "us", **more), "status, processor": row(alone_cpu, screen_cpu, "us", **more)}


@measurement
def one_probe(bench):
    where = f"localhost:{bench.server.port}"
    openssl = ["openssl", "s_client", "-starttls", "postgres", "-connect", where, "-CAfile", bench.home / ".postgresql/root.crt"]
    rounds = [(spent(openssl, bench.home), spent([bench.tool, "probe", where], bench.home)) for _ in range(max(4, bench.pairs // 4))]
    (alone, alone_cpu), (probed, probed_cpu) = ([statistics.median(column) for column in zip(*side)] for side in zip(*rounds))
    return {"one_probe": row(alone, probed, "us", at_most=1.5, pairs=len(rounds)),
            # Loading libpq and the libraries that it needs is 2 ms of the difference.
            "one_probe, processor": row(alone_cpu, probed_cpu, "us", at_most=1.75, pairs=len(rounds))}


@measurement
def cert_issue(bench):
    """Both ask the CA for its provisioners, unwrap the key by the password, and have a new key signed. How often the password is hashed
    the CA says."""
    home = bench.directory / "home-issuing"
    home.mkdir()
    bench.run_tool(["bootstrap", "--ca-url", bench.ca.url, "--fingerprint", bench.ca.fingerprint, "--scoped"], home)
    program, steppath = call("build").strip(), {"STEPPATH": str(bench.ca.directory), "HOME": str(bench.ca.directory), "PATH": "/usr/bin:/bin"}
    password = bench.ca.directory / "password"
    config = json.loads((bench.ca.directory / "config/ca.json").read_text())
    header = next(one for one in config["authority"]["provisioners"] if one["type"] == "JWK")["encryptedKey"].split(".")[0]
    count = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))["p2c"]

    def step():
        began = time.monotonic_ns()
        subprocess.run([program, "issue", "--cert", home / "step.crt", "--key", home / "step.key", "localhost"], check=True, env=steppath,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        return time.monotonic_ns() - began

    def hashing():
        began = time.monotonic_ns()
        hashlib.pbkdf2_hmac("sha256", b"password", b"salt" * 8, count, 16)
        return time.monotonic_ns() - began

    ours = [bench.tool, "cert", "issue", "localhost", "--password-file", password]
    rounds = [(step(), hashing(), spent(ours, home)[0] * 1000) for _ in range(max(4, bench.pairs // 20))]
    stepped, hashed, issued = map(list, zip(*rounds))
    return {"cert_issue": row(*map(microseconds, (stepped, issued)), "us", at_most=1.5, pairs=len(rounds)),
            "cert_issue, hash": row(*map(microseconds, (hashed, issued)), "us", at_most=4, pairs=len(rounds), count=count)}


@measurement
def local_ca(bench):
    """As people call mkcert, and with keys of the same kind as ours; it leaves its files to the kernel, where ours are on the disk when it
    ends, and the CA is pinned."""
    def once(variable, *argv):
        with tempfile.TemporaryDirectory(dir=bench.directory) as home:
            began = time.monotonic_ns()
            process = subprocess.Popen(list(map(str, argv)), cwd=home, env={"HOME": home, "PATH": os.environ["PATH"], variable: home},
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode != 0:
                raise SystemExit(f"{argv[0]} ended with {process.returncode}")
            return (time.monotonic_ns() - began) / 1000, (usage.ru_utime + usage.ru_stime) * 1e6

    words = ["-cert-file", "server.crt", "-key-file", "server.key", "localhost", "127.0.0.1", "::1"]
    rounds = [(once("CAROOT", "mkcert", *words), once("CAROOT", "mkcert", "-ecdsa", *words),
               once("XDG_CONFIG_HOME", bench.tool, "ca", "local", "issue")) for _ in range(max(4, bench.pairs // 50))]
    (theirs, _), (_, alike_cpu), (ours, ours_cpu) = ([statistics.median(column) for column in zip(*side)] for side in zip(*rounds))
    return {"local_ca": row(theirs, ours, "us", at_most=1, pairs=len(rounds)),
            "local_ca, processor": row(alike_cpu, ours_cpu, "us", at_most=1.2, pairs=len(rounds))}


@measurement
def probe(bench):
    """A share of the servers, where the bench is to be short. All are on this machine, whose processors serve them, too."""
    count = min(1000, max(100, 10 * bench.pairs))
    words = ("-D_GNU_SOURCE", "-pthread", "-lssl", "-lcrypto")
    handshakes = compiled("handshakes", bench.directory, HERE / "handshakes.c", *words)
    directory, home = bench.directory / "fleet", bench.directory / "home-fleet"
    (home / ".postgresql").mkdir(parents=True)
    directory.mkdir()
    fleet = Fleet(compiled("fleet-servers", bench.directory, HERE.parent / "e2e/programs/fleet.c", *words), directory, count, {})
    bench.cleanup.callback(fleet.stop)
    fleet.trusted_in(home)
    few, all_of_them = fleet.list(home, fleet.servers[:count // 10]).rename(home / "few"), fleet.list(home)

    def probing(servers):
        """(handshakes, microseconds, kilobytes)."""
        before = fleet.counts()[0]
        status, taken, memory = measured([bench.tool, "probe", "--file", servers], {"HOME": str(home)})
        if status != 0:
            raise SystemExit("pganchor probe failed")
        return fleet.counts()[0] - before, taken, memory

    def shaking_hands(times):
        done = subprocess.run([handshakes, fleet.root, all_of_them, "64", str(times)], check=True, capture_output=True, text=True)
        stood, taken = map(int, done.stdout.split())
        if stood != times * count:
            raise SystemExit("handshakes failed")
        return taken

    each = -(-probing(all_of_them)[0] // count)
    runs = max(2, bench.pairs // 40)
    alone, probes = zip(*((shaking_hands(each), probing(all_of_them)) for _ in range(runs)))
    small = statistics.median(probing(few)[2] for _ in range(runs))
    return {"probe": row(statistics.median(alone), statistics.median(taken for _, taken, _ in probes), "us", at_most=2,
                         pairs=runs, handshakes=each),
            "probe, memory": row(small, statistics.median(memory for _, _, memory in probes), "kB", at_most=1.3)}


def made_roots(count):
    """So many roots. One key is that of all: what a client does with each is the same, and keys take long to make."""
    key = KEYS["rsa2048"]()
    KEYS["shared"] = lambda: key
    return [make_root(f"Root CA {number}", key="shared") for number in range(count)]


@measurement
def bundle(bench):
    bundle, anchor = bench.directory / "bundle.pem", bench.directory / "anchor.pem"
    anchor.write_text(bench.ca.root_pem)
    bundle.write_text("".join(root.pem for root in made_roots(144)) + bench.ca.root_pem)
    pairs = max(4, bench.pairs // 10)
    with ExitStack() as timers:
        ones, others = in_pairs(*(timers.enter_context(Timer([bench.timer, 1, f"{bench.strong} sslrootcert={path}"], bench.home))
                                  for path in (bundle, anchor)), pairs, 2, "p")
    return {"bundle": row(microseconds(ones), microseconds(others), "us", at_most=0.3, pairs=pairs)}


@measurement
def anchors(bench):
    """A share of them, where the bench is to be short."""
    count = min(1000, max(20, bench.pairs))
    roots = made_roots(10 * count)

    def pinning(number):
        home = bench.directory / f"anchors-{number}"
        (home / ".postgresql").mkdir(parents=True)
        (home / ".config/pganchor/anchors").mkdir(parents=True)
        (home / ".postgresql/root.crt").write_text("".join(root.pem for root in roots[:number]))
        (home / ".config/pganchor/anchors.conf").write_text("".join(
            f"[a{i}]\npin = {root.fingerprint}\nhosts = db{i}.example.com\nscope = root.crt\n\n" for i, root in enumerate(roots[:number])))
        for i, root in enumerate(roots[:number]):
            (home / f".config/pganchor/anchors/a{i}.crt").write_text(root.pem)
        return home

    few, many = pinning(count), pinning(10 * count)
    return {"anchors": row(*processor_times(bench, ["anchor", "list"], few, many), "ms", at_most=15, count=count)}


@measurement
def refresh(bench):
    """A share of them, likewise."""
    count = min(10, max(2, bench.pairs // 10))
    roots = made_roots(10 * count)

    def pinned_from(number):
        """Of as many files, each with a root."""
        home = bench.directory / f"sources-{number}"
        home.mkdir()
        for i, root in enumerate(roots[:number]):
            root.write_root(home / f"source{i}.pem")
            bench.run_tool(["anchor", "add", home / f"source{i}.pem", "--name", f"a{i}", "--fingerprint", root.fingerprint,
                            "--hosts", f"db{i}.example.com", "--scoped"], home)
        return home

    few, many = pinned_from(count), pinned_from(10 * count)
    return {"refresh": row(*processor_times(bench, ["anchor", "refresh"], few, many), "ms", at_most=15, count=count)}


def shown(name, figures):
    limit = (f"<= {figures['at_most']:g}" if figures["at_most"] is not None else
             f">= {figures['at_least']:g}" if figures["at_least"] is not None else "")
    decimals = 1 if figures["unit"] in ("us", "tps", "ms") else 0
    figure = f"{figures['figure']:.4f}" if figures["figure"] == figures["ratio"] else f"+{figures['figure']:,}"
    return (f"{name:28}{figures['without']:>13,.{decimals}f}{figures['with']:>13,.{decimals}f} {figures['unit']:6}{figure:>9}"
            f"  {limit:8}{'' if figures['within'] else 'OVER'}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", metavar="NAME", nargs="*", help="only these measurements")
    parser.add_argument("--pairs", type=int, default=1000, help="how often each connects (%(default)s)")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--check", action="store_true", help="exit status 1 when a figure is not within its limit")
    options = parser.parse_args()
    for name in options.names:
        if name not in MEASUREMENTS:
            parser.error(f"{name}: no such measurement; there are {', '.join(MEASUREMENTS)}")
    if "PGANCHOR_PREFIX" not in os.environ:
        parser.error("PGANCHOR_PREFIX is not set: `make install` into a prefix and name it there")
    results = {}
    print(f"{'':28}{'without':>13}{'with':>13} {'':6}{'figure':>9}  limit", flush=True)
    with tempfile.TemporaryDirectory(prefix="pga-bench-") as directory:
        os.chmod(directory, 0o755)
        bench = Bench(Path(os.environ["PGANCHOR_PREFIX"]).resolve(), Path(directory), options.pairs)
        with bench.cleanup:
            for name in options.names or MEASUREMENTS:
                for title, figures in MEASUREMENTS[name](bench).items():
                    results[title] = figures
                    print(shown(title, figures), flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")
    return 1 if options.check and not all(figures["within"] for figures in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
