/*
 * What the URL does not say, the environment does: $FUTURED_TLS_CA, _CERT and _KEY. The daemon's
 * certificate is always verified, and always for the name that was connected to, or the one that
 * the URL has for it; nothing turns that off.
 */
#include "client/secure.h"

#include "client/error.h"
#include "common/util.h"
#include "net/tls.h"

#include <errno.h>
#include <string.h>

#define HINT_FILES                                                                                 \
	"name the files in the URL (?ca=FILE&cert=FILE&key=FILE) or in FUTURED_TLS_CA, "           \
	"FUTURED_TLS_CERT and FUTURED_TLS_KEY"

static const char *file_of(const char *given, const char *variable)
{
	const char *value = given ? given : getenv(variable);

	return value && *value ? value : NULL;
}

static fut_error *bad_files(const char *text, const char *why)
{
	return error_make(FUT_INVALID, FUT_EXECUTED_NO, "the TLS files cannot be used", HINT_FILES,
			  "%.200s: %s", text, why);
}

static fut_error *make_context(const struct url *u, const char *text, struct tls_context **ret)
{
	const struct tls_settings settings = {
		.side = TLS_CLIENT,
		.ca = file_of(u->tls.ca, "FUTURED_TLS_CA"),
		.certificate = file_of(u->tls.cert, "FUTURED_TLS_CERT"),
		.key = file_of(u->tls.key, "FUTURED_TLS_KEY"),
	};
	char why[TLS_TEXT_MAX];

	if (!settings.ca)
		return bad_files(text, "there is no CA: nobody could be believed");
	if (!settings.certificate != !settings.key)
		return bad_files(text, "a certificate and its key go together");
	int r = tls_context_new(&settings, ret, why);
	if (r == -ENOMEM)
		return error_plain(FUT_NO_MEMORY);
	return r < 0 ? bad_files(text, why) : NULL;
}

fut_error *secure_begin(fut_executor *x, const struct url *u, const char *text)
{
	const char *name = u->tls.server_name ? u->tls.server_name : u->host;
	struct tls_context *context;
	struct tls *tls;

	if (u->scheme != URL_TLS)
		return NULL;
	fut_error *e = make_context(u, text, &context);
	if (e)
		return e;
	int r = tls_new(context, name, &tls);
	(void)tls_context_unref(context);
	if (r == 0)
		r = stream_secure(&x->stream, tls, NULL);
	if (r == -EINVAL)
		return bad_files(text, "server_name is no name of a host");
	return r < 0 ? error_plain(FUT_NO_MEMORY) : NULL;
}

/* By words of OpenSSL's, which name the alert that came, or what was found. */
static const char *hint_for(const char *fault)
{
	static const struct {
		const char *word, *hint;
	} hints[] = {
		{"hostname mismatch",
		 "is the URL's host in the daemon's certificate? else name the "
		 "one that is: server_name=NAME"},
		{"IP address mismatch", "is the URL's address in the daemon's certificate? else "
					"name a name that is: server_name=NAME"},
		{"certificate verify failed",
		 "is this the CA that issued the daemon's certificate?"},
		{"no application protocol", "does something else than futured listen there?"},
		{"alert unrecognized name", "the daemon does not go by this name"},
		{"wrong version number", "is that a TLS port of the daemon's?"},
		{"unsupported protocol", "does the daemon's port speak TLS 1.3?"},
		{"alert", "the daemon refused this client: see its log, event=tls.refused"},
	};

	for (size_t i = 0; i < ARRAY_LEN(hints); i++) {
		if (strstr(fault, hints[i].word))
			return hints[i].hint;
	}
	return NULL;
}

fut_error *secure_refusal(const fut_executor *x, const char *text, int r)
{
	const char *fault = stream_fault(&x->stream, r);

	if (!x->stream.tls || (r != -EBADMSG && r != -ECONNRESET))
		return NULL;
	return error_make(FUT_CONNECT_FAILED, FUT_EXECUTED_NO, NULL, hint_for(fault), "%.200s: %s",
			  text, fault);
}
