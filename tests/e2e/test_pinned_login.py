"""Who has seen the first connection of a command to a server go by, and answers the next one himself, is told no password: his root
has to be pinned, too, though libpq takes it."""

import pytest

from anchoring import service
from certificates import make_root
from postgres import USER
from recording import THROUGH, Relay
from services import environment, pin_files

PINNED = make_root("Pinned Root CA")
TAKEN = make_root("Taken Root CA")


class Between(Relay):
    """Hands the first connection on to one port, and all others to another one."""

    def __init__(self, first, others):
        self.others = others
        super().__init__(first)

    def serve(self, sock, number):
        self.target = self.others if self.sent else self.target
        super().serve(sock, number)


@pytest.mark.parametrize("words", [["audit", "prod"], ["server", "require-tls", "prod", "--dry-run"]])
def test_no_password_goes_to_a_root_that_is_not_pinned(home, make_postgres, recording_server, tmp_path, words):
    server = make_postgres(*PINNED.issue(tmp_path, "localhost"))
    false = recording_server(b"S", issued=TAKEN.issue(tmp_path, "localhost"))
    between = Between(server.port, false.port)
    pin_files(home, ("company", PINNED, "*", "scoped"))
    (home / "both.crt").write_text(PINNED.pem + TAKEN.pem)
    service(home, "prod", "localhost", home / "both.crt", more=f"port={between.port}\nuser={USER}\ndbname={USER}\ngssencmode=disable\n")
    done = home.pganchor(*words, env={**environment(home), "PGPASSWORD": "no secret"})
    between.stop()
    assert len(between.sent) > 1, done.stderr
    assert done.returncode == 1 and "is not pinned" in done.stdout + done.stderr and THROUGH not in done.stdout + done.stderr
    # It has not been told so much as who it was.
    told = false.finish()
    assert told and all(record.tls and not record.inside and record.requests == ["ssl"] for record in told), told
