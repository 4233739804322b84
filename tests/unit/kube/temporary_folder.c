#include "temporary_folder.h"

#include "base/memory.h"
#include "support/test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

char *temporary_folder_make(void)
{
    char *folder = mem_strdup("/tmp/test-kube-XXXXXX");

    assert_non_null(mkdtemp(folder));
    return folder;
}

void temporary_folder_remove(char *folder)
{
    DIR *directory = opendir(folder);
    struct dirent *entry;

    assert_non_null(directory);
    while ((entry = readdir(directory)) != NULL) {
        auto_free char *path = mem_printf("%s/%s", folder, entry->d_name);

        if (entry->d_name[0] != '.')
            assert_int_equal(unlink(path), 0);
    }
    closedir(directory);
    assert_int_equal(rmdir(folder), 0);
    free(folder);
}

char *temporary_folder_write(const char *folder, const char *name, const char *text)
{
    auto_free char *draft = mem_printf("%s/draft", folder);
    char *path = mem_printf("%s/%s", folder, name);
    FILE *file = fopen(draft, "we");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(draft, path), 0);
    return path;
}
