#!/usr/bin/python3
"""Whether the fuzzer by verdict would find a rule that is gone: tests/fuzz/mutations.py [--cases N] [--root DIRECTORY] [NAME...].

Takes one thing out of a copy of the gate after the other, builds the module, and tells after how many cases verdict.c sees it.
--root: in this root directory of another Debian (chroot), for a libpq of its own. Exit status 1 when one is not found.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import verdicts

TOP = verdicts.HERE.parent.parent

# name: (file, what stands there, what is put in its place, the oldest libpq that shows it)
MUTATIONS = {
    "hostaddr does not count": ("policy/hostlist.c", ".addresses = whole(hostaddr),", ".addresses = whole(NULL),", 15),
    "the first host alone is judged": ("policy/verdict.c", "while (pga_hostlist_next(&hosts, &host)) {\n\t\tif (host.local)",
                                       "if (pga_hostlist_next(&hosts, &host)) {\n\t\tif (host.local)", 15),
    "an empty host is no socket": ("policy/hostlist.c", "(host->name.length == 0 || host->name.bytes[0] == '/'", "(host->name.bytes[0] == '/'", 15),
    "empty hosts are passed over": ("policy/hostlist.c", "\tcomma = memchr(", "\tfor (; list->length > 0 && list->bytes[0] == ','; list->length--)\n\t\tlist->bytes++;\n\tcomma = memchr(", 15),
    "@ is no socket": ("policy/hostlist.c", "host->name.bytes[0] == '@')", "false)", 15),
    "a name counts before its address": ("policy/verdict.c", "host->address.length > 0 ? host->address : host->name", "host->name.length > 0 ? host->name : host->address", 15),
    "verify-ca is enough": ("policy/verdict.c", 'strcmp(value_of(judged->effective, "sslmode"), "verify-full") != 0', 'strncmp(value_of(judged->effective, "sslmode"), "verify-", 7) != 0', 15),
    "no sslmode is weak": ("policy/verdict.c", '"is weaker than verify-full"', "NULL", 15),
    "gssencmode=require is fine": ("policy/verdict.c", "strcmp(mode, \"disable\") == 0)", "strcmp(mode, \"prefer\") != 0)", 15),
    "gssencmode=prefer is fine": ("policy/verdict.c", "judged->verdict->lock_gss = true;", "", 15),
    "ssl_min_protocol_version is not locked": ("policy/verdict.c", "judged->verdict->lock_min_tls = true;", ";", 15),
    "TLSv1.2 where the policy wants 1.3": ("policy/verdict.c", "return policy->min_tls == PGA_TLS_1_2 && ", "return ", 15),
    "TLSv1.1 is strong": ("policy/verdict.c", 'strcasecmp(version, "TLSv1.2") == 0', '(strcasecmp(version, "TLSv1.2") == 0 || strcasecmp(version, "TLSv1.1") == 0)', 15),
    "ssl_max_protocol_version does not count": ("policy/verdict.c", "if (maximum[0] == '\\0' ||", "if (true || maximum[0] == '\\0' ||", 15),
    "sslrootcert=system is fine": ("policy/verdict.c", "judged->policy->public_ca == PGA_REFUSE", "(false && judged->policy->public_ca == PGA_REFUSE)", 16),
    "sslkeylogfile is fine": ("policy/verdict.c", '"sslkeylogfile"', '"sslkeylogfiles"', 18),
    "oauth_ca_file is fine": ("policy/verdict.c", '"oauth_ca_file"', '"oauth_ca_files"', 19),
    "oauth_ca_file is fine on a socket": ("policy/verdict.c", "(verdict->local && ", '(verdict->local && strcmp(#setting, "oauth_ca_file") != 0 && ', 19),
    "PGOAUTHDEBUG is fine": ("policy/effective.c", 'static const char unsafe[] = "UNSAFE";', 'static const char unsafe[] = "INSECURE";', 18),
    "PGOAUTHDEBUG with a list is fine": ("policy/effective.c", "|| said[strlen(unsafe)] == ':')", ")", 18),
    "sockets are always allowed": ("policy/verdict.c", "judged->policy->unix_socket != PGA_ALLOW", "(false && judged->policy->unix_socket != PGA_ALLOW)", 15),
    "direct TLS is refused": ("policy/verdict.c", "#define JUDGE(",
                              '\tif (verdict->needs_tls && strcmp(value_of(effective, "sslnegotiation"), "direct") == 0)\n\t\tverdict->allowed = false;\n#define JUDGE(', 17),
    "one list is enough to exempt": ("policy/policy.c", "if (!pga_host_set_has(&policy->allow_weak[i], host))\n\t\t\treturn false;\n\treturn policy->allow_weak_count > 0;",
                                     "if (pga_host_set_has(&policy->allow_weak[i], host))\n\t\t\treturn true;\n\treturn false;", 15),
    "the weaker value wins": ("policy/policy.c", "value->meaning < reading->chosen[key]", "value->meaning > reading->chosen[key]", 15),
    "the system's policy is not read": ("policy/policy.c", "pga_system_files_read(&policy->systems", "false && pga_system_files_read(&policy->systems", 15),
    "the user's policy is not read": ("policy/policy.c", "take_users(&reading, error) != 0)", "(false && take_users(&reading, error) != 0))", 15),
    "a word that is no value is passed over": ("policy/policy.c", 'return fail_at(error, path, line->number, "not a value of this key", said(line));', "return 0;", 15),
    "*.x is x too": ("base/host.c", "\telse if (is_suffix(pattern, length))\n", "\telse if (is_suffix(pattern, length) && (set->names[set->name_count++] = (struct pga_host_name){pattern + 2, length - 2}, true))\n", 15),
    "*.x is nobody": ("base/host.c", "(struct pga_host_name){pattern + 1, length - 1}", "(struct pga_host_name){pattern + 2, length - 2}", 15),
    "patterns mind letters' case": ("base/text.c", "char pga_lower(char c)\n{\n", "char pga_lower(char c)\n{\n\treturn c;\n", 15),
    "a dot at the end counts": ("base/host.c", "return length > 0 && name[length - 1] == '.' ?", "return false && length > 0 && name[length - 1] == '.' ?", 15),
    "a system's policy that others write": ("policy/system_files.c", "return pga_check_ownership(path, reading->installer, reading->stake, error);", "return 0;", 15),
    "dbname is not expanded when asking": ("policy/effective.c", "parameters->expand_dbname);\n\t}\n\tfree(keywords);", "0);\n\t}\n\tfree(keywords);", 15),
    "PGSSLMODE is not seen": ("policy/ask_libpq.c", "\treturn read_probe(libpq, parameters, pga_effective_begin(libpq, parameters, added),\n\t\t\t  effective, error);",
                              "\tchar *mode = getenv(\"PGSSLMODE\") != NULL ? strdup(getenv(\"PGSSLMODE\")) : NULL;\n\t(void)unsetenv(\"PGSSLMODE\");\n\tint answer = read_probe(libpq, parameters, pga_effective_begin(libpq, parameters, added), effective, error);\n"
                              "\tif (mode != NULL)\n\t\t(void)setenv(\"PGSSLMODE\", mode, 1);\n\tfree(mode);\n\treturn answer;", 15),
    "PGSERVICE is not seen": ("policy/ask_libpq.c", "\treturn read_probe(libpq, parameters, pga_effective_begin(libpq, parameters, added),\n\t\t\t  effective, error);",
                              "\tchar *mode = getenv(\"PGSERVICE\") != NULL ? strdup(getenv(\"PGSERVICE\")) : NULL;\n\t(void)unsetenv(\"PGSERVICE\");\n\tint answer = read_probe(libpq, parameters, pga_effective_begin(libpq, parameters, added), effective, error);\n"
                              "\tif (mode != NULL)\n\t\t(void)setenv(\"PGSERVICE\", mode, 1);\n\tfree(mode);\n\treturn answer;", 15),
    "a service's second value wins": ("policy/ask_libpq.c", "\tstatic const char *const added[PGA_ADDED][2] = {{\"target_session_attrs\", PGA_PROBE},\n\t\t\t\t\t\t\t{\"password\", \"-\"}};",
                                      "\tstatic const char *const added[PGA_ADDED][2] = {{\"target_session_attrs\", PGA_PROBE},\n\t\t\t\t\t\t    {\"service\", \"strong\"}};", 15),
    "what is weak is admitted": ("gate/connect.c", "decision->admitted = judgement.admitted;", "decision->admitted = true;", 15),
    "gssencmode=disable is not appended": ("gate/connect.c", 'add_lock(decision, "gssencmode", "disable");', ";", 15),
    "ssl_min_protocol_version is not appended": ("gate/connect.c", "\tif (verdict->lock_min_tls)\n", "\tif (false)\n", 15),
    "sockets are not locked": ("gate/connect.c", "\t\thold_socket(libpq, judgement, decision);\n", "\t\t(void)hold_socket;\n", 15),
    "gssencmode is not locked on sockets": ("gate/connect.c", 'if (strcmp(gss, "prefer") == 0)', 'if (false && strcmp(gss, "prefer") == 0)', 15),
    "a lock too many: channel_binding": ("gate/connect.c", 'add_lock(decision, "sslmode", "verify-full");', 'add_lock(decision, "channel_binding", "require");', 15),
    "locks before the caller's settings": ("gate/connect.c", "(*keywords)[count + i] = decision->locks[i][0];\n\t\t(*values)[count + i] = decision->locks[i][1];",
                                           "memmove(*keywords + 1, *keywords, (count + i) * sizeof **keywords);\n\t\tmemmove(*values + 1, *values, (count + i) * sizeof **values);\n\t\t(*keywords)[0] = decision->locks[i][0];\n\t\t(*values)[0] = decision->locks[i][1];", 15),
    "a refused object can live": ("gate/connect.c", '"refused-by-pganchor"', '"any"', 15),
    "PQsetdbLogin forgets the host": ("gate/connect.c", "{dbName, pghost, pgport,", "{dbName, NULL, pgport,", 15),
    "PQsetdbLogin forgets the options": ("gate/connect.c", "pghost, pgport, pgoptions, login,", "pghost, pgport, NULL, login,", 15),
    "an empty string is a dbname": ("gate/connect.c", "conninfo != NULL && strchr(conninfo, '=') != NULL;", "conninfo != NULL;", 15),
    "a ping is not refused": ("gate/connect.c", "\tif (!decision.admitted) {\n", "\tif (false) {\n", 15),
    "PQconnectPoll is open": ("gate/connect_poll.c", "\treturn judgement.admitted;\n}", "\treturn true;\n}", 15),
    "PQconnectPoll is thought to lock": ("gate/connect_poll.c", "gate_judge(libpq, rules, NULL, GATE_BEGUN, &judgement);", "gate_judge(libpq, rules, NULL, GATE_BEFORE, &judgement);", 15),
    "a policy that cannot be read is none": ("gate/judge.c", "if (rules->broken) {", "if (false && rules->broken) {", 15),
    "audit tells nobody": ("gate/connect.c", "\tif (decision->admitted && !judgement.verdict.allowed)\n", "\tif (false)\n", 15),
    "audit mode refuses": ("gate/judge.c", "judgement->admitted = rules->policy.mode == PGA_MODE_AUDIT;", "", 15),
    "audit mode locks": ("gate/connect.c", "if (decision->admitted && !audit)", "if (decision->admitted)", 15),
    "a policy is read once": ("gate/rules.c", "if (snapshot != NULL &&\n\t    (is_fresh(snapshot, with_passwords) || is_from_another_root(snapshot)))", "if (snapshot != NULL)", 15),
    "exempt hosts are looked at": ("gate/session.c", "if (!strict && pga_host_is_exempt(effective, &rules->policy, host))", "if (false && pga_host_is_exempt(effective, &rules->policy, host))", 15),
    "one reason alone is told": ("policy/verdict.c", "\tif (what == NULL)\n", "\tif (what == NULL || verdict->reasons > 0)\n", 15),
}


class Gate:
    """A copy of the sources whose module can be built anew with one file changed."""

    def __init__(self, directory):
        self.directory = directory
        shutil.copytree(TOP / "src", directory / "src")
        shutil.copytree(TOP / "include", directory / "include")
        listed = subprocess.run([verdicts.HERE / "sources.sh", "BASE", "POLICY", "GATE"], check=True, capture_output=True, text=True).stdout
        self.sources = [*listed.split(), "src/gate/dl_wrappers.c"]
        flags = subprocess.run(["pkg-config", "--cflags", "libpq"], check=True, capture_output=True, text=True).stdout.split()
        self.flags = ["-O1", "-fPIC", "-D_GNU_SOURCE", '-DPACKAGE_VERSION="0"', '-DSYSCONFDIR="/nowhere/etc"', '-DPKGLIBDIR="/nowhere"',
                      '-DPKGLIBEXECDIR="/nowhere"', '-DPG_SYSCONFDIR="/nowhere"', "-w", "-fvisibility=hidden", f"-I{directory}/src", f"-I{directory}/include", *flags]
        for source in self.sources:
            self.compile(source)

    def compile(self, source):
        subprocess.run(["gcc", *self.flags, "-c", self.directory / source, "-o", self.object(source)], check=True)

    def object(self, source):
        return self.directory / (source.replace("/", "_") + ".o")

    def module(self):
        module = self.directory / "pganchor-gate.so"
        subprocess.run(["gcc", "-shared", "-nostartfiles", "-Wl,-z,nodelete", f"-Wl,--version-script={TOP}/src/gate/gate.map", "-o", module,
                        *[self.object(source) for source in self.sources]], check=True)
        return module

    def mutated(self, name):
        """The module with this mutation; the sources are as before then."""
        file, old, new, _ = MUTATIONS[name]
        path = self.directory / "src" / file
        text = path.read_text()
        if text.count(old) < 1:
            raise SystemExit(f"mutations.py: {name}: src/{file} does not have it any more: {old}")
        path.write_text(text.replace(old, new))
        try:
            self.compile(f"src/{file}")
            return self.module()
        finally:
            path.write_text(text)

    def heal(self, name):
        self.compile(f"src/{MUTATIONS[name][0]}")


def run(options, program, module):
    return verdicts.run(program, module, options.cases, options.seed, root=options.root)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=200000)
    parser.add_argument("--seed", type=int, default=verdicts.new_seed())
    parser.add_argument("--root")
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    missed = 0
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="pga-mutations-") as name:
        program = verdicts.build(name)
        gate = Gate(Path(name))
        sound = run(options, program, gate.module())
        if sound.returncode != 0:
            raise SystemExit(f"without a mutation:\n{sound.stdout}{sound.stderr}")
        libpq = int(re.search(r"libpq (\d+)", sound.stdout)[1]) // 10000
        for name in options.names or MUTATIONS:
            if MUTATIONS[name][3] > libpq:
                continue
            done = run(options, program, gate.mutated(name))
            gate.heal(name)
            found = re.search(r"found in case (\d+)", done.stdout)
            if found:
                print(f"{name}: found in case {found[1]}: {done.stdout.splitlines()[1]}", flush=True)
            elif done.returncode < 0:
                print(f"{name}: found: died of signal {-done.returncode}", flush=True)
            else:
                missed += 1
                print(f"{name}: NOT FOUND in {options.cases} cases {done.stderr[-300:] if done.returncode else ''}", flush=True)
    print(f"{missed} not found")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
