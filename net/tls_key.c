#include "net/tls_key.h"

#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

enum {
	FILE_MAX_BYTES = 64 * 1024,
	CHUNK_BYTES = 16 * 1024,
	SECRETS_BYTES = 128 * 1024, /* a power of two, as is the least piece of it */
	SECRET_LEAST_BYTES = 32,
};

/* ---- memory --------------------------------------------------------------- */

/* While a key is read: OpenSSL's decoders copy its bytes through ordinary memory, and free that
 * as it is. */
static _Thread_local bool is_reading;

static void *on_malloc(size_t n, const char *file, int line)
{
	(void)file, (void)line;
	return malloc(n);
}

static void on_free(void *p, const char *file, int line)
{
	(void)file, (void)line;
	if (p && is_reading)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

static void *on_realloc(void *p, size_t n, const char *file, int line)
{
	if (!p || !is_reading)
		return realloc(p, n);
	void *moved = malloc(n);
	if (!moved)
		return NULL;
	size_t had = malloc_usable_size(p);
	memcpy(moved, p, had < n ? had : n);
	on_free(p, file, line);
	return moved;
}

void tls_protect_keys(void)
{
	(void)CRYPTO_set_mem_functions(on_malloc, on_realloc, on_free);
	/* OpenSSL locks it and takes it out of dumps; where it cannot, keys lie where all lies. */
	(void)CRYPTO_secure_malloc_init(SECRETS_BYTES, SECRET_LEAST_BYTES);
}

/* ---- files ---------------------------------------------------------------- */

int tls_no_passphrase(char *buf, int size, int is_writing, void *arg)
{
	(void)buf, (void)size, (void)is_writing, (void)arg;
	return -1;
}

static const char *fault_of(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "it is not a regular file";
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return "it belongs to another user";
	if (st->st_mode & (S_IRWXG | S_IRWXO))
		return "others may read it; see: chmod 600";
	if (st->st_size > FILE_MAX_BYTES)
		return "it is too large";
	return NULL;
}

static int copy_secret(int fd, BIO *to)
{
	char *chunk = OPENSSL_secure_malloc(CHUNK_BYTES);
	ssize_t n;

	if (!chunk)
		return -ENOMEM;
	while ((n = read(fd, chunk, CHUNK_BYTES)) > 0) {
		if (BIO_write(to, chunk, (int)n) != n)
			break;
	}
	OPENSSL_secure_clear_free(chunk, CHUNK_BYTES);
	return n == 0 ? 0 : -EIO;
}

static EVP_PKEY *decode(int fd)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	EVP_PKEY *key = NULL;

	is_reading = true;
	if (bio && copy_secret(fd, bio) == 0)
		key = PEM_read_bio_PrivateKey(bio, NULL, tls_no_passphrase, NULL);
	BIO_free(bio);
	is_reading = false;
	return key;
}

int tls_key_read(const char *path, EVP_PKEY **ret, const char **reterr)
{
	CLEANUP(close_fdp)
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		*reterr = errno == ELOOP ? "it is a symbolic link" : strerrordesc_np(errno);
		return -EINVAL;
	}
	*reterr = fault_of(&st);
	if (*reterr)
		return -EINVAL;
	*ret = decode(fd);
	return *ret ? 0 : -EINVAL;
}
