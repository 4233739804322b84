/*
 * Cuts metadata.managedFields out of the text of an object, before a tree is made of it: it is two
 * thirds of a small object, and nobody here reads it.  Inside the kube room only.
 */
#ifndef KUBE_MANAGED_FIELDS_H
#define KUBE_MANAGED_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

struct strbuf;

/* Appends the JSON text without its members of that name, and returns true; false, with nothing
 * appended, when there is none or the text is not whole.  Whether the rest is valid JSON is for a
 * parser to find out. */
bool managed_fields_cut(const char *text, size_t length, struct strbuf *ret_rest);

#endif
