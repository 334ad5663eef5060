# shellcheck shell=sh
# What the scripts here share: TAP, and a copy of the tree to plant faults in. Read with `.`.
#
# A rule is a function that is given a tree and prints a line for everything wrong there.
# Each is run on the tree, and again on a copy with one fault that it must find. With
# --planted a script does only the second.

: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
folders='common proto net daemon worker client ctl modules examples bench include man tests'
LC_ALL=C
export LC_ALL
only_planted=false
[ "${1-}" != --planted ] || only_planted=true

cases=0
scratch=$(mktemp -d "${TMPDIR:-/tmp}/futured-tree.XXXXXX") || exit 1
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM

# verdict "ok"|"not ok" DESCRIPTION
verdict() {
	cases=$((cases + 1))
	echo "$1 $cases - $2"
}

skip() {
	verdict ok "$1 # SKIP $2"
}

# expect_nothing DESCRIPTION FINDINGS: passes when there are none, else shows them.
expect_nothing() {
	if [ -z "$2" ]; then
		verdict ok "$1"
	else
		verdict 'not ok' "$1"
		printf '%s\n' "$2" | sed 's/^/# /'
	fi
}

# expect_finding DESCRIPTION FINDINGS WORD: passes when a finding names the planted WORD.
expect_finding() {
	case $2 in
	*"$3"*) verdict ok "a planted fault is found: $1" ;;
	*)
		verdict 'not ok' "a planted fault is found: $1"
		printf '%s\n' "found instead: $2" | sed 's/^/# /'
		;;
	esac
}

# The copy, made when it is first needed. `planted` names it.
planted=$scratch/tree
copy_tree() {
	[ ! -d "$planted" ] || return 0
	mkdir "$planted"
	for folder in $folders; do
		if [ -d "$top_srcdir/$folder" ]; then
			cp -R "$top_srcdir/$folder" "$planted/"
		fi
	done
	chmod -R u+w "$planted"
}

# test_rule RULE DESCRIPTION FILE LINE [ARGUMENT...]: the fault is LINE at the end of FILE.
# The rule gets the tree and the arguments.
test_rule() {
	rule=$1 description=$2 file=$3 line=$4
	shift 4
	if ! $only_planted; then
		expect_nothing "$description" "$($rule "$top_srcdir" "$@")"
	fi
	copy_tree
	if [ -f "$planted/$file" ]; then
		cp "$planted/$file" "$scratch/saved"
	else
		rm -f "$scratch/saved"
	fi
	mkdir -p "$(dirname "$planted/$file")"
	printf '%b\n' "$line" >>"$planted/$file"
	expect_finding "$description" "$($rule "$planted" "$@")" "$file"
	if [ -f "$scratch/saved" ]; then
		cp "$scratch/saved" "$planted/$file"
	else
		rm "$planted/$file"
	fi
}

end_tests() {
	echo "1..$cases"
}
