/* What a step-ca answers, read: foreign bytes, whoever sent them. */
#include "ca/stepca_answers.h"

#include "tls/certificate.h"

#include <jansson.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MOST         1000 /* provisioners; no CA comes near it */
#define LONGEST_SAYS 400  /* bytes of the CA's own words */

static int no_answer_of_ca(const char *url, const char *what, struct pga_error *error)
{
	return pga_fail(error, "is it the address of a step-ca?", "%s: the answer %s", url, what);
}

/* A copy of a text; NULL where it is none, with *failed for want of memory. */
static char *copy_of(const json_t *object, const char *name, bool *failed)
{
	const char *text = json_string_value(json_object_get(object, name));
	char *copy = text != NULL ? strdup(text) : NULL;

	*failed = *failed || (text != NULL && copy == NULL);
	return copy;
}

/* Go's durations: "1h30m", "500ms". In whole seconds; 0 for what is none. */
static long seconds_of(const json_t *claims, const char *name)
{
	static const struct {
		const char *unit;
		double seconds;
	} units[] = {{"ms", 1e-3}, {"us", 1e-6}, {"ns", 1e-9}, {"h", 3600}, {"m", 60}, {"s", 1}};
	const char *at = json_string_value(json_object_get(claims, name));
	double sum = 0;

	while (at != NULL && *at != '\0') {
		char *end;
		const double number = strtod(at, &end);
		size_t i = 0;

		while (i < sizeof units / sizeof units[0] &&
		       strncmp(end, units[i].unit, strlen(units[i].unit)) != 0)
			i++;
		if (end == at || i == sizeof units / sizeof units[0])
			return 0;
		sum += number * units[i].seconds;
		at = end + strlen(units[i].unit);
	}
	return sum > 0 && sum < 1e9 ? (long)sum : 0;
}

static int add_provisioner(const json_t *one, struct pga_provisioners *provisioners,
			   struct pga_error *error)
{
	const json_t *claims = json_object_get(one, "claims");
	struct pga_provisioner *list =
	    realloc(provisioners->list, (provisioners->count + 1) * sizeof *provisioners->list);
	struct pga_provisioner *added;
	bool failed = false;

	if (list == NULL)
		return pga_fail_memory(error);
	provisioners->list = list;
	added = &list[provisioners->count++];
	memset(added, 0, sizeof *added);
	added->name = copy_of(one, "name", &failed);
	added->type = copy_of(one, "type", &failed);
	added->kid = copy_of(json_object_get(one, "key"), "kid", &failed);
	added->encrypted_key = copy_of(one, "encryptedKey", &failed);
	added->least = seconds_of(claims, "minTLSCertDuration");
	added->most = seconds_of(claims, "maxTLSCertDuration");
	added->usual = seconds_of(claims, "defaultTLSCertDuration");
	if (failed)
		return pga_fail_memory(error);
	/* What has no name, or no type, cannot be meant by anybody. */
	if (added->name == NULL || added->type == NULL) {
		free(added->name);
		free(added->type);
		free(added->kid);
		free(added->encrypted_key);
		provisioners->count--;
	}
	return 0;
}

/* What may stand in an address: step-ca's cursor is hexadecimal. */
static bool is_cursor(const char *text)
{
	return strlen(text) <= 128 && text[strspn(text, "0123456789abcdefABCDEF")] == '\0';
}

int pga_provisioners_add(struct pga_provisioners *provisioners, const char *url, const char *bytes,
			 size_t length, char **next, struct pga_error *error)
{
	json_t *answer = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, NULL);
	const json_t *list = json_object_get(answer, "provisioners");
	const char *more = json_string_value(json_object_get(answer, "nextCursor"));
	int result = 0;

	*next = NULL;
	if (!json_is_array(list) || provisioners->seen + json_array_size(list) > MOST)
		result = no_answer_of_ca(url, "is no list of provisioners", error);
	provisioners->seen += json_array_size(list);
	for (size_t i = 0; result == 0 && i < json_array_size(list); i++)
		result = add_provisioner(json_array_get(list, i), provisioners, error);
	if (result == 0 && more != NULL && more[0] != '\0' && json_array_size(list) > 0 &&
	    is_cursor(more)) {
		*next = strdup(more);
		if (*next == NULL)
			result = pga_fail_memory(error);
	}
	json_decref(answer);
	return result;
}

void pga_provisioners_free(struct pga_provisioners *provisioners)
{
	for (size_t i = 0; i < provisioners->count; i++) {
		free(provisioners->list[i].name);
		free(provisioners->list[i].type);
		free(provisioners->list[i].kid);
		free(provisioners->list[i].encrypted_key);
	}
	free(provisioners->list);
	memset(provisioners, 0, sizeof *provisioners);
}

/* Adds one certificate, as OpenSSL writes it: whatever else a CA may say with it stays out. */
static bool add_certificate(const json_t *pem, struct pga_text *chain)
{
	struct pga_certificate certificate;
	struct pga_error ignored;

	if (!json_is_string(pem) || pga_certificate_read(&certificate, "", json_string_value(pem),
							 json_string_length(pem), &ignored) != 0)
		return false;
	pga_text_add(chain, certificate.pem);
	pga_certificate_free(&certificate);
	return true;
}

#define LONGEST_CHAIN 10

/* certChain has all of it; crt and ca the first two, which is what an old step-ca says. */
static bool add_chain(const json_t *answer, struct pga_text *chain)
{
	const json_t *list = json_object_get(answer, "certChain");
	const size_t count = json_array_size(list);

	if (count > LONGEST_CHAIN)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!add_certificate(json_array_get(list, i), chain))
			return false;
	if (count > 0)
		return true;
	return add_certificate(json_object_get(answer, "crt"), chain) &&
	       add_certificate(json_object_get(answer, "ca"), chain);
}

void pga_stepca_answer_keep_words(struct pga_stepca_answer *answer, const char *bytes,
				  size_t length)
{
	json_t *said = json_loadb(bytes, length, 0, NULL);
	const char *message = json_string_value(json_object_get(said, "message"));

	if (message != NULL)
		pga_text_add_shortened(&answer->says, message, LONGEST_SAYS);
	json_decref(said);
}

int pga_stepca_answer_read(struct pga_stepca_answer *answer, const char *url, const char *bytes,
			   size_t length, struct pga_error *error)
{
	json_t *said = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, NULL);
	int result = 0;

	if (json_array_size(json_object_get(said, "certChain")) > LONGEST_CHAIN)
		result =
		    no_answer_of_ca(url, "has more certificates in it than a chain has", error);
	else if (!add_chain(said, &answer->chain))
		result = no_answer_of_ca(url, "has no certificate in it", error);
	if (answer->chain.failed)
		result = pga_fail_memory(error);
	json_decref(said);
	return result;
}

void pga_stepca_answer_free(struct pga_stepca_answer *answer)
{
	pga_text_free(&answer->says);
	pga_text_free(&answer->chain);
}
