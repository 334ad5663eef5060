#include "daemon/config_identity.h"

#include "common/util.h"
#include "daemon/config_strings.h"
#include "daemon/config_table.h"
#include "daemon/config_units.h"
#include "daemon/identity.h"
#include "proto/submit.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>

struct identities {
	struct config *config;
	const struct config_text *text;
	struct config_report *report; /* the text's */
};

/* ---- whom it is for ------------------------------------------------------ */

static bool is_number(const char *text)
{
	return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* The last number is nobody's: (uid_t)-1. */
static void set_number(struct identities *i, const struct config_section *s, const char *text,
		       struct config_identity *who)
{
	uint64_t n;

	if (config_parse_count(text, &n) < 0 || n >= UINT32_MAX)
		config_complain(i->report, s->at,
				"identity '%s': %s is no number of a user or group", s->title,
				text);
	else
		who->id = (uint32_t)n;
}

static void set_user(struct identities *i, const struct config_section *s, const char *name,
		     struct config_identity *who)
{
	const struct passwd *user;

	who->kind = IDENTITY_USER;
	if (is_number(name))
		set_number(i, s, name, who);
	else if (name[0] != '\0' && (user = getpwnam(name)))
		who->id = user->pw_uid;
	else
		config_complain(i->report, s->at, "identity '%s': there is no user '%s'", s->title,
				name);
}

static void set_group(struct identities *i, const struct config_section *s, const char *name,
		      struct config_identity *who)
{
	const struct group *group;

	who->kind = IDENTITY_GROUP;
	if (is_number(name))
		set_number(i, s, name, who);
	else if (name[0] != '\0' && (group = getgrnam(name)))
		who->id = group->gr_gid;
	else
		config_complain(i->report, s->at, "identity '%s': there is no group '%s'", s->title,
				name);
}

static void set_certificate(struct identities *i, const struct config_section *s,
			    struct config_identity *who)
{
	who->kind = IDENTITY_CERTIFICATE;
	if (!identity_is_certificate_name(s->title))
		config_complain(i->report, s->at,
				"'%s' is no identity: \"unix:USER\", \"unix:%%GROUP\", \"tcp\", or "
				"the name in a certificate",
				s->title);
}

static void set_who(struct identities *i, const struct config_section *s,
		    struct config_identity *who)
{
	if (strncmp(s->title, "unix:%", 6) == 0)
		set_group(i, s, s->title + 6, who);
	else if (strncmp(s->title, "unix:", 5) == 0)
		set_user(i, s, s->title + 5, who);
	else if (strcmp(s->title, "tcp") == 0)
		who->kind = IDENTITY_TCP;
	else
		set_certificate(i, s, who);
}

/* ---- what they may ------------------------------------------------------- */

/* What no name can have fits nothing: somebody took it for an expression. */
static bool is_pattern(const char *text)
{
	for (; *text; text++) {
		if (!isalnum((unsigned char)*text) && !strchr("._-*?", *text))
			return false;
	}
	return true;
}

static int add_patterns(struct identities *i, const struct config_section *s, size_t which,
			const char *fallback, char ***ret)
{
	const struct config_setting *list = &s->settings[which];
	int r = config_strings_new(ret);

	if (r == 0 && !list->is_set && fallback)
		r = config_strings_take(ret, strdup(fallback));
	for (size_t n = 0; r == 0 && n < list->nwords; n++) {
		const struct config_word *word = &list->words[n];

		if (word->text[0] == '\0' || !is_pattern(word->text))
			config_complain(i->report, word->at,
					"'%s' is no pattern: the characters of a name, * and ?",
					word->text);
		else if (!config_is_repeated(i->text, list, n))
			r = config_strings_take(ret, strdup(word->text));
	}
	return r;
}

static void set_admin(struct identities *i, const struct config_section *s,
		      struct config_identity *who)
{
	struct config_word word = config_word_of(s, IDENTITY_ADMIN);
	bool yes = false;

	if (strcmp(word.text, "read") == 0)
		who->admin = ADMIN_READ;
	else if (config_parse_bool(word.text, &yes) < 0)
		config_complain(i->report, word.at, "admin = '%s' is none of no, read, yes",
				word.text);
	else
		who->admin = yes ? ADMIN_YES : ADMIN_NO;
}

static void set_priority_max(struct identities *i, const struct config_section *s,
			     struct config_identity *who)
{
	struct config_word word = config_word_of(s, IDENTITY_PRIORITY_MAX);
	bool is_negative = word.text[0] == '-';
	uint64_t n = 0;

	_Static_assert(PRIORITY_MIN == -4 && PRIORITY_MAX == 3, "the message says it");
	if (config_parse_count(word.text + is_negative, &n) < 0 ||
	    n > (uint64_t)(is_negative ? -PRIORITY_MIN : PRIORITY_MAX))
		config_complain(i->report, word.at,
				"priority_max = '%s' is not in the range -4 to 3", word.text);
	else
		who->priority_max = is_negative ? -(int)n : (int)n;
}

static void set_rate(struct identities *i, const struct config_section *s,
		     struct config_identity *who)
{
	if (who->rate == 0 && who->burst > 0)
		config_complain(i->report, config_place_of(s, "burst"),
				"burst = %u needs a rate to come back to", who->burst);
	if (who->rate == 0)
		return;
	if (who->burst == 0)
		who->burst = who->rate;
	who->interval_ns = 1000000000 / who->rate;
	who->burst_ns = who->interval_ns * who->burst;
}

static int add_identity(struct identities *i, const struct config_section *s)
{
	struct config *c = i->config;
	struct config_identity *grown =
		reallocarray(c->identities, c->nidentities + 1, sizeof *grown);

	if (!grown)
		return -ENOMEM;
	c->identities = grown;
	struct config_identity *who = &grown[c->nidentities++];
	*who = (struct config_identity){.name = strdup(s->title)};
	if (!who->name)
		return -ENOMEM;
	set_who(i, s, who);
	config_set_numbers(i->report, s, who);
	set_admin(i, s, who);
	set_priority_max(i, s, who);
	set_rate(i, s, who);
	int r = add_patterns(i, s, IDENTITY_TASKS, NULL, &who->tasks);
	return r < 0 ? r : add_patterns(i, s, IDENTITY_POOLS, "*", &who->pools);
}

int config_add_identities(struct config *c, const struct config_text *text)
{
	struct identities i = {c, text, text->report};
	int r = 0;

	for (size_t n = 0; r == 0 && n < text->nsections; n++) {
		if (text->sections[n].kind == SECTION_IDENTITY)
			r = add_identity(&i, &text->sections[n]);
	}
	return r;
}

void config_identities_done(struct config *c)
{
	for (size_t i = 0; i < c->nidentities; i++) {
		free(c->identities[i].name);
		config_strings_free(c->identities[i].tasks);
		config_strings_free(c->identities[i].pools);
	}
	free(c->identities);
}
