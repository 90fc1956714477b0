/* bzip2 and xz through the machine's own libraries, loaded when a file asks for them. */
#ifndef UNPACK_H
#define UNPACK_H

#include "base/base.h"

typedef struct asc__unpacker asc__unpacker;
/** @retval ASC_EMISSING the library is not on this machine */
asc_status asc__unpacker_create(asc__unpacker **out, bool xz, const char *path, asc_error *err);
void asc__unpacker_free(asc__unpacker *u);
/**
 * Takes up to *n_in bytes, gives up to *n_out; both become what was taken and given. *complete: a stream ended, another
 * may follow. False: damaged.
 */
bool asc__unpacker_step(asc__unpacker *u, const uint8_t *in, size_t *n_in, uint8_t *out, size_t *n_out, bool *complete);

#endif
