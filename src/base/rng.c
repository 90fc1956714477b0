#include "base/base.h"

#include <math.h>
#include <string.h>

static uint64_t splitmix(uint64_t *x)
{
    uint64_t z = (*x += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void asc_rng_init(asc_rng *r, uint64_t seed, const char *name, uint64_t index)
{
    uint64_t x = seed ^ asc_hash64(name, strlen(name), index * 0x9e3779b97f4a7c15u + 1);
    for (int i = 0; i < 4; i++)
        r->s[i] = splitmix(&x);
}

static uint64_t rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

/* xoshiro256**, Blackman and Vigna 2018. */
uint64_t asc_rng_u64(asc_rng *r)
{
    uint64_t *s = r->s, out = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return out;
}

double asc_rng_double(asc_rng *r)
{
    return (double)(asc_rng_u64(r) >> 11) * 0x1p-53;
}

uint64_t asc_rng_below(asc_rng *r, uint64_t n)
{
    uint64_t limit = UINT64_MAX - UINT64_MAX % n, x;
    do
        x = asc_rng_u64(r);
    while (x >= limit);
    return x % n;
}

double asc_rng_normal(asc_rng *r)
{
    double u = 1 - asc_rng_double(r), v = asc_rng_double(r);
    return sqrt(-2 * log(u)) * cos(6.283185307179586476925 * v);
}
