# shellcheck shell=sh
# A real daemon for a script: read with `.` after tests/scripts/tap.sh, whose $scratch and
# verdict it uses. It is gone when the script ends, however that ends.
#
#	start_daemon			sets $unix_url and $tcp_url, and exports FUTURED_URL; with
#					$more_config behind its configuration, and $more_listen
#					(one URL) beside its listeners: then sets $more_url
#	use_private_daemons		local: starts the one of the build
#	wait_until COMMAND...		false when COMMAND was not true in time
#	stop_daemon			ends it, with a case of its own

: "${top_builddir:=$PWD}"
: "${SANITIZERS:=no}"

# Others may not write what a daemon reads; and a sanitizer looks into it.
umask 022
export FUTURED_TRACEABLE=yes

daemon_pid=
daemon_dir=
# shellcheck disable=SC2034 # for the scripts
futurectl=$top_builddir/futurectl

drop_daemon() {
	[ -z "$daemon_pid" ] || kill -KILL "$daemon_pid" 2>/dev/null
	[ -z "$daemon_dir" ] || rm -rf "$daemon_dir"
	# shellcheck disable=SC2154 # tap.sh has it
	rm -rf "$scratch"
}
trap drop_daemon EXIT

# wait_until COMMAND...: looks every hundredth of a second, for 20 seconds at most
wait_until() {
	looks=2000
	[ "$SANITIZERS" = no ] || looks=6000
	until "$@"; do
		looks=$((looks - 1))
		[ $looks -gt 0 ] || return 1
		sleep 0.01
	done
}

daemon_is_ready_or_gone() {
	grep -q 'event=daemon\.ready' "$daemon_dir/log" || ! kill -0 "$daemon_pid" 2>/dev/null
}

# The directory is not in $scratch: the path of a Unix socket is short.
start_daemon() {
	daemon_dir=$(mktemp -d /tmp/futured-script.XXXXXX) || exit 1
	unix_url=unix:$daemon_dir/futured.sock
	cat >"$daemon_dir/futured.conf" <<-END
		kill_grace = 500ms
		key capped {
		  running = 1
		}
		pool threads {
		  kind = threads
		  slots = 4
		  modules = {basic, hash, math, text, testmod_crash}
		}
		pool processes {
		  kind = processes
		  slots = 2
		  min_hosts = 2
		  modules = {basic, hash, math, text, testmod_crash}
		}
		${more_config-}
	END
	: >"$daemon_dir/log"
	"$top_builddir/futured" --config "$daemon_dir/futured.conf" \
		--worker "$top_builddir/futured-worker" --module-dir "$top_builddir/.libs" \
		--listen "$unix_url" --listen tcp://127.0.0.1:0 \
		${more_listen:+--listen "$more_listen"} </dev/null >>"$daemon_dir/log" 2>&1 &
	daemon_pid=$!
	if ! wait_until daemon_is_ready_or_gone || ! kill -0 "$daemon_pid" 2>/dev/null; then
		sed 's/^/# daemon: /' "$daemon_dir/log"
		echo 'Bail out! the daemon did not start'
		exit 1
	fi
	# shellcheck disable=SC2034 # for the scripts
	tcp_url=$(sed -n 's|.*event=listener\.open url=\(tcp://[^ ]*\).*|\1|p' "$daemon_dir/log")
	# shellcheck disable=SC2034
	more_url=$(sed -n 's|.*event=listener\.open url=\(tls://[^ ]*\).*|\1|p' "$daemon_dir/log")
	FUTURED_URL=$unix_url
	export FUTURED_URL
}

use_private_daemons() {
	FUTURED_DAEMON=$top_builddir/futured
	FUTURED_WORKER=$top_builddir/futured-worker
	FUTURED_MODULE_DIR=$top_builddir/.libs
	export FUTURED_DAEMON FUTURED_WORKER FUTURED_MODULE_DIR
}

stop_daemon() {
	found=
	kill -TERM "$daemon_pid"
	wait "$daemon_pid" || found="its exit status is $?
"
	daemon_pid=
	found=$found$(grep -E 'Sanitizer|runtime error:|Assertion' "$daemon_dir/log")
	expect_nothing 'the daemon ends well' "$found"
}
