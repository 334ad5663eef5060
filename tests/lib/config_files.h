/* A configuration file and its drop-ins, in a directory of the test, and what comes of them. */
#ifndef TESTS_CONFIG_FILES_H
#define TESTS_CONFIG_FILES_H

#include "daemon/config.h"

#include <check.h>
#include <stddef.h>

enum { ERRORS_MAX = 16, ERROR_MAX_BYTES = 2048 };

extern char conf_dir[64], conf_path[80];

/* What the last load had to say. */
extern char conf_errors[ERRORS_MAX][ERROR_MAX_BYTES];
extern int nconf_errors;

/* Adds a case whose tests have a directory each, with nothing in it. */
TCase *config_case(Suite *s, const char *name);

void write_bytes(const char *path, const void *p, size_t n);
void write_conf(const char *text);
void write_drop_in(const char *name, const char *text);

/* For config_load(), with conf_errors. */
void on_error(void *arg, const char *message);

struct config *must_load(const char *module_dir);
struct config *must_load_text(const char *text);
void must_refuse(int expected);

/* `expected` goes on behind the path of the configuration file. */
void assert_error(int which, const char *expected);

void assert_strings(char **strings, const char *const *expected);
#define STRINGS(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

/* The modules of a pool that names none. */
#define SAMPLES(where)                                                                             \
	STRINGS(where "/hash.so", where "/text.so", where "/math.so", where "/basic.so")

/* Root has rights that a test of rights must not have. A leak checker wants them back. */
void become_nobody(void);
void become_self(void);

#endif
