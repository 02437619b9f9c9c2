/* Every kind of finding there is, and the word by which programs know it: such a word stays.
 * pganchor-findings(7) says what each means. */
#ifndef PGA_REPORT_FINDING_IDS_H
#define PGA_REPORT_FINDING_IDS_H

#define PGA_FINDING_IDS(X)                                                      \
	X(PGA_GATE_ACTIVE, "gate-active")                                       \
	X(PGA_GATE_NOT_ACTIVE, "gate-not-active")                               \
	X(PGA_GATE_NOT_LOADED, "gate-not-loaded")                               \
	X(PGA_ACTIVATION_UNREADABLE, "activation-unreadable")                   \
	X(PGA_POLICY_UNREADABLE, "policy-unreadable")                           \
	X(PGA_PINS_UNREADABLE, "pins-unreadable")                               \
	X(PGA_KNOWN_SERVERS_UNREADABLE, "known-servers-unreadable")             \
	X(PGA_SERVER_KEY_CHANGED, "server-key-changed")                         \
	X(PGA_ANCHOR_EXPIRED, "anchor-expired")                                 \
	X(PGA_ANCHOR_EXPIRES_SOON, "anchor-expires-soon")                       \
	X(PGA_ANCHOR_WAITS, "anchor-waits")                                     \
	X(PGA_NOTICES_UNREADABLE, "notices-unreadable")                         \
	X(PGA_BUNDLE_OLD, "bundle-old")                                         \
	X(PGA_BUNDLE_EXPIRES_SOON, "bundle-expires-soon")                       \
	X(PGA_CRL_EXPIRED, "crl-expired")                                       \
	X(PGA_CRL_EXPIRES_SOON, "crl-expires-soon")                             \
	X(PGA_CRLS_UNREADABLE, "crls-unreadable")                               \
	X(PGA_AUDIT_MODE, "audit-mode")                                         \
	X(PGA_AUDIT_NOT_LOGGED, "audit-not-logged")                             \
	X(PGA_AUDIT_NOT_HEARD, "audit-not-heard")                               \
	X(PGA_PROGRAMS_WITHOUT_GATE, "programs-without-gate")                   \
	X(PGA_PROGRAMS_PRIVILEGED, "programs-privileged")                       \
	X(PGA_PROGRAMS_WITHOUT_MODULE, "programs-without-module")               \
	X(PGA_PROGRAMS_TLS_HIDDEN, "programs-tls-hidden")                       \
	X(PGA_PROGRAMS_UNSEEN, "programs-unseen")                               \
	X(PGA_PROGRAMS_OF_MUSL, "programs-of-musl")                             \
	X(PGA_PROGRAMS_OF_32_BITS, "programs-of-32-bits")                       \
	X(PGA_SESSION_NOT_OF_SYSTEMD, "session-not-of-systemd")                 \
	X(PGA_SESSION_OF_SSH_AGENT, "session-of-ssh-agent")                     \
	X(PGA_SESSION_FILE_UNREADABLE, "session-file-unreadable")               \
	X(PGA_UNIT_COVERED_IN_PART, "unit-covered-in-part")                     \
	X(PGA_UNIT_HAS_ROOT, "unit-has-root")                                   \
	X(PGA_UNIT_SETTINGS_UNKNOWN, "unit-settings-unknown")                   \
	X(PGA_UNIT_NOT_FOUND, "unit-not-found")                                 \
	X(PGA_IMAGE_WITHOUT_MODULE, "image-without-module")                     \
	X(PGA_IMAGE_WITHOUT_DROPIN, "image-without-drop-in")                    \
	X(PGA_SERVER_NOT_REACHED, "server-not-reached")                         \
	X(PGA_SERVER_WITHOUT_CERTIFICATE, "server-without-certificate")         \
	X(PGA_SERVER_NOT_VERIFIED, "server-not-verified")                       \
	X(PGA_SERVER_ROOT_UNKNOWN, "server-root-unknown")                       \
	X(PGA_SERVER_CERTIFICATE_NOT_IN_DATE, "server-certificate-not-in-date") \
	X(PGA_SERVER_CERTIFICATE_REVOKED, "server-certificate-revoked")         \
	X(PGA_SERVER_WITHOUT_CRL, "server-without-crl")                         \
	X(PGA_ROOTS_MISSING, "roots-missing")                                   \
	X(PGA_ROOT_NOT_PINNED, "root-not-pinned")                               \
	X(PGA_ROOT_NOT_PINNED_FOR_HOST, "root-not-pinned-for-host")             \
	X(PGA_ROOT_OF_ANOTHER_ANCHOR, "root-of-another-anchor")                 \
	X(PGA_ENVIRONMENT_WEAKENS, "environment-weakens")                       \
	X(PGA_ENVIRONMENT_BREAKS, "environment-breaks")                         \
	X(PGA_CHECK_FAILED, "check-failed")                                     \
	X(PGA_SERVICE_WEAK, "service-weak")                                     \
	X(PGA_SERVICE_BROKEN, "service-broken")                                 \
	X(PGA_ENVIRONMENT_PASSWORD, "environment-password")                     \
	X(PGA_ENVIRONMENT_CHANGES, "environment-changes")                       \
	X(PGA_START_FILE_WEAKENS, "start-file-weakens")                         \
	X(PGA_START_FILE_PASSWORD, "start-file-password")                       \
	X(PGA_START_FILE_CHANGES, "start-file-changes")                         \
	X(PGA_SERVICE_PASSWORD, "service-password")                             \
	X(PGA_PASSFILE_OPEN, "passfile-open")                                   \
	X(PGA_PASSFILE_ANY_HOST, "passfile-any-host")                           \
	X(PGA_PASSFILE_UNVERIFIED, "passfile-unverified")                       \
	X(PGA_KEY_OPEN, "key-open")                                             \
	X(PGA_FILE_WRITABLE, "file-writable")                                   \
	X(PGA_FILE_OF_ANOTHER, "file-of-another")                               \
	X(PGA_ANCHOR_WEAK, "anchor-weak")                                       \
	X(PGA_ANCHOR_SIGNED_BY_SHA1, "anchor-signed-by-sha1")                   \
	X(PGA_ANCHOR_ANY_HOST, "anchor-any-host")                               \
	X(PGA_ANCHOR_UNCONSTRAINED, "anchor-unconstrained")                     \
	X(PGA_ANCHOR_FILE_DIFFERS, "anchor-file-differs")                       \
	X(PGA_ANCHOR_NOT_CHECKED, "anchor-not-checked")                         \
	X(PGA_ANCHORS_OVERRULED, "anchors-overruled")                           \
	X(PGA_BUNDLE_LARGE, "bundle-large")                                     \
	X(PGA_ROOT_CRT_CHANGES, "root-crt-changes")                             \
	X(PGA_REFRESH_TIMER_OFF, "refresh-timer-off")                           \
	X(PGA_REFRESH_TIMER_CHANGED, "refresh-timer-changed")                   \
	X(PGA_REFRESH_FAILED, "refresh-failed")                                 \
	X(PGA_AUDIT_MODE_LONG, "audit-mode-long")                               \
	X(PGA_POLICY_OVERRULED, "policy-overruled")                             \
	X(PGA_ACCEPTED_GONE, "accepted-gone")                                   \
	X(PGA_ACCEPTED_OVER, "accepted-over")

#endif
