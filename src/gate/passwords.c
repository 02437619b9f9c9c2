#include "gate/passwords.h"

#include "base/paths.h"
#include "base/printable.h"
#include "base/signals.h"
#include "gate/keyring.h"
#include "gate/notice.h"
#include "policy/hostlist.h"
#include "policy/release.h"
#include "policy/secrets.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define KEPT_FOR 60 /* seconds that an answer of the keyring is good for */
#define LEFT_FOR 30 /* seconds that a keyring is left alone which did not answer */

/* ---- what the process keeps of the keyring's answers ---- */

/* On pages that no child inherits, no core dump has, and no swap, as far as the limits allow. Zeros
 * are PTHREAD_MUTEX_INITIALIZER. */
struct kept {
	pthread_mutex_t mutex;
	time_t left_until; /* CLOCK_MONOTONIC, as all here */
	enum pga_secret_status left_for;
	time_t good_until;
	size_t request_length;
	size_t lines_length;
	char request[24 * 1024];
	char lines[32 * 1024]; /* of a password file */
};

static _Atomic(struct kept *) kept;

static struct kept *pages(void)
{
	struct kept *there = atomic_load(&kept);
	struct kept *made;

	if (there != NULL)
		return there;
	made = mmap(NULL, sizeof *made, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (made == MAP_FAILED)
		return NULL;
	/* Without the first, a child would have the password, and the lock of a thread that it has
	 * not. */
	if (madvise(made, sizeof *made, MADV_WIPEONFORK) == 0) {
		(void)madvise(made, sizeof *made, MADV_DONTDUMP);
		(void)mlock(made, sizeof *made);
		if (atomic_compare_exchange_strong(&kept, &there, made))
			return made;
	}
	(void)munmap(made, sizeof *made);
	return there;
}

static time_t now(void)
{
	struct timespec moment;

	(void)clock_gettime(CLOCK_MONOTONIC, &moment);
	return moment.tv_sec;
}

static bool is_kept(const struct kept *own, const struct pga_text *request)
{
	return own->lines_length > 0 && now() < own->good_until &&
	       own->request_length == request->length &&
	       memcmp(own->request, request->bytes, request->length) == 0;
}

/* Asks the keyring, and keeps what it says. */
static enum pga_secret_status ask(struct kept *own, const struct pga_text *request)
{
	const int answer = memfd_create("pganchor", MFD_CLOEXEC);
	enum pga_secret_status status = PGA_SECRET_FAILED;
	ssize_t length;

	if (answer < 0)
		return status;
	status = gate_keyring_ask(request, answer);
	/* Without one of several, the others' lines are there. */
	length = status == PGA_SECRET_DONE || status == PGA_SECRET_NONE
		     ? pread(answer, own->lines, sizeof own->lines, 0)
		     : 0;
	(void)close(answer);
	own->lines_length = length > 0 ? (size_t)length : 0;
	own->request_length = request->length;
	memcpy(own->request, request->bytes, request->length);
	own->good_until = now() + KEPT_FOR;
	if (own->lines_length == sizeof own->lines)
		status = PGA_SECRET_FAILED;
	if (own->lines_length > 0 && status == PGA_SECRET_NONE)
		status = PGA_SECRET_DONE;
	if (status != PGA_SECRET_DONE)
		explicit_bzero(own->lines, sizeof own->lines);
	if (status != PGA_SECRET_DONE)
		own->lines_length = 0;
	return status;
}

static enum pga_secret_status look(struct kept *own, const struct pga_text *request)
{
	enum pga_secret_status status;

	if (request->failed || request->length > sizeof own->request)
		return PGA_SECRET_FAILED;
	if (is_kept(own, request))
		return PGA_SECRET_DONE;
	if (now() < own->left_until)
		return own->left_for;
	status = ask(own, request);
	if (status == PGA_SECRET_ABSENT || status == PGA_SECRET_LATE ||
	    status == PGA_SECRET_FAILED) {
		own->left_until = now() + LEFT_FOR;
		own->left_for = status;
	}
	return status;
}

/* ---- whose password, and whether it may go ---- */

/* Which entries a connection is about, by their index. */
struct wanted {
	bool *entries;
	size_t count;
	const char *host; /* the first that has one: libpq's own, as it stands in a list */
	size_t host_length;
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
		const enum pga_release release =
		    pga_release_to(&rules->policy, &rules->pins, pga_host_label(host));
		const struct pga_password_entry *entry =
		    pga_password_for(&rules->passwords, pga_host_label(host), host->port,
				     dbname != NULL ? dbname : "", user != NULL ? user : "");

		if (wanted->release == PGA_RELEASE)
			wanted->release = release;
		if (entry == NULL)
			continue;
		wanted->entries[entry - rules->passwords.entries] = true;
		if (wanted->count++ == 0)
			wanted->host = pga_host_label(host);
	}
	wanted->hosts = hosts->count;
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

static void tell(unsigned reason, const char *host, const char *why, const char *hint)
{
	struct pga_text line = PGA_TEXT_EMPTY;

	if ((atomic_fetch_or(&told, 1U << reason) & 1U << reason) != 0)
		return;
	pga_text_add(&line, "pganchor: the password that the keyring has for ");
	pga_text_add_printable(&line, host, "");
	pga_text_addf(&line, " was not used: %s", why);
	if (hint[0] != '\0')
		pga_text_addf(&line, "\n    %s", hint);
	if (!line.failed)
		gate_notice(pga_text_string(&line));
	pga_text_free(&line);
}

static void tell_status(enum pga_secret_status status, const char *host)
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
	};

	tell((unsigned)status, host, texts[status].why, texts[status].hint);
}

static void tell_release(enum pga_release release, const char *host)
{
	tell(8U + (unsigned)release, host, pga_release_reason(release), pga_release_hint(release));
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

/* Between the two nothing of the program's runs in this thread: it could ask for the lock. */
static enum pga_secret_status make(const struct pga_text *request, const char *before,
				   bool several_hosts, struct gate_passfile *passfile)
{
	struct kept *own = pages();
	enum pga_secret_status status;
	int cancellation;
	sigset_t signals;

	if (own == NULL)
		return PGA_SECRET_FAILED;
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancellation);
	pga_block_signals(&signals);
	(void)pthread_mutex_lock(&own->mutex);
	status = look(own, request);
	/* Of one host alone, libpq has found nothing in the file. */
	if (status == PGA_SECRET_DONE &&
	    !gate_passfile_write(passfile, own->lines, own->lines_length, before, several_hosts))
		status = PGA_SECRET_FAILED;
	(void)pthread_mutex_unlock(&own->mutex);
	pga_restore_signals(&signals);
	(void)pthread_setcancelstate(cancellation, NULL);
	return status;
}

static void make_wanted(const struct gate_libpq *libpq, const struct gate_rules *rules,
			const struct pga_parameters *parameters, const struct wanted *wanted,
			struct gate_passfile *passfile)
{
	struct pga_text request = PGA_TEXT_EMPTY;
	enum pga_secret_status status;
	char *before = NULL;

	if (has_one(libpq, parameters, &before)) {
		free(before);
		return;
	}
	if (wanted->release != PGA_RELEASE) {
		tell_release(wanted->release, wanted->host);
	} else {
		write_request(&rules->passwords, wanted, &request);
		status = make(&request, before, wanted->hosts > 1, passfile);
		if (status != PGA_SECRET_DONE)
			tell_status(status, wanted->host);
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

void gate_passwords_hand_over(const struct gate_libpq *libpq, const struct gate_rules *rules,
			      const struct pga_parameters *parameters,
			      const struct pga_effective *effective, struct gate_passfile *passfile)
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
		if (wanted.count > 0 && is_the_users_own(rules))
			make_wanted(libpq, rules, parameters, &wanted, passfile);
	}
	pga_hosts_free(&hosts);
	free(wanted.entries);
	errno = saved;
}
