/* What tasks give and take, by the wire: commands, payloads, packs, streams; and the status. */
#include "proto/pack.h"
#include "tests/integ/one_daemon.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- commands ----------------------------------------------------------- */

static const char command_config[] =
	"command cat { exec = {\"/bin/cat\"} }\n"
	"command first { exec = {\"/usr/bin/head\", \"-c\", \"5\"} }\n"
	"command args { exec = {\"/usr/bin/printf\", \"%s|\", \"a b\", \"$HOME\", \"*\", \"\"} }\n"
	"command fails { exec = {\"/bin/sh\", \"-c\", \"echo some; echo oops >&2; exit 7\"} }\n"
	"command dies { exec = {\"/bin/sh\", \"-c\", \"kill -9 $$\"} }\n"
	"command missing { exec = {\"/nowhere/program\"} }\n"
	"command endless { exec = {\"/usr/bin/yes\"} }\n"
	"command family { exec = {\"/bin/sh\", \"-c\", \"sleep 1000 & sleep 1000\"} }\n"
	"command sleeps { exec = {\"/bin/sleep\", \"60\"} }\n"
	"max_result = 4M\nmax_payload = 4M\nkill_grace = 500ms\n"
	"pool threads {\n kind = threads\n slots = 4\n modules = {basic}\n commands = {cat, first, "
	"args, "
	"family, fails, dies, missing, endless, sleeps}\n}\n"
	"pool processes {\n kind = processes\n slots = 2\n modules = {basic}\n commands = {cat, "
	"first, "
	"args, family, fails, dies, missing, endless, sleeps}\n}\n";

static void expect_command_failed(struct tw *w, uint64_t id, const char *message,
				  const char *details)
{
	const struct error_info *e = tw_error(w, tw_expect_status(w, id, FUT_TASK_FAILED));

	ck_assert_str_eq(tw_text(e->type), "CommandFailed");
	if (!strstr(tw_text(e->message), message))
		ck_abort_msg("\"%s\" instead of \"%s\"", tw_text(e->message), message);
	ck_assert_str_eq(tw_text(e->details), details);
	ck_assert_int_eq(e->executed, FUT_EXECUTED_YES);
	ck_assert(!e->has_death);
}

START_TEST(test_commands)
{
	char *bytes = malloc(4 * MIB);

	ck_assert_ptr_nonnull(bytes);
	for (size_t i = 0; i < 4 * MIB; i++)
		bytes[i] = (char)(i * 7 + i / 251);
	start(command_config);
	struct tw *w = tw_open(d->unix_url, _i == 0 ? "threads" : "processes");
	tw_submit(w, 0, "cat", "as it is");
	tw_expect_value(w, 0, "as it is");
	tw_submit(w, 1, "cat", "");
	tw_expect_value(w, 1, "");
	struct job_spec s = {.id = 2, .task = span_str("cat")};
	tw_put_job(w, &s, bytes, 4 * MIB);
	s = (struct job_spec){.id = 3, .task = span_str("first")};
	tw_put_job(w, &s, bytes, MIB); /* it does not read all of it */
	tw_flush(w);
	struct tw_job *j = tw_expect_status(w, 2, FUT_OK);
	ck_assert_uint_eq(j->len, 4 * MIB);
	ck_assert_int_eq(memcmp(j->value, bytes, 4 * MIB), 0);
	ck_assert_uint_eq(tw_expect_status(w, 3, FUT_OK)->len, 5);
	/* Arguments are what was written: no shell. */
	tw_submit(w, 4, "args", "");
	tw_expect_value(w, 4, "a b|$HOME|*||");
	tw_submit(w, 5, "fails", "");
	expect_command_failed(w, 5, "fails exited with status 7", "oops\n");
	tw_submit(w, 6, "dies", "");
	expect_command_failed(w, 6, "SIGKILL", "");
	tw_submit(w, 7, "missing", "");
	expect_command_failed(w, 7, "cannot run /nowhere/program: No such file", "");
	tw_submit(w, 8, "endless", "");
	tw_expect_status(w, 8, FUT_RESULT_TOO_BIG);
	tw_submit_limits(w, 9, "sleeps", "", .run_limit_us = 50 * 1000);
	tw_expect_status(w, 9, FUT_RUN_LIMIT);
	tw_submit(w, 10, "sleeps", "");
	tw_wait_started(w, 10);
	ck_assert_int_eq(tw_cancel(w, 10, CANCEL_STOP), FUT_VERDICT_STOP_REQUESTED);
	const struct error_info *e = tw_error(w, tw_expect_status(w, 10, FUT_TASK_FAILED));
	ck_assert_str_eq(tw_text(e->type), "Stopped");
	ck_assert_uint_eq(tdaemon_log_count(d, "event=host.died"),
			  tdaemon_log_count(d, "event=host.died killed_for=RUN_LIMIT"));
	/* Whatever it started goes with it; tdaemon_stop() looks. */
	tw_submit_limits(w, 11, "family", "", .run_limit_us = 100 * 1000);
	tw_expect_status(w, 11, FUT_RUN_LIMIT);
	for (uint64_t id = 100; id < 150; id++)
		tw_put(w, id, "cat", "many");
	tw_flush(w);
	for (uint64_t id = 100; id < 150; id++)
		tw_expect_value(w, id, "many");
	tw_close(w);
	free(bytes);
	tdaemon_stop(d);
}
END_TEST

/* ---- status ------------------------------------------------------------- */

static json_int_t number_of(const json_t *o, const char *member)
{
	const json_t *v = json_object_get(o, member);

	if (!json_is_integer(v))
		ck_abort_msg("the status has no number \"%s\"", member);
	return json_integer_value(v);
}

static const char *text_of(const json_t *o, const char *member)
{
	const json_t *v = json_object_get(o, member);

	if (!json_is_string(v))
		ck_abort_msg("the status has no text \"%s\"", member);
	return json_string_value(v);
}

static json_t *status_of(struct tw *w)
{
	json_error_t error;
	json_t *root = json_loads(tw_status(w), JSON_REJECT_DUPLICATES, &error);

	if (!root)
		ck_abort_msg("the status is no JSON: %s", error.text);
	return root;
}

static bool has_text(const json_t *array, const char *text)
{
	size_t i;
	json_t *v;

	json_array_foreach((json_t *)(uintptr_t)array, i, v)
	{
		if (strcmp(json_string_value(v), text) == 0)
			return true;
	}
	return false;
}

START_TEST(test_status)
{
	start(NULL);
	struct tw *w = tw_open(d->unix_url, "processes");
	tw_submit(w, 0, "echo", "x");
	tw_expect_value(w, 0, "x");
	tw_submit(w, 1, "fail", "T|m|d");
	tw_expect_status(w, 1, FUT_TASK_FAILED);
	tw_submit(w, 2, "kill_self", "");
	tw_expect_status(w, 2, FUT_HOST_DIED);
	tw_submit(w, 3, "gate", gate);
	tw_submit(w, 4, "gate", gate);
	tw_wait_started(w, 3);
	tw_wait_started(w, 4);
	tw_submit(w, 5, "echo", "waits");
	tw_submit(w, 6, "echo", "waits");
	tw_ping(w);
	json_t *root = status_of(w);
	ck_assert_uint_gt(strlen(text_of(root, "version")), 0);
	ck_assert_uint_eq(strlen(text_of(root, "incarnation")), 32);
	ck_assert_int_gt(number_of(root, "uptime_us"), 0);
	ck_assert(json_is_false(json_object_get(root, "draining")));
	ck_assert_int_eq(number_of(root, "sessions"), 1);
	ck_assert_int_eq(number_of(root, "jobs_queued"), 2);
	ck_assert_int_eq(number_of(root, "jobs_running"), 2);
	ck_assert_int_eq(number_of(root, "payload_bytes"), 2 * (json_int_t)strlen(gate) + 10);
	const json_t *pools = json_object_get(root, "pools");
	ck_assert_uint_eq(json_array_size(pools), 2);
	const json_t *p = json_array_get(pools, 1);
	ck_assert_str_eq(text_of(json_array_get(pools, 0), "name"), "threads");
	ck_assert_str_eq(text_of(p, "name"), "processes");
	ck_assert_str_eq(text_of(p, "kind"), "processes");
	ck_assert_str_eq(text_of(p, "phase"), "ready");
	ck_assert_int_eq(number_of(p, "slots"), 2);
	ck_assert_int_eq(number_of(p, "hosts"), 2);
	ck_assert_int_eq(number_of(p, "idle"), 0);
	ck_assert_int_eq(number_of(p, "queued"), 2);
	ck_assert_int_eq(number_of(p, "running"), 2);
	ck_assert_int_eq(number_of(p, "done"), 1);
	ck_assert_int_eq(number_of(p, "failed"), 1);
	ck_assert_int_eq(number_of(p, "deaths"), 1);
	ck_assert(has_text(json_object_get(p, "tasks"), "echo"));
	ck_assert(has_text(json_object_get(p, "tasks"), "gate"));
	json_decref(root);
	tfile_touch(gate);
	tw_expect_value(w, 5, "waits");
	tw_expect_value(w, 6, "waits");
	tw_expect_value(w, 4, "open");
	tw_expect_value(w, 3, "open");
	twait_until(d, strstr(tw_status(w), "\"payload_bytes\":0"));
	root = status_of(w);
	ck_assert_int_eq(number_of(root, "jobs_queued"), 0);
	ck_assert_int_eq(number_of(root, "jobs_running"), 0);
	ck_assert_int_eq(number_of(root, "payload_bytes"), 0);
	ck_assert_int_eq(number_of(json_array_get(json_object_get(root, "pools"), 1), "done"), 5);
	json_decref(root);
	/* In a drain it says so. */
	unlink(gate);
	tw_submit(w, 7, "gate", gate);
	tw_wait_started(w, 7);
	tdaemon_signal(d, SIGTERM);
	tw_expect_goaway(w, FUT_DRAINING);
	root = status_of(w);
	ck_assert(json_is_true(json_object_get(root, "draining")));
	json_decref(root);
	tfile_touch(gate);
	tw_expect_value(w, 7, "open");
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

/* ---- payloads ----------------------------------------------------------- */

START_TEST(test_large_payloads)
{
	enum { LEN = 16 * MIB, N = 3 };
	uint8_t *bytes = malloc(LEN);
	static const size_t lens[] = {0,     1,     95,    96,    97,    32767,
				      32768, 32769, 65535, 65536, 65537, 131072};

	ck_assert_ptr_nonnull(bytes);
	for (size_t i = 0; i < LEN; i++)
		bytes[i] = (uint8_t)(i * 31 + i / 65521);
	start(NULL);
	struct tw *w = tw_open(_i % 2 ? d->tcp_url : d->unix_url, _i / 2 ? "processes" : "threads");
	for (uint64_t id = 0; id < N; id++) {
		struct job_spec s = {.id = id, .task = span_str("echo")};
		tw_put_job(w, &s, bytes, LEN);
		tw_flush(w);
	}
	for (uint64_t id = 0; id < N; id++) {
		struct tw_job *j = tw_expect_status(w, id, FUT_OK);
		ck_assert_uint_eq(j->len, LEN);
		ck_assert_int_eq(memcmp(j->value, bytes, LEN), 0);
	}
	/* and every length at which something changes inside */
	for (uint64_t i = 0; i < ARRAY_LEN(lens); i++) {
		struct job_spec s = {.id = 10 + i, .task = span_str("echo")};
		tw_put_job(w, &s, bytes, lens[i]);
	}
	tw_flush(w);
	for (uint64_t i = 0; i < ARRAY_LEN(lens); i++) {
		struct tw_job *j = tw_expect_status(w, 10 + i, FUT_OK);
		ck_assert_uint_eq(j->len, lens[i]);
		ck_assert(lens[i] == 0 || memcmp(j->value, bytes, lens[i]) == 0);
	}
	tw_close(w);
	free(bytes);
	tdaemon_stop(d);
}
END_TEST

/* A pack of `n` items, each its own number. */
static size_t make_pack(uint8_t *pack, unsigned n)
{
	uint8_t *bytes = pack + (size_t)n * PACK_ITEM_HEADER_BYTES;

	for (unsigned i = 0; i < n; i++) {
		char text[16];
		int len = snprintf(text, sizeof text, "%u", i);
		pack_put_header(pack + (size_t)i * PACK_ITEM_HEADER_BYTES, 0, (uint32_t)len);
		memcpy(bytes, text, (size_t)len);
		bytes += len;
	}
	return (size_t)(bytes - pack);
}

START_TEST(test_packs)
{
	enum { N = 1000 };
	uint8_t *pack = malloc(N * 24);
	struct pack_reader r;
	struct pack_item item;

	ck_assert_ptr_nonnull(pack);
	start(NULL);
	struct tw *w = tw_open(d->unix_url, _i ? "processes" : "threads");
	for (unsigned n = 1; n <= N; n *= 10) {
		size_t len = make_pack(pack, n);
		struct job_spec s = {.id = n, .task = span_str("echo"), .items = n};
		tw_put_job(w, &s, pack, len);
		tw_flush(w);
		struct tw_job *j = tw_expect_status(w, n, FUT_OK);
		ck_assert_uint_eq(j->len,
				  len); /* statuses of 0, the same lengths, the same bytes */
		ck_assert_int_eq(memcmp(j->value, pack, len), 0);
	}
	/* Items that fail, fail alone: "exit" refuses every number above 255. */
	size_t len = make_pack(pack, 3);
	pack_put_header(pack, 0, 0);
	pack_put_header(pack + 8, 0, 1);
	pack_put_header(pack + 16, 0, 2);
	memcpy(pack + 24, "5ab", 3);
	ck_assert_uint_eq(len, 27);
	struct job_spec s = {.id = 2, .task = span_str("count"), .items = 3};
	tw_put_job(w, &s, pack, 27); /* "", "5", "ab" */
	tw_flush(w);
	struct tw_job *j = tw_expect_status(w, 2, FUT_OK);
	ck_assert_int_eq(pack_open(span_of(j->value, j->len), 3, &r), 0);
	ck_assert_int_eq(pack_next(&r, &item), 1);
	ck_assert_uint_eq(item.status, FUT_TASK_FAILED);
	ck_assert_int_eq(pack_next(&r, &item), 1);
	ck_assert_uint_eq(item.status, FUT_OK);
	ck_assert_str_eq(tw_text(item.bytes), "5");
	ck_assert_int_eq(pack_next(&r, &item), 1);
	ck_assert_uint_eq(item.status, FUT_TASK_FAILED);
	struct arena *arena = malloc(sizeof *arena);
	struct error_info e;
	ck_assert_ptr_nonnull(arena);
	arena_reset(arena);
	ck_assert_int_eq(error_decode(item.bytes, arena, &e), 0);
	ck_assert_str_eq(tw_text(e.type), "ValueError");
	free(arena);
	/* What crashes one item fails the whole job. */
	len = make_pack(pack, 10);
	s = (struct job_spec){.id = 3, .task = span_str("segv"), .items = 10};
	tw_put_job(w, &s, pack, len);
	tw_flush(w);
	tw_expect_status(w, 3, FUT_HOST_DIED);
	tw_close(w);
	free(pack);
	tdaemon_stop(d);
}
END_TEST

/* Chunks and progress come in the order in which the task said them, before the end. */
START_TEST(test_stream)
{
	enum { N = 3000 };
	char want[64];

	start(NULL);
	struct tw *w = tw_open(d->unix_url, _i ? "processes" : "threads");
	tw_put(w, 0, "count", "3000");
	tw_put(w, 1, "count", "3000"); /* two at a time do not mix */
	tw_flush(w);
	for (uint64_t id = 0; id < 2; id++) {
		struct tw_job *j = tw_expect_value(w, id, "3000");
		ck_assert_uint_eq(j->nchunks, N);
		ck_assert_uint_eq(j->nprogress, N);
		const char *at = j->story;
		for (unsigned i = 0; i < N; i++) {
			int n = snprintf(want, sizeof want, "c:%u p:%u/%u ", i, i + 1, N);
			must(strncmp(at, want, (size_t)n) == 0);
			at += n;
		}
		ck_assert_str_eq(at, "");
	}
	tw_close(w);
	tdaemon_stop(d);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("tasks");
	TCase *tc = trun_case(s, "tasks");

	tcase_add_loop_test(tc, test_commands, 0, 2);
	tcase_add_test(tc, test_status);
	tcase_add_loop_test(tc, test_large_payloads, 0, 4);
	tcase_add_loop_test(tc, test_packs, 0, 2);
	tcase_add_loop_test(tc, test_stream, 0, 2);
	return s;
}
