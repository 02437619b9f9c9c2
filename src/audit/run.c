/* Many servers: whom may be asked, and what is done with each. */
#include "audit/collect.h"
#include "audit/judge.h"

#include "base/many.h"
#include "base/progress.h"
#include "policy/linked.h"
#include "service/ask.h"
#include "service/check_many.h"

#include <stdlib.h>
#include <string.h>

/* What is known of a service before its server is asked for anything. */
struct plan {
	struct pga_verdict verdict;
	bool judged;  /* the verdict is there */
	char *others; /* hosts that it can come to as well; NULL: none */
	char *why;    /* it is not to be asked; NULL: it is */
	const char *hint;
	long long spent; /* milliseconds, to verify it */
};

struct auditing {
	const struct pga_audit_question *question;
	struct plan *plans;
	pga_audit_take *take;
	void *context;
	struct pga_callers callers;
	char *callers_why; /* they are not known; NULL: they are */
	struct pga_progress progress;
};

/* ---- beforehand, in this thread: libpq keeps some things for a process ---- */

static const char *value_of(const PQconninfoOption *options, const char *keyword)
{
	const PQconninfoOption *option = pga_option_find(options, keyword);

	return option != NULL && option->val != NULL ? option->val : "";
}

static int keep_hosts(struct plan *plan, const PQconninfoOption *options)
{
	const char *address = value_of(options, "hostaddr");
	const char *list = address[0] != '\0' ? address : value_of(options, "host");
	struct pga_text text = PGA_TEXT_EMPTY;

	if (strchr(list, ',') == NULL)
		return 0;
	pga_text_addf(&text, "one of them was audited: %s, port %s", list,
		      value_of(options, "port"));
	plan->others = pga_text_take(&text);
	return plan->others != NULL ? 0 : -1;
}

static int plan_one(struct plan *plan, const char *service, const struct pga_policy *policy,
		    struct pga_error *error)
{
	const char *const keywords[] = {"service", NULL};
	const char *const values[] = {service, NULL};
	const struct pga_parameters parameters = {keywords, values, 0};
	struct pga_effective effective = {0};
	const int asked = pga_ask(&parameters, &effective, error);
	int hosts;

	if (asked < 0)
		return -1;
	if (asked > 0) {
		plan->why = strdup(error->message);
		return plan->why != NULL ? 0 : pga_fail_memory(error);
	}
	pga_effective_trace(&pga_linked_libpq, &parameters, &effective);
	pga_judge(&effective, policy, &plan->verdict);
	plan->judged = true;
	hosts = keep_hosts(plan, effective.options);
	if (!plan->verdict.allowed) {
		plan->why = strdup(pga_text_string(&plan->verdict.why));
		for (char *at = plan->why; at != NULL && *at != '\0'; at++)
			if (*at == '\n')
				*at = ';';
		plan->hint = "pganchor service harden";
	}
	pga_effective_free(&pga_linked_libpq, &effective);
	return hosts == 0 && (plan->verdict.allowed || plan->why != NULL) ? 0
									  : pga_fail_memory(error);
}

static void tell_checked(void *context, size_t done)
{
	struct auditing *auditing = context;

	auditing->progress.done = done;
	pga_progress_draw(&auditing->progress);
}

/* That the other entries cannot be read is no reason not to audit. */
static int find_callers(struct auditing *auditing, struct pga_error *error)
{
	const int found = pga_callers_find(&auditing->callers, 0, auditing->question->policy,
					   auditing->question->pins, error);

	if (found >= 0)
		return found;
	auditing->callers_why = strdup(error->message);
	return auditing->callers_why != NULL ? 0 : pga_fail_memory(error);
}

static const char *reason_of(const struct pga_checked_service *checked)
{
	if (checked->problem != NULL)
		return checked->problem;
	return checked->trusted ? NULL : "the root that its chain ends in is not pinned for it";
}

/* No password goes to a server that is not verified, and whose root is not pinned. */
static int check(struct auditing *auditing, struct pga_error *error)
{
	const struct pga_audit_question *question = auditing->question;
	const struct pga_check_limits limits = {question->seconds, question->jobs};
	struct pga_checked_service *checked = calloc(question->count + 1, sizeof *checked);
	struct plan **of = calloc(question->count + 1, sizeof(struct plan *));
	size_t count = 0;
	int result = -1;

	if (checked == NULL || of == NULL) {
		(void)pga_fail_memory(error);
	} else {
		for (size_t i = 0; i < question->count; i++)
			if (auditing->plans[i].why == NULL) {
				of[count] = &auditing->plans[i];
				checked[count++].name = question->services[i];
			}
		auditing->progress = (struct pga_progress){
		    .what = question->progress != NULL ? "verifying" : NULL, .count = count};
		result = pga_check_many_within(&limits, checked, count, question->policy,
					       question->pins, tell_checked, auditing, error);
		pga_progress_erase(&auditing->progress);
	}
	for (size_t i = 0; result == 0 && i < count; i++) {
		const char *why = reason_of(&checked[i]);

		of[i]->spent = checked[i].spent;
		if (why == NULL)
			continue;
		of[i]->why = strdup(why);
		of[i]->hint = "pganchor probe";
		if (of[i]->why == NULL)
			result = pga_fail_memory(error);
	}
	free(of);
	pga_checked_services_free(checked, count);
	return result;
}

/* ---- in a thread ---- */

static void not_audited(struct pga_audit *audit, const char *why, const char *hint)
{
	pga_findings_add(&audit->findings, PGA_NOT_AUDITED, PGA_SEVERITY_ERROR, PGA_AUDIT_SERVER,
			 "%s could not be audited", audit->service);
	pga_findings_object(&audit->findings, "%s", audit->service);
	pga_findings_detail(&audit->findings, "%s", why);
	if (hint != NULL)
		pga_audit_hint_command(audit, hint, audit->service);
}

static int collect_callers(struct pga_audit *audit, struct pga_audit_connection *connection,
			   const struct auditing *auditing, struct pga_error *error)
{
	if (auditing->callers_why == NULL)
		return pga_audit_collect_callers(audit, connection, &auditing->callers, error);
	pga_audit_not_seen(audit, "what the entries of pg_service.conf make of its certificate",
			   auditing->callers_why, "");
	return 0;
}

/* What follows compares texts, each of which is there. */
static int is_whole(const struct pga_audit *audit, struct pga_error *error)
{
	return audit->failed ? pga_fail_memory(error) : 0;
}

static int collect(struct pga_audit *audit, struct pga_audit_connection *connection,
		   const struct plan *plan, const struct auditing *auditing,
		   struct pga_error *error)
{
	const struct pga_audit_question *question = auditing->question;

	pga_audit_collect_chain(audit, connection, question->pins);
	if (pga_audit_collect_server(audit, connection, error) != 0)
		return -1;
	audit->connected = true;
	if (plan->others != NULL)
		pga_audit_not_seen(audit, "the other servers of this service", plan->others, "");
	if (pga_audit_terminate(audit, connection, question, error) != 0 ||
	    pga_audit_collect_settings(audit, connection, error) != 0 ||
	    is_whole(audit, error) != 0 ||
	    pga_audit_collect_overrides(audit, connection, error) != 0 ||
	    is_whole(audit, error) != 0 || pga_audit_collect_files(audit, connection, error) != 0 ||
	    collect_callers(audit, connection, auditing, error) != 0 ||
	    pga_audit_collect_refused(audit, connection, error) != 0 ||
	    pga_audit_collect_newer(audit, connection, error) != 0 ||
	    pga_audit_collect_rules(audit, connection, error) != 0 ||
	    pga_audit_collect_sessions(audit, connection, error) != 0 ||
	    pga_audit_collect_outward(audit, connection, question->policy, error) != 0 ||
	    pga_audit_collect_dblink(audit, connection, question->policy, error) != 0 ||
	    pga_audit_collect_roles(audit, connection, error) != 0)
		return -1;
	return 0;
}

static void *audit_one(void *context, size_t index, bool *failed)
{
	const struct auditing *auditing = context;
	const struct pga_audit_question *question = auditing->question;
	const struct plan *plan = &auditing->plans[index];
	struct pga_audit *audit = pga_audit_new(question->services[index]);
	struct pga_audit_connection connection;
	struct pga_error error;

	*failed = true;
	if (audit == NULL)
		return NULL;
	if (plan->why != NULL) {
		not_audited(audit, plan->why, plan->hint);
		return audit;
	}
	if (pga_audit_connect(&connection, audit->service, question->policy, question->pins,
			      &plan->verdict, question->seconds * 1000LL - plan->spent,
			      &error) != 0 ||
	    collect(audit, &connection, plan, auditing, &error) != 0) {
		audit->connected = false;
		not_audited(audit, error.message, NULL);
	} else if (!audit->failed) {
		pga_audit_judge(audit);
		*failed = false;
	}
	pga_audit_leave(&connection);
	return audit;
}

static int take_one(void *context, size_t index, void *result, struct pga_error *error)
{
	const struct auditing *auditing = context;
	struct pga_audit *audit = result;

	(void)index;
	if (audit != NULL && !audit->failed && !audit->findings.failed)
		return auditing->take(auditing->context, audit, error);
	pga_audit_free(audit);
	return pga_fail_memory(error);
}

static void drop_one(void *result)
{
	pga_audit_free(result);
}

/* Where a signal has ended it, threads may still look at all that there is: the process is to end.
 */
static struct auditing *left;

int pga_audit_run(const struct pga_audit_question *question, pga_audit_take *take, void *context,
		  struct pga_error *error)
{
	struct auditing *auditing = calloc(1, sizeof *auditing);
	struct plan *plans = calloc(question->count + 1, sizeof *plans);
	const struct pga_many many = {.count = question->count,
				      .jobs = question->jobs,
				      .work = audit_one,
				      .take = take_one,
				      .drop = drop_one,
				      .context = auditing,
				      .progress = question->progress};
	int result = -1;

	if (auditing == NULL || plans == NULL) {
		(void)pga_fail_memory(error);
	} else {
		*auditing = (struct auditing){
		    .question = question, .plans = plans, .take = take, .context = context};
		result = 0;
	}
	for (size_t i = 0; result == 0 && i < question->count; i++)
		result = plan_one(&plans[i], question->services[i], question->policy, error);
	if (result == 0)
		result = check(auditing, error);
	if (result == 0)
		result = find_callers(auditing, error);
	if (result == 0)
		result = pga_many_run(&many, error);
	if (result > 0) {
		left = auditing;
		return result;
	}
	for (size_t i = 0; plans != NULL && i < question->count; i++) {
		if (plans[i].judged)
			pga_verdict_free(&plans[i].verdict);
		free(plans[i].others);
		free(plans[i].why);
	}
	if (auditing != NULL) {
		pga_callers_free(&auditing->callers);
		free(auditing->callers_why);
	}
	free(plans);
	free(auditing);
	return result;
}
