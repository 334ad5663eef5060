/* What a slot answers: to one job, and to a pack of items. */
#include "tests/lib/worker_slot.h"

#include "proto/pack.h"
#include "tests/lib/trun.h"

#include <stdlib.h>
#include <string.h>

/* ---- one job ---- */

START_TEST(a_job_comes_back)
{
	uint64_t before = clock_now_ns();
	struct answered a = run_job(ECHO, "hello");

	ck_assert_uint_eq(a.status, FUT_OK);
	assert_bytes(a.bytes, a.len, "hello");
	ck_assert_uint_ge(a.started_ns, before);
	ck_assert_uint_ge(a.finished_ns, a.started_ns);
	ck_assert_uint_le(a.finished_ns, clock_now_ns());
	free(a.bytes);
	a = run_job(ECHO, NULL);
	ck_assert_uint_eq(a.status, FUT_OK);
	ck_assert_uint_eq(a.len, 0);
	free(a.bytes);
}
END_TEST

START_TEST(the_last_result_wins)
{
	struct answered a = run_job(TWICE, NULL);

	ck_assert_uint_eq(a.status, FUT_OK);
	assert_bytes(a.bytes, a.len, "second");
	free(a.bytes);
}
END_TEST

START_TEST(a_failure_carries_what_the_task_said)
{
	struct answered a = run_job(FAIL, NULL);
	struct error_info e = error_in(&a);

	ck_assert_uint_eq(a.status, FUT_TASK_FAILED);
	assert_bytes(e.type.data, e.type.len, "ValueError");
	assert_bytes(e.message.data, e.message.len, "no good");
	ck_assert_uint_eq(e.details.len, 3);
	ck_assert_mem_eq(e.details.data, "\0\1\2", 3);
	ck_assert_int_eq(e.executed, FUT_EXECUTED_YES);
	ck_assert_int_eq(e.retry, FUT_RETRY_NEW_JOB);
	free(a.bytes);
	/* The next job starts with a clean slate. */
	a = run_job(ECHO, "x");
	ck_assert_uint_eq(a.status, FUT_OK);
	free(a.bytes);
}
END_TEST

START_TEST(a_failure_without_words_gets_some)
{
	struct answered a = run_job(SEVEN, NULL);
	struct error_info e = error_in(&a);

	ck_assert_uint_eq(a.status, FUT_TASK_FAILED);
	assert_bytes(e.type.data, e.type.len, "TaskError");
	assert_bytes(e.message.data, e.message.len, "the task returned 7");
	free(a.bytes);
	a = run_job(FAIL_AND_RETURN_0, NULL);
	ck_assert_uint_eq(a.status, FUT_TASK_FAILED);
	e = error_in(&a);
	assert_bytes(e.type.data, e.type.len, "TaskError");
	free(a.bytes);
}
END_TEST

START_TEST(a_result_too_big_says_both_sizes)
{
	struct answered a = run_job(TOO_MUCH, NULL);
	struct error_info e = error_in(&a);

	ck_assert_uint_eq(a.status, FUT_RESULT_TOO_BIG);
	assert_bytes(e.message.data, e.message.len,
		     "the result has 4194305 bytes, and 4194304 are allowed");
	ck_assert_int_eq(e.retry, FUT_RETRY_NEVER);
	free(a.bytes);
}
END_TEST

START_TEST(a_big_payload_is_read_in_place)
{
	uint8_t *p = malloc(BIG_BYTES);
	struct job job = job_of(ECHO, BIG_BYTES);

	fill_bytes(p, BIG_BYTES, 5);
	job.flags = JOB_FLAG_BIG;
	(void)front_submit(&front, 0, job, p);
	struct answered a = front_answer(&front, 0);
	ck_assert_uint_eq(a.status, FUT_OK);
	ck_assert_uint_eq(a.len, BIG_BYTES);
	ck_assert_mem_eq(a.bytes, p, BIG_BYTES);
	ck_assert_uint_eq(a.parts, BIG_BYTES / RECORD_BYTES_MAX - 1);
	free(a.bytes);
	free(p);
}
END_TEST

START_TEST(large_results_come_in_parts)
{
	static const uint32_t sizes[] = {
		RECORD_BYTES_MAX - 1, RECORD_BYTES_MAX, RECORD_BYTES_MAX + 1,
		2 * RECORD_BYTES_MAX, MAX_RESULT,
	};

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		uint8_t *p = malloc(sizes[i]);
		fill_bytes(p, sizes[i], sizes[i]);
		(void)front_submit(&front, 0, job_of(MANY, 4), &sizes[i]);
		struct answered a = front_answer(&front, 0);
		ck_assert_uint_eq(a.status, FUT_OK);
		ck_assert_uint_eq(a.len, sizes[i]);
		ck_assert_mem_eq(a.bytes, p, sizes[i]);
		ck_assert_uint_eq(a.parts, (sizes[i] - 1) / RECORD_BYTES_MAX);
		free(a.bytes);
		free(p);
	}
}
END_TEST

START_TEST(chunks_and_progress_come_before_the_end)
{
	uint64_t before_ns = clock_now_ns();

	(void)front_submit(&front, 0, job_of(STREAM, 0), NULL);
	struct heard h = front_hear(&front, 0);
	ck_assert_uint_eq(h.kind, OUTCOME_CHUNK);
	ck_assert_uint_eq(h.tag, front.last_tag);
	assert_bytes(h.bytes, h.len, "one");
	/* The first one says when. */
	uint64_t emitted_ns = h.emitted_ns;
	ck_assert_uint_ge(emitted_ns, before_ns);
	free(h.bytes);
	h = front_hear(&front, 0);
	ck_assert_uint_eq(h.kind, OUTCOME_CHUNK);
	ck_assert_uint_eq(h.len, 0);
	ck_assert_uint_eq(h.emitted_ns, 0);
	free(h.bytes);
	h = front_hear(&front, 0);
	ck_assert_uint_eq(h.kind, OUTCOME_PROGRESS);
	ck_assert_uint_eq(h.done, 1);
	ck_assert_uint_eq(h.total, 2);
	ck_assert_uint_eq(h.len, 200);
	free(h.bytes);
	h = front_hear(&front, 0);
	ck_assert_uint_eq(h.kind, OUTCOME_PROGRESS);
	ck_assert_uint_eq(h.len, 0);
	free(h.bytes);
	h = front_hear(&front, 0);
	ck_assert_uint_eq(h.kind, OUTCOME_CHUNK);
	ck_assert_uint_eq(h.len, RECORD_BYTES_MAX);
	free(h.bytes);
	struct answered a = front_answer(&front, 0);
	ck_assert_uint_eq(a.status, FUT_OK);
	assert_bytes(a.bytes, a.len, "end");
	ck_assert_uint_le(a.started_ns, emitted_ns);
	ck_assert_uint_ge(a.finished_ns, emitted_ns);
	free(a.bytes);
	/* And so does the next job's. */
	(void)front_submit(&front, 0, job_of(STREAM, 0), NULL);
	h = front_hear(&front, 0);
	ck_assert_uint_ge(h.emitted_ns, a.finished_ns);
	free(h.bytes);
	for (int i = 0; i < 4; i++)
		free(front_hear(&front, 0).bytes);
	free(front_answer(&front, 0).bytes);
}
END_TEST

START_TEST(the_stop_flag_is_seen)
{
	uint32_t tag = front_submit(&front, 0, job_of(UNTIL_STOPPED, 0), NULL);
	struct heard h = front_hear(&front, 0);

	assert_bytes(h.bytes, h.len, "here");
	free(h.bytes);
	/* Another job's tag is none of its business. */
	atomic_store(&front.slots[0].view.shared->stop_tag, tag + 1);
	atomic_store(&front.slots[0].view.shared->stop_tag, tag);
	struct answered a = front_answer(&front, 0);
	ck_assert_uint_eq(a.status, FUT_TASK_FAILED);
	struct error_info e = error_in(&a);
	assert_bytes(e.type.data, e.type.len, "Stopped");
	free(a.bytes);
}
END_TEST

START_TEST(the_remaining_time_is_the_nearer_end)
{
	struct job job = job_of(REMAINING, 0);
	struct answered a = run_job(REMAINING, NULL);

	assert_bytes(a.bytes, a.len, "-1 1");
	free(a.bytes);

	atomic_store(&fake_now_ns, 5000 * 1000);
	(void)front_submit(&front, 0, job_of(GATE, 0), NULL);
	wait_for_gate();
	clock_source_ns = fake_clock;
	sem_post(&gate);
	free(front_answer(&front, 0).bytes);

	job.run_limit_us = 700;
	job.attempt = 3;
	(void)front_submit(&front, 0, job, NULL);
	a = front_answer(&front, 0);
	assert_bytes(a.bytes, a.len, "700 3");
	free(a.bytes);
	job.deadline_ns = 5600 * 1000;
	(void)front_submit(&front, 0, job, NULL);
	a = front_answer(&front, 0);
	assert_bytes(a.bytes, a.len, "600 3");
	free(a.bytes);
	job.deadline_ns = 4000 * 1000;
	(void)front_submit(&front, 0, job, NULL);
	a = front_answer(&front, 0);
	assert_bytes(a.bytes, a.len, "0 3");
	free(a.bytes);
	job.deadline_ns = 0;
	job.run_limit_us = UINT64_MAX;
	(void)front_submit(&front, 0, job, NULL);
	a = front_answer(&front, 0);
	assert_bytes(a.bytes, a.len, "-1 3");
	free(a.bytes);
}
END_TEST

START_TEST(a_bad_job_is_an_error_and_no_crash)
{
	struct job job = job_of(NTASKS, 0);

	(void)front_submit(&front, 0, job, NULL);
	struct answered a = front_answer(&front, 0);
	ck_assert_uint_eq(a.status, FUT_INTERNAL);
	ck_assert_int_eq(error_in(&a).executed, FUT_EXECUTED_NO);
	free(a.bytes);
	struct ring_record *r = front_put(&front, 0, job_of(ECHO, 4), "four");
	((struct job_record *)record_body(r))->payload_len = 64;
	front_publish(&front, 0);
	a = front_answer(&front, 0);
	ck_assert_uint_eq(a.status, FUT_INTERNAL);
	free(a.bytes);
}
END_TEST

/* ---- packs ---- */

static size_t pack_of(const char *const *items, uint32_t n, uint8_t *to)
{
	uint8_t *bytes = to + n * PACK_ITEM_HEADER_BYTES;

	for (uint32_t i = 0; i < n; i++) {
		size_t len = strlen(items[i]);
		pack_put_header(to + i * PACK_ITEM_HEADER_BYTES, 0, (uint32_t)len);
		memcpy(bytes, items[i], len);
		bytes += len;
	}
	return (size_t)(bytes - to);
}

static struct answered run_pack(const char *const *items, uint32_t n)
{
	uint8_t pack[1024];
	struct job job = job_of(ITEM, pack_of(items, n, pack));

	job.items = n;
	(void)front_submit(&front, 0, job, pack);
	return front_answer(&front, 0);
}

static struct pack_item next_item(struct pack_reader *r)
{
	struct pack_item item;

	ck_assert_int_eq(pack_next(r, &item), 1);
	return item;
}

START_TEST(each_item_has_its_own_end)
{
	static const char *const items[] = {"a", "", "bad", "bcd", "one", ""};
	struct pack_reader r;
	struct pack_item item;

	struct answered a = run_pack(items, ARRAY_LEN(items));
	ck_assert_uint_eq(a.status, FUT_OK);
	ck_assert_int_eq(pack_open(span_of(a.bytes, a.len), ARRAY_LEN(items), &r), 0);
	item = next_item(&r);
	ck_assert_uint_eq(item.status, FUT_OK);
	assert_bytes(item.bytes.data, item.bytes.len, "a");
	item = next_item(&r);
	ck_assert_uint_eq(item.status, FUT_OK);
	ck_assert_uint_eq(item.bytes.len, 0);
	item = next_item(&r);
	ck_assert_uint_eq(item.status, FUT_TASK_FAILED);
	struct error_info e = error_of(item.bytes.data, item.bytes.len);
	assert_bytes(e.type.data, e.type.len, "BadItem");
	item = next_item(&r);
	ck_assert_uint_eq(item.status, FUT_OK);
	assert_bytes(item.bytes.data, item.bytes.len, "bcd");
	item = next_item(&r);
	ck_assert_uint_eq(item.status, FUT_TASK_FAILED);
	e = error_of(item.bytes.data, item.bytes.len);
	assert_bytes(e.message.data, e.message.len, "the task returned 1");
	item = next_item(&r);
	ck_assert_uint_eq(item.status, FUT_OK);
	ck_assert_uint_eq(item.bytes.len, 0);
	ck_assert_int_eq(pack_next(&r, &item), 0);
	free(a.bytes);
}
END_TEST

START_TEST(items_after_a_stop_do_not_run)
{
	static const char *const items[] = {"a", "stop", "c", "d"};
	static const uint32_t expected[] = {FUT_OK, FUT_OK, FUT_CANCELLED, FUT_CANCELLED};
	struct pack_reader r;

	struct answered a = run_pack(items, ARRAY_LEN(items));
	ck_assert_uint_eq(a.status, FUT_OK);
	ck_assert_int_eq(pack_open(span_of(a.bytes, a.len), ARRAY_LEN(items), &r), 0);
	for (size_t i = 0; i < ARRAY_LEN(items); i++)
		ck_assert_uint_eq(next_item(&r).status, expected[i]);
	free(a.bytes);
}
END_TEST

START_TEST(a_bad_pack_does_not_run_at_all)
{
	static const char *const items[] = {"a", "b"};
	uint8_t pack[64];
	size_t len = pack_of(items, 2, pack);

	for (size_t cut = 0; cut < len; cut++) {
		struct job job = job_of(STREAM, cut);
		job.items = 2;
		(void)front_submit(&front, 0, job, pack);
		struct answered a = front_answer(&front, 0);
		ck_assert_uint_eq(a.status, FUT_PROTOCOL);
		ck_assert_int_eq(error_in(&a).executed, FUT_EXECUTED_NO);
		free(a.bytes);
	}
}
END_TEST

START_TEST(items_together_have_the_limit_of_one)
{
	uint8_t pack[1024];
	struct job job = job_of(MANY, 0);
	const uint32_t n = MAX_RESULT / 2, header = PACK_ITEM_HEADER_BYTES;
	struct pack_reader r;

	/* Two halves leave no room for the headers, and the second one ends with an error. */
	for (uint32_t i = 0; i < 2; i++) {
		pack_put_header(pack + i * header, 0, sizeof n);
		memcpy(pack + 2 * header + i * sizeof n, &n, sizeof n);
	}
	job.items = 2;
	job.payload_len = 2 * (header + (uint32_t)sizeof n);
	(void)front_submit(&front, 0, job, pack);
	struct answered a = front_answer(&front, 0);
	ck_assert_uint_eq(a.status, FUT_OK);
	ck_assert_int_eq(pack_open(span_of(a.bytes, a.len), 2, &r), 0);
	ck_assert_uint_eq(next_item(&r).status, FUT_OK);
	ck_assert_uint_eq(next_item(&r).status, FUT_RESULT_TOO_BIG);
	free(a.bytes);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("worker_answer");
	TCase *tc = slot_case(s, "jobs");

	tcase_add_test(tc, a_job_comes_back);
	tcase_add_test(tc, the_last_result_wins);
	tcase_add_test(tc, a_failure_carries_what_the_task_said);
	tcase_add_test(tc, a_failure_without_words_gets_some);
	tcase_add_test(tc, a_result_too_big_says_both_sizes);
	tcase_add_test(tc, a_big_payload_is_read_in_place);
	tcase_add_test(tc, large_results_come_in_parts);
	tcase_add_test(tc, chunks_and_progress_come_before_the_end);
	tcase_add_test(tc, the_stop_flag_is_seen);
	tcase_add_test(tc, the_remaining_time_is_the_nearer_end);
	tcase_add_test(tc, a_bad_job_is_an_error_and_no_crash);
	tc = slot_case(s, "packs");
	tcase_add_test(tc, each_item_has_its_own_end);
	tcase_add_test(tc, items_after_a_stop_do_not_run);
	tcase_add_test(tc, a_bad_pack_does_not_run_at_all);
	tcase_add_test(tc, items_together_have_the_limit_of_one);
	return s;
}
