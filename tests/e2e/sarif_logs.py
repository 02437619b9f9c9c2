"""What SARIF 2.1.0 (OASIS, errata 01) asks of a log, of what ours has: sections are named. A scanner refuses one that is not so."""

import json
import re

URI = re.compile(r"file:///(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-F]{2})*")
LEVELS = ("none", "note", "warning", "error")
# The properties that an object may have, and those that it must have; no schema of SARIF's lets in any other.
OBJECTS = {
    "log": ({"$schema", "version", "runs"}, {"version", "runs"}),
    "run": ({"tool", "columnKind", "invocations", "results"}, {"tool"}),
    "tool": ({"driver"}, {"driver"}),
    "driver": ({"name", "semanticVersion", "rules"}, {"name"}),
    "rule": ({"id", "shortDescription", "properties"}, {"id"}),
    "invocation": ({"executionSuccessful", "toolExecutionNotifications"}, {"executionSuccessful"}),
    "notification": ({"level", "message"}, {"message"}),
    "result": ({"ruleId", "ruleIndex", "level", "kind", "message", "locations", "partialFingerprints"}, {"message"}),
    "location": ({"physicalLocation", "logicalLocations"}, set()),
    "physical location": ({"artifactLocation", "region"}, {"artifactLocation"}),
    "artifact location": ({"uri"}, set()),
    "region": ({"startLine", "snippet"}, {"startLine"}),
    "logical location": ({"name", "kind"}, set()),
}


def is_one(kind, item):
    may, must = OBJECTS[kind]
    assert isinstance(item, dict) and must <= set(item) <= may, (kind, item)
    return item


def check_message(message):
    assert set(message) == {"text"} and isinstance(message["text"], str) and message["text"], message  # 3.11


def check_physical(location):
    is_one("physical location", location)
    assert URI.fullmatch(is_one("artifact location", location["artifactLocation"])["uri"]), location  # 3.4.3
    if "region" in location:
        region = is_one("region", location["region"])
        assert type(region["startLine"]) is int and region["startLine"] >= 1, region  # 3.30.5
        if "snippet" in region:
            check_message(region["snippet"])


def check_result(result, rules):
    is_one("result", result)
    assert rules[result["ruleIndex"]]["id"] == result["ruleId"], result  # 3.27.5, 3.27.6
    assert result["level"] in LEVELS and result.get("kind", "fail") in ("fail", "pass"), result
    assert result.get("kind", "fail") == "fail" or result["level"] == "none", result  # 3.27.9
    check_message(result["message"])
    assert all(isinstance(print_, str) for print_ in result["partialFingerprints"].values())  # 3.27.18
    for location in result["locations"]:
        is_one("location", location)
        if "physicalLocation" in location:
            check_physical(location["physicalLocation"])
        for logical in location.get("logicalLocations", []):
            assert is_one("logical location", logical)["name"]


def check(text):
    """Its only run."""
    log = is_one("log", json.loads(text))
    assert log["version"] == "2.1.0" and log["$schema"].endswith("/sarif-schema-2.1.0.json")  # 3.13.2
    (run,) = (is_one("run", item) for item in log["runs"])
    driver = is_one("driver", is_one("tool", run["tool"])["driver"])
    assert driver["name"] == "pganchor" and re.match(r"\d+\.\d+\.\d+", driver["semanticVersion"])
    assert run["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints")  # 3.14.17
    ids = [is_one("rule", rule)["id"] for rule in driver["rules"]]
    assert len(set(ids)) == len(ids)  # 3.19.23
    for rule in driver["rules"]:
        check_message(rule["shortDescription"])
        assert len(set(rule["properties"]["tags"])) == len(rule["properties"]["tags"])  # 3.8.2.1
    for invocation in run["invocations"]:
        assert type(is_one("invocation", invocation)["executionSuccessful"]) is bool
        for said in invocation["toolExecutionNotifications"]:
            assert is_one("notification", said)["level"] in LEVELS
            check_message(said["message"])
    for result in run["results"]:
        check_result(result, driver["rules"])
    return run
