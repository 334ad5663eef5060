/*
 * More than the daemon takes: of bytes, jobs, sessions and unread answers. What is too much
 * is refused, and costs the others nothing.
 */
#include "tests/integ/witness.h"

#include <stdlib.h>

/* ---- limits ------------------------------------------------------------- */

START_TEST(test_payload_and_result_at_their_limit)
{
	char *bytes = malloc(65537);

	ck_assert_ptr_nonnull(bytes);
	memset(bytes, 'y', 65537);
	start(config);
	struct tw *w = tw_open(d->tcp_url, "p");
	struct job_spec s = {.id = 1, .task = span_str("echo")};
	tw_put_job(w, &s, bytes, 65536);
	tw_flush(w);
	ck_assert_uint_eq(tw_expect_status(w, 1, FUT_OK)->len, 65536);
	tw_submit(w, 2, "big", "65536");
	ck_assert_uint_eq(tw_expect_status(w, 2, FUT_OK)->len, 65536);
	tw_submit(w, 3, "big", "65537");
	const struct error_info *e = tw_error(w, tw_expect_status(w, 3, FUT_RESULT_TOO_BIG));
	ck_assert_int_eq(e->executed, FUT_EXECUTED_YES);
	ck_assert_int_eq(e->retry, FUT_RETRY_NEVER);
	ck_assert_ptr_nonnull(strstr(tw_text(e->message), "65537"));
	ck_assert_ptr_nonnull(strstr(tw_text(e->message), "65536"));
	tw_submit(w, 4, "big", "100000000");
	tw_expect_status(w, 4, FUT_RESULT_TOO_BIG);
	tw_submit(w, 5, "echo", "the slot goes on");
	tw_expect_value(w, 5, "the slot goes on");
	tw_put_job(w, &s, bytes, 65537);
	expect_refusal(w, 0, "one byte too many");
	free(bytes);
	stop();
}
END_TEST

START_TEST(test_queue_is_full)
{
	char gate[96];

	d = tdaemon_start("pool p {\n kind = threads\n slots = 1\n queue = 3\n"
			  " modules = {basic, testmod_crash}\n}\n"
			  "pool q {\n kind = threads\n slots = 1\n modules = {basic}\n}\n");
	witness = tw_open(d->unix_url, "q");
	tdaemon_path(d, "gate", gate, sizeof gate);
	struct tw *w = tw_open(d->unix_url, "p");
	tw_submit(w, 0, "gate", gate);
	tw_wait_started(w, 0);
	for (uint64_t id = 1; id <= 3; id++)
		tw_submit(w, id, "echo", "waits");
	for (uint64_t id = 4; id <= 6; id++) {
		tw_submit(w, id, "echo", "too many");
		expect_refused(w, id, FUT_BUSY, "the queue is full");
		const struct error_info *e = tw_error(w, tw_result(w, id));
		ck_assert_str_eq(tw_text(e->detail), "jobs queued, pool 'p': 3");
		ck_assert_int_eq(e->retry, FUT_RETRY_LATER);
		ck_assert_uint_gt(e->hint.len, 0);
	}
	still_served("a full queue of another pool");
	/* Another session finds the same queue. */
	struct tw *other = tw_open(d->unix_url, "p");
	tw_submit(other, 0, "echo", "");
	expect_refused(other, 0, FUT_BUSY, "the queue is full");
	/* One less, one more. */
	ck_assert_int_eq(tw_cancel(w, 2, CANCEL_QUEUED), FUT_VERDICT_REMOVED);
	tw_submit(other, 1, "echo", "fits");
	tfile_touch(gate);
	tw_expect_value(w, 0, "open");
	tw_expect_value(w, 1, "waits");
	tw_expect_value(w, 3, "waits");
	tw_expect_value(other, 1, "fits");
	tw_ping(w);
	ck_assert(!tw_job(w, 2)->answered);
	tw_close(w);
	tw_close(other);
	stop();
}
END_TEST

/* What idle slots can take at once does not wait, however short the queue. */
START_TEST(test_idle_slots_do_not_count)
{
	d = tdaemon_start(
		"pool p {\n kind = threads\n slots = 4\n queue = 2\n modules = {basic}\n}\n");
	witness = tw_open(d->unix_url, "p");
	struct tw *w = tw_open(d->unix_url, "p");
	for (uint64_t id = 0; id < 6; id++)
		tw_put(w, id, "sleep", "0.05");
	tw_flush(w);
	tw_wait_answers(w, 6);
	for (uint64_t id = 0; id < 6; id++)
		ck_assert_int_eq(tw_job(w, id)->status, FUT_OK);
	tw_close(w);
	stop();
}
END_TEST

START_TEST(test_payload_bytes_are_full)
{
	char gate[96], *bytes = malloc(60000);

	ck_assert_ptr_nonnull(bytes);
	memset(bytes, 'z', 60000);
	start("max_payload = 64K\nmax_queued = 128K\npool p {\n kind = threads\n slots = 2\n"
	      " modules = {basic, testmod_crash}\n}\n");
	tdaemon_path(d, "gate", gate, sizeof gate);
	struct tw *w = tw_open(d->unix_url, "p");
	tw_submit(w, 0, "gate", gate);
	tw_submit(w, 1, "gate", gate);
	tw_wait_started(w, 0);
	tw_wait_started(w, 1);
	for (uint64_t id = 2; id < 6; id++) {
		struct job_spec s = {.id = id, .task = span_str("echo")};
		tw_put_job(w, &s, bytes, 60000);
	}
	tw_flush(w);
	for (uint64_t id = 4; id < 6; id++) {
		expect_refused(w, id, FUT_BUSY, "payload bytes");
		const struct error_info *e = tw_error(w, tw_result(w, id));
		ck_assert_ptr_nonnull(strstr(tw_text(e->detail), "payload bytes queued"));
		ck_assert_int_eq(e->retry, FUT_RETRY_LATER);
	}
	tw_submit(w, 6, "echo", "a small one still fits");
	tfile_touch(gate);
	tw_expect_value(w, 6, "a small one still fits");
	ck_assert_uint_eq(tw_expect_status(w, 2, FUT_OK)->len, 60000);
	ck_assert_uint_eq(tw_expect_status(w, 3, FUT_OK)->len, 60000);
	/* All of it is given back. */
	twait_until(d, strstr(tw_status(w), "\"payload_bytes\":0"));
	tw_close(w);
	free(bytes);
	stop();
}
END_TEST

START_TEST(test_many_connections_that_say_nothing)
{
	enum { N = 200 };
	struct tw *mute[N];

	start(config);
	unsigned fds = tdaemon_fd_count(d);
	for (int i = 0; i < N; i++)
		mute[i] = tw_connect(i % 2 ? d->tcp_url : d->unix_url);
	still_served("200 connections that say nothing");
	for (int i = 0; i < N; i++) {
		tw_expect_end(mute[i]);
		tw_close(mute[i]);
	}
	twait_until(d, tdaemon_fd_count(d) == fds);
	stop();
}
END_TEST

/* A source has so many connections that say nothing, and no more; those that say hello do not
 * count, however many come at once. */
START_TEST(test_greeting_per_source)
{
	enum { N = 40, MUTE = 8 };
	struct tw *mute[MUTE], *w[N];

	start("handshake_timeout = 60s\nmax_greeting_per_source = 8\npenalty_silence = 0s\n"
	      "pool p {\n kind = threads\n slots = 1\n modules = {basic}\n}\n");
	for (int i = 0; i < N; i++) {
		w[i] = tw_connect(d->tcp_url);
		tw_greet(w[i], "p");
	}
	for (int i = 0; i < N; i++)
		tw_wait_welcome(w[i]);
	for (int i = 0; i < MUTE; i++)
		mute[i] = tw_connect(d->tcp_url);
	struct tw *extra = tw_connect(d->tcp_url);
	expect_refusal(extra, 0, "one more that says nothing");
	tdaemon_wait_log(d, "event=session.refused reason=max_greeting_per_source");
	struct tw *elsewhere = tw_open(d->unix_url, "p"); /* another source */
	tw_close(elsewhere);
	/* One says hello, another may come. */
	tw_greet(mute[0], "p");
	tw_wait_welcome(mute[0]);
	extra = tw_open(d->tcp_url, "p");
	tw_close(extra);
	for (int i = 0; i < N; i++)
		tw_close(w[i]);
	for (int i = 0; i < MUTE; i++)
		tw_close(mute[i]);
	stop();
}
END_TEST

/* Beyond max_sessions there is room for the operator, who may ask, and not submit. */
START_TEST(test_reserve)
{
	start("max_sessions = 1\npool p {\n kind = threads\n slots = 1\n modules = {basic}\n}\n");
	struct tw *w = tw_open(d->unix_url, "p"); /* the witness has the only place */
	ck_assert_ptr_nonnull(strstr(tw_status(w), "\"sessions\":2,"));
	tw_submit(w, 0, "echo", "");
	expect_refused(w, 0, FUT_BUSY, "a job in the reserve");
	struct tw *extra = tw_connect(d->tcp_url);
	expect_refusal(extra, 0, "a stranger in the reserve");
	tw_close(w);
	stop();
}
END_TEST

START_TEST(test_max_sessions)
{
	struct tw *w[4];

	start("max_sessions = 4\npool p {\n kind = threads\n slots = 1\n modules = {basic}\n}\n");
	for (int i = 0; i < 3; i++)
		w[i] = tw_open(d->unix_url, "p");
	for (int i = 0; i < 10; i++) {
		struct tw *extra = tw_connect(d->tcp_url);
		expect_refusal(extra, 0, "one session too many");
	}
	tdaemon_wait_log(d, "event=session.refused reason=max_sessions");
	/* One goes, one may come. */
	tw_close(w[0]);
	tdaemon_wait_log(d, "event=session.close");
	w[0] = tw_open(d->tcp_url, "p");
	tw_submit(w[0], 1, "echo", "in");
	tw_expect_value(w[0], 1, "in");
	for (int i = 0; i < 3; i++)
		tw_close(w[i]);
	stop();
}
END_TEST

/* Without descriptors nobody can come in; that must not fill the log nor end the daemon. */
START_TEST(test_no_descriptors_left)
{
	enum { N = 60 };
	struct tw *w[N];

	char text[1000];

	snprintf(text, sizeof text, "max_greeting_per_source = 100\n%s", config);
	d = tdaemon_start_with(.config = text, .max_fds = 48);
	witness = tw_open(d->unix_url, "p");
	for (int i = 0; i < N; i++)
		w[i] = tw_connect(d->unix_url);
	still_served("no descriptors left");
	tdaemon_wait_log(d, "event=listener.accept");
	for (int i = 0; i < 100; i++)
		still_served("no descriptors left");
	ck_assert_uint_lt(tdaemon_log_count(d, "event=listener.accept"), 50);
	for (int i = 0; i < N; i++)
		tw_close(w[i]);
	struct tw *again = tw_open(d->unix_url, "p");
	tw_close(again);
	stop();
}
END_TEST

/* ---- slow readers ------------------------------------------------------- */

/* Results of a session that does not read stay out of the daemon's memory, and out of the
 * others' way. */
START_TEST(test_slow_reader)
{
	enum { N = 4000, EACH = 32 * 1024 };

	start("pool p {\n kind = threads\n slots = 4\n modules = {basic, testmod_crash}\n}\n");
	still_served("nothing");
	uint64_t rss = tdaemon_rss_bytes(d);
	struct tw *slow = tw_open(d->tcp_url, "p");
	for (uint64_t id = 0; id < N; id++)
		tw_put(slow, id, "big", "32768");
	tw_flush(slow);
	for (int i = 0; i < 300; i++)
		still_served("a session that does not read");
	uint64_t limit = td_is_sanitized() ? 100u << 20 : 24u << 20;
	ck_assert_uint_lt(tdaemon_rss_bytes(d), rss + limit);
	/* Nothing of it is lost. */
	tw_wait_answers(slow, N);
	for (uint64_t id = 0; id < N; id++) {
		struct tw_job *j = tw_job(slow, id);
		ck_assert_uint_eq(j->status, FUT_OK);
		ck_assert_uint_eq(j->len, EACH);
	}
	tw_close(slow);
	stop();
}
END_TEST

/* One that never reads costs the others nothing for as long as it stays, and goes away
 * without a trace. */
START_TEST(test_reader_that_never_reads)
{
	start("pool p {\n kind = processes\n slots = 2\n min_hosts = 2\n"
	      " modules = {basic, testmod_crash}\n}\n");
	tdaemon_wait_log_count(d, "event=host.up", 2);
	unsigned fds = tdaemon_fd_count(d);
	struct tw *never = tw_open(d->unix_url, "p");
	for (uint64_t id = 0; id < 500; id++)
		tw_put(never, id, "big", "1000000");
	tw_flush(never);
	for (int i = 0; i < 200; i++)
		still_served("a session that never reads");
	tw_close(never);
	twait_until(d, tdaemon_fd_count(d) == fds);
	twait_until(d, strstr(tw_status(witness), "\"jobs_queued\":0,\"jobs_running\":0"));
	stop();
}
END_TEST

/* Slots wait with results for a session that is full: until it is taken for lost. */
START_TEST(test_reader_that_is_given_up)
{
	start("output_timeout = 200ms\nmax_result = 1M\nmax_output = 1M\n"
	      "pool p {\n kind = threads\n slots = 2\n modules = {basic, testmod_crash}\n}\n");
	struct tw *never = tw_open(d->tcp_url, "p");
	for (uint64_t id = 0; id < 16; id++)
		tw_put(never, id, "big", "1000000");
	tw_flush(never);
	tdaemon_wait_log(d, "event=session.close reason=\"does not read\"");
	still_served("a session that was given up");
	tw_expect_end(never);
	tw_close(never);
	stop();
}
END_TEST

/* What its slots are done with is taken, and they go on with the jobs of others: here a single
 * one, and results that are larger than what may wait. */
START_TEST(test_slow_reader_holds_no_slot)
{
	enum { N = 8 };

	start("output_timeout = 1h\nmax_result = 8M\nmax_output = 8M\n"
	      "pool p {\n kind = threads\n slots = 1\n modules = {basic, testmod_crash}\n}\n");
	struct tw *slow = tw_open(d->unix_url, "p");
	for (uint64_t id = 0; id < N; id++)
		tw_put(slow, id, "big", "8000000");
	tw_flush(slow);
	for (int i = 0; i < 100; i++)
		still_served("results that nobody reads");
	/* Nothing of it is lost. */
	tw_wait_answers(slow, N);
	for (uint64_t id = 0; id < N; id++) {
		ck_assert_uint_eq(tw_job(slow, id)->status, FUT_OK);
		ck_assert_uint_eq(tw_job(slow, id)->len, 8000000);
	}
	tw_close(slow);
	stop();
}
END_TEST

/* The jobs that wait for it to read take no places in the queue, neither by number nor by size. */
START_TEST(test_slow_reader_fills_no_queue)
{
	enum { N = 200, EACH = 20000 };
	char *bytes = malloc(EACH);

	ck_assert_ptr_nonnull(bytes);
	memset(bytes, 's', EACH);
	start("output_timeout = 1h\nmax_payload = 64K\nmax_queued = 4M\nmax_result = 1M\n"
	      "max_output = 8M\npool p {\n kind = threads\n slots = 1\n queue = 220\n"
	      " modules = {basic, testmod_crash}\n}\n");
	struct tw *slow = tw_open(d->unix_url, "p");
	for (uint64_t id = 0; id < 8; id++)
		tw_put(slow, id, "big", "1000000");
	tw_flush(slow);
	struct tw *asking = tw_open(d->unix_url, "p");
	/* It is behind, and its next jobs are held: twice as many as the queue has places for. */
	for (uint64_t id = 8; id < 8 + 2 * N; id++) {
		struct job_spec s = {.id = id, .task = span_str("echo")};
		tw_put_job(slow, &s, bytes, EACH);
		if (id % 50 == 0) {
			tw_flush(slow);
			still_served("jobs that are held");
			twait_until(d, strstr(tw_status(asking), "\"jobs_running\":0"));
		}
	}
	tw_flush(slow);
	twait_until(d, !strstr(tw_ask(asking, "memory", ""), "\"held_jobs\":0,"));
	/* Others still have all of it. */
	char gate_path[96];
	tdaemon_path(d, "gate", gate_path, sizeof gate_path);
	tw_submit(asking, 0, "gate", gate_path);
	tw_wait_started(asking, 0);
	for (uint64_t id = 1; id <= N; id++)
		tw_put(asking, id, "echo", "has a place");
	tw_flush(asking);
	tw_ping(asking);
	ck_assert_uint_eq(asking->nfailed, 0);
	tfile_touch(gate_path);
	tw_wait_answers(asking, N + 1);
	ck_assert_uint_eq(asking->nfailed, 0);
	tw_wait_answers(slow, 8 + 2 * N);
	ck_assert_uint_eq(slow->nfailed, 0);
	tw_close(slow);
	tw_close(asking);
	free(bytes);
	stop();
}
END_TEST

/* ---- memory --------------------------------------------------------------- */

/* Half frames of clients that go no further: reading stops before memory runs out, and as their
 * rest cannot come any more they are closed one by one, the newest first. The witness, who was
 * first, stays. */
START_TEST(test_memory_of_half_frames)
{
	enum { N = 32, HALF = 900 * 1024 };
	uint8_t *frame = calloc(1, HALF);
	struct tw *half[N] = {NULL};

	ck_assert_ptr_nonnull(frame);
	memcpy(frame, "\0\0\0\2\0\x0f\0\0", 8); /* of 983,040 bytes of payload */
	start("memory_budget = 16M\nframe_timeout = 1h\nmax_payload = 1M\n"
	      "pool p {\n kind = threads\n slots = 1\n modules = {basic}\n}\n");
	for (int i = 0; i < N; i++) {
		half[i] = tw_open(d->unix_url, "p");
		tw_put_raw(half[i], frame, HALF);
		(void)tw_flush(half[i]);
		tw_ping(witness);
		if (tdaemon_log_count(d, "event=memory.tight") > 0)
			break;
	}
	tdaemon_wait_log(d, "event=memory.tight");
	tdaemon_wait_log(d, "event=memory.eased");
	tw_ping(witness);
	const char *memory = tw_ask(witness, "memory", "");
	ck_assert_ptr_nonnull(strstr(memory, "\"tight\":false"));
	ck_assert_ptr_null(strstr(memory, "\"shed\":0,"));
	for (int i = 0; i < N && half[i]; i++)
		tw_close(half[i]);
	twait_until(d, strstr(tw_status(witness), "\"sessions\":1,"));
	free(frame);
	stop();
}
END_TEST

/* Jobs that wait: at 80 % no more are taken, and those that were taken are done. */
START_TEST(test_memory_of_jobs)
{
	enum { N = 60, EACH = 100 * 1000 };
	char *bytes = malloc(EACH), gate_path[96];

	ck_assert_ptr_nonnull(bytes);
	memset(bytes, 'm', EACH);
	start("memory_budget = 5M\nmax_payload = 1M\n"
	      "pool p {\n kind = threads\n slots = 2\n modules = {basic, testmod_crash}\n}\n");
	tdaemon_path(d, "gate", gate_path, sizeof gate_path);
	struct tw *w = tw_open(d->unix_url, "p");
	tw_submit(w, 0, "gate", gate_path);
	tw_submit(w, 1, "gate", gate_path);
	tw_wait_started(w, 0);
	tw_wait_started(w, 1);
	for (uint64_t id = 2; id < N; id++) {
		struct job_spec s = {.id = id, .task = span_str("echo")};
		tw_put_job(w, &s, bytes, EACH);
	}
	tw_flush(w);
	tw_ping(w);
	ck_assert_uint_ge(w->nfailed, 10);
	ck_assert_uint_le(w->nfailed, 25);
	expect_refused(w, N - 1, FUT_BUSY, "memory");
	ck_assert_ptr_nonnull(strstr(tw_text(tw_error(w, tw_result(w, N - 1))->detail), "memory"));
	tfile_touch(gate_path);
	tw_wait_answers(w, N);
	tw_close(w);
	ck_assert_uint_eq(tdaemon_log_count(d, "event=memory.tight"), 0);
	free(bytes);
	stop();
}
END_TEST

/* A stream of chunks that nobody reads stops its own slot, and nothing else. */
START_TEST(test_unread_stream)
{
	start("pool p {\n kind = threads\n slots = 2\n modules = {basic, testmod_crash}\n}\n");
	unsigned n = td_is_sanitized() ? 50000 : 400000;
	char text[16];
	snprintf(text, sizeof text, "%u", n);
	struct tw *slow = tw_open(d->unix_url, "p");
	tw_submit(slow, 0, "count", text);
	uint64_t rss = tdaemon_rss_bytes(d);
	for (int i = 0; i < 300; i++)
		still_served("a stream that nobody reads");
	ck_assert_uint_lt(tdaemon_rss_bytes(d), rss + (td_is_sanitized() ? 200u << 20 : 80u << 20));
	tw_expect_value(slow, 0, text);
	ck_assert_uint_eq(tw_job(slow, 0)->nchunks, n);
	tw_close(slow);
	stop();
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("overload");
	TCase *tc = trun_case(s, "limits");

	tcase_add_test(tc, test_payload_and_result_at_their_limit);
	tcase_add_test(tc, test_queue_is_full);
	tcase_add_test(tc, test_idle_slots_do_not_count);
	tcase_add_test(tc, test_payload_bytes_are_full);
	tcase_add_test(tc, test_many_connections_that_say_nothing);
	tcase_add_test(tc, test_greeting_per_source);
	tcase_add_test(tc, test_reserve);
	tcase_add_test(tc, test_max_sessions);
	tcase_add_test(tc, test_no_descriptors_left);
	tc = trun_case(s, "slow readers");
	tcase_add_test(tc, test_slow_reader);
	tcase_add_test(tc, test_reader_that_never_reads);
	tcase_add_test(tc, test_reader_that_is_given_up);
	tcase_add_test(tc, test_slow_reader_holds_no_slot);
	tcase_add_test(tc, test_slow_reader_fills_no_queue);
	tcase_add_test(tc, test_unread_stream);
	tc = trun_case(s, "memory");
	tcase_add_test(tc, test_memory_of_half_frames);
	tcase_add_test(tc, test_memory_of_jobs);
	return s;
}
