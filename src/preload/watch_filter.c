#include "preload/watch_filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of Linux 5.19: once the watcher has seen a connect, no signal but a deadly one interrupts it. */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

/* A connect with this length is answered by the filter itself, by an error that the kernel has no
 * use for there: so a program can tell that it is under it. */
#define PROBE_LENGTH 0x70676177
#define PROBE_ANSWER EBADE

/* No shorter address is one of IPv4 or IPv6: inet_stream_connect() in the kernel wants all of a
 * sockaddr_in. */
#define SHORTEST_ADDRESS 16

/* The call of socketcall(2) that is a connect: SYS_CONNECT of <linux/net.h>. */
#define SOCKETCALL_CONNECT 3

enum kind {
	CONNECT,    /* argument 2 is the address's length: the watcher is asked */
	SOCKETCALL, /* the watcher is asked where it is a connect */
	FAST_OPEN, /* connects where the flags have MSG_FASTOPEN: is refused as by a kernel that has
		      TCP Fast Open off, and programs then connect (tcp(7)) */
	REFUSED,   /* io_uring, which connects past every filter: as a kernel that has it off
		      (io_uring_setup(2)) */
};

struct rule {
	uint32_t call;
	enum kind kind;
	unsigned flags; /* which argument has them */
};

/* An ABI by which a program can call this kernel. Its calls have the same numbers in every kernel,
 * and so are here as numbers: the headers have those of one ABI alone. Where a processor has two,
 * both are here, and what comes by a third is refused. Of socketcall(2)'s sends no flags are seen,
 * for they are in memory, and to ask about each would cost more than it is worth: no client of
 * PostgreSQL connects by a send. */
struct abi {
	uint32_t name;
	const struct rule *rules;
	size_t count;
};

#define ABI(name, rules)                                      \
	{                                                     \
		name, rules, sizeof(rules) / sizeof(rules)[0] \
	}

#if defined(__x86_64__) || defined(__i386__)
static const struct rule x86_64_rules[] = {
    {42, CONNECT, 0},    {44, FAST_OPEN, 3}, {46, FAST_OPEN, 2},
    {307, FAST_OPEN, 3}, {425, REFUSED, 0},
};
static const struct rule i386_rules[] = {
    {362, CONNECT, 0},   {102, SOCKETCALL, 0}, {369, FAST_OPEN, 3},
    {370, FAST_OPEN, 2}, {345, FAST_OPEN, 3},  {425, REFUSED, 0},
};
static const struct abi abis[] = {ABI(AUDIT_ARCH_X86_64, x86_64_rules),
				  ABI(AUDIT_ARCH_I386, i386_rules)};
#define ABIS 2
#elif defined(__aarch64__) || defined(__arm__)
static const struct rule aarch64_rules[] = {
    {203, CONNECT, 0},   {206, FAST_OPEN, 3}, {211, FAST_OPEN, 2},
    {269, FAST_OPEN, 3}, {425, REFUSED, 0},
};
static const struct rule arm_rules[] = {
    {283, CONNECT, 0},   {290, FAST_OPEN, 3}, {296, FAST_OPEN, 2},
    {374, FAST_OPEN, 3}, {425, REFUSED, 0},
};
static const struct abi abis[] = {ABI(AUDIT_ARCH_AARCH64, aarch64_rules),
				  ABI(AUDIT_ARCH_ARM, arm_rules)};
#define ABIS 2
#else /* nobody has looked these up for others */
#define ABIS 0
#endif

#if ABIS > 0

/* The lower half of an argument: these processors' ABIs are all little-endian. */
#define ARGUMENT(number) (offsetof(struct seccomp_data, args) + (number) * sizeof(uint64_t))

#define LOAD(offset)    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(offset))
#define RETURN(action)  BPF_STMT(BPF_RET | BPF_K, (action))
#define FAIL_WITH(code) RETURN(SECCOMP_RET_ERRNO | (code))

/* Goes on with the next one where that holds, and passes over so many otherwise. */
#define WHERE(comparison, value, otherwise) \
	BPF_JUMP(BPF_JMP | (comparison) | BPF_K, (uint32_t)(value), 0, (otherwise))

/* x32's calls are x86-64's with this bit. A kernel that has x32 off, as nearly all have, answers
 * them so. A tracer that lets a call be skipped has made -1 of its number. */
#define X32_BIT 0x40000000U
#define SKIPPED 0xffffffffU

struct program {
	struct sock_filter steps[128];
	unsigned short count;
};

static void add(struct program *program, const struct sock_filter *steps, size_t count)
{
	for (size_t i = 0; i < count; i++)
		program->steps[program->count++] = steps[i];
}

#define ADD(program, ...)                                            \
	do {                                                         \
		const struct sock_filter steps[] = {__VA_ARGS__};    \
		add(program, steps, sizeof steps / sizeof steps[0]); \
	} while (0)

static void add_rule(struct program *program, const struct rule *rule)
{
	switch (rule->kind) {
	case CONNECT:
		ADD(program, WHERE(BPF_JEQ, rule->call, 6), LOAD(ARGUMENT(2)),
		    WHERE(BPF_JEQ, PROBE_LENGTH, 1), FAIL_WITH(PROBE_ANSWER),
		    WHERE(BPF_JGE, SHORTEST_ADDRESS, 1), RETURN(SECCOMP_RET_USER_NOTIF),
		    RETURN(SECCOMP_RET_ALLOW));
		break;
	case SOCKETCALL:
		ADD(program, WHERE(BPF_JEQ, rule->call, 4), LOAD(ARGUMENT(0)),
		    WHERE(BPF_JEQ, SOCKETCALL_CONNECT, 1), RETURN(SECCOMP_RET_USER_NOTIF),
		    RETURN(SECCOMP_RET_ALLOW));
		break;
	case FAST_OPEN:
		ADD(program, WHERE(BPF_JEQ, rule->call, 4), LOAD(ARGUMENT(rule->flags)),
		    WHERE(BPF_JSET, MSG_FASTOPEN, 1), FAIL_WITH(EOPNOTSUPP),
		    RETURN(SECCOMP_RET_ALLOW));
		break;
	case REFUSED:
		ADD(program, WHERE(BPF_JEQ, rule->call, 1), FAIL_WITH(EPERM));
		break;
	}
}

static void make(struct program *program)
{
	for (size_t i = 0; i < ABIS; i++) {
		unsigned short branch;

		ADD(program, LOAD(offsetof(struct seccomp_data, arch)));
		branch = program->count;
		ADD(program, WHERE(BPF_JEQ, abis[i].name, 0),
		    LOAD(offsetof(struct seccomp_data, nr)));
		if (abis[i].name == AUDIT_ARCH_X86_64)
			ADD(program, WHERE(BPF_JEQ, SKIPPED, 1), RETURN(SECCOMP_RET_ALLOW),
			    WHERE(BPF_JGE, X32_BIT, 1), FAIL_WITH(ENOSYS));
		for (size_t j = 0; j < abis[i].count; j++)
			add_rule(program, &abis[i].rules[j]);
		ADD(program, RETURN(SECCOMP_RET_ALLOW));
		program->steps[branch].jf = (unsigned char)(program->count - branch - 1);
	}
	ADD(program, FAIL_WITH(ENOSYS));
}

/* Without no_new_privs, which takes sudo its power, where that is allowed: to CAP_SYS_ADMIN. */
static int install(unsigned long flags, const struct sock_fprog *filter)
{
	long listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, filter);

	if (listener < 0 && errno == EACCES && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
		listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, filter);
	return (int)listener;
}

int pga_watch_filter_install(struct pga_error *error)
{
	/* Without SPEC_ALLOW, kernels before 5.16 make every process under a filter slower. */
	const unsigned long flags =
	    SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	struct program program = {.count = 0};
	struct sock_fprog filter = {.filter = program.steps};
	int listener;

	make(&program);
	filter.len = program.count;
	listener = install(flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &filter);
	if (listener < 0 && errno == EINVAL)
		listener = install(flags, &filter);
	if (listener >= 0)
		return listener;
	if (errno == EBUSY)
		return pga_fail(error, NULL,
				"this process is under somebody else's seccomp filter, which asks "
				"a program of theirs, and Linux allows one such filter");
	return pga_fail_errno(error, NULL, "could not set a seccomp filter that asks");
}

#else

int pga_watch_filter_install(struct pga_error *error)
{
	return pga_fail(error, NULL,
			"this build of pganchor does not know the system calls of this processor");
}

#endif

bool pga_watch_filter_is_there(void)
{
	return connect(-1, NULL, PROBE_LENGTH) != 0 && errno == PROBE_ANSWER;
}
