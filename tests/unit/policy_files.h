/* The machine's directory of policies, which is the one that the test runs in, and the user's. */
#ifndef PGA_TESTS_POLICY_FILES_H
#define PGA_TESTS_POLICY_FILES_H

#include "assert_text.h"
#include "base/text.h"
#include "policy/pins.h"
#include "policy/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char scratch[] = "/tmp/pganchor-test-XXXXXX";

static void put(const char *name, const char *bytes)
{
	FILE *file;

	if (bytes == NULL) {
		(void)unlink(name);
		return;
	}
	file = fopen(name, "w");
	assert_non_null(file);
	assert_true(fputs(bytes, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* The directory is written as ~: it has another name each time. */
static void add_error(struct pga_text *text, const struct pga_error *error)
{
	const char *said = error->message;

	for (const char *at; (at = strstr(said, scratch)) != NULL; said = at + strlen(scratch)) {
		pga_text_add_bytes(text, said, (size_t)(at - said));
		pga_text_add(text, "~");
	}
	pga_text_addf(text, "%s | %s", said, error->hint);
}

static void begin_with_nothing(void)
{
	put("pganchor/policy.conf", NULL);
	put("pganchor/policy.d/10.conf", NULL);
	put("pganchor/policy.d/20.conf", NULL);
	put("user/pganchor/policy.conf", NULL);
	put("pganchor/anchors.conf", NULL);
	put("pganchor/anchors.d/10.conf", NULL);
	put("pganchor/anchors.d/9.conf", NULL);
	put("user/pganchor/anchors.conf", NULL);
}

static int make_directories(void **state)
{
	char path[128];

	(void)state;
	if (mkdtemp(scratch) == NULL || chmod(scratch, 0755) != 0 || chdir(scratch) != 0)
		return -1;
	(void)umask(022);
	(void)snprintf(path, sizeof path, "%s/user", scratch);
	/* The gate's file: whoever has it may write the policy. */
	put("pganchor-gate.so", "");
	return mkdir("pganchor", 0755) == 0 && mkdir("pganchor/policy.d", 0755) == 0 &&
		       mkdir("pganchor/anchors.d", 0755) == 0 && mkdir("user", 0700) == 0 &&
		       mkdir("user/pganchor", 0700) == 0
		   ? setenv("XDG_CONFIG_HOME", path, 1)
		   : -1;
}

static int remove_directories(void **state)
{
	static const char *const directories[] = {"pganchor/policy.d", "pganchor/anchors.d",
						  "pganchor", "user/pganchor", "user"};
	int result = 0;

	(void)state;
	begin_with_nothing();
	put("pganchor-gate.so", NULL);
	for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++)
		result |= rmdir(directories[i]);
	return result | chdir("/") | rmdir(scratch);
}

#endif
