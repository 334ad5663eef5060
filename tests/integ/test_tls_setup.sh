#!/bin/sh
# A first TLS set-up as an operator makes it, with `futurectl cert new` and what that prints;
# then what a scanner sees on the port.
# shellcheck source=tests/scripts/tap.sh
. "$(dirname "$0")/../scripts/tap.sh"
# shellcheck source=tests/lib/daemon.sh
. "$(dirname "$0")/../lib/daemon.sh"

certs=$scratch/certs out=$scratch/out err=$scratch/err code=

run() {
	code=0
	"$futurectl" "$@" >"$out" 2>"$err" </dev/null || code=$?
}

# expect DESCRIPTION CODE OUTPUT-REGEX [ERROR-REGEX]
expect() {
	found=
	[ "$code" = "$2" ] || found="exit code $code, not $2
"
	[ -z "$3" ] || grep -qE "$3" "$out" || found=$found"no line like '$3': $(cat "$out")
"
	[ $# -lt 4 ] || grep -qE "$4" "$err" || found=$found"stderr has no line like '$4'
"
	[ -z "$found" ] || found=$found$(cat "$err")
	expect_nothing "$1" "$found"
}

# ---- cert new ----

make_certificates() {
	run cert new "$certs" --server localhost --server 127.0.0.1 --client alice --client bob \
		--days 7
	expect 'cert new says how to go on' 0 '^FUTURED_URL=.tls://localhost:7311.*alice\.key'
	expect_nothing 'keys are closed to others' \
		"$(find "$certs" -name '*.key' ! -perm 600; find "$certs" -type d ! -perm 700)"
	expect_nothing 'all files are there' "$(for name in ca server alice bob; do
		[ -s "$certs/$name.crt" ] && [ -s "$certs/$name.key" ] || echo "$name is not"
	done)"
	cp -R "$certs" "$scratch/before"
	run cert new "$certs" --client carol
	expect 'nothing is overwritten' 3 '' 'it is there already'
	expect_nothing 'nothing is made beside it, either' "$(diff -r "$certs" "$scratch/before")"
	for words in '' 'old d' 'new' 'new a b' 'new d --days 0' 'new d --days 1x' \
		'new d --client a/b' 'new d --client ca' 'new d --client a --client a' \
		'new d --server *.example' 'new d --server a,DNS:b'; do
		# shellcheck disable=SC2086 # words
		run cert $words
		expect "no certificates for: cert $words" 2 '' "^futurectl cert: "
	done
	[ ! -e d ] || verdict 'not ok' 'a wrong command line makes nothing'
}

# The lines that it prints for the configuration, as they are.
printed_config() {
	"$futurectl" cert new "$scratch/more" | sed -n '/^tls {/,/^}/p'
}

# ---- a daemon with them ----

# url NAME: of a client
url() {
	echo "$more_url?ca=$certs/ca.crt&cert=$certs/$1.crt&key=$certs/$1.key"
}

serve() {
	more_listen=tls://127.0.0.1:0
	more_config=$(printed_config | sed "s|$scratch/more|$certs|; \$d")
	more_config="penalty_auth = 0s
	$more_config
	$1
	}"
	start_daemon
}

jobs_over_tls() {
	run -u "$(url alice)" submit square 12
	expect 'a job over TLS' 0 '^144'
	run -u "$(url bob)&server_name=localhost" -p processes submit echo well
	expect 'another client, the name of the server, another pool' 0 '^well'
	FUTURED_TLS_CA=$certs/ca.crt FUTURED_TLS_CERT=$certs/alice.crt \
		FUTURED_TLS_KEY=$certs/alice.key run -u "$more_url" ping -c 1
	expect 'files that the environment names' 0 '^1 pings: '
	run -u "$(url alice)&server_name=elsewhere" submit square 12
	expect 'another server' 3 '' 'hostname mismatch'
	run -u "$more_url?ca=$certs/ca.crt" submit square 12
	expect 'no certificate' 3 '' 'CONNECT_FAILED'
	run -u "$more_url?ca=$certs/ca.crt&cert=$scratch/more/client.crt&key=$scratch/more/client.key" \
		submit square 12
	expect 'a certificate of another CA' 3 '' 'unknown ca'
	run -u "$more_url" submit square 12
	expect 'no CA' 2 '' 'FUTURED_TLS_CA'
}

check_config() {
	"$top_builddir/futured" --config "$daemon_dir/futured.conf" --check-config \
		>"$out" 2>"$err" && code=0 || code=$?
}

checks() {
	check_config
	expect 'check-config looks at the files' 0 'the configuration is fine'
	chmod 644 "$certs/server.key"
	check_config
	expect 'check-config says what is wrong with them' 2 '' 'others may read it'
	chmod 600 "$certs/server.key"
}

# ---- what a scanner sees ----

scan() {
	LD_PRELOAD=$top_builddir/.libs/liboffer_alpn.so sslscan --no-colour --show-sigs \
		--certs="$certs/alice.crt" --pk="$certs/alice.key" "${more_url#tls://}" \
		>"$scratch/scan" 2>&1
}

# The scan's lines about what the port does, one a line and sorted, without their order.
seen() {
	sed -nE -e 's/^(SSLv[23]|TLSv1\.[0-3]) +(enabled)$/\1/p' \
		-e 's/^(Preferred|Accepted) +(TLSv1\.[0-3]) +[0-9]+ bits +([^ ]+).*/\2 \3/p' \
		-e 's/^(TLSv1\.[0-3]) +[0-9]+ bits +([^ ]+).*/\1 \2/p' "$scratch/scan" | sort
}

# scan_must_show DESCRIPTION LINES
scan_must_show() {
	scan || echo '# sslscan failed'
	printf '%s\n' "$2" | sort >"$scratch/allowed"
	seen >"$scratch/seen"
	expect_nothing "$1" "$(diff "$scratch/allowed" "$scratch/seen")"
	expect_nothing "$1: no renegotiation, no compression" "$(grep -iE \
		'renegotiation (supported|enabled)|insecure|compression enabled|[^t] vulnerable' \
		"$scratch/scan")"
}

allowed_13() {
	cat <<-END
		TLSv1.3
		TLSv1.3 TLS_AES_128_GCM_SHA256
		TLSv1.3 TLS_AES_256_GCM_SHA384
		TLSv1.3 TLS_CHACHA20_POLY1305_SHA256
		TLSv1.3 secp256r1
		TLSv1.3 secp384r1
		TLSv1.3 x25519
	END
}

# Of the key's kind; the others are for RSA.
allowed_12() {
	cat <<-END
		TLSv1.2
		TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256
		TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384
		TLSv1.2 ECDHE-ECDSA-CHACHA20-POLY1305
		TLSv1.2 secp256r1
	END
}

# why_no_scan: a reason, or nothing
why_no_scan() {
	if ! command -v sslscan >/dev/null; then
		echo 'sslscan is not installed'
	elif [ "$SANITIZERS" != no ]; then
		echo 'a sanitizer wants to be loaded first'
	fi
}

make_certificates
serve ''
jobs_over_tls
checks
if [ -z "$(why_no_scan)" ]; then
	scan_must_show 'a scan shows TLS 1.3 alone' "$(allowed_13)"
else
	skip 'a scan shows TLS 1.3 alone' "$(why_no_scan)"
fi
stop_daemon
rm -rf "$scratch/more" "$daemon_dir"
if [ -z "$(why_no_scan)" ]; then
	serve 'min_version = 1.2'
	scan_must_show 'a scan shows what else 1.2 has' "$(allowed_13; allowed_12)"
	stop_daemon
else
	skip 'a scan shows what else 1.2 has' "$(why_no_scan)"
fi
end_tests
