noinst_LTLIBRARIES += libnet.la
libnet_la_SOURCES = \
	%D%/address.c %D%/address.h \
	%D%/peer.c %D%/peer.h \
	%D%/stream.c %D%/stream.h \
	%D%/tls.c %D%/tls.h \
	%D%/tls_context.c %D%/tls_context.h \
	%D%/tls_error.c %D%/tls_error.h \
	%D%/tls_key.c %D%/tls_key.h \
	%D%/tls_peer.c %D%/tls_peer.h \
	%D%/url.c %D%/url.h
libnet_la_CFLAGS = $(AM_CFLAGS) $(TLS_CFLAGS)
libnet_la_LIBADD = libproto.la $(TLS_LIBS)
