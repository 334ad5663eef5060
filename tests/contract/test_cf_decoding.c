/*
 * A daemon that sends what cannot be decoded (CF-DL-11): whose answer can be told costs that
 * job, and neither the others nor the connection. The test plays the daemon.
 */
#include "tests/lib/fake_daemon.h"

#include "common/util.h"
#include "proto/error.h"
#include "proto/pack.h"

#include <string.h>

static const int64_t patience_us = FAKE_PATIENCE_S * 1000000LL;

static struct fake *d;
static fut_executor *x;

static void setup(void)
{
	d = fake_new();
	x = fake_connect(d);
}

static void teardown(void)
{
	fake_goodbye(d, x);
	fake_free(d);
}

static void send_result(uint64_t id, uint32_t status, struct span error)
{
	const struct result res = {.id = id, .status = status, .attempt = 1, .error = error};
	struct buf b;

	buf_init(&b, 64 * 1024);
	ck_assert_int_eq(result_put(&b, &res, SPAN_EMPTY), 0);
	fake_send_raw(d, buf_data(&b), buf_len(&b));
	buf_done(&b);
}

static const struct {
	uint32_t status;
	struct span error;
	fut_status expected;
} bad[] = {
	/* a field that goes beyond its end, a tag that there is not, half a number */
	{FUT_TASK_FAILED,
	 {"\x0a\x7f"
	  "a",
	  3},
	 FUT_PROTOCOL},
	{FUT_TASK_FAILED, {"\xff\xff\xff\xff", 4}, FUT_PROTOCOL},
	{FUT_HOST_DIED, {"\x50\x80", 2}, FUT_PROTOCOL},
	/* a status of a later version */
	{4711, {NULL, 0}, FUT_INTERNAL},
};

START_TEST(cf_dl_11_error_during_result_unpickle_in_result_handler)
{
	enum { N = 3 };
	fut_future *f[N];
	uint64_t id[N];
	fut_bytes value;
	fut_error *e;

	for (int i = 0; i < N; i++) {
		f[i] = must_submit(x, "p");
		id[i] = fake_expect_submit(d).spec.id;
	}
	send_result(id[1], bad[_i].status, bad[_i].error);
	ck_assert_int_eq(fut_result(f[1], patience_us, &value, &e), bad[_i].expected);
	ck_assert_int_ne(fut_error_executed(e), FUT_EXECUTED_NO);
	fut_error_unref(e);
	ck_assert(!fut_done(f[0]) && !fut_done(f[2]));
	fake_text(d, id[2], "as before");
	fake_text(d, id[0], "too");
	must_be_value(f[2], "as before");
	must_be_value(f[0], "too");
	for (int i = 0; i < N; i++)
		fut_future_unref(f[i]);
}
END_TEST

/* ---- packs -------------------------------------------------------------- */

static bool next_letter(void *arg, fut_bytes *ret)
{
	const char **at = arg;

	*ret = (fut_bytes){*at, 1};
	return *(*at)++ != '\0';
}

static fut_map *open_letters(const char **letters, size_t chunksize)
{
	const fut_map_options options = {.chunksize = chunksize};
	fut_job *job;
	fut_map *m;

	ck_assert_int_eq(fut_job_new("task", &job), FUT_OK);
	ck_assert_int_eq(fut_map_open(x, job, next_letter, letters, &options, &m, NULL), FUT_OK);
	fut_job_free(job);
	return m;
}

/* An answer to a pack of three items. */
static void answer_pack(uint64_t id, const uint32_t lens[3], const uint32_t statuses[3],
			const char *bytes, size_t n)
{
	uint8_t pack[3 * PACK_ITEM_HEADER_BYTES + 64];

	for (int i = 0; i < 3; i++)
		pack_put_header(pack + i * PACK_ITEM_HEADER_BYTES, statuses[i], lens[i]);
	memcpy(pack + 3 * PACK_ITEM_HEADER_BYTES, bytes, n);
	fake_value(d, id, pack, 3 * PACK_ITEM_HEADER_BYTES + n);
}

static void must_be_items(fut_map *m, const fut_status expected[3], const char *values)
{
	fut_map_item item;

	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(fut_map_next(m, patience_us, &item), FUT_OK);
		ck_assert_int_eq(item.status, expected[i]);
		if (item.status == FUT_OK)
			ck_assert_mem_eq(item.value.data, values + i, 1);
		else
			ck_assert_int_eq(fut_error_status(item.error), expected[i]);
	}
}

/* A chunk's answer that does not add up costs the items that cannot be found in it; one item's
 * error that cannot be read, that item; and the chunks behind them are as they are. */
START_TEST(cf_dl_11_error_during_result_unpickle_of_a_chunk)
{
	static const uint32_t ones[3] = {1, 1, 1}, beyond[3] = {1, 5000, 1}, fine[3] = {0};
	static const uint32_t failed[3] = {FUT_OK, FUT_TASK_FAILED, FUT_OK};
	static const fut_status well[3] = {FUT_OK, FUT_OK, FUT_OK};
	static const fut_status one[3] = {FUT_OK, FUT_PROTOCOL, FUT_OK};
	static const fut_status rest[3] = {FUT_OK, FUT_PROTOCOL, FUT_PROTOCOL};
	static const fut_status all[3] = {FUT_PROTOCOL, FUT_PROTOCOL, FUT_PROTOCOL};
	const char *letters = "abcdefghijkl";
	fut_map *m = open_letters(&letters, 3);
	fut_map_item item;

	answer_pack(fake_expect_submit(d).spec.id, ones, failed,
		    "a\xff"
		    "c",
		    3);
	answer_pack(fake_expect_submit(d).spec.id, beyond, fine, "def", 3);
	fake_text(d, fake_expect_submit(d).spec.id, "no pack");
	answer_pack(fake_expect_submit(d).spec.id, ones, fine, "jkl", 3);
	must_be_items(m, one, "abc");
	must_be_items(m, rest, "def");
	must_be_items(m, all, "ghi");
	must_be_items(m, well, "jkl");
	ck_assert_int_eq(fut_map_next(m, patience_us, &item), FUT_END);
	fut_map_close(m);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("CF-DL");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, cf_dl_11_error_during_result_unpickle_in_result_handler, 0,
			    (int)ARRAY_LEN(bad));
	tcase_add_test(tc, cf_dl_11_error_during_result_unpickle_of_a_chunk);
	return run_case(tc, "contract: decoding");
}
