#include "cli/consent.h"

#include "tls/fingerprint.h"
#include "base/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* Opened to be read, too, which makes no file of this name where there is none. */
static const char terminal_path[] = "/dev/tty";

/* A line that was typed. */
struct answer {
	char text[256];
	size_t length;
	bool ended; /* with Enter */
	bool whole; /* it ended with Enter, fits, and holds no NUL */
};

bool pga_consent_possible(void)
{
	FILE *terminal = fopen(terminal_path, "re");

	if (terminal == NULL)
		return false;
	(void)fclose(terminal);
	return true;
}

static void show_root(FILE *stream, const struct pga_certificate *root)
{
	pga_print(stream,
		  "    subject      %s\n    valid        %.10s to %.10s\n"
		  "    fingerprint  %s%s%s\n",
		  root->subject, root->not_before, root->not_after, pga_colour(stream, PGA_BOLD),
		  root->pin, pga_colour(stream, PGA_PLAIN));
}

void pga_show_roots(const char *location, const struct pga_candidates *candidates)
{
	FILE *terminal = fopen(terminal_path, "r+e");

	if (terminal == NULL)
		return;
	pga_print(terminal, "%s says that these are its roots, and nothing proves it:\n", location);
	for (size_t i = 0; i < candidates->count; i++) {
		show_root(terminal, &candidates->roots[i]);
		(void)fputc('\n', terminal);
	}
	(void)fclose(terminal);
}

/* To the end of the line, so that nothing of a long one is left for the shell. */
static void read_line(int terminal, struct answer *answer)
{
	bool fits = true;
	char byte;
	ssize_t got;

	memset(answer, 0, sizeof *answer);
	while ((got = read(terminal, &byte, 1)) == 1 || (got < 0 && errno == EINTR)) {
		if (got < 0)
			continue;
		if (byte == '\n' || byte == '\r') {
			answer->ended = true;
			answer->whole = fits;
			return;
		}
		fits = fits && byte != '\0' && answer->length + 1 < sizeof answer->text;
		if (fits)
			answer->text[answer->length++] = byte;
	}
}

static bool looks_like_a_fingerprint(const char *text)
{
	size_t digits = 0;

	for (; *text != '\0'; text++)
		digits += strchr("0123456789abcdefABCDEF", *text) != NULL;
	return digits >= 16;
}

static int weigh(const struct answer *answer, const char *location, const char *pin,
		 struct pga_error *error)
{
	char typed[PGA_PIN_LENGTH + 1];

	if (answer->whole && strcmp(answer->text, "yes") == 0)
		return 0;
	if (!answer->whole || !looks_like_a_fingerprint(answer->text))
		return pga_fail(error, PGA_FINGERPRINT_ADVICE,
				"%s: not trusted by you; nothing was pinned", location);
	if (pga_fingerprint_read(answer->text, "nothing was pinned: what you typed", typed,
				 error) != 0)
		return -1;
	if (strcmp(typed, pin) == 0)
		return 0;
	return pga_fail(error,
			"somebody may be between you and the CA, or the fingerprint is of "
			"another CA; ask who runs it",
			"%s: the root that was shown is another one than the fingerprint %s means; "
			"nothing was pinned",
			location, typed);
}

int pga_consent(const char *location, const struct pga_certificate *root, const char *warning,
		struct pga_error *error)
{
	FILE *out = fopen(terminal_path, "r+e");
	int in = out != NULL ? open(terminal_path, O_RDONLY | O_NOCTTY | O_CLOEXEC) : -1;
	struct answer answer;
	int result = -1;

	if (in < 0) {
		(void)pga_fail_errno(error, PGA_FINGERPRINT_ADVICE,
				     "could not ask on the terminal");
		goto done;
	}
	if (warning[0] != '\0')
		pga_print(
		    out,
		    "%sWARNING:%s %s\n    This may be an attack, or the CA has a new root.\n\n",
		    pga_colour(out, PGA_RED), pga_colour(out, PGA_PLAIN), warning);
	pga_print(out, "%s says that this is its root:\n", location);
	show_root(out, root);
	(void)fputs("Nothing proves it but the fingerprint: compare it with the one that you got "
		    "from who runs the CA.\n",
		    out);
	/* A yes to what has not been seen is no yes. */
	if (fflush(out) != 0 || tcflush(in, TCIFLUSH) != 0) {
		(void)pga_fail_errno(error, PGA_FINGERPRINT_ADVICE,
				     "could not ask on the terminal");
		goto done;
	}
	(void)fputs("Trust this root for PostgreSQL? Type yes, or the fingerprint: ", out);
	(void)fflush(out);
	read_line(in, &answer);
	/* What is said next starts a line of its own. */
	if (!answer.ended)
		(void)fputc('\n', out);
	result = weigh(&answer, location, root->pin, error);
done:
	if (out != NULL)
		(void)fclose(out);
	if (in >= 0)
		(void)close(in);
	return result;
}
