# Tests: unit/ one program per source file, integ/ the programs as they run, fuzz/ the corpora
# replayed, scripts/ the tree itself. Each speaks TAP; HACKING.md says how to run one.

include %D%/modules/local.mk
include %D%/scripts/local.mk

# What tests share: main() of a suite, the seed, both ends of a session, a real daemon.
check_LTLIBRARIES += libtest.la
libtest_la_SOURCES = \
	%D%/lib/codec_cases.c %D%/lib/codec_cases.h \
	%D%/lib/codec_diff.c %D%/lib/codec_diff.h \
	%D%/lib/config_files.c %D%/lib/config_files.h \
	%D%/lib/conversation.c %D%/lib/conversation.h \
	%D%/lib/fake_call.c %D%/lib/fake_call.h \
	%D%/lib/fake_daemon.c %D%/lib/fake_daemon.h %D%/lib/one_fake.h \
	%D%/lib/footprint.c %D%/lib/footprint.h \
	%D%/lib/hostile.c %D%/lib/hostile.h \
	%D%/lib/ring_pair.c %D%/lib/ring_pair.h \
	%D%/lib/seed.c %D%/lib/seed.h \
	%D%/lib/tcert.c %D%/lib/tcert.h \
	%D%/lib/tdaemon.c %D%/lib/tdaemon.h \
	%D%/lib/trun.c %D%/lib/trun.h \
	%D%/lib/ttls.c %D%/lib/ttls.h \
	%D%/lib/twire.c %D%/lib/twire.h \
	%D%/lib/wiregen.c %D%/lib/wiregen.h \
	%D%/lib/worker_front.h \
	%D%/lib/worker_slot.c %D%/lib/worker_slot.h \
	%D%/lib/worker_zygote.c %D%/lib/worker_zygote.h
libtest_la_CFLAGS = $(AM_CFLAGS) $(TLS_CFLAGS)
libtest_la_LIBADD = $(TLS_LIBS)

# A time of day that tests move; a shared object, for LD_PRELOAD. The -rpath is never used.
check_LTLIBRARIES += libwallclock.la
libwallclock_la_SOURCES = %D%/lib/wallclock.c %D%/lib/wallclock.h
libwallclock_la_LDFLAGS = $(AM_LDFLAGS) -avoid-version -shared -rpath /nowhere

# A TLS client's ALPN, likewise: for sslscan.
check_LTLIBRARIES += liboffer_alpn.la
liboffer_alpn_la_SOURCES = %D%/lib/offer_alpn.c
liboffer_alpn_la_CFLAGS  = $(AM_CFLAGS) $(TLS_CFLAGS)
liboffer_alpn_la_LDFLAGS = $(AM_LDFLAGS) -avoid-version -shared -rpath /nowhere
liboffer_alpn_la_LIBADD  = $(TLS_LIBS)

# A program without sources of its own has one, and links this unless it says otherwise.
LDADD = libtest.la libproto.la $(CHECK_LIBS)

# ---- unit ----

base_tests = \
	%D%/unit/test_buf \
	%D%/unit/test_glob \
	%D%/unit/test_heap \
	%D%/unit/test_log \
	%D%/unit/test_name \
	%D%/unit/test_tail \
	%D%/unit/test_control \
	%D%/unit/test_envelope \
	%D%/unit/test_error \
	%D%/unit/test_frame \
	%D%/unit/test_message \
	%D%/unit/test_pack \
	%D%/unit/test_protocol_doc \
	%D%/unit/test_region \
	%D%/unit/test_result \
	%D%/unit/test_ring \
	%D%/unit/test_ring_hostile \
	%D%/unit/test_ring_threads \
	%D%/unit/test_sandbox_text \
	%D%/unit/test_sink \
	%D%/unit/test_status \
	%D%/unit/test_submit

net_tests = %D%/unit/test_address %D%/unit/test_tls_peer %D%/unit/test_tls_stream %D%/unit/test_url
%C%_unit_test_tls_peer_LDADD = libtest.la libnet.la $(TLS_LIBS) $(CHECK_LIBS)
%C%_unit_test_tls_stream_LDADD = libtest.la libnet.la $(TLS_LIBS) $(CHECK_LIBS)
%C%_unit_test_address_LDADD = libtest.la libnet.la $(CHECK_LIBS)
%C%_unit_test_url_LDADD = libtest.la libnet.la $(CHECK_LIBS)

# Beside the daemon's code, so not in the library of all tests.
sched_bed = %D%/lib/sched_bed.c %D%/lib/sched_bed.h

daemon_tests = \
	%D%/unit/test_account \
	%D%/unit/test_admin_jobs \
	%D%/unit/test_breaker \
	%D%/unit/test_config_defaults \
	%D%/unit/test_config_errors \
	%D%/unit/test_config_files \
	%D%/unit/test_config_identity \
	%D%/unit/test_config_options \
	%D%/unit/test_config_sandbox \
	%D%/unit/test_config_shares \
	%D%/unit/test_environment \
	%D%/unit/test_config_tls \
	%D%/unit/test_fair_share \
	%D%/unit/test_guard \
	%D%/unit/test_job \
	%D%/unit/test_oom \
	%D%/unit/test_output \
	%D%/unit/test_policy \
	%D%/unit/test_requests \
	%D%/unit/test_retry \
	%D%/unit/test_scheduler \
	%D%/unit/test_slot_times \
	%D%/unit/test_timer
%C%_unit_test_account_LDADD = libtest.la libdaemon.la $(CHECK_LIBS)
%C%_unit_test_admin_jobs_LDADD = libtest.la libdaemon.la $(JANSSON_LIBS) $(CHECK_LIBS)
%C%_unit_test_breaker_LDADD = libtest.la libdaemon.la $(CHECK_LIBS)
%C%_unit_test_config_defaults_LDADD = libtest.la libdaemon.la $(CHECK_LIBS)
%C%_unit_test_config_errors_LDADD = libtest.la libdaemon.la $(CHECK_LIBS)
%C%_unit_test_config_files_LDADD = libtest.la libdaemon.la $(CHECK_LIBS)
%C%_unit_test_config_identity_LDADD = libtest.la libdaemon.la $(CHECK_LIBS)
%C%_unit_test_config_options_LDADD = libtest.la libdaemon.la $(CHECK_LIBS)
%C%_unit_test_config_shares_LDADD = libtest.la libdaemon.la $(CHECK_LIBS)
%C%_unit_test_environment_LDADD = libtest.la libdaemon.la $(CHECK_LIBS)
%C%_unit_test_config_sandbox_LDADD = libtest.la libdaemon.la $(CHECK_LIBS)
%C%_unit_test_config_tls_LDADD = libtest.la libdaemon.la $(CHECK_LIBS)
%C%_unit_test_fair_share_SOURCES = %D%/unit/test_fair_share.c $(sched_bed)
%C%_unit_test_fair_share_LDADD = libtest.la libdaemon.la $(CHECK_LIBS)
%C%_unit_test_guard_LDADD = libtest.la libdaemon.la $(CHECK_LIBS)
%C%_unit_test_job_LDADD = libtest.la libdaemon.la $(CHECK_LIBS)
%C%_unit_test_oom_LDADD = libtest.la libdaemon.la $(CHECK_LIBS)
%C%_unit_test_output_LDADD = libtest.la libdaemon.la $(CHECK_LIBS)
%C%_unit_test_policy_LDADD = libtest.la libdaemon.la $(CHECK_LIBS)
%C%_unit_test_requests_LDADD = libtest.la libdaemon.la $(CHECK_LIBS)
%C%_unit_test_retry_LDADD = libtest.la libdaemon.la $(CHECK_LIBS)
%C%_unit_test_scheduler_SOURCES = %D%/unit/test_scheduler.c $(sched_bed)
%C%_unit_test_scheduler_LDADD = libtest.la libdaemon.la $(CHECK_LIBS)
%C%_unit_test_slot_times_LDADD = libtest.la libdaemon.la $(CHECK_LIBS)
%C%_unit_test_timer_LDADD = libtest.la libdaemon.la $(CHECK_LIBS)

worker_tests = \
	%D%/unit/test_worker_answer \
	%D%/unit/test_worker_command \
	%D%/unit/test_worker_cpu \
	%D%/unit/test_worker_landlock \
	%D%/unit/test_worker_memory \
	%D%/unit/test_worker_module_file \
	%D%/unit/test_worker_rlimits \
	%D%/unit/test_worker_seccomp \
	%D%/unit/test_worker_slot \
	%D%/unit/test_worker_title \
	%D%/unit/test_worker_zygote
%C%_unit_test_worker_answer_LDADD = libtest.la libworker.la $(CHECK_LIBS)
%C%_unit_test_worker_command_LDADD = libtest.la libworker.la $(CHECK_LIBS)
%C%_unit_test_worker_cpu_LDADD = libtest.la libworker.la $(CHECK_LIBS)
%C%_unit_test_worker_landlock_LDADD = libtest.la libworker.la $(CHECK_LIBS)
%C%_unit_test_worker_memory_LDADD = libtest.la libworker.la $(CHECK_LIBS)
%C%_unit_test_worker_module_file_LDADD = libtest.la libworker.la $(CHECK_LIBS)
%C%_unit_test_worker_rlimits_LDADD = libtest.la libworker.la $(CHECK_LIBS)
%C%_unit_test_worker_seccomp_LDADD = libtest.la libworker.la $(CHECK_LIBS)
%C%_unit_test_worker_slot_LDADD = libtest.la libworker.la $(CHECK_LIBS)
%C%_unit_test_worker_title_LDADD = libtest.la libworker.la $(CHECK_LIBS)
%C%_unit_test_worker_zygote_LDADD = libtest.la libworker.la $(CHECK_LIBS)

# The library against a daemon that does what the test says.
client_tests = \
	%D%/unit/test_client_cancel \
	%D%/unit/test_client_executor \
	%D%/unit/test_client_fork \
	%D%/unit/test_client_future \
	%D%/unit/test_client_load \
	%D%/unit/test_client_map \
	%D%/unit/test_client_shutdown \
	%D%/unit/test_client_pump \
	%D%/unit/test_client_snapshot \
	%D%/unit/test_client_streaming \
	%D%/unit/test_client_timeline \
	%D%/unit/test_client_wait \
	%D%/unit/test_client_waitset
%C%_unit_test_client_cancel_LDADD = libfutured.la libtest.la libnet.la $(CHECK_LIBS)
%C%_unit_test_client_executor_LDADD = libfutured.la libtest.la libnet.la $(CHECK_LIBS)
%C%_unit_test_client_fork_LDADD = libfutured.la libtest.la libnet.la $(CHECK_LIBS)
%C%_unit_test_client_future_LDADD = libfutured.la libtest.la libnet.la $(CHECK_LIBS)
%C%_unit_test_client_load_LDADD = libfutured.la libtest.la libnet.la $(CHECK_LIBS)
%C%_unit_test_client_map_LDADD = libfutured.la libtest.la libnet.la $(CHECK_LIBS)
%C%_unit_test_client_shutdown_LDADD = libfutured.la libtest.la libnet.la $(CHECK_LIBS)
%C%_unit_test_client_pump_LDADD = libfutured.la libtest.la libnet.la $(CHECK_LIBS)
%C%_unit_test_client_snapshot_LDADD = libfutured.la libtest.la libnet.la $(CHECK_LIBS)
%C%_unit_test_client_streaming_LDADD = libfutured.la libtest.la libnet.la $(CHECK_LIBS)
%C%_unit_test_client_timeline_LDADD = libfutured.la libtest.la libnet.la $(CHECK_LIBS)
%C%_unit_test_client_wait_LDADD = libfutured.la libtest.la libnet.la $(CHECK_LIBS)
%C%_unit_test_client_waitset_LDADD = libfutured.la libtest.la libnet.la $(CHECK_LIBS)

# The sample modules, and those that misbehave.
module_tests = \
	%D%/unit/test_module_basic \
	%D%/unit/test_module_crash \
	%D%/unit/test_module_hash \
	%D%/unit/test_module_loading \
	%D%/unit/test_module_math \
	%D%/unit/test_module_text

check_PROGRAMS += $(base_tests) $(net_tests) $(daemon_tests) $(worker_tests) $(client_tests) \
	$(module_tests)

# ---- integ: real daemons, by the wire and by the library ----

wire_tests = \
	%D%/integ/test_breaker \
	%D%/integ/test_daemon \
	%D%/integ/test_demand \
	%D%/integ/test_drain \
	%D%/integ/test_fairness \
	%D%/integ/test_hostile_modules \
	%D%/integ/test_hosts \
	%D%/integ/test_identities \
	%D%/integ/test_jobs \
	%D%/integ/test_limits \
	%D%/integ/test_names \
	%D%/integ/test_only_session \
	%D%/integ/test_overload \
	%D%/integ/test_reload \
	%D%/integ/test_replacement \
	%D%/integ/test_tasks
%C%_integ_test_breaker_SOURCES = %D%/integ/test_breaker.c %D%/integ/one_daemon.h %D%/integ/slots.h
%C%_integ_test_daemon_SOURCES = %D%/integ/test_daemon.c %D%/integ/one_daemon.h
%C%_integ_test_demand_SOURCES = %D%/integ/test_demand.c %D%/integ/one_daemon.h %D%/integ/slots.h
%C%_integ_test_drain_SOURCES = %D%/integ/test_drain.c %D%/integ/one_daemon.h
%C%_integ_test_hostile_modules_SOURCES = %D%/integ/test_hostile_modules.c %D%/integ/one_daemon.h
%C%_integ_test_identities_SOURCES = %D%/integ/test_identities.c %D%/integ/one_daemon.h
%C%_integ_test_identities_LDADD   = libtest.la libproto.la $(JANSSON_LIBS) $(CHECK_LIBS)
%C%_integ_test_jobs_SOURCES = %D%/integ/test_jobs.c %D%/integ/one_daemon.h
%C%_integ_test_jobs_LDADD   = libtest.la libproto.la $(JANSSON_LIBS) $(CHECK_LIBS)
%C%_integ_test_only_session_SOURCES = %D%/integ/test_only_session.c %D%/integ/one_daemon.h
%C%_integ_test_fairness_SOURCES = %D%/integ/test_fairness.c %D%/integ/one_daemon.h
%C%_integ_test_names_SOURCES = %D%/integ/test_names.c %D%/integ/one_daemon.h %D%/integ/slots.h
%C%_integ_test_overload_SOURCES = %D%/integ/test_overload.c %D%/integ/witness.h
%C%_integ_test_reload_SOURCES = %D%/integ/test_reload.c %D%/integ/one_daemon.h
%C%_integ_test_replacement_SOURCES = %D%/integ/test_replacement.c %D%/integ/one_daemon.h
%C%_integ_test_tasks_SOURCES = %D%/integ/test_tasks.c %D%/integ/one_daemon.h
%C%_integ_test_tasks_LDADD   = libtest.la libproto.la $(JANSSON_LIBS) $(CHECK_LIBS)

e2e_tests = \
	%D%/integ/test_callbacks \
	%D%/integ/test_attempts \
	%D%/integ/test_cancel \
	%D%/integ/test_deaths \
	%D%/integ/test_ends \
	%D%/integ/test_exit \
	%D%/integ/test_futures \
	%D%/integ/test_local \
	%D%/integ/test_local_ends \
	%D%/integ/test_map \
	%D%/integ/test_retries \
	%D%/integ/test_sandbox \
	%D%/integ/test_storm \
	%D%/integ/test_timeline \
	%D%/integ/test_unique \
	%D%/integ/test_waits
%C%_integ_test_attempts_SOURCES = %D%/integ/test_attempts.c %D%/integ/e2e.h %D%/integ/plan.h
%C%_integ_test_attempts_LDADD   = libfutured.la libtest.la libproto.la $(CHECK_LIBS)
%C%_integ_test_callbacks_SOURCES = %D%/integ/test_callbacks.c %D%/integ/e2e.h
%C%_integ_test_callbacks_LDADD   = libfutured.la libtest.la libproto.la $(CHECK_LIBS)
%C%_integ_test_cancel_SOURCES = %D%/integ/test_cancel.c %D%/integ/e2e.h
%C%_integ_test_cancel_LDADD   = libfutured.la libtest.la libproto.la $(CHECK_LIBS)
%C%_integ_test_deaths_SOURCES = %D%/integ/test_deaths.c %D%/integ/e2e.h
%C%_integ_test_deaths_LDADD   = libfutured.la libtest.la libproto.la $(CHECK_LIBS)
%C%_integ_test_ends_SOURCES = %D%/integ/test_ends.c %D%/integ/e2e.h
%C%_integ_test_ends_LDADD   = libfutured.la libtest.la libproto.la $(CHECK_LIBS)
%C%_integ_test_exit_SOURCES = %D%/integ/test_exit.c %D%/integ/e2e.h %D%/integ/leaving.h
%C%_integ_test_exit_LDADD   = libfutured.la libtest.la libproto.la $(CHECK_LIBS)
%C%_integ_test_futures_SOURCES = %D%/integ/test_futures.c %D%/integ/e2e.h
%C%_integ_test_futures_LDADD   = libfutured.la libtest.la libproto.la $(CHECK_LIBS)
%C%_integ_test_local_SOURCES = %D%/integ/test_local.c %D%/integ/local.h %D%/integ/e2e.h
%C%_integ_test_local_LDADD   = libfutured.la libtest.la libproto.la $(CHECK_LIBS)
%C%_integ_test_local_ends_SOURCES = %D%/integ/test_local_ends.c %D%/integ/local.h %D%/integ/e2e.h
%C%_integ_test_local_ends_LDADD   = libfutured.la libtest.la libproto.la $(CHECK_LIBS)
%C%_integ_test_map_SOURCES = %D%/integ/test_map.c %D%/integ/e2e.h %D%/integ/e2e_map.h
%C%_integ_test_map_LDADD   = libfutured.la libtest.la libproto.la $(CHECK_LIBS)
%C%_integ_test_retries_SOURCES = %D%/integ/test_retries.c %D%/integ/e2e.h %D%/integ/plan.h
%C%_integ_test_retries_LDADD   = libfutured.la libtest.la libproto.la $(CHECK_LIBS)
%C%_integ_test_sandbox_SOURCES = %D%/integ/test_sandbox.c %D%/integ/e2e.h
%C%_integ_test_sandbox_LDADD   = libfutured.la libtest.la libworker.la $(CHECK_LIBS)
%C%_integ_test_storm_SOURCES = %D%/integ/test_storm.c %D%/integ/e2e.h
%C%_integ_test_storm_LDADD   = libfutured.la libtest.la libproto.la $(CHECK_LIBS)
%C%_integ_test_unique_SOURCES = %D%/integ/test_unique.c %D%/integ/e2e.h
%C%_integ_test_unique_LDADD   = libfutured.la libtest.la libproto.la $(CHECK_LIBS)
%C%_integ_test_timeline_SOURCES = %D%/integ/test_timeline.c %D%/integ/e2e.h %D%/integ/plan.h
%C%_integ_test_timeline_LDADD   = libfutured.la libtest.la libproto.la $(CHECK_LIBS)
%C%_integ_test_waits_SOURCES = %D%/integ/test_waits.c %D%/integ/e2e.h
%C%_integ_test_waits_LDADD   = libfutured.la libtest.la libproto.la $(CHECK_LIBS)

# Over TLS: strangers, and those who belong.
tls_tests = \
	%D%/integ/test_tls_hostile \
	%D%/integ/test_tls_jobs \
	%D%/integ/test_tls_life
%C%_integ_test_tls_hostile_SOURCES = %D%/integ/test_tls_hostile.c %D%/integ/over_tls.h
%C%_integ_test_tls_hostile_LDADD   = libfutured.la libtest.la libproto.la $(TLS_LIBS) $(CHECK_LIBS)
%C%_integ_test_tls_jobs_SOURCES = %D%/integ/test_tls_jobs.c %D%/integ/over_tls.h
%C%_integ_test_tls_jobs_LDADD   = libfutured.la libtest.la libproto.la $(TLS_LIBS) $(CHECK_LIBS)
%C%_integ_test_tls_life_SOURCES = %D%/integ/test_tls_life.c %D%/integ/over_tls.h
%C%_integ_test_tls_life_LDADD   = libwallclock.la libfutured.la libtest.la libproto.la \
	$(TLS_LIBS) $(CHECK_LIBS)

check_PROGRAMS += $(wire_tests) $(e2e_tests) $(tls_tests)

# What test_exit starts: programs that use the library, and leave.
check_PROGRAMS += %D%/integ/leaver %D%/integ/unloader
%C%_integ_leaver_LDADD = libfutured.la
%C%_integ_unloader_LDADD =

# ---- contract: concurrent.futures, case by case ----

include %D%/contract/local.mk

# ---- hostile: what must not hurt, row by row ----

include %D%/hostile/local.mk

script_tests = \
	%D%/integ/test_examples.sh \
	%D%/integ/test_futurectl.sh \
	%D%/integ/test_identities.sh \
	%D%/integ/test_syscalls.sh \
	%D%/integ/test_tls_setup.sh
dist_check_SCRIPTS += $(script_tests)
EXTRA_DIST         += %D%/integ/expected %D%/lib/daemon.sh

# ---- soak: hours in minutes, run by dev/soak and not by make check ----

check_PROGRAMS += %D%/soak/soak_kills
%C%_soak_soak_kills_SOURCES = %D%/soak/soak_kills.c %D%/integ/e2e.h
%C%_soak_soak_kills_LDADD   = libfutured.la libtest.la libproto.la $(CHECK_LIBS)

# ---- fuzz: the targets without libFuzzer, over their corpora ----

include %D%/fuzz/local.mk

# ---- torture: calls that fail ----

include %D%/torture/local.mk

# The slow ones first, so that the last to end is not the last to start.
TESTS += $(contract_tests) $(hostile_tests) $(e2e_tests) $(tls_tests) $(wire_tests) $(script_tests) $(worker_tests) $(client_tests) $(module_tests) \
	$(daemon_tests) $(net_tests) $(fuzz_tests) $(base_tests)

# What has threads: run under the thread sanitizer.
TSAN_TESTS = $(client_tests) $(contract_tests) %D%/integ/test_attempts %D%/integ/test_callbacks \
	%D%/integ/test_cancel %D%/integ/test_ends %D%/integ/test_exit %D%/integ/test_futures \
	%D%/integ/test_local %D%/integ/test_local_ends %D%/integ/test_map %D%/integ/test_retries \
	%D%/integ/test_timeline %D%/integ/test_tls_jobs %D%/integ/test_unique %D%/integ/test_waits \
	%D%/fuzz/fuzz_client %D%/unit/test_ring_threads %D%/unit/test_worker_answer %D%/unit/test_worker_slot
