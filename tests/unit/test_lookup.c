/* gate/lookup.c: whose name libpq may look up, within which call. The call, the rules and what
 * looks up are the test's. */
#include "cmocka_start.h"

#include "gate/call.h"
#include "gate/imports.h"

#include <string.h>

/* What the linker leads here (--wrap). */
struct gate_call *__wrap_gate_call_current(void);
const struct gate_rules *__wrap_gate_rules_acquire(void);
void __wrap_gate_rules_release(const struct gate_rules *rules);
bool __wrap_pga_policy_exempts(const struct pga_policy *policy, const char *host);
int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		       struct addrinfo **found);

static struct gate_call *current;
static struct gate_rules rules;
static bool no_rules;
static int acquired, released;
static struct gate_libpq libpq, another;
static const struct addrinfo hints;
static struct addrinfo *result;

struct gate_call *__wrap_gate_call_current(void)
{
	return current;
}

const struct gate_rules *__wrap_gate_rules_acquire(void)
{
	acquired++;
	return no_rules ? NULL : &rules;
}

void __wrap_gate_rules_release(const struct gate_rules *of)
{
	assert_ptr_equal(of, no_rules ? NULL : &rules);
	released++;
}

bool __wrap_pga_policy_exempts(const struct pga_policy *policy, const char *host)
{
	assert_ptr_equal(policy, &rules.policy);
	assert_non_null(host);
	return strcmp(host, "exempt") == 0;
}

static int look_up(const char *node, const char *service, const struct addrinfo *with,
		   struct addrinfo **found, int answer)
{
	if (node != NULL)
		assert_true(strcmp(node, "exempt") == 0 || strcmp(node, "other") == 0);
	assert_string_equal(service, "5432");
	assert_ptr_equal(with, &hints);
	assert_ptr_equal(found, &result);
	return answer;
}

int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *with,
		       struct addrinfo **found)
{
	return look_up(node, service, with, found, 11);
}

static int behind_the_gate(const char *node, const char *service, const struct addrinfo *with,
			   struct addrinfo **found)
{
	return look_up(node, service, with, found, 22);
}

static int ask(struct gate_libpq *of, const char *node)
{
	return gate_look_up(of, node, "5432", &hints, &result);
}

static int start(void **state)
{
	(void)state;
	memset(&rules, 0, sizeof rules);
	memset(&libpq, 0, sizeof libpq);
	no_rules = false;
	current = NULL;
	acquired = released = 0;
	return 0;
}

static void test_a_call_says_what_may_be_looked_up(void **state)
{
	static const struct {
		enum gate_lookups lookups;
		const char *node;
		bool may;
	} rows[] = {
	    {GATE_LOOK_UP_ANY, "other", true},     {GATE_LOOK_UP_ANY, NULL, true},
	    {GATE_LOOK_UP_ANY, "exempt", true},    {GATE_LOOK_UP_EXEMPT, "exempt", true},
	    {GATE_LOOK_UP_EXEMPT, "other", false}, {GATE_LOOK_UP_EXEMPT, NULL, false},
	    {GATE_LOOK_UP_NONE, "exempt", false},  {GATE_LOOK_UP_NONE, "other", false},
	    {GATE_LOOK_UP_NONE, NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct gate_call call = {
		    .libpq = &libpq, .lookups = rows[i].lookups, .rules = &rules};

		current = &call;
		assert_int_equal(ask(&libpq, rows[i].node), rows[i].may ? 11 : EAI_FAIL);
		assert_int_equal(call.lookup_refused, !rows[i].may);
	}
	assert_int_equal(acquired, 0);
}

static void test_what_stands_behind_the_gate_looks_up(void **state)
{
	struct gate_call call = {.libpq = &libpq, .rules = &rules};

	(void)state;
	current = &call;
	atomic_store(&libpq.import_getaddrinfo, behind_the_gate);
	assert_int_equal(ask(&libpq, "other"), 22);
	call.lookups = GATE_LOOK_UP_NONE;
	assert_int_equal(ask(&libpq, "other"), EAI_FAIL);
}

/* A connection of which nothing is known, and one of another libpq. */
static void test_past_every_wrapper_audit_mode_alone_lets_through(void **state)
{
	struct gate_call call = {.libpq = &another, .rules = &rules};

	(void)state;
	for (int turn = 0; turn < 2; turn++) {
		current = turn == 0 ? NULL : &call;
		rules.policy.mode = PGA_MODE_ENFORCE;
		assert_int_equal(ask(&libpq, "exempt"), EAI_FAIL);
		rules.policy.mode = PGA_MODE_AUDIT;
		assert_int_equal(ask(&libpq, "other"), 11);
		rules.broken = true;
		assert_int_equal(ask(&libpq, "other"), EAI_FAIL);
		rules.broken = false;
		no_rules = true;
		assert_int_equal(ask(&libpq, "other"), EAI_FAIL);
		no_rules = false;
		assert_false(call.lookup_refused);
	}
	assert_int_equal(acquired, 8);
	assert_int_equal(released, 8);
}

static void test_of_no_libpq_nothing_is_looked_up(void **state)
{
	struct gate_call call = {.rules = &rules};

	(void)state;
	rules.policy.mode = PGA_MODE_AUDIT;
	assert_int_equal(ask(NULL, "other"), EAI_FAIL);
	current = &call;
	assert_int_equal(ask(NULL, "other"), EAI_FAIL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_a_call_says_what_may_be_looked_up, start),
	    cmocka_unit_test_setup(test_what_stands_behind_the_gate_looks_up, start),
	    cmocka_unit_test_setup(test_past_every_wrapper_audit_mode_alone_lets_through, start),
	    cmocka_unit_test_setup(test_of_no_libpq_nothing_is_looked_up, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
