#include "profile/roots.h"

#include "anchor/known_roots.h"
#include "anchor/source_words.h"

#include <stdlib.h>
#include <string.h>

#define SOURCE_ADDRESS(source, ...) &pga_source_##source

/* What is looked for. */
struct finding_roots {
	struct pga_profile_roots *roots;
	const struct pga_pins *pins;
	bool settled;
	pga_profile_asks *asks;
	void *context;
};

static struct pga_profile_root *add(struct pga_profile_roots *roots,
				    const struct pga_profile_anchor *anchor)
{
	struct pga_profile_root *grown =
	    reallocarray(roots->roots, roots->count + 1, sizeof *grown);

	if (grown == NULL)
		return NULL;
	roots->roots = grown;
	grown[roots->count] = (struct pga_profile_root){.anchor = anchor};
	return &grown[roots->count++];
}

/* The anchor's own file has it. */
static bool is_here(const struct finding_roots *finding, const char *pin,
		    struct pga_certificate *certificate)
{
	const struct pga_pin *const *sections;
	const size_t count = pga_pins_of_root(finding->pins, pin, &sections);

	/* The user's stands last. */
	for (size_t i = count; i-- > 0;)
		if (pga_known_root_read(sections[i], NULL, certificate))
			return true;
	return false;
}

static int take_here(struct finding_roots *finding, const struct pga_profile_anchor *anchor,
		     const char *pin, bool *taken, struct pga_error *error)
{
	struct pga_certificate certificate;
	struct pga_profile_root *root;

	*taken = is_here(finding, pin, &certificate);
	if (!*taken)
		return 0;
	root = add(finding->roots, anchor);
	if (root == NULL) {
		pga_certificate_free(&certificate);
		return pga_fail_memory(error);
	}
	root->certificate = certificate;
	return 0;
}

static char *copy_of(const char *text)
{
	return text != NULL ? strdup(text) : NULL;
}

static int take_fetched(struct finding_roots *finding, const struct pga_profile_anchor *anchor,
			const struct pga_source_request *request, struct pga_candidates *found,
			struct pga_error *error)
{
	struct pga_profile_root *root = add(finding->roots, anchor);

	if (root == NULL)
		return pga_fail_memory(error);
	root->fetched = true;
	root->certificate = found->roots[0];
	memset(&found->roots[0], 0, sizeof found->roots[0]);
	root->kind = copy_of(request->source->name);
	root->location = copy_of(request->location);
	root->asked = copy_of(request->asked);
	root->etag = copy_of(found->etag);
	root->digest = copy_of(found->digest[0] != '\0' ? found->digest : NULL);
	if (root->kind == NULL || root->location == NULL ||
	    (request->asked != NULL && root->asked == NULL) ||
	    (found->etag != NULL && root->etag == NULL) ||
	    (found->digest[0] != '\0' && root->digest == NULL))
		return pga_fail_memory(error);
	return 0;
}

/* One source that the word may mean. *other: it is none of its kind. */
static int ask_source(struct finding_roots *finding, const struct pga_profile_anchor *anchor,
		      const char *pin, const struct pga_source *source, bool *other,
		      struct pga_error *error)
{
	struct pga_source_request request = {
	    .source = source, .http = {NULL, PGA_HTTP_CONNECT_TIMEOUT, PGA_HTTP_MAX_TIME}};
	struct pga_candidates found = {.roots = NULL};
	int result = -1;

	if (source->read(&request, anchor->source, error) != 0)
		goto done;
	/* A source that has a pin of its own has to have this one. */
	if (pga_source_confirm(&request, pin, error) != 0)
		goto done;
	memcpy(request.pin, pin, sizeof request.pin);
	if (pga_source_resolve(&request, error) == 0 &&
	    pga_source_fetch(&request, &found, error) == 0 &&
	    pga_certificate_check_anchor(&found.roots[0], request.location, error) == 0 &&
	    pga_source_verify(&request, &found, error) == 0)
		result = take_fetched(finding, anchor, &request, &found, error);
	*other = found.other_kind;
done:
	pga_candidates_free(&found);
	pga_source_request_free(&request);
	return result;
}

static int fetch(struct finding_roots *finding, const struct pga_profile_anchor *anchor,
		 const char *pin, struct pga_error *error)
{
	static const struct pga_source *const sources[] = {PGA_SOURCES_OF_WORDS(SOURCE_ADDRESS)};
	struct pga_error first;
	bool asked = false;

	for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
		bool other = false;

		if (sources[i] == &pga_source_stdin || sources[i]->fits == NULL ||
		    sources[i]->fits(anchor->source) == NULL)
			continue;
		if (ask_source(finding, anchor, pin, sources[i], &other, error) == 0)
			return 0;
		if (!asked)
			first = *error;
		asked = true;
		if (!other)
			return -1;
	}
	if (!asked)
		return pga_fail(
		    error, "whoever made the profile has to mend it",
		    "anchor %s: %s is no file, no https address, and no address of a CA",
		    anchor->name, anchor->source);
	*error = first;
	return -1;
}

static int take_embedded(struct finding_roots *finding, const struct pga_profile_anchor *anchor,
			 struct pga_error *error)
{
	struct pga_profile_root *root = add(finding->roots, anchor);

	return root != NULL
		   ? pga_certificate_of(&root->certificate, anchor->certificate.x509, error)
		   : pga_fail_memory(error);
}

static int take_all_here(struct finding_roots *finding, const struct pga_profile_anchor *anchor,
			 bool *here, struct pga_error *error)
{
	for (size_t i = 0; i < anchor->pin_count; i++)
		if (take_here(finding, anchor, anchor->pins[i], &here[i], error) != 0)
			return -1;
	return 0;
}

/* Those that are here, and the others from the source. */
static int find_of(struct finding_roots *finding, const struct pga_profile_anchor *anchor,
		   struct pga_error *error)
{
	const size_t before = finding->roots->count;
	bool here[PGA_PROFILE_ROOTS] = {false};
	struct pga_error first;
	bool asked = false;

	if (anchor->certificate.x509 != NULL)
		return take_embedded(finding, anchor, error);
	if (take_all_here(finding, anchor, here, error) != 0)
		return -1;
	if (finding->settled && finding->roots->count > before)
		return 0;
	for (size_t i = 0; i < anchor->pin_count; i++) {
		if (here[i])
			continue;
		if (!asked && finding->asks != NULL)
			finding->asks(finding->context, anchor);
		if (fetch(finding, anchor, anchor->pins[i], error) != 0 && !asked)
			first = *error;
		asked = true;
	}
	if (finding->roots->count > before)
		return 0;
	*error = first;
	return -1;
}

int pga_profile_roots_find(struct pga_profile_roots *roots, const struct pga_profile *profile,
			   const struct pga_pins *pins, bool settled, pga_profile_asks *asks,
			   void *context, struct pga_error *error)
{
	struct finding_roots finding = {roots, pins, settled, asks, context};

	for (size_t i = 0; i < profile->anchor_count; i++)
		if (find_of(&finding, &profile->anchors[i], error) != 0)
			return -1;
	return 0;
}

void pga_profile_roots_free(struct pga_profile_roots *roots)
{
	for (size_t i = 0; i < roots->count; i++) {
		pga_certificate_free(&roots->roots[i].certificate);
		free(roots->roots[i].kind);
		free(roots->roots[i].location);
		free(roots->roots[i].asked);
		free(roots->roots[i].etag);
		free(roots->roots[i].digest);
	}
	free(roots->roots);
	memset(roots, 0, sizeof *roots);
}
