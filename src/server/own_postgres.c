#include "server/own_postgres.h"

#include "base/file.h"
#include "base/memory_file.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Single-user mode does a recovery first where one is due, which takes its time. Then it is asked
 * to end, and killed where it does not: the next start does the rest of the recovery. */
#define SECONDS        900
#define SECONDS_TO_END 60

/* What a run is given, and says. */
struct run {
	const char *const *argv;
	struct pga_memory_file input;
	struct pga_memory_file output;
	struct pga_memory_file errors;
	struct pga_text said;
	struct pga_text complained;
	int status; /* of waitpid(2) */
};

/* Wholly: postgres wants its real user to be the effective one, and not root. */
static bool become_owner(const struct pga_cluster *cluster, const struct passwd *owner)
{
	const gid_t group = owner != NULL ? owner->pw_gid : cluster->group;

	if (geteuid() != 0)
		return true;
	return (owner != NULL ? initgroups(owner->pw_name, group) : setgroups(1, &group)) == 0 &&
	       setgid(group) == 0 && setuid(cluster->owner) == 0;
}

/* In the process that becomes the program. Without the terminal of whoever called. */
static void become(const struct pga_cluster *cluster, const struct passwd *owner,
		   const struct run *run)
{
	static const char *const environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C",
						  NULL};
	char *argv[24] = {NULL}; /* the same, in the type that POSIX wants */
	char *envp[4] = {NULL};
	sigset_t none;

	for (size_t i = 0; i < sizeof argv / sizeof argv[0] - 1 && run->argv[i] != NULL; i++)
		memcpy(&argv[i], &run->argv[i], sizeof argv[i]);
	memcpy(envp, environment, sizeof environment);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)umask(077);
	if (setsid() >= 0 && dup2(run->input.descriptor, 0) >= 0 &&
	    dup2(run->output.descriptor, 1) >= 0 && dup2(run->errors.descriptor, 2) >= 0 &&
	    chdir("/") == 0 && become_owner(cluster, owner) && argv[0] != NULL)
		(void)execve(argv[0], argv, envp);
	(void)dprintf(2, "%s\n", strerror(errno));
	_exit(127);
}

static time_t now_in_seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static int wait_for(pid_t process, struct run *run, struct pga_error *error)
{
	const time_t begun = now_in_seconds();
	bool late = false;
	pid_t ended;

	while ((ended = waitpid(process, &run->status, WNOHANG)) == 0 ||
	       (ended < 0 && errno == EINTR)) {
		const time_t passed = now_in_seconds() - begun;

		if (passed > SECONDS && !late)
			(void)kill(process, SIGTERM);
		late = late || passed > SECONDS;
		if (passed > SECONDS + SECONDS_TO_END)
			(void)kill(process, SIGKILL);
		(void)poll(NULL, 0, 10);
	}
	if (ended < 0)
		return pga_fail_errno(error, NULL, "could not tell how %s ended", run->argv[0]);
	return late ? pga_fail(error, "see what it does", "%s has not ended in %d seconds",
			       run->argv[0], SECONDS)
		    : 0;
}

static int start_and_wait(const struct pga_cluster *cluster, struct run *run,
			  struct pga_error *error)
{
	/* Ignored, the kernel would throw its status away. */
	const struct sigaction as_usual = {.sa_handler = SIG_DFL};
	const struct passwd *owner = getpwuid(cluster->owner);
	struct sigaction before;
	pid_t process;
	int result;

	(void)fflush(NULL);
	(void)sigaction(SIGCHLD, &as_usual, &before);
	process = fork();
	if (process == 0)
		become(cluster, owner, run);
	result = process > 0 ? wait_for(process, run, error)
			     : pga_fail_errno(error, NULL, "could not start %s", run->argv[0]);
	(void)sigaction(SIGCHLD, &before, NULL);
	return result;
}

static void end_run(struct run *run)
{
	pga_memory_file_end(&run->input);
	pga_memory_file_end(&run->output);
	pga_memory_file_end(&run->errors);
	pga_text_free(&run->said);
	pga_text_free(&run->complained);
}

/* To be ended in either case. */
static int run_it(const struct pga_cluster *cluster, struct run *run, const char *const *argv,
		  const struct pga_text *input, struct pga_error *error)
{
	const struct pga_memory_file none = PGA_NO_MEMORY_FILE;
	bool found;

	memset(run, 0, sizeof *run);
	run->argv = argv;
	run->input = run->output = run->errors = none;
	if (pga_memory_file_make(&run->input, error) != 0 ||
	    pga_memory_file_make(&run->output, error) != 0 ||
	    pga_memory_file_make(&run->errors, error) != 0 ||
	    (input != NULL &&
	     pga_memory_file_put(&run->input, pga_text_string(input), input->length, error) != 0) ||
	    start_and_wait(cluster, run, error) != 0)
		return -1;
	return pga_file_read(run->output.path, &run->said, &found, error) == 0 &&
		       pga_file_read(run->errors.path, &run->complained, &found, error) == 0
		   ? 0
		   : -1;
}

/* Its reason: the line that says what was fatal, or else the last one. */
static int fail_of(const struct run *run, struct pga_error *error)
{
	static const char *const words[] = {"ERROR:", "FATAL:", "PANIC:"};
	const char *rest = pga_text_string(&run->complained);
	const char *reason = "it says nothing";
	const char *line;
	size_t length;
	size_t found = strlen(reason);
	bool fatal = false;

	while (!fatal && pga_next_line(&rest, &line, &length)) {
		if (length == 0)
			continue;
		reason = line;
		found = length;
		for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
			fatal = fatal || memmem(line, length, words[i], strlen(words[i])) != NULL;
	}
	return pga_fail(error, NULL, "%s: %.*s", run->argv[0], (int)found, reason);
}

static bool ended_well(const struct run *run)
{
	return WIFEXITED(run->status) && WEXITSTATUS(run->status) == 0;
}

static bool is_program(const struct pga_cluster *cluster, const char *path)
{
	struct pga_as_owner as;
	struct pga_error ignored;
	bool found = false;

	if (path[0] == '/' && pga_cluster_as_owner(cluster, &as, &ignored) == 0) {
		found = faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0;
		pga_cluster_as_before(&as);
	}
	return found;
}

/* "postgres (PostgreSQL) 15.14": of another release it is none for this directory. */
static bool is_of_release(const struct pga_cluster *cluster, const char *path)
{
	const char *const argv[] = {path, "-V", NULL};
	struct pga_error ignored;
	struct run run;
	bool is = false;

	if (!is_program(cluster, path))
		return false;
	if (run_it(cluster, &run, argv, NULL, &ignored) == 0 && ended_well(&run)) {
		const char *number = strstr(pga_text_string(&run.said), ") ");

		is = number != NULL && strtol(number + 2, NULL, 10) == cluster->version;
	}
	end_run(&run);
	return is;
}

/* Takes it where it is one. Returns false with no memory, too. */
static bool take_program(struct pga_own_postgres *own, const char *directory, size_t length,
			 const char *name)
{
	struct pga_text path = PGA_TEXT_EMPTY;

	pga_text_add_bytes(&path, directory, length);
	pga_text_add(&path, name);
	if (!path.failed && is_of_release(own->cluster, pga_text_string(&path)))
		own->program = pga_text_take(&path);
	pga_text_free(&path);
	return own->program != NULL;
}

static bool find_in_path(struct pga_own_postgres *own)
{
	const char *at = getenv("PATH");

	while (at != NULL && own->program == NULL) {
		const size_t length = strcspn(at, ":");

		if (length > 0)
			(void)take_program(own, at, length, "/postgres");
		at = at[length] != '\0' ? at + length + 1 : NULL;
	}
	return own->program != NULL;
}

/* Where the packages of Debian, PostgreSQL's own and Alpine's have it. */
static bool find_where_packages_are(struct pga_own_postgres *own)
{
	static const struct {
		const char *before;
		const char *after;
	} places[] = {{"/usr/lib/postgresql/", "/bin"},
		      {"/usr/pgsql-", "/bin"},
		      {"/usr/libexec/postgresql", ""}};
	char place[64];

	for (size_t i = 0; own->program == NULL && i < sizeof places / sizeof places[0]; i++) {
		(void)snprintf(place, sizeof place, "%s%d%s", places[i].before,
			       own->cluster->version, places[i].after);
		(void)take_program(own, place, strlen(place), "/postgres");
	}
	return own->program != NULL;
}

static bool is_file(const struct pga_cluster *cluster, const char *path)
{
	struct pga_as_owner as;
	struct pga_error ignored;
	bool found = false;

	if (pga_cluster_as_owner(cluster, &as, &ignored) == 0) {
		found = faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) == 0;
		pga_cluster_as_before(&as);
	}
	return found;
}

/* Where its configuration is not in the data directory, the command line has said so. */
static int find_config(struct pga_own_postgres *own, const char *options, struct pga_error *error)
{
	static const char name[] = "config_file=";
	char *usual = pga_cluster_file(own->cluster, "postgresql.conf");
	const char *found = strstr(options, name);
	int result = 0;

	if (usual == NULL)
		return pga_fail_memory(error);
	if (found != NULL && !is_file(own->cluster, usual)) {
		own->config = strndup(found, strcspn(found, "\"\n"));
		result = own->config != NULL ? 0 : pga_fail_memory(error);
	}
	free(usual);
	return result;
}

static int find(struct pga_own_postgres *own, struct pga_error *error)
{
	struct pga_text text = PGA_TEXT_EMPTY;
	const char *options;
	size_t length;
	bool found;
	int result = pga_cluster_read(own->cluster, "postmaster.opts", &text, &found, error);

	/* PROGRAM "-D" "DIRECTORY" …: whatever its owner has written there is run as the owner. */
	options = pga_text_string(&text);
	length = strcspn(options, "\"\n");
	while (length > 0 && options[length - 1] == ' ')
		length--;
	if (result == 0 && !take_program(own, options, length, "") &&
	    !find_where_packages_are(own) && !find_in_path(own))
		result = pga_fail(error, "put it into PATH; nothing was changed",
				  "found no program postgres of release %d, that of %s",
				  own->cluster->version, own->cluster->directory);
	if (result == 0)
		result = find_config(own, options, error);
	pga_text_free(&text);
	return result;
}

int pga_own_postgres_find(struct pga_own_postgres *own, const struct pga_cluster *cluster,
			  struct pga_error *error)
{
	memset(own, 0, sizeof *own);
	own->cluster = cluster;
	if (cluster->left)
		return pga_fail(error,
				"start it: where it cannot, that takes the file away, and then "
				"this again. Nothing was changed",
				"%s/postmaster.pid names a server that is not seen from here: it "
				"has crashed, or runs in a container, say",
				cluster->directory);
	return find(own, error);
}

void pga_own_postgres_free(struct pga_own_postgres *own)
{
	free(own->program);
	free(own->config);
	memset(own, 0, sizeof *own);
}

char *pga_own_postgres_show(const struct pga_own_postgres *own, const char *name,
			    struct pga_error *error)
{
	const char *const argv[] = {own->program,
				    "-C",
				    name,
				    "-D",
				    own->cluster->directory,
				    own->config != NULL ? "-c" : NULL,
				    own->config,
				    NULL};
	char *value = NULL;
	struct run run;
	int result = run_it(own->cluster, &run, argv, NULL, error);

	if (result == 0 && !ended_well(&run))
		result = fail_of(&run, error);
	if (result == 0) {
		const char *said = pga_text_string(&run.said);

		value = strndup(said, strcspn(said, "\n"));
		if (value == NULL)
			(void)pga_fail_memory(error);
	}
	end_run(&run);
	return value;
}

int pga_own_postgres_single(const struct pga_own_postgres *own, const struct pga_text *commands,
			    struct pga_error *error)
{
	const char *const argv[] = {
	    own->program, "--single", "-D", own->cluster->directory,
	    /* What it says is to be read here, and its quotes plain. */
	    "-c", "exit_on_error=on", "-c", "standard_conforming_strings=on", "-c", "lc_messages=C",
	    "-c", "log_destination=stderr", "-c", "log_line_prefix=", "-c",
	    "log_min_error_statement=panic", "-c",
	    own->config != NULL ? own->config : "exit_on_error=on", "template1", NULL};
	struct run run;
	int result = run_it(own->cluster, &run, argv, commands, error);

	if (result == 0 && !ended_well(&run))
		result = fail_of(&run, error);
	end_run(&run);
	return result;
}
