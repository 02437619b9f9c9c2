#include "gate/passphrase.h"

#include "base/paths.h"
#include "gate/answers.h"
#include "gate/call.h"
#include "gate/openssl.h"
#include "policy/release.h"

#include <stdlib.h>
#include <string.h>

/* libpq's default (USER_KEY_FILE) where the setting names none. The caller frees it. */
static char *key_of(const struct pga_effective *effective)
{
	const char *named = pga_effective_value(effective, "sslkey");
	struct pga_text path = PGA_TEXT_EMPTY;
	char *home;

	if (named != NULL && named[0] != '\0')
		return strdup(named);
	home = pga_home();
	if (home == NULL)
		return NULL;
	pga_text_addf(&path, "%s/.postgresql/postgresql.key", home);
	free(home);
	return pga_text_take(&path);
}

/* The program's own is what counts. */
static bool is_set(const struct pga_effective *effective)
{
	const char *own = pga_effective_value(effective, "sslpassword");

	return own == NULL || own[0] != '\0';
}

static const struct pga_password_entry *entry_of(const struct gate_rules *rules,
						 const struct pga_effective *effective)
{
	char *key = rules->passwords_broken || is_set(effective) ? NULL : key_of(effective);
	const struct pga_password_entry *entry =
	    key != NULL ? pga_passphrase_for(&rules->passwords, key) : NULL;

	free(key);
	return entry;
}

/* What OpenSSL wants to have filled. */
struct room {
	char *bytes;
	int size;
	int length; /* of what was put there; -1: nothing */
};

static bool put(const char *bytes, size_t length, void *context)
{
	struct room *room = context;

	if (room->bytes == NULL)
		return true;
	if (length > (size_t)room->size)
		return false;
	memcpy(room->bytes, bytes, length);
	room->length = (int)length;
	return true;
}

static enum pga_secret_status ask(const struct pga_password_entry *entry, struct room *room)
{
	struct pga_text request = PGA_TEXT_EMPTY;
	enum pga_secret_status status;

	pga_text_add_bytes(&request, "get", sizeof "get");
	pga_password_entry_add_fields(&request, entry);
	status = gate_answer_use(&request, put, room);
	pga_text_free(&request);
	return status;
}

/* What libpq does without a hook: the setting, or else OpenSSL's own question. */
static int as_without(struct gate_libpq *libpq, bool set, struct room *room, PGconn *conn)
{
	if (set)
		return libpq->PQdefaultSSLKeyPassHook_OpenSSL(room->bytes, room->size, conn);
	if (!gate_libpq_openssl(libpq) || libpq->PEM_def_callback == NULL)
		return 0;
	return libpq->PEM_def_callback(room->bytes, room->size, 0, NULL);
}

/* Called by OpenSSL, within a call of libpq: initialize_SSL() of its fe-secure-openssl.c. */
// NOLINTNEXTLINE(readability-non-const-parameter): libpq's type
static int give(char *buffer, int size, PGconn *conn)
{
	const struct gate_call *call = gate_call_current();
	struct room room = {buffer, size, -1};
	const struct pga_password_entry *entry = NULL;
	const struct gate_rules *rules;
	struct pga_effective effective;
	bool set = true;

	if (call == NULL || pga_effective_of(&call->libpq->calls, conn, &effective) != 0)
		return 0;
	rules = gate_rules_acquire();
	/* The hook is the process's, and there may be connections to others. */
	if (rules != NULL && !rules->broken &&
	    pga_release_to_all(&rules->policy, &rules->pins, &effective) == PGA_RELEASE)
		entry = entry_of(rules, &effective);
	if (entry != NULL)
		(void)ask(entry, &room);
	set = is_set(&effective);
	gate_rules_release(rules);
	pga_effective_free(&call->libpq->calls, &effective);
	return room.length >= 0 ? room.length : as_without(call->libpq, set, &room, conn);
}

enum pga_secret_status gate_passphrase_prepare(struct gate_libpq *libpq,
					       const struct gate_rules *rules,
					       const struct pga_effective *effective)
{
	const struct pga_password_entry *entry = entry_of(rules, effective);
	struct room nowhere = {NULL, 0, -1};
	PQsslKeyPassHook_OpenSSL_type hook;
	enum pga_secret_status status;

	if (entry == NULL || libpq->PQsetSSLKeyPassHook_OpenSSL == NULL ||
	    libpq->PQgetSSLKeyPassHook_OpenSSL == NULL ||
	    libpq->PQdefaultSSLKeyPassHook_OpenSSL == NULL)
		return PGA_SECRET_DONE;
	hook = libpq->PQgetSSLKeyPassHook_OpenSSL();
	if (hook != NULL && hook != give && hook != libpq->PQdefaultSSLKeyPassHook_OpenSSL)
		return PGA_SECRET_DONE;
	status = ask(entry, &nowhere);
	if (status == PGA_SECRET_DONE)
		libpq->PQsetSSLKeyPassHook_OpenSSL(give);
	return status;
}
