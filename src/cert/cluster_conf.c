#include "cert/cluster_conf.h"

#include "base/file.h"
#include "base/text.h"
#include "cert/local_before.h"
#include "cert/local_proof.h"
#include "cert/local_serve.h"
#include "tls/x509_pem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The value of a line that sets this: in quotes, or up to a blank or a comment. */
static void take_value(const char *line, size_t length, struct pga_text *value)
{
	size_t at = 0;
	size_t end;

	while (at < length && line[at] != '=' && !pga_is_blank(line[at]))
		at++;
	while (at < length && (line[at] == '=' || pga_is_blank(line[at])))
		at++;
	value->length = 0;
	if (at < length && line[at] == '\'') {
		for (end = ++at; end < length && line[end] != '\''; end++)
			;
	} else {
		for (end = at; end < length && line[end] != '#' && !pga_is_blank(line[end]); end++)
			;
	}
	pga_text_add_bytes(value, line + at, end - at);
}

/* The last line of the file that sets it counts; none leaves the value as it was. */
static int look_in(const char *path, const char *name, struct pga_text *value,
		   struct pga_error *error)
{
	const struct pga_cluster_setting setting = {name, NULL};
	struct pga_text text = PGA_TEXT_EMPTY;
	const char *rest;
	const char *line;
	size_t length;
	bool found = false;
	int result =
	    path != NULL ? pga_file_read(path, &text, &found, error) : pga_fail_memory(error);

	rest = pga_text_string(&text);
	while (result == 0 && pga_next_line(&rest, &line, &length)) {
		size_t start = 0;

		while (start < length && pga_is_blank(line[start]))
			start++;
		if (pga_cluster_line_sets(line + start, length - start, &setting, 1))
			take_value(line + start, length - start, value);
	}
	pga_text_free(&text);
	return result;
}

/* Of /var/lib/postgresql/15/main it is in /etc/postgresql/15/main, where Debian has it. */
static char *main_conf(const struct pga_cluster *cluster)
{
	static const char debian[] = "/var/lib/postgresql/";
	struct pga_text path = PGA_TEXT_EMPTY;

	if (strncmp(cluster->directory, debian, strlen(debian)) != 0)
		return pga_cluster_file(cluster, "postgresql.conf");
	pga_text_addf(&path, "/etc/postgresql/%s/postgresql.conf",
		      cluster->directory + strlen(debian));
	return pga_text_take(&path);
}

static int find(const struct pga_cluster *cluster, const char *name, struct pga_text *value,
		struct pga_error *error)
{
	char *conf = main_conf(cluster);
	char *altered = pga_cluster_file(cluster, PGA_SERVED_CONF);
	int result = look_in(conf, name, value, error);

	if (result == 0)
		result = look_in(altered, name, value, error);
	if (result == 0 && value->failed)
		result = pga_fail_memory(error);
	free(conf);
	free(altered);
	return result;
}

static bool is_on(const char *value)
{
	return strcasecmp(value, "on") == 0 || strcasecmp(value, "true") == 0 ||
	       strcasecmp(value, "yes") == 0 || strcmp(value, "1") == 0;
}

/* What cannot be read is shown to nobody either. */
static int check_certificate(const struct pga_cluster *cluster, const struct pga_local_ca *ca,
			     const char *file, struct pga_error *error)
{
	char *path = file[0] == '/' ? strdup(file) : pga_cluster_file(cluster, file);
	struct pga_text pem = PGA_TEXT_EMPTY;
	struct pga_error ignored;
	X509 *leaf = NULL;
	int result = 0;

	if (path == NULL)
		return pga_fail_memory(error);
	if (pga_file_read(path, &pem, NULL, &ignored) == 0)
		leaf = pga_x509_of_pem(pga_text_string(&pem), pem.length);
	if (leaf != NULL)
		result = pga_local_check_other(ca, leaf, error);
	X509_free(leaf);
	pga_text_free(&pem);
	free(path);
	return result;
}

int pga_cluster_check_conf(const struct pga_cluster *cluster, const struct pga_local_ca *ca,
			   bool clients, struct pga_error *error)
{
	struct pga_text value = PGA_TEXT_EMPTY;
	bool on;
	int result = find(cluster, "ssl", &value, error);

	on = result == 0 && is_on(pga_text_string(&value));
	pga_text_free(&value);
	if (on) {
		pga_text_add(&value, "server.crt");
		result = find(cluster, "ssl_cert_file", &value, error);
		if (result == 0)
			result = check_certificate(cluster, ca, pga_text_string(&value), error);
	}
	pga_text_free(&value);
	if (on && clients && result == 0) {
		result = find(cluster, "ssl_ca_file", &value, error);
		if (result == 0 && value.length > 0 &&
		    strcmp(pga_text_string(&value), PGA_SERVED_CA) != 0)
			result = pga_local_fail_other_clients(pga_text_string(&value), error);
	}
	pga_text_free(&value);
	return result;
}
