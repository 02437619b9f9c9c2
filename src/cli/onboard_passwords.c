/* The passwords of a profile's services: asked for on the terminal, tried on the server, and kept
 * in the keyring. */
#include "cli/onboarding.h"

#include "base/terminal.h"
#include "cli/cmd_password.h"
#include "cli/hidden_answer.h"
#include "password/ask_keyring.h"
#include "password/index.h"
#include "password/keep.h"
#include "password/log_in.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRIES 3

const char *pga_onboard_password_word(enum pga_onboard_password password)
{
	static const char *const words[] = {
	    [PGA_ONBOARD_NO_PASSWORD] = "-",       [PGA_ONBOARD_KEPT] = "kept",
	    [PGA_ONBOARD_THERE] = "in keyring",    [PGA_ONBOARD_NOT_WANTED] = "not needed",
	    [PGA_ONBOARD_SKIPPED] = "not asked",   [PGA_ONBOARD_REFUSED] = "refused",
	    [PGA_ONBOARD_NOT_ASKED] = "not asked", [PGA_ONBOARD_MISSING] = "missing",
	};

	return words[password];
}

/* The profile may have come through standard input. Returns what has to be given back; -1: nothing
 * was taken. */
static int take_terminal(void)
{
	int kept;
	int terminal;

	if (isatty(STDIN_FILENO) != 0)
		return -1;
	terminal = open("/dev/tty", O_RDWR | O_CLOEXEC);
	if (terminal < 0)
		return -1;
	kept = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	(void)dup2(terminal, STDIN_FILENO);
	(void)close(terminal);
	return kept;
}

static void give_back(int kept)
{
	if (kept < 0)
		return;
	(void)dup2(kept, STDIN_FILENO);
	(void)close(kept);
}

static int type(struct pga_secret *secret, const char *name, struct pga_error *error)
{
	struct pga_text what = PGA_TEXT_EMPTY;
	const int kept = take_terminal();
	int result = -1;

	pga_text_addf(&what, "Password of %s", name);
	if (isatty(STDIN_FILENO) == 0)
		(void)pga_fail(error, NULL, "there is no terminal to ask on");
	else
		/* It is tried: once is enough. */
		result = pga_hidden_answer(secret, pga_text_string(&what), true, error);
	pga_text_free(&what);
	give_back(kept);
	return result;
}

/* What was typed is let in, or typed again. */
static enum pga_onboard_password ask(const char *service, const struct pga_password_entry *entry,
				     const char *name)
{
	struct pga_error error;

	for (int tries = 0; tries < TRIES; tries++) {
		struct pga_secret secret = {NULL, 0};
		enum pga_login login = PGA_LOGIN_FAILED;
		bool kept = false;

		if (type(&secret, name, &error) != 0) {
			pga_secret_end(&secret);
			pga_print_warning("service %s: %s", service, error.message);
			return PGA_ONBOARD_SKIPPED;
		}
		login = pga_log_in(service, &secret, &error);
		if (login == PGA_LOGIN_DONE)
			kept = pga_password_keep(entry, &secret, &error) == PGA_SECRET_DONE;
		pga_secret_end(&secret);
		if (kept)
			return PGA_ONBOARD_KEPT;
		pga_print_warning("service %s: %s", service, error.message);
		if (login != PGA_LOGIN_WRONG)
			return login == PGA_LOGIN_DONE ? PGA_ONBOARD_SKIPPED : PGA_ONBOARD_REFUSED;
	}
	return PGA_ONBOARD_REFUSED;
}

static bool is_there(const struct pga_passwords *index, const struct pga_password_entry *entry)
{
	for (size_t i = 0; i < index->count; i++)
		if (index->entries[i].kind == PGA_SECRET_PASSWORD &&
		    pga_password_entry_covers(&index->entries[i], entry))
			return true;
	return false;
}

static enum pga_onboard_password of_service(struct pga_onboarding *onboarding,
					    const struct pga_apply_service *service,
					    const struct pga_checked_service *server,
					    const struct pga_passwords *index)
{
	const struct pga_asked_password asked = {.where = service->name, .service = true};
	const bool expected = service->from->password == PGA_PROFILE_PASSWORD_KEYRING;
	struct pga_password_entry entry;
	struct pga_text name = PGA_TEXT_EMPTY;
	struct pga_error error;
	enum pga_onboard_password became = PGA_ONBOARD_SKIPPED;

	if (pga_password_entry_of(&asked, &entry, &error) != 0)
		pga_print_warning("service %s: %s", service->name, error.message);
	else if (is_there(index, &entry))
		became = PGA_ONBOARD_THERE;
	else if (expected)
		became = PGA_ONBOARD_MISSING;
	else if (!server->verified || !server->trusted || service->state != PGA_ENTRY_ALLOWED)
		became = PGA_ONBOARD_NOT_ASKED;
	else if (onboarding->why_skipped.length > 0)
		became = PGA_ONBOARD_SKIPPED;
	else if (pga_log_in(service->name, NULL, &error) == PGA_LOGIN_DONE)
		became = PGA_ONBOARD_NOT_WANTED;
	else {
		pga_password_describe(&entry, &name);
		became = ask(service->name, &entry, pga_text_string(&name));
	}
	pga_text_free(&name);
	pga_password_entry_end(&entry);
	return became;
}

/* Why nobody is asked; asked of the keyring once. */
static void look_around(struct pga_onboarding *onboarding)
{
	struct pga_text *why = &onboarding->why_skipped;
	struct pga_error error;
	const int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC);

	pga_text_free(why);
	if (terminal < 0)
		pga_text_add(why, "there is no terminal to ask on");
	else if (pga_ask_keyring_state(&error) != PGA_SECRET_DONE)
		pga_text_add(why, error.message);
	if (terminal >= 0)
		(void)close(terminal);
}

static bool wants(const struct pga_apply_service *service)
{
	return service->from != NULL && service->from->password != PGA_PROFILE_PASSWORD_NONE;
}

int pga_onboard_passwords(struct pga_onboarding *onboarding, struct pga_onboard_profile *profile,
			  struct pga_error *error)
{
	const struct pga_application *application = &profile->application;
	bool looked = false;

	profile->passwords = calloc(application->service_count + 1, sizeof *profile->passwords);
	if (profile->passwords == NULL)
		return pga_fail_memory(error);
	for (size_t i = 0; i < application->service_count; i++) {
		const struct pga_apply_service *service = &application->services[i];
		struct pga_passwords index;

		if (!wants(service))
			continue;
		if (!looked)
			look_around(onboarding);
		looked = true;
		/* Each time: the one before may be for this one, too. */
		if (pga_index_read(&index, error) != 0) {
			pga_passwords_free(&index);
			return -1;
		}
		profile->passwords[i] =
		    of_service(onboarding, service, &profile->servers[i], &index);
		pga_passwords_free(&index);
	}
	return 0;
}
