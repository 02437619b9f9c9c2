"""The whole of what bootstrap says it has done, and of the files that it names."""

import json
import re

import pytest

PATHS = {"anchors.conf": ".config/pganchor/anchors.conf", "anchor.crt": ".config/pganchor/anchors/localhost.crt",
         "root.crt": ".postgresql/root.crt", "sources.conf": ".config/pganchor/sources.conf"}


@pytest.fixture
def bootstrap(home, stepca):
    return lambda *args: home.pganchor("bootstrap", "--ca-url", stepca.url, "--fingerprint", stepca.fingerprint, *args)


def days(home, bootstrap):
    """Of the root: from when to when it is valid."""
    said = json.loads(bootstrap("--dry-run", "--json").stdout)
    return said["not_before"][:10], said["not_after"][:10]


def report(home, stepca, valid, first, hosts, *lines):
    paths = {name: str(home / path).replace(str(home.path), "HOME") for name, path in PATHS.items()}
    return "".join(f"{line}\n" for line in (
        first.format(url=stepca.url), "    subject      CN=Test Root CA,O=Test", f"    valid        {valid[0]} to {valid[1]}, N days left",
        "    key          EC P-256, signed with ecdsa-with-SHA256", "    may sign for any host",
        f"    pin          {stepca.fingerprint}", f"    hosts        {hosts}",
        *[line.format(conf=paths["anchors.conf"], crt=paths["anchor.crt"], root=paths["root.crt"], sources=paths["sources.conf"])
          for line in lines]))


ALREADY = "The root of {url} is pinned already, as anchor localhost. "
STEPS = [
    (["--dry-run"], "The root of {url} would be pinned as anchor localhost.", "every host",
     ["Would make {conf}: the pin", "Would make {crt}: the root alone", "Would make {root}: the root, where libpq looks for it",
      "Would make {sources}: where it comes from",
      "This was a dry run: nothing was written."]),
    ([], "The root of {url} is pinned as anchor localhost.", "every host",
     ["Made {conf}: the pin", "Made {crt}: the root alone", "Made {root}: the root, where libpq looks for it",
      "Made {sources}: where it comes from",
      "Next: pganchor service add NAME --host HOST"]),
    ([], ALREADY + "Nothing was changed.", "every host", ["Next: pganchor service add NAME --host HOST"]),
    (["--hosts", "*.a b", "--replace"], ALREADY + "Something was missing or different:", "*.a b",
     ["Changed {conf}: the pin", "Next: pganchor service add NAME --host HOST"]),
    (["--scoped", "--replace"], ALREADY + "Something was missing or different:", "*.a b",
     ["Changed {conf}: the pin", "Removed {root}: this root is no longer in it",
      "Next: pganchor service add NAME --host HOST --anchor localhost"]),
]


def test_in_words(home, stepca, bootstrap):
    valid = days(home, bootstrap)
    for args, first, hosts, lines in STEPS:
        done = bootstrap(*args)
        assert done.returncode == 0, done.stderr
        assert re.sub(r"\b\d+ days left", "N days left", done.stdout).replace(str(home.path), "HOME") == report(home, stepca, valid, first, hosts, *lines), args


def test_as_json(home, stepca, bootstrap):
    same = {"anchor": "localhost", "pin": stepca.fingerprint, "source": stepca.url, "kind": "step-ca", "subject": "CN=Test Root CA,O=Test",
            "replaced": None, "pinned_too": []}
    every = {name: "created" for name in PATHS}
    for args, some, changes in [
            (["--dry-run"], {"hosts": "*", "scope": "root.crt", "already_pinned": False, "changed": True, "dry_run": True}, every),
            ([], {"hosts": "*", "scope": "root.crt", "already_pinned": False, "changed": True, "dry_run": False}, every),
            ([], {"hosts": "*", "scope": "root.crt", "already_pinned": True, "changed": False, "dry_run": False},
             {name: "unchanged" for name in PATHS}),
            (["--hosts", "a", "--scoped", "--replace"],
             {"hosts": "a", "scope": "scoped", "already_pinned": True, "changed": True, "dry_run": False},
             {"anchors.conf": "changed", "anchor.crt": "unchanged", "root.crt": "removed", "sources.conf": "unchanged"})]:
        done = bootstrap("--json", *args)
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout)
        assert said.pop("not_before") < said.pop("not_after")
        assert len(said.pop("warnings")) == (changes["root.crt"] == "created")
        files = {name: {"path": str(home / path), "change": changes[name]} for name, path in PATHS.items()}
        assert said == {**same, **some, "files": files}, args
        for name, path in PATHS.items():
            assert (home / path).exists() == (changes[name] != "removed" and "--dry-run" not in args), (args, name)
