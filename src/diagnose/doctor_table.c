/* The list of checks. */
#include "diagnose/doctor_checks.h"

const struct pga_check pga_checks[] = {
    {"gate", "the gate is active, and what it refuses by can be read", false, false,
     pga_check_status},
    {"services", "every service verifies its server", false, false, pga_check_services},
    {"servers", "the servers of the services are verified", true, true, pga_check_servers},
    {"environment", "no variable of this environment weakens libpq", false, false,
     pga_check_environment},
    {"start files", "no start file sets such a variable", false, false, pga_check_start_files},
    {"files", "nobody else may write what says whom to trust", false, false, pga_check_writable},
    {"files", "nobody else may use the private keys", false, false, pga_check_keys},
    {"passwords", "the password file is closed, and its hosts are verified", false, false,
     pga_check_passfile},
    {"anchors", "the anchors are strong, and each has its hosts", false, false, pga_check_anchors},
    {"anchors", "their sources were asked lately", false, false, pga_check_sources},
    {PGA_ABOUT_ROOTS, "root.crt has no root that nobody pinned", false, false, pga_check_root_crt},
    {"timers", "the anchors are refreshed", false, false, pga_check_timer},
    {"certificates", "one's own certificates can be used, and are renewed", false, false,
     pga_check_certs},
    {"policy", "the policy is what it was meant to be", false, false, pga_check_policy},
    {"clients", "no client keeps a connection that is weak", false, true, pga_check_clients},
    {"sandboxes", "no client is in a sandbox without the gate", false, false, pga_check_sandboxes},
    {"libpq", "every libpq has what was mended in it", false, true, pga_check_libpq},
    {"clock", "the clock is right, as far as can be told here", false, false, pga_check_clock},
    {"container", "this is no container without roots", false, false, pga_check_container},
    {"preload", "what ld.so is to load is there", false, false, pga_check_preload},
    {"files", "no file of root's is in the home", false, false, pga_check_home},
    {NULL, NULL, false, false, NULL},
};

_Static_assert(sizeof pga_checks / sizeof pga_checks[0] <= PGA_CHECKS_MOST,
	       "PGA_CHECKS_MOST is too few");
