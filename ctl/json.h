/* The parts of the JSON that commands print. */
#ifndef CTL_JSON_H
#define CTL_JSON_H

#include <futured/futured.h>

#include <jansson.h>

/* Sets object[key] to the bytes as a string if they are UTF-8, else object[key_base64]. */
void json_set_bytes(json_t *object, const char *key, fut_bytes bytes);

/* Sets "job" to its name. */
void json_set_job(json_t *object, const fut_future *f);

/* Sets "status", and "value" or "error". `error` may be NULL. */
void json_set_outcome(json_t *object, fut_status status, fut_bytes value, const fut_error *error);

/* Sets "timeline" with all of it, null for what never came. */
void json_set_timeline(json_t *object, const fut_timeline *t);

#endif
