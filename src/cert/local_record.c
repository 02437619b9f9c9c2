#include "cert/local_record.h"

#include "base/edit.h"
#include "base/text.h"
#include "cert/record.h"

#include <stdlib.h>
#include <string.h>

/* The name with a number behind it, where others have those before. */
static char *free_name(const struct pga_cert_records *records, const char *wanted)
{
	struct pga_text name = PGA_TEXT_EMPTY;

	/* Letters that such a name may have. */
	for (const char *at = wanted; *at != '\0' && name.length < 50; at++) {
		const bool fine = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
				  (*at >= '0' && *at <= '9') || *at == '_' ||
				  (name.length > 0 && (*at == '.' || *at == '-'));

		if (fine || name.length > 0)
			pga_text_addf(&name, "%c", fine ? *at : '_');
	}
	if (name.length == 0)
		pga_text_add(&name, "local");
	const size_t plain = name.length;

	for (unsigned i = 2;
	     !name.failed && pga_cert_record_named(records, pga_text_string(&name)) != NULL; i++) {
		name.length = plain;
		pga_text_addf(&name, "-%u", i);
	}
	return pga_text_take(&name);
}

static int fill(struct pga_cert_record *record, const struct pga_local_known *known,
		struct pga_error *error)
{
	struct pga_text signal = PGA_TEXT_EMPTY;
	struct pga_text prove = PGA_TEXT_EMPTY;
	char *directory = known->directory != NULL ? realpath(known->directory, NULL) : NULL;
	int result = -1;

	record->server = known->server;
	if (known->data != NULL)
		pga_text_addf(&signal, "HUP:%s/postmaster.pid", known->data);
	if (known->port != 0)
		pga_text_addf(&prove, "localhost:%u", known->port);
	if (signal.failed || prove.failed)
		(void)pga_fail_memory(error);
	else if (pga_cert_record_set(&record->certificate, known->certificate, error) == 0 &&
		 pga_cert_record_set(&record->key, known->key, error) == 0 &&
		 pga_cert_record_set(&record->way, PGA_CERT_WAY_LOCAL, error) == 0 &&
		 pga_cert_record_set(&record->ca, directory, error) == 0 &&
		 pga_cert_record_set_serial(record, known->leaf, error) == 0 &&
		 (known->data == NULL ||
		  pga_cert_record_set(&record->signal, pga_text_string(&signal), error) == 0) &&
		 (known->port == 0 ||
		  pga_cert_record_set(&record->prove, pga_text_string(&prove), error) == 0))
		result = 0;
	free(directory);
	pga_text_free(&signal);
	pga_text_free(&prove);
	return result;
}

static bool says_the_same(const struct pga_cert_record *one, const struct pga_cert_record *other)
{
	for (size_t i = 0; i < PGA_CERT_TEXTS; i++)
		if (strcmp(pga_cert_record_says(one, i), pga_cert_record_says(other, i)) != 0)
			return false;
	return one->server == other->server;
}

/* Two that look for a name at the same time would find the same one. */
static int hold(struct pga_edit *guard, struct pga_error *error)
{
	char *path = pga_cert_records_path(error);
	const int result = path != NULL ? pga_edit_begin(guard, path, 0600, error) : -1;

	free(path);
	return result;
}

int pga_local_record_put(const struct pga_local_known *known, char **name, struct pga_error *error)
{
	struct pga_edit guard = {.path = NULL};
	struct pga_cert_records records = {.count = 0};
	struct pga_cert_record record = {.name = NULL};
	const struct pga_cert_record *old = NULL;
	int result = -1;

	*name = NULL;
	if (hold(&guard, error) != 0 || pga_cert_records_read(&records, error) != 0)
		goto done;
	old = pga_cert_record_of_file(&records, known->certificate);
	*name = old != NULL ? strdup(old->name) : free_name(&records, known->name);
	if (*name == NULL) {
		(void)pga_fail_memory(error);
		goto done;
	}
	if ((old != NULL ? pga_cert_record_copy(&record, old, error)
			 : pga_cert_record_begin(&record, *name, error)) != 0 ||
	    fill(&record, known, error) != 0)
		goto done;
	if (known->fresh) {
		pga_x509_now(record.renewed);
		record.failures = 0;
		record.tried[0] = '\0';
	} else if (old != NULL && says_the_same(old, &record)) {
		result = 0;
		goto done;
	}
	if (!known->fresh || pga_cert_record_set(&record.why, NULL, error) == 0)
		result = pga_cert_record_put(&record, error);
done:
	pga_cert_record_free(&record);
	pga_cert_records_free(&records);
	pga_edit_end(&guard);
	if (result != 0) {
		free(*name);
		*name = NULL;
	}
	return result;
}
