#!/bin/sh
# What leaves the shared objects: of libfutured exactly what its header declares and its list
# of symbols says, of each module one symbol.
# shellcheck source=tests/scripts/tap.sh
. "$(dirname "$0")/tap.sh"

: "${top_builddir:=.}"
: "${CC:=cc}"
library=$top_builddir/.libs/libfutured.so
list=$top_srcdir/client/libfutured.sym
header=$top_srcdir/include/futured/futured.h

# Names of an object's exported symbols; the linker's own are not ours.
exported() {
	nm -D --defined-only "$1" | awk '{ print $NF }' |
		grep -vE '^(_init|_fini|_edata|_end|__bss_start)$' | sort
}

# Names of the functions that a header declares with FUT_API.
declared() {
	grep -v '^#' "$1" | tr '\n' ' ' | grep -oE 'FUT_API [^(;]*\(' |
		sed -E 's/.*[^_[:alnum:]]([_[:alnum:]]+)[[:space:]]*\($/\1/' | sort
}

# difference NAME A NAME B: the lines of one file that the other has not
difference() {
	comm -23 "$2" "$4" | sed "s/\$/ is in $1, not in $3/"
	comm -13 "$2" "$4" | sed "s/\$/ is in $3, not in $1/"
}

library_against_list() { # LIBRARY LIST
	exported "$1" >"$scratch/exported"
	sort "$2" >"$scratch/listed"
	difference 'the library' "$scratch/exported" 'its list' "$scratch/listed"
}

header_against_list() { # HEADER LIST
	declared "$1" >"$scratch/declared"
	sort "$2" >"$scratch/listed"
	difference 'the header' "$scratch/declared" 'the list' "$scratch/listed"
}

module_exports() { # MODULE
	exported "$1" | grep -vx fut_module | sed "s|\$| leaves $(basename "$1")|"
	exported "$1" | grep -qx fut_module || echo "$(basename "$1") has no fut_module"
}

all_modules() {
	sed -n 's/^module_LTLIBRARIES *+= *//p' "$top_srcdir/modules/local.mk" | tr ' ' '\n' |
		sed 's/\.la$//'
}

if ! $only_planted; then
	expect_nothing 'libfutured exports what its list says' \
		"$(library_against_list "$library" "$list" 2>&1)"
	expect_nothing 'futured.h declares what the list says' \
		"$(header_against_list "$header" "$list" 2>&1)"
	for module in $(all_modules); do
		expect_nothing "the module $module exports fut_module alone" \
			"$(module_exports "$top_builddir/.libs/$module.so" 2>&1)"
	done
fi

{ cat "$list" && echo fut_planted; } >"$scratch/longer"
expect_finding 'a symbol in the list that the library lacks' \
	"$(library_against_list "$library" "$scratch/longer")" 'fut_planted is in its list'
grep -vx fut_submit "$list" >"$scratch/shorter"
expect_finding 'a symbol of the library that the list lacks' \
	"$(library_against_list "$library" "$scratch/shorter")" 'fut_submit is in the library'
{ cat "$header" && echo 'FUT_API int' && echo '	fut_planted(void);'; } >"$scratch/planted.h"
expect_finding 'a function in the header that the list lacks' \
	"$(header_against_list "$scratch/planted.h" "$list")" 'fut_planted is in the header'

echo 'int fut_module; int planted(void); int planted(void) { return 0; }' >"$scratch/planted.c"
# shellcheck disable=SC2086 # CC may hold more than a word
$CC -shared -fPIC -o "$scratch/planted.so" "$scratch/planted.c"
expect_finding 'a second symbol of a module' \
	"$(module_exports "$scratch/planted.so")" 'planted leaves'

end_tests
