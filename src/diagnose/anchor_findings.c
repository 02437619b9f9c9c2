#include "diagnose/anchor_findings.h"

#include "anchor/known_roots.h"
#include "anchor/source_records.h"
#include "policy/joined.h"
#include "report/moment.h"
#include "tls/at_time.h"
#include "tls/certificate.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS_A_DAY 86400

/* An anchor, and what is known of it. */
struct looked_at {
	const struct pga_pin *pin;
	time_t end;                             /* 0: its file does not say */
	const struct pga_source_record *source; /* NULL: not recorded */
};

struct looking {
	const struct pga_pins *pins;
	struct looked_at *anchors; /* in the order of the pins */
	time_t now;
	struct pga_findings *findings;
};

static time_t end_of(const struct pga_pin *pin)
{
	struct pga_certificate certificate;
	time_t end;

	if (!pga_known_root_read(pin, NULL, &certificate))
		return 0;
	end = pga_time_of(X509_get0_notAfter(certificate.x509));
	pga_certificate_free(&certificate);
	return end;
}

/* Whether its hosts have another anchor that lasts longer, as behind a rotation. */
static bool is_relieved(const struct looking *looking, const struct looked_at *anchor, time_t until)
{
	for (size_t i = 0; i < looking->pins->count; i++) {
		const struct looked_at *other = &looking->anchors[i];

		if (other->end > until && strcmp(other->pin->pin, anchor->pin->pin) != 0 &&
		    pga_pin_joins(looking->pins, other->pin->pin, anchor->pin))
			return true;
	}
	return false;
}

/* A source that anchor refresh can ask again; bootstrap wrote no record in former days. */
static bool can_be_asked(const struct looked_at *anchor)
{
	static const char *const kinds[] = {"step-ca", "https", "file", "server"};

	if (anchor->source == NULL || anchor->source->kind == NULL)
		return strncmp(anchor->pin->source, "https://", strlen("https://")) == 0;
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (strcmp(anchor->source->kind, kinds[i]) == 0)
			return true;
	return false;
}

static void advise(const struct looking *looking, const struct looked_at *anchor, bool relieved)
{
	const char *name = anchor->pin->name;
	const char *system = anchor->pin->system ? " --system" : "";

	if (relieved)
		pga_findings_hint(looking->findings,
				  "another anchor is for its hosts, too: pganchor anchor remove "
				  "%s%s takes it away",
				  name, system);
	else if (can_be_asked(anchor))
		pga_findings_hint(looking->findings,
				  "pganchor anchor refresh %s%s: asks its source for the new root; "
				  "pganchor forecast --without %s tells which services stop",
				  name, system, name);
	else
		pga_findings_hint(looking->findings,
				  "its CA has to have a new root, which pganchor anchor add pins; "
				  "pganchor forecast --without %s tells which services stop",
				  name);
}

static void judge_anchor(const struct looking *looking, const struct looked_at *anchor)
{
	const time_t soon = looking->now + (time_t)PGA_SOON_DAYS * SECONDS_A_DAY;
	const bool over = anchor->end <= looking->now;
	char when[PGA_MOMENT];
	bool relieved;

	if (anchor->end == 0 || anchor->end > soon)
		return;
	relieved = is_relieved(looking, anchor, soon);
	pga_moment(anchor->end, false, when);
	pga_findings_add(looking->findings, over ? PGA_ANCHOR_EXPIRED : PGA_ANCHOR_EXPIRES_SOON,
			 relieved ? PGA_SEVERITY_NOTE
			 : over   ? PGA_SEVERITY_ERROR
				  : PGA_SEVERITY_WARNING,
			 PGA_ABOUT_ANCHORS, "the root of anchor %s%s %s %s", anchor->pin->name,
			 anchor->pin->system ? " (of the system)" : "",
			 over ? "has expired on" : "expires on", when);
	pga_findings_detail(looking->findings, "hosts %s", anchor->pin->hosts);
	pga_findings_object(looking->findings, "%s", anchor->pin->name);
	advise(looking, anchor, relieved);
}

static bool is_file_of_roots(const struct looked_at *anchor)
{
	return anchor->source != NULL && anchor->source->location != NULL &&
	       anchor->source->kind != NULL &&
	       (strcmp(anchor->source->kind, "https") == 0 ||
		strcmp(anchor->source->kind, "file") == 0);
}

/* Those of one source are behind each other, in their order; those that nothing is to be said of
 * come last. */
static int by_source(const void *one, const void *other)
{
	const struct looked_at *a = one;
	const struct looked_at *b = other;
	int order;

	if (!is_file_of_roots(a) || !is_file_of_roots(b))
		return (int)is_file_of_roots(b) - (int)is_file_of_roots(a);
	if (a->pin->system != b->pin->system)
		return a->pin->system ? -1 : 1;
	order = strcmp(a->source->location, b->source->location);
	return order != 0 ? order : (a->pin > b->pin) - (a->pin < b->pin);
}

/* The anchors that came from one source. */
struct bundle {
	const struct looked_at *first;
	size_t count;
	time_t last; /* the last of their ends; 0: not all are known */
};

static struct bundle bundle_at(const struct looked_at *anchors, size_t count)
{
	struct bundle bundle = {.first = anchors, .last = anchors->end};

	for (; bundle.count < count && is_file_of_roots(&anchors[bundle.count]); bundle.count++) {
		const struct looked_at *other = &anchors[bundle.count];

		if (other->pin->system != anchors->pin->system ||
		    strcmp(other->source->location, anchors->source->location) != 0)
			break;
		if (other->end == 0 || bundle.last == 0)
			bundle.last = 0;
		else if (other->end > bundle.last)
			bundle.last = other->end;
	}
	return bundle;
}

static time_t moment_of(const char *text)
{
	struct tm parts = {0};
	const char *rest = text != NULL ? strptime(text, "%Y-%m-%dT%H:%M:%SZ", &parts) : NULL;

	return rest != NULL && *rest == '\0' ? timegm(&parts) : 0;
}

static void judge_bundle(const struct looking *looking, const struct bundle *bundle)
{
	const struct pga_source_record *source = bundle->first->source;
	const time_t changed = moment_of(source->changed);
	const char *name = bundle->first->pin->name;
	const char *system = bundle->first->pin->system ? " --system" : "";
	char when[PGA_MOMENT];

	if (bundle->count > 1 && bundle->last != 0 &&
	    bundle->last <= looking->now + (time_t)PGA_BUNDLE_SOON_DAYS * SECONDS_A_DAY) {
		pga_moment(bundle->last, false, when);
		pga_findings_add(looking->findings, PGA_BUNDLE_EXPIRES_SOON, PGA_SEVERITY_WARNING,
				 PGA_ABOUT_ANCHORS, "all %zu anchors from %s end by %s",
				 bundle->count, source->location, when);
		pga_findings_hint(looking->findings,
				  "pganchor anchor refresh %s%s: asks whether there are new ones",
				  name, system);
		pga_findings_object(looking->findings, "%s", source->location);
	}
	if (changed != 0 && changed < looking->now - (time_t)PGA_OLD_YEARS * 365 * SECONDS_A_DAY) {
		pga_moment(changed, false, when);
		pga_findings_add(
		    looking->findings, PGA_BUNDLE_OLD,
		    bundle->count > 1 ? PGA_SEVERITY_WARNING : PGA_SEVERITY_NOTE, PGA_ABOUT_ANCHORS,
		    "%s has not changed since %s, as far as is known", source->location, when);
		pga_findings_detail(looking->findings, "anchor%s %s%s",
				    bundle->count > 1 ? "s such as" : "", name, " came from there");
		pga_findings_hint(looking->findings,
				  "pganchor anchor refresh %s%s: looks again; if nobody looks "
				  "after it any more, take its roots from elsewhere",
				  name, system);
		pga_findings_object(looking->findings, "%s", source->location);
	}
}

/* Bookkeeping that cannot be read is anchor refresh's to tell. */
static void load_records(struct pga_source_records records[2])
{
	struct pga_error ignored;

	for (int system = 0; system < 2; system++)
		if (pga_source_records_load(&records[system], system == 1, &ignored) != 0)
			pga_source_records_free(&records[system]);
}

int pga_anchors_judge(const struct pga_pins *pins, time_t now, struct pga_findings *findings,
		      struct pga_error *error)
{
	struct looking looking = {.pins = pins, .now = now, .findings = findings};
	struct pga_source_records records[2] = {{.path = NULL}};

	if (pins->count == 0)
		return 0;
	looking.anchors = calloc(pins->count, sizeof *looking.anchors);
	if (looking.anchors == NULL)
		return pga_fail_memory(error);
	load_records(records);
	for (size_t i = 0; i < pins->count; i++) {
		struct looked_at *anchor = &looking.anchors[i];

		anchor->pin = &pins->pins[i];
		anchor->end = end_of(anchor->pin);
		anchor->source =
		    pga_source_records_of(&records[anchor->pin->system], anchor->pin->name);
	}
	for (size_t i = 0; i < pins->count; i++)
		judge_anchor(&looking, &looking.anchors[i]);
	qsort(looking.anchors, pins->count, sizeof *looking.anchors, by_source);
	for (size_t i = 0; i < pins->count && is_file_of_roots(&looking.anchors[i]);) {
		const struct bundle bundle = bundle_at(&looking.anchors[i], pins->count - i);

		judge_bundle(&looking, &bundle);
		i += bundle.count;
	}
	pga_source_records_free(&records[0]);
	pga_source_records_free(&records[1]);
	free(looking.anchors);
	return findings->failed ? pga_fail_memory(error) : 0;
}
