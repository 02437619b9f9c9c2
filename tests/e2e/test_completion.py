"""What the shells complete: by the keys of a real one, with the functions that `pganchor completion` prints."""

import re
import subprocess

import pytest

from services import write

SHELLS = {"bash": ["bash", "--norc", "-i"], "zsh": ["zsh", "-f", "-i"], "fish": ["fish", "--no-config", "-i"]}
# What the tests type; completions are asked of the program itself.
FUNCTION = {
    "bash": 'PS1="ready> "; bind "set bell-style none"; pganchor() { if [ "$2" = services ] || [ "$2" = anchors ] || [ "$2" = certs ]; then command pganchor "$@"; else printf "GOT:"; '
            'printf " <%s>" "$@"; echo; fi; }; source ~/completion',
    "zsh": 'PROMPT="ready> "; unsetopt beep; autoload -U compinit; compinit -u -D; pganchor() { if [ "$2" = services ] || [ "$2" = anchors ] || [ "$2" = certs ]; then command pganchor '
           '"$@"; else printf "GOT:"; printf " <%s>" "$@"; echo; fi; }; source ~/completion'}
TYPED = [
    ("boot", "bootstrap"), ("service ad", "service add"), ("servi", "service"), ("serve", "server"), ("server en", "server enable-tls"),
    ("service add prod --anc", "service add prod --anchor"),
    ("service show pro", "service show prod-db"), ("service remove pro", "service remove prod-db"),
    ("service add x --anchor comp", "service add x --anchor company"), ("bootstrap --fing", "bootstrap --fingerprint"),
    ("bootstrap --name comp", "bootstrap --name company"), ("enable --ld", "enable --ld-so-preload"), ("disable --keep", "disable --keep-going"),
    ("status --js", "status --json"), ("log --file aud", "log --file audit.log"), ("run --req", "run --require"), ("explain --js", "explain --json"),
    ("completion ba", "completion bash"), ("onb", "onboard"), ("onboard acm", "onboard acme.profile"), ("onboard --sha", "onboard --sha256"), ("profile acm", "profile acme.profile"),
    ("prob", "probe"), ("probe pro", "probe prod-db"), ("doctor --fi", "doctor --fix"), ("service harden pro", "service harden prod-db"),
    ("cert ren", "cert renew"), ("ca local ser", "ca local serve"), ("cert issue --provi", "cert issue --provisioner"), ("cert status cli", "cert status client"),
    ("help servi", "help service"), ("help service ad", "help service add"), ("vers", "version")]


@pytest.fixture
def furnished(home, stepca, pganchor):
    """A home with a service, an anchor, and a file."""
    done = home.pganchor("bootstrap", "--ca-url", stepca.url, "--fingerprint", stepca.fingerprint, "--name", "company")
    assert done.returncode == 0, done.stderr
    write(home, "[prod-db]\nhost=db.example.com\nsslmode=verify-full\n")
    (home / ".config/pganchor/certs.conf").write_text("[client]\ncertificate = /c\nkey = /k\n")
    for name in ("audit.log", "acme.profile"):
        (home / name).write_text("")
    return home


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_keys(furnished, pganchor, shell):
    (furnished / "completion").write_text(furnished.pganchor("completion", shell).stdout)
    answers = [(r"\$ |% |# ", FUNCTION[shell])]
    answers += [("ready> ", f"pganchor {words}\t") for words, _ in TYPED] + [("ready> ", "exit")]
    done = furnished.run_tty(SHELLS[shell], answers, env={"PATH": f"{pganchor.binary.parent}:/usr/bin:/bin", "TERM": "dumb"})
    said = [re.findall(r"<([^>]*)>", line) for line in done.output.splitlines() if line.startswith("GOT:")]
    assert said == [meant.split() for _, meant in TYPED], done.output


def test_fish(furnished, pganchor):
    (furnished / "completion").write_text(furnished.pganchor("completion", "fish").stdout)
    for words, meant in TYPED:
        done = furnished.run(["fish", "--no-config", "-c", "source ~/completion; complete -C $argv[1]", f"pganchor {words}"],
                             env={"PATH": f"{pganchor.binary.parent}:/usr/bin:/bin"})
        assert [line.split("\t")[0] for line in done.stdout.splitlines()] == [meant.split()[-1]], (words, done.stdout, done.stderr)


HOSTILE = ["$(touch pwned)", "$(touch${IFS}pwned)", "`touch pwned`", "x;touch pwned", "<(touch pwned)", "{a,$(touch pwned)}"]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("printed", [True, False], ids=["the program's", "another's"])
def test_a_name_is_not_executed(home, pganchor, shell, printed):
    """Of an entry, in a file that others may have written; and whatever else is printed as a name."""
    (home / "completion").write_text(home.pganchor("completion", shell).stdout)
    write(home, "".join(f"[{name}]\nhost=a\n" for name in [*HOSTILE, "prod-db"]))
    (home / "bin").mkdir()
    if not printed:
        (home / "names").write_text("\n".join([*HOSTILE, "prod-db"]) + "\n")
        (home / "bin/pganchor").write_text(f'#!/bin/sh\ncat "{home}/names"\n')
        (home / "bin/pganchor").chmod(0o755)
    env = {"PATH": f"{home}/bin:{pganchor.binary.parent}:/usr/bin:/bin", "TERM": "dumb"}
    if shell == "fish":
        done = home.run(["fish", "--no-config", "-c", "source ~/completion; complete -C 'pganchor service show '"], env=env)
        assert "prod-db" in done.stdout
    elif shell == "bash":
        done = home.run(["bash", "--norc", "-c", 'source ~/completion; COMP_WORDS=(pganchor service show ""); COMP_CWORD=3; _pganchor; '
                         'printf "%s\\n" "${COMPREPLY[@]}"'], env=env)
        assert "prod-db" in done.stdout.splitlines()
    else:
        answers = [(r"\$ |% |# ", 'PROMPT="ready> "; unsetopt beep; autoload -U compinit; compinit -u -D; source ~/completion'),
                   ("ready> ", "pganchor service show \t\x15pganchor service show pro\t"), ("ready> ", "exit")]
        assert "prod-db" in home.run_tty(SHELLS["zsh"], answers, env=env).output
    assert not (home / "pwned").exists()


@pytest.mark.parametrize("words", [[], ["tcsh"], ["bash", "zsh"]])
def test_other_words_are_usage_errors(home, words):
    done = home.pganchor("completion", *words)
    assert done.returncode == 2 and done.stdout == "" and "pganchor: completion: " in done.stderr


@pytest.mark.parametrize("shell", SHELLS)
def test_the_installed_one_is_what_the_program_prints(home, pganchor, shell):
    names = {"bash": "bash-completion/completions/pganchor", "zsh": "zsh/site-functions/_pganchor",
             "fish": "fish/vendor_completions.d/pganchor.fish"}
    assert (pganchor.prefix / "share" / names[shell]).read_text() == home.pganchor("completion", shell).stdout
    if shell == "bash":
        assert subprocess.run(["bash", "-n", pganchor.prefix / "share" / names[shell]]).returncode == 0


def test_what_cannot_be_read_has_no_names(home):
    """A completion says nothing on the terminal in the middle of a line."""
    (home / ".config/pganchor").mkdir(parents=True)
    (home / ".config/pganchor/anchors.conf").write_text("nonsense\n")
    for words in ("services", "anchors", "certs"):
        done = home.pganchor("completion", words)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_names_of_certificates(home):
    (home / ".config/pganchor").mkdir(parents=True)
    (home / ".config/pganchor/certs.conf").write_text("[client]\ncertificate = /c\nkey = /k\n\n[db]\ncertificate = /d\nkey = /e\n")
    assert home.pganchor("completion", "certs").stdout == "client\ndb\n"
