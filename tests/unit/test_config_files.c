/* The files of the configuration: drop-ins, and those that cannot be read. */
#include "tests/lib/config_files.h"
#include "tests/lib/trun.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- drop-ins ------------------------------------------------------------ */

START_TEST(drop_ins_are_read_in_the_order_of_their_names)
{
	/* A locale would put "B" after "a". */
	write_conf("max_sessions = 1\nmax_inflight = 1\nmax_output = 17M\n");
	write_drop_in("a.conf", "max_sessions = 4\n");
	write_drop_in("B.conf", "max_sessions = 3\nmax_inflight = 3\n");
	write_drop_in("10-x.conf", "max_sessions = 2\nmax_inflight = 2\n");
	write_drop_in(".hidden.conf", "max_output = 18M\n");
	write_drop_in("z.conf~", "max_sessions = 6\n");
	struct config *c = must_load(NULL);

	ck_assert_uint_eq(c->max_sessions, 4);
	ck_assert_uint_eq(c->max_inflight, 3);
	ck_assert_uint_eq(c->max_output_bytes, 17 << 20);
	(void)config_free(c);
}
END_TEST

START_TEST(drop_ins_change_and_add_sections)
{
	write_conf("command c { exec = {/bin/one, x} }\n"
		   "pool p { kind = threads slots = 1 queue = 9 modules = {m} }\n");
	write_drop_in("1.conf", "pool q { kind = processes slots = 4 }\n"
				"pool p { slots = 2 commands = {c, d} }\n");
	write_drop_in("2.conf", "command d { exec = /bin/d }\ncommand c { exec = /bin/two }\n"
				"pool p { modules = {} }\n");
	struct config *c = must_load(NULL);

	ck_assert_uint_eq(c->npools, 2);
	const struct config_pool *p = &c->pools[0];
	ck_assert_str_eq(p->name, "p");
	ck_assert_int_eq(p->kind, POOL_THREADS);
	ck_assert_uint_eq(p->slots, 2);
	ck_assert_uint_eq(p->max_queue, 9);
	ck_assert_ptr_null(p->modules[0]);
	ck_assert_uint_eq(p->ncommands, 2);
	assert_strings(p->commands[0].argv, STRINGS("/bin/two"));
	assert_strings(p->commands[1].argv, STRINGS("/bin/d"));
	ck_assert_str_eq(c->pools[1].name, "q");
	(void)config_free(c);
}
END_TEST

START_TEST(dev_null_switches_a_drop_in_off)
{
	char link[160];

	write_conf("");
	write_drop_in("b.conf", "max_sessions = 2\n");
	(void)snprintf(link, sizeof link, "%s.d/a.conf", conf_path);
	ck_assert_int_eq(symlink("/dev/null", link), 0);
	struct config *c = must_load(NULL);
	ck_assert_uint_eq(c->max_sessions, 2);
	(void)config_free(c);
}
END_TEST

START_TEST(errors_name_their_file)
{
	write_conf("max_sessions = 0\n");
	write_drop_in("1.conf", "\nmax_sesions = 1\n");
	write_drop_in("2.conf", "max_inflight = x\n");
	must_refuse(-EINVAL);
	ck_assert_int_eq(nconf_errors, 3);
	assert_error(0, ".d/1.conf:2: unknown option 'max_sesions' (did you mean 'max_sessions'?)");
	assert_error(1, ":1: max_sessions = 0 is not in the range 1 to 65536");
	assert_error(2, ".d/2.conf:1: max_inflight = 'x' is not a whole number");
}
END_TEST

/* ---- files that cannot be read ------------------------------------------- */

START_TEST(a_named_file_must_be_there)
{
	must_refuse(-ENOENT);
	ck_assert_int_eq(nconf_errors, 1);
	assert_error(0, ": No such file or directory");
}
END_TEST

START_TEST(a_directory_is_no_file)
{
	ck_assert_int_eq(mkdir(conf_path, 0700), 0);
	must_refuse(-EINVAL);
	ck_assert_int_eq(nconf_errors, 1);
	assert_error(0, ": cannot be read: it is a directory");
}
END_TEST

START_TEST(a_fifo_does_not_block)
{
	ck_assert_int_eq(mkfifo(conf_path, 0600), 0);
	must_refuse(-EINVAL);
	assert_error(0, ": cannot be read: it is not a regular file");
}
END_TEST

START_TEST(an_unreadable_file_is_named)
{
	write_conf("");
	ck_assert_int_eq(chmod(conf_path, 0), 0);
	become_nobody();
	must_refuse(-EINVAL);
	ck_assert_int_eq(nconf_errors, 1);
	assert_error(0, ": cannot be read: Permission denied");
	become_self();
}
END_TEST

START_TEST(a_file_may_not_be_huge)
{
	static char text[(1 << 20) + 1];

	memset(text, '\n', sizeof text);
	write_bytes(conf_path, text, sizeof text - 1);
	struct config *c = must_load(NULL);
	(void)config_free(c);
	write_bytes(conf_path, text, sizeof text);
	must_refuse(-EINVAL);
	assert_error(0, ": cannot be read: it is larger than 1 MiB");
}
END_TEST

START_TEST(a_line_may_not_be_huge)
{
	static char text[5000];

	memset(text, '#', sizeof text);
	text[0] = '\n';
	write_bytes(conf_path, text, 4097);
	(void)config_free(must_load(NULL));
	write_bytes(conf_path, text, 4098);
	must_refuse(-EINVAL);
	assert_error(0, ":2: this line is longer than 4096 bytes");
}
END_TEST

START_TEST(lines_may_end_as_elsewhere)
{
	struct config *c = must_load_text("# a\r\nmax_sessions = 7\r\npool p {\r\n"
					  " kind = threads\r\n modules = {}\r\n}\r\n");

	ck_assert_uint_eq(c->max_sessions, 7);
	ck_assert_ptr_null(c->pools[0].modules[0]);
	(void)config_free(c);
}
END_TEST

/* Whoever can write to it would decide what the daemon runs. */
START_TEST(others_may_not_write)
{
	static const mode_t modes[] = {0620, 0602, 0666};

	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		write_conf("");
		ck_assert_int_eq(chmod(conf_path, modes[i]), 0);
		must_refuse(-EINVAL);
		ck_assert_int_eq(nconf_errors, 1);
		assert_error(0, ": cannot be read: others can write to it: chmod go-w");
	}
	ck_assert_int_eq(chmod(conf_path, 0644), 0);
	nconf_errors = 0;
	(void)config_free(must_load(NULL));
	write_drop_in("a.conf", "");
	char path[160];
	(void)snprintf(path, sizeof path, "%s.d/a.conf", conf_path);
	ck_assert_int_eq(chmod(path, 0660), 0);
	must_refuse(-EINVAL);
	assert_error(0, ".d/a.conf: cannot be read: others can write to it: chmod go-w");
}
END_TEST

/* Only root can make one. */
START_TEST(it_belongs_to_the_daemon_or_root)
{
	write_conf("");
	ck_assert_int_eq(chown(conf_path, 65534, 65534), 0);
	must_refuse(-EINVAL);
	assert_error(0, ": cannot be read: it belongs to another user: neither to root nor to the "
			"daemon's");
	ck_assert_int_eq(chown(conf_path, 0, 0), 0);
	ck_assert_int_eq(chmod(conf_path, 0644), 0);
	become_nobody();
	nconf_errors = 0;
	(void)config_free(must_load(NULL));
	become_self();
}
END_TEST

START_TEST(a_link_is_refused)
{
	char target[160];

	(void)snprintf(target, sizeof target, "%s/target.conf", conf_dir);
	write_bytes(target, "", 0);
	ck_assert_int_eq(symlink(target, conf_path), 0);
	must_refuse(-EINVAL);
	assert_error(0, ": cannot be read: it is a symbolic link");
}
END_TEST

/* No file reads another but by its place, and a place has no places of its own. */
START_TEST(nothing_goes_round)
{
	write_conf("max_sessions = 3\n");
	write_drop_in("futured.conf", "max_inflight = 4\n");
	char path[200];
	(void)snprintf(path, sizeof path, "%s.d/futured.conf.d", conf_path);
	ck_assert_int_eq(symlink("..", path), 0);
	struct config *c = must_load(NULL);
	ck_assert_uint_eq(c->max_sessions, 3);
	ck_assert_uint_eq(c->max_inflight, 4);
	(void)config_free(c);
	(void)snprintf(path, sizeof path, "%s.d/loop.conf", conf_path);
	ck_assert_int_eq(symlink("loop.conf", path), 0);
	must_refuse(-EINVAL);
	assert_error(0, ".d/loop.conf: cannot be read: it is a symbolic link");
}
END_TEST

START_TEST(a_binary_file_is_refused)
{
	write_bytes(conf_path, "# a\n\0\n", 6);
	must_refuse(-EINVAL);
	assert_error(0, ":2: a control character: this is not a text file");
}
END_TEST

START_TEST(bad_drop_ins_are_named)
{
	char path[160];

	write_conf("");
	write_drop_in("ok.conf", "");
	(void)snprintf(path, sizeof path, "%s.d/dir.conf", conf_path);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	(void)snprintf(path, sizeof path, "%s.d/link.conf", conf_path);
	ck_assert_int_eq(symlink("/nowhere", path), 0);
	must_refuse(-EINVAL);
	ck_assert_int_eq(nconf_errors, 2);
	assert_error(0, ".d/dir.conf: cannot be read: it is a directory");
	assert_error(1, ".d/link.conf: cannot be read: it is a symbolic link");
}
END_TEST

START_TEST(a_drop_in_directory_must_be_one)
{
	char path[160];

	write_conf("");
	(void)snprintf(path, sizeof path, "%s.d", conf_path);
	write_bytes(path, "", 0);
	must_refuse(-EINVAL);
	assert_error(0, ".d: cannot be read: Not a directory");
}
END_TEST

START_TEST(nobody_needs_to_listen_to_errors)
{
	struct config *c;

	write_conf("x = 1\n");
	ck_assert_int_eq(config_load(conf_path, NULL, NULL, NULL, &c), -EINVAL);
	ck_assert_ptr_null(config_free(NULL));
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("config_files");
	TCase *tc = config_case(s, "drop-ins");

	tcase_add_test(tc, drop_ins_are_read_in_the_order_of_their_names);
	tcase_add_test(tc, drop_ins_change_and_add_sections);
	tcase_add_test(tc, dev_null_switches_a_drop_in_off);
	tcase_add_test(tc, errors_name_their_file);
	tc = config_case(s, "unreadable");
	tcase_add_test(tc, a_named_file_must_be_there);
	tcase_add_test(tc, a_directory_is_no_file);
	tcase_add_test(tc, a_fifo_does_not_block);
	tcase_add_test(tc, an_unreadable_file_is_named);
	tcase_add_test(tc, a_file_may_not_be_huge);
	tcase_add_test(tc, a_line_may_not_be_huge);
	tcase_add_test(tc, lines_may_end_as_elsewhere);
	tcase_add_test(tc, others_may_not_write);
	trun_add_unless(tc, geteuid() == 0 ? NULL : "only root gives files away",
			it_belongs_to_the_daemon_or_root, 1);
	tcase_add_test(tc, a_link_is_refused);
	tcase_add_test(tc, nothing_goes_round);
	tcase_add_test(tc, a_binary_file_is_refused);
	tcase_add_test(tc, bad_drop_ins_are_named);
	tcase_add_test(tc, a_drop_in_directory_must_be_one);
	tcase_add_test(tc, nobody_needs_to_listen_to_errors);
	return s;
}
