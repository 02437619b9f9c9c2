/* The list of checks. */
#include "diagnose/doctor_checks.h"

const struct pga_check pga_checks[] = {
    {"services", "every service verifies its server", false, false, pga_check_services},
    {NULL, NULL, false, false, NULL},
};

_Static_assert(sizeof pga_checks / sizeof pga_checks[0] <= PGA_CHECKS_MOST,
	       "PGA_CHECKS_MOST is too few");
