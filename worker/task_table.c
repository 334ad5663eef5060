#include "worker/task_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void task_table_init(struct task_table *t)
{
	*t = (struct task_table){0};
}

void task_table_done(struct task_table *t)
{
	for (size_t i = 0; i < t->len; i++)
		command_free(t->tasks[i].command);
	free(t->tasks);
	task_table_init(t);
}

static bool task_table_has(const struct task_table *t, const char *name)
{
	for (size_t i = 0; i < t->len; i++) {
		if (strcmp(t->tasks[i].name, name) == 0)
			return true;
	}
	return false;
}

static int task_table_put(struct task_table *t, struct task task)
{
	if (task_table_has(t, task.name))
		return -EEXIST;
	struct task *tasks = reallocarray(t->tasks, t->len + 1, sizeof *tasks);
	if (!tasks)
		return -ENOMEM;
	t->tasks = tasks;
	t->tasks[t->len++] = task;
	return 0;
}

int task_table_add(struct task_table *t, const struct fut_task *task)
{
	return task_table_put(t, (struct task){.name = task->name, .run = task->run});
}

int task_table_add_command(struct task_table *t, struct command *command)
{
	return task_table_put(t, (struct task){.name = command->name, .command = command});
}
