/* Private keys: out of files that nobody else may read, into memory that nobody else sees. */
#ifndef NET_TLS_KEY_H
#define NET_TLS_KEY_H

struct evp_pkey_st;

/* From here on the process keeps private keys in memory that is in no core dump, and leaves
 * nothing of them behind elsewhere. Once, before anything of OpenSSL's is used; for programs,
 * not for libraries. One thread. */
void tls_protect_keys(void);

/*
 * Reads a PEM file, which must be a regular file of this user or root, closed to all others. 0
 * and a key for EVP_PKEY_free(), or -EINVAL and a line that lives for ever; NULL for it when
 * OpenSSL's queue says more.
 */
int tls_key_read(const char *path, struct evp_pkey_st **ret, const char **reterr);

/* For OpenSSL to ask: there is nobody who would type one in. */
int tls_no_passphrase(char *buf, int size, int is_writing, void *arg);

#endif
