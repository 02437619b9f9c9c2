/* Installations of roots in a home, with what they are to do and what they have done. */
#ifndef PGA_TESTS_INSTALLED_ANCHORS_H
#define PGA_TESTS_INSTALLED_ANCHORS_H

#include "certificates.h"
#include "failing.h"
#include "directory.h"

#include "anchor/anchors.h"
#include "anchor/anchors_conf.h"
#include "anchor/known_roots.h"
#include "anchor/root_crt.h"
#include "anchor/unpinned.h"

#define CONF     ".config/pganchor/anchors.conf"
#define CRT      ".config/pganchor/anchors/n.crt"
#define ROOT_CRT ".postgresql/root.crt"
#define SOURCE   "https://ca"

static struct pga_certificate one;
static struct pga_certificate two;

static int make_roots(void **state)
{
	(void)state;
	one = make_root("One");
	two = make_root("Two");
	return unsetenv("XDG_CONFIG_HOME");
}

static int free_roots(void **state)
{
	(void)state;
	pga_certificate_free(&one);
	pga_certificate_free(&two);
	return 0;
}

static int make_home(void **state)
{
	return make_scratch(state) == 0 ? setenv("HOME", scratch, 1) : -1;
}

/* What the next installation is to do, and has done. */
static struct pga_anchor wish;
static struct pga_anchoring done;
static struct pga_error error;

static void wish_for(const struct pga_certificate *root)
{
	wish = (struct pga_anchor){.proof = {.root = root}, .fallback_name = "n", .source = SOURCE};
}

static int install(bool dry_run)
{
	pga_anchoring_free(&done);
	memset(&error, 0, sizeof error);
	return pga_anchor_install(&wish, dry_run, &done, &error);
}

static void assert_installed(enum pga_change conf, enum pga_change crt, enum pga_change root_crt)
{
	if (install(false) != 0)
		fail_msg("%s", error.message);
	assert_int_equal(done.conf.change, conf);
	assert_int_equal(done.crt.change, crt);
	assert_int_equal(done.root_crt.change, root_crt);
}

/* With the files as they were. */
static void assert_refused(const char *message, const char *hint)
{
	assert_int_equal(install(false), -1);
	assert_string_equal(error.message, message);
	assert_string_equal(error.hint, hint);
	assert_null(done.name);
	assert_null(done.conf.path);
}

/* Its parts, one after the other. */
static void assert_root_crt(const char *a, const char *b, const char *c, const char *d)
{
	char text[8192];

	(void)snprintf(text, sizeof text, "%s%s%s%s", a, b, c, d);
	assert_holds(ROOT_CRT, text);
}

static void assert_conf(const char *name, const char *hosts, const char *scope,
			const struct pga_certificate *root)
{
	struct pga_text content = PGA_TEXT_EMPTY;
	char wanted[1024];
	const char *at;

	assert_int_equal(pga_file_read(CONF, &content, NULL, &error), 0);
	(void)snprintf(wanted, sizeof wanted,
		       "\n[%s]\nsource = " SOURCE "\n%s%s%sscope = %s\npinned = 20", name,
		       hosts != NULL ? "hosts = " : "", hosts != NULL ? hosts : "",
		       hosts != NULL ? "\n" : "", scope);
	at = strstr(pga_text_string(&content), wanted);
	assert_non_null(at);
	at += strlen(wanted);
	assert_memory_equal(at + strspn(at, "-:T0123456789"), "Z\nsubject = ", 12);
	(void)snprintf(wanted, sizeof wanted, "subject = %s\nnot-after = %s\npin = %s\n",
		       root->subject, root->not_after, root->pin);
	at = strstr(at, wanted);
	assert_non_null(at);
	assert_string_equal(at, wanted);
	pga_text_free(&content);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_home, remove_scratch)

#endif
