/*
 * What hostile clients cost a daemon, and a well-behaved client beside them.
 *
 *	hostile URL PID [CASE [SECONDS]]
 *
 * PID is the daemon's, for its memory. Without a CASE, all of them. Each prints a line: the
 * median and the 99th percentile of a no-op job, one after the other, alone and then during the
 * attack, with the ratio of the two 99ths; the longest one; and how much the daemon grew.
 *
 * The daemon needs max_sessions = 20000 for `idle`, penalty_... = 0s, and the tasks noop and big.
 */
#include "common/clock.h"
#include "common/util.h"
#include "net/address.h"
#include "proto/control.h"
#include "proto/frame.h"
#include "proto/message.h"
#include "proto/submit.h"

#include <errno.h>
#include <futured/futured.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

enum {
	IDLE_CONNECTIONS = 10000,
	LORIS_CONNECTIONS = 200,
	READER_JOBS = 500,
	SAMPLES_MAX = 4 * 1000 * 1000,
	PATIENCE_US = 20 * 1000 * 1000,
	FRAME_BYTES = 1024 * 1024,
	ENVELOPE_BYTES = 65000,
};

static const char *url_text;
static struct url url;
static long daemon_pid;
static atomic_bool stopping;

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "hostile: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static uint64_t rss_kib(void)
{
	char path[64], line[128];
	uint64_t kib = 0;

	(void)snprintf(path, sizeof path, "/proc/%ld/status", daemon_pid);
	FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f)) {
		if (strncmp(line, "VmRSS:", 6) == 0)
			kib = strtoull(line + 6, NULL, 10);
	}
	if (f)
		(void)fclose(f);
	return kib;
}

/* ---- the enemy's connections ---------------------------------------------- */

static int enemy_connect(void)
{
	int fd;
	int r = address_connect(&url, clock_now_us() + PATIENCE_US, &fd);

	errno = -r;
	return r < 0 ? -1 : fd;
}

/* Until all is sent, the daemon has closed, or the time is over. */
static bool enemy_say(int fd, const void *bytes, size_t n)
{
	const char *p = bytes;

	while (n > 0 && !stopping) {
		struct pollfd wait = {.fd = fd, .events = POLLOUT};
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
		if (sent < 0 && errno != EAGAIN)
			return false;
		if (sent < 0)
			(void)poll(&wait, 1, 100);
		p += sent > 0 ? sent : 0;
		n -= sent > 0 ? (size_t)sent : 0;
	}
	return n == 0;
}

static void enemy_hear(int fd, int ms)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	char bytes[65536];

	if (poll(&wait, 1, ms) > 0)
		(void)!recv(fd, bytes, sizeof bytes, 0);
}

static void put_hello(struct buf *b)
{
	const struct message m = {.kind = MESSAGE_HELLO,
				  .hello = {.version_min = 1, .version_max = 1}};

	if (buf_add(b, FRAME_PREFACE, FRAME_PREFACE_BYTES) < 0 ||
	    message_put(b, &m, SPAN_EMPTY) < 0)
		fail("hello");
}

static int enemy_open(void)
{
	int fd = enemy_connect();
	struct buf b;

	if (fd < 0)
		return -1;
	buf_init(&b, 4096);
	put_hello(&b);
	if (!enemy_say(fd, buf_data(&b), buf_len(&b)))
		fd = close_fd(fd);
	buf_done(&b);
	if (fd >= 0)
		enemy_hear(fd, 1000);
	return fd;
}

/* ---- what it does ---------------------------------------------------------- */

/* A frame of 1 MiB that never ends, and then one envelope after the other full of fields that
 * nobody knows: 1 MiB of them. */
static void attack_frame(void)
{
	uint8_t *bytes = calloc(1, FRAME_BYTES);
	int half = enemy_open();

	if (!bytes || half < 0)
		fail("frame");
	frame_put_header(bytes, 2, FRAME_BYTES - FRAME_HEADER_BYTES - 2 + 1);
	(void)enemy_say(half, bytes, FRAME_BYTES);
	while (!stopping) {
		int fd = enemy_open();
		for (size_t sent = 0; fd >= 0 && sent < FRAME_BYTES; sent += ENVELOPE_BYTES) {
			size_t n = FRAME_HEADER_BYTES;
			frame_put_header(bytes, ENVELOPE_BYTES + 4, 0);
			memcpy(bytes + n, "\x5a\xe8\xfb\x03", 4); /* Ping, 65,000 bytes */
			for (n += 4; n < ENVELOPE_BYTES + 12; n += 2)
				memcpy(bytes + n, "\x38\1", 2);
			if (!enemy_say(fd, bytes, n))
				break;
		}
		if (fd >= 0)
			close(fd);
	}
	close(half);
	free(bytes);
}

/* Many half frames, to each of which a byte is added now and then. */
static void attack_loris(void)
{
	int fds[LORIS_CONNECTIONS];
	uint8_t header[FRAME_HEADER_BYTES];

	frame_put_header(header, 60000, 0);
	for (int i = 0; i < LORIS_CONNECTIONS; i++) {
		fds[i] = enemy_open();
		if (fds[i] >= 0)
			(void)enemy_say(fds[i], header, sizeof header);
	}
	while (!stopping) {
		for (int i = 0; i < LORIS_CONNECTIONS && !stopping; i++) {
			if (fds[i] >= 0 && !enemy_say(fds[i], "x", 1))
				fds[i] = close_fd(fds[i]);
		}
		(void)poll(NULL, 0, 10);
	}
	for (int i = 0; i < LORIS_CONNECTIONS; i++)
		(void)close_fd(fds[i]);
}

static void attack_reader(void)
{
	const struct job_spec base = {.task = span_str("big"), .payload_len = 7};
	struct buf b;
	int fd = enemy_open();

	buf_init(&b, 1 << 20);
	for (unsigned i = 0; i < READER_JOBS; i++) {
		struct job_spec spec = base;
		spec.id = i;
		if (submit_put(&b, &spec, span_str("1000000")) < 0)
			fail("submit");
	}
	(void)enemy_say(fd, buf_data(&b), buf_len(&b));
	while (!stopping)
		(void)poll(NULL, 0, 50);
	buf_done(&b);
	close(fd);
}

/* Jobs that are taken back at once, as fast as the daemon reads. */
static void attack_reset(void)
{
	struct buf b;
	int fd = enemy_open();

	buf_init(&b, 1 << 24);
	for (uint32_t generation = 1; !stopping && fd >= 0; generation++) {
		buf_consume(&b, buf_len(&b));
		for (uint32_t place = 0; place < 1000; place++) {
			const struct job_spec spec = {.id = job_id_of(place, generation),
						      .task = span_str("noop")};
			const struct message m = {.kind = MESSAGE_CANCEL,
						  .cancel = {spec.id, CANCEL_QUEUED}};
			if (submit_put(&b, &spec, SPAN_EMPTY) < 0 ||
			    message_put(&b, &m, SPAN_EMPTY) < 0)
				fail("reset");
		}
		if (!enemy_say(fd, buf_data(&b), buf_len(&b)))
			break;
		enemy_hear(fd, 0);
		enemy_hear(fd, 0);
	}
	buf_done(&b);
	(void)close_fd(fd);
}

/* Connections that say nonsense, one after the other. */
static void attack_connect(void)
{
	while (!stopping) {
		int fd = enemy_connect();
		if (fd < 0)
			continue;
		(void)enemy_say(fd, "GET / HTTP/1.1\r\n\r\n", 18);
		close(fd);
	}
}

static int *idle_fds;

static void open_idle(void)
{
	idle_fds = calloc(IDLE_CONNECTIONS, sizeof *idle_fds);
	if (!idle_fds)
		fail("idle");
	for (int i = 0; i < IDLE_CONNECTIONS; i++) {
		idle_fds[i] = enemy_open();
		if (idle_fds[i] < 0)
			fail("an idle connection");
	}
}

static void close_idle(void)
{
	for (int i = 0; i < IDLE_CONNECTIONS; i++)
		close(idle_fds[i]);
	free(idle_fds);
}

/* ---- the one that behaves --------------------------------------------------- */

struct latencies {
	double p50_us, p99_us, max_us;
};

static fut_executor *open_client(void)
{
	fut_executor *x;
	fut_error *e = NULL;

	if (fut_executor_open(url_text, &x, &e) == FUT_OK)
		return x;
	fprintf(stderr, "hostile: %s\n", e ? fut_error_message(e) : "open");
	exit(EXIT_FAILURE);
}

static uint64_t run_one_us(fut_executor *x)
{
	uint64_t begun_us = clock_now_us();
	fut_future *f;
	fut_bytes value;

	if (fut_submit(x, "noop", NULL, 0, &f, NULL) != FUT_OK ||
	    fut_result(f, FUT_FOREVER, &value, NULL) != FUT_OK) {
		fprintf(stderr, "hostile: the client was not served\n");
		exit(EXIT_FAILURE);
	}
	fut_future_unref(f);
	return clock_now_us() - begun_us;
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static struct latencies measure(fut_executor *x, double seconds)
{
	uint32_t *samples = malloc(SAMPLES_MAX * sizeof *samples);
	uint64_t end_us = clock_now_us() + (uint64_t)(seconds * 1e6);
	size_t n = 0;

	if (!samples)
		fail("samples");
	while (n < SAMPLES_MAX && (n == 0 || clock_now_us() < end_us))
		samples[n++] = (uint32_t)run_one_us(x);
	qsort(samples, n, sizeof *samples, by_value);
	const struct latencies l = {samples[n / 2], samples[n * 99 / 100], samples[n - 1]};
	free(samples);
	return l;
}

/* ---- cases ------------------------------------------------------------------ */

static void *run_attack(void *arg)
{
	void (*const *attack)(void) = arg;

	(*attack)();
	return NULL;
}

static void report(const char *name, struct latencies idle, struct latencies during,
		   uint64_t before_kib, uint64_t most_kib)
{
	printf("case=%s idle_p50_us=%.0f idle_p99_us=%.0f p50_us=%.0f p99_us=%.0f "
	       "p99_ratio=%.2f max_us=%.0f growth_kib=%lld\n",
	       name, idle.p50_us, idle.p99_us, during.p50_us, during.p99_us,
	       during.p99_us / idle.p99_us, during.max_us,
	       (long long)most_kib - (long long)before_kib);
	(void)fflush(stdout);
}

static void run_case(const char *name, void (*attack)(void), double seconds)
{
	fut_executor *x = open_client();
	(void)measure(x, seconds / 4);
	struct latencies idle = measure(x, seconds);
	uint64_t before_kib = rss_kib();
	pthread_t thread;

	stopping = false;
	if (pthread_create(&thread, NULL, run_attack, &attack) != 0)
		fail("a thread");
	struct latencies during = measure(x, seconds);
	uint64_t most_kib = rss_kib();
	stopping = true;
	pthread_join(thread, NULL);
	report(name, idle, during, before_kib, most_kib);
	fut_executor_shutdown(x, true, false, FUT_FOREVER);
	fut_executor_unref(x);
}

static void run_idle(double seconds)
{
	fut_executor *x = open_client();
	struct latencies idle = measure(x, seconds);
	uint64_t before_kib = rss_kib();

	stopping = false;
	open_idle();
	struct latencies during = measure(x, seconds);
	uint64_t most_kib = rss_kib();
	uint64_t begun_us = clock_now_us();
	fut_executor *y = open_client();
	(void)run_one_us(y);
	uint64_t new_us = clock_now_us() - begun_us;
	report("idle", idle, during, before_kib, most_kib);
	printf("case=idle connections=%d new_client_us=%llu\n", IDLE_CONNECTIONS,
	       (unsigned long long)new_us);
	close_idle();
	fut_executor_unref(x);
	fut_executor_unref(y);
}

static const struct {
	const char *name;
	void (*attack)(void);
} cases[] = {
	{"frame", attack_frame}, {"slowloris", attack_loris},     {"slow_reader", attack_reader},
	{"reset", attack_reset}, {"connections", attack_connect},
};

static void raise_fd_limit(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) == 0) {
		lim.rlim_cur = lim.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &lim);
	}
}

int main(int argc, char **argv)
{
	const char *only = argc > 3 ? argv[3] : "all", *why;
	double seconds = argc > 4 ? strtod(argv[4], NULL) : 3;

	if (argc < 3 || url_parse(argv[1], &url, &why) < 0) {
		fprintf(stderr, "usage: hostile URL PID [CASE [SECONDS]]\n");
		return 2;
	}
	url_text = argv[1];
	daemon_pid = strtol(argv[2], NULL, 10);
	raise_fd_limit();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (strcmp(only, "all") == 0 || strcmp(only, cases[i].name) == 0)
			run_case(cases[i].name, cases[i].attack, seconds);
	}
	if (strcmp(only, "all") == 0 || strcmp(only, "idle") == 0)
		run_idle(seconds);
	url_done(&url);
	return 0;
}
