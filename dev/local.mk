EXTRA_DIST += %D%/check %D%/demo %D%/fuzz %D%/lint %D%/lint.known %D%/setup.sh %D%/soak %D%/torture .ci/run
