/* Commands, run by a host of the built futured-worker. */
#include "tests/lib/trun.h"
#include "tests/lib/worker_zygote.h"

#include <stdio.h>

/* Up to READY with one command, and a host to run it. */
static void command_open(struct host *h, const char *argv, size_t len, uint64_t max_result)
{
	zygote_open();
	say_pool();
	say_text(CONTROL_COMMAND, argv, len);
	say_start();
	hear_text(CONTROL_TASK, argv);
	(void)hear(CONTROL_READY);
	host_open(h, 1, 1, max_result);
}

static void command_close(struct host *h)
{
	ck_assert_int_eq(zygote_close(), 0);
	host_close(h);
}

#define SHELL(script) "it\0/bin/sh\0-c\0" script, sizeof("it\0/bin/sh\0-c\0" script)

START_TEST(a_command_gets_the_payload_and_gives_its_output)
{
	struct host h;
	static char payload[30001];

	memset(payload, 'p', sizeof payload - 1);
	command_open(&h, "it\0/bin/cat", sizeof "it\0/bin/cat", 1 << 20);
	expect_result(&h, 0, 0, "some words", "some words");
	expect_result(&h, 0, 0, "", "");
	expect_result(&h, 0, 0, payload, payload);
	command_close(&h);
}
END_TEST

START_TEST(arguments_are_passed_as_they_are)
{
	static const char argv[] = "it\0/usr/bin/printf\0%s|\0a b\0$HOME\0";
	struct host h;

	command_open(&h, argv, sizeof argv, 1 << 20);
	expect_result(&h, 0, 0, "", "a b|$HOME||");
	command_close(&h);
}
END_TEST

START_TEST(a_command_need_not_read)
{
	static char payload[RECORD_PAYLOAD_MAX];
	struct host h;

	memset(payload, 'p', sizeof payload - 1);
	command_open(&h, SHELL("exec <&-; echo done"), 1 << 20);
	expect_result(&h, 0, 0, payload, "done\n");
	command_close(&h);
}
END_TEST

START_TEST(a_large_output_comes_whole)
{
	struct host h;

	command_open(&h, SHELL("head -c 900000 /dev/zero"), 1 << 20);
	struct answered a = host_answer(&h, 0, 0, "");
	ck_assert_uint_eq(a.status, FUT_OK);
	ck_assert_uint_eq(a.len, 900000);
	free(a.bytes);
	command_close(&h);
}
END_TEST

START_TEST(too_much_output_is_an_end)
{
	struct host h;

	command_open(&h, SHELL("exec cat /dev/zero"), 100000);
	struct answered a = host_answer(&h, 0, 0, "");
	ck_assert_uint_eq(a.status, FUT_RESULT_TOO_BIG);
	free(a.bytes);
	command_close(&h);
}
END_TEST

/* It burns at least 50 ms; and then one that does next to nothing, in the same slot. */
START_TEST(its_cpu_time_counts)
{
	struct host h;
	int minutes;
	double seconds;

	command_open(&h, SHELL("read n; i=0; while [ $i -lt $n ]; do i=$((i+1)); done; times"),
		     1 << 20);
	struct answered a = host_answer(&h, 0, 0, "100000\n");
	ck_assert_uint_eq(a.status, FUT_OK);
	ck_assert_int_eq(sscanf((char *)a.bytes, "%dm%lfs", &minutes, &seconds), 2);
	/* `times` is rounded. */
	ck_assert_double_ge((double)a.cpu_ns / 1e9, seconds - 0.02);
	ck_assert_double_gt(seconds, 0.01);
	free(a.bytes);
	uint64_t before_ns = a.cpu_ns;
	a = host_answer(&h, 0, 0, "1\n");
	ck_assert_uint_lt(a.cpu_ns, before_ns);
	free(a.bytes);
	command_close(&h);
}
END_TEST

START_TEST(a_status_is_a_failure_with_the_end_of_stderr)
{
	struct host h;

	command_open(&h, SHELL("echo out; echo why >&2; exit 3"), 1 << 20);
	struct answered a = host_answer(&h, 0, 0, "");
	expect_error(&a, "CommandFailed", "it exited with status 3", "why\n");
	free(a.bytes);
	command_close(&h);
}
END_TEST

START_TEST(a_signal_is_a_failure)
{
	struct host h;

	command_open(&h, SHELL("kill -SEGV $$"), 1 << 20);
	struct answered a = host_answer(&h, 0, 0, "");
	expect_error(&a, "CommandFailed", "it was ended by signal 11 (SIGSEGV)", "");
	free(a.bytes);
	command_close(&h);
}
END_TEST

START_TEST(a_command_that_cannot_run_says_why)
{
	struct host h;

	command_open(&h, "it\0/nowhere/at/all", sizeof "it\0/nowhere/at/all", 1 << 20);
	struct answered a = host_answer(&h, 0, 0, "payload");
	expect_error(&a, "CommandFailed", "cannot run /nowhere/at/all: No such file or directory",
		     "");
	free(a.bytes);
	command_close(&h);
}
END_TEST

START_TEST(a_command_is_stopped_on_request)
{
	struct host h;

	command_open(&h, SHELL("exec sleep 1000"), 1 << 20);
	uint32_t tag = front_submit(&h.front, 0, (struct job){.task = 0}, NULL);
	atomic_store(&h.front.slots[0].view.shared->stop_tag, tag);
	struct answered a = front_answer(&h.front, 0);
	expect_error(&a, "Stopped", "it was ended by signal 15 (SIGTERM)", "");
	free(a.bytes);
	command_close(&h);
}
END_TEST

START_TEST(a_command_that_does_not_stop_is_killed)
{
	struct host h;

	command_open(&h, SHELL("trap '' TERM; while :; do sleep 1000 & wait; done"), 1 << 20);
	struct job j = {.task = 0, .run_limit_us = 100 * 1000};
	(void)front_submit(&h.front, 0, j, NULL);
	struct answered a = front_answer(&h.front, 0);
	expect_error(&a, "CommandFailed", "it was ended by signal 9 (SIGKILL)", "");
	free(a.bytes);
	command_close(&h);
}
END_TEST

START_TEST(what_a_command_leaves_running_is_not_waited_for)
{
	struct host h;

	command_open(&h, SHELL("sleep 1000 & echo done"), 1 << 20);
	expect_result(&h, 0, 0, "", "done\n");
	command_close(&h);
}
END_TEST

START_TEST(a_command_has_the_usual_signals)
{
	struct host h;

	/* Of 32 and 33, which are the C library's own, nobody can change what was inherited. */
	command_open(
		&h,
		SHELL("sed -nE 's/^(Sig(Blk|Ign)):\\s0{7}[01][08]0{7}$/\\1/p' /proc/self/status"),
		1 << 20);
	expect_result(&h, 0, 0, "", "SigBlk\nSigIgn\n");
	command_close(&h);
}
END_TEST

static const struct {
	const char *text;
	size_t len;
	const char *why;
} bad_commands[] = {
	{"it", 3, "needs a name and a program"},
	{"it\0/bin/cat", 11, "needs a name and a program"},
	{"not a name\0/bin/cat", 20, "not a name for a task"},
	{"it\0cat", 7, "not absolute"},
};

START_TEST(a_bad_command_is_refused)
{
	zygote_open();
	say_pool();
	say_text(CONTROL_COMMAND, bad_commands[_i].text, bad_commands[_i].len);
	say_start();
	hear_failed(bad_commands[_i].text, bad_commands[_i].why);
	(void)hear(CONTROL_READY);
	ck_assert_int_eq(zygote_close(), 0);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("worker_command");
	TCase *tc = zygote_case(s, "command");

	tcase_add_test(tc, a_command_gets_the_payload_and_gives_its_output);
	tcase_add_test(tc, arguments_are_passed_as_they_are);
	tcase_add_test(tc, a_command_need_not_read);
	tcase_add_test(tc, a_large_output_comes_whole);
	tcase_add_test(tc, too_much_output_is_an_end);
	tcase_add_test(tc, its_cpu_time_counts);
	tcase_add_test(tc, a_status_is_a_failure_with_the_end_of_stderr);
	tcase_add_test(tc, a_signal_is_a_failure);
	tcase_add_test(tc, a_command_that_cannot_run_says_why);
	tcase_add_test(tc, a_command_is_stopped_on_request);
	tcase_add_test(tc, a_command_that_does_not_stop_is_killed);
	tcase_add_test(tc, what_a_command_leaves_running_is_not_waited_for);
	tcase_add_test(tc, a_command_has_the_usual_signals);
	trun_add_each(tc, a_bad_command_is_refused, bad_commands);
	return s;
}
