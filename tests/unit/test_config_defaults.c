/* The configuration without a file, and with one that says nothing; the sample of it. */
#include "daemon/config_table.h"
#include "tests/lib/config_files.h"
#include "tests/lib/trun.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned cpus(void)
{
	cpu_set_t set;

	ck_assert_int_eq(sched_getaffinity(0, sizeof set, &set), 0);
	return (unsigned)CPU_COUNT(&set);
}

static void assert_default_pool(const struct config_pool *p, const char *name, enum pool_kind kind,
				unsigned slots)
{
	ck_assert_str_eq(p->name, name);
	ck_assert_int_eq(p->kind, kind);
	ck_assert_uint_eq(p->slots, slots);
	ck_assert_uint_eq(p->max_queue, 1000000);
	ck_assert_uint_eq(p->min_hosts, 1);
	ck_assert_uint_eq(p->idle_timeout_us, 60000000);
	ck_assert_uint_eq(p->max_tasks, 0);
	ck_assert_uint_eq(p->max_rss_bytes, 0);
	ck_assert(!p->fresh);
	ck_assert_uint_eq(p->breaker.crashes, 1000);
	ck_assert_uint_eq(p->breaker.window_us, 10000000);
	ck_assert_uint_eq(p->breaker.pause_us, 1000000);
	assert_strings(p->modules, SAMPLES(MODULEDIR));
	ck_assert_uint_eq(p->ncommands, 0);
}

static void assert_defaults(const struct config *c)
{
	ck_assert_int_eq(c->log_level, LOG_INFO);
	assert_strings(c->listen, STRINGS("unix:/run/futured.sock"));
	ck_assert(!c->insecure);
	ck_assert_uint_eq(c->max_payload_bytes, 16 << 20);
	ck_assert_uint_eq(c->max_result_bytes, 16 << 20);
	ck_assert_uint_eq(c->max_sessions, 1024);
	ck_assert_uint_eq(c->max_greeting, 256);
	ck_assert_uint_eq(c->max_greeting_per_source, 16);
	ck_assert_uint_eq(c->greeting_drop_from, 64);
	ck_assert_uint_eq(c->max_inflight, 1048576);
	ck_assert_uint_eq(c->max_output_bytes, 64 << 20);
	ck_assert_uint_eq(c->max_queued_bytes, 1 << 30);
	ck_assert_uint_eq(c->memory_budget_bytes, 0);
	ck_assert_uint_eq(c->handshake_timeout_us, 5000000);
	ck_assert_uint_eq(c->frame_timeout_us, 10000000);
	ck_assert_uint_eq(c->output_timeout_us, 10000000);
	ck_assert_uint_eq(c->drain_timeout_us, 30000000);
	ck_assert_uint_eq(c->kill_grace_us, 2000000);
	ck_assert_uint_eq(c->start_timeout_us, 30000000);
	ck_assert_uint_eq(c->ageing_us, 1000000);
	ck_assert_uint_eq(c->penalty_protocol_us, 1000000);
	ck_assert_uint_eq(c->penalty_silence_us, 1000000);
	ck_assert_uint_eq(c->penalty_auth_us, 5000000);
	ck_assert_uint_eq(c->penalty_flood_us, 10000000);
	ck_assert_uint_eq(c->nkeys, 0);
	ck_assert_uint_eq(c->ntasks, 0);
	ck_assert_uint_eq(c->nidentities, 0);
	ck_assert_ptr_null(c->audit_path);
	ck_assert_uint_eq(c->npools, 2);
	assert_default_pool(&c->pools[0], "threads", POOL_THREADS,
			    (unsigned)min_u64(32, cpus() + 4));
	assert_default_pool(&c->pools[1], "processes", POOL_PROCESSES,
			    (unsigned)min_u64(256, cpus()));
}

START_TEST(no_file_gives_the_defaults)
{
	struct config *c = NULL;

	if (access(SYSCONFDIR "/futured", F_OK) == 0)
		return; /* this machine has a configuration of its own */
	ck_assert_int_eq(config_load(NULL, NULL, on_error, conf_errors, &c), 0);
	ck_assert_int_eq(nconf_errors, 0);
	assert_defaults(c);
	ck_assert_ptr_null(config_free(c));
}
END_TEST

static const char *const silent_texts[] = {
	"",
	"\n",
	"# nothing",
	"/* nothing */ // at all\n\r\n\t",
};

START_TEST(a_silent_file_gives_the_defaults)
{
	struct config *c = must_load_text(silent_texts[_i]);

	assert_defaults(c);
	(void)config_free(c);
}
END_TEST

/* What follows "#" at once is an option; what follows "# " is prose. */
static void uncomment(char *text)
{
	char *out = text;

	for (char *in = text; *in; in++) {
		bool is_start = in == text || in[-1] == '\n';
		if (!(is_start && *in == '#' && in[1] != ' ' && in[1] != '\n'))
			*out++ = *in;
	}
	*out = '\0';
}

static void read_sample(char *text, size_t cap)
{
	const char *top = getenv("top_srcdir");
	char path[512];

	(void)snprintf(path, sizeof path, "%s/doc/futured.conf", top ? top : ".");
	FILE *f = fopen(path, "re");
	ck_assert_msg(f != NULL, "%s: %s", path, strerror(errno));
	size_t n = fread(text, 1, cap - 1, f);
	ck_assert_uint_lt(n, cap - 1);
	text[n] = '\0';
	(void)fclose(f);
}

START_TEST(the_sample_is_the_defaults)
{
	static char text[1 << 16];

	read_sample(text, sizeof text);
	write_conf(text);
	struct config *c = must_load(MODULEDIR);
	assert_defaults(c);
	(void)config_free(c);

	uncomment(text);
	write_conf(text);
	c = must_load(MODULEDIR);
	assert_defaults(c);
	(void)config_free(c);
}
END_TEST

START_TEST(the_sample_has_every_option)
{
	static char text[1 << 16];
	char line[80];

	read_sample(text, sizeof text);
	for (int kind = 0; kind < SECTION_COMMAND; kind++) {
		for (const struct config_option *o = config_tables[kind]; o->name; o++) {
			(void)snprintf(line, sizeof line,
				       "\n#%s%s = ", kind == SECTION_TOP ? "" : "\t", o->name);
			ck_assert_msg(strstr(text, line) != NULL, "%s is missing", o->name);
			if (!o->fallback || strcmp(o->name, "module_dir") == 0)
				continue;
			(void)snprintf(line, sizeof line, "%s = %s\n", o->name, o->fallback);
			ck_assert_msg(strstr(text, line) != NULL, "%s differs", o->name);
		}
	}
}
END_TEST

static void assert_listens_at(const char *url)
{
	struct config *c = must_load(NULL);

	assert_strings(c->listen, STRINGS(url));
	(void)config_free(c);
}

START_TEST(the_default_socket_follows_the_environment)
{
	char own[64];

	write_conf("");
	ck_assert_int_eq(chmod(conf_path, 0644), 0);
	ck_assert_int_eq(setenv("XDG_RUNTIME_DIR", "/run/user/7", 1), 0);
	ck_assert_int_eq(setenv("RUNTIME_DIRECTORY", "/run/futured:/run/other", 1), 0);
	assert_listens_at("unix:/run/futured/futured.sock");

	ck_assert_int_eq(unsetenv("RUNTIME_DIRECTORY"), 0);
	if (geteuid() == 0)
		assert_listens_at("unix:/run/futured.sock");
	become_nobody();
	assert_listens_at("unix:/run/user/7/futured.sock");
	ck_assert_int_eq(unsetenv("XDG_RUNTIME_DIR"), 0);
	(void)snprintf(own, sizeof own, "unix:/tmp/futured-%u.sock", (unsigned)geteuid());
	assert_listens_at(own);
	become_self();
}
END_TEST

START_TEST(a_default_socket_that_cannot_be_is_an_error)
{
	char deep[200] = "/";

	memset(deep + 1, 'x', sizeof deep - 2);
	ck_assert_int_eq(setenv("RUNTIME_DIRECTORY", deep, 1), 0);
	write_conf("");
	must_refuse(-EINVAL);
	ck_assert_ptr_nonnull(strstr(conf_errors[0], "107 bytes"));
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("config_defaults");
	TCase *tc = config_case(s, "defaults");

	tcase_add_test(tc, no_file_gives_the_defaults);
	trun_add_each(tc, a_silent_file_gives_the_defaults, silent_texts);
	tcase_add_test(tc, the_sample_is_the_defaults);
	tcase_add_test(tc, the_sample_has_every_option);
	tcase_add_test(tc, the_default_socket_follows_the_environment);
	tcase_add_test(tc, a_default_socket_that_cannot_be_is_an_error);
	return s;
}
