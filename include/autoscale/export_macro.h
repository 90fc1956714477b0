/** What marks a name that the shared library offers. */
#ifndef AUTOSCALE_EXPORT_MACRO_H
#define AUTOSCALE_EXPORT_MACRO_H

#if defined(__GNUC__)
#define ASC_API __attribute__((visibility("default")))
#else
#define ASC_API
#endif

#endif
