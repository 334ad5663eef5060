EXTRA_DIST += %D%/check %D%/demo %D%/fuzz %D%/setup.sh %D%/soak %D%/torture .ci/run
