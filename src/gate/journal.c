/* What mode = audit lets through, told to syslog. Not by syslog(3): that keeps a descriptor open in
 * a process that is not ours, and uses the name that the program itself may have given to
 * openlog(3). */
#include "gate/gate.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

void gate_journal(const struct gate_rules *rules, const char *message)
{
	static const char prefix[] = "pganchor refused this connection: ";
	const struct sockaddr_un address = {AF_UNIX, "/dev/log"};
	struct pga_text line = PGA_TEXT_EMPTY;
	int saved = errno;
	int log;

	if (rules->policy.log == PGA_LOG_OFF)
		return;
	if (strncmp(message, prefix, sizeof prefix - 1) == 0)
		message += sizeof prefix - 1;
	pga_text_addf(&line,
		      "<%d>pganchor[%d]: audit: %s would be refused: ", LOG_AUTHPRIV | LOG_WARNING,
		      (int)getpid(), program_invocation_short_name);
	/* One line; what the message says last, below the reasons, is advice for a person at a
	 * terminal. */
	for (; *message != '\0'; message++)
		if (*message != '\n')
			pga_text_add_bytes(&line, message, 1);
		else if (strncmp(message, "\n    use ", 9) == 0 ||
			 strncmp(message, "\n    write ", 11) == 0)
			break;
		else
			pga_text_add(&line, ";");
	log = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (log >= 0 && !line.failed)
		(void)sendto(log, line.bytes, line.length, MSG_NOSIGNAL,
			     (const struct sockaddr *)&address, sizeof address);
	if (log >= 0)
		(void)close(log);
	pga_text_free(&line);
	errno = saved;
}
