#include "server/hosts_file.h"

#include "base/file.h"
#include "server/hba_file.h"
#include "tls/host_name.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The release that brought the file: it is read as its pg_hba.conf. */
#define RELEASE 19

enum { NAMES, CERTIFICATE, KEY, CA, PASSPHRASE };

static int add(struct pga_server_hosts *hosts, const struct pga_hba_line *line, const char *name)
{
	struct pga_server_host *grown =
	    reallocarray(hosts->list, hosts->count + 1, sizeof *hosts->list);
	struct pga_server_host *host;

	if (grown == NULL)
		return -1;
	hosts->list = grown;
	host = &grown[hosts->count++];
	*host = (struct pga_server_host){.line = line->number};
	host->name = strdup(name);
	host->certificate = strdup(line->fields[CERTIFICATE].tokens[0].value);
	host->key = strdup(line->fields[KEY].tokens[0].value);
	host->passphrase = line->count > PASSPHRASE;
	return host->name != NULL && host->certificate != NULL && host->key != NULL ? 0 : -1;
}

static int add_line(struct pga_server_hosts *hosts, const struct pga_hba_line *line,
		    const char *path, struct pga_error *error)
{
	if (line->kind == PGA_HBA_EMPTY)
		return 0;
	if (line->kind == PGA_HBA_INCLUDE) {
		hosts->includes = true;
		return 0;
	}
	if (line->count <= KEY)
		return pga_fail(
		    error, "HOSTNAME CERTIFICATE KEY is such a line. Nothing was changed",
		    "%s, line %zu: a host, its certificate and its key do not all stand "
		    "there, and the server does not load the file",
		    path, line->number);
	for (size_t i = 0; i < line->fields[NAMES].count; i++)
		if (add(hosts, line, line->fields[NAMES].tokens[i].value) != 0)
			return pga_fail_memory(error);
	return 0;
}

int pga_server_hosts_parse(struct pga_server_hosts *hosts, const char *path, const char *bytes,
			   size_t length, struct pga_error *error)
{
	struct pga_hba_file file = {.count = 0};
	int result;

	memset(hosts, 0, sizeof *hosts);
	result = pga_hba_read(&file, path, bytes, length, RELEASE, error);
	for (size_t i = 0; result == 0 && i < file.count; i++)
		result = add_line(hosts, &file.lines[i], path, error);
	pga_hba_free(&file);
	return result;
}

int pga_server_hosts_read(struct pga_server_hosts *hosts, const struct pga_cluster *cluster,
			  const char *path, struct pga_error *error)
{
	struct pga_text bytes = PGA_TEXT_EMPTY;
	struct pga_as_owner as;
	int result;

	memset(hosts, 0, sizeof *hosts);
	if (pga_cluster_as_owner(cluster, &as, error) != 0)
		return -1;
	result = pga_file_read(path, &bytes, NULL, error);
	pga_cluster_as_before(&as);
	if (result == 0)
		result = pga_server_hosts_parse(hosts, path, pga_text_string(&bytes), bytes.length,
						error);
	pga_text_free(&bytes);
	return result;
}

void pga_server_hosts_free(struct pga_server_hosts *hosts)
{
	for (size_t i = 0; i < hosts->count; i++) {
		free(hosts->list[i].name);
		free(hosts->list[i].certificate);
		free(hosts->list[i].key);
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
