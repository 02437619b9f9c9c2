"""Small C programs of the suite, compiled once a session against the libpq of this machine and the installed pganchor."""

import os
import shlex
import subprocess
from pathlib import Path

import pytest

SOURCES = Path(__file__).parent / "programs"


def flags(option, *packages, prefix):
    """The words that pkg-config gives for these packages, pganchor's from the prefix under test."""
    if not packages:
        return []
    env = {**os.environ, "PKG_CONFIG_PATH": str(prefix / "lib" / "pkgconfig")}
    asked = subprocess.run(["pkg-config", option, *packages], env=env, capture_output=True, text=True, check=True)
    return shlex.split(asked.stdout)


@pytest.fixture(scope="session")
def compile_program(pganchor, session_folder):
    """Factory compile_program("connect.c", ["libpq"]) -> path; linked with what the packages say, in that order."""
    made = {}

    def compile_one(source, packages, *, compiler="cc", rpath=True, words=()):
        key = (source, *packages, compiler, *words)
        if key not in made:
            path = session_folder / f"{Path(source).stem}-{len(made)}"
            argv = [compiler, "-Wall", "-Wextra", "-Werror", "-o", path, SOURCES / source, *words]
            argv += flags("--cflags", *packages, prefix=pganchor.prefix) + flags("--libs", *packages, prefix=pganchor.prefix)
            if rpath:
                argv.append(f"-Wl,-rpath,{pganchor.prefix}/lib")
            done = subprocess.run(list(map(str, argv)), capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            made[key] = path
        return made[key]

    return compile_one
