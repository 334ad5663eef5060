/* A client's name makes it: without memory the client is refused. */
#define HASH_NONFATAL_OOM            1
#define uthash_nonfatal_oom(account) ((account)->table = NULL)

#include "daemon/account.h"

#include "common/util.h"

#include <stdio.h>

static struct account *make(struct account **table, const char *name, struct ledger *total)
{
	struct account *a = calloc(1, sizeof *a);

	if (!a)
		return NULL;
	a->table = table;
	a->ledger.parent = total;
	(void)snprintf(a->name, sizeof a->name, "%s", name);
	HASH_ADD_KEYPTR(hh, *table, a->name, (unsigned)strlen(a->name), a);
	if (!a->table) {
		free(a);
		return NULL;
	}
	return a;
}

struct account *account_join(struct account **table, const char *name, struct ledger *total)
{
	struct account *a;

	HASH_FIND(hh, *table, name, (unsigned)strlen(name), a);
	if (!a)
		a = make(table, name, total);
	if (!a)
		return NULL;
	a->sessions++;
	return account_ref(a);
}

void account_leave(struct account *a)
{
	if (!a)
		return;
	assert(a->sessions > 0);
	a->sessions--;
	account_unref(a);
}

struct account *account_ref(struct account *a)
{
	a->refs++;
	return a;
}

void account_unref(struct account *a)
{
	assert(a->refs > 0);
	if (--a->refs > 0)
		return;
	assert(a->sessions == 0 && a->inflight == 0 && a->queued == 0 && a->bytes == 0 &&
	       a->ledger.bytes == 0);
	HASH_DEL(*a->table, a);
	free(a);
}
