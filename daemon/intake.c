#include "daemon/intake.h"

#include "common/clock.h"
#include "common/util.h"
#include "daemon/daemon.h"

#include <event2/event.h>

enum { US_PER_S = 1000 * 1000 };

static const struct bucket_size ping_rate = {.burst = 1000, .interval_us = US_PER_S / 100};
static const struct bucket_size cancel_rate = {.burst = 1000, .interval_us = US_PER_S / 100};

/* In microseconds of answering: a tenth of the loop's time, and little at once. */
static const struct bucket_size question_rate = {.burst = 10 * 1000, .interval_us = 10};

static void on_frame_overdue(struct timer *t);

void intake_init(struct session *s)
{
	timer_init(&s->intake.frame_timer, on_frame_overdue);
}

void intake_done(struct session *s)
{
	timer_cancel(&s->daemon->timers, &s->intake.frame_timer);
}

/* ---- fairness ------------------------------------------------------------- */

void intake_before_read(struct session *s)
{
	struct daemon *d = s->daemon;

	if (d->reader != s->number) {
		d->reader = s->number;
		d->reader_changed_us = d->now_us;
	}
	bool is_alone = d->now_us - d->reader_changed_us > INTAKE_ALONE_US;
	s->stream.read_max = is_alone ? STREAM_SCRATCH_BYTES : INTAKE_SHARE_BYTES;
}

/* ---- frames that take long ------------------------------------------------ */

static void set_frame_timer(struct session *s)
{
	struct daemon *d = s->daemon;
	struct intake *in = &s->intake;

	in->bytes_then = in->bytes;
	in->frames_then = in->frames;
	(void)timer_set(&d->timers, &in->frame_timer, clock_now_us() + d->config->frame_timeout_us);
}

static void on_frame_overdue(struct timer *t)
{
	struct session *s = container_of(t, struct session, intake.frame_timer);
	const struct intake *in = &s->intake;
	uint64_t least = s->daemon->config->frame_timeout_us * INTAKE_RATE_MIN / US_PER_S;

	/* With other frames in between, this one has not begun before the timer. */
	if (in->frames != in->frames_then || in->bytes - in->bytes_then > least)
		set_frame_timer(s);
	else
		session_close(s, "sends a frame too slowly");
}

void intake_after_read(struct session *s, uint64_t bytes)
{
	struct intake *in = &s->intake;

	in->bytes += bytes;
	if (s->phase >= SESSION_CLOSING)
		return;
	if (!sink_is_mid_frame(&s->stream.in)) {
		if (timer_is_set(&in->frame_timer))
			timer_cancel(&s->daemon->timers, &in->frame_timer);
	} else if (!timer_is_set(&in->frame_timer) && in->paused == 0) {
		set_frame_timer(s);
	}
}

/* ---- pauses --------------------------------------------------------------- */

void intake_pause(struct session *s, unsigned why)
{
	struct intake *in = &s->intake;
	bool was_paused = in->paused != 0;

	if (s->phase >= SESSION_CLOSING)
		return;
	in->paused |= why;
	if (was_paused)
		return;
	(void)event_del(s->on_read);
	timer_cancel(&s->daemon->timers, &in->frame_timer);
}

void intake_resume(struct session *s, unsigned why)
{
	struct intake *in = &s->intake;

	if (!(in->paused & why))
		return;
	in->paused &= ~why;
	if (in->paused != 0)
		return;
	if (event_add(s->on_read, NULL) < 0) {
		session_close(s, "out of memory");
		return;
	}
	if (sink_is_mid_frame(&s->stream.in))
		set_frame_timer(s);
}

void intake_reopen(struct session *s)
{
	intake_resume(s, s->intake.paused);
	intake_done(s);
}

/* ---- buckets --------------------------------------------------------------- */

bool intake_takes_ping(struct session *s)
{
	return bucket_take(&s->intake.pings, &ping_rate, 1, s->daemon->now_us);
}

bool intake_takes_cancel(struct session *s)
{
	if (s->intake.spare_cancels > 0) {
		s->intake.spare_cancels--;
		return true;
	}
	return bucket_take(&s->intake.cancels, &cancel_rate, 1, s->daemon->now_us);
}

bool intake_takes_question(struct session *s)
{
	return bucket_take(&s->intake.questions, &question_rate, 0, s->daemon->now_us);
}

void intake_charge_question(struct session *s, uint64_t took_us)
{
	(void)bucket_take(&s->intake.questions, &question_rate, took_us, s->daemon->now_us);
}
