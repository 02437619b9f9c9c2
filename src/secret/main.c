/* pganchor-secret: asks the keyring for others, so that no program of a user's has libsecret and
 * its threads in it. What it is asked, and what it answers, is in protocol.h. */
#include "secret/keyring.h"
#include "secret/limit.h"
#include "secret/protocol.h"
#include "secret/request.h"

#include "base/file.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* No core dump, and nobody but root may look into the memory. */
static void hide(void)
{
	const struct rlimit none = {0, 0};

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* By other variables GLib writes what it does to standard output, or loads modules. */
static void keep_of_environment(void)
{
	static const char *const needed[] = {"DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "HOME"};
	char *kept[G_N_ELEMENTS(needed)];

	for (size_t i = 0; i < G_N_ELEMENTS(needed); i++)
		kept[i] = g_strdup(getenv(needed[i]));
	(void)clearenv();
	for (size_t i = 0; i < G_N_ELEMENTS(needed); i++) {
		if (kept[i] != NULL)
			(void)setenv(needed[i], kept[i], 1);
		g_free(kept[i]);
	}
}

/* What libraries have to say to each other: standard error has one line, and that is ours. */
static void be_quiet(const gchar *domain, GLogLevelFlags level, const gchar *message,
		     gpointer context)
{
	(void)domain;
	(void)level;
	(void)message;
	(void)context;
}

static enum pga_secret_status print(const char *bytes, size_t length, struct pga_error *error)
{
	if (pga_write_all(STDOUT_FILENO, bytes, length) == 0)
		return PGA_SECRET_DONE;
	(void)pga_fail_errno(error, NULL, "could not write to standard output");
	return PGA_SECRET_FAILED;
}

static enum pga_secret_status get(const struct pga_keyring *keyring,
				  const struct pga_request *request, struct pga_error *error)
{
	SecretValue *value;
	enum pga_secret_status status =
	    pga_keyring_get(keyring, &request->entries[0], &value, error);

	if (status == PGA_SECRET_DONE) {
		gsize length;
		const char *secret = secret_value_get(value, &length);

		status = print(secret, length, error);
		secret_value_unref(value);
	}
	return status;
}

/* One line of a password file, in memory that is kept out of swap. */
static struct {
	char bytes[16 * 1024] __attribute__((aligned(4096)));
	size_t length;
	bool failed; /* it is too long, or holds what a line cannot */
} line;

static void add(char byte)
{
	line.failed |= line.length == sizeof line.bytes;
	if (!line.failed)
		line.bytes[line.length++] = byte;
}

/* As passwordFromFile() of libpq reads it. */
static void add_escaped(const char *bytes, size_t length, char end)
{
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] == ':' || bytes[i] == '\\')
			add('\\');
		line.failed |= bytes[i] == '\0' || bytes[i] == '\n' || bytes[i] == '\r';
		add(bytes[i]);
	}
	add(end);
}

static enum pga_secret_status print_line(const struct pga_password_entry *entry, SecretValue *value,
					 struct pga_error *error)
{
	enum pga_secret_status status = PGA_SECRET_FAILED;
	gsize length;
	const char *secret = secret_value_get(value, &length);

	for (enum pga_secret_word word = 0; word < PGA_SECRET_FILE; word++)
		add_escaped(entry->words[word], strlen(entry->words[word]), ':');
	add_escaped(secret, length, '\n');
	if (line.failed)
		(void)pga_fail(error, NULL, "the item is none that libpq's password file can hold");
	else
		status = print(line.bytes, line.length, error);
	explicit_bzero(&line, sizeof line);
	return status;
}

static enum pga_secret_status passfile(const struct pga_keyring *keyring,
				       const struct pga_request *request, struct pga_error *error)
{
	bool all = true;

	(void)mlock(&line, sizeof line);
	for (size_t i = 0; i < request->count; i++) {
		const struct pga_password_entry *entry = &request->entries[i];
		enum pga_secret_status status = PGA_SECRET_FAILED;
		SecretValue *value = NULL;

		if (entry->kind == PGA_SECRET_PASSWORD)
			status = pga_keyring_get(keyring, entry, &value, error);
		else
			(void)pga_fail(error, NULL, "passfile: not a password");
		if (status == PGA_SECRET_DONE)
			status = print_line(entry, value, error);
		if (value != NULL)
			secret_value_unref(value);
		all = all && status == PGA_SECRET_DONE;
		if (status != PGA_SECRET_DONE && status != PGA_SECRET_NONE)
			return status;
	}
	return all ? PGA_SECRET_DONE : PGA_SECRET_NONE;
}

static enum pga_secret_status set(const struct pga_keyring *keyring,
				  const struct pga_request *request, struct pga_error *error)
{
	if (strpbrk(request->secret, "\r\n") == NULL)
		return pga_keyring_set(keyring, &request->entries[0], request->secret, error);
	(void)pga_fail(error, NULL, "a password with a line end cannot be kept");
	return PGA_SECRET_FAILED;
}

static enum pga_secret_status clear(const struct pga_keyring *keyring,
				    const struct pga_request *request, struct pga_error *error)
{
	return pga_keyring_clear(keyring, &request->entries[0], error);
}

static enum pga_secret_status list(const struct pga_keyring *keyring,
				   const struct pga_request *request, struct pga_error *error)
{
	struct pga_text entries = PGA_TEXT_EMPTY;
	enum pga_secret_status status = pga_keyring_list(keyring, &entries, error);

	(void)request;
	if (status == PGA_SECRET_DONE)
		status = print(pga_text_string(&entries), entries.length, error);
	pga_text_free(&entries);
	return status;
}

static enum pga_secret_status state(const struct pga_keyring *keyring,
				    const struct pga_request *request, struct pga_error *error)
{
	(void)request;
	return pga_keyring_state(keyring, error);
}

static enum pga_secret_status unlock(const struct pga_keyring *keyring,
				     const struct pga_request *request, struct pga_error *error)
{
	(void)request;
	pga_limit_lift();
	return pga_keyring_unlock(keyring, error);
}

static enum pga_secret_status answer(const struct pga_request *request, struct pga_error *error)
{
	static enum pga_secret_status (*const verbs[PGA_REQUEST_VERBS])(
	    const struct pga_keyring *, const struct pga_request *, struct pga_error *) = {
	    [PGA_REQUEST_GET] = get,       [PGA_REQUEST_PASSFILE] = passfile,
	    [PGA_REQUEST_SET] = set,       [PGA_REQUEST_CLEAR] = clear,
	    [PGA_REQUEST_LIST] = list,     [PGA_REQUEST_STATE] = state,
	    [PGA_REQUEST_UNLOCK] = unlock,
	};
	struct pga_keyring keyring;
	const long limit =
	    request->verb == PGA_REQUEST_PASSFILE ? PGA_SECRET_LIMIT : PGA_SECRET_PATIENCE;
	enum pga_secret_status status;

	pga_limit_last_resort(limit);
	status = pga_keyring_open(&keyring, pga_limit_start(limit), error);

	if (status == PGA_SECRET_DONE)
		status = verbs[request->verb](&keyring, request, error);
	pga_keyring_close(&keyring);
	return status;
}

int main(int argc, char **argv)
{
	static struct pga_request request;
	enum pga_secret_status status = PGA_SECRET_FAILED;
	struct pga_error error;

	(void)argv;
	hide();
	pga_limit_last_resort(PGA_SECRET_LIMIT);
	keep_of_environment();
	(void)g_log_set_default_handler(be_quiet, NULL);
	if (argc > 1)
		(void)pga_fail(&error, NULL, "a program of pganchor's own, which takes no words");
	else if (pga_request_read(&request, &error) == 0)
		status = answer(&request, &error);
	pga_request_forget(&request);
	if (status != PGA_SECRET_DONE)
		(void)fprintf(stderr, "%s: %s\n", PGA_SECRET_PROGRAM, error.message);
	return (int)status;
}
