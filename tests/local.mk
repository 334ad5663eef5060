# Tests: unit/ one program per source file, integ/ the programs as they run, fuzz/ the corpora
# replayed, scripts/ the tree itself. Each speaks TAP; HACKING.md says how to run one.


# What tests share: main() of a suite, the seed, both ends of a session, a real daemon.
check_LTLIBRARIES += libtest.la
libtest_la_SOURCES = \
	%D%/lib/seed.c \
	%D%/lib/seed.h \
	%D%/lib/trun.c \
	%D%/lib/trun.h

# A program without sources of its own has one, and links this unless it says otherwise.
LDADD = libtest.la libcommon.la $(CHECK_LIBS)

# ---- unit ----

base_tests = \
	%D%/unit/test_buf \
	%D%/unit/test_heap \
	%D%/unit/test_log \
	%D%/unit/test_name \
	%D%/unit/test_ratelimit \
	%D%/unit/test_tail

net_tests =

daemon_tests =

worker_tests =

# The library against a daemon that does what the test says.
client_tests =

# The sample modules, and those that misbehave.
module_tests =

check_PROGRAMS += $(base_tests) $(net_tests) $(daemon_tests) $(worker_tests) $(client_tests) \
	$(module_tests)

# ---- integ: real daemons, by the wire and by the library ----

wire_tests =

e2e_tests =

check_PROGRAMS += $(wire_tests) $(e2e_tests)

script_tests =
dist_check_SCRIPTS += $(script_tests)

# ---- fuzz: the targets without libFuzzer, over their corpora ----

fuzz_tests =
check_PROGRAMS += $(fuzz_tests)

# Writes the corpora anew, when the wire grows.

# The slow ones first, so that the last to end is not the last to start.
TESTS += $(e2e_tests) $(wire_tests) $(script_tests) $(worker_tests) $(client_tests) $(module_tests) \
	$(daemon_tests) $(net_tests) $(fuzz_tests) $(base_tests)

# What has threads: run under the thread sanitizer.
TSAN_TESTS = \
	$(client_tests)
