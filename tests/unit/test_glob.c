#include "common/glob.h"

#include "tests/lib/trun.h"

#include <string.h>

static const struct {
	const char *pattern, *text;
	bool matches;
} rows[] = {
	{"", "", true},
	{"", "a", false},
	{"a", "", false},
	{"*", "", true},
	{"*", "anything at all", true},
	{"**", "", true},
	{"?", "", false},
	{"?", "a", true},
	{"?", "ab", false},
	{"?*", "a", true},
	{"*?", "", false},
	{"abc", "abc", true},
	{"abc", "abd", false},
	{"abc", "ab", false},
	{"abc", "abcd", false},
	{"invoice.*", "invoice.make", true},
	{"invoice.*", "invoice.", true},
	{"invoice.*", "invoice", false},
	{"invoice.*", "xinvoice.make", false},
	{"invoice.*", "invoiceXmake", false}, /* a dot is a dot */
	{"*.render", "pdf.render", true},
	{"*.render", "pdf.render.render", true},
	{"*.render", "pdf.renderer", false},
	{"a*b*c", "abc", true},
	{"a*b*c", "aXbXbYc", true},
	{"a*b*c", "aXcXb", false},
	{"*a*", "bab", true},
	{"*ab", "aab", true},
	{"*aab*", "aaaab", true},
	{"a?c", "abc", true},
	{"a?c", "ac", false},
	/* what other languages of patterns have */
	{"[a-z]", "a", false},
	{"[a-z]", "[a-z]", true},
	{"{a,b}", "a", false},
	{"a|b", "a", false},
	{"\\*", "*", false},
	{"\\*", "\\anything", true},
	{".+", "a", false},
	{"^a$", "a", false},
	{"A", "a", false},
	/* wildcards of a text are none: what a client names itself never means more than that */
	{"adm?n", "admin", true},
	{"admin", "adm*n", false},
	{"admin", "adm?n", false},
	{"a", "*", false},
	{"a,b", "a", false},
};

START_TEST(as_written)
{
	bool matches = glob_matches(rows[_i].pattern, span_str(rows[_i].text));

	ck_assert_msg(matches == rows[_i].matches, "'%s' and '%s'", rows[_i].pattern,
		      rows[_i].text);
}
END_TEST

START_TEST(a_nul_is_a_byte)
{
	ck_assert(!glob_matches("a", span_of("a\0b", 3)));
	ck_assert(!glob_matches("a", span_of("a\0", 2)));
	ck_assert(glob_matches("a*b", span_of("a\0b", 3)));
	ck_assert(glob_matches("a?b", span_of("a\0b", 3)));
	ck_assert(glob_matches("", SPAN_EMPTY));
	ck_assert(!glob_matches("a?", span_of("a", 1)));
}
END_TEST

/* With recursion this one would take longer than the sun will shine. */
START_TEST(stars_do_not_multiply)
{
	char text[4096], pattern[201];

	memset(text, 'a', sizeof text);
	for (size_t i = 0; i < sizeof pattern - 1; i += 2)
		memcpy(pattern + i, "a*", 2);
	pattern[sizeof pattern - 1] = '\0';
	ck_assert(glob_matches(pattern, span_of(text, sizeof text)));
	pattern[sizeof pattern - 2] = 'b';
	ck_assert(!glob_matches(pattern, span_of(text, sizeof text)));
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("glob");
	TCase *tc = trun_case(s, "patterns");

	trun_add_each(tc, as_written, rows);
	tcase_add_test(tc, a_nul_is_a_byte);
	tcase_add_test(tc, stars_do_not_multiply);
	return s;
}
