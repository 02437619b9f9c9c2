/* What is said of a file that libpq could not use, and what would work. */
#include "anchor/proof.h"

#include "anchor/root_crt.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct outcome {
	struct pga_text fault; /* empty: libpq can use the file */
	bool by_crl;
};

/* A file without a name that has these bytes, for those that are not to be written anywhere else.
 */
static int unnamed_file(const struct pga_text *content, char path[64], struct pga_error *error)
{
	int file = memfd_create("pganchor", MFD_CLOEXEC);
	size_t written = 0;
	ssize_t count = 1;

	while (file >= 0 && written < content->length && count > 0) {
		count = write(file, content->bytes + written, content->length - written);
		written += count > 0 ? (size_t)count : 0;
	}
	if (file >= 0 && written == content->length) {
		(void)snprintf(path, 64, "/proc/self/fd/%d", file);
		return file;
	}
	(void)pga_fail_errno(error, NULL, "could not try what would be written");
	if (file >= 0)
		(void)close(file);
	return -1;
}

static int try_file(const struct pga_proof *proof, const struct pga_crl_places *crls,
		    const struct pga_proof_file *file, struct outcome *outcome,
		    struct pga_error *error)
{
	char path[64];
	int unnamed;
	int result;

	if (file->path != NULL)
		return pga_proof_try(proof, crls, file->path, &outcome->fault, &outcome->by_crl,
				     error);
	unnamed = unnamed_file(file->content, path, error);
	if (unnamed < 0)
		return -1;
	result = pga_proof_try(proof, crls, path, &outcome->fault, &outcome->by_crl, error);
	(void)close(unnamed);
	return result;
}

/* What to say of the CRLs; NULL, with the error, for want of memory. */
static char *crl_text(const struct pga_crl_places *crls, const struct outcome *outcome,
		      struct pga_error *error)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	char *taken;

	pga_text_addf(&text, "%s: %s", crls->file != NULL ? crls->file : crls->directory,
		      pga_text_string(&outcome->fault));
	taken = pga_text_take(&text);
	if (taken == NULL)
		(void)pga_fail_memory(error);
	return taken;
}

static int say_fault(const struct pga_proof_file *file, const struct outcome *outcome,
		     const char *hint, struct pga_error *error)
{
	return pga_fail(error, hint, "%s: libpq could not verify this CA's servers with it: %s%s",
			file->name, pga_text_string(&outcome->fault),
			pga_root_crt_has_nul(file->content) ? PGA_ROOT_CRT_NUL : "");
}

static int judge(const struct pga_crl_places *crls, const struct pga_proof_file *file,
		 const struct outcome *outcome, const char *hint, char **crl_fault,
		 struct pga_error *error)
{
	if (outcome->fault.length == 0)
		return 0;
	if (!outcome->by_crl)
		return say_fault(file, outcome, hint, error);
	if (*crl_fault == NULL)
		*crl_fault = crl_text(crls, outcome, error);
	return *crl_fault != NULL ? 0 : -1;
}

int pga_proof_files(const struct pga_proof *proof, const struct pga_proof_file *own,
		    const struct pga_proof_file *root_crt, char **crl_fault,
		    struct pga_error *error)
{
	struct outcome own_outcome = {.by_crl = false};
	struct outcome root_outcome = {.by_crl = false};
	struct pga_crl_places crls;
	int result = -1;

	*crl_fault = NULL;
	if (pga_crl_places_find(&crls, error) == 0 &&
	    try_file(proof, &crls, own, &own_outcome, error) == 0 &&
	    (root_crt->content == NULL ||
	     try_file(proof, &crls, root_crt, &root_outcome, error) == 0) &&
	    judge(&crls, own, &own_outcome, "nothing was changed", crl_fault, error) == 0 &&
	    judge(&crls, root_crt, &root_outcome,
		  "--scoped leaves that file alone: the root in a file of its own was tried, and "
		  "works; nothing was changed",
		  crl_fault, error) == 0)
		result = 0;
	pga_text_free(&own_outcome.fault);
	pga_text_free(&root_outcome.fault);
	pga_crl_places_free(&crls);
	return result;
}

int pga_proof_many(const char *name, const char *path, const struct pga_text *content,
		   const struct pga_certificate *roots, size_t count, struct pga_error *error)
{
	struct pga_text fault = PGA_TEXT_EMPTY;
	char unnamed_path[64];
	int unnamed = -1;
	int result = -1;

	if (path == NULL) {
		unnamed = unnamed_file(content, unnamed_path, error);
		path = unnamed_path;
		if (unnamed < 0)
			goto done;
	}
	if (pga_proof_find_all(path, roots, count, &fault, error) != 0)
		goto done;
	if (fault.length > 0)
		(void)pga_fail(error, "--scoped leaves that file alone; nothing was changed",
			       "%s: libpq could not verify with it: %s%s", name,
			       pga_text_string(&fault),
			       pga_root_crt_has_nul(content) ? PGA_ROOT_CRT_NUL : "");
	else
		result = 0;
done:
	if (unnamed >= 0)
		(void)close(unnamed);
	pga_text_free(&fault);
	return result;
}
