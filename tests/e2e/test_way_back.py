"""pganchor uninstall that is ended in the middle, or fails: run again, it ends where it should have; nothing of the user's is lost."""

import os
import shutil
import subprocess

import pytest

from certificates import make_root
from crls import ROOT_CRL, crl
from services import USER, add, write
from test_uninstall import BASHRC, OWN_ROOT, ROOT_CRT, SERVICES, uninstall, walk, with_much, without_time  # noqa: F401

CALLS = ("rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir", "ftruncate")
TRACED = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}
SHELLS = (".bashrc", ".bash_profile")


@pytest.fixture
def walked(with_much, stepca, tmp_path):  # noqa: F811
    """(home, what it was before, a copy of it to begin anew from)."""
    before = without_time(with_much.snapshot(), *SHELLS)
    walk(with_much, stepca)
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-a", with_much.path, copy], check=True)
    return with_much, before, copy


def begin_anew(home, copy):
    shutil.rmtree(home.path)
    subprocess.run(["cp", "-a", copy, home.path], check=True)


def traced(home, inject, *args):
    real = home.program.binary.with_name("pganchor.real")
    return home.run(["strace", "-qq", "-o", "/dev/null", "-e", f"trace={inject.split(':')[0]}", "-e", f"inject={inject}",
                     real if real.exists() else home.program.binary, "uninstall", "--yes", *args], env=TRACED)


def users_own_is_there(home):
    assert OWN_ROOT.pem.rstrip("\n") in (home / ROOT_CRT).read_text()
    assert (home / USER).read_text().startswith(SERVICES)
    assert BASHRC in (home / ".bashrc").read_text()


@pytest.mark.parametrize("call", CALLS)
def test_killed_and_run_again(walked, call):
    home, before, copy = walked
    number = 0
    while True:
        number += 1
        begin_anew(home, copy)
        killed = traced(home, f"{call}:signal=SIGKILL:when={number}")
        users_own_is_there(home)
        if killed.returncode == 0:
            break
        assert killed.returncode == -9
        done = uninstall(home, "--yes")
        assert done.returncode == 0, (number, done.stderr)
        assert without_time(home.snapshot(), *SHELLS) == before, (number, done.stdout)
    assert number > 2 or call not in ("renameat", "unlinkat", "rmdir")


@pytest.mark.parametrize("call", ["renameat", "unlinkat"])
def test_no_crl_is_ever_alone(with_much, recording_server, tmp_path, call):  # noqa: F811
    """libpq refuses every server where root.crl has CRLs, and none of the server's own CA: ours is gone before its root is."""
    home, company = with_much, make_root("Root of the company")
    write(home, crl(OWN_ROOT), ROOT_CRL)
    before = without_time(home.snapshot(), *SHELLS)
    server = recording_server(b"S", issued=company.issue(tmp_path, "localhost"))
    write(home, company.pem, "company.pem")
    done = home.pganchor("anchor", "add", "./company.pem", "--fingerprint", company.fingerprint, "--name", "company")
    assert done.returncode == 0, done.stderr
    assert add(home, "prod", "--host", "localhost", "--port", str(server.port)).returncode == 0
    write(home, crl(company), "company.crl")
    done = home.pganchor("crl", "add", "./company.crl", "--yes")
    assert done.returncode == 0, done.stderr
    assert (home / ROOT_CRL).read_bytes() != before[ROOT_CRL].content
    (home / "company.pem").unlink()
    (home / "company.crl").unlink()
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-a", home.path, copy], check=True)
    number = 0
    while True:
        number += 1
        begin_anew(home, copy)
        killed = traced(home, f"{call}:signal=SIGKILL:when={number}")
        crl_is_there = (home / ROOT_CRL).read_bytes() != before[ROOT_CRL].content
        assert not crl_is_there or company.pem in (home / ROOT_CRT).read_text()
        assert crl(OWN_ROOT).split(b"\n")[0] in (home / ROOT_CRL).read_bytes()
        if killed.returncode == 0:
            break
        assert uninstall(home, "--yes").returncode == 0
        assert without_time(home.snapshot(), *SHELLS) == before, number
    assert number > 2


@pytest.mark.parametrize("call", [*CALLS, "fsync", "fchown", "fchmod", "openat"])
def test_a_call_that_fails(walked, call):
    """Nothing was changed, or what was is told; and the next run does the rest."""
    home, before, copy = walked
    harmless = number = 0
    begin_anew(home, copy)
    old = {path: entry.content for path, entry in home.snapshot().items()}
    while harmless < 8:
        number += 1
        if call == "openat" and number % 7:
            continue
        begin_anew(home, copy)
        done = traced(home, f"{call}:error=EIO:when={number}")
        now = {path: entry.content for path, entry in home.snapshot().items()}
        users_own_is_there(home)
        assert done.returncode in (0, 1, 127), (number, done.stderr)
        if done.returncode == 1 and "some of it was done all the same" not in done.stderr:
            assert now == old, (number, done.stderr)
        elif done.returncode == 1:
            assert now != old, (number, done.stderr)
        harmless = harmless + 1 if done.returncode == 0 else 0
        again = uninstall(home, "--yes")
        assert again.returncode == 0, (number, again.stderr)
        assert without_time(home.snapshot(), *SHELLS) == before, (number, done.stderr, again.stdout)
