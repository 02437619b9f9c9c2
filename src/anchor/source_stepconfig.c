/* step's configuration in the user's home: which step-ca it is, and the fingerprint of its root, by
 * the user's own word. The root itself comes from the CA. */
#include "anchor/source_stepca.h"

#include "base/text.h"
#include "ca/step_config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What the user reads before anything is done by it. */
static int tell(struct pga_source_request *request, const struct pga_step_config *config,
		struct pga_error *error)
{
	struct pga_text told = PGA_TEXT_EMPTY;

	pga_text_addf(&told, "step's configuration %s", config->file);
	if (config->context != NULL)
		pga_text_addf(&told, ", context %s,", config->context);
	pga_text_addf(&told, " says: CA %s, fingerprint %s", request->location, config->pin);
	request->told = pga_text_take(&told);
	return request->told != NULL ? 0 : pga_fail_memory(error);
}

/* typed: a file or a directory, or "" for the usual one. */
static int read_config(struct pga_source_request *request, const char *typed,
		       struct pga_error *error)
{
	struct pga_step_config config;
	int result = -1;

	if (pga_step_config_find(&config, typed[0] != '\0' ? typed : NULL, request->context,
				 error) != 0 ||
	    pga_stepca_locate(request, config.ca_url, config.file, error) != 0)
		goto done;
	memcpy(request->pin, config.pin, sizeof request->pin);
	result = tell(request, &config, error);
done:
	pga_step_config_free(&config);
	return result;
}

/* A directory of step's, such as ~/.step, or a file defaults.json. */
static const char *fits(const char *word)
{
	static const char name[] = "/defaults.json";
	const size_t length = strlen(word);
	struct pga_text path = PGA_TEXT_EMPTY;
	struct stat kind;
	const char *taken = NULL;

	if (length >= strlen(name) && strcmp(word + length - strlen(name), name) == 0)
		return stat(word, &kind) == 0 ? "step's configuration" : NULL;
	pga_text_addf(&path, "%s/config/defaults.json", word);
	if (stat(pga_text_string(&path), &kind) == 0)
		taken = "step's configuration";
	pga_text_free(&path);
	pga_text_addf(&path, "%s/contexts.json", word);
	if (stat(pga_text_string(&path), &kind) == 0)
		taken = "step's configuration";
	pga_text_free(&path);
	return taken;
}

const struct pga_source pga_source_stepconfig = {.name = "step-ca",
						 .fits = fits,
						 .read = read_config,
						 .fetch = pga_stepca_fetch,
						 .verify = pga_stepca_verify};
