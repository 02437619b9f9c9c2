/* A home with a root in its root.crt, and the machine's services beside it; libpq's variables are
 * hidden, and the policy is the one that no file has said anything of. */
#ifndef PGA_TESTS_UNIT_SERVICE_HOME_H
#define PGA_TESTS_UNIT_SERVICE_HOME_H

#include "certificates.h"
#include "failing.h"
#include "directory.h"

#include "default_policy.h"

#include "policy/linked.h"
#include "policy/policy.h"

#include <sys/stat.h>

static struct pga_certificate root;
__attribute__((unused)) static struct pga_error error;
static struct pga_policy policy;

static struct pga_hidden_environment hidden;

static int make_root_once(void **state)
{
	(void)state;
	root = make_root("Root");
	if (pga_hide_environment(&hidden) != 0)
		return -1;
	policy = DEFAULT_POLICY;
	return 0;
}

static int free_root(void **state)
{
	(void)state;
	pga_certificate_free(&root);
	pga_restore_environment(&hidden);
	return 0;
}

/* A home whose root.crt has the root; the machine's services are in sys. */
static int make_home(void **state)
{
	if (make_scratch(state) != 0 || setenv("HOME", scratch, 1) != 0 ||
	    unsetenv("XDG_CONFIG_HOME") != 0 || unsetenv("PGSERVICEFILE") != 0 ||
	    setenv("PGSYSCONFDIR", scratch, 1) != 0 || mkdir(".postgresql", 0700) != 0)
		return -1;
	put(".postgresql/root.crt", root.pem);
	return 0;
}

#define STRONG "sslmode=verify-full\ngssencmode=disable\n"

#endif
