"""The passwords of a profile: asked for on the terminal, tried on the server, and kept in a real keyring."""

import json
import re

import pytest

from onboarding import Onboarding


@pytest.fixture
def asking(home, keyring, stepca, postgres):
    """A profile of which a service asks for its password; .tty(answers) onboards on a terminal."""
    onboard = Onboarding(home, stepca, postgres)
    onboard.environment = keyring.environment
    onboard.write(services={"orders": onboard.service(password="ask")})

    def tty(*words, answers=(), yes=True):
        return home.pganchor_tty("onboard", onboard.path, *(["--yes"] if yes else []), *words, answers=list(answers), env={**keyring.environment, "NO_COLOR": "1"})
    onboard.tty, onboard.keyring = tty, keyring
    return onboard


def kept(onboard):
    done = onboard.home.pganchor("password", "get", "service=orders", env=onboard.environment)
    return done.stdout.rstrip("\n") if done.returncode == 0 else None


PROMPT = r"Password of app at localhost, port \d+, database app: "


def test_it_is_asked_for_tried_and_kept(asking, postgres):
    done = asking.tty(answers=[(PROMPT, "wrong"), (PROMPT, postgres.password)])
    assert done.returncode == 0, done.output
    assert "password authentication failed" in done.output and postgres.password not in done.output
    assert re.search(r"(?m)^orders .* kept$", done.output), done.output
    assert kept(asking) == postgres.password
    # psql by itself, under the gate, has it from there.
    done = asking.home.pganchor("run", "--", "psql", "service=orders", "-wAtc", "select 1", env=asking.environment)
    assert done.stdout == "1\n", done.stderr
    again = asking.tty()
    assert again.returncode == 0 and re.search(r"(?m)^orders .* in keyring$", again.output), again.output


def test_a_wrong_one_is_not_kept(asking):
    done = asking.tty(answers=[(PROMPT, "wrong")] * 3)
    assert done.returncode == 0 and re.search(r"(?m)^orders .* refused$", done.output), done.output
    assert "pganchor password set service=orders" in done.output and kept(asking) is None


def test_without_a_terminal_it_is_told_how(asking):
    said = asking.does()
    assert "there is no terminal to ask on" in said and "    pganchor password set service=orders\n" in said
    assert re.search(r"(?m)^orders .* not asked$", said)
    report = json.loads(asking.does("--json"))["profiles"][0]["services"][0]
    assert report["password"] == "not asked"


def test_without_a_keyring_it_is_told_how(asking):
    done = asking.home.pganchor_tty("onboard", asking.path, "--yes")
    assert done.returncode == 0 and "pganchor password set service=orders" in done.output and "Password of" not in done.output


def test_a_server_that_is_not_verified_gets_none(asking, impostor_postgres):
    asking.write(services={"orders": asking.service(password="ask", port=impostor_postgres.port)})
    before = impostor_postgres.connections()
    done = asking.tty()
    assert done.returncode == 1 and "Password of" not in done.output and re.search(r"(?m)^orders .* no .* not asked$", done.output), done.output
    # The handshake alone: nobody has logged in. And nobody is told to keep a password for it.
    assert impostor_postgres.connections() == before + 1
    assert "password set" not in done.output
    asking.write(version=2, services={"orders": asking.service(password="keyring", port=impostor_postgres.port)})
    done = asking.tty()
    assert done.returncode == 1 and "password set" not in done.output and re.search(r"(?m)^orders .* no .* missing$", done.output), done.output


def test_one_that_the_server_does_not_want_is_not_asked_for(asking, make_postgres, stepca):
    server = make_postgres(*stepca.issue("localhost"), hba="host all all 127.0.0.1/32 trust\n")
    asking.write(services={"orders": asking.service(password="ask", port=server.port)})
    done = asking.tty()
    assert done.returncode == 0 and re.search(r"(?m)^orders .* not needed$", done.output), done.output


def test_one_that_is_to_be_there_is_missed(asking):
    asking.write(services={"orders": asking.service(password="keyring")})
    done = asking.tty()
    assert "Password of" not in done.output and re.search(r"(?m)^orders .* missing$", done.output), done.output
    assert "pganchor password set service=orders" in done.output


def test_a_profile_through_standard_input_asks_on_the_terminal(asking, postgres):
    done = asking.home.run_tty(["sh", "-c", f"pganchor onboard - --yes < {asking.path}"], [(PROMPT, postgres.password)], env=asking.environment)
    assert done.returncode == 0 and re.search(r"(?m)^orders .* kept$", done.output), done.output
