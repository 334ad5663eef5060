#!/bin/sh
# futurectl as a user meets it: what it prints where, and with which exit code it ends.
# shellcheck source=tests/scripts/tap.sh
. "$(dirname "$0")/../scripts/tap.sh"
# shellcheck source=tests/lib/daemon.sh
. "$(dirname "$0")/../lib/daemon.sh"

out=$scratch/out err=$scratch/err wanted=$scratch/wanted input=$scratch/input code=

# run ARGUMENT...: its input is $input, its streams go to $out and $err
run() {
	code=0
	"$futurectl" "$@" <"$input" >"$out" 2>"$err" || code=$?
	: >"$input"
}

# given FORMAT [ARGUMENT...]: the input of the next run
given() {
	# shellcheck disable=SC2059 # it is a format
	printf "$@" >"$input"
}

# Says what is not as it should be: code, stdout as in $wanted, stderr with a line for every
# regex; without one it must be empty.
findings() {
	[ "$code" = "$1" ] || echo "exit code $code, not $1"
	shift
	cmp -s "$wanted" "$out" || diff -a "$wanted" "$out" | head -n 20
	if [ $# = 0 ]; then
		cat "$err"
	fi
	for regex; do
		grep -aqE "$regex" "$err" || echo "stderr has no line like '$regex':" "$(cat "$err")"
	done
}

# expect DESCRIPTION CODE OUTPUT [ERROR-REGEX...]: OUTPUT is a printf format
expect() {
	description=$1 wanted_code=$2
	# shellcheck disable=SC2059 # it is a format
	printf "$3" >"$wanted"
	shift 3
	expect_nothing "$description" "$(findings "$wanted_code" "$@")"
}

# expect_file DESCRIPTION CODE FILE [ERROR-REGEX...]
expect_file() {
	description=$1 wanted_code=$2
	cp "$3" "$wanted"
	shift 3
	expect_nothing "$description" "$(findings "$wanted_code" "$@")"
}

# expect_lines DESCRIPTION CODE REGEX...: stdout has a line for each, and stderr nothing
expect_lines() {
	description=$1 found=
	[ "$code" = "$2" ] || found="exit code $code, not $2
"
	shift 2
	for regex; do
		grep -aqE "$regex" "$out" || found="${found}no line like '$regex'
"
	done
	expect_nothing "$description" "$found$(cat "$err")"
}

running() {
	"$futurectl" status --json | grep -q "\"jobs_running\": *$1[^0-9]"
}

# ---- submit ----

submit_cases() {
	run submit square 12
	expect 'submit: an argument' 0 144
	run submit echo ''
	expect 'submit: an empty argument' 0 ''
	given 'from stdin\n'
	run submit echo
	expect 'submit: standard input' 0 'from stdin\n'
	given 'from stdin'
	run submit echo -
	expect 'submit: -' 0 'from stdin'
	head -c 300000 /dev/urandom >"$scratch/bytes"
	run submit echo --file "$scratch/bytes"
	expect_file 'submit: a file, byte for byte' 0 "$scratch/bytes"
	cp "$scratch/bytes" "$input"
	run submit --file=- echo
	expect_file 'submit: --file=-' 0 "$scratch/bytes"
	given 'a b\nc\n'
	run submit word_count
	expect 'submit: word_count' 0 '2 3 6'
	run submit --stream count 5
	expect 'submit: a stream, then the value' 0 012345
	run submit --stream square x
	expect 'submit: a stream of one that fails' 1 '' '^futurectl: square: ValueError: '
	run submit --progress count 100000
	expect_nothing 'submit: progress goes to stderr' \
		"$(grep -avE '^[0-9]+/100000  ' "$err" | head; grep -avx 100000 "$out")"
}

submit_failures() {
	run submit square twelve
	expect 'submit: a task that fails' 1 '' \
		'^futurectl: square: ValueError: not a decimal integer$' '^  \| twelve$' \
		'^executed: yes, retry: new_job, attempt: 1$'
	run submit fail 'Odd Type|a message|'
	expect 'submit: without details' 1 '' '^futurectl: fail: .*: a message$'
	run submit no_such_task x
	expect 'submit: a task that there is not' 3 '' 'UNKNOWN_TASK' '^detail: .*no_such_task' \
		'^hint: ' '^executed: no, retry: never$'
	run -p processes submit segv
	expect 'submit: a crash' 3 '' 'HOST_DIED' '^cause of death: process [0-9]+ was ended by SIGSEGV' \
		'^  \| about to crash$' '^executed: maybe, retry: new_job, attempt: 1$'
	run submit exit 3
	expect 'submit: an exit' 3 '' '^cause of death: process [0-9]+ exited with code 3'
	run submit --run-limit 0.05 sleep 30
	expect 'submit: a run limit' 1 '' '^futurectl: sleep: RUN_LIMIT: '
	run submit --stall-limit 0.05 sleep 30
	expect 'submit: a stall limit' 1 '' '^futurectl: sleep: STALL_LIMIT: '
	run submit --deadline 0.05 sleep 30
	expect 'submit: a deadline' 3 '' '^futurectl: sleep: DEADLINE: '
	run -p processes submit --retries 2 segv
	expect 'submit: a crash, again and again' 3 '' 'QUARANTINED' '^detail: 3 processes died' \
		'^cause of death: process [0-9]+ was ended by SIGSEGV' \
		'^executed: maybe, retry: never, attempt: 3$'
	run submit --retries 0,4 --retry-pause 0.001 square x
	expect 'submit: a failure, again and again' 1 '' ', attempt: 5$'
	run submit --retries 4,0 square x
	expect 'submit: a failure, with retries for crashes' 1 '' ', attempt: 1$'
	run submit --retries=7 attempt
	expect 'submit: retries of a job that needs none' 0 1
	run submit --timeout 0.05 sleep 30
	expect 'submit: a timeout' 4 '' '^futurectl: sleep: TIMEOUT: '
	run submit --timeout 30 square 5
	expect 'submit: a timeout that is none' 0 25
}

# The times are another each time, and so is the name: run_json ARGUMENT... leaves them out
run_json() {
	run submit --json "$@"
	sed -i 's/,"timeline":{[^}]*}//; s/^{"job":"[0-9]*-0-[0-9]*",/{/' "$out"
}

submit_json() {
	run_json square 5
	expect 'submit --json' 0 '{"status":"OK","value":"25"}\n'
	given 'a"b\\c\n\001\303\244'
	run_json echo
	expect 'submit --json: a text with all that must be escaped' 0 \
		'{"status":"OK","value":"a\\"b\\\\c\\n\\u0001\303\244"}\n'
	given '\377'
	run_json echo
	expect 'submit --json: bytes' 0 '{"status":"OK","value_base64":"/w=="}\n'
	run_json --stream count 2
	expect 'submit --json --stream' 0 \
		'{"chunk":"0"}\n{"chunk":"1"}\n{"status":"OK","value":"2"}\n'
	run_json fail 'E|m|d'
	expect_lines 'submit --json: a failure' 1 \
		'^\{"status":"TASK_FAILED","error":\{"type":"E","message":"m","details":"d","traceback":"crash\.c:[0-9]+: fail\\n","executed":"yes","retry":"new_job","attempt":1\}\}$'
	run_json kill_self
	expect_lines 'submit --json: a death' 3 \
		'"death":\{"pid":[0-9]+,"signal":"SIGKILL","core_dumped":false,.*"stderr_tail":""'
}

submit_timeline() {
	run submit --json count 10
	expect_lines 'submit --json: the timeline' 0 \
		'"timeline":\{"total_us":[1-9][0-9]*,"queued_us":0,"dispatched_us":[1-9][0-9]*,"started_us":[1-9][0-9]*,"first_chunk_us":[1-9][0-9]*,"finished_us":[1-9][0-9]*,"transit_us":[0-9]+,"cpu_us":[0-9]+,"payload_bytes":2,"result_bytes":2,"chunk_bytes":10,"attempt":1\}\}$'
	run submit --json no_such_task
	expect_lines 'submit --json: the timeline of a job that never ran' 3 \
		'"timeline":\{"total_us":[1-9][0-9]*,"queued_us":null,"dispatched_us":null,.*"attempt":0\}\}$'
	run submit --json --timeout 0.01 sleep 30
	expect_nothing 'submit --json: no timeline of a job that is not done' "$(grep timeline "$out")"
	run submit --verbose square 5
	expect 'submit --verbose' 0 25 '^job [0-9]+-0-[0-9]+$' '^timeline.*attempt 1' '^ +[1-9][0-9]* us  started$' \
		'^ +never  first chunk$' '^  1 bytes of payload, 2 of result, 0 in chunks$'
}

# ---- map ----

map_cases() {
	run map square 3 1 2
	expect 'map: arguments' 0 '9  3\n1  1\n4  2\n'
	given '3\n1\n2'
	run map square
	expect 'map: lines, the last one without its end' 0 '9  3\n1  1\n4  2\n'
	run map square
	expect 'map: no items' 0 ''
	given 'a b\0c\nd\0e\\f\0'
	run map -0 echo
	expect 'map -0: names are escaped' 0 'a b  a b\n\\c\nd  c\\nd\n\\e\\f  e\\\\f\n'
	seq 1000 >"$scratch/numbers"
	awk '{ print $1 * $1 "  " $1 }' "$scratch/numbers" >"$scratch/squares"
	for size in 1 7 5000; do
		cp "$scratch/numbers" "$input"
		run -p processes map --chunksize $size square
		expect_file "map: 1000 items, chunks of $size" 0 "$scratch/squares"
	done
	cp "$scratch/numbers" "$input"
	run map --buffersize 3 square
	expect_file 'map: 1000 items, three at a time' 0 "$scratch/squares"
	cp "$scratch/numbers" "$input"
	run map --unordered --chunksize 3 square
	sort -n "$out" >"$scratch/sorted" && mv "$scratch/sorted" "$out"
	expect_file 'map --unordered: all of them' 0 "$scratch/squares"
	run map --unordered sleep 0.5 0
	expect 'map --unordered: as they come' 0 '0  0\n0.5  0.5\n'
	run map --summary square 1 x 2
	expect 'map --summary' 1 '1  1\n4  2\n' '^items 3, failed 1, bytes 3, seconds '
}

map_failures() {
	run map square 1 x 3
	expect 'map: an item that fails' 1 '1  1\n9  3\n' '^x: not a decimal integer$'
	run map --chunksize 3 square 1 x 3
	expect 'map: an item that fails in a chunk' 1 '1  1\n9  3\n' '^x: not a decimal integer$'
	run -p processes map frail 1 die 3
	expect 'map: an item that kills' 3 '1  1\n3  3\n' '^die: the process that ran the task died$'
	run -p processes map --retries 1 frail 1 die 3
	expect 'map: an item that kills twice' 3 '1  1\n3  3\n' \
		'^die: the job killed its host as often as it may$'
	run map no_such_task 1 2
	expect 'map: a task that there is not' 3 '' '^1: ' '^2: '
	run map --json square 2 x
	expect_lines 'map --json' 1 '^\{"index":0,"item":"2","status":"OK","value":"4"\}$' \
		'^\{"index":1,"item":"x","status":"TASK_FAILED","error":\{"type":"ValueError",.*\}\}$'
	sha256sum "$scratch/numbers" >"$scratch/sum"
	run map --file sha256 "$scratch/missing" "$scratch/numbers"
	expect_file 'map --file: one that cannot be read' 1 "$scratch/sum" \
		'missing: No such file or directory$'
	run map --file --json sha256 "$scratch/missing"
	expect_lines 'map --file --json: one that cannot be read' 1 '"status":"UNREADABLE"'
	run map --run-limit 0.05 sleep 0 30 0
	expect 'map: a run limit' 1 '0  0\n0  0\n' '^30: '
}

map_files() {
	tree=$scratch/a_tree
	mkdir -p "$tree/sub dir" && cp -R "$top_srcdir/examples" "$top_srcdir/modules" "$tree/"
	chmod -R u+w "$tree"
	: >"$tree/empty"
	cp "$scratch/bytes" "$tree/sub dir/with space"
	echo x >"$tree/back\\slash"
	echo x >"$tree/new
line"
	find "$tree" -type f -print0 | sort -z >"$scratch/names"
	xargs -0 sha256sum <"$scratch/names" >"$scratch/sums"
	cp "$scratch/names" "$input"
	run map -0 --file sha256
	expect_file 'map --file sha256 is sha256sum' 0 "$scratch/sums"
	cp "$scratch/names" "$input"
	run -u "$tcp_url" -p processes map -0 --file --chunksize 4 sha256
	expect_file 'map --file sha256 in chunks, over TCP' 0 "$scratch/sums"
}

# ---- status and ping ----

status_cases() {
	run status
	expect_lines 'status: a table' 0 '^futured [^ ]+, incarnation .*, up [0-9:]+$' \
		'^sessions 1, jobs queued 0, running [0-9]+$' '^POOL +KIND +SLOTS +HOSTS +IDLE ' \
		'^threads +threads +4 +1 ' '^processes +processes +2 +2 ' \
		'^tasks of threads:.* echo' '^tasks of processes:.* square'
	run status --json
	expect_lines 'status --json' 0 '^\{.*\}$' '"pools": *\[' '"name": *"processes"' \
		'"uptime_us": *[0-9]+'
	run ping
	expect_lines 'ping' 0 '^10 pings: min [0-9]+ avg [0-9]+ max [0-9]+ us$'
	run -u "$tcp_url" ping -c 3
	expect_lines 'ping over TCP' 0 '^3 pings: '
}

# ---- jobs and why ----

# start_gate OPTION...: a submit to the processes that ends at a gate; its pid goes to $gates, its
# name to $job
gates=
start_gate() {
	# Emptied here: the one before has left its name in it.
	: >"$scratch/gate_err"
	"$futurectl" -p processes submit --verbose "$@" gate "$daemon_dir/jobs_gate" >"$scratch/gate_out" \
		2>>"$scratch/gate_err" </dev/null &
	gates="$gates $!"
	wait_until grep -q '^job ' "$scratch/gate_err" || echo '# it has no name'
	job=$(sed -n 's/^job //p' "$scratch/gate_err" | tail -n 1)
}

# why_is REGEX: the last answer has a line like that
why_is() {
	"$futurectl" why "$job" >"$out" 2>"$err" && grep -qE "$1" "$out"
}

# explain DESCRIPTION REGEX: it does, after a while
explain() {
	code=0
	wait_until why_is "$2" || code=1
	expect_lines "$1" 0 "$2"
}

job_cases() {
	wait_until running 0 || echo '# something still runs'
	run jobs
	expect 'jobs: none' 0 'JOB  POOL  TASK  STATE  KEY  LEVEL     WAITED    RUNNING ATTEMPT\n'
	run jobs --json
	expect 'jobs --json: none' 0 '{"jobs":[],"more":0}\n'
	start_gate --priority 2 --key reports
	explain 'why: it runs' "^$job, gate: running in process [0-9]+$"
	first=$job
	start_gate --key capped
	explain 'why: it runs, too' "^$job, gate: running in process [0-9]+$"
	start_gate --key capped
	explain 'why: a capped key' "^$job, gate: waiting: key 'capped' has 1 of at most 1 jobs in slots$"
	start_gate --priority -3
	explain 'why: no slot' \
		"^$job, gate: waiting: the next, pool 'processes' has 2 of 2 slots busy$"
	run why --json "$job"
	expect_lines 'why --json' 0 "^\\{\"job\":\"$job\",.*\"priority\":-3,\"level\":-3,\"key\":\"\",.*\"reason\":\"slots_busy\",.*\"facts\":\\{\"slots\":2,\"busy\":2,.*\\}\\}$"
	run jobs
	expect_lines 'jobs: a table' 0 '^JOB +POOL +TASK +STATE +KEY +LEVEL +WAITED +RUNNING ATTEMPT$' \
		"^$first +processes  gate  running  reports +2 +[0-9.]+ +[0-9.]+ +1$" \
		"^$job +processes  gate  queued + -3 +[0-9.]+ +0\\.000 +0$"
	run jobs --json
	expect_lines 'jobs --json' 0 "^\\{\"jobs\":\\[\\{\"job\":\"$first\",.*\\],\"more\":0\\}$"
	: >"$daemon_dir/jobs_gate"
	for pid in $gates; do
		wait "$pid" || echo "# submit $pid failed"
	done
	run why "$first"
	expect 'why: one that is done' 3 '' "^futurectl: why: the daemon has no job $first: it is done"
	# One job each: what they are allowed to be is for the daemon to say, and it does.
	run submit --priority 3 --key a.b-c_d square 3
	expect 'submit: a priority and a key' 0 9
	run map --priority -4 --key k square 3 4
	expect 'map: a priority and a key' 0 '9  3\n16  4\n'
}

# ---- the command line ----

usage_cases() {
	while read -r arguments; do
		# shellcheck disable=SC2086 # they are many
		run $arguments
		expect "a wrong command line: futurectl $arguments" 2 '' '^(Try|futurectl)'
	done <<-END

		frobnicate
		--frobnicate
		-p a/b ping
		submit
		submit square 1 2
		submit --file /etc/passwd square 1
		submit --timeout soon square 1
		submit --run-limit -1 square 1
		submit --retries many square 1
		submit --retries 1,2,3 square 1
		submit --retries 1, square 1
		submit --retries 101 square 1
		submit --file /nonexistent/file square
		submit bad/name 1
		map
		submit --priority 4 square 1
		submit --priority -5 square 1
		submit --priority high square 1
		submit --priority 1x square 1
		submit --key a/b square 1
		map --priority 4 square 1
		jobs 1
		why
		why 7
		why 7-3
		why 7-3-1-2
		why 7-3-x
		why 7-3-1 7-3-2
		map --chunksize 0 square 1
		map --buffersize many square 1
		status now
		ping -c 0
		-u foo ping
		-u unix: ping
		-u tcp://127.0.0.1:99999 ping
		-u tcp://127.0.0.1:1?colour=red ping
	END
	run --help
	expect_lines 'futurectl --help names the commands' 0 '^  submit ' '^  map ' '^  status ' '^  ping '
	run map --help
	expect_lines 'futurectl map --help' 0 'chunksize'
	run --version
	expect_lines 'futurectl --version' 0 '^futurectl [0-9]'
}

where_cases() {
	run -p processes submit echo x
	expect 'a pool by -p' 0 x
	run -u "$unix_url?pool=threads" -p nobody submit echo x
	expect '-p outweighs the pool of the URL' 3 '' 'UNKNOWN_POOL' '^hint: futurectl status'
	run -u "$tcp_url/processes" submit echo x
	expect 'a pool in the path of a URL' 0 x
	for command in 'submit echo x' 'map echo x' status ping jobs 'why 1-0-1'; do
		# shellcheck disable=SC2086 # words
		run -u "unix:$daemon_dir/nobody" $command
		expect "no daemon: ${command%% *}" 3 '' 'CONNECT_FAILED'
	done
	run -u tls://127.0.0.1:1 ping
	expect 'nobody listens with TLS' 3 '' 'CONNECT_FAILED'
}

# ---- without a daemon ----

# Nothing is named: not by a URL, and no socket is where they usually are.
run_alone() {
	run_url=$FUTURED_URL
	unset FUTURED_URL RUNTIME_DIRECTORY XDG_RUNTIME_DIR
	run "$@"
	FUTURED_URL=$run_url
	export FUTURED_URL
}

private_cases() {
	use_private_daemons
	run -u local: submit square 12
	expect 'a private daemon: submit' 0 144
	run -u local: -p processes submit square 12
	expect 'a private daemon: -p' 0 144
	run -u 'local:?workers=1&modules=basic' submit sha256 x
	expect 'a private daemon: its modules' 3 '' 'UNKNOWN_TASK'
	given '3\n4\n'
	run -u 'local:?workers=2&pool=processes' map square
	expect 'a private daemon: map' 0 '9  3\n16  4\n'
	run -u 'local:?workers=3' status
	expect_lines 'a private daemon: its status, when it is asked for' 0 '^threads +threads +3 ' \
		'^processes +processes +3 '
	run -u local: -p nobody submit echo x
	expect 'a private daemon: another pool' 2 '' 'the pools of a local: URL are threads and'
	run -u local:here submit echo x
	expect 'a private daemon: another place' 2 '' 'a local: URL has parameters alone'
	if [ -e /run/futured.sock ]; then
		skip 'without a daemon' 'this machine has one'
		return
	fi
	run_alone submit square 12
	expect 'nothing is named: submit starts a daemon' 0 144
	given '3\n'
	run_alone -p processes map square
	expect 'nothing is named: map starts a daemon' 0 '9  3\n'
	# A socket that is there is what is meant.
	mkdir "$scratch/run"
	ln -s "${unix_url#unix:}" "$scratch/run/futured.sock"
	for variable in RUNTIME_DIRECTORY XDG_RUNTIME_DIR; do
		code=0
		env -u FUTURED_URL -u RUNTIME_DIRECTORY -u XDG_RUNTIME_DIR \
			"$variable=$scratch/run" "$futurectl" ping -c 1 >"$out" 2>"$err" || code=$?
		expect_lines "nothing is named: the socket in $variable" 0 '^1 pings: '
	done
	for command in status ping; do
		run_alone $command
		expect "nothing is named: $command says so" 3 '' \
			"^futurectl: $command: CONNECT_FAILED: no daemon is named" '^hint: .*FUTURED_URL'
	done
	FUTURED_DAEMON=/nowhere/futured
	run_alone submit square 12
	expect 'nothing is named, and nothing can be started' 3 '' 'CONNECT_FAILED' \
		'^detail: /nowhere/futured: No such file or directory$' '^hint: .*FUTURED_DAEMON'
}

# ---- ends before the end ----

# interrupt DESCRIPTION ARGUMENT...: one that runs
interrupt() {
	description=$1
	shift
	"$futurectl" "$@" >"$out" 2>"$err" </dev/null &
	pid=$!
	wait_until running 1 || echo "# it does not run"
	kill -INT $pid
	code=0
	wait $pid || code=$?
	expect "$description" 130 ''
	if wait_until running 0; then
		verdict ok "$description: nothing is left running"
	else
		verdict 'not ok' "$description: nothing is left running"
	fi
}

ends() {
	wait_until running 0 || echo '# something still runs'
	interrupt 'SIGINT: submit' submit gate "$daemon_dir/gate"
	interrupt 'SIGINT: map' map gate "$daemon_dir/gate"
	# Of many results only the first is read.
	seq 100000 >"$input"
	("$futurectl" map echo <"$input" 2>"$err"; echo $? >"$scratch/code") | head -n 1 >"$out"
	: >"$input"
	code=$(cat "$scratch/code")
	expect 'a broken pipe' 3 '1  1\n'
	code=0
	"$futurectl" submit echo x >/dev/full 2>"$err" || code=$?
	: >"$out"
	expect 'a full disk' 3 '' '^futurectl: standard output: No space left on device$'
	code=0
	"$futurectl" submit echo x >&- 2>"$err" || code=$?
	expect 'a closed output' 3 ''
	code=0
	"$futurectl" submit echo <&- >"$out" 2>"$err" || code=$?
	expect 'a closed input' 2 '' '^futurectl: standard input: '
}

: >"$input"
start_daemon
submit_cases
submit_failures
submit_json
submit_timeline
map_cases
map_failures
map_files
status_cases
job_cases
usage_cases
where_cases
private_cases
ends
stop_daemon
end_tests
