/* anchor/root_crt.h: which bytes of a root.crt an edit touches; and what anchor/unpinned.h and
 * anchor/known_roots.h find in such files. */
#include "certificates.h"
#include "failing.h"
#include "directory.h"

#include "anchor/known_roots.h"
#include "anchor/root_crt.h"
#include "anchor/unpinned.h"

#include <openssl/err.h>

#include <sys/stat.h>

#define OURS    "# pganchor anchor n\n"
#define ENDLESS "# pganchor anchor n (the line above had no end)\n"

static struct pga_certificate ours;
static struct pga_certificate other;

static int make_roots(void **state)
{
	(void)state;
	ours = make_root("Ours");
	other = make_root("Other");
	return 0;
}

static int free_roots(void **state)
{
	(void)state;
	pga_certificate_free(&ours);
	pga_certificate_free(&other);
	return 0;
}

/* The text with {o} and {x} in it as our certificate and the other; | is a carriage return, ^ a
 * NUL. The caller frees it. */
static struct pga_text filled(const char *pattern)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	for (; *pattern != '\0'; pattern++) {
		if (strncmp(pattern, "{o}", 3) == 0)
			pga_text_add(&text, ours.pem);
		else if (strncmp(pattern, "{x}", 3) == 0)
			pga_text_add(&text, other.pem);
		else if (*pattern == '|')
			pga_text_add(&text, "\r");
		else if (*pattern == '^')
			pga_text_add_bytes(&text, "", 1);
		else
			pga_text_add_bytes(&text, pattern, 1);
		pattern += *pattern == '{' ? 2 : 0;
	}
	return text;
}

static void assert_same(const struct pga_text *text, const char *pattern)
{
	struct pga_text wanted = filled(pattern);

	assert_string_equal(pga_text_string(text), pga_text_string(&wanted));
	assert_int_equal(text->length, wanted.length);
	pga_text_free(&wanted);
}

#define DAMAGED "f: damaged: not readable as PEM"
#define HIDDEN  "f: what is in it would hide the new certificate from libpq"

static void what_is_added(void **state)
{
	static const struct {
		const char *before;
		const char *after; /* NULL: what is said in its place */
		const char *message;
	} files[] = {
	    {"", OURS "{o}", NULL},
	    {"{x}", "{x}" OURS "{o}", NULL},
	    {"a note", "a note\n" ENDLESS "{o}", NULL},
	    {"a note|\n", "a note|\n" OURS "{o}", NULL},
	    {"{x}by hand\n{x}", "{x}by hand\n{x}" OURS "{o}", NULL},
	    {"{o}", "{o}" OURS "{o}", NULL},
	    {"-----BEGIN CERTIFICATE-----\n", NULL, DAMAGED},
	    {"{x}^\n", NULL, HIDDEN PGA_ROOT_CRT_NUL},
	    {"{x}-----BEGIN CERTIFICATE-----", NULL, HIDDEN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		struct pga_text before = filled(files[i].before);
		struct pga_text after = PGA_TEXT_EMPTY;
		struct pga_error error = {.message = ""};
		const int result = pga_root_crt_add("f", &before, "n", &ours, &after, &error);

		if (files[i].after != NULL) {
			assert_int_equal(result, 0);
			assert_same(&after, files[i].after);
		} else {
			assert_int_equal(result, -1);
			if (strcmp(error.message, DAMAGED) != 0)
				assert_string_equal(error.message, files[i].message);
			assert_non_null(strstr(error.hint, "nothing was changed"));
		}
		pga_text_free(&before);
		pga_text_free(&after);
	}
}

static void what_it_holds(void **state)
{
	static const struct {
		const char *content;
		bool any;
		bool ours;
		bool other;
	} files[] = {
	    {"", false, false, false},        {"a note\n", false, false, false},
	    {"{o}", true, true, false},       {"{x}", true, false, true},
	    {"{x}a\n{o}b", true, true, true}, {"{x}^\n{o}", true, false, true},
	};
	struct pga_text damaged =
	    filled("{o}-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n");
	struct pga_error error;
	bool holds = true;

	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		struct pga_text content = filled(files[i].content);

		assert_int_equal(pga_root_crt_look_for("f", &content, NULL, &holds, &error), 0);
		assert_int_equal(holds, files[i].any);
		assert_int_equal(pga_root_crt_look_for("f", &content, ours.pin, &holds, &error), 0);
		assert_int_equal(holds, files[i].ours);
		assert_int_equal(pga_root_crt_look_for("f", &content, other.pin, &holds, &error),
				 0);
		assert_int_equal(holds, files[i].other);
		pga_text_free(&content);
	}
	assert_int_equal(pga_root_crt_look_for("f", &damaged, ours.pin, &holds, &error), -1);
	assert_string_equal(error.message, DAMAGED);
	pga_text_free(&damaged);
}

static void what_is_cut(void **state)
{
	static const struct {
		const char *before;
		const char *after; /* NULL: as it was */
	} files[] = {
	    {OURS "{o}", ""},
	    {"{x}" OURS "{o}", "{x}"},
	    {OURS "{o}{x}", "{x}"},
	    {"a\n" OURS "b\n{o}c\n", "a\nb\nc\n"},
	    {"a\n" OURS "\n\n{o}c", "a\n\n\nc"},
	    {OURS "{x}" OURS "{o}", OURS "{x}"},
	    {OURS OURS "{o}", OURS},
	    {OURS "{o}" OURS "{o}", OURS "{o}"},
	    {"# pganchor anchor n|\n{o}", ""},
	    {"a\n" ENDLESS "{o}", "a"},
	    {"a\n\n" ENDLESS "{o}", "a\n"},
	    {"a|\n" ENDLESS "{o}", "a"},
	    {"a\n" ENDLESS "{o}b", "a\nb"},
	    {"a\n" ENDLESS "b\n{o}", "a\nb\n"},
	    {"a\n" ENDLESS "{o}# pganchor anchor m|\n{x}",
	     "a\n# pganchor anchor m (the line above had no end)|\n{x}"},
	    {ENDLESS "{o}", ""},
	    {"x " OURS "{o}", NULL},
	    {"# pganchor anchor n2\n{o}", NULL},
	    {"# pganchor anchor \n{o}", NULL},
	    {OURS "{x}{o}", NULL},
	    {"{o}" OURS, NULL},
	    {"{o}", NULL},
	    {OURS "{x}", NULL},
	    {OURS, NULL},
	    {"", NULL},
	    {"{o}" OURS "{x}", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		struct pga_text before = filled(files[i].before);
		struct pga_text after = PGA_TEXT_EMPTY;
		struct pga_error error;
		bool cut;

		if (pga_root_crt_cut("f", &before, "n", ours.pin, &after, &cut, &error) != 0)
			fail_msg("%s: %s", files[i].before, error.message);
		if (cut != (files[i].after != NULL))
			fail_msg("%s: %d", files[i].before, cut);
		assert_same(&after, cut ? files[i].after : files[i].before);
		pga_text_free(&before);
		pga_text_free(&after);
	}
}

static void what_cannot_be_cut(void **state)
{
	struct pga_text before = filled("-----BEGIN CERTIFICATE-----\n" OURS "{o}");
	struct pga_text after = PGA_TEXT_EMPTY;
	struct pga_error error;
	bool cut = true;

	(void)state;
	assert_int_equal(pga_root_crt_cut("f", &before, "n", ours.pin, &after, &cut, &error), -1);
	assert_string_equal(error.message, DAMAGED);
	assert_false(cut);
	pga_text_free(&before);
	pga_text_free(&after);
}

static int edit(struct pga_error *error)
{
	static const struct pga_text nothing = PGA_TEXT_EMPTY;
	struct pga_text once = PGA_TEXT_EMPTY;
	struct pga_text rest = PGA_TEXT_EMPTY;
	bool holds = false;
	bool cut = false;
	int result = -1;

	if (pga_root_crt_add("f", &nothing, "n", &ours, &once, error) == 0 &&
	    pga_root_crt_look_for("f", &once, ours.pin, &holds, error) == 0 &&
	    pga_root_crt_cut("f", &once, "n", ours.pin, &rest, &cut, error) == 0) {
		result = 0;
		assert_true(holds && cut);
		assert_int_equal(rest.length, 0);
	}
	pga_text_free(&once);
	pga_text_free(&rest);
	return result;
}

static void an_edit_without_memory(void **state)
{
	(void)state;
	without_each(edit, false);
}

static struct pga_pins pins_of(const struct pga_certificate *certificate)
{
	struct pga_pins pins;
	struct pga_error error;
	char text[256];

	(void)snprintf(text, sizeof text, "[a]\npin = %s\n", certificate->pin);
	assert_int_equal(pga_pins_parse(&pins, "x", text, strlen(text), &error), 0);
	return pins;
}

/* Writes these, one after the other, to the file f. */
static void put_certificates(const struct pga_certificate *const *certificates, size_t count)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	for (size_t i = 0; i < count; i++)
		pga_text_add(&text, certificates[i]->pem);
	put("f", pga_text_string(&text));
	pga_text_free(&text);
}

/* One whose end nobody can read; *read says whether this OpenSSL reads it all the same. */
static struct pga_certificate make_odd(EVP_PKEY *key, bool *read)
{
	X509 *x509 = make_unsigned(&(struct kind){.name = "Odd"}, key);

	*read = end_oddly(x509, key);
	return take_certificate(x509);
}

static void roots_that_are_not_pinned(void **state)
{
	EVP_PKEY *key = make_key();
	struct pga_certificate soon = take_certificate(
	    make_certificate(&(struct kind){.name = "Soon", .begins = DAY, .ends = 2 * DAY}));
	struct pga_certificate late =
	    take_certificate(make_certificate(&(struct kind){.name = "Late", .ends = -2}));
	struct pga_certificate below =
	    take_certificate(make_certificate(&(struct kind){.name = "Below", .issuer = "Root"}));
	struct pga_certificate namesake = make_root("Ours");
	struct pga_certificate first =
	    take_certificate(make_certificate(&(struct kind){.name = "Twins", .key = key}));
	struct pga_certificate second = take_certificate(
	    make_certificate(&(struct kind){.name = "Twins", .key = key, .serial = 2}));
	struct pga_certificate stranger =
	    take_certificate(make_certificate(&(struct kind){.name = "No twin", .key = key}));
	bool odd_is_read;
	struct pga_certificate odd = make_odd(key, &odd_is_read);
	const struct pga_certificate *const all[] = {&ours,   &other,    &soon,     &late,
						     &below,  &other,    &namesake, &first,
						     &second, &stranger, &odd};
	static const char *const others[] = {"nowhere", "pipe", "directory", "note", "damaged"};
	struct pga_pins pins = pins_of(&ours);
	struct pga_pins twins = pins_of(&second);
	struct pga_unpinned_roots found;
	struct pga_error error;

	(void)state;
	put_certificates(all, odd_is_read ? 11 : 10);
	assert_int_equal(pga_unpinned_roots_read(&found, "f", &pins, &error), 0);
	assert_int_equal(found.count, 6);
	assert_int_equal(found.pinned, 1);
	assert_true(found.readable);
	/* Nothing is left for who looks for OpenSSL's reason next. */
	assert_int_equal(ERR_peek_error(), 0);
	assert_string_equal(found.roots[0].pin, other.pin);
	assert_string_equal(found.roots[1].pin, soon.pin);
	assert_string_equal(found.roots[2].pin, namesake.pin);
	assert_string_equal(found.roots[3].pin, first.pin);
	assert_string_equal(found.roots[4].pin, second.pin);
	assert_string_equal(found.roots[5].pin, stranger.pin);
	pga_unpinned_roots_free(&found);
	assert_null(found.roots);
	assert_int_equal(found.count, 0);
	/* A twin of what is pinned is as good, where that is in the file too. */
	assert_int_equal(pga_unpinned_roots_read(&found, "f", &twins, &error), 0);
	assert_int_equal(found.count, 5);
	assert_int_equal(found.pinned, 2);
	assert_string_equal(found.roots[0].pin, ours.pin);
	assert_string_equal(found.roots[4].pin, stranger.pin);
	pga_unpinned_roots_free(&found);
	put_certificates((const struct pga_certificate *const[]){&first}, 1);
	assert_int_equal(pga_unpinned_roots_read(&found, "f", &twins, &error), 0);
	assert_int_equal(found.count, 1);
	pga_unpinned_roots_free(&found);
	/* What is no certificate is none of them. */
	{
		BIO *bio = BIO_new_file("f", "w");

		assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
		assert_int_equal(PEM_write_bio_X509(bio, first.x509), 1);
		assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
		BIO_free(bio);
	}
	assert_int_equal(pga_unpinned_roots_read(&found, "f", &pins, &error), 0);
	assert_int_equal(found.count, 1);
	assert_true(found.readable);
	assert_string_equal(found.roots[0].pin, first.pin);
	pga_unpinned_roots_free(&found);
	/* Nor is what no file has: a pipe is for libpq, and nobody writes to it. */
	assert_int_equal(mkfifo("pipe", 0600) | mkdir("directory", 0700), 0);
	put("note", "nothing at all\n");
	put("damaged", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n");
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		assert_int_equal(pga_unpinned_roots_read(&found, others[i], &pins, &error), 0);
		assert_int_equal(found.count + found.pinned, 0);
		assert_false(found.readable);
		assert_int_equal(ERR_peek_error(), 0);
		pga_unpinned_roots_free(&found);
	}
	pga_pins_free(&pins);
	pga_pins_free(&twins);
	pga_certificate_free(&soon);
	pga_certificate_free(&late);
	pga_certificate_free(&below);
	pga_certificate_free(&namesake);
	pga_certificate_free(&first);
	pga_certificate_free(&second);
	pga_certificate_free(&stranger);
	pga_certificate_free(&odd);
	EVP_PKEY_free(key);
}

static int read_unpinned(struct pga_error *error)
{
	struct pga_unpinned_roots found;
	struct pga_pins pins = {.count = 0};
	const int result = pga_unpinned_roots_read(&found, "f", &pins, error);

	if (result == 0)
		assert_int_equal(found.count, 2);
	pga_unpinned_roots_free(&found);
	return result;
}

static void unpinned_without_memory(void **state)
{
	(void)state;
	put_certificates((const struct pga_certificate *const[]){&ours, &other}, 2);
	without_each(read_unpinned, false);
}

/* A home with anchors a (of source s), b (of another), c (of s, whose file holds b's root), d (of
 * s, without a file) and e (of s). */
static void make_anchors(const struct pga_certificate *e)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	char missing[PGA_PIN_LENGTH + 1];
	char wrong[PGA_PIN_LENGTH + 1];

	memset(missing, '0', PGA_PIN_LENGTH);
	missing[PGA_PIN_LENGTH] = '\0';
	memcpy(wrong, other.pin, sizeof wrong);
	wrong[PGA_PIN_LENGTH - 1] = wrong[PGA_PIN_LENGTH - 1] == '0' ? '1' : '0';
	pga_text_addf(
	    &text,
	    "[a]\nsource = s\npin = %s\n[b]\nsource = s2\npin = %s\n[c]\nsource = s\npin = %s\n"
	    "[d]\nsource = s\npin = %s\n[e]\nsource = s\npin = %s\n",
	    ours.pin, other.pin, wrong, missing, e->pin);
	assert_int_equal(mkdir("pganchor", 0700), 0);
	assert_int_equal(mkdir("pganchor/anchors", 0700), 0);
	put("pganchor/anchors.conf", pga_text_string(&text));
	put("pganchor/anchors/a.crt", ours.pem);
	put("pganchor/anchors/b.crt", other.pem);
	put("pganchor/anchors/c.crt", other.pem);
	put("pganchor/anchors/e.crt", e->pem);
	assert_int_equal(setenv("XDG_CONFIG_HOME", scratch, 1), 0);
	pga_text_free(&text);
}

static int read_known(struct pga_error *error)
{
	struct pga_known_roots known;
	const int result = pga_known_roots_read(&known, "s", error);

	if (result == 0 && !has_failed)
		assert_int_equal(known.count, 2);
	for (size_t i = 0; i < known.count; i++) {
		assert_non_null(known.roots[i].certificate.x509);
		if (result == 0)
			assert_true(strcmp(known.roots[i].name, "a") == 0 ||
				    strcmp(known.roots[i].name, "e") == 0);
	}
	pga_known_roots_free(&known);
	return result;
}

static void roots_of_one_source(void **state)
{
	EVP_PKEY *key = make_key();
	struct pga_certificate e = take_certificate(
	    make_certificate(&(struct kind){.name = "E", .key = key, .usage = "keyCertSign"}));
	X509 *leaf = make_certificate(&(struct kind){.name = "leaf",
						     .issuer = "E",
						     .signer = key,
						     .basic = "CA:FALSE",
						     .purpose = "serverAuth"});
	STACK_OF(X509) *chain = sk_X509_new_null();
	struct pga_known_roots known;
	struct pga_error error;

	(void)state;
	make_anchors(&e);
	assert_int_equal(sk_X509_push(chain, leaf), 1);
	assert_int_equal(pga_known_roots_read(&known, "s", &error), 0);
	assert_int_equal(known.count, 2);
	assert_string_equal(known.roots[0].name, "a");
	assert_string_equal(known.roots[0].certificate.pin, ours.pin);
	assert_string_equal(known.roots[1].name, "e");
	assert_ptr_equal(pga_known_roots_of(&known, chain), &known.roots[1]);
	pga_known_roots_free(&known);
	assert_int_equal(known.count, 0);
	assert_null(known.roots);
	assert_int_equal(pga_known_roots_read(&known, "s2", &error), 0);
	assert_int_equal(known.count, 1);
	assert_null(pga_known_roots_of(&known, chain));
	pga_known_roots_free(&known);
	without_each(read_known, true);
	put("pganchor/anchors.conf", "nonsense");
	assert_int_equal(pga_known_roots_read(&known, "s", &error), -1);
	assert_non_null(strstr(error.message, "anchors.conf"));
	pga_known_roots_free(&known);
	sk_X509_pop_free(chain, X509_free);
	pga_certificate_free(&e);
	EVP_PKEY_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_added),
	    cmocka_unit_test(what_it_holds),
	    cmocka_unit_test(what_is_cut),
	    cmocka_unit_test(what_cannot_be_cut),
	    cmocka_unit_test(an_edit_without_memory),
	    cmocka_unit_test_setup_teardown(roots_that_are_not_pinned, make_scratch,
					    remove_scratch),
	    cmocka_unit_test_setup_teardown(unpinned_without_memory, make_scratch, remove_scratch),
	    cmocka_unit_test_setup_teardown(roots_of_one_source, make_scratch, remove_scratch),
	};

	return cmocka_run_group_tests(tests, make_roots, free_roots);
}
