"""What holds for one of libpq's settings holds for each: none of its variables steers what is told of a service."""

import ctypes

import pytest

# Where files are is for the tool to follow.
PLACES = ("PGSERVICEFILE", "PGPASSFILE", "PGSSLROOTCERT")


class Option(ctypes.Structure):
    _fields_ = [(name, ctypes.c_char_p) for name in ("keyword", "variable", "compiled", "value", "label", "shown")] + [("size", ctypes.c_int)]


def variables():
    """Those that libpq reads for a setting, by its own list, and the one that has no setting of its own."""
    libpq = ctypes.CDLL("libpq.so.5")
    libpq.PQconndefaults.restype = ctypes.POINTER(Option)
    options, names = libpq.PQconndefaults(), []
    i = 0
    while options[i].keyword is not None:
        if options[i].variable is not None:
            names.append(options[i].variable.decode())
        i += 1
    return sorted({*names, "PGREQUIRESSL"} - set(PLACES))


@pytest.fixture
def listed(home, impostor_ca):
    (home / ".postgresql").mkdir()
    (home / ".postgresql/root.crt").write_text(impostor_ca.pem)
    (home / ".pg_service.conf").write_text("[strong]\nhost=a.example\nsslmode=verify-full\n\n[weak]\nhost=b.example\n\n"
                                           "[strong-too]\nhost=c.example\nsslmode=verify-full\nuser=app\n")
    return lambda env=None: home.pganchor("service", "list", env=env)


def test_no_variable_steers_the_list(listed):
    alone = listed()
    assert alone.returncode == 3 and alone.stderr == ""
    names = variables()
    assert {"PGHOST", "PGSSLMODE", "PGGSSENCMODE", "PGTARGETSESSIONATTRS", "PGUSER"} < set(names)
    for env in [{name: "disable"} for name in names] + [dict.fromkeys(names, "disable")]:
        done = listed(env)
        assert (done.returncode, done.stdout, done.stderr) == (3, alone.stdout, ""), env


def test_a_setting_of_another_section_is_none_of_this_ones(listed):
    """The sections before it and behind it have an sslmode."""
    assert "weak, weak: sslmode=prefer (libpq's default) is weaker than verify-full\n" in listed().stdout
