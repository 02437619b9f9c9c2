#include "server/start.h"

#include "server/pair_rule.h"

#include <stdbool.h>
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

static int check(const struct pga_cluster *cluster, const struct pga_server_settings *settings,
		 struct pga_error *error)
{
	const struct pga_server_pair pair = {.certificate = value_of(settings, PGA_SET_CERT),
					     .key = value_of(settings, PGA_SET_KEY),
					     .passphrase =
						 value_of(settings, PGA_SEEN_PASSPHRASE)[0] != '\0'};
	/* Each host's own (pg_hosts.conf) are used in their place. */
	const bool hosts = strcmp(value_of(settings, PGA_SEEN_SNI), "on") == 0;
	struct pga_error why;

	if ((hosts || pga_server_pair_check_start(cluster, &pair, &why) == 0) &&
	    pga_server_check_other_files(cluster, settings, &why) == 0)
		return 0;
	return pga_fail(error, why.hint,
			"the server of %s would not start again with its TLS, though it goes on "
			"with what it has loaded: %s",
			cluster->directory, why.message);
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
