#include "demo_text.h"

#include "text/text.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    WANTED = 5,          /* domains: the first five kinds, the others where one cannot be had */
    WANTED_TARGETS = 2,  /* held-out texts */
    MIN_BYTES = 2000000, /* of a domain */
    MIN_TARGET_BYTES = 400000,
    MAX_TARGET_BYTES = 1500000,
    DOCUMENT_BYTES = 64 << 10 /* of one file at most, so that no single file rules its domain */
};

/* Kinds of text that differ clearly, in the order in which they are tried; behind them the held-out text, prose that is
 * no copy of a domain: its manual pages and sources are left out of the domains. `packages` are fetched where the
 * machine has too little: words apart by spaces are all fetched, of names joined by '|' the first that the archive has.
 */
typedef struct source {
    const char *name, *what;
    const char *patterns[5];
    const char *packages;
    bool heldout; /* a target: what a model is to be good at */
} source;

static const source sources[] = {
    {"headers", "C headers", {"/usr/include/**/*.h"}, "linux-libc-dev libc6-dev"},
    {"manuals", "manual pages, roff markup", {"/usr/share/man/man[1-9]/*.gz"}, "manpages-dev manpages"},
    {"python",
     "Python library sources",
     {"/usr/lib/python3*/**/*.py", "/usr/share/python3*/**/*.py"},
     "libpython3.11-stdlib|libpython3.13-stdlib|libpython3.12-stdlib|libpython3.14-stdlib"},
    {"perl",
     "Perl library sources",
     {"/usr/share/perl/**/*.pm", "/usr/share/perl5/**/*.pm", "/usr/share/perl/**/*.pod"},
     "perl-modules-5.36|perl-modules-5.40|perl-modules-5.38|perl-modules-5.42"},
    {"german", "German manual pages", {"/usr/share/man/de/man[1-9]/*.gz"}, "manpages-de manpages-de-dev"},
    {"changelogs", "changelogs of packages", {"/usr/share/doc/*/changelog*.gz", "/usr/share/doc/*/NEWS*.gz"}, NULL},
    {"javascript", "JavaScript libraries", {"/usr/share/javascript/**/*.js", "/usr/share/nodejs/**/*.js"}, NULL},
    {"dictionary", "an English dictionary", {"/usr/share/wordnet/*"}, "wordnet-base"},
    {"perl-docs", "Perl's handbook", {"/usr/share/perl/*/pod/*.pod"}, "perl-doc", true},
    {"git-docs", "Git's documentation", {"/usr/share/doc/git/html/**/*.txt"}, "git-doc", true},
    {"readmes", "READMEs of packages", {"/usr/share/doc/*/README*"}, NULL, true},
};
enum { N_SOURCES = sizeof sources / sizeof *sources };

/* ---- programs ---- */

/* Run a program with its output appended to log; true if it ended with 0. */
static bool run_program(char *const argv[], const char *dir, const char *log)
{
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int status = -1;
    if (asc_fault_hit(ASC_FAULT_SPAWN) || posix_spawn_file_actions_init(&actions) != 0)
        return false;
    bool ok = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0) == 0 &&
              posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0644) == 0 &&
              posix_spawn_file_actions_adddup2(&actions, 1, 2) == 0 &&
              (!dir || posix_spawn_file_actions_addchdir_np(&actions, dir) == 0);
    ok = ok && posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    if (!ok)
        return false;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* ---- choosing files ---- */

typedef struct choice {
    char *path;
    uint64_t rank;
} choice;

typedef struct collection {
    const asc_demo_opts *opts;
    const source *from;
    const char *root; /* "" for the machine, else the folder that packages were unpacked in */
    choice *files;
    size_t n_files, cap_files;
    json_t *taken; /* paths */
    int64_t n_documents, n_bytes;
} collection;

/* Machine-made or doubled forms of a text that stands beside them. */
static bool unwanted(const source *from, const char *path)
{
    /* The targets' own text in another dress: no domain holds it. */
    static const char *const targets[] = {"/man1/git", "/man5/git", "/man7/git", "/man1/perl",
                                          ".3pm",      ".3perl",    "/pod/"};
    for (size_t i = 0; !from->heldout && i < sizeof targets / sizeof *targets; i++)
        if (strstr(path, targets[i]))
            return true;
    static const char *const ends[] = {".min.js", ".module.js", ".node.js", ".browser.js", ".esm.js", ".idx", ".exc"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (asc_ends_with(path, ends[i]))
            return true;
    return strstr(path, "/idlelib/idle_test/") != NULL;
}

static asc_status add_files(collection *c, const char *pattern, asc_error *err)
{
    char **found = NULL, *whole = asc_strf("%s%s", c->root, pattern);
    size_t n = 0;
    asc_error none = {0};
    if (!whole)
        return ASC_NOMEM(err);
    /* Nothing there is no failure here: the next kind of text is tried. */
    asc_status st = asc_text_discover(&found, &n, &whole, 1, "/", &none);
    asc_free(whole);
    if (st == ASC_ENOMEM)
        return ASC_NOMEM(err);
    if (st != ASC_OK)
        return ASC_OK;
    choice *grown = asc_grow(c->files, &c->cap_files, c->n_files + n + 1, sizeof *grown);
    c->files = grown ? grown : c->files;
    for (size_t i = 0; i < n && grown; i++) {
        const char *inner = found[i] + strlen(c->root);
        if (unwanted(c->from, inner))
            continue;
        c->files[c->n_files++] = (choice){found[i], asc_hash64(inner, strlen(inner), 1)};
        found[i] = NULL;
    }
    asc_text_discover_free(found, n);
    return grown ? ASC_OK : ASC_NOMEM(err);
}

/* A mixed but repeatable order: a domain is not only the first letters of the alphabet. */
static int by_rank(const void *a, const void *b)
{
    const choice *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return strcmp(x->path, y->path);
}

/* Length of a prefix of at most max bytes that ends at a character. */
static size_t cut_at_character(const char *s, size_t n, size_t max)
{
    if (n <= max)
        return n;
    while (max > 0 && ((unsigned char)s[max] & 0xc0) == 0x80)
        max--;
    return max;
}

static void ignore_rejected(void *ctx, const char *file, int64_t line, const char *why)
{
    (void)ctx, (void)file, (void)line, (void)why;
}

static asc_status write_document(collection *c, asc_writer *w, const char *path, const asc_document *doc,
                                 asc_error *err)
{
    size_t n = cut_at_character(doc->text, doc->n_bytes, DOCUMENT_BYTES);
    char *line = NULL;
    json_t *j = json_pack("{s:s%,s:s}", "text", doc->text, n, "source", path);
    asc_status st =
        j ? asc_json_print(&line, j, 0, err) : ASC_OK; /* a path that is not UTF-8 cannot be named: left out */
    if (j && st == ASC_OK)
        st = asc_writer_write(w, line, strlen(line), err);
    if (j && st == ASC_OK)
        st = asc_writer_write(w, "\n", 1, err);
    if (j && st == ASC_OK) {
        c->n_documents++;
        c->n_bytes += (int64_t)n;
    }
    asc_free(line);
    json_decref(j);
    return st;
}

/* One document per file; files that cannot be read as text are passed over. */
static asc_status take_file(collection *c, asc_writer *w, const char *path, asc_error *err)
{
    asc_reader *reader = NULL;
    asc_document doc;
    bool more = false;
    asc_error none = {0};
    asc_status st = ASC_OK;
    if (asc_reader_open(&reader, path, NULL, ignore_rejected, NULL, &none) != ASC_OK)
        return ASC_OK;
    if (asc_reader_next(reader, &doc, &more, &none) == ASC_OK && more && doc.n_bytes >= 200) {
        st = write_document(c, w, path, &doc, err);
        if (st == ASC_OK && json_array_append_new(c->taken, json_string(path)) != 0)
            st = ASC_NOMEM(err);
    }
    asc_reader_close(reader);
    return st;
}

static int64_t least_bytes(const source *s)
{
    return s->heldout ? MIN_TARGET_BYTES : MIN_BYTES;
}

static int64_t most_bytes(const collection *c)
{
    int64_t most = c->opts->max_bytes;
    return c->from->heldout && most > MAX_TARGET_BYTES ? MAX_TARGET_BYTES : most;
}

static asc_status take_files(collection *c, const char *path, asc_error *err)
{
    asc_writer w = {0};
    asc_status st = asc_writer_open(&w, path, err);
    for (size_t i = 0; i < c->n_files && st == ASC_OK && c->n_bytes < most_bytes(c); i++)
        st = asc_interrupted() ? ASC_FAIL(err, ASC_EINTR, "interrupted") : take_file(c, &w, c->files[i].path, err);
    if (st == ASC_OK && c->n_bytes >= least_bytes(c->from))
        st = asc_writer_commit(&w, err);
    asc_writer_abort(&w);
    return st;
}

static void collection_clear(collection *c)
{
    for (size_t i = 0; i < c->n_files; i++)
        asc_free(c->files[i].path);
    asc_free(c->files);
    json_decref(c->taken);
}

/* ---- licences: which packages the files belong to ---- */

static void add_once(json_t *list, const char *s, size_t n)
{
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
    {
        if (strlen(json_string_value(item)) == n && strncmp(json_string_value(item), s, n) == 0)
            return;
    }
    json_array_append_new(list, json_stringn(s, n));
}

/* Lines "package[:arch][, package…]: /path" of dpkg-query. */
static void read_packages(json_t *packages, const char *text)
{
    for (const char *line = text; *line;) {
        size_t length = strcspn(line, "\n"), n = strcspn(line, ":,\n");
        const char *path = strstr(line, ": /");
        /* No spaces: "diversion by X from: /path" and messages are no packages. */
        if (path && path < line + length && n > 0 && !memchr(line, ' ', n) && strncmp(line, "dpkg-query:", 11) != 0)
            add_once(packages, line, n);
        line += length + (line[length] == '\n');
    }
}

static asc_status machine_packages(json_t *packages, const collection *c, asc_error *err)
{
    char *log = asc_path_join(c->opts->out_dir, "text/owners.txt"), *text = NULL;
    size_t n = json_array_size(c->taken), n_text = 0, i;
    json_t *path;
    char **argv = asc_calloc(n + 3, sizeof *argv);
    asc_status st = log && argv ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK) {
        argv[0] = (char *)(uintptr_t) "dpkg-query";
        argv[1] = (char *)(uintptr_t) "-S";
        json_array_foreach(c->taken, i, path)
        {
            argv[2 + i] = (char *)(uintptr_t)json_string_value(path);
        }
        unlink(log);
        run_program(argv, NULL, log); /* fails where one file belongs to no package: the others are still named */
        asc_error none = {0};
        if (asc_read_file(log, 64 << 20, &text, &n_text, &none) == ASC_OK)
            read_packages(packages, text);
        unlink(log);
    }
    asc_free(text);
    asc_free(argv);
    asc_free(log);
    return st;
}

static asc_status name_sources(asc_buf *list, const json_t *domain, const char *root, const json_t *taken)
{
    size_t i;
    json_t *item;
    asc_buf_printf(list, "== %s: %s\nlicences:\n", json_string_value(json_object_get(domain, "name")),
                   json_string_value(json_object_get(domain, "what")));
    json_array_foreach(json_object_get(domain, "packages"), i, item)
    {
        asc_buf_printf(list, "  %s/usr/share/doc/%s/copyright\n", root, json_string_value(item));
    }
    asc_buf_puts(list, "files:\n");
    json_array_foreach(taken, i, item)
    {
        asc_buf_printf(list, "  %s\n", json_string_value(item));
    }
    return ASC_OK;
}

/* ---- fetching ---- */

typedef struct fetcher {
    const asc_demo_opts *opts;
    char *root, *log, *lists, *cache; /* OUT/fetched, its log, and apt's own state below it */
    bool own_lists;                   /* the machine has no package lists: ours were fetched */
    bool dead;                        /* no apt-get, or no network */
} fetcher;

static asc_status fetcher_init(fetcher *f, const asc_demo_opts *opts, asc_error *err)
{
    char real[4096];
    *f = (fetcher){.opts = opts};
    if (!realpath(opts->out_dir, real))
        return ASC_FAIL(err, ASC_EIO, "%s: %s", opts->out_dir, strerror(errno));
    f->root = asc_strf("%s/fetched", real);
    f->log = asc_strf("%s/fetched/log.txt", real);
    f->lists = asc_strf("Dir::State::lists=%s/fetched/apt/lists", real);
    f->cache = asc_strf("Dir::Cache=%s/fetched/apt/cache", real);
    return f->root && f->log && f->lists && f->cache ? ASC_OK : ASC_NOMEM(err);
}

static void fetcher_clear(fetcher *f)
{
    asc_free(f->root);
    asc_free(f->log);
    asc_free(f->lists);
    asc_free(f->cache);
}

/* apt-get VERB [PACKAGE], with lists of our own where the machine has none: works without root. */
static bool apt_get(fetcher *f, const char *verb, const char *package)
{
    const char *argv[20] = {"apt-get", "-q", "-o", "APT::Sandbox::User=root", "-o", "Acquire::http::Timeout=20"};
    size_t n = 6;
    if (f->own_lists) {
        argv[n++] = "-o";
        argv[n++] = f->lists;
        argv[n++] = "-o";
        argv[n++] = f->cache;
        argv[n++] = "-o";
        argv[n++] = "Debug::NoLocking=1";
    }
    argv[n++] = verb;
    if (package)
        argv[n++] = package;
    return run_program((char *const *)(uintptr_t)argv, f->root, f->log);
}

static bool download(fetcher *f, const char *package)
{
    if (apt_get(f, "download", package))
        return true;
    if (f->own_lists)
        return false;
    char *partial = asc_strf("%s/apt/lists/partial", f->root),
         *archives = asc_strf("%s/apt/cache/archives/partial", f->root);
    asc_error none = {0};
    f->own_lists = true;
    bool ok = partial && archives && asc_mkdirs(partial, &none) == ASC_OK && asc_mkdirs(archives, &none) == ASC_OK;
    f->opts->note(f->opts->ctx, "fetching the archive's package lists");
    ok = ok && apt_get(f, "update", NULL);
    f->dead = !ok;
    asc_free(partial);
    asc_free(archives);
    return ok && apt_get(f, "download", package);
}

/* Unpack every PACKAGE_*.deb that was downloaded, then drop it. */
static asc_status unpack(fetcher *f, const char *package, asc_error *err)
{
    char *pattern = asc_strf("%s/%s_*.deb", f->root, package), **debs = NULL;
    size_t n = 0;
    asc_status st = pattern ? asc_text_discover(&debs, &n, &pattern, 1, "/", err) : ASC_NOMEM(err);
    for (size_t i = 0; i < n && st == ASC_OK; i++) {
        char *argv[] = {(char *)(uintptr_t) "dpkg-deb", (char *)(uintptr_t) "-x", debs[i], f->root, NULL};
        if (!run_program(argv, NULL, f->log))
            st = ASC_FAIL(err, ASC_EIO, "%s: cannot unpack; %s says why", debs[i], f->log);
        unlink(debs[i]);
    }
    asc_text_discover_free(debs, n);
    asc_free(pattern);
    return st;
}

/* Of the names joined by '|' the first that can be had; *got is the name or "". */
static asc_status fetch_first(fetcher *f, const char *names, size_t n_names, char got[128], asc_error *err)
{
    got[0] = 0;
    for (size_t at = 0; at < n_names && !f->dead;) {
        size_t n = strcspn(names + at, "| ");
        char package[128];
        snprintf(package, sizeof package, "%.*s", (int)n, names + at);
        at += n + 1;
        if (asc_interrupted())
            return ASC_FAIL(err, ASC_EINTR, "interrupted");
        if (download(f, package)) {
            snprintf(got, 128, "%s", package);
            return unpack(f, package, err);
        }
    }
    return ASC_OK;
}

static asc_status fetch_source(fetcher *f, const source *s, json_t *packages, asc_error *err)
{
    char line[256], got[128];
    ASC_TRY(asc_mkdirs(f->root, err));
    snprintf(line, sizeof line, "fetching %s (%s)", s->what, s->packages);
    f->opts->note(f->opts->ctx, line);
    for (const char *p = s->packages; *p;) {
        size_t n = strcspn(p, " ");
        ASC_TRY(fetch_first(f, p, n, got, err));
        if (got[0])
            json_array_append_new(packages, json_string(got));
        p += n + (p[n] == ' ');
    }
    return ASC_OK;
}

/* ---- one kind of text ---- */

/* Appends to domains where enough text was found under root. */
static asc_status try_source(json_t *domains, asc_buf *list, const asc_demo_opts *opts, const source *s,
                             const char *root, json_t *packages, asc_error *err)
{
    collection c = {.opts = opts, .from = s, .root = root, .taken = json_array()};
    char *path = asc_strf("%s/text/%s.jsonl", opts->out_dir, s->name);
    asc_status st = path && c.taken ? ASC_OK : ASC_NOMEM(err);
    for (size_t i = 0; i < 5 && s->patterns[i] && st == ASC_OK; i++)
        st = add_files(&c, s->patterns[i], err);
    if (st == ASC_OK && c.n_files > 1)
        qsort(c.files, c.n_files, sizeof *c.files, by_rank);
    if (st == ASC_OK)
        st = take_files(&c, path, err);
    if (st == ASC_OK && c.n_bytes >= least_bytes(s)) {
        if (!*root)
            st = machine_packages(packages, &c, err);
        json_t *domain =
            json_pack("{s:s,s:s,s:o,s:I,s:I,s:b,s:b,s:O}", "name", s->name, "what", s->what, "file",
                      json_sprintf("text/%s.jsonl", s->name), "documents", (json_int_t)c.n_documents, "bytes",
                      (json_int_t)c.n_bytes, "heldout", s->heldout, "fetched", *root != 0, "packages", packages);
        if (st == ASC_OK && (!domain || json_array_append(domains, domain) != 0))
            st = ASC_NOMEM(err);
        if (st == ASC_OK)
            st = name_sources(list, domain, root, c.taken);
        json_decref(domain);
    }
    collection_clear(&c);
    asc_free(path);
    return st;
}

static asc_status find_or_fetch(json_t *domains, asc_buf *list, const asc_demo_opts *opts, const source *s, fetcher *f,
                                asc_error *err)
{
    json_t *packages = json_array();
    asc_status st = packages ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK && f)
        st = fetch_source(f, s, packages, err);
    if (st == ASC_OK)
        st = try_source(domains, list, opts, s, f ? f->root : "", packages, err);
    json_decref(packages);
    return st;
}

static bool have(const json_t *domains, const char *name)
{
    size_t i;
    json_t *d;
    json_array_foreach(domains, i, d)
    {
        if (strcmp(json_string_value(json_object_get(d, "name")), name) == 0)
            return true;
    }
    return false;
}

typedef struct gathering {
    json_t *found;
    asc_buf *list;
    const asc_demo_opts *opts;
    fetcher f;
    bool heldout;
    size_t wanted, have;
} gathering;

/* The text of one kind, from this machine or fetched. */
static asc_status gather_one(gathering *g, const source *s, bool fetch, asc_error *err)
{
    size_t before = json_array_size(g->found);
    if (s->heldout != g->heldout || g->have >= g->wanted || have(g->found, s->name))
        return ASC_OK;
    if (fetch && (!s->packages || g->f.dead))
        return ASC_OK;
    if (fetch && !g->f.root)
        ASC_TRY(fetcher_init(&g->f, g->opts, err));
    ASC_TRY(find_or_fetch(g->found, g->list, g->opts, s, fetch ? &g->f : NULL, err));
    g->have += json_array_size(g->found) - before;
    return ASC_OK;
}

/* The first kinds on the list, on every machine the same ones; only what cannot be had is replaced by the next. */
static asc_status gather_kind(gathering *g, bool heldout, size_t wanted, asc_error *err)
{
    size_t k = 0;
    g->heldout = heldout;
    g->wanted = wanted;
    g->have = 0;
    for (size_t i = 0; i < N_SOURCES; i++) {
        k += sources[i].heldout == heldout;
        ASC_TRY(gather_one(g, &sources[i], false, err));
        if (k <= wanted)
            ASC_TRY(gather_one(g, &sources[i], true, err));
    }
    for (size_t i = 0; i < N_SOURCES; i++)
        ASC_TRY(gather_one(g, &sources[i], true, err));
    return ASC_OK;
}

static asc_status gather(json_t *found, asc_buf *list, const asc_demo_opts *opts, asc_error *err)
{
    gathering g = {.found = found, .list = list, .opts = opts};
    asc_status st = gather_kind(&g, false, WANTED, err);
    size_t domains = g.have;
    if (st == ASC_OK)
        st = gather_kind(&g, true, WANTED_TARGETS, err);
    if (st == ASC_OK && (domains < WANTED || g.have == 0))
        st = ASC_FAIL(err, ASC_EMISSING,
                      "demo: found only %zu of %d domains with 2 MB of text and %zu held-out texts on this machine, "
                      "and could not fetch more (%s); pass folders of your own text with --data DIR and --targets DIR, "
                      "or connect the machine to its package archive",
                      domains, WANTED, g.have, g.f.log ? g.f.log : "no log");
    fetcher_clear(&g.f);
    return st;
}

/* ---- the whole ---- */

static asc_status make_text(json_t **domains, const asc_demo_opts *opts, asc_error *err)
{
    asc_buf list = {0};
    char *folder = asc_path_join(opts->out_dir, "text"), *licences = asc_path_join(opts->out_dir, "text/SOURCES.txt");
    char *marker = asc_path_join(opts->out_dir, "text/text.json");
    json_t *found = json_array();
    asc_status st = folder && licences && marker && found ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = asc_mkdirs(folder, err);
    if (st == ASC_OK)
        st = gather(found, &list, opts, err);
    if (st == ASC_OK && list.oom)
        st = ASC_NOMEM(err);
    if (st == ASC_OK)
        st = asc_write_file(licences, list.data, list.len, err);
    if (st == ASC_OK)
        st = asc_json_write(marker, found, 2, err);
    if (st == ASC_OK)
        *domains = json_incref(found);
    json_decref(found);
    asc_buf_clear(&list);
    asc_free(folder);
    asc_free(licences);
    asc_free(marker);
    return st;
}

asc_status asc__demo_text(json_t **domains, const asc_demo_opts *opts, asc_error *err)
{
    char *marker = asc_path_join(opts->out_dir, "text/text.json");
    if (!marker)
        return ASC_NOMEM(err);
    asc_status st = asc_path_exists(marker) ? asc_json_load(domains, marker, err) : make_text(domains, opts, err);
    asc_free(marker);
    return st;
}

/* ---- a user's own folders ---- */

/* The study file allows letters, digits and ._+- in a name. */
static void domain_name(char out[65], const char *entry, bool folder)
{
    size_t n = folder ? strlen(entry) : strcspn(entry, "."), k = 0;
    for (size_t i = 0; i < n && k < 64; i++) {
        bool letter = isalnum((unsigned char)entry[i]);
        bool inner = k > 0 && strchr("_+-.", entry[i]);
        char c = (char)(letter || inner ? entry[i] : k > 0 ? '-' : 'd');
        out[k++] = c;
    }
    out[k] = 0;
}

static bool text_file(const char *name)
{
    static const char *const ends[] = {".jsonl", ".txt", ".jsonl.gz", ".jsonl.zst", ".txt.gz", ".txt.zst"};
    for (size_t k = 0; k < sizeof ends / sizeof *ends; k++)
        if (asc_ends_with(name, ends[k]))
            return true;
    return false;
}

static asc_status add_entry(json_t *domains, const char *dir, const char *entry, bool folder, asc_error *err)
{
    char name[65];
    size_t i;
    json_t *d;
    domain_name(name, entry, folder);
    json_array_foreach(domains, i, d)
    {
        const char *what = json_string_value(json_object_get(d, "what"));
        if (strcmp(what, entry) == 0)
            return ASC_OK;
        if (strcmp(json_string_value(json_object_get(d, "name")), name) == 0)
            return ASC_FAIL(err, ASC_EINVAL,
                            "--data or --targets: '%s' and '%s' would both be the domain %s; rename one", what, entry,
                            name);
    }
    d = json_pack("{s:s,s:s,s:o}", "name", name, "what", entry, "file", json_sprintf("%s/%s", dir, entry));
    return d && json_array_append_new(domains, d) == 0
               ? ASC_OK
               : ASC_FAIL(err, ASC_EINVAL, "--data or --targets: the name of '%s' is not UTF-8", name);
}

static asc_status add_entries(json_t *domains, const char *dir, bool folders, asc_error *err)
{
    char *pattern = asc_path_join(dir, folders ? "**" : "*"), **files = NULL;
    size_t n = 0;
    asc_error none = {0};
    asc_status st = ASC_OK;
    if (!pattern)
        return ASC_NOMEM(err);
    if (asc_text_discover(&files, &n, &pattern, 1, "/", &none) != ASC_OK)
        n = 0; /* an empty folder: said by the caller */
    for (size_t i = 0; i < n && st == ASC_OK; i++) {
        const char *inner = files[i] + strlen(dir) + 1, *slash = strchr(inner, '/');
        char entry[300];
        snprintf(entry, sizeof entry, "%.*s", (int)strcspn(inner, "/"), inner);
        if (folders ? slash != NULL : !slash && text_file(inner))
            st = add_entry(domains, dir, entry, folders, err);
    }
    asc_text_discover_free(files, n);
    asc_free(pattern);
    return st;
}

asc_status asc__demo_folders(json_t **domains, const char *dir, bool heldout, asc_error *err)
{
    char real[4096];
    const char *option = heldout ? "--targets" : "--data";
    size_t least = heldout ? 1 : 2, i;
    json_t *d;
    if (!realpath(dir, real))
        return ASC_FAIL(err, ASC_EINVAL, "%s %s: %s", option, dir, strerror(errno));
    json_t *found = json_array();
    asc_status st = found ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = add_entries(found, real, true, err);
    if (st == ASC_OK && json_array_size(found) == 0)
        st = add_entries(found, real, false, err);
    if (st == ASC_OK && json_array_size(found) < least)
        st = ASC_FAIL(err, ASC_EINVAL, "%s %s: expected %s of text, one per %s, found %zu", option, dir,
                      heldout ? "folders or files" : "two or more folders", heldout ? "target" : "domain",
                      json_array_size(found));
    json_array_foreach(found, i, d)
    {
        json_object_set_new(d, "heldout", json_boolean(heldout));
    }
    if (st == ASC_OK)
        *domains = json_incref(found);
    json_decref(found);
    return st;
}
