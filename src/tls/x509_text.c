#include "tls/x509_text.h"

#include "base/printable.h"
#include "base/text.h"

#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

char *pga_bio_text(BIO *bio)
{
	char *bytes = NULL;
	long length = BIO_get_mem_data(bio, &bytes);

	return bytes != NULL && length > 0 ? strndup(bytes, (size_t)length) : strdup("");
}

char *pga_x509_name(const X509_NAME *name)
{
	/* Without ESC_MSB, so that UTF-8 is shown as it is. */
	const unsigned long flags = XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;
	BIO *bio = BIO_new(BIO_s_mem());
	struct pga_text shortened = PGA_TEXT_EMPTY;
	char *text = NULL;

	if (bio != NULL && X509_NAME_print_ex(bio, name, 0, flags) >= 0)
		text = pga_bio_text(bio);
	BIO_free(bio);
	if (text == NULL)
		return NULL;
	pga_text_add_shortened(&shortened, text, PGA_LONGEST_SHOWN);
	free(text);
	return pga_text_take(&shortened);
}

char *pga_x509_alternative_names(X509 *certificate)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;

	for (int i = 0; bio != NULL && i < sk_GENERAL_NAME_num(names); i++) {
		if (i > 0)
			(void)BIO_puts(bio, ", ");
		(void)GENERAL_NAME_print(bio, sk_GENERAL_NAME_value(names, i));
	}
	GENERAL_NAMES_free(names);
	if (bio != NULL)
		text = pga_bio_text(bio);
	BIO_free(bio);
	return text;
}

bool pga_x509_date(const ASN1_TIME *date, char text[PGA_X509_DATE])
{
	struct tm time;

	text[0] = '\0';
	return ASN1_TIME_to_tm(date, &time) == 1 &&
	       strftime(text, PGA_X509_DATE, "%Y-%m-%dT%H:%M:%SZ", &time) != 0;
}

void pga_x509_date_of(time_t when, char text[PGA_X509_DATE])
{
	struct tm parts;

	text[0] = '\0';
	if (gmtime_r(&when, &parts) != NULL)
		(void)strftime(text, PGA_X509_DATE, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

void pga_x509_now(char text[PGA_X509_DATE])
{
	pga_x509_date_of(time(NULL), text);
}
