#include "cli/question.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

bool pga_question_possible(void)
{
	FILE *terminal = fopen(PGA_TERMINAL, "re");

	if (terminal == NULL)
		return false;
	(void)fclose(terminal);
	return true;
}

static int fail(const struct pga_question *question, struct pga_error *error)
{
	return pga_fail_errno(error, question->hint, "could not ask on the terminal");
}

int pga_question_begin(struct pga_question *question, const char *hint, struct pga_error *error)
{
	question->hint = hint;
	/* The terminal has the question after what it is about, through a pipe, too. */
	(void)fflush(stdout);
	question->out = fopen(PGA_TERMINAL, "r+e");
	question->in =
	    question->out != NULL ? open(PGA_TERMINAL, O_RDONLY | O_NOCTTY | O_CLOEXEC) : -1;
	if (question->in >= 0)
		return 0;
	(void)fail(question, error);
	pga_question_end(question);
	return -1;
}

/* To the end of the line, so that nothing of a long one is left for the shell. */
static void read_line(int terminal, struct pga_answer *answer)
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

int pga_question_ask(struct pga_question *question, const char *text, struct pga_answer *answer,
		     struct pga_error *error)
{
	if (fflush(question->out) != 0 || tcflush(question->in, TCIFLUSH) != 0)
		return fail(question, error);
	(void)fputs(text, question->out);
	(void)fflush(question->out);
	read_line(question->in, answer);
	/* What is said next starts a line of its own. */
	if (!answer->ended)
		(void)fputc('\n', question->out);
	return 0;
}

void pga_question_end(struct pga_question *question)
{
	if (question->out != NULL)
		(void)fclose(question->out);
	if (question->in >= 0)
		(void)close(question->in);
}

int pga_question_confirm(struct pga_question *question, const char *text, struct pga_error *error)
{
	struct pga_answer answer = {.whole = false};
	const int result = pga_question_ask(question, text, &answer, error);

	pga_question_end(question);
	if (result != 0 || (answer.whole && strcmp(answer.text, "yes") == 0))
		return result;
	return pga_fail(error, "", "nothing was changed: you have not said yes");
}
