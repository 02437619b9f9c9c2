/* anchor/proof.h: which CRLs libpq would use, and the files that are tried with them. */
#include "certificates.h"
#include "failing.h"
#include "directory.h"
#include "tried_roots.h"

#include "anchor/proof.h"
#include "anchor/root_crt.h"

static void crls(void **state)
{
	STACK_OF(X509) *chain = good_chain();
	STACK_OF(X509) *expired = chain_of("Root", key, -2, "serverAuth");
	const struct pga_proof proof = {.root = &root, .chain = chain};
	const struct pga_proof alone = {.root = &root};
	char file[] = "crl";
	char directory[] = ".";
	char missing[] = "none";
	char hashed[32];
	const struct pga_crl_places in_file = {.file = file};
	const struct pga_crl_places in_directory = {.directory = directory};
	const struct pga_crl_places nowhere = {.file = missing};

	(void)state;
	put_two(root.pem, "");
	assert_tried(&proof, &nowhere, "", false);
	assert_tried(&alone, &nowhere, "", false);
	put_crl("crl", &root, key, 8, DAY);
	assert_tried(&proof, &in_file, "", false);
	assert_tried(&alone, &in_file, "", false);
	put_crl("crl", &root, key, 7, DAY);
	assert_tried(&proof, &in_file, "certificate revoked", false);
	put_crl("crl", &root, key, 0, -60);
	assert_tried(&proof, &in_file, "CRL has expired", true);
	assert_tried(&(struct pga_proof){.root = &root, .chain = expired}, &in_file, "C", false);
	put_crl("crl", &other, other_key, 0, DAY);
	assert_tried(&proof, &in_file, "unable to get certificate CRL", true);
	assert_tried(&alone, &in_file, "unable to get certificate CRL", true);
	/* Of a directory, by OpenSSL's name for it. An empty one asks for CRLs as well. */
	assert_tried(&proof, &in_directory, "unable to get certificate CRL", true);
	(void)snprintf(hashed, sizeof hashed, "%08lx.r0",
		       X509_NAME_hash_ex(X509_get_subject_name(root.x509), NULL, NULL, NULL));
	put_crl(hashed, &root, key, 0, DAY);
	assert_tried(&proof, &in_directory, "", false);
	assert_tried(&alone, &in_directory, "", false);
	sk_X509_pop_free(chain, X509_free);
	sk_X509_pop_free(expired, X509_free);
}

static int find_places(struct pga_error *said)
{
	struct pga_crl_places places;
	const int result = pga_crl_places_find(&places, said);

	pga_crl_places_free(&places);
	return result;
}

static void assert_places(const char *file, const char *directory)
{
	struct pga_crl_places places;

	assert_int_equal(pga_crl_places_find(&places, &error), 0);
	if (file != NULL)
		assert_string_equal(places.file, file);
	else
		assert_null(places.file);
	if (directory != NULL)
		assert_string_equal(places.directory, directory);
	else
		assert_null(places.directory);
	pga_crl_places_free(&places);
}

static void where_crls_are(void **state)
{
	char home[128];

	(void)state;
	(void)snprintf(home, sizeof home, "%s/.postgresql/root.crl", scratch);
	assert_int_equal(setenv("HOME", scratch, 1), 0);
	assert_places(home, NULL);
	without_each(find_places, true);
	assert_int_equal(setenv("PGSSLCRL", "", 1), 0);
	assert_int_equal(setenv("PGSSLCRLDIR", "", 1), 0);
	assert_places(home, NULL);
	assert_int_equal(setenv("PGSSLCRL", "f", 1), 0);
	assert_places("f", NULL);
	assert_int_equal(setenv("PGSSLCRLDIR", "d", 1), 0);
	assert_places("f", "d");
	without_each(find_places, false);
	assert_int_equal(unsetenv("PGSSLCRL"), 0);
	assert_places(NULL, "d");
	assert_int_equal(unsetenv("PGSSLCRLDIR"), 0);
}

/* The texts that are tried. */
static struct pga_text own;
static struct pga_text all;
static struct pga_proof proved;
static char *crl_fault;

static int try_both(struct pga_error *said)
{
	const struct pga_proof_file own_file = {"own", NULL, &own};
	const struct pga_proof_file root_file = {"root.crt", NULL, &all};
	const size_t descriptors = descriptors_open();
	int result;

	free(crl_fault);
	result = pga_proof_files(&proved, &own_file, &root_file, &crl_fault, said);
	assert_int_equal(descriptors_open(), descriptors);
	if (result == 0)
		assert_null(crl_fault);
	return result;
}

#define COULD_NOT ": libpq could not verify this CA's servers with it: "

static void both_files(void **state)
{
	STACK_OF(X509) *chain = good_chain();
	const struct pga_proof_file own_file = {"own", NULL, &own};
	const struct pga_proof_file no_file = {NULL, NULL, NULL};
	char wanted[256];

	(void)state;
	assert_int_equal(setenv("HOME", scratch, 1), 0);
	proved = (struct pga_proof){.root = &root, .chain = chain};
	pga_text_add(&own, root.pem);
	pga_text_add(&all, root.pem);
	assert_int_equal(try_both(&error), 0);
	without_each(try_both, true);
	/* Each of the two counts. */
	pga_text_free(&all);
	pga_text_add(&all, other.pem);
	assert_int_equal(try_both(&error), -1);
	assert_string_equal(error.message, "root.crt" COULD_NOT NOT_FOUND);
	assert_memory_equal(error.hint, "--scoped leaves that file alone: ", 33);
	pga_text_add_bytes(&all, "\0\n", 2);
	assert_int_equal(try_both(&error), -1);
	assert_string_equal(error.message, "root.crt" COULD_NOT NOT_FOUND PGA_ROOT_CRT_NUL);
	assert_int_equal(pga_proof_files(&proved, &own_file, &no_file, &crl_fault, &error), 0);
	pga_text_free(&own);
	pga_text_add(&own, other.pem);
	assert_int_equal(pga_proof_files(&proved, &own_file, &no_file, &crl_fault, &error), -1);
	assert_string_equal(error.message, "own" COULD_NOT NOT_FOUND);
	assert_string_equal(error.hint, "nothing was changed");
	/* A file that is there. */
	put_two(root.pem, "");
	assert_int_equal(pga_proof_files(&proved, &(struct pga_proof_file){"own", "roots", &own},
					 &no_file, &crl_fault, &error),
			 0);
	/* What only a CRL is in the way of is no fault of the files. */
	put_crl("crl", &other, other_key, 0, DAY);
	assert_int_equal(setenv("PGSSLCRL", "crl", 1), 0);
	assert_int_equal(pga_proof_files(&proved, &(struct pga_proof_file){"own", "roots", &own},
					 &no_file, &crl_fault, &error),
			 0);
	assert_string_equal(crl_fault, "crl: unable to get certificate CRL");
	free(crl_fault);
	assert_int_equal(unsetenv("PGSSLCRL"), 0);
	assert_int_equal(setenv("PGSSLCRLDIR", ".", 1), 0);
	assert_int_equal(pga_proof_files(&proved, &(struct pga_proof_file){"own", "roots", &own},
					 &(struct pga_proof_file){"root.crt", "roots", &own},
					 &crl_fault, &error),
			 0);
	assert_string_equal(crl_fault, ".: unable to get certificate CRL");
	free(crl_fault);
	crl_fault = NULL;
	put_crl("crl", &root, key, 7, DAY);
	assert_int_equal(setenv("PGSSLCRL", "crl", 1), 0);
	assert_int_equal(pga_proof_files(&proved, &(struct pga_proof_file){"own", "roots", &own},
					 &no_file, &crl_fault, &error),
			 -1);
	(void)snprintf(wanted, sizeof wanted, "own" COULD_NOT "certificate revoked");
	assert_string_equal(error.message, wanted);
	assert_null(crl_fault);
	assert_int_equal(unsetenv("PGSSLCRL"), 0);
	assert_int_equal(unsetenv("PGSSLCRLDIR"), 0);
	pga_text_free(&own);
	pga_text_free(&all);
	sk_X509_pop_free(chain, X509_free);
}

static void what_the_kernel_takes(void **state)
{
	STACK_OF(X509) *chain = good_chain();
	static const char message[] = "could not try what would be written: ";
	int input;

	(void)state;
	assert_int_equal(setenv("HOME", scratch, 1), 0);
	proved = (struct pga_proof){.root = &root, .chain = chain};
	pga_text_add(&own, root.pem);
	pga_text_add(&all, root.pem);
	at_once = 100;
	assert_int_equal(try_both(&error), 0);
	at_once = 0;
	/* Where nobody has the first descriptor, it is as good as another. */
	input = dup(0);
	(void)close(0);
	assert_int_equal(try_both(&error), 0);
	assert_int_equal(dup2(input, 0), 0);
	(void)close(input);
	write_error = ENOSPC;
	assert_int_equal(try_both(&error), -1);
	assert_memory_equal(error.message, message, strlen(message));
	assert_non_null(strstr(error.message, strerror(ENOSPC)));
	none_is_written = true;
	assert_int_equal(try_both(&error), -1);
	assert_memory_equal(error.message, message, strlen(message));
	none_is_written = false;
	write_error = 0;
	none_is_made = true;
	assert_int_equal(try_both(&error), -1);
	assert_memory_equal(error.message, message, strlen(message));
	assert_non_null(strstr(error.message, strerror(EMFILE)));
	none_is_made = false;
	pga_text_free(&own);
	pga_text_free(&all);
	sk_X509_pop_free(chain, X509_free);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(crls),
	    TEST(where_crls_are),
	    TEST(both_files),
	    TEST(what_the_kernel_takes),
	};

	return cmocka_run_group_tests(tests, make_roots, free_roots);
}
