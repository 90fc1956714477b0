#define PRODUCTS asc__products_plain
#include "products_body.h"

const asc__products *asc__num_products(void)
{
#ifdef ASC_X86
    if (__builtin_cpu_supports("avx2"))
        return &asc__products_avx2;
#endif
    return &asc__products_plain;
}
