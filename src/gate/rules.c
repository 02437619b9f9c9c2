/* Policy and pins, read at the first connection and again when one of their files has changed.
 * Readers share a snapshot that nobody changes; the files are looked at and read with no lock held.
 */
#include "gate/rules.h"

#include "gate/lock.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>

struct snapshot {
	struct gate_rules rules;
	atomic_uint users; /* `current` counts as one */
	dev_t root_device; /* the root directory that the process had */
	ino_t root_inode;
};

static struct snapshot *current;
static atomic_int cancels; /* what gate_may_cancel() tells: 0 not known, 1 yes, -1 no */

/* What could not be read is tried again: the reason may have gone, such as too many open files. */
static bool is_fresh(const struct snapshot *snapshot, bool with_passwords)
{
	const struct gate_rules *rules = &snapshot->rules;

	return !rules->broken && pga_pins_is_fresh(&rules->pins) &&
	       pga_policy_is_fresh(&rules->policy) &&
	       (!with_passwords ||
		(!rules->passwords_broken && pga_passwords_are_fresh(&rules->passwords))) &&
	       (rules->policy.continuity == PGA_CONTINUITY_OFF ||
		(!rules->known_broken && pga_known_servers_are_fresh(&rules->known)));
}

/* Whether the process has another root directory by now (chroot(2), pivot_root(2)). What has gone
 * out of sight by that, or has come in sight, is no change of the policy: the snapshot stays in
 * force. */
static bool is_from_another_root(const struct snapshot *snapshot)
{
	struct stat root;

	return stat("/", &root) == 0 &&
	       (root.st_dev != snapshot->root_device || root.st_ino != snapshot->root_inode);
}

bool gate_rules_are_of_another_root(const struct gate_rules *rules)
{
	return is_from_another_root(rules->snapshot);
}

static void destroy(struct snapshot *snapshot)
{
	pga_policy_free(&snapshot->rules.policy);
	pga_pins_free(&snapshot->rules.pins);
	pga_known_servers_free(&snapshot->rules.known);
	pga_passwords_free(&snapshot->rules.passwords);
	free(snapshot);
}

/* before: what was in force in this process so far; NULL for the first time. Both are read in any
 * case: what a user's file said is kept in case it goes out of reach. The policy says whose pins
 * count. */
static struct snapshot *load(const struct snapshot *before)
{
	struct snapshot *snapshot = calloc(1, sizeof *snapshot);
	const struct gate_rules *old = before != NULL ? &before->rules : NULL;
	struct gate_rules *rules;
	struct pga_error error;
	struct stat root;

	if (snapshot == NULL)
		return NULL;
	rules = &snapshot->rules;
	rules->snapshot = snapshot;
	atomic_init(&snapshot->users, 1);
	if (stat("/", &root) == 0) {
		snapshot->root_device = root.st_dev;
		snapshot->root_inode = root.st_ino;
	}
	rules->broken = pga_policy_reload(&rules->policy, old != NULL ? &old->policy : NULL,
					  &rules->error) != 0;
	if (pga_pins_reload(&rules->pins, &rules->policy, old != NULL ? &old->pins : NULL,
			    &error) != 0 &&
	    !rules->broken) {
		rules->broken = true;
		rules->error = error;
	}
	if (!rules->broken && rules->policy.continuity != PGA_CONTINUITY_OFF)
		rules->known_broken =
		    pga_known_servers_reload(&rules->known, old != NULL ? &old->known : NULL,
					     &rules->known_error) != 0;
	rules->passwords_broken =
	    pga_passwords_reload(&rules->passwords, old != NULL ? &old->passwords : NULL,
				 &rules->passwords_error) != 0;
	atomic_store(&cancels, !rules->broken && (rules->policy.cancel == PGA_ALLOW ||
						  rules->policy.mode == PGA_MODE_AUDIT)
				   ? 1
				   : -1);
	return snapshot;
}

bool gate_may_cancel(void)
{
	return atomic_load(&cancels) >= 0;
}

static void release(struct snapshot *snapshot)
{
	if (atomic_fetch_sub(&snapshot->users, 1) == 1)
		destroy(snapshot);
}

static const struct gate_rules *acquire(bool with_passwords)
{
	struct snapshot *snapshot;
	struct snapshot *fresh;
	struct snapshot *old;

	gate_lock();
	snapshot = current;
	if (snapshot != NULL)
		atomic_fetch_add(&snapshot->users, 1);
	gate_unlock();
	if (snapshot != NULL &&
	    (is_fresh(snapshot, with_passwords) || is_from_another_root(snapshot)))
		return &snapshot->rules;
	fresh = load(snapshot);
	if (snapshot != NULL)
		release(snapshot);
	if (fresh == NULL)
		return NULL;
	atomic_fetch_add(&fresh->users, 1);
	gate_lock();
	old = current;
	current = fresh;
	gate_unlock();
	if (old != NULL)
		release(old);
	return &fresh->rules;
}

const struct gate_rules *gate_rules_acquire(void)
{
	return acquire(false);
}

const struct gate_rules *gate_rules_acquire_to_log_in(void)
{
	return acquire(true);
}

void gate_rules_release(const struct gate_rules *rules)
{
	if (rules != NULL)
		release(rules->snapshot);
}
