#include "daemon/config_pool.h"

#include "common/name.h"
#include "common/util.h"
#include "daemon/config_sandbox.h"
#include "daemon/config_strings.h"
#include "daemon/config_table.h"
#include "daemon/config_units.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

/* slots = 0: enough threads to wait with, or as many processes as can compute. */
enum { SLOTS_MAX = 256, SLOTS_WAITING = 4, SLOTS_THREADS_MAX = 32 };

static const char *const sample_modules[] = {"hash", "text", "math", "basic"};

struct pools {
	struct config *config;
	const struct config_text *text;
	struct config_report *report; /* the text's */
	const char *module_dir;
};

/* ---- commands ------------------------------------------------------------ */

static void check_command(struct pools *p, const struct config_section *s)
{
	const struct config_setting *exec = &s->settings[COMMAND_EXEC];

	config_check_name(p->report, s, "command");
	if (exec->nwords > 0) {
		if (exec->words[0].text[0] != '/')
			config_complain(p->report, exec->words[0].at,
					"command '%s': exec needs an absolute path, not '%s'",
					s->title, exec->words[0].text);
	} else if (exec->is_set || !p->text->is_broken) {
		config_complain(p->report, exec->is_set ? exec->at : s->at,
				"command '%s' has nothing to run: exec = {\"/PATH\", ...}",
				s->title);
	}
}

static void complain_undeclared(struct pools *p, const struct config_word *word)
{
	const char *near = NULL;

	for (size_t i = 0; i < p->text->nsections && !near; i++) {
		const struct config_section *s = &p->text->sections[i];

		if (s->kind == SECTION_COMMAND)
			near = config_nearest(word->text, (const char *const *)&s->title, 1);
	}
	if (near)
		config_complain(p->report, word->at,
				"command '%s' is not declared (did you mean '%s'?)", word->text,
				near);
	else
		config_complain(p->report, word->at, "command '%s' is not declared", word->text);
}

static int command_copy(const struct config_section *s, struct config_command *command)
{
	const struct config_setting *exec = &s->settings[COMMAND_EXEC];

	command->name = strdup(s->title);
	if (!command->name)
		return -ENOMEM;
	int r = config_strings_new(&command->argv);
	for (size_t i = 0; r == 0 && i < exec->nwords; i++)
		r = config_strings_take(&command->argv, strdup(exec->words[i].text));
	return r;
}

static int add_commands(struct pools *p, const struct config_section *s, struct config_pool *pool)
{
	const struct config_setting *list = &s->settings[POOL_COMMANDS];

	pool->commands = calloc(list->nwords + 1, sizeof *pool->commands);
	if (!pool->commands)
		return -ENOMEM;
	for (size_t i = 0; i < list->nwords; i++) {
		const struct config_section *command =
			config_text_find(p->text, SECTION_COMMAND, list->words[i].text);

		if (config_is_repeated(p->text, list, i))
			continue;
		if (!command) {
			if (!p->text->is_broken)
				complain_undeclared(p, &list->words[i]);
			continue;
		}
		if (command_copy(command, &pool->commands[pool->ncommands++]) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* ---- pools --------------------------------------------------------------- */

static char *module_path(const struct pools *p, const char *module)
{
	char *path;

	if (strchr(module, '/'))
		return strdup(module);
	return asprintf(&path, "%s/%s.so", p->module_dir, module) < 0 ? NULL : path;
}

static bool is_module(struct pools *p, const struct config_word *word)
{
	if (strchr(word->text, '/') ? word->text[0] == '/' : name_is_valid(span_str(word->text)))
		return true;
	config_complain(p->report, word->at, "'%s' is no module: a name, or an absolute path",
			word->text);
	return false;
}

static int add_modules(struct pools *p, const struct config_section *s, struct config_pool *pool)
{
	const struct config_setting *list = &s->settings[POOL_MODULES];
	int r = config_strings_new(&pool->modules);

	for (size_t i = 0; r == 0 && !list->is_set && i < ARRAY_LEN(sample_modules); i++)
		r = config_strings_take(&pool->modules, module_path(p, sample_modules[i]));
	for (size_t i = 0; r == 0 && i < list->nwords; i++) {
		const struct config_word *word = &list->words[i];

		if (is_module(p, word) && !config_is_repeated(p->text, list, i))
			r = config_strings_take(&pool->modules, module_path(p, word->text));
	}
	return r;
}

/* The processors this process may use. */
static unsigned count_cpus(void)
{
	cpu_set_t set;
	long online;

	if (sched_getaffinity(0, sizeof set, &set) == 0)
		return (unsigned)CPU_COUNT(&set);
	online = sysconf(_SC_NPROCESSORS_ONLN); /* more than a cpu_set_t holds */
	return online > 0 ? (unsigned)online : 1;
}

static unsigned default_slots(enum pool_kind kind)
{
	unsigned cpus = count_cpus();

	if (kind == POOL_THREADS)
		return (unsigned)min_u64(SLOTS_THREADS_MAX, cpus + SLOTS_WAITING);
	return (unsigned)min_u64(SLOTS_MAX, cpus);
}

static void check_hosts(struct pools *p, const struct config_section *s,
			const struct config_pool *pool)
{
	struct config_place at = config_place_of(s, "min_hosts");

	if (!at.file)
		return;
	if (pool->kind == POOL_THREADS && pool->min_hosts > 1)
		config_complain(p->report, at,
				"min_hosts = %u: a pool of threads has one process, or none",
				pool->min_hosts);
	else if (pool->kind == POOL_PROCESSES && pool->min_hosts > pool->slots)
		config_complain(p->report, at, "min_hosts = %u is more than the pool's %u slots",
				pool->min_hosts, pool->slots);
}

/* One job for each process is one of many numbers that max_tasks may be, with a name. */
static void set_fresh(struct pools *p, const struct config_section *s, struct config_pool *pool)
{
	struct config_word word = config_word_of(s, POOL_FRESH);

	if (config_parse_bool(word.text, &pool->fresh) < 0)
		config_complain(p->report, word.at, "fresh = '%s' is neither true nor false",
				word.text);
	if (!pool->fresh)
		return;
	if (pool->kind == POOL_THREADS)
		config_complain(p->report, word.at,
				"fresh needs kind = processes: threads share one process");
	else if (pool->max_tasks > 1)
		config_complain(p->report, config_place_of(s, "max_tasks"),
				"max_tasks = %u does not go with fresh, which is one job for each "
				"process",
				pool->max_tasks);
	pool->max_tasks = 1;
}

static int add_pool(struct pools *p, const struct config_section *s, const char *name,
		    enum pool_kind kind)
{
	struct config *c = p->config;
	struct config_pool *grown = reallocarray(c->pools, c->npools + 1, sizeof *c->pools);

	if (!grown)
		return -ENOMEM;
	c->pools = grown;

	struct config_pool *pool = &c->pools[c->npools++];
	*pool = (struct config_pool){.name = strdup(name), .kind = kind};
	if (!pool->name)
		return -ENOMEM;
	unsigned before = p->report->ncomplaints;
	config_set_numbers(p->report, s, pool);
	if (pool->slots == 0)
		pool->slots = default_slots(kind);
	if (p->report->ncomplaints == before)
		check_hosts(p, s, pool);
	set_fresh(p, s, pool);
	int r = add_modules(p, s, pool);
	if (r < 0)
		return r;
	r = add_commands(p, s, pool);
	return r < 0 ? r : config_set_sandbox(p->text, s, pool);
}

static enum pool_kind pool_kind_of(struct pools *p, const struct config_section *s)
{
	struct config_word word = config_word_of(s, POOL_KIND);

	if (word.text && strcmp(word.text, "threads") == 0)
		return POOL_THREADS;
	if (word.text && strcmp(word.text, "processes") == 0)
		return POOL_PROCESSES;
	if (word.text)
		config_complain(p->report, word.at, "kind = '%s' is neither threads nor processes",
				word.text);
	else if (!p->text->is_broken)
		config_complain(p->report, s->at,
				"pool '%s' has no kind: kind = threads, or processes", s->title);
	return POOL_THREADS;
}

static int add_section(struct pools *p, const struct config_section *s)
{
	if (s->kind == SECTION_COMMAND)
		check_command(p, s);
	if (s->kind != SECTION_POOL)
		return 0;
	config_check_name(p->report, s, "pool");
	return add_pool(p, s, s->title, pool_kind_of(p, s));
}

void config_pool_done(struct config_pool *pool)
{
	free(pool->name);
	config_strings_free(pool->modules);
	for (size_t i = 0; i < pool->ncommands; i++) {
		free(pool->commands[i].name);
		config_strings_free(pool->commands[i].argv);
	}
	free(pool->commands);
	sandbox_done(&pool->sandbox);
	config_strings_free(pool->environment);
}

int config_add_pools(struct config *c, const struct config_text *text, const char *module_dir)
{
	static const struct config_section nothing_said = {.kind = SECTION_POOL};
	struct pools p = {c, text, text->report, module_dir};

	for (size_t i = 0; i < text->nsections; i++) {
		int r = add_section(&p, &text->sections[i]);
		if (r < 0)
			return r;
	}
	if (c->npools > 0)
		return 0;
	int r = add_pool(&p, &nothing_said, "threads", POOL_THREADS);
	if (r < 0)
		return r;
	return add_pool(&p, &nothing_said, "processes", POOL_PROCESSES);
}
