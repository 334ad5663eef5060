futureddir = $(includedir)/futured
futured_HEADERS = %D%/futured/futured.h %D%/futured/status.h %D%/futured/task.h
