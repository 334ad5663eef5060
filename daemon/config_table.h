/* Every option: its name, its unit, its default and its range. */
#ifndef DAEMON_CONFIG_TABLE_H
#define DAEMON_CONFIG_TABLE_H

#include "daemon/config_file.h"

/* The options that code asks for by name; the others are numbers, stored as they come. */
enum { TOP_LOG_LEVEL, TOP_LISTEN, TOP_INSECURE, TOP_MODULE_DIR, TOP_AUDIT_LOG, TOP_FIRST_NUMBER };
enum {
	POOL_KIND,
	POOL_MODULES,
	POOL_COMMANDS,
	POOL_FRESH,
	POOL_SANDBOX,
	POOL_NETWORK,
	POOL_PROGRAMS,
	POOL_READABLE,
	POOL_WRITABLE,
	POOL_USER,
	POOL_ENVIRONMENT,
	POOL_LIMIT_ADDRESS_SPACE, /* these in the order of enum sandbox_limit */
	POOL_LIMIT_CORE,
	POOL_LIMIT_CPU,
	POOL_LIMIT_FILE_SIZE,
	POOL_LIMIT_OPEN_FILES,
	POOL_LIMIT_PROCESSES,
};
enum { COMMAND_EXEC };
enum { IDENTITY_TASKS, IDENTITY_POOLS, IDENTITY_ADMIN, IDENTITY_PRIORITY_MAX };
enum {
	TLS_CERTIFICATE,
	TLS_KEY,
	TLS_CA,
	TLS_CRL,
	TLS_IDENTITY,
	TLS_MIN_VERSION,
	TLS_SERVER_NAMES,
};

extern const struct config_option *const config_tables[SECTION_NKINDS];

/* The word that counts: what a file said last, or the default, which has no place. */
struct config_word config_word_of(const struct config_section *s, size_t which);

/* Stores all numbers of a section in its struct; complains about what is not in range. */
void config_set_numbers(struct config_report *report, const struct config_section *s, void *base);

/* Complains about a title that is no name for a `what`. */
void config_check_name(struct config_report *report, const struct config_section *s,
		       const char *what);

/* Where the option was set; nowhere when it has its default. */
struct config_place config_place_of(const struct config_section *s, const char *name);

#endif
