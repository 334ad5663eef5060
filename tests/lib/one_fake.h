/* One fake daemon and an executor connected to it, for each test of a file. */
#ifndef TESTS_ONE_FAKE_H
#define TESTS_ONE_FAKE_H

#include "tests/lib/fake_daemon.h"

#define JOB_PAYLOAD "p"

static struct fake *d;
static fut_executor *x;

static inline void connect_fake(void)
{
	d = fake_new();
	x = fake_connect(d);
}

static inline void disconnect_fake(void)
{
	fake_goodbye(d, x);
	fake_free(d);
}

/* Submits, and takes the job on the daemon's side. */
static inline fut_future *job(uint64_t *ret_id)
{
	fut_future *f = must_submit(x, JOB_PAYLOAD);

	*ret_id = fake_expect_submit(d).spec.id;
	return f;
}

#endif
