lib_LTLIBRARIES += libfutured.la
libfutured_la_SOURCES = \
	%D%/as_completed.c \
	%D%/callback.c %D%/callback.h \
	%D%/cancel.c %D%/cancel.h \
	%D%/connection.c \
	%D%/dispatch.c %D%/dispatch.h \
	%D%/error.c %D%/error.h \
	%D%/executor.c %D%/executor.h \
	%D%/fork.c %D%/fork.h \
	%D%/future.c %D%/future.h \
	%D%/hook.c %D%/hook.h \
	%D%/io.c %D%/io.h \
	%D%/job.c %D%/job.h \
	%D%/map.c \
	%D%/members.c %D%/members.h \
	%D%/places.c %D%/places.h \
	%D%/private_daemon.c %D%/private_daemon.h \
	%D%/pump.c %D%/pump.h \
	%D%/reply.c %D%/reply.h \
	%D%/roster.c %D%/roster.h \
	%D%/secure.c %D%/secure.h \
	%D%/slab.c %D%/slab.h \
	%D%/snapshot.c \
	%D%/status.c \
	%D%/streaming.c %D%/streaming.h \
	%D%/stripe.h \
	%D%/submit.c %D%/submit.h \
	%D%/timeline.c %D%/timeline.h \
	%D%/wait.c \
	%D%/waitset.c %D%/waitset.h \
	%D%/waitset_fd.c
libfutured_la_LIBADD  = libnet.la
# Never unloaded: its threads run its code, whoever lets go of the library.
libfutured_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 -no-undefined -Wl,-z,nodelete \
	-export-symbols $(top_srcdir)/%D%/libfutured.sym
EXTRA_libfutured_la_DEPENDENCIES = $(top_srcdir)/%D%/libfutured.sym

pkgconfig_DATA = %D%/futured.pc
EXTRA_DIST    += %D%/libfutured.sym
