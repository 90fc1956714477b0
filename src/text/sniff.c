/* The encoding of a text by its byte order mark (Unicode 15, section 23.8). */
#include "sniff.h"

#include <string.h>

asc__encoding asc__sniff_mark(const uint8_t *p, size_t n, size_t *mark)
{
    static const struct {
        const char *bytes;
        size_t n;
        asc__encoding encoding;
    } marks[] = {{"\xef\xbb\xbf", 3, ASC__UTF8},
                 {"\xff\xfe\0\0", 4, ASC__UTF32_LE}, /* before UTF-16's, which begins alike */
                 {"\0\0\xfe\xff", 4, ASC__UTF32_BE},
                 {"\xff\xfe", 2, ASC__UTF16_LE},
                 {"\xfe\xff", 2, ASC__UTF16_BE}};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (n >= marks[i].n && memcmp(p, marks[i].bytes, marks[i].n) == 0) {
            *mark = marks[i].n;
            return marks[i].encoding;
        }
    *mark = 0;
    return ASC__UTF8;
}

bool asc__sniff_parquet(const uint8_t *p, size_t n)
{
    return n >= 4 && (memcmp(p, "PAR1", 4) == 0 || memcmp(p, "PARE", 4) == 0);
}

/* ASCII with a NUL beside each letter. */
static const char *utf16_name(const uint8_t *p, size_t n)
{
    size_t even = 0, odd = 0, pairs = n / 2 < 200 ? n / 2 : 200;
    for (size_t i = 0; i < pairs; i++) {
        even += p[2 * i] == 0;
        odd += p[2 * i + 1] == 0;
    }
    if (pairs < 4 || (even + odd) * 10 < pairs * 9 || (even > 0 && odd > 0))
        return NULL;
    return odd ? "UTF-16 without a byte-order mark; convert it: iconv -f UTF-16LE -t UTF-8"
               : "UTF-16 without a byte-order mark; convert it: iconv -f UTF-16BE -t UTF-8";
}

const char *asc__sniff_name(const uint8_t *p, size_t n)
{
    static const struct {
        size_t at, n;
        const char *bytes, *name;
    } known[] = {
        {0, 4, "PAR1", "a Parquet file"},
        {0, 6, "\x93NUMPY", "a NumPy array; give arrays of token ids separately from text, as .npy files"},
        {0, 4, "\x88\xd8\x34\x01", "an llm.c shard of token ids; give token files separately from text"},
        {0, 4, "\xa1\xd9\x34\x01", "an llm.c shard of token ids; give token files separately from text"},
        {0, 9, "MMIDIDX\0\0", "the index of a Megatron token file; give token files separately from text"},
        {0, 6, "ARROW1", "an Arrow (Feather) file; write it as Parquet or JSON lines"},
        {0, 4, "\xff\xff\xff\xff",
         "an Arrow stream (a saved Hugging Face data set); export it with to_parquet() or "
         "to_json()"},
        {0, 3, "ORC", "an ORC file; write it as Parquet"},
        {0, 4, "Obj\1", "an Avro file; write it as Parquet or JSON lines"},
        {0, 8, "\x89HDF\r\n\x1a\n", "an HDF5 file; write its text as Parquet or JSON lines"},
        {0, 16, "SQLite format 3\0", "an SQLite database; write its text as JSON lines"},
        {0, 5, "%PDF-", "a PDF document; extract its text first"},
        {0, 4, "PK\3\4", "a zip archive (or an Office document, or .npz); unpack it first"},
        {0, 6, "7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"},
        {0, 6, "Rar!\x1a\7", "a RAR archive; unpack it first"},
        {257, 5, "ustar", "a tar archive; unpack it first"},
        {0, 4, "\x04\x22\x4d\x18", "an LZ4 frame; decompress it first (lz4 -d)"},
        {0, 8, "\x89LZO\0\r\n\x1a", "an lzop file; decompress it first"},
        {0, 10, "\xff\6\0\0sNaPpY", "a framed Snappy file; decompress it first"},
        {0, 2, "\x1f\x9d", "a file of compress (.Z); decompress it first"},
        {0, 4, "\x5d\0\0\x80", "an LZMA file, the format before xz; decompress it first (xz -d)"}, /* 8 MiB windows */
        {0, 4, "\x5d\0\0\0", "an LZMA file, the format before xz; decompress it first (xz -d)"},
        {0, 2, "\x1f\x8b", "gzip inside another compression"},
        {0, 4, "\x28\xb5\x2f\xfd", "zstd inside another compression"},
        {0, 2, "\x80\2", "a Python pickle; write its text as JSON lines"},
        {0, 2, "\x80\3", "a Python pickle; write its text as JSON lines"},
        {0, 2, "\x80\4", "a Python pickle; write its text as JSON lines"},
        {0, 2, "\x80\5", "a Python pickle; write its text as JSON lines"},
        {0, 4,
         "\x7f"
         "ELF",
         "a program or object file"},
        {0, 8, "\x89PNG\r\n\x1a\n", "a PNG picture"},
        {0, 3, "\xff\xd8\xff", "a JPEG picture"},
        {0, 4, "GIF8", "a GIF picture"},
        {0, 4, "\xff\xfe\0\0", "UTF-32; convert it: iconv -f UTF-32 -t UTF-8"},
        {0, 4, "\0\0\xfe\xff", "UTF-32; convert it: iconv -f UTF-32 -t UTF-8"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (n >= known[i].at + known[i].n && memcmp(p + known[i].at, known[i].bytes, known[i].n) == 0)
            return known[i].name;
    return utf16_name(p, n);
}
