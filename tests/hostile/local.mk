# What hostile clients do, row by row; README.md has the table.
hostile_tests = \
	%D%/test_envelope \
	%D%/test_framing \
	%D%/test_state

check_PROGRAMS += $(hostile_tests)
EXTRA_DIST     += %D%/README.md
