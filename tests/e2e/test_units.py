"""pganchor enable --unit: what systemd says of a service decides, and what is no service or would lose something is refused."""

import pytest

from enabling import done_well

DIRECTORY = ".config/systemd/user"


@pytest.fixture
def systemd(home, tmp_path):
    """systemd(properties, environment) -> the environment in which a systemctl answers so, as systemd's does for one service."""
    def make(properties="", environment="", status=0):
        stub = tmp_path / "bin/systemctl"
        stub.parent.mkdir(exist_ok=True)
        (tmp_path / "properties").write_text(properties)
        (tmp_path / "environment").write_text(environment + "\n")
        stub.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/asked\n[ {status} = 0 ] || exit {status}\n'
                        f"case $* in *=Environment\\ *) cat {tmp_path}/environment ;; *) cat {tmp_path}/properties ;; esac\n")
        stub.chmod(0o755)
        return {"PATH": f"{stub.parent}:{home.environment()['PATH']}"}

    return make


def drop_in(home, unit="app.service"):
    return home / f"{DIRECTORY}/{unit}.d/pganchor.conf"


@pytest.mark.parametrize("environment, kept", [
    ("LD_PRELOAD=/usr/lib/libjemalloc.so.2", "/usr/lib/libjemalloc.so.2"), ("A=1 LD_PRELOAD=/a.so:/b.so B=2", "/a.so:/b.so"),
    # Another variable, however it ends, and what only a value says.
    ("MY_LD_PRELOAD=/a.so", None), ("XLD_PRELOAD=/a.so LD_PRELOAD_X=/b.so", None), ('"A=b LD_PRELOAD=/a.so"', None),
    ("$'A=b LD_PRELOAD=/a.so c'", None), ("$'A=it\\'s LD_PRELOAD=/a.so'", None), ('A="b LD_PRELOAD=/a.so"', None), ("A=b\\ LD_PRELOAD=/a.so", None),
    ('MY_LD_PRELOAD=/a.so LD_PRELOAD=/b.so', "/b.so"), ("", None), ("LD_PRELOAD=", None),
    # The gate in it goes in front.
    ("LD_PRELOAD=/usr/lib/libpq.so.5:{module}", "/usr/lib/libpq.so.5"), ("LD_PRELOAD={module}", None)])
def test_what_a_service_preloads_itself(home, pganchor, systemd, environment, kept):
    env = systemd("Id=app.service\nLoadState=loaded\n", environment.format(module=pganchor.module))
    done_well(home.pganchor("enable", "--session", "--unit", "app", env=env))
    value = f"{pganchor.module}:{kept}" if kept else str(pganchor.module)
    assert f'[Service]\nEnvironment="LD_PRELOAD={value}"\n' in drop_in(home).read_text()
    done_well(home.pganchor("disable", "--session", "--unit", "app", env=env))
    assert home.snapshot() == {}


@pytest.mark.parametrize("environment", ['"LD_PRELOAD=/a b.so"', "$'LD_PRELOAD=/a\\tb.so'", 'LD_PRELOAD="/a b.so"', "LD_PRELOAD=/%h.so"])
def test_a_preload_that_cannot_be_added_to(home, systemd, environment):
    done = home.pganchor("enable", "--session", "--unit", "app", env=systemd("", environment))
    assert done.returncode == 1 and "app preloads something that pganchor cannot add to: " in done.stderr
    assert home.snapshot() == {}


@pytest.mark.parametrize("unit, properties, said, next", [
    ("nope", "Id=nope.service\nLoadState=not-found\n", "nope: there is no such service", "systemctl list-units --type=service lists them"),
    ("alias", "Id=real.service\nLoadState=loaded\n", "alias: another name of real.service", "name that"),
    ("tmpl@", "Id=tmpl@pganchor.service\nLoadState=not-found\n", "tmpl@: there is no such service", "systemctl list-units"),
    ("app", "Id=app.service\nUnsetEnvironment=LD_PRELOAD\n", "app has UnsetEnvironment=LD_PRELOAD", "take it out of the unit"),
])
def test_a_service_that_there_is_not(home, systemd, unit, properties, said, next):
    done = home.pganchor("enable", "--session", "--unit", unit, env=systemd(properties))
    assert done.returncode == 1 and done.stderr.startswith(f"pganchor: {said}") and next in done.stderr
    assert done.stderr.endswith("; nothing was changed\n") and home.snapshot() == {}


@pytest.mark.parametrize("unit", ["app.timer", "app.socket", "app.target", "home.mount", "app.path", "a.slice", "a.scope", "a.swap", "@", "@.service"])
@pytest.mark.parametrize("words", [["--session"], ["--root", "."]])
def test_what_is_no_service(home, unit, words):
    done = home.pganchor("enable", "--unit", unit, *words)
    assert done.returncode == 1 and f"pganchor: {unit}: not " in done.stderr and home.snapshot() == {}


def test_a_template_is_asked_for_as_an_instance(home, pganchor, systemd, tmp_path):
    """systemctl show refuses a template's own name; and of the instance nobody is told."""
    env = systemd("Id=tmpl@pganchor.service\nLoadState=loaded\n", "LD_PRELOAD=/a.so")
    done_well(home.pganchor("enable", "--session", "--unit", "tmpl@", env=env))
    assert f'"LD_PRELOAD={pganchor.module}:/a.so"' in drop_in(home, "tmpl@.service").read_text()
    asked = (tmp_path / "asked").read_text().splitlines()
    assert len(asked) == 2 and all(line.endswith(" -- tmpl@pganchor.service") and line.startswith("--user show") for line in asked)


def test_what_would_win_over_a_drop_in(home, systemd, tmp_path):
    """An EnvironmentFile=, or a drop-in that is read later, whatever its directory."""
    for name in ("zz.conf", "aa.conf", "env"):
        (tmp_path / name).write_text("[Service]\nEnvironment=LD_PRELOAD=/a.so\n" if name != "env" else "LD_PRELOAD=/a.so\n")
    (tmp_path / "other.env").write_text("MY_LD_PRELOAD=/a.so\n")
    before = home.snapshot()
    for properties, winner in ((f"DropInPaths=/x/aa.conf {tmp_path}/zz.conf\n", "zz.conf"),
                               (f"EnvironmentFiles={tmp_path}/other.env (ignore_errors=no)\nEnvironmentFiles={tmp_path}/env (ignore_errors=yes)\n", "env")):
        done = home.pganchor("enable", "--session", "--unit", "app", env=systemd("Id=app.service\n" + properties))
        assert done.returncode == 1 and home.snapshot() == before
        assert f"pganchor: app: {tmp_path}/{winner} sets LD_PRELOAD, which wins over what a drop-in sets\n" in done.stderr
    properties = f"Id=app.service\nDropInPaths={tmp_path}/aa.conf\nEnvironmentFiles={tmp_path}/other.env (ignore_errors=no)\n"
    done_well(home.pganchor("enable", "--session", "--unit", "app", env=systemd(properties)))


@pytest.mark.parametrize("directory", ["etc", "usr/lib", "lib"])
@pytest.mark.parametrize("unit, file", [("app", "app.service"), ("app@1", "app@.service"), ("app@", "app@.service")])
def test_an_image_whose_unit_preloads_something(home, tmp_path, directory, unit, file):
    """There is no systemd to ask there, and a drop-in would take it away."""
    path = tmp_path / directory / "systemd/system" / file
    path.parent.mkdir(parents=True)
    path.write_text("[Service]\nEnvironment=LD_PRELOAD=/a.so\n")
    done = home.pganchor("enable", "--unit", unit, "--root", tmp_path)
    assert done.returncode == 1 and f"pganchor: {unit}: {path} sets LD_PRELOAD itself, which a drop-in would take away\n" in done.stderr
    path.write_text("[Service]\nEnvironment=MY_LD_PRELOAD=/a.so\n")
    done = home.pganchor("enable", "--unit", unit, "--root", tmp_path)
    done_well(done)
    assert "there is no such service" not in done.stderr
    path.unlink()
    assert f"pganchor: warning: {unit}: there is no such service in {tmp_path} yet\n" in home.pganchor("enable", "--unit", unit, "--root", tmp_path).stderr


@pytest.mark.parametrize("status", [1, 127])
def test_without_a_systemd_of_the_user_nothing_is_known(home, pganchor, systemd, status):
    done_well(home.pganchor("enable", "--session", "--unit", "app", env=systemd(status=status)))
    assert f'"LD_PRELOAD={pganchor.module}"' in drop_in(home).read_text()
