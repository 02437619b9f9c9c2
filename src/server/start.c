#include "server/start.h"

#include "server/file_rule.h"
#include "server/pair_rule.h"
#include "server/typed.h"

#include <stdlib.h>
#include <string.h>

static const char *value_of(const struct pga_server_settings *settings,
			    enum pga_server_setting which)
{
	return settings->of[which].now != NULL ? settings->of[which].now : "";
}

int pga_server_check_other_files(const struct pga_cluster *cluster,
				 const struct pga_server_settings *settings,
				 struct pga_error *error)
{
	static const enum pga_server_setting files[] = {PGA_SEEN_CA, PGA_SEEN_CRL};

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		const char *file = value_of(settings, files[i]);

		if (file[0] != '\0' &&
		    pga_server_check_file(cluster, pga_server_settings[files[i]], file,
					  files[i] == PGA_SEEN_CRL, error) != 0)
			return -1;
	}
	return 0;
}

int pga_server_check_host_ca(const struct pga_cluster *cluster, const struct pga_server_host *host,
			     struct pga_error *error)
{
	struct pga_error why;

	if (host->ca == NULL ||
	    pga_server_check_file(cluster, "the CA", host->ca, false, &why) == 0)
		return 0;
	return pga_fail(error,
			"put that right: the server would load nothing of its TLS. Nothing was "
			"changed",
			"%s, line %zu: %s", host->path, host->line, why.message);
}

/* Each host's own are used in the place of what the settings name. */
static int check_hosts(const struct pga_cluster *cluster, const struct pga_server_hosts *hosts,
		       struct pga_error *error)
{
	for (size_t i = 0; i < hosts->count; i++) {
		const struct pga_server_pair pair = {.certificate = hosts->list[i].certificate,
						     .key = hosts->list[i].key,
						     .passphrase = hosts->list[i].passphrase};

		if (pga_server_pair_check_start(cluster, &pair, error) != 0 ||
		    pga_server_check_host_ca(cluster, &hosts->list[i], error) != 0)
			return -1;
	}
	return 0;
}

static int read_hosts(const struct pga_cluster *cluster, const struct pga_server_settings *settings,
		      struct pga_server_hosts *hosts, struct pga_error *error)
{
	const char *path = value_of(settings, PGA_SEEN_HOSTS);

	memset(hosts, 0, sizeof *hosts);
	return pga_server_settings_by_name(settings) && path[0] != '\0'
		   ? pga_server_hosts_read(hosts, cluster, path, error)
		   : 0;
}

static int check_pair(const struct pga_cluster *cluster, const struct pga_server_pair *pair,
		      struct pga_error *error)
{
	struct pga_error why;

	if (pga_server_pair_check_start(cluster, pair, &why) == 0)
		return 0;
	(void)pga_fail(error, NULL, "%s", why.message);
	pga_server_hint_typed(error, "enable-tls --cert FILE --key FILE", cluster->directory,
			      " gives it another pair, where this one cannot be put right. "
			      "Nothing was changed");
	return -1;
}

static int check(const struct pga_cluster *cluster, const struct pga_server_settings *settings,
		 struct pga_error *error)
{
	const struct pga_server_pair pair = {
	    .certificate = value_of(settings, PGA_SET_CERT),
	    .key = value_of(settings, PGA_SET_KEY),
	    .passphrase = value_of(settings, PGA_SEEN_PASSPHRASE)[0] != '\0'};
	struct pga_server_hosts hosts;
	struct pga_error why;
	int result = read_hosts(cluster, settings, &hosts, &why);

	if (result == 0)
		result = hosts.count > 0 ? check_hosts(cluster, &hosts, &why)
					 : check_pair(cluster, &pair, &why);
	if (result == 0)
		result = pga_server_check_other_files(cluster, settings, &why);
	pga_server_hosts_free(&hosts);
	if (result == 0)
		return 0;
	return pga_fail(error, why.hint,
			"the server of %s would not start again with its TLS, though it goes on "
			"with what it has loaded: %s",
			cluster->directory, why.message);
}

int pga_server_find_named(const struct pga_cluster *cluster, struct pga_cluster_session *session,
			  char **named, struct pga_error *error)
{
	struct pga_server_hosts hosts = {.count = 0};
	struct pga_server_settings settings;
	int result = pga_server_settings_read(session, &settings, error);

	*named = NULL;
	if (result == 0)
		result = read_hosts(cluster, &settings, &hosts, error);
	for (size_t i = 0; result == 0 && *named == NULL && i < hosts.count; i++) {
		if (!pga_server_host_is_name(&hosts.list[i]))
			continue;
		*named = strdup(hosts.list[i].name);
		result = *named != NULL ? 0 : pga_fail_memory(error);
	}
	pga_server_hosts_free(&hosts);
	pga_server_settings_free(&settings);
	return result;
}

int pga_server_check_start(const struct pga_cluster *cluster, struct pga_cluster_session *session,
			   struct pga_error *error)
{
	struct pga_server_settings settings;
	int result = pga_server_settings_read(session, &settings, error);

	if (result == 0)
		result = check(cluster, &settings, error);
	pga_server_settings_free(&settings);
	return result;
}
