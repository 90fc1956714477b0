#define KERNELS asc__law_kernels_avx2
#include "law_kernels_body.h"
