/*
 * Building URLs from parts that come from outside.  Pure and thread-safe.
 */
#ifndef HTTP_URL_H
#define HTTP_URL_H

struct strbuf;

/* Appends "/" and the segment, percent-encoded (RFC 3986): a slash in it stays inside it. */
void url_append_segment(struct strbuf *url, const char *segment);

/* Appends "name=value" after "?" or, when the URL has a query already, after "&"; both are
 * percent-encoded.  A NULL value appends nothing. */
void url_append_query(struct strbuf *url, const char *name, const char *value);

#endif
