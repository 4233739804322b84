#include "http/url.h"

#include "base/encoding.h"
#include "base/strbuf.h"

#include <string.h>

void url_append_segment(struct strbuf *url, const char *segment)
{
    strbuf_append_char(url, '/');
    encoding_append_percent(url, segment, strlen(segment));
}

void url_append_query(struct strbuf *url, const char *name, const char *value)
{
    if (value == NULL)
        return;
    strbuf_append_char(url, strchr(strbuf_text(url), '?') == NULL ? '?' : '&');
    encoding_append_percent(url, name, strlen(name));
    strbuf_append_char(url, '=');
    encoding_append_percent(url, value, strlen(value));
}
