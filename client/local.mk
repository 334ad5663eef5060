lib_LTLIBRARIES += libfutured.la
libfutured_la_SOURCES = \
	%D%/as_completed.c \
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
	%D%/places.c %D%/places.h \
	%D%/reply.c %D%/reply.h \
	%D%/slab.c %D%/slab.h \
	%D%/status.c \
	%D%/streaming.c %D%/streaming.h \
	%D%/stripe.h \
	%D%/submit.c %D%/submit.h \
	%D%/wait.c \
	%D%/waitset.c %D%/waitset.h
libfutured_la_LIBADD  = libnet.la
libfutured_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 -no-undefined \
	-export-symbols $(top_srcdir)/%D%/libfutured.sym
EXTRA_libfutured_la_DEPENDENCIES = $(top_srcdir)/%D%/libfutured.sym

pkgconfig_DATA = %D%/futured.pc
EXTRA_DIST    += %D%/libfutured.sym
