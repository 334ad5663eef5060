pkglibexec_PROGRAMS += futured-worker
futured_worker_SOURCES = %D%/main.c
futured_worker_LDADD   = libworker.la
futured_worker_LDFLAGS = $(AM_LDFLAGS) $(PIE_LDFLAGS)

# Everything but main() is a library, so a unit test can link it.
noinst_LTLIBRARIES += libworker.la
libworker_la_SOURCES = \
	%D%/answer.c %D%/answer.h \
	%D%/call.c %D%/call.h \
	%D%/command.c %D%/command.h \
	%D%/cpu.c %D%/cpu.h \
	%D%/host.c %D%/host.h \
	%D%/landlock.c %D%/landlock.h \
	%D%/memory.c %D%/memory.h \
	%D%/module.c %D%/module.h \
	%D%/module_file.c %D%/module_file.h \
	%D%/module_guard.c %D%/module_guard.h \
	%D%/outbox.c %D%/outbox.h \
	%D%/privileges.c %D%/privileges.h \
	%D%/process.c %D%/process.h \
	%D%/rlimits.c %D%/rlimits.h \
	%D%/sandbox.c %D%/sandbox.h \
	%D%/seccomp.c %D%/seccomp.h \
	%D%/slot.c %D%/slot.h \
	%D%/task_table.c %D%/task_table.h \
	%D%/title.c %D%/title.h \
	%D%/zygote.c %D%/zygote.h
libworker_la_CFLAGS = $(AM_CFLAGS) $(SECCOMP_CFLAGS)
libworker_la_LIBADD = libproto.la $(SECCOMP_LIBS)
