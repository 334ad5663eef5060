# Manual pages. Those of the library are made from its header, and that of the errors from the
# table of statuses: nothing is said twice. They are shipped in the tarball, which needs no
# scdoc.

man_pages3 = \
	%D%/libfutured.3 \
	%D%/fut_error.3 \
	%D%/fut_executor.3 \
	%D%/fut_future.3 \
	%D%/fut_job.3 \
	%D%/fut_map.3 \
	%D%/fut_stream.3 \
	%D%/fut_wait.3 \
	%D%/fut_waitset.3
man_pages7 = %D%/futured_errors.7
man_seealso = libfutured(3) $(notdir $(subst .3,(3),$(filter-out %D%/libfutured.3,$(man_pages3)))) \
	futured_errors(7)

dist_man_MANS = $(man_pages3) $(man_pages7)

noinst_PROGRAMS        += %D%/errors
%C%_errors_SOURCES      = %D%/errors.c
%C%_errors_LDADD        = libproto.la

# The group of the header, and what the page is about. None: what stands before the groups.
man_group_fut_error     = status and errors
man_group_fut_executor  = executor
man_group_fut_future    = futures
man_group_fut_job       = jobs
man_group_fut_map       = map
man_group_fut_stream    = streaming
man_group_fut_wait      = wait and as_completed
man_group_fut_waitset   = wait sets
man_title_libfutured    = concurrent.futures over the network
man_title_fut_error     = statuses and errors
man_title_fut_executor  = a connection to a pool of a daemon
man_title_fut_future    = the handle on a job
man_title_fut_job       = what to run, and how it is submitted
man_title_fut_map       = one task on many items
man_title_fut_stream    = what a task says while it runs
man_title_fut_wait      = several futures at once
man_title_fut_waitset   = any number of futures behind one descriptor

$(man_pages3): $(top_srcdir)/include/futured/futured.h $(top_srcdir)/%D%/page.awk
	$(AM_V_GEN)$(MKDIR_P) %D% && page=$(basename $(notdir $@)) && \
	$(AWK) -f $(top_srcdir)/%D%/page.awk -v page=$$page \
		-v group='$(man_group_$(basename $(notdir $@)))' \
		-v title='$(man_title_$(basename $(notdir $@)))' -v also='$(man_seealso)' \
		$(top_srcdir)/include/futured/futured.h >$@.scd && \
	$(SCDOC) <$@.scd >$@.tmp && rm $@.scd && mv $@.tmp $@

# Not newer than the program, which a tarball's build makes after the page was shipped.
$(man_pages7): $(top_srcdir)/%D%/errors.c $(top_srcdir)/include/futured/status.h \
		$(top_srcdir)/proto/status.c | %D%/errors$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) %D% && %D%/errors$(EXEEXT) >$@.scd && \
	$(SCDOC) <$@.scd >$@.tmp && rm $@.scd && mv $@.tmp $@

EXTRA_DIST           += %D%/page.awk
MAINTAINERCLEANFILES += $(man_pages3) $(man_pages7)
