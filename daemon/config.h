/*
 * What the operator decided: read from a file and a drop-in directory, or built in.
 *
 * A configuration is immutable once loaded; a reload loads another one. Every number has
 * its unit in its name; its default and its range are in config_table.c.
 */
#ifndef DAEMON_CONFIG_H
#define DAEMON_CONFIG_H

#include "common/log.h"
#include "daemon/breaker.h"
#include "proto/sandbox.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pool_kind { POOL_THREADS, POOL_PROCESSES };

struct config_command {
	char *name;  /* of the task */
	char **argv; /* NULL-terminated; argv[0] is an absolute path */
};

struct config_pool {
	char *name;
	enum pool_kind kind;
	unsigned slots;     /* at most */
	unsigned min_hosts; /* are kept, even with nothing to do */
	uint64_t idle_timeout_us;
	unsigned max_tasks;     /* jobs of one host, then it is replaced; 0: any number */
	uint64_t max_rss_bytes; /* of one host, after a job; 0: any */
	bool fresh;             /* each job has a host of its own: max_tasks is 1 */
	unsigned max_queue;     /* jobs waiting, in all sessions */
	char **modules;         /* NULL-terminated paths of shared objects */
	struct config_command *commands;
	size_t ncommands;
	struct breaker_limits breaker;
	struct sandbox sandbox;
	char **environment; /* NULL-terminated: environment.h */
};

/* What a fair share key is worth, in each pool. */
struct config_key {
	char *name;
	unsigned weight;
	unsigned running; /* its jobs in slots, at most; 0: any number */
};

/* Of a task, in each pool that has it. */
struct config_task {
	char *name;
	unsigned running; /* likewise */
};

/* Whom an identity section is for. */
enum identity_kind {
	IDENTITY_USER,        /* of this machine, over a Unix socket */
	IDENTITY_GROUP,       /* each of its members */
	IDENTITY_TCP,         /* who comes over TCP without a certificate: all together */
	IDENTITY_CERTIFICATE, /* whose name it is */
};

enum config_admin { ADMIN_NO, ADMIN_READ, ADMIN_YES };

/* What an identity may do. */
struct config_identity {
	char *name; /* as it is written */
	enum identity_kind kind;
	uint32_t id;  /* of the user or group */
	char **tasks; /* NULL-terminated patterns (common/glob.h) */
	char **pools;
	unsigned max_connections;
	unsigned max_inflight;      /* its unfinished jobs; 0: any number */
	unsigned max_queue;         /* of these, that wait; 0: any number */
	uint32_t max_payload_bytes; /* 0: what anybody may */
	unsigned rate, burst;       /* jobs a second; at once. 0: any number */
	uint64_t interval_ns;       /* what the rate comes to: between two jobs, and what */
	uint64_t burst_ns;          /* may be ahead of it. 0: there is none */
	int priority_max;
	enum config_admin admin;
};

/* Of the tls:// listeners. */
struct config_tls {
	char *certificate; /* NULL: there is no such section */
	char *key, *ca;
	char *crl;           /* NULL: none */
	char **server_names; /* NULL-terminated; empty: any */
	bool names_by_dns;   /* a client's name is a DNS name, not a URI */
	bool allow_tls12;
	unsigned max_handshakes;   /* at a time; others wait */
	uint64_t hello_timeout_us; /* from the end of the handshake to hello */
	uint64_t max_session_age_us;
};

struct config {
	enum log_level log_level;
	char **listen; /* NULL-terminated URLs: unix:/path, tcp://host:port, tls://host:port */
	bool insecure; /* plain TCP beyond loopback is allowed */

	uint32_t max_payload_bytes;
	uint32_t max_result_bytes;
	unsigned max_sessions;
	unsigned max_greeting; /* connections that have not said hello */
	unsigned max_greeting_per_source;
	unsigned greeting_drop_from;  /* so many, and some that come are dropped */
	unsigned max_inflight;        /* unfinished jobs of one session */
	uint64_t max_output_bytes;    /* of results waiting for one session to read them */
	uint64_t max_queued_bytes;    /* of payloads waiting, in all sessions */
	uint64_t memory_budget_bytes; /* of all that clients make the daemon hold; 0: by itself */

	uint64_t handshake_timeout_us; /* from accept to hello, or to the end of TLS's handshake */
	uint64_t frame_timeout_us;     /* for a frame that has begun */
	uint64_t output_timeout_us;    /* for a client that is far behind to take something */
	uint64_t drain_timeout_us;     /* from the first SIGTERM until the daemon hurries */
	uint64_t kill_grace_us;        /* between asking a host to end and killing it */
	uint64_t start_timeout_us;     /* for a zygote to load its modules, a host to be ready */
	uint64_t ageing_us;            /* after which a job that was passed over rises by a level */

	struct config_tls tls;

	/* For which a source is not let in, after it did that; 0: not at all. */
	uint64_t penalty_protocol_us, penalty_silence_us, penalty_auth_us, penalty_flood_us;

	struct config_pool *pools; /* at least one; the first is the default */
	size_t npools;
	struct config_key *keys; /* by name */
	size_t nkeys;
	struct config_task *tasks; /* by name */
	size_t ntasks;
	struct config_identity *identities; /* the first that fits counts; none: all may all */
	size_t nidentities;
	char *audit_path; /* NULL: the log */
};

/* Says what is wrong, for a person; lines are "FILE:LINE: message". */
typedef void (*config_error_fn)(void *arg, const char *message);

/*
 * config_load reads `path`, and then PATH.d/ *.conf in the order of their names, each of
 * which may set options again and add pools and commands. A NULL path means
 * SYSCONFDIR/futured/futured.conf, and the built-in configuration where that file does
 * not exist. `module_dir` (NULL: what the file says, else MODULEDIR) is where modules
 * named without a slash are looked for.
 *
 * 0 and *ret, which the caller gives to config_free(); or -EINVAL, -ENOENT (a path was
 * named and is not there), -ENOMEM, after calling on_error once for each thing that is
 * wrong.
 */
int config_load(const char *path, const char *module_dir, config_error_fn on_error, void *arg,
		struct config **ret);
struct config *config_free(struct config *c);

/* What was declared for it, or NULL. */
const struct config_key *config_find_key(const struct config *c, const char *name);
const struct config_task *config_find_task(const struct config *c, const char *name);

const char *pool_kind_name(enum pool_kind kind);

#endif
