#include "proto/control.h"
#include "tests/lib/trun.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int ends[2];

static void open_pair(void)
{
	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
}

static void close_pair(void)
{
	close(ends[0]);
	close(ends[1]);
}

static unsigned count_open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	ck_assert_ptr_nonnull(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static bool same_file(int a, int b)
{
	struct stat sa, sb;

	return fstat(a, &sa) == 0 && fstat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
	       sa.st_ino == sb.st_ino;
}

START_TEST(every_member_arrives)
{
	struct control_message m = {
		.type = CONTROL_EXITED,
		.host = UINT32_MAX,
		.slots = 3,
		.first_slot = UINT32_MAX - 1,
		.error = -5,
		.pid = INT64_MIN,
		.wait_status = INT32_MIN,
		.text_len = 6,
		.cpu_us = UINT64_MAX,
		.max_rss_bytes = 1,
		.text = "a\0b\0c",
	};
	static struct control_message got;
	int fds[CONTROL_FDS_MAX];

	ck_assert_int_eq(control_send(ends[0], &m, NULL, 0), 0);
	memset(&got, 0xee, sizeof got);
	ck_assert_int_eq(control_receive(ends[1], &got, fds), 1);
	ck_assert_uint_eq(got.type, CONTROL_EXITED);
	ck_assert_uint_eq(got.host, UINT32_MAX);
	ck_assert_uint_eq(got.slots, 3);
	ck_assert_uint_eq(got.first_slot, UINT32_MAX - 1);
	ck_assert_int_eq(got.error, -5);
	ck_assert_int_eq(got.pid, INT64_MIN);
	ck_assert_int_eq(got.wait_status, INT32_MIN);
	ck_assert_uint_eq(got.cpu_us, UINT64_MAX);
	ck_assert_uint_eq(got.max_rss_bytes, 1);
	ck_assert_uint_eq(got.text_len, 6);
	ck_assert_mem_eq(got.text, "a\0b\0c\0", 7); /* and a NUL behind it */
	ck_assert_int_eq(fds[0], -1);
	ck_assert_int_eq(fds[1], -1);
}
END_TEST

START_TEST(text_lengths)
{
	static const uint32_t lengths[] = {0, 1, 4095, CONTROL_TEXT_MAX - 1};
	static struct control_message m, got;
	int fds[CONTROL_FDS_MAX];

	memset(m.text, 't', sizeof m.text);
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		m.text_len = lengths[i];
		memset(&got, 0xee, sizeof got);
		ck_assert_int_eq(control_send(ends[0], &m, NULL, 0), 0);
		ck_assert_int_eq(control_receive(ends[1], &got, fds), 1);
		ck_assert_uint_eq(got.text_len, lengths[i]);
		ck_assert_uint_eq(strlen(got.text), lengths[i]);
	}
}
END_TEST

START_TEST(descriptors_arrive)
{
	struct control_message m = {.type = CONTROL_FORK};
	static struct control_message got;
	int pipes[2], fds[CONTROL_FDS_MAX];

	ck_assert_int_eq(pipe(pipes), 0);
	for (size_t n = 1; n <= CONTROL_FDS_MAX; n++) {
		unsigned before = count_open_fds();
		ck_assert_int_eq(control_send(ends[0], &m, pipes, n), 0);
		ck_assert_int_eq(control_receive(ends[1], &got, fds), 1);
		ck_assert_uint_eq(count_open_fds(), before + n); /* ours stay ours */
		for (size_t i = 0; i < CONTROL_FDS_MAX; i++) {
			if (i >= n) {
				ck_assert_int_eq(fds[i], -1);
				continue;
			}
			ck_assert_int_ne(fds[i], pipes[i]);
			ck_assert(same_file(fds[i], pipes[i]));
			ck_assert_int_eq(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
			close(fds[i]);
		}
	}
	close(pipes[0]);
	close(pipes[1]);
}
END_TEST

START_TEST(messages_stay_apart_and_in_order)
{
	static struct control_message m, got;
	int fds[CONTROL_FDS_MAX];

	for (uint32_t i = 0; i < 5; i++) {
		m.host = i;
		m.text_len = i;
		ck_assert_int_eq(control_send(ends[0], &m, NULL, 0), 0);
	}
	for (uint32_t i = 0; i < 5; i++) {
		ck_assert_int_eq(control_receive(ends[1], &got, fds), 1);
		ck_assert_uint_eq(got.host, i);
		ck_assert_uint_eq(got.text_len, i);
	}
	ck_assert_int_eq(control_receive(ends[1], &got, fds), -EAGAIN);
}
END_TEST

START_TEST(nothing_and_the_end)
{
	static struct control_message got;
	int fds[CONTROL_FDS_MAX];

	ck_assert_int_eq(control_receive(ends[1], &got, fds), -EAGAIN);
	ck_assert_int_eq(fds[0], -1);
	/* What was sent before the end is not lost. */
	struct control_message m = {.type = CONTROL_QUIT};
	ck_assert_int_eq(control_send(ends[0], &m, NULL, 0), 0);
	ck_assert_int_eq(shutdown(ends[0], SHUT_WR), 0);
	ck_assert_int_eq(control_receive(ends[1], &got, fds), 1);
	ck_assert_int_eq(control_receive(ends[1], &got, fds), 0);
	ck_assert_int_eq(fds[0], -1);
	ck_assert_int_eq(control_receive(-1, &got, fds), -EBADF);
}
END_TEST

/* No SIGPIPE when the other side is gone. */
START_TEST(sending_to_nobody)
{
	struct control_message m = {.type = CONTROL_QUIT};

	close(ends[1]);
	ck_assert_int_eq(control_send(ends[0], &m, NULL, 0), -EPIPE);
	ends[1] = dup(ends[0]);
}
END_TEST

START_TEST(full_socket)
{
	static struct control_message m = {.text_len = CONTROL_TEXT_MAX - 1};
	int r;

	for (int i = 0; (r = control_send(ends[0], &m, NULL, 0)) == 0; i++)
		ck_assert_int_lt(i, 100000);
	ck_assert_int_eq(r, -EAGAIN);
}
END_TEST

/* Bytes that are no message, with a descriptor that must not leak. */
static void must_refuse(const void *p, size_t n)
{
	static struct control_message got;
	int fds[CONTROL_FDS_MAX] = {7, 7};
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} ancillary = {0};
	struct iovec iov = {(void *)(uintptr_t)p, n};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = ancillary.space,
			     .msg_controllen = sizeof ancillary};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &ends[0], sizeof(int));
	unsigned before = count_open_fds();
	ck_assert_int_eq(sendmsg(ends[0], &msg, 0), (ssize_t)n);
	ck_assert_int_eq(control_receive(ends[1], &got, fds), -EPROTO);
	ck_assert_int_eq(fds[0], -1);
	ck_assert_int_eq(fds[1], -1);
	ck_assert_uint_eq(count_open_fds(), before);
}

START_TEST(what_is_no_message)
{
	static struct {
		struct control_message m;
		char more[100];
	} w;
	const size_t head = offsetof(struct control_message, text);

	for (size_t n = 1; n < head; n += 7)
		must_refuse(&w, n); /* cut off */
	must_refuse(&w, head - 1);
	w.m.text_len = 1;
	must_refuse(&w, head); /* says more than there is */
	w.m.text_len = 10;
	must_refuse(&w, head + 9);
	must_refuse(&w, head + 11); /* and less */
	w.m.text_len = UINT32_MAX;
	must_refuse(&w, head + 4);
	w.m.text_len = CONTROL_TEXT_MAX; /* no place for the NUL */
	must_refuse(&w, head + CONTROL_TEXT_MAX);
	w.m.text_len = CONTROL_TEXT_MAX + 50;
	must_refuse(&w, head + CONTROL_TEXT_MAX + 50);
}
END_TEST

/* More descriptors than a message may carry: the kernel cuts, and nothing leaks. */
START_TEST(too_many_descriptors)
{
	enum { MANY = 5 };
	static struct control_message m, got;
	int fds[CONTROL_FDS_MAX];
	union {
		char space[CMSG_SPACE(sizeof(int) * MANY)];
		struct cmsghdr align;
	} ancillary = {0};
	struct iovec iov = {&m, offsetof(struct control_message, text)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = ancillary.space,
			     .msg_controllen = sizeof ancillary};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * MANY);
	for (int i = 0; i < MANY; i++)
		memcpy(CMSG_DATA(c) + (size_t)i * sizeof(int), &ends[0], sizeof(int));
	unsigned before = count_open_fds();
	ck_assert_int_gt(sendmsg(ends[0], &msg, 0), 0);
	ck_assert_int_eq(control_receive(ends[1], &got, fds), 1);
	for (size_t i = 0; i < CONTROL_FDS_MAX; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	ck_assert_uint_eq(count_open_fds(), before);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("control");
	TCase *tc = trun_case(s, "control");

	tcase_add_checked_fixture(tc, open_pair, close_pair);
	tcase_add_test(tc, every_member_arrives);
	tcase_add_test(tc, text_lengths);
	tcase_add_test(tc, descriptors_arrive);
	tcase_add_test(tc, messages_stay_apart_and_in_order);
	tcase_add_test(tc, nothing_and_the_end);
	tcase_add_test(tc, sending_to_nobody);
	tcase_add_test(tc, full_socket);
	tcase_add_test(tc, what_is_no_message);
	tcase_add_test(tc, too_many_descriptors);
	return s;
}
