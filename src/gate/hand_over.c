#include "gate/hand_over.h"

#include "base/paths.h"
#include "gate/answers.h"
#include "gate/passphrase.h"
#include "gate/refusal.h"
#include "gate/wanted.h"
#include "gate/withheld.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

static enum pga_secret_status ask(const struct gate_rules *rules, const struct gate_wanted *wanted,
				  bool (*use)(const char *bytes, size_t length, void *context),
				  void *context)
{
	struct pga_text request = PGA_TEXT_EMPTY;
	enum pga_secret_status status;

	gate_wanted_add_request(rules, wanted, &request);
	status = gate_answer_use(&request, use, context);
	pga_text_free(&request);
	return status;
}

/* The passphrase of a key goes to nobody; but who is not to have a password is to have no login. */
static void prepare_key(struct gate_libpq *libpq, const struct gate_rules *rules,
			const struct pga_effective *effective)
{
	const char *key = pga_effective_value(effective, "sslkey");
	const struct gate_withheld withheld = {
	    .passphrase = true,
	    .of = key != NULL && key[0] != '\0' ? key : "~/.postgresql/postgresql.key",
	    .status = gate_passphrase_prepare(libpq, rules, effective),
	};

	if (withheld.status != PGA_SECRET_DONE)
		gate_withheld_tell(&withheld);
}

static void hand_wanted(const struct gate_libpq *libpq, const struct gate_rules *rules,
			const struct pga_parameters *parameters, const struct gate_wanted *wanted,
			bool held, struct gate_passfile *passfile)
{
	struct handover handover = {NULL, wanted->hosts.count > 1, passfile};
	struct gate_withheld withheld = {.of = wanted->host, .release = wanted->release};
	char *before = NULL;

	if (!has_one(libpq, parameters, &before)) {
		handover.before = before;
		if (wanted->release == PGA_RELEASE && held)
			withheld.status = ask(rules, wanted, hand, &handover);
		if (wanted->release != PGA_RELEASE || withheld.status != PGA_SECRET_DONE)
			gate_withheld_tell(&withheld);
	}
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
	struct gate_wanted wanted;

	if (rules->passwords_broken)
		gate_withheld_tell_broken(rules);
	if (rules->passwords_broken || rules->passwords.count == 0 || !is_the_users_own(rules))
		return;
	gate_wanted_find(rules, effective, &wanted);
	if (held && wanted.release == PGA_RELEASE)
		prepare_key(libpq, rules, effective);
	if (wanted.count > 0)
		hand_wanted(libpq, rules, parameters, &wanted, held, passfile);
	gate_wanted_free(&wanted);
	errno = saved;
}

static bool nothing(const char *lines, size_t length, void *context)
{
	(void)lines;
	(void)length;
	(void)context;
	return true;
}

/* A program without a terminal shows its user this alone. */
static void note_withheld(const struct gate_rules *rules, const struct gate_wanted *wanted,
			  struct pga_text *note)
{
	struct gate_withheld withheld = {.of = wanted->host, .release = wanted->release};

	if (withheld.release == PGA_RELEASE)
		withheld.status = ask(rules, wanted, nothing, NULL);
	if (withheld.release == PGA_RELEASE && withheld.status == PGA_SECRET_DONE)
		return;
	pga_text_add(note, "    ");
	gate_withheld_add(note, &withheld, "        ");
	pga_text_add(note, "\n");
}

static void note_refused(const struct gate_wanted *wanted, struct pga_text *note)
{
	gate_answers_forget();
	pga_text_add(note, "    pganchor: that file had the keyring's answer; if the password was "
			   "changed: pganchor password set ");
	pga_password_entry_add_words(note, wanted->entry);
	pga_text_add(note, "\n");
}

void gate_passwords_look_back(struct gate_libpq *libpq, PGconn *conn)
{
	struct pga_effective effective = {0};
	const struct gate_rules *rules;
	struct gate_wanted wanted;
	struct pga_text note = PGA_TEXT_EMPTY;
	const char *said;
	bool refused;

	if (conn == NULL || libpq->calls.PQstatus(conn) != CONNECTION_BAD)
		return;
	/* The file that pgpassfileWarning() names, and no user can look into; and
	 * PQnoPasswordSupplied, which libpq does not translate. */
	said = libpq->calls.PQerrorMessage(conn);
	refused = strstr(said, "/proc/self/fd/") != NULL;
	if (!refused && strstr(said, "no password supplied") == NULL)
		return;
	rules = gate_rules_acquire_to_log_in();
	if (rules != NULL && !rules->broken && is_the_users_own(rules) &&
	    pga_effective_of(&libpq->calls, conn, &effective) == 0) {
		gate_wanted_find(rules, &effective, &wanted);
		if (wanted.count > 0 && !refused)
			note_withheld(rules, &wanted, &note);
		else if (wanted.count > 0 && gate_passfile_is_in(&effective))
			note_refused(&wanted, &note);
		gate_wanted_free(&wanted);
	}
	if (note.length > 0 && !note.failed)
		gate_add_note(libpq, conn, pga_text_string(&note));
	pga_text_free(&note);
	pga_effective_free(&libpq->calls, &effective);
	gate_rules_release(rules);
}
