/* A list of strings on the heap that ends with NULL. */
#ifndef DAEMON_CONFIG_STRINGS_H
#define DAEMON_CONFIG_STRINGS_H

/* The empty list. 0 or -ENOMEM. */
int config_strings_new(char ***ret);

void config_strings_free(char **strings);

/*
 * Moves `s` to the end of the list, or frees it. 0 or -ENOMEM, also when s is NULL, which
 * says that there was no memory to make it.
 */
int config_strings_take(char ***strings, char *s);

#endif
