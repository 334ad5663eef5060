/* What a process has resident. */
#include "worker/memory.h"

#include "tests/lib/trun.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { BYTES = 64 << 20, SLACK = 8 << 20 };

START_TEST(it_follows_what_is_touched)
{
	uint64_t before, mapped, touched, after;
	int fd = memory_open();

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(memory_resident(fd, &before), 0);
	ck_assert_uint_gt(before, 0);
	char *p = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(p, MAP_FAILED);
	ck_assert_int_eq(memory_resident(fd, &mapped), 0);
	ck_assert_uint_lt(mapped, before + SLACK);
	memset(p, 'm', BYTES);
	ck_assert_int_eq(memory_resident(fd, &touched), 0);
	ck_assert_uint_gt(touched, before + BYTES - SLACK);
	ck_assert_uint_lt(touched, before + BYTES + SLACK);
	munmap(p, BYTES);
	ck_assert_int_eq(memory_resident(fd, &after), 0);
	ck_assert_uint_lt(after, before + SLACK);
	close(fd);
}
END_TEST

START_TEST(what_cannot_be_read_is_an_error)
{
	uint64_t bytes = 7;
	int fds[2];

	ck_assert_int_eq(memory_resident(-1, &bytes), -EBADF);
	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(memory_resident(fds[0], &bytes), -ESPIPE);
	ck_assert_uint_eq(bytes, 7);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("worker_memory");
	TCase *tc = trun_case(s, "memory");

	tcase_add_test(tc, it_follows_what_is_touched);
	tcase_add_test(tc, what_cannot_be_read_is_an_error);
	return s;
}
