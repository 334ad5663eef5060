/*
 * PROTOCOL.md against the code: its session is decoded and encoded again, and its tables are
 * those of futured.proto and status.h.
 */
#include "proto/frame.h"
#include "proto/message.h"
#include "proto/result.h"
#include "proto/sink.h"
#include "proto/status.h"
#include "proto/submit.h"
#include "tests/lib/trun.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/futured.pb-c.h"

static char *doc;

static void read_doc(void)
{
	const char *top = getenv("top_srcdir");
	char path[4096];

	snprintf(path, sizeof path, "%s/proto/PROTOCOL.md", top ? top : ".");
	FILE *f = fopen(path, "r");
	ck_assert_msg(f != NULL, "cannot read %s: set $top_srcdir", path);
	doc = calloc(1, 1 << 20);
	size_t n = fread(doc, 1, (1 << 20) - 1, f);
	ck_assert_uint_gt(n, 0);
	fclose(f);
}

static void free_doc(void)
{
	free(doc);
}

/* ---- the session -------------------------------------------------------- */

/* The dump's bytes of one side, or of both in the order in which they were sent. A line is
 * the side, bytes of two digits with one space between, and two spaces before the comment. */
static void read_dump(struct buf *out, char side)
{
	const char *p = strstr(doc, "```dump\n");
	unsigned byte;

	ck_assert_ptr_nonnull(p);
	ck_assert_ptr_null(strstr(p + 1, "```dump"));
	p += strlen("```dump\n");
	while (*p && *p != '`') {
		const char *end = strchr(p, '\n');
		ck_assert_ptr_nonnull(end);
		if (*p != '\n')
			ck_assert(*p == 'C' || *p == 'D');
		for (const char *at = p + 1; *p == side && at + 2 < end + 1 && at[0] == ' ' &&
					     isxdigit((unsigned char)at[1]);
		     at += 3) {
			ck_assert_int_eq(sscanf(at + 1, "%2x", &byte), 1);
			ck_assert_int_eq(buf_add(out, &(uint8_t){(uint8_t)byte}, 1), 0);
		}
		p = end + 1;
	}
}

struct side {
	struct buf again; /* what our encoders make of what our decoders found */
	char story[4096]; /* and what it was */
	size_t len;
};

static void tell(struct side *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void tell(struct side *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(s->story + s->len, sizeof s->story - s->len, fmt, ap);
	va_end(ap);
	ck_assert(n >= 0 && (size_t)n < sizeof s->story - s->len);
	s->len += (size_t)n;
}

#define TEXT(s) (int)(s).len, (const char *)(s).data

static void tell_submit(struct side *s, struct span message, struct span payload)
{
	struct submit_cursor c = submit_open(message);
	struct job_spec spec;

	ck_assert_int_eq(submit_next(&c, &spec), 1);
	ck_assert_uint_eq(spec.payload_len, payload.len);
	tell(s, "submit %u.%u %.*s(%.*s) run_limit=%llu\n", (unsigned)(spec.id >> 32),
	     job_id_place(spec.id), TEXT(spec.task), TEXT(payload),
	     (unsigned long long)spec.run_limit_us);
	ck_assert_int_eq(submit_put(&s->again, &spec, payload), 0);
	ck_assert_int_eq(submit_next(&c, &spec), 0);
}

static void tell_result(struct side *s, struct span message, struct span payload)
{
	static struct arena arena;
	struct error_info e;
	struct result r;

	ck_assert_int_eq(result_parse(message, &r), 0);
	tell(s, "result %u.%u %s attempt=%u %llu/%llu/%llu", (unsigned)(r.id >> 32),
	     job_id_place(r.id), status_name(status_from_wire(r.status)), r.attempt,
	     (unsigned long long)r.dispatched_us, (unsigned long long)r.started_us,
	     (unsigned long long)r.finished_us);
	if (r.error.data) {
		arena_reset(&arena);
		ck_assert_int_eq(error_decode(r.error, &arena, &e), 0);
		tell(s, " %.*s: %.*s executed=%d retry=%d\n", TEXT(e.type), TEXT(e.message),
		     (int)e.executed, (int)e.retry);
		/* The table's rule, not only an example. */
		ck_assert_int_eq(e.retry, status_retry(status_from_wire(r.status), e.executed));
	} else {
		tell(s, " value=%.*s\n", TEXT(payload));
	}
	ck_assert_int_eq(result_put(&s->again, &r, payload), 0);
}

static void tell_other(struct side *s, uint32_t kind, struct span message, struct span payload)
{
	static struct arena arena;
	struct message m;

	arena_reset(&arena);
	ck_assert_int_eq(message_parse(kind, message, &arena, &m), 0);
	if (kind == MESSAGE_HELLO)
		tell(s, "hello %u-%u %.*s from %.*s\n", m.hello.version_min, m.hello.version_max,
		     TEXT(m.hello.pool), TEXT(m.hello.client));
	else if (kind == MESSAGE_WELCOME)
		tell(s, "welcome %u %.*s %.*s %.*s %u/%u/%u/%u %zu %zu\n", m.welcome.version,
		     TEXT(m.welcome.identity), TEXT(m.welcome.pool), TEXT(m.welcome.pool_kind),
		     m.welcome.slots, m.welcome.max_payload_bytes, m.welcome.max_result_bytes,
		     m.welcome.max_inflight, m.welcome.incarnation.len, m.welcome.session.len);
	else if (kind == MESSAGE_PING)
		tell(s, "ping %llu\n", (unsigned long long)m.ping.nonce);
	else if (kind == MESSAGE_PONG)
		tell(s, "pong %llu\n", (unsigned long long)m.pong.nonce);
	else if (kind == MESSAGE_BYE)
		tell(s, "bye\n");
	else
		ck_abort_msg("kind %u is not in the story", kind);
	ck_assert_uint_eq(payload.len, 0);
	ck_assert_int_eq(message_put(&s->again, &m, payload), 0);
}

static int on_frame(void *arg, const struct frame *f)
{
	struct side *s = arg;
	struct span message;
	uint32_t kind;

	ck_assert_int_eq(envelope_open(f->envelope, &kind, &message), 0);
	if (kind == MESSAGE_SUBMIT)
		tell_submit(s, message, f->payload);
	else if (kind == MESSAGE_RESULT)
		tell_result(s, message, f->payload);
	else
		tell_other(s, kind, message, f->payload);
	return 0;
}

static void check_side(char side, const char *story)
{
	static const struct frame_limits limits = {FRAME_ENVELOPE_MAX, 1 << 20};
	static struct side s;
	struct buf dump;
	struct sink sink;

	memset(&s, 0, sizeof s);
	buf_init(&s.again, SIZE_MAX);
	buf_init(&dump, SIZE_MAX);
	if (side == 'C')
		ck_assert_int_eq(buf_add(&s.again, FRAME_PREFACE, FRAME_PREFACE_BYTES), 0);
	read_dump(&dump, side);
	sink_init(&sink, side == 'C', limits);
	ck_assert_int_eq(sink_feed(&sink, buf_data(&dump), buf_len(&dump), on_frame, &s), 0);
	ck_assert(!sink_is_mid_frame(&sink));
	ck_assert_str_eq(s.story, story);
	ck_assert_uint_eq(buf_len(&s.again), buf_len(&dump));
	ck_assert_mem_eq(buf_data(&s.again), buf_data(&dump), buf_len(&dump));
	sink_done(&sink);
	buf_done(&dump);
	buf_done(&s.again);
}

START_TEST(client_side_of_the_session)
{
	check_side('C', "hello 1-1 cpu from doc\n"
			"submit 1.0 square(7) run_limit=5000000\n"
			"submit 1.1 square(x) run_limit=0\n"
			"ping 7\n"
			"bye\n");
}
END_TEST

START_TEST(daemon_side_of_the_session)
{
	check_side('D', "welcome 1 uid:1000 cpu processes 4/1048576/16777216/1024 16 16\n"
			"result 1.0 OK attempt=1 12/30/41 value=49\n"
			"result 1.1 TASK_FAILED attempt=1 15/44/300 ValueError: not a number "
			"executed=2 retry=3\n"
			"pong 7\n");
}
END_TEST

/* ---- the tables --------------------------------------------------------- */

/* The text below a heading that starts so, up to the next heading. */
static char *section(const char *heading)
{
	char *p = strstr(doc, heading);

	ck_assert_msg(p != NULL, "no heading \"%s\"", heading);
	p += 1;
	const char *end = strstr(p, "\n#");
	return end ? strndup(p, (size_t)(end - p)) : strdup(p);
}

static unsigned count_rows(const char *text)
{
	unsigned n = 0;

	for (const char *p = text; (p = strstr(p, "\n| `")); p++)
		n++;
	return n;
}

static const char *type_name(const ProtobufCFieldDescriptor *f)
{
	if (f->type == PROTOBUF_C_TYPE_UINT32)
		return "uint32";
	if (f->type == PROTOBUF_C_TYPE_SINT32)
		return "sint32";
	if (f->type == PROTOBUF_C_TYPE_UINT64)
		return "uint64";
	if (f->type == PROTOBUF_C_TYPE_BYTES)
		return "bytes";
	if (f->type == PROTOBUF_C_TYPE_BOOL)
		return "bool";
	ck_assert_int_eq(f->type, PROTOBUF_C_TYPE_MESSAGE);
	return ((const ProtobufCMessageDescriptor *)f->descriptor)->short_name;
}

/* Every field has its row, and the rows at the top of the section are all fields. */
static void check_fields(const char *heading, const ProtobufCMessageDescriptor *d)
{
	char row[200], *text = section(heading);
	char *table_end = strstr(text, "\n\n|"); /* behind the heading ... */

	table_end = table_end ? strstr(table_end + 3, "\n\n") : NULL; /* ... behind the table */
	if (table_end)
		*table_end = '\0';
	for (unsigned i = 0; i < d->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &d->fields[i];
		snprintf(row, sizeof row, "\n| `%s` | %u | %s%s |", f->name, f->id,
			 f->label == PROTOBUF_C_LABEL_REPEATED ? "repeated " : "", type_name(f));
		ck_assert_msg(strstr(text, row) != NULL, "%s: no row%s", d->short_name, row);
	}
	ck_assert_msg(count_rows(text) == d->n_fields, "%s: rows too many", d->short_name);
	free(text);
}

START_TEST(tables_of_fields)
{
	const ProtobufCMessageDescriptor *frame = &futwire__frame__descriptor;
	char heading[100];

	for (unsigned i = 0; i < frame->n_fields; i++) {
		const ProtobufCMessageDescriptor *d = frame->fields[i].descriptor;
		snprintf(heading, sizeof heading, "\n### %s (%u) ", d->short_name,
			 frame->fields[i].id);
		check_fields(heading, d);
	}
	check_fields("\n#### Job\n", &futwire__submit__job__descriptor);
	check_fields("\n#### Error\n", &futwire__error__descriptor);
	check_fields("\n#### Death\n", &futwire__death__descriptor);
}
END_TEST

static const char *family_name(fut_family family)
{
	switch (family) {
	case FUT_FAMILY_NONE:
		return "-";
	case FUT_FAMILY_TASK:
		return "task";
	case FUT_FAMILY_SYSTEM:
		return "system";
	case FUT_FAMILY_CALLER:
		return "caller";
	}
	return "?";
}

START_TEST(table_of_statuses)
{
	char *text = section("\n## 6. Statuses");
	char row[300], local[300];
	unsigned n = 0, rows = 0;

	for (uint32_t number = 0; number < 1000; number++) {
		fut_status s = (fut_status)number;
		if (strcmp(status_name(s), "UNKNOWN") == 0)
			continue;
		snprintf(row, sizeof row, "\n| %u | %s | %s | %s |", number, status_name(s),
			 family_name(status_family(s)), status_text(s));
		snprintf(local, sizeof local, "\n| %u | %s \\* | %s | %s |", number, status_name(s),
			 family_name(status_family(s)), status_text(s));
		ck_assert_msg(strstr(text, row) || strstr(text, local), "no row%s", row);
		n++;
	}
	for (const char *p = text; (p = strstr(p, "\n| ")); p++)
		rows += isdigit((unsigned char)p[3]) != 0;
	ck_assert_uint_eq(rows, n);
	free(text);
}
END_TEST

/* Numbers in the prose. */
START_TEST(limits)
{
	static const struct {
		unsigned number;
		const char *text;
	} rows[] = {
		{FRAME_ENVELOPE_MAX_EARLY, "before Welcome | 1 to 8,192 |"},
		{FRAME_ENVELOPE_MAX, "otherwise | 1 to 65,536 |"},
		{ERROR_TYPE_MAX, "given by the task; at most 63 bytes"},
		{ERROR_TEXT_MAX, "one line for people; at most 2,048 bytes"},
		{ERROR_DETAILS_MAX, "any bytes; at most 16,384"},
		{ERROR_TRACEBACK_MAX, "for people; at most 8,192 bytes"},
		{ERROR_STDERR_MAX, "to stderr; at most 4,096 bytes"},
		{ERROR_ENCODED_MAX, "takes at most 40,960 bytes"},
		{PROGRESS_TEXT_MAX, "for people; at most 200 bytes"},
		{CLIENT_NAME_MAX, "log; at most 63 bytes"},
		{1 << 20, "`items` n (1 to 1,048,576)"},
		{PROTOCOL_VERSION, "protocol, version 1\n"},
		{ARENA_BYTES / 1024, "in\n  256 KiB"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char plain[100];
		size_t n = 0;
		ck_assert_msg(strstr(doc, rows[i].text) != NULL, "not there: %s", rows[i].text);
		for (const char *p = rows[i].text; *p && n + 1 < sizeof plain; p++) {
			if (*p != ',')
				plain[n++] = *p;
		}
		plain[n] = '\0';
		char number[20];
		snprintf(number, sizeof number, "%u", rows[i].number);
		ck_assert_msg(strstr(plain, number) != NULL, "%u, but: %s", rows[i].number,
			      rows[i].text);
	}
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("protocol_doc");
	TCase *tc = trun_case(s, "protocol_doc");

	tcase_add_unchecked_fixture(tc, read_doc, free_doc);
	tcase_add_test(tc, client_side_of_the_session);
	tcase_add_test(tc, daemon_side_of_the_session);
	tcase_add_test(tc, tables_of_fields);
	tcase_add_test(tc, table_of_statuses);
	tcase_add_test(tc, limits);
	return s;
}
