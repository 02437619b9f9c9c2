/* What a refusal of step-ca means. Its 401 is the same whatever is wrong; a 403 says it in words of
 * its own, which differ from version to version, so that only what is in all of them is looked for.
 */
#include "cert/issue.h"

#include "cert/lifetime.h"

#include <stdlib.h>
#include <string.h>

static void tell_clock(long ahead, struct pga_text *text)
{
	pga_text_add(text, "the clock of this machine is ");
	pga_lifetime_tell(labs(ahead), text);
	pga_text_addf(text, " %s the CA's", ahead > 0 ? "behind" : "ahead of");
}

static int explain_clock(const char *url, long ahead, struct pga_error *error)
{
	struct pga_text what = PGA_TEXT_EMPTY;

	tell_clock(ahead, &what);
	(void)pga_fail(error, "set the clock; nothing was changed", "%s: refused: %s", url,
		       pga_text_string(&what));
	pga_text_free(&what);
	return -1;
}

/* Of a token that was given: what can be known of it was looked at before it was sent. */
static int explain_given(const struct pga_issuer *issuer, const struct pga_issue *issue,
			 struct pga_error *error)
{
	struct pga_token token;
	const char *url = issuer->authority.url;
	bool known = false;

	if (pga_token_read(&token, issue->token, error) == 0) {
		for (size_t i = 0; i < issuer->provisioners.count && token.issuer != NULL; i++)
			known =
			    known || strcmp(issuer->provisioners.list[i].name, token.issuer) == 0;
		if (token.issuer != NULL && !known)
			(void)pga_fail(error, "is it the right CA?",
				       "%s: the token is of provisioner %s, which it does not have",
				       url, token.issuer);
		else
			(void)pga_fail(error,
				       "have another one made: step ca token SUBJECT. A token is "
				       "spent by a request that fails, too",
				       "%s: the token was refused: it was used before, or is for "
				       "another CA",
				       url);
	}
	pga_token_free(&token);
	return -1;
}

static int explain_unauthorized(const struct pga_issuer *issuer, const struct pga_issue *issue,
				const struct pga_stepca_answer *answer, struct pga_error *error)
{
	const long ahead = pga_stepca_ahead(answer->date, answer->here);

	if (labs(ahead) > PGA_ISSUE_LEEWAY)
		return explain_clock(issuer->authority.url, ahead, error);
	if (issue->token != NULL)
		return explain_given(issuer, issue, error);
	return pga_fail(error,
			"the reason is in the CA's log. Was the CA started just now, or its "
			"provisioner changed? Then try again",
			"%s: a token of provisioner %s was refused, though its password is right",
			issuer->authority.url, issuer->provisioner->name);
}

static bool says(const struct pga_stepca_answer *answer, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strstr(pga_text_string(&answer->says), *words) != NULL)
			return true;
	return false;
}

static int explain_forbidden(const struct pga_issuer *issuer,
			     const struct pga_stepca_answer *answer, struct pga_error *error)
{
	static const char *const of_lifetime[] = {"duration", "notAfter", "NotAfter", NULL};
	static const char *const of_names[] = {
	    "DNS names", "IP addresses", "IP Addresses", "email addresses",
	    "URIs",      "not allowed",  "SAN",          NULL};
	static const char *const of_subject[] = {"common name", "Common Name", "subject", NULL};
	const char *hint = "ask who runs the CA";
	const char *what = "the CA does not sign this";

	if (says(answer, of_lifetime)) {
		what = "the CA does not sign for that lifetime";
		hint = "ask for another: --lifetime; without it, it is the CA's own";
	} else if (says(answer, of_names)) {
		what = "the CA does not sign for these names";
		hint = "ask for others: --san; or ask who runs the CA which it signs for";
	} else if (says(answer, of_subject)) {
		what = "the CA does not sign for this name";
	}
	return pga_fail(error, hint, "%s: %s: %s", issuer->authority.url, what,
			pga_text_string(&answer->says));
}

int pga_issue_explain(const struct pga_issuer *issuer, const struct pga_issue *issue,
		      const struct pga_stepca_answer *answer, struct pga_error *error)
{
	if (answer->status == 401)
		return explain_unauthorized(issuer, issue, answer, error);
	if (answer->status == 403 || answer->status == 400)
		return explain_forbidden(issuer, answer, error);
	return -1;
}
