#define KERNELS asc__kernels_avx2
#include "kernels_body.h"
