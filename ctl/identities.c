/* futurectl identities and whoami: who uses the daemon, how much, and what they may. */
#include "ctl/answer.h"

#include <stdio.h>

static const char identities_doc[] =
	"Lists who is connected, what they use, and what they may. It is for administrators."
	"\v"
	"SECTION is the one of the configuration that says what they may; - is none: they may do "
	"everything.";

static const char whoami_doc[] =
	"Says who you are to the daemon, what you use of it, and what you may.";

/* An empty name is no column. */
static const char *section_of(const json_t *identity)
{
	const char *section = answer_text(identity, "section");

	return section[0] ? section : "-";
}

static void print_identity(const json_t *identity, int name_width, int section_width)
{
	answer_print_cell(answer_text(identity, "identity"), name_width);
	fputs("  ", stdout);
	answer_print_cell(section_of(identity), section_width);
	printf("  %-5s %7" JSON_INTEGER_FORMAT " %9" JSON_INTEGER_FORMAT " %9" JSON_INTEGER_FORMAT
	       " %12" JSON_INTEGER_FORMAT "\n",
	       answer_text(json_object_get(identity, "may"), "admin"),
	       answer_number(identity, "connections"), answer_number(identity, "inflight"),
	       answer_number(identity, "queued"), answer_number(identity, "payload_bytes"));
}

static void print_identities(const json_t *answer)
{
	const json_t *list = json_object_get(answer, "identities");
	json_int_t more = answer_number(answer, "more");
	int name_width = answer_width(list, "identity", "IDENTITY");
	int section_width = answer_width(list, "section", "SECTION");

	printf("%-*s  %-*s  %-5s %7s %9s %9s %12s\n", name_width, "IDENTITY", section_width,
	       "SECTION", "ADMIN", "CLIENTS", "INFLIGHT", "QUEUED", "BYTES");
	for (size_t i = 0; i < json_array_size(list); i++)
		print_identity(json_array_get(list, i), name_width, section_width);
	if (more > 0)
		printf("and %" JSON_INTEGER_FORMAT " more\n", more);
}

/* ---- one ----------------------------------------------------------------- */

static void print_patterns(const json_t *may, const char *member)
{
	const json_t *list = json_object_get(may, member);

	printf("%s:", member);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *pattern = json_string_value(json_array_get(list, i));

		putchar(' ');
		answer_print(pattern ? pattern : "?");
	}
	puts(json_array_size(list) > 0 ? "" : " none");
}

static void print_use(const json_t *answer, const char *what, const char *used, const char *most)
{
	json_int_t limit = answer_number(json_object_get(answer, "may"), most);

	printf("%s: %" JSON_INTEGER_FORMAT, what, answer_number(answer, used));
	if (limit > 0)
		printf(" of %" JSON_INTEGER_FORMAT, limit);
	putchar('\n');
}

static void print_whoami(const json_t *answer)
{
	const json_t *may = json_object_get(answer, "may");
	json_int_t rate = answer_number(may, "rate");

	answer_print(answer_text(answer, "identity"));
	fputs(", section ", stdout);
	answer_print(section_of(answer));
	printf(", admin ");
	answer_print(answer_text(may, "admin"));
	putchar('\n');
	print_patterns(may, "tasks");
	print_patterns(may, "pools");
	print_use(answer, "connections", "connections", "max_connections");
	print_use(answer, "jobs unfinished", "inflight", "max_inflight");
	print_use(answer, "jobs queued", "queued", "max_queue");
	if (rate > 0)
		printf("jobs a second: %" JSON_INTEGER_FORMAT ", %" JSON_INTEGER_FORMAT
		       " at once\n",
		       rate, answer_number(may, "burst"));
	printf("highest priority: %" JSON_INTEGER_FORMAT "\n", answer_number(may, "priority_max"));
}

int identities_run(const struct ctl *ctl, int argc, char **argv)
{
	return answer_run(ctl, argc, argv, identities_doc, "identities", print_identities);
}

int whoami_run(const struct ctl *ctl, int argc, char **argv)
{
	return answer_run(ctl, argc, argv, whoami_doc, "whoami", print_whoami);
}
