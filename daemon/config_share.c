#include "daemon/config_share.h"

#include "daemon/config_table.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static int add_key(struct config *c, const struct config_text *text, const struct config_section *s)
{
	struct config_key *grown = reallocarray(c->keys, c->nkeys + 1, sizeof *grown);

	if (!grown)
		return -ENOMEM;
	c->keys = grown;
	grown[c->nkeys] = (struct config_key){.name = strdup(s->title)};
	if (!grown[c->nkeys].name)
		return -ENOMEM;
	config_check_name(text->report, s, "key");
	config_set_numbers(text->report, s, &grown[c->nkeys++]);
	return 0;
}

static int add_task(struct config *c, const struct config_text *text,
		    const struct config_section *s)
{
	struct config_task *grown = reallocarray(c->tasks, c->ntasks + 1, sizeof *grown);

	if (!grown)
		return -ENOMEM;
	c->tasks = grown;
	grown[c->ntasks] = (struct config_task){.name = strdup(s->title)};
	if (!grown[c->ntasks].name)
		return -ENOMEM;
	config_check_name(text->report, s, "task");
	config_set_numbers(text->report, s, &grown[c->ntasks++]);
	return 0;
}

/* Keys and tasks both begin with their name. */
static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}
_Static_assert(offsetof(struct config_key, name) == 0, "by_name() looks there");
_Static_assert(offsetof(struct config_task, name) == 0, "by_name() looks there");

int config_add_shares(struct config *c, const struct config_text *text)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < text->nsections; i++) {
		const struct config_section *s = &text->sections[i];
		if (s->kind == SECTION_KEY)
			r = add_key(c, text, s);
		else if (s->kind == SECTION_TASK)
			r = add_task(c, text, s);
	}
	if (c->nkeys > 0)
		qsort(c->keys, c->nkeys, sizeof *c->keys, by_name);
	if (c->ntasks > 0)
		qsort(c->tasks, c->ntasks, sizeof *c->tasks, by_name);
	return r;
}

const struct config_key *config_find_key(const struct config *c, const char *name)
{
	return c->nkeys > 0 ? bsearch(&name, c->keys, c->nkeys, sizeof *c->keys, by_name) : NULL;
}

const struct config_task *config_find_task(const struct config *c, const char *name)
{
	return c->ntasks > 0 ? bsearch(&name, c->tasks, c->ntasks, sizeof *c->tasks, by_name)
			     : NULL;
}

void config_shares_done(struct config *c)
{
	for (size_t i = 0; i < c->nkeys; i++)
		free(c->keys[i].name);
	for (size_t i = 0; i < c->ntasks; i++)
		free(c->tasks[i].name);
	free(c->keys);
	free(c->tasks);
}
