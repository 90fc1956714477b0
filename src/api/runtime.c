/* What every function of the library does first and last: options as long as the caller's library had them, its hooks,
 * names and limits checked before a room below sees them. */
#include "facade.h"

#include <math.h>
#include <string.h>

/* A program built against an older header gives a shorter struct: what it does not know stays zero, the default. */
void asc__options_take(void *out, size_t size, const void *given, size_t given_size)
{
    memset(out, 0, size);
    if (given)
        memcpy(out, given, given_size < size ? given_size : size);
}

/* The hook is this thread's own (asc_interrupt_use): two threads may each stop their own fit. */
void asc__hooks_enter(asc__hooked *h, const asc_hooks *hooks)
{
    ASC__TAKE(h->hooks, hooks);
    h->before = asc_interrupt_used();
    if (h->hooks.interrupted)
        asc_interrupt_use((asc_interrupt){h->hooks.interrupted, h->hooks.ctx});
}

void asc__hooks_leave(asc__hooked *h)
{
    asc_interrupt_use(h->before);
}

asc_status asc__names_check(const char *what, const char *const *names, size_t n, asc_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (!names[i] || !names[i][0])
            return ASC_FAIL(err, ASC_EINVAL, "%s[%zu]: expected a name, found none", what, i);
        for (size_t k = 0; k < i; k++)
            if (strcmp(names[i], names[k]) == 0)
                return ASC_FAIL(err, ASC_EINVAL, "%s[%zu]: '%s' is given twice", what, i, names[i]);
    }
    return ASC_OK;
}

/* NULL: no limit. */
static asc_status check_share(const char *what, const double *x, size_t n, asc_error *err)
{
    for (size_t i = 0; x && i < n; i++)
        if (!(x[i] >= 0 && x[i] <= 1))
            return ASC_FAIL(err, ASC_EINVAL, "limits: %s[%zu]: expected a share in [0, 1], found %g", what, i, x[i]);
    return ASC_OK;
}

asc_status asc__limits_take(asc_limits *out, const asc_limits_options *given, size_t n, asc_error *err)
{
    asc_limits_options o;
    ASC__TAKE(o, given);
    ASC_TRY(check_share("min", o.min, n, err));
    ASC_TRY(check_share("max", o.max, n, err));
    for (size_t i = 0; i < n; i++) {
        if (o.min && o.max && o.min[i] > o.max[i])
            return ASC_FAIL(err, ASC_EINVAL, "limits: min[%zu] = %g is above max[%zu] = %g", i, o.min[i], i, o.max[i]);
        if (o.available && !(o.available[i] > 0))
            return ASC_FAIL(err, ASC_EINVAL, "limits: available[%zu]: expected tokens > 0, found %g", i,
                            o.available[i]);
        if (o.max_epochs && !isnan(o.max_epochs[i]) && !(o.max_epochs[i] > 0))
            return ASC_FAIL(err, ASC_EINVAL, "limits: max_epochs[%zu]: expected a number > 0, found %g", i,
                            o.max_epochs[i]);
    }
    *out = (asc_limits){.lo = o.min,
                        .hi = o.max,
                        .available = o.available,
                        .max_epochs = 1,
                        .epochs = o.available ? o.max_epochs : NULL};
    return ASC_OK;
}
