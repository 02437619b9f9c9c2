#include "cli/consent.h"

#include "base/terminal.h"
#include "cli/question.h"
#include "tls/certificate_text.h"
#include "tls/fingerprint.h"

#include <stdio.h>
#include <string.h>

static int show_root(FILE *stream, const struct pga_certificate *root, struct pga_error *error)
{
	struct pga_text details = PGA_TEXT_EMPTY;
	const int result = pga_certificate_tell(root, &details, error);

	if (result == 0)
		pga_print(stream, "%s    fingerprint  %s%s%s\n", pga_text_string(&details),
			  pga_colour(stream, PGA_BOLD), root->pin, pga_colour(stream, PGA_PLAIN));
	pga_text_free(&details);
	return result;
}

void pga_show_roots(const char *location, const struct pga_candidates *candidates)
{
	FILE *terminal = fopen(PGA_TERMINAL, "r+e");

	if (terminal == NULL)
		return;
	pga_print(terminal, "%s says that these are its roots, and nothing proves it:\n", location);
	for (size_t i = 0; i < candidates->count; i++) {
		struct pga_error error;

		if (show_root(terminal, &candidates->roots[i], &error) != 0)
			pga_print_error(&error);
		(void)fputc('\n', terminal);
	}
	(void)fclose(terminal);
}

static bool looks_like_a_fingerprint(const char *text)
{
	size_t digits = 0;

	for (; *text != '\0'; text++)
		digits += strchr("0123456789abcdefABCDEF", *text) != NULL;
	return digits >= 16;
}

static int weigh(const struct pga_answer *answer, const char *location, const char *pin,
		 struct pga_error *error)
{
	char typed[PGA_PIN_LENGTH + 1];

	if (answer->whole && strcmp(answer->text, "yes") == 0)
		return 0;
	if (!answer->whole || !looks_like_a_fingerprint(answer->text))
		return pga_fail(error, PGA_FINGERPRINT_ADVICE,
				"%s: not trusted by you; nothing was pinned", location);
	if (pga_fingerprint_read(answer->text, "nothing was pinned: what you typed", typed,
				 error) != 0)
		return -1;
	if (strcmp(typed, pin) == 0)
		return 0;
	return pga_fail(error,
			"somebody may be between you and the CA, or the fingerprint is of "
			"another CA; ask who runs it",
			"%s: the root that was shown is another one than the fingerprint %s means; "
			"nothing was pinned",
			location, typed);
}

/* Where the root is from, and who has said so. */
static void say_where_from(FILE *stream, const char *location, const struct pga_candidates *found)
{
	if (found->verified_by != NULL)
		pga_print(stream,
			  "%s holds this root; the address is verified by %s, which does not prove "
			  "the root:\n",
			  location, found->verified_by);
	else if (found->digest[0] != '\0')
		pga_print(stream, "%s holds this root:\n", location);
	else
		pga_print(stream, "%s says that this is its root:\n", location);
}

int pga_consent(const struct pga_anchor *anchor, const struct pga_candidates *found,
		const char *warning, struct pga_error *error)
{
	const char *location = anchor->source;
	const struct pga_certificate *root = anchor->proof.root;
	struct pga_question question;
	struct pga_answer answer;
	int result;

	if (pga_question_begin(&question, PGA_FINGERPRINT_ADVICE, error) != 0)
		return -1;
	if (warning[0] != '\0')
		pga_print(
		    question.out,
		    "%sWARNING:%s %s\n    This may be an attack, or the CA has a new root.\n\n",
		    pga_colour(question.out, PGA_RED), pga_colour(question.out, PGA_PLAIN),
		    warning);
	say_where_from(question.out, location, found);
	result = show_root(question.out, root, error);
	(void)fputs("Nothing proves it but the fingerprint: compare it with the one that you got "
		    "from who runs the CA.\n",
		    question.out);
	if (result == 0)
		result = pga_question_ask(
		    &question,
		    "Trust this root for PostgreSQL? Type yes, or the fingerprint: ", &answer,
		    error);
	if (result == 0)
		result = weigh(&answer, location, root->pin, error);
	pga_question_end(&question);
	return result;
}
