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
	testmod_hostile_crash.la \
	testmod_hostile_exit.la \
	testmod_hostile_hang.la \
	testmod_hostile_fork.la \
	testmod_hostile_child.la \
	testmod_hostile_thread.la \
	testmod_hostile_close.la \
	testmod_hostile_close_all.la \
	testmod_hostile_many.la \
	testmod_no_symbol.la \
	testmod_place.la \
	testmod_plan.la \
	testmod_refuse_init.la \
	testmod_sandbox.la \
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
testmod_sandbox_la_SOURCES     = %D%/sandbox.c
testmod_sandbox_la_LDFLAGS     = $(testmod_ldflags)

# One source, once for each thing that a constructor may do.
testmod_hostile_crash_la_SOURCES  = %D%/hostile.c
testmod_hostile_crash_la_LDFLAGS  = $(testmod_ldflags)
testmod_hostile_crash_la_CPPFLAGS = $(AM_CPPFLAGS) -DHOSTILE_CRASH
testmod_hostile_exit_la_SOURCES  = %D%/hostile.c
testmod_hostile_exit_la_LDFLAGS  = $(testmod_ldflags)
testmod_hostile_exit_la_CPPFLAGS = $(AM_CPPFLAGS) -DHOSTILE_EXIT
testmod_hostile_hang_la_SOURCES  = %D%/hostile.c
testmod_hostile_hang_la_LDFLAGS  = $(testmod_ldflags)
testmod_hostile_hang_la_CPPFLAGS = $(AM_CPPFLAGS) -DHOSTILE_HANG
testmod_hostile_fork_la_SOURCES  = %D%/hostile.c
testmod_hostile_fork_la_LDFLAGS  = $(testmod_ldflags)
testmod_hostile_fork_la_CPPFLAGS = $(AM_CPPFLAGS) -DHOSTILE_FORK
testmod_hostile_child_la_SOURCES  = %D%/hostile.c
testmod_hostile_child_la_LDFLAGS  = $(testmod_ldflags)
testmod_hostile_child_la_CPPFLAGS = $(AM_CPPFLAGS) -DHOSTILE_CHILD
testmod_hostile_thread_la_SOURCES  = %D%/hostile.c
testmod_hostile_thread_la_LDFLAGS  = $(testmod_ldflags)
testmod_hostile_thread_la_CPPFLAGS = $(AM_CPPFLAGS) -DHOSTILE_THREAD
testmod_hostile_close_la_SOURCES  = %D%/hostile.c
testmod_hostile_close_la_LDFLAGS  = $(testmod_ldflags)
testmod_hostile_close_la_CPPFLAGS = $(AM_CPPFLAGS) -DHOSTILE_CLOSE
testmod_hostile_close_all_la_SOURCES  = %D%/hostile.c
testmod_hostile_close_all_la_LDFLAGS  = $(testmod_ldflags)
testmod_hostile_close_all_la_CPPFLAGS = $(AM_CPPFLAGS) -DHOSTILE_CLOSE_ALL
testmod_hostile_many_la_SOURCES  = %D%/hostile.c
testmod_hostile_many_la_LDFLAGS  = $(testmod_ldflags)
testmod_hostile_many_la_CPPFLAGS = $(AM_CPPFLAGS) -DHOSTILE_MANY
