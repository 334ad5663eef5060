#include "client/fork.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

static _Atomic uint32_t *page; /* 0 in a child that has made no mark yet */
static _Atomic uint32_t marks; /* a child inherits it, so that no two marks are equal */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void wipe(void)
{
	atomic_store(page, 0);
}

static void make_page(void)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return;
	page = p;
	/* Where the kernel does not wipe, fork() does; only a bare clone() goes unseen. */
	if (madvise(p, size, MADV_WIPEONFORK) < 0)
		(void)pthread_atfork(NULL, NULL, wipe);
}

uint32_t fork_mark(void)
{
	uint32_t mark = 0;

	(void)pthread_once(&once, make_page);
	if (!page)
		return 0;
	uint32_t fresh = atomic_fetch_add(&marks, 1) + 1;
	if (atomic_compare_exchange_strong(page, &mark, fresh))
		return fresh;
	return mark;
}

bool fork_happened(uint32_t mark)
{
	return page && atomic_load_explicit(page, memory_order_relaxed) != mark;
}
