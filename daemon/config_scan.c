#include "daemon/config_scan.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

enum token { TOKEN_NONE, TOKEN_WORD, TOKEN_QUOTED, TOKEN_EQUALS, TOKEN_LIST, TOKEN_OTHER };

enum { CONFIG_LINE_MAX_BYTES = 4096 };
enum { DEPTH_MAX = 4 }; /* a list in a section is 2; libconfuse refuses more */

struct scan {
	char *text;
	size_t len, at;
	unsigned line;
	unsigned depth, open_lines[DEPTH_MAX]; /* of the braces that are open */
	enum token last;
	size_t list_at; /* of the brace, when the last token is TOKEN_LIST */
	const char *error;
	unsigned error_line;
};

static bool is_end(const struct scan *s)
{
	return s->at >= s->len;
}

static bool looking_at(const struct scan *s, const char *what)
{
	size_t n = strlen(what);

	return s->len - s->at >= n && memcmp(s->text + s->at, what, n) == 0;
}

static void refuse(struct scan *s, unsigned line, const char *message)
{
	s->error = message;
	s->error_line = line;
}

static void blank(struct scan *s, size_t n)
{
	for (; n > 0 && !is_end(s); n--, s->at++) {
		if (s->text[s->at] == '\n')
			s->line++;
		else
			s->text[s->at] = ' ';
	}
}

static void blank_line_comment(struct scan *s)
{
	while (!is_end(s) && s->text[s->at] != '\n')
		blank(s, 1);
}

static void blank_block_comment(struct scan *s)
{
	unsigned start_line = s->line;

	blank(s, 2);
	while (!is_end(s) && !looking_at(s, "*/"))
		blank(s, 1);
	if (is_end(s))
		refuse(s, start_line, "this comment has no end");
	else
		blank(s, 2);
}

static void skip_quoted(struct scan *s)
{
	char quote = s->text[s->at++];

	for (; !is_end(s); s->at++) {
		char c = s->text[s->at];

		if (c == quote) {
			s->at++;
			s->last = TOKEN_QUOTED;
			return;
		}
		if (quote == '"' && looking_at(s, "${")) {
			refuse(s, s->line,
			       "'${' in double quotes would be replaced from the "
			       "environment: use single quotes");
			return;
		}
		if (c == '\n')
			break;
		if (c == '\\' && s->at + 1 < s->len && s->text[++s->at] == '\n')
			s->line++;
	}
	refuse(s, s->line, "this quoted text has no end");
}

/* Here `a//b` and `tcp://host` are words: a comment starts only where a word could. */
static void skip_word(struct scan *s)
{
	while (!is_end(s) && !strchr(" #\"'\t\n\r={}()+,*", s->text[s->at]))
		s->at++;
	s->last = TOKEN_WORD;
	if (s->text[s->at - 1] == '$' && looking_at(s, "{"))
		refuse(s, s->line,
		       "'${' would be replaced from the environment: "
		       "use single quotes");
}

static void open_brace(struct scan *s)
{
	bool is_list = s->last == TOKEN_EQUALS;

	if (s->depth < DEPTH_MAX)
		s->open_lines[s->depth] = s->line;
	s->depth++;
	s->list_at = s->at++;
	s->last = is_list ? TOKEN_LIST : TOKEN_OTHER;
}

static void close_brace(struct scan *s)
{
	if (s->last == TOKEN_LIST) {
		s->text[s->list_at] = '\'';
		s->text[s->at] = '\'';
	}
	if (s->depth > 0)
		s->depth--;
	s->at++;
	s->last = TOKEN_OTHER;
}

static void equals_sign(struct scan *s)
{
	/* A quoted name could reach into other sections: "pool=web|slots". */
	if (s->last == TOKEN_QUOTED)
		refuse(s, s->line, "the name of an option is written without quotes");
	s->at++;
	s->last = TOKEN_EQUALS;
}

static void scan_token(struct scan *s)
{
	switch (s->text[s->at]) {
	case '\n':
		s->line++;
		s->at++;
		return;
	case ' ':
	case '\t':
	case '\r':
		s->at++;
		return;
	case '#':
		blank_line_comment(s);
		return;
	case '"':
	case '\'':
		skip_quoted(s);
		return;
	case '{':
		open_brace(s);
		return;
	case '}':
		close_brace(s);
		return;
	case '=':
		equals_sign(s);
		return;
	case ',':
	case '(':
	case ')':
		s->at++;
		s->last = TOKEN_OTHER;
		return;
	case '+':
		refuse(s, s->line,
		       looking_at(s, "+=") ? "'+=' is not known: write the whole list"
					   : "unexpected '+': quote the value");
		return;
	case '*':
		refuse(s, s->line, "unexpected '*': quote the value");
		return;
	}
	if (looking_at(s, "//"))
		blank_line_comment(s);
	else if (looking_at(s, "/*"))
		blank_block_comment(s);
	else
		skip_word(s);
}

/* What editors put in front of a text that is not plain: UTF-8's is harmless, but then the first
 * word is not what it looks like. */
static void check_start(struct scan *s)
{
	if (looking_at(s, "\xff\xfe") || looking_at(s, "\xfe\xff"))
		refuse(s, 1, "this is UTF-16: save it as UTF-8");
	else if (looking_at(s, "\xef\xbb\xbf"))
		refuse(s, 1, "it begins with a byte order mark: save it without");
}

static void check_bytes(struct scan *s)
{
	unsigned line = 1;
	size_t line_at = 0;

	for (size_t i = 0; i < s->len && !s->error; i++) {
		unsigned char c = (unsigned char)s->text[i];

		if (c == '\n') {
			line++;
			line_at = i + 1;
		} else if (i - line_at >= CONFIG_LINE_MAX_BYTES) {
			refuse(s, line, "this line is longer than 4096 bytes");
		} else if (c == 0x7f || (c < 0x20 && c != '\t' && c != '\r')) {
			refuse(s, line, "a control character: this is not a text file");
		}
	}
}

int config_scan(char *text, size_t len, unsigned *reterr_line, const char **reterr_message)
{
	struct scan s = {.text = text, .len = len, .line = 1};

	check_start(&s);
	if (!s.error)
		check_bytes(&s);
	while (!s.error && !is_end(&s))
		scan_token(&s);
	if (!s.error && s.depth > 0)
		refuse(&s, s.open_lines[s.depth <= DEPTH_MAX ? s.depth - 1 : 0],
		       "this brace is never closed");
	if (!s.error)
		return 0;
	*reterr_line = s.error_line;
	*reterr_message = s.error;
	return -EINVAL;
}
