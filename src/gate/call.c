#include "gate/call.h"

#include "gate/libpq.h"
#include "gate/rules.h"

#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

/* The innermost. A program can leave a call by longjmp(), as Perl's does with a time limit, and
 * then nobody ends it: so it is no part of the stack, where it would be overwritten, and what it
 * leads to stays as it was. The model needs no function of the dynamic linker, which would be a
 * second library to need. */
static __thread struct gate_call *current __attribute__((tls_model("initial-exec")));

/* Whatever was called from a frame below this one is over; from this one itself too, whose function
 * is not in a call now. Such a call is left as it is: a signal handler on a stack of its own must
 * not free what it has interrupted. */
static void drop(const void *frame)
{
	while (current != NULL && (uintptr_t)current->frame <= (uintptr_t)frame)
		current = current->outer;
}

struct gate_call *gate_call_begin_at(struct gate_libpq *libpq, const void *frame)
{
	struct gate_call *call = calloc(1, sizeof *call);

	if (call == NULL)
		return NULL;
	drop(frame);
	call->outer = current;
	call->frame = frame;
	call->list = &current;
	call->libpq = libpq;
	call->passfile = -1;
	current = call;
	return call;
}

struct gate_call *gate_call_current(void)
{
	drop(__builtin_frame_address(0));
	return current;
}

void gate_call_forget_begun(struct gate_call *call)
{
	if (call->begun == NULL)
		return;
	gate_rules_release(call->begun_rules);
	pga_effective_free(&call->libpq->calls, &call->effective);
	call->begun = NULL;
	call->begun_rules = NULL;
}

void gate_call_close_passfile(struct gate_call *call)
{
	if (call->passfile >= 0)
		(void)close(call->passfile);
	call->passfile = -1;
}

void gate_call_end(struct gate_call *call)
{
	struct gate_call **at = &current;

	gate_call_close_passfile(call);
	gate_call_forget_begun(call);
	/* A coroutine that has come to another thread meanwhile leaves it in that one's list, where
	 * it stays: nobody may write there from here. */
	if (call->list != &current)
		return;
	/* Calls of coroutines do not end in the order in which they have begun. */
	while (*at != NULL && *at != call)
		at = &(*at)->outer;
	if (*at != NULL)
		*at = call->outer;
	free(call);
}
