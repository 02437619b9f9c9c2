"""pganchor doctor: what is hazardous on the machine around pganchor: old libpqs, sandboxes, the clock, containers, the linker's files."""

import json
import os
import pwd
import subprocess
import sys
import time

import pytest

from audited import PYTHON
from policies import open_to_all
from running import AMONG, LOADING
from services import write
from tracing import NO_LEAKS

UNSHARE = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]


def told(home, *ids, words=(), **kwargs):
    """The findings of these ids; words stand before the command."""
    done = home.run([*words, "pganchor", "doctor", "--json"], **kwargs)
    assert done.returncode in (0, 1, 3), done.stderr
    return [one for one in json.loads(done.stdout)["findings"] if one["id"] in ids]


# ---- libpq's release ----

def libpq(path, version, *words):
    """A library that has libpq's own function of that, as a compiler writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    source = f"int PQlibVersion(void); int PQlibVersion(void) {{ return {version}; }} char PQconnectPoll[64] = {{1}};"
    subprocess.run(["gcc", "-shared", "-fPIC", "-xc", "-", "-o", path, *words], input=source, text=True, check=True)
    return path


WHEEL = ".local/lib/python3.11/site-packages/psycopg2_binary.libs/libpq-9b38f5e3.so.5.17"


def libpqs(home, **kwargs):
    """What is told of libpqs in the home: the machine has its own."""
    return [one for one in told(home, "libpq-old", **kwargs) if str(home.path) in one["message"]]


@pytest.mark.parametrize("version, lacks", [
    (170012, None), (180007, None), (190000, None), (160016, None), (140025, None),
    (170011, ["CVE-2026-116314", "CVE-2026-116330"]),
    (180006, ["CVE-2026-116314", "CVE-2026-116330"]),
    (180004, ["CVE-2026-116314", "CVE-2026-116330", "CVE-2026-18408", "CVE-2026-6464"]),
    (150018, ["CVE-2026-116314", "CVE-2026-116330", "CVE-2026-18408", "CVE-2026-6464"]),
    (180000, ["CVE-2026-116314", "CVE-2026-116330", "CVE-2026-18408", "CVE-2026-6464", "CVE-2026-6477", "CVE-2026-6475", "CVE-2025-12818"]),
    (160004, [*"CVE-2026-116314 CVE-2026-116330 CVE-2026-18408 CVE-2026-6464 CVE-2026-6477 CVE-2026-6475 CVE-2025-12818 CVE-2025-8714 "
               "CVE-2025-8715 CVE-2025-4207 CVE-2025-1094 CVE-2024-10977".split()]),
    (130023, []), (120022, []), (90624, []),
])
def test_a_libpq_that_lacks_what_was_mended(home, version, lacks):
    file = libpq(home / WHEEL, version)
    found = libpqs(home)
    if lacks is None:
        assert found == []
        return
    [one] = found
    assert one["message"] == f"libpq {version // 10000}.{version % 10000} ({file}) is older than what was mended on 2026-11-12"
    assert [word for word in one["detail"].replace(",", " ").replace(";", " ").split() if word.startswith("CVE-")] == lacks
    assert ("gets no more fixes" in one["detail"]) == (version < 140000)
    assert (one["severity"], one["hint"]) == ("warning", "pip install --upgrade psycopg2-binary")


@pytest.mark.parametrize("words", [["-O0"], ["-O2"], ["-O2", "-fcf-protection=full"], ["-O2", "-fcf-protection=none"], ["-O2", "-s"]])
def test_however_it_was_compiled(home, words):
    libpq(home / WHEEL, 160003, *words)
    assert len(libpqs(home)) == 1


def test_a_libpq_of_another_processor(home):
    """64-bit ARM: mov w0, #low; movk w0, #high, lsl #16; ret."""
    file = libpq(home / WHEEL, 0, "-O2", "-fcf-protection=none", "-falign-functions=64")
    content = bytearray(file.read_bytes())
    at = content.index(b"\x31\xc0\xc3")
    low, high = 160003 & 0xFFFF, 160003 >> 16
    code = [0xD503245F, 0x52800000 | low << 5, 0x72A00000 | high << 5, 0xD65F03C0]
    content[at:at + 16] = b"".join(word.to_bytes(4, "little") for word in code)
    content[18:20] = (183).to_bytes(2, "little")
    file.write_bytes(content)
    assert len(libpqs(home)) == 1


@pytest.mark.parametrize("kind", ["text", "empty", "fifo", "cut", "loop", "other function", "huge"])
def test_a_file_that_is_no_libpq(home, kind):
    file = home / WHEEL
    file.parent.mkdir(parents=True)
    if kind == "fifo":
        os.mkfifo(file)
    elif kind == "loop":
        file.symlink_to(file.name)
    elif kind == "cut":
        libpq(file, 160003)
        os.truncate(file, 4500)
    elif kind == "other function":
        subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-xc", "-", "-o", file], text=True, check=True,
                       input="extern int x; int PQlibVersion(void); int PQlibVersion(void) { return x + 160003; } int x;")
    else:
        file.write_text("x" if kind == "text" else "")
        if kind == "huge":
            os.truncate(file, 1 << 40)
    assert libpqs(home) == [] or kind == "other function"


@pytest.mark.parametrize("place, hint", [
    (".local/share/pipx/venvs/pgcli/lib/python3.12/site-packages/psycopg_binary.libs/libpq-1.so.5.16", 'pip install --upgrade "psycopg[binary]"'),
    ("miniconda3/lib/libpq.so.5.15", "conda update libpq")])
def test_where_a_libpq_is(home, place, hint):
    file = libpq(home / place, 150003)
    (file.parent / "libpq.so.5").symlink_to(file.name)  # the same by another name
    assert [one["hint"] for one in libpqs(home)] == [hint]


def among(home, started, meanwhile=":"):
    """The findings while these run, and their process ids, where nobody else is."""
    unshare = ["unshare", "--mount", "--pid", "--fork", "--mount-proc"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
    done = home.run([*unshare, sys.executable, "-c", AMONG, json.dumps([started, meanwhile, ["pganchor", "doctor", "--json"]])])
    assert done.returncode == 0, done.stderr
    pids, _, output, errors = json.loads(done.stdout)
    return json.loads(output)["findings"], pids, errors


def test_the_libpq_of_a_running_program(home, tmp_path):
    file = libpq(home / "of my own/libpq.so.5.16", 160003)
    found, [pid], _ = among(home, [[PYTHON, "-c", LOADING, str(file)]])
    [one] = [one for one in found if one["id"] == "libpq-old" and str(file) in one["message"]]
    assert f"used by python3 ({pid})" in one["detail"].replace("python3.11", "python3")


def test_a_program_that_goes_on_with_a_libpq_that_was_replaced(home, tmp_path):
    file = libpq(home / "of my own/libpq.so.5.16", 160016)
    new = libpq(home / "of my own/new", 160016)
    found, [pid], _ = among(home, [[PYTHON, "-c", LOADING, str(file)]], meanwhile=f"mv '{new}' '{file}'")
    [one] = [one for one in found if one["id"] == "libpq-replaced"]
    assert one["message"].replace("python3.11", "python3").startswith(f"python3 (process {pid} of ")
    assert (one["severity"], one["hint"]) == ("warning", "end it and start it again")


# ---- the clock ----

def test_a_clock_that_is_behind(home):
    policy = home / ".config/pganchor/policy.conf"
    policy.parent.mkdir(parents=True)
    policy.write_text("")
    assert told(home, "clock-behind") == []
    os.utime(policy, (time.time() + 600,) * 2)
    assert told(home, "clock-behind") == []
    os.utime(policy, (time.time() + 86400 * 40,) * 2)
    [one] = told(home, "clock-behind")
    assert one["severity"] == "error" and str(policy) in one["message"]
    assert time.strftime("%Y-%m-", time.gmtime(time.time() + 86400 * 40)) in one["message"]


@pytest.mark.parametrize("state, free", [(0, False), (5, True), (1, False)])
def test_a_clock_that_nobody_sets(home, state, free):
    """The kernel's answer is 5 (TIME_ERROR) then; 1: a leap second is to come."""
    words = ["strace", "-f", "-o", "/dev/null", "-e", f"inject=adjtimex,clock_adjtime:retval={state}"]
    found = told(home, "clock-free", words=words, env=NO_LEAKS)
    assert [one["severity"] for one in found] == (["note"] if free else [])


def test_a_kernel_that_does_not_say(home):
    words = ["strace", "-f", "-o", "/dev/null", "-e", "inject=adjtimex,clock_adjtime:error=EPERM"]
    assert told(home, "clock-free", words=words, env=NO_LEAKS) == []


# ---- sandboxes and containers ----

def test_clients_in_sandboxes(home):
    for name in ("org.pgadmin.pgadmin4", "io.dbeaver.DBeaverCommunity", "org.gnome.Calculator"):
        (home / ".local/share/flatpak/app" / name).mkdir(parents=True)
    found = {one["message"]: one for one in told(home, "client-sandboxed")}
    assert set(found) == {"pgAdmin is a flatpak: the gate is not in it", "DBeaver is a flatpak: the gate is not in it"}
    assert [found[message]["severity"] for message in sorted(found)] == ["note", "warning"]
    assert "flatpak override --user --filesystem=~/.postgresql:ro org.pgadmin.pgadmin4; " in found["pgAdmin is a flatpak: the gate is not in it"]["hint"]


def test_sandboxes_elsewhere(home):
    (home / "data/flatpak/app/org.qgis.qgis").mkdir(parents=True)
    assert len(told(home, "client-sandboxed", env={"XDG_DATA_HOME": home / "data"})) == 1
    script = 'mount -n -t tmpfs none /var/lib && mkdir -p /var/lib/snapd/snap/dbeaver-ce /var/lib/flatpak/app/com.jetbrains.DataGrip && exec "$@"'
    found = told(home, "client-sandboxed", words=[*UNSHARE, "sh", "-c", script, "sh"])
    assert sorted(one["message"] for one in found) == ["DBeaver is a snap: the gate is not in it", "DataGrip is a flatpak: the gate is not in it"]


def test_a_container_without_roots(home):
    env = {"container": "podman"}
    [one] = told(home, "container-without-roots", env=env)
    assert one["message"] == "this is a container (podman) without an anchor and a root.crt" and one["severity"] == "warning"
    assert f'-v "$HOME/.postgresql:{home.path}/.postgresql:ro"' in one["hint"]
    (home / ".postgresql").mkdir()
    (home / ".postgresql/root.crt").write_text("")
    assert told(home, "container-without-roots", env=env) == []


# ---- what ld.so is to load ----

@pytest.mark.parametrize("variable, gone, severity", [
    ("/gone/libjemalloc.so", ["/gone/libjemalloc.so"], "warning"),
    ("/gone/a.so:/gone/b.so /etc/passwd", ["/gone/a.so", "/gone/b.so"], "warning"),
    ("/gone/pganchor/pganchor-gate.so", ["/gone/pganchor/pganchor-gate.so"], "error"),
    ("libgone.so $LIB/gone.so", [], None),
])
def test_a_preloaded_file_that_is_gone(home, variable, gone, severity):
    found = told(home, "preload-gone", env={"LD_PRELOAD": variable})
    assert [(one["message"], one["severity"], one["hint"]) for one in found] == [
        (f"LD_PRELOAD names {path}, which is not there", severity, "unset LD_PRELOAD") for path in gone]


def test_the_file_of_what_is_preloaded(home):
    script = """
cp -a /etc "$1" && mount -n --bind "$1" /etc && printf '%s\\n' '# /gone/comment.so' '/gone/one.so:/gone/two.so  # /gone/three.so' \
'/gone/lib/pganchor/pganchor-gate.so' >/etc/ld.so.preload; shift; exec "$@"
"""
    found = told(home, "preload-gone", words=[*UNSHARE, "sh", "-c", script, "sh", home / "etc"])
    assert sorted((one["message"], one["severity"]) for one in found) == [
        ("/etc/ld.so.preload names /gone/lib/pganchor/pganchor-gate.so, which is not there", "error"),
        ("/etc/ld.so.preload names /gone/one.so, which is not there", "warning"),
        ("/etc/ld.so.preload names /gone/two.so, which is not there", "warning")]


def test_the_command_for_our_own_module_that_is_gone(home, pganchor):
    script = """
mount -n --bind "$1" /etc && mount -n -t tmpfs none "$2" && shift 2 && "$@"
"""
    subprocess.run(["cp", "-a", "/etc", home / "etc"], stderr=subprocess.DEVNULL, check=False)
    preload = write(home, f"/lib/kept.so\n{pganchor.module}\n", "etc/ld.so.preload")
    words = [*UNSHARE, "sh", "-c", script, "sh", home / "etc", pganchor.module.parent]
    one, = (one for one in told(home, "preload-gone", words=words) if one["message"].startswith(f"/etc/ld.so.preload names {pganchor.module},"))
    command = one["hint"].split(": ")[0].removeprefix("sudo ")
    done = home.run([*words, *command.split()])
    assert done.returncode == 0 and preload.read_text() == "/lib/kept.so\n", done.stderr


# ---- files of root's ----

@pytest.mark.skipif(os.geteuid() != 0, reason="root alone can make files of root's")
def test_files_of_root_in_the_home_of_another(home):
    (home / ".postgresql").mkdir()
    (home / ".config/pganchor").mkdir(parents=True)
    (home / ".config/pganchor/a b.conf").write_text("")
    for name in (".postgresql/root.crt", ".pgpass", ".psqlrc"):
        (home / name).write_text("")
    nobody = pwd.getpwnam("nobody")
    for path in (home.path, home / ".postgresql", home / ".psqlrc", home / ".config", home / ".config/pganchor"):
        os.chown(path, nobody.pw_uid, -1)
    words = [*open_to_all(home.path), *open_to_all(home.program.prefix), "setpriv", "--reuid=nobody", "--clear-groups", "--"]
    done = home.run([*words, home.program.binary, "doctor", "--json"], cwd="/")
    [one] = [one for one in json.loads(done.stdout)["findings"] if one["id"] == "home-file-of-root"]
    files = f"{home.path}/.postgresql/root.crt {home.path}/.pgpass '{home.path}/.config/pganchor/a b.conf'"
    assert one["message"] == f"files of root's are in your home: {files}" and one["severity"] == "warning"
    assert one["hint"] == f"sudo chown -h nobody: {files}"
    assert told(home, "home-file-of-root") == []
