/*
 * What InterpreterPoolExecutor adds (CF-IP): workers that share what was made for them before
 * the first job, and nothing else; and futures for programs that have a loop of their own.
 */
#include "tests/contract/flags.h"
#include "tests/contract/pool.h"
#include "tests/integ/local.h"

#include <event2/event.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>

/* ---- what is no task ---------------------------------------------------- */

/* The log names the module, whatever is wrong with it. */
static void must_name(const char *module)
{
	char text[512];

	snprintf(text, sizeof text, "event=module.failed pool=p module=%s/.libs/%s.so",
		 td_builddir(), module);
	tdaemon_wait_log(d, text);
}

/* Modules that cannot be used are found when the pool starts; their tasks are not there. The
 * rest of the pool is. */
START_TEST(cf_ip_04_init_closure)
{
	static const char *const modules[] = {
		"testmod_no_symbol",  "testmod_wrong_abi", "testmod_refuse_init",
		"testmod_crash_init", "testmod_nowhere",
	};
	static const char *const missing[] = {"refuse_init_never", "crash_init_never"};

	start_pool(_i, 1,
		   "testmod_no_symbol, testmod_wrong_abi, testmod_refuse_init, "
		   "testmod_crash_init, testmod_nowhere",
		   "");
	for (size_t i = 0; i < ARRAY_LEN(modules); i++)
		must_name(modules[i]);
	for (size_t i = 0; i < ARRAY_LEN(missing); i++) {
		fut_future *f = submit(missing[i], "");
		must_fail_(f, FUT_UNKNOWN_TASK);
		fut_future_unref(f);
	}
	pass_through();
	stop();
}
END_TEST

/* The same for a module that a reload brings. */
START_TEST(cf_ip_05_init_instance_method)
{
	char text[300];

	start_pool(_i, 1, "testmod_crash", "");
	snprintf(text, sizeof text,
		 "pool p {\n kind = %s\n slots = 1\n modules = {basic, testmod_refuse_init}\n}\n"
		 "pool q {\n kind = threads\n slots = 1\n modules = {basic}\n}\n",
		 kind_of(_i));
	tdaemon_configure(d, text);
	tdaemon_signal(d, SIGHUP);
	tdaemon_wait_log_count(d, "event=zygote.ready pool=p", 2);
	must_name("testmod_refuse_init");
	pass_through();
	fut_future *f = submit("refuse_init_never", "");
	must_fail_(f, FUT_UNKNOWN_TASK);
	fut_future_unref(f);
	stop();
}
END_TEST

/* What cannot be a task's name is refused here; what no module has, by the daemon. Neither
 * ever runs. */
static void refuse(const char *name, fut_status at_submit)
{
	fut_future *f = NULL;
	fut_error *e;
	fut_job *job;

	fut_status status = fut_submit(x, name, "", 0, &f, &e);
	ck_assert_int_eq(status, at_submit);
	if (status == FUT_OK) {
		e = must_fail(f, FUT_UNKNOWN_TASK);
		ck_assert_ptr_nonnull(strstr(fut_error_detail(e), name));
	} else {
		ck_assert_ptr_null(f);
		ck_assert_int_eq(fut_job_new(name, &job), at_submit);
	}
	ck_assert_int_eq(fut_error_executed(e), FUT_EXECUTED_NO);
	ck_assert_int_eq(fut_error_retry(e), FUT_RETRY_NEVER);
	fut_error_unref(e);
	fut_future_unref(f);
}

START_TEST(cf_ip_10_submit_closure)
{
	start(_i, 1);
	refuse("not_there", FUT_OK);
	refuse("Echo", FUT_OK);
	pass_through();
	stop();
}
END_TEST

START_TEST(cf_ip_11_submit_local_instance)
{
	start(_i, 1);
	refuse("echo\n", FUT_INVALID);
	refuse("two words", FUT_INVALID);
	refuse("", FUT_INVALID);
	pass_through();
	stop();
}
END_TEST

START_TEST(cf_ip_12_submit_instance_method)
{
	char name[65];

	start(_i, 1);
	memset(name, 'n', sizeof name);
	name[64] = '\0';
	refuse(name, FUT_INVALID);
	name[63] = '\0';
	refuse(name, FUT_OK);
	pass_through();
	stop();
}
END_TEST

/* ---- initializers ------------------------------------------------------- */

/* Each slot is told its number in the pool, before its first job. */
START_TEST(cf_ip_03_init_func)
{
	enum { SLOTS = 4 };
	fut_future *f[SLOTS];
	bool seen[SLOTS] = {false};

	start_pool(_i, SLOTS, "testmod_slots, testmod_place", "");
	for (int i = 0; i < SLOTS; i++)
		f[i] = submit("place", gate);
	for (int i = 0; i < SLOTS; i++)
		(void)place_now(f[i]);
	FILE *log = fopen(flag_path("log"), "re");
	ck_assert_ptr_nonnull(log);
	for (int i = 0; i < SLOTS; i++) {
		unsigned number = SLOTS;
		ck_assert_int_eq(fscanf(log, "init %u\n", &number), 1);
		ck_assert(number < SLOTS && !seen[number]);
		seen[number] = true;
	}
	fclose(log);
	tfile_touch(gate);
	unref_all(f, SLOTS);
	stop();
}
END_TEST

/* What went wrong is told to the jobs, and what the module said about it is in the log. */
START_TEST(cf_ip_08_init_exception_in_func)
{
	char said[200];

	flag_set("refuse");
	start_pool(_i, 1, "testmod_slots", "");
	fut_future *f = submit("echo", "");
	fut_error *e = must_fail(f, FUT_POOL_BROKEN);
	ck_assert_ptr_nonnull(strstr(fut_error_detail(e), "pool 'p': "));
	ck_assert_ptr_nonnull(strstr(fut_error_detail(e), "slot_init() of module testmod_slots"));
	ck_assert_ptr_nonnull(strstr(fut_error_hint(e), "tries again"));
	fut_error_unref(e);
	fut_future_unref(f);
	tdaemon_wait_log(d, "event=host.died pool=p");
	ck_assert(tdaemon_log_value(d, "event=host.died pool=p", "stderr", said, sizeof said));
	ck_assert_ptr_nonnull(strstr(said, "there is no licence"));
	stop();
}
END_TEST

/* ---- what workers share ------------------------------------------------- */

/* One init() for the pool, before there was any worker; what it made is the same for all of
 * them, and for those that come when one has died. */
START_TEST(cf_ip_06_init_shared)
{
	enum { SLOTS = 3 };
	struct number_set pids = {.n = 0};
	char expected[160] = "", made_by[32];
	fut_future *f[SLOTS];

	start_pool(_i, SLOTS, "testmod_heritage, testmod_place, testmod_crash", "");
	snprintf(made_by, sizeof made_by, "p 1 %ld ", (long)tdaemon_zygote(d, "p"));
	for (int round = 0; round < 3; round++) {
		remove(gate);
		for (int i = 0; i < SLOTS; i++)
			f[i] = submit("place", gate);
		for (int i = 0; i < SLOTS; i++)
			(void)number_set_add(&pids, place_now(f[i]).pid);
		tfile_touch(gate);
		for (int i = 0; i < SLOTS; i++)
			(void)place_then(f[i]);
		unref_all(f, SLOTS);
		for (int i = 0; i < 2 * SLOTS; i++) {
			fut_bytes value;
			fut_future *h = submit("heritage", "");
			ck_assert_int_eq(fut_result(h, PATIENCE_US, &value, NULL), FUT_OK);
			ck_assert_mem_eq(value.data, made_by, strlen(made_by));
			if (!expected[0])
				memcpy(expected, value.data, value.len);
			must_be(h, expected);
			fut_future_unref(h);
		}
		f[0] = submit("kill_self", "");
		must_fail_(f[0], FUT_HOST_DIED);
		fut_future_unref(f[0]);
	}
	ck_assert_uint_gt(pids.n, _i & PROCESSES ? SLOTS : 1);
	stop();
}
END_TEST

/* ---- errors ------------------------------------------------------------- */

START_TEST(cf_ip_15_submit_exception_in_func)
{
	start(_i, 1);
	fut_future *f = submit("fail", "SpamError|not eggs");
	fut_error *e = must_fail(f, FUT_TASK_FAILED);
	ck_assert_str_eq(fut_error_type(e), "SpamError");
	ck_assert_str_eq(fut_error_message(e), "not eggs");
	ck_assert_ptr_nonnull(strstr(fut_error_traceback(e), "crash.c:"));
	fut_error_unref(e);
	fut_future_unref(f);
	stop();
}
END_TEST

/* What the worker cannot decode reaches the future; and so does what it could only in part. */
START_TEST(cf_ip_18_pickle_errors_propagate)
{
	start_pool(_i, 1, "testmod_stages", "");
	fut_future *f = submit("stages", "decode error");
	fut_error *e = must_fail(f, FUT_TASK_FAILED);
	ck_assert_str_eq(fut_error_message(e), "cannot decode");
	fut_error_unref(e);
	fut_future_unref(f);

	/* The items of a map: each is told by itself. */
	const char *const items[] = {"fine", "decode error", "fine", NULL}, *const *at = items;
	fut_map_item item;
	fut_map *m = open_map("stages", next_text, &at, (fut_map_options){.chunksize = 3});
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(fut_map_next(m, PATIENCE_US, &item), FUT_OK);
		ck_assert_int_eq(item.status, i == 1 ? FUT_TASK_FAILED : FUT_OK);
	}
	must_end(m);
	stop();
}
END_TEST

/* ---- how many ----------------------------------------------------------- */

START_TEST(cf_ip_16_saturation)
{
	saturate(_i);
}
END_TEST

START_TEST(cf_ip_17_idle_thread_reuse)
{
	reuse(_i);
}
END_TEST

/* ---- a loop of the program's own ---------------------------------------- */

struct loop {
	struct event_base *base;
	struct event *done;
	fut_waitset *ws;
	unsigned calls, futures;
	fut_status status; /* of the last future */
	char value[32];
};

static void on_done(evutil_socket_t fd, short what, void *arg)
{
	struct loop *l = arg;
	fut_status status;
	fut_bytes value;
	fut_future *f;

	(void)fd, (void)what;
	l->calls++;
	while ((status = fut_waitset_next(l->ws, 0, &f, NULL)) == FUT_OK) {
		l->futures++;
		l->status = fut_result(f, 0, &value, NULL);
		if (l->status == FUT_OK)
			snprintf(l->value, sizeof l->value, "%.*s", (int)value.len,
				 (const char *)value.data);
		fut_future_unref(f);
	}
	if (status == FUT_END)
		event_base_loopbreak(l->base);
}

static void loop_begin(struct loop *l)
{
	*l = (struct loop){.base = event_base_new()};
	ck_assert_ptr_nonnull(l->base);
	ck_assert_int_eq(fut_waitset_new(&l->ws), FUT_OK);
	l->done = event_new(l->base, fut_waitset_fd(l->ws), EV_READ | EV_PERSIST, on_done, l);
	ck_assert_ptr_nonnull(l->done);
	ck_assert_int_eq(event_add(l->done, NULL), 0);
}

/* With an end, should nothing come. */
static void loop_run(struct loop *l)
{
	const struct timeval patience = {.tv_sec = PATIENCE_US / SECOND};

	ck_assert_int_eq(event_base_loopexit(l->base, &patience), 0);
	ck_assert_int_eq(event_base_dispatch(l->base), 0);
}

static void loop_end(struct loop *l)
{
	event_free(l->done);
	event_base_free(l->base);
	fut_waitset_free(l->ws);
}

/* The loop sleeps until the value is there: it is woken once for each future, or less. */
START_TEST(cf_ip_19_run_in_executor)
{
	enum { N = 20 };
	struct loop l;

	start(_i, 2);
	loop_begin(&l);
	for (int i = 0; i < N; i++) {
		fut_future *f = submit("square", "12");
		ck_assert_int_eq(fut_waitset_add(l.ws, f, NULL), FUT_OK);
		fut_future_unref(f);
	}
	loop_run(&l);
	ck_assert_uint_eq(l.futures, N);
	ck_assert_uint_le(l.calls, N);
	ck_assert_int_eq(l.status, FUT_OK);
	ck_assert_str_eq(l.value, "144");
	/* A failure comes the same way. */
	fut_future *f = submit("fail", "E|m");
	ck_assert_int_eq(fut_waitset_add(l.ws, f, NULL), FUT_OK);
	fut_future_unref(f);
	loop_run(&l);
	ck_assert_uint_eq(l.futures, N + 1);
	ck_assert_int_eq(l.status, FUT_TASK_FAILED);
	loop_end(&l);
	stop();
}
END_TEST

/* A cancel wakes the loop. What is in a set that is given back ends as it would have, and
 * does not touch what has the set's descriptor by then. */
START_TEST(cf_ip_20_run_in_executor_cancel)
{
	struct loop l;
	uint64_t woken;

	start(_i, 1);
	loop_begin(&l);
	fut_future *runs = hold(), *waits = submit("mark", mark);
	ck_assert_int_eq(fut_waitset_add(l.ws, waits, NULL), FUT_OK);
	ck_assert_int_eq(fut_cancel(waits, 0, NULL), FUT_OK);
	loop_run(&l);
	ck_assert_uint_eq(l.futures, 1);
	ck_assert_int_eq(l.status, FUT_CANCELLED);

	ck_assert_int_eq(fut_waitset_add(l.ws, runs, NULL), FUT_OK);
	int fd = fut_waitset_fd(l.ws);
	loop_end(&l);
	int mine = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	ck_assert_int_ge(mine, 0);
	ck_assert_int_eq(dup2(mine, fd), fd);
	release(runs);
	ck_assert_int_eq(fut_executor_ping(x, PATIENCE_US, NULL), FUT_OK);
	ck_assert_int_eq(read(fd, &woken, sizeof woken), -1);
	ck_assert_uint_eq(l.futures, 1);
	ck_assert_uint_eq(tfile_lines(mark), 0);
	if (mine != fd)
		close(mine);
	close(fd);
	fut_future_unref(waits);
	stop();
}
END_TEST

/* ---- the default -------------------------------------------------------- */

/* Without a URL it is the one that the environment names. */
START_TEST(cf_ip_21_default_executor)
{
	char url[160];
	fut_executor *own;

	start(_i, 1);
	snprintf(url, sizeof url, "%s?pool=p", url_of(_i));
	ck_assert_int_eq(setenv("FUTURED_URL", url, 1), 0);
	ck_assert_int_eq(fut_executor_open(NULL, &own, NULL), FUT_OK);
	ck_assert_str_eq(fut_executor_pool(own), "p");
	ck_assert_str_eq(fut_executor_kind(own), kind_of(_i));
	fut_future *f = submit_on(own, "pid", "", 0);
	ck_assert_int_eq(number_of(f), ask_number("pid"));
	fut_future_unref(f);
	close_executor(own);
	stop();
}
END_TEST

/* And where it names none, one of its own, with the pool of threads first. */
START_TEST(cf_ip_21_default_executor_of_its_own)
{
	fut_executor *own;

	begin();
	ck_assert_int_eq(fut_executor_open(NULL, &own, NULL), FUT_OK);
	ck_assert_str_eq(fut_executor_kind(own), "threads");
	fut_future *f = submit_on(own, "square", "7", 1);
	must_be(f, "49");
	fut_future_unref(f);
	close_executor(own);
	end();
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("contract: interpreters");
	TCase *tc = trun_case(s, "CF-IP");

	tcase_add_checked_fixture(tc, flags_begin, flags_end);
	each_way(tc, cf_ip_03_init_func);
	tcase_add_loop_test(tc, cf_ip_04_init_closure, 0, KINDS);
	tcase_add_loop_test(tc, cf_ip_05_init_instance_method, 0, KINDS);
	each_way(tc, cf_ip_06_init_shared);
	each_way(tc, cf_ip_08_init_exception_in_func);
	each_way(tc, cf_ip_10_submit_closure);
	each_way(tc, cf_ip_11_submit_local_instance);
	each_way(tc, cf_ip_12_submit_instance_method);
	each_way(tc, cf_ip_15_submit_exception_in_func);
	each_way(tc, cf_ip_16_saturation);
	each_way(tc, cf_ip_17_idle_thread_reuse);
	each_way(tc, cf_ip_18_pickle_errors_propagate);
	each_way(tc, cf_ip_19_run_in_executor);
	each_way(tc, cf_ip_20_run_in_executor_cancel);
	each_way(tc, cf_ip_21_default_executor);
	tcase_add_test(tc, cf_ip_21_default_executor_of_its_own);
	return s;
}
