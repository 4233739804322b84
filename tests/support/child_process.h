/*
 * Runs a function in a child process, for what ends a process or changes it for good.
 */
#ifndef TESTS_SUPPORT_CHILD_PROCESS_H
#define TESTS_SUPPORT_CHILD_PROCESS_H

struct strbuf;

/* Forks, calls `function` with its standard error in a pipe, and exits with what it returns.
 * Appends what was written to `ret_output` and gives the status that waitpid() gave.  Fails the
 * test when the child cannot be made.  Only from a test that has no other threads. */
int child_process_run(int (*function)(void *context), void *context, struct strbuf *ret_output);

#endif
