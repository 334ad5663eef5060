EXTRA_DIST += %D%/check %D%/demo %D%/setup.sh .ci/run
