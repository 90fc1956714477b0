/* autoscale version: what runs here, for reports of faults and for people who compare machines. */
#include <dlfcn.h>
#include <oniguruma.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "config/config.h"
#include "device/device.h"
#include "store/store.h"
#include "train/train.h"
#include "cli.h"

/* Libraries that are loaded when they are needed; without them all else works. */
static const struct {
    const char *name, *files[4], *use;
} loaded[] = {
    {"oneDNN", {"libdnnl.so.2"}, "bf16 on AMX, comparison in bench gemm"},
    {"XGBoost", {"libxgboost.so.0", "libxgboost.so", "libxgboost.so.1"}, "boosted trees, --law trees"},
    {"bzip2", {"libbz2.so.1.0"}, "files compressed with bzip2"},
    {"xz", {"liblzma.so.5"}, "files compressed with xz"},
};

static bool loads(const char *const *files)
{
    for (; *files; files++) {
        void *library = dlopen(*files, RTLD_LAZY | RTLD_LOCAL);
        if (library) {
            dlclose(library);
            return true;
        }
    }
    return false;
}

static void add(json_t *list, const char *name, const char *version, bool found, const char *use)
{
    json_array_append_new(
        list, json_pack("{s:s,s:s?,s:b,s:s?}", "name", name, "version", version, "found", found, "use", use));
}

static json_t *libraries(void)
{
    json_t *list = json_array();
    add(list, "jansson", jansson_version_str(), true, NULL);
    add(list, "libyaml", asc_config_yaml_version(), true, NULL);
    add(list, "SQLite", asc_store_sqlite_version(), true, NULL);
    add(list, "zlib", zlibVersion(), true, NULL);
    add(list, "zstd", ZSTD_versionString(), true, NULL);
    add(list, "Oniguruma", onig_version(), true, NULL);
    for (size_t i = 0; i < sizeof loaded / sizeof *loaded; i++)
        add(list, loaded[i].name, NULL, loads(loaded[i].files), loaded[i].use);
    add(list, "Open MPI", NULL, asc_train_ranks_check(2, NULL) == ASC_OK, "runs of several ranks");
    return list;
}

static void print_people(const json_t *j)
{
    size_t i;
    const json_t *l;
    printf("autoscale %s\n", ASC_VERSION);
    printf("%-18s %s\n", "compiler", json_string_value(json_object_get(j, "compiler")));
    printf("%-18s %s, %lld usable\n", "CPU", json_string_value(json_object_get(j, "cpu")),
           (long long)json_integer_value(json_object_get(j, "cpus")));
    printf("%-18s %s; AMX: %s\n", "instruction set", json_string_value(json_object_get(j, "isa")),
           json_string_value(json_object_get(j, "amx")));
    json_array_foreach(json_object_get(j, "libraries"), i, l)
    {
        const char *version = json_string_value(json_object_get(l, "version"));
        const char *use = json_string_value(json_object_get(l, "use"));
        bool found = json_is_true(json_object_get(l, "found"));
        printf("%-18s %s%s%s%s\n", json_string_value(json_object_get(l, "name")),
               version ? version
               : found ? "found"
                       : "not found",
               use ? " (" : "", use ? use : "", use ? ")" : "");
    }
}

static asc_status run_version(const asc_cli_args *a, asc_error *err)
{
#ifdef __clang__
    const char *compiler = __VERSION__;
#else
    const char *compiler = "gcc " __VERSION__;
#endif
    json_t *j = json_pack("{s:s,s:s,s:s,s:i,s:s,s:s,s:o}", "version", ASC_VERSION, "compiler", compiler, "cpu",
                          asc_device_cpu_name(), "cpus", asc_cpu_count(), "isa", asc_isa_name(asc_device_isa_best()),
                          "amx", asc_device_amx_state(), "libraries", libraries());
    if (!j)
        return ASC_NOMEM(err);
    asc_status st = ASC_OK;
    if (asc__cli_json(a))
        st = asc__cli_print_json(j, err);
    else
        print_people(j);
    json_decref(j);
    return st;
}

static const asc_cli_option options[] = {{0}};

const asc_cli_command asc__cli_version = {
    .name = "version",
    .usage = "[--json]",
    .summary = "print version, compiler, CPU and libraries found",
    .options = options,
    .run = run_version,
};
