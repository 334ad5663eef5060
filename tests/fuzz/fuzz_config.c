/*
 * A configuration, through the loader as the daemon calls it: it is refused with a reason, or
 * what comes of it is what the rest of the daemon counts on.
 */
#include "tests/fuzz/fuzz.h"

#include "common/name.h"
#include "daemon/config.h"
#include "proto/region.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Names of hosts are not looked up: that would ask the network. */
int __real_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		       struct addrinfo **ret);
int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		       struct addrinfo **ret);

int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		       struct addrinfo **ret)
{
	struct addrinfo numeric = *hints;

	numeric.ai_flags |= AI_NUMERICHOST;
	return __real_getaddrinfo(node, service, &numeric, ret);
}

static unsigned complaints;

static void on_error(void *arg, const char *message)
{
	(void)arg;
	fuzz_must(message && *message);
	complaints++;
}

static void check_pool(const struct config_pool *p)
{
	fuzz_must(name_is_valid(span_str(p->name)));
	fuzz_must(p->slots >= 1 && p->slots <= REGION_MAX_SLOTS);
	fuzz_must(p->min_hosts <= p->slots && (!p->fresh || p->max_tasks == 1));
	for (char **m = p->modules; *m; m++)
		fuzz_must((*m)[0] == '/');
	for (size_t i = 0; i < p->ncommands; i++) {
		fuzz_must(name_is_valid(span_str(p->commands[i].name)));
		fuzz_must(p->commands[i].argv[0][0] == '/');
	}
}

static void check_config(const struct config *c)
{
	fuzz_must(c->npools >= 1 && c->listen);
	for (size_t i = 0; i < c->npools; i++) {
		check_pool(&c->pools[i]);
		for (size_t j = 0; j < i; j++)
			fuzz_must(strcmp(c->pools[i].name, c->pools[j].name) != 0);
	}
	for (size_t i = 0; i < c->nkeys; i++)
		fuzz_must(config_find_key(c, c->keys[i].name) == &c->keys[i]);
	for (size_t i = 0; i < c->ntasks; i++)
		fuzz_must(config_find_task(c, c->tasks[i].name) == &c->tasks[i]);
	fuzz_must(c->max_inflight >= 1 && c->max_payload_bytes >= 1);
}

/* A file that has no name, and so no drop-ins, and leaves nothing behind. */
static const char *file_with(const uint8_t *data, size_t size)
{
	static char path[64];
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("fuzz_config", MFD_CLOEXEC);
		fuzz_must(fd >= 0);
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	}
	fuzz_must(ftruncate(fd, 0) == 0);
	fuzz_must(pwrite(fd, data, size, 0) == (ssize_t)size);
	return path;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *c = NULL;

	complaints = 0;
	(void)setenv("RUNTIME_DIRECTORY", "/run", 1);
	int r = config_load(file_with(data, size), "/nowhere", on_error, NULL, &c);
	fuzz_must((r == 0) == (c != NULL) && (r == 0) == (complaints == 0));
	if (c) {
		check_config(c);
		config_free(c);
	}
	return 0;
}
