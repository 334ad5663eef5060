noinst_PROGRAMS += %D%/hostile %D%/pipelined
%C%_hostile_SOURCES   = %D%/hostile.c
%C%_hostile_LDADD     = libfutured.la libnet.la
%C%_pipelined_SOURCES = %D%/pipelined.c
%C%_pipelined_LDADD   = libfutured.la
