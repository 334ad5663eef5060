/* futurectl reload: the daemon reads its configuration again, and says what is wrong with it. */
#include "ctl/answer.h"

#include "ctl/report.h"

#include <stdio.h>
#include <string.h>

static const char doc[] =
	"Makes the daemon read its configuration and its modules again. It is for administrators."
	"\v"
	"A configuration that has errors changes nothing: they are printed, and the exit code is "
	"3. "
	"`futured --check-config' finds most of them beforehand.";

static void print_errors(const json_t *errors)
{
	for (size_t i = 0; i < json_array_size(errors); i++) {
		const char *text = json_string_value(json_array_get(errors, i));

		fputs("futurectl: reload: ", stderr);
		if (text)
			report_text(stderr, text, strlen(text));
		fputc('\n', stderr);
	}
	if (json_array_size(errors) == 0)
		fputs("futurectl: reload: the daemon did not, and does not say why\n", stderr);
}

int reload_run(const struct ctl *ctl, int argc, char **argv)
{
	bool json = answer_wants_json(argc, argv, doc), done;
	char *text;
	int code;

	if (answer_ask(ctl, "reload", NULL, &text, &code) != FUT_OK)
		return code;
	if (json)
		puts(text);
	json_t *answer = answer_parse(ctl, text);
	if (!answer)
		return CTL_SYSTEM;
	done = json_is_true(json_object_get(answer, "reloaded"));
	if (!done)
		print_errors(json_object_get(answer, "errors"));
	json_decref(answer);
	return done ? CTL_OK : CTL_SYSTEM;
}
