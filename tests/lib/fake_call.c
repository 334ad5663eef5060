#include "tests/lib/fake_call.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct fake_call fake;

static struct fake_call *fake_from(const struct fut_call *call)
{
	return (struct fake_call *)(void *)(uintptr_t)call;
}

/* An exact copy, so that a sanitizer sees one byte read too many. Never NULL. */
static void *copy_of(const void *data, size_t len)
{
	void *copy = malloc(len ? len : 1);

	ck_assert_ptr_nonnull(copy);
	if (len)
		memcpy(copy, data, len);
	return copy;
}

static struct fut_view fake_payload(const struct fut_call *call)
{
	return fake_from(call)->payload;
}

static int64_t fake_remaining_us(const struct fut_call *call)
{
	return fake_from(call)->remaining_us;
}

static unsigned fake_attempt(const struct fut_call *call)
{
	return fake_from(call)->attempt;
}

static bool fake_stopped(const struct fut_call *call)
{
	struct fake_call *f = fake_from(call);

	if (f->looks == 2 && f->fifo_at_3)
		ck_assert_int_eq(mkfifo(f->fifo_at_3, 0600), 0);
	return f->looks++ >= f->stop_at_look && f->stop_at_look != FAKE_NEVER;
}

static int fake_emit(struct fut_call *call, const void *data, size_t len)
{
	struct fake_call *f = fake_from(call);

	if (f->emits++ == f->gone_at_emit)
		return -1;
	f->emitted = realloc(f->emitted, f->emitted_len + len + 1);
	ck_assert_ptr_nonnull(f->emitted);
	memcpy(f->emitted + f->emitted_len, data, len);
	f->emitted[f->emitted_len + len] = ',';
	f->emitted_len += len + 1;
	return 0;
}

static int fake_progress(struct fut_call *call, uint64_t done, uint64_t total, const char *text)
{
	struct fake_call *f = fake_from(call);

	(void)text;
	if (f->progresses++ == f->gone_at_progress)
		return -1;
	ck_assert_uint_gt(done, f->done);
	ck_assert_uint_le(done, total);
	f->done = done;
	f->total = total;
	return 0;
}

static int fake_give_back(struct fut_call *call, const void *data, size_t len)
{
	struct fake_call *f = fake_from(call);

	if (f->refuses_result)
		return -1;
	free(f->result);
	f->result = copy_of(data, len);
	f->result_len = len;
	f->returned = true;
	return 0;
}

static int fake_fail(struct fut_call *call, const char *type, const char *message,
		     const void *details, size_t details_len)
{
	struct fake_call *f = fake_from(call);

	ck_assert_uint_lt(strlen(type), sizeof(f->type));
	ck_assert_uint_lt(strlen(message), sizeof(f->message));
	ck_assert_uint_le(details_len, sizeof(f->details));
	strcpy(f->type, type);
	strcpy(f->message, message);
	if (details_len)
		memcpy(f->details, details, details_len);
	f->details_len = details_len;
	f->failed = true;
	return -1;
}

static void fake_trace(struct fut_call *call, const char *file, int line, const char *text)
{
	struct fake_call *f = fake_from(call);
	size_t len = strlen(f->traceback);

	ck_assert_int_gt(line, 0);
	snprintf(f->traceback + len, sizeof(f->traceback) - len, "%s: %s\n", file, text);
}

static const struct fut_call_ops fake_ops = {
	.payload = fake_payload,
	.remaining_us = fake_remaining_us,
	.stopped = fake_stopped,
	.attempt = fake_attempt,
	.emit = fake_emit,
	.progress = fake_progress,
	.give_back = fake_give_back,
	.fail = fake_fail,
	.trace = fake_trace,
};

struct fake_call *fake_reset(void)
{
	struct fake_call *f = &fake;

	free(f->emitted);
	free(f->result);
	*f = (struct fake_call){
		.call = {.ops = &fake_ops},
		.remaining_us = -1,
		.attempt = 1,
		.stop_at_look = FAKE_NEVER,
		.gone_at_emit = FAKE_NEVER,
		.gone_at_progress = FAKE_NEVER,
	};
	return f;
}

/* ---- one module, open for the length of a test ---- */

static void *library;
const struct fut_module *module;

void *open_library(const char *name)
{
	const char *builddir = getenv("top_builddir");
	char path[4096];
	void *dl;

	snprintf(path, sizeof(path), "%s/.libs/%s.so", builddir ? builddir : ".", name);
	dl = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	ck_assert_msg(dl != NULL, "%s", dl ? "" : dlerror());
	return dl;
}

const struct fut_module *find_module(void *dl)
{
	return dlsym(dl, "fut_module");
}

void open_module(const char *name)
{
	library = open_library(name);
	module = find_module(library);
	ck_assert_ptr_nonnull(module);
	ck_assert_uint_eq(module->abi, FUT_TASK_ABI);
	ck_assert_uint_eq(module->module_size, sizeof(struct fut_module));
	ck_assert_uint_eq(module->task_size, sizeof(struct fut_task));
	ck_assert(!module->init || module->init("test") == 0);
}

void close_module(void)
{
	fake_reset();
	if (module->fini)
		module->fini();
	dlclose(library);
}

const struct fut_task *find_task(const char *name)
{
	for (const struct fut_task *t = module->tasks; t->name; t++) {
		if (strcmp(t->name, name) == 0)
			return t;
	}
	ck_abort_msg("%s has no task %s", module->name, name);
	return NULL;
}

/* ---- calling ---- */

void run_prepared(const char *task, const void *data, size_t len)
{
	void *copy = copy_of(data, len);

	fake.payload = (struct fut_view){.data = copy, .len = len};
	fake.rc = find_task(task)->run(&fake.call);
	fake.payload = (struct fut_view){0};
	free(copy);
}

void run_bytes(const char *task, const void *data, size_t len)
{
	fake_reset();
	run_prepared(task, data, len);
}

void run_text(const char *task, const char *text)
{
	run_bytes(task, text, strlen(text));
}

void run_null(const char *task)
{
	fake_reset();
	fake.rc = find_task(task)->run(&fake.call);
}

void assert_result_bytes(const void *want, size_t len)
{
	ck_assert_msg(!fake.failed, "failed: %s: %s", fake.type, fake.message);
	ck_assert_int_eq(fake.rc, 0);
	ck_assert(fake.returned);
	ck_assert_uint_eq(fake.result_len, len);
	ck_assert_mem_eq(fake.result, want, len);
}

void assert_result(const char *want)
{
	ck_assert_msg(!fake.failed, "failed: %s: %s", fake.type, fake.message);
	ck_assert_int_eq(fake.rc, 0);
	ck_assert(fake.returned);
	ck_assert_msg(fake.result_len == strlen(want) &&
			      memcmp(fake.result, want, fake.result_len) == 0,
		      "'%.*s' instead of '%s'", (int)fake.result_len, (char *)fake.result, want);
}

void assert_failure(const char *type, const char *details)
{
	/* The place is in the module, not in what it includes. */
	ck_assert_ptr_nonnull(strstr(fake.traceback, ".c: "));
	ck_assert(fake.failed);
	ck_assert_int_ne(fake.rc, 0);
	ck_assert(!fake.returned);
	ck_assert_str_eq(fake.type, type);
	ck_assert(fake.message[0] != '\0');
	ck_assert_uint_eq(fake.details_len, strlen(details));
	ck_assert_mem_eq(fake.details, details, fake.details_len);
}

void assert_refused(const char *task, const char *text, const char *type)
{
	run_text(task, text);
	ck_assert_msg(fake.failed, "%s took '%s'", task, text);
	assert_failure(type, text);
}

void assert_gave_up(void)
{
	ck_assert_int_ne(fake.rc, 0);
	ck_assert(!fake.failed && !fake.returned);
}
