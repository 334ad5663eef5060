/* The options of the configuration: what each may say, and where its range ends. */
#include "daemon/config_report.h"
#include "daemon/config_table.h"
#include "daemon/config_units.h"
#include "tests/lib/config_files.h"
#include "tests/lib/trun.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- what a file says ---------------------------------------------------- */

START_TEST(every_option_is_taken)
{
	struct config *c = must_load_text(
		"log_level = \"debug\"\n"
		"listen = {\"unix:/run/a.sock\", \"tcp://127.0.0.1:7311\", tcp://h.example:0}\n"
		"insecure = true\n"
		"module_dir = '/opt/modules'\n"
		"max_payload = \"1M\"\n"
		"max_result = 2M\n"
		"max_sessions = 3\n"
		"max_greeting = 19\n"
		"max_greeting_per_source = 20\n"
		"greeting_drop_from = 21\n"
		"max_inflight = 4\n"
		"max_output = 5M\n"
		"max_queued = 6G\n"
		"memory_budget = 22M\n"
		"handshake_timeout = 7ms\n"
		"frame_timeout = 23ms\n"
		"output_timeout = 11ms\n"
		"drain_timeout = 8s\n"
		"kill_grace = 9min\n"
		"start_timeout = 10h\n"
		"penalty_protocol = 0s\n"
		"penalty_silence = 24s\n"
		"penalty_auth = 25s\n"
		"penalty_flood = 26s\n"
		"command wc { exec = {\"/usr/bin/wc\", \"-l\", \"\"} }\n"
		"pool slow { kind = processes slots = 11 queue = 12 min_hosts = 11\n"
		"  idle_timeout = 16ms max_tasks = 17 max_rss = 18M\n"
		"  modules = {\"mine\", \"/opt/other.so\"} commands = {gzip, wc}\n"
		"  breaker_crashes = 13 breaker_window = 14ms breaker_pause = 15s }\n"
		"pool idle { kind = threads modules = {} commands = {} }\n"
		"pool clean { kind = processes fresh = yes }\n"
		"command gzip { exec = /bin/gzip }\n");

	ck_assert_int_eq(c->log_level, LOG_DEBUG);
	assert_strings(c->listen,
		       STRINGS("unix:/run/a.sock", "tcp://127.0.0.1:7311", "tcp://h.example:0"));
	ck_assert(c->insecure);
	ck_assert_uint_eq(c->max_payload_bytes, 1 << 20);
	ck_assert_uint_eq(c->max_result_bytes, 2 << 20);
	ck_assert_uint_eq(c->max_sessions, 3);
	ck_assert_uint_eq(c->max_greeting, 19);
	ck_assert_uint_eq(c->max_greeting_per_source, 20);
	ck_assert_uint_eq(c->greeting_drop_from, 21);
	ck_assert_uint_eq(c->max_inflight, 4);
	ck_assert_uint_eq(c->max_output_bytes, 5 << 20);
	ck_assert_uint_eq(c->max_queued_bytes, 6ull << 30);
	ck_assert_uint_eq(c->memory_budget_bytes, 22 << 20);
	ck_assert_uint_eq(c->handshake_timeout_us, 7000);
	ck_assert_uint_eq(c->frame_timeout_us, 23000);
	ck_assert_uint_eq(c->penalty_protocol_us, 0);
	ck_assert_uint_eq(c->penalty_silence_us, 24000000);
	ck_assert_uint_eq(c->penalty_auth_us, 25000000);
	ck_assert_uint_eq(c->penalty_flood_us, 26000000);
	ck_assert_uint_eq(c->output_timeout_us, 11000);
	ck_assert_uint_eq(c->drain_timeout_us, 8000000);
	ck_assert_uint_eq(c->kill_grace_us, 9 * 60000000ull);
	ck_assert_uint_eq(c->start_timeout_us, 10 * 3600000000ull);

	ck_assert_uint_eq(c->npools, 3);
	const struct config_pool *p = &c->pools[0];
	ck_assert_str_eq(p->name, "slow");
	ck_assert_int_eq(p->kind, POOL_PROCESSES);
	ck_assert_uint_eq(p->slots, 11);
	ck_assert_uint_eq(p->max_queue, 12);
	ck_assert_uint_eq(p->min_hosts, 11);
	ck_assert_uint_eq(p->idle_timeout_us, 16000);
	ck_assert_uint_eq(p->max_tasks, 17);
	ck_assert_uint_eq(p->max_rss_bytes, 18 << 20);
	ck_assert(!p->fresh);
	ck_assert_uint_eq(p->breaker.crashes, 13);
	ck_assert_uint_eq(p->breaker.window_us, 14000);
	ck_assert_uint_eq(p->breaker.pause_us, 15000000);
	assert_strings(p->modules, STRINGS("/opt/modules/mine.so", "/opt/other.so"));
	ck_assert_uint_eq(p->ncommands, 2);
	ck_assert_str_eq(p->commands[0].name, "gzip");
	assert_strings(p->commands[0].argv, STRINGS("/bin/gzip"));
	ck_assert_str_eq(p->commands[1].name, "wc");
	assert_strings(p->commands[1].argv, STRINGS("/usr/bin/wc", "-l", ""));

	ck_assert_str_eq(c->pools[1].name, "idle");
	ck_assert_ptr_null(c->pools[1].modules[0]);
	ck_assert_uint_eq(c->pools[1].ncommands, 0);
	ck_assert(c->pools[2].fresh);
	ck_assert_uint_eq(c->pools[2].max_tasks, 1);
	(void)config_free(c);
}
END_TEST

START_TEST(sections_of_one_file_add_up)
{
	struct config *c = must_load_text("pool p { kind = threads modules = {m, n} }\n"
					  "pool p { slots = 2 }\n");

	ck_assert_uint_eq(c->npools, 1);
	ck_assert_uint_eq(c->pools[0].slots, 2);
	assert_strings(c->pools[0].modules, STRINGS(MODULEDIR "/m.so", MODULEDIR "/n.so"));
	(void)config_free(c);
}
END_TEST

START_TEST(module_dir_is_argument_then_file_then_built_in)
{
	write_conf("module_dir = /from/file\n");
	struct config *c = must_load("from/argument");
	assert_strings(c->pools[0].modules, SAMPLES("from/argument"));
	(void)config_free(c);

	c = must_load(NULL);
	assert_strings(c->pools[0].modules, SAMPLES("/from/file"));
	(void)config_free(c);
}
END_TEST

static const struct {
	const char *text;
	bool insecure;
} bool_words[] = {{"true", true},   {"yes", true}, {"on", true},
		  {"false", false}, {"no", false}, {"off", false}};

START_TEST(yes_and_no_are_understood)
{
	char text[64];

	(void)snprintf(text, sizeof text, "insecure = %s\n", bool_words[_i].text);
	struct config *c = must_load_text(text);
	ck_assert(c->insecure == bool_words[_i].insecure);
	(void)config_free(c);
}
END_TEST

static const char *const loopbacks[] = {
	"tcp://127.0.0.1:1",
	"tcp://127.9.8.7:1",
	"tcp://[::1]:65535",
	"tcp://localhost:0",
};

START_TEST(loopback_needs_no_permission)
{
	char text[64];

	(void)snprintf(text, sizeof text, "listen = \"%s\"\n", loopbacks[_i]);
	struct config *c = must_load_text(text);
	assert_strings(c->listen, STRINGS(loopbacks[_i]));
	(void)config_free(c);
}
END_TEST

START_TEST(comments_and_quotes_are_read_as_written)
{
	struct config *c = must_load_text(
		"# a comment's { brace\n"
		"/* and \"another\n * = { ${HOME} */ max_sessions = 7 // end\n"
		"command c { exec = {/bin//echo, '#', \"a # // /* b\", '${HOME}', \"\\${HOME}\", \n"
		"  \"\\\"q\\\"\", 'it\\'s', \"one \\\ntwo\"} } # done\n"
		"pool p { kind = threads commands = c }");

	ck_assert_uint_eq(c->max_sessions, 7);
	assert_strings(c->pools[0].commands[0].argv,
		       STRINGS("/bin//echo", "#", "a # // /* b", "${HOME}", "${HOME}", "\"q\"",
			       "it's", "one two"));
	(void)config_free(c);
}
END_TEST

START_TEST(a_file_without_a_pool_keeps_the_built_in_ones)
{
	struct config *c = must_load_text("command c { exec = /bin/true }\n");

	ck_assert_uint_eq(c->npools, 2);
	ck_assert_str_eq(c->pools[1].name, "processes");
	(void)config_free(c);
}
END_TEST

/* ---- ranges and units ---------------------------------------------------- */

static const struct {
	const char *name, *least, *below, *most, *above;
} ranges[] = {
	{"max_payload", "1K", "1023", "1G", "1073741825"},
	{"max_result", "1K", "1023", "1G", "1073741825"},
	{"max_sessions", "1", "0", "65536", "65537"},
	{"max_greeting", "1", "0", "65536", "65537"},
	{"max_greeting_per_source", "1", "0", "65536", "65537"},
	{"greeting_drop_from", "1", "0", "65536", "65537"},
	{"max_inflight", "1", "0", "16777216", "16777217"},
	{"max_output", "1K", "1023", "1024G", "1099511627777"},
	{"max_queued", "1K", "1023", "1024G", "1099511627777"},
	{"memory_budget", "0", "-1", "1024G", "1025G"},
	{"handshake_timeout", "1ms", "999us", "24h", "24.000001h"},
	{"frame_timeout", "1ms", "999us", "24h", "24.000001h"},
	{"output_timeout", "1ms", "999us", "24h", "24.000001h"},
	{"drain_timeout", "1ms", "999us", "24h", "1441min"},
	{"kill_grace", "1ms", "999us", "24h", "86401s"},
	{"start_timeout", "1ms", "999us", "24h", "86400001ms"},
	{"ageing", "1ms", "999us", "24h", "86400001ms"},
	{"penalty_protocol", "0s", "-1s", "10min", "601s"},
	{"penalty_silence", "0s", "-1s", "10min", "601s"},
	{"penalty_auth", "0s", "-1s", "10min", "601s"},
	{"penalty_flood", "0s", "-1s", "10min", "601s"},
	{"slots", "0", "-1", "256", "257"}, /* the first of a pool */
	{"min_hosts", "0", "-1", "256", "257"},
	{"idle_timeout", "1ms", "999us", "24h", "86401s"},
	{"max_tasks", "0", "-1", "1000000000", "1000000001"},
	{"max_rss", "0", "-1", "1024G", "1025G"},
	{"queue", "1", "0", "16777216", "16777217"},
	{"breaker_crashes", "0", "-1", "100000", "100001"},
	{"breaker_window", "1ms", "999us", "24h", "86401s"},
	{"breaker_pause", "1ms", "999us", "24h", "86401s"},
};

static bool is_of_a_pool(size_t which)
{
	size_t first = 0;

	while (strcmp(ranges[first].name, "slots") != 0)
		first++;
	return which >= first;
}

/* Written where it belongs, with room for the largest payload and result around it. */
static void write_range(size_t which, const char *value)
{
	const char *name = ranges[which].name;
	bool is_pools = is_of_a_pool(which);
	char text[256];

	write_conf(is_pools ? "pool p { kind = processes slots = 256 }\n"
			    : "max_payload = 1K max_result = 1K max_output = 1G max_queued = 1G\n");
	(void)snprintf(text, sizeof text, is_pools ? "pool p { %s = %s }\n" : "%s = %s\n", name,
		       value);
	write_drop_in("range.conf", text);
}

START_TEST(ranges_hold_at_both_ends)
{
	const char *inside[] = {ranges[_i].least, ranges[_i].most};
	const char *outside[] = {ranges[_i].below, ranges[_i].above};

	for (int i = 0; i < 2; i++) {
		write_range((size_t)_i, inside[i]);
		(void)config_free(must_load(NULL));
		write_range((size_t)_i, outside[i]);
		must_refuse(-EINVAL);
		ck_assert_int_eq(nconf_errors, 1);
		ck_assert_ptr_nonnull(strstr(conf_errors[0], ranges[_i].name));
		nconf_errors = 0;
	}
}
END_TEST

START_TEST(every_number_has_its_range_tested)
{
	size_t n = 0;

	/* Those of keys and tasks are in test_config_shares.c. */
	for (int kind = 0; kind < SECTION_KEY; kind++) {
		for (const struct config_option *o = config_tables[kind]; o->name; o++)
			n += o->width > 0;
	}
	ck_assert_uint_eq(n, ARRAY_LEN(ranges));
}
END_TEST

static const struct {
	int (*parse)(const char *text, uint64_t *ret);
	const char *text;
	int result;
	uint64_t value;
} units[] = {
	{config_parse_count, "0", 0, 0},
	{config_parse_count, "007", 0, 7},
	{config_parse_count, "18446744073709551615", 0, UINT64_MAX},
	{config_parse_count, "18446744073709551616", -ERANGE, 0},
	{config_parse_count, "99999999999999999999999x", -EINVAL, 0},
	{config_parse_count, "", -EINVAL, 0},
	{config_parse_count, "+1", -EINVAL, 0},
	{config_parse_count, " 1", -EINVAL, 0},
	{config_parse_count, "1K", -EINVAL, 0},
	{config_parse_count, "0x10", -EINVAL, 0},
	{config_parse_size, "5", 0, 5},
	{config_parse_size, "5K", 0, 5ull << 10},
	{config_parse_size, "5M", 0, 5ull << 20},
	{config_parse_size, "5G", 0, 5ull << 30},
	{config_parse_size, "17179869183G", 0, 17179869183ull << 30},
	{config_parse_size, "17179869184G", -ERANGE, 0},
	{config_parse_size, "99999999999999999999G", -ERANGE, 0},
	{config_parse_size, "K", -EINVAL, 0},
	{config_parse_size, "5k", -EINVAL, 0},
	{config_parse_size, "5 K", -EINVAL, 0},
	{config_parse_size, "5T", -EINVAL, 0},
	{config_parse_duration, "5us", 0, 5},
	{config_parse_duration, "5ms", 0, 5000},
	{config_parse_duration, "5s", 0, 5000000},
	{config_parse_duration, "5min", 0, 300000000},
	{config_parse_duration, "5h", 0, 18000000000},
	{config_parse_duration, "2.5s", 0, 2500000},
	{config_parse_duration, "0.000001s", 0, 1},
	{config_parse_duration, "1.999999h", 0, 7199996400},
	{config_parse_duration, "0.0000001s", -EINVAL, 0},
	{config_parse_duration, "0.5us", -EINVAL, 0},
	{config_parse_duration, "5", -EINVAL, 0},
	{config_parse_duration, "5m", -EINVAL, 0},
	{config_parse_duration, "5.s", -EINVAL, 0},
	{config_parse_duration, ".5s", -EINVAL, 0},
	{config_parse_duration, "s", -EINVAL, 0},
	{config_parse_duration, "99999999999999999999s", -ERANGE, 0},
	{config_parse_duration, "18446744073709551615h", -ERANGE, 0},
	{config_parse_duration, "18446744073709551615.5ms", -ERANGE, 0},
};

START_TEST(units_are_exact)
{
	uint64_t value = 4711;

	ck_assert_int_eq(units[_i].parse(units[_i].text, &value), units[_i].result);
	ck_assert_uint_eq(value, units[_i].result == 0 ? units[_i].value : 4711);
}
END_TEST

START_TEST(the_nearest_name_is_within_two_errors)
{
	static const char *const names[] = {"slots", "queue", "kind", "modules"};

	ck_assert_str_eq(config_nearest("slot", names, 4), "slots");
	ck_assert_str_eq(config_nearest("soltz", names, 4) ? "found" : "none", "none");
	ck_assert_str_eq(config_nearest("mdoules", names, 4), "modules");
	ck_assert_str_eq(config_nearest("quueue", names, 4), "queue");
	ck_assert_str_eq(config_nearest("modules", names, 4), "modules");
	ck_assert_ptr_null(config_nearest("module_dir", names, 4));
	ck_assert_ptr_null(config_nearest("", names, 4));
	ck_assert_ptr_null(config_nearest("x", STRINGS("ab"), 1));
}
END_TEST

START_TEST(kinds_have_names)
{
	ck_assert_str_eq(pool_kind_name(POOL_THREADS), "threads");
	ck_assert_str_eq(pool_kind_name(POOL_PROCESSES), "processes");
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("config_options");
	TCase *tc = config_case(s, "options");

	tcase_add_test(tc, every_option_is_taken);
	tcase_add_test(tc, sections_of_one_file_add_up);
	tcase_add_test(tc, module_dir_is_argument_then_file_then_built_in);
	trun_add_each(tc, yes_and_no_are_understood, bool_words);
	trun_add_each(tc, loopback_needs_no_permission, loopbacks);
	tcase_add_test(tc, comments_and_quotes_are_read_as_written);
	tcase_add_test(tc, a_file_without_a_pool_keeps_the_built_in_ones);
	tc = config_case(s, "numbers");
	trun_add_each(tc, ranges_hold_at_both_ends, ranges);
	tcase_add_test(tc, every_number_has_its_range_tested);
	trun_add_each(tc, units_are_exact, units);
	tcase_add_test(tc, the_nearest_name_is_within_two_errors);
	tcase_add_test(tc, kinds_have_names);
	return s;
}
