#!/bin/sh
# The table in tests/contract/README.md and the tests beside it say the same: each case has its
# row, each row that promises a test has one that runs, and each test has a row.
# shellcheck source=tests/scripts/tap.sh
. "$(dirname "$0")/tap.sh"

# How many cases each family has. The list is CPython's, and what a network adds: it does not
# change when a test does.
families='CF-EX:21 CF-FU:21 CF-WA:9 CF-AC:5 CF-IN:4 CF-TP:7 CF-PP:27 CF-SH:20 CF-DL:16 CF-IP:21
	CF-PO:1 CFX:15'
inapplicable=11

# rows TREE: "ID MARK TEST..." for each row of the table
rows() {
	sed -nE 's/^\| (CFX?[-A-Z0-9]*-[0-9]+) \| ([A-Z]) \| *([^|]*[^ |])? *\|.*/\1 \2 \3/p' \
		"$1/tests/contract/README.md" | tr -d '`'
}

# tests TREE: "NAME FILE" for each test
tests() (
	cd "$1/tests/contract" || exit 1
	for file in test_*.c; do
		sed -nE "s/^START_TEST\\((.*)\\)\$/\\1 $file/p" "$file"
	done
)

# added TREE: the names that suites have, however long the line
added() (
	cd "$1/tests/contract" || exit 1
	cat test_*.c | tr '\n' ' ' | tr ';' '\n' | sed -nE \
		-e 's/.*[^_[:alnum:]](tcase_add_[a-z_]*test|each_[a-z]+)\([^,]*,[[:space:]]*([a-z0-9_]+).*/\2/p' \
		-e 's/.*[^_[:alnum:]]trun_add_unless\(.*,[[:space:]]*([a-z0-9_]+),[^,]*\).*/\1/p'
)

case_without_row() { # TREE
	rows "$1" | cut -d' ' -f1 | sort >"$scratch/rows"
	for family in $families; do
		seq -f "${family%:*}-%02g" "${family#*:}"
	done | sort >"$scratch/cases"
	comm -23 "$scratch/cases" "$scratch/rows" | sed 's/$/ has no row/'
	comm -13 "$scratch/cases" "$scratch/rows" | sed 's/$/ is no case, or has two rows/'
}

# Y, A and D promise a test; N and P promise that there is none.
row_without_test() { # TREE
	tests "$1" | cut -d' ' -f1 >"$scratch/tests"
	rows "$1" | while read -r id mark names; do
		prefix=$(echo "$id" | tr 'A-Z-' 'a-z_')_
		case $mark:$names in
		[YAD]:) echo "$id is marked $mark and names no test" ;;
		[NP]:?*) echo "$id is marked $mark and names a test" ;;
		[YADNP]:*) ;;
		*) echo "$id is marked $mark, which means nothing" ;;
		esac
		for name in $names; do
			case $name in
			"$prefix"*) ;;
			*) echo "$id names $name, which is another case's" ;;
			esac
			grep -qx "$name" "$scratch/tests" || echo "$id names $name, which is no test"
		done
	done
	n=$(rows "$1" | grep -c ' N')
	[ "$n" = $inapplicable ] || echo "$n rows are marked N, not $inapplicable"
}

test_without_row() { # TREE
	rows "$1" | cut -d' ' -f3- | tr ' ' '\n' >"$scratch/named"
	tests "$1" | while read -r name file; do
		grep -qx "$name" "$scratch/named" || echo "$name in $file has no row"
	done
}

test_without_suite() { # TREE
	added "$1" >"$scratch/added"
	tests "$1" | while read -r name file; do
		grep -qx "$name" "$scratch/added" || echo "$name in $file is in no suite"
	done
}

program_not_built() { # TREE
	for file in "$1"/tests/contract/test_*.c; do
		name=$(basename "$file" .c)
		grep -qE "/$name( \\\\)?\$" "$1/tests/contract/local.mk" ||
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
	file=$planted/tests/contract/$4
	cp "$file" "$scratch/saved"
	sed -E "$3" "$scratch/saved" >"$file"
	cmp -s "$file" "$scratch/saved" && verdict 'not ok' "nothing was planted: $2"
	expect_finding "$2" "$($1 "$planted")" "$5"
	cp "$scratch/saved" "$file"
}

rule case_without_row 'every case has its row' '/^\| CF-FU-09 /d' README.md 'CF-FU-09 has no row'
plant case_without_row 'no case has two' '/^\| CFX-05 /p' README.md 'CFX-05 is no case'
plant case_without_row 'no case is made up' 's/^\| CF-PO-01 /| CF-PO-02 /' README.md \
	'CF-PO-02 is no case'
rule row_without_test 'every row has the test that it names' \
	's/^START_TEST\(cf_wa_01_.*/START_TEST(cf_wa_01_planted)/' test_cf_wait.c \
	'CF-WA-01 names cf_wa_01_20369, which is no test'
plant row_without_test 'a case that applies names one' 's/^(\| CF-AC-01 \| Y \|)[^|]*/\1 /' \
	README.md 'CF-AC-01 is marked Y and names no test'
plant row_without_test 'a case that does not apply names none' 's/^(\| CF-AC-01 \|) Y/\1 N/' \
	README.md 'CF-AC-01 is marked N and names a test'
plant row_without_test 'as many apply as apply' 's/^(\| CF-EX-08 \|) N/\1 P/' README.md \
	'10 rows are marked N'
plant row_without_test 'a test is that of its case' 's/cf_ex_01_submit/cf_ex_03_map/' \
	README.md 'CF-EX-01 names cf_ex_03_map'
plant row_without_test 'marks have a meaning' 's/^(\| CF-EX-01 \|) Y/\1 Z/' README.md \
	'CF-EX-01 is marked Z'
rule test_without_row 'every test has a row' 's/.cfx_03_[a-z_]*.//' README.md \
	'cfx_03_daemon_killed in test_cfx_wire.c has no row'
rule test_without_suite 'every test is in a suite' '/each_way\(tc, cfx_03_/d' test_cfx_wire.c \
	'cfx_03_daemon_killed in test_cfx_wire.c is in no suite'
rule program_not_built 'every program is built' '/test_cf_wait/d' local.mk \
	'test_cf_wait is in no list'

pending=$(rows "$top_srcdir" | grep ' P' | cut -d' ' -f1 | tr '\n' ' ')
if [ -n "$pending" ] && ! $only_planted; then
	skip 'no case waits for a feature' "$pending"
fi

end_tests
