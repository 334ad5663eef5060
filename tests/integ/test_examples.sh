#!/bin/sh
# Every example is built, short, and prints what it should, over both transports.
# shellcheck source=tests/scripts/tap.sh
. "$(dirname "$0")/../scripts/tap.sh"
# shellcheck source=tests/lib/daemon.sh
. "$(dirname "$0")/../lib/daemon.sh"

lines_max=100

# run_example NAME: says what is wrong with it
run_example() {
	expected=$top_srcdir/tests/integ/expected/$1.out
	if [ ! -f "$expected" ]; then
		echo "there is no $expected"
		return
	fi
	"$top_builddir/examples/$1" >"$scratch/out" 2>"$scratch/err" </dev/null ||
		echo "exit status $?"
	cat "$scratch/err"
	diff -u "$expected" "$scratch/out"
}

too_long() {
	for source in "$top_srcdir"/examples/*.c; do
		lines=$(wc -l <"$source")
		[ "$lines" -lt $lines_max ] || echo "$source has $lines lines"
	done
}

without_example() {
	for expected in "$top_srcdir"/tests/integ/expected/*.out; do
		name=$(basename "$expected" .out)
		[ -f "$top_srcdir/examples/$name.c" ] || echo "$expected is of no example"
	done
}

start_daemon
for url in "$unix_url" "$tcp_url"; do
	FUTURED_URL=$url
	for source in "$top_srcdir"/examples/*.c; do
		name=$(basename "$source" .c)
		expect_nothing "$name, ${url%%:*}" "$(run_example "$name")"
	done
done
expect_nothing "an example has fewer than $lines_max lines" "$(too_long)"
expect_nothing 'what is expected has its example' "$(without_example)"
FUTURED_URL=unix:$daemon_dir/nobody.sock
if "$top_builddir/examples/square" >/dev/null 2>"$scratch/err"; then
	verdict 'not ok' 'an example without a daemon fails'
else
	expect_nothing 'an example without a daemon says why' \
		"$(grep -v '^open: CONNECT_FAILED: ' "$scratch/err")"
fi
stop_daemon
end_tests
