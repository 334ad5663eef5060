/*
 * One line on stderr for each event: `level=info event=pool.ready pool=cpu slots=2`.
 *
 * Event names and keys are stable: operators match on them. Values are quoted when they
 * hold anything but plain characters, and cut at LOG_VALUE_MAX. A line is written with
 * one write(), so lines of several processes never mix. Thread-safe.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG, LOG_NLEVELS };
enum { LOG_VALUE_MAX = 1024, LOG_LINE_MAX = 8192 };

struct log_field {
	const char *key; /* NULL ends a list */
	enum { LOG_FIELD_STR, LOG_FIELD_BYTES, LOG_FIELD_INT, LOG_FIELD_UINT } kind;
	union {
		const char *str;
		int64_t i;
		uint64_t u;
	} v;
	uint64_t len; /* of LOG_FIELD_BYTES */
};

#define LOG_STR(k, s) ((struct log_field){(k), LOG_FIELD_STR, {.str = (s)}, 0})
#define LOG_BYTES(k, p, n)                                                                         \
	((struct log_field){(k), LOG_FIELD_BYTES, {.str = (const char *)(p)}, (n)})
#define LOG_INT(k, n)  ((struct log_field){(k), LOG_FIELD_INT, {.i = (n)}, 0})
#define LOG_UINT(k, n) ((struct log_field){(k), LOG_FIELD_UINT, {.u = (n)}, 0})

/* The line for an event, with its newline: so many bytes of `line`, which is no string. */
size_t log_format(char line[LOG_LINE_MAX], enum log_level level, const char *event,
		  const struct log_field *fields);

#define log_event(level, event, ...)                                                               \
	log_fields((level), (event), (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){0}})

void log_fields(enum log_level level, const char *event, const struct log_field *fields);

/* Events above the level are dropped. The default is LOG_INFO. */
void log_set_level(enum log_level level);

/* "error", "warning", "info", "debug" to a level. 0 or -EINVAL. */
int log_level_parse(const char *name, enum log_level *ret);

#endif
