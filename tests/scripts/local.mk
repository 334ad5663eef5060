# Tests of the tree itself. Each also plants faults in a copy, and must find them.
structure_tests = \
	%D%/test_contract.sh \
	%D%/test_hardening.sh \
	%D%/test_headers.sh \
	%D%/test_hostile.sh \
	%D%/test_layers.sh \
	%D%/test_manual.sh \
	%D%/test_style.sh \
	%D%/test_symbols.sh
dist_check_SCRIPTS += $(structure_tests)
TESTS              += $(structure_tests)
EXTRA_DIST         += %D%/tap.sh
