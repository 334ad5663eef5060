#include "daemon/environment.h"

#include "common/util.h"

#include <string.h>

extern char **environ;

/* Where programs are, what language people speak, where and when they are. */
static const char *const usual[] = {
	"PATH",
	"LANG",
	"LANGUAGE",
	"LC_*",
	"TZ",
	"TMPDIR",
	/* of a build with sanitizers */
	"ASAN_OPTIONS",
	"LSAN_OPTIONS",
	"TSAN_OPTIONS",
	"UBSAN_OPTIONS",
	NULL,
};

static const char *const usual_of_user[] = {"HOME", "LOGNAME", "SHELL", "USER", NULL};

static size_t name_len(const char *variable)
{
	return strcspn(variable, "=");
}

bool environment_is_entry(const char *text)
{
	size_t n = name_len(text);

	if (memchr(text, '*', n))
		return text[n] == '\0' && strchr(text, '*') == text + n - 1;
	return n > 0;
}

static bool matches(const char *entry, const char *variable, size_t len)
{
	size_t n = name_len(entry);

	if (n > 0 && entry[n - 1] == '*')
		return len >= n - 1 && memcmp(entry, variable, n - 1) == 0 &&
		       strncmp(variable, "LD_", 3) != 0;
	return len == n && memcmp(entry, variable, n) == 0;
}

static bool any_matches(char *const *entries, const char *variable)
{
	size_t len = name_len(variable);

	for (; *entries; entries++) {
		if (matches(*entries, variable, len))
			return true;
	}
	return false;
}

/* Whether an entry says what it is to be. */
static bool is_given(char *const *entries, const char *variable)
{
	size_t len = name_len(variable);

	for (; *entries; entries++) {
		if (strchr(*entries, '=') && matches(*entries, variable, len))
			return true;
	}
	return false;
}

static bool is_kept(char *const *entries, bool for_other_user, const char *variable)
{
	if (is_given(entries, variable))
		return false;
	return any_matches(entries, variable) || any_matches((char *const *)usual, variable) ||
	       (!for_other_user && any_matches((char *const *)usual_of_user, variable));
}

static size_t count(char *const *strings)
{
	size_t n = 0;

	while (strings && strings[n])
		n++;
	return n;
}

char **environment_make(char *const *entries, bool for_other_user)
{
	char **made = calloc(count(environ) + count(entries) + 1, sizeof *made);
	size_t n = 0;

	if (!made)
		return NULL;
	for (char **at = environ; at && *at; at++) {
		if (is_kept(entries, for_other_user, *at))
			made[n++] = *at;
	}
	for (; *entries; entries++) {
		if (strchr(*entries, '='))
			made[n++] = *entries;
	}
	return made;
}

bool environment_is_traceable(void)
{
	const char *value = secure_getenv("FUTURED_TRACEABLE");

	return value && *value;
}
