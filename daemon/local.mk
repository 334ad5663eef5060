# Everything but main() is a library, so that a unit test can link it.
noinst_LTLIBRARIES += libdaemon.la
libdaemon_la_SOURCES = \
	%D%/account.c %D%/account.h \
	%D%/admin.c %D%/admin.h \
	%D%/admin_identities.c %D%/admin_identities.h \
	%D%/admin_jobs.c %D%/admin_jobs.h \
	%D%/admin_memory.c %D%/admin_memory.h \
	%D%/admin_status.c %D%/admin_status.h \
	%D%/admin_why.c %D%/admin_why.h \
	%D%/admission.c %D%/admission.h \
	%D%/answer.c %D%/answer.h \
	%D%/audit.c %D%/audit.h \
	%D%/breaker.c %D%/breaker.h \
	%D%/bucket.h \
	%D%/cancel.c %D%/cancel.h \
	%D%/config.c %D%/config.h \
	%D%/config_file.c %D%/config_file.h \
	%D%/config_identity.c %D%/config_identity.h \
	%D%/config_listen.c %D%/config_listen.h \
	%D%/config_pool.c %D%/config_pool.h \
	%D%/config_report.c %D%/config_report.h \
	%D%/config_sandbox.c %D%/config_sandbox.h \
	%D%/config_scan.c %D%/config_scan.h \
	%D%/config_share.c %D%/config_share.h \
	%D%/config_strings.c %D%/config_strings.h \
	%D%/config_table.c %D%/config_table.h \
	%D%/config_tls.c %D%/config_tls.h \
	%D%/config_units.c %D%/config_units.h \
	%D%/daemon.c %D%/daemon.h \
	%D%/demand.c %D%/demand.h \
	%D%/environment.c %D%/environment.h \
	%D%/guard.c %D%/guard.h \
	%D%/host.c %D%/host.h \
	%D%/identity.c %D%/identity.h \
	%D%/intake.c %D%/intake.h \
	%D%/job.c %D%/job.h \
	%D%/lane.c %D%/lane.h \
	%D%/ledger.h \
	%D%/limits.c %D%/limits.h \
	%D%/listener.c %D%/listener.h \
	%D%/memory.c %D%/memory.h \
	%D%/oom.c %D%/oom.h \
	%D%/only_session.c %D%/only_session.h \
	%D%/output.c %D%/output.h \
	%D%/placement.c %D%/placement.h \
	%D%/policy.c %D%/policy.h \
	%D%/pool.c %D%/pool.h \
	%D%/reload.c %D%/reload.h \
	%D%/requests.c %D%/requests.h \
	%D%/retry.c %D%/retry.h \
	%D%/review.c %D%/review.h \
	%D%/rotation.c %D%/rotation.h \
	%D%/scheduler.c %D%/scheduler.h \
	%D%/secure.c %D%/secure.h \
	%D%/session.c %D%/session.h \
	%D%/share.c %D%/share.h \
	%D%/slot.c %D%/slot.h \
	%D%/source.c %D%/source.h \
	%D%/timer.c %D%/timer.h \
	%D%/unique.c %D%/unique.h \
	%D%/zygote.c %D%/zygote.h
libdaemon_la_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(CONFUSE_CFLAGS) $(JANSSON_CFLAGS)
libdaemon_la_LIBADD = libnet.la $(EVENT_LIBS) $(CONFUSE_LIBS) $(JANSSON_LIBS)

sbin_PROGRAMS  += futured
futured_SOURCES = %D%/main.c
futured_LDADD   = libdaemon.la
futured_LDFLAGS = $(AM_LDFLAGS) $(PIE_LDFLAGS)

EXTRA_DIST += doc/futured.conf
