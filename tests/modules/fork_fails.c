/*
 * For $LD_PRELOAD: while the file $FORK_FAILS is there, fork() fails as it does where a limit
 * of processes is reached.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

__attribute__((visibility("default"))) pid_t fork(void)
{
	const char *path = getenv("FORK_FAILS");
	pid_t (*real)(void) = (pid_t(*)(void))dlsym(RTLD_NEXT, "fork");

	if (path && access(path, F_OK) == 0) {
		errno = EAGAIN;
		return -1;
	}
	return real();
}
