/*
 * Compiler attributes under short names; nothing here has code.
 */
#ifndef BASE_COMPILER_H
#define BASE_COMPILER_H

#define must_check             __attribute__((warn_unused_result))
#define printf_format(fmt, va) __attribute__((format(printf, fmt, va)))
#define run_at_scope_end(f)    __attribute__((cleanup(f)))
#define returns_owned          __attribute__((malloc, warn_unused_result, returns_nonnull))
#define maybe_unused           __attribute__((unused))
#define nonstring              __attribute__((nonstring))

#define array_length(a) (sizeof(a) / sizeof((a)[0]))

#endif
