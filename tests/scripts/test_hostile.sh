#!/bin/sh
# The table in tests/hostile/README.md and the cases beside it say the same: each row is there,
# each that promises a case has one that runs, and each case has a row.
# shellcheck source=tests/scripts/tap.sh
. "$(dirname "$0")/tap.sh"

# The rows: they do not change when a case does.
all_rows="$(seq 40) $(seq 52 55)"

# rows TREE: "ROW MARK CASE..." for each row of the table
rows() {
	sed -nE 's/^\| B([0-9]+) \| ([A-Z]) \| *([^|]*[^ |])? *\|.*/\1 \2 \3/p' \
		"$1/tests/hostile/README.md" | tr -d '`'
}

# cases TREE: "NAME FILE" for each
cases() (
	cd "$1/tests/hostile" || exit 1
	for file in test_*.c; do
		sed -nE "s/^START_TEST\\((.*)\\)\$/\\1 $file/p" "$file"
	done
)

row_is_missing() { # TREE
	rows "$1" | cut -d' ' -f1 | sort >"$scratch/rows"
	echo "$all_rows" | tr ' ' '\n' | sort >"$scratch/all"
	comm -23 "$scratch/all" "$scratch/rows" | sed 's/^/no row is B/'
	comm -13 "$scratch/all" "$scratch/rows" | sed 's/.*/B& is no row, or there are two/'
}

row_without_case() { # TREE
	cases "$1" | cut -d' ' -f1 >"$scratch/cases"
	rows "$1" | while read -r row mark names; do
		case $mark:$names in
		Y:) echo "B$row names no case" ;;
		[NT]:?*) echo "B$row is marked $mark and names a case" ;;
		[YNT]:*) ;;
		*) echo "B$row is marked $mark, which means nothing" ;;
		esac
		for name in $names; do
			case $name in
			"$(printf 'b%02d_' "$row")"*) ;;
			*) echo "B$row names $name, which is another row's" ;;
			esac
			grep -qx "$name" "$scratch/cases" || echo "B$row names $name, which is no case"
		done
	done
}

case_without_row() { # TREE
	rows "$1" | cut -d' ' -f3- | tr ' ' '\n' >"$scratch/named"
	cases "$1" | while read -r name file; do
		grep -qx "$name" "$scratch/named" || echo "$name in $file has no row"
	done
}

case_without_suite() { # TREE
	cases "$1" | while read -r name file; do
		grep -qE "(hostile_add|tcase_add_[a-z_]*test)\\(.*[^_[:alnum:]]$name\\)" \
			"$1/tests/hostile/$file" || echo "$name in $file is in no suite"
	done
}

program_not_built() { # TREE
	for file in "$1"/tests/hostile/test_*.c; do
		name=$(basename "$file" .c)
		grep -qE "/$name( \\\\)?\$" "$1/tests/hostile/local.mk" ||
			echo "$name is in no list of local.mk"
	done
}

# rule RULE DESCRIPTION SED FILE WORD...: the fault is what SED makes of FILE in the copy; the
# rule must find it, and name WORD.
rule() {
	if ! $only_planted; then
		expect_nothing "$2" "$($1 "$top_srcdir")"
	fi
	plant "$@"
}

plant() { # as rule()
	copy_tree
	file=$planted/tests/hostile/$4
	cp "$file" "$scratch/saved"
	sed -E "$3" "$scratch/saved" >"$file"
	cmp -s "$file" "$scratch/saved" && verdict 'not ok' "nothing was planted: $2"
	expect_finding "$2" "$($1 "$planted")" "$5"
	cp "$scratch/saved" "$file"
}

rule row_is_missing 'every row is there' '/^\| B13 /d' README.md 'no row is B13'
plant row_is_missing 'none is there twice' '/^\| B20 /p' README.md 'B20 is no row'
rule row_without_case 'every row has the case that it names' \
	's/^START_TEST\(b02_.*/START_TEST(b02_planted)/' test_framing.c \
	'B2 names b02_http, which is no case'
plant row_without_case 'a row that applies names one' 's/^(\| B2 \| Y \|)[^|]*/\1 /' README.md \
	'B2 names no case'
plant row_without_case 'one that does not names none' 's/^(\| B2 \|) Y/\1 N/' README.md \
	'B2 is marked N and names a case'
plant row_without_case 'a case is that of its row' 's/b02_http/b03_tls_on_a_plain_port/' README.md \
	'B2 names b03_tls_on_a_plain_port'
plant row_without_case 'marks have a meaning' 's/^(\| B2 \|) Y/\1 Z/' README.md 'B2 is marked Z'
rule case_without_row 'every case has a row' 's/.b13_no_hello.//' README.md \
	'b13_no_hello in test_framing.c has no row'
rule case_without_suite 'every case is in a suite' '/hostile_add\(tc, b02_/d' test_framing.c \
	'b02_http in test_framing.c is in no suite'
rule program_not_built 'every program is built' '/test_framing/d' local.mk \
	'test_framing is in no list'

end_tests
