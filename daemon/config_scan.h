/*
 * Prepares the text of a configuration file for libconfuse 3.3, in place.
 *
 * libconfuse counts the lines of comments wrongly, replaces ${NAME} from the environment,
 * drops characters it does not know, takes the end of the file for the end of a comment or
 * a section, and tells nobody about an empty list. Here comments become spaces, `{}` becomes
 * an empty word, and the rest is refused. No character moves to another line.
 */
#ifndef DAEMON_CONFIG_SCAN_H
#define DAEMON_CONFIG_SCAN_H

#include <stddef.h>

/* 0, or -EINVAL with the line and a message that lives for ever. */
int config_scan(char *text, size_t len, unsigned *reterr_line, const char **reterr_message);

#endif
