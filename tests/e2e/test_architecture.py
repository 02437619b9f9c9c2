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
