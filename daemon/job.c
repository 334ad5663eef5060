#include "daemon/job.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct job) <= 256, "what a queued job may cost");

enum { JOBS_PER_CHUNK = 256 };

struct job_chunk {
	struct job_chunk *next;
	struct job jobs[JOBS_PER_CHUNK];
};

void job_store_init(struct job_store *st)
{
	*st = (struct job_store){0};
	TAILQ_INIT(&st->free);
}

static void free_chunks(struct job_store *st)
{
	TAILQ_INIT(&st->free);
	while (st->chunks) {
		struct job_chunk *c = st->chunks;
		st->chunks = c->next;
		free(c);
	}
}

void job_store_done(struct job_store *st)
{
	assert(st->live == 0);
	free_chunks(st);
}

static bool grow(struct job_store *st)
{
	struct job_chunk *c = malloc(sizeof *c);

	if (!c)
		return false;
	c->next = st->chunks;
	st->chunks = c;
	for (size_t i = 0; i < JOBS_PER_CHUNK; i++)
		TAILQ_INSERT_TAIL(&st->free, &c->jobs[i], node);
	return true;
}

struct job *job_new(struct job_store *st, const void *payload, uint32_t payload_len)
{
	struct job *j = TAILQ_FIRST(&st->free);
	uint8_t *own = NULL;

	if (payload_len > JOB_INLINE_MAX && !(own = malloc(payload_len)))
		return NULL;
	if (!j) {
		if (!grow(st)) {
			free(own);
			return NULL;
		}
		j = TAILQ_FIRST(&st->free);
	}
	TAILQ_REMOVE(&st->free, j, node);
	st->live++;

	/* Everything but the inline payload, which is most of it. */
	memset(j, 0, offsetof(struct job, inline_payload));
	j->payload = own ? own : j->inline_payload;
	j->payload_len = payload_len;
	if (payload_len > 0)
		memcpy(j->payload, payload, payload_len);
	return j;
}

void job_free(struct job_store *st, struct job *j)
{
	assert(j->place == JOB_NOWHERE && !j->session && !j->limits && !j->retry);
	if (j->payload != j->inline_payload)
		free(j->payload);
	TAILQ_INSERT_HEAD(&st->free, j, node);
	/* A spike's memory goes back once nothing is left of it. */
	if (--st->live == 0 && st->chunks && st->chunks->next)
		free_chunks(st);
}
