#include "service/trim.h"

#include "anchor/trimmed.h"
#include "base/path.h"
#include "tls/handshake.h"

#include <stdlib.h>
#include <string.h>

enum { ROOTS, KEPT };

static int begin(struct pga_trim *trim, const char *path, struct pga_error *error)
{
	struct pga_text kept = PGA_TEXT_EMPTY;
	struct pga_edit *edit = &trim->files[ROOTS].edit;

	if (pga_edit_begin(edit, path, 0644, error) != 0)
		return -1;
	if (!edit->existed)
		return pga_fail(error, "name a file of roots that is there",
				"%s: there is no such file", path);
	trim->path = strdup(edit->path);
	pga_text_addf(&kept, "%s" PGA_TRIMMED_SUFFIX, edit->path);
	trim->kept = pga_text_take(&kept);
	if (trim->path == NULL || trim->kept == NULL)
		return pga_fail_memory(error);
	if (pga_edit_begin(&trim->files[KEPT].edit, trim->kept, 0600, error) != 0 ||
	    pga_manifest_load(&trim->manifest, error) != 0)
		return -1;
	if (trim->files[KEPT].edit.existed &&
	    !pga_manifest_has(&trim->manifest, PGA_NOTE_FILE, trim->kept))
		return pga_fail(
		    error, "move it away first; nothing was changed",
		    "%s: there is such a file, and pganchor does not know it as its own",
		    trim->kept);
	return 0;
}

static int list_roots(struct pga_trim *trim, const struct pga_pins *pins, struct pga_error *error)
{
	struct pga_certificate *certificates = NULL;
	size_t count = 0;
	int result = pga_trimmed_list(trim->path, &trim->files[ROOTS].edit.before, &certificates,
				      &count, error);

	trim->roots = calloc(count + 1, sizeof *trim->roots);
	if (trim->roots == NULL)
		result = pga_fail_memory(error);
	for (size_t i = 0; i < count; i++) {
		if (trim->roots == NULL) {
			pga_certificate_free(&certificates[i]);
			continue;
		}
		trim->roots[trim->count].certificate = certificates[i];
		trim->roots[trim->count++].pin = pga_pins_find(pins, certificates[i].pin);
	}
	free(certificates);
	return result;
}

/* The root that the verified chain of the server ends in. */
static int note_need(struct pga_trim *trim, const struct pga_crl_server *server,
		     struct pga_error *error)
{
	char pin[PGA_PIN_LENGTH + 1];

	if (server->problem != NULL || server->verified == NULL) {
		trim->unreached++;
		return 0;
	}
	if (pga_certificate_pin(sk_X509_value(server->verified, sk_X509_num(server->verified) - 1),
				pin) != 0)
		return pga_fail_memory(error);
	for (size_t i = 0; i < trim->count; i++)
		if (strcmp(trim->roots[i].certificate.pin, pin) == 0)
			trim->roots[i].needed = true;
	return 0;
}

static int ask_servers(struct pga_trim *trim, const struct pga_crl_host *host,
		       const struct pga_policy *policy, const struct pga_pins *pins,
		       struct pga_error *error)
{
	if (pga_crl_servers_ask(&trim->servers, host, policy, pins, error) != 0)
		return -1;
	trim->uses = calloc(trim->servers.count + 1, sizeof *trim->uses);
	if (trim->uses == NULL)
		return pga_fail_memory(error);
	for (size_t i = 0; i < trim->servers.count; i++) {
		const struct pga_crl_server *server = &trim->servers.items[i];

		trim->uses[i] =
		    server->roots != NULL && pga_path_is_same(server->roots, trim->path);
		if (!trim->uses[i])
			continue;
		trim->asked++;
		if (note_need(trim, server, error) != 0)
			return -1;
	}
	return 0;
}

int pga_trim_plan(struct pga_trim *trim, const char *path, const struct pga_crl_host *host,
		  const struct pga_policy *policy, const struct pga_pins *pins,
		  struct pga_error *error)
{
	memset(trim, 0, sizeof *trim);
	if (begin(trim, path, error) != 0 || list_roots(trim, pins, error) != 0 ||
	    ask_servers(trim, host, policy, pins, error) != 0)
		return -1;
	for (size_t i = 0; i < trim->count; i++) {
		trim->roots[i].goes = !trim->roots[i].needed && trim->roots[i].pin == NULL;
		trim->going += trim->roots[i].goes;
	}
	return 0;
}

static int compose(struct pga_trim *trim, struct pga_error *error)
{
	const struct pga_text *before = &trim->files[ROOTS].edit.before;
	const struct pga_edit *kept = &trim->files[KEPT].edit;
	struct pga_text pins = PGA_TEXT_EMPTY;
	struct pga_text trimmed = PGA_TEXT_EMPTY;
	int result;

	pga_manifest_trimmed(&trim->manifest, trim->path, &trimmed);
	for (size_t i = 0; i < trim->count; i++) {
		const char *pin = trim->roots[i].certificate.pin;

		if (!trim->roots[i].goes)
			continue;
		pga_text_addf(&pins, "%s\n", pin);
		pga_manifest_note_trimmed(&trim->files[ROOTS].edit.notes, trim->path, pin);
	}
	if (pins.failed || trimmed.failed)
		result = pga_fail_memory(error);
	else
		result = pga_trimmed_without(trim->path, before, pga_text_string(&pins),
					     &trim->files[ROOTS].after, error);
	pga_text_free(&pins);
	if (result != 0)
		goto done;
	/* Of a second time, too, it is what the file was before the first. */
	if (kept->existed)
		result =
		    pga_trimmed_restore(trim->kept, before, &kept->before,
					pga_text_string(&trimmed), &trim->files[KEPT].after, error);
	else
		pga_text_add_bytes(&trim->files[KEPT].after, pga_text_string(before),
				   before->length);
	if (result == 0 && (pga_transaction_put(&trim->files[KEPT], error) != 0 ||
			    pga_transaction_put(&trim->files[ROOTS], error) != 0))
		result = -1;
done:
	pga_text_free(&trimmed);
	return result;
}

/* As it was asked before, but with the staged file. */
static int try_server(const struct pga_trim *trim, const struct pga_crl_server *server,
		      struct pga_error *error)
{
	const char **keywords = calloc(server->count + 2, sizeof *keywords);
	const char **values = calloc(server->count + 2, sizeof *values);
	struct pga_handshake handshake = {.answered = false};
	struct pga_error refused;
	int result = -1;

	if (keywords == NULL || values == NULL) {
		(void)pga_fail_memory(error);
		goto done;
	}
	for (size_t i = 0; i < server->count; i++) {
		keywords[i] = server->keywords[i];
		values[i] = strcmp(keywords[i], "sslrootcert") == 0
				? trim->files[ROOTS].edit.staged_path
				: server->values[i];
	}
	keywords[server->count] = "sslrootcert";
	values[server->count] = trim->files[ROOTS].edit.staged_path;
	result = pga_handshake(&(struct pga_parameters){keywords, values, 0}, server->seconds,
			       &handshake, &refused);
	if (result != 0)
		(void)pga_fail(error, "nothing was changed",
			       "%s: refused with the trimmed file: %s", server->label,
			       refused.message);
	pga_handshake_free(&handshake);
done:
	free(keywords);
	free(values);
	return result;
}

int pga_trim_do(struct pga_trim *trim, bool dry_run, struct pga_error *error)
{
	struct pga_transaction_file *const order[] = {&trim->files[KEPT], &trim->files[ROOTS]};
	struct pga_error ignored;

	if (compose(trim, error) != 0 || pga_transaction_stage(order, 2, error) != 0)
		return -1;
	for (size_t i = 0; i < trim->servers.count; i++)
		if (trim->uses[i] && trim->servers.items[i].problem == NULL &&
		    try_server(trim, &trim->servers.items[i], error) != 0)
			return -1;
	if (dry_run)
		return 0;
	if (pga_transaction_commit(order, 2, error) != 0)
		return -1;
	pga_manifest_free(&trim->manifest);
	trim->noted = pga_manifest_load(&trim->manifest, &ignored) == 0 &&
		      pga_manifest_has(&trim->manifest, PGA_NOTE_FILE, trim->kept);
	return 0;
}

void pga_trim_end(struct pga_trim *trim)
{
	pga_transaction_end(&trim->files[KEPT]);
	pga_transaction_end(&trim->files[ROOTS]);
	for (size_t i = 0; i < trim->count; i++)
		pga_certificate_free(&trim->roots[i].certificate);
	free(trim->roots);
	pga_manifest_free(&trim->manifest);
	pga_crl_servers_free(&trim->servers);
	free(trim->uses);
	free(trim->path);
	free(trim->kept);
	memset(trim, 0, sizeof *trim);
}
