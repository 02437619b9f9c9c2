/* An object of its own that calls PQcancel: see alarms.c. */
#include <libpq-fe.h>

int cancel_from_here(PGcancel *cancel, char *message, int size);

int cancel_from_here(PGcancel *cancel, char *message, int size)
{
	return PQcancel(cancel, message, size);
}
