/* A sandbox on its way to the zygote. */
#include "proto/sandbox.h"
#include "tests/lib/trun.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void make(struct sandbox *s)
{
	sandbox_init(s);
	s->mode = SANDBOX_STRICT;
	s->network = false;
	s->has_user = true;
	s->uid = 7;
	s->gid = 8;
	s->limits[SANDBOX_CPU] = 9;
	ck_assert_int_eq(sandbox_add_readable(s, strdup("/a")), 0);
	ck_assert_int_eq(sandbox_add_writable(s, strdup("/b c")), 0);
	ck_assert_int_eq(sandbox_add_writable(s, strdup("/")), 0);
}

START_TEST(it_arrives_as_it_was)
{
	char text[SANDBOX_TEXT_MAX];
	struct sandbox s, got;

	make(&s);
	size_t len = sandbox_encode(&s, text);
	ck_assert_int_eq(sandbox_decode(text, len, &got), 0);
	ck_assert_int_eq(got.mode, SANDBOX_STRICT);
	ck_assert(!got.network && got.programs && !got.is_traceable && got.has_user);
	ck_assert_uint_eq(got.uid, 7);
	ck_assert_uint_eq(got.gid, 8);
	ck_assert_uint_eq(got.limits[SANDBOX_CPU], 9);
	ck_assert(got.limits[SANDBOX_CORE] == SANDBOX_INHERIT);
	ck_assert_uint_eq(got.nreadable, 1);
	ck_assert_uint_eq(got.nwritable, 2);
	ck_assert_str_eq(got.paths[0], "/a");
	ck_assert_str_eq(got.paths[1], "/b c");
	ck_assert_str_eq(got.paths[2], "/");
	sandbox_done(&s);
	sandbox_done(&got);
}
END_TEST

/* Cut at every byte, or with one too many, or with a mode that there is not. */
START_TEST(half_of_it_is_refused)
{
	char text[SANDBOX_TEXT_MAX];
	struct sandbox s, got = {.uid = 4711};

	make(&s);
	size_t len = sandbox_encode(&s, text);
	for (size_t n = 0; n < len; n++)
		ck_assert_int_eq(sandbox_decode(text, n, &got), -EPROTO);
	text[len] = '\0';
	ck_assert_int_eq(sandbox_decode(text, len + 1, &got), -EPROTO);
	text[0] = 3;
	ck_assert_int_eq(sandbox_decode(text, len, &got), -EPROTO);
	ck_assert_uint_eq(got.uid, 4711);
	sandbox_done(&s);
}
END_TEST

START_TEST(paths_have_an_end)
{
	static char long_path[SANDBOX_PATHS_MAX_BYTES + 1];
	char text[SANDBOX_TEXT_MAX];
	struct sandbox s, got;

	sandbox_init(&s);
	for (int i = 0; i < SANDBOX_PATHS_MAX; i++)
		ck_assert_int_eq(sandbox_add_readable(&s, strdup("/a")), 0);
	ck_assert_int_eq(sandbox_add_readable(&s, strdup("/a")), -E2BIG);
	sandbox_done(&s);
	memset(long_path, 'a', sizeof long_path - 1);
	long_path[0] = '/';
	ck_assert_int_eq(sandbox_add_writable(&s, strdup(long_path)), -E2BIG);
	long_path[sizeof long_path - 2] = '\0';
	ck_assert_int_eq(sandbox_add_writable(&s, strdup(long_path)), 0);
	ck_assert_int_eq(sandbox_add_writable(&s, strdup("/")), -E2BIG);
	size_t len = sandbox_encode(&s, text);
	ck_assert_uint_le(len, sizeof text);
	ck_assert_int_eq(sandbox_decode(text, len, &got), 0);
	ck_assert_str_eq(got.paths[0], long_path);
	sandbox_done(&got);
	sandbox_done(&s);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("sandbox_text");
	TCase *tc = trun_case(s, "text");

	tcase_add_test(tc, it_arrives_as_it_was);
	tcase_add_test(tc, half_of_it_is_refused);
	tcase_add_test(tc, paths_have_an_end);
	return s;
}
