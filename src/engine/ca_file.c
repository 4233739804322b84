#include "engine/ca_file.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SYSTEM_BUNDLE "/etc/ssl/certs/ca-certificates.crt"

static int open_memory_file(const char *content)
{
    size_t left = strlen(content);
    int fd = memfd_create("ca", MFD_CLOEXEC);

    while (fd >= 0 && left > 0) {
        ssize_t written = write(fd, content, left);

        if (written <= 0) {
            close(fd);
            return -1;
        }
        content += written;
        left -= (size_t)written;
    }
    return fd;
}

bool engine_ca_file_open(const struct engine_connect_request *request,
                         struct engine_ca_file *ret_file, struct error *err)
{
    ret_file->fd = -1;
    ret_file->path = request->ca_file != NULL ? request->ca_file : SYSTEM_BUNDLE;
    if (request->ca_pem == NULL)
        return true;
    ret_file->fd = open_memory_file(request->ca_pem);
    if (ret_file->fd < 0)
        return error_set(err, ERROR_UNAVAILABLE, NULL, "no memory file for the CA");
    snprintf(ret_file->memory_path, sizeof ret_file->memory_path, "/proc/self/fd/%d", ret_file->fd);
    ret_file->path = ret_file->memory_path;
    return true;
}

void engine_ca_file_close(struct engine_ca_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
}
