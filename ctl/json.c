#include "ctl/json.h"

#include "ctl/ctl.h"
#include "ctl/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Takes the value over. The tool cannot go on without the memory for it. */
static void set(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) < 0)
		ctl_no_memory();
}

/* jansson wants UTF-8 in strings; what a task says need not be. */
static void set_text(json_t *object, const char *key, const char *text)
{
	if (*text)
		json_set_bytes(object, key, (fut_bytes){text, strlen(text)});
}

static char *base64(fut_bytes in)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = in.data;
	char *text = malloc((in.len + 2) / 3 * 4 + 1);
	char *out = text;

	if (!text)
		ctl_no_memory();
	for (size_t i = 0; i < in.len; i += 3) {
		size_t left = in.len - i;
		unsigned bits = (unsigned)p[i] << 16;

		bits |= left > 1 ? (unsigned)p[i + 1] << 8 : 0;
		bits |= left > 2 ? (unsigned)p[i + 2] : 0;
		*out++ = digits[bits >> 18];
		*out++ = digits[bits >> 12 & 63];
		*out++ = left > 1 ? digits[bits >> 6 & 63] : '=';
		*out++ = left > 2 ? digits[bits & 63] : '=';
	}
	*out = '\0';
	return text;
}

void json_set_bytes(json_t *object, const char *key, fut_bytes bytes)
{
	json_t *text = json_stringn(bytes.len ? bytes.data : "", bytes.len);
	char long_key[64];
	char *encoded;

	if (text) {
		set(object, key, text);
		return;
	}
	snprintf(long_key, sizeof long_key, "%s_base64", key);
	encoded = base64(bytes);
	set(object, long_key, json_string(encoded));
	free(encoded);
}

static json_t *death_json(const fut_death *death)
{
	json_t *o = json_object();

	set(o, "pid", json_integer(death->pid));
	if (death->signal != 0) {
		char name[NAME_SIGNAL_SIZE];

		set(o, "signal", json_string(name_of_signal(death->signal, name)));
		set(o, "core_dumped", json_boolean(death->core_dumped));
	} else {
		set(o, "exit_code", json_integer(death->exit_code));
	}
	set(o, "out_of_memory", json_boolean(death->out_of_memory));
	set(o, "cpu_us", json_integer((json_int_t)death->cpu_us));
	set(o, "max_rss_bytes", json_integer((json_int_t)death->max_rss_bytes));
	json_set_bytes(o, "stderr_tail", death->stderr_tail);
	return o;
}

static json_t *error_json(const fut_error *error)
{
	fut_bytes details = fut_error_details(error);
	const fut_death *death = fut_error_death(error);
	json_t *o = json_object();

	set_text(o, "type", fut_error_type(error));
	set_text(o, "message", fut_error_message(error));
	set_text(o, "detail", fut_error_detail(error));
	set_text(o, "hint", fut_error_hint(error));
	if (details.len > 0)
		json_set_bytes(o, "details", details);
	set_text(o, "traceback", fut_error_traceback(error));
	set(o, "executed", json_string(name_of_executed(fut_error_executed(error))));
	set(o, "retry", json_string(name_of_retry(fut_error_retry(error))));
	set(o, "attempt", json_integer(fut_error_attempt(error)));
	if (death)
		set(o, "death", death_json(death));
	return o;
}

void json_set_job(json_t *object, const fut_future *f)
{
	char name[64];

	(void)fut_job_name(f, name, sizeof name);
	set(object, "job", json_string(name));
}

void json_set_outcome(json_t *object, fut_status status, fut_bytes value, const fut_error *error)
{
	set(object, "status", json_string(fut_status_name(status)));
	if (status == FUT_OK)
		json_set_bytes(object, "value", value);
	else if (error)
		set(object, "error", error_json(error));
	else
		set(object, "error", json_pack("{s:s}", "message", fut_status_text(status)));
}

static void set_time(json_t *object, const char *key, uint64_t us)
{
	set(object, key, us == FUT_NEVER ? json_null() : json_integer((json_int_t)us));
}

void json_set_timeline(json_t *object, const fut_timeline *t)
{
	json_t *o = json_object();

	set_time(o, "total_us", t->total_us);
	set_time(o, "queued_us", t->queued_us);
	set_time(o, "dispatched_us", t->dispatched_us);
	set_time(o, "started_us", t->started_us);
	set_time(o, "first_chunk_us", t->first_chunk_us);
	set_time(o, "finished_us", t->finished_us);
	set_time(o, "transit_us", t->transit_us);
	set_time(o, "cpu_us", t->cpu_us);
	set_time(o, "payload_bytes", t->payload_bytes);
	set_time(o, "result_bytes", t->result_bytes);
	set_time(o, "chunk_bytes", t->chunk_bytes);
	set_time(o, "attempt", t->attempt);
	set(object, "timeline", o);
}
