#include "daemon/config.h"

#include "common/util.h"
#include "daemon/config_file.h"
#include "daemon/config_identity.h"
#include "daemon/config_listen.h"
#include "daemon/config_pool.h"
#include "daemon/config_share.h"
#include "daemon/config_strings.h"
#include "daemon/config_table.h"
#include "daemon/config_tls.h"
#include "daemon/config_units.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct loading {
	struct config_report report;
	struct config_text text;
	const struct config_section *top;
	const char *module_dir;
	struct config *config;
};

static const struct config_place nowhere;

/* ---- the top level ------------------------------------------------------- */

static int add_default_listen(struct loading *l)
{
	struct config *c = l->config;
	int r = config_strings_take(&c->listen, config_listen_default());

	if (r < 0)
		return r;
	const char *fault = config_listen_fault(c->listen[0], c->insecure);
	if (fault)
		config_complain(&l->report, nowhere, "'%s' %s", c->listen[0], fault);
	return 0;
}

static int add_listen(struct loading *l)
{
	const struct config_setting *list = &l->top->settings[TOP_LISTEN];
	int r = config_strings_new(&l->config->listen);

	if (r < 0)
		return r;
	if (!list->is_set)
		return add_default_listen(l);
	if (list->nwords == 0)
		config_complain(&l->report, list->at, "listen is empty: nobody could connect");
	for (size_t i = 0; r == 0 && i < list->nwords; i++) {
		const struct config_word *word = &list->words[i];
		const char *fault = config_listen_fault(word->text, l->config->insecure);

		if (fault)
			config_complain(&l->report, word->at, "'%s' %s", word->text, fault);
		else if (!config_is_repeated(&l->text, list, i))
			r = config_strings_take(&l->config->listen, strdup(word->text));
	}
	return r;
}

static void set_words(struct loading *l)
{
	struct config_word level = config_word_of(l->top, TOP_LOG_LEVEL);
	struct config_word insecure = config_word_of(l->top, TOP_INSECURE);
	struct config_word dir = config_word_of(l->top, TOP_MODULE_DIR);

	if (log_level_parse(level.text, &l->config->log_level) < 0)
		config_complain(&l->report, level.at,
				"log_level = '%s' is none of error, warning, info, debug",
				level.text);
	if (config_parse_bool(insecure.text, &l->config->insecure) < 0)
		config_complain(&l->report, insecure.at,
				"insecure = '%s' is neither true nor false", insecure.text);
	if (dir.text[0] != '/')
		config_complain(&l->report, dir.at, "module_dir = '%s' is not an absolute path",
				dir.text);
	if (!l->module_dir)
		l->module_dir = dir.text;
}

/* A file that only the daemon writes has no place that could depend on where it was started. */
static int set_audit_path(struct loading *l)
{
	struct config_word path = config_word_of(l->top, TOP_AUDIT_LOG);

	if (!path.text || path.text[0] == '\0')
		return 0;
	if (path.text[0] != '/')
		config_complain(&l->report, path.at, "audit_log = '%s' is not an absolute path",
				path.text);
	l->config->audit_path = strdup(path.text);
	return l->config->audit_path ? 0 : -ENOMEM;
}

/* Complains at the place of the one that was set. */
static void check_room(struct loading *l, const char *room, uint64_t room_bytes, const char *one,
		       uint64_t one_bytes)
{
	struct config_place at = config_place_of(l->top, room);

	if (room_bytes >= one_bytes)
		return;
	if (!at.file)
		at = config_place_of(l->top, one);
	config_complain(&l->report, at, "%s is less than %s: one that large would never fit", room,
			one);
}

static void set_top_numbers(struct loading *l)
{
	const struct config *c = l->config;
	unsigned before = l->report.ncomplaints;

	config_set_numbers(&l->report, l->top, l->config);
	if (l->report.ncomplaints > before)
		return;
	check_room(l, "max_queued", c->max_queued_bytes, "max_payload", c->max_payload_bytes);
	check_room(l, "max_output", c->max_output_bytes, "max_result", c->max_result_bytes);
}

static int resolve(struct loading *l)
{
	static const struct config_section nothing_said = {.kind = SECTION_TOP};

	l->top = config_text_find(&l->text, SECTION_TOP, "");
	if (!l->top)
		l->top = &nothing_said;
	set_words(l);
	set_top_numbers(l);
	int r = add_listen(l);
	if (r < 0)
		return r;
	r = set_audit_path(l);
	if (r == 0)
		r = config_add_tls(l->config, &l->text);
	if (r == 0)
		r = config_add_shares(l->config, &l->text);
	if (r == 0)
		r = config_add_identities(l->config, &l->text);
	if (r < 0)
		return r;
	return config_add_pools(l->config, &l->text, l->module_dir);
}

/* ---- files --------------------------------------------------------------- */

static int is_drop_in(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return entry->d_name[0] != '.' && n > 5 && strcmp(entry->d_name + n - 5, ".conf") == 0;
}

/* Not alphasort(), whose order depends on the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_drop_in(struct loading *l, const char *dir, const char *name)
{
	CLEANUP(free_ptr) char *path = NULL;

	if (asprintf(&path, "%s/%s", dir, name) < 0) {
		path = NULL; /* undefined after a failure */
		return -ENOMEM;
	}
	int r = config_text_read(&l->text, path);
	if (r == -ENOENT) { /* a link to nowhere */
		l->text.is_broken = true;
		config_complain(&l->report, (struct config_place){path, 0}, "cannot be read: %s",
				strerror(ENOENT));
		return 0;
	}
	return r;
}

static int read_drop_ins(struct loading *l, const char *dir)
{
	struct dirent **entries = NULL;
	int n = scandir(dir, &entries, is_drop_in, by_name);
	int r = 0;

	if (n < 0 && errno == ENOMEM)
		return -ENOMEM;
	if (n < 0 && errno != ENOENT) {
		l->text.is_broken = true;
		config_complain(&l->report, (struct config_place){dir, 0}, "cannot be read: %s",
				strerror(errno));
	}
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = read_drop_in(l, dir, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return r;
}

static int read_files(struct loading *l, const char *path)
{
	CLEANUP(free_ptr) char *dir = NULL;
	bool is_named = path != NULL;

	if (!path)
		path = SYSCONFDIR "/futured/futured.conf";
	int r = config_text_read(&l->text, path);
	if (r == -ENOENT && is_named)
		config_complain(&l->report, (struct config_place){path, 0}, "%s", strerror(ENOENT));
	if (r < 0 && (r != -ENOENT || is_named))
		return r;
	if (asprintf(&dir, "%s.d", path) < 0) {
		dir = NULL;
		return -ENOMEM;
	}
	return read_drop_ins(l, dir);
}

/* ---- the whole ----------------------------------------------------------- */

static int load(struct loading *l, const char *path)
{
	l->config = calloc(1, sizeof *l->config);
	if (!l->config)
		return -ENOMEM;
	int r = read_files(l, path);
	if (r < 0)
		return r;
	r = resolve(l);
	if (r < 0)
		return r;
	return l->report.ncomplaints > 0 ? -EINVAL : 0;
}

int config_load(const char *path, const char *module_dir, config_error_fn on_error, void *arg,
		struct config **ret)
{
	struct loading l = {.report = {.on_error = on_error, .arg = arg}, .module_dir = module_dir};

	config_text_init(&l.text, config_tables, &l.report);
	int r = load(&l, path);
	if (r == 0)
		*ret = TAKE_PTR(l.config);
	else if (r == -ENOMEM)
		config_complain(&l.report, nowhere, "out of memory");
	l.config = config_free(l.config);
	config_text_done(&l.text);
	return r;
}

struct config *config_free(struct config *c)
{
	if (!c)
		return NULL;
	config_strings_free(c->listen);
	config_tls_done(&c->tls);
	for (size_t i = 0; i < c->npools; i++)
		config_pool_done(&c->pools[i]);
	free(c->pools);
	config_shares_done(c);
	config_identities_done(c);
	free(c->audit_path);
	free(c);
	return NULL;
}

const char *pool_kind_name(enum pool_kind kind)
{
	switch (kind) {
	case POOL_THREADS:
		return "threads";
	case POOL_PROCESSES:
		return "processes";
	}
	return "unknown";
}
