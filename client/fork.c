#include "client/fork.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct fork_page *fork_page;

static _Atomic uint32_t marks; /* a child inherits it, so that no two marks are equal */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void wipe(void)
{
	memset(fork_page, 0, sizeof *fork_page);
}

static void make_page(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t size = (sizeof *fork_page + page - 1) / page * page;
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return;
	fork_page = p;
	/* Where the kernel does not wipe, fork() does; only a bare clone() goes unseen. */
	if (madvise(p, size, MADV_WIPEONFORK) < 0)
		(void)pthread_atfork(NULL, NULL, wipe);
}

uint32_t fork_mark(void)
{
	uint32_t mark = 0;

	(void)pthread_once(&once, make_page);
	if (!fork_page)
		return 0;
	uint32_t fresh = atomic_fetch_add(&marks, 1) + 1;
	if (atomic_compare_exchange_strong(&fork_page->mark, &mark, fresh))
		return fresh;
	return mark;
}
