#!/bin/sh
# A folder is a layer: reads the #include lines and looks for those that reach where they
# may not. What generated code includes is not ours to say.
# shellcheck source=tests/scripts/tap.sh
. "$(dirname "$0")/tap.sh"

# code TREE FOLDER...: the files there, as paths in the tree
code() (
	cd "$1" || exit 1
	shift
	for folder; do
		if [ -d "$folder" ]; then
			find "$folder" -name '*.[ch]' ! -name '*.pb-c.[ch]'
		fi
	done | sort
)

# lines TREE PATTERN FILE...: "file:line:text"; quiet without files
lines() (
	cd "$1" || exit 1
	pattern=$2
	shift 2
	[ $# = 0 ] || grep -nHE "$pattern" "$@"
)

include_of='[[:space:]]*#[[:space:]]*include[[:space:]]*'

# Only the named folders and installed headers, as patterns. Headers of the system are free.
reaches_beyond() { # TREE FOLDER FOLDERS INSTALLED
	# shellcheck disable=SC2046 # no file of ours has a space in its name
	lines "$1" "^${include_of}(\"|<futured/)" $(code "$1" "$2") |
		grep -vE ":[0-9]+:${include_of}(\"($3)/[^/\"]*\"|<futured/($4)>)"
}

# A library's header, or a call, is for some files only.
appears_beyond() { # TREE PATTERN FILES
	# shellcheck disable=SC2046
	lines "$1" "$2" $(code "$1" common proto net daemon worker client ctl modules examples \
		include) | grep -vE "^($3)[^/]*:"
}

may_include() { # FOLDER FOLDERS INSTALLED PLANTED
	test_rule reaches_beyond "$1 includes what a layer below it offers" "$1/planted.c" \
		"#include $4" "$1" "$2" "$3"
}

only_in() { # WHAT PATTERN FILES PLANTED-FILE PLANTED-LINE
	test_rule appears_beyond "$1" "$4" "$5" "$2" "$3"
}

may_include include   'nothing'                 'status\.h' '<futured/other.h>'
may_include common    'common'                  'nothing'   '"proto/frame.h"'
may_include proto     'common|proto'            'status\.h' '"net/stream.h"'
may_include net       'common|proto|net'        'nothing'   '"daemon/job.h"'
may_include daemon    'common|proto|net|daemon' 'status\.h|futured\.h' '"client/future.h"'
may_include worker    'common|proto|worker'     'task\.h|status\.h'    '"net/stream.h"'
may_include client    'common|proto|net|client' '[a-z]+\.h' '"daemon/job.h"'
may_include ctl       'ctl'                     '[a-z]+\.h' '"client/future.h"'
may_include modules   'modules'                 'task\.h'   '<futured/futured.h>'
may_include examples  'nothing'                 '[a-z]+\.h' '"common/buf.h"'

only_in 'libevent is for net and daemon, and one example' \
	"^${include_of}<(event2/|event\\.h|evutil)" 'net/|daemon/|examples/with_libevent\.c' \
	client/planted.c '#include <event2/event.h>'
only_in 'protobuf-c is for proto' \
	"^${include_of}[<\"](protobuf-c/|.*pb-c\\.h)" 'proto/' \
	daemon/planted.c '#include "proto/futured.pb-c.h"'
only_in 'OpenSSL is for net, the module hash, and the tool that makes certificates' \
	"^${include_of}<openssl/" 'net/|modules/hash\.c|ctl/cert_make\.c' \
	worker/planted.c '#include <openssl/evp.h>'
only_in 'libconfuse is for the configuration' \
	"^${include_of}<confuse\\.h>" 'daemon/config' \
	daemon/planted.c '#include <confuse.h>'
only_in 'jansson is for the tool and the status' \
	"^${include_of}<jansson\\.h>" 'daemon/admin|ctl/' \
	client/planted.c '#include <jansson.h>'
only_in 'dlopen is for the worker' \
	'(^|[^_[:alnum:]])dlm?open[[:space:]]*\(' 'worker/' \
	daemon/planted.c 'void *p = dlopen("x", 0);'

end_tests
