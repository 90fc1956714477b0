/* Where `python3 -m autoscale.torch` is: the interpreter, the package and the library of this very build. */
#include "exec/exec_launch.h"

#include <stdlib.h>
#include <string.h>

static bool stands_in(const char *dir, const char *name)
{
    char *path = asc_path_join(dir, name);
    bool there = path && asc_path_exists(path);
    asc_free(path);
    return there;
}

/* The package beside the command: of an installed one, else of a build tree. NULL: the interpreter's own. */
static char *find_package(const char *bin)
{
    static const char *const places[] = {"../lib/autoscale/python", "../share/autoscale/python", "../python"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char *dir = asc_path_real(bin, places[i]);
        if (dir && stands_in(dir, "autoscale/torch/__main__.py"))
            return dir;
        asc_free(dir);
    }
    return NULL;
}

/* The library of this very build, which the package computes with; NULL: it finds one by itself. */
static char *find_library(const char *bin)
{
    static const char *const places[] = {".", "../lib", "../lib64", "../lib/x86_64-linux-gnu",
                                         "../lib/aarch64-linux-gnu"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char *dir = asc_path_real(bin, places[i]);
        char *path = dir && stands_in(dir, "libautoscale.so.0") ? asc_path_join(dir, "libautoscale.so.0") : NULL;
        asc_free(dir);
        if (path)
            return path;
    }
    return NULL;
}

static asc_status make_env(asc_torch_program *p, const char *program, asc_error *err)
{
    const char *path = getenv("PYTHONPATH");
    char *bin = asc_path_dir(program), *package = bin ? find_package(bin) : NULL;
    char *library = bin && !getenv("AUTOSCALE_LIBRARY") ? find_library(bin) : NULL;
    size_t n = 0;
    bool ok = bin && (p->env = asc_calloc(3, sizeof *p->env)) != NULL;
    if (ok && package)
        ok = (p->env[n++] = asc_strf("PYTHONPATH=%s%s%s", package, path && *path ? ":" : "", path ? path : "")) != NULL;
    if (ok && library)
        ok = (p->env[n++] = asc_strf("AUTOSCALE_LIBRARY=%s", library)) != NULL;
    asc_free(bin);
    asc_free(package);
    asc_free(library);
    return ok ? ASC_OK : ASC_NOMEM(err);
}

/* The interpreter of the environment in which the command is installed (by pip, into ENV/bin); NULL: it is in none. */
static char *find_environment(const char *program)
{
    char *bin = asc_path_dir(program), *config = bin ? asc_path_real(bin, "../pyvenv.cfg") : NULL;
    char *python = config && asc_path_exists(config) ? asc_path_join(bin, "python3") : NULL;
    if (python && !asc_path_exists(python)) {
        asc_free(python);
        python = NULL;
    }
    asc_free(bin);
    asc_free(config);
    return python;
}

/* The caller's word, the user's, the environment's, or the plain name; a path in a study starts at its file. */
static char *find_python(const char *program, const char *own, const char *base_dir)
{
    const char *given = getenv("AUTOSCALE_PYTHON");
    if (own && strchr(own, '/'))
        return asc_path_join(base_dir, own);
    char *beside = own || (given && *given) ? NULL : find_environment(program);
    return beside ? beside : asc_strdup(own ? own : given && *given ? given : "python3");
}

asc_status asc_torch_program_find(asc_torch_program *out, const char *program, const char *own, const char *base_dir,
                                  asc_error *err)
{
    asc_torch_program p = {.python = find_python(program, own, base_dir)};
    asc_status st = p.python ? make_env(&p, program, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        *out = p;
    else
        asc_torch_program_clear(&p);
    return st;
}

void asc_torch_program_clear(asc_torch_program *p)
{
    for (size_t i = 0; p->env && p->env[i]; i++)
        asc_free(p->env[i]);
    asc_free(p->env);
    asc_free(p->python);
    *p = (asc_torch_program){0};
}
