#!/bin/sh
# The manual pages have every function of the library, each in one page.
# shellcheck source=tests/scripts/tap.sh
. "$(dirname "$0")/tap.sh"

: "${AWK:=awk}"

# The functions that each page names, one a line, as PAGE NAME
paged() { # TREE
	sed -n 's/^man_group_\([a-z_]*\) *= \(.*\)/\1 \2/p' "$1/man/local.mk" |
		while read -r page group; do
			"$AWK" -f "$1/man/page.awk" -v page="$page" -v group="$group" \
				"$1/include/futured/futured.h" 2>&1 | sed -n '/^# NAME/,/^# SYN/p' |
				sed 's/\\//g' | grep -o 'fut_[a-z_]*' | sed "s/^/$page /"
		done
}

not_once_in_a_page() { # TREE
	paged "$1" >"$scratch/paged"
	while read -r name; do
		n=$(grep -c " $name\$" "$scratch/paged")
		[ "$n" = 1 ] || echo "$name is in $n manual pages (client/libfutured.sym)"
	done <"$1/client/libfutured.sym"
}

test_rule not_once_in_a_page 'every exported function is in one manual page' \
	client/libfutured.sym fut_planted
end_tests
