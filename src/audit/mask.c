/* What a server tells may hold secrets in many places: all of it comes through here before it is
 * kept. */
#include "audit/mask.h"

#include "policy/secrets.h"
#include "server/hba_shown.h"

#include <string.h>

/* What it tells of each LDAP rule, and is no option: a line that has it is refused, and with it the
 * file. */
static const char written_by_the_view[] = "ldapscope=";

/* A word of pg_hba.conf, in quotes where it would be another word, or more than one, without. */
void pga_audit_add_word(struct pga_text *text, const char *word)
{
	const bool quoted = word[0] == '\0' || word[strcspn(word, " \t\r\n\",#")] != '\0';

	if (!quoted) {
		pga_text_add(text, word);
		return;
	}
	pga_text_add(text, "\"");
	for (; *word != '\0'; word++)
		pga_text_addf(text, *word == '"' ? "\"%c" : "%c", *word);
	pga_text_add(text, "\"");
}

void pga_audit_mask_option(struct pga_text *text, const char *option)
{
	const char *equals = strchr(option, '=');
	const size_t length = equals != NULL ? (size_t)(equals - option) : 0;
	struct pga_text masked = PGA_TEXT_EMPTY;

	if (strncmp(option, written_by_the_view, strlen(written_by_the_view)) == 0)
		return;
	if (equals == NULL) {
		pga_text_add(text, PGA_MASK);
		return;
	}
	pga_text_add_bytes(text, option, length + 1);
	if (!pga_hba_option_is_open(option, length)) {
		pga_text_add(text, equals[1] != '\0' ? PGA_MASK : "");
		return;
	}
	pga_text_add_masked(&masked, equals + 1);
	pga_audit_add_word(text, pga_text_string(&masked));
	text->failed = text->failed || masked.failed;
	pga_text_free(&masked);
}

void pga_audit_mask_setting(struct pga_text *text, const char *name, const char *value)
{
	const bool command = strcmp(name, "ssl_passphrase_command") == 0;
	/* ":" and "@" are of OpenSSL's language. */
	const bool list = strcmp(name, "ssl_ciphers") == 0 ||
			  strcmp(name, "ssl_tls13_ciphers") == 0 || strcmp(name, "ssl_groups") == 0;

	if (list)
		pga_text_add(text, value);
	else if (command && value[0] != '\0')
		pga_text_add(text, PGA_MASK);
	else
		pga_text_add_masked(text, value);
}
