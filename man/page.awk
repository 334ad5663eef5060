# Makes a manual page, as scdoc reads it, of one group of an installed header: the header is
# the manual, and this turns its comments into paragraphs and its declarations into code.
#
#	awk -f page.awk -v page=NAME -v title=TEXT -v group=WORDS [-v also=PAGES] futured.h
#
# A group is what follows a line such as "/* ---- jobs ----- */"; the empty one is what stands
# before the first. Without such a group it fails.

function fail(why)
{
	print "page.awk: " why ": " FILENAME > "/dev/stderr"
	failed = 1
	exit 1
}

# What scdoc would take for markup.
function escape(text)
{
	gsub(/[\\_*]/, "\\\\&", text)
	sub(/^[#.'|`\[]/, "\\\\&", text)
	if (text ~ /^[-+][^ ]/)
		text = "\\" text
	return text
}

function add(text)
{
	body = body text "\n"
}

# Paragraphs are prose; what is indented by a tab is code or a table, and stays as it is.
function add_comment(text,    n, lines, i, code)
{
	n = split(text, lines, "\n")
	code = 0
	for (i = 1; i <= n; i++) {
		if (lines[i] ~ /^\t/ && !code) {
			add("```")
			code = 1
		} else if (lines[i] !~ /^\t/ && lines[i] != "" && code) {
			add("```\n")
			code = 0
		}
		add(code ? escape_code(substr(lines[i], 2)) : escape(lines[i]))
	}
	if (code)
		add("```")
	add("")
}

function escape_code(text)
{
	gsub(/\\/, "&&", text)
	return text
}

function add_code(text)
{
	gsub(/FUT_API |FUT_MUST /, "", text)
	gsub(/\n\t\t\t+ */, "\n        ", text) # a declaration that goes on
	add("```\n" escape_code(text) "```\n")
}

# The name that a declaration is about.
function note_name(line)
{
	if (match(line, /fut_[a-z_]+\(/))
		names = names (names == "" ? "" : ", ") substr(line, RSTART, RLENGTH - 1)
}

# A declaration may have more lines, the last one with a semicolon outside of braces.
function take_code(line,    open, close_)
{
	if (depth == 0 && line !~ /^typedef|^[ \t}]/)
		note_name(line)
	code = code line "\n"
	open = gsub(/\{/, "{", line)
	close_ = gsub(/\}/, "}", line)
	depth += open - close_
	continues = depth > 0 || line !~ /[;}] *(\/\*.*)?$/ && line !~ /\*\/ *$/
}

function end_code()
{
	if (code != "")
		add_code(code)
	code = ""
}

/^\/\* ---- / {
	end_code()
	name = $0
	sub(/^\/\* ---- /, "", name)
	sub(/ -+ \*\/$/, "", name)
	inside = name == group
	found = found || inside
	next
}
NR == 1 && group == "" {
	inside = found = 1
}
!inside { next }
/^#/ { # the first line that is no comment ends what stands before the groups
	if (group == "")
		inside = 0
	next
}
depth > 0 || continues {
	take_code($0)
	next
}
in_comment || /^\/\*/ {
	end_code()
	line = $0
	sub(/^\/\*+ ?/, "", line)
	ends = sub(/ *\*\/$/, "", line)
	sub(/^ \* ?/, "", line)
	if (in_comment || line != "")
		comment = comment line "\n"
	in_comment = !ends
	if (ends) {
		sub(/\n+$/, "", comment)
		add_comment(comment)
		comment = ""
	}
	next
}
/^$/ {
	end_code()
	next
}
{ take_code($0) }

END {
	if (failed)
		exit 1
	end_code()
	if (!found)
		fail("no group \"" group "\"")
	print page "(3) \"futured\" \"futured manual\"\n"
	print "# NAME\n"
	print (names == "" ? page : escape(names)) " - " escape(title) "\n"
	print "# SYNOPSIS\n"
	print "```\n#include <futured/futured.h>\n\ncc ... $(pkg-config --cflags --libs futured)\n```\n"
	print "# DESCRIPTION\n"
	printf "%s", body
	print "# SEE ALSO\n"
	n = split(also, pages, " ")
	for (i = 1; i <= n; i++) {
		if (pages[i] == page "(3)")
			continue
		printf "%s*%s*", separator, escape(pages[i])
		separator = ", "
	}
	print ""
}
