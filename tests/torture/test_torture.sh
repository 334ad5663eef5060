#!/bin/sh
# The leaves of the product when calls fail, one after the other: nothing crashes, hangs, or keeps
# memory. test_torture.sh [MOST [TEST...]]: so many calls of each, and of which tests.
: "${top_builddir:=.}"
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${SANITIZERS:=no}"
most=${1:-12}
[ $# = 0 ] || shift
[ $# -gt 0 ] || set -- test_buf test_heap test_log test_name test_tail test_control test_envelope \
	test_error test_frame test_pack test_region test_status \
	test_address test_url test_config_shares test_breaker test_timer test_oom

skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}

[ "$SANITIZERS" = no ] || skip_all 'under sanitizers allocations are theirs'
command -v readelf >/dev/null || skip_all 'there is no readelf'

cd "$top_builddir" || exit 1
folder=$(mktemp -d "${TMPDIR:-/tmp}/futured-torture.XXXXXX") || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM

# libtool's scripts would be in the way: the file itself, and where its library is.
LD_LIBRARY_PATH=$PWD/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH top_builddir top_srcdir
programs=
for name; do
	program=tests/unit/$name
	[ ! -f "tests/unit/.libs/$name" ] || program=tests/unit/.libs/$name
	sh "$top_srcdir/tests/torture/ranges.sh" "$program" >"$folder/$name"
	if [ -f "tests/unit/.libs/$name" ]; then # the product is in the library
		echo 0 0 >>"$folder/$name"
	fi
	[ -s "$folder/$name" ] || skip_all 'built without debugging information'
	programs="$programs $program $folder/$name"
done
# shellcheck disable=SC2086 # names without spaces
tests/torture/run "$PWD/.libs/libinterpose.so" "$most" $programs
