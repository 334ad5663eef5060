/* A client's keys make shares: when there is no memory for one, its job is refused. */
#define HASH_NONFATAL_OOM          1
#define uthash_nonfatal_oom(share) ((share)->scheduler = NULL)

#include "daemon/share.h"

#include "common/util.h"
#include "daemon/account.h"
#include "daemon/config.h"
#include "daemon/rotation.h"
#include "daemon/scheduler.h"

#include <assert.h>
#include <string.h>

static struct share *make(struct scheduler *s, struct account *account, struct span key)
{
	struct share *share = calloc(1, sizeof *share);

	if (!share)
		return NULL;
	share->scheduler = s;
	share->account = account_ref(account);
	memcpy(share->key, key.data, key.len);
	for (unsigned level = 0; level < PRIORITY_LEVELS; level++)
		lane_init(&share->lanes[level], share, level);
	share_configure(share, s->config);
	return share;
}

struct share *share_new(struct scheduler *s, struct account *account)
{
	struct share *share = make(s, account, span_str(""));

	if (share)
		share->refs = 1;
	return share;
}

/* What shares are found by: the account and the key, as they lie in a share. */
struct share_key {
	struct account *account;
	char key[NAME_MAX_BYTES + 1];
};
_Static_assert(offsetof(struct share, key) - offsetof(struct share, account) ==
		       offsetof(struct share_key, key),
	       "they lie alike");

struct share *share_of_key(struct scheduler *s, struct account *account, struct span key)
{
	struct share_key wanted = {.account = account};
	unsigned len = (unsigned)(offsetof(struct share_key, key) + key.len);
	struct share *share;

	assert(key.len > 0 && key.len <= NAME_MAX_BYTES);
	memcpy(wanted.key, key.data, key.len);
	HASH_FIND(hh, s->shares, &wanted, len, share);
	if (share)
		return share;
	share = make(s, account, key);
	if (!share)
		return NULL;
	HASH_ADD_KEYPTR(hh, s->shares, &share->account, len, share);
	if (!share->scheduler) {
		account_unref(share->account);
		free(share);
		return NULL;
	}
	return share;
}

static void share_free(struct share *share)
{
	assert(share->refs == 0 && share->running == 0);
	for (unsigned level = 0; level < PRIORITY_LEVELS; level++)
		lane_done(&share->lanes[level]);
	if (share->key[0])
		HASH_DEL(share->scheduler->shares, share);
	account_unref(share->account);
	free(share);
}

void share_free_if_unused(struct share *share)
{
	/* Nobody comes back to pay the debts of a session that is gone. */
	if (share->refs == 0 && (share->nrotating == 0 || !share->key[0]))
		share_free(share);
}

void share_unref(struct share *share)
{
	if (!share)
		return;
	share->refs--;
	share_free_if_unused(share);
}

void share_free_all(struct scheduler *s)
{
	struct share *share, *next;

	HASH_ITER(hh, s->shares, share, next)
	{
		share_free(share);
	}
}

void share_configure(struct share *share, const struct config *config)
{
	const struct config_key *key = share->key[0] ? config_find_key(config, share->key) : NULL;

	share->quantum_ns = (int64_t)QUANTUM_NS * (key ? key->weight : 1);
	share->cap = key ? key->running : 0;
}
