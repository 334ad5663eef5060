/*
 * Writes the committed corpora again: tests/fuzz/make_seeds tests/fuzz/corpus
 *
 * Needed only when the wire has changed.
 */
#include "proto/envelope.h"
#include "proto/frame.h"
#include "tests/lib/conversation.h"
#include "tests/lib/wiregen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *corpus;

static void write_seed(const char *target, const char *name, uint8_t first, const void *p, size_t n)
{
	char path[4096];

	snprintf(path, sizeof path, "%s/%s/%s", corpus, target, name);
	FILE *f = fopen(path, "wb");
	if (!f || fputc(first, f) == EOF || fwrite(p, 1, n, f) != n || fclose(f) != 0) {
		perror(path);
		exit(1);
	}
}

/* A whole conversation, and each of its frames alone. */
static void write_session(const char *name, const struct buf *b, bool preface)
{
	static const struct frame_limits limits = {FRAME_ENVELOPE_MAX, 1 << 20};
	const uint8_t *p = buf_data(b);
	size_t n = buf_len(b), need;
	struct frame f;
	char path[64];
	int64_t size;

	write_seed("fuzz_session", name, preface, p, n);
	if (preface) {
		p += FRAME_PREFACE_BYTES;
		n -= FRAME_PREFACE_BYTES;
	}
	for (unsigned i = 0; (size = frame_cut(p, n, &limits, &f, &need)) > 0; i++) {
		struct span message;
		uint32_t kind;
		snprintf(path, sizeof path, "%s_%02u", name, i);
		write_seed("fuzz_session", path, 6, p, (size_t)size);
		if (envelope_open(f.envelope, &kind, &message) == 0 &&
		    (kind == MESSAGE_SUBMIT || kind == MESSAGE_RESULT))
			write_seed("fuzz_codec", path, kind == MESSAGE_RESULT, message.data,
				   message.len);
		p += size;
		n -= (size_t)size;
	}
}

static void write_codec(void)
{
	static struct wiregen g;
	struct rng r = rng_of(7);
	char name[64];

	for (unsigned i = 0; i < 12; i++) {
		wiregen_reset(&g);
		if (i % 2)
			wiregen_result(&g, &r);
		else
			wiregen_submit(&g, &r);
		snprintf(name, sizeof name, "%s_%02u", i % 2 ? "result" : "submit", i);
		write_seed("fuzz_codec", name, i % 2, g.bytes, g.len);
	}
}

/* Steps as fuzz_ring.c reads them. */
static void write_ring(void)
{
	/* sizes 32 and 64 at places 0 and 32, a tail, three looks, a release */
	static const uint8_t honest[] = {0, 0, 32, 0, 0, 0, 64, 8, 3, 12, 11, 11, 11, 8, 11};
	/* reserve, publish, a head, reserve */
	static const uint8_t room[] = {9, 100, 9, 200, 10, 5, 14, 9, 200, 9, 255, 10, 9, 255, 10};
	/* padding: state 2 in the second word */
	static const uint8_t padding[] = {0, 0, 16, 0, 0, 0, 2, 1, 0, 0, 16, 4, 3, 4, 11, 11};
	static const uint8_t hostile[] = {0x80, 255, 255, 255, 255, 0,   2,  255, 255,
					  255,  255, 255, 255, 255, 240, 11, 4,   1,
					  2,    3,   4,   5,   6,   7,   8,  9,   9};

	/* 512 bytes, looked at and released; then 1008 from the middle on, under a tail that
	 * allows them */
	static const uint8_t over_the_end[] = {2, 0, 0, 3, 64, 11, 8, 0, 3, 240, 128, 3, 126, 11};
	/* the ring's whole size in two records, and a tail that promises nearly as much again */
	static const uint8_t twice[] = {2, 0, 0, 0, 2, 0, 128, 3, 254, 11, 11, 11, 11};

	write_seed("fuzz_ring", "over_the_end", 0, over_the_end, sizeof over_the_end);
	write_seed("fuzz_ring", "twice", 0, twice, sizeof twice);
	write_seed("fuzz_ring", "honest", 7, honest, sizeof honest);
	write_seed("fuzz_ring", "room", 9, room, sizeof room);
	write_seed("fuzz_ring", "padding", 11, padding, sizeof padding);
	write_seed("fuzz_ring", "hostile", 6, hostile, sizeof hostile);
}

int main(int argc, char **argv)
{
	struct buf client, daemon;

	if (argc != 2) {
		fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
		return 2;
	}
	corpus = argv[1];
	buf_init(&client, SIZE_MAX);
	buf_init(&daemon, SIZE_MAX);
	conversation_client(&client, false);
	conversation_daemon(&daemon, false);
	write_session("client", &client, true);
	write_session("daemon", &daemon, false);
	write_codec();
	write_ring();
	buf_done(&client);
	buf_done(&daemon);
	return 0;
}
