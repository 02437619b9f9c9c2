/* Which of several certificates is the root that is meant. */
#include "cli/adding.h"

#include "base/terminal.h"
#include "base/text.h"
#include "cli/question.h"
#include "tls/fingerprint.h"

#include <openssl/x509.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_self_issued(const struct pga_certificate *certificate)
{
	return X509_NAME_cmp(X509_get_subject_name(certificate->x509),
			     X509_get_issuer_name(certificate->x509)) == 0;
}

/* Leaves those that can be anchors, in their order. Where there is none, the error says why of the
 * one that is most like a root. */
static int leave_the_fit(struct pga_adding *adding, struct pga_error *error)
{
	struct pga_candidates *found = &adding->found;
	bool told = false;
	size_t fit = 0;

	for (size_t i = 0; i < found->count; i++) {
		const struct pga_certificate certificate = found->roots[i];
		struct pga_error why;

		if (pga_certificate_check_anchor(&certificate, found->where, &why) == 0) {
			found->roots[i] = found->roots[fit];
			found->roots[fit++] = certificate;
		} else if (!told || is_self_issued(&certificate)) {
			told = true;
			*error = why;
		}
	}
	if (fit == 0)
		return -1;
	adding->left_out = found->count - fit;
	while (found->count > fit)
		pga_certificate_free(&found->roots[--found->count]);
	return 0;
}

static void put_in_front(struct pga_candidates *found, size_t index)
{
	const struct pga_certificate chosen = found->roots[index];

	found->roots[index] = found->roots[0];
	found->roots[0] = chosen;
	while (found->count > 1)
		pga_certificate_free(&found->roots[--found->count]);
}

static void show_list(FILE *stream, const struct pga_candidates *found)
{
	for (size_t i = 0; i < found->count; i++) {
		const struct pga_certificate *root = &found->roots[i];

		pga_print(stream, "%4zu  %s\n      until %.10s, SHA-256 %s\n", i + 1, root->subject,
			  root->not_after, root->pin);
	}
}

/* A number of the list, or the fingerprint of one. */
static int read_choice(const struct pga_candidates *found, const struct pga_answer *answer,
		       size_t *index, struct pga_error *error)
{
	char pin[PGA_PIN_LENGTH + 1];
	char *end;

	if (answer->whole && answer->length > 0 && answer->length < 6 &&
	    answer->text[strspn(answer->text, "0123456789")] == '\0') {
		const unsigned long number = strtoul(answer->text, &end, 10);

		if (number >= 1 && number <= found->count) {
			*index = number - 1;
			return 0;
		}
	} else if (answer->whole && answer->length >= 16 &&
		   pga_fingerprint_read(answer->text, "what you typed", pin, error) == 0) {
		for (size_t i = 0; i < found->count; i++)
			if (strcmp(found->roots[i].pin, pin) == 0) {
				*index = i;
				return 0;
			}
	}
	return pga_fail(error,
			"type the number that stands in front of a root; or name it: --fingerprint "
			"HEX, or --host HOST of a server that it is for",
			"%s: none of the %zu roots was chosen; nothing was pinned", found->where,
			found->count);
}

static int choose_on_terminal(const struct pga_candidates *found, size_t *index,
			      struct pga_error *error)
{
	struct pga_question question;
	struct pga_answer answer;
	int result;

	if (pga_question_begin(&question, "name the root: --fingerprint HEX", error) != 0)
		return -1;
	pga_print(question.out, "%s holds %zu roots:\n", found->where, found->count);
	show_list(question.out, found);
	result = pga_question_ask(&question, "Which one? Type its number: ", &answer, error);
	if (result == 0)
		result = read_choice(found, &answer, index, error);
	pga_question_end(&question);
	return result;
}

int pga_adding_choose(struct pga_adding *adding, struct pga_error *error)
{
	struct pga_candidates *found = &adding->found;
	size_t index = 0;

	adding->of_bundle = found->held > 1 && adding->request.source->verify == NULL;
	if (!found->proven && found->count > 1 && leave_the_fit(adding, error) != 0)
		return -1;
	if (adding->host != NULL) {
		if (pga_certificate_check_anchor(&found->roots[0], found->where, error) != 0 ||
		    pga_adding_find_by_host(adding->host, found, &index, error) != 0)
			return -1;
		adding->left_out = found->held - 1;
	} else if (found->count > 1) {
		if (choose_on_terminal(found, &index, error) != 0)
			return -1;
	}
	put_in_front(found, index);
	return 0;
}
