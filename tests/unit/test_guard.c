/* daemon/guard.c, source.c, bucket.h, ledger.h, memory.c: who comes in, how often, and how much
 * is held. Without a daemon and without a clock. */
#include "daemon/guard.h"

#include "daemon/config.h"
#include "daemon/ledger.h"
#include "daemon/memory.h"
#include "tests/lib/seed.h"
#include "tests/lib/trun.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECOND = 1000 * 1000 };

static struct guard g;
static const struct config config = {
	.max_greeting = 256, .max_greeting_per_source = 16, .greeting_drop_from = 64};

static void setup(void)
{
	guard_init(&g);
	g.random = seed_get();
}

static void teardown(void)
{
	guard_done(&g);
}

/* ---- sources ------------------------------------------------------------- */

static struct source_id tcp(const char *address)
{
	struct peer p = {.kind = PEER_TCP};

	must(inet_pton(AF_INET6, address, &p.address) == 1);
	return source_id_of(&p);
}

static struct source_id user(uid_t uid)
{
	const struct peer p = {.kind = PEER_UNIX, .uid = uid};

	return source_id_of(&p);
}

static bool is_same(struct source_id a, struct source_id b)
{
	return memcmp(&a, &b, sizeof a) == 0;
}

START_TEST(test_what_is_one_source)
{
	ck_assert(is_same(tcp("::ffff:10.0.0.1"), tcp("::ffff:10.0.0.1")));
	ck_assert(!is_same(tcp("::ffff:10.0.0.1"), tcp("::ffff:10.0.0.2")));
	ck_assert(is_same(tcp("2001:db8:1:2::1"), tcp("2001:db8:1:2:ffff::9")));
	ck_assert(!is_same(tcp("2001:db8:1:2::1"), tcp("2001:db8:1:3::1")));
	ck_assert(is_same(user(1000), user(1000)));
	ck_assert(!is_same(user(1000), user(1001)));
	ck_assert(!is_same(user(0), tcp("::1")));
}
END_TEST

START_TEST(test_penalties_add_up)
{
	struct source_id id = user(1), other = user(2);

	ck_assert_ptr_null(guard_refusal(&g, &config, &id, 0));
	source_punish(&g.sources, &id, 0, 0);
	ck_assert_uint_eq(g.sources.n, 0); /* none is none */
	source_punish(&g.sources, &id, 5 * SECOND, 0);
	source_punish(&g.sources, &id, 1 * SECOND, 1 * SECOND);
	ck_assert_str_eq(guard_refusal(&g, &config, &id, 6 * SECOND - 1), "penalty");
	ck_assert_ptr_null(guard_refusal(&g, &config, &id, 6 * SECOND));
	ck_assert_ptr_null(guard_refusal(&g, &config, &other, 0));
	for (int i = 0; i < 1000; i++)
		source_punish(&g.sources, &id, 90 * SECOND, 10 * SECOND);
	ck_assert_str_eq(guard_refusal(&g, &config, &id, 609ull * SECOND), "penalty");
	ck_assert_ptr_null(guard_refusal(&g, &config, &id, 610ull * SECOND));
}
END_TEST

/* More sources than the table holds: the oldest penalties go, never one in use. */
START_TEST(test_table_is_bounded)
{
	enum { MAX = 100 };
	struct source_id used = user(0), id;
	struct sources ss;

	sources_init(&ss, MAX);
	source_touch(&ss, &used, 0)->greeting = 1;
	for (uid_t uid = 1; uid < 10 * MAX; uid++) {
		id = user(uid);
		source_punish(&ss, &id, 60 * SECOND, uid);
		must(ss.n <= MAX);
	}
	ck_assert_uint_eq(ss.n, MAX);
	ck_assert_ptr_nonnull(source_find(&ss, &used));
	id = user(10 * MAX - 1);
	ck_assert(source_is_punished(source_find(&ss, &id), 1000));
	id = user(1);
	ck_assert_ptr_null(source_find(&ss, &id));
	/* Penalties that are over go by themselves, as others come. */
	for (int i = 0; i < MAX; i++)
		(void)source_touch(&ss, &used, 3600ull * SECOND);
	for (uid_t uid = 1; uid < MAX; uid++) {
		id = user(uid);
		source_punish(&ss, &id, SECOND, 3600ull * SECOND + uid);
	}
	ck_assert_uint_le(ss.n, MAX);
	/* All in use: nobody else fits. */
	struct source *s;
	TAILQ_FOREACH(s, &ss.touched, node)
		s->greeting = 1;
	while (ss.n < MAX) {
		id = user(5000 + ss.n);
		source_touch(&ss, &id, 0)->greeting = 1;
	}
	id = user(9999);
	ck_assert_ptr_null(source_touch(&ss, &id, 3600ull * SECOND));
	source_leave(&ss, &used, 3600ull * SECOND);
	ck_assert_ptr_null(source_find(&ss, &used));
	sources_done(&ss);
}
END_TEST

START_TEST(test_greeting_per_source)
{
	struct source_id id = user(1), other = user(2);

	source_touch(&g.sources, &id, 0)->greeting = 15;
	ck_assert_ptr_null(guard_refusal(&g, &config, &id, 0));
	source_touch(&g.sources, &id, 0)->greeting = 16;
	ck_assert_str_eq(guard_refusal(&g, &config, &id, 0), "max_greeting_per_source");
	ck_assert_ptr_null(guard_refusal(&g, &config, &other, 0));
}
END_TEST

/* None below 64, three of ten there, and more and more up to all at 256. */
START_TEST(test_early_drop)
{
	enum { TRIES = 20000 };
	static const struct {
		unsigned greeting, percent;
	} steps[] = {{0, 0}, {63, 0}, {64, 30}, {160, 65}, {255, 99}, {256, 100}, {300, 100}};
	struct source_id id = user(1);

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		unsigned dropped = 0;
		g.greeting = steps[i].greeting;
		for (int n = 0; n < TRIES; n++)
			dropped += guard_refusal(&g, &config, &id, 0) != NULL;
		unsigned expected = TRIES / 100 * steps[i].percent;
		ck_assert_uint_le(dropped, expected + TRIES / 50);
		ck_assert_uint_ge(dropped + TRIES / 50, expected);
	}
	/* The same seed, the same choices. */
	g.greeting = 160;
	for (int n = 0; n < 100; n++) {
		struct guard again = g;
		ck_assert((guard_refusal(&g, &config, &id, 0) == NULL) ==
			  (guard_refusal(&again, &config, &id, 0) == NULL));
	}
}
END_TEST

/* ---- buckets and ledgers -------------------------------------------------- */

START_TEST(test_bucket)
{
	static const struct bucket_size size = {.burst = 10, .interval_us = 100};
	struct bucket b = {0};
	unsigned taken = 0;

	for (int i = 0; i < 20; i++)
		taken += bucket_take(&b, &size, 1, 1000);
	ck_assert_uint_eq(taken, 10);
	ck_assert(!bucket_take(&b, &size, 1, 1099));
	ck_assert(bucket_take(&b, &size, 1, 1100));
	ck_assert(!bucket_take(&b, &size, 1, 1100));
	/* What is taken at once may be more than there is: the next one waits for it. */
	b = (struct bucket){0};
	ck_assert(bucket_take(&b, &size, 1000, 0));
	ck_assert(!bucket_take(&b, &size, 0, 90000));
	ck_assert(!bucket_take(&b, &size, 1, 99099));
	ck_assert(bucket_take(&b, &size, 1, 99100));
}
END_TEST

START_TEST(test_ledgers_charge_their_chain)
{
	struct ledger total = {0}, account = {.parent = &total}, session = {.parent = &total};
	uint64_t held = 0;

	ledger_charge(&session, 100);
	ledger_update(&session, &held, 50);
	ck_assert_uint_eq(session.bytes, 150);
	ck_assert_uint_eq(total.bytes, 150);
	/* The client says who it is. */
	ledger_adopt(&session, &account);
	ck_assert_uint_eq(account.bytes, 150);
	ck_assert_uint_eq(total.bytes, 150);
	/* It goes, and a job of it still runs: whose it was is charged with that. */
	struct ledger *payer = ledger_hand_up(&session, 100);
	ledger_update(&session, &held, 0);
	ck_assert_uint_eq(session.bytes, 0);
	ck_assert_ptr_eq(payer, &account);
	ck_assert_uint_eq(account.bytes, 100);
	ck_assert_uint_eq(total.bytes, 100);
	ledger_release(payer, 100);
	ck_assert_uint_eq(account.bytes, 0);
	ck_assert_uint_eq(total.bytes, 0);
}
END_TEST

/* ---- how much there is ----------------------------------------------------- */

static void put(const char *folder, const char *name, const char *text)
{
	char path[200];

	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *f = fopen(path, "we");
	must(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

START_TEST(test_memory_limit)
{
	char top[] = "/tmp/futured-memory-XXXXXX", child[64], events[100];

	ck_assert_ptr_nonnull(mkdtemp(top));
	(void)snprintf(child, sizeof child, "%s/child", top);
	(void)snprintf(events, sizeof events, "%s/memory.events", child);
	ck_assert_int_eq(mkdir(child, 0700), 0);
	ck_assert_uint_eq(memory_limit("", 1000), 1000);
	ck_assert_uint_eq(memory_limit(events, 1ull << 40), 1ull << 40);
	put(child, "memory.max", "max\n");
	put(child, "memory.high", "max\n");
	ck_assert_uint_eq(memory_limit(events, 1ull << 40), 1ull << 40);
	put(child, "memory.max", "5000000000\n");
	ck_assert_uint_eq(memory_limit(events, 1ull << 40), 5000000000);
	put(child, "memory.high", "4000000000\n");
	ck_assert_uint_eq(memory_limit(events, 1ull << 40), 4000000000);
	put(top, "memory.max", "3000000000\n"); /* of the group above */
	ck_assert_uint_eq(memory_limit(events, 1ull << 40), 3000000000);
	ck_assert_uint_eq(memory_limit(events, 1000), 1000);
	(void)snprintf(events, sizeof events, "rm -r %s", top);
	ck_assert_int_eq(system(events), 0);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("guard");
	TCase *tc = trun_case(s, "door");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_what_is_one_source);
	tcase_add_test(tc, test_penalties_add_up);
	tcase_add_test(tc, test_table_is_bounded);
	tcase_add_test(tc, test_greeting_per_source);
	tcase_add_test(tc, test_early_drop);
	tc = trun_case(s, "amounts");
	tcase_add_test(tc, test_bucket);
	tcase_add_test(tc, test_ledgers_charge_their_chain);
	tcase_add_test(tc, test_memory_limit);
	return s;
}
