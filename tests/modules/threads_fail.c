/*
 * For $LD_PRELOAD: while the file $THREADS_FAIL is there, no thread can be made, as where a
 * limit of them is reached.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

typedef int create_fn(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
		      void *arg);

__attribute__((visibility("default"))) create_fn pthread_create;

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg)
{
	const char *path = getenv("THREADS_FAIL");
	create_fn *real = (create_fn *)dlsym(RTLD_NEXT, "pthread_create");

	if (path && access(path, F_OK) == 0)
		return EAGAIN;
	return real(thread, attr, start, arg);
}
