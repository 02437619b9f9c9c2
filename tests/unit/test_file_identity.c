/* base/file_identity.h: a file is the same only where all that is known of it is. */
#include "cmocka_start.h"

#include "base/file_identity.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static struct pga_file_identity settled_stamp(void)
{
	struct stat status;

	memset(&status, 0, sizeof status);
	status.st_dev = 1;
	status.st_ino = 2;
	status.st_size = 3;
	status.st_mtim = (struct timespec){.tv_sec = 4, .tv_nsec = 5};
	status.st_ctim = (struct timespec){.tv_sec = 6, .tv_nsec = 7};
	return pga_file_identity_from(&status);
}

static void assert_differs(const struct pga_file_identity *other)
{
	const struct pga_file_identity stamp = settled_stamp();

	assert_false(pga_file_identity_same(&stamp, other));
	assert_false(pga_file_identity_same(other, &stamp));
	assert_false(pga_file_identity_proves_same(&stamp, other));
}

static void each_part_counts(void **state)
{
	const struct pga_file_identity stamp = settled_stamp();
	struct pga_file_identity other = stamp;

	(void)state;
	assert_int_equal(stamp.device, 1);
	assert_int_equal(stamp.inode, 2);
	assert_int_equal(stamp.size, 3);
	assert_int_equal(stamp.modified.tv_sec * 10 + stamp.modified.tv_nsec, 45);
	assert_int_equal(stamp.changed.tv_sec * 10 + stamp.changed.tv_nsec, 67);
	assert_true(pga_file_identity_same(&stamp, &other));
	assert_true(pga_file_identity_proves_same(&stamp, &other));
	other.device++;
	assert_differs(&other);
	other = stamp;
	other.inode++;
	assert_differs(&other);
	other = stamp;
	other.size++;
	assert_differs(&other);
	other = stamp;
	other.modified.tv_sec++;
	assert_differs(&other);
	other = stamp;
	other.modified.tv_nsec++;
	assert_differs(&other);
	other = stamp;
	other.changed.tv_sec++;
	assert_differs(&other);
	other = stamp;
	other.changed.tv_nsec++;
	assert_differs(&other);
}

/* A file that was changed just now can change again without another time. */
static void what_is_new_proves_nothing(void **state)
{
	struct pga_file_identity stamp = settled_stamp();
	const struct pga_file_identity now = stamp;

	(void)state;
	assert_true(stamp.settled);
	stamp.settled = false;
	assert_true(pga_file_identity_same(&stamp, &now));
	assert_false(pga_file_identity_proves_same(&stamp, &now));
}

/* The linker leads the calls of our own objects here (--wrap). */
int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

static struct timespec played_now; /* 0: as it is */
static bool has_no_clock;

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	assert_int_equal(clock, CLOCK_REALTIME);
	if (has_no_clock)
		return -1;
	if (played_now.tv_sec == 0)
		return __real_clock_gettime(clock, now);
	*now = played_now;
	return 0;
}

static bool is_settled_at(time_t second, long nanosecond)
{
	struct stat status;

	memset(&status, 0, sizeof status);
	status.st_ctim = (struct timespec){.tv_sec = second, .tv_nsec = nanosecond};
	return pga_file_identity_from(&status).settled;
}

/* By a clock that stands. */
static void to_the_nanosecond(void **state)
{
	static const struct {
		struct timespec now;
		time_t second;
		long nanosecond;
		bool settled;
	} rows[] = {
	    {{100, 10000000}, 100, 10000000, false}, /* 0 ms */
	    {{100, 60000000}, 100, 10000000, false}, /* 50 ms */
	    {{100, 60000001}, 100, 10000000, true},
	    {{100, 900000000}, 100, 10000000, true},
	    {{100, 10000000}, 100, 10000001, false},
	    {{100, 10000000}, 99, 990000000, false}, /* 20 ms */
	    {{100, 10000000}, 99, 960000000, false}, /* 50 ms */
	    {{100, 10000000}, 99, 959999999, true},
	    {{100, 0}, 99, 0, true},
	    {{100, 0}, 98, 999999999, true},
	    {{100, 0}, 97, 0, true},
	    {{100, 0}, 0, 0, true},
	    {{100, 0}, 101, 0, false},
	    {{100, 0}, 1000000000000, 0, false},
	    {{100, 0}, -1000000000000, 0, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		played_now = rows[i].now;
		assert_int_equal(is_settled_at(rows[i].second, rows[i].nanosecond),
				 rows[i].settled);
	}
	/* Without a clock nothing is known. */
	has_no_clock = true;
	assert_false(is_settled_at(0, 0));
	has_no_clock = false;
	played_now.tv_sec = 0;
}

#define MILLISECOND 1000000LL

static int64_t now_in_nanoseconds(void)
{
	struct timespec now;

	assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
	return now.tv_sec * 1000 * MILLISECOND + now.tv_nsec;
}

static bool is_settled_since(int64_t time)
{
	struct stat status;

	memset(&status, 0, sizeof status);
	status.st_ctim.tv_sec = time / (1000 * MILLISECOND);
	status.st_ctim.tv_nsec = time % (1000 * MILLISECOND);
	return pga_file_identity_from(&status).settled;
}

/* Within a tick of the file system's clock a file can change again without another time. */
static void when_it_settles(void **state)
{
	int64_t now;
	bool early;

	(void)state;
	do {
		now = now_in_nanoseconds();
		early = is_settled_since(now - 10 * MILLISECOND);
	} while (now_in_nanoseconds() - now > 20 * MILLISECOND);
	assert_false(early);
	assert_true(is_settled_since(now - 100 * MILLISECOND));
	assert_true(is_settled_since(now - 1500 * MILLISECOND));
	assert_true(is_settled_since(now - 5000 * MILLISECOND));
	assert_false(is_settled_since(now + 3600000 * MILLISECOND));
}

static void none_is_no_file(void **state)
{
	const struct pga_file_identity none = pga_file_identity_of("/nonexistent/file");
	const struct pga_file_identity nameless = pga_file_identity_of(NULL);
	const struct pga_file_identity some = pga_file_identity_of("/");

	(void)state;
	assert_true(pga_file_identity_proves_same(&none, &nameless));
	assert_false(pga_file_identity_same(&none, &some));
	assert_int_equal(none.inode, 0);
	assert_true(none.settled);
}

static void of_a_path_and_of_a_name(void **state)
{
	struct pga_file_identity by_path;
	struct pga_file_identity by_name;
	struct stat status;

	(void)state;
	assert_int_equal(stat("/", &status), 0);
	by_path = pga_file_identity_of("/");
	by_name = pga_file_identity_at(AT_FDCWD, "/");
	assert_int_equal(by_path.inode, status.st_ino);
	assert_int_equal(by_path.device, status.st_dev);
	assert_true(pga_file_identity_same(&by_path, &by_name));
	/* A link is none that is followed where it may be anybody's. */
	by_path = pga_file_identity_of("/proc/self");
	by_name = pga_file_identity_at(AT_FDCWD, "/proc/self");
	assert_int_not_equal(by_path.inode, by_name.inode);
	by_path = pga_file_identity_of("/none");
	by_name = pga_file_identity_at(AT_FDCWD, "/none");
	assert_true(by_path.inode == 0 && by_path.settled);
	assert_true(by_name.inode == 0 && by_name.settled);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_part_counts),  cmocka_unit_test(what_is_new_proves_nothing),
	    cmocka_unit_test(to_the_nanosecond), cmocka_unit_test(when_it_settles),
	    cmocka_unit_test(none_is_no_file),   cmocka_unit_test(of_a_path_and_of_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
