"""No lock is held while libpq works: a connection that hangs holds up nobody else's."""

import subprocess

import pytest

from test_gate import anchored, write_anchor  # noqa: F401


@pytest.mark.parametrize("answer", [None, b"S"], ids=["before TLS", "in the handshake"])
def test_a_stalled_connection_holds_up_nobody(anchored, stepca, postgres, recording_server, compile_program, pganchor, answer):
    write_anchor(anchored, "work", stepca.fingerprint)
    hanging = recording_server(answer)
    argv = [compile_program("stalled.c", ["libpq"], words=("-pthread",)),
            f"host=localhost hostaddr=127.0.0.1 port={hanging.port} user=app sslmode=verify-full",
            postgres.conninfo(sslmode="verify-full"), postgres.conninfo()]
    process = subprocess.Popen([pganchor.binary, "run", "--", *argv], env=anchored.environment(), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        hanging.wait_for_requests(1)
        stdout, stderr = process.communicate("\n", timeout=60)
    finally:
        process.kill()
        process.wait()
    assert stdout == "8 verified, 8 refused, the first is stalled\n", stderr
