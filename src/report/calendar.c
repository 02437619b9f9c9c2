#include "report/calendar.h"

#include "base/printable.h"

#include <stdbool.h>
#include <string.h>

/* Octets of a line, its end not counted (3.1). */
#define LONGEST_LINE 75

static const char first_line[] = "BEGIN:VCALENDAR\r\n";

/* Adds a line, folded: the blank of a line that goes on counts. */
static void add_line(struct pga_text *calendar, const char *line)
{
	size_t room = LONGEST_LINE;

	while (strlen(line) > room) {
		const size_t length = pga_text_whole(line, room);

		pga_text_add_bytes(calendar, line, length);
		pga_text_add(calendar, "\r\n ");
		line += length;
		room = LONGEST_LINE - 1;
	}
	pga_text_add(calendar, line);
	pga_text_add(calendar, "\r\n");
}

static void add_property(struct pga_text *calendar, const char *name, const char *value)
{
	struct pga_text line = PGA_TEXT_EMPTY;

	pga_text_addf(&line, "%s:%s", name, value);
	add_line(calendar, pga_text_string(&line));
	calendar->failed = calendar->failed || line.failed;
	pga_text_free(&line);
}

/* 3.3.11. What steers a terminal is no text of a calendar either. */
static void add_words(struct pga_text *calendar, const char *name, const char *text)
{
	struct pga_text escaped = PGA_TEXT_EMPTY;
	struct pga_text printable = PGA_TEXT_EMPTY;
	const char *rest = text;
	const char *line;
	size_t length;

	while (pga_next_line(&rest, &line, &length)) {
		struct pga_text one = PGA_TEXT_EMPTY;

		pga_text_add_bytes(&one, line, length);
		if (printable.length > 0)
			pga_text_add(&printable, "\n");
		pga_text_add_printable(&printable, pga_text_string(&one), "");
		printable.failed = printable.failed || one.failed;
		pga_text_free(&one);
	}
	for (const char *at = pga_text_string(&printable); *at != '\0'; at++) {
		if (*at == '\n') {
			pga_text_add(&escaped, "\\n");
			continue;
		}
		if (strchr("\\;,", *at) != NULL)
			pga_text_add(&escaped, "\\");
		pga_text_add_bytes(&escaped, at, 1);
	}
	add_property(calendar, name, pga_text_string(&escaped));
	calendar->failed = calendar->failed || escaped.failed || printable.failed;
	pga_text_free(&escaped);
	pga_text_free(&printable);
}

static void add_moment(struct pga_text *calendar, const char *name, time_t when)
{
	char text[24] = "";
	struct tm parts;

	if (gmtime_r(&when, &parts) != NULL)
		(void)strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &parts);
	add_property(calendar, name, text);
}

void pga_calendar_begin(struct pga_text *calendar)
{
	pga_text_add(calendar, first_line);
	add_line(calendar, "VERSION:2.0");
	add_line(calendar, "PRODID:-//pganchor//pganchor forecast//EN");
	add_line(calendar, "CALSCALE:GREGORIAN");
}

void pga_calendar_add(struct pga_text *calendar, const struct pga_event *event, time_t written)
{
	add_line(calendar, "BEGIN:VEVENT");
	add_words(calendar, "UID", event->uid);
	add_moment(calendar, "DTSTAMP", written);
	add_moment(calendar, "DTSTART", event->at);
	add_words(calendar, "SUMMARY", event->summary);
	add_words(calendar, "DESCRIPTION", event->description);
	/* It takes nobody's time. */
	add_line(calendar, "TRANSP:TRANSPARENT");
	add_line(calendar, "END:VEVENT");
}

void pga_calendar_end(struct pga_text *calendar)
{
	static const char *const utc[] = {
	    "BEGIN:VTIMEZONE",    "TZID:UTC",         "BEGIN:STANDARD", "DTSTART:19700101T000000",
	    "TZOFFSETFROM:+0000", "TZOFFSETTO:+0000", "END:STANDARD",   "END:VTIMEZONE"};
	const bool empty = strstr(pga_text_string(calendar), "BEGIN:VEVENT\r\n") == NULL;

	for (size_t i = 0; empty && i < sizeof utc / sizeof utc[0]; i++)
		add_line(calendar, utc[i]);
	add_line(calendar, "END:VCALENDAR");
}
