/*
 * How fast no-op jobs go through: submits them all without waiting, then takes every
 * result in order.
 *
 *	pipelined URL [JOBS [TASK [PAYLOAD_BYTES]]]
 *
 * Prints one line: jobs, seconds, jobs per second.
 */
#include <futured/futured.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void check(fut_status status, fut_error *e, const char *what)
{
	if (status == FUT_OK)
		return;
	fprintf(stderr, "pipelined: %s: %s: %s\n", what,
		e ? fut_error_message(e) : fut_status_text(status), e ? fut_error_detail(e) : "");
	exit(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
	size_t jobs = argc > 2 ? strtoul(argv[2], NULL, 10) : 200000;
	const char *task = argc > 3 ? argv[3] : "noop";
	size_t len = argc > 4 ? strtoul(argv[4], NULL, 10) : 0;
	fut_future **futures = calloc(jobs, sizeof(fut_future *));
	char *payload = calloc(1, len + 1);
	fut_error *e = NULL;
	fut_executor *x;

	if (argc < 2 || !futures || !payload) {
		fprintf(stderr, "usage: pipelined URL [JOBS [TASK [PAYLOAD_BYTES]]]\n");
		return 2;
	}
	memset(payload, '1', len);
	check(fut_executor_open(argv[1], &x, &e), e, "open");
	double start_s = now_s();
	for (size_t i = 0; i < jobs; i++)
		check(fut_submit(x, task, payload, len, &futures[i], &e), e, "submit");
	for (size_t i = 0; i < jobs; i++) {
		fut_bytes value;
		check(fut_result(futures[i], FUT_FOREVER, &value, &e), e, "result");
		fut_future_unref(futures[i]);
	}
	double took_s = now_s() - start_s;
	printf("jobs=%zu seconds=%.3f jobs_per_second=%.0f\n", jobs, took_s, (double)jobs / took_s);
	fut_executor_shutdown(x, true, false, FUT_FOREVER);
	fut_executor_unref(x);
	free(futures);
	free(payload);
	return 0;
}
