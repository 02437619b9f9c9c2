"""Certificate revocation lists of every kind, and what psql says of a server with them."""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

ROOT_CRL = ".postgresql/root.crl"
CRLS_CONF = ".config/pganchor/crls.conf"

NOW = datetime.datetime.now(datetime.timezone.utc)


def serial_of(certificate):
    return x509.load_pem_x509_certificate(certificate.read_bytes()).serial_number


def scope(point=None, **kind):
    """An issuing distribution point: for CAs alone (only_contains_ca_certs), an indirect one (indirect_crl), ..."""
    names = [x509.UniformResourceIdentifier(str(point))] if point else None
    every = {"only_contains_user_certs": False, "only_contains_ca_certs": False, "only_some_reasons": None, "indirect_crl": False,
             "only_contains_attribute_certs": False, **kind}
    return x509.IssuingDistributionPoint(full_name=names, relative_name=None, **every)


def crl(authority, *revoked, days=(-1, 30), number=1, idp=None, critical=True, delta=None, key=None, form="PEM"):
    """The bytes of a list by `authority`; days: first and last, from now, the last None where it does not say."""
    name = authority.cert.subject
    builder = x509.CertificateRevocationListBuilder().issuer_name(name).last_update(NOW + datetime.timedelta(days=days[0]))
    builder = builder.next_update(NOW + datetime.timedelta(days=days[1]))
    for certificate in revoked:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder().serial_number(serial_of(certificate)).revocation_date(NOW).build())
    builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.cert.public_key()), False)
    if number is not None:
        builder = builder.add_extension(x509.CRLNumber(number), False)
    if idp is not None:
        builder = builder.add_extension(idp, critical)
    if delta is not None:
        builder = builder.add_extension(x509.DeltaCRLIndicator(delta), True)
    made = builder.sign(key or authority.key, hashes.SHA256())
    return made.public_bytes(getattr(serialization.Encoding, form))
