#define KERNELS asc__law_kernels_avx2
#include "kernels_body.h"
