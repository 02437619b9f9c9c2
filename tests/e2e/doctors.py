"""pganchor doctor as tests ask it: what it finds, and the commands that its hints print."""

import json

import services


def examine(home, *words, env=None, **kwargs):
    """The report of `pganchor doctor --json`, and its exit status."""
    done = home.pganchor("doctor", "--json", *words, env=services.environment(home, env), **kwargs)
    assert done.returncode in (0, 1, 3) and done.stderr == "", (done.returncode, done.stderr)
    return json.loads(done.stdout), done.returncode


def found(home, name, about=None, **kwargs):
    """The findings of this id, and about this object; about=None: any."""
    return [finding for finding in examine(home, **kwargs)[0]["findings"]
            if finding["id"] == name and (about is None or finding["object"] == str(about))]


def one(home, name, about=None, **kwargs):
    """The only one."""
    findings = found(home, name, about, **kwargs)
    assert len(findings) == 1, findings
    assert findings[0]["detail"], findings
    return findings[0]


def command(finding):
    """What the hint has the reader type: all of it, or what stands before a colon and a blank."""
    return finding["hint"].split(": ")[0]


def mend(home, finding, env=None, **kwargs):
    """Types that."""
    done = home.run(["sh", "-c", command(finding)], env=services.environment(home, env), **kwargs)
    assert done.returncode == 0, (command(finding), done.stderr)
    return done
