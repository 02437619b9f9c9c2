/* pganchor anchor export: the roots, for somebody else. */
#include "base/edit.h"
#include "base/terminal.h"
#include "base/text.h"
#include "anchor/known_roots.h"
#include "cli/anchor_view.h"
#include "cli/cli.h"

#include <openssl/crypto.h>
#include <openssl/x509.h>

#include <getopt.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct exporting {
	const char *out; /* NULL: standard output */
	bool all;
	bool system;
	bool pem;
	bool der;
	bool force;

	struct pga_anchor_view view;
	struct pga_text bytes;
};

static int add_der(const struct pga_certificate *root, struct pga_text *bytes,
		   struct pga_error *error)
{
	unsigned char *der = NULL;
	const int length = i2d_X509(root->x509, &der);

	if (length <= 0)
		return pga_fail_memory(error);
	pga_text_add_bytes(bytes, der, (size_t)length);
	OPENSSL_free(der);
	return 0;
}

static int add(struct exporting *exporting, const struct pga_pin *pin, struct pga_error *error)
{
	struct pga_certificate root;
	char *path;
	int result = 0;

	if (!pga_known_root_read(pin, NULL, &root)) {
		path = pga_pin_own_file(pin);
		(void)pga_fail(error,
			       "\"pganchor anchor show\" says what is missing; the command that "
			       "pinned it brings it back",
			       "anchor %s: %s does not hold the pinned root; nothing was exported",
			       pin->name, path != NULL ? path : "its file");
		free(path);
		return -1;
	}
	if (exporting->der)
		result = add_der(&root, &exporting->bytes, error);
	else
		pga_text_addf(&exporting->bytes, "# anchor %s, pin %s\n%s", pin->name, pin->pin,
			      root.pem);
	pga_certificate_free(&root);
	return result;
}

static int collect(struct exporting *exporting, char *const *names, struct pga_error *error)
{
	const struct pga_pins *pins = &exporting->view.pins;

	for (; *names != NULL; names++) {
		const struct pga_pin *pin =
		    pga_anchor_view_find(&exporting->view, *names, exporting->system, error);

		if (pin == NULL || add(exporting, pin, error) != 0)
			return -1;
	}
	for (size_t i = 0; exporting->all && i < pins->count; i++)
		if (pins->pins[i].system == exporting->system &&
		    add(exporting, &pins->pins[i], error) != 0)
			return -1;
	if (exporting->bytes.failed)
		return pga_fail_memory(error);
	if (exporting->bytes.length == 0)
		return pga_fail(error, "pganchor bootstrap pins one", "no anchor is pinned");
	return 0;
}

/* Editing a file makes its directory, which a slip of the pen would make, too. */
static int check_directory(const struct exporting *exporting, struct pga_error *error)
{
	const char *slash = strrchr(exporting->out, '/');
	struct stat status;
	char *directory;
	int result = 0;

	if (slash == NULL || slash == exporting->out)
		return 0;
	directory = strndup(exporting->out, (size_t)(slash - exporting->out));
	if (directory == NULL)
		return pga_fail_memory(error);
	if (stat(directory, &status) != 0)
		result = pga_fail_errno(error, "make the directory, or choose another --out",
					"could not find the directory %s; nothing was written",
					directory);
	free(directory);
	return result;
}

static int write_file(const struct exporting *exporting, struct pga_error *error)
{
	struct pga_edit edit;
	int result = check_directory(exporting, error);

	if (result != 0 || pga_edit_begin_in(&edit, exporting->out, 0644, 0755, error) != 0)
		return -1;
	if (edit.existed && !exporting->force)
		result = pga_fail(error, "choose another --out, or --force",
				  "%s: there is such a file; nothing was written", exporting->out);
	else
		result = pga_edit_stage(&edit, pga_text_string(&exporting->bytes),
					exporting->bytes.length, error);
	if (result == 0)
		result = pga_edit_commit(&edit, error);
	pga_edit_end(&edit);
	return result;
}

static int export(struct exporting *exporting, char *const *names, struct pga_error *error)
{
	if (pga_anchor_view_load(&exporting->view, error) != 0 ||
	    collect(exporting, names, error) != 0)
		return -1;
	if (exporting->out != NULL)
		return write_file(exporting, error);
	/* Where it cannot be written, main() says so. */
	(void)fwrite(pga_text_string(&exporting->bytes), 1, exporting->bytes.length, stdout);
	return 0;
}

static const struct pga_option options[] = {
    {.name = "all",
     .target = offsetof(struct exporting, all),
     .help = "every anchor of yours, or with --system of the system's"},
    {.name = "out",
     .kind = PGA_OPTION_VALUE,
     .target = offsetof(struct exporting, out),
     .argument = "FILE",
     .help = "a new file; standard output if left out",
     .names = PGA_NAMES_FILE},
    {.name = "pem",
     .target = offsetof(struct exporting, pem),
     .help = "PEM, each below a line with its name and pin; so it is if left out"},
    {.name = "der", .target = offsetof(struct exporting, der), .help = "DER; one anchor alone"},
    {.name = "force",
     .target = offsetof(struct exporting, force),
     .help = "write over a file that is there"},
    {.name = "system",
     .target = offsetof(struct exporting, system),
     .help = "of the system's, where the user has one of the name too"},
};

/* Which words go together. Returns the exit status. */
static int check(const struct exporting *exporting, size_t names)
{
	if (exporting->all == (names > 0))
		return pga_usage_error("anchor export", "%s",
				       exporting->all ? "--all, or names: one of them"
						      : "the name of an anchor, or --all");
	if (exporting->pem && exporting->der)
		return pga_usage_error("anchor export", "--pem and --der: one of them");
	if (exporting->der && names != 1)
		return pga_usage_error("anchor export",
				       "--der: one anchor at a time; PEM holds more");
	return PGA_EXIT_DONE;
}

static int run(int argc, char **argv)
{
	struct exporting exporting = {.out = NULL};
	struct pga_error error;
	int status;

	if (!pga_options_read(&pga_cmd_anchor_export, argc, argv, &exporting, &status))
		return status;
	status = check(&exporting, (size_t)(argc - optind));
	if (status != PGA_EXIT_DONE)
		return status;
	if (export(&exporting, argv + optind, &error) != 0) {
		pga_print_error(&error);
		status = PGA_EXIT_FAILED;
	}
	pga_text_free(&exporting.bytes);
	pga_anchor_view_free(&exporting.view);
	return status;
}

const struct pga_command pga_cmd_anchor_export = {
    .name = "anchor export",
    .summary = "write the roots of anchors to a file or standard output",
    .usage = "NAME ... [OPTION ...]\n--all [OPTION ...]",
    .about = "Writes the certificates of the anchors, for another program or another person. A "
	     "file that is there is not written over.",
    .options = options,
    .option_count = PGA_OPTION_COUNT(options),
    .word = "the name of an anchor",
    .least = 0,
    .most = SIZE_MAX,
    .names = PGA_NAMES_ANCHOR,
    .run = run,
};
