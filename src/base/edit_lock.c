#include "base/edit_lock.h"

#include "base/acting.h"
#include "base/cleanup.h"
#include "base/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* A lock that this process has. flock() belongs to an open file, so that a process which locked the
 * same directory twice (root.crt may be a link into the directory of the pins) would wait for
 * itself for ever. */
struct pga_lock {
	struct pga_lock *next;
	dev_t device; /* of the directory */
	ino_t inode;
	unsigned count;
	int file;
	struct pga_leftover *leftover; /* the file goes with the lock */
};

static struct pga_lock *locks;

/* On the way to a lock. */
struct taking {
	const struct pga_directory *directory;
	int file;
	bool made;               /* by this process, just now */
	bool raced;              /* it went while it was being opened */
	ino_t awaited;           /* the file that is waited for */
	struct timespec written; /* by its holder: another one's may get the same number */
	time_t since;            /* when that began */
	bool told;
	bool given_up;
	sigset_t signals; /* as they were: they are held but while this waits */
};

static time_t now(void)
{
	struct timespec time;

	return clock_gettime(CLOCK_MONOTONIC, &time) == 0 ? time.tv_sec : 0;
}

/* Who holds the lock says so in its file: process and host, for the file may be on several. */
static void write_holder(int file)
{
	char text[128];
	struct utsname host;
	int length;

	if (uname(&host) != 0)
		return;
	length = snprintf(text, sizeof text, "%ld %s\n", (long)getpid(), host.nodename);
	/* On a full disk, it is a lock all the same. */
	if (ftruncate(file, 0) != 0 || pwrite(file, text, (size_t)length, 0) != length)
		return;
}

static void name_holder(int file, char *holder, size_t size)
{
	char text[128];
	char *host;
	struct utsname here;
	long process;
	ssize_t length = file >= 0 ? pread(file, text, sizeof text - 1, 0) : -1;

	(void)snprintf(holder, size, "another process");
	if (length <= 0)
		return;
	text[length] = '\0';
	text[strcspn(text, "\n")] = '\0';
	process = strtol(text, &host, 10);
	if (process <= 0 || *host != ' ')
		return;
	host++;
	if (uname(&here) == 0 && strcmp(here.nodename, host) == 0)
		(void)snprintf(holder, size, "process %ld", process);
	else
		(void)snprintf(holder, size, "process %ld on %.64s", process, host);
}

static void close_file(struct taking *taking)
{
	if (taking->file >= 0)
		(void)close(taking->file);
	taking->file = -1;
}

/* Whether the open file is the one that has the name, and what it should be. */
static bool has_name(const struct taking *taking)
{
	struct stat open;
	struct stat named;

	return fstat(taking->file, &open) == 0 &&
	       fstatat(taking->directory->fd, PGA_LOCK_NAME, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

/* Opens the file, or makes it: the user's alone from the first instant. */
static void open_file(struct taking *taking)
{
	const int flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	const int directory = taking->directory->fd;

	taking->raced = false;
	if (pga_act_as(taking->directory->owner, taking->directory->group) != 0)
		return;
	taking->file = openat(directory, PGA_LOCK_NAME, flags | O_CREAT | O_EXCL, 0600);
	taking->made = taking->file >= 0;
	if (taking->file < 0 && errno == EEXIST) {
		taking->file = openat(directory, PGA_LOCK_NAME, flags);
		taking->raced = taking->file < 0 && errno == ENOENT;
	}
	pga_act_as_self();
}

static int fail_strange(const struct taking *taking, struct pga_error *error)
{
	return pga_fail(error, "see what it is, and remove it",
			"%s/" PGA_LOCK_NAME ": not a lock of pganchor's", taking->directory->path);
}

/* What has the name may be anything where others may write. */
static int check_file(const struct taking *taking, struct pga_error *error)
{
	struct stat status;

	if (fstat(taking->file, &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink <= 1 &&
	    status.st_uid == pga_acting_user(taking->directory->owner))
		return 0;
	return fail_strange(taking, error);
}

static void wake(int number)
{
	(void)number;
}

/* Waits for the lock, at most a second. The timer goes on: it may have run out before flock()
 * began. */
static int wait_a_second(int file)
{
	static const struct itimerval second = {{0, 100000}, {1, 0}};
	struct itimerval timer_before;
	const struct sigaction ours = {.sa_handler = wake}; /* no SA_RESTART: it is to interrupt */
	struct sigaction before;
	int result;
	int why;

	if (sigaction(SIGALRM, &ours, &before) != 0 ||
	    setitimer(ITIMER_REAL, &second, &timer_before) != 0)
		return -1;
	result = flock(file, LOCK_EX);
	why = errno;
	(void)setitimer(ITIMER_REAL, &timer_before, NULL);
	(void)sigaction(SIGALRM, &before, NULL);
	errno = why;
	return result;
}

/* One that waits for a file which another user has made can only look whether it is there still. */
static void look_again_later(void)
{
	static const struct timespec pause = {0, 100000000};

	(void)nanosleep(&pause, NULL);
}

/* Says after a second for whom this waits. Returns -1 when it has waited long enough for one. */
static int go_on_waiting(struct taking *taking, struct pga_error *error)
{
	const char *path = taking->directory->path;
	struct stat status = {0};
	char holder[128];

	if (fstatat(taking->directory->fd, PGA_LOCK_NAME, &status, AT_SYMLINK_NOFOLLOW) != 0)
		memset(&status, 0, sizeof status);
	if (status.st_ino != taking->awaited || status.st_mtim.tv_sec != taking->written.tv_sec ||
	    status.st_mtim.tv_nsec != taking->written.tv_nsec) {
		taking->awaited = status.st_ino;
		taking->written = status.st_mtim;
		taking->since = now();
	}
	if (now() - taking->since < 1)
		return 0;
	name_holder(taking->file, holder, sizeof holder);
	if (!taking->told)
		pga_print_warning("waiting for another pganchor (%s), which writes in %s", holder,
				  path);
	taking->told = true;
	if (now() - taking->since < PGA_LOCK_WAIT)
		return 0;
	return pga_fail(error,
			"wait until it is done, or end it; where there is no such process, remove "
			"the file",
			"%s/" PGA_LOCK_NAME ": locked by another pganchor (%s) for more than %d "
			"seconds",
			path, holder, PGA_LOCK_WAIT);
}

/* 1: try again; 0: it has the lock; -1: it failed. */
static int lock_file(struct taking *taking, struct pga_error *error)
{
	int result = flock(taking->file, LOCK_EX | LOCK_NB);

	if (result != 0 && errno == EWOULDBLOCK) {
		pga_signals_release(&taking->signals);
		result = go_on_waiting(taking, error);
		if (result == 0)
			result = wait_a_second(taking->file);
		else
			taking->given_up = true;
		pga_signals_hold(&taking->signals);
		if (taking->given_up)
			return -1;
	}
	if (result == 0)
		/* Who had the lock before has taken the file away with it. */
		return has_name(taking) ? 0 : 1;
	if (errno == EINTR)
		return 1;
	if (errno == ENOLCK || errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL) {
		/* A file system without locks; nobody has one. What another writes meanwhile is
		 * seen before the rename. */
		(void)unlinkat(taking->directory->fd, PGA_LOCK_NAME, 0);
		close_file(taking);
		return 0;
	}
	(void)pga_fail_errno(error, "check the file system", "could not lock %s",
			     taking->directory->path);
	if (taking->made)
		(void)unlinkat(taking->directory->fd, PGA_LOCK_NAME, 0);
	return -1;
}

/* The same where the file could not be opened. */
static int cannot_open(struct taking *taking, struct pga_error *error)
{
	const int why = errno;
	struct stat status;
	bool there;

	if (taking->raced)
		return 1;
	there = fstatat(taking->directory->fd, PGA_LOCK_NAME, &status, AT_SYMLINK_NOFOLLOW) == 0;
	/* No file can be made here, and so none edited. */
	if (why == EROFS || (!there && (why == EACCES || why == EPERM)))
		return 0;
	if (!there || why == EMFILE || why == ENFILE) {
		errno = why;
		return pga_fail_errno(error, "nothing was changed", "could not lock %s",
				      taking->directory->path);
	}
	if (why != EACCES)
		return fail_strange(taking, error);
	/* Another user's. */
	pga_signals_release(&taking->signals);
	there = go_on_waiting(taking, error) == 0;
	if (there)
		look_again_later();
	pga_signals_hold(&taking->signals);
	return there ? 1 : -1;
}

static int take(struct taking *taking, struct pga_error *error)
{
	int result;

	do {
		close_file(taking);
		open_file(taking);
		if (taking->file < 0)
			result = cannot_open(taking, error);
		else if (check_file(taking, error) != 0)
			result = has_name(taking) ? -1 : 1;
		else
			result = lock_file(taking, error);
	} while (result > 0);
	return result;
}

static struct pga_lock *find(const struct stat *status)
{
	struct pga_lock *lock = locks;

	while (lock != NULL && (lock->device != status->st_dev || lock->inode != status->st_ino))
		lock = lock->next;
	return lock;
}

int pga_lock_take(struct pga_lock **lock, const struct pga_directory *directory,
		  struct pga_error *error)
{
	struct taking taking = {.directory = directory, .file = -1};
	struct stat status;
	struct pga_lock *new;
	int result = -1;

	*lock = NULL;
	if (fstat(directory->fd, &status) != 0)
		return pga_fail_errno(error, NULL, "could not look at %s", directory->path);
	*lock = find(&status);
	if (*lock != NULL) {
		(*lock)->count++;
		return 0;
	}
	new = calloc(1, sizeof *new);
	if (new == NULL)
		return pga_fail_memory(error);
	pga_signals_hold(&taking.signals);
	if (take(&taking, error) != 0) {
		close_file(&taking);
	} else if (taking.file >= 0) {
		new->leftover = pga_leftover_add(directory->fd, PGA_LOCK_NAME, 0, error);
		if (new->leftover == NULL)
			(void)unlinkat(directory->fd, PGA_LOCK_NAME, 0);
		else
			*lock = new;
	} else {
		result = 0;
	}
	pga_signals_release(&taking.signals);
	if (*lock == NULL) {
		close_file(&taking);
		free(new);
		return result;
	}
	write_holder(taking.file);
	new->device = status.st_dev;
	new->inode = status.st_ino;
	new->count = 1;
	new->file = taking.file;
	new->next = locks;
	locks = new;
	return 0;
}

void pga_lock_release(struct pga_lock *lock)
{
	struct pga_lock **at = &locks;

	if (lock == NULL || --lock->count > 0)
		return;
	while (*at != lock)
		at = &(*at)->next;
	*at = lock->next;
	/* Before the lock is given back: who waits for it sees that this file is not the one. */
	pga_leftover_remove(lock->leftover);
	(void)close(lock->file);
	free(lock);
}
