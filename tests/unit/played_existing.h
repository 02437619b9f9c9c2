/* The roots of a root.crt and the installations of them, as a test plays them. */
#ifndef PGA_TESTS_PLAYED_EXISTING_H
#define PGA_TESTS_PLAYED_EXISTING_H

#include "failing.h"

#include "anchor/anchors.h"
#include "anchor/unpinned.h"
#include "cli/bootstrap_existing.h"
#include "policy/policy.h"

#define D8(digits)  digits digits digits digits digits digits digits digits
#define PIN(digit)  D8(D8(#digit))
#define NAME(digit) "existing-" D8(#digit) D8(#digit)
#define SUBJECT(it)       \
	(char[])          \
	{                 \
		"CN=" #it \
	}
#define ROOT(digit)                                                                                \
	{                                                                                          \
		.pin = PIN(digit), .subject = SUBJECT(digit),                                      \
		.not_before = "2026-01-02T03:04:05Z", .not_after = "203" #digit "-01-02T03:04:05Z" \
	}

static struct pga_certificate roots[] = {ROOT(1), ROOT(2), ROOT(3), ROOT(4), ROOT(5)};
static struct pga_policy policy;
static struct pga_error error;
static char home[] = "/home/me";

static struct {
	size_t count; /* of the roots, how many are in the file and not pinned */
	size_t pinned;
	bool unreadable;
	bool no_file;
	bool no_pins; /* they cannot be read */
	bool no_policy;
	bool no_unpinned;
	bool no_home;
	const struct pga_certificate *unfit;
	const struct pga_certificate *unwritten;
	const char *hint; /* that its error advises */
	/* What was asked for: */
	bool dry_run;
	int mode; /* of access(2) */
	int installed;
} here;

int __wrap_pga_pins_load(struct pga_pins *pins, const struct pga_policy *whose,
			 struct pga_error *why);
int __wrap_pga_policy_load(struct pga_policy *loaded, struct pga_error *why);
char *__wrap_pga_libpq_home(struct pga_error *why);
int __wrap_pga_unpinned_roots_read(struct pga_unpinned_roots *unpinned, const char *path,
				   const struct pga_pins *pins, struct pga_error *why);
void __wrap_pga_unpinned_roots_free(struct pga_unpinned_roots *unpinned);
int __wrap_pga_certificate_check_anchor(const struct pga_certificate *certificate,
					const char *whose, struct pga_error *why);
int __wrap_pga_anchor_install(const struct pga_anchor *anchor, bool dry_run,
			      struct pga_anchoring *done, struct pga_error *why);
int __wrap_access(const char *path, int mode);

int __wrap_pga_pins_load(struct pga_pins *pins, const struct pga_policy *whose,
			 struct pga_error *why)
{
	(void)whose;
	memset(pins, 0, sizeof *pins);
	return here.no_pins ? pga_fail(why, NULL, "no pins") : 0;
}

int __wrap_pga_policy_load(struct pga_policy *loaded, struct pga_error *why)
{
	*loaded = policy;
	return here.no_policy ? pga_fail(why, NULL, "no policy") : 0;
}

char *__wrap_pga_libpq_home(struct pga_error *why)
{
	char *copy = here.no_home ? NULL : __real_strdup(home);

	if (copy == NULL)
		(void)pga_fail(why, NULL, "no home");
	return copy;
}

int __wrap_pga_unpinned_roots_read(struct pga_unpinned_roots *unpinned, const char *path,
				   const struct pga_pins *pins, struct pga_error *why)
{
	assert_string_equal(path, "/home/me/.postgresql/root.crt");
	assert_int_equal(pins->count, 0);
	unpinned->roots = roots;
	unpinned->count = here.count;
	unpinned->pinned = here.pinned;
	unpinned->readable = !here.unreadable;
	return here.no_unpinned ? pga_fail(why, NULL, "no roots") : 0;
}

void __wrap_pga_unpinned_roots_free(struct pga_unpinned_roots *unpinned)
{
	memset(unpinned, 0, sizeof *unpinned);
}

int __wrap_pga_certificate_check_anchor(const struct pga_certificate *certificate,
					const char *whose, struct pga_error *why)
{
	assert_string_equal(whose, "/home/me/.postgresql/root.crt");
	if (certificate != here.unfit)
		return 0;
	return pga_fail(why, "--name another", "%s: %s is too weak", whose, certificate->subject);
}

int __wrap_pga_anchor_install(const struct pga_anchor *anchor, bool dry_run,
			      struct pga_anchoring *done, struct pga_error *why)
{
	const struct pga_certificate *root = anchor->proof.root;
	char expected[PGA_EXISTING_NAME];

	(void)snprintf(expected, sizeof expected, "existing-%.16s", root->pin);
	assert_string_equal(anchor->fallback_name, expected);
	assert_string_equal(anchor->source, "/home/me/.postgresql/root.crt");
	assert_null(anchor->name);
	assert_null(anchor->proof.chain);
	assert_false(anchor->scoped || anchor->unscoped || anchor->replace);
	assert_ptr_not_equal(root, here.unfit);
	here.dry_run = dry_run;
	here.installed++;
	memset(done, 0, sizeof *done);
	if (root == here.unwritten)
		return pga_fail(why, here.hint, "%s is in the way", root->subject);
	return 0;
}

int __wrap_access(const char *path, int mode)
{
	assert_string_equal(path, "/home/me/.postgresql/root.crt");
	here.mode = mode;
	errno = ENOENT;
	return here.no_file ? -1 : 0;
}

static int begin(void **state)
{
	(void)state;
	memset(&here, 0, sizeof here);
	memset(&error, 0, sizeof error);
	policy = (struct pga_policy){
	    .mode = PGA_MODE_ENFORCE, .trust = PGA_TRUST_PINNED, .user_anchors = PGA_ALLOW};
	return 0;
}

static bool dry_run;

#define OF_CRT "/home/me/.postgresql/root.crt"

#define EACH_TEST(test) cmocka_unit_test_setup(test, begin)

#endif
