"""Tests that take minutes take turns at landings (conftest.py, of_other_days()): each runs every second or third day, and where what it
is about was changed lately. tests/run.sh by itself runs all."""

HOW_IT_IS_BUILT = ("configure.ac", "Makefile.am", "autogen.sh", "packaging/build-", "packaging/debian/", "packaging/make-dist.sh",
                   "packaging/pganchor.spec.in")
THE_GATE = ("src/gate/", "src/preload/", "include/")
SWEEP = ()  # a fault at each of many places

# A file, or one of its tests -> on which of how many days, and whose changes bring it forward.
TURNS = {
    "test_build::test_distcheck_builds_out_of_a_read_only_tree": (0, 3, HOW_IT_IS_BUILT),
    "test_build::test_out_of_tree_with_destdir": (1, 3, HOW_IT_IS_BUILT),
    "test_build::test_the_gate_without_the_tool": (2, 3, HOW_IT_IS_BUILT),
    # The gate before other builds of libpq, and in more ways, than the usual ones.
    "test_builds": (0, 3, THE_GATE),
    "test_processes": (0, 3, THE_GATE),
    "test_ways": (1, 3, THE_GATE),
    "test_fuzz": (1, 3, THE_GATE),
    "test_bench": (1, 3, THE_GATE),
    "test_exports": (2, 3, THE_GATE),
    "test_login_policy": (2, 3, THE_GATE),
    "test_races": (2, 3, THE_GATE),
    "test_api": (2, 3, THE_GATE),
    "test_out_of_memory": (0, 3, SWEEP),
    "test_trust_faults": (1, 3, SWEEP),
    "test_way_back": (1, 3, SWEEP),
    "test_bootstrap_failures": (2, 3, SWEEP),
    "test_cert_kills": (2, 3, SWEEP),
    "test_cert_renew_served": (2, 3, SWEEP),
    "test_cert_booted": (1, 3, SWEEP),
}
RPM = (0, 2, HOW_IT_IS_BUILT)


def turn_of(item):
    """Of a test of pytest: its turn, or None where it has none."""
    file = item.path.stem
    if {"rpms", "rpm_build"} & set(getattr(item, "fixturenames", ())) or "rpm" in getattr(getattr(item, "callspec", None), "params", {}).values():
        return RPM
    return TURNS.get(file) or TURNS.get(f"{file}::{item.originalname}")
