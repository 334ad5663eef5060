noinst_LTLIBRARIES += libproto.la
libproto_la_SOURCES = \
	%D%/arena.h \
	%D%/bigendian.h \
	%D%/codec.h \
	%D%/control.c %D%/control.h \
	%D%/envelope.c %D%/envelope.h \
	%D%/error.c %D%/error.h \
	%D%/frame.c %D%/frame.h \
	%D%/message.c %D%/message.h \
	%D%/pack.c %D%/pack.h \
	%D%/region.c %D%/region.h \
	%D%/result.c %D%/result.h \
	%D%/ring.c %D%/ring.h \
	%D%/sandbox.c %D%/sandbox.h \
	%D%/sink.c %D%/sink.h \
	%D%/status.c %D%/status.h \
	%D%/submit.c %D%/submit.h \
	%D%/varint.h
nodist_libproto_la_SOURCES = %D%/futured.pb-c.c %D%/futured.pb-c.h
libproto_la_CFLAGS = $(AM_CFLAGS) $(PBC_CFLAGS)
libproto_la_LIBADD = libcommon.la $(PBC_LIBS)

# Generated into the build folder and shipped in the tarball, never committed.
%D%/futured.pb-c.c: %D%/futured.proto
	$(AM_V_GEN)$(MKDIR_P) %D% && \
	$(PROTOC_C) --proto_path=$(top_srcdir)/%D% --c_out=%D% $(top_srcdir)/%D%/futured.proto
%D%/futured.pb-c.h: %D%/futured.pb-c.c
BUILT_SOURCES        += %D%/futured.pb-c.h
MAINTAINERCLEANFILES += %D%/futured.pb-c.c %D%/futured.pb-c.h
EXTRA_DIST           += %D%/futured.proto %D%/PROTOCOL.md %D%/futured.pb-c.c %D%/futured.pb-c.h
