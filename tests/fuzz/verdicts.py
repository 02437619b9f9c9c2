#!/usr/bin/python3
"""Differential fuzzing of the gate by verdict, without a network: tests/fuzz/verdicts.py [--cases N] [--seed N] [--batch N]
[--root DIRECTORY | --libpq DIRECTORY].

Builds verdict.c, which says what it does, and runs it with the installed module preloaded. Prints the seed and the counts;
exit status 1 with the case when something is wrong. Needs PGANCHOR_PREFIX.
--root: libpq, and all that it needs, is that of another Debian in this root directory (chroot, as root).
--libpq: the libpq.so.5 in this directory, in the place of this machine's; tests/libpqs/build.sh makes some.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCES = [HERE / name for name in ("verdict.c", "chance.c", "wire.c")]


def build(directory):
    """The driver. A jump to libpq's function, in place of a call, is GCC's at -O2."""
    libpq = subprocess.run(["pkg-config", "--cflags", "--libs", "libpq"], check=True, capture_output=True, text=True)
    program = Path(directory) / "verdict"
    subprocess.run(["gcc", "-O2", "-D_GNU_SOURCE", "-rdynamic", "-o", program, *SOURCES, *libpq.stdout.split()], check=True)
    return program


def environment(module, libpq=None):
    """What the driver wants of its environment; the rest it makes itself. It puts its own functions into libpq's GOT before the gate
    looks at that, as the dynamic linker has with Debian's libpq."""
    return {"LD_PRELOAD": str(module), "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin", "LD_BIND_NOW": "1",
            **({"LD_LIBRARY_PATH": str(Path(libpq).resolve())} if libpq else {})}


def arguments(program, directory, cases, seed, batch=0):
    return [str(program), "--cases", str(cases), "--seed", str(seed), "--batch", str(batch), "--directory", str(directory)]


def scratch():
    """Where files are written many times a second: in memory, if there is such a place."""
    return tempfile.TemporaryDirectory(prefix="pga-verdicts-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)


def finish(argv, env=None):
    return subprocess.run(argv, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, errors="replace")


def run(program, module, cases, seed, batch=0, libpq=None, root=None):
    if root is not None:
        return run_inside(root, program, module, cases, seed, batch)
    with scratch() as directory:
        return finish(arguments(program, directory, cases, seed, batch), environment(module, libpq))


def run_inside(root, program, module, cases, seed, batch):
    inside = Path(root) / "fuzz"
    shutil.rmtree(inside, ignore_errors=True)
    (inside / "scratch").mkdir(parents=True)
    shutil.copy(program, inside / "verdict")
    shutil.copy(module, inside / "pganchor-gate.so")
    env = [f"{name}={value}" for name, value in environment("/fuzz/pganchor-gate.so").items()]
    return finish(["chroot", root, "/usr/bin/env", "-i", *env, *arguments("/fuzz/verdict", "/fuzz/scratch", cases, seed, batch)])


def new_seed():
    return random.SystemRandom().randrange(2 ** 32)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=200000)
    parser.add_argument("--seed", type=int, default=new_seed())
    parser.add_argument("--batch", type=int, default=0)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--root", type=Path)
    which.add_argument("--libpq", type=Path)
    options = parser.parse_args()
    if options.libpq and not (options.libpq / "libpq.so.5").exists():
        parser.error(f"{options.libpq}: no libpq.so.5 is in there")
    if "PGANCHOR_PREFIX" not in os.environ:
        parser.error("PGANCHOR_PREFIX is not set: `make install` into a prefix and name it there")
    module = Path(os.environ["PGANCHOR_PREFIX"]).resolve() / "lib/pganchor/pganchor-gate.so"
    with tempfile.TemporaryDirectory(prefix="pga-fuzz-") as directory:
        done = run(build(directory), module, options.cases, options.seed, options.batch, options.libpq, options.root)
    sys.stdout.write(done.stdout)
    if done.returncode != 0:
        sys.stderr.write(done.stderr)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
