# Calls that fail, one after the other, in the unit tests: the leaves in `make check`, all of them
# by dev/torture. The -rpath is never used.
check_LTLIBRARIES += libinterpose.la
libinterpose_la_SOURCES = %D%/interpose.c
libinterpose_la_CFLAGS  = $(WARN_CFLAGS) -fvisibility=hidden -fno-builtin
libinterpose_la_LDFLAGS = $(AM_LDFLAGS) -avoid-version -shared -rpath /nowhere

check_PROGRAMS += %D%/run
%C%_run_SOURCES = %D%/run.c
%C%_run_LDADD   =

torture_tests = %D%/test_torture.sh
dist_check_SCRIPTS += $(torture_tests)
TESTS              += $(torture_tests)
EXTRA_DIST         += %D%/ranges.sh

# What dev/torture takes: every unit test that runs in one process.
.PHONY: print-unit-tests
print-unit-tests:
	@echo $(base_tests) $(net_tests) $(daemon_tests) $(worker_tests) $(client_tests)
