#include "anchor/new_hosts.h"

#include "anchor/anchors_conf.h"
#include "anchor/removal.h"
#include "base/paths.h"
#include "base/transaction.h"
#include "policy/pins.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Read back as the gate will: these hosts, and all else as before. */
static int check(const struct pga_transaction_file *conf, const struct pga_pins *before,
		 const char *name, const char *hosts, bool system, struct pga_error *error)
{
	struct pga_pins pins;
	bool right;

	if (pga_pins_parse_file(&pins, conf->edit.path, pga_text_string(&conf->after),
				conf->after.length, system, error) != 0)
		return -1;
	right = pins.count == before->count;
	for (size_t i = 0; right && i < pins.count; i++)
		right = strcmp(pins.pins[i].pin, before->pins[i].pin) == 0 &&
			strcmp(pins.pins[i].hosts, strcmp(pins.pins[i].name, name) == 0
						       ? hosts
						       : before->pins[i].hosts) == 0;
	pga_pins_free(&pins);
	return right ? 0
		     : pga_fail(error, "nothing was changed; look at the file",
				"%s: the section does not read back as it should", conf->edit.path);
}

static int change(struct pga_transaction_file *conf, const char *name, const char *hosts,
		  bool system, struct pga_error *error)
{
	const struct pga_anchor_setting setting = {"hosts", hosts};
	struct pga_pins pins = {.count = 0};
	const struct pga_pin *pin;
	int result = -1;

	if (pga_pins_parse_file(&pins, conf->edit.path,
				conf->edit.existed ? pga_text_string(&conf->edit.before) : NULL,
				conf->edit.before.length, system, error) != 0)
		return -1;
	pin = pga_pins_named(&pins, name);
	if (pin == NULL)
		(void)pga_fail_no_anchor(&pins, name, system, error);
	else if (strcmp(pin->hosts, hosts) == 0)
		result = 0;
	else {
		pga_anchors_conf_set(&conf->edit.before, name, &setting, 1, &conf->after);
		if (pga_transaction_put(conf, error) == 0)
			result = check(conf, &pins, name, hosts, system, error);
	}
	pga_pins_free(&pins);
	return result;
}

int pga_anchor_set_hosts(const char *name, const char *hosts, bool system, bool dry_run,
			 struct pga_anchor_file *conf, struct pga_error *error)
{
	struct pga_transaction_file file = {.change = PGA_UNCHANGED};
	struct pga_transaction_file *const files[] = {&file};
	int result;

	conf->change = PGA_UNCHANGED;
	conf->path = system ? strdup(PGA_PINS_SYSTEM_DIRECTORY "/anchors.conf")
			    : pga_user_config("anchors.conf");
	if (conf->path == NULL)
		return system ? pga_fail_memory(error) : pga_fail_home(error);
	if (pga_edit_begin_in(&file.edit, conf->path, system ? 0644 : 0600, system ? 0755 : 0700,
			      error) != 0) {
		if (system && geteuid() != 0)
			(void)snprintf(error->hint, sizeof error->hint,
				       "run it as root, such as with sudo; nothing was changed");
		return -1;
	}
	result = change(&file, name, hosts, system, error);
	if (result == 0 && !dry_run)
		result = pga_transaction_write(files, 1, error);
	conf->change = file.change;
	pga_transaction_end(&file);
	return result;
}
