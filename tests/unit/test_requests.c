/* The table of messages: every kind by every role; and every question of admins. */
#include "daemon/requests.h"

#include "daemon/account.h"
#include "daemon/daemon.h"
#include "daemon/policy.h"
#include "proto/envelope.h"
#include "tests/lib/trun.h"

#include <stdio.h>
#include <string.h>

/* ---- the roles ----------------------------------------------------------- */

enum role {
	UNAUTHENTICATED, /* no Hello yet, and there would be rules for it */
	DENIED,          /* likewise, and there are none */
	REFUSED,         /* said Hello, and was refused */
	USER,
	READER, /* an admin that only looks */
	ADMIN,
	NROLES,
};

static char section_name[] = "unix:7100x";
static char *nothing[] = {NULL}, *everything[] = {(char[]){"*"}, NULL};

static struct config_identity sections[] = {
	{.kind = IDENTITY_USER, .id = 71000, .admin = ADMIN_NO},
	{.kind = IDENTITY_USER, .id = 71001, .admin = ADMIN_READ},
	{.kind = IDENTITY_USER, .id = 71002, .admin = ADMIN_YES},
};

static struct config config = {
	.max_payload_bytes = 1000,
	.max_result_bytes = 1000,
	.max_inflight = 10,
	.max_output_bytes = 1 << 20,
	.identities = sections,
	.nidentities = ARRAY_LEN(sections),
};
static struct config_pool config_pool = {.name = (char[]){"p"}, .slots = 1};
static struct daemon d;
static struct pool pool;
static struct session s;
static struct arena arena;
static struct buf out;

static void open_session(enum role role)
{
	static const uid_t uids[NROLES] = {71000, 79999, 79999, 71000, 71001, 71002};

	log_set_level(LOG_ERROR);
	d = (struct daemon){.config = &config, .arena = &arena, .audit = {.fd = -1}};
	TAILQ_INIT(&d.pools);
	TAILQ_INIT(&d.dirty);
	TAILQ_INIT(&d.retries.waiting);
	pool = (struct pool){.daemon = &d, .config = &config_pool, .name = "p"};
	scheduler_init(&pool.scheduler, &config);
	TAILQ_INSERT_TAIL(&d.pools, &pool, node);
	s = (struct session){.daemon = &d, .peer = {.kind = PEER_UNIX, .uid = uids[role]}};
	TAILQ_INIT(&s.held);
	timer_init(&s.phase_timer, NULL);
	timer_init(&s.output_timer, NULL);
	stream_init(&s.stream, -1, true, (struct frame_limits){8192, 0}, 1 << 20);
	output_init(&s.output, &s.stream.out);
	intake_init(&s);
	LIST_INSERT_HEAD(&d.sessions, &s, node);
	d.nsessions = 1;
	for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
		sections[i].name = section_name;
		sections[i].tasks = nothing;
		sections[i].pools = everything;
		sections[i].max_connections = 1;
	}
	if (role == UNAUTHENTICATED || role == DENIED)
		return;
	s.phase = role == REFUSED ? SESSION_CLOSING : SESSION_OPEN;
	if (role == REFUSED)
		return;
	s.rules = &sections[role - USER];
	s.pool = &pool;
	s.account = account_join(&d.accounts, "unix:7100x", NULL);
}

static void close_session(void)
{
	session_close(&s, "the test is over");
	ck_assert_ptr_null(d.accounts);
	scheduler_done(&pool.scheduler);
	free(d.timers.heap.entries);
}

/* ---- saying and hearing -------------------------------------------------- */

/* A message without content, where a client can have any. */
static int say(uint32_t kind)
{
	struct message hello = {.kind = MESSAGE_HELLO, .hello = {1, 1, 0, SPAN_EMPTY, SPAN_EMPTY}};
	struct frame_limits limits = {FRAME_ENVELOPE_MAX, 1000};
	struct frame f;
	size_t size, need;

	buf_init(&out, 1 << 16);
	if (kind == MESSAGE_HELLO) {
		ck_assert_int_eq(message_put(&out, &hello, SPAN_EMPTY), 0);
	} else {
		ck_assert_ptr_nonnull(envelope_begin(&out, (enum message_kind)kind, 0, 0, &size));
		buf_commit(&out, size);
	}
	ck_assert_int_gt(frame_cut(buf_data(&out), buf_len(&out), &limits, &f, &need), 0);
	int r = request_handle(&s, &f);
	buf_done(&out);
	return r;
}

/* What it was told last; 0: nothing. */
static struct message heard(void)
{
	static struct arena mine;
	struct frame_limits limits = {FRAME_ENVELOPE_MAX, 1 << 20};
	const uint8_t *p = buf_data(&s.stream.out);
	size_t n = buf_len(&s.stream.out), need;
	struct message m = {0};
	struct span bytes;
	struct frame f;
	uint32_t kind;
	int64_t used;

	while (n > 0 && (used = frame_cut(p, n, &limits, &f, &need)) > 0) {
		ck_assert_int_eq(envelope_open(f.envelope, &kind, &bytes), 0);
		arena_reset(&mine);
		ck_assert_int_eq(message_parse(kind, bytes, &mine, &m), 0);
		m.kind = (enum message_kind)kind;
		p += used;
		n -= (size_t)used;
	}
	return m;
}

/* ---- every kind by every role -------------------------------------------- */

/* Of all there are: the compiler finds the one that is missing here, and the test the one that
 * is missing in the table. */
static bool is_kind(uint32_t number)
{
	switch ((enum message_kind)number) {
	case MESSAGE_HELLO:
	case MESSAGE_WELCOME:
	case MESSAGE_SUBMIT:
	case MESSAGE_STARTED:
	case MESSAGE_CHUNK:
	case MESSAGE_PROGRESS:
	case MESSAGE_PART:
	case MESSAGE_RESULT:
	case MESSAGE_CANCEL:
	case MESSAGE_VERDICT:
	case MESSAGE_PING:
	case MESSAGE_PONG:
	case MESSAGE_GOAWAY:
	case MESSAGE_BYE:
	case MESSAGE_ADMIN_REQUEST:
	case MESSAGE_ADMIN_REPLY:
	case MESSAGE_RESTART:
		return true;
	case MESSAGE_KIND_END:
		break;
	}
	return false;
}

START_TEST(every_kind_has_a_row)
{
	for (uint32_t kind = 0; kind < MESSAGE_KIND_END + 3; kind++) {
		const struct request_row *row = request_row(kind);

		ck_assert_msg((row != NULL) == is_kind(kind), "kind %u", kind);
		if (!row)
			continue;
		bool has_handler = row->handle || row->handle_raw;
		ck_assert_msg(has_handler == (row->phase != REQUEST_NEVER), "kind %u", kind);
		ck_assert_msg((row->permission != 0) == has_handler, "kind %u", kind);
		ck_assert(!row->handle || !row->handle_raw);
	}
	ck_assert_ptr_null(request_row(UINT32_MAX));
}
END_TEST

/* What comes of it, and what it counts against. */
static const struct {
	enum message_kind kind;
	enum request_permission permission;
	enum request_quota quota;
	enum message_kind answer; /* to who was let in; 0: none */
} allowed[] = {
	{MESSAGE_SUBMIT, MAY_RUN_TASKS, QUOTA_JOBS, 0},
	{MESSAGE_CANCEL, MAY_OWN_JOBS, QUOTA_NONE, MESSAGE_VERDICT},
	{MESSAGE_PING, MAY_TALK, QUOTA_NONE, MESSAGE_PONG},
	{MESSAGE_PONG, MAY_TALK, QUOTA_NONE, 0},
	{MESSAGE_BYE, MAY_TALK, QUOTA_NONE, 0},
	{MESSAGE_ADMIN_REQUEST, MAY_ASK, QUOTA_NONE, MESSAGE_ADMIN_REPLY},
};

static void expect_protocol_error(int r)
{
	struct message m = heard();

	ck_assert_int_lt(r, 0);
	ck_assert_int_eq(s.phase, SESSION_CLOSING);
	ck_assert_int_eq(m.kind, MESSAGE_GOAWAY);
	ck_assert_uint_eq(m.goaway.status, FUT_PROTOCOL);
}

static void expect_hello(enum role role, int r)
{
	struct message m = heard();

	if (role == UNAUTHENTICATED) {
		ck_assert_int_eq(r, 0);
		ck_assert_int_eq(m.kind, MESSAGE_WELCOME);
		ck_assert(span_equal(m.welcome.identity, span_str("unix:71000")));
		ck_assert_int_eq(s.phase, SESSION_OPEN);
		return;
	}
	ck_assert_int_lt(r, 0);
	ck_assert_int_eq(m.kind, MESSAGE_GOAWAY);
	ck_assert_uint_eq(m.goaway.status, FUT_PERMISSION_DENIED);
	ck_assert_int_eq(s.phase, SESSION_CLOSING);
	ck_assert_ptr_null(s.account);
}

static void expect_allowed(uint32_t kind, int r)
{
	for (size_t i = 0; i < ARRAY_LEN(allowed); i++) {
		if (allowed[i].kind != kind)
			continue;
		const struct request_row *row = request_row(kind);
		ck_assert_int_eq(row->permission, allowed[i].permission);
		ck_assert_int_eq(row->quota, allowed[i].quota);
		ck_assert_int_eq(heard().kind, allowed[i].answer);
		ck_assert_int_eq(s.phase, kind == MESSAGE_BYE ? SESSION_DEAD : SESSION_OPEN);
		ck_assert_int_eq(r == 0, kind != MESSAGE_BYE);
		return;
	}
	expect_protocol_error(r);
}

START_TEST(every_kind_by_every_role)
{
	for (uint32_t kind = 1; kind < MESSAGE_KIND_END; kind++) {
		open_session((enum role)_i);
		int r = say(kind);

		if (_i == REFUSED) {
			ck_assert_int_lt(r, 0); /* whatever it says, nothing comes of it */
			ck_assert_int_eq(heard().kind, 0);
		} else if (_i >= USER) {
			expect_allowed(kind, r);
		} else if (kind == MESSAGE_HELLO) {
			expect_hello((enum role)_i, r);
		} else {
			expect_protocol_error(r);
		}
		if (s.phase != SESSION_DEAD)
			close_session();
	}
}
END_TEST

/* ---- every question by every role ---------------------------------------- */

static const struct {
	const char *what;
	fut_status by_user, by_reader, by_admin;
} questions[] = {
	{"status", FUT_OK, FUT_OK, FUT_OK},
	{"jobs", FUT_OK, FUT_OK, FUT_OK},
	{"why", FUT_INVALID, FUT_INVALID, FUT_INVALID}, /* about nothing */
	{"whoami", FUT_OK, FUT_OK, FUT_OK},
	{"identities", FUT_PERMISSION_DENIED, FUT_OK, FUT_OK},
	/* that it is bad is an answer; here there is no file */
	{"reload", FUT_PERMISSION_DENIED, FUT_PERMISSION_DENIED, FUT_OK},
	{"", FUT_UNSUPPORTED, FUT_UNSUPPORTED, FUT_UNSUPPORTED},
	{"reloa", FUT_UNSUPPORTED, FUT_UNSUPPORTED, FUT_UNSUPPORTED},
	{"reload*", FUT_UNSUPPORTED, FUT_UNSUPPORTED, FUT_UNSUPPORTED},
};

START_TEST(every_question_by_every_role)
{
	static const struct daemon_options nowhere = {.config_path = "/nowhere/at/all"};

	for (enum role role = USER; role < NROLES; role++) {
		fut_status expected = role == USER     ? questions[_i].by_user
				      : role == READER ? questions[_i].by_reader
						       : questions[_i].by_admin;
		struct message ask = {
			.kind = MESSAGE_ADMIN_REQUEST,
			.admin_request = {.what = span_str(questions[_i].what), .nonce = 5}};

		open_session(role);
		d.options = &nowhere;
		ck_assert_int_eq(request_row(MESSAGE_ADMIN_REQUEST)->handle(&s, &ask), 0);
		struct message m = heard();
		ck_assert_int_eq(m.kind, MESSAGE_ADMIN_REPLY);
		ck_assert_uint_eq(m.admin_reply.nonce, 5);
		ck_assert_uint_eq(m.admin_reply.status, expected);
		close_session();
	}
}
END_TEST

Suite *test_suite(void)
{
	Suite *su = suite_create("requests");
	TCase *tc = trun_case(su, "requests");

	tcase_add_test(tc, every_kind_has_a_row);
	tcase_add_loop_test(tc, every_kind_by_every_role, 0, NROLES);
	trun_add_each(tc, every_question_by_every_role, questions);
	return su;
}
