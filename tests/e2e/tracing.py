"""What a command asks the kernel for: its sockets, seen by strace."""

import os
import re
import tempfile
from typing import NamedTuple, Optional

# For the environment of what strace runs: LeakSanitizer cannot look where somebody does already.
NO_LEAKS = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}

SYSCALLS = "socket,connect,sendto,sendmsg,sendmmsg"


class Call(NamedTuple):
    """One system call that names a socket family.

    name     socket, connect, sendto, sendmsg, sendmmsg
    family   AF_INET, AF_INET6, AF_UNIX, AF_NETLINK, ...
    address  IP address or path of a connect() or sendto(), None otherwise
    port     of AF_INET and AF_INET6
    line     the line of strace
    """

    name: str
    family: str
    address: Optional[str]
    port: Optional[int]
    line: str


def parse(line):
    """The Call in a line of `strace -f -o`, or None when it names no family (a send on a connected socket)."""
    head = re.match(r"\d+\s+(?:<\.\.\. )?(\w+)", line)
    family = re.search(r"\b(AF_[A-Z0-9]+)\b", line)
    if not head or not family:
        return None
    address = re.search(r'inet_addr\("([^"]*)"\)|inet_pton\(AF_INET6, "([^"]*)"|sun_path=(@?"[^"]*")', line)
    port = re.search(r"htons\((\d+)\)", line)
    found = next((group.strip('"') for group in address.groups() if group), None) if address else None
    return Call(head[1], family[1], found, int(port[1]) if port else None, line.rstrip("\n"))


def strace_sockets(home, argv, **kwargs):
    """Run argv in `home` (keyword arguments as in Home.run); its CompletedProcess and every Call, children's included."""
    with tempfile.NamedTemporaryFile("r", prefix="strace-", errors="replace") as log:
        # LeakSanitizer cannot work under strace.
        options = os.environ.get("ASAN_OPTIONS", "").split(":") + ["detect_leaks=0"]
        kwargs["env"] = {"ASAN_OPTIONS": ":".join(filter(None, options)), **(kwargs.get("env") or {})}
        done = home.run(["strace", "-f", "-qq", "-e", f"trace={SYSCALLS}", "-e", "signal=none", "-o", log.name, "--", *argv],
                        **kwargs)
        assert "strace: " not in done.stderr, done.stderr
        return done, [call for call in map(parse, log) if call]


def internet(calls):
    """Those of them that could reach another machine."""
    return [call for call in calls if call.family in ("AF_INET", "AF_INET6")]
