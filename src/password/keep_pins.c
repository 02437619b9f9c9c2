#include "password/keep_pins.h"

#include "base/paths.h"
#include "policy/pins.h"

#include <stdlib.h>
#include <string.h>

int pga_kept_pins_now(struct pga_pins_copy *now, struct pga_error *error)
{
	struct pga_pins pins;
	int result = pga_pins_load(&pins, NULL, error);

	memset(now, 0, sizeof *now);
	if (result == 0)
		result = pga_pins_copy_make(now, &pins, error);
	pga_pins_free(&pins);
	return result;
}

/* The keyring's name for the copy; its file is to be freed. */
static int make_entry(struct pga_password_entry *entry, struct pga_error *error)
{
	char *path = pga_user_config("anchors.conf");

	*entry =
	    (struct pga_password_entry){.kind = PGA_SECRET_PINS, .words[PGA_SECRET_FILE] = path};
	return path != NULL ? 0 : pga_fail_home(error);
}

enum pga_secret_status pga_kept_pins_get(struct pga_pins_copy *copy, bool *readable,
					 struct pga_error *error)
{
	struct pga_password_entry entry;
	struct pga_text line = PGA_TEXT_EMPTY;
	enum pga_secret_status status = PGA_SECRET_FAILED;

	memset(copy, 0, sizeof *copy);
	*readable = false;
	if (make_entry(&entry, error) == 0)
		status = pga_ask_keyring_read(&entry, &line, error);
	if (status == PGA_SECRET_DONE) {
		const bool text = strlen(pga_text_string(&line)) == line.length;

		*readable =
		    pga_pins_copy_read(copy, text ? pga_text_string(&line) : "", error) == 0;
	}
	if (status == PGA_SECRET_DONE && !*readable)
		pga_pins_copy_free(copy);
	pga_text_free(&line);
	free(entry.words[PGA_SECRET_FILE]);
	return status;
}

enum pga_secret_status pga_kept_pins_set(const struct pga_pins_copy *copy, struct pga_error *error)
{
	struct pga_password_entry entry;
	struct pga_text line = PGA_TEXT_EMPTY;
	struct pga_secret secret;
	enum pga_secret_status status = PGA_SECRET_FAILED;

	pga_pins_copy_write(copy, &line);
	secret = (struct pga_secret){.bytes = line.bytes, .length = line.length};
	if (line.failed)
		(void)pga_fail_memory(error);
	else if (make_entry(&entry, error) == 0) {
		status = pga_ask_keyring_set(&entry, &secret, error);
		free(entry.words[PGA_SECRET_FILE]);
	}
	pga_text_free(&line);
	return status;
}

enum pga_secret_status pga_kept_pins_clear(struct pga_error *error)
{
	struct pga_password_entry entry;
	enum pga_secret_status status = PGA_SECRET_FAILED;

	if (make_entry(&entry, error) == 0) {
		status = pga_ask_keyring_clear(&entry, error);
		free(entry.words[PGA_SECRET_FILE]);
	}
	if (status == PGA_SECRET_NONE)
		(void)pga_fail(error, NULL, "the keyring has no copy of the pins");
	return status;
}
