/*
 * Configuration files as sections of words, each with the place where it was written.
 *
 * What the words mean is config.c's business. One thread only: libconfuse's scanner is
 * global.
 */
#ifndef DAEMON_CONFIG_FILE_H
#define DAEMON_CONFIG_FILE_H

#include "daemon/config_report.h"

#include <stdbool.h>
#include <stddef.h>

enum { CONFIG_FILE_MAX_BYTES = 1 << 20, CONFIG_MAX_OPTIONS = 48 };

enum config_type {
	CONFIG_COUNT,
	CONFIG_SIZE,
	CONFIG_DURATION,
	CONFIG_WORD,
	CONFIG_LIST, /* of words */
};

/* One line of a table; a NULL name ends it. */
struct config_option {
	const char *name;
	enum config_type type;
	const char *fallback;  /* where no file sets it; NULL: the code decides */
	const char *min, *max; /* of numbers, both included */
	size_t offset, width;  /* of a number in its struct */
};

enum config_section_kind {
	SECTION_TOP,
	SECTION_POOL,
	SECTION_COMMAND,
	SECTION_KEY,
	SECTION_TASK,
	SECTION_IDENTITY,
	SECTION_TLS, /* without a title */
	SECTION_NKINDS
};

struct config_word {
	char *text;
	struct config_place at;
};

struct config_setting {
	struct config_word *words;
	size_t nwords; /* 0 with is_set: the empty list */
	bool is_set;
	struct config_place at;
};

struct config_section {
	enum config_section_kind kind;
	char *title; /* "" where there is none */
	struct config_place at;
	struct config_setting settings[CONFIG_MAX_OPTIONS]; /* in the order of its table */
};

struct config_text {
	const struct config_option *const *tables; /* by kind of section */
	struct config_report *report;

	struct config_section *sections; /* in the order of their first mention */
	size_t nsections;
	char **files; /* their names, for the places */
	size_t nfiles;
	bool is_broken; /* a file was not read to its end: something may be missing */
	bool is_out_of_memory;
};

void config_text_init(struct config_text *t, const struct config_option *const *tables,
		      struct config_report *report);
void config_text_done(struct config_text *t);

/*
 * Adds what a file says; where sections have the same kind and title, the later words
 * replace the earlier. 0, also when the report now has complaints; -ENOENT, about which
 * it does not complain; -ENOMEM.
 */
int config_text_read(struct config_text *t, const char *path);

const struct config_section *config_text_find(const struct config_text *t,
					      enum config_section_kind kind, const char *title);

/* True when an earlier word of the list says the same, after complaining about it. */
bool config_is_repeated(const struct config_text *t, const struct config_setting *list,
			size_t which);

#endif
