/* Differential fuzzing by verdict, in one process and without a network: verdict --cases N --seed N
 * --directory DIRECTORY, with the module preloaded. tests/fuzz/verdicts.py builds and runs it.
 *
 * Each case is a call of libpq under an environment, service files and a policy, and is made three
 * times: by libpq alone, past the gate; through the gate's wrapper; and by libpq's own entry point,
 * so that only the check in PQconnectPoll is before it. wire.c writes down what each would have
 * sent, and to whom. libpq alone says by PQconninfo(), in the object that would connect, what the
 * case comes to; a rule of a few lines, written for this and from the manual, says what the gate
 * has to think of it. Then
 *
 *   - what is weak is refused, by the wrapper with every reason and by PQconnectPoll too, and
 * nobody is looked up or connected to;
 *   - what is not is let through, with the settings that libpq alone has, but for what the gate has
 * to lock and does;
 *   - what it then sends is what libpq alone sends, and to a host that is not exempt a request for
 * TLS, or a TLS hello, first.
 *
 * libpq's own PQconnectPoll is reached through the one in here, which notes the settings and passes
 * the call on to the gate's or to libpq's, by a jump, so that the gate sees who called. */
#include "chance.h"
#include "wire.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <link.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BATCH      32 /* cases for one environment and one set of files */
#define REFUSED    "pganchor refused this connection: "
#define MOST_HOSTS 64

/* ---- libpq itself, past the gate ---- */

static struct {
	PGconn *(*connectdb)(const char *conninfo);
	PGconn *(*connectStart)(const char *conninfo);
	PGconn *(*connectdbParams)(const char *const *keywords, const char *const *values,
				   int expand_dbname);
	PGconn *(*connectStartParams)(const char *const *keywords, const char *const *values,
				      int expand_dbname);
	PGconn *(*setdbLogin)(const char *host, const char *port, const char *options,
			      const char *tty, const char *dbname, const char *login,
			      const char *password);
	PGPing (*ping)(const char *conninfo);
	PGPing (*pingParams)(const char *const *keywords, const char *const *values,
			     int expand_dbname);
	PostgresPollingStatusType (*poll)(PGconn *conn);
	char *(*errorMessage)(const PGconn *conn);
	void (*finish)(PGconn *conn);
} alone, gated;

static PostgresPollingStatusType (*gate_poll)(PGconn *conn);

static void *(*real_dlsym)(void *handle, const char *name);

static void put(void *pointer, void *address, const char *what)
{
	if (address == NULL) {
		(void)fprintf(stderr, "verdict: %s is not there\n", what);
		exit(2);
	}
	memcpy(pointer, &address, sizeof address);
}

/* libpq's GOT entries of getaddrinfo(), which the gate takes for itself: past the gate, they lead
 * to where they led before. All are words of libpq's that hold its address. */
#define ENTRIES 4

static struct {
	void **entry[ENTRIES];
	void *own[ENTRIES];   /* before the gate has seen this libpq */
	void *gated[ENTRIES]; /* since */
	size_t count;
} lookups;

static int find_lookups(struct dl_phdr_info *info, size_t size, void *inside)
{
	void *wanted = NULL;
	bool is_libpq = false;

	(void)size;
	put(&wanted, (void *)getaddrinfo, "getaddrinfo");
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const uintptr_t start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;

		is_libpq = is_libpq || (info->dlpi_phdr[i].p_type == PT_LOAD &&
					(uintptr_t)inside - start < info->dlpi_phdr[i].p_memsz);
	}
	for (int i = 0; is_libpq && i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &info->dlpi_phdr[i];
		void **word = (void **)(info->dlpi_addr + part->p_vaddr);

		if (part->p_type != PT_LOAD || (part->p_flags & PF_W) == 0)
			continue;
		for (size_t n = 0; n < part->p_filesz / sizeof *word; n++)
			if (word[n] == wanted && lookups.count < ENTRIES)
				lookups.entry[lookups.count++] = &word[n];
	}
	return is_libpq;
}

static void lead_lookups(void *const *addresses)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	for (size_t i = 0; i < lookups.count; i++) {
		void *start = (void *)((uintptr_t)lookups.entry[i] & ~(page - 1));

		if (*lookups.entry[i] == addresses[i])
			continue;
		if (mprotect(start, page, PROT_READ | PROT_WRITE) != 0) {
			perror("mprotect");
			exit(2);
		}
		*lookups.entry[i] = addresses[i];
	}
}

/* The gate looks at a libpq when the dynamic linker is first asked for something. */
static void note_lookups(void **addresses)
{
	for (size_t i = 0; i < lookups.count; i++)
		addresses[i] = *lookups.entry[i];
}

/* The gate gives out its own functions for libpq's names, but not for libc's. */
static void find_functions(void)
{
	void *inside;
	void *libc;
	void *libpq;

	put(&inside, (void *)PQconninfoParse, "libpq");
	(void)dl_iterate_phdr(find_lookups, inside);
	note_lookups(lookups.own);
	libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
	libpq = dlopen("libpq.so.5", RTLD_LAZY | RTLD_NOLOAD);
	note_lookups(lookups.gated);
	if (lookups.count == 0 || lookups.own[0] == lookups.gated[0]) {
		(void)fprintf(stderr, "verdict: the gate does not see libpq's getaddrinfo()\n");
		exit(2);
	}
	put(&real_dlsym, dlsym(libc, "dlsym"), "dlsym");
#define FIND(field, name) put(&alone.field, real_dlsym(libpq, name), name)
	FIND(connectdb, "PQconnectdb");
	FIND(connectStart, "PQconnectStart");
	FIND(connectdbParams, "PQconnectdbParams");
	FIND(connectStartParams, "PQconnectStartParams");
	FIND(setdbLogin, "PQsetdbLogin");
	FIND(ping, "PQping");
	FIND(pingParams, "PQpingParams");
	FIND(poll, "PQconnectPoll");
	FIND(errorMessage, "PQerrorMessage");
	FIND(finish, "PQfinish");
#undef FIND
	gated.connectdb = PQconnectdb;
	gated.connectStart = PQconnectStart;
	gated.connectdbParams = PQconnectdbParams;
	gated.connectStartParams = PQconnectStartParams;
	gated.setdbLogin = PQsetdbLogin;
	gated.ping = PQping;
	gated.pingParams = PQpingParams;
	gated.errorMessage = PQerrorMessage;
	gated.finish = PQfinish;
	put(&gate_poll, real_dlsym(RTLD_NEXT, "PQconnectPoll"), "the gate's PQconnectPoll");
	if (gated.connectdb == alone.connectdb || gate_poll == alone.poll) {
		(void)fprintf(stderr, "verdict: the gate does not stand before libpq\n");
		exit(2);
	}
}

/* ---- one run of a case ---- */

enum side { ALONE, GATED, POLL };

struct outcome {
	bool begun; /* libpq took the parameters, and would have looked up the first host next */
	PQconninfoOption
	    *settings; /* at that moment, of the very object; or of the one that libpq refused */
	ConnStatusType status;
	PGPing ping;
	char message[8192];
	struct event events[EVENTS];
	size_t count;
	size_t logged;
};

static enum side side;
static struct outcome *running;
static bool hidden; /* libpq's calls of its own PQconnectPoll come to nobody: as it was built */
static unsigned polls_seen;

static void note_settings(PGconn *conn)
{
	polls_seen++;
	if (running == NULL || running->begun || PQstatus(conn) != CONNECTION_NEEDED)
		return;
	running->begun = true;
	running->settings = PQconninfo(conn);
}

/* Where libpq's own call comes to. The gate looks at the return address: so this is left by a jump.
 */
__attribute__((optimize("O2", "omit-frame-pointer", "no-stack-protector")))
PostgresPollingStatusType
PQconnectPoll(PGconn *conn)
{
	note_settings(conn);
	return (side == ALONE ? alone.poll : gate_poll)(conn);
}

static PGconn *connect_by(const struct chance_case *made)
{
	const char *const *login = made->login;
#define OF(name) (side == GATED ? gated.name : alone.name)
	switch (made->way) {
	case CONNECTDB:
		return OF(connectdb)(made->text);
	case CONNECT_START:
		return OF(connectStart)(made->text);
	case CONNECTDB_PARAMS:
		return OF(connectdbParams)(made->keywords, made->values, made->expand_dbname);
	case START_PARAMS:
		return OF(connectStartParams)(made->keywords, made->values, made->expand_dbname);
	default:
		return OF(setdbLogin)(login[0], login[1], login[2], login[3], login[4], login[5],
				      login[6]);
	}
}

/* Nobody sees the object of a ping: those of a connection that says the same. */
static void ask_for_settings(const struct chance_case *made, struct outcome *outcome)
{
	const uint64_t dice = wire.dice;
	PGconn *conn = made->way == PING
			   ? OF(connectdb)(made->text)
			   : OF(connectdbParams)(made->keywords, made->values, made->expand_dbname);

	outcome->settings = PQconninfo(conn);
	(side == ALONE ? alone.finish : gated.finish)(conn);
	wire.dice = dice;
	wire_begin();
}

static char said[8192]; /* on standard error, by a ping */

static void run_ping(const struct chance_case *made, struct outcome *outcome)
{
	const int console = dup(STDERR_FILENO);
	int ends[2];

	if (hidden)
		ask_for_settings(made, outcome);
	memset(said, 0, sizeof said);
	/* The gate says it to somebody who reads it, as who is at the other end of a pipe. */
	if (console < 0 || pipe2(ends, O_NONBLOCK) != 0 || dup2(ends[1], STDERR_FILENO) < 0) {
		perror("pipe");
		exit(2);
	}
	outcome->ping = made->way == PING
			    ? OF(ping)(made->text)
			    : OF(pingParams)(made->keywords, made->values, made->expand_dbname);
	(void)fflush(stderr);
	(void)dup2(console, STDERR_FILENO);
	(void)close(ends[1]);
	if (read(ends[0], said, sizeof said - 1) < 0)
		said[0] = '\0';
	(void)close(ends[0]);
	(void)close(console);
	(void)snprintf(outcome->message, sizeof outcome->message, "%s", said);
}

static void run(enum side which, const struct chance_case *made, struct outcome *outcome)
{
	PGconn *conn;

	memset(outcome, 0, offsetof(struct outcome, message));
	outcome->message[0] = '\0';
	side = which;
	running = outcome;
	lead_lookups(which == ALONE ? lookups.own : lookups.gated);
	wire_begin();
	if (made->way == PING || made->way == PING_PARAMS) {
		run_ping(made, outcome);
	} else {
		conn = connect_by(made);
		for (int polls = 0;
		     polls < 200 && (made->way == CONNECT_START || made->way == START_PARAMS) &&
		     PQstatus(conn) != CONNECTION_BAD && PQstatus(conn) != CONNECTION_OK;
		     polls++)
			(void)PQconnectPoll(conn);
		outcome->status = PQstatus(conn);
		(void)snprintf(outcome->message, sizeof outcome->message, "%s",
			       which == ALONE ? alone.errorMessage(conn)
					      : gated.errorMessage(conn));
		if (outcome->settings == NULL)
			outcome->settings = PQconninfo(conn);
		(which == ALONE ? alone.finish : gated.finish)(conn);
	}
	running = NULL;
	if (hidden)
		outcome->begun = wire.count > 0;
	memcpy(outcome->events, wire.events,
	       sizeof wire.events[0] * (wire.count < EVENTS ? wire.count : EVENTS));
	outcome->count = wire.count;
	outcome->logged = wire.logged;
}

/* ---- the rule ---- */

enum weakness {
	HOST,
	SSLMODE,
	GSSENCMODE,
	MAX_TLS,
	ROOTCERT,
	KEYLOG,
	OAUTH_CAS,
	OAUTH_DEBUG,
	WEAKNESSES
};

static const char *const weak_keywords[WEAKNESSES] = {
    "host",        "sslmode",       "gssencmode",    "ssl_max_protocol_version",
    "sslrootcert", "sslkeylogfile", "oauth_ca_file", "PGOAUTHDEBUG"};

struct expectation {
	unsigned weak;    /* a bit for each setting that is */
	bool sockets;     /* some host is a socket */
	bool exempt;      /* some host is reached by TCP and exempt */
	bool protected;   /* some host is reached by TCP and not exempt */
	bool socket_lock; /* as a connection by TCP would be, should one come of it */
	bool gss_lock;    /* only strong enough once gssencmode=disable is locked */
	bool tls_lock;    /* only once ssl_min_protocol_version is */
};

/* NULL where this libpq does not know it. */
static const char *value_of(const PQconninfoOption *settings, const char *keyword)
{
	for (; settings != NULL && settings->keyword != NULL; settings++)
		if (strcmp(settings->keyword, keyword) == 0)
			return settings->val != NULL ? settings->val : "";
	return NULL;
}

static const char *text_of(const PQconninfoOption *settings, const char *keyword)
{
	const char *value = value_of(settings, keyword);

	return value != NULL ? value : "";
}

/* Names without regard to case and without a last dot; "*" and "*.x" for all names, and for those
 * below x. */
static bool means(const char *pattern, const char *host)
{
	size_t tail = strlen(pattern);
	size_t length = strlen(host);

	tail -= tail > 0 && pattern[tail - 1] == '.';
	length -= length > 0 && host[length - 1] == '.';
	if (tail == 1 && pattern[0] == '*')
		return length > 0;
	if (pattern[0] == '*') {
		tail--;
		return length > tail && strncasecmp(host + length - tail, pattern + 1, tail) == 0;
	}
	return length == tail && strncasecmp(host, pattern, tail) == 0;
}

static bool is_exempt(const struct chance_policy *policy, const char *host)
{
	size_t naming = 0;

	for (size_t i = 0; i < policy->lists; i++)
		for (size_t j = 0; j < 4 && policy->exempt[i][j] != NULL; j++)
			if (means(policy->exempt[i][j], host)) {
				naming++;
				break;
			}
	return host[0] != '\0' && naming > 0 && naming == policy->lists;
}

static size_t cut(const char *list, char elements[MOST_HOSTS][300])
{
	size_t count = 0;
	size_t length = 0;

	for (;; list++) {
		if (*list != ',' && *list != '\0') {
			if (count == MOST_HOSTS || length == 299)
				abort();
			elements[count][length++] = *list;
			continue;
		}
		if (count == MOST_HOSTS)
			abort();
		elements[count++][length] = '\0';
		length = 0;
		if (*list == '\0')
			return count;
	}
}

static bool is_strong(const char *version, const struct chance_policy *policy)
{
	return strcasecmp(version, "TLSv1.3") == 0 ||
	       (strcasecmp(version, "TLSv1.2") == 0 && !policy->only_tls_1_3);
}

static void judge_hosts(const PQconninfoOption *settings, const struct chance_policy *policy,
			struct expectation *expected)
{
	static char names[MOST_HOSTS][300];
	static char addresses[MOST_HOSTS][300];
	const bool by_address = text_of(settings, "hostaddr")[0] != '\0';
	size_t name_count = cut(text_of(settings, "host"), names);
	size_t count = by_address ? cut(text_of(settings, "hostaddr"), addresses) : name_count;

	for (size_t i = 0; i < count; i++) {
		const char *name = i < name_count ? names[i] : "";
		const char *address = by_address ? addresses[i] : "";

		if (address[0] == '\0' && (name[0] == '\0' || name[0] == '/' || name[0] == '@'))
			expected->sockets = true;
		else if (!is_exempt(policy, address[0] != '\0' ? address : name))
			expected->protected = true;
		else
			expected->exempt = true;
	}
}

/* Of libpq 18, PGOAUTHDEBUG is one word, of 19 a list behind it too. */
static void judge_oauth(const PQconninfoOption *settings, struct expectation *expected)
{
	const char *debug = getenv("PGOAUTHDEBUG");

	if (!expected->sockets && !expected->protected)
		return;
	if (text_of(settings, "oauth_ca_file")[0] != '\0')
		expected->weak |= 1U << OAUTH_CAS;
	if (value_of(settings, "oauth_issuer") != NULL && debug != NULL &&
	    (strcmp(debug, "UNSAFE") == 0 || strncmp(debug, "UNSAFE:", 7) == 0))
		expected->weak |= 1U << OAUTH_DEBUG;
}

static struct expectation expect(const PQconninfoOption *settings,
				 const struct chance_policy *policy)
{
	struct expectation expected = {0};
	const char *gss = value_of(settings, "gssencmode");
	const char *minimum = value_of(settings, "ssl_min_protocol_version");
	const char *maximum = text_of(settings, "ssl_max_protocol_version");

	judge_hosts(settings, policy, &expected);
	judge_oauth(settings, &expected);
	if (expected.sockets && !policy->sockets)
		expected.weak |= 1U << HOST;
	expected.socket_lock = expected.sockets && !expected.protected && !expected.exempt;
	if (!expected.protected)
		return expected;
	if (strcmp(text_of(settings, "sslmode"), "verify-full") != 0)
		expected.weak |= 1U << SSLMODE;
	if (!policy->gss && gss != NULL && strcmp(gss, "prefer") == 0)
		expected.gss_lock = true;
	else if (!policy->gss && gss != NULL && strcmp(gss, "disable") != 0)
		expected.weak |= 1U << GSSENCMODE;
	if (minimum != NULL && !is_strong(minimum, policy))
		expected.tls_lock = true;
	if (maximum[0] != '\0' && !is_strong(maximum, policy))
		expected.weak |= 1U << MAX_TLS;
	/* To a libpq older than 16, a file in whatever directory the program runs in. */
	if ((!policy->public_ca || PQlibVersion() < 160000) &&
	    strcmp(text_of(settings, "sslrootcert"), "system") == 0)
		expected.weak |= 1U << ROOTCERT;
	if (text_of(settings, "sslkeylogfile")[0] != '\0')
		expected.weak |= 1U << KEYLOG;
	return expected;
}

/* What the wrapper has to do: in audit mode, nothing is locked. */
static struct expectation at_the_entry(struct expectation expected,
				       const struct chance_policy *policy)
{
	expected.gss_lock = expected.gss_lock && !policy->audit;
	expected.tls_lock = expected.tls_lock && !policy->audit;
	expected.socket_lock = expected.socket_lock && !policy->audit;
	return expected;
}

/* ---- comparing ---- */

static const char *wrong; /* what is, in the case that is looked at */

static bool holds(bool condition, const char *what)
{
	if (!condition && wrong == NULL)
		wrong = what;
	return condition;
}

static bool was_refused(const struct outcome *outcome)
{
	return strncmp(outcome->message, REFUSED, strlen(REFUSED)) == 0;
}

/* libpq's own words; those of a ping are the gate's alone. */
/* Where libpq has advised to switch verification off, the gate answers right behind it. */
static size_t without_answer(const char *message)
{
	const char *answer = strstr(message, "    pganchor: leave sslmode as it is: ");

	return answer != NULL ? (size_t)(answer - message) : strlen(message);
}

/* a is that of libpq alone. */
static bool same_words(const struct chance_case *made, const struct outcome *a,
		       const struct outcome *b)
{
	const size_t length = without_answer(b->message);

	if (made->way == PING || made->way == PING_PARAMS)
		return a->ping == b->ping;
	return a->status == b->status && strlen(a->message) == length &&
	       memcmp(a->message, b->message, length) == 0;
}

static bool same_events(const struct outcome *a, const struct outcome *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count && i < EVENTS; i++)
		if (a->events[i].kind != b->events[i].kind ||
		    a->events[i].local != b->events[i].local ||
		    a->events[i].checksum != b->events[i].checksum ||
		    strcmp(a->events[i].host, b->events[i].host) != 0)
			return false;
	return true;
}

/* Whatever was sent to a host that is not exempt is a question for encryption, or encrypted. */
static bool only_allowed_sent(const struct outcome *outcome, const struct chance_policy *policy)
{
	for (size_t i = 0; i < outcome->count && i < EVENTS; i++) {
		const struct event *event = &outcome->events[i];

		if (event->local ? policy->sockets : is_exempt(policy, event->host))
			continue;
		if (event->local || event->kind == SENT_PLAIN ||
		    (event->kind == SENT_GSS && !policy->gss))
			return false;
	}
	return true;
}

static bool same_settings(const struct outcome *a, const struct outcome *b,
			  const struct expectation *expected)
{
	const PQconninfoOption *at = a->settings;
	const PQconninfoOption *other = b->settings;

	if (at == NULL || other == NULL)
		return at == other;
	for (; at->keyword != NULL && other->keyword != NULL; at++, other++) {
		if (strcmp(at->keyword, other->keyword) != 0)
			return false;
		if (expected->socket_lock &&
		    (strcmp(at->keyword, "sslmode") == 0 || strcmp(at->keyword, "gssencmode") == 0))
			continue;
		if ((expected->gss_lock && strcmp(at->keyword, "gssencmode") == 0) ||
		    (expected->tls_lock && strcmp(at->keyword, "ssl_min_protocol_version") == 0))
			continue;
		if ((at->val == NULL) != (other->val == NULL) ||
		    (at->val != NULL && strcmp(at->val, other->val) != 0))
			return false;
	}
	return at->keyword == NULL && other->keyword == NULL;
}

static bool is_locked(const PQconninfoOption *settings, const struct chance_policy *policy)
{
	const char *gss = value_of(settings, "gssencmode");
	const char *minimum = value_of(settings, "ssl_min_protocol_version");

	return strcmp(text_of(settings, "sslmode"), "verify-full") == 0 &&
	       (gss == NULL || policy->gss || strcmp(gss, "disable") == 0) &&
	       (minimum == NULL || is_strong(minimum, policy));
}

/* libpq does not look at them then; but another thread may name a host meanwhile. What libpq
 * refuses on a socket, it still refuses. */
static bool is_locked_on_a_socket(const PQconninfoOption *alone_settings,
				  const PQconninfoOption *settings,
				  const struct chance_policy *policy)
{
	const char *gss = value_of(alone_settings, "gssencmode");

	if (strcmp(text_of(settings, "sslmode"), "verify-full") != 0)
		return false;
	if (gss != NULL && !policy->gss && strcmp(gss, "prefer") == 0)
		gss = "disable";
	return gss == NULL || strcmp(text_of(settings, "gssencmode"), gss) == 0;
}

/* What could have a password in it is masked. */
static bool names_masked(const char *message, int weakness)
{
	char reason[64];

	(void)snprintf(reason, sizeof reason, "%s=******** (", weak_keywords[weakness]);
	return strstr(message, reason) != NULL;
}

/* What a terminal could not take is written in another way: a value counts up to there. */
static bool names_all(const char *message, const struct outcome *outcome, unsigned weak)
{
	char reason[1200];
	size_t plain;

	for (int i = 0; i < WEAKNESSES; i++) {
		(void)snprintf(reason, sizeof reason, "%s=%s (", weak_keywords[i],
			       i == OAUTH_DEBUG ? "UNSAFE"
						: text_of(outcome->settings, weak_keywords[i]));
		for (plain = 0; reason[plain] >= ' ' && reason[plain] <= '~'; plain++)
			continue;
		reason[plain] = '\0';
		if ((weak & 1U << i) != 0 && strstr(message, reason) == NULL &&
		    !names_masked(message, i))
			return false;
	}
	return true;
}

/* ---- counts ---- */

enum count {
	BY_LIBPQ,
	BY_POLICY,
	BROKEN,
	AUDITED,
	LOCAL,
	EXEMPT,
	STRONG,
	LOCKED_GSS,
	LOCKED_TLS,
	ASKED_TLS,
	HELLOS,
	ONLY_POLL,
	COUNTS
};

static const char *const count_names[COUNTS] = {"refused by libpq itself",
						"refused by the gate",
						"of them for a policy that cannot be read",
						"let through in audit mode",
						"allowed on sockets alone",
						"allowed with exempt hosts alone",
						"allowed as verify-full",
						"of them with gssencmode locked",
						"of them with ssl_min_protocol_version locked",
						"sent a request for TLS",
						"sent a TLS hello",
						"refused in PQconnectPoll alone"};

static unsigned long long counts[COUNTS];
static unsigned long long weak_counts[WEAKNESSES];

static void add_counts(const struct outcome *outcome, const struct chance_policy *policy,
		       const struct expectation *expected)
{
	bool asked = false;
	bool greeted = false;

	for (size_t i = 0; i < outcome->count && i < EVENTS; i++) {
		asked = asked || outcome->events[i].kind == SENT_SSL;
		greeted = greeted || outcome->events[i].kind == SENT_HELLO;
	}
	counts[ASKED_TLS] += asked;
	counts[HELLOS] += greeted;
	if (policy->broken || (expected->weak != 0 && !policy->audit)) {
		counts[BY_POLICY]++;
		counts[BROKEN] += policy->broken;
		for (int i = 0; i < WEAKNESSES && !policy->broken; i++)
			weak_counts[i] += (expected->weak & 1U << i) != 0;
		return;
	}
	if (expected->weak != 0) {
		counts[AUDITED]++;
		return;
	}
	counts[expected->protected ? STRONG : expected->sockets ? LOCAL : EXEMPT]++;
	counts[LOCKED_GSS] += expected->gss_lock;
	counts[LOCKED_TLS] += expected->tls_lock;
	counts[ONLY_POLL] += expected->gss_lock && !hidden;
}

/* ---- one case ---- */

/* libpq did not take it by itself: then neither does anybody else, and the words are libpq's unless
 * it is weak besides. */
static void check_not_taken(const struct chance_case *made, const struct chance_policy *policy,
			    const struct outcome *plain, const struct outcome *wrapper)
{
	struct expectation expected = expect(plain->settings, policy);

	counts[BY_LIBPQ]++;
	(void)holds(!wrapper->begun && wrapper->count == 0,
		    "libpq refuses it, and with the gate something happens");
	if (was_refused(wrapper))
		(void)holds(policy->broken || (expected.weak != 0 && !policy->audit) ||
				made->way >= PING,
			    "libpq refuses it, and the gate in its place without a reason");
	else
		(void)holds(same_words(made, plain, wrapper),
			    "libpq's own refusal has other words with the gate");
}

static void check_refused(const struct chance_policy *policy, const struct outcome *plain,
			  const struct outcome *wrapper, unsigned weak)
{
	if (!holds(was_refused(wrapper), "ESCAPE: weak, and not refused"))
		return;
	(void)holds(wrapper->count == 0 && !wrapper->begun,
		    "ESCAPE: refused, and yet somebody was looked up or connected to");
	if (policy->broken)
		(void)holds(
		    strstr(wrapper->message, "policy") != NULL ||
			strstr(wrapper->message, "anchors.conf") != NULL,
		    "refused for a policy that cannot be read, which the message does not say");
	else
		(void)holds(names_all(wrapper->message, plain, weak),
			    "the message does not name every reason");
}

static void check_taken(const struct chance_case *made, const struct chance_policy *policy,
			const struct outcome *plain, const struct outcome *wrapper,
			const struct expectation *expected)
{
	if (!holds(!was_refused(wrapper), "refused without a reason") ||
	    !holds(wrapper->begun, "not refused, and not begun"))
		return;
	(void)holds(same_settings(plain, wrapper, expected),
		    "the gate has changed settings that it need not lock");
	(void)holds(same_events(plain, wrapper), "libpq alone sends something else");
	(void)holds(same_words(made, plain, wrapper), "libpq alone says something else");
	if (!policy->audit && expected->protected)
		(void)holds(is_locked(wrapper->settings, policy),
			    "ESCAPE: a setting that has to be locked is not");
	if (expected->socket_lock)
		(void)holds(is_locked_on_a_socket(plain->settings, wrapper->settings, policy),
			    "ESCAPE: a socket's setting that has to be locked is not");
	if (!policy->audit)
		(void)holds(only_allowed_sent(wrapper, policy),
			    "ESCAPE: sent something in the clear to a host that is not exempt");
}

/* Where its own calls cannot be seen, libpq past the wrapper is held by what it calls in others. */
static bool nothing_in_clear(const struct outcome *outcome, const struct chance_policy *policy)
{
	for (size_t i = 0; i < outcome->count && i < EVENTS; i++)
		if (!outcome->events[i].local && outcome->events[i].kind >= SENT_GSS &&
		    !is_exempt(policy, outcome->events[i].host) &&
		    (outcome->events[i].kind == SENT_PLAIN || !policy->gss))
			return false;
	return true;
}

static void check_poll(const struct chance_case *made, const struct chance_policy *policy,
		       const struct outcome *plain, const struct outcome *polled,
		       const struct expectation *expected)
{
	const bool weak = expected->weak != 0 || expected->gss_lock;
	const bool ping = made->way >= PING;

	if (policy->broken || (weak && !policy->audit)) {
		(void)holds(polled->count == 0, "ESCAPE: PQconnectPoll lets through what is weak");
		(void)holds(ping || was_refused(polled),
			    "ESCAPE: PQconnectPoll does not refuse what is weak");
		return;
	}
	(void)holds(ping || !was_refused(polled), "PQconnectPoll refuses without a reason");
	(void)holds(same_settings(plain, polled, &(struct expectation){0}),
		    "PQconnectPoll changes settings");
	(void)holds(weak || only_allowed_sent(polled, policy),
		    "ESCAPE: past the wrapper, something is sent in the clear");
	(void)holds(!policy->audit || polled->logged == (weak && policy->log),
		    "PQconnectPoll's audit log");
}

static void check_case(const struct chance_case *made, const struct chance_policy *policy)
{
	static struct outcome plain;
	static struct outcome wrapper;
	static struct outcome polled;
	struct expectation expected;
	bool ticket = chance_once_in(2);

	wrong = NULL;
	wire.refuses = chance_once_in(2);
	wire.answers = chance_once_in(2) ? 'N' : 0;
	wire.dice = chance_next();
	wire.ticket = ticket;
	run(POLL, made, &polled);
	run(GATED, made, &wrapper);
	expected = expect(polled.settings, policy);
	/* With gssencmode locked, a ticket is of no use; what libpq does alone without one is the
	 * same. */
	wire.ticket = ticket && (policy->audit || expected.weak != 0 || !expected.gss_lock);
	run(ALONE, made, &plain);
	expected = expect(plain.settings, policy);
	if (!plain.begun) {
		check_not_taken(made, policy, &plain, &wrapper);
	} else {
		const struct expectation there = at_the_entry(expected, policy);

		add_counts(&wrapper, policy, &there);
		if (policy->broken || (expected.weak != 0 && !policy->audit))
			check_refused(policy, &plain, &wrapper, expected.weak);
		else
			check_taken(made, policy, &plain, &wrapper, &there);
		(void)holds(wrapper.logged == (policy->audit && !policy->broken && policy->log &&
					       expected.weak != 0),
			    "the wrapper's audit log");
		if (!hidden)
			check_poll(made, policy, &plain, &polled, &expected);
		else if (!policy->audit)
			(void)holds(nothing_in_clear(&polled, policy),
				    "ESCAPE: past the wrapper, something is sent in the clear");
	}
	if (wrong != NULL) {
		(void)printf("%s\n", wrong);
		(void)printf("  alone:  %d %s", (int)plain.count, plain.message);
		(void)printf("\n  wrapper:   %d %s", (int)wrapper.count, wrapper.message);
		(void)printf("\n  poll:   %d %s\n", (int)polled.count, polled.message);
		for (const PQconninfoOption *at = plain.settings; at != NULL && at->keyword != NULL;
		     at++)
			if (at->val != NULL)
				(void)printf("  %s='%s'\n", at->keyword, at->val);
	}
	PQconninfoFree(plain.settings);
	PQconninfoFree(wrapper.settings);
	PQconninfoFree(polled.settings);
}

/* ---- batches ---- */

static void write_file(const char *directory, const char *name, const char *text, size_t length)
{
	char path[600];
	FILE *file;

	(void)snprintf(path, sizeof path, "%s/%s", directory, name);
	if (text == NULL) {
		(void)remove(path);
		return;
	}
	file = fopen(path, "w");
	if (file == NULL || fwrite(text, 1, length, file) != length || fclose(file) != 0) {
		perror(path);
		exit(2);
	}
}

static void set_mode(const char *directory, const char *name, mode_t mode)
{
	char path[600];

	(void)snprintf(path, sizeof path, "%s/%s", directory, name);
	(void)chmod(path, mode);
}

static size_t length_of(const char *text)
{
	return text != NULL ? strlen(text) : 0;
}

static void make_batch(const char *directory, struct chance_policy *policy)
{
	static const char *const service_files[] = {"home/.pg_service.conf", "pg_service.conf",
						    "services"};
	static const char *const policy_files[] = {"system/pganchor/policy.conf",
						   "system/pganchor/policy.d/10-x.conf",
						   "home/.config/pganchor/policy.conf"};
	const char *text;
	size_t length;

	chance_environment();
	for (size_t i = 0; i < 3; i++)
		if (i == 0 || chance_once_in(4)) {
			text = chance_service_file(&length);
			write_file(directory, service_files[i], text, length);
		}
	chance_policy_begin(policy);
	for (size_t i = 0; i < 3; i++) {
		text = chance_policy_file(policy);
		write_file(directory, policy_files[i], text, length_of(text));
		set_mode(directory, policy_files[i],
			 text != NULL && policy->writable ? 0666 : 0600);
		policy->broken = policy->broken || (i < 2 && text != NULL && policy->writable);
	}
	text = chance_anchors_file(policy);
	write_file(directory, "home/.config/pganchor/anchors.conf", text, length_of(text));
	chance_policy_end(policy);
}

static void show_case(const struct chance_case *made)
{
	(void)printf("  way %d, text %s, expand %d\n", (int)made->way,
		     made->text != NULL ? made->text : "(none)", made->expand_dbname);
	for (size_t i = 0; made->keywords[i] != NULL; i++)
		(void)printf("  %s: %s\n", made->keywords[i],
			     made->values[i] != NULL ? made->values[i] : "(null)");
	for (size_t i = 0; i < 7 && made->way == SETDB_LOGIN; i++)
		(void)printf("  argument %zu: %s\n", i,
			     made->login[i] != NULL ? made->login[i] : "(null)");
}

static void show_counts(unsigned long long cases)
{
	(void)printf("%llu cases: ", cases);
	for (int i = 0; i < COUNTS; i++)
		(void)printf("%s%llu %s", i > 0 ? ", " : "", counts[i], count_names[i]);
	for (int i = 0; i < WEAKNESSES; i++)
		(void)printf(", %llu refused for %s", weak_counts[i], weak_keywords[i]);
	(void)printf("; no escape\n");
}

static void tell_settings(const char *directory)
{
	static const char *keywords[100];
	static const char *variables[100];
	PQconninfoOption *all = PQconndefaults();

	for (size_t i = 0; all != NULL && all[i].keyword != NULL && i < 99; i++) {
		keywords[i] = strdup(all[i].keyword);
		variables[i] = all[i].envvar != NULL ? strdup(all[i].envvar) : NULL;
	}
	PQconninfoFree(all);
	chance_settings(keywords, variables, directory);
}

static void make_directories(const char *directory)
{
	static const char *const names[] = {
	    "home",   "home/.config",    "home/.config/pganchor",
	    "system", "system/pganchor", "system/pganchor/policy.d"};
	char path[600];

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", directory, names[i]);
		(void)mkdir(path, 0700);
	}
	(void)snprintf(path, sizeof path, "%s/home", directory);
	(void)setenv("HOME", path, 1);
	(void)unsetenv("XDG_CONFIG_HOME");
}

static void find_out_what_is_hidden(void)
{
	wire_begin();
	side = ALONE;
	alone.finish(alone.connectdb("host=/nowhere"));
	hidden = polls_seen == 0;
}

int main(int argc, char **argv)
{
	unsigned long long cases = 0;
	unsigned long long seed = 0;
	unsigned long long first = 0;
	unsigned long long done = 0;
	const char *directory = NULL;
	struct chance_policy policy;
	struct chance_case made;

	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--cases") == 0)
			cases = strtoull(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--seed") == 0)
			seed = strtoull(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--batch") == 0)
			first = strtoull(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--directory") == 0)
			directory = argv[i + 1];
	}
	if (directory == NULL || cases == 0) {
		(void)fprintf(
		    stderr,
		    "Usage: verdict --cases N --seed N [--batch N] --directory DIRECTORY\n");
		return 2;
	}
	find_functions();
	make_directories(directory);
	tell_settings(directory);
	find_out_what_is_hidden();
	(void)printf("seed %llu, libpq %d%s\n", seed, PQlibVersion(),
		     hidden ? ", which hides its calls of PQconnectPoll" : "");
	(void)fflush(stdout);
	for (unsigned long long batch = first; done < cases; batch++) {
		chance_seed(seed, batch);
		make_batch(directory, &policy);
		wire_files(directory, (unsigned)batch + 1);
		for (int i = 0; i < BATCH && done < cases; i++, done++) {
			chance_make_case(&made);
			check_case(&made, &policy);
			if (wrong == NULL)
				continue;
			show_case(&made);
			(void)printf("found in case %llu; again: --cases %d --seed %llu --batch "
				     "%llu; its environment and files are "
				     "still there:\n",
				     done + 1, i + 1, seed, batch);
			(void)fflush(stdout);
			(void)execlp("sh", "sh", "-c",
				     "env | grep ^PG; cd \"$1\" && grep -r . home pg_service.conf "
				     "services system; exit 1",
				     "sh", directory, (char *)NULL);
			return 1;
		}
	}
	show_counts(done);
	return 0;
}
