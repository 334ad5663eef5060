#include "tests/fuzz/front.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"
#include "daemon/requests.h"
#include "proto/frame.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum { TURNS_TO_END = 100, TICK_US = 1000 };

/* Small limits, so that an input reaches them. */
static const char conf_text[] = "listen = {\"unix:/nowhere\"}\n"
				"max_payload = 48K\nmax_result = 64K\nmax_sessions = 8\n"
				"max_inflight = 16\nmax_output = 64K\nmax_queued = 64K\n"
				"pool threads { kind = threads slots = 2 queue = 6 modules = {} }\n"
				"pool processes { kind = processes slots = 2 min_hosts = 0\n"
				"	max_tasks = 3 queue = 4 max_rss = 64M modules = {} }\n"
				"key vip { weight = 3 running = 1 }\n"
				"task one { running = 1 }\n";

struct daemon *front;
const char *const front_tasks[FRONT_TASKS] = {"a", "b", "one"};
static int clients[FRONT_CLIENTS];
static uint64_t now_ns;
static int lowest_fd; /* that was free before */

void __wrap_log_fields(enum log_level level, const char *event, const struct log_field *fields);

/* Keeps quiet, but looks at what would be said. */
void __wrap_log_fields(enum log_level level, const char *event, const struct log_field *fields)
{
	fuzz_must(level < LOG_NLEVELS && event && *event);
	for (; fields->key; fields++) {
		if (fields->kind == LOG_FIELD_STR)
			fuzz_must(strlen(fields->v.str) < SIZE_MAX);
	}
}

static uint64_t our_clock(void)
{
	return now_ns;
}

static int free_fd(void)
{
	int fd = dup(0);

	if (fd < 0)
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	fuzz_must(fd >= 0);
	(void)close(fd);
	return fd;
}

static void on_conf_error(void *arg, const char *message)
{
	(void)arg;
	fprintf(stderr, "%s\n", message);
}

/* Nobody changes it, and reading it takes as long as all the rest of a run: it is kept. */
static struct config *our_config(void)
{
	static struct config *c;
	char path[64];

	if (c)
		return c;
	int fd = memfd_create("fuzz_front", MFD_CLOEXEC);
	fuzz_must(fd >= 0 && fchmod(fd, 0600) == 0 &&
		  write(fd, conf_text, sizeof conf_text - 1) > 0);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	fuzz_must(config_load(path, "/nowhere", on_conf_error, NULL, &c) == 0);
	close_fd(fd);
	return c;
}

struct config *__wrap_config_free(struct config *c);

struct config *__wrap_config_free(struct config *c)
{
	(void)c;
	return NULL;
}

void front_open(bool is_honest)
{
	static const struct daemon_options options = {.worker_path = "/nowhere"};

	lowest_fd = free_fd();
	now_ns = 1000000000;
	clock_source_ns = our_clock;
	kernel_open(is_honest);
	for (unsigned i = 0; i < FRONT_CLIENTS; i++)
		clients[i] = -1;
	fuzz_must(daemon_new(&options, our_config(), &front) == 0);
	front->listening = true; /* nowhere: clients come by front_connect() */
	for (int i = 0; is_honest && i < 2; i++)
		front_turn();
}

void front_turn(void)
{
	kernel_run();
	if (!timer_is_set(&front->tick))
		(void)timer_set(&front->timers, &front->tick, now_ns / 1000 + TICK_US);
	fuzz_must(event_base_loop(front->base, EVLOOP_ONCE | EVLOOP_NONBLOCK) >= 0);
	daemon_turn(front);
}

void front_pass(uint64_t us)
{
	now_ns += us * 1000;
}

/* ---- clients ------------------------------------------------------------- */

void front_hang_up(unsigned client)
{
	clients[client] = close_fd(clients[client]);
}

void front_connect(unsigned client)
{
	int sv[2];

	front_hang_up(client);
	fuzz_must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sv) == 0);
	clients[client] = sv[0];
	session_open(front, NULL, sv[1]);
	front_say(client, FRAME_PREFACE, FRAME_PREFACE_BYTES);
}

/* What does not fit is lost: the input has more of it than a client should. */
void front_say(unsigned client, const void *p, size_t n)
{
	if (clients[client] >= 0)
		(void)send(clients[client], p, n, MSG_NOSIGNAL);
}

void front_say_message(unsigned client, const struct message *m)
{
	struct buf b;

	buf_init(&b, SIZE_MAX);
	if (message_put(&b, m, SPAN_EMPTY) == 0)
		front_say(client, buf_data(&b), buf_len(&b));
	buf_done(&b);
}

void front_hello(unsigned client, const char *pool)
{
	const struct message m = {
		.kind = MESSAGE_HELLO,
		.hello = {.version_min = 1, .version_max = 1, .pool = span_str(pool)},
	};

	front_say_message(client, &m);
}

size_t front_listen(unsigned client)
{
	static uint8_t bytes[64 * 1024];
	size_t all = 0;
	ssize_t n;

	while (clients[client] >= 0 && (n = recv(clients[client], bytes, sizeof bytes, 0)) > 0)
		all += (size_t)n;
	return all;
}

/* ---- the end ------------------------------------------------------------- */

void front_close(void)
{
	for (unsigned i = 0; i < FRONT_CLIENTS; i++)
		front_hang_up(i);
	front_turn();
	daemon_drain(front);
	for (unsigned turns = 0; front->phase != DAEMON_ENDED; turns++) {
		fuzz_must(turns < TURNS_TO_END);
		front_pass(10 * 1000 * 1000);
		front_turn();
	}
	fuzz_must(front->jobs.live == 0 && front->queued_bytes == 0 && front->nsessions == 0);
	fuzz_must(LIST_EMPTY(&front->busy) && TAILQ_EMPTY(&front->dirty));
	daemon_free(front);
	kernel_close();
	clock_source_ns = clock_real_ns;
	fuzz_must(free_fd() == lowest_fd);
}
