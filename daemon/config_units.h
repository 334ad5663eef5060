/* Values as a configuration writes them: 1000, 16M, 2.5s, yes. */
#ifndef DAEMON_CONFIG_UNITS_H
#define DAEMON_CONFIG_UNITS_H

#include <stdbool.h>
#include <stdint.h>

/* Each: 0, -EINVAL (not written like one) or -ERANGE (does not fit in 64 bits). */

int config_parse_count(const char *text, uint64_t *ret);       /* 1000 */
int config_parse_size(const char *text, uint64_t *ret_bytes);  /* 4096, 64K, 16M, 1G: binary */
int config_parse_duration(const char *text, uint64_t *ret_us); /* 10us, 5ms, 2.5s, 1min, 1h */
int config_parse_bool(const char *text, bool *ret);            /* true, yes, on; false, no, off */

#endif
