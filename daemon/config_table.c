#include "daemon/config_table.h"

#include "common/name.h"
#include "common/util.h"
#include "daemon/config_units.h"

#include <errno.h>
#include <string.h>

/* clang-format off */
#define WORD(option, def) {.name = (option), .type = CONFIG_WORD, .fallback = (def)}
#define LIST(option) {.name = (option), .type = CONFIG_LIST}
#define END {.name = NULL}
#define NUMBER(option, unit, def, least, most, in, field)                                          \
	{                                                                                          \
		.name = (option), .type = CONFIG_##unit, .fallback = (def), .min = (least),        \
		.max = (most), .offset = offsetof(struct in, field),                               \
		.width = sizeof(((struct in *)NULL)->field),                                       \
	}
#define TOP(option, unit, def, least, most, field)                                                 \
	NUMBER(option, unit, def, least, most, config, field)
#define POOL(option, unit, def, least, most, field)                                                \
	NUMBER(option, unit, def, least, most, config_pool, field)

static const struct config_option top_options[] = {
	[TOP_LOG_LEVEL]  = WORD("log_level", "info"),
	[TOP_LISTEN]     = LIST("listen"), /* config_listen_default() */
	[TOP_INSECURE]   = WORD("insecure", "false"),
	[TOP_MODULE_DIR] = WORD("module_dir", MODULEDIR),
	[TOP_AUDIT_LOG]  = WORD("audit_log", NULL),
	/*  name                 unit      default    least  most        stored in */
	TOP("max_payload",       SIZE,     "16M",     "1K",  "1G",       max_payload_bytes),
	TOP("max_result",        SIZE,     "16M",     "1K",  "1G",       max_result_bytes),
	TOP("max_sessions",      COUNT,    "1024",    "1",   "65536",    max_sessions),
	TOP("max_greeting",      COUNT,    "256",     "1",   "65536",    max_greeting),
	TOP("max_greeting_per_source", COUNT, "16",   "1",   "65536",    max_greeting_per_source),
	TOP("greeting_drop_from", COUNT,   "64",      "1",   "65536",    greeting_drop_from),
	TOP("max_inflight",      COUNT,    "1048576", "1",   "16777216", max_inflight),
	TOP("max_output",        SIZE,     "64M",     "1K",  "1024G",    max_output_bytes),
	TOP("max_queued",        SIZE,     "1G",      "1K",  "1024G",    max_queued_bytes),
	TOP("memory_budget",     SIZE,     "0",       "0",   "1024G",    memory_budget_bytes),
	TOP("handshake_timeout", DURATION, "5s",      "1ms", "24h",      handshake_timeout_us),
	TOP("frame_timeout",     DURATION, "10s",     "1ms", "24h",      frame_timeout_us),
	TOP("output_timeout",    DURATION, "10s",     "1ms", "24h",      output_timeout_us),
	TOP("drain_timeout",     DURATION, "30s",     "1ms", "24h",      drain_timeout_us),
	TOP("kill_grace",        DURATION, "2s",      "1ms", "24h",      kill_grace_us),
	TOP("start_timeout",     DURATION, "30s",     "1ms", "24h",      start_timeout_us),
	TOP("ageing",            DURATION, "1s",      "1ms", "24h",      ageing_us),
	TOP("penalty_protocol",  DURATION, "1s",      "0s",  "10min",    penalty_protocol_us),
	TOP("penalty_silence",   DURATION, "1s",      "0s",  "10min",    penalty_silence_us),
	TOP("penalty_auth",      DURATION, "5s",      "0s",  "10min",    penalty_auth_us),
	TOP("penalty_flood",     DURATION, "10s",     "0s",  "10min",    penalty_flood_us),
	END,
};

static const struct config_option pool_options[] = {
	[POOL_KIND]      = WORD("kind", NULL),
	[POOL_MODULES]   = LIST("modules"),  /* sample_modules */
	[POOL_COMMANDS]  = LIST("commands"), /* none */
	[POOL_FRESH]     = WORD("fresh", "false"),
	/* config_sandbox.c: */
	[POOL_SANDBOX]     = WORD("sandbox", "off"),
	[POOL_NETWORK]     = WORD("network", "yes"),
	[POOL_PROGRAMS]    = WORD("programs", "yes"),
	[POOL_READABLE]    = LIST("readable"),
	[POOL_WRITABLE]    = LIST("writable"),
	[POOL_USER]        = WORD("user", NULL),
	[POOL_ENVIRONMENT] = LIST("environment"),
	[POOL_LIMIT_ADDRESS_SPACE] = WORD("limit_address_space", "inherit"),
	[POOL_LIMIT_CORE]          = WORD("limit_core", "inherit"),
	[POOL_LIMIT_CPU]           = WORD("limit_cpu", "inherit"),
	[POOL_LIMIT_FILE_SIZE]     = WORD("limit_file_size", "inherit"),
	[POOL_LIMIT_OPEN_FILES]    = WORD("limit_open_files", "inherit"),
	[POOL_LIMIT_PROCESSES]     = WORD("limit_processes", "inherit"),
	/*   name                 unit      default    least  most        stored in */
	POOL("slots",             COUNT,    "0",       "0",   "256",      slots),
	POOL("min_hosts",         COUNT,    "1",       "0",   "256",      min_hosts),
	POOL("idle_timeout",      DURATION, "60s",     "1ms", "24h",      idle_timeout_us),
	POOL("max_tasks",         COUNT,    "0",       "0",   "1000000000", max_tasks),
	POOL("max_rss",           SIZE,     "0",       "0",   "1024G",    max_rss_bytes),
	POOL("queue",             COUNT,    "1000000", "1",   "16777216", max_queue),
	POOL("breaker_crashes",   COUNT,    "1000",    "0",   "100000",   breaker.crashes),
	POOL("breaker_window",    DURATION, "10s",     "1ms", "24h",      breaker.window_us),
	POOL("breaker_pause",     DURATION, "1s",      "1ms", "24h",      breaker.pause_us),
	END,
};

static const struct config_option command_options[] = {
	[COMMAND_EXEC]   = LIST("exec"),
	END,
};

static const struct config_option key_options[] = {
	/*     name       unit   default  least  most     in          stored in */
	NUMBER("weight",  COUNT, "1",     "1",   "1000",  config_key, weight),
	NUMBER("running", COUNT, "0",     "0",   "65536", config_key, running),
	END,
};

static const struct config_option task_options[] = {
	NUMBER("running", COUNT, "0",     "0",   "65536", config_task, running),
	END,
};

static const struct config_option identity_options[] = {
	[IDENTITY_TASKS]        = LIST("tasks"), /* none */
	[IDENTITY_POOLS]        = LIST("pools"), /* all */
	[IDENTITY_ADMIN]        = WORD("admin", "no"),
	[IDENTITY_PRIORITY_MAX] = WORD("priority_max", "3"),
	/*     name               unit   default  least  most          in               stored in */
	NUMBER("max_connections", COUNT, "64",    "1",   "65536",      config_identity, max_connections),
	NUMBER("max_inflight",    COUNT, "0",     "0",   "16777216",   config_identity, max_inflight),
	NUMBER("max_queue",       COUNT, "0",     "0",   "16777216",   config_identity, max_queue),
	NUMBER("max_payload",     SIZE,  "0",     "0",   "1G",         config_identity, max_payload_bytes),
	NUMBER("rate",            COUNT, "0",     "0",   "1000000000", config_identity, rate),
	NUMBER("burst",           COUNT, "0",     "0",   "1000000000", config_identity, burst),
	END,
};

static const struct config_option tls_options[] = {
	[TLS_CERTIFICATE]  = WORD("certificate", NULL),
	[TLS_KEY]          = WORD("key", NULL),
	[TLS_CA]           = WORD("ca", NULL),
	[TLS_CRL]          = WORD("crl", NULL), /* none */
	[TLS_IDENTITY]     = WORD("identity", "uri"),
	[TLS_MIN_VERSION]  = WORD("min_version", "1.3"),
	[TLS_SERVER_NAMES] = LIST("server_names"), /* any */
	/*     name               unit      default least  most     in          stored in */
	NUMBER("max_handshakes",  COUNT,    "64",   "1",   "65536", config_tls, max_handshakes),
	NUMBER("hello_timeout",   DURATION, "3s",   "1ms", "24h",   config_tls, hello_timeout_us),
	NUMBER("max_session_age", DURATION, "24h",  "1ms", "24h",   config_tls, max_session_age_us),
	END,
};
/* clang-format on */

const struct config_option *const config_tables[SECTION_NKINDS] = {
	[SECTION_TOP] = top_options,         [SECTION_POOL] = pool_options,
	[SECTION_COMMAND] = command_options, [SECTION_KEY] = key_options,
	[SECTION_TASK] = task_options,       [SECTION_IDENTITY] = identity_options,
	[SECTION_TLS] = tls_options,
};

_Static_assert(ARRAY_LEN(top_options) <= CONFIG_MAX_OPTIONS + 1, "settings[] holds every option");
_Static_assert(ARRAY_LEN(pool_options) <= CONFIG_MAX_OPTIONS + 1, "settings[] holds every option");

struct config_word config_word_of(const struct config_section *s, size_t which)
{
	const struct config_setting *setting = &s->settings[which];

	if (setting->nwords > 0)
		return setting->words[0];
	return (struct config_word){.text = (char *)config_tables[s->kind][which].fallback};
}

static int parse_number(enum config_type type, const char *text, uint64_t *ret)
{
	switch (type) {
	case CONFIG_COUNT:
		return config_parse_count(text, ret);
	case CONFIG_SIZE:
		return config_parse_size(text, ret);
	case CONFIG_DURATION:
		return config_parse_duration(text, ret);
	case CONFIG_WORD:
	case CONFIG_LIST:
		break;
	}
	return -EINVAL;
}

static const char *how_to_write(enum config_type type)
{
	switch (type) {
	case CONFIG_COUNT:
		return "a whole number";
	case CONFIG_SIZE:
		return "a size: bytes, or a whole number with K, M or G";
	case CONFIG_DURATION:
		return "a duration: a number with us, ms, s, min or h";
	case CONFIG_WORD:
	case CONFIG_LIST:
		break;
	}
	return "a word";
}

static void store_number(void *base, const struct config_option *option, uint64_t n)
{
	char *field = (char *)base + option->offset;
	uint32_t narrow = (uint32_t)n; /* the range has seen to it */

	if (option->width == sizeof narrow)
		memcpy(field, &narrow, sizeof narrow);
	else
		memcpy(field, &n, sizeof n);
}

static void set_number(struct config_report *report, const struct config_option *option,
		       struct config_word word, void *base)
{
	uint64_t n = 0, min = 0, max = 0;

	(void)parse_number(option->type, option->min, &min);
	(void)parse_number(option->type, option->max, &max);
	int r = parse_number(option->type, word.text, &n);
	if (r == -EINVAL)
		config_complain(report, word.at, "%s = '%s' is not %s", option->name, word.text,
				how_to_write(option->type));
	else if (r < 0 || n < min || n > max)
		config_complain(report, word.at, "%s = %s is not in the range %s to %s",
				option->name, word.text, option->min, option->max);
	else
		store_number(base, option, n);
}

void config_set_numbers(struct config_report *report, const struct config_section *s, void *base)
{
	const struct config_option *table = config_tables[s->kind];

	for (size_t i = 0; table[i].name; i++) {
		if (table[i].width > 0)
			set_number(report, &table[i], config_word_of(s, i), base);
	}
}

void config_check_name(struct config_report *report, const struct config_section *s,
		       const char *what)
{
	_Static_assert(NAME_MAX_BYTES == 63, "the message says it");
	if (!name_is_valid(span_str(s->title)))
		config_complain(
			report, s->at,
			"'%s' is not a name for a %s: 1 to 63 letters, digits, dots, dashes or _",
			s->title, what);
}

struct config_place config_place_of(const struct config_section *s, const char *name)
{
	const struct config_option *table = config_tables[s->kind];

	for (size_t i = 0; table[i].name; i++) {
		if (strcmp(table[i].name, name) == 0)
			return config_word_of(s, i).at;
	}
	return (struct config_place){NULL, 0};
}
