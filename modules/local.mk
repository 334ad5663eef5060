# Sample task modules. Each exports fut_module and nothing else.
fut_module_ldflags = $(AM_LDFLAGS) -module -avoid-version -shared -no-undefined \
	-export-symbols-regex '^fut_module$$'

module_LTLIBRARIES += basic.la hash.la math.la text.la

basic_la_SOURCES = %D%/basic.c %D%/input.h
basic_la_LDFLAGS = $(fut_module_ldflags)

hash_la_SOURCES = %D%/hash.c
hash_la_CFLAGS  = $(AM_CFLAGS) $(SSL_CFLAGS)
hash_la_LDFLAGS = $(fut_module_ldflags)
hash_la_LIBADD  = $(SSL_LIBS)

math_la_SOURCES = %D%/math.c %D%/input.h
math_la_LDFLAGS = $(fut_module_ldflags)

text_la_SOURCES = %D%/text.c %D%/input.h
text_la_LDFLAGS = $(fut_module_ldflags)
