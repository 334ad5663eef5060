noinst_PROGRAMS += %D%/pipelined
%C%_pipelined_SOURCES = %D%/pipelined.c
%C%_pipelined_LDADD   = libfutured.la
