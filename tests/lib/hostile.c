#include "tests/lib/hostile.h"

#include <stdio.h>
#include <string.h>

enum { TRIES = 50, OWN_BYTES_MAX = 64 * 1024 };

struct tdaemon *hostile_daemon;

static struct tw *witness;
static unsigned fds; /* of the daemon, with the witness */

static const char common_config[] =
	"frame_timeout = 300ms\n"
	"penalty_protocol = 0s\npenalty_silence = 0s\npenalty_flood = 0s\n"
	"max_payload = 64K\nmax_result = 64K\nmax_queued = 1M\nmax_output = 1M\n"
	"max_inflight = 1000\n"
	"pool p {\n  kind = threads\n  slots = 2\n  modules = {basic, testmod_crash}\n}\n";

void hostile_start_with(const char *config)
{
	hostile_daemon = tdaemon_start(config);
	witness = tw_open(hostile_daemon->unix_url, "");
	hostile_check_served("nothing yet");
	fds = tdaemon_fd_count(hostile_daemon);
}

void hostile_start(const char *more)
{
	char text[2000];

	must(snprintf(text, sizeof text, "%s%s", more, common_config) < (int)sizeof text);
	hostile_start_with(text);
}

struct tw *hostile_connect(int transport)
{
	return tw_connect(transport == 0 ? hostile_daemon->unix_url : hostile_daemon->tcp_url);
}

struct tw *hostile_open(int transport)
{
	return tw_open(transport == 0 ? hostile_daemon->unix_url : hostile_daemon->tcp_url, "p");
}

static uint64_t serve_us(void)
{
	uint64_t begun_us = td_now_us();

	tw_ping(witness);
	tw_submit(witness, 0, "echo", "still there");
	tw_expect_value(witness, 0, "still there");
	return td_now_us() - begun_us;
}

void hostile_check_served(const char *what)
{
	uint64_t most_us = (uint64_t)td_patience_ms(HOSTILE_SERVED_MS) * 1000;
	uint64_t best_us = UINT64_MAX;
	char text[300];

	if (!tdaemon_is_alive(hostile_daemon))
		tdaemon_fail(hostile_daemon, __FILE__, __LINE__, what);
	for (int i = 0; i < TRIES && best_us > most_us; i++)
		best_us = min_u64(best_us, serve_us());
	if (best_us <= most_us)
		return;
	(void)snprintf(text, sizeof text, "%s: the witness was served in %llu us at best", what,
		       (unsigned long long)best_us);
	tdaemon_fail(hostile_daemon, __FILE__, __LINE__, text);
}

void hostile_expect_refusal(struct tw *enemy, uint32_t status, const char *what)
{
	char text[600];

	(void)tw_flush(enemy);
	hostile_check_served(what);
	tw_expect_end(enemy);
	if (enemy->goaway_status != status || enemy->goaway != (status != 0)) {
		(void)snprintf(text, sizeof text, "%s: goaway %u instead of %u (%s)", what,
			       enemy->goaway_status, status, enemy->goaway_detail);
		tdaemon_fail(hostile_daemon, __FILE__, __LINE__, text);
	}
	tw_close(enemy);
}

void hostile_expect_refused_job(struct tw *enemy, uint64_t id, uint32_t status, const char *what)
{
	const struct tw_job *j = tw_expect_status(enemy, id, status);
	const struct error_info *e = tw_error(enemy, j);

	if (e->executed != FUT_EXECUTED_NO || e->message.len == 0 || e->type.len == 0 ||
	    e->has_death || j->attempt != 0 || j->started_us != 0)
		tdaemon_fail(hostile_daemon, __FILE__, __LINE__, what);
}

/* What the answer says of a member. */
static unsigned long long number(const char *answer, const char *member)
{
	char key[64];
	unsigned long long n = 0;

	(void)snprintf(key, sizeof key, "\"%s\":", member);
	const char *at = strstr(answer, key);
	must(at && sscanf(at + strlen(key), "%llu", &n) == 1);
	return n;
}

static bool is_over(void)
{
	const char *status = tw_status(witness);

	if (number(status, "sessions") != 1 || number(status, "jobs_queued") != 0 ||
	    number(status, "jobs_running") != 0 || number(status, "payload_bytes") != 0)
		return false;
	const char *memory = tw_ask(witness, "memory", "");
	/* The witness has a small buffer for this very answer. */
	return number(memory, "greeting") == 0 && number(memory, "held_jobs") == 0 &&
	       number(memory, "bytes") == number(memory, "sessions_bytes") &&
	       number(memory, "bytes") <= OWN_BYTES_MAX && tdaemon_fd_count(hostile_daemon) == fds;
}

void hostile_stop(void)
{
	hostile_check_served("everything");
	twait_until(hostile_daemon, is_over());
	tw_close(witness);
	tdaemon_stop(hostile_daemon);
}
