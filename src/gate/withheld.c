#include "gate/withheld.h"

#include "base/printable.h"
#include "gate/keyring.h"
#include "gate/notice.h"

#include <stdatomic.h>

/* A bit for each reason. */
static atomic_uint told;

enum { OF_RELEASES = 8, OF_PASSPHRASES = 16, OF_THE_INDEX = 31 };

static bool is_new(unsigned reason)
{
	return (atomic_fetch_or(&told, 1U << reason) & 1U << reason) == 0;
}

void gate_withheld_add(struct pga_text *text, const struct gate_withheld *withheld,
		       const char *blanks)
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
	const bool kept = withheld->release != PGA_RELEASE;
	const char *why =
	    kept ? pga_release_reason(withheld->release) : texts[withheld->status].why;
	const char *hint =
	    kept ? pga_release_hint(withheld->release) : texts[withheld->status].hint;

	pga_text_addf(text, "pganchor: the %s that the keyring has for ",
		      withheld->passphrase ? "passphrase" : "password");
	pga_text_add_printable(text, withheld->of, "");
	pga_text_addf(text, " was not used: %s", why);
	if (hint[0] != '\0')
		pga_text_addf(text, "\n%s%s", blanks, hint);
}

void gate_withheld_tell(const struct gate_withheld *withheld)
{
	struct pga_text line = PGA_TEXT_EMPTY;
	const unsigned reason = withheld->release != PGA_RELEASE
				    ? OF_RELEASES + (unsigned)withheld->release
				    : (unsigned)withheld->status;

	if (!is_new(reason + (withheld->passphrase ? OF_PASSPHRASES : 0U)))
		return;
	gate_withheld_add(&line, withheld, "    ");
	if (!line.failed)
		gate_notice(pga_text_string(&line));
	pga_text_free(&line);
}

void gate_withheld_tell_broken(const struct gate_rules *rules)
{
	struct pga_text line = PGA_TEXT_EMPTY;

	if (!is_new(OF_THE_INDEX))
		return;
	pga_text_add(&line, "pganchor: no password of the keyring is used: ");
	pga_text_add_printable(&line, rules->passwords_error.message, "");
	if (!line.failed)
		gate_notice(pga_text_string(&line));
	pga_text_free(&line);
}
