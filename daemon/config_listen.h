/* The addresses to listen on, as a configuration writes them. */
#ifndef DAEMON_CONFIG_LISTEN_H
#define DAEMON_CONFIG_LISTEN_H

#include <stdbool.h>

/*
 * NULL when `url` is unix:/PATH, tcp://HOST:PORT or tls://HOST:PORT, else what is wrong with it, to
 * be read after the URL itself. Resolving and binding may still fail.
 */
const char *config_listen_fault(const char *url, bool insecure);

/* A socket in the runtime directory, for the caller to free(). NULL: no memory. */
char *config_listen_default(void);

#endif
