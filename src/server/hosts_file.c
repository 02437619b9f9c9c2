#include "server/hosts_file.h"

#include "tls/host_name.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The release that brought the file: it is read as its pg_hba.conf. */
#define RELEASE 19

enum { NAMES, CERTIFICATE, KEY, CA, PASSPHRASE };

static int add(struct pga_server_hosts *hosts, const struct pga_hba_line *line, const char *path,
	       const char *name)
{
	struct pga_server_host *grown =
	    reallocarray(hosts->list, hosts->count + 1, sizeof *hosts->list);
	const char *ca = line->count > CA ? line->fields[CA].tokens[0].value : "";
	struct pga_server_host *host;

	if (grown == NULL)
		return -1;
	hosts->list = grown;
	host = &grown[hosts->count++];
	*host = (struct pga_server_host){.line = line->number};
	host->name = strdup(name);
	host->path = strdup(path);
	host->certificate = strdup(line->fields[CERTIFICATE].tokens[0].value);
	host->key = strdup(line->fields[KEY].tokens[0].value);
	host->ca = ca[0] != '\0' ? strdup(ca) : NULL;
	host->passphrase = line->count > PASSPHRASE;
	return host->name != NULL && host->path != NULL && host->certificate != NULL &&
		       host->key != NULL && (host->ca != NULL || ca[0] == '\0')
		   ? 0
		   : -1;
}

static bool is_from_file(const struct pga_hba_line *line)
{
	for (size_t i = 0; i < line->count; i++)
		for (size_t k = 0; k < line->fields[i].count; k++)
			if (!line->fields[i].tokens[k].quoted &&
			    line->fields[i].tokens[k].value[0] == '@' &&
			    line->fields[i].tokens[k].value[1] != '\0')
				return true;
	return false;
}

static int add_line(struct pga_server_hosts *hosts, const struct pga_hba_line *line,
		    const char *path, struct pga_error *error)
{
	if (is_from_file(line))
		return pga_fail(error, "write it without @; nothing was changed",
				"%s, line %zu: a field of it comes from another file", path,
				line->number);
	if (line->count <= KEY)
		return pga_fail(
		    error, "HOSTNAME CERTIFICATE KEY is such a line. Nothing was changed",
		    "%s, line %zu: a host, its certificate and its key do not all stand "
		    "there, and the server does not load the file",
		    path, line->number);
	for (size_t i = 0; i < line->fields[NAMES].count; i++)
		if (add(hosts, line, path, line->fields[NAMES].tokens[i].value) != 0)
			return pga_fail_memory(error);
	return 0;
}

static bool is_there(const struct pga_hba_source *source, const char *path, struct pga_error *error,
		     int *result)
{
	struct pga_text bytes = PGA_TEXT_EMPTY;
	bool found = false;

	*result = source->read(source->context, path, &bytes, &found, error);
	pga_text_free(&bytes);
	return *result == 0 && found;
}

int pga_server_hosts_parse(struct pga_server_hosts *hosts, const struct pga_hba_source *source,
			   const char *path, struct pga_error *error)
{
	struct pga_hba_tree tree = {.part_count = 0};
	struct pga_error why;
	int result;

	memset(hosts, 0, sizeof *hosts);
	if (!is_there(source, path, error, &result))
		return result;
	result = pga_hba_tree_read(&tree, source, path, RELEASE, &why);
	if (result != 0)
		(void)pga_fail(error, why.hint[0] != '\0' ? why.hint : "nothing was changed", "%s",
			       why.message);
	for (size_t i = 0; result == 0 && i < tree.place_count; i++)
		result = add_line(hosts, pga_hba_tree_line(&tree, i), pga_hba_tree_path(&tree, i),
				  error);
	pga_hba_tree_free(&tree);
	return result;
}

int pga_server_hosts_read(struct pga_server_hosts *hosts, const struct pga_cluster *cluster,
			  const char *path, struct pga_error *error)
{
	struct pga_as_owner as;
	int result;

	memset(hosts, 0, sizeof *hosts);
	if (pga_cluster_as_owner(cluster, &as, error) != 0)
		return -1;
	result = pga_server_hosts_parse(hosts, &pga_hba_local, path, error);
	pga_cluster_as_before(&as);
	return result;
}

void pga_server_hosts_free(struct pga_server_hosts *hosts)
{
	for (size_t i = 0; i < hosts->count; i++) {
		free(hosts->list[i].name);
		free(hosts->list[i].certificate);
		free(hosts->list[i].key);
		free(hosts->list[i].ca);
		free(hosts->list[i].path);
		sk_X509_pop_free(hosts->list[i].chain, X509_free);
	}
	free(hosts->list);
	memset(hosts, 0, sizeof *hosts);
}

static const struct pga_server_host *find(const struct pga_server_hosts *hosts, const char *name)
{
	for (size_t i = 0; i < hosts->count; i++)
		if (strcasecmp(hosts->list[i].name, name) == 0)
			return &hosts->list[i];
	return NULL;
}

const struct pga_server_host *pga_server_host_for(const struct pga_server_hosts *hosts,
						  const char *host)
{
	const struct pga_server_host *found =
	    find(hosts, pga_host_is_address(host) ? PGA_HOSTS_UNNAMED : host);

	return found != NULL ? found : find(hosts, PGA_HOSTS_ANY);
}

bool pga_server_host_is_name(const struct pga_server_host *host)
{
	return strcmp(host->name, PGA_HOSTS_ANY) != 0 && strcmp(host->name, PGA_HOSTS_UNNAMED) != 0;
}
