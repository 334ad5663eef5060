#include "worker/slot.h"

#include "common/clock.h"
#include "common/futex.h"
#include "common/util.h"
#include "proto/pack.h"
#include "proto/status.h"
#include "worker/memory.h"

#include <errno.h>
#include <string.h>

/* How a job ended. */
struct ending {
	fut_status status;
	struct span bytes; /* the result, or an encoded error */
};

void slot_init(struct slot *s, unsigned n, struct host_shared *host,
	       const struct front_shared *front, int event_fd, const struct task_table *tasks)
{
	struct slot_view view = region_slot(host, host->big_bytes, n);

	*s = (struct slot){
		.tasks = tasks,
		.host = host,
		.big = view.big,
		.big_bytes = host->big_bytes,
		.statm_fd = -1,
	};
	ring_consumer_init(&s->in, &view.shared->in, view.in, REGION_RING_BYTES);
	outbox_init(&s->out, &view, host, front, event_fd);
	answer_init(&s->answer, host->max_result_bytes);
	call_init(&s->call, &s->out, &s->answer, &view.shared->stop_tag);
}

void slot_watch_memory(struct slot *s, int statm_fd)
{
	s->max_rss_bytes = s->host->max_rss_bytes;
	s->statm_fd = statm_fd;
}

void slot_done(struct slot *s)
{
	answer_done(&s->answer);
}

static struct ending slot_error(struct slot *s, fut_status status, const struct error_info *e)
{
	return (struct ending){status, span_of(s->error, error_encode(e, s->error))};
}

/* An ending that the task has no part in. */
static struct ending slot_refusal(struct slot *s, fut_status status, fut_executed executed,
				  const char *message)
{
	const struct error_info e = {
		.message = span_str(message),
		.executed = executed,
		.retry = status_retry(status, executed),
	};

	return slot_error(s, status, &e);
}

static struct ending slot_run_one(struct slot *s, const struct task *task, struct span payload)
{
	struct error_info e;

	call_start(&s->call, payload);
	fut_status status = call_end(&s->call, task_run(task, &s->call), &e);
	if (status == FUT_OK)
		return (struct ending){FUT_OK, answer_bytes(&s->answer)};
	return slot_error(s, status, &e);
}

/* A pack is read through before any of it runs: a bad one never half runs. */
static bool pack_is_sound(struct span payload, uint32_t items)
{
	struct pack_reader reader;
	struct pack_item item;
	int r = pack_open(payload, items, &reader);

	if (r < 0)
		return false;
	do {
		r = pack_next(&reader, &item);
	} while (r > 0);
	return r == 0;
}

/* Runs one item and leaves its piece in the answer. 0, -EMSGSIZE, -ENOMEM. */
static int slot_run_item(struct slot *s, const struct task *task, struct span payload)
{
	struct ending end;
	int r = 0;

	if (call_is_stopped(&s->call))
		end = slot_refusal(s, FUT_CANCELLED, FUT_EXECUTED_NO,
				   "the job was asked to stop before this item");
	else
		end = slot_run_one(s, task, payload);
	if (end.status != FUT_OK)
		r = answer_set(&s->answer, end.bytes.data, end.bytes.len);
	if (r == 0)
		answer_end_piece(&s->answer, (uint32_t)end.status);
	return r;
}

static struct ending slot_pack_failed(struct slot *s, int r, fut_executed executed)
{
	if (r == -EMSGSIZE)
		return slot_refusal(s, FUT_RESULT_TOO_BIG, executed,
				    "the results of all items together are larger than allowed");
	return slot_refusal(s, FUT_NO_MEMORY, executed, "no memory for the results");
}

static struct ending slot_run_pack(struct slot *s, const struct task *task, struct span payload,
				   uint32_t items)
{
	struct pack_reader reader;
	struct pack_item item;

	if (!pack_is_sound(payload, items))
		return slot_refusal(s, FUT_PROTOCOL, FUT_EXECUTED_NO,
				    "the items do not add up to the payload");
	int r = answer_start_pack(&s->answer, items);
	if (r < 0)
		return slot_pack_failed(s, r, FUT_EXECUTED_NO);
	(void)pack_open(payload, items, &reader);
	while (pack_next(&reader, &item) > 0) {
		r = slot_run_item(s, task, item.bytes);
		if (r < 0)
			return slot_pack_failed(s, r, FUT_EXECUTED_YES);
	}
	return (struct ending){FUT_OK, answer_bytes(&s->answer)};
}

/* The front is trusted, but a mistake of it shall be an error and not a crash. */
static bool slot_payload(const struct slot *s, const struct job_record *job, size_t len,
			 struct span *ret)
{
	bool big = job->flags & JOB_FLAG_BIG;

	if (job->payload_len > (big ? s->big_bytes : len - sizeof *job))
		return false;
	*ret = span_of(big ? s->big : job->payload, job->payload_len);
	return true;
}

static struct ending slot_run_job(struct slot *s, const struct job_record *job, size_t len)
{
	const struct task *task = task_table_get(s->tasks, job->task);
	struct span payload;

	if (!task || !slot_payload(s, job, len, &payload))
		return slot_refusal(s, FUT_INTERNAL, FUT_EXECUTED_NO, "the host got a bad job");
	if (job->items > 0)
		return slot_run_pack(s, task, payload, job->items);
	return slot_run_one(s, task, payload);
}

/* Sends all of a large result but its last piece. */
static int slot_send_parts(struct slot *s, uint32_t tag, struct span *bytes)
{
	while (bytes->len > RECORD_BYTES_MAX) {
		struct outcome_record *o =
			outbox_reserve(&s->out, tag, OUTCOME_PART, RECORD_BYTES_MAX);
		if (!o)
			return -EPROTO;
		memcpy(o->bytes, bytes->data, RECORD_BYTES_MAX);
		outbox_publish(&s->out);
		*bytes = span_of((const uint8_t *)bytes->data + RECORD_BYTES_MAX,
				 bytes->len - RECORD_BYTES_MAX);
	}
	return 0;
}

/* Writes the end, invisible until it is published. */
static int slot_write_end(struct slot *s, const struct job_record *job, struct ending end,
			  uint64_t started_ns, uint64_t finished_ns)
{
	uint64_t cpu_ns = cpu_meter_end(&s->cpu, finished_ns - started_ns) + s->call.child_cpu_ns;
	int r = slot_send_parts(s, job->tag, &end.bytes);

	if (r < 0)
		return r;
	struct outcome_record *o = outbox_reserve(&s->out, job->tag, OUTCOME_DONE, end.bytes.len);
	if (!o)
		return -EPROTO;
	o->status = (uint32_t)end.status;
	o->started_ns = started_ns;
	o->finished_ns = finished_ns;
	o->cpu_ns = cpu_ns;
	if (end.bytes.len > 0)
		memcpy(o->bytes, end.bytes.data, end.bytes.len);
	return 0;
}

/* What the slot did since the last job is no part of the next one. */
static void slot_pause(struct slot *s)
{
	s->now_ns = 0;
	cpu_meter_pass(&s->cpu);
}

/* Before the job's end is visible: who sees that sees this, and puts nothing more in. */
static void slot_look_at_memory(struct slot *s)
{
	uint64_t bytes;

	if (memory_resident(s->statm_fd, &bytes) == 0 && bytes > s->max_rss_bytes)
		atomic_store(&s->host->over_rss, 1);
}

static int slot_do_job(struct slot *s, const struct job_record *job, size_t len)
{
	bool is_short = job->flags & JOB_FLAG_SHORT;

	if (!is_short && cpu_meter_begin(&s->cpu))
		s->now_ns = 0;
	uint64_t started_ns = s->now_ns ? s->now_ns : clock_now_ns();

	/* What was put off must not wait for a job that may take long. */
	if (!is_short || outbox_is_due(&s->out, started_ns))
		outbox_notify(&s->out);
	s->out.slept = false;
	call_start_job(&s->call, job, started_ns);
	struct ending end = slot_run_job(s, job, len);
	uint64_t finished_ns = clock_now_ns();
	size_t bytes = end.bytes.len;
	int r = slot_write_end(s, job, end, started_ns, finished_ns);

	answer_reset(&s->answer);
	if (r < 0)
		return r;
	if (s->max_rss_bytes > 0)
		slot_look_at_memory(s);
	outbox_publish_quietly(&s->out, finished_ns);
	/* Sending and looking at the CPU clock or at memory took their time: then the next job
	 * does not start when this one ended. */
	s->now_ns = s->cpu.is_fresh ? 0 : finished_ns;
	if (s->out.slept || bytes > RECORD_BYTES_MAX || s->max_rss_bytes > 0)
		slot_pause(s);
	return 0;
}

/* Exactly one side gets a queued job: the slot here, or the front when it takes it back. */
static bool record_claim(struct ring_record *r)
{
	uint32_t ready = RECORD_READY;

	return atomic_compare_exchange_strong(&r->state, &ready, RECORD_RUNNING);
}

/* Gives the record back, with its payload: only once the front can see the job's end. */
static void slot_release(struct slot *s)
{
	if (ring_release(&s->in))
		futex_wake(&s->in.shared->producer_waits, 1, FUTEX_SHARED);
}

/* Sleeps until there may be a job. False when there will be none. */
static bool slot_wait(struct slot *s)
{
	_Atomic uint32_t *word = &s->in.shared->consumer_waits;

	outbox_notify(&s->out);
	slot_pause(s);
	ring_announce_consumer(&s->in);
	bool quit = atomic_load(&s->host->quit);
	/* In this order: a job that came before the order to quit is seen. */
	bool idle = !ring_has_next(&s->in);
	if (idle && !quit && !s->in.broken)
		(void)futex_wait(word, 1, FUTEX_SHARED, UINT64_MAX);
	atomic_store(word, 0);
	return !s->in.broken && !(idle && quit);
}

static bool slot_may_start(const struct slot *s)
{
	return s->max_rss_bytes == 0 || !atomic_load(&s->host->over_rss);
}

/* Sleeps until the front has taken back what is there, and lets it go. */
static void slot_wait_for_quit(struct slot *s)
{
	_Atomic uint32_t *word = &s->in.shared->consumer_waits;

	outbox_notify(&s->out);
	for (;;) {
		ring_announce_consumer(&s->in);
		if (atomic_load(&s->host->quit))
			return;
		(void)futex_wait(word, 1, FUTEX_SHARED, UINT64_MAX);
	}
}

int slot_run(struct slot *s)
{
	int r = 0;

	cpu_meter_begin(&s->cpu);
	while (r == 0) {
		size_t len = 0;

		if (!slot_may_start(s)) {
			slot_wait_for_quit(s);
			break;
		}
		struct ring_record *record = ring_next(&s->in, &len);

		if (!record) {
			if (!slot_wait(s))
				break;
			continue;
		}
		if (len < sizeof(struct job_record))
			return -EPROTO;
		if (record_claim(record))
			r = slot_do_job(s, record_body(record), len);
		slot_release(s);
	}
	outbox_notify(&s->out);
	return s->in.broken ? -EPROTO : r;
}
