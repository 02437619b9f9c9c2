/* That TLS is required, seen by connections: one with it is let in, one without it is not. */
#include "server/require.h"

#include "probe/questions.h"
#include "probe/startup.h"
#include "server/require_world.h"
#include "tls/dial.h"
#include "tls/exchange.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of rules and addresses: more would only take time. */
#define TRIALS_AT_MOST    8
#define TRIED_AT_MOST     32
#define ADDRESSES_AT_MOST 4

/* For one connection, in milliseconds. */
#define TIME 10000

/* TLS of whatever certificate: this is the machine itself, and nothing secret goes out. */
static int begin_tls(struct pga_exchange *exchange, const char *named)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	struct pga_error ignored;
	int result = -1;

	if (context != NULL &&
	    pga_exchange_ask(exchange, PGA_SSL_REQUEST, &ignored) == PGA_EXCHANGED &&
	    pga_exchange_answer(exchange, &ignored) == PGA_EXCHANGED &&
	    pga_exchange_session(exchange, context, named, &ignored) == 0 &&
	    pga_exchange_shake_hands(exchange, &ignored) == PGA_EXCHANGED)
		result = 0;
	SSL_CTX_free(context);
	return result;
}

static enum pga_let_in hear(struct pga_exchange *exchange)
{
	struct pga_probe_startup startup = {.asked = true};

	pga_probe_read_startup(exchange, &startup);
	switch (startup.auth) {
	case PGA_ASKS_NO_ENTRY:
		return PGA_LET_IN_NOT;
	case PGA_ASKS_UNKNOWN:
	case PGA_ASKS_REFUSED:
	case PGA_ASKS_NOT_UNDERSTOOD:
		return PGA_LET_IN_UNKNOWN;
	default:
		return PGA_LET_IN;
	}
}

/* By the protocol's own messages, and not through libpq, before which the gate may stand: it would
 * not let the plain one out. No password is given: to be asked for one is to be let in by the
 * rules. */
static enum pga_let_in come_to(const char *host, unsigned port, const char *user,
			       const char *database, bool encrypted, const char *named)
{
	const long long deadline = pga_dial_now() + TIME;
	enum pga_let_in let_in = PGA_LET_IN_UNKNOWN;
	struct pga_text packet = PGA_TEXT_EMPTY;
	struct pga_exchange exchange;
	struct pga_error ignored;

	pga_startup_compose(user, database, &packet);
	pga_exchange_begin(&exchange, host, port, deadline);
	exchange.connection = pga_dial(host, port, TIME, deadline, exchange.where, &ignored);
	if (!packet.failed && exchange.connection >= 0 &&
	    (!encrypted || begin_tls(&exchange, named) == 0) &&
	    pga_exchange_write(&exchange, packet.bytes, packet.length, &ignored) == PGA_EXCHANGED)
		let_in = hear(&exchange);
	pga_exchange_leave(&exchange);
	pga_text_free(&packet);
	return let_in;
}

enum pga_let_in pga_require_come(const char *host, unsigned port, const char *user,
				 const char *database, bool encrypted)
{
	return come_to(host, port, user, database, encrypted, NULL);
}

static enum pga_let_in come(const struct pga_requiring *requiring,
			    const struct pga_require_trial *trial, bool encrypted)
{
	return come_to(trial->address, requiring->cluster.port, trial->user, trial->database,
		       encrypted, requiring->named);
}

/* Where it listens, of the machine's own addresses; those of the network first. */
static size_t list_addresses(char addresses[ADDRESSES_AT_MOST][64])
{
	struct ifaddrs *all = NULL;
	size_t count = 0;

	if (getifaddrs(&all) != 0)
		return 0;
	for (int loopback = 0; loopback < 2; loopback++)
		for (const struct ifaddrs *one = all; one != NULL; one = one->ifa_next) {
			const void *address = NULL;
			char text[64];
			bool own;

			if (one->ifa_addr == NULL || count == ADDRESSES_AT_MOST)
				continue;
			if (one->ifa_addr->sa_family == AF_INET)
				address = &((const struct sockaddr_in *)(const void *)one->ifa_addr)
					       ->sin_addr;
			else if (one->ifa_addr->sa_family == AF_INET6)
				address =
				    &((const struct sockaddr_in6 *)(const void *)one->ifa_addr)
					 ->sin6_addr;
			if (address == NULL ||
			    inet_ntop(one->ifa_addr->sa_family, address, text, sizeof text) ==
				NULL ||
			    strncmp(text, "fe80:", 5) == 0)
				continue;
			own = strncmp(text, "127.", 4) == 0 || strcmp(text, "::1") == 0;
			if (own == (loopback == 1))
				(void)snprintf(addresses[count++], 64, "%s", text);
		}
	freeifaddrs(all);
	return count;
}

/* A name that a rule is for: its first plain one. */
static const char *name_of(const struct pga_hba_field *field, const char *otherwise)
{
	static const char *const keywords[] = {"all", "sameuser", "samerole", "samegroup",
					       "replication"};

	for (size_t i = 0; field != NULL && i < field->count; i++) {
		const struct pga_hba_token *token = &field->tokens[i];
		bool plain = token->value[0] != '\0';

		for (size_t k = 0; k < sizeof keywords / sizeof keywords[0]; k++)
			plain = plain && !pga_hba_is_keyword(token, keywords[k]);
		if (plain && (token->quoted || strchr("+@/", token->value[0]) == NULL))
			return token->value;
	}
	return otherwise;
}

/* By a rule for the machine itself, which stays: nothing is proved so. */
static bool stays_open(struct pga_requiring *requiring, const struct pga_hba_world *world,
		       const struct pga_require_trial *trial)
{
	const struct pga_hba_client client = {.user = trial->user,
					      .database = trial->database,
					      .address = trial->address,
					      .way = PGA_HBA_PLAIN};
	const size_t place = pga_hba_match(&requiring->tree, world, &client, true);

	if (place == requiring->tree.place_count ||
	    pga_hba_rejects(pga_hba_tree_line(&requiring->tree, place)))
		return false;
	requiring->stays = pga_hba_tree_line(&requiring->tree, place);
	requiring->stays_path = pga_hba_tree_path(&requiring->tree, place);
	return true;
}

/* It is one if somebody without TLS is let in by now. With TLS, too, unless whoever comes so is
 * shut out; but where other rules are loaded than those in the file, that cannot be told. */
static int try_rule(struct pga_requiring *requiring, const struct pga_hba_world *world,
		    const struct pga_hba_line *line, const char *address, struct pga_error *error)
{
	struct pga_require_trial trial = {.plain = PGA_LET_IN_UNKNOWN};
	struct pga_require_trial *more;

	(void)snprintf(trial.address, sizeof trial.address, "%s", address);
	trial.user = strdup(name_of(line->users, "postgres"));
	trial.database = strdup(name_of(line->databases, "postgres"));
	more = realloc(requiring->trials, (requiring->trial_count + 1) * sizeof *more);
	if (more != NULL)
		requiring->trials = more;
	if (more == NULL || trial.user == NULL || trial.database == NULL) {
		free(trial.user);
		free(trial.database);
		return pga_fail_memory(error);
	}
	for (size_t i = 0; i < requiring->trial_count; i++)
		if (strcmp(more[i].address, trial.address) == 0 &&
		    strcmp(more[i].user, trial.user) == 0 &&
		    strcmp(more[i].database, trial.database) == 0)
			goto no_use;
	if (stays_open(requiring, world, &trial))
		goto no_use;
	trial.plain_before = come(requiring, &trial, false);
	if (trial.plain_before != PGA_LET_IN)
		goto no_use;
	/* No rule in the files does that. */
	requiring->stale = requiring->stale || requiring->changes == 0;
	trial.encrypted_before = come(requiring, &trial, true);
	if (trial.encrypted_before == PGA_LET_IN ||
	    (trial.encrypted_before == PGA_LET_IN_NOT && !requiring->stale)) {
		more[requiring->trial_count++] = trial;
		return 0;
	}
no_use:
	free(trial.user);
	free(trial.database);
	return 0;
}

/* In the end: a rule that wants it already may not be loaded. */
static bool wants_tls(const struct pga_hba_line *line)
{
	return pga_hba_becomes(line) == PGA_HBA_NEEDS_TLS ||
	       pga_hba_becomes(line) == PGA_HBA_COMMENTED_OUT ||
	       (line->type == PGA_HBA_HOSTSSL && pga_hba_is_remote(line));
}

int pga_require_find_trials(struct pga_requiring *requiring, struct pga_error *error)
{
	const struct pga_hba_tree *tree = &requiring->tree;
	char addresses[ADDRESSES_AT_MOST][64];
	const size_t count = list_addresses(addresses);
	struct pga_require_world world;
	size_t tried = 0;
	int result = 0;

	pga_require_world_begin(&world, requiring->session, true);
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; result == 0 && k < tree->place_count &&
				   requiring->trial_count < TRIALS_AT_MOST;
		     k++) {
			const struct pga_hba_line *line = pga_hba_tree_line(tree, k);

			if (wants_tls(line) && tried++ < TRIED_AT_MOST)
				result =
				    try_rule(requiring, &world.world, line, addresses[i], error);
		}
	if (pga_require_world_end(&world, result == 0 ? error : &world.error) != 0)
		result = -1;
	return result;
}

int pga_require_prove(struct pga_requiring *requiring, struct pga_error *error)
{
	for (size_t i = 0; i < requiring->trial_count; i++) {
		struct pga_require_trial *trial = &requiring->trials[i];

		trial->encrypted = come(requiring, trial, true);
		trial->plain = come(requiring, trial, false);
		if (trial->encrypted != PGA_LET_IN && trial->encrypted_before == PGA_LET_IN)
			return pga_fail(error, NULL,
					"user %s of database %s, from %s, is not let in with TLS, "
					"and was before",
					trial->user, trial->database, trial->address);
		if (trial->plain != PGA_LET_IN_NOT)
			return pga_fail(error, NULL,
					"user %s of database %s, from %s, is let in without TLS",
					trial->user, trial->database, trial->address);
	}
	for (size_t i = 0; i < requiring->trial_count; i++)
		requiring->proved =
		    requiring->proved || requiring->trials[i].encrypted == PGA_LET_IN;
	return 0;
}
