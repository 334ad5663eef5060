/* fut_poll() and fut_describe(): a future in each of its states, and while it changes. */
#include "tests/lib/one_fake.h"
#include "tests/lib/trun.h"

#include <string.h>

enum { TEXT_MAX = 80 };

static fut_snapshot look(const fut_future *f)
{
	fut_snapshot s = {.status = FUT_INTERNAL};

	ck_assert_int_eq(fut_poll(f, &s), FUT_OK);
	ck_assert_int_eq(s.done, fut_done(f));
	ck_assert_int_eq(s.running, fut_running(f));
	ck_assert_int_eq(s.cancelled, fut_cancelled(f));
	return s;
}

static void must_read(const fut_future *f, const char *expected)
{
	char text[TEXT_MAX];

	ck_assert_uint_eq(fut_describe(f, text, sizeof text), strlen(expected));
	ck_assert_str_eq(text, expected);
}

static void check_not_done(const fut_future *f, bool running)
{
	fut_snapshot s = look(f);

	ck_assert(!s.done && !s.cancelled && s.running == running);
	ck_assert_int_eq(s.status, FUT_TIMEOUT);
	ck_assert_uint_eq(s.value.len, 0);
	ck_assert_ptr_null(s.error);
	ck_assert_uint_eq(s.attempt, 0);
	must_read(f, running ? "running" : "pending");
}

START_TEST(a_value)
{
	uint64_t id;
	fut_future *f = job(&id);
	fut_bytes value;

	check_not_done(f, false);
	fake_started(d, id);
	fake_settle(d);
	check_not_done(f, true);
	fake_text(d, id, "value");
	must_be_value(f, "value");
	fut_snapshot s = look(f);
	ck_assert(s.done && !s.running && !s.cancelled);
	ck_assert_int_eq(s.status, FUT_OK);
	ck_assert_int_eq(fut_result(f, 0, &value, NULL), FUT_OK);
	ck_assert_ptr_eq(s.value.data, value.data);
	ck_assert_uint_eq(s.value.len, 5);
	ck_assert_ptr_null(s.error);
	ck_assert_uint_eq(s.attempt, 1);
	must_read(f, "finished with 5 bytes");
	fut_future_unref(f);
}
END_TEST

START_TEST(an_error)
{
	uint64_t id;
	fut_future *f = job(&id);
	fut_error *e;

	fake_error(d, id, FUT_TASK_FAILED, "not a number");
	must_fail(f, FUT_TASK_FAILED);
	fut_snapshot s = look(f);
	ck_assert(s.done && !s.running && !s.cancelled);
	ck_assert_int_eq(s.status, FUT_TASK_FAILED);
	ck_assert_uint_eq(s.value.len, 0);
	ck_assert_int_eq(fut_exception(f, 0, &e), FUT_OK);
	ck_assert_ptr_eq(s.error, e);
	ck_assert_uint_eq(s.attempt, 1);
	must_read(f, "failed: TASK_FAILED: not a number");
	fut_error_unref(e);
	fut_future_unref(f);
}
END_TEST

START_TEST(a_cancel)
{
	uint64_t id;
	fut_future *f = job(&id);

	ck_assert_int_eq(fut_cancel(f, 0, NULL), FUT_OK);
	check_not_done(f, false); /* asked is not cancelled */
	fake_verdict(d, fake_expect(d, MESSAGE_CANCEL).cancel.id, FUT_VERDICT_REMOVED);
	must_fail(f, FUT_CANCELLED);
	fut_snapshot s = look(f);
	ck_assert(s.done && !s.running && s.cancelled);
	ck_assert_int_eq(s.status, FUT_CANCELLED);
	ck_assert_ptr_null(s.error);
	ck_assert_uint_eq(s.attempt, 0);
	must_read(f, "cancelled");
	fut_future_unref(f);
}
END_TEST

START_TEST(texts_of_all_sizes)
{
	static const char whole[] = "finished with 0 bytes";
	uint64_t id;
	fut_future *f = job(&id);
	char text[TEXT_MAX];

	fake_text(d, id, "");
	must_be_value(f, "");
	ck_assert_uint_eq(fut_describe(f, NULL, 0), strlen(whole));
	for (size_t size = 1; size <= sizeof whole; size++) {
		memset(text, '#', sizeof text);
		ck_assert_uint_eq(fut_describe(f, text, size), strlen(whole));
		ck_assert_uint_eq(strlen(text), size - 1);
		ck_assert_mem_eq(text, whole, size - 1);
		ck_assert_int_eq(text[size], '#');
	}
	fut_future_unref(f);
	f = job(&id);
	fake_text(d, id, "1");
	must_be_value(f, "1");
	must_read(f, "finished with 1 byte");
	fut_future_unref(f);
}
END_TEST

START_TEST(invalid)
{
	uint64_t id;
	fut_future *f = job(&id);
	fut_snapshot s;

	ck_assert_int_eq(fut_poll(NULL, &s), FUT_INVALID);
	ck_assert_int_eq(fut_poll(f, NULL), FUT_INVALID);
	fake_text(d, id, "");
	must_be_value(f, "");
	fut_future_unref(f);
}
END_TEST

/* ---- while it changes ---------------------------------------------------- */

static const char long_value[] = "a value that is longer than fits inline";

enum ending { END_VALUE, END_LONG_VALUE, END_ERROR, END_CANCEL, ENDINGS };

struct watcher {
	pthread_t thread;
	fut_future *f;
	enum ending ending;
};

static void check_ending(const fut_snapshot *s, enum ending ending)
{
	const char *value = ending == END_LONG_VALUE ? long_value : "v";
	const char *want = ending < END_ERROR ? value : "";

	must(!s->running && s->cancelled == (ending == END_CANCEL));
	must(s->value.len == strlen(want) &&
	     (!*want || memcmp(s->value.data, want, strlen(want)) == 0));
	must(!s->error == (ending != END_ERROR));
	must(!s->error || strcmp(fut_error_message(s->error), "no") == 0);
	must(s->status == (ending == END_CANCEL  ? FUT_CANCELLED
			   : ending == END_ERROR ? FUT_TASK_FAILED
						 : FUT_OK));
}

static void *watch(void *arg)
{
	struct watcher *w = arg;
	fut_snapshot s;
	bool ran = false;

	for (;;) {
		must(fut_poll(w->f, &s) == FUT_OK);
		if (s.done)
			break;
		must(!s.cancelled && !s.error && s.value.len == 0 && s.status == FUT_TIMEOUT);
		must(s.running || !ran); /* never back */
		ran = s.running;
	}
	check_ending(&s, w->ending);
	return NULL;
}

static void end(uint64_t id, enum ending ending)
{
	switch (ending) {
	case END_VALUE:
		fake_text(d, id, "v");
		break;
	case END_LONG_VALUE:
		fake_text(d, id, long_value);
		break;
	case END_ERROR:
		fake_error(d, id, FUT_TASK_FAILED, "no");
		break;
	case END_CANCEL:
		fake_verdict(d, id, FUT_VERDICT_REMOVED);
		break;
	case ENDINGS:
		break;
	}
}

/* Who looks at any moment sees a whole: not done and nothing, or done and all of it. */
START_TEST(never_half)
{
	enum { ROUNDS = 100, WATCHERS = 4 };
	struct watcher w[WATCHERS];
	uint64_t id;

	for (int round = 0; round < ROUNDS; round++) {
		enum ending ending = (enum ending)(round % ENDINGS);
		fut_future *f = job(&id);
		for (int i = 0; i < WATCHERS; i++) {
			w[i] = (struct watcher){.f = f, .ending = ending};
			ck_assert_int_eq(pthread_create(&w[i].thread, NULL, watch, &w[i]), 0);
		}
		fake_started(d, id);
		end(id, ending);
		for (int i = 0; i < WATCHERS; i++)
			pthread_join(w[i].thread, NULL);
		fut_future_unref(f);
	}
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("snapshot");

	tcase_add_checked_fixture(tc, connect_fake, disconnect_fake);
	tcase_add_test(tc, a_value);
	tcase_add_test(tc, an_error);
	tcase_add_test(tc, a_cancel);
	tcase_add_test(tc, texts_of_all_sizes);
	tcase_add_test(tc, invalid);
	tcase_add_test(tc, never_half);
	return run_case(tc, "client_snapshot");
}
