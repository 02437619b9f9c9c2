#include "service/crl_plan.h"

#include "base/file.h"
#include "base/memory_file.h"
#include "base/path.h"
#include "base/paths.h"
#include "tls/crl_trial.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int pga_crl_plan_begin(struct pga_crl_plan *plan, struct pga_error *error)
{
	char *path = pga_user_config(PGA_CRLS_FILE);
	int result = -1;

	memset(plan, 0, sizeof *plan);
	if (path == NULL)
		return pga_fail_home(error);
	if (pga_edit_begin(&plan->conf.edit, path, 0600, error) == 0) {
		plan->conf_begun = true;
		result = pga_crls_parse(&plan->crls, path, pga_text_string(&plan->conf.edit.before),
					plan->conf.edit.before.length, error);
	}
	free(path);
	if (result != 0)
		return -1;
	plan->steps = calloc(plan->crls.count + 1, sizeof *plan->steps);
	return plan->steps != NULL ? 0 : pga_fail_memory(error);
}

static void now(char text[PGA_X509_DATE])
{
	const time_t seconds = time(NULL);
	struct tm tm;

	text[0] = '\0';
	if (gmtime_r(&seconds, &tm) != NULL)
		(void)strftime(text, PGA_X509_DATE, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

/* The letters of the issuer's common name, or else of its whole name, as that of a section. */
static char *name_of(const struct pga_crls *crls, const struct pga_crl *crl)
{
	const char *from = strstr(crl->issuer, "CN=");
	char base[48] = "";
	char name[64];
	size_t length = 0;

	for (from = from != NULL ? from + 3 : crl->issuer;
	     *from != '\0' && *from != ',' && length < sizeof base - 1; from++) {
		const bool good = isalnum((unsigned char)*from) != 0;

		if (good)
			base[length++] = (char)tolower((unsigned char)*from);
		else if (length > 0 && base[length - 1] != '-')
			base[length++] = '-';
	}
	while (length > 0 && base[length - 1] == '-')
		length--;
	base[length] = '\0';
	(void)snprintf(name, sizeof name, "%s", length > 0 ? base : "crl");
	for (unsigned i = 2; pga_crls_named(crls, name) != NULL; i++)
		(void)snprintf(name, sizeof name, "%s-%u", length > 0 ? base : "crl", i);
	return strdup(name);
}

/* The index of the one that is for the same in the same file; count where there is none. */
static size_t find(const struct pga_crls *crls, const struct pga_crl_entry *entry)
{
	size_t i = 0;

	while (i < crls->count &&
	       (strcmp(crls->records[i].scope, entry->crl->scope) != 0 ||
		crls->records[i].scoped != entry->scoped ||
		(entry->scoped && strcmp(crls->records[i].anchor, entry->anchor) != 0)))
		i++;
	return i;
}

static int add_record(struct pga_crl_plan *plan, const struct pga_crl_entry *entry,
		      struct pga_error *error)
{
	struct pga_crls *crls = &plan->crls;
	struct pga_crl_record *records =
	    reallocarray(crls->records, crls->count + 1, sizeof *records);
	struct pga_crl_step *steps;

	if (records == NULL)
		return pga_fail_memory(error);
	crls->records = records;
	steps = reallocarray(plan->steps, crls->count + 1, sizeof *steps);
	if (steps == NULL)
		return pga_fail_memory(error);
	plan->steps = steps;
	memset(&records[crls->count], 0, sizeof *records);
	memset(&steps[crls->count], 0, sizeof *steps);
	records[crls->count].name = name_of(crls, entry->crl);
	if (records[crls->count].name == NULL)
		return pga_fail_memory(error);
	records[crls->count].scoped = entry->scoped;
	steps[crls->count].added = true;
	crls->count++;
	return 0;
}

static int set_text(char **to, const char *text, struct pga_error *error)
{
	char *made = strdup(text);

	if (made == NULL)
		return pga_fail_memory(error);
	free(*to);
	*to = made;
	return 0;
}

static int fill(struct pga_crl_record *record, const struct pga_crl_entry *entry,
		struct pga_error *error)
{
	const struct pga_crl *crl = entry->crl;

	if (set_text(&record->issuer, crl->issuer, error) != 0 ||
	    set_text(&record->anchor, entry->anchor, error) != 0 ||
	    set_text(&record->source, entry->source, error) != 0 ||
	    set_text(&record->key, entry->key, error) != 0 ||
	    set_text(&record->number, crl->number, error) != 0)
		return -1;
	if (strcmp(record->digest, crl->digest) != 0)
		memcpy(record->previous, record->digest, sizeof record->previous);
	memcpy(record->digest, crl->digest, sizeof record->digest);
	memcpy(record->scope, crl->scope, sizeof record->scope);
	memcpy(record->this_update, crl->this_update, sizeof record->this_update);
	memcpy(record->next_update, crl->next_update, sizeof record->next_update);
	record->revoked = crl->revoked;
	now(record->checked);
	return 0;
}

bool pga_crl_is_older(const struct pga_crl_record *record, const struct pga_crl *crl,
		      struct pga_error *error)
{
	if (strcmp(crl->this_update, record->this_update) < 0) {
		(void)pga_fail(error, NULL,
			       "the CRL of %s is of %s, and the one in place of %s: an earlier "
			       "one does not have what was revoked since",
			       crl->issuer, crl->this_update, record->this_update);
		return true;
	}
	if (pga_crl_number_compare(crl->number, record->number) < 0) {
		(void)pga_fail(error, NULL,
			       "the CRL of %s has the number 0x%s, and the one in place 0x%s: an "
			       "earlier one does not have what was revoked since",
			       crl->issuer, crl->number, record->number);
		return true;
	}
	/* Two of one number cannot both be whole (RFC 5280, 5.2.3), and one without a number cannot
	 * be told from an earlier one. */
	if (record->number[0] != '\0' && strcmp(crl->digest, record->digest) != 0 &&
	    pga_crl_number_compare(crl->number, record->number) == 0) {
		(void)pga_fail(
		    error, NULL,
		    "the CRL of %s is another one than the one in place, and its number is no "
		    "higher: 0x%s",
		    crl->issuer, record->number);
		return true;
	}
	return false;
}

int pga_crl_plan_put(struct pga_crl_plan *plan, const struct pga_crl_entry *entry, size_t *record,
		     struct pga_error *error)
{
	struct pga_crl_step *step;

	*record = find(&plan->crls, entry);
	if (*record < plan->crls.count &&
	    pga_crl_is_older(&plan->crls.records[*record], entry->crl, error)) {
		(void)snprintf(error->hint, sizeof error->hint,
			       "nothing was changed; if it is meant, first: pganchor crl remove %s",
			       plan->crls.records[*record].name);
		return -1;
	}
	if (*record == plan->crls.count && add_record(plan, entry, error) != 0)
		return -1;
	step = &plan->steps[*record];
	step->fate = PGA_CRL_PUT;
	step->same = strcmp(plan->crls.records[*record].digest, entry->crl->digest) == 0;
	if (set_text(&step->pem, entry->crl->pem, error) != 0)
		return -1;
	return fill(&plan->crls.records[*record], entry, error);
}

void pga_crl_plan_drop(struct pga_crl_plan *plan, size_t record)
{
	plan->steps[record].fate = PGA_CRL_DROPPED;
}

void pga_crl_plan_checked(struct pga_crl_plan *plan, size_t record)
{
	if (plan->steps[record].fate == PGA_CRL_STAYS)
		plan->steps[record].fate = PGA_CRL_CHECKED;
	now(plan->crls.records[record].checked);
}

static bool is_in(const struct pga_crl_record *record, const struct pga_crl_target *target)
{
	return target->anchor == NULL
		   ? !record->scoped
		   : record->scoped && strcmp(record->anchor, target->anchor) == 0;
}

static int add_target(struct pga_crl_plan *plan, const struct pga_crl_record *record,
		      struct pga_error *error)
{
	struct pga_crl_target *grown;
	struct pga_crl_target *target;

	for (size_t i = 0; i < plan->target_count; i++)
		if (is_in(record, &plan->targets[i]))
			return 0;
	grown = reallocarray(plan->targets, plan->target_count + 1, sizeof *grown);
	if (grown == NULL)
		return pga_fail_memory(error);
	plan->targets = grown;
	target = &grown[plan->target_count++];
	memset(target, 0, sizeof *target);
	target->path = pga_crl_path(record, error);
	if (target->path == NULL)
		return -1;
	if (record->scoped && set_text(&target->anchor, record->anchor, error) != 0)
		return -1;
	if (pga_edit_begin(&target->file.edit, target->path, 0644, error) != 0)
		return -1;
	target->begun = true;
	return 0;
}

/* What is to be in the file: for each record of it the CRL that is put, or the one that is there.
 */
static int choose_pems(const struct pga_crl_plan *plan, struct pga_crl_block *blocks,
		       const size_t *indices, size_t count, struct pga_error *error)
{
	for (size_t i = 0; i < count; i++) {
		struct pga_crl_step *step = &plan->steps[indices[i]];

		step->lost = blocks[i].pem == NULL && !step->added;
		if (step->fate < PGA_CRL_PUT)
			continue;
		free(blocks[i].pem);
		blocks[i].pem = step->fate == PGA_CRL_PUT ? strdup(step->pem) : NULL;
		if (step->fate == PGA_CRL_PUT && blocks[i].pem == NULL)
			return pga_fail_memory(error);
	}
	return 0;
}

/* Whether libpq will find what is put there. */
static int check_composed(const struct pga_crl_target *target, const struct pga_crl_plan *plan,
			  struct pga_error *error)
{
	struct pga_memory_file memory = PGA_NO_MEMORY_FILE;
	int result = 0;

	if (target->file.after.length > PGA_FILE_LIMIT)
		return pga_fail(error, "nothing was changed", "%s: would be of more than %zu MiB",
				target->path, PGA_FILE_LIMIT / 1024 / 1024);
	if (pga_memory_file_make(&memory, error) != 0)
		return -1;
	if (pga_memory_file_put(&memory, pga_text_string(&target->file.after),
				target->file.after.length, error) != 0)
		result = -1;
	for (size_t i = 0; result == 0 && i < plan->crls.count; i++)
		if (plan->steps[i].fate == PGA_CRL_PUT && is_in(&plan->crls.records[i], target) &&
		    !pga_crl_is_found(memory.path, plan->crls.records[i].digest))
			result = pga_fail(error,
					  "libpq cannot read it either, and asks for no CRL at all "
					  "then: repair it or move it away; nothing was changed",
					  "%s: what is in it would hide the CRL from libpq",
					  target->path);
	pga_memory_file_end(&memory);
	return result;
}

/* Those of the user's own that were to be put stay the user's. */
static int leave_users(struct pga_crl_plan *plan, const struct pga_text *rest,
		       const size_t *indices, size_t count, struct pga_error *error)
{
	struct pga_crl_list list;

	if (rest->length == 0)
		return 0;
	if (pga_crl_list_find(&list, rest->bytes, rest->length, error) != 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		struct pga_crl_step *step = &plan->steps[indices[i]];

		for (size_t j = 0; j < list.count; j++)
			if (step->fate == PGA_CRL_PUT && step->added &&
			    strcmp(list.crls[j].digest, plan->crls.records[indices[i]].digest) == 0)
				step->fate = PGA_CRL_IS_USERS;
	}
	pga_crl_list_free(&list);
	return 0;
}

static void note_file(struct pga_crl_plan *plan, const size_t *indices, size_t count, bool made,
		      bool joined)
{
	for (size_t i = 0; i < count; i++) {
		plan->crls.records[indices[i]].made = made;
		plan->crls.records[indices[i]].joined = joined;
	}
}

static bool was_made(const struct pga_crl_plan *plan, const size_t *indices, size_t count,
		     const struct pga_edit *edit)
{
	bool made = !edit->existed;

	for (size_t i = 0; i < count; i++)
		made = made || plan->crls.records[indices[i]].made;
	return made;
}

static int compose_target(struct pga_crl_plan *plan, struct pga_crl_target *target,
			  struct pga_crl_block *blocks, const size_t *indices, size_t count,
			  struct pga_error *error)
{
	const struct pga_edit *edit = &target->file.edit;
	const bool made = was_made(plan, indices, count, edit);
	struct pga_text *after = &target->file.after;
	bool joined = false;
	bool any = false;

	for (size_t i = 0; i < count; i++)
		blocks[i].record = &plan->crls.records[indices[i]];
	if (pga_crl_blocks_cut(&edit->before, blocks, count, after, error) != 0)
		return -1;
	if (leave_users(plan, after, indices, count, error) != 0 ||
	    choose_pems(plan, blocks, indices, count, error) != 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		any = any || blocks[i].pem != NULL;
	pga_crl_blocks_add(blocks, count, after, &joined);
	note_file(plan, indices, count, made, joined);
	if (after->failed)
		return pga_fail_memory(error);
	if (edit->existed && after->length == edit->before.length &&
	    memcmp(pga_text_string(after), pga_text_string(&edit->before), after->length) == 0)
		return 0;
	if (pga_transaction_put(&target->file, error) != 0)
		return -1;
	if (!any && after->length == 0 && (made || !edit->existed))
		target->file.change = edit->existed ? PGA_REMOVED : PGA_UNCHANGED;
	return check_composed(target, plan, error);
}

static int compose_one(struct pga_crl_plan *plan, struct pga_crl_target *target,
		       struct pga_error *error)
{
	struct pga_crl_block *blocks = calloc(plan->crls.count + 1, sizeof *blocks);
	size_t *indices = calloc(plan->crls.count + 1, sizeof *indices);
	size_t count = 0;
	int result = -1;

	if (blocks != NULL && indices != NULL) {
		for (size_t i = 0; i < plan->crls.count; i++)
			if (is_in(&plan->crls.records[i], target))
				indices[count++] = i;
		result = compose_target(plan, target, blocks, indices, count, error);
	} else {
		(void)pga_fail_memory(error);
	}
	for (size_t i = 0; blocks != NULL && i < count; i++)
		free(blocks[i].pem);
	free(blocks);
	free(indices);
	return result;
}

static int compose_conf(struct pga_crl_plan *plan, struct pga_error *error)
{
	const struct pga_text *before = &plan->conf.edit.before;
	struct pga_crls left = {calloc(plan->crls.count + 1, sizeof *left.records), 0};
	struct pga_text empty = PGA_TEXT_EMPTY;
	struct pga_text heading = PGA_TEXT_EMPTY;
	struct pga_text *after = &plan->conf.after;
	int result = -1;

	if (left.records == NULL)
		return pga_fail_memory(error);
	/* The records stay the plan's. */
	for (size_t i = 0; i < plan->crls.count; i++)
		if (plan->steps[i].fate <= PGA_CRL_PUT)
			left.records[left.count++] = plan->crls.records[i];
	pga_crls_compose(before, &left, after);
	if (plan->conf.edit.existed && after->length == before->length &&
	    memcmp(after->bytes, before->bytes, after->length) == 0)
		result = after->failed ? pga_fail_memory(error) : 0;
	else
		result = pga_transaction_put(&plan->conf, error);
	left.count = 0;
	pga_crls_compose(&empty, &left, &heading);
	if (result == 0 && heading.failed)
		result = pga_fail_memory(error);
	if (result == 0 && after->length == heading.length &&
	    memcmp(after->bytes, heading.bytes, after->length) == 0)
		plan->conf.change = plan->conf.edit.existed ? PGA_REMOVED : PGA_UNCHANGED;
	pga_text_free(&heading);
	free(left.records);
	return result;
}

int pga_crl_plan_compose(struct pga_crl_plan *plan, struct pga_error *error)
{
	/* Those of anchors first, and root.crl: the order in which their directories are locked. */
	for (int root = 0; root < 2; root++)
		for (size_t i = 0; i < plan->crls.count; i++)
			if ((plan->steps[i].fate == PGA_CRL_PUT ||
			     plan->steps[i].fate == PGA_CRL_DROPPED) &&
			    plan->crls.records[i].scoped == (root == 0) &&
			    add_target(plan, &plan->crls.records[i], error) != 0)
				return -1;
	for (size_t i = 0; i < plan->target_count; i++)
		if (compose_one(plan, &plan->targets[i], error) != 0)
			return -1;
	return compose_conf(plan, error);
}

/* Where the path leads, however it is written; a file need not be there yet. */
static bool is_same_place(const char *one, const char *other)
{
	struct pga_real_path left = {0};
	struct pga_real_path right = {0};
	struct pga_error error;
	const bool same = strcmp(one, other) == 0 || (pga_real_path(&left, one, &error) == 0 &&
						      pga_real_path(&right, other, &error) == 0 &&
						      strcmp(left.path, right.path) == 0);

	pga_real_path_free(&left);
	pga_real_path_free(&right);
	return same || pga_path_is_same(one, other);
}

struct pga_crl_target *pga_crl_plan_target(const struct pga_crl_plan *plan, const char *path)
{
	for (size_t i = 0; i < plan->target_count; i++)
		if (is_same_place(plan->targets[i].path, path))
			return &plan->targets[i];
	return NULL;
}

int pga_crl_plan_order(struct pga_crl_plan *plan, struct pga_error *error)
{
	bool puts = false;
	size_t count = 0;

	for (size_t i = 0; i < plan->crls.count; i++)
		puts = puts || plan->steps[i].fate == PGA_CRL_PUT;
	free(plan->order);
	plan->order = calloc(plan->target_count + 2, sizeof(struct pga_transaction_file *));
	if (plan->order == NULL)
		return pga_fail_memory(error);
	if (puts)
		plan->order[count++] = &plan->conf;
	else if (plan->services_begun)
		plan->order[count++] = &plan->services;
	for (size_t i = 0; i < plan->target_count; i++)
		plan->order[count++] = &plan->targets[i].file;
	if (!puts)
		plan->order[count++] = &plan->conf;
	else if (plan->services_begun)
		plan->order[count++] = &plan->services;
	plan->order_count = count;
	return 0;
}

void pga_crl_plan_end(struct pga_crl_plan *plan)
{
	/* The last first: a directory that was made for it stands in one that was made for another.
	 */
	if (plan->services_begun)
		pga_transaction_end(&plan->services);
	for (size_t i = plan->target_count; i-- > 0;) {
		pga_transaction_end(&plan->targets[i].file);
		free(plan->targets[i].path);
		free(plan->targets[i].anchor);
	}
	pga_transaction_end(&plan->conf);
	for (size_t i = 0; plan->steps != NULL && i < plan->crls.count; i++)
		free(plan->steps[i].pem);
	free(plan->steps);
	free(plan->targets);
	free(plan->order);
	pga_crls_free(&plan->crls);
	pga_text_free(&plan->bound);
	pga_text_free(&plan->unbound);
	memset(plan, 0, sizeof *plan);
}
