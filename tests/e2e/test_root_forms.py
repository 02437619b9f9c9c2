"""Roots in another form than the one that is hashed, and pins that differ in one digit: whole values are compared."""

import base64
import hashlib
import json
import textwrap

import pytest
from cryptography.hazmat.primitives import serialization

from certificates import make_root
from hostile import reply, stepca_answers

CONF = ".config/pganchor/anchors.conf"


@pytest.fixture
def root():
    return make_root("Company Root CA")


def pem_of(der):
    return f"-----BEGIN CERTIFICATE-----\n{textwrap.fill(base64.b64encode(der).decode(), 64)}\n-----END CERTIFICATE-----\n"


def bootstrap(home, ca, fingerprint, *args):
    return home.pganchor("bootstrap", "--ca-url", ca.url, "--fingerprint", fingerprint, *args)


@pytest.mark.parametrize("args", [[], ["--scoped"]], ids=["root.crt", "scoped"])
def test_ber_that_is_no_der(home, https_ca, root, args):
    """One length more than DER allows: OpenSSL reads the same certificate from it, which has another pin then."""
    der = root.cert.public_bytes(serialization.Encoding.DER)
    assert der[:2] == b"\x30\x82"
    ber = b"\x30\x83\0" + der[2:]
    pin = hashlib.sha256(ber).hexdigest()
    ca = https_ca({**stepca_answers(root), f"/root/{pin}": reply(json.dumps({"ca": pem_of(ber)}))}, authority=root)
    done = bootstrap(home, ca, pin, *args)
    assert done.returncode == 1 and "the PEM block holds no X.509 certificate" in done.stderr
    assert home.snapshot() == {}


@pytest.mark.parametrize("header", ["Note: a\n\n", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n"], ids=["a note", "encrypted"])
def test_pem_with_header_lines(home, https_ca, root, header):
    text = root.pem.replace("CERTIFICATE-----\n", f"CERTIFICATE-----\n{header}", 1)
    ca = https_ca({**stepca_answers(root), f"/root/{root.fingerprint}": reply(json.dumps({"ca": text}))}, authority=root)
    done = bootstrap(home, ca, root.fingerprint)
    assert done.returncode == 1 and "damaged PEM" in done.stderr
    assert home.snapshot() == {}


def with_another_digit(pin, position):
    digit = "0" if pin[position] != "0" else "1"
    return pin[:position] + digit + pin[position + 1:]


@pytest.mark.parametrize("position", [0, 7, 15, 31, 63])
def test_a_name_whose_pin_differs_in_one_digit(home, https_ca, root, position):
    (home / CONF).parent.mkdir(parents=True)
    (home / CONF).write_text(f"[company]\npin = {with_another_digit(root.fingerprint, position)}\n")
    before = home.snapshot()
    done = bootstrap(home, https_ca(stepca_answers(root), authority=root), root.fingerprint, "--name", "company")
    assert done.returncode == 1 and "the name is taken by another root" in done.stderr
    assert home.snapshot() == before


@pytest.mark.parametrize("position", [0, 7, 15, 31, 63])
def test_a_fingerprint_that_differs_in_one_digit(home, https_ca, root, position):
    """Asked for another root, the CA shows its own."""
    wanted = with_another_digit(root.fingerprint, position)
    ca = https_ca({**stepca_answers(root), f"/root/{wanted}": reply(json.dumps({"ca": root.pem}))}, authority=root)
    done = bootstrap(home, ca, wanted)
    assert done.returncode == 1 and "wrong root" in done.stderr
    assert home.snapshot() == {}
