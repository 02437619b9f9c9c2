#include "policy/options.h"

#include <stddef.h>
#include <string.h>

bool pga_option_is_reviewed(const char *keyword)
{
	/* By what they are about. */
	static const char reviewed[][28] = {
	    /* who is reached */
	    "host", "hostaddr", "port", "dbname", "user", "service", "servicefile",
	    "target_session_attrs", "load_balance_hosts", "replication",
	    /* who we are; what is secret: policy/secrets.c */
	    "password", "passfile", "require_auth", "channel_binding", "scram_client_key",
	    "scram_server_key", "requirepeer", "krbsrvname", "gsslib", "gssdelegation",
	    "oauth_issuer", "oauth_client_id", "oauth_client_secret", "oauth_scope",
	    "oauth_ca_file",
	    /* how it is protected */
	    "sslmode", "sslnegotiation", "sslcompression", "sslcert", "sslkey", "sslkeylogfile",
	    "sslpassword", "sslcertmode", "sslrootcert", "sslcrl", "sslcrldir", "sslsni",
	    "ssl_min_protocol_version", "ssl_max_protocol_version", "gssencmode",
	    /* what else there is to say */
	    "min_protocol_version", "max_protocol_version", "connect_timeout", "client_encoding",
	    "options", "application_name", "fallback_application_name", "keepalives",
	    "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
	    /* ignored, and then taken away: authtype and tty (14), scram_channel_binding (12) */
	    "authtype", "tty", "scram_channel_binding"};

	for (size_t i = 0; i < sizeof reviewed / sizeof reviewed[0]; i++)
		if (strcmp(reviewed[i], keyword) == 0)
			return true;
	return false;
}
