/* What a step-ca answers, read. */
#ifndef PGA_CA_STEPCA_ANSWERS_H
#define PGA_CA_STEPCA_ANSWERS_H

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct pga_provisioner {
	char *name;
	char *type;          /* "JWK", "ACME", … */
	char *kid;           /* of a JWK's key; NULL: none */
	char *encrypted_key; /* of a JWK, a JWE; NULL: it does not hand it out */
	long least;          /* the lifetimes that it signs, in seconds; 0: it does not say */
	long most;
	long usual;
};

struct pga_provisioners {
	struct pga_provisioner *list; /* in the CA's order */
	size_t count;
	size_t seen; /* so many were there, with those that nobody can mean */
	time_t date; /* the CA's clock as it answered; -1: not known */
	time_t here; /* ours, then */
};

/* Adds those of one page of GET /provisioners. url: for messages. *next, the caller's to free, is
 * where the next page begins; NULL behind the last, and after an error. Returns -1 for what is no
 * such page. */
int pga_provisioners_add(struct pga_provisioners *provisioners, const char *url, const char *bytes,
			 size_t length, char **next, struct pga_error *error);

void pga_provisioners_free(struct pga_provisioners *provisioners);

/* What came of a request. */
struct pga_stepca_answer {
	long status;           /* HTTP's; 0: there was none */
	bool unreached;        /* nobody was reached, or gave a whole answer in time */
	time_t date;           /* the CA's clock as it answered; -1: not known */
	time_t here;           /* ours, then */
	struct pga_text says;  /* the CA's own words for a refusal; its own, and any bytes */
	struct pga_text chain; /* PEM of the certificate that it signed, and the chain behind it */
};

/* Takes the chain of an answer with a certificate. url: for messages. Returns -1 where none is in
 * it. */
int pga_stepca_answer_read(struct pga_stepca_answer *answer, const char *url, const char *bytes,
			   size_t length, struct pga_error *error);

/* Takes what a refusal says, if that is anything. */
void pga_stepca_answer_keep_words(struct pga_stepca_answer *answer, const char *bytes,
				  size_t length);

void pga_stepca_answer_free(struct pga_stepca_answer *answer);

#endif
