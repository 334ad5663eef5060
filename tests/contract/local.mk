# A program for each family of cases; README.md has the table.
contract_tests = \
	%D%/test_cf_as_completed \
	%D%/test_cf_callbacks \
	%D%/test_cf_executor \
	%D%/test_cf_future \
	%D%/test_cf_wait \
	%D%/test_cfx_fuzz \
	%D%/test_cfx_load \
	%D%/test_cfx_program \
	%D%/test_cfx_races \
	%D%/test_cfx_wire

contract_libs = libfutured.la libtest.la libnet.la $(CHECK_LIBS)
%C%_test_cf_as_completed_LDADD = $(contract_libs)
%C%_test_cf_callbacks_LDADD = $(contract_libs)
%C%_test_cf_executor_LDADD = $(contract_libs)
%C%_test_cf_future_LDADD = $(contract_libs)
%C%_test_cf_wait_LDADD = $(contract_libs)
%C%_test_cfx_fuzz_LDADD = $(contract_libs)
%C%_test_cfx_load_LDADD = $(contract_libs)
%C%_test_cfx_program_LDADD = libwallclock.la $(contract_libs)
%C%_test_cfx_races_LDADD = $(contract_libs)
%C%_test_cfx_wire_LDADD = $(contract_libs)

check_PROGRAMS += $(contract_tests)
EXTRA_DIST     += %D%/README.md %D%/contract.h

# Those about pools, their ends, and what goes wrong in them.
contract_tests += \
	%D%/test_cf_deadlock \
	%D%/test_cf_decoding \
	%D%/test_cf_force_shutdown \
	%D%/test_cf_init \
	%D%/test_cf_interpreter \
	%D%/test_cf_processes \
	%D%/test_cf_recycling \
	%D%/test_cf_shutdown \
	%D%/test_cf_threads
%C%_test_cf_deadlock_LDADD = $(contract_libs)
%C%_test_cf_decoding_LDADD = $(contract_libs)
%C%_test_cf_force_shutdown_LDADD = $(contract_libs)
%C%_test_cf_init_LDADD = $(contract_libs)
%C%_test_cf_interpreter_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS)
%C%_test_cf_interpreter_LDADD = $(contract_libs) $(EVENT_LIBS)
%C%_test_cf_processes_LDADD = $(contract_libs)
%C%_test_cf_recycling_LDADD = $(contract_libs)
%C%_test_cf_shutdown_LDADD = $(contract_libs)
%C%_test_cf_threads_LDADD = $(contract_libs)
EXTRA_DIST += %D%/flags.h %D%/pool.h
