/* Which source is meant, and asking it. */
#include "cli/adding.h"

#include "base/terminal.h"
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SOURCE_ADDRESS(source, ...) &pga_source_##source

static const struct pga_source *const by_option[] = {PGA_SOURCES(SOURCE_ADDRESS)};
static const struct pga_source *const by_word[] = {PGA_SOURCES_OF_WORDS(SOURCE_ADDRESS)};

/* What the word may mean: the first that it fits, and those that are asked where whoever answers is
 * another kind. */
static int guess(struct pga_adding *adding, const char *word)
{
	adding->typed = word;
	adding->guessed = true;
	if (strncasecmp(word, "http://", strlen("http://")) == 0) {
		struct pga_error error;

		(void)pga_fail(&error,
			       "give its https address; or download it, and give the file with the "
			       "--fingerprint that you got by a way that you trust",
			       "%s: http is not possible: anybody on the way could put another "
			       "root there",
			       word);
		pga_print_error(&error);
		return PGA_EXIT_USAGE;
	}
	for (size_t i = 0; i < sizeof by_word / sizeof by_word[0]; i++) {
		const char *taken = by_word[i]->fits != NULL ? by_word[i]->fits(word) : NULL;

		if (taken == NULL || adding->meant_count == PGA_MOST_MEANT)
			continue;
		adding->taken_for[adding->meant_count] = taken;
		adding->meant[adding->meant_count++] = by_word[i];
	}
	if (adding->meant_count == 0)
		return pga_usage_error(adding->command->name,
				       "%s: no file of this name, no https address, and no address "
				       "of a CA",
				       word);
	return PGA_EXIT_DONE;
}

int pga_adding_find_source(struct pga_adding *adding, const char *word)
{
	const struct pga_option *options = adding->command->options;
	size_t chosen = 0;

	for (size_t i = 0; i < PGA_SOURCE_OPTIONS; i++) {
		if (adding->locations[i] == NULL)
			continue;
		if (adding->typed != NULL)
			return pga_usage_error(adding->command->name, "--%s and --%s: one of them",
					       options[chosen].name, options[i].name);
		chosen = i;
		adding->typed = adding->locations[i];
		adding->meant[0] = by_option[i];
		adding->meant_count = 1;
	}
	if (word == NULL)
		return PGA_EXIT_DONE;
	if (adding->typed != NULL)
		return pga_usage_error(adding->command->name, "%s and --%s: one of them", word,
				       options[chosen].name);
	return guess(adding, word);
}

/* Nobody is left guessing what a word was taken for. */
static void say_taken(const struct pga_adding *adding, size_t index)
{
	if (!adding->guessed || adding->json)
		return;
	pga_print(stdout, index == 0 ? "%s: taken for %s.\n" : "%s: not that; taken for %s.\n",
		  adding->request.told == NULL ? adding->request.location : adding->typed,
		  adding->taken_for[index]);
	(void)fflush(stdout);
}

static int fetch_from(struct pga_adding *adding, struct pga_error *error)
{
	struct pga_source_request *request = &adding->request;

	if (pga_source_resolve(request, error) != 0)
		return -1;
	/* What is taken for granted, before anything is done by it. */
	if (request->told != NULL) {
		pga_print(adding->json ? stderr : stdout, "%s.\n", request->told);
		(void)fflush(stdout);
	}
	if (pga_source_fetch(request, &adding->found, error) != 0)
		return -1;
	if (adding->found.note != NULL)
		pga_print_warning("%s", adding->found.note);
	return 0;
}

/* The next one that is meant. */
static int read_next(struct pga_adding *adding, size_t index, struct pga_error *error)
{
	struct pga_source_request *request = &adding->request;

	pga_candidates_free(&adding->found);
	pga_source_request_free(request);
	request->source = adding->meant[index];
	return request->source->read(request, adding->typed, error);
}

int pga_adding_fetch(struct pga_adding *adding, struct pga_error *error)
{
	struct pga_error first = {.message = ""};

	for (size_t i = 0; i < adding->meant_count; i++) {
		if (i > 0 && read_next(adding, i, error) != 0)
			return -1;
		say_taken(adding, i);
		if (fetch_from(adding, error) == 0)
			return 0;
		if (!adding->found.other_kind)
			return -1;
		if (i == 0)
			first = *error;
	}
	/* It is none of them: the first is what was most likely meant. */
	*error = first;
	return -1;
}
