#include "report/moment.h"

void pga_moment(time_t when, bool utc, char text[PGA_MOMENT])
{
	struct tm parts;

	text[0] = '\0';
	if ((utc ? gmtime_r(&when, &parts) : localtime_r(&when, &parts)) != NULL)
		(void)strftime(text, PGA_MOMENT, utc ? "%Y-%m-%dT%H:%M:%SZ" : "%Y-%m-%d %H:%M:%S",
			       &parts);
}
