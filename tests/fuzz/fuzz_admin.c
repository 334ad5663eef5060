/* Questions of operators, of any text, to a daemon with jobs in every place: an answer is JSON,
 * a refusal is a sentence or nothing. */
#include "tests/fuzz/front.h"

#include "common/util.h"
#include "daemon/admin.h"
#include "proto/submit.h"

#include <jansson.h>

static void submit(unsigned client, uint32_t place, const char *task, const char *key)
{
	const struct job_spec spec = {
		.id = job_id_of(place, 1),
		.task = span_str(task),
		.key = span_str(key),
		.error_retries = 3,
		.retry_pause_us = 1000000,
		.run_limit_us = 1000000000,
		.unique = span_str(place % 4 == 3 ? "same" : ""),
	};
	struct buf b;

	buf_init(&b, SIZE_MAX);
	fuzz_must(submit_put(&b, &spec, SPAN_EMPTY) == 0);
	front_say(client, buf_data(&b), buf_len(&b));
	buf_done(&b);
}

/* Jobs that run, wait in a slot, in a queue, behind a cap, for another attempt, for another
 * job; the bytes say how many of which. */
static void set_scene(uint64_t scene)
{
	static const struct outcome_record failed = {.kind = OUTCOME_DONE, .status = 1};
	struct process *h;

	front_connect(0);
	front_hello(0, "threads");
	front_connect(1);
	front_hello(1, "threads");
	for (uint32_t i = 0; i < (scene & 7); i++)
		submit((unsigned)(scene >> i) & 1, i, front_tasks[i % FRONT_TASKS],
		       i % 3 ? "" : "vip");
	for (int i = 0; i < 3; i++)
		front_turn();
	if ((scene & 0x80) && (h = kernel_host(0)) && slot_take(&h->slots[0])) {
		struct outcome_record o = failed;
		o.tag = h->slots[0].tag;
		if (scene & 0x40)
			(void)slot_say(&h->slots[0], &o, NULL, 0);
		front_turn();
	}
}

static struct session *open_session(void)
{
	struct session *s;

	LIST_FOREACH(s, &front->sessions, node) {
		if (s->phase == SESSION_OPEN)
			return s;
	}
	return NULL;
}

static void ask(struct span what, struct span argument)
{
	struct session *s = open_session();
	char *text = NULL;

	if (!s)
		return;
	fut_status status = admin_answer(s, what, argument, &text);

	if (status == FUT_OK) {
		json_error_t e;
		json_t *root = json_loads(text, 0, &e);
		fuzz_must(json_is_object(root) || json_is_array(root));
		json_decref(root);
	} else {
		fuzz_must(status == FUT_UNSUPPORTED || (status == FUT_INVALID && text && *text));
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const questions[] = {"why",    "jobs",   "status",
						"memory", "whoami", "identities"};
	struct input in = input_of(data, size);
	char name[64];

	front_open(true);
	set_scene(take(&in, 2));
	while (!input_is_over(&in)) {
		uint64_t how = take(&in, 1);
		struct span what = how & 0x80 ? take_bytes(&in)
					      : span_str(questions[how % ARRAY_LEN(questions)]);
		snprintf(name, sizeof name, "%u-%u-1", (unsigned)(how >> 2) % 4,
			 (unsigned)take(&in, 1) % 17);
		ask(what, how & 0x40 ? take_bytes(&in) : span_str(name));
	}
	front_close();
	return 0;
}
