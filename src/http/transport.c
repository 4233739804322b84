#include "http/transport.h"

#include "base/heartbeat.h"

bool http_transport_send(struct http_transport *transport, const struct http_request *request,
                         struct http_response *ret_response, struct error *err)
{
    heartbeat_touch();
    return transport->operations->send(transport, request, ret_response, err);
}

void http_transport_free(struct http_transport *transport)
{
    if (transport != NULL)
        transport->operations->free(transport);
}

void http_response_release(struct http_response *response)
{
    /* A body may hold a password; it is erased even when its maker forgot to say so. */
    response->body.erasing = true;
    strbuf_release(&response->body);
    *response = (struct http_response){.body = STRBUF_ERASING};
}
