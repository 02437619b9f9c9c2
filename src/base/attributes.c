#include "base/attributes.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#define ACCESS_LIST "system.posix_acl_access"

/* A list of names, or a value; of any length. */
struct bytes {
	char *bytes;
	size_t room;
	ssize_t length;
};

/* Asks until there is room: both can grow between two calls. name NULL: the names. */
static int get(int file, const char *name, struct bytes *value)
{
	for (;;) {
		ssize_t wanted;
		char *grown;

		value->length = -1;
		if (value->bytes != NULL)
			value->length = name != NULL
					    ? fgetxattr(file, name, value->bytes, value->room)
					    : flistxattr(file, value->bytes, value->room);
		if (value->length >= 0)
			return 0;
		if (value->bytes != NULL && errno != ERANGE)
			return -1;
		wanted = name != NULL ? fgetxattr(file, name, NULL, 0) : flistxattr(file, NULL, 0);
		if (wanted < 0)
			return -1;
		/* One more, so that a size of nothing is asked for no second time. */
		grown = realloc(value->bytes, (size_t)wanted + 1);
		if (grown == NULL) {
			errno = ENOMEM;
			return -1;
		}
		value->bytes = grown;
		value->room = (size_t)wanted + 1;
	}
}

/* The kernel makes these of a file's bytes, or takes them away when those change. */
static bool is_of_bytes(const char *name)
{
	return strcmp(name, "security.ima") == 0 || strcmp(name, "security.evm") == 0 ||
	       strcmp(name, "security.capability") == 0;
}

static int copy_one(int from, int to, const char *name, struct bytes *old, struct bytes *new)
{
	if (is_of_bytes(name))
		return 0;
	if (get(from, name, old) != 0)
		return errno == ENODATA ? 0 : -1; /* it is gone meanwhile */
	/* A label that the new file has already need not be allowed to be set. */
	if (get(to, name, new) == 0 && new->length == old->length &&
	    memcmp(new->bytes, old->bytes, (size_t)old->length) == 0)
		return 0;
	return fsetxattr(to, name, old->bytes, (size_t)old->length, 0);
}

int pga_attributes_copy(int from, int to, const char *path, struct pga_error *error)
{
	struct bytes names = {.bytes = NULL};
	struct bytes old = {.bytes = NULL};
	struct bytes new = {.bytes = NULL};
	const char *name = ACCESS_LIST;
	int result = -1;

	if (fremovexattr(to, ACCESS_LIST) != 0 && errno != ENODATA && errno != EOPNOTSUPP)
		goto failed;
	if (get(from, NULL, &names) != 0) {
		name = "their list";
		/* A file system that knows none. */
		result = errno == EOPNOTSUPP ? 0 : -1;
		goto failed;
	}
	result = 0;
	for (ssize_t i = 0; result == 0 && i < names.length; i += (ssize_t)strlen(name) + 1) {
		name = names.bytes + i;
		result = copy_one(from, to, name, &old, &new);
	}
failed:
	if (result != 0)
		(void)pga_fail_errno(error,
				     "nothing was changed; getfattr -d -m - shows them, and "
				     "setfattr -x takes one away",
				     "%s: an extended attribute could not be kept, %s", path, name);
	free(names.bytes);
	free(old.bytes);
	free(new.bytes);
	return result;
}
