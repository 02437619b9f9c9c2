"""pganchor probe of many servers: --all, --file and --metrics."""

import datetime
import json
import re
import signal
import subprocess

import pytest
from cryptography import x509
from prometheus_client.parser import text_string_to_metric_families

import services
from fleets import measured

ROW = re.compile(r"^([A-F-]) +(\S+) +(?:(\S.*?) +)?(\d+|over|-)(?:  (.*))?$")


def probe(home, *words, **kwargs):
    return home.pganchor("probe", *words, env=services.environment(home), **kwargs)


def rows(output):
    """[(grade, server, days, why), ...] of a report."""
    found = [ROW.match(line) for line in output.splitlines()]
    return [(row[1], row[2], row[4], row[5] or "") for row in found if row]


def families(text):
    """{name: {labels as a frozenset: value}} of metrics, read strictly; each has its help, and is a gauge."""
    read = {}
    for family in text_string_to_metric_families(text):
        assert family.type == "gauge" and family.documentation and family.name not in read, family
        read[family.name] = {frozenset(sample.labels.items()): sample.value for sample in family.samples}
        assert len(read[family.name]) == len(family.samples), f"{family.name}: the same labels twice"
    return read


def of(metrics, name, target):
    """The one value of this name and target."""
    values = [value for labels, value in metrics[name].items() if ("target", target) in labels]
    assert len(values) == 1, (name, target)
    return values[0]


def test_a_hundred_servers_are_told_in_their_order(home, make_fleet):
    fleet = make_fleet(100, {7: "late", 50: "other"})
    done = probe(home, "--file", fleet.list(home))
    assert done.returncode == 3, done.stderr
    told = rows(done.stdout)
    assert [server for _, server, _, _ in told] == fleet.servers
    assert {days for _, _, days, _ in told[8:50]} <= {"89", "90"}
    assert told[7][0] == "F" and told[7][2] == "over" and "expired" in told[7][3] and told[50][0] == "F" and "127.2.3.4" in told[50][3]
    assert all(grade in "AB" for grade, server, _, _ in told if server not in (fleet.servers[7], fleet.servers[50]))
    assert f"the worst: {fleet.servers[7]}: {told[7][3]}" in done.stdout and "100 servers: " in done.stdout
    assert f"pganchor probe {fleet.servers[7]}" in done.stdout and done.stderr == ""


def test_the_list_may_come_through_the_standard_input(home, make_fleet):
    fleet = make_fleet(3)
    text = f"# the first\n\n  {fleet.servers[2]}\t\n{fleet.servers[0]}\r\n{fleet.servers[2]}\n#{fleet.servers[1]}\n"
    done = probe(home, "--file", "-", input=text)
    assert done.returncode == 0, done.stderr
    assert [server for _, server, _, _ in rows(done.stdout)] == [fleet.servers[2], fleet.servers[0]]


@pytest.mark.parametrize("line, why", [
    ("db.example.com:0", "port"), ("host=/tmp", "socket"), ("host=db sslmode=best", "sslmode"), ("db.example.com:", "port")])
def test_a_line_that_cannot_be_probed_is_named_before_anything_is(home, make_fleet, line, why):
    fleet = make_fleet(1)
    done = probe(home, "--file", fleet.list(home, [fleet.servers[0], "# a comment", line]))
    assert done.returncode == 1 and done.stdout == ""
    assert "servers.list, line 3: " in done.stderr and why in done.stderr
    assert fleet.counts() == (0, 0)


@pytest.mark.parametrize("text, why", [("", "names no server"), ("# none\n", "names no server"), ("db\0x\n", "NUL")])
def test_a_list_without_a_server_is_an_error(home, text, why):
    (home / "list").write_text(text)
    done = probe(home, "--file", home / "list")
    assert done.returncode == 1 and why in done.stderr and done.stdout == ""
    assert probe(home, "--file", home / "absent").returncode == 1


def test_those_that_do_not_answer_hold_up_nobody(home, make_fleet, black_hole):
    """And are in their places. What never answers, resets, sends without end, or takes no connection."""
    fleet = make_fleet(40, {0: "silent", 1: "reset", 2: "endless", 3: "none", 20: "silent"})
    servers = [black_hole, *fleet.servers]
    done = probe(home, "--file", fleet.list(home, servers), "--max-time", "8")
    told = rows(done.stdout)
    assert done.returncode == 3 and [server for _, server, _, _ in told] == servers, done.stderr
    silent = [told[index] for index in (0, 1, 2, 3, 21)]
    assert all(grade == "-" and why and days == "-" for grade, _, days, why in silent), silent
    # A line names its server once.
    assert not any(server in why for _, server, _, why in told)
    assert told[4][0] == "F" and "TLS" in told[4][3]
    assert all(grade in "AB" for grade, _, _, _ in told[5:21] + told[22:])
    assert f"the worst: {fleet.servers[3]}" in done.stdout and "5 without an answer" in done.stdout


def test_without_an_answer_alone_it_has_failed(home, make_fleet):
    fleet = make_fleet(2, {0: "reset"})
    assert probe(home, "--file", fleet.list(home)).returncode == 1


def test_the_others_go_on_while_the_first_is_silent_and_ctrl_c_ends_it(home, make_fleet, pganchor):
    """With a limit that nobody waits for."""
    fleet = make_fleet(60, {0: "silent"})
    process = subprocess.Popen(
        [pganchor.binary, "probe", "--file", fleet.list(home), "--jobs", "4", "--max-time", "3000"], env=home.environment(),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    # Each has four connections.
    while fleet.counts()[1] < 4 * 60 and process.poll() is None:
        pass
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT, errors
    assert "interrupted: 0 of 60 were probed" in output and errors == ""


def test_ctrl_c_leaves_json_that_can_be_read_and_no_metrics(home, make_fleet, pganchor):
    fleet = make_fleet(5, {4: "silent"})
    process = subprocess.Popen(
        [pganchor.binary, "probe", "--file", fleet.list(home), "--json", "--max-time", "3000", "--metrics", home / "m.prom"],
        env=home.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    while fleet.counts()[1] < 4 * 5 and process.poll() is None:
        pass
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGTERM
    report = json.loads(output)
    assert not report["complete"] and len(report["servers"]) <= 4 and not (home / "m.prom").exists()


def test_json_is_an_array_of_what_one_probe_says(home, make_fleet):
    fleet = make_fleet(4, {1: "late", 2: "reset"})
    done = probe(home, "--file", fleet.list(home), "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 3 and report["complete"] and report["unanswered"] == 1 and report["worst"] == fleet.servers[1]
    assert [f"{server['host']}:{server['port']}" for server in report["servers"]] == fleet.servers
    assert sum(report["grades"].values()) == 3 and report["grades"]["F"] == 1
    alone = json.loads(probe(home, "--json", fleet.servers[1]).stdout)["servers"][0]
    assert alone.keys() == report["servers"][1].keys() - {"services"}
    assert [server["services"] for server in report["servers"]] == [[]] * 4


def test_all_is_every_service_and_each_server_once(home, make_fleet):
    fleet = make_fleet(4)
    host, port = zip(*(server.split(":") for server in fleet.servers))
    services.write(home, f"[prod]\nhost={host[0]}\nport={port[0]}\nsslmode=verify-full\n"
                         f"[prod_ro]\nhost={host[0]},{host[1]}\nport={port[0]},{port[1]}\nsslmode=verify-full\n"
                         f"[local]\nhost=/tmp\n[broken]\nhost=db\nnonsense=1\n"
                         f"[late]\nhost={host[2]}\nport={port[2]}\nsslmode=verify-full\n")
    services.write(home, f"[late]\nhost={host[3]}\nport={port[3]}\nsslmode=verify-full\n"
                         f"[machine]\nhost={host[3]}\nport={port[3]}\nsslmode=verify-full\n", services.SYSTEM)
    done = probe(home, "--all")
    assert [server for _, server, _, _ in rows(done.stdout)] == fleet.servers, done.stdout + done.stderr
    assert re.search(rf"{fleet.servers[0]} +prod, prod_ro +", done.stdout)
    assert re.search(rf"{fleet.servers[3]} +machine +", done.stdout)
    assert "left out: local: " in done.stderr and "left out: broken: " in done.stderr and done.stderr.count("warning") == 2
    report = json.loads(probe(home, "--all", "--json").stdout)
    assert [server["services"] for server in report["servers"]] == [["prod", "prod_ro"], ["prod_ro"], ["late"], ["machine"]]
    only = probe(home, "--all", "--only", "prod_ro")
    assert [server for _, server, _, _ in rows(only.stdout)] == fleet.servers[:2]
    unknown = probe(home, "--all", "--only", "nobody")
    assert unknown.returncode == 2 and "--only nobody" in unknown.stderr


def test_without_a_service_there_is_nothing_to_probe(home):
    done = probe(home, "--all")
    assert done.returncode == 1 and "there is no service" in done.stderr and "pganchor service add" in done.stderr


@pytest.mark.parametrize("words", [
    ("--all", "db.example.com"), ("--all", "--listen", "127.0.0.1:0", "--json"), ("--only", "x", "db.example.com"), (),
    ("--all", "--metrics", "-", "--json"), ("--all", "--jobs", "0"), ("--all", "--jobs", "x"), ("--file", "-", "--listen", "127.0.0.1:0")])
def test_what_does_not_go_together_is_a_usage_error(home, words):
    done = probe(home, *words)
    assert done.returncode == 2 and done.stdout == "" and "pganchor probe --help" in done.stderr, done.stderr


def test_metrics_are_prometheus_text(home, make_fleet):
    fleet = make_fleet(5, {1: "late", 2: "reset", 3: "plain", 4: "none"})
    done = probe(home, "--file", fleet.list(home), "--metrics", "-")
    assert done.returncode == 3 and done.stderr == ""
    metrics = families(done.stdout)
    good, late, reset, plain, none = fleet.servers
    assert [of(metrics, "probe_success", server) for server in fleet.servers] == [1, 0, 0, 1, 0]
    assert [of(metrics, "pganchor_probe_plaintext_accepted", server) for server in (good, plain, none)] == [0, 1, 1]
    now = datetime.datetime.now().timestamp()
    assert of(metrics, "probe_ssl_earliest_cert_expiry", late) < now < of(metrics, "probe_ssl_earliest_cert_expiry", good)
    shown = subprocess.run(["openssl", "s_client", "-starttls", "postgres", "-connect", good], input="", capture_output=True, text=True).stdout
    served = x509.load_pem_x509_certificate(shown[shown.index("-----BEGIN"):shown.index("-----END") + 26].encode())
    expiry = served.not_valid_after.replace(tzinfo=datetime.timezone.utc).timestamp()
    assert of(metrics, "probe_ssl_earliest_cert_expiry", good) == expiry
    assert of(metrics, "probe_ssl_last_chain_expiry_timestamp_seconds", good) == expiry
    assert not any(("target", late) in labels for labels in metrics["probe_ssl_last_chain_expiry_timestamp_seconds"])
    chain = next(dict(labels) for labels in metrics["probe_ssl_last_chain_info"] if ("target", good) in labels)
    assert chain == {"target": good, "subject": "CN=server 0", "issuer": "CN=Fleet Root", "subjectalternative": good.split(":")[0],
                     "serialnumber": "2", "fingerprint_sha256": served.fingerprint(served.signature_hash_algorithm).hex()}
    assert {dict(labels)["version"] for labels in metrics["probe_tls_version_info"]} == {"TLS 1.3"}
    assert 0 < of(metrics, "probe_duration_seconds", good) < 60
    assert {dict(labels)["phase"] for labels in metrics["pganchor_probe_phase_duration_seconds"]} == {"connect", "tls"}
    results = {dict(labels)["target"]: dict(labels)["fault"] for labels in metrics["pganchor_probe_result_info"]}
    assert results[late] == "expired" and results[good] == "none"
    assert of(metrics, "pganchor_probe_grade", late) == 6 and of(metrics, "pganchor_probe_anchor_pinned", good) == 0


def test_labels_are_escaped(home, make_fleet):
    fleet = make_fleet(1)
    host, port = fleet.servers[0].split(":")
    name = 'a"b\\c\u00e4'
    services.write(home, f"[{name}]\nhost={host}\nport={port}\nsslmode=verify-full\n")
    metrics = families(probe(home, "--all", "--metrics", "-").stdout)
    assert [dict(labels) for labels in metrics["probe_success"]] == [{"target": fleet.servers[0], "service": name}]


def test_the_file_for_node_exporter_is_replaced_as_a_whole(home, make_fleet):
    fleet = make_fleet(2)
    collector = home / "textfile"
    collector.mkdir(mode=0o755)
    done = probe(home, "--file", fleet.list(home), "--metrics", collector / "pganchor.prom")
    assert done.returncode == 0 and len(rows(done.stdout)) == 2, done.stderr
    first = (collector / "pganchor.prom").stat()
    assert first.st_mode & 0o777 == 0o644 and families((collector / "pganchor.prom").read_text())["probe_success"]
    assert [path.name for path in collector.iterdir()] == ["pganchor.prom"]
    with open(collector / "pganchor.prom", encoding="utf-8") as reading:
        before = reading.read()
        assert probe(home, "--file", fleet.list(home, fleet.servers[:1]), "--metrics", collector / "pganchor.prom").returncode == 0
        reading.seek(0)
        assert reading.read() == before
    assert len(families((collector / "pganchor.prom").read_text())["probe_success"]) == 1
    collector.chmod(0o555)
    kept = home.snapshot()
    done = probe(home, "--file", fleet.list(home, fleet.servers[:1]), "--metrics", collector / "pganchor.prom", ordinary=True)
    assert done.returncode == 1 and "textfile: Permission denied" in done.stderr
    assert {path: entry for path, entry in home.snapshot().items() if path.startswith("textfile")} == \
        {path: entry for path, entry in kept.items() if path.startswith("textfile")}


def test_metrics_of_one_target(home, make_fleet):
    fleet = make_fleet(1)
    metrics = families(probe(home, fleet.servers[0], "--metrics", "-").stdout)
    assert of(metrics, "probe_success", fleet.servers[0]) == 1


def test_the_crl_that_ends_first_is_among_the_metrics(home, make_postgres, stepca, tmp_path):
    """Of a chain whose CRLs libpq asks for."""
    server = make_postgres(*stepca.issue("localhost"))
    (home / ".postgresql").mkdir()
    (home / ".postgresql/root.crt").write_text(stepca.root_pem)
    metrics = families(probe(home, f"localhost:{server.port}", "--metrics", "-").stdout)
    assert of(metrics, "probe_success", f"localhost:{server.port}") == 1
    assert "pganchor_probe_crl_next_update_timestamp_seconds" not in metrics
    assert of(metrics, "pganchor_probe_channel_binding", f"localhost:{server.port}") == 1


def test_on_a_terminal_a_line_says_how_far_it_is(home, make_fleet):
    fleet = make_fleet(3, {1: "reset"})
    done = home.pganchor_tty("probe", "--file", fleet.list(home))
    assert re.search(r"\r\x1b\[Kprobing \d of 3", done.output) and done.output.count("\x1b[K") >= 2
    plain = home.pganchor_tty("probe", "--file", fleet.list(home), env={"TERM": "dumb"})
    assert "probing" not in plain.output and "probing" not in probe(home, "--file", fleet.list(home)).stderr


def test_an_output_that_is_full_is_an_error(home, make_fleet):
    fleet = make_fleet(2)
    for words in ((), ("--json",), ("--metrics", "-")):
        done = home.run(["sh", "-c", 'exec "$@" >/dev/full', "sh", "pganchor", "probe", "--file", fleet.list(home), *words])
        assert done.returncode == 1 and "standard output" in done.stderr


@pytest.mark.plain_build
def test_memory_is_flat(home, make_fleet, pganchor):
    """A thousand servers take hardly more than a hundred."""
    fleet = make_fleet(1000)

    def peak(servers):
        status, _, memory = measured([pganchor.binary, "probe", "--file", fleet.list(home, servers), "--metrics", home / "m.prom",
                                      "--max-time", "60", "--jobs", "32"], home.environment())
        assert status == 0
        return memory

    few, many = peak(fleet.servers[:100]), peak(fleet.servers)
    assert many <= 1.3 * few, (few, many)
    assert len(families((home / "m.prom").read_text())["probe_success"]) == 1000


@pytest.mark.whole
def test_promtool_has_nothing_to_say(home, make_fleet, tmp_path):
    for words in (["apt-get", "download", "prometheus"], ["sh", "-c", "dpkg -x prometheus_*.deb unpacked"]):
        subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    fleet = make_fleet(6, {1: "late", 2: "reset", 3: "plain", 4: "none", 5: "other"})
    metrics = probe(home, "--file", fleet.list(home), "--metrics", "-").stdout
    checked = subprocess.run([tmp_path / "unpacked/usr/bin/promtool", "check", "metrics"], input=metrics, capture_output=True, text=True)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
