/* The gate's verdict on what a server connects to. What its own environment adds is not known: what
 * a setting that is not there comes to is libpq's default, and nothing of this machine's. */
#include "audit/collect.h"
#include "audit/there.h"

#include "policy/linked.h"
#include "policy/secrets.h"
#include "policy/verdict.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Options of postgres_fdw's that are not libpq's (15 to 19): none of them changes how it connects,
 * but for password_required, which is of whom it lets in. */
static const char *const own[] = {
    "use_remote_estimate", "fdw_startup_cost", "fdw_tuple_cost",    "extensions",
    "updatable",           "truncatable",      "fetch_size",        "batch_size",
    "async_capable",       "parallel_commit",  "parallel_abort",    "keep_connections",
    "analyze_sampling",    "restore_stats",    "password_required", "use_scram_passthrough",
};

struct judging {
	struct pga_audit *audit;
	struct pga_audit_outward *outward;
	struct pga_effective effective;
	struct pga_text unknown; /* options that are neither libpq's nor the wrapper's */
};

static size_t count_of(const PQconninfoOption *options)
{
	size_t count = 0;

	while (options[count].keyword != NULL)
		count++;
	return count;
}

/* libpq's defaults where nothing is said, and where each comes from. */
static void complete(struct judging *judging)
{
	PQconninfoOption *options = judging->effective.options;
	enum pga_origin *origins = calloc(count_of(options) + 1, sizeof *origins);

	for (size_t i = 0; origins != NULL && options[i].keyword != NULL; i++)
		origins[i] = options[i].val != NULL ? PGA_FROM_CONNINFO : PGA_FROM_DEFAULT;
	judging->effective.origins = origins;
	if (origins == NULL || pga_there_complete(options) != 0)
		judging->audit->failed = true;
}

/* Before what is not said is filled in. */
static void show(struct judging *judging)
{
	const PQconninfoOption *options = judging->effective.options;
	const bool moved = pga_may_hold_a_password(&judging->effective);
	struct pga_text shown = PGA_TEXT_EMPTY;

	for (size_t i = 0; options[i].keyword != NULL; i++) {
		if (options[i].val == NULL)
			continue;
		pga_text_addf(&shown, "%s%s=", shown.length > 0 ? " " : "", options[i].keyword);
		pga_text_add_setting(&shown, &options[i], moved);
	}
	judging->outward->shown = pga_audit_copy(judging->audit, pga_text_string(&shown));
	judging->audit->failed = judging->audit->failed || shown.failed;
	pga_text_free(&shown);
}

/* An option that no libpq has yet can make it weaker as well as stronger. */
static bool is_beyond_us(struct judging *judging, const struct pga_verdict *verdict)
{
	struct pga_text why = PGA_TEXT_EMPTY;

	if (!verdict->allowed || judging->unknown.length == 0)
		return false;
	pga_text_addf(&why, "it has options that are not known here: %s",
		      pga_text_string(&judging->unknown));
	judging->outward->why = pga_audit_take_text(judging->audit, &why);
	return true;
}

/* There is no gate on the server that would set what a lock is for. */
static void judge_locks(struct judging *judging, struct pga_verdict *verdict)
{
	struct pga_text why = PGA_TEXT_EMPTY;

	judging->outward->old_tls = verdict->lock_min_tls;
	if (verdict->lock_min_tls)
		pga_text_add(&why, "a version of TLS is let in that is older than the policy's\n");
	pga_verdict_without_locks(verdict, &judging->effective);
	pga_text_add(&why, pga_text_string(&verdict->why));
	judging->outward->why = pga_audit_take_text(judging->audit, &why);
}

static void tell(struct judging *judging, const struct pga_policy *policy)
{
	struct pga_audit_outward *outward = judging->outward;
	const PQconninfoOption *service = pga_option_find(judging->effective.options, "service");
	/* allow-weak is of this machine: localhost is another one there. */
	struct pga_policy there = *policy;
	struct pga_verdict verdict;

	there.allow_weak_count = 0;
	show(judging);
	if (service != NULL && service->val != NULL && service->val[0] != '\0') {
		outward->why = pga_audit_copy(judging->audit,
					      "it names a service, and the service file is the "
					      "server's");
		return;
	}
	complete(judging);
	pga_judge(&judging->effective, &there, &verdict);
	if (!is_beyond_us(judging, &verdict)) {
		outward->judged = true;
		outward->allowed = verdict.allowed;
		if (verdict.allowed)
			judge_locks(judging, &verdict);
		else
			outward->why =
			    pga_audit_copy(judging->audit, pga_text_string(&verdict.why));
	}
	judging->audit->failed = judging->audit->failed || verdict.why.failed;
	pga_verdict_free(&verdict);
}

static void end(struct judging *judging)
{
	pga_there_free(judging->effective.options);
	free(judging->effective.origins);
	judging->audit->failed = judging->audit->failed || judging->unknown.failed;
	pga_text_free(&judging->unknown);
}

/* libpq's words can quote what it did not understand. */
static void not_understood(struct judging *judging, const char *conninfo, const char *said)
{
	struct pga_text why = PGA_TEXT_EMPTY;

	pga_text_add_masked_message(&why, said, conninfo);
	judging->outward->shown = pga_audit_copy(judging->audit, "");
	judging->outward->why = pga_audit_copy(judging->audit, pga_text_string(&why));
	judging->audit->failed = judging->audit->failed || why.failed;
	pga_text_free(&why);
}

void pga_audit_judge_conninfo(struct pga_audit *audit, struct pga_audit_outward *outward,
			      const char *conninfo, const struct pga_policy *policy)
{
	struct judging judging = {.audit = audit, .outward = outward};
	char *said = NULL;

	judging.effective.options = pga_there_parse(conninfo, audit->version, &said);
	if (judging.effective.options != NULL)
		tell(&judging, policy);
	else if (said != NULL)
		not_understood(&judging, conninfo, said);
	else
		audit->failed = true;
	PQfreemem(said);
	end(&judging);
}

static bool is_own(const char *name)
{
	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
		if (strcmp(own[i], name) == 0)
			return true;
	return false;
}

static void set(struct judging *judging, const char *said)
{
	const char *equals = strchr(said, '=');
	char *name = equals != NULL ? strndup(said, (size_t)(equals - said)) : NULL;
	int known;

	if (name == NULL) {
		judging->audit->failed = judging->audit->failed || equals != NULL;
		return;
	}
	known = pga_there_set(judging->effective.options, name, equals + 1);
	if (known > 0 && !is_own(name))
		pga_text_addf(&judging->unknown, "%s%s", judging->unknown.length > 0 ? ", " : "",
			      name);
	judging->audit->failed = judging->audit->failed || known < 0;
	free(name);
}

static void set_all(struct judging *judging, const char *array)
{
	json_error_t problem;
	json_t *options = array != NULL ? json_loads(array, 0, &problem) : NULL;
	const json_t *option;
	size_t i;

	if (array != NULL && options == NULL &&
	    json_error_code(&problem) == json_error_out_of_memory)
		judging->audit->failed = true;
	json_array_foreach(options, i, option)
	{
		const char *said = json_string_value(option);

		if (said != NULL)
			set(judging, said);
	}
	json_decref(options);
}

/* Nothing is said yet. Returns false for want of memory. */
static bool begin(struct judging *judging)
{
	char *said = NULL;

	judging->effective.options = pga_there_parse("", judging->audit->version, &said);
	PQfreemem(said);
	if (judging->effective.options == NULL)
		judging->audit->failed = true;
	return judging->effective.options != NULL;
}

void pga_audit_judge_options(struct pga_audit *audit, struct pga_audit_outward *outward,
			     const char *server, const char *mapping,
			     const struct pga_policy *policy)
{
	struct judging judging = {.audit = audit, .outward = outward};

	if (!begin(&judging))
		return;
	set_all(&judging, server);
	set_all(&judging, mapping);
	tell(&judging, policy);
	end(&judging);
}

void pga_audit_judge_settings_of(struct pga_audit *audit, struct pga_audit_outward *outward,
				 const char *const *settings, const struct pga_policy *policy)
{
	struct judging judging = {.audit = audit, .outward = outward};

	if (!begin(&judging))
		return;
	for (; *settings != NULL; settings++)
		set(&judging, *settings);
	tell(&judging, policy);
	end(&judging);
}
