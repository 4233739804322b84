#include "base/file.h"

#include "base/strbuf.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool fail_with_errno(const char *path, int number, struct error *err)
{
    enum error_kind kind = ERROR_UNAVAILABLE;

    if (number == ENOENT || number == ENOTDIR)
        kind = ERROR_NOT_FOUND;
    else if (number == EACCES || number == EPERM)
        kind = ERROR_DENIED;
    return error_set(err, kind, NULL, "cannot read file '%s': %s", path, strerrordesc_np(number));
}

static void close_scope(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

bool file_read(const char *path, size_t limit_bytes, struct strbuf *ret_content, struct error *err)
{
    run_at_scope_end(close_scope) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    auto_strbuf struct strbuf content = STRBUF_ERASING;
    char chunk[4096];
    struct stat status;
    ssize_t got;

    if (fd < 0 || fstat(fd, &status) != 0)
        return fail_with_errno(path, errno, err);
    if (!S_ISREG(status.st_mode))
        return error_set(err, ERROR_INVALID, NULL, "'%s' is not a regular file", path);
    while ((got = read(fd, chunk, sizeof chunk)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_with_errno(path, errno, err);
        if (content.length + (size_t)got > limit_bytes)
            return error_set(err, ERROR_INVALID, NULL, "file '%s' is larger than %zu bytes", path,
                             limit_bytes);
        strbuf_append(&content, chunk, (size_t)got);
    }
    explicit_bzero(chunk, sizeof chunk);
    strbuf_append(ret_content, strbuf_text(&content), content.length);
    return true;
}
