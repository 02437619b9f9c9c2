#include "service/compose.h"

#include "policy/linked.h"
#include "policy/trust.h"
#include "policy/verdict.h"
#include "service/anchored.h"
#include "service/crl_choice.h"
#include "service/roots.h"

#include <stdlib.h>
#include <string.h>

/* Where the next warning is added. */
static struct pga_text *warning(struct pga_composition *composition)
{
	if (composition->warnings.length > 0)
		pga_text_add(&composition->warnings, "\n");
	return &composition->warnings;
}

/* The settings that say where to connect come first, then what makes it safe, then the others, as
 * people write them. */
static int order(const struct pga_wish *wish, struct pga_settings *settings,
		 struct pga_error *error)
{
	static const char *const first[] = {"host",   "hostaddr", "port",
					    "dbname", "user",     "sslmode"};
	size_t count = sizeof first / sizeof first[0];

	for (size_t i = 0; i < count; i++) {
		const char *value = pga_settings_value(&wish->settings, first[i]);

		if (value == NULL && strcmp(first[i], "sslmode") == 0)
			value = "verify-full";
		if (value != NULL && pga_settings_add(settings, first[i], value, error) != 0)
			return -1;
	}
	if (pga_linked_libpq_knows("gssencmode") &&
	    pga_settings_value(&wish->settings, "gssencmode") == NULL &&
	    pga_settings_add(settings, "gssencmode", "disable", error) != 0)
		return -1;
	for (size_t i = 0; i < wish->settings.count; i++) {
		const struct pga_setting *item = &wish->settings.items[i];

		if (pga_settings_value(settings, item->keyword) == NULL &&
		    pga_settings_add(settings, item->keyword, item->value, error) != 0)
			return -1;
	}
	return 0;
}

/* What the list of services would say of the entry is said before. A line is a warning. */
static int warn_of_anchors(struct pga_roots *roots, const struct pga_policy *policy,
			   const struct pga_pins *pins, struct pga_composition *composition,
			   struct pga_error *error)
{
	const struct pga_evaluation *evaluation = &composition->evaluation;
	struct pga_text text = PGA_TEXT_EMPTY;
	const char *rest;
	const char *line;
	size_t length;
	int result = 0;

	if (evaluation->state == PGA_ENTRY_ALLOWED && evaluation->needs_tls)
		result =
		    pga_anchored_look(roots, &evaluation->effective, policy, pins, &text, error);
	rest = pga_text_string(&text);
	while (pga_next_line(&rest, &line, &length)) {
		const size_t indent = strspn(line, " ");

		if (indent > 0)
			pga_text_add(&composition->warnings, "; ");
		pga_text_add_bytes(indent > 0 ? &composition->warnings : warning(composition),
				   line + indent, length - indent);
	}
	composition->warnings.failed = composition->warnings.failed || text.failed;
	pga_text_free(&text);
	return result;
}

/* no_roots: why libpq finds none to trust, or NULL. */
static void warn_of_unpinned(const struct pga_policy *policy, const struct pga_pins *pins,
			     const char *no_roots, struct pga_composition *composition)
{
	const char *hosts = pga_text_string(&composition->choice.unpinned);

	/* warn_of_anchors() has said it. */
	if (hosts[0] == '\0' || pga_trust_by_pins(policy, pins))
		return;
	if (no_roots == NULL)
		pga_text_addf(warning(composition),
			      "no anchor is pinned for %s: libpq will trust what "
			      "~/.postgresql/root.crt holds; \"pganchor "
			      "bootstrap\" pins one",
			      hosts);
	else
		pga_text_addf(warning(composition), "no anchor is pinned for %s, and ", hosts);
}

/* The entry may be there before its root is. */
static void warn_of_no_roots(const char *given, const char *why,
			     struct pga_composition *composition)
{
	struct pga_text *text = &composition->warnings;

	/* warn_of_unpinned() has begun the sentence, or there is none before. */
	if (text->length == 0 || text->bytes[text->length - 1] != ' ')
		text = warning(composition);
	if (given != NULL)
		pga_text_addf(text,
			      "sslrootcert=%s: no connection will succeed until that is put right: "
			      "%s",
			      given, why);
	else
		pga_text_addf(text,
			      "libpq will not connect yet: %s; first \"pganchor bootstrap --ca-url "
			      "URL --fingerprint HEX\", which pins the root of the server's CA and "
			      "puts it there",
			      why);
}

/* Whether take_root_crt() has named the file, and has said what it lacks. */
static bool names_root_crt(const struct pga_wish *wish, const struct pga_anchor_choice *choice)
{
	return choice->anchor != NULL && choice->in_root_crt && wish->place == PGA_SERVICE_USER;
}

static int look_at_roots(const struct pga_wish *wish, const struct pga_policy *policy,
			 const struct pga_pins *pins, struct pga_composition *composition,
			 struct pga_error *error)
{
	const char *given = pga_settings_value(&wish->settings, "sslrootcert");
	struct pga_roots roots = {.count = 0};
	const char *why = NULL;
	int result;

	if (given == NULL && !composition->evaluation.needs_tls)
		result = 0;
	else
		result = pga_roots_look(&roots, &composition->evaluation.effective, &why, error);
	composition->no_roots = why != NULL;
	if (names_root_crt(wish, &composition->choice))
		why = NULL;
	if (result == 0)
		result = warn_of_anchors(&roots, policy, pins, composition, error);
	if (result == 0)
		warn_of_unpinned(policy, pins, why, composition);
	if (why != NULL)
		warn_of_no_roots(given, why, composition);
	pga_roots_free(&roots);
	return result;
}

static int warn_of_crls(struct pga_composition *composition, struct pga_error *error)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	const int result = pga_crls_look(&composition->evaluation.effective, &text, error);

	if (text.length > 0)
		pga_text_add(warning(composition), pga_text_string(&text));
	pga_text_free(&text);
	return result;
}

/* The anchor's own file binds the entry to it, so it must hold this certificate and no other but
 * those that join it. */
static int take_own_file(const struct pga_pins *pins, struct pga_composition *composition,
			 struct pga_error *error)
{
	const struct pga_anchor_choice *choice = &composition->choice;
	struct pga_error wrong;

	if (pga_anchor_file_check(choice->anchor, pins, choice->sslrootcert, &wrong) != 0)
		return pga_fail(error,
				choice->anchor->system
				    ? "nothing was written; the system pins this root, and who "
				      "runs this machine has to put its certificate there; "
				      "\"pganchor bootstrap\" of the same CA gives you a file of "
				      "your own"
				    : "nothing was written; \"pganchor bootstrap\" of the same CA "
				      "again puts the file right",
				"anchor %s: %s", choice->anchor->name, wrong.message);
	return pga_settings_add(&composition->settings, "sslrootcert", choice->sslrootcert, error);
}

/* Names the file in which libpq would look by itself, but for a PGSSLROOTCERT in the environment.
 */
static int take_root_crt(struct pga_composition *composition, struct pga_error *error)
{
	const struct pga_pin *anchor = composition->choice.anchor;
	struct pga_roots roots = {.count = 0};
	struct pga_error wrong;
	char *path = pga_roots_path(&roots, "", error);
	int result = -1;

	if (path == NULL)
		goto done;
	if (anchor != NULL && pga_roots_hold(path, anchor->pin, &wrong) != 0)
		pga_text_addf(warning(composition),
			      "anchor %s: no connection will succeed until \"pganchor bootstrap\" "
			      "brings it back: %s",
			      anchor->name, wrong.message);
	result = pga_settings_add(&composition->settings, "sslrootcert", path, error);
done:
	free(path);
	pga_roots_free(&roots);
	return result;
}

static int choose_anchor(const struct pga_wish *wish, const struct pga_pins *pins,
			 struct pga_composition *composition, struct pga_error *error)
{
	struct pga_anchor_choice *choice = &composition->choice;
	const char *given = pga_settings_value(&composition->settings, "sslrootcert");

	if (given != NULL && wish->anchor != NULL)
		return pga_fail(error, "give one of the two",
				"--anchor and sslrootcert: both say which root to trust");
	if (given != NULL)
		return 0;
	if (pga_anchor_choose(pins, wish->anchor, &composition->settings, choice, error) != 0)
		return -1;
	if (choice->sslrootcert != NULL && !choice->anchor->system &&
	    wish->place == PGA_SERVICE_SYSTEM)
		return pga_fail(
		    error, "put the root where all can read it, and give sslrootcert=FILE",
		    "anchor %s: its file %s is in your home, where other users cannot read it",
		    choice->anchor->name, choice->sslrootcert);
	if (choice->sslrootcert != NULL)
		return take_own_file(pins, composition, error);
	if (choice->in_root_crt && wish->place == PGA_SERVICE_USER)
		return take_root_crt(composition, error);
	return 0;
}

static int judge(struct pga_composition *composition, const struct pga_policy *policy,
		 struct pga_error *error)
{
	struct pga_evaluation *evaluation = &composition->evaluation;

	pga_evaluation_free(evaluation);
	if (pga_evaluate_settings(&composition->settings, policy, evaluation, error) != 0)
		return -1;
	if (evaluation->state != PGA_ENTRY_BROKEN)
		return 0;
	return pga_fail(error, "libpq's manual says what each setting may be: Parameter Key Words",
			"libpq: %s", pga_text_string(&evaluation->why));
}

/* One reason more, of a setting that the user has given. */
static void refuse_value(struct pga_composition *composition, const char *keyword, const char *what)
{
	struct pga_evaluation *evaluation = &composition->evaluation;

	pga_text_addf(&evaluation->why, "%s%s=%s %s", evaluation->why.length > 0 ? "\n" : "",
		      keyword, pga_settings_value(&composition->settings, keyword), what);
	evaluation->state = PGA_ENTRY_WEAK;
}

/* What is allowed only because the gate would lock it is weak in an entry, which has to hold
 * without the gate too. */
static void refuse_what_the_gate_would_lock(struct pga_composition *composition,
					    const struct pga_policy *policy)
{
	const struct pga_evaluation *evaluation = &composition->evaluation;

	if (evaluation->lock_gss)
		refuse_value(composition, "gssencmode",
			     "may take GSSAPI encryption instead of TLS");
	if (evaluation->lock_min_tls)
		refuse_value(composition, "ssl_min_protocol_version",
			     policy->min_tls == PGA_TLS_1_3 ? "is lower than TLSv1.3"
							    : "is lower than TLSv1.2");
	if (evaluation->lock_binding)
		refuse_value(composition, "channel_binding",
			     "may do without channel binding, which the policy requires");
	if (evaluation->lock_auth)
		refuse_value(composition, "require_auth",
			     "lets in methods of authentication that the policy's auth does not");
}

/* Adds a setting where the policy wants it and the user has not given it. */
static int add_wanted(struct pga_composition *composition, bool wanted, const char *keyword,
		      const char *value, struct pga_error *error)
{
	if (!wanted || pga_settings_value(&composition->settings, keyword) != NULL)
		return 0;
	return pga_settings_add(&composition->settings, keyword, value, error);
}

static int strengthen(struct pga_composition *composition, const struct pga_policy *policy,
		      struct pga_error *error)
{
	const struct pga_evaluation *evaluation = &composition->evaluation;

	if (judge(composition, policy, error) != 0 ||
	    add_wanted(composition, evaluation->lock_min_tls, "ssl_min_protocol_version",
		       pga_verdict_min_tls(policy), error) != 0 ||
	    add_wanted(composition, evaluation->lock_binding, "channel_binding", "require",
		       error) != 0 ||
	    add_wanted(composition, evaluation->lock_auth, "require_auth", evaluation->auth,
		       error) != 0 ||
	    judge(composition, policy, error) != 0)
		return -1;
	refuse_what_the_gate_would_lock(composition, policy);
	return 0;
}

int pga_compose(const struct pga_wish *wish, const struct pga_policy *policy,
		const struct pga_pins *pins, struct pga_composition *composition,
		struct pga_error *error)
{
	memset(composition, 0, sizeof *composition);
	if (pga_settings_check(&wish->settings, error) != 0 ||
	    order(wish, &composition->settings, error) != 0 ||
	    choose_anchor(wish, pins, composition, error) != 0 ||
	    pga_crl_choose(pins, composition->choice.anchor, wish->place, &composition->settings,
			   &composition->warnings, error) != 0 ||
	    pga_settings_check(&composition->settings, error) != 0 ||
	    strengthen(composition, policy, error) != 0 ||
	    look_at_roots(wish, policy, pins, composition, error) != 0)
		goto failed;
	if (composition->evaluation.needs_tls && warn_of_crls(composition, error) != 0)
		goto failed;
	if (pga_settings_value(&composition->settings, "password") != NULL)
		pga_text_addf(warning(composition),
			      "the password is in the file as clear text%s; ~/.pgpass (mode "
			      "0600) is its place",
			      wish->place == PGA_SERVICE_SYSTEM
				  ? ", for every user of this machine to read"
				  : "");
	if (composition->warnings.failed || composition->evaluation.why.failed) {
		(void)pga_fail_memory(error);
		goto failed;
	}
	return 0;
failed:
	pga_composition_free(composition);
	return -1;
}

void pga_composition_free(struct pga_composition *composition)
{
	pga_settings_free(&composition->settings);
	pga_anchor_choice_free(&composition->choice);
	pga_evaluation_free(&composition->evaluation);
	pga_text_free(&composition->warnings);
}
