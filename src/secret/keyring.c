#include "secret/keyring.h"

#include "base/session_bus.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* By which our items are told from those of others: the name of the schema cannot, since
 * gnome-keyring finds the items of a keyring that it has not unlocked yet without it alone. */
#define APPLICATION "application"
#define KIND        "kind"

static const SecretSchema schema = {
    .name = PGA_SECRET_SCHEMA,
    .flags = SECRET_SCHEMA_DONT_MATCH_NAME,
    .attributes = {{APPLICATION, SECRET_SCHEMA_ATTRIBUTE_STRING},
		   {KIND, SECRET_SCHEMA_ATTRIBUTE_STRING},
		   {"host", SECRET_SCHEMA_ATTRIBUTE_STRING},
		   {"port", SECRET_SCHEMA_ATTRIBUTE_STRING},
		   {"dbname", SECRET_SCHEMA_ATTRIBUTE_STRING},
		   {"user", SECRET_SCHEMA_ATTRIBUTE_STRING},
		   {"file", SECRET_SCHEMA_ATTRIBUTE_STRING}},
};

static void release(void *object)
{
	if (object != NULL)
		g_object_unref(object);
}

/* entry NULL: what all of ours have. */
static GHashTable *attributes_of(const struct pga_password_entry *entry)
{
	GHashTable *attributes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);

	g_hash_table_insert(attributes, g_strdup(APPLICATION), g_strdup("pganchor"));
	if (entry == NULL)
		return attributes;
	g_hash_table_insert(attributes, g_strdup(KIND),
			    g_strdup(pga_secret_kind_name(entry->kind)));
	for (enum pga_secret_word word = 0; word < PGA_SECRET_WORDS; word++)
		if (pga_secret_has_word(entry->kind, word))
			g_hash_table_insert(attributes, g_strdup(pga_secret_word_name(word)),
					    g_strdup(entry->words[word]));
	return attributes;
}

static enum pga_secret_status locked(struct pga_error *error)
{
	(void)pga_fail(error, NULL, "the keyring is locked");
	return PGA_SECRET_LOCKED;
}

static enum pga_secret_status absent(struct pga_error *error, const char *why)
{
	(void)pga_fail(error, NULL, "there is no keyring: %s", why);
	return PGA_SECRET_ABSENT;
}

static bool is_of_domain(const GError *failure, GQuark domain, const int *codes, size_t count)
{
	for (size_t i = 0; failure->domain == domain && i < count; i++)
		if (failure->code == codes[i])
			return true;
	return false;
}

/* Says what has failed, and frees it. NULL: libsecret says nothing of a service that ends while
 * its collections are read. */
static enum pga_secret_status failed(GError *failure, struct pga_error *error)
{
	/* NO_REPLY: it has ended meanwhile. */
	static const int gone[] = {
	    G_DBUS_ERROR_SERVICE_UNKNOWN,   G_DBUS_ERROR_NAME_HAS_NO_OWNER,
	    G_DBUS_ERROR_NO_SERVER,         G_DBUS_ERROR_DISCONNECTED,
	    G_DBUS_ERROR_NO_REPLY,          G_DBUS_ERROR_SPAWN_EXEC_FAILED,
	    G_DBUS_ERROR_SPAWN_FORK_FAILED, G_DBUS_ERROR_SPAWN_CHILD_EXITED,
	    G_DBUS_ERROR_SPAWN_FAILED,      G_DBUS_ERROR_SPAWN_CHILD_SIGNALED,
	    G_DBUS_ERROR_SPAWN_SETUP_FAILED};
	static const int late[] = {G_IO_ERROR_CANCELLED, G_IO_ERROR_TIMED_OUT};
	static const int unreachable[] = {G_IO_ERROR_NOT_FOUND, G_IO_ERROR_CONNECTION_REFUSED,
					  G_IO_ERROR_PERMISSION_DENIED, G_IO_ERROR_CLOSED};
	static const int no_access[] = {SECRET_ERROR_IS_LOCKED};
	static const int slow[] = {G_DBUS_ERROR_TIMEOUT, G_DBUS_ERROR_TIMED_OUT};
	enum pga_secret_status status = PGA_SECRET_FAILED;

	if (failure == NULL)
		return absent(error, "it has ended meanwhile");
	(void)g_dbus_error_strip_remote_error(failure);
	if (is_of_domain(failure, G_DBUS_ERROR, gone, G_N_ELEMENTS(gone)) ||
	    is_of_domain(failure, G_IO_ERROR, unreachable, G_N_ELEMENTS(unreachable))) {
		status = absent(error, failure->message);
	} else if (is_of_domain(failure, G_IO_ERROR, late, G_N_ELEMENTS(late)) ||
		   is_of_domain(failure, G_DBUS_ERROR, slow, G_N_ELEMENTS(slow))) {
		(void)pga_fail(error, NULL, "the keyring has not answered in time");
		status = PGA_SECRET_LATE;
	} else if (is_of_domain(failure, SECRET_ERROR, no_access, G_N_ELEMENTS(no_access))) {
		status = locked(error);
	} else {
		(void)pga_fail(error, NULL, "could not ask the keyring: %s", failure->message);
	}
	g_error_free(failure);
	return status;
}

enum pga_secret_status pga_keyring_open(struct pga_keyring *keyring, GCancellable *cancellable,
					struct pga_error *error)
{
	GError *failure = NULL;

	*keyring = (struct pga_keyring){.cancellable = cancellable};
	/* Else GLib starts a bus, by dbus-launch, that stays behind. */
	if (!pga_has_session_bus())
		return absent(error, "this session has no bus (DBUS_SESSION_BUS_ADDRESS)");
	keyring->service =
	    secret_service_get_sync(SECRET_SERVICE_LOAD_COLLECTIONS, cancellable, &failure);
	return keyring->service != NULL ? PGA_SECRET_DONE : failed(failure, error);
}

void pga_keyring_close(struct pga_keyring *keyring)
{
	release(keyring->service);
	keyring->service = NULL;
}

/* *collection is NULL where there is none; else the caller's. */
static enum pga_secret_status find_default(const struct pga_keyring *keyring,
					   SecretCollection **collection, struct pga_error *error)
{
	GError *failure = NULL;

	*collection = secret_collection_for_alias_sync(keyring->service, SECRET_COLLECTION_DEFAULT,
						       SECRET_COLLECTION_NONE, keyring->cancellable,
						       &failure);
	return failure == NULL ? PGA_SECRET_DONE : failed(failure, error);
}

/* The same of one that is open: only then there is one to release. */
static enum pga_secret_status find_open(const struct pga_keyring *keyring,
					SecretCollection **collection, struct pga_error *error)
{
	enum pga_secret_status status = find_default(keyring, collection, error);

	if (status == PGA_SECRET_DONE && *collection == NULL) {
		(void)pga_fail(error, NULL, "the keyring is locked: it has no password yet");
		status = PGA_SECRET_LOCKED;
	} else if (status == PGA_SECRET_DONE && secret_collection_get_locked(*collection)) {
		release(*collection);
		*collection = NULL;
		status = locked(error);
	}
	return status;
}

enum pga_secret_status pga_keyring_state(const struct pga_keyring *keyring, struct pga_error *error)
{
	SecretCollection *collection = NULL;
	const enum pga_secret_status status = find_open(keyring, &collection, error);

	release(collection);
	return status;
}

/* KeePassXC waits for its dialog inside a search where all is locked. */
static bool is_all_locked(const struct pga_keyring *keyring)
{
	GList *collections = secret_service_get_collections(keyring->service);
	bool all = collections != NULL;

	for (const GList *at = collections; all && at != NULL; at = at->next)
		all = secret_collection_get_locked(at->data);
	g_list_free_full(collections, g_object_unref);
	return all;
}

/* Finds what has these attributes, which are freed. The items are the caller's. None is locked. */
static enum pga_secret_status search(const struct pga_keyring *keyring, GHashTable *attributes,
				     SecretSearchFlags flags, GList **items,
				     struct pga_error *error)
{
	enum pga_secret_status status = PGA_SECRET_DONE;
	GError *failure = NULL;

	*items = NULL;
	if (is_all_locked(keyring))
		status = locked(error);
	else
		*items = secret_service_search_sync(keyring->service, &schema, attributes,
						    flags | SECRET_SEARCH_ALL, keyring->cancellable,
						    &failure);
	g_hash_table_unref(attributes);
	if (failure != NULL)
		status = failed(failure, error);
	for (const GList *at = *items; status == PGA_SECRET_DONE && at != NULL; at = at->next)
		if (secret_item_get_locked(at->data))
			status = locked(error);
	if (status != PGA_SECRET_DONE) {
		g_list_free_full(*items, g_object_unref);
		*items = NULL;
	}
	return status;
}

/* It may be in what is locked: then it is not known to be none. */
static enum pga_secret_status none(const struct pga_keyring *keyring, struct pga_error *error)
{
	const enum pga_secret_status status = pga_keyring_state(keyring, error);

	if (status != PGA_SECRET_DONE)
		return status;
	(void)pga_fail(error, NULL, "the keyring has no such item");
	return PGA_SECRET_NONE;
}

/* The one that counts, where there are several. It belongs to the list. */
static SecretItem *newest_of(GList *items)
{
	SecretItem *newest = NULL;

	for (const GList *at = items; at != NULL; at = at->next)
		if (newest == NULL ||
		    secret_item_get_modified(at->data) > secret_item_get_modified(newest))
			newest = at->data;
	return newest;
}

enum pga_secret_status pga_keyring_get(const struct pga_keyring *keyring,
				       const struct pga_password_entry *entry, SecretValue **value,
				       struct pga_error *error)
{
	SecretItem *newest;
	GList *items;
	const enum pga_secret_status status =
	    search(keyring, attributes_of(entry), SECRET_SEARCH_LOAD_SECRETS, &items, error);

	*value = NULL;
	if (status != PGA_SECRET_DONE)
		return status;
	newest = newest_of(items);
	if (newest != NULL)
		*value = secret_item_get_secret(newest);
	g_list_free_full(items, g_object_unref);
	return *value != NULL ? PGA_SECRET_DONE : none(keyring, error);
}

static char *label_of(const struct pga_password_entry *entry)
{
	char *const *words = entry->words;

	switch (entry->kind) {
	case PGA_SECRET_PASSPHRASE:
		return g_strdup_printf("Passphrase of the private key %s", words[PGA_SECRET_FILE]);
	case PGA_SECRET_PINS:
		return g_strdup_printf("Pins of the PostgreSQL CAs in %s", words[PGA_SECRET_FILE]);
	default:
		return g_strdup_printf("PostgreSQL password for %s at %s", words[PGA_SECRET_USER],
				       words[PGA_SECRET_HOST]);
	}
}

static enum pga_secret_status create(const struct pga_keyring *keyring,
				     SecretCollection *collection,
				     const struct pga_password_entry *entry, const char *secret,
				     struct pga_error *error)
{
	GHashTable *attributes = attributes_of(entry);
	SecretValue *value = secret_value_new(secret, -1, "text/plain");
	char *label = label_of(entry);
	GError *failure = NULL;
	SecretItem *item =
	    secret_item_create_sync(collection, &schema, attributes, label, value,
				    SECRET_ITEM_CREATE_REPLACE, keyring->cancellable, &failure);

	release(item);
	g_free(label);
	secret_value_unref(value);
	g_hash_table_unref(attributes);
	return failure == NULL ? PGA_SECRET_DONE : failed(failure, error);
}

/* Of an item that is there, the secret; *found tells whether one is. To create it anew in its place
 * makes KeePassXC ask. */
static enum pga_secret_status renew(const struct pga_keyring *keyring,
				    const struct pga_password_entry *entry, const char *secret,
				    bool *found, struct pga_error *error)
{
	SecretValue *value = secret_value_new(secret, -1, "text/plain");
	GError *failure = NULL;
	GList *items;
	enum pga_secret_status status =
	    search(keyring, attributes_of(entry), SECRET_SEARCH_NONE, &items, error);

	*found = status == PGA_SECRET_DONE && items != NULL;
	if (*found)
		(void)secret_item_set_secret_sync(newest_of(items), value, keyring->cancellable,
						  &failure);
	g_list_free_full(items, g_object_unref);
	secret_value_unref(value);
	return failure == NULL ? status : failed(failure, error);
}

static enum pga_secret_status read_back(const struct pga_keyring *keyring,
					const struct pga_password_entry *entry, const char *secret,
					struct pga_error *error)
{
	SecretValue *value;
	enum pga_secret_status status = pga_keyring_get(keyring, entry, &value, error);
	gsize length = 0;
	const char *kept = value != NULL ? secret_value_get(value, &length) : NULL;

	if (status == PGA_SECRET_DONE &&
	    (kept == NULL || length != strlen(secret) || memcmp(kept, secret, length) != 0)) {
		(void)pga_fail(error, NULL,
			       "the keyring does not give back what it was given to keep");
		status = PGA_SECRET_FAILED;
	}
	if (value != NULL)
		secret_value_unref(value);
	return status;
}

enum pga_secret_status pga_keyring_set(const struct pga_keyring *keyring,
				       const struct pga_password_entry *entry, const char *secret,
				       struct pga_error *error)
{
	SecretCollection *collection = NULL;
	enum pga_secret_status status = find_open(keyring, &collection, error);
	bool found = false;

	if (status == PGA_SECRET_DONE)
		status = renew(keyring, entry, secret, &found, error);
	if (status == PGA_SECRET_DONE && !found)
		status = create(keyring, collection, entry, secret, error);
	if (status == PGA_SECRET_DONE)
		status = read_back(keyring, entry, secret, error);
	release(collection);
	return status;
}

enum pga_secret_status pga_keyring_clear(const struct pga_keyring *keyring,
					 const struct pga_password_entry *entry,
					 struct pga_error *error)
{
	GError *failure = NULL;
	GList *items;
	enum pga_secret_status status =
	    search(keyring, attributes_of(entry), SECRET_SEARCH_NONE, &items, error);

	if (status == PGA_SECRET_DONE && items == NULL)
		return none(keyring, error);
	for (const GList *at = items; failure == NULL && at != NULL; at = at->next)
		(void)secret_item_delete_sync(at->data, keyring->cancellable, &failure);
	g_list_free_full(items, g_object_unref);
	return failure == NULL ? status : failed(failure, error);
}

/* Adds those of an item that has all that its kind should have. */
static void add_attributes(SecretItem *item, struct pga_text *list)
{
	GHashTable *attributes = secret_item_get_attributes(item);
	const char *kind = g_hash_table_lookup(attributes, KIND);
	struct pga_password_entry entry = {.kind = PGA_SECRET_KINDS};
	bool whole;

	if (kind != NULL)
		entry.kind = pga_secret_kind_of(kind, strlen(kind));
	whole = entry.kind < PGA_SECRET_KINDS;
	for (enum pga_secret_word word = 0; whole && word < PGA_SECRET_WORDS; word++) {
		entry.words[word] = g_hash_table_lookup(attributes, pga_secret_word_name(word));
		whole = !pga_secret_has_word(entry.kind, word) || entry.words[word] != NULL;
	}
	if (whole)
		pga_password_entry_add_fields(list, &entry);
	g_hash_table_unref(attributes);
}

enum pga_secret_status pga_keyring_list(const struct pga_keyring *keyring, struct pga_text *list,
					struct pga_error *error)
{
	enum pga_secret_status status = pga_keyring_state(keyring, error);
	GList *items = NULL;

	if (status == PGA_SECRET_DONE)
		status = search(keyring, attributes_of(NULL), SECRET_SEARCH_NONE, &items, error);
	for (const GList *at = items; at != NULL; at = at->next)
		add_attributes(at->data, list);
	g_list_free_full(items, g_object_unref);
	if (list->failed) {
		(void)pga_fail_memory(error);
		status = PGA_SECRET_FAILED;
	}
	return status;
}

/* A keyring that nobody has used so far. */
static enum pga_secret_status make_default(const struct pga_keyring *keyring,
					   struct pga_error *error)
{
	GError *failure = NULL;
	SecretCollection *collection = secret_collection_create_sync(
	    keyring->service, "Default keyring", SECRET_COLLECTION_DEFAULT,
	    SECRET_COLLECTION_CREATE_NONE, keyring->cancellable, &failure);

	release(collection);
	return failure == NULL ? PGA_SECRET_DONE : failed(failure, error);
}

static enum pga_secret_status unlock(const struct pga_keyring *keyring,
				     SecretCollection *collection, struct pga_error *error)
{
	GList asked = {.data = collection};
	GList *unlocked = NULL;
	GError *failure = NULL;

	(void)secret_service_unlock_sync(keyring->service, &asked, keyring->cancellable, &unlocked,
					 &failure);
	g_list_free_full(unlocked, g_object_unref);
	return failure == NULL ? PGA_SECRET_DONE : failed(failure, error);
}

enum pga_secret_status pga_keyring_unlock(const struct pga_keyring *keyring,
					  struct pga_error *error)
{
	SecretCollection *collection = NULL;
	enum pga_secret_status status = find_default(keyring, &collection, error);

	if (status == PGA_SECRET_DONE)
		status = collection == NULL ? make_default(keyring, error)
					    : unlock(keyring, collection, error);
	release(collection);
	/* Dismissed, it is as it was. */
	return status == PGA_SECRET_DONE ? pga_keyring_state(keyring, error) : status;
}
