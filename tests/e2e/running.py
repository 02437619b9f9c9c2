"""Programs that run with a library of theirs, where nobody else is, while pganchor status looks at them."""

import json
import os
import subprocess

import pytest

from audited import PYTHON

# Starts programs that say so once they have loaded their library, runs a command meanwhile and then the last one, in a
# process namespace where nobody else is.
AMONG = r"""
import json, subprocess, sys
started, meanwhile, last = json.loads(sys.argv[1])
running = [subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for argv in started]
pids = [process.pid for process in running]
for process in running:
    assert process.stdout.readline() == b"ready\n"
subprocess.run(["sh", "-c", meanwhile], check=True)
done = subprocess.run(last, capture_output=True, text=True)
for process in running:
    process.communicate()
json.dump([pids, done.returncode, done.stdout, done.stderr], sys.stdout)
"""
LOADING = "import ctypes, sys; [ctypes.CDLL(path) for path in sys.argv[1:]]; print('ready', flush=True); sys.stdin.read()"


def own_processes():
    """The words before a command that run it in a process namespace where nobody else is."""
    unshare = ["unshare", "--mount", "--pid", "--fork", "--mount-proc"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
    if subprocess.run([*unshare, "true"], stdin=subprocess.DEVNULL, capture_output=True).returncode != 0:
        pytest.skip("no process namespace can be made here, and in the machine's there are other programs")
    return unshare


@pytest.fixture
def among(home):
    """among([argv, ...]) -> (pids, status, standard output) of `pganchor run -- pganchor status --all`, or with these words, while they run."""
    unshare = own_processes()

    def run(started, *words, meanwhile=":", gated=True, powerless=False, env=None):
        status = (["pganchor", "run", "--"] if gated else []) + ["pganchor", "status", *(words or ["--all"])]
        if gated and "ASAN_OPTIONS" in os.environ:
            pytest.skip("ASan's runtime would have to be loaded before the gate, in the tool itself")
        without_power = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all", "--"] if powerless else []
        asked = json.dumps([[list(map(str, argv)) for argv in started], meanwhile, status])
        done = home.run([*unshare, *without_power, PYTHON, "-c", AMONG, asked], env=env)
        assert done.returncode == 0, done.stderr
        pids, returncode, stdout, stderr = json.loads(done.stdout)
        assert stderr == ""
        return pids, returncode, stdout

    return run


def loading(*libraries):
    return [PYTHON, "-c", LOADING, *libraries]


def gated(argv):
    return ["pganchor", "run", "--", *argv]
