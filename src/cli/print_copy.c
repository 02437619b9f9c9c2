#include "cli/print_copy.h"

#include "base/terminal.h"
#include "report/json.h"

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
