"""A profile over a real CA and real servers, for pganchor onboard."""

import json

import pytest

HEADING = "[profile]\nname = acme\nversion = {version}\nmessage = Questions: #databases\n"


class Onboarding:
    """.write(version=, services={name: {key: value}}, policy={}, anchors={name: {...}}) -> the profile's path; (*words) runs onboard
    with it, by --yes unless words say otherwise; .report(*words) its JSON."""

    def __init__(self, home, stepca, server):
        self.home, self.ca, self.server = home, stepca, server
        self.path = home / "acme.profile"
        self.environment = {}

    @property
    def anchor(self):
        return {"source": self.ca.url, "fingerprint": self.ca.fingerprint, "hosts": "localhost *.example.test"}

    def service(self, **settings):
        all_of_them = {"host": "localhost", "port": self.server.port, "dbname": self.server.dbname, "user": self.server.user,
                       "anchor": "acme-ca", **settings}
        return {key: value for key, value in all_of_them.items() if value is not None}

    def write(self, *, version=1, services=None, policy=None, anchors=None):
        text = HEADING.format(version=version)
        for name, keys in ({"acme-ca": self.anchor} if anchors is None else anchors).items():
            text += f"\n[anchor {name}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())
        for name, keys in ({"orders": self.service()} if services is None else services).items():
            text += f"\n[service {name}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())
        if policy:
            text += "\n[policy]\n" + "".join(f"{key} = {value}\n" for key, value in policy.items())
        self.path.write_text(text)
        self.path.chmod(0o600)
        return self.path

    def __call__(self, *words, yes=True, **kwargs):
        return self.home.pganchor("onboard", self.path, *(["--yes"] if yes else []), *words,
                                  env={**self.environment, **kwargs.pop("env", {})}, **kwargs)

    def does(self, *words, status=0, **kwargs):
        done = self(*words, **kwargs)
        assert done.returncode == status, (done.stdout, done.stderr)
        return done.stdout

    def report(self, *words, status=0, **kwargs):
        [profile] = json.loads(self.does("--json", *words, status=status, **kwargs))["profiles"]
        return profile

    def actions(self, *words, **kwargs):
        """{kind: {name: action}}"""
        said = self.report(*words, **kwargs)
        return {kind: {one[key]: one["action"] for one in said[kind]}
                for kind, key in (("anchors", "anchor"), ("services", "service"), ("policy_keys", "key"))}

    def entry(self, name):
        """The settings of the service as the file has them; None where it has none."""
        found, inside = None, False
        for line in (self.home / ".pg_service.conf").read_text().splitlines():
            if line.startswith("["):
                inside = line == f"[{name}]"
                found = {} if inside and found is None else found
            elif inside and "=" in line:
                key, _, value = line.partition("=")
                found.setdefault(key, value)
        return found

    def replace_line(self, old, new):
        path = self.home / ".pg_service.conf"
        before = path.read_text()
        assert old in before
        path.write_text(before.replace(old, new, 1))


@pytest.fixture
def onboard(home, stepca, postgres):
    return Onboarding(home, stepca, postgres)
