/* clang-format off: a table
 *
 * The gate: what stands between a program and libpq. Its rooms below are base and policy; it needs libc alone.
 *
 *   wrappers.c    the functions of libpq that it stands before, and the ways into them
 *   find.c     the libpq of a caller
 *   judge.c    the verdict on one connection's settings, and the message
 *   connect.c    the functions that begin a connection: the good message, the locks
 *   connect_poll.c     PQconnectPoll, where libpq's own calls of it can be seen: settings before, session after the handshake
 *   imports.c  what libpq calls in other libraries, which can be seen in every build of it
 *   tls_write.c  SSL_write: the session, before the startup packet goes out
 *   lookup.c   getaddrinfo: the host, before a TCP connection is opened
 *   call.c     one call of libpq, while it lasts
 *   cut.c      the end of an attempt whose socket is open
 *   verify_error.c  why libpq did not verify a certificate
 *   session.c  what the TLS session really is
 *   twin.c     a chain that ends in another certificate of a pinned root's key
 *   refusal.c  why a connection object was refused, readable through PQerrorMessage
 *   cancel.c   PQcancel
 *   chroot.c   chroot: what is in force is read before it goes out of sight
 *   notice.c   why a ping was refused
 *   rules.c    policy and pins, read once and again when they change
 *   audit_log.c  what mode = audit lets through, to syslog
 *   lock.c     the lock, and the order between fork() and walks through the loaded objects
 *   dl.c   the dynamic linker's own functions
 *   elf.c   a loaded object's symbols and relocations
 *   elf_got.c      its GOT entries, and how one is written
 *   machine.h  what is each processor's own: relocations; jump.h: a call that leaves the return address alone
 *   got.c   GOT entries that were bound past the gate
 *   dl_wrappers.c  dlopen and dlsym, in the module alone
 *   api.c      pganchor.h, in the library alone
 */
/* clang-format on */
#ifndef PGA_GATE_GATE_H
#define PGA_GATE_GATE_H

#include "base/text.h"
#include "policy/libpq.h"
#include "policy/pins.h"
#include "policy/policy.h"
#include "policy/verdict.h"

#include <libpq-events.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdbool.h>

/* The functions that a program reaches instead of libpq's. */
#define GATE_EXPORT __attribute__((visibility("default")))

/* Where the function that this is written in will return to. */
#define GATE_CALLER() __builtin_extract_return_addr(__builtin_return_address(0))

/* ---- find.c ---- */

/* CRYPTO_EX_free of openssl/crypto.h. */
typedef void gate_ex_free(void *object, void *data, void *all_data, int index, long number,
			  void *context);

/* How many libpqs of a process the gate can tell apart, those that were closed among them. */
#define GATE_LIBPQS 32

/* One of something for each number that a libpq can have: ONE(argument of the list, number). */
/* clang-format off */
#define GATE_EACH_LIBPQ(ONE, with) \
	ONE(with, 0) ONE(with, 1) ONE(with, 2) ONE(with, 3) \
	ONE(with, 4) ONE(with, 5) ONE(with, 6) ONE(with, 7) \
	ONE(with, 8) ONE(with, 9) ONE(with, 10) ONE(with, 11) \
	ONE(with, 12) ONE(with, 13) ONE(with, 14) ONE(with, 15) \
	ONE(with, 16) ONE(with, 17) ONE(with, 18) ONE(with, 19) \
	ONE(with, 20) ONE(with, 21) ONE(with, 22) ONE(with, 23) \
	ONE(with, 24) ONE(with, 25) ONE(with, 26) ONE(with, 27) \
	ONE(with, 28) ONE(with, 29) ONE(with, 30) ONE(with, 31)
/* clang-format on */

/* One libpq of the process, kept loaded for as long as the process lives. */
struct gate_libpq {
	unsigned number; /* of the order in which they were found, below GATE_LIBPQS */
	struct pga_libpq calls;
	const void *base;            /* where the object is loaded */
	void *object;                /* a handle for dlsym() */
	bool apart;                  /* in a namespace of dlmopen() */
	atomic_bool ready;           /* its imports were bound, as far as they can be */
	atomic_bool poll_seen;       /* its own calls of PQconnectPoll come to the gate */
	atomic_bool poll_asked;      /* and whether they do was tried */
	atomic_bool writes_seen;     /* and those of SSL_write() do */
	atomic_bool lookups_seen;    /* and those of getaddrinfo() */
	atomic_bool handshakes_seen; /* and those of SSL_connect() */

	/* What it calls in other libraries, behind the gate's (imports.c); NULL where that cannot
	 * be told before it is called. */
	int (*_Atomic sslWrite)(void *ssl, const void *bytes, int count);
	int (*_Atomic sslConnect)(void *ssl);
	int (*_Atomic getAddrInfo)(const char *node, const char *service,
				   const struct addrinfo *hints, struct addrinfo **found);

	/* The real functions behind the gate's. */
	PostgresPollingStatusType (*connectPoll)(PGconn *conn);
	PGconn *(*connectdb)(const char *conninfo);
	PGconn *(*connectStart)(const char *conninfo);
	PGconn *(*connectdbParams)(const char *const *keywords, const char *const *values,
				   int expand_dbname);
	PGconn *(*setdbLogin)(const char *host, const char *port, const char *options,
			      const char *tty, const char *dbname, const char *login,
			      const char *password);
	PGPing (*ping)(const char *conninfo);
	PGPing (*pingParams)(const char *const *keywords, const char *const *values,
			     int expand_dbname);
	int (*cancel)(PGcancel *cancel, char *errbuf, int errbufsize);
	int (*requestCancel)(PGconn *conn);
	void (*reset)(PGconn *conn);
	int (*resetStart)(PGconn *conn);
	PostgresPollingStatusType (*resetPoll)(PGconn *conn);
	int (*consumeInput)(PGconn *conn);

	/* What the wall asks of a connection. */
	int (*socket)(const PGconn *conn);
	char *(*host)(const PGconn *conn);
	char *(*hostaddr)(const PGconn *conn); /* NULL before libpq 12 */
	char *(*port)(const PGconn *conn);
	char *(*pass)(const PGconn *conn);
	int (*sslInUse)(PGconn *conn);
	void *(*sslStruct)(PGconn *conn, const char *name);
	int (*gssEncInUse)(PGconn *conn); /* NULL before libpq 12 */
	char *(*encryptPasswordConn)(PGconn *, const char *, const char *,
				     const char *); /* NULL before libpq 10 */

	/* What hangs a refusal on an object. */
	int (*registerEventProc)(PGconn *conn, PGEventProc proc, const char *name, void *context);
	int (*setInstanceData)(PGconn *conn, PGEventProc proc, void *data);
	void *(*instanceData)(const PGconn *conn, PGEventProc proc);

	/* Functions of the OpenSSL that this libpq uses, once gate_libpq_openssl() has found it;
	 * NULL where it lacks them. */
	atomic_bool openssl_known;
	atomic_int
	    session_index; /* of what handshake.c keeps with a session; 0: not asked for yet */
	long (*verifyResult)(const void *ssl);
	int (*verifyMode)(const void *ssl);
	const char *(*verifyErrorText)(long error);
	int (*newExData)(int kind, long number, void *context, void *on_new, void *on_dup,
			 gate_ex_free *on_free);
	int (*tlsVersion)(const void *ssl);
	int (*tlsWrite)(void *ssl, const void *bytes, int count);
	int (*tlsConnect)(void *ssl);
	void *(*getExData)(const void *ssl, int index);
	int (*setExData)(void *ssl, int index, void *data);
	const void *(*currentCipher)(const void *ssl);
	int (*cipherBits)(const void *cipher, int *of_the_algorithm);
	const char *(*cipherName)(const void *cipher);
	void *(*verifiedChain)(const void *ssl);
	int (*chainLength)(const void *chain);
	void *(*chainElement)(const void *chain, int index);
	int (*certificateDigest)(const void *certificate, const void *type, unsigned char *digest,
				 unsigned *length);
	const void *(*sha256)(void);
	void *(*tlsContext)(const void *ssl);
	void *(*trustStore)(const void *context);
	void (*freeChain)(void *chain, void (*free_one)(void *certificate));
	void *(*newVerify)(void);
	void (*freeVerify)(void *verify);
	int (*beginVerify)(void *verify, void *store, void *certificate, void *untrusted);
	int (*verifyPurpose)(void *verify, const char *name);
	void (*verifyFlags)(void *verify, unsigned long flags);
	int (*verifyNow)(void *verify);
	void *(*trustedNamed)(void *verify, const void *name);
	void *(*newStore)(void);
	void (*freeStore)(void *store);
	int (*addToStore)(void *store, void *certificate);
	void *(*subjectName)(const void *certificate);
	void (*freeCertificate)(void *certificate);
	int (*markErrors)(void);
	int (*dropErrors)(void);
};

/* A libpq that the gate cannot stand before: the thirty-third of a process, those that it has
 * closed among them, or one that lacks a function.
 * Nothing of it may be read; what is bound to it is refused. */
#define GATE_LIBPQ_BEYOND ((struct gate_libpq *)(void *)&gate_libpq_beyond)
extern char gate_libpq_beyond __attribute__((visibility("hidden")));

/* The libpq that the object with this code address in it uses; or else the process's first. NULL
 * where there is none, or it lacks a function. *internal, if not NULL: the caller is that libpq
 * itself. */
struct gate_libpq *gate_libpq_of(const void *caller, bool *internal);

/* The same among the libpqs that are known already, for a caller in a signal handler: asks the
 * loader for nothing and allocates nothing. Whatever a program has got from a libpq was got through
 * the gate, and so that libpq is known. */
struct gate_libpq *gate_libpq_known_of(const void *caller, bool *internal);

/* The libpq that defines this PQconninfo, found for the first time or known; GATE_LIBPQ_BEYOND
 * where the gate cannot stand before it; NULL where the address is no object's. */
struct gate_libpq *gate_libpq_with(const void *conninfo);

/* What a call of this libpq's by this name goes to once the loader has bound it, as far as that can
 * be told beforehand; NULL where it could be one of two. */
void *gate_libpq_would_call(const struct gate_libpq *libpq, const char *name);

/* The libpq with this number, which is GATE_LIBPQS at the most; NULL where there is none yet. */
struct gate_libpq *gate_libpq_number(unsigned number);

/* For the API, whose caller need not use libpq itself: the process's libpq; libpq.so.5 is loaded
 * where there is none. */
struct gate_libpq *gate_libpq_any(void);

/* ---- openssl.c ---- */

/* Finds the OpenSSL that this libpq's calls go to. false where that cannot be told: where libpq has
 * none, or has it linked in; or where it is bound function by function as it calls them, and has
 * called none, and the process has two. */
bool gate_libpq_openssl(struct gate_libpq *libpq);

/* ---- got.c ---- */

/* Looks at what was loaded since the last time, and binds its GOT entries of libpq's functions to
 * the gate where they were bound past it (RTLD_DEEPBIND). Costs next to nothing where nothing was
 * loaded. */
void gate_rebind_new(void);

/* From here on also binds the dynamic linker's functions in what was loaded, where they were bound
 * past the gate: something is opened with RTLD_DEEPBIND. */
typedef void *gate_stand_in(const char *name);
void gate_rebind_deep(gate_stand_in *stand_in);

/* The same as a program starts, where a libpq stands before the gate in the order of symbols. Looks
 * at no more than what stands before the gate, and finds none as a rule. */
void gate_rebind_at_start(void);

/* The same for all objects of the namespace that this handle is in, if it is not the program's own.
 * Their libc is another one: stand_in tells what to put in the place of its functions of that name,
 * NULL for nothing. */
void gate_rebind_space(void *handle, gate_stand_in *stand_in);

/* ---- rules.c ---- */

/* Policy and pins at one moment. Shared between threads and never changed. */
struct gate_rules {
	struct pga_policy policy;
	struct pga_pins pins;
	bool broken; /* they could not be read: everything is refused */
	struct pga_error error;
	struct snapshot *snapshot; /* which these are a part of: rules.c's own */
};

/* The rules as the files are now; NULL for want of memory. In a process that has another root
 * directory than when it read them, they are what they were. Give them back with
 * gate_rules_release. */
const struct gate_rules *gate_rules_acquire(void);
void gate_rules_release(const struct gate_rules *rules);

/* Whether the policy lets a cancel key go in clear, as of the last connection. For a signal handler
 * too: reads one number. Before the first connection there is nothing to cancel. */
bool gate_may_cancel(void);

/* ---- lock.c ---- */

/* The one lock of the gate, for a few instructions at a time, never across a call of libpq or of
 * the file system. No signal handler runs in the thread that has it. A child that is forked
 * meanwhile, in whatever way, does not inherit it: so at each moment what it protects has to be
 * such that another process can go on with it. */
void gate_lock(void);
void gate_unlock(void);

/* ---- judge.c, connect.c, connect_poll.c, verify_error.c, session.c ---- */

/* What came of judging the settings of one connection. */
struct gate_judgement {
	struct pga_effective effective;
	struct pga_verdict verdict;
	struct pga_text
	    refusal;   /* the whole message, where the policy refuses; in audit mode too */
	bool admitted; /* it may be made: allowed, or refused in audit mode */
};

/* Judges judgement->effective, which the caller has filled, and fills the rest. parameters: what
 * the program handed to libpq, for the message; NULL where that is not known. may_lock: settings
 * can still be locked, or need no lock any more; where they cannot, what needs a lock is refused.
 */
void gate_judge(const struct gate_libpq *libpq, const struct gate_rules *rules,
		const struct pga_parameters *parameters, bool may_lock,
		struct gate_judgement *judgement);

/* Whether the policy as it is now refuses nothing and only tells the audit log. */
bool gate_is_audit(void);

/* Frees all of it, the effective settings too. */
void gate_judgement_free(const struct gate_libpq *libpq, struct gate_judgement *judgement);

/* Begins or makes a connection through the gate. make is libpq's own PQconnectdbParams or
 * PQconnectStartParams. */
typedef PGconn *gate_make(const char *const *keywords, const char *const *values,
			  int expand_dbname);
PGconn *gate_enter(struct gate_libpq *libpq, gate_make *make,
		   const struct pga_parameters *parameters);

/* PQconnectdb through the gate. */
PGconn *gate_enter_string(struct gate_libpq *libpq, const char *conninfo);

/* Looks at a connection whose settings the policy allows, as it stands: socket, encryption, TLS
 * session, pins. Returns whether it is what the policy wants; where it is not, adds the whole
 * message to refusal. In state CONNECTION_MADE, TLS may still be to come. */
bool gate_session_holds(struct gate_libpq *libpq, const struct gate_rules *rules, PGconn *conn,
			const struct pga_effective *effective, struct pga_text *refusal);

/* The pin of a certificate, an X509 of this libpq's OpenSSL; certificateDigest and sha256 are
 * known. */
bool gate_certificate_pin(const struct gate_libpq *libpq, const void *certificate,
			  char pin[PGA_PIN_LENGTH + 1]);

/* The anchor that is valid for this host and with whose root alone the session's chain verifies,
 * although it ends in another; NULL where there is none, or that cannot be found out. The root is
 * among those that libpq trusts in this session, and has the name of one of the chain. */
const struct pga_pin *gate_twin(const struct gate_libpq *libpq, const struct gate_rules *rules,
				const void *ssl, const char *host);

/* The wall's question for a connection that stands or is about to send its startup packet: do its
 * settings and its session hold? Where not, adds the message to refusal. Returns the policy's mode,
 * which says what follows from it; what audit mode lets through is journaled. */
enum pga_mode gate_conn_judge(struct gate_libpq *libpq, PGconn *conn, bool *holds,
			      struct pga_text *refusal);

/* Whether the connection may go on: it holds, or the mode is audit. */
bool gate_conn_holds(struct gate_libpq *libpq, PGconn *conn, struct pga_text *refusal);

/* Whether libpq's own calls of PQconnectPoll come to the gate. Found out once, by an attempt to
 * connect to nothing. */
bool gate_sees_polls(struct gate_libpq *libpq);

/* Within the call a handshake may have failed: where the server's certificate did not verify,
 * PQerrorMessage tells OpenSSL's reason behind libpq's own words. */
struct gate_call;
void gate_handshake_tell(struct gate_call *call, PGconn *conn);

/* Why a connection of this libpq cannot be let through: nothing of it would be seen. */
void gate_say_unseen(const struct gate_libpq *libpq, struct pga_text *refusal);

/* A session that was looked at, and holds. */
void gate_session_mark(struct gate_libpq *libpq, void *ssl);
bool gate_session_is_marked(const struct gate_libpq *libpq, const void *ssl);

/* ---- refusal.c ---- */

/* Hangs the message on a refused connection, which PQerrorMessage then tells, until the object is
 * destroyed or begins again; and writes it into the object as far as libpq lets us, for callers
 * that reach libpq's own function. */
void gate_refuse(struct gate_libpq *libpq, PGconn *conn, const char *message);
void gate_forget(const struct gate_libpq *libpq, PGconn *conn);

/* The same for an attempt that was refused before libpq chose a host: until it has, PQhost() and
 * its like read in front of the list of hosts. For such an object the gate answers in their place.
 */
void gate_refuse_unstarted(struct gate_libpq *libpq, PGconn *conn,
			   const struct pga_effective *effective, const char *message);

/* Adds a line that PQerrorMessage tells behind libpq's own words, as long as they are those that
 * they are now and the object is not forgotten. */
void gate_add_note(struct gate_libpq *libpq, PGconn *conn, const char *line);

/* Has PQerrorMessage tell this thread GATE_NO_CANCEL, without libpq's words around it, until the
 * connection has something else to say. */
void gate_refuse_cancel(const struct gate_libpq *libpq, PGconn *conn);

/* Writes a message into the object as far as libpq lets us, for callers that reach libpq's own
 * PQerrorMessage. */
void gate_tell(const struct gate_libpq *libpq, PGconn *conn, const char *message);

/* What a refused cancel says. */
#define GATE_NO_CANCEL \
	"pganchor refused to cancel: the policy (cancel = refuse) lets no cancel key go in clear"

/* ---- notice.c ---- */

/* Tells the message on standard error, as a line, if that leads to somebody who reads it now: a
 * terminal, a pipe, the journal. Waits for nobody, and raises no signal. */
void gate_notice(const char *message);

/* ---- audit_log.c ---- */

/* One line to syslog (authpriv.warning): what a policy in audit mode would have refused, and why.
 * effective: of the connection; NULL where there is none. ambiguous: pga_is_ambiguous() of what it
 * was begun with. No password is in the line. */
void gate_audit_log(const struct gate_rules *rules, const struct pga_effective *effective,
		    bool ambiguous, const char *message);

#endif
