/*
 * The pool's tasks by their index: functions of modules, and commands.
 *
 * Filled once by the zygote, before it forks; read-only afterwards, for every thread.
 */
#ifndef WORKER_TASK_TABLE_H
#define WORKER_TASK_TABLE_H

#include "worker/call.h"
#include "worker/command.h"

#include <futured/task.h>

#include <stddef.h>
#include <stdint.h>

/* Exactly one of run and command is set. The name is theirs. */
struct task {
	const char *name;
	int (*run)(struct fut_call *call);
	struct command *command;
};

struct task_table {
	struct task *tasks;
	size_t len;
};

void task_table_init(struct task_table *t);
void task_table_done(struct task_table *t); /* frees the commands as well */

/* Adds one at the end. 0, -EEXIST when the name is taken, -ENOMEM. The table owns the
 * command when it answers 0. */
int task_table_add(struct task_table *t, const struct fut_task *task);
int task_table_add_command(struct task_table *t, struct command *command);

static inline const struct task *task_table_get(const struct task_table *t, uint32_t index)
{
	return index < t->len ? &t->tasks[index] : NULL;
}

static inline int task_run(const struct task *task, struct call *call)
{
	return task->run ? task->run(&call->base) : command_run(task->command, call);
}

#endif
