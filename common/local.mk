noinst_LTLIBRARIES += libcommon.la
libcommon_la_SOURCES = \
	%D%/buf.c %D%/buf.h \
	%D%/clock.c %D%/clock.h \
	%D%/futex.h \
	%D%/glob.c %D%/glob.h \
	%D%/heap.c %D%/heap.h \
	%D%/log.c %D%/log.h \
	%D%/name.c %D%/name.h \
	%D%/random.h \
	%D%/span.h \
	%D%/tail.c %D%/tail.h \
	%D%/util.h
