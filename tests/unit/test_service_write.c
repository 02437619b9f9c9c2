/* What a wish for an entry becomes, and what is written; and all of that without memory. */
#include "service_home.h"

#include "service/compose.h"
#include "service/roots.h"
#include "service/write.h"

/* Composes the entry of these settings (keyword, value, …) and writes it. */
static int add(const char *const *words, const char *anchor, const struct pga_pins *pins,
	       struct pga_text *told, struct pga_changed *changed, struct pga_error *said)
{
	struct pga_wish wish = {.anchor = anchor, .place = PGA_SERVICE_USER};
	const struct pga_change change = {.name = "s", .place = PGA_SERVICE_USER, .replace = true};
	struct pga_composition composition;
	int result = 0;

	memset(changed, 0, sizeof *changed);
	for (size_t i = 0; result == 0 && words[i] != NULL; i += 2)
		result = pga_settings_add(&wish.settings, words[i], words[i + 1], said);
	if (result == 0 && (result = pga_compose(&wish, &policy, pins, &composition, said)) == 0) {
		if (told != NULL) {
			for (size_t i = 0; i < composition.settings.count; i++)
				pga_text_addf(told, "%s=%s\n",
					      composition.settings.items[i].keyword,
					      composition.settings.items[i].value);
			pga_text_addf(told, "%s: %s\n%s",
				      pga_entry_state_word(composition.evaluation.state),
				      pga_text_string(&composition.evaluation.why),
				      pga_text_string(&composition.warnings));
		}
		if (composition.evaluation.state == PGA_ENTRY_ALLOWED)
			result = pga_service_write(&change, &composition.settings, &policy, changed,
						   said);
		pga_composition_free(&composition);
	}
	pga_settings_free(&wish.settings);
	return result;
}

static void assert_composed(const char *const *words, const char *wanted)
{
	static const struct pga_pins none = {.count = 0};
	struct pga_text told = PGA_TEXT_EMPTY;
	struct pga_changed changed;

	if (add(words, NULL, &none, &told, &changed, &error) != 0)
		fail_msg("%s", error.message);
	assert_string_equal(pga_text_string(&told), wanted);
	pga_changed_free(&changed);
	pga_text_free(&told);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define UNPINNED                                                                          \
	"no anchor is pinned for h: libpq will trust what ~/.postgresql/root.crt holds; " \
	"\"pganchor bootstrap\" "                                                         \
	"pins one"

static void what_a_wish_becomes(void **state)
{
	(void)state;
	assert_composed(
	    WORDS("application_name", "x", "port", "1", "user", "u", "dbname", "d", "host", "h"),
	    "host=h\nport=1\ndbname=d\nuser=u\nsslmode=verify-full\ngssencmode="
	    "disable\napplication_name=x\n"
	    "allowed: \n" UNPINNED);
	assert_composed(WORDS("host", "/run"),
			"host=/run\nsslmode=verify-full\ngssencmode=disable\nallowed: \n");
	assert_composed(
	    WORDS("host", "h", "password", "x"),
	    "host=h\nsslmode=verify-full\ngssencmode=disable\npassword=x\nallowed: \n" UNPINNED
	    "\nthe password is in the file as clear text; ~/.pgpass (mode 0600) is its place");
	assert_composed(
	    WORDS("host", "h", "gssencmode", "prefer"),
	    "host=h\nsslmode=verify-full\ngssencmode=prefer\n"
	    "weak: gssencmode=prefer may take GSSAPI encryption instead of TLS\n" UNPINNED);
	assert_composed(
	    WORDS("host", "h", "ssl_min_protocol_version", "TLSv1"),
	    "host=h\nsslmode=verify-full\ngssencmode=disable\nssl_min_protocol_version=TLSv1\n"
	    "weak: ssl_min_protocol_version=TLSv1 is lower than TLSv1.2\n" UNPINNED);
	assert_composed(
	    WORDS("host", "h", "gssencmode", "prefer", "ssl_min_protocol_version", "TLSv1"),
	    "host=h\nsslmode=verify-full\ngssencmode=prefer\nssl_min_protocol_version=TLSv1\n"
	    "weak: gssencmode=prefer may take GSSAPI encryption instead of TLS\n"
	    "ssl_min_protocol_version=TLSv1 is lower than TLSv1.2\n" UNPINNED);
	assert_composed(
	    WORDS("host", "h", "sslrootcert", "/nowhere"),
	    "host=h\nsslmode=verify-full\ngssencmode=disable\nsslrootcert=/nowhere\nallowed: \n"
	    "sslrootcert=/nowhere: no connection will succeed until that is put right: root "
	    "certificate file "
	    "/nowhere does not exist");
	policy.min_tls = PGA_TLS_1_3;
	assert_composed(WORDS("host", "h"),
			"host=h\nsslmode=verify-full\ngssencmode=disable\n"
			"ssl_min_protocol_version=TLSv1.3\nallowed: \n" UNPINNED);
	policy.min_tls = PGA_TLS_1_2;
}

static struct pga_pins pins_of(const char *scope)
{
	struct pga_pins pins;
	char text[256];

	(void)snprintf(text, sizeof text, "[n]\nscope = %s\nhosts = h *.h\npin = %s\n", scope,
		       root.pin);
	assert_int_equal(pga_pins_parse(&pins, "x", text, strlen(text), &error), 0);
	return pins;
}

static void put_own_file(const char *content)
{
	if (access(".config", F_OK) != 0) {
		assert_int_equal(mkdir(".config", 0700), 0);
		assert_int_equal(mkdir(".config/pganchor", 0700), 0);
		assert_int_equal(mkdir(".config/pganchor/anchors", 0700), 0);
	}
	put(".config/pganchor/anchors/n.crt", content);
}

static void the_anchor_s_file(void **state)
{
	struct pga_pins scoped = pins_of("scoped");
	struct pga_pins open = pins_of("root.crt");
	struct pga_text told = PGA_TEXT_EMPTY;
	struct pga_changed changed;
	char wanted[512];

	(void)state;
	put_own_file(root.pem);
	assert_int_equal(add(WORDS("host", "h"), NULL, &scoped, &told, &changed, &error), 0);
	(void)snprintf(wanted, sizeof wanted,
		       "host=h\nsslmode=verify-full\ngssencmode=disable\nsslrootcert=%s/.config/"
		       "pganchor/anchors/n.crt\n"
		       "allowed: \n",
		       scratch);
	assert_string_equal(pga_text_string(&told), wanted);
	assert_true(changed.created);
	assert_false(changed.replaced || changed.unchanged || changed.readable_by_others);
	assert_int_equal(changed.line, 1);
	assert_int_equal(changed.sections, 0);
	pga_changed_free(&changed);
	pga_text_free(&told);
	/* Named, though it is in root.crt. */
	assert_int_equal(add(WORDS("host", "x.h"), "n", &open, NULL, &changed, &error), 0);
	(void)snprintf(wanted, sizeof wanted,
		       "[s]\nhost=x.h\nsslmode=verify-full\ngssencmode=disable\nsslrootcert=%s/"
		       ".config/pganchor/anchors/n.crt\n",
		       scratch);
	assert_holds(".pg_service.conf", wanted);
	assert_true(changed.replaced);
	assert_false(changed.created || changed.unchanged);
	pga_changed_free(&changed);
	assert_int_equal(add(WORDS("host", "x.h"), "n", &open, NULL, &changed, &error), 0);
	assert_true(changed.replaced && changed.unchanged);
	pga_changed_free(&changed);
	/* And root.crt itself. */
	assert_int_equal(add(WORDS("host", "h"), NULL, &open, &told, &changed, &error), 0);
	(void)snprintf(wanted, sizeof wanted,
		       "host=h\nsslmode=verify-full\ngssencmode=disable\nsslrootcert=%s/"
		       ".postgresql/root.crt\nallowed: \n",
		       scratch);
	assert_string_equal(pga_text_string(&told), wanted);
	pga_changed_free(&changed);
	/* No other certificate may be beside it. */
	(void)snprintf(wanted, sizeof wanted,
		       "anchor n: %s/.config/pganchor/anchors/n.crt: holds no certificate that",
		       scratch);
	put_own_file("");
	assert_int_equal(add(WORDS("host", "h"), NULL, &scoped, NULL, &changed, &error), -1);
	assert_memory_equal(error.message, wanted, strlen(wanted));
	assert_int_equal(
	    add(WORDS("host", "h", "sslrootcert", "/x"), "n", &open, NULL, &changed, &error), -1);
	assert_string_equal(error.message,
			    "--anchor and sslrootcert: both say which root to trust");
	pga_text_free(&told);
	pga_pins_free(&scoped);
	pga_pins_free(&open);
}

static const struct pga_pins *pins_used;

static int add_once(struct pga_error *said)
{
	struct pga_changed changed;
	struct pga_text told = PGA_TEXT_EMPTY;
	const int result = add(WORDS("host", "h,i", "password", "x", "port", "1"), NULL, pins_used,
			       &told, &changed, said);

	left = 0;
	if (result == 0)
		assert_true(changed.created);
	pga_changed_free(&changed);
	pga_text_free(&told);
	assert_int_equal(access(".pg_service.conf", F_OK), result);
	(void)unlink(".pg_service.conf");
	return result;
}

static void adding_without_memory(void **state)
{
	struct pga_pins scoped = pins_of("scoped");
	struct pga_pins open = pins_of("root.crt");

	(void)state;
	put_own_file(root.pem);
	pins_used = &scoped;
	without_each(add_once, true);
	pins_used = &open;
	without_each(add_once, true);
	policy.min_tls = PGA_TLS_1_3;
	without_each(add_once, true);
	policy.min_tls = PGA_TLS_1_2;
	pga_pins_free(&scoped);
	pga_pins_free(&open);
}

static int delete_once(struct pga_error *said)
{
	const struct pga_change change = {.name = "good", .place = PGA_SERVICE_SYSTEM};
	struct pga_changed changed;
	int result;

	put("pg_service.conf", "[a]\nhost=h\n[good]\nhost=h\n");
	result = pga_service_delete(&change, &changed, said);
	left = 0;
	assert_holds("pg_service.conf",
		     result == 0 ? "[a]\nhost=h\n" : "[a]\nhost=h\n[good]\nhost=h\n");
	if (result == 0) {
		assert_string_equal(pga_text_string(&changed.removed), "[good]\nhost=h\n");
		assert_int_equal(changed.line, 3);
		assert_int_equal(changed.sections, 1);
		assert_true(changed.readable_by_others);
	}
	pga_changed_free(&changed);
	return result;
}

static void deleting_without_memory(void **state)
{
	(void)state;
	without_each(delete_once, true);
}

static void what_cannot_be_written(void **state)
{
	const struct pga_change change = {.name = "a", .place = PGA_SERVICE_SYSTEM};
	struct pga_settings settings = {.items = NULL};
	struct pga_changed changed;
	char wanted[256];

	(void)state;
	put("pg_service.conf", "\n[b]\nhost=h\n[a]\nhost=h\n");
	assert_int_equal(pga_settings_add(&settings, "host", "/run", &error), 0);
	assert_int_equal(pga_service_write(&change, &settings, &policy, &changed, &error), -1);
	(void)snprintf(wanted, sizeof wanted,
		       "service a: already exists in %s/pg_service.conf, line 4", scratch);
	assert_string_equal(error.message, wanted);
	/* What would be weak is not written. */
	pga_settings_free(&settings);
	assert_int_equal(pga_settings_add(&settings, "host", "h", &error), 0);
	assert_int_equal(
	    pga_service_write(&(struct pga_change){.name = "c", .place = PGA_SERVICE_SYSTEM},
			      &settings, &policy, &changed, &error),
	    -1);
	assert_memory_equal(error.message, "the new entry would be weak: ", 29);
	assert_int_equal(
	    pga_service_delete(&(struct pga_change){.name = "c", .place = PGA_SERVICE_SYSTEM},
			       &changed, &error),
	    -1);
	(void)snprintf(wanted, sizeof wanted,
		       "service c: there is none of this name in %s/pg_service.conf", scratch);
	assert_string_equal(error.message, wanted);
	assert_holds("pg_service.conf", "\n[b]\nhost=h\n[a]\nhost=h\n");
	pga_settings_free(&settings);
}

static void a_file_that_is_no_text(void **state)
{
	static const char bytes[] = "[b]\nhost=h\n\0[a]\n";
	const struct pga_change change = {
	    .name = "c", .place = PGA_SERVICE_SYSTEM, .replace = true};
	struct pga_settings settings = {.items = NULL};
	struct pga_changed changed;
	FILE *file = fopen("pg_service.conf", "w");

	(void)state;
	assert_int_equal(fwrite(bytes, 1, sizeof bytes - 1, file), sizeof bytes - 1);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(pga_settings_add(&settings, "host", "/run", &error), 0);
	assert_int_equal(pga_service_write(&change, &settings, &policy, &changed, &error), -1);
	assert_non_null(strstr(error.message, "/pg_service.conf, line 3: holds a NUL byte"));
	assert_int_equal(
	    pga_service_delete(&(struct pga_change){.name = "b", .place = PGA_SERVICE_SYSTEM},
			       &changed, &error),
	    -1);
	assert_non_null(strstr(error.message, "/pg_service.conf, line 3: holds a NUL byte"));
	pga_settings_free(&settings);
}

static void what_a_file_of_roots_holds(void **state)
{
	struct pga_certificate other = make_root("Other");
	const struct pga_pins none = {0};
	struct pga_pin anchor = {0};
	char text[8192];

	(void)state;
	memcpy(anchor.pin, root.pin, sizeof anchor.pin);
	put("f", root.pem);
	assert_int_equal(pga_roots_hold_alone("f", &anchor, &none, &error), 0);
	assert_int_equal(pga_roots_hold("f", other.pin, &error), -1);
	assert_string_equal(error.message, "f: does not hold the certificate that is pinned");
	for (size_t i = 0; i < PGA_PIN_LENGTH; i++) {
		char pin[PGA_PIN_LENGTH + 1];

		memcpy(pin, root.pin, sizeof pin);
		pin[i] = pin[i] == '0' ? '1' : '0';
		assert_int_equal(pga_roots_hold("f", pin, &error), -1);
	}
	for (int first = 0; first < 2; first++) {
		(void)snprintf(text, sizeof text, "%s%s", first ? root.pem : other.pem,
			       first ? other.pem : root.pem);
		put("f", text);
		assert_int_equal(pga_roots_hold("f", root.pin, &error), 0);
		assert_int_equal(pga_roots_hold_alone("f", &anchor, &none, &error), -1);
		assert_string_equal(error.message, "f: holds another certificate, too");
	}
	put("f", "");
	assert_int_equal(pga_roots_hold_alone("f", &anchor, &none, &error), -1);
	assert_string_equal(
	    error.message,
	    "f: holds no certificate that OpenSSL can read (no certificate or crl found)");
	put("f", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n");
	assert_int_equal(pga_roots_hold_alone("f", &anchor, &none, &error), -1);
	assert_string_equal(error.message,
			    "f: holds no certificate that OpenSSL can read (PEM lib)");
	assert_int_equal(pga_roots_hold_alone("f/x", &anchor, &none, &error), -1);
	assert_string_equal(error.message, "root certificate file f/x does not exist");
	pga_certificate_free(&other);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_home, remove_scratch)
	const struct CMUnitTest tests[] = {
	    TEST(what_a_wish_becomes),        TEST(the_anchor_s_file),
	    TEST(adding_without_memory),      TEST(deleting_without_memory),
	    TEST(what_cannot_be_written),     TEST(a_file_that_is_no_text),
	    TEST(what_a_file_of_roots_holds),
	};

	return cmocka_run_group_tests(tests, make_root_once, free_root);
}
