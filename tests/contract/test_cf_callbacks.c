/*
 * A future's end: told once, to everybody who asked to be told (CF-FU-01 to 08, 19 and 20).
 * What no honest daemon would say, two results for one job, comes from a fake one.
 */
#include "tests/lib/fake_daemon.h"

#include "tests/contract/contract.h"

/* ---- callbacks ---------------------------------------------------------- */

/* What a callback was told. */
struct heard {
	_Atomic unsigned calls;
	fut_future *f;
	fut_status status;
	bool done, cancelled;
	char text[64]; /* the value, or the error's message */
	pthread_t thread;
};

static void hear(fut_future *f, void *arg)
{
	struct heard *h = arg;
	fut_bytes value = {"", 0};
	fut_error *e = NULL;

	h->f = f;
	h->thread = pthread_self();
	h->done = fut_done(f);
	h->cancelled = fut_cancelled(f);
	h->status = fut_result(f, 0, &value, &e);
	if (h->status == FUT_OK)
		snprintf(h->text, sizeof h->text, "%.*s", (int)value.len, (const char *)value.data);
	else
		snprintf(h->text, sizeof h->text, "%s", fut_error_message(e));
	fut_error_unref(e);
	h->calls++; /* last: then the rest may be read */
}

static void must_have_heard(struct heard *h, const fut_future *f, fut_status status,
			    const char *text)
{
	twait_until(d, h->calls > 0);
	ck_assert_uint_eq(h->calls, 1);
	ck_assert_ptr_eq(h->f, f);
	ck_assert(h->done);
	ck_assert_int_eq(h->cancelled, status == FUT_CANCELLED);
	ck_assert_int_eq(h->status, status);
	if (text)
		ck_assert_str_eq(h->text, text);
}

START_TEST(cf_fu_01_done_callback_with_result)
{
	struct heard h = {0};

	start(_i, 1);
	fut_future *held = hold(), *f = submit("echo", "5");
	ck_assert_int_eq(fut_add_done_callback(f, hear, &h), FUT_OK);
	ck_assert_uint_eq(h.calls, 0);
	release(held);
	must_have_heard(&h, f, FUT_OK, "5");
	ck_assert(!pthread_equal(h.thread, pthread_self()));
	fut_future_unref(f);
	stop();
}
END_TEST

START_TEST(cf_fu_02_done_callback_with_exception)
{
	struct heard h = {0};

	start(_i, 1);
	fut_future *held = hold(), *f = submit("fail", "Exception|test");
	ck_assert_int_eq(fut_add_done_callback(f, hear, &h), FUT_OK);
	release(held);
	must_have_heard(&h, f, FUT_TASK_FAILED, "test");
	fut_future_unref(f);
	stop();
}
END_TEST

START_TEST(cf_fu_03_done_callback_with_cancel)
{
	struct heard h = {0};

	start(_i, 1);
	fut_future *held = hold(), *f = submit("mark", mark);
	ck_assert_int_eq(fut_add_done_callback(f, hear, &h), FUT_OK);
	must_cancel(f, FUT_VERDICT_REMOVED);
	must_have_heard(&h, f, FUT_CANCELLED, NULL);
	/* To cancel it again is nothing new. */
	must_cancel(f, FUT_VERDICT_REMOVED);
	release(held);
	pass_through();
	ck_assert_uint_eq(h.calls, 1);
	fut_future_unref(f);
	stop();
}
END_TEST

/* The worst that a callback can do in C without leaving the language: every call that fails
 * in it, or would wait for itself. */
struct offence {
	struct heard heard;
	fut_status statuses[5];
};

static void offend(fut_future *f, void *arg)
{
	struct offence *o = arg;
	fut_future *other = NULL;
	fut_bytes value;

	o->statuses[0] = fut_result(NULL, 0, &value, NULL);
	o->statuses[1] = fut_executor_shutdown(NULL, true, true, FUT_FOREVER);
	o->statuses[2] = fut_submit(x, "no such name", "", 0, &other, NULL);
	if (fut_submit(x, "gate", gate2, strlen(gate2), &other, NULL) == FUT_OK)
		o->statuses[3] = fut_result(other, FUT_FOREVER, &value, NULL);
	o->statuses[4] = fut_add_done_callback(f, NULL, NULL);
	fut_future_unref(other);
	hear(f, &o->heard);
}

static void must_have_offended(const struct offence *o, fut_status wait)
{
	const fut_status want[] = {FUT_INVALID, FUT_INVALID, FUT_INVALID, wait, FUT_INVALID};

	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		ck_assert_msg(o->statuses[i] == want[i], "%zu: %s", i,
			      fut_status_name(o->statuses[i]));
}

START_TEST(cf_fu_04_done_callback_raises)
{
	struct offence o = {.statuses = {FUT_OK}};
	struct heard h = {0};

	start(_i, 1);
	fut_future *held = hold(), *f = submit("echo", "5");
	ck_assert_int_eq(fut_add_done_callback(f, offend, &o), FUT_OK);
	ck_assert_int_eq(fut_add_done_callback(f, hear, &h), FUT_OK);
	release(held);
	/* The one behind it runs, and so does the I/O thread. */
	must_have_heard(&o.heard, f, FUT_OK, "5");
	must_have_heard(&h, f, FUT_OK, "5");
	must_have_offended(&o, FUT_WOULD_DEADLOCK);
	tfile_touch(gate2);
	pass_through();
	fut_future_unref(f);
	stop();
}
END_TEST

/* At once, and on this thread. */
static void must_be_told_now(fut_future *f, fut_status status, const char *text)
{
	struct heard first = {0}, second = {0};

	ck_assert_int_eq(fut_add_done_callback(f, hear, &first), FUT_OK);
	ck_assert_uint_eq(first.calls, 1);
	must_have_heard(&first, f, status, text);
	ck_assert(pthread_equal(first.thread, pthread_self()));
	ck_assert_int_eq(fut_add_done_callback(f, hear, &second), FUT_OK);
	ck_assert_uint_eq(first.calls + second.calls, 2);
}

START_TEST(cf_fu_05_done_callback_already_successful)
{
	start(_i, 1);
	fut_future *f = submit("echo", "5");
	must_be(f, "5");
	/* Behind this its end was announced to the last who waited for it. */
	ck_assert_int_eq(fut_executor_ping(x, PATIENCE_US, NULL), FUT_OK);
	must_be_told_now(f, FUT_OK, "5");
	fut_future_unref(f);
	stop();
}
END_TEST

START_TEST(cf_fu_06_done_callback_already_failed)
{
	start(_i, 1);
	fut_future *f = submit("fail", "Exception|test");
	must_fail_(f, FUT_TASK_FAILED);
	ck_assert_int_eq(fut_executor_ping(x, PATIENCE_US, NULL), FUT_OK);
	must_be_told_now(f, FUT_TASK_FAILED, "test");
	fut_future_unref(f);
	stop();
}
END_TEST

START_TEST(cf_fu_07_done_callback_already_cancelled)
{
	start(_i, 1);
	fut_future *held = hold(), *f = submit("mark", mark);
	must_cancel(f, FUT_VERDICT_REMOVED);
	ck_assert_int_eq(fut_executor_ping(x, PATIENCE_US, NULL), FUT_OK);
	must_be_told_now(f, FUT_CANCELLED, NULL);
	release(held);
	fut_future_unref(f);
	stop();
}
END_TEST

START_TEST(cf_fu_08_done_callback_raises_already_succeeded)
{
	struct offence o = {.statuses = {FUT_OK}};

	start(_i, 1);
	fut_future *f = submit("echo", "5");
	must_be(f, "5");
	ck_assert_int_eq(fut_executor_ping(x, PATIENCE_US, NULL), FUT_OK);
	tfile_touch(gate2);
	ck_assert_int_eq(fut_add_done_callback(f, offend, &o), FUT_OK);
	must_have_heard(&o.heard, f, FUT_OK, "5");
	must_have_offended(&o, FUT_OK); /* on this thread it may wait */
	must_be_told_now(f, FUT_OK, "5");
	fut_future_unref(f);
	stop();
}
END_TEST

/* ---- an end that comes twice -------------------------------------------- */

static struct fake *fake;

/* Submits to the fake daemon, which has it then. */
static fut_future *submit_to_fake(uint64_t *ret_id)
{
	fut_future *f = must_submit(x, "p");

	*ret_id = fake_expect_submit(fake).spec.id;
	return f;
}

/* Returns once the library has dealt with all that was said before. */
static void fake_barrier(void)
{
	fake_send(fake, &(struct message){.kind = MESSAGE_PING, .ping = {7}}, SPAN_EMPTY);
	fake_expect(fake, MESSAGE_PONG);
}

/* Every other end there is, for a job that has one. */
static void end_it_again(uint64_t id)
{
	fake_text(fake, id, "24");
	fake_error(fake, id, FUT_TASK_FAILED, "again");
	fake_error(fake, id, FUT_CANCELLED, "again");
	fake_verdict(fake, id, FUT_VERDICT_REMOVED);
	fake_barrier();
}

START_TEST(cf_fu_19_multiple_set_result)
{
	struct heard h = {0};
	uint64_t id;

	fake = fake_new();
	x = fake_connect(fake);
	fut_future *f = submit_to_fake(&id);
	ck_assert_int_eq(fut_add_done_callback(f, hear, &h), FUT_OK);
	fake_text(fake, id, "42");
	end_it_again(id);
	ck_assert(fut_done(f) && !fut_cancelled(f));
	must_be(f, "42");
	must_have_heard(&h, f, FUT_OK, "42");
	fut_future_unref(f);
	fake_goodbye(fake, x);
	fake_free(fake);
}
END_TEST

START_TEST(cf_fu_20_multiple_set_exception)
{
	struct heard h = {0};
	fut_error *e, *again;
	uint64_t id;

	fake = fake_new();
	x = fake_connect(fake);
	fut_future *f = submit_to_fake(&id);
	ck_assert_int_eq(fut_add_done_callback(f, hear, &h), FUT_OK);
	fake_error(fake, id, FUT_TASK_FAILED, "first");
	fake_barrier();
	e = must_fail(f, FUT_TASK_FAILED);
	end_it_again(id);
	again = must_fail(f, FUT_TASK_FAILED);
	ck_assert_ptr_eq(again, e);
	ck_assert_str_eq(fut_error_message(again), "first");
	ck_assert(!fut_cancelled(f));
	must_have_heard(&h, f, FUT_TASK_FAILED, "first");
	fut_error_unref(e);
	fut_error_unref(again);
	fut_future_unref(f);
	fake_goodbye(fake, x);
	fake_free(fake);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("CF-FU, callbacks");
	TCase *tc = trun_case(s, "callbacks");

	each_way(tc, cf_fu_01_done_callback_with_result);
	each_way(tc, cf_fu_02_done_callback_with_exception);
	each_way(tc, cf_fu_03_done_callback_with_cancel);
	each_way(tc, cf_fu_04_done_callback_raises);
	each_way(tc, cf_fu_05_done_callback_already_successful);
	each_way(tc, cf_fu_06_done_callback_already_failed);
	each_way(tc, cf_fu_07_done_callback_already_cancelled);
	each_way(tc, cf_fu_08_done_callback_raises_already_succeeded);
	tc = trun_case(s, "twice");
	tcase_add_test(tc, cf_fu_19_multiple_set_result);
	tcase_add_test(tc, cf_fu_20_multiple_set_exception);
	return s;
}
