/* The OpenSSL of a libpq. A process may hold several, and the one that libpq was linked with need
 * not be the one that its calls go to. */
#include "gate/openssl.h"

#include "gate/dl.h"
#include "gate/elf.h"
#include "gate/libpq.h"
#include "gate/lock.h"

#include <stddef.h>
#include <string.h>

/* Of the OpenSSL that this libpq uses: from its libssl, and from its libcrypto. */
enum { TLS, CRYPTO, LIBRARIES };

/* How many there are of each. */
#define NUMBER(type, name, ...) NUMBER_##name,
enum { GATE_LIBSSL(NUMBER) OF_TLS };
enum { GATE_LIBCRYPTO(NUMBER) OPENSSL_CALLS };
#undef NUMBER
_Static_assert((int)OF_TLS <= (int)OPENSSL_CALLS, "the longer list makes the table");

static const struct {
	char name[32];
	size_t offset;
} openssl[LIBRARIES][OPENSSL_CALLS] = {
#define CALL(type, name, ...) {#name, offsetof(struct gate_libpq, name)},
    [TLS] = {GATE_LIBSSL(CALL)},
    [CRYPTO] = {GATE_LIBCRYPTO(CALL)},
#undef CALL
};

/* A libpq's GOT entries of OpenSSL's functions. */
struct uses {
	const struct gate_libpq *libpq;
	bool bound[LIBRARIES]; /* there is one, and what it is or will be bound to is known */
	bool found[LIBRARIES];
	struct gate_object library[LIBRARIES];
};

/* Of those names that libpq's GOT entries have. */
static int library_of(const char *name)
{
	if (strncmp(name, "SSL_", 4) == 0)
		return TLS;
	return strncmp(name, "ERR_", 4) == 0 || strncmp(name, "X509_", 5) == 0 ? CRYPTO : LIBRARIES;
}

/* What the entry leads to; what it will lead to, where it has not been used yet and so leads back
 * into its own object; NULL where that cannot be told. */
static const void *destination(const struct uses *uses, const struct gate_object *object,
			       const char *name, void *const *entry)
{
	const void *base = NULL;

	if (gate_object_at(*entry, &base) == NULL)
		return NULL;
	if (base == uses->libpq->base && *entry != gate_object_find(object, name))
		return gate_libpq_would_call(uses->libpq, name);
	return base != gate_own_base() ? *entry : NULL;
}

/* Where the entry leads to an OpenSSL, that is what this libpq uses: perhaps the program's own,
 * which node has linked in and exports. A library that stands before single functions is none. */
static void note_use(const struct gate_object *object, const char *name, void **entry,
		     void *context)
{
	struct uses *uses = context;
	const int which = library_of(name);
	const void *base = NULL;
	const void *address;
	const struct link_map *map;

	if (which == LIBRARIES || uses->found[which])
		return;
	address = destination(uses, object, name, entry);
	map = address != NULL ? gate_object_at(address, &base) : NULL;
	if (map == NULL)
		return;
	uses->bound[which] = true;
	uses->found[which] =
	    gate_object_mapped(map, &uses->library[which]) &&
	    gate_object_find(&uses->library[which], openssl[which][0].name) != NULL;
}

/* What an OpenSSL does not have is looked for nowhere else: another one's function would take this
 * one's sessions for something that they are not. */
static void fill_openssl(struct gate_libpq *libpq, const struct uses *uses, int which)
{
	for (size_t i = 0; i < OPENSSL_CALLS && *openssl[which][i].name != '\0'; i++) {
		void *address = uses->found[which] ? gate_object_find(&uses->library[which],
								      openssl[which][i].name)
						   : NULL;

		memcpy((char *)libpq + openssl[which][i].offset, &address, sizeof address);
	}
}

bool gate_libpq_openssl(struct gate_libpq *libpq)
{
	const void *base = NULL;
	const struct link_map *map;
	struct gate_object object;
	struct uses uses = {.libpq = libpq};

	if (atomic_load(&libpq->openssl_known))
		return true;
	map = gate_object_at(libpq->base, &base);
	if (map == NULL || !gate_object_mapped(map, &object))
		return false;
	gate_object_got_entries(&object, note_use, &uses);
	if (!uses.bound[TLS] || !uses.bound[CRYPTO])
		return false;
	gate_lock();
	if (!atomic_load(&libpq->openssl_known)) {
		fill_openssl(libpq, &uses, TLS);
		fill_openssl(libpq, &uses, CRYPTO);
		atomic_store(&libpq->openssl_known, true);
	}
	gate_unlock();
	return true;
}
