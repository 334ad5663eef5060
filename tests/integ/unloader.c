/*
 * A program that loads the library, submits a job that waits for DIRECTORY/gate and MARKS
 * jobs behind it, unloads the library, opens the gate and returns:
 *
 *	unloader LIBRARY URL DIRECTORY
 */
#include <futured/futured.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MARKS = 10 };

typedef fut_status open_fn(const char *url, fut_executor **ret, fut_error **reterr);
typedef fut_status submit_fn(fut_executor *x, const char *task, const void *data, size_t len,
			     fut_future **ret, fut_error **reterr);

/* Never given back: the functions for it are gone with the library. */
static fut_executor *x;
static fut_future *f;

static int submit_all(void *library, const char *url, const char *gate, const char *mark)
{
	open_fn *open_executor = (open_fn *)dlsym(library, "fut_executor_open");
	submit_fn *submit = (submit_fn *)dlsym(library, "fut_submit");

	if (!open_executor || !submit || open_executor(url, &x, NULL) != FUT_OK)
		return 3;
	if (submit(x, "gate", gate, strlen(gate), &f, NULL) != FUT_OK)
		return 4;
	for (int i = 0; i < MARKS; i++) {
		if (submit(x, "mark", mark, strlen(mark), &f, NULL) != FUT_OK)
			return 4;
	}
	return 0;
}

int main(int argc, char **argv)
{
	char gate[200], mark[200];

	if (argc != 4)
		return 2;
	snprintf(gate, sizeof gate, "%s/gate", argv[3]);
	snprintf(mark, sizeof mark, "%s/mark", argv[3]);
	void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		fprintf(stderr, "unloader: %s\n", dlerror());
		return 2;
	}
	int code = submit_all(library, argv[2], gate, mark);
	if (code == 0 && dlclose(library) != 0)
		code = 5;
	close(open(gate, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	return code;
}
