#include "proto/status.h"
#include "tests/lib/trun.h"

#include <stdio.h>
#include <string.h>

/*
 * The table once more. The numbers are in compiled programs and on the wire: a line here
 * may be added, never changed.
 */
static const struct {
	const char *name;
	unsigned number;
	fut_family family;
	fut_retry unexecuted; /* what to do when the code did not run */
	fut_retry executed;   /* and when it did */
} rows[] = {
#define NEVER FUT_RETRY_NEVER
#define NOW   FUT_RETRY_NOW
#define LATER FUT_RETRY_LATER
#define NEW   FUT_RETRY_NEW_JOB
	{"OK", 0, FUT_FAMILY_NONE, NEVER, NEVER},
	{"END", 1, FUT_FAMILY_NONE, NEVER, NEVER},
	{"TASK_FAILED", 10, FUT_FAMILY_TASK, NOW, NEW},
	{"RUN_LIMIT", 11, FUT_FAMILY_TASK, NOW, NEW},
	{"STALL_LIMIT", 12, FUT_FAMILY_TASK, NOW, NEW},
	{"RESULT_TOO_BIG", 13, FUT_FAMILY_TASK, NEVER, NEVER},
	{"HOST_DIED", 30, FUT_FAMILY_SYSTEM, NOW, NEW},
	{"CONNECT_FAILED", 31, FUT_FAMILY_SYSTEM, LATER, NEW},
	{"CONNECTION_LOST", 32, FUT_FAMILY_SYSTEM, NOW, NEW},
	{"PROTOCOL", 33, FUT_FAMILY_SYSTEM, NEVER, NEVER},
	{"BUSY", 34, FUT_FAMILY_SYSTEM, LATER, NEW},
	{"UNKNOWN_TASK", 35, FUT_FAMILY_SYSTEM, NEVER, NEVER},
	{"UNKNOWN_POOL", 36, FUT_FAMILY_SYSTEM, NEVER, NEVER},
	{"PAYLOAD_TOO_BIG", 37, FUT_FAMILY_SYSTEM, NEVER, NEVER},
	{"DRAINING", 38, FUT_FAMILY_SYSTEM, LATER, NEW},
	{"POOL_BROKEN", 39, FUT_FAMILY_SYSTEM, LATER, NEW},
	{"QUEUE_LIMIT", 40, FUT_FAMILY_SYSTEM, NOW, NEW},
	{"DEADLINE", 41, FUT_FAMILY_SYSTEM, NEVER, NEVER},
	{"NO_MEMORY", 42, FUT_FAMILY_SYSTEM, LATER, NEW},
	{"UNSUPPORTED", 43, FUT_FAMILY_SYSTEM, NEVER, NEVER},
	{"INTERNAL", 44, FUT_FAMILY_SYSTEM, NOW, NEW},
	{"QUARANTINED", 45, FUT_FAMILY_SYSTEM, NEVER, NEVER},
	{"PERMISSION_DENIED", 46, FUT_FAMILY_SYSTEM, NEVER, NEVER},
	{"QUOTA", 47, FUT_FAMILY_SYSTEM, LATER, NEW},
	{"TIMEOUT", 60, FUT_FAMILY_CALLER, NOW, NEW},
	{"CANCELLED", 61, FUT_FAMILY_CALLER, NOW, NEW},
	{"KILLED", 62, FUT_FAMILY_CALLER, NOW, NEW},
	{"INVALID", 63, FUT_FAMILY_CALLER, NEVER, NEVER},
	{"SHUTDOWN", 64, FUT_FAMILY_CALLER, NEVER, NEVER},
	{"FORKED", 65, FUT_FAMILY_CALLER, NEVER, NEVER},
	{"WOULD_DEADLOCK", 66, FUT_FAMILY_CALLER, NEVER, NEVER},
#undef NEVER
#undef NOW
#undef LATER
#undef NEW
};

enum { NROWS = sizeof rows / sizeof rows[0] };

START_TEST(numbers_never_change)
{
	unsigned in_header = 0;

#define X(name, number, family, text) in_header++;
	FUT_STATUSES(X)
#undef X
	ck_assert_uint_eq(in_header, NROWS);
	for (size_t i = 0; i < NROWS; i++) {
		fut_status status = status_from_wire(rows[i].number);
		ck_assert_uint_eq((unsigned)status, rows[i].number);
		ck_assert_str_eq(status_name(status), rows[i].name);
		ck_assert_int_eq(status_family(status), rows[i].family);
		ck_assert_uint_gt(strlen(status_text(status)), 0);
	}
}
END_TEST

START_TEST(all_different)
{
	for (size_t i = 0; i < NROWS; i++) {
		for (size_t k = 0; k < i; k++) {
			fut_status a = (fut_status)rows[i].number, b = (fut_status)rows[k].number;
			ck_assert_uint_ne(rows[i].number, rows[k].number);
			ck_assert_str_ne(status_name(a), status_name(b));
			ck_assert_str_ne(status_text(a), status_text(b));
		}
	}
}
END_TEST

/* One line, no full stop, small first letter: it stands behind other words. */
START_TEST(texts_read_alike)
{
	for (size_t i = 0; i < NROWS; i++) {
		const char *text = status_text((fut_status)rows[i].number);
		ck_assert_msg(text[0] >= 'a' && text[0] <= 'z', "%s", text);
		ck_assert_ptr_null(strchr(text, '\n'));
		ck_assert_int_ne(text[strlen(text) - 1], '.');
	}
}
END_TEST

START_TEST(unknown_numbers)
{
	static const uint32_t numbers[] = {2, 9, 14, 29, 48, 59, 67, 1000, UINT32_MAX};

	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		ck_assert_int_eq(status_from_wire(numbers[i]), FUT_INTERNAL);
		ck_assert_str_eq(status_name((fut_status)numbers[i]), "UNKNOWN");
		ck_assert_int_eq(status_family((fut_status)numbers[i]), FUT_FAMILY_SYSTEM);
		ck_assert_ptr_nonnull(status_text((fut_status)numbers[i]));
	}
}
END_TEST

START_TEST(retry)
{
	for (size_t i = 0; i < NROWS; i++) {
		fut_status status = (fut_status)rows[i].number;
		ck_assert_msg(status_retry(status, FUT_EXECUTED_NO) == rows[i].unexecuted, "%s",
			      rows[i].name);
		ck_assert_msg(status_retry(status, FUT_EXECUTED_YES) == rows[i].executed, "%s",
			      rows[i].name);
		ck_assert_msg(status_retry(status, FUT_EXECUTED_MAYBE) == rows[i].executed, "%s",
			      rows[i].name);
	}
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("status");
	TCase *tc = trun_case(s, "status");

	tcase_add_test(tc, numbers_never_change);
	tcase_add_test(tc, all_different);
	tcase_add_test(tc, texts_read_alike);
	tcase_add_test(tc, unknown_numbers);
	tcase_add_test(tc, retry);
	return s;
}
