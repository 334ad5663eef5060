# Whole programs; the tests run each and compare its output with tests/integ/expected/.
noinst_PROGRAMS += \
	%D%/as_completed \
	%D%/cancel \
	%D%/inspect \
	%D%/io_and_cpu \
	%D%/one_fails \
	%D%/ordered_map \
	%D%/square \
	%D%/timeline \
	%D%/timeout \
	%D%/with_epoll \
	%D%/with_libevent

%C%_as_completed_SOURCES = %D%/as_completed.c
%C%_as_completed_LDADD   = libfutured.la
%C%_cancel_SOURCES       = %D%/cancel.c
%C%_cancel_LDADD         = libfutured.la
%C%_inspect_SOURCES      = %D%/inspect.c
%C%_inspect_LDADD        = libfutured.la
%C%_io_and_cpu_SOURCES   = %D%/io_and_cpu.c
%C%_io_and_cpu_LDADD     = libfutured.la
%C%_one_fails_SOURCES    = %D%/one_fails.c
%C%_one_fails_LDADD      = libfutured.la
%C%_ordered_map_SOURCES  = %D%/ordered_map.c
%C%_ordered_map_LDADD    = libfutured.la
%C%_square_SOURCES       = %D%/square.c
%C%_square_LDADD         = libfutured.la
%C%_timeline_SOURCES     = %D%/timeline.c
%C%_timeline_LDADD       = libfutured.la
%C%_timeout_SOURCES      = %D%/timeout.c
%C%_timeout_LDADD        = libfutured.la
%C%_with_epoll_SOURCES   = %D%/with_epoll.c
%C%_with_epoll_LDADD     = libfutured.la
%C%_with_libevent_CFLAGS  = $(AM_CFLAGS) $(EVENT_CFLAGS)
%C%_with_libevent_SOURCES = %D%/with_libevent.c
%C%_with_libevent_LDADD   = libfutured.la $(EVENT_LIBS)
