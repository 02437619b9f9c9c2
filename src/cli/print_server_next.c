#include "cli/print_server_next.h"

#include "base/shell_word.h"
#include "base/terminal.h"
#include "server/typed.h"

#include <stdio.h>
#include <string.h>

/* A service that leads to a socket needs the host as it was named. */
static void add_service_command(const struct pga_server_work *work, const char *command,
				bool with_host, struct pga_text *text)
{
	const struct pga_server_wish *wish = work->wish;

	pga_text_addf(text, "pganchor server %s ", command);
	if (with_host && wish->host_count > 0 && work->target.login.address[0] == '\0') {
		pga_text_add(text, "--host ");
		pga_text_add_shell_word(text, wish->hosts[0]);
		pga_text_add(text, " ");
	}
	if (wish->service[0] == '-')
		pga_text_add(text, "-- ");
	pga_text_add_shell_word(text, wish->service);
}

static void add_command(const struct pga_server_work *work, const char *command, bool with_host,
			const char *user, struct pga_text *text)
{
	pga_text_add(text, "    ");
	if (work->wish->service != NULL)
		add_service_command(work, command, with_host, text);
	else
		pga_server_add_typed(text, command, work->target.cluster.directory, user);
	pga_text_add(text, "\n");
}

/* Nobody who connects now verifies it yet. */
static void add_for_clients(const struct pga_server_work *work, struct pga_text *text)
{
	const bool known = work->root[0] != '\0';

	if (work->no_root) {
		pga_text_add(text,
			     "  no client can take this certificate for a root; one that a CA "
			     "has signed comes from\n    pganchor cert issue --for server\n");
		return;
	}
	pga_text_addf(text, "  each client needs the root%s%s%s, in a file:\n",
		      work->issuer != NULL ? " (" : "", work->issuer != NULL ? work->issuer : "",
		      work->issuer != NULL ? ")" : "");
	pga_text_addf(text, "    pganchor bootstrap FILE --fingerprint %s\n",
		      known ? work->root : "HEX");
	pga_text_add(text, "    pganchor service add NAME --host ");
	if (work->called != NULL)
		pga_text_add_shell_word(text, work->called);
	else
		pga_text_add(text, "HOST");
	pga_text_addf(text, " --port %u --dbname DATABASE --user USER\n",
		      work->target.cluster.port);
}

/* The service that wants TLS does not get in before it is on again: what is recorded by it is no
 * way back. */
static void add_without_service(const struct pga_server_work *work, struct pga_text *text)
{
	pga_text_addf(text,
		      "  service %s wants TLS, and does not get in before it is on again: by a "
		      "service that leads to\n  the server's Unix-domain socket, or on the "
		      "server\n    pganchor server enable-tls SERVICE\n    ",
		      work->wish->service);
	pga_server_add_typed(text, "enable-tls", work->target.cluster.directory, NULL);
	pga_text_add(text, "\n");
}

void pga_print_server_next(const struct pga_server_work *work, const char *user)
{
	struct pga_text text = PGA_TEXT_EMPTY;

	pga_text_add(&text, "next:\n");
	if (work->on) {
		add_for_clients(work, &text);
		if (!work->no_root) {
			pga_text_add(&text, "  who connects without TLS, by such a service; and "
					    "then, that nobody can:\n    pganchor audit NAME\n");
			add_command(work, "require-tls --dry-run", false, user, &text);
		}
		pga_text_add(&text, "  as it was before:\n");
	}
	if (!work->on && work->wish->service != NULL && work->target.login.needs_tls)
		add_without_service(work, &text);
	else
		add_command(work, "undo", true, user, &text);
	if (!text.failed)
		pga_print(stdout, "%s", pga_text_string(&text));
	pga_text_free(&text);
}
