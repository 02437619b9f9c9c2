"""anchor remove, rename and set-hosts where memory runs out: done, whole, or nothing changed."""

import os

import pytest

from anchoring import COMPANY_AND_OTHER, own, service
from services import pin_files, write
from test_out_of_memory import MANIFEST, NOT_NOTED, contents, failing_malloc, run_failing, without_wrapper  # noqa: F401

# Every so many-th request for memory; 1 is all of them, which takes minutes.
STEP = int(os.environ.get("PGANCHOR_MEMORY_STEP", "23"))


def lay_out(home):
    company, other = COMPANY_AND_OTHER
    pin_files(home, ("company", company, "*", "root.crt"), ("other", other, "*", "root.crt"))
    write(home, f"a note\n# pganchor anchor company\n{company.pem}# pganchor anchor other\n{other.pem}", ".postgresql/root.crt")
    write(home, "[company]\nkind = file\nlocation = /root.pem\n\n[other]\nkind = file\n", ".config/pganchor/sources.conf")
    service(home, "named", "db.example.com", home / own("company"))
    service(home, "default", "db.example.com")
    write(home, "", MANIFEST)


def restore(home, old):
    for name in sorted(set(contents(home)) - set(old), reverse=True):
        (home / name).rmdir() if (home / name).is_dir() else (home / name).unlink()
    for name, content in old.items():
        if content is not None:
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).write_bytes(content)


@pytest.mark.parametrize("command", ["remove company --yes", "rename company new", "set-hosts company *.example.org --yes"])
def test_done_or_as_it_was(home, failing_malloc, command):  # noqa: F811
    program, gate = without_wrapper(home)
    argv = [program, "anchor", *command.split()]
    lay_out(home)
    old = contents(home)
    good, count = run_failing(home, failing_malloc, argv, 0, preload=gate)
    new = contents(home)
    assert good.returncode == 0 and count > 100, good.stderr
    failed = 0
    for number in range(1, count + 1, STEP):
        restore(home, old)
        done, _ = run_failing(home, failing_malloc, argv, number, preload=gate)
        assert done.returncode in (0, 1, 2), (number, done.stderr)
        now = contents(home)
        wanted = dict(new if done.returncode == 0 else old)
        for state in (now, wanted):
            state.pop(MANIFEST, None)
        assert now == wanted, (number, done.returncode, done.stdout, done.stderr)
        failed += done.returncode != 0
    assert failed > count / STEP / 4
