#!/bin/sh
# futurectl about identities: whoami, identities, reload; as an administrator and as somebody else.
# shellcheck source=tests/scripts/tap.sh
. "$(dirname "$0")/../scripts/tap.sh"
# shellcheck source=tests/lib/daemon.sh
. "$(dirname "$0")/../lib/daemon.sh"

out=$scratch/out err=$scratch/err code=

run() {
	code=0
	"$futurectl" "$@" </dev/null >"$out" 2>"$err" || code=$?
}

# Over TCP, without a certificate: the identity tcp.
run_tcp() {
	run --url "$tcp_url" "$@"
}

# expect DESCRIPTION CODE STREAM REGEX...: the stream has a line for each
expect() {
	description=$1 found=
	[ "$code" = "$2" ] || found="exit code $code, not $2: $(cat "$err")
"
	stream=$3
	shift 3
	for regex; do
		grep -aqE "$regex" "$stream" || found="${found}no line like '$regex': $(cat "$stream")
"
	done
	expect_nothing "$description" "$found"
}

configure() {
	cp "$scratch/before" "$daemon_dir/futured.conf"
	cat >>"$daemon_dir/futured.conf"
}

start_daemon
cp "$daemon_dir/futured.conf" "$scratch/before"

# ---- without sections ----

expect_nothing 'the log says that all may do everything' \
	"$([ "$(grep -c 'level=warning event=policy.open' "$daemon_dir/log")" = 1 ] || cat "$daemon_dir/log")"
run whoami
expect 'whoami: everything' 0 "$out" '^unrestricted, section -, admin yes$' '^tasks: \*$' '^pools: \*$' \
	'^connections: 1$' '^jobs unfinished: 0$' '^highest priority: 3$'
run_tcp identities
expect 'identities: anybody may' 0 "$out" '^IDENTITY +SECTION +ADMIN +CLIENTS +INFLIGHT +QUEUED +BYTES$' \
	'^unrestricted +- +yes +1 +0 +0 +0$'

# ---- with ----

configure <<-END
	audit_log = "$daemon_dir/audit"
	identity tcp {
	  tasks = {square, "ech?"}
	  pools = {threads}
	  max_connections = 3
	  max_inflight = 100
	  rate = 1000
	}
END
run reload
expect 'reload' 0 "$err"
expect_nothing 'reload says nothing' "$(cat "$out" "$err")"
run_tcp whoami
expect 'whoami: what is allowed' 0 "$out" '^tcp, section tcp, admin no$' '^tasks: square ech\?$' \
	'^pools: threads$' '^connections: 1 of 3$' '^jobs unfinished: 0 of 100$' \
	'^jobs a second: 1000, 1000 at once$'
run_tcp whoami --json
expect 'whoami --json' 0 "$out" '"identity": *"tcp".*"max_inflight": *100'
run_tcp submit square 12
expect 'a task that is allowed' 0 "$out" '^144$'
run_tcp submit sha256 x
expect 'one that is not' 3 "$err" 'PERMISSION_DENIED' '^detail: task .sha256.$' '^hint: futurectl whoami'
run_tcp submit no_such_task x
expect 'one that there is not: the same' 3 "$err" 'PERMISSION_DENIED' '^detail: task .no_such_task.$'
run_tcp submit echx x
expect 'one that is allowed, but is not there' 3 "$err" 'UNKNOWN_TASK'
run_tcp --pool processes whoami
expect 'a pool that is not' 3 "$err" 'PERMISSION_DENIED'
run_tcp --pool no_such_pool whoami
expect 'one that there is not: the same' 3 "$err" 'PERMISSION_DENIED'
run_tcp identities
expect 'identities is for administrators' 3 "$err" 'PERMISSION_DENIED'
run_tcp reload
expect 'and so is reload' 3 "$err" 'PERMISSION_DENIED'
run_tcp status
expect 'status: only what is allowed' 0 "$out" '^threads ' '^tasks of threads:.* (square|echo)'
expect_nothing 'status: nothing else' "$(grep -E 'processes|sha256' "$out")"
run identities --json
expect 'identities --json' 0 "$out" '^\{"identities": *\[\{"identity": *"unrestricted",'
run reload extra
expect 'reload takes no arguments' 2 "$err" 'it takes no arguments'

# ---- a bad one ----

configure <<-END
	identity tcp {
	  taks = {square}
	}
	identity "unix:nobody-of-that-name" {
	}
END
run reload
expect 'reload: errors, with their lines' 3 "$err" \
	"^futurectl: reload: .*/futured.conf:[0-9]+: unknown option 'taks' \(did you mean 'tasks'\?\)$"
run reload --json
expect 'reload --json: errors' 3 "$out" '^\{"reloaded": *false, *"errors": *\['
run_tcp submit square 3
expect 'nothing has changed' 0 "$out" '^9$'

# ---- none for it any more ----

configure <<-END
	identity "spiffe://ex/billing" {
	  tasks = {"*"}
	}
END
run reload
expect 'reload: others' 0 "$err"
run_tcp whoami
expect 'who has no section is refused' 3 "$err" 'PERMISSION_DENIED' 'not permitted'
run whoami
expect 'who owns the daemon is not' 0 "$out" '^unrestricted, section -, admin yes$'

# ---- what was written about it ----

audited() {
	found=
	for regex; do
		grep -qE "^time=20[0-9TZ:.-]+ level=[a-z]+ $regex" "$daemon_dir/audit" ||
			found="${found}no line like '$regex'
"
	done
	[ -z "$found" ] || found=$found$(cat "$daemon_dir/audit")
	expect_nothing 'the audit log has it' "$found"
}
audited 'event=audit.connect session=[0-9]+ peer=127.0.0.1:' \
	'event=audit.identity session=[0-9]+ peer=127.0.0.1:[0-9]+ identity=tcp section=tcp pool=threads$' \
	'event=audit.deny .*identity=tcp what=task name=sha256$' \
	'event=audit.deny .*identity=tcp what=admin name=reload$' \
	'event=audit.deny .*what=pool name=processes$' \
	'event=audit.reload result=done$' 'event=audit.reload result=failed$' \
	'event=audit.admin .*identity=unrestricted what=reload$'
expect_nothing 'and nobody else can read it' \
	"$(find "$daemon_dir/audit" -perm /077 -exec ls -l {} +)"

stop_daemon
end_tests
