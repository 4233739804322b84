#include "scratch.h"

#include "base/memory.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void scratch_init(struct scratch *scratch)
{
    *scratch = (struct scratch){.folder = "/tmp/dbuo-aws-XXXXXX"};
    assert_non_null(mkdtemp(scratch->folder));
}

void scratch_release(struct scratch *scratch)
{
    for (size_t i = 0; i < scratch->count; i++) {
        unlink(scratch->paths[i]);
        free(scratch->paths[i]);
    }
    rmdir(scratch->folder);
}

static const char *ensure_path(struct scratch *scratch, const char *name)
{
    auto_free char *path = mem_printf("%s/%s", scratch->folder, name);

    for (size_t i = 0; i < scratch->count; i++) {
        if (strcmp(scratch->paths[i], path) == 0)
            return scratch->paths[i];
    }
    assert_true(scratch->count < SCRATCH_FILES_LIMIT);
    scratch->paths[scratch->count] = take(path);
    return scratch->paths[scratch->count++];
}

const char *scratch_write_bytes(struct scratch *scratch, const char *name, const char *bytes,
                                size_t length)
{
    const char *path = ensure_path(scratch, name);
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
    return path;
}

const char *scratch_write(struct scratch *scratch, const char *name, const char *text)
{
    return scratch_write_bytes(scratch, name, text, strlen(text));
}
