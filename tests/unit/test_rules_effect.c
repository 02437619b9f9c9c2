/* What comes of the rules: which cancel requests are sent, that they are read again, what the gate
 * says of settings, and why a handshake failed. libpq is played by the test. */
#include "cmocka_start.h"

#include "base/text.h"
#include "gate/call.h"
#include "gate/judge.h"
#include "gate/refusal.h"
#include "gate/session.h"
#include "gate/verify_error.h"
#include "gate_fakes.h"
#include "refused_libpq.h"
#include "settings.h"

#include <sys/stat.h>
#include <unistd.h>

/* ---- the rules, and what comes of them ---- */
static char scratch[] = "/tmp/pganchor-test-XXXXXX";

static void put(const char *name, const char *bytes)
{
	char path[128];
	char made[140];
	FILE *file;

	(void)snprintf(path, sizeof path, "%s/pganchor/%s", scratch, name);
	(void)snprintf(made, sizeof made, "%s.new", path);
	if (bytes == NULL) {
		(void)unlink(path);
		return;
	}
	file = fopen(made, "w");
	assert_non_null(file);
	assert_true(fputs(bytes, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(rename(made, path), 0);
}

static void a_cancel_goes_by_the_policy(void **state)
{
	static const struct {
		const char *policy;
		bool allowed;
	} rows[] = {{"", true},
		    {"cancel = refuse\n", false},
		    {"cancel = refuse\nmode = audit\n", true},
		    {"cancel = maybe\n", false},
		    {"cancel = allow\n", true}};
	char text[256];

	(void)state;
	libpq = fake_libpq();
	/* Before the first connection. */
	assert_true(gate_may_cancel());
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		put("policy.conf", rows[i].policy);
		gate_rules_release(gate_rules_acquire());
		assert_int_equal(gate_may_cancel(), rows[i].allowed);
		fake.cancelled = 0;
		fake.error = OWN;
		memset(text, 'x', sizeof text);
		assert_int_equal(
		    gate_PQcancel(libpq, false, (PGcancel *)(void *)&fake, text, sizeof text),
		    rows[i].allowed);
		assert_int_equal(fake.cancelled, rows[i].allowed ? (int)sizeof text : 0);
		if (!rows[i].allowed)
			assert_string_equal(text, GATE_NO_CANCEL);
		assert_int_equal(gate_PQrequestCancel(libpq, false, the_connection()),
				 rows[i].allowed);
		assert_string_equal(message(), rows[i].allowed ? OWN : GATE_NO_CANCEL "\n");
	}
	put("policy.conf", NULL);
}

static void a_refused_cancel_says_so(void **state)
{
	char text[16];

	(void)state;
	libpq = fake_libpq();
	put("policy.conf", "cancel = refuse\n");
	gate_rules_release(gate_rules_acquire());
	/* As much as fits. */
	memset(text, 'x', sizeof text);
	assert_int_equal(gate_PQcancel(libpq, false, (PGcancel *)(void *)&fake, text, 9), 0);
	assert_string_equal(text, "pganchor");
	assert_int_equal(text[9], 'x');
	assert_int_equal(gate_PQcancel(libpq, false, (PGcancel *)(void *)&fake, text, 1), 0);
	assert_string_equal(text, "");
	text[0] = 'x';
	assert_int_equal(gate_PQcancel(libpq, false, (PGcancel *)(void *)&fake, text, 0), 0);
	assert_int_equal(gate_PQcancel(libpq, false, (PGcancel *)(void *)&fake, text, -1), 0);
	assert_int_equal(text[0], 'x');
	assert_int_equal(gate_PQcancel(libpq, false, (PGcancel *)(void *)&fake, NULL, 9), 0);
	/* Who has no connection has nothing to cancel; and of no libpq nothing is cancelled. */
	assert_int_equal(gate_PQcancel(libpq, false, NULL, text, sizeof text), 0);
	assert_string_equal(text, "PQcancel() -- n");
	assert_int_equal(gate_PQrequestCancel(libpq, false, NULL), 0);
	assert_int_equal(gate_PQrequestCancel(NULL, false, NULL), 0);
	assert_int_equal(gate_PQrequestCancel(NULL, false, the_connection()), 0);
	assert_int_equal(fake.cancelled, 0);
	assert_string_equal(fake.error, OWN);
	/* It is told until the connection has something else to say. */
	assert_int_equal(gate_PQrequestCancel(libpq, false, the_connection()), 0);
	assert_string_equal(fake.error, TOLD(GATE_NO_CANCEL));
	assert_string_equal(message(), GATE_NO_CANCEL "\n");
	/* Of this connection alone. */
	assert_string_equal(gate_PQerrorMessage(libpq, false, (PGconn *)(void *)&libpq),
			    TOLD(GATE_NO_CANCEL));
	fake.error = "something else\n";
	assert_string_equal(message(), "something else\n");
	put("policy.conf", "cancel = allow\n");
	gate_rules_release(gate_rules_acquire());
	assert_int_equal(gate_PQcancel(NULL, false, (PGcancel *)(void *)&fake, text, sizeof text),
			 0);
	assert_int_equal(gate_PQrequestCancel(NULL, false, the_connection()), 0);
	put("policy.conf", NULL);
}

static void the_rules_are_read_again_when_they_change(void **state)
{
	const struct gate_rules *first;
	const struct gate_rules *second;

	(void)state;
	put("policy.conf", "mode = enforce\n");
	first = gate_rules_acquire();
	assert_false(first->broken);
	assert_false(gate_is_audit());
	put("policy.conf", "mode = audit\n");
	second = gate_rules_acquire();
	assert_ptr_not_equal(second, first);
	assert_int_equal(second->policy.mode, PGA_MODE_AUDIT);
	assert_int_equal(first->policy.mode, PGA_MODE_ENFORCE);
	gate_rules_release(first);
	assert_true(gate_is_audit());
	put("anchors.conf",
	    "[a]\npin = 00000000000000000000000000000000000000000000000000000000000000aa\n");
	gate_rules_release(second);
	second = gate_rules_acquire();
	assert_int_equal(second->pins.count, 1);
	gate_rules_release(second);
	/* What cannot be read refuses, audit or not, and is tried again. */
	put("anchors.conf", "nonsense\n");
	first = gate_rules_acquire();
	assert_true(first->broken);
	assert_non_null(strstr(first->error.message, "anchors.conf, line 1"));
	assert_false(gate_is_audit());
	second = gate_rules_acquire();
	assert_ptr_not_equal(second, first);
	gate_rules_release(first);
	gate_rules_release(second);
	put("policy.conf", "nonsense\n");
	first = gate_rules_acquire();
	assert_non_null(strstr(first->error.message, "policy.conf, line 1"));
	gate_rules_release(first);
	put("anchors.conf", NULL);
	put("policy.conf", NULL);
	first = gate_rules_acquire();
	assert_false(first->broken);
	gate_rules_release(first);
	gate_rules_release(NULL);
}

/* ---- the verdict as the gate tells it ---- */

static PQconninfoOption *no_options(const char *conninfo, char **message)
{
	(void)conninfo;
	*message = NULL;
	return NULL;
}

static void judge(struct gate_judgement *judgement, const struct gate_rules *rules,
		  const char *words, enum gate_stage stage)
{
	static struct settings settings;
	static const char *const keywords[] = {"host", NULL};
	static const char *const values[] = {"h", NULL};
	static const struct pga_parameters parameters = {keywords, values, 0};

	make_settings(&settings, words);
	memset(judgement, 0, sizeof *judgement);
	judgement->admitted = true;
	judgement->effective.options = settings.options;
	libpq->calls.PQconninfoParse = no_options;
	gate_judge(libpq, rules, &parameters, stage, judgement);
}

static void what_the_gate_says_of_settings(void **state)
{
	static const char strong[] = "host=h sslmode=verify-full gssencmode=prefer@d";
	static const char weak[] = "host=h sslmode=prefer gssencmode=disable";
	static const char unbound[] = "host=h sslmode=verify-full gssencmode=disable "
				      "channel_binding=prefer@d";
	struct gate_rules rules = {.broken = false};
	struct gate_judgement judgement;

	(void)state;
	libpq = fake_libpq();
	make_policy(&rules.policy, "");
	judge(&judgement, &rules, strong, GATE_BEFORE);
	assert_true(judgement.admitted && judgement.verdict.allowed && judgement.verdict.lock_gss);
	assert_string_equal(pga_text_string(&judgement.refusal), "");
	gate_judgement_free(libpq, &judgement);
	judge(&judgement, &rules, strong, GATE_BEGUN);
	assert_false(judgement.admitted);
	assert_non_null(strstr(pga_text_string(&judgement.refusal),
			       "pganchor refused this connection: gssencmode=prefer (libpq's "
			       "default) can take GSSAPI encryption instead of TLS\n"));
	gate_judgement_free(libpq, &judgement);
	/* The session shows GSSAPI encryption, and not how the server will be logged in to. */
	judge(&judgement, &rules, strong, GATE_SESSION);
	assert_true(judgement.admitted && judgement.verdict.lock_gss);
	gate_judgement_free(libpq, &judgement);
	rules.policy.channel_binding = PGA_BINDING_REQUIRE;
	judge(&judgement, &rules, unbound, GATE_SESSION);
	assert_false(judgement.admitted);
	assert_non_null(strstr(pga_text_string(&judgement.refusal),
			       "channel_binding=prefer (libpq's default) can do without"));
	gate_judgement_free(libpq, &judgement);
	rules.policy.mode = PGA_MODE_AUDIT;
	judge(&judgement, &rules, unbound, GATE_SESSION);
	assert_true(judgement.admitted && judgement.verdict.allowed);
	gate_judgement_free(libpq, &judgement);
	rules.policy.mode = PGA_MODE_ENFORCE;
	rules.policy.channel_binding = PGA_BINDING_PREFER;
	judge(&judgement, &rules, weak, GATE_BEFORE);
	assert_false(judgement.admitted);
	assert_string_equal(pga_text_string(&judgement.refusal),
			    "pganchor refused this connection: sslmode=prefer (libpq's default) is "
			    "weaker than verify-full\n    use a service of \"pganchor service "
			    "list\", or sslmode=verify-full; \"pganchor explain 'host=h'\" says "
			    "what to change");
	gate_judgement_free(libpq, &judgement);
	/* In audit mode it is admitted, and told. */
	rules.policy.mode = PGA_MODE_AUDIT;
	judge(&judgement, &rules, weak, GATE_BEFORE);
	assert_true(judgement.admitted && !judgement.verdict.allowed);
	assert_true(judgement.refusal.length > 0);
	gate_judgement_free(libpq, &judgement);
	/* What is broken refuses, in audit mode too. */
	rules.broken = true;
	(void)snprintf(rules.error.message, sizeof rules.error.message, "a\x07 file");
	judge(&judgement, &rules, strong, GATE_BEFORE);
	assert_false(judgement.admitted);
	assert_string_equal(pga_text_string(&judgement.refusal),
			    "pganchor refused this connection: a\\x07 file");
	gate_judgement_free(libpq, &judgement);
	(void)snprintf(rules.error.hint, sizeof rules.error.hint, "d");
	judge(&judgement, &rules, strong, GATE_BEFORE);
	assert_string_equal(pga_text_string(&judgement.refusal),
			    "pganchor refused this connection: a\\x07 file\n    d");
	gate_judgement_free(libpq, &judgement);
	judge(&judgement, NULL, strong, GATE_BEFORE);
	assert_false(judgement.admitted);
	assert_string_equal(pga_text_string(&judgement.refusal),
			    "pganchor refused this connection: out of memory");
	gate_judgement_free(libpq, &judgement);
}

/* ---- why a handshake failed ---- */

#define ADVICE                                                                              \
	"    pganchor: leave sslmode as it is: without verification, anybody could be the " \
	"server. "                                                                          \
	"What is\n    missing is the root of its CA: \"pganchor bootstrap\" fetches and pins it\n"

/* A session of this libpq is freed within the call, after which the call has this status. */
static void fail_handshake(int verify_mode, long result, ConnStatusType status)
{
	struct gate_call *call;

	libpq->base = &fake;
	fake.verify_mode = verify_mode;
	fake.verify_result = result;
	fake.status = status;
	gate_session_mark(libpq, &fake_session);
	call = gate_call_begin(libpq);
	assert_non_null(call);
	fake.on_free(&fake_session, NULL, NULL, 0, 0, libpq);
	gate_handshake_tell(call, the_connection());
	assert_int_equal(call->verify_error, 0);
	gate_call_end(call);
}

static void why_a_handshake_failed_is_told(void **state)
{
	static struct settings settings;

	(void)state;
	put("policy.conf", NULL);
	libpq = fake_libpq();
	fail_handshake(1, 10, CONNECTION_BAD);
	assert_string_equal(message(), OWN "    pganchor: the certificate of db.example.com: "
					   "certificate has expired\n");
	destroy_connection();
	libpq = fake_libpq();
	fail_handshake(3, 10, CONNECTION_MADE);
	assert_string_equal(message(), OWN "    pganchor: the certificate of db.example.com: "
					   "certificate has expired\n");
	destroy_connection();
	/* Whose certificate does not count; what is verified; what has connected. */
	libpq = fake_libpq();
	fail_handshake(2, 10, CONNECTION_BAD);
	assert_string_equal(message(), OWN);
	fail_handshake(1, 0, CONNECTION_BAD);
	assert_string_equal(message(), OWN);
	fail_handshake(1, 10, CONNECTION_OK);
	assert_string_equal(message(), OWN);
	libpq->X509_verify_cert_error_string = NULL;
	fail_handshake(1, 10, CONNECTION_BAD);
	assert_string_equal(message(), OWN);
	/* A session of nobody's, or of another libpq; no connection at all. */
	fake.on_free(&fake_session, NULL, NULL, 0, 0, libpq);
	fake.on_free(NULL, NULL, NULL, 0, 0, libpq);
	{
		struct gate_call *call = gate_call_begin(libpq);

		fake.on_free(&fake_session, NULL, NULL, 0, 0, &fake);
		assert_int_equal(call->verify_error, 0);
		fake.on_free(NULL, NULL, NULL, 0, 0, libpq);
		assert_int_equal(call->verify_error, 0);
		call->verify_error = 10;
		libpq->X509_verify_cert_error_string = fake_error_text;
		fake.status = CONNECTION_BAD;
		gate_handshake_tell(call, NULL);
		assert_null(fake.instance);
		gate_call_end(call);
	}
	assert_string_equal(message(), OWN);
	/* In audit mode nothing is added. */
	put("policy.conf", "mode = audit\n");
	libpq = fake_libpq();
	fail_handshake(1, 10, CONNECTION_BAD);
	assert_string_equal(message(), OWN);
	put("policy.conf", NULL);
	/* libpq's advice is answered where sslmode is verify-full. */
	libpq = fake_libpq();
	make_settings(&settings, "sslmode=verify-full");
	fake.options = settings.options;
	fake.error = "provide the file or change sslmode\n";
	fail_handshake(1, 0, CONNECTION_BAD);
	assert_string_equal(message(), "provide the file or change sslmode\n" ADVICE);
	fail_handshake(1, 0, CONNECTION_BAD);
	assert_string_equal(message(), "provide the file or change sslmode\n" ADVICE);
	destroy_connection();
	/* A libpq that has no such setting. */
	make_settings(&settings, "-sslmode");
	fail_handshake(1, 0, CONNECTION_BAD);
	assert_string_equal(message(), "provide the file or change sslmode\n");
	make_settings(&settings, "sslmode=verify-full");
	fail_handshake(1, 0, CONNECTION_MADE);
	assert_string_equal(message(), "provide the file or change sslmode\n");
	make_settings(&settings, "sslmode=verify-ca");
	fail_handshake(1, 0, CONNECTION_BAD);
	assert_string_equal(message(), "provide the file or change sslmode\n");
	make_settings(&settings, "sslmode=verify-full");
	fake.error = OWN;
	fail_handshake(1, 0, CONNECTION_BAD);
	assert_string_equal(message(), OWN);
	fake.options = NULL;
	fake.error = "sslmode\n";
	fail_handshake(1, 0, CONNECTION_BAD);
	assert_string_equal(message(), "sslmode\n");
}

static int make_scratch(void **state)
{
	char path[128];

	(void)state;
	if (mkdtemp(scratch) == NULL)
		return -1;
	(void)snprintf(path, sizeof path, "%s/pganchor", scratch);
	return mkdir(path, 0700) == 0 ? setenv("XDG_CONFIG_HOME", scratch, 1) : -1;
}

static int remove_scratch(void **state)
{
	char path[128];

	(void)state;
	put("policy.conf", NULL);
	put("anchors.conf", NULL);
	(void)snprintf(path, sizeof path, "%s/pganchor", scratch);
	return rmdir(path) == 0 ? rmdir(scratch) : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_cancel_goes_by_the_policy),
	    cmocka_unit_test(a_refused_cancel_says_so),
	    cmocka_unit_test(the_rules_are_read_again_when_they_change),
	    cmocka_unit_test(what_the_gate_says_of_settings),
	    cmocka_unit_test(why_a_handshake_failed_is_told),
	};

	return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
