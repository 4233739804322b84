/*
 * The end of the process for conditions under which going on would be worse than a restart: no
 * memory, no randomness, no descriptor for the one cancellation object.
 */
#ifndef BASE_FATAL_H
#define BASE_FATAL_H

/* Writes one log line to standard error (`sentence` is a literal: it is not escaped) and aborts.
 * Needs no memory. */
_Noreturn void fatal(const char *sentence);

#endif
