#include "profile/merge.h"

#include <string.h>

/* NULL is no setting. */
static bool is_same(const char *one, const char *other)
{
	return one == NULL || other == NULL ? one == other : strcmp(one, other) == 0;
}

static void add_word(struct pga_text *list, const char *word)
{
	pga_text_addf(list, "%s%s", list->length > 0 ? ", " : "", word);
}

static const char *value_of(const struct pga_settings *settings, const char *keyword)
{
	return settings != NULL ? pga_settings_value(settings, keyword) : NULL;
}

/* The one value of a keyword; NULL: it is to be none. */
static const char *choose(const char *keyword, const char *before, const char *now,
			  const char *wanted, struct pga_merged *merged)
{
	if (is_same(now, wanted) || is_same(now, before))
		return wanted;
	add_word(&merged->kept, keyword);
	if (!is_same(wanted, before))
		add_word(&merged->overruled, keyword);
	return now;
}

static void tell(const char *keyword, const char *now, const char *then, struct pga_text *text)
{
	if (is_same(now, then))
		return;
	if (now != NULL)
		pga_text_addf(text, "-%s=%s\n", keyword, now);
	if (then != NULL)
		pga_text_addf(text, "+%s=%s\n", keyword, then);
}

static int merge_one(const char *keyword, const struct pga_settings *before,
		     const struct pga_settings *now, const struct pga_settings *wanted,
		     struct pga_merged *merged, struct pga_error *error)
{
	const char *is = value_of(now, keyword);
	const char *value =
	    choose(keyword, value_of(before, keyword), is, value_of(wanted, keyword), merged);

	tell(keyword, is, value, &merged->difference);
	return value != NULL ? pga_settings_add(&merged->settings, keyword, value, error) : 0;
}

int pga_merge(const struct pga_settings *before, const struct pga_settings *now,
	      const struct pga_settings *wanted, struct pga_merged *merged, struct pga_error *error)
{
	for (size_t i = 0; i < wanted->count; i++)
		if (merge_one(wanted->items[i].keyword, before, now, wanted, merged, error) != 0)
			return -1;
	for (size_t i = 0; i < now->count; i++)
		if (value_of(wanted, now->items[i].keyword) == NULL &&
		    merge_one(now->items[i].keyword, before, now, wanted, merged, error) != 0)
			return -1;
	if (merged->difference.failed || merged->kept.failed || merged->overruled.failed)
		return pga_fail_memory(error);
	return 0;
}

bool pga_settings_are_same(const struct pga_settings *one, const struct pga_settings *other)
{
	for (size_t i = 0; i < one->count; i++)
		if (!is_same(one->items[i].value, value_of(other, one->items[i].keyword)))
			return false;
	return one->count == other->count;
}

void pga_merged_free(struct pga_merged *merged)
{
	pga_settings_free(&merged->settings);
	pga_text_free(&merged->difference);
	pga_text_free(&merged->kept);
	pga_text_free(&merged->overruled);
}
