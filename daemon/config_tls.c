#include "daemon/config_tls.h"

#include "daemon/config_strings.h"
#include "daemon/config_table.h"
#include "net/tls_context.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* An absolute path, or NULL where it may be left out. */
static int set_path(const struct config_text *text, const struct config_section *s, size_t which,
		    bool is_needed, char **ret)
{
	const char *name = config_tables[SECTION_TLS][which].name;
	struct config_word word = config_word_of(s, which);

	if (!word.text) {
		if (is_needed)
			config_complain(text->report, s->at, "tls needs %s = FILE", name);
		return 0;
	}
	if (word.text[0] != '/')
		config_complain(text->report, word.at, "%s = '%s' is not an absolute path", name,
				word.text);
	*ret = strdup(word.text);
	return *ret ? 0 : -ENOMEM;
}

static int set_names(struct config_tls *t, const struct config_text *text,
		     const struct config_section *s)
{
	const struct config_setting *list = &s->settings[TLS_SERVER_NAMES];
	int r = config_strings_new(&t->server_names);

	for (size_t i = 0; r == 0 && i < list->nwords; i++) {
		if (!config_is_repeated(text, list, i))
			r = config_strings_take(&t->server_names, strdup(list->words[i].text));
	}
	return r;
}

static void set_choices(struct config_tls *t, const struct config_text *text,
			const struct config_section *s)
{
	struct config_word identity = config_word_of(s, TLS_IDENTITY);
	struct config_word version = config_word_of(s, TLS_MIN_VERSION);

	t->names_by_dns = strcmp(identity.text, "dns") == 0;
	if (!t->names_by_dns && strcmp(identity.text, "uri") != 0)
		config_complain(text->report, identity.at, "identity = '%s' is neither uri nor dns",
				identity.text);
	t->allow_tls12 = strcmp(version.text, "1.2") == 0;
	if (!t->allow_tls12 && strcmp(version.text, "1.3") != 0)
		config_complain(text->report, version.at,
				"min_version = '%s' is neither 1.2 nor 1.3", version.text);
}

static void check_listeners(const struct config *c, const struct config_text *text)
{
	const struct config_section *top = config_text_find(text, SECTION_TOP, "");

	for (char **url = c->listen; url && *url; url++) {
		if (strncmp(*url, "tls:", 4) != 0)
			continue;
		config_complain(text->report, config_place_of(top, "listen"),
				"'%s' needs a tls section with certificate, key and ca", *url);
		return;
	}
}

int config_add_tls(struct config *c, const struct config_text *text)
{
	const struct config_section *s = config_text_find(text, SECTION_TLS, "");
	struct config_tls *t = &c->tls;

	if (!s) {
		check_listeners(c, text);
		return 0;
	}
	config_set_numbers(text->report, s, t);
	set_choices(t, text, s);
	int r = set_path(text, s, TLS_CERTIFICATE, true, &t->certificate);
	if (r == 0)
		r = set_path(text, s, TLS_KEY, true, &t->key);
	if (r == 0)
		r = set_path(text, s, TLS_CA, true, &t->ca);
	if (r == 0)
		r = set_path(text, s, TLS_CRL, false, &t->crl);
	return r == 0 ? set_names(t, text, s) : r;
}

void config_tls_done(struct config_tls *t)
{
	free(t->certificate);
	free(t->key);
	free(t->ca);
	free(t->crl);
	config_strings_free(t->server_names);
}

struct tls_settings config_tls_settings(const struct config_tls *t)
{
	return (struct tls_settings){
		.side = TLS_SERVER,
		.certificate = t->certificate,
		.key = t->key,
		.ca = t->ca,
		.crl = t->crl,
		.allow_tls12 = t->allow_tls12,
		.identity = t->names_by_dns ? TLS_IDENTITY_DNS : TLS_IDENTITY_URI,
		.server_names = t->server_names,
	};
}
