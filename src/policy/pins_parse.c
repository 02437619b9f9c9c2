/* One anchors.conf: what its lines come to. */
#include "policy/pins.h"

#include "base/file.h"
#include "base/host.h"
#include "base/ini.h"

#include <stdlib.h>
#include <string.h>

/* The keys of a section. */
enum key { PIN, SOURCE, HOSTS, SCOPE, PINNED, SUBJECT, NOT_AFTER, KEYS };

static const char *const keys[KEYS] = {
    [PIN] = "pin",       [SOURCE] = "source",   [HOSTS] = "hosts",         [SCOPE] = "scope",
    [PINNED] = "pinned", [SUBJECT] = "subject", [NOT_AFTER] = "not-after",
};

struct pins_reading {
	struct pga_pins *pins;
	size_t room;
	const char *path;
	bool system;
	bool set_here[KEYS]; /* in the section that is being read */
};

static int fail_at(const struct pins_reading *reading, size_t line, const char *what,
		   struct pga_ini_span span, struct pga_error *error)
{
	return pga_fail_at_line(error,
				reading->system
				    ? "correct the line, as root; no user of this machine connects "
				      "by the gate until then"
				    : "correct the line, or remove the anchor's section and run "
				      "pganchor bootstrap again",
				reading->path, line, what, span.bytes, span.length);
}

static struct pga_ini_span span_of(const char *string)
{
	return (struct pga_ini_span){string, strlen(string)};
}

/* The section that was read last has to have its pin. */
static int end_section(const struct pins_reading *reading, struct pga_error *error)
{
	const struct pga_pins *pins = reading->pins;

	if (pins->count == 0 || reading->set_here[PIN])
		return 0;
	return fail_at(reading, pins->pins[pins->count - 1].line, "a section without a pin",
		       span_of(pins->pins[pins->count - 1].name), error);
}

static int begin_section(struct pins_reading *reading, const struct pga_ini_line *line,
			 struct pga_error *error)
{
	struct pga_pins *pins = reading->pins;
	struct pga_pin *pin;

	if (end_section(reading, error) != 0)
		return -1;
	if (pins->count == reading->room) {
		size_t room = reading->room != 0 ? reading->room * 2 : 8;
		struct pga_pin *grown = reallocarray(pins->pins, room, sizeof *grown);

		if (grown == NULL)
			return pga_fail_memory(error);
		pins->pins = grown;
		reading->room = room;
	}
	pin = &pins->pins[pins->count++];
	memset(pin, 0, sizeof *pin);
	memset(reading->set_here, 0, sizeof reading->set_here);
	pin->line = line->number;
	pin->system = reading->system;
	pin->path = reading->path;
	pin->name = pga_ini_copy(line->name);
	pin->source = strdup("");
	pin->hosts = strdup("*");
	pin->pinned = strdup("");
	if (pin->name == NULL || pin->source == NULL || pin->hosts == NULL || pin->pinned == NULL)
		return pga_fail_memory(error);
	if (!pga_pin_name_is_valid(pin->name))
		return fail_at(reading, line->number, "not a name for an anchor", line->name,
			       error);
	return 0;
}

static bool is_pin(struct pga_ini_span value)
{
	if (value.length != PGA_PIN_LENGTH)
		return false;
	for (size_t i = 0; i < value.length; i++) {
		char c = value.bytes[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
	}
	return true;
}

static int take_text(char **text, struct pga_ini_span value, struct pga_error *error)
{
	free(*text);
	*text = pga_ini_copy(value);
	return *text != NULL ? 0 : pga_fail_memory(error);
}

static int take_hosts(const struct pins_reading *reading, struct pga_pin *pin,
		      const struct pga_ini_line *line, struct pga_error *error)
{
	struct pga_ini_span wrong = {NULL, 0};

	if (line->value.length == 0)
		return fail_at(reading, line->number, "no host pattern", line->name, error);
	wrong.bytes = pga_host_bad_pattern(line->value.bytes, line->value.length, &wrong.length);
	if (wrong.bytes != NULL)
		return fail_at(reading, line->number,
			       "neither *, *.DOMAIN, a host name nor an address", wrong, error);
	return take_text(&pin->hosts, line->value, error);
}

static int take_setting(struct pins_reading *reading, const struct pga_ini_line *line,
			struct pga_error *error)
{
	struct pga_pin *pin;
	int key = 0;

	if (reading->pins->count == 0)
		return fail_at(reading, line->number, "a setting before any [NAME]", line->name,
			       error);
	pin = &reading->pins->pins[reading->pins->count - 1];
	while (key < KEYS && !pga_ini_equals(line->name, keys[key]))
		key++;
	if (key == KEYS)
		return fail_at(reading, line->number, "no such key", line->name, error);
	if (reading->set_here[key])
		return fail_at(reading, line->number, "set twice in one section", line->name,
			       error);
	reading->set_here[key] = true;
	switch ((enum key)key) {
	case PIN:
		if (!is_pin(line->value))
			return fail_at(reading, line->number,
				       "not a pin of 64 lower-case hex digits", line->value, error);
		memcpy(pin->pin, line->value.bytes, PGA_PIN_LENGTH);
		return 0;
	case HOSTS:
		return take_hosts(reading, pin, line, error);
	case SCOPE:
		pin->scoped = pga_ini_equals(line->value, "scoped");
		if (!pin->scoped && !pga_ini_equals(line->value, "root.crt"))
			return fail_at(reading, line->number, "neither root.crt nor scoped",
				       line->value, error);
		return 0;
	case SOURCE:
		return take_text(&pin->source, line->value, error);
	case PINNED:
		return take_text(&pin->pinned, line->value, error);
	default: /* for the reader alone */
		return 0;
	}
}

/* Two sections of one file that are the same in an index are an error. */
static int check_twice(const struct pins_reading *reading, const struct pga_pin *const *index,
		       bool (*same)(const struct pga_pin *, const struct pga_pin *),
		       const char *twice, struct pga_error *error)
{
	for (size_t i = 1; i < reading->pins->count; i++) {
		const struct pga_pin *a = index[i - 1];
		const struct pga_pin *b = index[i];
		const struct pga_pin *second = a->line > b->line ? a : b;

		if (same(a, b))
			return fail_at(reading, second->line, twice, span_of(second->name), error);
	}
	return 0;
}

static bool have_same_pin(const struct pga_pin *a, const struct pga_pin *b)
{
	return strcmp(a->pin, b->pin) == 0;
}

static bool have_same_name(const struct pga_pin *a, const struct pga_pin *b)
{
	return strcmp(a->name, b->name) == 0;
}

static struct pga_ini_span without_line_end(struct pga_ini_span line)
{
	while (line.length > 0 &&
	       (line.bytes[line.length - 1] == '\n' || line.bytes[line.length - 1] == '\r'))
		line.length--;
	return line;
}

static int read_lines(struct pins_reading *reading, const char *bytes, size_t length,
		      struct pga_error *error)
{
	struct pga_ini_reader reader = pga_ini_start(bytes, length, PGA_INI_CONF);
	struct pga_ini_line line;
	int result = 0;

	while (result == 0 && pga_ini_next(&reader, &line)) {
		/* A C string would end there, and be another value than the one in the file. */
		if (memchr(line.whole.bytes, '\0', line.whole.length) != NULL)
			return fail_at(reading, line.number, "not a line of text", span_of("NUL"),
				       error);
		switch (line.kind) {
		case PGA_INI_BLANK:
		case PGA_INI_COMMENT:
			break;
		case PGA_INI_SECTION:
			result = begin_section(reading, &line, error);
			break;
		case PGA_INI_SETTING:
			result = take_setting(reading, &line, error);
			break;
		default:
			return fail_at(reading, line.number,
				       "neither [NAME] nor a line of the form key = value",
				       without_line_end(line.whole), error);
		}
	}
	return result == 0 ? end_section(reading, error) : result;
}

/* Whoever wants no pin has no such file. One that has lost its sections, by a full disk or a slip,
 * must not say the same. */
static int check_not_empty(const struct pins_reading *reading, struct pga_error *error)
{
	if (reading->pins->count > 0)
		return 0;
	return pga_fail(error,
			reading->system
			    ? "put its sections back, or remove the file, as root"
			    : "put its sections back, or remove the file: then no root is pinned, "
			      "and pganchor bootstrap pins them anew",
			"%s: there is no anchor in it: was it cut short?", reading->path);
}

int pga_pins_parse_file(struct pga_pins *pins, const char *path, const char *bytes, size_t length,
			bool system, struct pga_error *error)
{
	struct pins_reading reading = {.pins = pins, .path = path, .system = system};

	memset(pins, 0, sizeof *pins);
	if (bytes == NULL)
		return 0;
	if (read_lines(&reading, bytes, length, error) != 0 ||
	    check_not_empty(&reading, error) != 0 || pga_pins_index(pins, error) != 0 ||
	    check_twice(&reading, pins->by_pin, have_same_pin, "this pin is twice in the file",
			error) != 0 ||
	    check_twice(&reading, pins->by_name, have_same_name, "this name is twice in the file",
			error) != 0) {
		pga_pins_free(pins);
		return -1;
	}
	return 0;
}

int pga_pins_parse(struct pga_pins *pins, const char *path, const char *bytes, size_t length,
		   struct pga_error *error)
{
	return pga_pins_parse_file(pins, path, bytes, length, false, error);
}
