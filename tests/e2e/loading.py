"""A server that is told to load its configuration and does not, and a tool that does not wait for that."""

import contextlib

import psycopg2
import pytest

OTHERS = {"pg_reload_conf": ("bool", "SELECT true"), "pg_conf_load_time": ("timestamptz", "SELECT clock_timestamp()")}


def run_each(conninfo, commands):
    connection = psycopg2.connect(conninfo)
    connection.autocommit = True
    for command in commands:
        connection.cursor().execute(command)
    connection.close()


@contextlib.contextmanager
def without_loading(conninfo, but_it_says_so=False):
    """Of whoever asks in that database: other functions answer there in the place of PostgreSQL's."""
    names = list(OTHERS)[:2 if but_it_says_so else 1]
    run_each(conninfo, [command for name in names for command in (
        f"ALTER FUNCTION pg_catalog.{name}() RENAME TO {name}_own",
        "CREATE FUNCTION pg_catalog.{}() RETURNS {} LANGUAGE sql AS '{}'".format(name, *OTHERS[name]))])
    try:
        yield
    finally:
        run_each(conninfo, [command for name in names for command in (
            f"DROP FUNCTION pg_catalog.{name}()", f"ALTER FUNCTION pg_catalog.{name}_own() RENAME TO {name}")])


@pytest.fixture
def hurried(compile_program):
    """The environment of a command that only waits as long as something happens."""
    return {"LD_PRELOAD": str(compile_program("hurried.c", [], rpath=False, words=("-shared", "-fPIC", "-ldl")))}
