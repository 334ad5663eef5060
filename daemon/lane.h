/*
 * What waits in a lane, and which of it is next.
 *
 * Part of the scheduler, which see. These functions leave it to their callers to say with
 * lane_update() (rotation.h) that something has changed, unless they say otherwise.
 *
 * Loop thread only.
 */
#ifndef DAEMON_LANE_H
#define DAEMON_LANE_H

#include "daemon/pool.h"
#include "daemon/session.h"
#include "daemon/share.h"

static inline void lane_append(struct lane *lane, struct job *j)
{
	j->place = JOB_QUEUED;
	TAILQ_INSERT_TAIL(&lane->queue, j, node);
}

/* A job that was there before goes back among the first, by its age. */
void lane_put_back(struct lane *lane, struct job *j);

void lane_unpark(struct lane *lane, struct job *j);

static inline void lane_take_out(struct lane *lane, struct job *j)
{
	if (j->place == JOB_QUEUED)
		TAILQ_REMOVE(&lane->queue, j, node);
	else
		lane_unpark(lane, j);
	j->place = JOB_NOWHERE;
}

struct job *lane_first_of_many(const struct lane *lane);

/* The oldest, but for those that are parked behind a cap; NULL when there is none. */
static inline struct job *lane_first(const struct lane *lane)
{
	return LIST_EMPTY(&lane->parkings) ? TAILQ_FIRST(&lane->queue) : lane_first_of_many(lane);
}

/* It need not be set aside. */
static inline bool lane_lets(const struct job *j)
{
	return !session_is_congested(j->session) && !task_is_full(j->task);
}

/*
 * The first that may run now. What stands before it is set aside: held with its session, or
 * parked. NULL when there is none, which is said to lane_update(); or when *aside, how many
 * may be set aside, came to 0.
 */
struct job *lane_choose(struct lane *lane, unsigned *aside);

#endif
