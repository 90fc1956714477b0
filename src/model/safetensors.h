/*
 * The safetensors file format: 8 bytes header length (little endian), a JSON header {name: {dtype, shape,
 * data_offsets}}, then the tensors' bytes. Foreign bytes: every size and offset is checked against the file before use.
 */
#ifndef ASC_MODEL_SAFETENSORS_H
#define ASC_MODEL_SAFETENSORS_H

#include "autoscale/base.h"

typedef struct asc__st_tensor {
    const char *name; /* when read: owned by the file */
    int n_dims;       /* at most 4 */
    int64_t dims[4];
    size_t n;          /* elements */
    const float *data; /* to be written, fp32 */
    uint64_t at;       /* when read: position in the file */
    int width;         /* when read: bytes an element */
    bool is_half;      /* when read: IEEE half; else a width of 2 is bf16 */
} asc__st_tensor;

/* Write fp32 tensors atomically. */
asc_status asc__st_write(const char *path, const asc__st_tensor *tensors, size_t n, asc_error *err);

typedef struct asc__st_file {
    char *path;
    FILE *f;
    asc__st_tensor *tensors; /* only those of type F32, F16, BF16 */
    size_t n_tensors;
    void *header; /* json_t, owns the names */
} asc__st_file;
asc_status asc__st_open(asc__st_file *out, const char *path, asc_error *err);
void asc__st_close(asc__st_file *s);
const asc__st_tensor *asc__st_find(const asc__st_file *s, const char *name);
/* Read a tensor as fp32 into out (t->n). */
asc_status asc__st_read(const asc__st_file *s, const asc__st_tensor *t, float *out, asc_error *err);

#endif
