#include "support/fake_random.h"

/* splitmix64 (Steele, Lea, Flood 2014) as a function of the position: no state to lock. */
static unsigned char stream_byte(uint64_t seed, size_t position)
{
    uint64_t z = seed + (position / 8 + 1) * UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    return (unsigned char)(z >> (position % 8 * 8));
}

static void fake_fill(const struct random_source *self, void *bytes, size_t length)
{
    /* The seam's method takes a constant source; the position is the fake's own business. */
    struct fake_random *fake = (struct fake_random *)(uintptr_t)self;
    size_t start = atomic_fetch_add(&fake->position, length);
    unsigned char *b = bytes;

    for (size_t i = 0; i < length; i++) {
        if (fake->script != NULL)
            b[i] = fake->script[(start + i) % fake->script_length];
        else
            b[i] = stream_byte(fake->seed, start + i);
    }
}

void fake_random_init(struct fake_random *fake, uint64_t seed)
{
    *fake = (struct fake_random){.source = {.fill = fake_fill}, .seed = seed};
}

void fake_random_init_script(struct fake_random *fake, const void *bytes, size_t length)
{
    *fake = (struct fake_random){
        .source = {.fill = fake_fill},
        .script = bytes,
        .script_length = length,
    };
}
