#include "gate/answers.h"

#include "base/signals.h"
#include "gate/keyring.h"
#include "gate/passfile.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define KEPT_FOR 60 /* seconds that an answer is good for */
#define LEFT_FOR 30 /* seconds that a keyring is left alone which did not answer */
#define NO_FOR   2  /* seconds that a no is good for, and that a locked one is left alone */
#define ANSWERS  16

struct answer {
	time_t good_until; /* CLOCK_MONOTONIC, as all here; 0: there is none */
	enum pga_secret_status status;
	size_t request_length;
	size_t length;
	char request[12 * 1024];
	char bytes[16 * 1024];
};

/* On pages that no child inherits, no core dump has, and no swap, as far as the limits allow. Zeros
 * are PTHREAD_MUTEX_INITIALIZER. */
struct kept {
	pthread_mutex_t mutex;
	time_t left_until;
	enum pga_secret_status left_for;
	unsigned next; /* the answer that the next one takes the place of */
	struct answer answers[ANSWERS];
};

static _Atomic(struct kept *) kept;

static struct kept *pages(void)
{
	struct kept *there = atomic_load(&kept);
	struct kept *made;

	if (there != NULL)
		return there;
	made = mmap(NULL, sizeof *made, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (made == MAP_FAILED)
		return NULL;
	/* Without the first, a child would have the password, and the lock of a thread that it has
	 * not. */
	if (madvise(made, sizeof *made, MADV_WIPEONFORK) == 0) {
		(void)madvise(made, sizeof *made, MADV_DONTDUMP);
		(void)mlock2(made, sizeof *made, MLOCK_ONFAULT);
		if (atomic_compare_exchange_strong(&kept, &there, made))
			return made;
	}
	(void)munmap(made, sizeof *made);
	return there;
}

static time_t now(void)
{
	struct timespec moment;

	(void)clock_gettime(CLOCK_MONOTONIC, &moment);
	return moment.tv_sec;
}

static const struct answer *find(const struct kept *own, const struct pga_text *request)
{
	for (size_t i = 0; i < ANSWERS; i++) {
		const struct answer *answer = &own->answers[i];

		if (now() < answer->good_until && answer->request_length == request->length &&
		    memcmp(answer->request, request->bytes, request->length) == 0)
			return answer;
	}
	return NULL;
}

static void forget(struct answer *answer)
{
	explicit_bzero(answer->bytes, answer->length);
	answer->length = 0;
	answer->good_until = 0;
}

/* Into the place of an older one; nothing is left there but what the keyring has given. */
static enum pga_secret_status ask(struct answer *answer, const struct pga_text *request)
{
	const int file = gate_memory_file();
	enum pga_secret_status status;
	ssize_t length = 0;

	if (file < 0)
		return GATE_NOT_ASKED;
	status = gate_keyring_ask(request, file);
	/* Without one of several, the others' lines are there. */
	if (status == PGA_SECRET_DONE || status == PGA_SECRET_NONE)
		length = pread(file, answer->bytes, sizeof answer->bytes, 0);
	(void)close(file);
	answer->length = length > 0 ? (size_t)length : 0;
	if (answer->length == sizeof answer->bytes) {
		forget(answer);
		return GATE_NOT_ASKED;
	}
	memcpy(answer->request, request->bytes, request->length);
	answer->request_length = request->length;
	answer->status = answer->length > 0 ? PGA_SECRET_DONE : status;
	if (status == PGA_SECRET_DONE || status == PGA_SECRET_NONE)
		answer->good_until =
		    now() + (answer->status == PGA_SECRET_DONE ? KEPT_FOR : NO_FOR);
	return answer->status;
}

static enum pga_secret_status look(struct kept *own, const struct pga_text *request,
				   const struct answer **found)
{
	struct answer *place = &own->answers[own->next % ANSWERS];
	enum pga_secret_status status;

	if (request->failed || request->length > sizeof place->request)
		return GATE_NOT_ASKED;
	*found = find(own, request);
	if (*found != NULL)
		return (*found)->status;
	if (now() < own->left_until)
		return own->left_for;
	forget(place);
	status = ask(place, request);
	if (place->good_until != 0) {
		own->next++;
		*found = place;
	} else if (status != GATE_NOT_ASKED) {
		own->left_until = now() + (status == PGA_SECRET_LOCKED ? NO_FOR : LEFT_FOR);
		own->left_for = status;
	}
	return status;
}

/* Between the two nothing else runs in this thread: a handler of a signal could connect, too, and a
 * cancelled thread would keep the lock. */
struct hold {
	int cancellation;
	sigset_t signals;
};

static void take(struct kept *own, struct hold *hold)
{
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &hold->cancellation);
	pga_block_signals(&hold->signals);
	(void)pthread_mutex_lock(&own->mutex);
}

static void give_back(struct kept *own, const struct hold *hold)
{
	(void)pthread_mutex_unlock(&own->mutex);
	pga_restore_signals(&hold->signals);
	(void)pthread_setcancelstate(hold->cancellation, NULL);
}

enum pga_secret_status gate_answer_use(const struct pga_text *request,
				       bool (*use)(const char *bytes, size_t length, void *context),
				       void *context)
{
	struct kept *own = pages();
	const struct answer *answer = NULL;
	enum pga_secret_status status;
	struct hold hold;

	if (own == NULL)
		return GATE_NOT_ASKED;
	take(own, &hold);
	status = look(own, request, &answer);
	if (status == PGA_SECRET_DONE &&
	    (answer == NULL || !use(answer->bytes, answer->length, context)))
		status = GATE_NOT_ASKED;
	give_back(own, &hold);
	return status;
}

void gate_answers_forget(void)
{
	struct kept *own = atomic_load(&kept);
	struct hold hold;

	if (own == NULL)
		return;
	take(own, &hold);
	for (size_t i = 0; i < ANSWERS; i++)
		forget(&own->answers[i]);
	give_back(own, &hold);
}
