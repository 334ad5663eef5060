/*
 * The rotation in which the lanes of one level are served: deficit round-robin.
 *
 * Part of the scheduler, which see for the algorithm. After whatever changes what a lane
 * holds or may do, lane_update() puts it in its place; nothing else touches a rotation.
 *
 * Loop thread only.
 */
#ifndef DAEMON_ROTATION_H
#define DAEMON_ROTATION_H

#include "daemon/lane.h"

enum {
	/* Of service, for each turn of a share of weight 1. Some times what lies ahead in a
	 * slot, so that a turn is more than that; little enough that nobody sees the turns of
	 * others; and passing over a share that is in debt, a few nanoseconds for each quantum
	 * of service that somebody had, costs nothing. */
	QUANTUM_NS = 1000 * 1000,
};

void lane_init(struct lane *lane, struct share *share, unsigned level);
void lane_done(struct lane *lane);

/* Puts the lane into the rotation or takes it out. May free its share, unless somebody holds
 * a reference. */
void lane_update(struct lane *lane);

struct job *level_turn(struct level *l, unsigned *aside);

/* The job whose turn it is. NULL when none may run now; or when *aside, how many may be set
 * aside, came to 0. */
static inline struct job *level_next(struct level *l, unsigned *aside)
{
	struct lane *lane = TAILQ_FIRST(&l->rotation);
	struct job *j;

	/* Mostly the turn goes on. */
	if (lane && lane->in_turn && lane->is_ready && lane->deficit_ns > 0 &&
	    (j = lane_first(lane)) && lane_lets(j))
		return j;
	return level_turn(l, aside);
}

#endif
