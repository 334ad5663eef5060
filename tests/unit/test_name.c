#include "common/name.h"
#include "tests/lib/trun.h"

/* The rule once more, byte by byte and from the header's words. */
static bool may_be_inside(unsigned c)
{
	const char *all = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

	return c != 0 && strchr(all, (int)c) != NULL;
}

START_TEST(every_byte_in_every_place)
{
	for (unsigned c = 0; c < 256; c++) {
		char name[3] = {'a', 'b', 'c'};
		bool inside = may_be_inside(c);

		name[1] = (char)c;
		ck_assert_msg(name_is_valid(span_of(name, 3)) == inside, "inside: %#x", c);
		name[1] = 'b';
		name[2] = (char)c;
		ck_assert_msg(name_is_valid(span_of(name, 3)) == inside, "last: %#x", c);
		name[2] = 'c';
		name[0] = (char)c;
		bool first = inside && c != '.' && c != '-';
		ck_assert_msg(name_is_valid(span_of(name, 3)) == first, "first: %#x", c);
		ck_assert_msg(name_is_valid(span_of(name, 1)) == first, "alone: %#x", c);
	}
}
END_TEST

START_TEST(lengths)
{
	char name[NAME_MAX_BYTES + 1];

	memset(name, 'n', sizeof name);
	ck_assert(!name_is_valid(span_of(name, 0)));
	ck_assert(!name_is_valid(SPAN_EMPTY));
	ck_assert(name_is_valid(span_of(name, 1)));
	ck_assert(name_is_valid(span_of(name, NAME_MAX_BYTES)));
	ck_assert(!name_is_valid(span_of(name, NAME_MAX_BYTES + 1)));
}
END_TEST

START_TEST(hostile_names)
{
	static const char *const names[] = {
		"..",   ".hidden",     "-flag",    "a/b",      "../etc", "a b", "a\n",
		"a%n ", "caf\xc3\xa9", "a;rm -rf", "\xff\xfe", "*",      "a,b"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		ck_assert_msg(!name_is_valid(span_str(names[i])), "%s", names[i]);
	ck_assert(!name_is_valid(span_of("a\0b", 3)));
	ck_assert(name_is_valid(span_str("a..b")));
	ck_assert(name_is_valid(span_str("_private-1.2")));
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("name");
	TCase *tc = trun_case(s, "name");

	tcase_add_test(tc, every_byte_in_every_place);
	tcase_add_test(tc, lengths);
	tcase_add_test(tc, hostile_names);
	return s;
}
