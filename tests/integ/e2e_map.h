/* Maps against a real daemon: inputs, and the steps that tests of maps share. */
#ifndef TESTS_E2E_MAP_H
#define TESTS_E2E_MAP_H

#include "tests/integ/e2e.h"

/* Numbers from 0 on, as text; some of them replaced. */
struct numbers {
	size_t taken, n; /* n 0: without end */
	size_t odd_one;  /* that many apart, an item is `odd`; 0: none */
	const char *odd;
	char text[24];
};

static inline bool next_number(void *arg, fut_bytes *ret)
{
	struct numbers *in = arg;

	if (in->n > 0 && in->taken == in->n)
		return false;
	size_t i = in->taken++;
	if (in->odd_one > 0 && i % in->odd_one == in->odd_one - 1)
		snprintf(in->text, sizeof in->text, "%s", in->odd);
	else
		snprintf(in->text, sizeof in->text, "%zu", i);
	*ret = (fut_bytes){in->text, strlen(in->text)};
	return true;
}

/* Texts of an array, up to NULL. */
static inline bool next_text(void *arg, fut_bytes *ret)
{
	const char *const **at = arg;

	if (!**at)
		return false;
	*ret = (fut_bytes){**at, strlen(**at)};
	(*at)++;
	return true;
}

static inline fut_map *open_map(const char *task, fut_next_item_fn next, void *arg,
				fut_map_options options)
{
	fut_error *e = NULL;
	fut_job *job;
	fut_map *m;

	ck_assert_int_eq(fut_job_new(task, &job), FUT_OK);
	if (fut_map_open(x, job, next, arg, &options, &m, &e) != FUT_OK)
		ck_abort_msg("map: %s: %s", fut_error_message(e), fut_error_detail(e));
	fut_job_free(job);
	return m;
}

static inline void must_end(fut_map *m)
{
	fut_map_item item;

	ck_assert_int_eq(fut_map_next(m, PATIENCE_US, &item), FUT_END);
	ck_assert_int_eq(fut_map_next(m, 0, &item), FUT_END);
	fut_map_close(m);
}

static inline bool is_number(const fut_map_item *item, uint64_t n)
{
	char text[24];
	int len = snprintf(text, sizeof text, "%llu", (unsigned long long)n);

	return item->status == FUT_OK && item->value.len == (size_t)len &&
	       memcmp(item->value.data, text, (size_t)len) == 0;
}

#endif
