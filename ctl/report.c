#include "ctl/report.h"

#include "ctl/names.h"

#include <inttypes.h>
#include <string.h>

void report_text(FILE *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		putc((c < ' ' && c != '\t') || c == 0x7f ? '?' : c, out);
	}
}

static void print_line(const char *label, const char *text)
{
	if (!*text)
		return;
	fprintf(stderr, "%s: ", label);
	report_text(stderr, text, strlen(text));
	putc('\n', stderr);
}

/* A block of lines, each set off so that it is not taken for the tool's own words. */
static void print_block(const char *label, const char *text, size_t len)
{
	if (len == 0)
		return;
	fprintf(stderr, "%s:\n", label);
	while (len > 0) {
		const char *end = memchr(text, '\n', len);
		size_t n = end ? (size_t)(end - text) : len;

		fputs("  | ", stderr);
		report_text(stderr, text, n);
		putc('\n', stderr);
		n += end ? 1 : 0;
		text += n;
		len -= n;
	}
}

static void print_death(const fut_death *d)
{
	char scratch[NAME_SIGNAL_SIZE];

	fprintf(stderr, "cause of death: process %" PRId64, d->pid);
	if (d->signal != 0)
		fprintf(stderr, " was ended by %s%s", name_of_signal(d->signal, scratch),
			d->core_dumped ? " (core dumped)" : "");
	else
		fprintf(stderr, " exited with code %d", d->exit_code);
	fprintf(stderr, "%s, after %.3f s of processor time and %.1f MiB of memory\n",
		d->out_of_memory ? " for want of memory" : "", (double)d->cpu_us / 1e6,
		(double)d->max_rss_bytes / (1024.0 * 1024.0));
	print_block("its last words on stderr", d->stderr_tail.data, d->stderr_tail.len);
}

static void print_retry(const fut_error *e)
{
	fprintf(stderr, "executed: %s, retry: %s", name_of_executed(fut_error_executed(e)),
		name_of_retry(fut_error_retry(e)));
	if (fut_error_attempt(e) > 0)
		fprintf(stderr, ", attempt: %u", fut_error_attempt(e));
	putc('\n', stderr);
}

void report_error(const char *what, fut_status status, const fut_error *error)
{
	const char *type = error ? fut_error_type(error) : "";
	const char *message = error ? fut_error_message(error) : "";

	if (!*type)
		type = fut_status_name(status);
	if (!*message)
		message = fut_status_text(status);
	fprintf(stderr, "futurectl: %s: ", what);
	report_text(stderr, type, strlen(type));
	fputs(": ", stderr);
	report_text(stderr, message, strlen(message));
	putc('\n', stderr);
	if (!error)
		return;

	print_line("detail", fut_error_detail(error));
	print_line("hint", fut_error_hint(error));
	if (fut_error_death(error))
		print_death(fut_error_death(error));
	print_block("details", fut_error_details(error).data, fut_error_details(error).len);
	print_block("traceback", fut_error_traceback(error), strlen(fut_error_traceback(error)));
	print_retry(error);
}

void report_job(const fut_future *f)
{
	char name[64];

	(void)fut_job_name(f, name, sizeof name);
	fprintf(stderr, "job %s\n", name);
}

static void print_time(const char *what, uint64_t us)
{
	if (us == FUT_NEVER)
		fprintf(stderr, "  %13s  %s\n", "never", what);
	else
		fprintf(stderr, "  %10" PRIu64 " us  %s\n", us, what);
}

void report_timeline(const fut_timeline *t)
{
	fprintf(stderr, "timeline, since the daemon accepted the job (attempt %u):\n", t->attempt);
	print_time("queued", t->queued_us);
	print_time("handed to a slot", t->dispatched_us);
	print_time("started", t->started_us);
	print_time("first chunk", t->first_chunk_us);
	print_time("finished", t->finished_us);
	fprintf(stderr, "and all in all:\n");
	print_time("from submit to result", t->total_us);
	print_time("of these outside the daemon", t->transit_us);
	print_time("of CPU time", t->cpu_us);
	fprintf(stderr,
		"  %" PRIu64 " bytes of payload, %" PRIu64 " of result, %" PRIu64 " in chunks\n",
		t->payload_bytes, t->result_bytes, t->chunk_bytes);
}
