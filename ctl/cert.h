/* Keys and certificates of a first set-up: a CA, and who it vouches for. */
#ifndef CTL_CERT_H
#define CTL_CERT_H

#include <stdbool.h>

enum { CERT_NAMES_MAX = 64, CERT_NAME_MAX = 63 };

struct cert_plan {
	const char *dir;
	const char *servers[CERT_NAMES_MAX]; /* names and addresses, of one certificate */
	unsigned nservers;
	const char *clients[CERT_NAMES_MAX]; /* names, each with a certificate */
	unsigned nclients;
	int days; /* servers and clients; the CA lasts at least ten years */
};

/* Makes them all in the directory: NAME.crt and NAME.key for ca, server and each client. What is
 * there already is not touched: then nothing is made. False after saying on stderr why. */
bool cert_make(const struct cert_plan *plan);

#endif
