/* net/address.c: both ends of a connection, over each transport. */
#include "common/clock.h"
#include "net/address.h"
#include "net/peer.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/futured-test-XXXXXX";
static char path[64];

static void setup(void)
{
	strcpy(dir, "/tmp/futured-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/socket", dir);
}

static void teardown(void)
{
	unlink(path);
	rmdir(dir);
}

static uint64_t soon(void)
{
	return clock_after_us(5000000);
}

static int option_of(int fd, int level, int option)
{
	int value = 0;
	socklen_t len = sizeof value;

	ck_assert_int_eq(getsockopt(fd, level, option, &value, &len), 0);
	return value;
}

static void check_tcp_options(int fd)
{
	ck_assert_int_ne(option_of(fd, IPPROTO_TCP, TCP_NODELAY), 0);
	ck_assert_int_ne(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
	ck_assert_int_eq(option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE) +
				 option_of(fd, IPPROTO_TCP, TCP_KEEPINTVL) *
					 option_of(fd, IPPROTO_TCP, TCP_KEEPCNT),
			 ADDRESS_SILENCE_MAX_S);
	ck_assert_int_eq(option_of(fd, IPPROTO_TCP, TCP_USER_TIMEOUT),
			 ADDRESS_SILENCE_MAX_S * 1000);
}

static void check_peer(const struct url *u, const struct peer *who)
{
	ck_assert_int_eq(peer_is_loopback(who), u->scheme == URL_TCP);
	if (u->scheme == URL_TCP) {
		ck_assert_int_eq(who->kind, PEER_TCP);
		ck_assert_uint_gt(who->port, 0);
		ck_assert_int_eq(IN6_IS_ADDR_V4MAPPED(&who->address), !strchr(u->host, ':'));
		return;
	}
	ck_assert_int_eq(who->kind, PEER_UNIX);
	ck_assert_uint_eq(who->uid, getuid());
	ck_assert_uint_eq(who->gid, getgid());
	ck_assert_int_eq(who->pid, getpid());
}

/* Listens at the URL, connects, and checks both sockets. */
static void meet(const struct url *u, const char *peer_prefix)
{
	struct url there = {0};
	struct peer who;
	char name[ADDRESS_TEXT_MAX];
	const char *why = "";
	int listener, fd;

	ck_assert_int_eq(address_listen(u, 4, &listener), 0);
	address_of_listener(u, listener, name);
	ck_assert_msg(url_parse(name, &there, &why) == 0, "%s: %s", name, why);
	ck_assert_int_eq(address_connect(&there, soon(), &fd), 0);
	struct pollfd p = {.fd = listener, .events = POLLIN};
	ck_assert_int_eq(poll(&p, 1, 5000), 1);
	int peer = accept(listener, NULL, NULL);
	ck_assert_int_ge(peer, 0);
	ck_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
	ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	ck_assert(fcntl(listener, F_GETFL) & O_NONBLOCK);
	ck_assert(fcntl(listener, F_GETFD) & FD_CLOEXEC);
	if (u->scheme == URL_TCP) {
		check_tcp_options(fd);
		check_tcp_options(peer);
	}
	peer_of(peer, &who);
	ck_assert_msg(strncmp(who.text, peer_prefix, strlen(peer_prefix)) == 0, "%s", who.text);
	check_peer(u, &who);
	close(peer);
	close(fd);
	close(listener);
	url_done(&there);
}

START_TEST(over_a_unix_socket)
{
	char peer[64];

	snprintf(peer, sizeof peer, "uid=%u pid=%d", (unsigned)getuid(), (int)getpid());
	meet(&(struct url){.scheme = URL_UNIX, .path = path}, peer);
}
END_TEST

START_TEST(over_an_abstract_socket)
{
	char name[sizeof path + 1];

	snprintf(name, sizeof name, "@%s", path);
	meet(&(struct url){.scheme = URL_UNIX, .path = name}, "uid=");
}
END_TEST

START_TEST(over_tcp)
{
	struct url u = {.scheme = URL_TCP, .host = (char[]){"127.0.0.1"}, .port = (char[]){"0"}};

	meet(&u, "127.0.0.1:");
}
END_TEST

static bool has_ipv6(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	bool works = fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0;

	if (fd >= 0)
		close(fd);
	return works;
}

START_TEST(over_tcp6)
{
	struct url u = {.scheme = URL_TCP, .host = (char[]){"::1"}, .port = (char[]){"0"}};

	if (has_ipv6())
		meet(&u, "[::1]:");
}
END_TEST

START_TEST(socket_file_is_for_the_group)
{
	struct url u = {.scheme = URL_UNIX, .path = path};
	struct stat st;
	int fd;

	umask(077);
	ck_assert_int_eq(address_listen(&u, 4, &fd), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0660);
	close(fd);
}
END_TEST

START_TEST(abandoned_socket_is_replaced)
{
	struct url u = {.scheme = URL_UNIX, .path = path};
	int old, new, fd;

	ck_assert_int_eq(address_listen(&u, 4, &old), 0);
	ck_assert_int_eq(address_listen(&u, 4, &new), -EADDRINUSE);
	ck_assert_int_eq(address_connect(&u, soon(), &fd), 0); /* it took no harm */
	close(fd);
	close(old);
	ck_assert_int_eq(address_connect(&u, soon(), &fd), -ECONNREFUSED);
	ck_assert_int_eq(address_listen(&u, 4, &new), 0);
	ck_assert_int_eq(address_connect(&u, soon(), &fd), 0);
	close(fd);
	close(new);
}
END_TEST

START_TEST(other_file_is_left_alone)
{
	struct url u = {.scheme = URL_UNIX, .path = path};
	struct stat st;
	int fd = open(path, O_CREAT | O_WRONLY, 0600);

	close(fd);
	ck_assert_int_eq(address_listen(&u, 4, &fd), -EADDRINUSE);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert(S_ISREG(st.st_mode));
}
END_TEST

START_TEST(nobody_there)
{
	struct url u = {.scheme = URL_UNIX, .path = path};
	int fd;

	ck_assert_int_eq(address_connect(&u, soon(), &fd), -ENOENT);
	u = (struct url){.scheme = URL_TCP, .host = (char[]){"127.0.0.1"}, .port = (char[]){"1"}};
	ck_assert_int_eq(address_connect(&u, soon(), &fd), -ECONNREFUSED);
}
END_TEST

START_TEST(full_backlog_ends_at_the_deadline)
{
	struct url u = {.scheme = URL_UNIX, .path = path};
	int listener, fd, n = 0;

	ck_assert_int_eq(address_listen(&u, 0, &listener), 0);
	while (n++ < 64 && address_connect(&u, clock_after_us(20000), &fd) == 0)
		continue; /* left open: they are the backlog */
	ck_assert_int_lt(n, 64);
	ck_assert_int_eq(address_connect(&u, clock_after_us(1000), &fd), -ETIMEDOUT);
	close(listener);
}
END_TEST

START_TEST(loopback)
{
	struct url u = {.scheme = URL_UNIX, .path = path};
	static const struct {
		const char *host;
		bool is;
	} hosts[] = {{"127.0.0.1", true},        {"127.9.9.9", true},       {"::1", true},
		     {"0.0.0.0", false},         {"10.0.0.1", false},       {"::", false},
		     {"::ffff:127.0.0.1", true}, {"::ffff:10.0.0.1", false}};

	ck_assert(address_is_loopback(&u));
	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
		char host[32];
		strcpy(host, hosts[i].host);
		u = (struct url){.scheme = URL_TCP, .host = host, .port = (char[]){"1"}};
		ck_assert_msg(address_is_loopback(&u) == hosts[i].is, "%s", host);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("address");
	TCase *tc = tcase_create("address");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, over_a_unix_socket);
	tcase_add_test(tc, over_an_abstract_socket);
	tcase_add_test(tc, over_tcp);
	tcase_add_test(tc, over_tcp6);
	tcase_add_test(tc, socket_file_is_for_the_group);
	tcase_add_test(tc, abandoned_socket_is_replaced);
	tcase_add_test(tc, other_file_is_left_alone);
	tcase_add_test(tc, nobody_there);
	tcase_add_test(tc, full_backlog_ends_at_the_deadline);
	tcase_add_test(tc, loopback);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
