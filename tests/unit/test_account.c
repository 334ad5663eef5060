/* What an identity uses: shared by its sessions, gone with the last of them. */
#include "daemon/account.h"

#include "tests/lib/trun.h"

#include <string.h>

static struct account *table;

START_TEST(sessions_share_it)
{
	struct account *a = account_join(&table, "unix:1", NULL),
		       *b = account_join(&table, "unix:1", NULL);
	struct account *other = account_join(&table, "unix:12", NULL);

	ck_assert_ptr_nonnull(a);
	ck_assert_ptr_eq(a, b);
	ck_assert_ptr_ne(a, other);
	ck_assert_uint_eq(a->sessions, 2);
	ck_assert_uint_eq(HASH_COUNT(table), 2);
	account_leave(a);
	ck_assert_uint_eq(b->sessions, 1);
	account_leave(b);
	ck_assert_uint_eq(HASH_COUNT(table), 1);
	account_leave(other);
	ck_assert_ptr_null(table);
	account_leave(NULL);
}
END_TEST

/* A share may outlive the sessions: what is owed stays owed. */
START_TEST(a_share_keeps_it)
{
	struct account *a = account_ref(account_join(&table, "a", NULL));

	account_charge(a, 100);
	account_leave(a);
	ck_assert_ptr_eq(table, a);
	struct account *again = account_join(&table, "a", NULL);
	ck_assert_ptr_eq(again, a);
	ck_assert_uint_eq(again->bytes, 100);
	account_discharge(a, 100);
	account_leave(again);
	account_unref(a);
	ck_assert_ptr_null(table);
}
END_TEST

START_TEST(a_name_is_bytes)
{
	static const char *const names[] = {"a,b", "a", "b", "*", "?", "A", "unix:%1"};
	struct account *a[ARRAY_LEN(names)];
	char longest[IDENTITY_NAME_SIZE];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		a[i] = account_join(&table, names[i], NULL);
		ck_assert_uint_eq(a[i]->sessions, 1);
	}
	ck_assert_uint_eq(HASH_COUNT(table), ARRAY_LEN(names));
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		account_leave(a[i]);
	memset(longest, 'x', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	struct account *l = account_join(&table, longest, NULL);
	ck_assert_str_eq(l->name, longest);
	account_leave(l);
}
END_TEST

/* ---- the rate ------------------------------------------------------------ */

static unsigned take_all(struct account *a, uint64_t now_us, uint64_t interval_ns, unsigned burst)
{
	unsigned n = 0;

	while (account_take_token(a, now_us, interval_ns, interval_ns * burst))
		must(++n < 100000);
	return n;
}

START_TEST(a_burst_then_the_rate)
{
	struct account *a = account_join(&table, "a", NULL);
	uint64_t now_us = 1000000, interval_ns = 2000000; /* 500 a second */

	ck_assert_uint_eq(take_all(a, now_us, interval_ns, 100), 100);
	ck_assert_uint_eq(take_all(a, now_us, interval_ns, 100), 0);
	ck_assert_uint_eq(take_all(a, now_us + 1999, interval_ns, 100), 0);
	ck_assert_uint_eq(take_all(a, now_us + 2000, interval_ns, 100), 1);
	ck_assert_uint_eq(take_all(a, now_us + 22000, interval_ns, 100), 10);
	/* a long pause gives no more than the burst */
	ck_assert_uint_eq(take_all(a, now_us + 3600000000, interval_ns, 100), 100);
	account_leave(a);
}
END_TEST

/* What is refused costs nothing: or whoever asks too often would never get any. */
START_TEST(a_refusal_takes_nothing)
{
	struct account *a = account_join(&table, "a", NULL);
	uint64_t before;

	ck_assert_uint_eq(take_all(a, 5, 1000000, 3), 3);
	before = a->paid_until_ns;
	for (int i = 0; i < 1000; i++)
		ck_assert(!account_take_token(a, 5, 1000000, 3000000));
	ck_assert_uint_eq(a->paid_until_ns, before);
	account_leave(a);
}
END_TEST

START_TEST(the_extremes_of_a_rate)
{
	struct account *a = account_join(&table, "a", NULL), *b = account_join(&table, "b", NULL);

	ck_assert_uint_eq(take_all(a, 0, 1, 50), 50); /* 10^9 a second */
	ck_assert_uint_eq(take_all(a, 1, 1, 50), 50);
	ck_assert_uint_eq(take_all(b, 0, 1000000000, 1), 1); /* one */
	ck_assert_uint_eq(take_all(b, 999999, 1000000000, 1), 0);
	ck_assert_uint_eq(take_all(b, 1000000, 1000000000, 1), 1);
	account_leave(a);
	account_leave(b);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("account");
	TCase *tc = trun_case(s, "account");

	tcase_add_test(tc, sessions_share_it);
	tcase_add_test(tc, a_share_keeps_it);
	tcase_add_test(tc, a_name_is_bytes);
	tcase_add_test(tc, a_burst_then_the_rate);
	tcase_add_test(tc, a_refusal_takes_nothing);
	tcase_add_test(tc, the_extremes_of_a_rate);
	return s;
}
