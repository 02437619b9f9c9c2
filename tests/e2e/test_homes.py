"""Homes of other users, users without a name, and links that lead out of a home."""

import os
import tempfile
from pathlib import Path

import pytest

import services
from home import Home
from policies import open_to_all
from services import USER, add, service, write

ROOT_CRT = ".postgresql/root.crt"
SOMEBODY = 12345

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act for others")


def bootstrap(home, ca, *args, **kwargs):
    return home.pganchor("bootstrap", "--ca-url", ca.url, "--fingerprint", ca.fingerprint, *args, **kwargs)


def owners(home):
    """{path: owner and group} of all that is in it, and of the home itself."""
    paths = [home.path, *home.path.rglob("*")]
    return {str(path.relative_to(home.path)): (path.lstat().st_uid, path.lstat().st_gid) for path in paths}


@pytest.fixture
def somebodys(pganchor):
    """A home that belongs to SOMEBODY, and that everybody can reach; .as_them(command...) runs as that user."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        home = Home(Path(directory) / "home", pganchor)
        home.path.chmod(0o755)
        if os.geteuid() == 0:
            os.chown(home.path, SOMEBODY, 23456)
        prefix = [*open_to_all(pganchor.prefix), "setpriv", f"--reuid={SOMEBODY}", "--regid=23456", "--clear-groups"]
        home.as_them = lambda *argv, **kwargs: home.run([*prefix, *argv], env=services.environment(home), **kwargs)
        yield home


@needs_root
def test_what_root_makes_in_another_home_is_its_owners(somebodys, stepca):
    """sudo -E, and a sudo that keeps HOME."""
    assert bootstrap(somebodys, stepca, "--name", "work").returncode == 0
    assert add(somebodys, "prod", "--host", "localhost").returncode == 0
    write(somebodys, "alias a=b\n", ".bashrc")
    assert somebodys.pganchor("enable").returncode == 0
    assert {name: owner for name, owner in owners(somebodys).items() if owner != (SOMEBODY, 23456)} == {".bashrc": (0, 0)}
    binary = somebodys.program.binary
    assert "\nprod " in somebodys.as_them(binary, "service", "list").stdout
    assert somebodys.as_them(binary, "service", "remove", "prod").returncode == 0
    done = somebodys.as_them(binary, "run", "--", "psql", "host=/nowhere user=a")
    assert "refused" not in done.stderr and "No such file" in done.stderr


@needs_root
@pytest.mark.parametrize("name", [USER, ".config", "the way"])
def test_root_follows_no_link_of_anybody_elses(somebodys, tmp_path, name):
    secret = tmp_path / "secret"
    secret.write_text("root's own\n")
    environment = {}
    link = somebodys / (name if name != "the way" else "way")
    link.symlink_to(tmp_path if name != USER else secret)
    os.chown(link, SOMEBODY, SOMEBODY, follow_symlinks=False)
    if name == ".config":
        write(somebodys, "", ".bashrc")
        done = somebodys.pganchor("enable")
    else:
        environment = {} if name == USER else {"PGSERVICEFILE": link / "secret"}
        done = add(somebodys, "prod", "--host", "h", env=environment)
    assert done.returncode == 1 and f"{link}: a symbolic link of the user {SOMEBODY} is not followed" in done.stderr
    assert "run this as that user" in done.stderr
    assert secret.read_text() == "root's own\n" and os.listdir(tmp_path) == ["secret"]


@needs_root
def test_the_owner_of_a_home_follows_links_of_his_own(somebodys):
    (somebodys / "dotfiles").mkdir()
    target = write(somebodys, "[a]\nhost=x\n", "dotfiles/services")
    (somebodys / USER).symlink_to("dotfiles/services")
    for path in (target, target.parent, somebodys / USER):
        os.chown(path, SOMEBODY, 23456, follow_symlinks=False)
    done = somebodys.as_them(somebodys.program.binary, "service", "add", "prod", "--host", "h", "--user", "app")
    assert done.returncode == 0, done.stderr
    assert "[prod]" in target.read_text() and (somebodys / USER).is_symlink()
    # From one tree of his own into another: no home, but his.
    elsewhere = somebodys.path.parent / "elsewhere"
    elsewhere.write_text("[b]\nhost=y\n")
    os.chown(elsewhere, SOMEBODY, 23456)
    elsewhere.parent.chmod(0o777)
    (somebodys / USER).unlink()
    (somebodys / USER).symlink_to(elsewhere)
    os.chown(somebodys / USER, SOMEBODY, 23456, follow_symlinks=False)
    done = somebodys.as_them(somebodys.program.binary, "service", "add", "prod", "--host", "h", "--user", "app")
    assert done.returncode == 0 and "[prod]" in elsewhere.read_text(), done.stderr
    os.chown(elsewhere, 0, 0)
    before = elsewhere.read_text()
    done = somebodys.as_them(somebodys.program.binary, "service", "remove", "prod")
    assert done.returncode == 1 and "leads out of the home directory" in done.stderr and elsewhere.read_text() == before


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's own files may be elsewhere")
@pytest.mark.parametrize("directory", [False, True], ids=["file", "directory"])
def test_a_root_crt_that_is_the_machines_is_not_written(home, stepca, tmp_path, directory):
    machine = tmp_path / "machine"
    machine.mkdir()
    bundle = machine / "root.crt"
    bundle.write_text("")
    if directory:
        (home / ".postgresql").symlink_to(machine)
    else:
        (home / ".postgresql").mkdir()
        (home / ROOT_CRT).symlink_to(bundle)
    before = home.snapshot()
    done = bootstrap(home, stepca)
    assert done.returncode == 1 and f"{ROOT_CRT}: leads out of the home directory, to {bundle}" in done.stderr
    assert "--scoped" in done.stderr
    assert home.snapshot() == before and bundle.read_text() == "" and os.listdir(machine) == ["root.crt"]
    assert bootstrap(home, stepca, "--scoped").returncode == 0
    assert bundle.read_text() == ""


def test_a_home_that_is_a_link_itself(home, tmp_path):
    other = tmp_path / "link"
    other.symlink_to(home.path)
    done = add(home, "prod", "--host", "h", env={"HOME": other})
    assert done.returncode == 0 and "[prod]" in (home / USER).read_text()


@needs_root
def test_a_user_id_without_a_name(somebodys, stepca):
    """As containers are started with; the home is root's there, and its group's to write."""
    os.chown(somebodys.path, 0, 0)
    somebodys.path.chmod(0o770)
    prefix = ["setpriv", "--reuid=1000650000", "--regid=0", "--clear-groups", "--"]
    prefix = [*open_to_all(somebodys.program.prefix), *prefix]
    binary = somebodys.program.binary
    for command in (["bootstrap", "--ca-url", stepca.url, "--fingerprint", stepca.fingerprint],
                    ["service", "add", "prod", "--host", "localhost", "--user", "app"], ["service", "list"], ["service", "show", "prod"],
                    ["explain", "service=prod"], ["service", "remove", "prod"]):
        done = somebodys.run([*prefix, binary, *command], env=services.environment(somebodys))
        assert done.returncode == 0, (command, done.stderr)
    assert {owner for name, (owner, _) in owners(somebodys).items() if name != "."} == {1000650000}


@needs_root
@pytest.mark.parametrize("where", [{}, {"PGSERVICEFILE": "services"}])
def test_a_relative_path_and_a_home_of_roots_are_as_before(home, where):
    done = service(home, "add", "prod", "--host", "h", env=where)
    assert done.returncode == 0 and set(owners(home).values()) == {(os.geteuid(), os.getegid())}


@pytest.mark.parametrize("end", ["", "/", "/deeper"])
def test_a_home_that_is_not_there_is_not_made(home, end):
    """Whoever mistypes HOME does not find his files in another place than he looks."""
    missing = f"{home.path}/nobody{end}"
    for words in (["service", "add", "prod", "--host", "h"], ["enable", "--session"], ["enable", "--shell"]):
        done = home.pganchor(*words, env={"HOME": missing, "SHELL": "/bin/bash"})
        assert done.returncode == 1 and f"the home directory {missing} is not there" in done.stderr, words
        assert "correct HOME" in done.stderr and not (home / "nobody").exists()
    # What is no part of it may be made.
    env = {"HOME": missing, "PGSERVICEFILE": home / "new/services"}
    done = home.pganchor("service", "add", "prod", "--host", "/tmp", env=env)
    assert done.returncode == 0 and (home / "new/services").exists() and not (home / "nobody").exists()


@needs_root
def test_the_machine_s_services_are_root_s_to_write(somebodys):
    write(somebodys, "[old]\nhost=h\n", services.SYSTEM)
    (somebodys / "machine").chmod(0o755)
    before = somebodys.snapshot()
    for words in (["add", "prod", "--host", "h", "--user", "u"], ["remove", "old"]):
        done = somebodys.as_them(somebodys.program.binary, "service", *words, "--system")
        assert done.returncode == 1 and "    run it as root, such as with sudo; nothing was changed\n" in done.stderr
    assert somebodys.snapshot() == before
