"""pganchor doctor --accept: one finding about one subject, with a reason; it is shown, and does not count."""

import json
import os

import pytest

import services
from certificates import make_root
from doctors import command, examine, found, mend, one
from services import write


@pytest.fixture
def weak(home):
    """A home with two weak services; accept(*words) is pganchor doctor --accept there."""
    write(home, "[legacy]\nhost=db.example\nsslmode=require\n[other]\nhost=db.example\nsslmode=require\n")

    def accept(*words):
        return home.pganchor("doctor", "--accept", *words, env=services.environment(home))
    return accept


def accepted(home, about):
    return one(home, "service-weak", about)["accepted"]


def test_one_subject_alone(home, weak):
    assert weak("service-weak:legacy", "--reason", "gone in May").returncode == 0
    told = accepted(home, "legacy")
    assert told["reason"] == "gone in May" and told["user"] and told["since"].endswith("Z") and told["until"] is None and not told["system"]
    assert accepted(home, "other") is None
    said = home.pganchor("doctor", env=services.environment(home)).stdout
    assert "accepted: service legacy is weaker than the policy  [service-weak:legacy]\n    accepted by " in said and ": gone in May\n" in said
    assert "error: service other is weaker" in said and ", 1 accepted\n" in said
    assert said.index("error: service other") < said.index("accepted: service legacy")


def test_several_with_one_id_have_to_be_told_apart(home, weak):
    done = weak("service-weak", "--reason", "x")
    assert done.returncode == 2 and "each is accepted by itself" in done.stderr and not (home / ".config/pganchor/accepted.conf").exists()


def test_it_does_not_count_for_the_exit_status(home, weak):
    """Where everything else is in order, as under the gate."""
    for name in ("legacy", "other"):
        assert weak(f"service-weak:{name}", "--reason", "x").returncode == 0
    report, _ = examine(home)
    assert report["accepted"] == 2 and not any(finding["id"] == "service-weak" and finding["accepted"] is None for finding in report["findings"])
    # Where nobody else is, and the gate is there, nothing else is wrong.
    alone = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    under_gate = [*alone, "pganchor", "run", "--", "pganchor", "doctor"]
    assert home.run(under_gate, env=services.environment(home)).returncode == 0
    assert home.pganchor("doctor", "--unaccept", "service-weak:other").returncode == 0
    assert home.run(under_gate, env=services.environment(home)).returncode == 3


def test_a_reason_is_wanted(home, weak):
    for words in ([], ["--reason", ""]):
        done = weak("service-weak:legacy", *words)
        assert done.returncode == 2 and "--reason" in done.stderr


def test_what_is_not_found_cannot_be_accepted(home, weak):
    for name in ("service-weak:none", "nonsense", "gate-active:x"):
        assert weak(name, "--reason", "x").returncode == 2


def test_the_words_come_back_as_they_were(home, weak):
    reason = 'a "quoted" \\ reason, gr\u00f6\u00dfer than\none line'
    assert weak("service-weak:legacy", "--reason", reason).returncode == 0
    assert accepted(home, "legacy")["reason"] == reason
    assert len((home / ".config/pganchor/accepted.conf").read_text().splitlines()) == 1


def test_no_word_passes_for_a_line_of_its_own(home, weak):
    """Neither a reason nor a path, here, in what is accepted, and in status."""
    spoof = "x\nerror: policy: every connection is refused\n"
    passfile = write(home, "", spoof)
    passfile.chmod(0o644)
    env = {"PGPASSFILE": passfile}
    assert "passfile-open" in [finding["id"] for finding in examine(home, env=env)[0]["findings"]]
    assert weak("service-weak:legacy", "--reason", spoof).returncode == 0
    said = home.pganchor("doctor", env=services.environment(home, env)).stdout
    said += home.pganchor("doctor", "--accept", f"passfile-open:{passfile}", "--reason", "x", env=services.environment(home, env)).stdout
    said += home.pganchor("doctor", env=services.environment(home, env)).stdout + home.pganchor("status", env=services.environment(home, env)).stdout
    assert "x\\x0Aerror: policy: every connection is refused\\x0A\n" in said
    assert not any(line.startswith("error: policy") for line in said.splitlines()), said


def test_what_is_found_of_an_anchor_is_accepted_of_that_one(home):
    """Not of those that will expire next."""
    services.pin_files(home, *[(name, make_root(name, days=(-30, -2)), f"{name}.example", "root.crt") for name in ("over", "gone")])
    assert [finding["object"] for finding in found(home, "anchor-expired")] == ["over", "gone"]
    done = home.pganchor("doctor", "--accept", "anchor-expired:over", "--reason", "x", env=services.environment(home))
    assert done.returncode == 0, done.stderr
    assert [finding["accepted"] is not None for finding in found(home, "anchor-expired")] == [True, False]


def test_a_second_reason_takes_the_place_of_the_first(home, weak):
    write(home, "# ours\n", ".config/pganchor/accepted.conf").chmod(0o600)
    for reason in ("one", "two"):
        assert weak("service-weak:legacy", "--reason", reason).returncode == 0
    assert accepted(home, "legacy")["reason"] == "two"
    lines = (home / ".config/pganchor/accepted.conf").read_text().splitlines()
    assert len(lines) == 2 and lines[0] == "# ours" and (home / ".config/pganchor/accepted.conf").stat().st_mode & 0o777 == 0o600


def test_up_to_a_day(home, weak):
    assert weak("service-weak:legacy", "--reason", "x", "--accept-until", "2999-05-31").returncode == 0
    assert accepted(home, "legacy")["until"] == "2999-05-31"
    path = home / ".config/pganchor/accepted.conf"
    path.write_text(path.read_text().replace("2999-05-31", "2020-05-31"))
    assert accepted(home, "legacy") is None
    finding = one(home, "accepted-over")
    assert "until 2020-05-31" in finding["message"] and finding["severity"] == "warning"
    mend(home, finding)
    assert found(home, "accepted-over") == [] and path.read_text() == ""


def test_what_is_gone_is_told(home, weak):
    assert weak("service-weak:legacy", "--reason", "gone in May").returncode == 0
    assert found(home, "accepted-gone") == []
    write(home, "[other]\nhost=db.example\nsslmode=require\n")
    finding = one(home, "accepted-gone")
    assert (finding["object"], finding["severity"]) == ("service-weak:legacy", "note") and "gone in May" in finding["detail"]
    assert command(finding) == "pganchor doctor --unaccept service-weak:legacy"
    mend(home, finding)
    assert found(home, "accepted-gone") == []


def test_no_longer(home, weak):
    assert weak("service-weak:legacy", "--reason", "x").returncode == 0
    done = home.pganchor("doctor", "--unaccept", "service-weak:legacy")
    assert done.returncode == 0 and accepted(home, "legacy") is None
    done = home.pganchor("doctor", "--unaccept", "service-weak:legacy")
    assert done.returncode == 2 and "not accepted" in done.stderr


def test_a_dry_run_writes_nothing(home, weak):
    before = home.snapshot()
    assert weak("service-weak:legacy", "--reason", "x", "--dry-run").stdout == "Would accept: service-weak:legacy\n"
    assert home.snapshot() == before
    assert weak("service-weak:legacy", "--reason", "x").returncode == 0
    before = home.snapshot()
    assert home.pganchor("doctor", "--unaccept", "service-weak:legacy", "-n").returncode == 0 and home.snapshot() == before


def test_the_systems_counts_for_every_user_and_is_not_the_users_to_take_back(home, weak, system):
    system('accepted id="service-weak" object="legacy" reason="known to operations"\n', name="accepted.conf")
    told = accepted(home, "legacy")
    assert told["system"] is True and told["reason"] == "known to operations"
    assert "    accepted by the system: known to operations\n" in home.pganchor("doctor", env=services.environment(home)).stdout
    assert home.pganchor("doctor", "--unaccept", "service-weak:legacy").returncode == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone writes the system's files")
def test_a_file_of_the_systems_that_others_may_write_counts_for_nothing(home, weak, system):
    system('accepted id="service-weak" object="legacy" reason="x"\n', name="accepted.conf").chmod(0o666)
    assert accepted(home, "legacy") is None and "accepted.conf" in json.dumps(one(home, "check-failed"))


@pytest.mark.parametrize("line", ["nonsense", 'accepted id="a"', 'accepted reason="a"', 'accepted id="a" reason="b" until="soon"',
                                  'accepted id="a" reason="b" more="c"', 'accepted id="a" id="b" reason="c"', 'accepted id="a reason="b"'])
def test_a_line_that_is_none(home, weak, line):
    """Nothing is accepted then: what cannot be read must not hide a hazard."""
    path = write(home, f'accepted id="service-weak" object="legacy" reason="x"\n{line}\n', ".config/pganchor/accepted.conf")
    assert accepted(home, "legacy") is None
    assert "line 2" in one(home, "check-failed")["detail"]
    before = path.read_bytes()
    assert weak("service-weak:other", "--reason", "x").returncode == 1 and path.read_bytes() == before
