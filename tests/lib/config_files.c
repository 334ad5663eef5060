#include "tests/lib/config_files.h"

#include "tests/lib/trun.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* One for all: a failed test leaves its own inside. */
static char base[32];

char conf_dir[64], conf_path[80];
char conf_errors[ERRORS_MAX][ERROR_MAX_BYTES];
int nconf_errors;

static void make_base(void)
{
	strcpy(base, "/tmp/test-config-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(base));
	ck_assert_int_eq(chmod(base, 0711), 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void remove_base(void)
{
	ck_assert_int_eq(nftw(base, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void make_dir(void)
{
	(void)snprintf(conf_dir, sizeof conf_dir, "%s/XXXXXX", base);
	ck_assert_ptr_nonnull(mkdtemp(conf_dir));
	(void)snprintf(conf_path, sizeof conf_path, "%s/futured.conf", conf_dir);
	nconf_errors = 0;
	ck_assert_int_eq(setenv("RUNTIME_DIRECTORY", "/run", 1), 0);
}

TCase *config_case(Suite *s, const char *name)
{
	TCase *tc = trun_case(s, name);

	tcase_add_unchecked_fixture(tc, make_base, remove_base);
	tcase_add_checked_fixture(tc, make_dir, NULL);
	return tc;
}

void on_error(void *arg, const char *message)
{
	ck_assert_ptr_eq(arg, conf_errors);
	ck_assert_int_lt(nconf_errors, ERRORS_MAX);
	(void)snprintf(conf_errors[nconf_errors++], ERROR_MAX_BYTES, "%s", message);
}

void write_bytes(const char *path, const void *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, p, n), (ssize_t)n);
	(void)close(fd);
}

void write_conf(const char *text)
{
	write_bytes(conf_path, text, strlen(text));
}

void write_drop_in(const char *name, const char *text)
{
	char path[160];

	(void)snprintf(path, sizeof path, "%s.d", conf_path);
	ck_assert(mkdir(path, 0700) == 0 || errno == EEXIST);
	(void)snprintf(path, sizeof path, "%s.d/%s", conf_path, name);
	write_bytes(path, text, strlen(text));
}

struct config *must_load(const char *module_dir)
{
	struct config *c = NULL;
	int r = config_load(conf_path, module_dir, on_error, conf_errors, &c);

	ck_assert_msg(r == 0, "%d: %s", r, conf_errors[0]);
	ck_assert_int_eq(nconf_errors, 0);
	ck_assert_ptr_nonnull(c);
	return c;
}

struct config *must_load_text(const char *text)
{
	write_conf(text);
	return must_load(NULL);
}

void must_refuse(int expected)
{
	struct config *c = (void *)conf_errors;

	nconf_errors = 0;
	ck_assert_int_eq(config_load(conf_path, NULL, on_error, conf_errors, &c), expected);
	ck_assert_ptr_eq(c, conf_errors); /* untouched */
	ck_assert_int_gt(nconf_errors, 0);
}

void assert_error(int which, const char *expected)
{
	char full[ERROR_MAX_BYTES];

	ck_assert_int_lt(which, nconf_errors);
	(void)snprintf(full, sizeof full, "%s%s", conf_path, expected);
	ck_assert_str_eq(conf_errors[which], full);
}

void assert_strings(char **strings, const char *const *expected)
{
	size_t i = 0;

	for (; expected[i]; i++) {
		ck_assert_ptr_nonnull(strings[i]);
		ck_assert_str_eq(strings[i], expected[i]);
	}
	ck_assert_ptr_null(strings[i]);
}

void become_nobody(void)
{
	ck_assert_int_eq(chmod(conf_dir, 0711), 0);
	if (geteuid() == 0)
		ck_assert_int_eq(seteuid(65534), 0);
}

/* Leak checking looks into its own process, which a change of user forbids. */
void become_self(void)
{
	ck_assert_int_eq(seteuid(getuid()), 0);
	ck_assert_int_eq(prctl(PR_SET_DUMPABLE, 1), 0);
}
