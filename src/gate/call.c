#include "gate/call.h"

#include <stdint.h>
#include <string.h>

/* The model needs no function of the dynamic linker, which would be a second library to need. */
static __thread struct gate_call *current __attribute__((tls_model("initial-exec")));

void gate_call_begin(struct gate_call *call, struct gate_libpq *libpq)
{
	memset(call, 0, sizeof *call);
	call->outer = gate_call_current();
	call->libpq = libpq;
	current = call;
}

struct gate_call *gate_call_current(void)
{
	/* A call's struct lies in the frame of its caller, which is further up the stack than
	 * whatever the call comes by. A frame below this one has been left without an end, and is
	 * not to be read. */
	if (current != NULL && (uintptr_t)current < (uintptr_t)__builtin_frame_address(0))
		current = NULL;
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

void gate_call_end(struct gate_call *call)
{
	gate_call_forget_begun(call);
	current = call->outer;
}
