/* The policy of a machine without a file of it, for units that judge by one. A policy that is all
 * zero has the strictest value of each key. */
#ifndef PGA_TESTS_UNIT_DEFAULT_POLICY_H
#define PGA_TESTS_UNIT_DEFAULT_POLICY_H

#include "policy/policy.h"

/* test_policy.c holds it against what is loaded. */
#define DEFAULT_POLICY                               \
	((struct pga_policy){                        \
	    .mode = PGA_MODE_ENFORCE,                \
	    .trust = PGA_TRUST_PINNED,               \
	    .unix_socket = PGA_ALLOW,                \
	    .gss_encryption = PGA_REFUSE,            \
	    .public_ca = PGA_ALLOW,                  \
	    .cancel = PGA_ALLOW,                     \
	    .user_anchors = PGA_ALLOW,               \
	    .min_tls = PGA_TLS_1_2,                  \
	    .channel_binding = PGA_BINDING_PREFER,   \
	    .continuity = PGA_CONTINUITY_OFF,        \
	    .continuity_key = PGA_CONTINUITY_SERVER, \
	    .log = PGA_LOG_SYSLOG,                   \
	})

#endif
