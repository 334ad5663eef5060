/* A client's names make these: when there is no memory for one, its job is refused. */
#define HASH_NONFATAL_OOM      1
#define uthash_nonfatal_oom(u) ((u)->pool = NULL)

#include "daemon/unique.h"

#include "daemon/answer.h"
#include "daemon/daemon.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

enum { KEY_MAX_BYTES = sizeof(struct account *) + 2 * NAME_MAX_BYTES + 1 };

struct unique {
	UT_hash_handle hh; /* of the pool's, while others may join */
	struct pool *pool; /* NULL when they may not */
	struct job_list followers;
	struct job *run;
	uint64_t client_later_us; /* than the run was accepted, came the client it has now */
	uint32_t told; /* counts messages; a follower's tag is the last one it was told */
	unsigned key_len;
	char key[KEY_MAX_BYTES]; /* the account, the task's name, a NUL, and the run's */
};

/* Who has no session of the account's, has no run of its either: it is there as long as one is. */
static unsigned make_key(const struct account *account, const struct task *task, struct span name,
			 char key[KEY_MAX_BYTES])
{
	size_t len = strlen(task->name) + 1, n = sizeof account;

	assert(name.len <= NAME_MAX_BYTES);
	memcpy(key, &account, n);
	memcpy(key + n, task->name, len);
	n += len;
	memcpy(key + n, name.data, name.len);
	return (unsigned)(n + name.len);
}

struct job *unique_find(const struct session *s, const struct task *task, struct span name)
{
	char key[KEY_MAX_BYTES];
	unsigned len = make_key(s->account, task, name, key);
	struct unique *u;

	HASH_FIND(hh, s->pool->uniques, key, len, u);
	return u ? u->run : NULL;
}

int unique_open(struct job *run, struct span name)
{
	struct unique *u = calloc(1, sizeof *u);

	if (!u)
		return -ENOMEM;
	u->pool = run->session->pool;
	u->run = run;
	TAILQ_INIT(&u->followers);
	u->key_len = make_key(run->session->account, run->task, name, u->key);
	HASH_ADD_KEYPTR(hh, run->session->pool->uniques, u->key, u->key_len, u);
	if (!u->pool) {
		free(u);
		return -ENOMEM;
	}
	run->unique = u;
	return 0;
}

void unique_close(struct job *run)
{
	struct unique *u = run->unique;

	if (!u || !u->pool)
		return;
	HASH_DELETE(hh, u->pool->uniques, u);
	u->pool = NULL;
}

void unique_follow(struct job *run, struct job *follower)
{
	assert(follower->place == JOB_NOWHERE && run->unique && run->unique->pool);
	follower->place = JOB_FOLLOWING;
	follower->unique = run->unique;
	TAILQ_INSERT_TAIL(&run->unique->followers, follower, node);
}

void unique_leave(struct job *follower)
{
	assert(follower->place == JOB_FOLLOWING);
	TAILQ_REMOVE(&follower->unique->followers, follower, node);
	follower->unique = NULL;
	follower->place = JOB_NOWHERE;
}

struct job *unique_pop(struct job *run)
{
	struct unique *u = run->unique;

	if (!u)
		return NULL;
	struct job *f = TAILQ_FIRST(&u->followers);
	if (f) {
		unique_leave(f);
		return f;
	}
	unique_close(run);
	run->unique = NULL;
	free(u);
	return NULL;
}

uint64_t unique_client_later_us(const struct job *run)
{
	return run->unique ? run->unique->client_later_us : 0;
}

struct job *unique_run(const struct job *j)
{
	return j->unique->run;
}

bool unique_is_shared(const struct job *j)
{
	return j->unique && !TAILQ_EMPTY(&j->unique->followers);
}

/* A job that is held lies in its session's list. */
static void move_held(struct job *run, struct session *to)
{
	if (run->place != JOB_HELD)
		return;
	TAILQ_REMOVE(&run->session->held, run, node);
	TAILQ_INSERT_TAIL(&to->held, run, node);
}

bool unique_hand_over(struct job *run)
{
	struct unique *u = run->unique;
	struct job *f = u && u->run == run ? TAILQ_FIRST(&u->followers) : NULL;

	if (!f)
		return false;
	unique_leave(f);
	struct session *to = f->session;
	uint64_t id = f->id;
	move_held(run, to);
	session_remove_job(to, f);
	session_remove_job(run->session, run);
	run->id = id;
	u->client_later_us = f->accepted_us - run->accepted_us;
	int r = session_add_job(to, run);
	assert(r == 0); /* the place is the one that was just freed */
	/* Nothing would let it go: what is held waits for the end of a congestion. */
	if (run->place == JOB_HELD && !session_is_congested(to))
		scheduler_release(&to->pool->scheduler, to);
	job_drop(to->daemon, f);
	return true;
}

void unique_tell(struct job *run, struct message *m, uint64_t *id, struct span payload)
{
	struct unique *u = run->unique;
	struct job *f;

	/* Sending can end a session, which takes all its followers off the list, or hands the
	 * run over: so those that were told go to the end, marked, and the client comes last. */
	if (u)
		u->told++;
	while (u && (f = TAILQ_FIRST(&u->followers)) && f->tag != u->told) {
		TAILQ_REMOVE(&u->followers, f, node);
		TAILQ_INSERT_TAIL(&u->followers, f, node);
		f->tag = u->told;
		*id = f->id;
		session_send(f->session, m, payload);
	}
	if (run->session) {
		*id = run->id;
		session_send(run->session, m, payload);
	}
}

void unique_note_started(struct job *run)
{
	uint64_t id;
	struct message m = {.kind = MESSAGE_STARTED, .started = {&id, 1}};

	unique_tell(run, &m, &id, SPAN_EMPTY);
}
