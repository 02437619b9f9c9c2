"""Programs that take their user's home out of the system's list of users and not out of HOME, as those of Java and Go do."""

import os

# In a mount namespace of its own, where $1 is the list of users.
OWN_LIST = r"""
set -e
list=$1; shift
mount -n --bind "$list" /etc/passwd
exec "$@"
"""


def at_home(home):
    """The words before a command that run it where the user is listed with this home."""
    (home / "passwd").write_text(f"root:x:0:0::{home.path}:/bin/sh\n")
    unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    return [*unshare, "sh", "-c", OWN_LIST, "own-list", home / "passwd"]
