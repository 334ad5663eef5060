#!/bin/sh
# Every header compiles alone, and twice; the installed ones also as strict C and as C++.
# shellcheck source=tests/scripts/tap.sh
. "$(dirname "$0")/tap.sh"

: "${top_builddir:=$top_srcdir}"
: "${CC:=cc}"
: "${CXX:=g++}"

# compile TREE HEADER COMPILER...: prints what the compiler says, with the header's path
compile() {
	header=$2
	printf '#include <%s>\n#include <%s>\n' "${header#include/}" "${header#include/}" \
		>"$scratch/header.source"
	tree=$1
	shift 2
	"$@" -fsyntax-only -Wall -Wextra -Werror "$scratch/header.source" \
		>"$scratch/said" 2>&1 && return
	echo "$header does not compile alone (in $tree):"
	head -n 5 "$scratch/said"
}

headers() { # TREE FOLDER
	(cd "$1" && [ -d "$2" ] && find "$2" -name '*.h' ! -name '*.pb-c.h' | sort)
}

# CC may hold more than a word.
# shellcheck disable=SC2086
fails_as_gnu_c() { # TREE FOLDER
	for h in $(headers "$1" "$2"); do
		compile "$1" "$h" $CC -D_GNU_SOURCE -I"$1" -I"$top_builddir" -I"$1/include" -x c
	done
}

# shellcheck disable=SC2086
fails_as_strict_c() { # TREE
	for h in $(headers "$1" include); do
		compile "$1" "$h" $CC -std=c11 -pedantic -I"$1/include" -x c
	done
}

# shellcheck disable=SC2086
fails_as_cxx() { # TREE
	for h in $(headers "$1" include); do
		compile "$1" "$h" $CXX -std=c++11 -pedantic -I"$1/include" -x c++
	done
}

for folder in common proto net daemon worker client ctl modules; do
	test_rule fails_as_gnu_c "headers of $folder compile alone" "$folder/planted.h" \
		'uint32_t planted(void);' "$folder"
done
test_rule fails_as_gnu_c 'headers compile twice' common/planted.h \
	'struct planted { int x; };' common
test_rule fails_as_strict_c 'installed headers are strict C11' include/futured/planted.h \
	'typeof(int) planted(void);'
if command -v "${CXX%% *}" >/dev/null; then
	test_rule fails_as_cxx 'installed headers are C++11' include/futured/planted.h \
		'void planted(int class);'
else
	skip 'installed headers are C++11' 'there is no C++ compiler'
fi

end_tests
