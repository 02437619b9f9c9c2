#include "cli/print_copy.h"

#include "base/shell_word.h"
#include "base/terminal.h"
#include "report/json.h"

#include <string.h>

static const char *name_of(const struct pga_pins_difference *difference)
{
	const struct pga_copied_pin *pin =
	    difference->now != NULL ? difference->now : difference->kept;

	return pin->words[PGA_COPIED_NAME];
}

static void print_whole(FILE *stream, const char *name, const char *where,
			const struct pga_copied_pin *pin)
{
	pga_print(stream, "%s: %s: pin %s, hosts %s, scope %s\n", name, where,
		  pin->words[PGA_COPIED_PIN], pin->words[PGA_COPIED_HOSTS],
		  pin->words[PGA_COPIED_SCOPE]);
}

static void print_both(FILE *stream, const struct pga_pins_difference *difference,
		       enum pga_copied word, const char *what, const char *how)
{
	pga_print(stream, "%s: the %s %s, %s %s in the keyring\n", name_of(difference), what,
		  difference->now->words[word], how, difference->kept->words[word]);
}

void pga_print_difference(FILE *stream, const struct pga_pins_difference *difference)
{
	const char *name = name_of(difference);

	switch (difference->change) {
	case PGA_PINS_ADDED:
		print_whole(stream, name, "not in the keyring", difference->now);
		break;
	case PGA_PINS_GONE:
		print_whole(stream, name, "in the keyring alone", difference->kept);
		break;
	case PGA_PINS_PIN:
		print_both(stream, difference, PGA_COPIED_PIN, "pin is", "and");
		break;
	case PGA_PINS_WIDER:
		print_both(stream, difference, PGA_COPIED_HOSTS, "hosts are", "more than");
		break;
	case PGA_PINS_NARROWER:
		print_both(stream, difference, PGA_COPIED_HOSTS, "hosts are", "fewer than");
		break;
	case PGA_PINS_HOSTS:
		print_both(stream, difference, PGA_COPIED_HOSTS, "hosts are", "and");
		break;
	case PGA_PINS_SCOPE:
	case PGA_PINS_CHANGES:
		print_both(stream, difference, PGA_COPIED_SCOPE, "scope is", "and");
		break;
	}
}

bool pga_is_same_anchor(const struct pga_pins_difference *one,
			const struct pga_pins_difference *other)
{
	return strcmp(name_of(one), name_of(other)) == 0;
}

/* The user's own of this name; NULL. */
static const struct pga_pin *pin_of(const struct pga_pins *pins, const char *name)
{
	for (size_t i = pins->system_count; i < pins->count; i++)
		if (strcmp(pins->pins[i].name, name) == 0)
			return &pins->pins[i];
	return NULL;
}

static bool is_blank_or_comment(const char *line, size_t length)
{
	const size_t blanks = strspn(line, " \t\r\n");

	return blanks >= length || line[blanks] == '#' || line[blanks] == ';';
}

/* The last line of the section that begins at this one. What stands before the next one and says
 * nothing is the next one's. */
static size_t end_of_section(const struct pga_pins *pins, size_t first)
{
	const char *at = pga_text_string(&pins->file.content);
	size_t last = first;
	size_t next = 0;

	for (size_t i = pins->system_count; i < pins->count; i++)
		if (pins->pins[i].line > first && (next == 0 || pins->pins[i].line < next))
			next = pins->pins[i].line;
	for (size_t number = 1; *at != '\0' && (next == 0 || number < next); number++) {
		const size_t length = strcspn(at, "\n") + (strchr(at, '\n') != NULL);

		if (number > first && !is_blank_or_comment(at, length))
			last = number;
		at += length;
	}
	return last;
}

static void add_command(struct pga_text *text, const char *source, const char *pin,
			const char *name)
{
	pga_text_add(text, "pganchor bootstrap --ca-url ");
	if (source != NULL && strncmp(source, "https://", 8) == 0)
		pga_text_add_shell_word(text, source);
	else
		pga_text_add(text, "URL");
	pga_text_addf(text, " --fingerprint %s --name %s", pin, name);
}

void pga_print_way_back(FILE *stream, const struct pga_pins_difference *difference,
			const struct pga_pins *pins)
{
	const struct pga_copied_pin *kept = difference->kept;
	const struct pga_pin *pin = pin_of(pins, name_of(difference));
	struct pga_text text = PGA_TEXT_EMPTY;
	bool scoped;

	if (kept == NULL) {
		if (pin != NULL)
			pga_print(stream,
				  "    if it is not yours, take out lines %zu to %zu of %s\n",
				  pin->line, end_of_section(pins, pin->line), pins->file.path);
		return;
	}
	add_command(&text, pin != NULL ? pin->source : NULL, kept->words[PGA_COPIED_PIN],
		    kept->words[PGA_COPIED_NAME]);
	pga_text_add(&text, " --hosts ");
	pga_text_add_shell_word(&text, kept->words[PGA_COPIED_HOSTS]);
	scoped = strcmp(kept->words[PGA_COPIED_SCOPE], "scoped") == 0;
	if (scoped || (pin != NULL && pin->scoped))
		pga_text_add(&text, scoped ? " --scoped" : " --unscoped");
	pga_print(stream, "    %s --replace\n", pga_text_string(&text));
	pga_text_free(&text);
}

void pga_print_way_back_to_root(FILE *stream, const struct pga_missing_root *missing)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	add_command(&text, missing->anchor->source, missing->anchor->pin, missing->anchor->name);
	pga_print(stream, "    %s\n", pga_text_string(&text));
	pga_text_free(&text);
}

void pga_print_missing_root(FILE *stream, const struct pga_missing_root *missing)
{
	pga_print(stream, "%s: its root is not in %s\n", missing->anchor->name, missing->path);
}

static json_t *pin_as_json(const struct pga_copied_pin *pin)
{
	if (pin == NULL)
		return json_null();
	return json_pack(
	    "{s:o, s:s, s:o, s:s}", "anchor", pga_json_text(pin->words[PGA_COPIED_NAME]), "pin",
	    pin->words[PGA_COPIED_PIN], "hosts", pga_json_text(pin->words[PGA_COPIED_HOSTS]),
	    "scope", pin->words[PGA_COPIED_SCOPE]);
}

json_t *pga_copy_as_json(const struct pga_pins_copy *copy)
{
	json_t *list = json_array();

	for (size_t i = 0; i < copy->count; i++)
		pga_json_add(list, pin_as_json(&copy->pins[i]));
	return list;
}

json_t *pga_differences_as_json(const struct pga_pins_difference *differences, size_t count)
{
	static const char *const changes[PGA_PINS_CHANGES] = {
	    [PGA_PINS_ADDED] = "added",
	    [PGA_PINS_GONE] = "gone",
	    [PGA_PINS_PIN] = "pin",
	    [PGA_PINS_WIDER] = "more hosts",
	    [PGA_PINS_NARROWER] = "fewer hosts",
	    [PGA_PINS_HOSTS] = "other hosts",
	    [PGA_PINS_SCOPE] = "scope",
	};
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		pga_json_add(list, json_pack("{s:o, s:s, s:o, s:o}", "anchor",
					     pga_json_text(name_of(&differences[i])), "change",
					     changes[differences[i].change], "keyring",
					     pin_as_json(differences[i].kept), "file",
					     pin_as_json(differences[i].now)));
	return list;
}

json_t *pga_missing_roots_as_json(const struct pga_missing_roots *missing)
{
	json_t *list = json_array();

	for (size_t i = 0; i < missing->count; i++)
		pga_json_add(list, json_pack("{s:o, s:s, s:o}", "anchor",
					     pga_json_text(missing->roots[i].anchor->name), "pin",
					     missing->roots[i].anchor->pin, "path",
					     pga_json_text(missing->roots[i].path)));
	return list;
}
