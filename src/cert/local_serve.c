#include "cert/local_serve.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "base/transaction.h"
#include "cert/cluster_conf.h"
#include "cert/cluster_sql.h"
#include "cert/local_before.h"
#include "cert/local_proof.h"
#include "cert/served_file.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* While it is served. */
struct serve {
	const struct pga_local_ca *ca;
	struct pga_serving *serving;
	struct pga_cluster_setting wanted[PGA_TLS_SETTINGS];
	struct pga_cluster_setting before[PGA_TLS_SETTINGS];
	struct pga_served_file kept; /* what the configuration was */
	struct pga_served_file client_ca;
};

static void want(struct serve *serve, bool clients)
{
	const struct pga_cluster_setting wanted[PGA_TLS_SETTINGS] = {
	    [PGA_TLS_CA] = {clients ? "ssl_ca_file" : NULL, PGA_SERVED_CA},
	    [PGA_TLS_CERT] = {"ssl_cert_file", PGA_SERVED_CRT},
	    [PGA_TLS_KEY] = {"ssl_key_file", PGA_SERVED_KEY},
	    [PGA_TLS_ON] = {"ssl", "on"},
	};

	memcpy(serve->wanted, wanted, sizeof wanted);
}

/* What is not wanted is not put back either. */
static bool is_as_wanted(struct serve *serve)
{
	bool so = true;

	for (size_t i = 0; i < PGA_TLS_SETTINGS; i++) {
		const struct pga_cluster_setting *wanted = &serve->wanted[i];
		struct pga_cluster_setting *before = &serve->before[i];

		before->name = wanted->name;
		so = so && (wanted->name == NULL ||
			    (before->value != NULL && strcmp(before->value, wanted->value) == 0));
	}
	return so;
}

/* Reads the configuration that ALTER SYSTEM writes. */
static int read_conf(const struct pga_cluster *cluster, struct pga_text *conf, bool *existed,
		     struct pga_error *error)
{
	return pga_cluster_read(cluster, PGA_SERVED_CONF, conf, existed, error);
}

/* Puts together what --undo is to bring back. after NULL: not known yet. */
static int compose_kept(const struct pga_cluster *cluster, bool existed,
			const struct pga_text *conf, const struct pga_text *after, bool again,
			struct pga_text *bytes, struct pga_error *error)
{
	struct pga_served_before before;
	int result = pga_served_before_read(cluster, &before, error);

	if (result == 0)
		result =
		    pga_served_before_compose(&before, existed, conf, after, again, bytes, error);
	pga_served_before_free(&before);
	return result;
}

/* What the configuration is, so that it can be again; and, with both written, what it became. */
static int keep_conf(struct serve *serve, const struct pga_text *conf, bool existed,
		     const struct pga_text *after, struct pga_served_file *file,
		     struct pga_error *error)
{
	const struct pga_cluster *cluster = &serve->serving->cluster;
	struct pga_text bytes = PGA_TEXT_EMPTY;
	int result = compose_kept(cluster, existed, conf, after, after != NULL, &bytes, error);

	if (result == 0)
		result = pga_served_file_put(cluster, PGA_SERVED_BEFORE, &bytes, file, error);
	pga_text_free(&bytes);
	return result;
}

/* Where that cannot be written, --undo takes away what serve has set, and nothing else. */
static void keep_after(struct serve *serve, const struct pga_text *conf, bool existed)
{
	struct pga_text after = PGA_TEXT_EMPTY;
	struct pga_served_file file = {.written = false};
	struct pga_error ignored;
	bool there;

	if (read_conf(&serve->serving->cluster, &after, &there, &ignored) == 0)
		(void)keep_conf(serve, conf, existed, &after, &file, &ignored);
	pga_served_file_free(&file);
	pga_text_free(&after);
}

static int put_client_ca(struct serve *serve, struct pga_error *error)
{
	struct pga_text pem = PGA_TEXT_EMPTY;
	int result = 0;

	if (serve->wanted[PGA_TLS_CA].name == NULL)
		return 0;
	pga_text_add(&pem, serve->ca->root.pem);
	result = pem.failed ? pga_fail_memory(error)
			    : pga_served_file_put(&serve->serving->cluster, PGA_SERVED_CA, &pem,
						  &serve->client_ca, error);
	pga_text_free(&pem);
	return result;
}

/* The reason first, and then what stays of it all. */
static int put_back(struct pga_cluster_session *session, struct serve *serve,
		    struct pga_error *error)
{
	struct pga_serving *serving = serve->serving;
	const char *log = pga_cluster_log(session);
	struct pga_error why = {.message = ""};
	struct pga_error first = *error;
	struct pga_text hint = PGA_TEXT_EMPTY;

	if (serving->altered ? pga_cluster_alter(session, serve->before, &why) != 0
			     : pga_cluster_reload(session, &why) != 0)
		pga_text_addf(&hint, "what stays: its configuration (%s). ", why.message);
	if (pga_local_pair_take_back(&serving->pair, &why) != 0)
		pga_text_addf(&hint, "what stays: the pair (%s). ", why.message);
	if (pga_served_file_take_back(&serve->client_ca, &why) != 0 ||
	    pga_served_file_take_back(&serve->kept, &why) != 0)
		pga_text_addf(&hint, "what stays: a file beside it (%s). ", why.message);
	if (hint.length == 0)
		pga_text_add(&hint, "all was put back as it was. ");
	pga_text_addf(&hint, "Its log says why%s%s", log[0] != '\0' ? ": " : "", log);
	(void)pga_fail(error, pga_text_string(&hint),
		       "the server of %s does not show its new certificate: %s",
		       serving->cluster.directory, first.message);
	pga_text_free(&hint);
	return -1;
}

/* Files first: what fails so far leaves the server as it was. */
static int write_files(struct serve *serve, const struct pga_text *conf, bool existed,
		       struct pga_error *error)
{
	struct pga_serving *serving = serve->serving;
	struct pga_error ignored;

	if ((!serving->altered ||
	     keep_conf(serve, conf, existed, NULL, &serve->kept, error) == 0) &&
	    put_client_ca(serve, error) == 0 && pga_local_pair_write(&serving->pair, error) == 0)
		return 0;
	(void)pga_served_file_take_back(&serve->client_ca, &ignored);
	(void)pga_served_file_take_back(&serve->kept, &ignored);
	return -1;
}

static int change(struct pga_cluster_session *session, struct serve *serve, struct pga_error *error)
{
	struct pga_serving *serving = serve->serving;
	struct pga_text conf = PGA_TEXT_EMPTY;
	bool existed = false;
	int result = -1;

	if (pga_cluster_altered(session, serve->before, error) != 0 ||
	    read_conf(&serving->cluster, &conf, &existed, error) != 0)
		goto done;
	serving->altered = !is_as_wanted(serve);
	if (write_files(serve, &conf, existed, error) != 0)
		goto done;
	if ((serving->altered ? pga_cluster_alter(session, serve->wanted, error)
			      : pga_cluster_reload(session, error)) == 0 &&
	    pga_local_prove(serve->ca, serving, error) == 0) {
		result = 0;
		if (serving->altered)
			keep_after(serve, &conf, existed);
	} else {
		result = put_back(session, serve, error);
	}
done:
	pga_text_free(&conf);
	return result;
}

/* Clients of other CAs would be refused. */
static int check_client_ca(struct pga_cluster_session *session, const struct serve *serve,
			   struct pga_error *error)
{
	char *now;
	int result = 0;

	if (serve->wanted[PGA_TLS_CA].name == NULL)
		return 0;
	now = pga_cluster_show(session, PGA_TLS_CA, error);
	if (now == NULL)
		return -1;
	if (now[0] != '\0' && strcmp(now, PGA_SERVED_CA) != 0)
		result = pga_local_fail_other_clients(now, error);
	free(now);
	return result;
}

struct pga_cluster_session *pga_local_enter(const struct pga_cluster *cluster, const char *user,
					    struct pga_error *error)
{
	struct pga_error why;
	struct pga_cluster_session *session = pga_cluster_enter(cluster, user, &why);

	if (session == NULL)
		(void)pga_fail(error,
			       "--user NAME names a superuser who may log in by the Unix-domain "
			       "socket (PGPASSWORD and ~/.pgpass count); or stop the server: then "
			       "its configuration is written. Nothing was changed",
			       "%s", why.message);
	return session;
}

/* Signals wait until it stands, or all is as it was. */
static int serve_running(struct serve *serve, const struct pga_serve_wish *wish,
			 struct pga_error *error)
{
	struct pga_serving *serving = serve->serving;
	struct pga_cluster_session *session = pga_local_enter(&serving->cluster, wish->user, error);
	sigset_t signals;
	int result = -1;

	if (session == NULL)
		return -1;
	if (pga_cluster_can_serve(session, serve->wanted, error) == 0 &&
	    pga_local_pair_begin(&serving->pair, serve->ca, &wish->pair, error) == 0 &&
	    (wish->replace ||
	     (pga_local_check_shown(serve->ca, serving->cluster.port, error) == 0 &&
	      check_client_ca(session, serve, error) == 0))) {
		if (wish->dry_run) {
			result = 0;
		} else {
			pga_signals_hold(&signals);
			result = change(session, serve, error);
			pga_signals_release(&signals);
		}
	}
	pga_cluster_leave(session);
	return result;
}

/* The bytes of one more file of the directory. */
static int begin(struct pga_transaction_file *file, const struct pga_cluster *cluster,
		 const char *name, struct pga_error *error)
{
	char *path = pga_cluster_file(cluster, name);
	int result =
	    path != NULL ? pga_edit_begin(&file->edit, path, 0600, error) : pga_fail_memory(error);

	file->edit.unnoted = true;
	free(path);
	return result;
}

static int put(struct pga_transaction_file *file, const struct pga_text *bytes,
	       struct pga_error *error)
{
	pga_text_add_bytes(&file->after, pga_text_string(bytes), bytes->length);
	return pga_transaction_put(file, error);
}

static bool is_the_same(const struct pga_text *one, const struct pga_text *other)
{
	return one->length == other->length &&
	       memcmp(pga_text_string(one), pga_text_string(other), one->length) == 0;
}

enum { AUTO_CONF, KEPT, CLIENT_CA, BESIDES };

/* What the files beside the pair are to be. */
static int compose(struct serve *serve, struct pga_transaction_file files[BESIDES],
		   struct pga_error *error)
{
	struct pga_serving *serving = serve->serving;
	struct pga_edit *conf = &files[AUTO_CONF].edit;
	struct pga_text text = PGA_TEXT_EMPTY;
	int result = 0;

	if (memchr(pga_text_string(&conf->before), '\0', conf->before.length) != NULL)
		return pga_fail(error, "the server could not read it either; nothing was changed",
				"%s: it has NUL bytes", conf->path);
	pga_cluster_set(&conf->before, serve->wanted, PGA_TLS_SETTINGS, &files[AUTO_CONF].after);
	serving->altered = !is_the_same(&files[AUTO_CONF].after, &conf->before);
	if (serving->altered && (pga_transaction_put(&files[AUTO_CONF], error) != 0 ||
				 compose_kept(&serving->cluster, conf->existed, &conf->before,
					      &files[AUTO_CONF].after, false, &text, error) != 0 ||
				 put(&files[KEPT], &text, error) != 0))
		result = -1;
	pga_text_free(&text);
	if (result != 0 || serve->wanted[PGA_TLS_CA].name == NULL)
		return result;
	pga_text_add(&text, serve->ca->root.pem);
	if (!is_the_same(&text, &files[CLIENT_CA].edit.before))
		result = put(&files[CLIENT_CA], &text, error);
	pga_text_free(&text);
	return result;
}

/* Pair and configuration in one: it starts with both, or with what it had. */
static int serve_stopped(struct serve *serve, const struct pga_serve_wish *wish,
			 struct pga_error *error)
{
	struct pga_serving *serving = serve->serving;
	struct pga_transaction_file files[BESIDES] = {{.committed = false}};
	struct pga_transaction_file *const order[] = {
	    &files[KEPT], &files[CLIENT_CA], &serving->pair.key, &serving->pair.certificate,
	    &files[AUTO_CONF]};
	int result = -1;

	if ((wish->replace ||
	     pga_cluster_check_conf(&serving->cluster, serve->ca, wish->clients, error) == 0) &&
	    pga_local_pair_begin(&serving->pair, serve->ca, &wish->pair, error) == 0 &&
	    begin(&files[AUTO_CONF], &serving->cluster, PGA_SERVED_CONF, error) == 0 &&
	    begin(&files[KEPT], &serving->cluster, PGA_SERVED_BEFORE, error) == 0 &&
	    begin(&files[CLIENT_CA], &serving->cluster, PGA_SERVED_CA, error) == 0 &&
	    compose(serve, files, error) == 0)
		result = wish->dry_run
			     ? 0
			     : pga_transaction_write(order, sizeof order / sizeof order[0], error);
	for (int i = BESIDES; i-- > 0;)
		pga_transaction_end(&files[i]);
	return result;
}

int pga_local_serve(const struct pga_local_ca *ca, struct pga_serve_wish *wish,
		    struct pga_serving *serving, struct pga_error *error)
{
	struct serve serve = {.ca = ca, .serving = serving};
	int result;

	memset(serving, 0, sizeof *serving);
	want(&serve, wish->clients);
	if (pga_cluster_look(&serving->cluster, wish->directory, error) != 0)
		return -1;
	serving->certificate = pga_cluster_file(&serving->cluster, PGA_SERVED_CRT);
	serving->key = pga_cluster_file(&serving->cluster, PGA_SERVED_KEY);
	if (serving->certificate == NULL || serving->key == NULL)
		return pga_fail_memory(error);
	wish->pair.certificate = serving->certificate;
	wish->pair.key = serving->key;
	wish->pair.replace = wish->replace;
	wish->pair.place = "it is another local CA's; nothing was changed. --replace has it signed "
			   "by this one: whoever trusts the other alone is refused then";
	serving->runs = serving->cluster.postmaster != 0;
	result =
	    serving->runs ? serve_running(&serve, wish, error) : serve_stopped(&serve, wish, error);
	pga_served_file_free(&serve.client_ca);
	pga_served_file_free(&serve.kept);
	return result;
}

void pga_serving_free(struct pga_serving *serving)
{
	pga_local_pair_end(&serving->pair);
	pga_cluster_free(&serving->cluster);
	free(serving->certificate);
	free(serving->key);
	memset(serving, 0, sizeof *serving);
}
