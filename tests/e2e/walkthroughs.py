"""Walk-throughs: what docs/*.md has people type, run in its order in one throw-away home against real servers.

A block of a document is one of these; any other is an error, so that nothing stands there that is not tried:

  ```console           commands behind "$ ", which a \\ at the end or an open ' go on in the next line; each ends with 0, and a terminal shows
                       what stands below it
  ```console fails     the same; the last command of it fails
  ```console maybe     the same; whether it does is the machine's affair
  ```LANGUAGE FILE     becomes that file in the home
  ```text              is shown, and compared with nothing: no line of it begins with "$ "

"…" stands for whatever a line has there, and alone in a line for any number of lines. What no two machines or days have alike is
equal to its like: dates, times, numbers of days and of processes, fingerprints that WORDS does not have, and several blanks to one.

Comments that are directions: <!-- somebody stands between --> has the server's port lead to one whose certificate is another CA's,
and <!-- nobody stands between --> back.

The document says ca.example.com and db.example.com, and the test bed has them at localhost: Stage has what stands for what.
"""

import re
from dataclasses import dataclass

FINGERPRINT = "84a033e84196f73bd593fad7a63e509e57fd982f084359c4e8c5c864efc27410"
HOME = "/home/ada"
DIRECTIONS = {"somebody stands between": "impostor", "nobody stands between": "server"}
PART = re.compile(r"^```(?P<info>[^`\n]*)\n(?P<body>.*?)^```$|^<!-- (?P<direction>(?:some|no)body stands between) -->$", re.M | re.S)


@dataclass
class Step:
    """A command, what a terminal shows of it, whether it has to fail, and where in the document that stands."""

    command: str
    shown: str
    fails: bool  # None: it may
    at: tuple


@dataclass
class File:
    name: str
    text: str


def steps_of_block(body, start, fails):
    steps, lines, at = [], body.splitlines(keepends=True), start
    number = 0
    while number < len(lines):
        assert lines[number].startswith("$ "), f"no command: {lines[number]}"
        command = lines[number][2:]
        at += len(lines[number])
        number += 1
        while command.endswith("\\\n") or command.count("'") % 2:
            command += lines[number]
            at += len(lines[number])
            number += 1
        begin, shown = at, ""
        while number < len(lines) and not lines[number].startswith("$ "):
            shown += lines[number]
            at += len(lines[number])
            number += 1
        steps.append(Step(command.rstrip("\n"), shown, False, (begin, at)))
    steps[-1].fails = fails
    return steps


def read(text, strict=True):
    """All that happens in a document, in its order: Step, File, and the words of DIRECTIONS. Where it is not strict, blocks of other
    kinds are left alone."""
    assert text.count("\n```") % 2 == 0
    for part in PART.finditer(text):
        words = (part["info"] or "").split()
        if part["direction"]:
            yield DIRECTIONS[part["direction"]]
        elif words in (["console"], ["console", "fails"], ["console", "maybe"]):
            yield from steps_of_block(part["body"], part.start("body"), {"fails": True, "maybe": None}.get(words[-1], False))
        elif len(words) == 2:
            yield File(words[1], part["body"])
        elif strict:
            assert words == ["text"] and not re.search(r"^\$ ", part["body"], re.M), f"what is to become of this block? {part[0]}"


class Stage:
    """A home, and the servers that the documents speak of."""

    def __init__(self, home, ca, server, impostor, relay, prefix, before, env):
        self.home, self.server, self.impostor, self.relay, self.before, self.env = home, server, impostor, relay, before, env
        # What is typed at a prompt, which a document only tells of.
        self.answers = {"pganchor password set": [(r"(?i)password.*: ?$", server.password)] * 2,
                        "pganchor onboard": [(r"\?[^\n]*$", "yes"), (r"(?i)password.*: ?$", server.password)]}
        port = relay.port
        self.there = [("/etc/pganchor", f"{prefix}/etc/pganchor"), ("/var/log/auth.log", str(home / "log")), ("https://ca.example.com:9000", ca.url), (FINGERPRINT, ca.fingerprint), (HOME, str(home.path)),
                      ("--host db.example.com", f"--host localhost --port {port}"), ("host=db.example.com", f"host=localhost port={port}"),
                      ("host = db.example.com\n", f"host = localhost\nport = {port}\n"),
                      ("//db.example.com", f"//localhost:{port}"), ("@db.example.com", f"@localhost:{port}"), ("host: 'db.example.com'", f"host: 'localhost', port: {port}"),
                      ("db.example.com", "localhost")]
        self.back = [(f"localhost:{port} (127.0.0.1)", "db.example.com (192.0.2.10)"), (str(home / "log"), "/var/log/auth.log"), (str(home / "machine"), "/etc/postgresql-common"),
                     (f"{prefix}/etc/pganchor", "/etc/pganchor"), (f"localhost:{ca.port}", "ca.example.com:9000"), (f"localhost:{port}", "db.example.com"),
                     (f"host=localhost port={port}", "host=db.example.com"), (f"--host localhost --port {port}", "--host db.example.com"),
                     (f'"localhost" (127.0.0.1), port {port}', '"db.example.com" (192.0.2.10), port 5432'), (f"port {port}", "port 5432"), (ca.fingerprint, FINGERPRINT),
                     (str(home.path), HOME), (str(prefix), "/usr"), ("localhost", "db.example.com")]
        self.port_line = re.compile(rf"^ *port[ =]+{port}\b.*\n", re.M)

    def at_localhost(self, server, data):
        """A document that speaks of a server on the reader's own machine, and of its data directory."""
        self.server, port = server, server.port
        pairs = [(str(data), "/var/lib/postgresql/15/main"), (str(self.home.path), HOME), (f"localhost:{port}", "localhost:5432"),
                 (f"port={port}", "port=5432"), (f"port {port}", "port 5432")]
        self.there, self.back = [(said, meant) for meant, said in pairs], pairs

    def direct(self, word):
        self.relay.target = (self.impostor if word == "impostor" else self.server).port

    def typed(self, text):
        for said, meant in self.there:
            text = text.replace(said, meant)
        return text

    def told(self, text):
        text = self.port_line.sub("", re.sub(r"[^\n]*\r(?!\n)|\x1b\[K", "", text))
        # Nobody listens at the first address that localhost may have.
        text = re.sub(r'connection to server at "localhost" \(::1\)[^\n]*refused\n\t[^\n]*\n(?=connection)', "", text)
        for meant, said in self.back:
            text = text.replace(meant, said)
        return aligned("".join(line.rstrip() + "\n" for line in text.rstrip().splitlines()))

    def write(self, file):
        path = self.home / self.typed(file.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.typed(file.text))

    def run(self, step):
        """(exit status, what the terminal shows)"""
        answers = [answer for words, answer in self.answers.items() if step.command.startswith(words)]
        done = self.home.run_tty([*self.before, "bash", "-o", "pipefail", "-c", self.typed(step.command)], *answers, env=self.env)
        return done.returncode, self.told(done.output)


def aligned(text):
    """The tables in it, as wide as what is in them now: names of the test bed are longer."""
    lines = text.splitlines()
    rows = [re.split(r" {2,}", line) if re.match(r"\S.*\S {2,}\S", line) else [line] for line in lines]
    begin = 0
    while begin < len(rows):
        end = begin + 1
        while end < len(rows) and len(rows[end]) == len(rows[begin]) > 1:
            end += 1
        widths = [max(len(row[column]) for row in rows[begin:end]) for column in range(len(rows[begin]))]
        lines[begin:end] = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows[begin:end]]
        begin = end
    return "".join(f"{line}\n" for line in lines)


def blurred(text):
    """Without what differs from day to day."""
    text = re.sub(r"\b\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d)?(?: ?UTC|Z)?)?", "DAY", text)
    text = re.sub(r"\b\d+ (days?|hours?|minutes?)\b", "SOME TIME", text)
    text = re.sub(rf"\b(?!{FINGERPRINT})[0-9a-f]{{64}}\b", "HEX", text)
    text = re.sub(r"\bprocess \d+", "process N", text)
    return re.sub(r"[ \t]+", " ", text)


def agree(expected, told):
    """Whether what was told is what stands there."""
    pattern = ""
    for line in blurred(expected).splitlines():
        pattern += r"(?:.*\n)*?" if line.strip() == "…" else ".*?".join(map(re.escape, line.rstrip().split("…"))) + r"\n"
    return re.fullmatch(pattern, blurred(told)) is not None
