#define KERNELS asc__law_kernels_avx2
#include "gradients_body.h"
