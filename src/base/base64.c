/* Base64 (RFC 4648). */
#include <stdint.h>
#include <string.h>

#include "base/base.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void asc_base64_encode(char *text, const unsigned char *bytes, size_t n)
{
    size_t i = 0, at = 0;
    for (; i + 3 <= n; i += 3) {
        uint32_t u = (uint32_t)bytes[i] << 16 | (uint32_t)bytes[i + 1] << 8 | bytes[i + 2];
        for (int k = 3; k >= 0; k--)
            text[at++] = alphabet[u >> (6 * k) & 63];
    }
    if (i < n) {
        uint32_t u = (uint32_t)bytes[i] << 16 | (i + 1 < n ? (uint32_t)bytes[i + 1] << 8 : 0);
        text[at++] = alphabet[u >> 18 & 63];
        text[at++] = alphabet[u >> 12 & 63];
        text[at++] = i + 1 < n ? alphabet[u >> 6 & 63] : '=';
        text[at++] = '=';
    }
    text[at] = 0;
}

static int value_of(char c)
{
    const char *at = c ? strchr(alphabet, c) : NULL;
    return at ? (int)(at - alphabet) : -1;
}

size_t asc_base64_decode(unsigned char *bytes, const char *text, size_t n)
{
    if (n % 4 != 0)
        return SIZE_MAX;
    size_t at = 0, pad = n && text[n - 1] == '=' ? (text[n - 2] == '=' ? 2 : 1) : 0;
    for (size_t i = 0; i < n; i += 4) {
        size_t keep = i + 4 == n ? 3 - pad : 3;
        uint32_t u = 0;
        for (size_t k = 0; k < 4; k++) {
            int v = k > keep ? 0 : value_of(text[i + k]);
            if (v < 0)
                return SIZE_MAX;
            u = u << 6 | (uint32_t)v;
        }
        for (size_t k = 0; k < keep; k++)
            bytes[at++] = (unsigned char)(u >> (16 - 8 * k));
    }
    return at;
}
