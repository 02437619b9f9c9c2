/* base/attributes.h: what a new file is given of the old one's attributes. The two files' are the
 * test's. */
#include "cmocka_start.h"
#include "failing.h"

#include "base/attributes.h"

#include <errno.h>
#include <string.h>
#include <sys/types.h>

#define LISTS "system.posix_acl_access"

enum { FROM = 1000, TO, MOST = 8, LONGEST = 64 };

struct attribute {
	char name[LONGEST];
	char value[LONGEST];
	size_t length;
};

/* Of FROM, and of TO. */
static struct attribute files[2][MOST];
static int list_fails, get_fails, set_fails, remove_fails;
static int grows; /* that often there is more than was said */
static int sets, gets;

/* What the linker leads here (--wrap). */
ssize_t __wrap_fgetxattr(int file, const char *name, void *value, size_t size);
ssize_t __wrap_flistxattr(int file, char *names, size_t size);
int __wrap_fsetxattr(int file, const char *name, const void *value, size_t size, int flags);
int __wrap_fremovexattr(int file, const char *name);

/* An attribute; NULL: the file has none of that name. */
static struct attribute *find(int file, const char *name)
{
	assert_true(file == FROM || file == TO);
	for (size_t i = 0; i < MOST; i++)
		if (strcmp(files[file - FROM][i].name, name) == 0)
			return &files[file - FROM][i];
	return NULL;
}

/* A place for one more. */
static struct attribute *place(int file)
{
	struct attribute *at = files[file - FROM];

	while (at->name[0] != '\0')
		at++;
	assert_true(at < files[file - FROM] + MOST);
	return at;
}

static ssize_t fail_with(int reason)
{
	errno = reason;
	return -1;
}

static ssize_t give(const char *bytes, size_t length, void *into, size_t size)
{
	if (size == 0)
		return (ssize_t)length;
	if (grows > 0 || length > size) {
		grows--;
		return fail_with(ERANGE);
	}
	memcpy(into, bytes, length);
	return (ssize_t)length;
}

ssize_t __wrap_fgetxattr(int file, const char *name, void *value, size_t size)
{
	const struct attribute *attribute = find(file, name);

	gets++;
	if (file == FROM && get_fails != 0)
		return fail_with(get_fails);
	if (attribute == NULL)
		return fail_with(ENODATA);
	return give(attribute->value, attribute->length, value, size);
}

ssize_t __wrap_flistxattr(int file, char *names, size_t size)
{
	char all[MOST * LONGEST];
	size_t length = 0;

	assert_int_equal(file, FROM);
	if (list_fails != 0)
		return fail_with(list_fails);
	for (size_t i = 0; i < MOST && files[0][i].name[0] != '\0'; i++) {
		memcpy(all + length, files[0][i].name, strlen(files[0][i].name) + 1);
		length += strlen(files[0][i].name) + 1;
	}
	return give(all, length, names, size);
}

int __wrap_fsetxattr(int file, const char *name, const void *value, size_t size, int flags)
{
	struct attribute *attribute = find(file, name);

	assert_int_equal(file, TO);
	assert_int_equal(flags, 0);
	sets++;
	if (set_fails != 0)
		return (int)fail_with(set_fails);
	if (attribute == NULL)
		attribute = place(file);
	(void)strcpy(attribute->name, name);
	memcpy(attribute->value, value, size);
	attribute->length = size;
	return 0;
}

int __wrap_fremovexattr(int file, const char *name)
{
	struct attribute *attribute = find(file, name);

	assert_int_equal(file, TO);
	if (remove_fails != 0)
		return (int)fail_with(remove_fails);
	if (attribute == NULL)
		return (int)fail_with(ENODATA);
	memset(attribute, 0, sizeof *attribute);
	return 0;
}

static void add(int file, const char *name, const char *value)
{
	struct attribute *attribute = place(file);

	(void)strcpy(attribute->name, name);
	attribute->length = strlen(value);
	memcpy(attribute->value, value, attribute->length);
}

static void has(const char *name, const char *value)
{
	const struct attribute *attribute = find(TO, name);

	if (value == NULL) {
		assert_null(attribute);
		return;
	}
	assert_non_null(attribute);
	assert_int_equal(attribute->length, strlen(value));
	assert_memory_equal(attribute->value, value, strlen(value));
}

static int begin(void **state)
{
	(void)state;
	memset(files, 0, sizeof files);
	list_fails = get_fails = set_fails = remove_fails = grows = sets = gets = 0;
	return 0;
}

static void copies(int expected, const char *message)
{
	struct pga_error error;

	memset(&error, 0, sizeof error);
	assert_int_equal(pga_attributes_copy(FROM, TO, "/etc/file", &error), expected);
	if (expected == 0)
		return;
	assert_string_equal(error.message, message);
	assert_non_null(strstr(error.hint, "getfattr -d -m -"));
}

static void all_are_given(void **state)
{
	(void)state;
	add(FROM, "user.a", "one");
	add(FROM, "security.selinux", "label");
	add(FROM, "user.empty", "");
	add(FROM, LISTS, "list");
	add(FROM, "user.long", "0123456789012345678901234567890123456789");
	copies(0, NULL);
	has("user.a", "one");
	has("security.selinux", "label");
	has("user.empty", "");
	has(LISTS, "list");
	has("user.long", "0123456789012345678901234567890123456789");
	assert_int_equal(sets, 5);
}

static void none_is_none(void **state)
{
	(void)state;
	copies(0, NULL);
	assert_int_equal(sets, 0);
}

static void what_is_of_the_bytes_is_not(void **state)
{
	(void)state;
	add(FROM, "security.ima", "hash");
	add(FROM, "user.first", "1");
	add(FROM, "security.evm", "hash");
	add(FROM, "security.capability", "rights");
	add(FROM, "user.last", "2");
	copies(0, NULL);
	has("security.ima", NULL);
	has("security.evm", NULL);
	has("security.capability", NULL);
	has("user.first", "1");
	has("user.last", "2");
	assert_int_equal(sets, 2);
}

static void what_it_has_already_is_not_set(void **state)
{
	static const struct {
		const char *has;
		int sets;
	} rows[] = {{"label", 0}, {"Label", 1}, {"labe", 1}, {"labels", 1}, {"", 1}};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		(void)begin(state);
		add(FROM, "security.selinux", "label");
		add(TO, "security.selinux", rows[i].has);
		copies(0, NULL);
		has("security.selinux", "label");
		assert_int_equal(sets, rows[i].sets);
	}
}

/* A list that the new file has got from its directory. */
static void a_list_of_its_own_goes(void **state)
{
	(void)state;
	add(TO, LISTS, "of the directory");
	add(TO, "user.own", "stays");
	copies(0, NULL);
	has(LISTS, NULL);
	has("user.own", "stays");
	(void)begin(state);
	remove_fails = EOPNOTSUPP;
	add(FROM, "user.a", "one");
	copies(0, NULL);
	has("user.a", "one");
	(void)begin(state);
	remove_fails = EPERM;
	add(FROM, "user.a", "one");
	copies(-1, "/etc/file: an extended attribute could not be kept, " LISTS
		   ": Operation not permitted");
	assert_int_equal(sets, 0);
}

static void what_grows_meanwhile(void **state)
{
	(void)state;
	add(FROM, "user.a", "one");
	grows = 3;
	copies(0, NULL);
	has("user.a", "one");
	assert_int_equal(grows, 0);
}

static void what_cannot_be_kept_is_said(void **state)
{
	(void)state;
	list_fails = EACCES;
	copies(-1,
	       "/etc/file: an extended attribute could not be kept, their list: Permission denied");
	list_fails = EOPNOTSUPP;
	copies(0, NULL);
	(void)begin(state);
	add(FROM, "user.a", "one");
	add(FROM, "user.b", "two");
	get_fails = EACCES;
	copies(-1, "/etc/file: an extended attribute could not be kept, user.a: Permission denied");
	assert_int_equal(gets, 1);
	get_fails = ENODATA; /* it is gone meanwhile */
	copies(0, NULL);
	assert_int_equal(sets, 0);
	get_fails = 0;
	set_fails = ENOSPC;
	copies(
	    -1,
	    "/etc/file: an extended attribute could not be kept, user.a: No space left on device");
	assert_int_equal(sets, 1);
}

static int copy_without_memory(struct pga_error *error)
{
	const int result = pga_attributes_copy(FROM, TO, "/etc/file", error);

	if (result == 0)
		has("user.a", "one");
	return result;
}

static void without_memory_nothing_is_lost(void **state)
{
	(void)state;
	add(FROM, "user.a", "one");
	without_each(copy_without_memory, true);
}

#define FRESH(test) cmocka_unit_test_setup(test, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    FRESH(all_are_given),
	    FRESH(none_is_none),
	    FRESH(what_is_of_the_bytes_is_not),
	    FRESH(what_it_has_already_is_not_set),
	    FRESH(a_list_of_its_own_goes),
	    FRESH(what_grows_meanwhile),
	    FRESH(what_cannot_be_kept_is_said),
	    FRESH(without_memory_nothing_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
