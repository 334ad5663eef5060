bin_PROGRAMS += futurectl
futurectl_SOURCES = \
	%D%/answer.c %D%/answer.h \
	%D%/bar.c %D%/bar.h \
	%D%/cert.c %D%/cert.h \
	%D%/cert_make.c \
	%D%/ctl.h \
	%D%/files.c %D%/files.h \
	%D%/identities.c \
	%D%/input.c %D%/input.h \
	%D%/jobs.c \
	%D%/json.c %D%/json.h \
	%D%/limits.c %D%/limits.h \
	%D%/main.c \
	%D%/map.c \
	%D%/names.c %D%/names.h \
	%D%/out.c %D%/out.h \
	%D%/ping.c \
	%D%/reload.c \
	%D%/report.c %D%/report.h \
	%D%/status.c \
	%D%/submit.c \
	%D%/url.c %D%/url.h \
	%D%/wait.c %D%/wait.h \
	%D%/why.c
futurectl_CPPFLAGS = $(AM_CPPFLAGS) -DFUTURECTL_VERSION='"$(PACKAGE_VERSION)"'
futurectl_CFLAGS   = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(SSL_CFLAGS)
futurectl_LDADD    = libfutured.la $(JANSSON_LIBS) $(SSL_LIBS)
futurectl_LDFLAGS = $(AM_LDFLAGS) $(PIE_LDFLAGS)
