#include "net/tls_peer.h"

#include <errno.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* Printable ASCII without what quotes, separates or stands for something else somewhere. */
static bool is_plain(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] <= ' ' || p[i] >= 0x7f || strchr("\"'\\`*,<>{}|^", p[i]))
			return false;
	}
	return true;
}

static bool is_label(const unsigned char *p, size_t n)
{
	if (n == 0 || n > 63 || p[0] == '-' || p[n - 1] == '-')
		return false;
	if (n >= 4 && strncasecmp((const char *)p, "xn--", 4) == 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!((p[i] >= 'a' && p[i] <= 'z') || (p[i] >= '0' && p[i] <= '9') || p[i] == '-'))
			return false;
	}
	return true;
}

/* In lower case only: names are compared byte by byte. */
static bool is_dns_name(const unsigned char *p, size_t n)
{
	while (n > 0) {
		const unsigned char *dot = memchr(p, '.', n);
		size_t len = dot ? (size_t)(dot - p) : n;

		if (!is_label(p, len))
			return false;
		if (!dot)
			return true;
		p += len + 1;
		n -= len + 1;
	}
	return false;
}

/* SCHEME:REST, where the scheme is in lower case, too. */
static bool is_uri(const unsigned char *p, size_t n)
{
	size_t i = 0;

	while (i < n && ((p[i] >= 'a' && p[i] <= 'z') || (i > 0 && p[i] >= '0' && p[i] <= '9') ||
			 (i > 0 && strchr("+.-", p[i]))))
		i++;
	return i > 0 && i + 1 < n && p[i] == ':';
}

static const char *fault_of(enum tls_identity_kind kind, const unsigned char *p, size_t n)
{
	if (n == 0)
		return "its name is empty";
	if (n > TLS_IDENTITY_MAX_BYTES)
		return "its name is longer than 255 bytes";
	if (!is_plain(p, n))
		return "its name has bytes that no name may have";
	if (n == strlen("unknown") && strncasecmp((const char *)p, "unknown", n) == 0)
		return "its name is unknown, which stands for no name";
	if (kind == TLS_IDENTITY_URI)
		return is_uri(p, n) ? NULL : "its name is no URI";
	return is_dns_name(p, n) ? NULL : "its name is no plain DNS name in lower case";
}

static int take(const GENERAL_NAME *name, enum tls_identity_kind kind, struct tls_identity *ret,
		const char **reterr)
{
	const ASN1_IA5STRING *s = name->d.ia5; /* of a URI and of a DNS name alike */
	int len = ASN1_STRING_length(s);
	const unsigned char *p = ASN1_STRING_get0_data(s);

	*reterr = fault_of(kind, p, len > 0 ? (size_t)len : 0);
	if (*reterr)
		return -EINVAL;
	*ret = (struct tls_identity){.len = (uint8_t)len};
	memcpy(ret->bytes, p, (size_t)len);
	return 0;
}

static const GENERAL_NAME *only_name(const GENERAL_NAMES *names, enum tls_identity_kind kind,
				     int *ret_n)
{
	int type = kind == TLS_IDENTITY_URI ? GEN_URI : GEN_DNS;
	const GENERAL_NAME *found = NULL;

	*ret_n = 0;
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		if (name->type != type)
			continue;
		found = name;
		++*ret_n;
	}
	return found;
}

int tls_identity_of(X509 *certificate, enum tls_identity_kind kind, struct tls_identity *ret,
		    const char **reterr)
{
	int critical, n;
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, NULL);

	if (!names) {
		/* -1: there is none; -2: there are two of the extension; else it is broken. */
		*reterr = critical == -1 ? "it has no subject alternative name"
					 : "its subject alternative name cannot be read";
		return critical == -1 ? -ENOENT : -EINVAL;
	}
	const GENERAL_NAME *name = only_name(names, kind, &n);
	int r = n == 0 ? -ENOENT : -EINVAL;
	if (n == 1)
		r = take(name, kind, ret, reterr);
	else if (n == 0)
		*reterr = kind == TLS_IDENTITY_URI ? "it has no URI among its names"
						   : "it has no DNS name among its names";
	else
		*reterr = "it has more than one name";
	GENERAL_NAMES_free(names);
	return r;
}
