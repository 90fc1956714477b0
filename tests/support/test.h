/* What every test file starts with: cmocka with its prerequisites. */
#ifndef TEST_H
#define TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* As the command does: jansson's allocations fail with ours. */
extern void asc_json_use_our_memory(void);
__attribute__((constructor)) static void use_our_memory(void)
{
    asc_json_use_our_memory();
}

#endif
