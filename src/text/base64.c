/* Base64 (RFC 4648, section 4), as tokenizer files hold byte strings. */
#include "way_json.h"

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Padding may be missing, as some writers leave it out; a single digit at the end stands for no byte and is refused. */
bool asc__base64_decode(asc_buf *out, const char *p, size_t n)
{
    uint32_t bits = 0;
    int held = 0;
    while (n > 0 && p[n - 1] == '=')
        n--;
    for (size_t i = 0; i < n; i++) {
        int v = value_of(p[i]);
        if (v < 0)
            return false;
        bits = bits << 6 | (uint32_t)v;
        held += 6;
        if (held >= 8) {
            held -= 8;
            asc_buf_putc(out, (char)(bits >> held & 255));
        }
    }
    return held < 6;
}

void asc__base64_encode(asc_buf *out, const char *p, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        uint32_t bits = 0;
        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (i + k < n ? (uint8_t)p[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            asc_buf_putc(out, k <= n - i ? digits[bits >> (18 - 6 * k) & 63] : '=');
    }
}
