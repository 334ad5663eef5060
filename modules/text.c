/* Counting and searching text. Text is bytes: nothing here knows an encoding. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memmem */
#endif

#include "modules/input.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- word_count: "LINES WORDS BYTES", as wc prints them ---- */

static int word_count(struct fut_call *call)
{
	struct fut_view in = fut_call_payload(call);
	const unsigned char *p = in.data;
	uint64_t lines = 0, words = 0;
	bool in_word = false;
	char out[80];

	for (size_t i = 0; i < in.len; i++) {
		bool space = input_is_space(p[i]);

		lines += p[i] == '\n';
		words += in_word && space;
		in_word = !space;
	}
	words += in_word;
	int len = snprintf(out, sizeof(out), "%" PRIu64 " %" PRIu64 " %zu", lines, words, in.len);
	return fut_call_return(call, out, (size_t)len);
}

/* ---- grep: the first line is a fixed string, the rest is searched for it ---- */

/* How often a search reports progress and looks at the stop flag. */
enum { LINES_PER_LOOK = 64 * 1024 };

struct search {
	const char *pattern;
	size_t pattern_len;
	const char *at, *end; /* what is still to be searched */
	char *out;            /* room for every line, and for one '\n' more */
	size_t out_len;
};

/* False for a payload with nothing to look for. */
static bool search_parse(struct search *s, struct fut_view in)
{
	const char *text = in.data;
	const char *newline = in.len ? memchr(text, '\n', in.len) : NULL;

	*s = (struct search){.pattern = text, .pattern_len = in.len};
	if (newline) {
		s->pattern_len = (size_t)(newline - text);
		s->at = newline + 1;
		s->end = text + in.len;
	}
	return s->pattern_len > 0;
}

/* Takes one line. The last one may lack its '\n'; it gets one in the output. */
static void search_line(struct search *s)
{
	size_t left = (size_t)(s->end - s->at);
	const char *newline = memchr(s->at, '\n', left);
	size_t len = newline ? (size_t)(newline - s->at) : left;

	if (memmem(s->at, len, s->pattern, s->pattern_len)) {
		memcpy(s->out + s->out_len, s->at, len);
		s->out_len += len;
		s->out[s->out_len++] = '\n';
	}
	s->at += newline ? len + 1 : len;
}

static int search_run(struct search *s, struct fut_call *call)
{
	size_t total = (size_t)(s->end - s->at);
	uint64_t lines = 0;

	while (s->at < s->end) {
		if (lines % LINES_PER_LOOK == 0 && fut_call_stopped(call))
			return input_stop(call);
		search_line(s);
		lines++;
		/* In bytes: how many lines there are is known only at the end. */
		if (lines % LINES_PER_LOOK == 0 &&
		    fut_call_progress(call, total - (size_t)(s->end - s->at), total, NULL) < 0)
			return -1;
	}
	return fut_call_return(call, s->out, s->out_len);
}

static int grep(struct fut_call *call)
{
	struct search s;
	int r;

	if (!search_parse(&s, fut_call_payload(call)))
		return fut_call_fail(call, "ValueError",
				     "the first line is the pattern: it is empty", NULL, 0);
	s.out = malloc((size_t)(s.end - s.at) + 1);
	if (!s.out)
		return fut_call_fail(call, "MemoryError", "no memory for the result", NULL, 0);
	r = search_run(&s, call);
	free(s.out);
	return r;
}

static const struct fut_task tasks[] = {
	{.name = "word_count", .run = word_count},
	{.name = "grep", .run = grep},
	{.name = NULL},
};

FUT_MODULE(.name = "text", .tasks = tasks);
