/*
 * The items of a map: where they come from, and what they are called.
 *
 * A map may have more items than memory. An item's name is kept only from the moment the
 * map takes it until its result is printed.
 */
#ifndef CTL_INPUT_H
#define CTL_INPUT_H

#include "ctl/files.h"

#include <futured/futured.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct item_name; /* file-local */

struct input {
	/* from the command line */
	char **args;
	size_t nargs;
	bool from_stdin; /* instead of args */
	int delimiter;
	bool are_files; /* an item is the name of a file, and its payload what the file holds */

	/* Called inside the map, with a file that cannot be read. */
	void (*on_unreadable)(void *arg, uint64_t number, fut_bytes name, int error);
	void *arg;

	/* while it is read */
	uint64_t number; /* of the next item, as the user counts */
	uint64_t taken;  /* of the next item, as the map counts: without unreadable files */
	uint64_t bytes;  /* of all payloads */
	int error;       /* negative errno: the end came too soon */
	char *line;
	size_t line_cap;
	struct content content;
	struct item_name *names; /* hash by the map's index */
};

/* A fut_next_item_fn. */
bool input_next(void *input, fut_bytes *ret);

/* How many items there are, 0 while that is not known. */
uint64_t input_total(const struct input *in);

/*
 * The name and the user's number of the map's item. Borrowed until input_forget(), which
 * comes after its result was printed.
 */
fut_bytes input_name(const struct input *in, uint64_t index, uint64_t *ret_number);
void input_forget(struct input *in, uint64_t index);

void input_done(struct input *in);

#endif
