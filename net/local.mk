noinst_LTLIBRARIES += libnet.la
libnet_la_SOURCES = \
	%D%/address.c %D%/address.h \
	%D%/peer.c %D%/peer.h \
	%D%/stream.c %D%/stream.h \
	%D%/url.c %D%/url.h
libnet_la_LIBADD = libproto.la
