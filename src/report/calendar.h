/* iCalendar (RFC 5545): what calendars import. */
#ifndef PGA_REPORT_CALENDAR_H
#define PGA_REPORT_CALENDAR_H

#include "base/text.h"

#include <time.h>

/* One moment of the calendar. */
struct pga_event {
	const char *uid; /* the same for the same thing, whenever the calendar is made */
	time_t at;
	const char *summary;
	const char *description;
};

/* Begins a calendar, adds an event that was written down at this time, ends the calendar. Every
 * line is as the RFC wants it: its texts escaped, folded behind 75 octets at most and between
 * characters, and ended by CRLF. A calendar has to have one component at least: one that no event
 * was added to gets the definition of UTC. */
void pga_calendar_begin(struct pga_text *calendar);
void pga_calendar_add(struct pga_text *calendar, const struct pga_event *event, time_t written);
void pga_calendar_end(struct pga_text *calendar);

#endif
