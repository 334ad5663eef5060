EXTRA_DIST += %D%/check %D%/demo %D%/setup.sh %D%/soak .ci/run
