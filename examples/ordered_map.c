/* map: one task on many items; results come in the order of the items. */
#include <futured/futured.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const numbers[] = {"100000", "200000", "300000", NULL};

/* Ends the program with what went wrong. */
static _Noreturn void die(const char *what, fut_error *e)
{
	fprintf(stderr, "%s: %s: %s\n", what, fut_error_type(e), fut_error_message(e));
	fut_error_unref(e);
	exit(1);
}

static fut_executor *open_pool(const char *name)
{
	const char *base = getenv("FUTURED_URL");
	char url[512];
	fut_executor *pool;
	fut_error *e;

	snprintf(url, sizeof url, "%s?pool=%s", base && *base ? base : "local:", name);
	if (fut_executor_open(url, &pool, &e) != FUT_OK)
		die(url, e);
	return pool;
}

/* The map asks for the next item when there is room for it. */
static bool next_number(void *arg, fut_bytes *ret)
{
	const char *const **next = arg;

	if (!**next)
		return false;
	*ret = (fut_bytes){**next, strlen(**next)};
	(*next)++;
	return true;
}

int main(void)
{
	fut_executor *pool = open_pool("processes");
	const char *const *next = numbers;
	fut_job *job;
	fut_map *map;
	fut_map_item item;
	fut_error *e;

	if (fut_job_new("sum_of_squares", &job) != FUT_OK)
		return 1;
	if (fut_map_open(pool, job, next_number, &next, NULL, &map, &e) != FUT_OK)
		die("map", e);
	fut_job_free(job);

	while (fut_map_next(map, FUT_FOREVER, &item) == FUT_OK) {
		if (item.status != FUT_OK)
			die(numbers[item.index], fut_error_ref(item.error));
		printf("%s: %.*s\n", numbers[item.index], (int)item.value.len,
		       (const char *)item.value.data);
	}
	fut_map_close(map);
	fut_executor_shutdown(pool, true, false, FUT_FOREVER);
	fut_executor_unref(pool);
	return 0;
}
