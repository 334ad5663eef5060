/*
 * The futures that an iterator or a wait set has: for each a reference, a waiter and a tag,
 * and a table that finds them.
 *
 * A future is known by its executor's serial and its own id, not by where it lies: an
 * address is used again, these are not. So one that left can be remembered without keeping
 * it. One thread.
 */
#ifndef CLIENT_MEMBERS_H
#define CLIENT_MEMBERS_H

#include "client/hook.h"

struct member {
	struct waiter waiter; /* its future is the member's reference; NULL in a spare one */
	void *tag;
	struct member *next_spare;
};

struct member_block;
struct member_slot;

struct members {
	struct member_slot *slots; /* the table: open addressing */
	size_t n_slots;            /* a power of two, or 0 */
	size_t known;              /* slots in use: members, and those remembered */
	struct member_block *blocks;
	struct member *spare;
};

/* Makes room for n more. 0 or -ENOMEM, and then nothing changed. */
int members_reserve(struct members *ms, size_t n);

/* 1 and a new member, with a reference of its own, whose waiter waits for nothing yet; 0 when the
 * future is known; -ENOMEM. */
int members_add(struct members *ms, fut_future *f, struct member **ret);

/* NULL when it is not there, or no more. */
struct member *members_find(const struct members *ms, const fut_future *f);

/* It leaves; its reference is the caller's. When it is remembered it cannot be added again. */
fut_future *members_forget(struct members *ms, struct member *m);
fut_future *members_remember(struct members *ms, struct member *m);

/* One after the other, from *position 0 on; NULL behind the last. */
struct member *members_next(const struct members *ms, size_t *position);

/* Whoever is left is waited for no more, and the references go. */
void members_done(struct members *ms);

#endif
