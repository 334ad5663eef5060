#include "proto/region.h"
#include "tests/lib/trun.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BIG = 3 * REGION_PAGE_BYTES + 1 };

static uint64_t file_size(int fd)
{
	struct stat st;

	ck_assert_int_eq(fstat(fd, &st), 0);
	return (uint64_t)st.st_size;
}

START_TEST(sizes)
{
	const uint64_t slot = REGION_PAGE_BYTES + 2 * (uint64_t)REGION_RING_BYTES;

	ck_assert_uint_eq(region_size(1, 0), REGION_PAGE_BYTES + slot);
	ck_assert_uint_eq(region_size(3, 0), REGION_PAGE_BYTES + 3 * slot);
	ck_assert_uint_eq(region_size(2, 1), REGION_PAGE_BYTES + 2 * (slot + REGION_PAGE_BYTES));
	ck_assert_uint_eq(region_size(2, BIG),
			  REGION_PAGE_BYTES + 2 * (slot + 4 * REGION_PAGE_BYTES));
	/* In 64 bits: the most there can be. */
	ck_assert_uint_eq(region_size(REGION_MAX_SLOTS, UINT32_MAX),
			  REGION_PAGE_BYTES + REGION_MAX_SLOTS * (slot + (UINT64_C(1) << 32)));
}
END_TEST

START_TEST(made_and_mapped)
{
	struct host_shared *h;
	int fd = -1;

	ck_assert_int_eq(region_create(2, BIG, 12345, &fd), 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_uint_eq(file_size(fd), region_size(2, BIG));
	ck_assert_int_eq(region_map(fd, &h), 0);
	ck_assert_uint_eq(h->magic, REGION_MAGIC);
	ck_assert_uint_eq(h->nslots, 2);
	ck_assert_uint_eq(h->big_bytes, BIG);
	ck_assert_uint_eq(h->max_result_bytes, 12345);
	ck_assert_uint_eq(h->notified, 0);
	ck_assert_uint_eq(h->quit, 0);
	ck_assert_uint_eq(h->ready, 0);
	region_unmap(h, 2, BIG);
	close(fd);
}
END_TEST

/* A step is shown as it is when it is text, and never read beyond its end. */
START_TEST(a_step_is_text)
{
	struct slot_shared s = {.step = "slot_init() of\nmodule \xff\x01x"};
	char text[REGION_STEP_MAX];

	region_step(&s, SLOT_STAGE_INIT, text);
	ck_assert_str_eq(text, "");
	atomic_store(&s.stage, SLOT_STAGE_INIT);
	region_step(&s, SLOT_STAGE_REFUSED, text);
	ck_assert_str_eq(text, "");
	region_step(&s, SLOT_STAGE_INIT, text);
	ck_assert_str_eq(text, "slot_init() of?module ??x");
	memset(s.step, 's', sizeof s.step);
	region_step(&s, SLOT_STAGE_INIT, text);
	ck_assert_uint_eq(strlen(text), REGION_STEP_MAX - 1);
}
END_TEST

/* Each piece of each slot lies in the region, aligned, and touches no other piece. */
START_TEST(pieces_do_not_overlap)
{
	enum { SLOTS = 3 };
	struct host_shared *h;
	int fd;

	ck_assert_int_eq(region_create(SLOTS, BIG, 0, &fd), 0);
	ck_assert_int_eq(region_map(fd, &h), 0);
	for (unsigned i = 0; i < SLOTS; i++) {
		struct slot_view v = region_slot(h, BIG, i);
		ck_assert_uint_eq((uintptr_t)v.shared % REGION_PAGE_BYTES, 0);
		ck_assert_uint_eq((uintptr_t)v.in % REGION_PAGE_BYTES, 0);
		ck_assert_uint_eq((uintptr_t)v.out % REGION_PAGE_BYTES, 0);
		ck_assert_uint_eq((uintptr_t)v.big % REGION_PAGE_BYTES, 0);
		memset(v.shared, 0x10 + (int)i, sizeof *v.shared);
		memset(v.in, 0x20 + (int)i, REGION_RING_BYTES);
		memset(v.out, 0x30 + (int)i, REGION_RING_BYTES);
		memset(v.big, 0x40 + (int)i, BIG);
	}
	ck_assert_uint_eq(h->magic, REGION_MAGIC);
	for (unsigned i = 0; i < SLOTS; i++) {
		struct slot_view v = region_slot(h, BIG, i);
		const struct {
			const void *p;
			size_t n;
			unsigned char byte;
		} pieces[] = {
			{v.shared, sizeof *v.shared, (unsigned char)(0x10 + i)},
			{v.in, REGION_RING_BYTES, (unsigned char)(0x20 + i)},
			{v.out, REGION_RING_BYTES, (unsigned char)(0x30 + i)},
			{v.big, BIG, (unsigned char)(0x40 + i)},
		};
		for (unsigned k = 0; k < 4; k++) {
			const unsigned char *p = pieces[k].p;
			for (size_t at = 0; at < pieces[k].n; at++)
				must(p[at] == pieces[k].byte);
		}
		ck_assert(v.big + BIG <= (uint8_t *)h + region_size(SLOTS, BIG));
	}
	region_unmap(h, SLOTS, BIG);
	close(fd);
}
END_TEST

/* Two mappings of one region are the same memory, and start with empty rings. */
START_TEST(shared)
{
	struct host_shared *a, *b;
	int fd;

	ck_assert_int_eq(region_create(1, 0, 0, &fd), 0);
	ck_assert_int_eq(region_map(fd, &a), 0);
	ck_assert_int_eq(region_map(fd, &b), 0);
	struct slot_view va = region_slot(a, 0, 0), vb = region_slot(b, 0, 0);
	ck_assert_uint_eq(vb.shared->in.tail, 0);
	ck_assert_uint_eq(vb.shared->out.head, 0);
	atomic_store(&va.shared->stop_tag, 7);
	va.out[REGION_RING_BYTES - 1] = 9;
	ck_assert_uint_eq(atomic_load(&vb.shared->stop_tag), 7);
	ck_assert_uint_eq(vb.out[REGION_RING_BYTES - 1], 9);
	region_unmap(a, 1, 0);
	region_unmap(b, 1, 0);
	region_unmap(NULL, 1, 0);
	close(fd);
}
END_TEST

/* A host that could shrink the region could make the front fault. */
START_TEST(size_is_sealed)
{
	int fd;

	ck_assert_int_eq(region_create(1, 0, 0, &fd), 0);
	off_t size = (off_t)region_size(1, 0);
	errno = 0;
	ck_assert_int_eq(ftruncate(fd, size - 1), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(ftruncate(fd, 0), -1);
	ck_assert_int_eq(ftruncate(fd, size + REGION_PAGE_BYTES), -1);
	ck_assert_int_eq(pwrite(fd, "x", 1, size), -1);
	ck_assert_int_eq(ftruncate(fd, size), 0); /* no change: no harm */
	int seals = fcntl(fd, F_GET_SEALS);
	ck_assert_int_eq(seals & (F_SEAL_SHRINK | F_SEAL_GROW), F_SEAL_SHRINK | F_SEAL_GROW);
	close(fd);
}
END_TEST

/* A memfd of this size with this head; -1 size: of the right one. */
static int fake_region(const struct host_shared *head, size_t head_len, uint64_t size)
{
	int fd = memfd_create("fake", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	ck_assert_int_eq(pwrite(fd, head, head_len, 0), (ssize_t)head_len);
	return fd;
}

static void must_refuse(const struct host_shared *head, size_t head_len, uint64_t size)
{
	struct host_shared *h = NULL;
	int fd = fake_region(head, head_len, size);

	ck_assert_int_eq(region_map(fd, &h), -EINVAL);
	ck_assert_ptr_null(h);
	close(fd);
}

START_TEST(what_is_no_region)
{
	const struct host_shared good = {.magic = REGION_MAGIC, .nslots = 2, .big_bytes = 100};
	struct host_shared head, *h = NULL;
	uint64_t size = region_size(2, 100);
	int fds[2];

	int fd = fake_region(&good, sizeof good, size);
	ck_assert_int_eq(region_map(fd, &h), 0); /* the fake itself is good */
	region_unmap(h, 2, 100);
	close(fd);

	must_refuse(&good, sizeof good, size + 1);
	must_refuse(&good, sizeof good, size - 1);
	must_refuse(&good, sizeof good, sizeof good);
	must_refuse(&good, 1, 1);
	must_refuse(&good, 0, 0);
	head = good;
	head.magic++;
	must_refuse(&head, sizeof head, size);
	head = good;
	head.nslots = 0;
	must_refuse(&head, sizeof head, region_size(0, 100));
	head.nslots = REGION_MAX_SLOTS + 1;
	must_refuse(&head, sizeof head, region_size(REGION_MAX_SLOTS + 1, 100));
	head = good;
	head.big_bytes += REGION_PAGE_BYTES;
	must_refuse(&head, sizeof head, size);

	h = NULL;
	ck_assert_int_eq(region_map(-1, &h), -EINVAL);
	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(region_map(fds[0], &h), -EINVAL);
	ck_assert_ptr_null(h);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

START_TEST(front_page_is_read_only_for_others)
{
	struct front_shared *front;
	const struct front_shared *host;
	int fd;

	ck_assert_int_eq(front_page_create(&fd, &front), 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_uint_eq(file_size(fd), REGION_PAGE_BYTES);
	ck_assert_int_eq(front_page_map(fd, &host), 0);
	ck_assert_uint_eq(atomic_load(&host->sleeping), 0);
	atomic_store(&front->sleeping, 1); /* the front still writes */
	ck_assert_uint_eq(atomic_load(&host->sleeping), 1);

	errno = 0;
	void *mem = mmap(NULL, REGION_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_eq(mem, MAP_FAILED);
	ck_assert_int_eq(errno, EPERM);
	/* Nor by the back doors. */
	ck_assert_int_eq(
		mprotect((void *)(uintptr_t)host, REGION_PAGE_BYTES, PROT_READ | PROT_WRITE), -1);
	ck_assert_int_eq(pwrite(fd, "x", 1, 0), -1);
	ck_assert_int_eq(ftruncate(fd, 0), -1);
	ck_assert_int_eq(
		fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, REGION_PAGE_BYTES),
		-1);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1); /* sealed against seals */
	ck_assert_uint_eq(atomic_load(&host->sleeping), 1);
	munmap(front, REGION_PAGE_BYTES);
	munmap((void *)(uintptr_t)host, REGION_PAGE_BYTES);
	close(fd);
}
END_TEST

START_TEST(records_fit_their_rings)
{
	ck_assert_uint_le(sizeof(struct job_record) + RECORD_PAYLOAD_MAX,
			  ring_max_body(REGION_RING_BYTES));
	ck_assert_uint_le(sizeof(struct outcome_record) + RECORD_BYTES_MAX,
			  ring_max_body(REGION_RING_BYTES));
	ck_assert_uint_eq(offsetof(struct job_record, payload) % 16, 0);
	ck_assert_uint_eq(offsetof(struct job_record, payload), sizeof(struct job_record));
	ck_assert_uint_eq(offsetof(struct outcome_record, bytes) % 16, 0);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("region");
	TCase *tc = trun_case(s, "region");

	tcase_add_test(tc, sizes);
	tcase_add_test(tc, made_and_mapped);
	tcase_add_test(tc, a_step_is_text);
	tcase_add_test(tc, pieces_do_not_overlap);
	tcase_add_test(tc, shared);
	tcase_add_test(tc, size_is_sealed);
	tcase_add_test(tc, what_is_no_region);
	tcase_add_test(tc, front_page_is_read_only_for_others);
	tcase_add_test(tc, records_fit_their_rings);
	return s;
}
