#include "cert/record.h"

#include "base/edit.h"
#include "base/file.h"
#include "base/paths.h"
#include "base/printable.h"
#include "cert/placing.h"
#include "cert/state.h"
#include "tls/certificate.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A reason may quote anybody. */
#define LONGEST_LINE ((size_t)500)

char *pga_cert_records_path(struct pga_error *error)
{
	char *path = pga_user_config(PGA_CERTS_FILE);

	if (path == NULL)
		(void)pga_fail_home(error);
	return path;
}

/* Nobody else has to do with what is not there yet, or was not to be in the end. */
static int leave_out_unplaced(struct pga_cert_records *records, struct pga_error *error)
{
	size_t kept = 0;
	int unplaced = 0;

	for (size_t i = 0; i < records->count; i++) {
		if (unplaced >= 0)
			unplaced = pga_cert_record_is_unplaced(&records->records[i], error);
		if (unplaced > 0)
			pga_cert_record_free(&records->records[i]);
		else
			records->records[kept++] = records->records[i];
	}
	records->count = kept;
	return unplaced < 0 ? -1 : 0;
}

int pga_cert_records_read(struct pga_cert_records *records, struct pga_error *error)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	char *path = pga_cert_records_path(error);
	bool found = false;
	int result = -1;

	memset(records, 0, sizeof *records);
	if (path != NULL && pga_file_read(path, &text, &found, error) == 0)
		result = pga_cert_records_parse(records, path, pga_text_string(&text), text.length,
						error);
	if (result == 0)
		result = leave_out_unplaced(records, error);
	pga_text_free(&text);
	free(path);
	return result;
}

struct pga_cert_record *pga_cert_record_named(const struct pga_cert_records *records,
					      const char *name)
{
	for (size_t i = 0; i < records->count; i++)
		if (strcmp(records->records[i].name, name) == 0)
			return &records->records[i];
	return NULL;
}

struct pga_cert_record *pga_cert_record_of_file(const struct pga_cert_records *records,
						const char *certificate)
{
	for (size_t i = 0; i < records->count; i++)
		if (strcmp(records->records[i].certificate, certificate) == 0)
			return &records->records[i];
	return NULL;
}

int pga_cert_record_set(char **text, const char *value, struct pga_error *error)
{
	char *copy = strdup(value != NULL ? value : "");

	if (copy == NULL)
		return pga_fail_memory(error);
	free(*text);
	*text = copy;
	return 0;
}

char *pga_cert_line(const char *text)
{
	struct pga_text printable = PGA_TEXT_EMPTY;
	struct pga_text line = PGA_TEXT_EMPTY;
	char *taken;

	pga_text_add_printable(&printable, text, "");
	pga_text_add_shortened(&line, pga_text_string(&printable), LONGEST_LINE);
	line.failed = line.failed || printable.failed;
	pga_text_free(&printable);
	taken = pga_text_take(&line);
	for (size_t i = taken != NULL ? strlen(taken) : 0; i > 0 && pga_is_blank(taken[i - 1]); i--)
		taken[i - 1] = '\0';
	return taken;
}

const char *const pga_cert_text_keys[PGA_CERT_TEXTS] = {
    "certificate", "key",    "way",   "ca",     "anchor",  "provisioner", "account",        "exec",
    "reload",      "signal", "prove", "serial", "placing", "made",        "revoked-sha256", "why",
};

static const size_t fields[PGA_CERT_TEXTS] = {
    offsetof(struct pga_cert_record, certificate), offsetof(struct pga_cert_record, key),
    offsetof(struct pga_cert_record, way),         offsetof(struct pga_cert_record, ca),
    offsetof(struct pga_cert_record, anchor),      offsetof(struct pga_cert_record, provisioner),
    offsetof(struct pga_cert_record, account),     offsetof(struct pga_cert_record, exec),
    offsetof(struct pga_cert_record, reload),      offsetof(struct pga_cert_record, signal),
    offsetof(struct pga_cert_record, prove),       offsetof(struct pga_cert_record, serial),
    offsetof(struct pga_cert_record, placing),     offsetof(struct pga_cert_record, made),
    offsetof(struct pga_cert_record, revoked_pin), offsetof(struct pga_cert_record, why),
};

bool pga_cert_record_is_of_other(const struct pga_cert_record *record, const X509 *leaf)
{
	char *serial =
	    leaf != NULL && record->serial[0] != '\0' ? pga_cert_serial(leaf, false) : NULL;
	const bool other = serial != NULL && strcmp(serial, record->serial) != 0;

	free(serial);
	return other;
}

int pga_cert_record_set_serial(struct pga_cert_record *record, const X509 *leaf,
			       struct pga_error *error)
{
	char *serial = pga_cert_serial(leaf, false);
	int result = serial != NULL ? pga_cert_record_set(&record->serial, serial, error)
				    : pga_fail_memory(error);

	free(serial);
	return result;
}

char **pga_cert_record_text(struct pga_cert_record *record, size_t i)
{
	return (char **)(void *)((char *)record + fields[i]);
}

const char *pga_cert_record_says(const struct pga_cert_record *record, size_t i)
{
	const char *text;

	memcpy(&text, (const char *)record + fields[i], sizeof text);
	return text;
}

/* Whether the text has its SHA-256 in it. */
static bool names(const char *text, const X509 *leaf)
{
	char pin[PGA_PIN_LENGTH + 1];

	return text[0] != '\0' && leaf != NULL && pga_certificate_pin(leaf, pin) == 0 &&
	       strstr(text, pin) != NULL;
}

bool pga_cert_record_made(const struct pga_cert_record *record, const X509 *leaf)
{
	return names(record->made, leaf);
}

bool pga_cert_record_revoked(const struct pga_cert_record *record, const X509 *leaf)
{
	return record->revoked[0] != '\0' &&
	       (record->revoked_pin[0] == '\0' || names(record->revoked_pin, leaf));
}

int pga_cert_record_begin(struct pga_cert_record *record, const char *name, struct pga_error *error)
{
	int result;

	memset(record, 0, sizeof *record);
	result = pga_cert_record_set(&record->name, name, error);
	for (size_t i = 0; i < PGA_CERT_TEXTS && result == 0; i++)
		result = pga_cert_record_set(pga_cert_record_text(record, i), "", error);
	return result;
}

int pga_cert_record_copy(struct pga_cert_record *copy, const struct pga_cert_record *record,
			 struct pga_error *error)
{
	int result = pga_cert_record_begin(copy, record->name, error);

	for (size_t i = 0; i < PGA_CERT_TEXTS && result == 0; i++)
		result = pga_cert_record_set(pga_cert_record_text(copy, i),
					     pga_cert_record_says(record, i), error);
	copy->server = record->server;
	copy->untold = record->untold;
	copy->failures = record->failures;
	memcpy(copy->renewed, record->renewed, sizeof copy->renewed);
	memcpy(copy->revoked, record->revoked, sizeof copy->revoked);
	memcpy(copy->tried, record->tried, sizeof copy->tried);
	return result;
}

void pga_cert_record_free(struct pga_cert_record *record)
{
	for (size_t i = 0; i < PGA_CERT_TEXTS; i++)
		free(*pga_cert_record_text(record, i));
	free(record->name);
	memset(record, 0, sizeof *record);
}

void pga_cert_records_free(struct pga_cert_records *records)
{
	for (size_t i = 0; i < records->count; i++)
		pga_cert_record_free(&records->records[i]);
	free(records->records);
	memset(records, 0, sizeof *records);
}

/* Writes the file where its bytes become others. */
static int write_changed(struct pga_edit *edit, const struct pga_text *after,
			 struct pga_error *error)
{
	if (after->length == edit->before.length &&
	    memcmp(pga_text_string(after), pga_text_string(&edit->before), after->length) == 0)
		return 0;
	return pga_edit_stage(edit, pga_text_string(after), after->length, error) == 0
		   ? pga_edit_commit(edit, error)
		   : -1;
}

static int begin(struct pga_edit *edit, struct pga_error *error)
{
	char *path = pga_cert_records_path(error);
	const int result = path != NULL ? pga_edit_begin(edit, path, 0600, error) : -1;

	free(path);
	return result;
}

static int change(const struct pga_cert_record *record, const char *drop, struct pga_error *error)
{
	struct pga_edit edit = {.path = NULL};
	struct pga_text after = PGA_TEXT_EMPTY;
	int result = -1;

	if (begin(&edit, error) != 0)
		return -1;
	if (pga_cert_records_compose(edit.path, &edit.before, record, drop, &after, error) == 0)
		result = write_changed(&edit, &after, error);
	pga_edit_end(&edit);
	pga_text_free(&after);
	return result;
}

int pga_cert_record_put(const struct pga_cert_record *record, struct pga_error *error)
{
	return change(record, NULL, error);
}

int pga_cert_record_drop(const char *name, struct pga_error *error)
{
	return change(NULL, name, error);
}

/* Whether another run has put there meanwhile what is there, and has said so: what this one knows
 * of it is older. */
static bool is_outdated(const struct pga_cert_record *there, const struct pga_cert_record *record)
{
	const struct pga_cert_files files = {record->certificate, "", record->server};
	struct pga_cert_state state;
	struct pga_error ignored;
	bool outdated = false;

	if (pga_cert_look(&files, time(NULL), &state, &ignored) == 0) {
		const X509 *leaf = pga_cert_leaf(&state);

		outdated = leaf != NULL && there->serial[0] != '\0' &&
			   !pga_cert_record_is_of_other(there, leaf) &&
			   pga_cert_record_is_of_other(record, leaf);
	}
	pga_cert_state_free(&state);
	return outdated;
}

/* What is not said stays: somebody may have revoked it meanwhile, or issued another. */
static int take(struct pga_cert_record *there, const struct pga_cert_record *record,
		struct pga_error *error)
{
	if (record->revoked[0] != '\0') {
		memcpy(there->revoked, record->revoked, sizeof there->revoked);
		if (pga_cert_record_set(&there->revoked_pin, record->revoked_pin, error) != 0)
			return -1;
	}
	if (is_outdated(there, record))
		return 0;
	if (record->made[0] != '\0' && pga_cert_record_set(&there->made, record->made, error) != 0)
		return -1;
	memcpy(there->renewed, record->renewed, sizeof there->renewed);
	memcpy(there->tried, record->tried, sizeof there->tried);
	there->failures = record->failures;
	there->untold = record->untold;
	return pga_cert_record_set(&there->why, record->why, error) == 0 &&
		       pga_cert_record_set(&there->serial, record->serial, error) == 0 &&
		       pga_cert_record_set(&there->placing, record->placing, error) == 0
		   ? 0
		   : -1;
}

int pga_cert_record_put_issued(struct pga_cert_record *record, struct pga_error *error)
{
	struct pga_cert_records records = {.count = 0};
	struct pga_edit edit = {.path = NULL};
	struct pga_text after = PGA_TEXT_EMPTY;
	const struct pga_cert_record *there;
	int result = -1;

	if (begin(&edit, error) != 0)
		return -1;
	if (pga_cert_records_parse(&records, edit.path, pga_text_string(&edit.before),
				   edit.before.length, error) != 0)
		goto done;
	there = pga_cert_record_named(&records, record->name);
	if (there != NULL && is_outdated(there, record)) {
		memcpy(record->renewed, there->renewed, sizeof record->renewed);
		if (pga_cert_record_set(&record->serial, there->serial, error) != 0 ||
		    pga_cert_record_set(&record->made, there->made, error) != 0)
			goto done;
	}
	if (pga_cert_records_compose(edit.path, &edit.before, record, NULL, &after, error) == 0)
		result = write_changed(&edit, &after, error);
done:
	pga_edit_end(&edit);
	pga_text_free(&after);
	pga_cert_records_free(&records);
	return result;
}

int pga_cert_record_note(const struct pga_cert_record *record, struct pga_error *error)
{
	struct pga_cert_records records = {.count = 0};
	struct pga_edit edit = {.path = NULL};
	struct pga_text after = PGA_TEXT_EMPTY;
	struct pga_cert_record *there;
	int result = -1;

	if (begin(&edit, error) != 0)
		return -1;
	/* Each renewal would have a line of its own in the manifest, for years. */
	edit.unnoted = true;
	if (pga_cert_records_parse(&records, edit.path, pga_text_string(&edit.before),
				   edit.before.length, error) != 0)
		goto done;
	there = pga_cert_record_named(&records, record->name);
	if (there == NULL || strcmp(there->certificate, record->certificate) != 0) {
		result = 0;
		goto done;
	}
	if (take(there, record, error) == 0 &&
	    pga_cert_records_compose(edit.path, &edit.before, there, NULL, &after, error) == 0)
		result = write_changed(&edit, &after, error);
done:
	pga_edit_end(&edit);
	pga_text_free(&after);
	pga_cert_records_free(&records);
	return result;
}
