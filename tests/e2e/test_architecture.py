"""What ARCHITECTURE.md says of src/ is so."""

import re
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parent.parent.parent

pytestmark = pytest.mark.plain_build


def test_includes_run_downwards():
    """In the order of its table, and of nothing that is in cli/ or gate/."""
    order = re.findall(r"^\| `(\w+)/` \|", (TOP / "ARCHITECTURE.md").read_text(), re.MULTILINE)
    assert order[0] == "cli" and "base" in order
    seen = 0
    for path in (TOP / "src").glob("*/*.[ch]"):
        own = path.parent.name
        for other in re.findall(r'^#\s*include "(\w+)/', path.read_text(), re.MULTILINE):
            seen += 1
            if other != own:
                assert other not in ("cli", "gate"), (path, other)
                assert own == "gate" or order.index(own) < order.index(other), (path, other)
    assert seen > 1000


def test_what_each_directory_uses_is_what_it_includes():
    """By the last column of its table, which names other things as well."""
    rows = re.findall(r"^\| `(\w+)/` \|.*\| (.*) \|$", (TOP / "ARCHITECTURE.md").read_text(), re.MULTILINE)
    names = {own for own, _ in rows}
    assert {"server", "audit", "base"} <= names
    assert rows[0] == ("cli", "all of these")
    for own, uses in rows[1:]:
        said = names & set(re.findall(r"\w+", uses))
        included = {other for path in (TOP / "src" / own).glob("*.[ch]")
                    for other in re.findall(r'^#\s*include "(\w+)/', path.read_text(), re.MULTILINE)}
        assert included & names - {own} == said, own
