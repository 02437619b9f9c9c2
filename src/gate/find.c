/* The libpq of a caller. dlsym(RTLD_NEXT) would find none in a process that loaded it with
 * RTLD_LOCAL, as the extensions of every scripting language do; and a process can hold two, each
 * with connections of its own. So the object that the call came from is looked up by its return
 * address, and libpq is looked for in what that object needs.
 *
 * What is looked for is PQconninfo, which the gate does not export: what defines it is a libpq, and
 * no gate. */
#include "gate/gate.h"

#include <dlfcn.h>
#include <link.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static _Atomic(struct gate_libpq *) known;

static const struct {
	const char *name;
	size_t offset;
	bool optional;
} functions[] = {
#define CALL(symbol, field)                                       \
	{                                                         \
		symbol, offsetof(struct gate_libpq, field), false \
	}
#define OPTIONAL(symbol, field)                                  \
	{                                                        \
		symbol, offsetof(struct gate_libpq, field), true \
	}
    CALL("PQconnectStartParams", calls.connectStartParams),
    CALL("PQconninfo", calls.conninfo),
    CALL("PQconninfoParse", calls.conninfoParse),
    CALL("PQconndefaults", calls.conndefaults),
    CALL("PQconninfoFree", calls.conninfoFree),
    CALL("PQfreemem", calls.freemem),
    CALL("PQfinish", calls.finish),
    CALL("PQerrorMessage", calls.errorMessage),
    CALL("PQstatus", calls.status),
    CALL("PQconnectPoll", connectPoll),
    CALL("PQconnectdb", connectdb),
    CALL("PQconnectStart", connectStart),
    CALL("PQconnectdbParams", connectdbParams),
    CALL("PQsetdbLogin", setdbLogin),
    CALL("PQping", ping),
    CALL("PQpingParams", pingParams),
    CALL("PQcancel", cancel),
    CALL("PQrequestCancel", requestCancel),
    CALL("PQsocket", socket),
    CALL("PQhost", host),
    CALL("PQsslInUse", sslInUse),
    CALL("PQsslStruct", sslStruct),
    OPTIONAL("PQgssEncInUse", gssEncInUse),
    OPTIONAL("PQencryptPasswordConn", encryptPasswordConn),
    OPTIONAL("SSL_get_verify_result", verifyResult),
    OPTIONAL("SSL_version", tlsVersion),
    OPTIONAL("SSL_get0_verified_chain", verifiedChain),
    OPTIONAL("OPENSSL_sk_num", chainLength),
    OPTIONAL("OPENSSL_sk_value", chainElement),
    OPTIONAL("X509_digest", certificateDigest),
    OPTIONAL("EVP_sha256", sha256),
#undef CALL
#undef OPTIONAL
};

/* Finds every function of the libpq in this object. POSIX lets dlsym's result be a function; memcpy
 * says so to C. */
static bool fill(struct gate_libpq *libpq)
{
	for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
		void *address = dlsym(libpq->object, functions[i].name);

		if (address == NULL && !functions[i].optional)
			return false;
		memcpy((char *)libpq + functions[i].offset, &address, sizeof address);
	}
	return true;
}

static struct gate_libpq *find_known(const void *base)
{
	for (struct gate_libpq *libpq = atomic_load(&known); libpq != NULL; libpq = libpq->next)
		if (libpq->base == base)
			return libpq;
	return NULL;
}

/* The libpq that defines this PQconninfo. */
static struct gate_libpq *libpq_with(const void *conninfo)
{
	struct gate_libpq *libpq;
	struct link_map *map;
	Dl_info info;

	if (conninfo == NULL || dladdr1(conninfo, &info, (void **)&map, RTLD_DL_LINKMAP) == 0)
		return NULL;
	libpq = find_known(info.dli_fbase);
	if (libpq != NULL)
		return libpq;
	libpq = calloc(1, sizeof *libpq);
	if (libpq == NULL)
		return NULL;
	libpq->base = info.dli_fbase;
	/* Never unloaded from now on: its functions are kept. The handle of an object that came
	 * with the program is searched from that object on only after dlopen() has made its list of
	 * what it needs. */
	libpq->object = dlopen(map->l_name, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
	if (libpq->object == NULL || !fill(libpq)) {
		free(libpq);
		return NULL;
	}
	libpq->next = atomic_load(&known);
	/* Two threads may have found the same one: the entries are alike, and the second does no
	 * harm. */
	while (!atomic_compare_exchange_weak(&known, &libpq->next, libpq))
		;
	return libpq;
}

static struct gate_libpq *needed_by(const struct link_map *map)
{
	struct gate_libpq *libpq;
	void *object;

	if (map->l_name[0] == '\0')
		return NULL;
	object = dlopen(map->l_name, RTLD_LAZY | RTLD_NOLOAD);
	if (object == NULL)
		return NULL;
	libpq = libpq_with(dlsym(object, "PQconninfo"));
	(void)dlclose(object);
	return libpq;
}

/* For callers that use libpq without needing it: they were handed a pointer, or found it with
 * dlsym(). */
static int look_into(struct dl_phdr_info *info, size_t size, void *found)
{
	void *object;

	(void)size;
	if (info->dlpi_name == NULL || strstr(info->dlpi_name, "libpq") == NULL)
		return 0;
	object = dlopen(info->dlpi_name, RTLD_LAZY | RTLD_NOLOAD);
	if (object == NULL)
		return 0;
	*(struct gate_libpq **)found = libpq_with(dlsym(object, "PQconninfo"));
	(void)dlclose(object);
	return *(struct gate_libpq **)found != NULL;
}

static struct gate_libpq *first_of_process(void)
{
	struct gate_libpq *libpq = libpq_with(dlsym(RTLD_DEFAULT, "PQconninfo"));

	if (libpq == NULL)
		libpq = atomic_load(&known);
	if (libpq == NULL)
		(void)dl_iterate_phdr(look_into, &libpq);
	return libpq;
}

struct gate_libpq *gate_libpq_of(const void *caller, bool *internal)
{
	struct gate_libpq *libpq = NULL;
	struct link_map *map = NULL;
	Dl_info info;

	if (internal != NULL)
		*internal = false;
	if (dladdr1(caller, &info, (void **)&map, RTLD_DL_LINKMAP) != 0 && map != NULL) {
		libpq = find_known(info.dli_fbase);
		if (libpq != NULL) {
			if (internal != NULL)
				*internal = true;
			return libpq;
		}
		libpq = needed_by(map);
	}
	if (libpq == NULL)
		libpq = first_of_process();
	if (libpq != NULL && internal != NULL)
		*internal = map != NULL && libpq->base == info.dli_fbase;
	return libpq;
}

struct gate_libpq *gate_libpq_any(void)
{
	struct gate_libpq *libpq = first_of_process();

	if (libpq == NULL && dlopen("libpq.so.5", RTLD_LAZY | RTLD_GLOBAL) != NULL)
		libpq = first_of_process();
	return libpq;
}
