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

/* Appends what there is to read; false with *err when it is more than limit_bytes. */
static bool read_all(int fd, const char *path, size_t limit_bytes, struct strbuf *content,
                     struct error *err)
{
    char chunk[4096];
    ssize_t got;
    bool succeeded = true;

    while (succeeded && (got = read(fd, chunk, sizeof chunk)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            succeeded = fail_with_errno(path, errno, err);
        else if ((size_t)got > limit_bytes - content->length)
            succeeded = error_set(err, ERROR_INVALID, NULL, "file '%s' is larger than %zu bytes",
                                  path, limit_bytes);
        else
            strbuf_append(content, chunk, (size_t)got);
    }
    explicit_bzero(chunk, sizeof chunk); /* it may be a key */
    return succeeded;
}

bool file_read(const char *path, size_t limit_bytes, struct strbuf *ret_content, struct error *err)
{
    run_at_scope_end(close_scope) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    auto_strbuf struct strbuf content = STRBUF_ERASING;
    struct stat status;

    if (fd < 0 || fstat(fd, &status) != 0)
        return fail_with_errno(path, errno, err);
    if (!S_ISREG(status.st_mode))
        return error_set(err, ERROR_INVALID, NULL, "'%s' is not a regular file", path);
    if (!read_all(fd, path, limit_bytes, &content, err))
        return false;

    strbuf_append(ret_content, strbuf_text(&content), content.length);
    return true;
}
