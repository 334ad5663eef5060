# Modules that misbehave on purpose. The -rpath is never used: it makes libtool build a
# shared object for a library that is not installed.
testmod_ldflags = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere

check_LTLIBRARIES += \
	testmod_bad_name.la \
	testmod_crash.la \
	testmod_crash_init.la \
	testmod_no_symbol.la \
	testmod_refuse_init.la \
	testmod_wrong_abi.la

testmod_bad_name_la_SOURCES    = %D%/bad_name.c
testmod_bad_name_la_LDFLAGS    = $(testmod_ldflags)
testmod_crash_la_SOURCES       = %D%/crash.c
testmod_crash_la_LDFLAGS       = $(testmod_ldflags)
testmod_crash_init_la_SOURCES  = %D%/crash_init.c
testmod_crash_init_la_LDFLAGS  = $(testmod_ldflags)
testmod_no_symbol_la_SOURCES   = %D%/no_symbol.c
testmod_no_symbol_la_LDFLAGS   = $(testmod_ldflags)
testmod_refuse_init_la_SOURCES = %D%/refuse_init.c
testmod_refuse_init_la_LDFLAGS = $(testmod_ldflags)
testmod_wrong_abi_la_SOURCES   = %D%/wrong_abi.c
testmod_wrong_abi_la_LDFLAGS   = $(testmod_ldflags)
