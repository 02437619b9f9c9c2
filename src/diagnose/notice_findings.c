#include "diagnose/notice_findings.h"

#include "anchor/notices.h"
#include "base/text.h"
#include "diagnose/anchor_findings.h"
#include "report/moment.h"

#include <stdlib.h>

void pga_notices_judge(const struct pga_pins *pins, struct pga_findings *findings)
{
	struct pga_notices notices;
	struct pga_error error;

	if (pga_notices_load(&notices, pins, &error) != 0) {
		pga_findings_add(findings, PGA_NOTICES_UNREADABLE, PGA_SEVERITY_WARNING,
				 PGA_ABOUT_ANCHORS, "what waits for you cannot be read");
		pga_findings_detail(findings, "%s", error.message);
	}
	for (size_t i = 0; i < notices.count; i++) {
		char since[PGA_MOMENT];

		pga_moment(notices.list[i].since, false, since);
		pga_findings_add(findings, PGA_ANCHOR_WAITS, PGA_SEVERITY_WARNING,
				 PGA_ABOUT_ANCHORS, "anchor %s waits for you since %s",
				 notices.list[i].subject, since);
		pga_findings_detail(findings, "%s", notices.list[i].message);
		pga_findings_object(findings, "%s", notices.list[i].subject);
	}
	pga_notices_free(&notices);
}

char *pga_notices_line(void)
{
	struct pga_notices notices = {.count = 0};
	struct pga_text text = PGA_TEXT_EMPTY;
	struct pga_pins pins = {0};
	struct pga_error ignored;
	char *line = NULL;

	if (!pga_notices_any())
		return NULL;
	if (pga_pins_load(&pins, NULL, &ignored) == 0 &&
	    pga_notices_load(&notices, &pins, &ignored) == 0 && notices.count > 0) {
		pga_text_addf(&text, "anchor %s: %s", notices.list[0].subject,
			      notices.list[0].message);
		if (notices.count > 1)
			pga_text_addf(&text, " (and %zu more: pganchor status)", notices.count - 1);
		line = pga_text_take(&text);
	}
	pga_text_free(&text);
	pga_notices_free(&notices);
	pga_pins_free(&pins);
	return line;
}
