/* Words of enums, in their order; NULL behind the last. */
#ifndef SPEC_NAMES_H
#define SPEC_NAMES_H

extern const char *const asc__dtype_names[],
    *const asc__schedule_names[], *const asc__start_names[], *const asc__isa_names[], *const asc__search_method_names[];

#endif
