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
    const char *dtype; /* when read: as the header names it */
    int width;         /* when read: bytes per element; 0: of a type that is no parameter's here */
    bool is_half;      /* when read: IEEE half; else a width of 2 is bf16 */
} asc__st_tensor;

/* Write fp32 tensors atomically. */
asc_status asc__st_write(const char *path, const asc__st_tensor *tensors, size_t n, asc_error *err);

typedef struct asc__st_file {
    char *path;
    FILE *f;
    asc__st_tensor *tensors; /* sorted by name */
    size_t n_tensors;
    void *header; /* json_t, owns the names */
} asc__st_file;
asc_status asc__st_open(asc__st_file *out, const char *path, asc_error *err);
void asc__st_close(asc__st_file *s);
const asc__st_tensor *asc__st_find(const asc__st_file *s, const char *name);
/* Read a tensor of type F64, F32, F16 or BF16 as fp32 into out (t->n). */
asc_status asc__st_read(const asc__st_file *s, const asc__st_tensor *t, float *out, asc_error *err);

#endif
