#include "daemon/config_file.h"

#include "common/util.h"
#include "daemon/config_scan.h"

#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char *const section_names[SECTION_NKINDS] = {
	[SECTION_TOP] = "",    [SECTION_POOL] = "pool", [SECTION_COMMAND] = "command",
	[SECTION_KEY] = "key", [SECTION_TASK] = "task", [SECTION_IDENTITY] = "identity",
	[SECTION_TLS] = "tls",
};

/* What libconfuse is reading into: its callbacks carry no pointer of ours. */
static struct config_text *reading;

/* ---- sections and words -------------------------------------------------- */

void config_text_init(struct config_text *t, const struct config_option *const *tables,
		      struct config_report *report)
{
	*t = (struct config_text){.tables = tables, .report = report};
}

static void setting_clear(struct config_setting *s)
{
	for (size_t i = 0; i < s->nwords; i++)
		free(s->words[i].text);
	free(s->words);
	*s = (struct config_setting){0};
}

void config_text_done(struct config_text *t)
{
	for (size_t i = 0; i < t->nsections; i++) {
		for (size_t j = 0; j < CONFIG_MAX_OPTIONS; j++)
			setting_clear(&t->sections[i].settings[j]);
		free(t->sections[i].title);
	}
	free(t->sections);
	for (size_t i = 0; i < t->nfiles; i++)
		free(t->files[i]);
	free(t->files);
	*t = (struct config_text){0};
}

const struct config_section *config_text_find(const struct config_text *t,
					      enum config_section_kind kind, const char *title)
{
	for (size_t i = 0; i < t->nsections; i++) {
		const struct config_section *s = &t->sections[i];

		if (s->kind == kind && strcmp(s->title, title) == 0)
			return s;
	}
	return NULL;
}

static struct config_section *section_get(struct config_text *t, enum config_section_kind kind,
					  const char *title, struct config_place at)
{
	const struct config_section *known = config_text_find(t, kind, title);

	if (known)
		return &t->sections[known - t->sections];

	struct config_section *grown =
		reallocarray(t->sections, t->nsections + 1, sizeof *t->sections);
	if (!grown)
		return NULL;
	t->sections = grown;

	struct config_section *s = &t->sections[t->nsections];
	*s = (struct config_section){.kind = kind, .title = strdup(title), .at = at};
	if (!s->title)
		return NULL;
	t->nsections++;
	return s;
}

static int setting_add(struct config_setting *s, const char *text, struct config_place at)
{
	struct config_word *grown = reallocarray(s->words, s->nwords + 1, sizeof *s->words);

	if (!grown)
		return -ENOMEM;
	s->words = grown;
	s->words[s->nwords] = (struct config_word){.text = strdup(text), .at = at};
	if (!s->words[s->nwords].text)
		return -ENOMEM;
	s->nwords++;
	return 0;
}

bool config_is_repeated(const struct config_text *t, const struct config_setting *list,
			size_t which)
{
	const struct config_word *word = &list->words[which];

	for (size_t i = 0; i < which; i++) {
		if (strcmp(list->words[i].text, word->text) == 0) {
			config_complain(t->report, word->at, "'%s' is in this list twice",
					word->text);
			return true;
		}
	}
	return false;
}

/* ---- libconfuse's callbacks ---------------------------------------------- */

static struct config_place place_of(const cfg_t *cfg)
{
	return (struct config_place){reading->files[reading->nfiles - 1], (unsigned)cfg->line};
}

static bool has_title(int kind)
{
	return kind != SECTION_TOP && kind != SECTION_TLS;
}

static enum config_section_kind kind_of(const cfg_t *cfg)
{
	for (int kind = SECTION_POOL; kind < SECTION_NKINDS; kind++) {
		if (has_title(kind) == (cfg->title != NULL) &&
		    strcmp(cfg->name, section_names[kind]) == 0)
			return (enum config_section_kind)kind;
	}
	return SECTION_TOP;
}

static size_t table_len(const struct config_option *table)
{
	size_t n = 0;

	while (table[n].name)
		n++;
	return n;
}

static void complain_unknown(const cfg_t *cfg, const char *name)
{
	enum config_section_kind kind = kind_of(cfg);
	const struct config_option *table = reading->tables[kind];
	const char *known[CONFIG_MAX_OPTIONS + SECTION_NKINDS];
	size_t n = 0;

	for (; table[n].name; n++)
		known[n] = table[n].name;
	if (kind == SECTION_TOP) {
		for (int k = SECTION_POOL; k < SECTION_NKINDS; k++)
			known[n++] = section_names[k];
	}

	const char *nearest = config_nearest(name, known, n);
	if (nearest)
		config_complain(reading->report, place_of(cfg),
				"unknown option '%s' (did you mean '%s'?)", name, nearest);
	else
		config_complain(reading->report, place_of(cfg), "unknown option '%s'", name);
}

static void on_parse_error(cfg_t *cfg, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
static void on_parse_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	char text[1024];

	if (strcmp(fmt, "no such option '%s'") == 0) {
		complain_unknown(cfg, va_arg(ap, const char *));
		return;
	}
	(void)vsnprintf(text, sizeof text, fmt, ap);
	config_complain(reading->report, place_of(cfg), "%s", text);
}

/* An option that a path such as `pool|slots` found in another section is not ours to set. */
static bool find_option(const cfg_t *cfg, const cfg_opt_t *opt, size_t n, size_t *ret_which)
{
	for (size_t i = 0; i <= n; i++) {
		if (&cfg->opts[i] == opt) {
			*ret_which = i;
			return true;
		}
	}
	return false;
}

/* In another file it replaces what is there. In the same one it is a mistake: one of the two does
 * not do what its writer thinks. */
static bool is_repetition(const struct config_setting *s, const cfg_opt_t *opt, bool is_list,
			  struct config_place at)
{
	return s->is_set && s->at.file == at.file && (!is_list || opt->nvalues == 1);
}

static int take_word(struct config_section *section, size_t which, const cfg_opt_t *opt,
		     const char *text, struct config_place at)
{
	struct config_setting *s = &section->settings[which];
	bool is_list = reading->tables[section->kind][which].type == CONFIG_LIST;

	if (is_repetition(s, opt, is_list, at))
		config_complain(reading->report, at, "'%s' is set again: it was in line %u",
				opt->name, s->at.line);
	if (!is_list || opt->nvalues == 1)
		setting_clear(s);
	if (!s->is_set)
		s->at = at;
	s->is_set = true;
	return setting_add(s, text, at);
}

/*
 * Called for each word, and by the option without a name when a section begins. What is
 * wrong is only recorded: libconfuse would stop, or abort() in a default value.
 */
static int on_word(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	enum config_section_kind kind = kind_of(cfg);
	size_t n = table_len(reading->tables[kind]), which;
	struct config_section *section =
		section_get(reading, kind, cfg->title ? cfg->title : "", place_of(cfg));

	*(const char **)result = text;
	if (!section)
		reading->is_out_of_memory = true;
	else if (!find_option(cfg, opt, n, &which))
		complain_unknown(cfg, opt->name);
	else if (which < n && take_word(section, which, opt, text, place_of(cfg)) < 0)
		reading->is_out_of_memory = true;
	return 0;
}

/* ---- one file ------------------------------------------------------------ */

static int read_all(int fd, char *mem, size_t cap, size_t *ret_len)
{
	size_t len = 0;

	while (len < cap) {
		ssize_t n = read(fd, mem + len, cap - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	*ret_len = len;
	return 0;
}

/* A link may lead to where others write; but two kinds do not: to nothing, which is how people
 * switch a drop-in off, and to a descriptor that came from whoever started this program. */
static bool is_harmless_link(const char *path)
{
	static const char own[] = "/proc/self/fd/";
	char target[sizeof "/dev/null"];
	ssize_t n = readlink(path, target, sizeof target);

	return strncmp(path, own, sizeof own - 1) == 0 ||
	       (n == sizeof target - 1 && memcmp(target, "/dev/null", sizeof target - 1) == 0);
}

static int open_file(const char *path, int *ret_fd)
{
	/* A fifo must not hold the daemon up. */
	int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	int fd = open(path, flags | (is_harmless_link(path) ? 0 : O_NOFOLLOW));

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

/* 0, or why whoever could write this may be somebody who may not decide what it decides. */
static const char *why_untrusted(const struct stat *st)
{
	/* /dev/null is everybody's, and empty. */
	if (S_ISCHR(st->st_mode))
		return NULL;
	if (!S_ISREG(st->st_mode))
		return "it is not a regular file";
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return "it belongs to another user: neither to root nor to the daemon's";
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return "others can write to it: chmod go-w";
	return NULL;
}

static const char *why_unreadable(int error)
{
	if (error == -EISDIR)
		return "it is a directory";
	if (error == -ELOOP)
		return "it is a symbolic link";
	if (error == -EFBIG)
		return "it is larger than 1 MiB";
	return strerror(-error);
}

/* libconfuse does not open files for us: its scanner calls exit() when it cannot read. */
static int load_file(const char *path, char **ret_text, size_t *ret_len, const char **reterr_why)
{
	CLEANUP(close_fdp) int fd = -1;
	struct stat st;
	size_t len = 0;
	int r = open_file(path, &fd);

	if (r == 0 && fstat(fd, &st) < 0)
		r = -errno;
	if (r == 0 && S_ISDIR(st.st_mode))
		r = -EISDIR;
	*reterr_why = why_unreadable(r);
	if (r < 0)
		return r;
	*reterr_why = why_untrusted(&st);
	if (*reterr_why)
		return -EPERM;

	CLEANUP(free_ptr) char *mem = malloc(CONFIG_FILE_MAX_BYTES + 1);
	if (!mem)
		return -ENOMEM;
	r = read_all(fd, mem, CONFIG_FILE_MAX_BYTES + 1, &len);
	if (r == 0 && len > CONFIG_FILE_MAX_BYTES)
		r = -EFBIG;
	*reterr_why = why_unreadable(r);
	if (r < 0)
		return r;
	*ret_text = TAKE_PTR(mem);
	*ret_len = len;
	return 0;
}

static int remember_file(struct config_text *t, const char *path)
{
	char **grown = reallocarray(t->files, t->nfiles + 1, sizeof *t->files);

	if (!grown)
		return -ENOMEM;
	t->files = grown;
	t->files[t->nfiles] = strdup(path);
	if (!t->files[t->nfiles])
		return -ENOMEM;
	t->nfiles++;
	return 0;
}

/* Room in `opts` for the table and two more. Returns how many were made. */
static size_t describe(const struct config_option *table, cfg_opt_t *opts)
{
	size_t n = 0;

	for (; table[n].name; n++) {
		cfg_flag_t flags = CFGF_NODEFAULT | (table[n].type == CONFIG_LIST ? CFGF_LIST : 0);

		opts[n] = (cfg_opt_t)CFG_STR_CB(table[n].name, NULL, flags, on_word);
	}
	return n;
}

/* Ends with an option nobody can name: its default calls on_word when the section begins. */
static void describe_section(const struct config_option *table, cfg_opt_t *opts)
{
	static char here[] = "{here}";
	size_t n = describe(table, opts);

	opts[n++] = (cfg_opt_t)CFG_STR_LIST_CB("", here, CFGF_NONE, on_word);
	opts[n] = (cfg_opt_t)CFG_END();
}

static cfg_t *parser_new(const struct config_text *t)
{
	enum { ROOM = CONFIG_MAX_OPTIONS + SECTION_NKINDS + 1 };
	cfg_opt_t opts[SECTION_NKINDS][ROOM];
	size_t n = describe(t->tables[SECTION_TOP], opts[SECTION_TOP]);

	for (int kind = SECTION_POOL; kind < SECTION_NKINDS; kind++) {
		describe_section(t->tables[kind], opts[kind]);
		cfg_flag_t flags = CFGF_MULTI | (has_title(kind) ? CFGF_TITLE : 0);
		opts[SECTION_TOP][n++] = (cfg_opt_t)CFG_SEC(section_names[kind], opts[kind], flags);
	}
	opts[SECTION_TOP][n] = (cfg_opt_t)CFG_END();

	/* Copies all of it. No include(), no search path. */
	cfg_t *cfg = cfg_init(opts[SECTION_TOP], CFGF_NONE);
	if (cfg)
		(void)cfg_set_error_function(cfg, on_parse_error);
	return cfg;
}

static int parse(struct config_text *t, char *text, size_t len)
{
	unsigned before = t->report->ncomplaints;
	FILE *f = fmemopen(text, len, "r");
	cfg_t *cfg = f ? parser_new(t) : NULL;

	if (!cfg) {
		if (f)
			(void)fclose(f);
		return -ENOMEM;
	}
	reading = t;
	if (cfg_parse_fp(cfg, f) != CFG_SUCCESS) {
		t->is_broken = true;
		if (t->report->ncomplaints == before) /* it fails in silence, too */
			config_complain(t->report, place_of(cfg), "cannot be understood");
	}
	reading = NULL;
	(void)cfg_free(cfg);
	(void)fclose(f);
	return t->is_out_of_memory ? -ENOMEM : 0;
}

static bool is_blank(const char *s)
{
	return s[strspn(s, " \t\r\n")] == '\0';
}

/* config_scan() made `{}` an empty word. */
static void restore_empty_lists(struct config_text *t)
{
	for (size_t i = 0; i < t->nsections; i++) {
		const struct config_option *table = t->tables[t->sections[i].kind];

		for (size_t j = 0; table[j].name; j++) {
			struct config_setting *s = &t->sections[i].settings[j];
			struct config_place at = s->at;

			if (table[j].type != CONFIG_LIST || s->nwords != 1 ||
			    !is_blank(s->words[0].text))
				continue;
			setting_clear(s);
			s->is_set = true;
			s->at = at;
		}
	}
}

int config_text_read(struct config_text *t, const char *path)
{
	CLEANUP(free_ptr) char *text = NULL;
	const char *message;
	size_t len = 0;

	int r = remember_file(t, path);
	if (r < 0)
		return r;
	struct config_place at = {t->files[t->nfiles - 1], 0};

	r = load_file(path, &text, &len, &message);
	if (r == -ENOENT || r == -ENOMEM)
		return r;
	if (r < 0) {
		t->is_broken = true;
		config_complain(t->report, at, "cannot be read: %s", message);
		return 0;
	}
	if (config_scan(text, len, &at.line, &message) < 0) {
		t->is_broken = true;
		config_complain(t->report, at, "%s", message);
		return 0;
	}
	if (len == 0)
		return 0;
	r = parse(t, text, len);
	if (r < 0)
		return r;
	restore_empty_lists(t);
	return 0;
}
