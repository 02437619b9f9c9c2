#include "policy/explain.h"

#include <string.h>

bool pga_setting_is_secret(const PQconninfoOption *option)
{
	static const char *const words[] = {"password", "secret", "scram_client_key",
					    "scram_server_key"};

	if (option->dispchar != NULL && option->dispchar[0] == '*')
		return true;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strstr(option->keyword, words[i]) != NULL)
			return true;
	return false;
}

const char *pga_setting_shown(const PQconninfoOption *option)
{
	if (option->val == NULL || option->val[0] == '\0')
		return "";
	return pga_setting_is_secret(option) ? "********" : option->val;
}

static void add_verdict(const struct pga_verdict *verdict, struct pga_text *text)
{
	pga_text_add(text, verdict->allowed ? "\nallowed" : "\nrefused");
	if (verdict->lock_gss)
		pga_text_add(text, "; the gate locks gssencmode=disable");
	if (verdict->lock_min_tls)
		pga_text_add(text,
			     "; the gate locks ssl_min_protocol_version to the policy's minimum");
	pga_text_add(text, "\n");
	for (const char *at = pga_text_string(&verdict->why); *at != '\0';) {
		size_t length = strcspn(at, "\n");

		pga_text_add(text, "    ");
		pga_text_add_bytes(text, at, length);
		pga_text_add(text, "\n");
		at += length + (at[length] == '\n');
	}
}

void pga_explain(const struct pga_effective *effective, const struct pga_verdict *verdict,
		 struct pga_text *text)
{
	int keyword_width = 0;
	int value_width = 0;

	for (const PQconninfoOption *option = effective->options; option->keyword != NULL;
	     option++) {
		const char *shown = pga_setting_shown(option);

		if (shown[0] == '\0')
			continue;
		if ((int)strlen(option->keyword) > keyword_width)
			keyword_width = (int)strlen(option->keyword);
		if ((int)strlen(shown) > value_width)
			value_width = (int)strlen(shown);
	}
	for (const PQconninfoOption *option = effective->options; option->keyword != NULL;
	     option++) {
		const char *shown = pga_setting_shown(option);

		if (shown[0] == '\0')
			continue;
		pga_text_addf(text, "%-*s  %-*s  ", keyword_width, option->keyword, value_width,
			      shown);
		pga_effective_origin(effective, option->keyword, text);
		pga_text_add(text, "\n");
	}
	add_verdict(verdict, text);
}
