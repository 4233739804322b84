#include "base/fatal.h"

#include <stdio.h>
#include <stdlib.h>

void fatal(const char *sentence)
{
    fprintf(stderr, "{\"level\":\"error\",\"msg\":\"%s\"}\n", sentence);
    abort();
}
