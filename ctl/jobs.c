/* futurectl jobs: what waits and what runs, as a table or as the JSON that the daemon sends. */
#include "ctl/answer.h"

#include <stdio.h>

static const char doc[] =
	"Lists the unfinished jobs of all clients, the oldest first: at most 1000 of them."
	"\v"
	"LEVEL is the job's priority, or what it has risen to while it waited. Times are in "
	"seconds. `futurectl why JOB' says why a job does not run yet.";

static const struct {
	const char *member, *title;
} columns[] = {
	{"job", "JOB"}, {"pool", "POOL"}, {"task", "TASK"}, {"state", "STATE"}, {"key", "KEY"},
};
#define NCOLUMNS (sizeof columns / sizeof *columns)

static double seconds(const json_t *job, const char *member)
{
	return (double)answer_number(job, member) / 1e6;
}

static void print_job(const json_t *job, const int *widths)
{
	for (size_t i = 0; i < NCOLUMNS; i++) {
		answer_print_cell(answer_text(job, columns[i].member), widths[i]);
		fputs("  ", stdout);
	}
	printf("%5" JSON_INTEGER_FORMAT " %10.3f %10.3f %7" JSON_INTEGER_FORMAT "\n",
	       answer_number(job, "level"), seconds(job, "waited_us"), seconds(job, "running_us"),
	       answer_number(job, "attempt"));
}

static void print_jobs(const json_t *answer)
{
	const json_t *jobs = json_object_get(answer, "jobs");
	json_int_t more = answer_number(answer, "more");
	int widths[NCOLUMNS];

	for (size_t i = 0; i < NCOLUMNS; i++) {
		widths[i] = answer_width(jobs, columns[i].member, columns[i].title);
		printf("%-*s  ", widths[i], columns[i].title);
	}
	printf("%5s %10s %10s %7s\n", "LEVEL", "WAITED", "RUNNING", "ATTEMPT");
	for (size_t i = 0; i < json_array_size(jobs); i++)
		print_job(json_array_get(jobs, i), widths);
	if (more > 0)
		printf("and %" JSON_INTEGER_FORMAT " more\n", more);
}

int jobs_run(const struct ctl *ctl, int argc, char **argv)
{
	return answer_run(ctl, argc, argv, doc, "jobs", print_jobs);
}
