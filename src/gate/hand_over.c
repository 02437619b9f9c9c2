#include "gate/hand_over.h"

#include "base/paths.h"
#include "base/printable.h"
#include "gate/answers.h"
#include "gate/keyring.h"
#include "gate/notice.h"
#include "gate/passphrase.h"
#include "gate/refusal.h"
#include "policy/hostlist.h"
#include "policy/release.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- whose password, and whether it may go ---- */

/* Which entries a connection is about, by their index. */
struct wanted {
	bool *entries;
	size_t count;
	const char *host; /* the first that has one: libpq's own, as it stands in a list */
	size_t hosts;
	enum pga_release release;
};

static void want(const struct gate_rules *rules, const struct pga_hosts *hosts,
		 const struct pga_effective *effective, struct wanted *wanted)
{
	const char *dbname = pga_effective_value(effective, "dbname");
	const char *user = pga_effective_value(effective, "user");

	for (size_t i = 0; i < hosts->count; i++) {
		const struct pga_host *host = &hosts->items[i];
		const struct pga_password_entry *entry =
		    pga_password_for(&rules->passwords, pga_host_label(host), host->port,
				     dbname != NULL ? dbname : "", user != NULL ? user : "");

		if (entry == NULL)
			continue;
		wanted->entries[entry - rules->passwords.entries] = true;
		if (wanted->count++ == 0)
			wanted->host = pga_host_label(host);
	}
	wanted->hosts = hosts->count;
	wanted->release = pga_release_to_all(&rules->policy, &rules->pins, effective);
}

static void add_field(struct pga_text *request, const char *field)
{
	pga_text_add_bytes(request, field, strlen(field) + 1);
}

/* In the order of the entries: the first that fits is the first of all of them that does. */
static void write_request(const struct pga_passwords *passwords, const struct wanted *wanted,
			  struct pga_text *request)
{
	add_field(request, "passfile");
	for (size_t i = 0; i < passwords->count; i++) {
		if (!wanted->entries[i])
			continue;
		add_field(request, pga_secret_kind_name(passwords->entries[i].kind));
		for (enum pga_secret_word word = 0; word < PGA_SECRET_WORDS; word++)
			if (passwords->entries[i].words[word] != NULL)
				add_field(request, passwords->entries[i].words[word]);
	}
}

/* Whether libpq has a password of its own for the first host, or refuses the parameters; else *file
 * is the password file that it uses, which the caller frees. */
static bool has_one(const struct gate_libpq *libpq, const struct pga_parameters *parameters,
		    char **file)
{
	PGconn *probe =
	    pga_effective_failed(&libpq->calls, parameters, "target_session_attrs", PGA_PROBE);
	struct pga_effective effective = {0};
	const char *path;
	bool has = true;

	if (probe == NULL)
		return true;
	if (strstr(libpq->calls.PQerrorMessage(probe), PGA_PROBE) != NULL &&
	    pga_effective_of(&libpq->calls, probe, &effective) == 0) {
		path = pga_effective_value(&effective, "passfile");
		*file = strdup(path != NULL ? path : "");
		has = *file == NULL || path == NULL || libpq->PQpass(probe)[0] != '\0';
	}
	pga_effective_free(&libpq->calls, &effective);
	libpq->calls.PQfinish(probe);
	return has;
}

/* ---- what the user is told ---- */

static atomic_uint told; /* a bit for each reason */

/* what: "password", of a host; "passphrase", of a file. */
static void tell(unsigned reason, const char *what, const char *of, const char *why,
		 const char *hint)
{
	struct pga_text line = PGA_TEXT_EMPTY;

	if ((atomic_fetch_or(&told, 1U << reason) & 1U << reason) != 0)
		return;
	pga_text_addf(&line, "pganchor: the %s that the keyring has for ", what);
	pga_text_add_printable(&line, of, "");
	pga_text_addf(&line, " was not used: %s", why);
	if (hint[0] != '\0')
		pga_text_addf(&line, "\n    %s", hint);
	if (!line.failed)
		gate_notice(pga_text_string(&line));
	pga_text_free(&line);
}

static void tell_status(enum pga_secret_status status, const char *what, const char *of)
{
	static const struct {
		char why[64];
		char hint[64];
	} texts[] = {
	    [PGA_SECRET_NONE] = {"it is not in it any more", "pganchor password list"},
	    [PGA_SECRET_LOCKED] = {"it is locked", "pganchor password unlock"},
	    [PGA_SECRET_ABSENT] = {"it cannot be reached in this session",
				   "pganchor password list says why"},
	    [PGA_SECRET_LATE] = {"it has not answered in time", "pganchor password list"},
	    [PGA_SECRET_FAILED] = {"it could not be asked", "pganchor password list says why"},
	    [GATE_NOT_ASKED] = {"this process could not ask for it (a limit, or a sandbox)", ""},
	};

	tell((unsigned)status + (what[4] == 'w' ? 0U : 16U), what, of, texts[status].why,
	     texts[status].hint);
}

static void tell_release(enum pga_release release, const char *host)
{
	tell(8U + (unsigned)release, "password", host, pga_release_reason(release),
	     pga_release_hint(release));
}

static void tell_broken(const struct gate_rules *rules)
{
	struct pga_text line = PGA_TEXT_EMPTY;

	if ((atomic_fetch_or(&told, 1U << 31) & 1U << 31) != 0)
		return;
	pga_text_add(&line, "pganchor: no password of the keyring is used: ");
	pga_text_add_printable(&line, rules->passwords_error.message, "");
	if (!line.failed)
		gate_notice(pga_text_string(&line));
	pga_text_free(&line);
}

/* ---- all of it ---- */

struct handover {
	const char *before; /* the password file whose place it takes */
	bool several_hosts;
	struct gate_passfile *passfile;
};

/* Of one host alone, libpq has found nothing in the file. */
static bool hand(const char *lines, size_t length, void *context)
{
	const struct handover *handover = context;

	return gate_passfile_write(handover->passfile, lines, length, handover->before,
				   handover->several_hosts);
}

/* The passphrase of a key goes to nobody; but who is not to have a password is to have no login. */
static void prepare_key(struct gate_libpq *libpq, const struct gate_rules *rules,
			const struct pga_effective *effective)
{
	enum pga_secret_status status = gate_passphrase_prepare(libpq, rules, effective);
	const char *key = pga_effective_value(effective, "sslkey");

	if (status != PGA_SECRET_DONE)
		tell_status(status, "passphrase",
			    key != NULL && key[0] != '\0' ? key : "~/.postgresql/postgresql.key");
}

static void make_wanted(const struct gate_libpq *libpq, const struct gate_rules *rules,
			const struct pga_parameters *parameters, const struct wanted *wanted,
			bool held, struct gate_passfile *passfile)
{
	struct handover handover = {NULL, wanted->hosts > 1, passfile};
	struct pga_text request = PGA_TEXT_EMPTY;
	enum pga_secret_status status;
	char *before = NULL;

	if (has_one(libpq, parameters, &before)) {
		free(before);
		return;
	}
	if (wanted->release != PGA_RELEASE) {
		tell_release(wanted->release, wanted->host);
	} else if (held) {
		write_request(&rules->passwords, wanted, &request);
		handover.before = before;
		status = gate_answer_use(&request, hand, &handover);
		if (status != PGA_SECRET_DONE)
			tell_status(status, "password", wanted->host);
	}
	pga_text_free(&request);
	free(before);
}

/* The keyring is that of the user who has started the process, and of nobody whose power it has. */
static bool is_the_users_own(const struct gate_rules *rules)
{
	return !pga_is_secure_execution() && getuid() == geteuid() &&
	       !gate_rules_are_of_another_root(rules);
}

void gate_passwords_hand_over(struct gate_libpq *libpq, const struct gate_rules *rules,
			      const struct pga_parameters *parameters,
			      const struct pga_effective *effective, bool held,
			      struct gate_passfile *passfile)
{
	const int saved = errno;
	struct wanted wanted = {.release = PGA_RELEASE};
	struct pga_hosts hosts = {0};
	struct pga_error error;

	if (rules->passwords_broken)
		tell_broken(rules);
	if (rules->passwords_broken || rules->passwords.count == 0)
		return;
	wanted.entries = calloc(rules->passwords.count, sizeof *wanted.entries);
	if (wanted.entries != NULL &&
	    pga_hosts_split(pga_effective_value(effective, "host"),
			    pga_effective_value(effective, "hostaddr"),
			    pga_effective_value(effective, "port"), &hosts, &error) == 0) {
		want(rules, &hosts, effective, &wanted);
		if (is_the_users_own(rules) && held && wanted.release == PGA_RELEASE)
			prepare_key(libpq, rules, effective);
		if (is_the_users_own(rules) && wanted.count > 0)
			make_wanted(libpq, rules, parameters, &wanted, held, passfile);
	}
	pga_hosts_free(&hosts);
	free(wanted.entries);
	errno = saved;
}

void gate_passwords_look_back(struct gate_libpq *libpq, PGconn *conn)
{
	struct pga_effective effective = {0};

	/* libpq names the file, pgpassfileWarning(): which no user can look into. */
	if (conn == NULL || libpq->calls.PQstatus(conn) != CONNECTION_BAD ||
	    strstr(libpq->calls.PQerrorMessage(conn), "/proc/self/fd/") == NULL)
		return;
	if (pga_effective_of(&libpq->calls, conn, &effective) == 0 &&
	    gate_passfile_is_in(&effective)) {
		gate_answers_forget();
		gate_add_note(
		    libpq, conn,
		    "pganchor: that file had the keyring's answer; \"pganchor password set "
		    "HOST\" keeps another password");
	}
	pga_effective_free(&libpq->calls, &effective);
}
