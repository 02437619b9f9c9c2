/* The new certificate in the place of the old, and back. */
#include "cert/renewing.h"

#include "base/file.h"

#include <string.h>
#include <sys/stat.h>

/* A new key gets what the old one has: its owner, and its mode. Its bytes are there to be brought
 * back: as OpenSSL would write it, it need not be what somebody has put there. */
int pga_renewing_describe(struct renewing *renewing, struct pga_error *error)
{
	struct stat status;

	renewing->files = (struct pga_pair_files){.certificate = renewing->record->certificate,
						  .key = renewing->record->key,
						  .key_mode = 0600};
	if (renewing->key == NULL)
		return 0;
	if (stat(renewing->record->key, &status) != 0)
		return pga_fail_errno(error, NULL, "%s", renewing->record->key);
	renewing->files.key_mode = status.st_mode & 0777;
	renewing->files.owned = true;
	renewing->files.owner = status.st_uid;
	renewing->files.group = status.st_gid;
	return pga_file_read(renewing->record->key, &renewing->old_key, NULL, error);
}

/* Returns 1 where somebody else has renewed it while the CA was asked. */
int pga_renewing_place(struct renewing *renewing, struct pga_error *error)
{
	return pga_pair_replace(&renewing->files, &renewing->state.pem, &renewing->chain,
				renewing->key != NULL ? &renewing->key_pem : NULL, error);
}

/* The old pair as it was; what uses it is told once more. Adds to why what did not work. */
void pga_renewing_take_back(struct renewing *renewing, struct pga_error *why)
{
	struct pga_error told = *why;
	struct pga_error error;
	const int result =
	    pga_pair_replace(&renewing->files, &renewing->chain, &renewing->state.pem,
			     renewing->key != NULL ? &renewing->old_key : NULL, &error);

	renewing->renewal->taken_back = result == 0;
	if (result != 0)
		renewing->renewal->ends[0] = '\0';
	if (result > 0) {
		(void)pga_fail(why, told.hint,
			       "%s; and somebody else has changed it meanwhile, which stays",
			       told.message);
		return;
	}
	if (result != 0) {
		(void)pga_fail(why, told.hint, "%s; and the old one could not be brought back: %s",
			       told.message, error.message);
		return;
	}
	if (pga_reload_is_any(&renewing->reload) && pga_reload_do(&renewing->reload, &error) < 0)
		(void)pga_fail(why, told.hint, "%s (the old one is back, but %s)", told.message,
			       strcmp(error.message, told.message) == 0
				   ? "what uses it was not told"
				   : error.message);
}

/* One look beforehand: of a server that does not run nothing can be proved, and its files are to be
 * in date when it starts. */
void pga_renewing_look(struct renewing *renewing)
{
	struct pga_error ignored;

	if (renewing->reload.prove == NULL || renewing->reload.prove[0] == '\0')
		return;
	renewing->was_shown = pga_reload_answers(&renewing->reload, &ignored);
}

/* Returns -1 with the reason where what uses it was not told, or the server that is to does not
 * show it. */
int pga_renewing_tell(struct renewing *renewing, struct pga_error *why)
{
	struct pga_renewal *renewal = renewing->renewal;
	const bool to_prove = renewing->reload.prove != NULL && renewing->reload.prove[0] != '\0';

	if (pga_reload_is_any(&renewing->reload)) {
		const int done = pga_reload_do(&renewing->reload, why);

		/* What does not run starts with the new one; but a server that answers runs, and
		 * the file is another's. */
		if (done < 0 || (done > 0 && renewing->was_shown))
			return -1;
		renewal->reloaded = done == 0;
		if (done > 0)
			renewal->not_proved = *why;
	}
	if (!to_prove)
		return 0;
	renewal->proved = pga_reload_prove(&renewing->reload, renewing->leaf,
					   renewing->was_shown ? PGA_RELOAD_SECONDS : 0, why) == 0;
	if (renewal->proved || renewing->was_shown)
		return renewal->proved ? 0 : -1;
	renewal->not_proved = *why;
	return 0;
}
