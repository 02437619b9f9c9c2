"""The basic blocks of a program that was built with cover.c, and the source lines of each."""

import re
import subprocess
from pathlib import Path

CALL = re.compile(r"^\s+([0-9a-f]+):\s+call\s.*<__sanitizer_cov_trace_pc>")
INSTRUCTION = re.compile(r"^\s+([0-9a-f]+):\s")
FUNCTION = re.compile(r"^[0-9a-f]+ <(.+)>:$")
# Functions of the headers of curl, OpenSSL and jansson, which objdump gives to the file that includes them.
FOREIGN = re.compile(r"^[0-9a-f]+ <(_curl_easy_|ossl_check_|json_decref|json_incref|json_object_|json_array_)")
LINE = re.compile(r"^(/\S+|\S+/\S+):(\d+)(?: \(discriminator \d+\))?$")


def read(program):
    """[(offset of the call's return address, {(file below src/, line)})], in the order of the addresses."""
    dump = subprocess.run(["objdump", "-d", "-l", "--no-show-raw-insn", program], capture_output=True, text=True, check=True).stdout
    blocks, lines, place, called, ours = [], set(), None, False, True
    for line in dump.splitlines():
        if FUNCTION.match(line):
            # What stands before a function's first call belongs to its first block.
            lines, place, called, ours = set(), None, False, not FOREIGN.match(line)
            continue
        found = LINE.match(line)
        if found and ours:
            place = (below_src(found[1]), int(found[2]))
            continue
        instruction = INSTRUCTION.match(line)
        if not instruction:
            continue
        if called:
            blocks[-1] = (int(instruction[1], 16), lines)
            called = False
        if CALL.match(line):
            lines = lines if not blocks or blocks[-1][1] is not lines else set()
            blocks.append((0, lines))
            called = True
        if place is not None and place[0] is not None:
            lines.add(place)
    return [block for block in blocks if block[0]]


def below_src(path):
    parts = Path(path).parts
    if "src" not in parts:
        return None
    last = len(parts) - 1 - parts[::-1].index("src")
    return "/".join(parts[last + 1:])


class Record:
    """The file that cover.c writes to for one program."""

    SIZE = 2 ** 20

    def __init__(self, directory, program):
        program = Path(program).resolve()
        self.path = Path(directory) / program.name
        self.blocks = read(program)
        self.clear()
        # A library is loaded by another of its names, and that is the one that cover.c gets to know.
        for name in program.parent.iterdir():
            link = Path(directory) / name.name
            if name.is_symlink() and name.resolve() == program and not link.is_symlink():
                link.symlink_to(program.name)

    def clear(self):
        """In place: who has it mapped goes on writing to it."""
        with open(self.path, "r+b" if self.path.exists() else "w+b") as file:
            file.write(bytes(self.SIZE))
        self.path.chmod(0o666)

    def lines(self):
        """{file below src/: {line}} of what was executed since."""
        executed = self.path.read_bytes()
        lines = {}
        for offset, places in self.blocks:
            if executed[offset]:
                for file, line in places:
                    lines.setdefault(file, set()).add(line)
        return lines

    def known(self):
        """{file below src/: [line]} of all of which there is code."""
        lines = {}
        for _, places in self.blocks:
            for file, line in places:
                lines.setdefault(file, set()).add(line)
        return {file: sorted(some) for file, some in sorted(lines.items())}
