/*
 * A folder with files that a test writes, gone with it.
 */
#ifndef TESTS_UNIT_KUBE_TEMPORARY_FOLDER_H
#define TESTS_UNIT_KUBE_TEMPORARY_FOLDER_H

#include "base/compiler.h"

/* Its path; freed by temporary_folder_remove(). */
char *temporary_folder_make(void) must_check;
/* Removes the files in it (no folders) and itself. */
void temporary_folder_remove(char *folder);
/* Writes folder/name anew, at once as kubelet does it; returns its path, which the caller frees. */
char *temporary_folder_write(const char *folder, const char *name, const char *text) must_check;

#endif
