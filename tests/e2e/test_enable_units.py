"""pganchor enable --unit: a service gets a drop-in, and one whose programs would be without the gate is refused, or warned of."""

import os
import shlex
import subprocess

import pytest

from enabling import NO_MODULE, done_well, session_file
from policies import open_to_all


@pytest.mark.parametrize("unit", ["app", "app.service", "app@", "app@1.service", r"a\x2db:c_d"])
def test_a_unit_gets_a_drop_in(home, pganchor, tmp_path, unit):
    shown = done_well(home.pganchor("enable", "--unit", unit, "--root", tmp_path))
    directory = unit if unit.endswith(".service") else unit + ".service"
    file = tmp_path / f"etc/systemd/system/{directory}.d/pganchor.conf"
    assert f'[Service]\nEnvironment="LD_PRELOAD={pganchor.module}"\n' in file.read_text()
    assert f"systemctl daemon-reload && systemctl restart {shlex.quote(unit + '*' if unit.endswith('@') else unit)}\n" in shown
    done_well(home.pganchor("disable", "--unit", unit, "--root", tmp_path))
    assert list(tmp_path.glob("etc/systemd")) == []


@pytest.mark.parametrize("unit", ["postgresql@15-main", "postgresql.service"])
def test_a_unit_that_would_not_pass_it_on(home, pganchor, tmp_path, unit):
    """Debian's way to start a server empties the environment: a drop-in would promise what does not hold."""
    control = tmp_path / "usr/bin/pg_ctlcluster"
    control.parent.mkdir(parents=True)
    control.touch()
    done = home.pganchor("enable", "--unit", unit, "--root", tmp_path)
    assert done.returncode == 1 and not (tmp_path / "etc").exists()
    assert (f"pganchor: {unit}: the server is started by pg_ctlcluster, which does not pass the environment of the service on\n"
            f"    write LD_PRELOAD = '{pganchor.module}' into /etc/postgresql/VERSION/CLUSTER/environment" in done.stderr)
    # Elsewhere the service is the server itself, and what only begins alike is another.
    for other in ("postgresql-exporter", "app"):
        done_well(home.pganchor("enable", "--unit", other, "--root", tmp_path))
    control.unlink()
    done_well(home.pganchor("enable", "--unit", unit, "--root", tmp_path))


@pytest.mark.parametrize("unit, why, advice", [
    ("postfix", "master(8) gives its daemons an environment of its own", "import_environment in main.cf"),
    ("postfix@-.service", "master(8) gives its daemons an environment of its own", "add LD_PRELOAD={module} to import_environment"),
    ("dovecot.service", "gives its processes an environment of its own", "import_environment = $import_environment LD_PRELOAD={module}"),
    ("cron", "gives its jobs an environment of its own", "write LD_PRELOAD={module} at the top of each crontab"),
    ("atd", "a job has the environment in which somebody asked for it", "pganchor enable --system"),
    ("exim4", "starts itself anew, set-user-ID", "pganchor enable --ld-so-preload"),
    ("ssh", "a session has an environment of its own", "pganchor enable --system"),
    ("sshd@1-2.service", "a session has an environment of its own", "pganchor enable --system"),
    ("gdm3", "a session has an environment of its own", "pganchor enable --system"),
    ("serial-getty@ttyS0", "a session has an environment of its own", "pganchor enable --system"),
    ("docker", "a container has a root directory and an environment of its own", "install pganchor in the image"),
    ("pgbouncer", "speaks PostgreSQL's protocol itself", "by its own settings"),
    ("pgpool2", "speaks PostgreSQL's protocol itself", "by its own settings"),
])
def test_a_daemon_whose_children_would_be_without_it_is_refused(home, pganchor, tmp_path, unit, why, advice):
    done = home.pganchor("enable", "--unit", unit, "--root", tmp_path)
    assert done.returncode == 1 and not (tmp_path / "etc").exists()
    said, next_line = NO_MODULE.sub("", done.stderr).splitlines()
    assert said.startswith(f"pganchor: {unit}: ") and why in said and advice.format(module=pganchor.module) in next_line
    assert next_line.endswith("nothing was changed")
    # One that begins or ends alike is another, and lines that are there already can be taken out.
    stem = unit.split("@")[0].replace(".service", "")
    for other in (f"my{stem}x", f"{stem}x"):
        done_well(home.pganchor("enable", "--unit", other, "--root", tmp_path))
    done_well(home.pganchor("disable", "--unit", unit, "--root", tmp_path))


@pytest.mark.parametrize("unit, why, advice", [
    ("apache2", "CGI programs an environment of their own", "write PassEnv LD_PRELOAD"),
    ("php8.2-fpm", "what it starts gets an environment of its own", "write env[LD_PRELOAD] = {module}")])
def test_a_daemon_that_passes_it_on_in_part_is_warned_of(home, pganchor, tmp_path, unit, why, advice):
    done = home.pganchor("enable", "--unit", unit, "--root", tmp_path)
    assert done.returncode == 0 and (tmp_path / f"etc/systemd/system/{unit}.service.d/pganchor.conf").exists()
    assert f"pganchor: warning: {unit}: " in done.stderr and why in done.stderr and advice.format(module=pganchor.module) in done.stderr


@pytest.mark.parametrize("said, refused, words", [
    ("UnsetEnvironment=FOO LD_PRELOAD\nRootDirectory=\nRootImage=", True, "app has UnsetEnvironment=FOO LD_PRELOAD, which wins"),
    ("UnsetEnvironment=\nRootDirectory=/srv/app\nRootImage=", False, "app has a root directory of its own (/srv/app)"),
    ("UnsetEnvironment=\nRootDirectory=\nRootImage=/srv/app.raw", False, "app has a root directory of its own (/srv/app.raw)"),
    ("UnsetEnvironment=\nRootDirectory=/\nRootImage=", False, ""),
    (None, False, "systemd does not answer here: what app sets itself is not known"),
])
def test_what_a_unit_takes_away_itself(home, pganchor, tmp_path, said, refused, words):
    """systemctl is asked; here one that answers so. In a mount namespace with a copy of /etc, since the unit is the machine's."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode != 0:
        pytest.skip("no mount namespace can be made here")
    stub = tmp_path / "bin/systemctl"
    stub.parent.mkdir()
    stub.write_text(f"#!/bin/sh\ncase $* in *RootImage*) echo '{said}' ;; esac\n" if said is not None else "#!/bin/sh\nexit 1\n")
    stub.chmod(0o755)
    script = 'mount -n -t tmpfs tmpfs /etc/systemd && pganchor enable --unit app && test -e /etc/systemd/system/app.service.d/pganchor.conf'
    if not os.path.isdir("/etc/systemd"):
        pytest.skip("no /etc/systemd here")
    # What all programs are to load, all have to be able to reach.
    done = home.run([*open_to_all(pganchor.prefix), "unshare", "--mount", "sh", "-c", script], env={"PATH": f"{stub.parent}:{home.environment()['PATH']}"})
    assert (done.returncode == 0) == (not refused), done.stderr
    assert words in done.stderr and (words != "" or done.stderr == "")


def test_a_unit_of_the_user(home):
    shown = done_well(home.pganchor("enable", "--session", "--unit", "app"))
    assert (home / ".config/systemd/user/app.service.d/pganchor.conf").exists()
    assert not session_file(home).exists()
    assert "systemctl --user daemon-reload && systemctl --user restart app" in shown
    done_well(home.pganchor("disable", "--session", "--unit", "app"))
    assert home.snapshot() == {}


def test_what_a_unit_preloads_already_is_kept(home, pganchor, tmp_path):
    """systemctl is asked; here one that answers as systemd does for a service with a preload of its own."""
    stub = tmp_path / "bin/systemctl"
    stub.parent.mkdir()
    stub.write_text("#!/bin/sh\necho FOO=1 LD_PRELOAD=/usr/lib/libjemalloc.so.2 BAR=2\n")
    stub.chmod(0o755)
    env = {"PATH": f"{stub.parent}:{home.environment()['PATH']}"}
    done_well(home.pganchor("enable", "--session", "--unit", "app", env=env))
    file = home / ".config/systemd/user/app.service.d/pganchor.conf"
    assert f'Environment="LD_PRELOAD={pganchor.module}:/usr/lib/libjemalloc.so.2"\n' in file.read_text()
    done_well(home.pganchor("disable", "--session", "--unit", "app", env=env))
    assert home.snapshot() == {}


@pytest.mark.parametrize("unit", ["", "../x", "a/b", ".hidden", "a b", "a\nb", "x" * 300])
def test_a_unit_that_is_none(home, tmp_path, unit):
    done = home.pganchor("enable", "--unit", unit, "--root", tmp_path)
    assert done.returncode == 1
    assert "not the name of a service\n    systemctl list-units" in done.stderr
    assert list(tmp_path.glob("etc")) == []
