/*
 * The safetensors file format: 8 bytes header length (little endian), a JSON header {name: {dtype, shape,
 * data_offsets}}, then the tensors' bytes, one after another without gaps, overlaps or anything behind the last.
 * Foreign bytes: every size and offset is checked against the file before use.
 */
#ifndef ASC_MODEL_SAFETENSORS_H
#define ASC_MODEL_SAFETENSORS_H

#include "base/base.h"

typedef struct asc__st_tensor {
    const char *name; /* when read: owned by the file */
    int n_dims;       /* of more than 4 the first 4 are kept */
    int64_t dims[4];
    size_t n;          /* elements */
    const float *data; /* to be written, fp32 */
    uint64_t at;       /* when read: position in the file */
    uint64_t bytes;    /* when read: of its data */
    const char *dtype; /* as the header names it; to be written: NULL is F32 */
    int width;         /* when read: bytes per element; 0: of a type that is no parameter's here */
    bool is_half;      /* when read: IEEE half; else a width of 2 is bf16 */
} asc__st_tensor;

/* Write fp32 tensors atomically. */
asc_status asc__st_write(const char *path, const asc__st_tensor *tensors, size_t n, asc_error *err);
/* The beginning of a file alone: the caller writes the tensors' bytes behind it, in this order, without gaps. */
asc_status asc__st_write_header(asc_writer *w, const asc__st_tensor *tensors, size_t n, asc_error *err);
/* Bytes per element of a type of the format, by name; 0: another one. */
int asc__st_width(const char *dtype);

typedef struct asc__st_file {
    char *path;
    FILE *f;
    asc__st_tensor *tensors; /* sorted by name */
    size_t n_tensors;
    void *header; /* json_t, owns the names */
} asc__st_file;
asc_status asc__st_open(asc__st_file *out, const char *path, asc_error *err);
void asc__st_close(asc__st_file *s);
/* "[768, 50257]" */
void asc__st_shape_text(char buf[100], int n_dims, const int64_t *dims);
const asc__st_tensor *asc__st_find(const asc__st_file *s, const char *name);
/* Read a tensor of type F64, F32, F16 or BF16 as fp32 into out (t->n). */
asc_status asc__st_read(const asc__st_file *s, const asc__st_tensor *t, float *out, asc_error *err);
/* The same for n elements from element `from` on. */
asc_status asc__st_read_part(const asc__st_file *s, const asc__st_tensor *t, size_t from, size_t n, float *out,
                             asc_error *err);
/* n bytes of a tensor of any type from its byte `from` on, as they are. */
asc_status asc__st_read_bytes(const asc__st_file *s, const asc__st_tensor *t, uint64_t from, size_t n, void *out,
                              asc_error *err);

#endif
