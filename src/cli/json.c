/* Reports as JSON, by jansson. */
#include "cli/json.h"

#include "base/terminal.h"
#include "base/text.h"
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

json_t *pga_json_text(const char *text)
{
	json_t *string = json_string(text);
	struct pga_text copy = PGA_TEXT_EMPTY;

	if (string != NULL)
		return string;
	for (; *text != '\0'; text++) {
		if (((unsigned char)*text & 0x80) != 0)
			pga_text_addf(&copy, "\\x%02X", (unsigned)(unsigned char)*text);
		else
			pga_text_add_bytes(&copy, text, 1);
	}
	string = json_string(pga_text_string(&copy));
	pga_text_free(&copy);
	return string;
}

json_t *pga_json_lines(const char *lines)
{
	json_t *array = json_array();

	while (*lines != '\0') {
		size_t length = strcspn(lines, "\n");
		char *line = strndup(lines, length);

		if (line != NULL)
			(void)json_array_append_new(array, pga_json_text(line));
		free(line);
		lines += length + (lines[length] == '\n');
	}
	return array;
}

int pga_json_print(json_t *object, int status)
{
	struct pga_error error;

	if (object == NULL || json_dumpf(object, stdout, JSON_INDENT(2)) != 0) {
		(void)pga_fail(&error, NULL, "cannot write the report as JSON");
		pga_print_error(&error);
		status = PGA_EXIT_FAILED;
	} else {
		(void)putchar('\n');
	}
	json_decref(object);
	return status;
}
