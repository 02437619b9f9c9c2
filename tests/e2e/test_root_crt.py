"""What pganchor takes out of root.crt again is what it has put there, whatever a user has written around it or in between."""

import pytest

from certificates import make_root, pem_key, write_crl
from hostile import stepca_answers

ROOT_CRT = ".postgresql/root.crt"
HEADING = "# pganchor anchor localhost\n"
OLD = make_root("Old root of somebody else's")


@pytest.fixture
def root():
    return make_root("Company Root CA")


def bootstrap(home, https_ca, root, *args):
    ca = https_ca(stepca_answers(root), authority=root)
    return home.pganchor("bootstrap", "--ca-url", ca.url, "--fingerprint", root.fingerprint, "--name", "localhost", *args)


BETWEEN = {
    "a comment": lambda tmp: "# keep until 2030, ask Jane\n",
    "a blank line": lambda tmp: "\n",
    "a private key": lambda tmp: pem_key(OLD.key),
    "what openssl x509 -text prints": lambda tmp: "Certificate:\n    Data:\n        Version: 3 (0x2)\n",
    "the same line again": lambda tmp: HEADING,
    "a CRL": lambda tmp: write_crl(OLD, tmp / "old.crl").read_text(),
}


@pytest.mark.parametrize("way", ["scoped", "replaced"])
@pytest.mark.parametrize("between", BETWEEN.values(), ids=BETWEEN)
def test_what_is_between_our_line_and_our_certificate(home, https_ca, root, tmp_path, between, way):
    text, other = between(tmp_path), make_root("New Root CA")
    (home / ".postgresql").mkdir()
    (home / ROOT_CRT).write_text(OLD.pem)
    assert bootstrap(home, https_ca, root).returncode == 0
    (home / ROOT_CRT).write_text(f"{OLD.pem}{HEADING}{text}{root.pem}behind\n")
    done = bootstrap(home, https_ca, *([root, "--scoped"] if way == "scoped" else [other]), "--replace")
    assert done.returncode == 0, done.stderr
    assert (home / ROOT_CRT).read_text() == f"{OLD.pem}{text}behind\n" + ("" if way == "scoped" else f"{HEADING}{other.pem}")


@pytest.mark.parametrize("before, left", [
    (lambda ours: f"was {HEADING}{ours}", None),
    (lambda ours: f"{HEADING[:-1]} of old\n{ours}", None),
    (lambda ours: f"was {HEADING}{OLD.pem}{HEADING}{ours}", f"was {HEADING}{OLD.pem}"),
    (lambda ours: f"{HEADING}{OLD.pem}{HEADING}{ours}", f"{HEADING}{OLD.pem}"),
    (lambda ours: f"{OLD.pem}{HEADING}{ours}".replace("\n", "\r\n"), OLD.pem.replace("\n", "\r\n")),
    (lambda ours: f"{OLD.pem}{HEADING}{ours}".rstrip("\n"), OLD.pem),
], ids=["in mid-line", "with more behind it", "in mid-line first", "somebody else's first", "CRLF", "no newline at the end"])
def test_which_line_is_ours(home, https_ca, root, before, left):
    """Where the line is not ours, the certificate below is somebody's who wants it there."""
    assert bootstrap(home, https_ca, root).returncode == 0
    text = before(root.pem)
    (home / ROOT_CRT).write_bytes(text.encode())
    done = bootstrap(home, https_ca, root, "--scoped", "--replace")
    assert done.returncode == 0, done.stderr
    assert (home / ROOT_CRT).read_bytes().decode() == (text if left is None else left)
    assert ("still holds" in done.stderr) == (left is None)
