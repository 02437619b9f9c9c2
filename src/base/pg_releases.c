#include "base/pg_releases.h"

const struct pga_pg_mended pga_pg_mended[] = {
    {"2026-11-12",
     {140025, 150020, 160016, 170012, 180007},
     "CVE-2026-116314, CVE-2026-116330 (pg_restore and psql run code that a dump brings)"},
    {"2026-08-13",
     {140024, 150019, 160015, 170011, 180006},
     "CVE-2026-18408, CVE-2026-6464 (psql runs code that a dump brings)"},
    {"2026-05-14",
     {140023, 150018, 160014, 170010, 180004},
     "CVE-2026-6477 (a server overwrites its client's memory), CVE-2026-6475 (pg_basebackup writes "
     "any file)"},
    {"2025-11-13",
     {130023, 140020, 150015, 160011, 170007, 180001},
     "CVE-2025-12818 (libpq writes past its memory)"},
    {"2025-08-14",
     {130022, 140019, 150014, 160010, 170006},
     "CVE-2025-8714, CVE-2025-8715 (psql runs code that a dump brings)"},
    {"2025-05-08",
     {130021, 140018, 150013, 160009, 170005},
     "CVE-2025-4207 (libpq reads past its memory)"},
    {"2025-02-13",
     {130019, 140016, 150011, 160007, 170003},
     "CVE-2025-1094 (libpq's quoting lets SQL through)"},
    {"2024-11-14",
     {130017, 140014, 150009, 160005, 170001},
     "CVE-2024-10977 (what a man in the middle says is shown as the server's)"},
};

const size_t pga_pg_mended_count = sizeof pga_pg_mended / sizeof pga_pg_mended[0];

int pga_pg_release_of(size_t row, int major)
{
	for (size_t i = 0; i < PGA_PG_MAJORS; i++)
		if (pga_pg_mended[row].releases[i] / 10000 == major)
			return pga_pg_mended[row].releases[i];
	return 0;
}

int pga_pg_oldest_major(void)
{
	return pga_pg_mended[0].releases[0] / 10000;
}
