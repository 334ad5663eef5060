# Modules that misbehave on purpose, and a library that makes others do. The -rpath is never used: it makes libtool build a
# shared object for a library that is not installed.
testmod_ldflags = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere

check_LTLIBRARIES += \
	testmod_bad_name.la \
	testmod_crash.la \
	testmod_crash_init.la \
	testmod_heritage.la \
	testmod_hang_init.la \
	testmod_deaths.la \
	testmod_fork_fails.la \
	testmod_no_symbol.la \
	testmod_place.la \
	testmod_plan.la \
	testmod_refuse_init.la \
	testmod_stages.la \
	testmod_slots.la \
	testmod_threads_fail.la \
	testmod_wrong_abi.la

testmod_bad_name_la_SOURCES    = %D%/bad_name.c
testmod_bad_name_la_LDFLAGS    = $(testmod_ldflags)
testmod_crash_la_SOURCES       = %D%/crash.c
testmod_crash_la_LDFLAGS       = $(testmod_ldflags)
testmod_crash_init_la_SOURCES  = %D%/crash_init.c
testmod_crash_init_la_LDFLAGS  = $(testmod_ldflags)
testmod_heritage_la_SOURCES    = %D%/heritage.c
testmod_heritage_la_LDFLAGS    = $(testmod_ldflags)
testmod_hang_init_la_SOURCES   = %D%/hang_init.c
testmod_hang_init_la_LDFLAGS   = $(testmod_ldflags)
testmod_deaths_la_SOURCES      = %D%/deaths.c
testmod_deaths_la_LDFLAGS      = $(testmod_ldflags)
testmod_fork_fails_la_SOURCES  = %D%/fork_fails.c
testmod_fork_fails_la_LDFLAGS  = $(testmod_ldflags)
testmod_no_symbol_la_SOURCES   = %D%/no_symbol.c
testmod_no_symbol_la_LDFLAGS   = $(testmod_ldflags)
testmod_place_la_SOURCES       = %D%/place.c
testmod_place_la_LDFLAGS       = $(testmod_ldflags)
testmod_plan_la_SOURCES        = %D%/plan.c
testmod_plan_la_LDFLAGS        = $(testmod_ldflags)
testmod_refuse_init_la_SOURCES = %D%/refuse_init.c
testmod_refuse_init_la_LDFLAGS = $(testmod_ldflags)
testmod_stages_la_SOURCES      = %D%/stages.c
testmod_stages_la_LDFLAGS      = $(testmod_ldflags)
testmod_slots_la_SOURCES       = %D%/slots.c
testmod_slots_la_LDFLAGS       = $(testmod_ldflags)
testmod_threads_fail_la_SOURCES = %D%/threads_fail.c
testmod_threads_fail_la_LDFLAGS = $(testmod_ldflags)
testmod_wrong_abi_la_SOURCES   = %D%/wrong_abi.c
testmod_wrong_abi_la_LDFLAGS   = $(testmod_ldflags)
