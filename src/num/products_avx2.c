#define PRODUCTS asc__products_avx2
#include "products_body.h"
