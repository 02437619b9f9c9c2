"""pganchor service with the machine's file inside the throw-away home, so that no real one takes part."""

import json
import os

USER = ".pg_service.conf"
SYSTEM = "machine/pg_service.conf"


def environment(home, env=None):
    return {"PGSYSCONFDIR": home / "machine", **(env or {})}


def service(home, *args, env=None, **kwargs):
    return home.pganchor("service", *args, env=environment(home, env), **kwargs)


def add(home, *args, **kwargs):
    return service(home, "add", *args, **kwargs)


def listed(home, **kwargs):
    """{(name, where): entry} of `service list --json`."""
    done = service(home, "list", "--json", **kwargs)
    assert done.returncode in (0, 1, 3) and done.stdout, done.stderr
    return {(entry["name"], entry["where"]): entry for entry in json.loads(done.stdout)["services"]}


def write(home, text, name=USER):
    path = home / name
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def entry(home, name, file=USER):
    """The settings of an entry as the file says them, in order: [(keyword, value), ...]."""
    settings, inside = [], False
    for line in (home / file).read_text().splitlines():
        if line.startswith("["):
            inside = line == f"[{name}]"
        elif inside and line and not line.startswith("#"):
            settings.append(tuple(line.split("=", 1)))
    return settings


def bootstrap(home, ca, *args):
    done = home.pganchor("bootstrap", "--ca-url", ca.url, "--fingerprint", ca.fingerprint, *args)
    assert done.returncode == 0, done.stderr


def pin(home, *anchors):
    """Write anchors.conf: (name, pin, hosts, scope) each."""
    directory = home / ".config/pganchor"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "anchors.conf").write_text("".join(
        f"[{name}]\npin = {figure}\nhosts = {hosts}\nscope = {scope}\n\n" for name, figure, hosts, scope in anchors))


def pin_files(home, *anchors):
    """The same for (name, Authority, hosts, scope) each, with the files that bootstrap writes."""
    pin(home, *((name, authority.fingerprint, hosts, scope) for name, authority, hosts, scope in anchors))
    for name, authority, _, _ in anchors:
        write(home, authority.pem, f".config/pganchor/anchors/{name}.crt")
    write(home, "".join(authority.pem for _, authority, _, scope in anchors if scope == "root.crt"), ".postgresql/root.crt")


def policy(home, text):
    directory = home / ".config/pganchor"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "policy.conf").write_text(text)


def trust(home, authority):
    """Put its certificate where libpq looks for one by itself."""
    write(home, authority.pem, ".postgresql/root.crt")


def psql(home, *conninfo, env=None, prefix=(), password=None):
    query = "SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    return home.run([*prefix, "psql", "-X", "-A", "-t", "-c", query, *conninfo],
                    env=environment(home, {"PGPASSWORD": password, **(env or {})}))


def left(home):
    """What is in the home, but for the manifest, which notes for uninstall what is made there."""
    names = sorted(os.listdir(home.path))
    if ".config" in names:
        assert os.listdir(home / ".config") == ["pganchor"] and os.listdir(home / ".config/pganchor") == ["manifest"]
        names.remove(".config")
    return names
