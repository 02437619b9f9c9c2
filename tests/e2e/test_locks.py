"""No lock is held while libpq works: a connection that hangs holds up nobody else's."""

import pytest

from gated import run_gated_until, write_anchor


@pytest.mark.parametrize("answer", [None, b"S"], ids=["before TLS", "in the handshake"])
def test_a_stalled_connection_holds_up_nobody(anchored, stepca, postgres, recording_server, compile_program, answer):
    write_anchor(anchored, "work", stepca.fingerprint)
    hanging = recording_server(answer)
    argv = [compile_program("stalled.c", ["libpq"], words=("-pthread",)),
            f"host=localhost hostaddr=127.0.0.1 port={hanging.port} user=app sslmode=verify-full",
            postgres.conninfo(sslmode="verify-full"), postgres.conninfo()]
    done = run_gated_until(anchored, argv, lambda: hanging.wait_for_requests(1), timeout=60)
    assert done.stdout == "8 verified, 8 refused, the first is stalled\n", done.stderr
