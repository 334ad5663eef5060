/*
 * Digests of the payload, in lower-case hexadecimal, as sha256sum and b2sum print them.
 *
 * The algorithms are looked up once, in init(): EVP_MD_fetch() takes locks and searches
 * the providers, and the hosts inherit the answer. An EVP_MD is only read afterwards, so
 * threads may share it.
 */
#include <futured/task.h>

#include <openssl/evp.h>

enum algorithm { HASH_SHA256, HASH_SHA512, HASH_BLAKE2B, HASH_NALGORITHMS };

static const char *const algorithm_names[HASH_NALGORITHMS] = {
	[HASH_SHA256] = "SHA256",
	[HASH_SHA512] = "SHA512",
	[HASH_BLAKE2B] = "BLAKE2B-512",
};

/* Written by init() and fini() only. */
static EVP_MD *algorithms[HASH_NALGORITHMS];

static void hash_fini(void)
{
	for (int i = 0; i < HASH_NALGORITHMS; i++) {
		EVP_MD_free(algorithms[i]);
		algorithms[i] = NULL;
	}
}

static int hash_init(const char *pool_name)
{
	(void)pool_name;
	for (int i = 0; i < HASH_NALGORITHMS; i++) {
		algorithms[i] = EVP_MD_fetch(NULL, algorithm_names[i], NULL);
		if (!algorithms[i]) {
			hash_fini();
			return -1;
		}
	}
	return 0;
}

static size_t to_hex(char *out, const unsigned char *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	return 2 * len;
}

static int hash_payload(struct fut_call *call, enum algorithm a)
{
	struct fut_view in = fut_call_payload(call);
	unsigned char digest[EVP_MAX_MD_SIZE];
	char hex[2 * EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (EVP_Digest(in.data, in.len, digest, &len, algorithms[a], NULL) != 1)
		return fut_call_fail(call, "HashError", "libcrypto could not compute the digest",
				     NULL, 0);
	return fut_call_return(call, hex, to_hex(hex, digest, len));
}

static int sha256(struct fut_call *call)
{
	return hash_payload(call, HASH_SHA256);
}
static int sha512(struct fut_call *call)
{
	return hash_payload(call, HASH_SHA512);
}
static int blake2b(struct fut_call *call)
{
	return hash_payload(call, HASH_BLAKE2B);
}

static const struct fut_task tasks[] = {
	{.name = "sha256", .run = sha256},
	{.name = "sha512", .run = sha512},
	{.name = "blake2b", .run = blake2b},
	{.name = NULL},
};

FUT_MODULE(.name = "hash", .init = hash_init, .fini = hash_fini, .tasks = tasks);
