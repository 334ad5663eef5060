/*
 * Questions to the daemon, and its answers: JSON objects. A daemon of another version may
 * leave a member out, or give it another type.
 */
#ifndef CTL_ANSWER_H
#define CTL_ANSWER_H

#include "ctl/ctl.h"

#include <jansson.h>
#include <stdbool.h>

/* Asks, or says on stderr what went wrong. FUT_OK and the text, to be freed; *ret_code is the
 * exit code otherwise. */
fut_status answer_ask(const struct ctl *ctl, const char *what, const char *argument, char **ret,
		      int *ret_code);

/* The command line of a command whose only option is --json, and `doc` its help: whether that was
 * given. A wrong one is the end of the program. */
bool answer_wants_json(int argc, char **argv, const char *doc);

/* A command that asks one thing: takes --json, with which it prints the answer as it is; else it
 * calls `print`. `doc` is its help. The exit status. */
int answer_run(const struct ctl *ctl, int argc, char **argv, const char *doc, const char *what,
	       void (*print)(const json_t *answer));

/* Prints the answer as it is, and frees it. CTL_OK. */
int answer_print_json(char *text);

/* An object from the text, which is freed; NULL after saying that it is none. */
json_t *answer_parse(const struct ctl *ctl, char *text);

/* Of a member; "?" and 0 where there is none such. */
const char *answer_text(const json_t *object, const char *member);
json_int_t answer_number(const json_t *object, const char *member);

/* The widest of a member's texts in an array of objects, and of its title. */
int answer_width(const json_t *array, const char *member, const char *title);

/* Writes text that came from elsewhere to stdout; at least so wide. */
void answer_print(const char *text);
void answer_print_cell(const char *text, int width);

#endif
