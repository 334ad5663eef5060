#include "proto/control.h"

#include "common/util.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

int control_send(int socket, const struct control_message *m, const int *fds, size_t nfds)
{
	union {
		char space[CMSG_SPACE(sizeof(int) * CONTROL_FDS_MAX)];
		struct cmsghdr align;
	} ancillary = {0};
	struct iovec iov = {
		.iov_base = (void *)(uintptr_t)m,
		.iov_len = offsetof(struct control_message, text) + m->text_len,
	};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	assert(nfds <= CONTROL_FDS_MAX && m->text_len < CONTROL_TEXT_MAX);
	if (nfds > 0) {
		msg.msg_control = ancillary.space;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * nfds);
	}
	for (;;) {
		if (sendmsg(socket, &msg, MSG_NOSIGNAL) >= 0)
			return 0;
		if (errno != EINTR)
			return -errno;
	}
}

static void take_fds(struct msghdr *msg, int *ret_fds)
{
	size_t n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
			if (n < CONTROL_FDS_MAX)
				ret_fds[n++] = fd;
			else
				close_fd(fd);
		}
	}
}

int control_receive(int socket, struct control_message *ret, int *ret_fds)
{
	union {
		char space[CMSG_SPACE(sizeof(int) * CONTROL_FDS_MAX)];
		struct cmsghdr align;
	} ancillary;
	const size_t head = offsetof(struct control_message, text);
	struct iovec iov = {.iov_base = ret, .iov_len = sizeof *ret - 1};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = ancillary.space,
		.msg_controllen = sizeof ancillary.space,
	};
	ssize_t n;

	for (size_t i = 0; i < CONTROL_FDS_MAX; i++)
		ret_fds[i] = -1;
	do {
		n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n == 0)
		return 0;
	take_fds(&msg, ret_fds);
	if ((size_t)n < head || ret->text_len != (size_t)n - head || (msg.msg_flags & MSG_TRUNC)) {
		for (size_t i = 0; i < CONTROL_FDS_MAX; i++)
			ret_fds[i] = close_fd(ret_fds[i]);
		return -EPROTO;
	}
	ret->text[ret->text_len] = '\0';
	return 1;
}
