#include "tests/lib/codec_diff.h"

#include "proto/error.h"
#include "proto/result.h"
#include "proto/submit.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/futured.pb-c.h"

static char why[160];

const char *codec_diff_why(void)
{
	return why;
}

static enum codec_verdict differ(const char *what)
{
	snprintf(why, sizeof why, "%s", what);
	return CODEC_DIFFER;
}

/* ---- what is left out --------------------------------------------------- */

/* A reader of its own, not varint.h's: 0 at the end or when cut off. */
static size_t plain_varint(const uint8_t *p, const uint8_t *end, uint64_t *ret)
{
	uint64_t v = 0;

	for (size_t i = 0; p + i < end && i < 10; i++) {
		v |= i < 9 ? (uint64_t)(p[i] & 0x7f) << (7 * i) : (uint64_t)p[i] << 63;
		if (p[i] < 0x80) {
			*ret = v;
			return i + 1;
		}
	}
	return 0;
}

/* A message whose submessages of interest are named by path: at each depth one number. */
static bool is_odd(const uint8_t *p, const uint8_t *end, const uint32_t *path, unsigned *ret_found)
{
	while (p < end) {
		uint64_t tag, v;
		size_t n = plain_varint(p, end, &tag);
		if (n == 0)
			return false;
		if (n == 1 && tag >> 3 == 0)
			return false; /* both refuse this one */
		if (n > 5 || tag >> 3 == 0 || tag >> 3 > 0x1fffffff)
			return true;
		p += n;
		switch (tag & 7) {
		case 0:
		case 2:
			n = plain_varint(p, end, &v);
			if (n == 0)
				return false;
			p += n;
			break;
		case 1:
		case 5:
			n = (tag & 7) == 1 ? 8 : 4;
			if (n > (size_t)(end - p))
				return false;
			p += n;
			continue;
		default:
			return false;
		}
		if ((tag & 7) == 0)
			continue;
		if (n > 5)
			return true;
		if (v > (uint64_t)(end - p))
			return false;
		if (tag >> 3 == path[0]) {
			unsigned inner = 0;
			++*ret_found;
			if (is_odd(p, p + v, path + 1, &inner) || (path[1] && inner > 1))
				return true;
		}
		p += v;
	}
	return false;
}

/* ---- Submit ------------------------------------------------------------- */

static bool same_bytes(struct span s, ProtobufCBinaryData b)
{
	return span_equal(s, span_of(b.data, b.len));
}

static bool same_job(const struct job_spec *s, const Futwire__Submit__Job *pb)
{
	return s->id == pb->id && same_bytes(s->task, pb->task) &&
	       s->payload_len == pb->payload_len && s->items == pb->items &&
	       s->queue_limit_us == pb->queue_limit_us && s->run_limit_us == pb->run_limit_us &&
	       s->stall_limit_us == pb->stall_limit_us && s->deadline_us == pb->deadline_us &&
	       s->priority == pb->priority && same_bytes(s->key, pb->key) &&
	       same_bytes(s->unique, pb->unique) && s->crash_retries == pb->crash_retries &&
	       s->error_retries == pb->error_retries && s->retry_pause_us == pb->retry_pause_us;
}

static enum codec_verdict compare_submit(const uint8_t *p, size_t n, const Futwire__Submit *pb)
{
	struct submit_cursor c = submit_open(span_of(p, n));
	struct job_spec spec;
	size_t i = 0;
	int r;

	while ((r = submit_next(&c, &spec)) == 1) {
		if (pb && i >= pb->n_jobs)
			return differ("submit: a job too many");
		if (pb && !same_job(&spec, pb->jobs[i]))
			return differ("submit: a job differs");
		i++;
	}
	if (r == 0 && !pb)
		return differ("submit: we accept, protobuf-c refuses");
	if (r < 0 && pb)
		return differ("submit: we refuse, protobuf-c accepts");
	if (pb && i != pb->n_jobs)
		return differ("submit: a job is missing");
	return pb ? CODEC_BOTH_ACCEPT : CODEC_BOTH_REFUSE;
}

enum codec_verdict codec_diff_submit(const uint8_t *p, size_t n)
{
	static const uint32_t path[] = {1, 0};
	unsigned found = 0;

	if (is_odd(p, p + n, path, &found))
		return CODEC_LEFT_OUT;
	Futwire__Submit *pb = futwire__submit__unpack(NULL, n, p);
	enum codec_verdict v = compare_submit(p, n, pb);
	if (pb)
		futwire__submit__free_unpacked(pb, NULL);
	return v;
}

/* ---- Result ------------------------------------------------------------- */

static bool same_death(const struct death_info *d, const Futwire__Death *pb)
{
	return d->pid == (int64_t)pb->pid && d->signal == (int)pb->signal &&
	       d->exit_code == (pb->signal ? -1 : (int)pb->exit_code) &&
	       d->core_dumped == (pb->core_dumped != 0) &&
	       d->out_of_memory == (pb->out_of_memory != 0) && d->cpu_us == pb->cpu_us &&
	       d->max_rss_bytes == pb->max_rss_bytes && same_bytes(d->stderr_tail, pb->stderr_tail);
}

static bool same_error(const struct error_info *e, const Futwire__Error *pb)
{
	return same_bytes(e->type, pb->type) && same_bytes(e->message, pb->message) &&
	       same_bytes(e->detail, pb->detail) && same_bytes(e->hint, pb->hint) &&
	       same_bytes(e->details, pb->details) && same_bytes(e->traceback, pb->traceback) &&
	       e->executed == (pb->executed <= 2 ? pb->executed : FUT_EXECUTED_MAYBE) &&
	       e->retry == (pb->retry <= 3 ? pb->retry : FUT_RETRY_NEVER) &&
	       e->has_death == (pb->death != NULL) &&
	       (!pb->death || same_death(&e->death, pb->death));
}

static enum codec_verdict compare_result(const uint8_t *p, size_t n, const Futwire__Result *pb)
{
	static struct arena arena;
	struct error_info error;
	struct result res;
	int r = result_parse(span_of(p, n), &res);

	arena_reset(&arena);
	if (r == 0 && res.error.data)
		r = error_decode(res.error, &arena, &error);
	if (r == 0 && !pb)
		return differ("result: we accept, protobuf-c refuses");
	if (r < 0 && pb)
		return differ("result: we refuse, protobuf-c accepts");
	if (!pb)
		return CODEC_BOTH_REFUSE;
	if (res.id != pb->id || res.status != pb->status || res.attempt != pb->attempt ||
	    res.dispatched_us != pb->dispatched_us || res.started_us != pb->started_us ||
	    res.finished_us != pb->finished_us || res.first_chunk_us != pb->first_chunk_us ||
	    res.cpu_us != pb->cpu_us || res.queued_us != pb->queued_us)
		return differ("result: a number differs");
	if ((res.error.data != NULL) != (pb->error != NULL))
		return differ("result: one has an error");
	if (pb->error && !same_error(&error, pb->error))
		return differ("result: the errors differ");
	return CODEC_BOTH_ACCEPT;
}

enum codec_verdict codec_diff_result(const uint8_t *p, size_t n)
{
	static const uint32_t path[] = {7, 9, 0};
	unsigned errors = 0;

	if (is_odd(p, p + n, path, &errors) || errors > 1)
		return CODEC_LEFT_OUT;
	Futwire__Result *pb = futwire__result__unpack(NULL, n, p);
	enum codec_verdict v = compare_result(p, n, pb);
	if (pb)
		futwire__result__free_unpacked(pb, NULL);
	return v;
}
