# Fuzz targets: with --enable-fuzzing libFuzzer drives them, otherwise replay.c does. A new one
# is a name here, its two or three lines below, a file, and a folder in corpus/.

fuzz_tests = \
	%D%/fuzz_admin \
	%D%/fuzz_client \
	%D%/fuzz_codec \
	%D%/fuzz_config \
	%D%/fuzz_control \
	%D%/fuzz_envelope \
	%D%/fuzz_frame \
	%D%/fuzz_ring \
	%D%/fuzz_session \
	%D%/fuzz_slot \
	%D%/fuzz_submit \
	%D%/fuzz_url
check_PROGRAMS += $(fuzz_tests)

if FUZZING
fuzz_main = %D%/fuzz.h %D%/input.h
else
fuzz_main = %D%/fuzz.h %D%/input.h %D%/replay.c
endif
# A daemon in a world of its own: front.h.
fuzz_front = %D%/front.c %D%/front.h %D%/front_kernel.c %D%/front_kernel.h
fuzz_front_ldflags = -Wl,--wrap=posix_spawn -Wl,--wrap=posix_spawn_file_actions_adddup2 \
	-Wl,--wrap=waitid -Wl,--wrap=syscall -Wl,--wrap=getrandom -Wl,--wrap=log_fields \
	-Wl,--wrap=config_free -Wl,--wrap=sysconf -Wl,--wrap=oom_find
fuzz_front_libs = libtest.la libdaemon.la $(JANSSON_LIBS) $(EVENT_LIBS) $(CHECK_LIBS)

fuzz_ldflags = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

%C%_fuzz_admin_SOURCES    = %D%/fuzz_admin.c $(fuzz_front) $(fuzz_main)
%C%_fuzz_admin_LDADD      = $(fuzz_front_libs)
%C%_fuzz_admin_LDFLAGS    = $(fuzz_ldflags) $(fuzz_front_ldflags)
%C%_fuzz_client_SOURCES   = %D%/fuzz_client.c $(fuzz_main)
%C%_fuzz_client_LDADD     = libfutured.la libtest.la libproto.la $(CHECK_LIBS)
%C%_fuzz_client_LDFLAGS   = $(fuzz_ldflags)
%C%_fuzz_codec_SOURCES    = %D%/fuzz_codec.c $(fuzz_main)
%C%_fuzz_codec_LDFLAGS    = $(fuzz_ldflags)
%C%_fuzz_config_SOURCES   = %D%/fuzz_config.c $(fuzz_main)
%C%_fuzz_config_LDADD     = libtest.la libdaemon.la $(CHECK_LIBS)
%C%_fuzz_config_LDFLAGS   = $(fuzz_ldflags) -Wl,--wrap=getaddrinfo
%C%_fuzz_control_SOURCES  = %D%/fuzz_control.c $(fuzz_front) $(fuzz_main)
%C%_fuzz_control_LDADD    = $(fuzz_front_libs)
%C%_fuzz_control_LDFLAGS  = $(fuzz_ldflags) $(fuzz_front_ldflags)
%C%_fuzz_envelope_SOURCES = %D%/fuzz_envelope.c $(fuzz_main)
%C%_fuzz_envelope_LDFLAGS = $(fuzz_ldflags)
%C%_fuzz_frame_SOURCES    = %D%/fuzz_frame.c $(fuzz_main)
%C%_fuzz_frame_LDFLAGS    = $(fuzz_ldflags)
%C%_fuzz_ring_SOURCES     = %D%/fuzz_ring.c $(fuzz_main)
%C%_fuzz_ring_LDFLAGS     = $(fuzz_ldflags)
%C%_fuzz_session_SOURCES  = %D%/fuzz_session.c $(fuzz_front) $(fuzz_main)
%C%_fuzz_session_LDADD    = $(fuzz_front_libs)
%C%_fuzz_session_LDFLAGS  = $(fuzz_ldflags) $(fuzz_front_ldflags)
%C%_fuzz_slot_SOURCES     = %D%/fuzz_slot.c $(fuzz_main)
%C%_fuzz_slot_LDADD       = libtest.la libworker.la $(CHECK_LIBS)
%C%_fuzz_slot_LDFLAGS     = $(fuzz_ldflags) -Wl,--wrap=syscall
%C%_fuzz_submit_SOURCES   = %D%/fuzz_submit.c $(fuzz_main)
%C%_fuzz_submit_LDFLAGS   = $(fuzz_ldflags)
%C%_fuzz_url_SOURCES      = %D%/fuzz_url.c $(fuzz_main)
%C%_fuzz_url_LDADD        = libtest.la libnet.la $(CHECK_LIBS)
%C%_fuzz_url_LDFLAGS      = $(fuzz_ldflags)

EXTRA_DIST += %D%/corpus

# All of them, for dev/fuzz.
.PHONY: fuzzers
fuzzers: $(BUILT_SOURCES)
	$(MAKE) $(AM_MAKEFLAGS) $(fuzz_tests)
print-fuzzers:
	@echo $(fuzz_tests)
.PHONY: print-fuzzers
