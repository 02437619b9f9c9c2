/* Words for reports that programs read. */
#include "probe/probe.h"

const char *pga_probe_answer_word(enum pga_probe_answer answer)
{
	static const char *const words[] = {
	    [PGA_PROBE_TLS] = "tls",
	    [PGA_PROBE_NO_TLS] = "no-tls",
	    [PGA_PROBE_UNKNOWN_NAME] = "unknown-name",
	    [PGA_PROBE_NOT_CONNECTED] = "not-connected",
	    [PGA_PROBE_TIMED_OUT] = "timed-out",
	    [PGA_PROBE_NOT_POSTGRESQL] = "not-postgresql",
	    [PGA_PROBE_ERROR] = "error",
	    [PGA_PROBE_CLOSED] = "closed",
	    [PGA_PROBE_INJECTED] = "injected",
	    [PGA_PROBE_NO_HANDSHAKE] = "no-handshake",
	};

	return words[answer];
}

const char *pga_probe_said_word(enum pga_probe_said said)
{
	static const char *const words[] = {
	    [PGA_PROBE_NOT_SAID] = "unknown", [PGA_PROBE_NO] = "no", [PGA_PROBE_YES] = "yes"};

	return words[said];
}

const char *pga_probe_auth_word(enum pga_probe_auth auth)
{
	static const char *const words[] = {
	    [PGA_ASKS_UNKNOWN] = "unknown",     [PGA_ASKS_TRUST] = "trust",
	    [PGA_ASKS_CLEARTEXT] = "password",  [PGA_ASKS_MD5] = "md5",
	    [PGA_ASKS_SCRAM] = "scram-sha-256", [PGA_ASKS_GSS] = "gss",
	    [PGA_ASKS_SSPI] = "sspi",           [PGA_ASKS_BEARER] = "oauth",
	    [PGA_ASKS_CERTIFICATE] = "cert",    [PGA_ASKS_NO_ENTRY] = "no-entry",
	    [PGA_ASKS_REFUSED] = "refused",     [PGA_ASKS_NOT_UNDERSTOOD] = "not-understood",
	};

	return words[auth];
}

const char *pga_probe_fault_word(enum pga_probe_fault fault)
{
	static const char *const words[] = {
	    [PGA_FAULT_NONE] = "none",
	    [PGA_FAULT_NO_ROOTS] = "no-roots",
	    [PGA_FAULT_REVOKED] = "revoked",
	    [PGA_FAULT_UNKNOWN_ROOT] = "unknown-root",
	    [PGA_FAULT_SELF_SIGNED] = "self-signed",
	    [PGA_FAULT_MISSING_INTERMEDIATE] = "missing-intermediate",
	    [PGA_FAULT_EXPIRED] = "expired",
	    [PGA_FAULT_NOT_YET_VALID] = "not-yet-valid",
	    [PGA_FAULT_WRONG_NAME] = "wrong-name",
	    [PGA_FAULT_NOT_PINNED] = "not-pinned",
	    [PGA_FAULT_NOT_FOR_HOST] = "not-for-host",
	    [PGA_FAULT_NAME_CONSTRAINTS] = "name-constraints",
	    [PGA_FAULT_WRONG_USE] = "wrong-use",
	    [PGA_FAULT_WEAK] = "weak",
	    [PGA_FAULT_CRL] = "crl",
	    [PGA_FAULT_OTHER] = "other",
	    [PGA_FAULT_SETTINGS] = "settings",
	};

	return words[fault];
}

const char *pga_probe_crl_word(enum pga_probe_crl crl)
{
	static const char *const words[] = {
	    [PGA_PROBE_CRL_NOT_ASKED] = "not-asked",     [PGA_PROBE_CRL_GOOD] = "good",
	    [PGA_PROBE_CRL_REVOKED] = "revoked",         [PGA_PROBE_CRL_MISSING] = "missing",
	    [PGA_PROBE_CRL_NOT_IN_DATE] = "not-in-date",
	};

	return words[crl];
}
