/*
 * A main() for a fuzz target where there is no libFuzzer: runs it over its corpus, and then
 * over mutations of that until it ran 8192 times.
 *
 *	tests/fuzz/fuzz_frame [FOLDER]
 *
 * Without a folder it is $top_srcdir/tests/fuzz/corpus/NAME, NAME being the program's. Each run
 * is the same, unless $FUTURED_TEST_SEED says otherwise: what is new is for dev/fuzz to find.
 */
#include "tests/fuzz/fuzz.h"

#include "tests/lib/seed.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { EXECUTIONS = 8192, MAX_SEEDS = 1024, MAX_BYTES = 1 << 20 };

struct stored {
	uint8_t *data;
	size_t len;
};

static struct stored seeds[MAX_SEEDS];
static size_t nseeds;

static int read_seed(const char *folder, const char *name)
{
	static uint8_t bytes[MAX_BYTES];
	char path[4096 + 256 + 2];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *f = fopen(path, "rb");
	if (!f)
		return -errno;
	size_t n = fread(bytes, 1, sizeof bytes, f);
	fclose(f);
	if (nseeds == MAX_SEEDS)
		return 0;
	seeds[nseeds].data = fuzz_copy(bytes, n);
	seeds[nseeds++].len = n;
	return 0;
}

static int not_hidden(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

/* In the order of their names, so that a run is the same everywhere. */
static int read_corpus(const char *folder)
{
	struct dirent **names;
	int n = scandir(folder, &names, not_hidden, alphasort);
	int r = 0;

	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = read_seed(folder, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	return r < 0 ? r : nseeds == 0 ? -ENOENT : 0;
}

static void run(const uint8_t *p, size_t n)
{
	uint8_t *copy = fuzz_copy(p, n);

	LLVMFuzzerTestOneInput(copy, n);
	free(copy);
}

static unsigned run_all(uint64_t seed)
{
	static uint8_t bytes[MAX_BYTES];
	struct rng r = rng_of(seed);
	unsigned executions = 0;

	for (size_t i = 0; i < nseeds; i++, executions++)
		run(seeds[i].data, seeds[i].len);
	for (; executions < EXECUTIONS; executions++) {
		const struct stored *from = &seeds[rng_below(&r, nseeds)];
		memcpy(bytes, from->data, from->len);
		size_t n = from->len;
		for (uint64_t times = rng_below(&r, 4); times > 0; times--)
			n = rng_mutate(&r, bytes, n, sizeof bytes);
		run(bytes, rng_mutate(&r, bytes, n, sizeof bytes));
	}
	return executions;
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	const char *top = getenv("top_srcdir");
	char folder[4096];

	if (strncmp(name, "lt-", 3) == 0) /* libtool's wrapper */
		name += 3;
	snprintf(folder, sizeof folder, "%s/tests/fuzz/corpus/%s", top ? top : ".", name);
	if (argc > 1)
		snprintf(folder, sizeof folder, "%s", argv[1]);
	const char *given = getenv("FUTURED_TEST_SEED");
	uint64_t seed = given && *given ? strtoull(given, NULL, 0) : 1;
	printf("# seed %" PRIu64 "\n1..1\n", seed);
	fflush(stdout);
	int r = read_corpus(folder);
	if (r < 0) {
		printf("not ok 1 - %s: %s: %s\n", name, folder, strerror(-r));
		return 1;
	}
	printf("ok 1 - %s: %u executions\n", name, run_all(seed));
	for (size_t i = 0; i < nseeds; i++)
		free(seeds[i].data);
	return 0;
}
