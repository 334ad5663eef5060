#include "daemon/config_sandbox.h"

#include "common/util.h"
#include "daemon/config.h"
#include "daemon/config_strings.h"
#include "daemon/config_table.h"
#include "daemon/config_units.h"
#include "daemon/environment.h"

#include <errno.h>
#include <linux/capability.h>
#include <pwd.h>
#include <string.h>
#include <sys/syscall.h>

struct sandboxing {
	const struct config_text *text;
	struct config_report *report; /* the text's */
	const struct config_section *section;
	struct config_pool *pool;
};

/* ---- mode ---------------------------------------------------------------- */

static void set_mode(struct sandboxing *x)
{
	static const char *const modes[] = {
		[SANDBOX_OFF] = "off", [SANDBOX_ON] = "on", [SANDBOX_STRICT] = "strict"};
	struct config_word word = config_word_of(x->section, POOL_SANDBOX);

	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		if (strcmp(word.text, modes[i]) == 0) {
			x->pool->sandbox.mode = (enum sandbox_mode)i;
			return;
		}
	}
	config_complain(x->report, word.at, "sandbox = '%s' is none of off, on, strict", word.text);
}

static void set_bool(struct sandboxing *x, size_t option, bool *ret)
{
	struct config_word word = config_word_of(x->section, option);

	if (config_parse_bool(word.text, ret) < 0)
		config_complain(x->report, word.at, "%s = '%s' is neither yes nor no",
				config_tables[SECTION_POOL][option].name, word.text);
}

/* Whoever writes one of these believes that it does something. */
static void complain_off(struct sandboxing *x, size_t option)
{
	config_complain(x->report, x->section->settings[option].at,
			"%s means nothing without a sandbox: sandbox = on, or strict",
			config_tables[SECTION_POOL][option].name);
}

static void check_is_on(struct sandboxing *x)
{
	const struct sandbox *s = &x->pool->sandbox;

	if (s->mode != SANDBOX_OFF)
		return;
	if (!s->network)
		complain_off(x, POOL_NETWORK);
	if (!s->programs)
		complain_off(x, POOL_PROGRAMS);
	if (s->nreadable > 0)
		complain_off(x, POOL_READABLE);
	if (s->nwritable > 0)
		complain_off(x, POOL_WRITABLE);
}

static void check_programs(struct sandboxing *x)
{
	if (!x->pool->sandbox.programs && x->pool->ncommands > 0)
		config_complain(x->report, config_word_of(x->section, POOL_PROGRAMS).at,
				"programs = no does not go with commands, which are programs");
}

/* ---- files --------------------------------------------------------------- */

static int add_paths(struct sandboxing *x, size_t option, int (*add)(struct sandbox *, char *))
{
	const struct config_setting *list = &x->section->settings[option];

	for (size_t i = 0; i < list->nwords; i++) {
		const struct config_word *word = &list->words[i];

		if (word->text[0] != '/') {
			config_complain(x->report, word->at, "'%s' is not an absolute path",
					word->text);
			continue;
		}
		if (config_is_repeated(x->text, list, i))
			continue;
		char *path = strdup(word->text);
		if (!path)
			return -ENOMEM;
		if (add(&x->pool->sandbox, path) < 0)
			config_complain(x->report, word->at,
					"'%s' is one too many: readable and writable together have "
					"at most %d paths and %d bytes",
					word->text, SANDBOX_PATHS_MAX, SANDBOX_PATHS_MAX_BYTES);
	}
	return 0;
}

/* ---- user ---------------------------------------------------------------- */

/* To become another user, and to signal it then. */
static bool may_change_user(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3] = {{0}};
	const unsigned needed = 1u << CAP_SETUID | 1u << CAP_SETGID | 1u << CAP_KILL;

	return syscall(SYS_capget, &head, caps) == 0 && (caps[0].effective & needed) == needed;
}

static const struct passwd *find_user(const char *name)
{
	const struct passwd *user = getpwnam(name);
	uint64_t uid;

	if (!user && config_parse_count(name, &uid) == 0 && uid < UINT32_MAX)
		user = getpwuid((uid_t)uid);
	return user;
}

static void set_user(struct sandboxing *x)
{
	struct config_word word = config_word_of(x->section, POOL_USER);
	struct sandbox *s = &x->pool->sandbox;

	if (!word.text || !word.text[0])
		return;
	const struct passwd *user = find_user(word.text);
	if (!user) {
		config_complain(x->report, word.at, "user = '%s' is nobody here", word.text);
	} else if (user->pw_uid == 0) {
		config_complain(x->report, word.at, "user = '%s' is root: it would keep all rights",
				word.text);
	} else if (!may_change_user()) {
		config_complain(x->report, word.at,
				"user = '%s' needs a daemon that is started as root, or with "
				"CAP_SETUID, CAP_SETGID and CAP_KILL",
				word.text);
	} else {
		s->has_user = true;
		s->uid = user->pw_uid;
		s->gid = user->pw_gid;
	}
}

/* ---- environment --------------------------------------------------------- */

static int set_environment(struct sandboxing *x)
{
	const struct config_setting *list = &x->section->settings[POOL_ENVIRONMENT];
	int r = config_strings_new(&x->pool->environment);

	for (size_t i = 0; r == 0 && i < list->nwords; i++) {
		const struct config_word *word = &list->words[i];

		if (!environment_is_entry(word->text))
			config_complain(
				x->report, word->at,
				"'%s' is no variable: NAME, NAME=VALUE, or the beginning of "
				"names and a *",
				word->text);
		else if (!config_is_repeated(x->text, list, i))
			r = config_strings_take(&x->pool->environment, strdup(word->text));
	}
	return r;
}

/* ---- limits -------------------------------------------------------------- */

static const struct {
	enum config_type type;
	uint64_t min;
} limits[SANDBOX_NLIMITS] = {
	[SANDBOX_ADDRESS_SPACE] = {CONFIG_SIZE, 1 << 20}, [SANDBOX_CORE] = {CONFIG_SIZE, 0},
	[SANDBOX_CPU] = {CONFIG_DURATION, 1000000},       [SANDBOX_FILE_SIZE] = {CONFIG_SIZE, 0},
	[SANDBOX_OPEN_FILES] = {CONFIG_COUNT, 16},        [SANDBOX_PROCESSES] = {CONFIG_COUNT, 1},
};

static int parse_limit(enum config_type type, const char *text, uint64_t *ret)
{
	if (type == CONFIG_SIZE)
		return config_parse_size(text, ret);
	if (type == CONFIG_COUNT)
		return config_parse_count(text, ret);
	return config_parse_duration(text, ret);
}

static void set_limit(struct sandboxing *x, enum sandbox_limit which)
{
	size_t option = POOL_LIMIT_ADDRESS_SPACE + which;
	const char *name = config_tables[SECTION_POOL][option].name;
	struct config_word word = config_word_of(x->section, option);
	uint64_t *limit = &x->pool->sandbox.limits[which], n = 0;

	if (strcmp(word.text, "inherit") == 0) {
		/* Who confines a task does not want all of its memory in a file. */
		if (which == SANDBOX_CORE && !word.at.file && x->pool->sandbox.mode != SANDBOX_OFF)
			*limit = 0;
		return;
	}
	if (parse_limit(limits[which].type, word.text, &n) < 0)
		config_complain(x->report, word.at,
				"%s = '%s' is neither a %s nor the word inherit", name, word.text,
				limits[which].type == CONFIG_SIZE       ? "size, as 64M,"
				: limits[which].type == CONFIG_DURATION ? "duration, as 10s,"
									: "whole number");
	else if (n < limits[which].min)
		config_complain(x->report, word.at, "%s = %s is too small to start with", name,
				word.text);
	else /* the kernel counts in seconds: no job loses a part of one */
		*limit = limits[which].type == CONFIG_DURATION ? (n + 999999) / 1000000 : n;
}

/* ---- the whole ----------------------------------------------------------- */

int config_set_sandbox(const struct config_text *text, const struct config_section *section,
		       struct config_pool *pool)
{
	struct sandboxing x = {text, text->report, section, pool};

	sandbox_init(&pool->sandbox);
	pool->sandbox.is_traceable = environment_is_traceable();
	set_mode(&x);
	set_bool(&x, POOL_NETWORK, &pool->sandbox.network);
	set_bool(&x, POOL_PROGRAMS, &pool->sandbox.programs);
	check_programs(&x);
	set_user(&x);
	for (int i = 0; i < SANDBOX_NLIMITS; i++)
		set_limit(&x, (enum sandbox_limit)i);
	int r = add_paths(&x, POOL_READABLE, sandbox_add_readable);
	if (r == 0)
		r = add_paths(&x, POOL_WRITABLE, sandbox_add_writable);
	check_is_on(&x);
	return r < 0 ? r : set_environment(&x);
}
