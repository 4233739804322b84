#include "support/child_process.h"

#include "base/strbuf.h"
#include "support/test.h"

#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void run_child(int (*function)(void *context), void *context, int error_fd)
{
    const struct rlimit no_core = {0};

    setrlimit(RLIMIT_CORE, &no_core);
    dup2(error_fd, STDERR_FILENO);
    _exit(function(context));
}

int child_process_run(int (*function)(void *context), void *context, struct strbuf *ret_output)
{
    char chunk[512];
    int ends[2], status;
    ssize_t got;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        run_child(function, context, ends[1]);
    close(ends[1]);
    while ((got = read(ends[0], chunk, sizeof chunk)) > 0)
        strbuf_append(ret_output, chunk, (size_t)got);
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}
