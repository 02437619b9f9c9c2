#include "cli/print_unpinned.h"

#include "anchor/root_crt_path.h"
#include "base/terminal.h"
#include "policy/linked.h"
#include "policy/trust.h"
#include "service/anchored.h"

#include <stdlib.h>
#include <string.h>

/* A file of all public CAs has about 150: who has that needs no list of them. */
#define MOST_NAMED 8

bool pga_is_of_root_crt(const struct pga_effective *effective)
{
	const char *path = pga_effective_value(effective, "sslrootcert");
	struct pga_error error;
	char *root_crt;
	bool is;

	if (path == NULL || path[0] == '\0')
		return true;
	root_crt = pga_root_crt_path(&error);
	is = root_crt != NULL && strcmp(path, root_crt) == 0;
	free(root_crt);
	return is;
}

size_t pga_list_unpinned(const struct pga_unpinned_roots *unpinned, const char *except,
			 struct pga_text *list)
{
	size_t count = 0;

	for (size_t i = 0; i < unpinned->count; i++) {
		const struct pga_certificate *root = &unpinned->roots[i];

		if (except != NULL && strcmp(root->pin, except) == 0)
			continue;
		if (count++ < MOST_NAMED)
			pga_text_addf(list, "    %s (SHA-256 %s)\n", root->subject, root->pin);
	}
	if (count > MOST_NAMED)
		pga_text_addf(list, "    and %zu more\n", count - MOST_NAMED);
	return count;
}

int pga_tell_unpinned(const char *path, const struct pga_policy *policy,
		      const struct pga_pins *pins, struct pga_text *text, struct pga_error *error)
{
	struct pga_unpinned_roots unpinned = {.roots = NULL};
	struct pga_text list = PGA_TEXT_EMPTY;
	char *root_crt = NULL;
	size_t count;
	int result = -1;

	if (!pga_trust_by_pins(policy, pins))
		return 0;
	root_crt = pga_root_crt_path(error);
	if (path == NULL || path[0] == '\0')
		path = root_crt;
	if (path == NULL || pga_unpinned_roots_read(&unpinned, path, pins, error) != 0)
		goto done;
	count = pga_list_unpinned(&unpinned, NULL, &list);
	if (count > 0)
		pga_text_addf(text,
			      "%s: the gate %s the servers of %zu %s in it that %s not "
			      "pinned:\n%s    %s",
			      path, pga_anchored_refuses(policy, "refuses"), count,
			      count == 1 ? "root" : "roots", count == 1 ? "is" : "are",
			      pga_text_string(&list),
			      root_crt == NULL || strcmp(path, root_crt) != 0
				  ? "pganchor bootstrap of a server's CA pins one"
				  : "pganchor bootstrap --pin-existing pins what is in root.crt");
	result = list.failed || text->failed ? pga_fail_memory(error) : 0;
done:
	pga_text_free(&list);
	pga_unpinned_roots_free(&unpinned);
	free(root_crt);
	return result;
}

int pga_warn_of_unpinned(const char *path, const struct pga_policy *policy,
			 const struct pga_pins *pins, struct pga_error *error)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	const int result = pga_tell_unpinned(path, policy, pins, &text, error);

	if (result == 0 && text.length != 0)
		pga_print_warning("%s", pga_text_string(&text));
	pga_text_free(&text);
	return result;
}
