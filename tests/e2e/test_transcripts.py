"""All that commands say, in words and as JSON, and their exit status: sessions at a terminal, compared to the letter."""

import os
from pathlib import Path

import pytest

import transcripts

DIRECTORY = Path(__file__).resolve().parent / "data/transcripts"


# What is preloaded is told in it, and the tool itself is preloaded into.
@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.plain_build if name == "run" else ())
                                  for name in sorted(path.stem for path in DIRECTORY.glob("*.txt"))])
def test_what_is_said(home, pganchor, name):
    """With PGANCHOR_WRITE_TRANSCRIPTS=yes the file gets what is said now, to be read before it is believed."""
    file = DIRECTORY / f"{name}.txt"
    comment, steps = transcripts.parse(file.read_text())
    assert steps
    said = [transcripts.Step(step.command, transcripts.run(home, pganchor, step.command)) for step in steps]
    if os.environ.get("PGANCHOR_WRITE_TRANSCRIPTS") == "yes":
        file.write_text(transcripts.write(comment, said))
    for step, now in zip(steps, said):
        assert f"$ {now.command}\n{now.answer}" == f"$ {step.command}\n{step.answer}"
