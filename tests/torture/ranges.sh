#!/bin/sh
# Where the product's code lies in a program, "START END" for each piece: ranges.sh PROGRAM
#
# Says nothing when the program was built without debugging information.
LC_ALL=C
export LC_ALL
{
	readelf --debug-dump=info --dwarf-depth=1 "$1"
	readelf --debug-dump=aranges "$1"
} 2>/dev/null | awk '
	/Compilation Unit @ offset/ { unit = $5; sub(/^0x/, "", unit); sub(/:$/, "", unit) }
	/DW_AT_name/ && !(unit in name) { name[unit] = $NF }
	/Offset into .debug_info:/ {
		of = $NF
		sub(/^0x/, "", of)
		ours = name[of] ~ /(^|\/)(common|proto|net|daemon|worker|client)\/[^\/]*\.c$/ &&
			name[of] !~ /\/tests\//
	}
	ours && NF == 2 && $1 ~ /^[0-9a-f]+$/ && $2 ~ /^0*[1-9a-f]/ { print $1, $2 }
' | while read -r start length; do
	printf '%x %x\n' "0x$start" $((0x$start + 0x$length))
done | sort
