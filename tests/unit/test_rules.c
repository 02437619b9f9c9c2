/* gate/rules.c: when policy and pins are read again, who shares them, and when they are freed. What
 * the files say, and whether they have changed, is the test's; each test is a process that begins
 * anew. */
#include "in_a_child.h"

#include "gate/judge.h"
#include "gate/rules.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What the linker leads here (--wrap). */
int __wrap_pga_pins_reload(struct pga_pins *pins, const struct pga_policy *policy,
			   const struct pga_pins *old, struct pga_error *error);
int __wrap_pga_policy_reload(struct pga_policy *policy, const struct pga_policy *old,
			     struct pga_error *error);
bool __wrap_pga_pins_is_fresh(const struct pga_pins *pins);
bool __wrap_pga_policy_is_fresh(const struct pga_policy *policy);
int __wrap_pga_passwords_reload(struct pga_passwords *passwords, const struct pga_passwords *old,
				struct pga_error *error);
bool __wrap_pga_passwords_are_fresh(const struct pga_passwords *passwords);
void __wrap_pga_passwords_free(struct pga_passwords *passwords);
void __wrap_pga_pins_free(struct pga_pins *pins);
void __wrap_pga_policy_free(struct pga_policy *policy);
/* As libc calls stat() where off_t has 64 bits. */
int __wrap_stat64(const char *path, struct stat *status);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void __wrap_gate_lock(void);
void __wrap_gate_unlock(void);

static struct {
	bool pins_bad, policy_bad, passwords_bad;
	bool pins_changed, policy_changed, passwords_changed;
	struct pga_policy policy;
	dev_t device; /* of the root directory */
	ino_t inode;
	bool no_root, no_memory;
} machine = {.policy = {.continuity = PGA_CONTINUITY_OFF}, .device = 7, .inode = 9};

static int reads, frees; /* pins 1, the policy 100, passwords 10000 */
static const struct pga_pins *old_pins;
static const struct pga_policy *old_policy;
static const struct pga_passwords *old_passwords;
static bool locked;

int __wrap_pga_pins_reload(struct pga_pins *pins, const struct pga_policy *policy,
			   const struct pga_pins *old, struct pga_error *error)
{
	CHECK(!locked);
	(void)pins;
	(void)policy;
	reads++;
	old_pins = old;
	(void)snprintf(error->message, sizeof error->message, "the pins");
	return machine.pins_bad ? -1 : 0;
}

int __wrap_pga_policy_reload(struct pga_policy *policy, const struct pga_policy *old,
			     struct pga_error *error)
{
	*policy = machine.policy;
	reads += 100;
	old_policy = old;
	(void)snprintf(error->message, sizeof error->message, "the policy");
	return machine.policy_bad ? -1 : 0;
}

int __wrap_pga_passwords_reload(struct pga_passwords *passwords, const struct pga_passwords *old,
				struct pga_error *error)
{
	CHECK(!locked);
	(void)passwords;
	reads += 10000;
	old_passwords = old;
	(void)snprintf(error->message, sizeof error->message, "the passwords");
	return machine.passwords_bad ? -1 : 0;
}

bool __wrap_pga_passwords_are_fresh(const struct pga_passwords *passwords)
{
	(void)passwords;
	return !machine.passwords_changed;
}

void __wrap_pga_passwords_free(struct pga_passwords *passwords)
{
	(void)passwords;
	frees += 10000;
}

bool __wrap_pga_pins_is_fresh(const struct pga_pins *pins)
{
	(void)pins;
	return !machine.pins_changed;
}

bool __wrap_pga_policy_is_fresh(const struct pga_policy *policy)
{
	(void)policy;
	return !machine.policy_changed;
}

void __wrap_pga_pins_free(struct pga_pins *pins)
{
	(void)pins;
	CHECK(!locked);
	frees++;
}

void __wrap_pga_policy_free(struct pga_policy *policy)
{
	(void)policy;
	frees += 100;
}

int __wrap_stat64(const char *path, struct stat *status)
{
	CHECK(strcmp(path, "/") == 0);
	status->st_dev = machine.device;
	status->st_ino = machine.inode;
	return machine.no_root ? -1 : 0;
}

void *__wrap_calloc(size_t count, size_t size)
{
	return machine.no_memory ? NULL : __real_calloc(count, size);
}

void __wrap_gate_lock(void)
{
	CHECK(!locked);
	locked = true;
}

void __wrap_gate_unlock(void)
{
	CHECK(locked);
	locked = false;
}

static void around(void (*scenario)(void))
{
	scenario();
	CHECK(!locked);
}

/* Acquires them, and gives them back at once; they are in force still. */
static const struct gate_rules *now(void)
{
	const struct gate_rules *rules = gate_rules_acquire();

	gate_rules_release(rules);
	return rules;
}

static void what_has_not_changed_is_shared(void)
{
	const struct gate_rules *first = gate_rules_acquire();
	const struct gate_rules *second = gate_rules_acquire();

	CHECK(first != NULL && first == second && reads == 10101);
	CHECK(old_pins == NULL && old_policy == NULL && old_passwords == NULL && !first->broken);
	gate_rules_release(first);
	gate_rules_release(second);
	CHECK(now() == first && frees == 0 && reads == 10101);
	gate_rules_release(NULL);
}

/* By the one or by the other; what is still used stays until it is given back. */
static void what_has_changed_is_read_again(void)
{
	const struct gate_rules *first = gate_rules_acquire();
	const struct gate_rules *second;
	const struct gate_rules *third;

	machine.pins_changed = true;
	second = gate_rules_acquire();
	machine.pins_changed = false;
	CHECK(second != first && reads == 20202 && frees == 0);
	CHECK(old_pins == &first->pins && old_policy == &first->policy);
	gate_rules_release(first);
	CHECK(frees == 10101);
	machine.policy_changed = true;
	third = gate_rules_acquire();
	machine.policy_changed = false;
	CHECK(third != second && reads == 30303);
	CHECK(old_pins == &second->pins && old_policy == &second->policy);
	gate_rules_release(second);
	CHECK(frees == 20202);
	gate_rules_release(third);
	CHECK(frees == 20202 && now() == third);
}

static void what_is_broken_refuses_and_is_read_again(void)
{
	machine.policy.mode = PGA_MODE_AUDIT;
	machine.pins_bad = true;
	CHECK(now()->broken && reads == 10101);
	CHECK(!gate_may_cancel() && !gate_is_audit());
	reads = 0;
	CHECK(strcmp(now()->error.message, "the pins") == 0 && reads == 10101);
	machine.pins_bad = false;
	machine.policy_bad = true;
	reads = 0;
	CHECK(now()->broken && reads == 10101 && strcmp(now()->error.message, "the policy") == 0);
	CHECK(!gate_may_cancel() && !gate_is_audit());
	machine.pins_bad = true;
	CHECK(now()->broken && strcmp(now()->error.message, "the policy") == 0);
	machine.pins_bad = machine.policy_bad = false;
	CHECK(!now()->broken && gate_may_cancel() && gate_is_audit());
	reads = 0;
	CHECK(!now()->broken && reads == 0);
}

/* Without it, no connection is refused. */
static void which_passwords_there_are_is_read_again(void)
{
	const struct gate_rules *first;

	machine.passwords_bad = true;
	CHECK(!now()->broken && now()->passwords_broken);
	CHECK(strcmp(now()->passwords_error.message, "the passwords") == 0);
	machine.passwords_bad = false;
	reads = 0;
	first = now();
	CHECK(first->passwords_broken && reads == 0);
	first = gate_rules_acquire_to_log_in();
	CHECK(!first->passwords_broken && reads == 10101 && now() == first);
	gate_rules_release(first);
	machine.passwords_changed = true;
	CHECK(now() == first && reads == 10101);
	gate_rules_release(gate_rules_acquire_to_log_in());
	CHECK(now() != first && reads == 20202 && old_passwords == &first->passwords);
}

/* What is out of sight by another root directory has not changed. */
static void another_root_changes_nothing(void)
{
	const struct gate_rules *first = now();

	machine.pins_changed = true;
	machine.device++;
	CHECK(now() == first);
	machine.inode++;
	CHECK(now() == first);
	machine.device--;
	CHECK(now() == first && reads == 10101);
	machine.no_root = true;
	(void)now();
	CHECK(reads == 20202);
	machine.no_root = false;
	machine.inode--;
	/* Of what was read without a root directory, nothing is known. */
	CHECK(now() != NULL && reads == 20202);
}

static void without_memory_there_are_none(void)
{
	const struct gate_rules *first;

	machine.no_memory = true;
	CHECK(gate_rules_acquire() == NULL && !gate_is_audit() && gate_may_cancel());
	machine.no_memory = false;
	first = gate_rules_acquire();
	machine.pins_changed = true;
	machine.no_memory = true;
	CHECK(gate_rules_acquire() == NULL && frees == 0);
	machine.no_memory = false;
	/* The first ones are still in force, and as often in use as before. */
	machine.pins_changed = false;
	CHECK(now() == first);
	gate_rules_release(first);
	CHECK(frees == 0);
	machine.pins_changed = true;
	CHECK(gate_rules_acquire() != first && frees == 10101);
}

static void a_cancel_goes_by_the_last_ones(void)
{
	static const struct {
		enum pga_consent cancel;
		enum pga_mode mode;
		bool may;
	} rows[] = {{PGA_ALLOW, PGA_MODE_ENFORCE, true},
		    {PGA_REFUSE, PGA_MODE_ENFORCE, false},
		    {PGA_REFUSE, PGA_MODE_AUDIT, true},
		    {PGA_ALLOW, PGA_MODE_AUDIT, true}};

	CHECK(gate_may_cancel());
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		machine.policy.cancel = rows[i].cancel;
		machine.policy.mode = rows[i].mode;
		machine.policy_changed = true;
		(void)now();
		CHECK(gate_may_cancel() == rows[i].may);
		CHECK(gate_is_audit() == (rows[i].mode == PGA_MODE_AUDIT));
	}
}

#define EACH(DO)                                     \
	DO(what_has_not_changed_is_shared)           \
	DO(what_has_changed_is_read_again)           \
	DO(what_is_broken_refuses_and_is_read_again) \
	DO(which_passwords_there_are_is_read_again)  \
	DO(another_root_changes_nothing)             \
	DO(without_memory_there_are_none)            \
	DO(a_cancel_goes_by_the_last_ones)
EACH(IN_A_CHILD)

int main(void)
{
	const struct CMUnitTest tests[] = {EACH(ROW)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
