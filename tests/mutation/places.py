"""Where src/ can be changed, and into what: found in clang's syntax tree, so never in a comment, a string or a declaration."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from clang.cindex import CursorKind, Index, TypeKind

TOP = Path(__file__).resolve().parent.parent.parent

# An operator, and what is put in its place.
OPERATORS = {"==": ["!="], "!=": ["=="], "<": ["<=", ">="], "<=": ["<", ">"], ">": [">=", "<="], ">=": [">", "<"],
             "&&": ["||"], "||": ["&&"], "+": ["-"], "-": ["+"], "*": ["/"], "/": ["*"], "%": ["*"], "&": ["|"], "|": ["&"],
             "<<": [">>"], ">>": ["<<"], "+=": ["-="], "-=": ["+="], "|=": ["&="], "&=": ["|="]}
STATEMENTS = (CursorKind.COMPOUND_STMT, CursorKind.IF_STMT, CursorKind.FOR_STMT, CursorKind.WHILE_STMT, CursorKind.LABEL_STMT)
# Memory that is not given back is for the sanitizers to find; a block that is larger or smaller by a byte too.
RELEASES = re.compile(r"(\w+_)?(free|freemem|decref|release)")
ALLOCATES = ("malloc", "calloc", "realloc", "reallocarray", "strndup", "memset")
# What is put into a buffer is told its size. A byte less or more of it is of no meaning while all fits; too much of it is for the
# sanitizers, and what does not fit for a test of the place where it is cut, not of one of its sides.
FILLS = ("snprintf", "vsnprintf", "read", "pread", "readlink", "readlinkat", "fgets", "recv", "inet_ntop")
TIMES = ("struct timespec", "struct timeval")
LOOPS = (CursorKind.FOR_STMT, CursorKind.WHILE_STMT, CursorKind.DO_STMT)


@dataclass(frozen=True)
class Change:
    """In `file` (below src/), in `function`, the bytes from `start` to `end` become `text`."""

    file: str
    function: str
    kind: str
    line: int
    start: int
    end: int
    text: str

    def apply(self, source):
        return source[:self.start] + self.text.encode() + source[self.end:]

    def lines(self, source):
        """The lines of the source before and after, without their blanks: they name a change whatever moves around it."""
        first = source.rfind(b"\n", 0, self.start) + 1
        last = source.find(b"\n", self.end)
        changed = source[first:self.start] + self.text.encode() + source[self.end:last]
        return words(source[first:last]), words(changed)


def words(text):
    return " ".join(text.decode().split())


def flags():
    """As Makefile.am has them, as far as parsing needs them."""
    packages = ["libpq", "openssl", "libcurl", "jansson", "libelf", "libsecret-1"]
    asked = subprocess.run(["pkg-config", "--cflags", *packages], check=True, capture_output=True, text=True)
    return ["-std=gnu11", "-D_GNU_SOURCE", "-DHAVE__DL_FIND_OBJECT=1", '-DPACKAGE_VERSION="0"', '-DPACKAGE_STRING="p"',
            '-DSYSCONFDIR="/"', '-DPKGLIBDIR="/"', '-DPKGLIBEXECDIR="/"', '-DPG_SYSCONFDIR="/"', f"-I{TOP}/src", f"-I{TOP}/include",
            *asked.stdout.split(), *builtin_headers()]


def builtin_headers():
    """libclang does not know by itself where the headers of its clang are."""
    asked = subprocess.run(["clang", "-print-resource-dir"], check=True, capture_output=True, text=True)
    return ["-isystem", f"{asked.stdout.strip()}/include"]


def files(top=TOP):
    """The sources; no header of ours has a function that does anything."""
    return sorted(str(path.relative_to(top / "src")) for path in (top / "src").rglob("*.c"))


class Finder:
    """The changes of one file."""

    def __init__(self, name, top=TOP):
        self.name = name
        self.path = top / "src" / name
        self.source = self.path.read_bytes()
        self.changes = []
        self.function = ""

    def find(self):
        # config.h is made by configure: what it says changes no place.
        unit = Index.create().parse(str(self.path), flags(), unsaved_files=[(str(self.path.parent / "config.h"), "")])
        bad = [str(said) for said in unit.diagnostics if said.severity >= 3]
        if bad:
            raise SystemExit(f"mutation: {self.name} is not parsed: {bad[0]}")
        for cursor in unit.cursor.get_children():
            if (cursor.kind == CursorKind.FUNCTION_DECL and cursor.is_definition() and self.is_here(cursor)
                    and "free" not in cursor.spelling.split("_")):
                self.function = cursor.spelling
                for child in cursor.get_children():
                    if child.kind == CursorKind.COMPOUND_STMT:
                        self.walk(child, cursor)
        return sorted(set(self.changes), key=lambda change: (change.start, change.end, change.text))

    def is_here(self, cursor):
        return cursor.location.file is not None and cursor.location.file.name == str(self.path)

    def text(self, start, end):
        return self.source[start:end].decode(errors="replace")

    def add(self, kind, start, end, text):
        if start >= end or self.text(start, end) == text:
            return
        line = self.source.count(b"\n", 0, start) + 1
        self.changes.append(Change(self.name, self.function, kind, line, start, end, text))

    def extent(self, cursor):
        """Its first and last byte; None where a macro hides them."""
        start, end = cursor.extent.start, cursor.extent.end
        if start.file is None or start.file.name != str(self.path) or end.file is None or end.file.name != str(self.path):
            return None
        return (start.offset, end.offset) if start.offset < end.offset else None

    def walk(self, cursor, parent):
        look = {CursorKind.BINARY_OPERATOR: self.binary, CursorKind.COMPOUND_ASSIGNMENT_OPERATOR: self.binary,
                CursorKind.UNARY_OPERATOR: self.unary, CursorKind.INTEGER_LITERAL: self.literal,
                CursorKind.CXX_UNARY_EXPR: self.size_of, CursorKind.IF_STMT: self.condition,
                CursorKind.RETURN_STMT: self.returned, CursorKind.BREAK_STMT: self.dropped, CursorKind.CONTINUE_STMT: self.dropped,
                CursorKind.GOTO_STMT: self.dropped, CursorKind.CONDITIONAL_OPERATOR: self.choice}.get(cursor.kind)
        if look and self.extent(cursor):
            look(cursor)
        if cursor.kind in LOOPS and self.extent(cursor):
            self.loop(cursor)
        if parent.kind in STATEMENTS and self.extent(cursor):
            self.statement(cursor, parent)
        if cursor.kind == CursorKind.CALL_EXPR and cursor.spelling in ALLOCATES:
            return
        for child in cursor.get_children():
            if not self.means_nothing(child, cursor):
                self.walk(child, cursor)

    def means_nothing(self, cursor, parent):
        """What no test could see, whatever the program is: a byte of room, and a nanosecond."""
        return self.is_room(cursor, parent) or self.is_fraction(cursor, parent) or self.is_of_address(cursor, parent)

    def is_of_address(self, cursor, parent):
        """memcpy() of an address, which says to C that it may be a function's: its highest byte is always 0, and what is a byte
        too much is for the sanitizers."""
        return (parent.kind == CursorKind.CALL_EXPR and parent.spelling == "memcpy" and bool(self.extent(cursor))
                and self.text(*self.extent(cursor)).startswith("sizeof")
                and any(child.type.get_canonical().kind == TypeKind.POINTER for child in cursor.get_children()))

    def is_fraction(self, cursor, parent):
        """Of a second: how long a pause is is not for a test to measure."""
        return (parent.kind == CursorKind.INIT_LIST_EXPR and parent.type.spelling.replace("const ", "") in TIMES
                and bool(self.extent(cursor)) and bool(re.fullmatch(r"\d{4,}", self.text(*self.extent(cursor)))))

    def is_room(self, cursor, parent):
        """How large a buffer is: where it is declared, and where it is filled."""
        if parent.kind == CursorKind.VAR_DECL:
            return parent.type.kind == TypeKind.CONSTANTARRAY and cursor.kind != CursorKind.INIT_LIST_EXPR
        return (parent.kind == CursorKind.CALL_EXPR and parent.spelling in FILLS and bool(self.extent(cursor))
                and self.text(*self.extent(cursor)).startswith("sizeof"))

    def between(self, cursor):
        """The operator of two operands: where it is, and its text."""
        children = [self.extent(child) for child in cursor.get_children()]
        if len(children) != 2 or None in children:
            return None
        start, end = children[0][1], children[1][0]
        found = re.fullmatch(r"[\s)]*?(\S+?)[\s(]*", self.text(start, end))
        if not found:
            return None
        return start + len(self.text(start, end)[:found.start(1)].encode()), found[1], children

    def binary(self, cursor):
        found = self.between(cursor)
        if not found:
            return
        at, operator, (left, right) = found
        for other in OPERATORS.get(operator, ()):
            self.add("operator", at, at + len(operator), other)
        if operator in ("&&", "||", "|"):
            # One side is left out: a condition that is not looked at, a flag that is not given.
            whole = self.extent(cursor)
            if whole[0] == left[0]:
                self.add("side", whole[0], whole[1], self.text(*left))
            if whole[1] == right[1]:
                self.add("side", whole[0], whole[1], self.text(*right))

    def unary(self, cursor):
        start, end = self.extent(cursor)
        text = self.text(start, end)
        if text.startswith("!"):
            self.add("negation", start, start + 1, "")
        elif text.startswith(("++", "--")):
            self.add("operator", start, start + 2, "--" if text[0] == "+" else "++")
        elif text.endswith(("++", "--")):
            self.add("operator", end - 2, end, "--" if text[-1] == "+" else "++")

    def literal(self, cursor):
        start, end = self.extent(cursor)
        text = self.text(start, end)
        swapped = {"true": "false", "false": "true", "0": "1", "1": "0"}.get(text)
        if swapped:
            self.add("constant", start, end, swapped)
        elif re.fullmatch(r"[1-9]\d*[uUlL]*", text):
            number = re.match(r"\d+", text)[0]
            self.add("constant", start, start + len(number), str(int(number) + 1))
            self.add("constant", start, start + len(number), str(int(number) - 1))

    def size_of(self, cursor):
        start, end = self.extent(cursor)
        if self.text(start, end).startswith("sizeof"):
            for sign in "-+":
                self.add("constant", start, end, f"({self.text(start, end)} {sign} 1)")

    def condition(self, cursor):
        children = list(cursor.get_children())
        inside = self.extent(children[0])
        if inside and self.text(*self.extent(cursor)).startswith("if"):
            self.add("condition", *inside, f"!({self.text(*inside)})")

    def choice(self, cursor):
        children = [self.extent(child) for child in cursor.get_children()]
        if len(children) == 3 and None not in children and self.extent(cursor)[0] == children[0][0]:
            self.add("condition", *children[0], f"!({self.text(*children[0])})")

    def returned(self, cursor):
        children = list(cursor.get_children())
        inside = self.extent(children[0]) if children else None
        if not inside:
            return
        text = self.text(*inside)
        if text == "-1":
            self.add("error", *inside, "0")
        elif text == "0":
            self.add("error", *inside, "-1")
        elif re.match(r"(pga|gate)?_?fail\w*\(", text):
            self.add("error", *inside, f"((void){text}, 0)")

    def dropped(self, cursor):
        start, end = self.extent(cursor)
        if self.text(start, end).startswith(("break", "continue", "goto")):
            self.add("jump", start, end, "(void)0")

    def loop(self, cursor):
        """It ends after its first turn."""
        body = list(cursor.get_children())[-1 if cursor.kind != CursorKind.DO_STMT else 0]
        place = self.extent(body)
        if not place:
            return
        if body.kind == CursorKind.COMPOUND_STMT and self.text(place[1] - 1, place[1]) == "}":
            self.add("loop", place[1] - 1, place[1], "break; }")
        elif self.text(place[1], place[1] + 1) == ";":
            self.add("loop", *place, f"{{ {self.text(*place)}; break; }}")

    def statement(self, cursor, parent):
        """A call or an assignment that is a statement of its own is left out."""
        start, end = self.extent(cursor)
        if self.text(end, end + 1) != ";" or (parent.kind == CursorKind.FOR_STMT):
            return
        inner = cursor
        while inner.kind in (CursorKind.CSTYLE_CAST_EXPR, CursorKind.PAREN_EXPR, CursorKind.UNEXPOSED_EXPR):
            children = [child for child in inner.get_children() if child.kind != CursorKind.TYPE_REF]
            if len(children) != 1:
                return
            inner = children[0]
        if inner.kind == CursorKind.CALL_EXPR and not RELEASES.fullmatch(inner.spelling):
            self.add("call", start, end, "(void)0")
        elif inner.kind == CursorKind.BINARY_OPERATOR and (self.between(inner) or (0, ""))[1] == "=":
            self.add("assignment", start, end, "(void)0")


def find(name, top=TOP):
    return Finder(name, top).find()


if __name__ == "__main__":
    total = 0
    for name in files():
        changes = find(name)
        total += len(changes)
        kinds = {}
        for change in changes:
            kinds[change.kind] = kinds.get(change.kind, 0) + 1
        print(f"{name}: {len(changes)} {kinds}")
    print(total)
