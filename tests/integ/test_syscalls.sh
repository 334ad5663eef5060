#!/bin/sh
# How many system calls a job costs when many go through: client, daemon and hosts together,
# over the Unix socket. Less than one for ten jobs.
# shellcheck source=tests/scripts/tap.sh
. "$(dirname "$0")/../scripts/tap.sh"
# shellcheck source=tests/lib/daemon.sh
. "$(dirname "$0")/../lib/daemon.sh"

jobs=200000
calls_max=100 # for 1000 jobs
tries=3       # the least of so many counts: on a busy machine each sleeps more often

skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}

[ "$SANITIZERS" = no ] || skip_all 'a sanitizer makes system calls of its own'
command -v strace >/dev/null || skip_all 'strace is not installed'
strace -o /dev/null true 2>/dev/null || skip_all 'processes cannot be traced here'

# The daemon, its zygotes and their hosts.
processes() {
	echo "$daemon_pid"
	sed -n 's/.*event=\(zygote\.ready\|host\.up\) .*pid=\([0-9]*\).*/\2/p' "$daemon_dir/log"
}

# all_attached N: so many processes or more
all_attached() {
	[ "$(grep -c attached "$scratch/strace")" -ge "$1" ]
}

# calls FILE: the sum of a table that `strace -c` wrote
calls() {
	awk '$NF == "total" { n += $4 } END { print n + 0 }' "$1"
}

# measure KIND: sets $total; its parts and the time go to a comment
measure() {
	# shellcheck disable=SC2046 # words
	set -- "$1" $(processes | sed 's/^/-p /')
	kind=$1
	shift
	: >"$scratch/strace"
	strace -f -c -o "$scratch/daemon_calls" "$@" 2>"$scratch/strace" &
	tracer=$!
	if ! wait_until all_attached $(($# / 2)); then
		echo '# not all are traced'
		kill -INT $tracer
		wait $tracer
		return 1
	fi
	strace -f -c -o "$scratch/client_calls" "$top_builddir/bench/pipelined" \
		"$unix_url?pool=$kind" $jobs >"$scratch/bench" 2>&1
	status=$?
	kill -INT $tracer
	wait $tracer
	daemon_calls=$(calls "$scratch/daemon_calls")
	client_calls=$(calls "$scratch/client_calls")
	total=$((daemon_calls + client_calls))
	per_1000=$((total * 1000 / jobs))
	echo "# $kind: $per_1000 system calls per 1000 jobs" \
		"(client $client_calls, daemon and hosts $daemon_calls)"
	sed 's/^/# /' "$scratch/bench"
	return $status
}

# measure_again KIND: until it is little enough, or was tried often enough
measure_again() {
	for try in $(seq $tries); do
		measure "$1" || return 1
		[ "$per_1000" -ge $calls_max ] || return 0
		echo "# $1: that was try $try"
	done
}

# What was counted must be plausible: fewer calls than these, nobody was looking.
calls_min=20

start_daemon
for kind in threads processes; do
	if ! measure_again $kind; then
		verdict 'not ok' "$kind: the jobs went through"
	elif [ "$daemon_calls" -lt $calls_min ] || [ "$client_calls" -lt $calls_min ]; then
		verdict 'not ok' "$kind: the calls were counted"
	elif [ "$per_1000" -lt $calls_max ]; then
		verdict ok "$kind: fewer than $calls_max system calls per 1000 jobs"
	else
		verdict 'not ok' "$kind: fewer than $calls_max system calls per 1000 jobs"
		sed 's/^/# /' "$scratch/client_calls" "$scratch/daemon_calls"
	fi
done
stop_daemon
end_tests
