#include "server/copy_plan.h"

#include "base/shell_word.h"
#include "base/text.h"
#include "cert/record.h"

#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* That the copy is nobody else's to read changes nothing about the key that it was made of. */
static void warn_of_others(struct pga_server_plan *plan, const char *key)
{
	struct pga_text word = PGA_TEXT_EMPTY;
	struct stat status;

	if (stat(key, &status) != 0 || (status.st_mode & (S_IRGRP | S_IROTH)) == 0)
		return;
	pga_text_add_shell_word(&word, key);
	pga_plan_add(plan, PGA_PLAN_WARNING,
		     "%s: its mode is %04o, so %s who gets to this file can read the private key, "
		     "copied or not",
		     key, (unsigned)(status.st_mode & 07777),
		     (status.st_mode & S_IROTH) != 0 ? "everybody" : "everybody of its group");
	pga_plan_detail(plan,
			"chmod 0600 %s; where others had a way to it, have another pair issued: "
			"whoever has read this key can pass for the server",
			pga_text_string(&word));
	plan->failed = plan->failed || word.failed;
	pga_text_free(&word);
}

/* Whoever renews the pair knows of the files that it was copied from. */
static void warn_of_renewal(struct pga_server_work *work, const struct pga_server_wish *wish)
{
	const struct passwd *owner = getpwuid(work->target.cluster.owner);
	struct pga_cert_records records = {.count = 0};
	const struct pga_cert_record *known = NULL;
	struct pga_error ignored;

	if (pga_cert_records_read(&records, &ignored) == 0)
		known = pga_cert_record_of_file(&records, wish->certificate);
	if (known != NULL)
		pga_plan_add(&work->plan, PGA_PLAN_WARNING,
			     "%s: pganchor cert renew %s, and its timer, renew it there, and not "
			     "the copy: the server goes on showing this one until it ends",
			     wish->certificate, known->name);
	else
		pga_plan_add(&work->plan, PGA_PLAN_WARNING,
			     "%s: whoever renews it there does not renew the copy: the server goes "
			     "on showing this one until it ends",
			     wish->certificate);
	if (known != NULL && strcmp(known->way, PGA_CERT_WAY_LOCAL) == 0)
		pga_plan_detail(&work->plan,
				"run this again after each renewal; or, on this machine alone, "
				"pganchor ca local serve makes a pair that is renewed where the "
				"server has it");
	else
		pga_plan_detail(&work->plan,
				"run this again after each renewal; or have a pair that %s can use "
				"where it is (pganchor cert issue --for server --owner %s), which "
				"is renewed there, and loaded by --reload",
				owner != NULL ? owner->pw_name : "the server's user",
				owner != NULL ? owner->pw_name : "USER");
	pga_cert_records_free(&records);
}

int pga_server_plan_copy(struct pga_server_work *work, const struct pga_server_wish *wish,
			 const char *wanted[PGA_SET_COUNT], const char *why,
			 struct pga_error *error)
{
	struct pga_server_copy *copy = &work->copy;

	if (geteuid() == 0 && wish->linked_by_others)
		return pga_fail(error, "name the file that it leads to; nothing was changed",
				"%s: the server's user could not use it there, and what another "
				"user's symbolic link leads to is not copied for it",
				wish->key);
	if (pga_server_copy_begin(copy, wish->certificate, wish->key, work->expected, error) != 0)
		return -1;
	pga_plan_add(&work->plan, PGA_PLAN_WARNING,
		     "the server gets a copy of the pair, since it could not use it there: %s",
		     why);
	warn_of_others(&work->plan, wish->key);
	warn_of_renewal(work, wish);
	if (pga_server_settings_by_hand(&work->settings)) {
		pga_plan_add(&work->plan, PGA_PLAN_STEP,
			     "copy %s to %s in the data directory, and %s to %s: mode 0600, of its "
			     "owner",
			     wish->key, copy->names[PGA_PLACED_KEY], wish->certificate,
			     copy->names[PGA_PLACED_CERT]);
	} else {
		pga_plan_add(&work->plan, PGA_PLAN_STEP,
			     "write %s and %s in the data directory, mode 0600",
			     copy->names[PGA_PLACED_KEY], copy->names[PGA_PLACED_CERT]);
	}
	wanted[PGA_SET_CERT] = copy->names[PGA_PLACED_CERT];
	wanted[PGA_SET_KEY] = copy->names[PGA_PLACED_KEY];
	return 0;
}
