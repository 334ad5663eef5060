/*
 * Who holds how many bytes of the daemon's memory.
 *
 * Ledgers are a chain: what a connection holds is charged to it, to whoever stands behind it
 * (its parent), and to the daemon as a whole, in one call:
 *
 *   session ──▶ daemon                 or, where identities have accounts,
 *   session ──▶ account ──▶ daemon
 *
 * Invariant: a ledger's bytes are what was charged to it and those before it in the chain, and
 * is still held; with nothing held all are 0. So a ledger may only go when it is 0, and one that
 * others have for a parent stays until they are gone.
 *
 * Loop thread only.
 */
#ifndef DAEMON_LEDGER_H
#define DAEMON_LEDGER_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

struct ledger {
	struct ledger *parent; /* charged along with it; NULL at the end of the chain */
	uint64_t bytes;
};

static inline void ledger_charge(struct ledger *l, uint64_t bytes)
{
	for (; l; l = l->parent)
		l->bytes += bytes;
}

static inline void ledger_release(struct ledger *l, uint64_t bytes)
{
	for (; l; l = l->parent) {
		assert(l->bytes >= bytes);
		l->bytes -= bytes;
	}
}

/* So many bytes are held now, where *held were before. */
static inline void ledger_update(struct ledger *l, uint64_t *held, uint64_t now)
{
	if (now > *held)
		ledger_charge(l, now - *held);
	else if (now < *held)
		ledger_release(l, *held - now);
	*held = now;
}

/* The ledger has nothing to do with these bytes any more, but those behind it have: the next
 * of them, who is to release them. */
static inline struct ledger *ledger_hand_up(struct ledger *l, uint64_t bytes)
{
	assert(l->bytes >= bytes);
	l->bytes -= bytes;
	return l->parent;
}

/* Another parent, which is charged with what the ledger holds. */
static inline void ledger_adopt(struct ledger *l, struct ledger *parent)
{
	ledger_release(l->parent, l->bytes);
	l->parent = parent;
	ledger_charge(parent, l->bytes);
}

#endif
