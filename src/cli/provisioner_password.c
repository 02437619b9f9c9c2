#include "cli/provisioner_password.h"

#include "base/file.h"
#include "base/shell_word.h"
#include "base/terminal.h"
#include "ca/url.h"
#include "cli/hidden_answer.h"
#include "password/ask_keyring.h"
#include "password/index.h"
#include "policy/passwords.h"

#include <openssl/crypto.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIES 3

/* Of what comes by a pipe: a token has a few hundred bytes. */
#define LONGEST 65536

static void warn_of_readers(const char *file, const struct stat *status)
{
	if (S_ISREG(status->st_mode) && (status->st_mode & (S_IRWXG | S_IRWXO)) != 0)
		pga_print_warning("%s: others may read it (mode %04o)\n    chmod 600 it", file,
				  (unsigned)status->st_mode & 07777U);
}

/* A pipe, such as a shell's <(pass show ca), says no more than a line; nor is more of it kept. */
static int read_pipe(int pipe, const char *file, struct pga_text *bytes, struct pga_error *error)
{
	char buffer[4096];
	ssize_t got;

	while ((got = read(pipe, buffer, sizeof buffer)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return pga_fail_errno(error, NULL, "could not read %s", file);
		if (bytes->length + (size_t)got > LONGEST) {
			OPENSSL_cleanse(buffer, sizeof buffer);
			return pga_fail(error, NULL, "%s: longer than %d bytes", file, LONGEST);
		}
		pga_text_add_bytes(bytes, buffer, (size_t)got);
	}
	OPENSSL_cleanse(buffer, sizeof buffer);
	return bytes->failed ? pga_fail_memory(error) : 0;
}

static int read_file(const char *file, struct pga_text *bytes, struct pga_error *error)
{
	struct stat status;
	int pipe;
	int result;

	if (stat(file, &status) != 0 || !S_ISFIFO(status.st_mode)) {
		result = pga_file_read(file, bytes, NULL, error);
		if (result == 0 && stat(file, &status) == 0)
			warn_of_readers(file, &status);
		return result;
	}
	pipe = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (pipe < 0)
		return pga_fail_errno(error, NULL, "could not open %s", file);
	result = read_pipe(pipe, file, bytes, error);
	(void)close(pipe);
	return result;
}

static int read_terminal(const char *what, struct pga_text *text, struct pga_error *error)
{
	struct pga_secret secret;
	int result = pga_hidden_answer(&secret, what, true, error);

	if (result == 0)
		pga_text_add_bytes(text, secret.bytes, secret.length);
	pga_secret_end(&secret);
	return result == 0 && text->failed ? pga_fail_memory(error) : result;
}

int pga_read_secret_line(const char *file, const char *what, struct pga_text *text,
			 struct pga_error *error)
{
	struct pga_text bytes = PGA_TEXT_EMPTY;
	const bool is_input = strcmp(file, "-") == 0;
	const char *line;
	int result = -1;

	if (is_input && isatty(STDIN_FILENO))
		return read_terminal(what, text, error);
	if ((is_input ? read_pipe(STDIN_FILENO, "standard input", &bytes, error)
		      : read_file(file, &bytes, error)) == 0) {
		line = pga_text_string(&bytes);
		pga_text_add_bytes(text, line, strcspn(line, "\r\n"));
		result = text->failed       ? pga_fail_memory(error)
			 : text->length > 0 ? 0
					    : pga_fail(error, NULL,
						       "%s: the first line is empty: %s is "
						       "to be there",
						       is_input ? "standard input" : file, what);
	}
	pga_text_wipe(&bytes);
	return result;
}

static int unlock_by_file(struct pga_issuer *issuer, const char *file, struct pga_error *error)
{
	struct pga_text password = PGA_TEXT_EMPTY;
	bool wrong = false;
	int result = pga_read_secret_line(file, "a password", &password, error);

	if (result == 0)
		result = pga_issuer_unlock(issuer, pga_text_string(&password), password.length,
					   &wrong, error);
	if (result != 0 && wrong)
		(void)pga_fail(error, "nothing was changed, and the CA was not asked",
			       "%s: not the password of provisioner %s",
			       strcmp(file, "-") == 0 ? "standard input" : file,
			       issuer->provisioner->name);
	pga_text_wipe(&password);
	return result;
}

/* The port of an address that pga_ca_url_read() has made. */
static char *port_of(const char *url)
{
	const char *end = url + strlen("https://");
	const char *colon;
	size_t length;

	end += strcspn(end, "/");
	for (colon = end; colon[-1] >= '0' && colon[-1] <= '9'; colon--)
		;
	length = (size_t)(end - colon);
	return length > 0 && colon[-1] == ':' ? strndup(colon, length) : strdup("443");
}

/* What the keyring knows it by: the CA's host and port, and the provisioner for the user. */
struct known_by {
	struct pga_ca_url url;
	char *port;
};

static int find_names(const struct pga_issuer *issuer, struct known_by *by, struct pga_error *error)
{
	memset(by, 0, sizeof *by);
	if (pga_ca_url_read(&by->url, issuer->authority.url, error) != 0)
		return -1;
	by->port = port_of(by->url.url);
	return by->port != NULL ? 0 : pga_fail_memory(error);
}

static void free_names(struct known_by *by)
{
	free(by->port);
	pga_ca_url_free(&by->url);
}

/* *entry is of the index; NULL where there is none. */
static int find_entry(const struct pga_issuer *issuer, const struct pga_passwords *index,
		      const struct pga_password_entry **entry, struct pga_error *error)
{
	struct known_by by;
	int result = find_names(issuer, &by, error);

	*entry = result == 0
		     ? pga_password_for(index, by.url.host, by.port, "", issuer->provisioner->name)
		     : NULL;
	free_names(&by);
	return result;
}

/* Adds "pganchor password set HOST:PORT -U PROVISIONER". */
static void add_command(const struct pga_issuer *issuer, struct pga_text *text)
{
	struct pga_text where = PGA_TEXT_EMPTY;
	struct pga_error ignored;
	struct known_by by;

	pga_text_add(text, "pganchor password set ");
	if (find_names(issuer, &by, &ignored) == 0)
		pga_text_addf(&where, strchr(by.url.host, ':') != NULL ? "[%s]:%s" : "%s:%s",
			      by.url.host, by.port);
	pga_text_add_shell_word(text, pga_text_string(&where));
	pga_text_add(text, " -U ");
	pga_text_add_shell_word(text, issuer->provisioner->name);
	pga_text_free(&where);
	free_names(&by);
}

/* *done: the keyring has unlocked it. What the keyring does not have is no error. */
static int unlock_by_keyring(struct pga_issuer *issuer, bool *done, struct pga_error *error)
{
	const struct pga_password_entry *entry = NULL;
	struct pga_passwords index;
	struct pga_secret secret = {NULL, 0};
	struct pga_error why;
	bool wrong = false;
	int result = -1;

	if (pga_index_read(&index, error) != 0 || find_entry(issuer, &index, &entry, error) != 0)
		goto done;
	result = 0;
	if (entry == NULL)
		goto done;
	if (pga_ask_keyring_get(entry, &secret, &why) != PGA_SECRET_DONE) {
		pga_print_warning("%s", why.message);
		goto done;
	}
	*done = pga_issuer_unlock(issuer, secret.bytes, secret.length, &wrong, &why) == 0;
	if (wrong)
		pga_print_warning("the password that the keyring has is not that of provisioner %s",
				  issuer->provisioner->name);
	else if (!*done)
		result = pga_fail(error, why.hint, "%s", why.message);
done:
	pga_secret_end(&secret);
	pga_passwords_free(&index);
	return result;
}

static int fail_without_terminal(const struct pga_issuer *issuer, struct pga_error *error)
{
	struct pga_text hint = PGA_TEXT_EMPTY;

	pga_text_add(&hint, "give it: --password-file FILE (or -, for standard input), or have the "
			    "keyring keep it: ");
	add_command(issuer, &hint);
	(void)pga_fail(error, pga_text_string(&hint),
		       "the password of provisioner %s is wanted, and there is no terminal to ask "
		       "on",
		       issuer->provisioner->name);
	pga_text_free(&hint);
	return -1;
}

static int unlock_by_person(struct pga_issuer *issuer, struct pga_error *error)
{
	struct pga_text what = PGA_TEXT_EMPTY;
	bool wrong = true;
	int result = -1;

	if (!isatty(STDIN_FILENO))
		return fail_without_terminal(issuer, error);
	pga_text_addf(&what, "Password of provisioner %s", issuer->provisioner->name);
	for (int i = 0; i < TRIES && wrong && result != 0; i++) {
		struct pga_secret secret;

		if (i > 0)
			pga_print(stderr, "that is not it\n");
		wrong = false;
		if (pga_hidden_answer(&secret, pga_text_string(&what), true, error) == 0)
			result =
			    pga_issuer_unlock(issuer, secret.bytes, secret.length, &wrong, error);
		pga_secret_end(&secret);
	}
	pga_text_free(&what);
	return result;
}

int pga_unlock_issuer(struct pga_issuer *issuer, const char *file, struct pga_error *error)
{
	bool done = false;

	if (file != NULL)
		return unlock_by_file(issuer, file, error);
	if (unlock_by_keyring(issuer, &done, error) != 0)
		return -1;
	return done ? 0 : unlock_by_person(issuer, error);
}
