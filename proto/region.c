#include "proto/region.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(sizeof(struct host_shared) <= REGION_PAGE_BYTES, "fits its page");
_Static_assert(sizeof(struct slot_shared) <= REGION_PAGE_BYTES, "fits its page");
_Static_assert(sizeof(struct job_record) % 16 == 0, "payload is aligned");
_Static_assert(sizeof(struct outcome_record) % 16 == 0, "bytes are aligned");
_Static_assert(sizeof(struct job_record) + RECORD_PAYLOAD_MAX <= REGION_RING_BYTES / 2 - 16,
	       "fits");
_Static_assert(sizeof(struct outcome_record) + RECORD_BYTES_MAX <= REGION_RING_BYTES / 2 - 16,
	       "fits");

static uint64_t page_round(uint64_t n)
{
	return (n + REGION_PAGE_BYTES - 1) & ~(uint64_t)(REGION_PAGE_BYTES - 1);
}

static uint64_t slot_stride(uint64_t big_bytes)
{
	return REGION_PAGE_BYTES + 2 * (uint64_t)REGION_RING_BYTES + page_round(big_bytes);
}

uint64_t region_size(unsigned nslots, uint64_t big_bytes)
{
	return REGION_PAGE_BYTES + nslots * slot_stride(big_bytes);
}

/* A memfd of a fixed size, which nobody can change any more. */
static int sealed_memfd(const char *name, uint64_t size, int *ret_fd)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)size) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0) {
		int r = -errno;
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

int region_create(unsigned nslots, uint64_t big_bytes, uint64_t max_result_bytes, int *ret_fd)
{
	struct host_shared head = {
		.magic = REGION_MAGIC,
		.nslots = nslots,
		.big_bytes = big_bytes,
		.max_result_bytes = max_result_bytes,
	};
	int fd;
	int r = sealed_memfd("futured-host", region_size(nslots, big_bytes), &fd);

	if (r < 0)
		return r;
	if (pwrite(fd, &head, sizeof head, 0) != (ssize_t)sizeof head) {
		r = errno ? -errno : -EIO;
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

int region_map(int fd, struct host_shared **ret)
{
	struct host_shared head;
	struct stat st;

	if (pread(fd, &head, sizeof head, 0) != (ssize_t)sizeof head || fstat(fd, &st) < 0)
		return -EINVAL;
	if (head.magic != REGION_MAGIC || head.nslots == 0 || head.nslots > REGION_MAX_SLOTS ||
	    head.big_bytes > UINT32_MAX ||
	    (uint64_t)st.st_size != region_size(head.nslots, head.big_bytes))
		return -EINVAL;
	void *mem = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mem == MAP_FAILED)
		return -errno;
	*ret = mem;
	return 0;
}

void region_unmap(struct host_shared *h, unsigned nslots, uint64_t big_bytes)
{
	if (h)
		munmap(h, region_size(nslots, big_bytes));
}

struct slot_view region_slot(struct host_shared *h, uint64_t big_bytes, unsigned slot)
{
	uint8_t *base = (uint8_t *)h + REGION_PAGE_BYTES + slot * slot_stride(big_bytes);
	uint8_t *rings = base + REGION_PAGE_BYTES;

	return (struct slot_view){
		.shared = (struct slot_shared *)(void *)base,
		.in = rings,
		.out = rings + REGION_RING_BYTES,
		.big = rings + 2 * (size_t)REGION_RING_BYTES,
	};
}

void region_step(const struct slot_shared *s, enum slot_stage stage, char ret[REGION_STEP_MAX])
{
	const volatile char *step = s->step; /* it may change meanwhile: each byte is read once */
	size_t n = 0;

	if (atomic_load(&s->stage) == (uint32_t)stage) {
		for (char c; n < REGION_STEP_MAX - 1 && (c = step[n]) != '\0'; n++)
			ret[n] = c >= ' ' && c <= '~' ? c : '?';
	}
	ret[n] = '\0';
}

int front_page_create(int *ret_fd, struct front_shared **ret)
{
	int fd;
	int r = sealed_memfd("futured-front", REGION_PAGE_BYTES, &fd);

	if (r < 0)
		return r;
	void *mem = mmap(NULL, REGION_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	/* After this nobody can map it writable any more; our own mapping stays. */
	if (mem == MAP_FAILED || fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) < 0) {
		r = -errno;
		if (mem != MAP_FAILED)
			munmap(mem, REGION_PAGE_BYTES);
		close(fd);
		return r;
	}
	*ret_fd = fd;
	*ret = mem;
	return 0;
}

int front_page_map(int fd, const struct front_shared **ret)
{
	void *mem = mmap(NULL, REGION_PAGE_BYTES, PROT_READ, MAP_SHARED, fd, 0);

	if (mem == MAP_FAILED)
		return -errno;
	*ret = mem;
	return 0;
}
