/*
 * What the front and a pool's zygote say to each other, over a SOCK_SEQPACKET pair.
 *
 * Both are of one build: a message is this struct, cut behind its text. The front sends
 * POOL, SANDBOX, MODULE*, COMMAND*, START once; then FORK for each host it wants, and QUIT. The
 * zygote answers START with REFUSED, and ends; or with LOADING before each module it touches, so
 * that the front knows which one killed it, then TASK for each task and READY; and FORK with FORKED
 * or FORK_FAILED, and EXITED when the host has ended and was reaped.
 */
#ifndef PROTO_CONTROL_H
#define PROTO_CONTROL_H

#include <stddef.h>
#include <stdint.h>

enum {
	CONTROL_FD = 3, /* where a zygote finds its end */
	CONTROL_TEXT_MAX = 16 * 1024,
	CONTROL_FDS_MAX = 2,
};

enum control_type {
	/* front → zygote */
	CONTROL_POOL = 1, /* text: its name; fds: front page, eventfd */
	CONTROL_SANDBOX,  /* text: proto/sandbox.h; without it nothing is confined */
	CONTROL_MODULE,   /* text: path */
	CONTROL_COMMAND,  /* text: task name, argv[0], argv[1], ... each ended by NUL */
	CONTROL_START,
	CONTROL_FORK, /* host, slots, first_slot; fds: region, where stderr goes */
	CONTROL_QUIT,

	/* zygote → front */
	CONTROL_REFUSED,       /* text: why */
	CONTROL_LOADING,       /* text: path */
	CONTROL_MODULE_FAILED, /* text: path, why; each ended by NUL */
	CONTROL_TASK,          /* text: name */
	CONTROL_READY,
	CONTROL_FORKED,      /* host, pid; fds: pidfd */
	CONTROL_FORK_FAILED, /* host, error */
	CONTROL_EXITED,      /* host, pid, wait_status, cpu_us, max_rss_bytes */
};

struct control_message {
	uint32_t type;
	uint32_t host; /* the front's number for it */
	uint32_t slots;
	uint32_t first_slot; /* how its first slot is counted in the pool */
	int32_t error;       /* errno */
	int32_t wait_status;
	uint32_t text_len;
	int64_t pid;
	uint64_t cpu_us;
	uint64_t max_rss_bytes;
	char text[CONTROL_TEXT_MAX];
};

/* 0, -EAGAIN, or -errno. The descriptors stay the caller's. */
int control_send(int socket, const struct control_message *m, const int *fds, size_t nfds);

/*
 * 1 and a message, 0 at the end, -EAGAIN, or -errno (-EPROTO: not a message). ret_fds has
 * CONTROL_FDS_MAX places; those without a descriptor are set to -1. The caller owns what it
 * gets. The text is followed by a NUL.
 */
int control_receive(int socket, struct control_message *ret, int *ret_fds);

#endif
