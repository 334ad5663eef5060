#!/bin/sh
# Every example is built, short, and prints what it should, over both transports, and with a
# daemon of its own. So does the first program of the README, with nothing set up.
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

readme_program() {
	sed -n '/^```c$/,/^```$/p' "$top_srcdir/README.md" | sed '1d; /^```$/,$d'
}

# Says what is wrong with it.
run_readme_program() {
	readme_program >"$scratch/seven.c"
	sanitize=
	[ "$SANITIZERS" = no ] || sanitize=-fsanitize=$SANITIZERS
	# shellcheck disable=SC2086 # a compiler may come with options
	${CC:-cc} $sanitize -I"$top_srcdir/include" "$scratch/seven.c" -o "$scratch/seven" \
		-L"$top_builddir/.libs" -lfutured -Wl,-rpath,"$top_builddir/.libs" 2>&1 || return
	said=$("$scratch/seven" 2>&1)
	[ "$said" = 49 ] || echo "it printed '$said'"
}

start_daemon
use_private_daemons
for url in "$unix_url" "$tcp_url" local:; do
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
unset FUTURED_URL
expect_nothing 'an example without a URL' "$(run_example square)"
expect_nothing "the README's first program" "$(run_readme_program)"
stop_daemon
end_tests
