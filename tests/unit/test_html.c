/* report/html.h: no text of anybody's is markup, and a page needs nothing but itself. */
#include "cmocka_start.h"
#include "failing.h"

#include "report/html.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *text;
	const char *html;
} texts[] = {
    {"", ""},
    {"plain", "plain"},
    {"<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"},
    {"\" onload='x' &amp;", "&quot; onload=&#39;x&#39; &amp;amp;"},
    {"one\n\ttwo\r", "one\n\ttwo\\x0D"},
    {"a\033[31mb", "a\\x1B[31mb"},
    {"\xE2\x80\xAE", "\\xE2\\x80\\xAE"},
    {"\xFF\xC3\xA4", "\\xFF\xC3\xA4"},
};

static void any_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct pga_text html = PGA_TEXT_EMPTY;

		pga_html_text(&html, texts[i].text);
		assert_string_equal(pga_text_string(&html), texts[i].html);
		pga_text_free(&html);
	}
}

static void elements(void **state)
{
	struct pga_text html = PGA_TEXT_EMPTY;

	(void)state;
	pga_html_element(&html, "h2 id=\"a\"", "A & B");
	pga_html_element(&html, "p", NULL);
	pga_html_element(&html, "p", "");
	pga_html_terms(&html);
	pga_html_term(&html, "Version", "15.20");
	pga_html_term(&html, "Port", NULL);
	pga_html_terms_end(&html);
	assert_string_equal(pga_text_string(&html), "<h2 id=\"a\">A &amp; B</h2><p></p><dl>\n"
						    "<dt>Version</dt><dd>15.20</dd>\n</dl>\n");
	pga_text_free(&html);
}

static void add_table(struct pga_text *html)
{
	static const char *const headings[] = {"User", "Address", NULL};
	static const char *const rows[][2] = {{"alice", "192.0.2.1"}, {"<bob>", NULL}};

	pga_html_table(html, "Who \"is\" here", headings);
	pga_html_row(html, NULL, rows[0], 2);
	pga_html_row(html, "error", rows[1], 2);
	pga_html_table_end(html);
}

static void tables(void **state)
{
	struct pga_text html = PGA_TEXT_EMPTY;

	(void)state;
	add_table(&html);
	assert_string_equal(
	    pga_text_string(&html),
	    "<div class=\"scroll\" role=\"group\" tabindex=\"0\" aria-label=\"Who &quot;is&quot; "
	    "here\">\n<table>\n<caption>Who &quot;is&quot; here</caption>\n"
	    "<thead><tr><th scope=\"col\">User</th><th scope=\"col\">Address</th></tr></thead>\n"
	    "<tbody>\n<tr><th scope=\"row\" class=\"short\">alice</th><td "
	    "class=\"short\">192.0.2.1</td></tr>\n"
	    "<tr class=\"error\"><th scope=\"row\" class=\"short\"><span class=\"mark\">error: "
	    "</span>&lt;bob&gt;</th><td></td></tr>\n"
	    "</tbody>\n</table>\n</div>\n");
	pga_text_free(&html);
}

static void make_page(struct pga_text *html)
{
	pga_html_begin(html, "A <page>");
	add_table(html);
	pga_html_end(html);
}

static void a_page_alone(void **state)
{
	static const char *const of_others[] = {
	    "<script", "javascript:", "http:", "https:", "url(", "@import", "<link", "src="};
	struct pga_text html = PGA_TEXT_EMPTY;

	(void)state;
	make_page(&html);
	assert_non_null(strstr(pga_text_string(&html), "<html lang=\"en\">"));
	assert_non_null(strstr(pga_text_string(&html), "<title>A &lt;page&gt;</title>"));
	assert_non_null(strstr(pga_text_string(&html), "default-src 'none'"));
	for (size_t i = 0; i < sizeof of_others / sizeof *of_others; i++)
		assert_null(strstr(pga_text_string(&html), of_others[i]));
	pga_text_free(&html);
}

static void memory_runs_out(void **state)
{
	(void)state;
	for (long at = 1;; at++) {
		struct pga_text html = PGA_TEXT_EMPTY;
		bool failed;

		has_failed = false;
		left = at;
		make_page(&html);
		left = 0;
		failed = html.failed;
		pga_text_free(&html);
		assert_int_equal(failed, has_failed);
		if (!has_failed)
			break;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(any_text),        cmocka_unit_test(elements),
	    cmocka_unit_test(tables),          cmocka_unit_test(a_page_alone),
	    cmocka_unit_test(memory_runs_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
