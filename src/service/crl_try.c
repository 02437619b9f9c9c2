#include "service/crl_try.h"

#include "base/memory_file.h"
#include "tls/crl_trial.h"

#include <openssl/x509_vfy.h>

#include <stdlib.h>
#include <string.h>

/* One target, as libpq could open it. */
struct staged {
	const struct pga_crl_target *target;
	struct pga_memory_file memory;
	struct pga_crl_list list; /* that is in it */
};

struct trying {
	const struct pga_crl_plan *plan;
	struct staged *staged;
	char *root; /* root.crl */
	struct pga_crl_verdicts *verdicts;
	struct pga_error *error;
};

static const struct staged *staged_at(const struct trying *trying, const char *path)
{
	const struct pga_crl_target *target =
	    path != NULL ? pga_crl_plan_target(trying->plan, path) : NULL;

	return target != NULL && trying->staged != NULL
		   ? &trying->staged[target - trying->plan->targets]
		   : NULL;
}

/* The changed file that the server will be verified with; NULL: it is not about this server.
 * *then: the path of it, NULL where there is none any more. */
static const struct staged *file_then(const struct trying *trying,
				      const struct pga_crl_server *server, const char **then)
{
	const struct staged *staged =
	    staged_at(trying, server->bound != NULL ? server->bound : server->crl_file);
	const struct staged *root = staged_at(trying, trying->root);

	*then = NULL;
	if (staged == NULL || staged->target == NULL)
		return NULL;
	if (staged->target->file.change != PGA_REMOVED)
		*then = staged->memory.path;
	else if (staged->target->anchor != NULL)
		/* Its entry has no sslcrl then. */
		*then = root == NULL ? trying->root : root->memory.path;
	return staged;
}

static void add_line(struct pga_text *text, const struct pga_crl_server *server, const char *why)
{
	pga_text_addf(text, "%s%s%s\n", server->label, why != NULL ? ": " : "",
		      why != NULL ? why : "");
}

static void refuse(const struct trying *trying, const struct pga_crl_server *server,
		   const struct staged *staged, long result, bool before)
{
	struct pga_text why = PGA_TEXT_EMPTY;
	struct pga_text hint = PGA_TEXT_EMPTY;

	pga_crl_trial_explain(server->verified, &staged->list, result, &why, &hint);
	add_line(before ? &trying->verdicts->still : &trying->verdicts->refused, server,
		 pga_text_string(&why));
	if (!before && trying->verdicts->hint.length == 0)
		pga_text_add(&trying->verdicts->hint, pga_text_string(&hint));
	pga_text_free(&why);
	pga_text_free(&hint);
}

/* libpq itself, with what the memory's verification takes. */
static int ask_libpq(const struct trying *trying, const struct pga_crl_server *server,
		     const struct staged *staged, const char *then)
{
	struct pga_error refused;
	long result;
	const int tried =
	    pga_crl_server_try(server, then, server->crl_directory, &result, &refused);

	if (tried < 0) {
		*trying->error = refused;
		return -1;
	}
	if (tried == 0)
		trying->verdicts->passed++;
	else if (pga_crl_trial_is_of_crl(result))
		refuse(trying, server, staged, result, false);
	else
		add_line(&trying->verdicts->unreached, server, refused.message);
	return 0;
}

static int try_server(const struct trying *trying, const struct pga_crl_server *server)
{
	const char *then;
	const struct staged *staged = file_then(trying, server, &then);
	struct pga_trial_files files = {server->roots, server->crl_file, server->crl_directory};
	long before;
	long after;

	if (staged == NULL)
		return 0;
	if (server->chain == NULL || server->verified == NULL) {
		add_line(&trying->verdicts->unreached, server, server->problem);
		return 0;
	}
	trying->verdicts->tried++;
	if (pga_crl_trial(&files, server->chain, NULL, &before, trying->error) != 0)
		return -1;
	files.crl_file = then;
	if (pga_crl_trial(&files, server->chain, NULL, &after, trying->error) != 0)
		return -1;
	if (after == X509_V_OK)
		return ask_libpq(trying, server, staged, then);
	if (after == X509_V_ERR_CERT_REVOKED)
		add_line(&trying->verdicts->revoked, server, NULL);
	else
		refuse(trying, server, staged, after, before != X509_V_OK);
	return 0;
}

static int stage(const struct pga_crl_target *target, struct staged *staged,
		 struct pga_error *error)
{
	const struct pga_text *bytes =
	    target->file.change == PGA_UNCHANGED ? &target->file.edit.before : &target->file.after;

	staged->target = target;
	if (pga_memory_file_make(&staged->memory, error) != 0 ||
	    pga_memory_file_put(&staged->memory, pga_text_string(bytes), bytes->length, error) != 0)
		return -1;
	return pga_crl_list_find(&staged->list, pga_text_string(bytes), bytes->length, error);
}

int pga_crl_plan_try(const struct pga_crl_plan *plan, const struct pga_crl_servers *servers,
		     struct pga_crl_verdicts *verdicts, struct pga_error *error)
{
	struct trying trying = {.plan = plan,
				.staged = calloc(plan->target_count + 1, sizeof *trying.staged),
				.verdicts = verdicts,
				.error = error};
	int result = 0;

	memset(verdicts, 0, sizeof *verdicts);
	if (trying.staged == NULL)
		return pga_fail_memory(error);
	trying.root = pga_crl_root_path(error);
	result = trying.root != NULL ? 0 : -1;
	for (size_t i = 0; i < plan->target_count; i++)
		trying.staged[i].memory = (struct pga_memory_file)PGA_NO_MEMORY_FILE;
	for (size_t i = 0; i < plan->target_count && result == 0; i++)
		result = stage(&plan->targets[i], &trying.staged[i], error);
	for (size_t i = 0; i < servers->count && result == 0; i++)
		result = try_server(&trying, &servers->items[i]);
	for (size_t i = 0; i < plan->target_count; i++) {
		pga_memory_file_end(&trying.staged[i].memory);
		pga_crl_list_free(&trying.staged[i].list);
	}
	free(trying.staged);
	free(trying.root);
	if (result == 0 &&
	    (verdicts->refused.failed || verdicts->hint.failed || verdicts->unreached.failed ||
	     verdicts->revoked.failed || verdicts->still.failed))
		result = pga_fail_memory(error);
	return result;
}

void pga_crl_verdicts_free(struct pga_crl_verdicts *verdicts)
{
	pga_text_free(&verdicts->refused);
	pga_text_free(&verdicts->hint);
	pga_text_free(&verdicts->unreached);
	pga_text_free(&verdicts->revoked);
	pga_text_free(&verdicts->still);
	memset(verdicts, 0, sizeof *verdicts);
}
