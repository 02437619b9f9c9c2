"""pganchor enable and disable in a throw-away home: what they write there, and what they warn of that is not the test's matter."""

import os
import re

import pytest

GENERATOR = "/usr/lib/systemd/user-environment-generators/30-systemd-environment-d-generator"
MARK = "# >>> pganchor enable"
BASH = {"SHELL": "/bin/bash"}
WARNING = "pganchor: warning: 32-bit programs run without the gate, and ld.so says so to each\n"
# The tool itself is preloaded into here, where ASan's runtime would have to be the first.
without_asan = pytest.mark.skipif("ASAN_OPTIONS" in os.environ, reason="the tool is built with ASan")
# What is below --root here has no module.
NO_MODULE = re.compile(r"pganchor: warning: \S+/pganchor-gate.so is not there: install pganchor in .*\n")
# Of sessions: here no systemd of the user's runs, and musl may be installed.
SESSIONS = re.compile(r"pganchor: warning: (no systemd of yours runs|X sessions are children|programs of musl ).*\n    .*\n")
# What is below --root here has no unit either.
NO_UNIT = re.compile(r"pganchor: warning: \S+: there is no such service in \S+ yet\n")
# What an older pganchor wrote, at the end of the file.
OLD_LINES = """# >>> pganchor enable (made 0 folders, 0 files, {ends} line ends) >>>
# module {module}
# as {module}
if [ -r '{module}' ]; then
    case ":${{LD_PRELOAD-}}:" in
    *':{module}:'*) ;;
    *) export LD_PRELOAD='{module}'"${{LD_PRELOAD:+:$LD_PRELOAD}}" ;;
    esac
else
    echo 'pganchor: the gate is gone: {module}' >&2
    echo '    install pganchor again, or: pganchor disable' >&2
fi
# <<< pganchor disable takes these lines out again <<<
"""


def session_file(home):
    return home / ".config/environment.d/50-pganchor.conf"


def done_well(done):
    assert (done.returncode, NO_UNIT.sub("", NO_MODULE.sub("", SESSIONS.sub("", done.stderr.replace(WARNING, ""))))) == (0, "")
    return done.stdout
