#include "base/base.h"

asc_status asc_fail(asc_error *err, asc_status code, const char *fmt, ...)
{
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        err->code = code;
        vsnprintf(err->msg, sizeof err->msg, fmt, ap);
        va_end(ap);
        for (char *p = err->msg; *p; p++)
            if (*p == '\n' || *p == '\r')
                *p = ' ';
    }
    return code;
}

const char *asc_status_text(asc_status status)
{
    static const char *const texts[] = {"done",
                                        "bad input",
                                        "out of memory",
                                        "input/output error",
                                        "no solution or no convergence",
                                        "wrong state",
                                        "interrupted",
                                        "not available on this machine"};
    size_t i = (size_t) - (int)status;
    return i < sizeof texts / sizeof *texts ? texts[i] : "unknown status";
}

const char *asc_version(void)
{
    return ASC_VERSION;
}
