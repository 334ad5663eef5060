#!/bin/sh
# What a reader should never meet, and a test should never do.
# shellcheck source=tests/scripts/tap.sh
. "$(dirname "$0")/tap.sh"

# text TREE PATTERN...: the files of our folders whose names match, as paths in the tree
text() (
	cd "$1" || exit 1
	shift
	for folder in $folders doc dev; do
		if [ -d "$folder" ]; then
			for pattern; do
				find "$folder" -type f -name "$pattern" ! -name '*.pb-c.[ch]'
			done
		fi
	done | sort -u
)

# search TREE REGEX FILE...: "file:line:text"; quiet without files
search() (
	cd "$1" || exit 1
	regex=$2
	shift 2
	[ $# = 0 ] || grep -nHE "$regex" "$@"
)

# The next functions rely on it that no file of ours has a space in its name.
# shellcheck disable=SC2046
trailing_space() { # TREE
	search "$1" '[[:space:]]$' $(text "$1" '*.[ch]' '*.sh' '*.mk' '*.md' '*.proto' '*.conf')
}

# In two parts, so that this line is none.
# shellcheck disable=SC2046
unfinished() { # TREE
	search "$1" '(TO''DO|FIX''ME)([^[:alnum:]]|$)' \
		$(text "$1" '*.[ch]' '*.sh' '*.mk' '*.md' '*.proto')
}

# A test that waits for a time to pass is slow on a fast machine and wrong on a slow one.
# shellcheck disable=SC2046
sleeping_tests() { # TREE
	search "$1" '(^|[^_[:alnum:]"])u?sleep[[:space:]]*\(' $(text "$1" '*.[ch]' | grep '^tests/')
}

too_long() { # TREE LIMIT FILES
	for file in $(text "$1" '*.[ch]' '*.sh' | grep -E "$3"); do
		lines=$(wc -l <"$1/$file")
		[ "$lines" -le "$2" ] || echo "$file has $lines lines, more than $2"
	done
}

test_rule trailing_space 'no line ends in white space' common/planted.c 'int x; '
test_rule unfinished 'nothing is marked as unfinished' common/planted.c '/* TO''DO: all */'
test_rule sleeping_tests 'no test sleeps' tests/unit/planted.c '	sleep(1);'
many=$(seq 701 | sed 's/$/\\n/' | tr -d '\n')
test_rule too_long 'no file is longer than 700 lines' common/planted.c "$many" 700 '^[^t]'
test_rule too_long 'no test is longer than 700 lines' tests/unit/planted.c "$many" 700 '^tests/'

end_tests
