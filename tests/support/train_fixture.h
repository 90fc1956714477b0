/* A small run on real text (files of this repository, a byte a token) in a folder of its own. */
#ifndef TRAIN_FIXTURE_H
#define TRAIN_FIXTURE_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "text/text.h"
#include "train/train.h"
#include "folder.h"

typedef struct fixture {
    char dir[64]; /* token files */
} fixture;

static inline bool fixture_small(void)
{
    return getenv("ASC_SMALL") != NULL;
}

static inline void fixture_tokens(const fixture *f, const char *name, const char *source, size_t from, size_t n)
{
    char path[512], prefix[256];
    char *text = NULL;
    size_t len = 0;
    asc_error err = {0};
    snprintf(path, sizeof path, "%s/%s", ASC_SOURCE_DIR, source);
    assert_int_equal(asc_read_file(path, 1 << 24, &text, &len, &err), ASC_OK);
    int32_t *ids = asc_malloc(n * sizeof *ids);
    for (size_t i = 0; i < n; i++) /* a short file is read round */
        ids[i] = (unsigned char)text[(from + i) % len];
    snprintf(prefix, sizeof prefix, "%s/%s", f->dir, name);
    asc_token_writer *w = NULL;
    assert_int_equal(asc_token_writer_create(&w, prefix, 256, &err), ASC_OK);
    assert_int_equal(asc_token_writer_add(w, ids, n, &err), ASC_OK);
    assert_int_equal(asc_token_writer_commit(w, &err), ASC_OK);
    asc_token_writer_free(w);
    asc_free(ids);
    asc_free(text);
}

static inline void fixture_init(fixture *f)
{
    test_folder(f->dir);
    fixture_tokens(f, "code.train", "src/cli/cli.c", 0, 9000);
    fixture_tokens(f, "code.valid", "src/base/files.c", 0, 1003);
    fixture_tokens(f, "docs.train", "docs/architecture.md", 0, 6000);
    fixture_tokens(f, "docs.valid", "docs/glossary.md", 0, 777);
}

static inline void fixture_clear(fixture *f)
{
    assert_int_equal(asc_remove_tree(f->dir, NULL), ASC_OK);
}

static inline char *fixture_path(const fixture *f, const char *name)
{
    return asc_strf("%s/%s", f->dir, name);
}

static inline char **fixture_strings(char *a, char *b)
{
    char **p = asc_calloc(2, sizeof *p);
    p[0] = a;
    p[1] = b;
    return p;
}

/* 48 steps of 8 sequences of 32 tokens; the last one short. */
static inline void fixture_spec(const fixture *f, asc_run_spec *s)
{
    asc_run_spec_init(s);
    s->model.arch = ASC_ARCH_GPT2;
    s->id = asc_strdup("tiny");
    s->device = asc_strdup("cpu");
    s->model.n_layers = 2;
    s->model.n_heads = 2;
    s->model.width = 32;
    s->model.context = 32;
    s->model.vocab = 256;
    s->training.batch_tokens = 8 * 32;
    s->training.micro_batch = 3;
    s->training.lr = 3e-3;
    s->isa = ASC_ISA_AUTO;
    s->n_domains = s->n_targets = 2;
    s->domains = fixture_strings(asc_strdup("code"), asc_strdup("docs"));
    s->targets = fixture_strings(asc_strdup("code"), asc_strdup("docs"));
    s->train_files = fixture_strings(fixture_path(f, "code.train"), fixture_path(f, "docs.train"));
    s->valid_files = fixture_strings(fixture_path(f, "code.valid"), fixture_path(f, "docs.valid"));
    s->tokens = asc_calloc(2, sizeof *s->tokens);
    s->max_epochs = asc_calloc(2, sizeof *s->max_epochs);
    s->tokens[0] = 8000;
    s->tokens[1] = 4128;
    s->max_epochs[0] = s->max_epochs[1] = NAN;
    s->valid_tokens = 700;
    s->n_curve = 3;
}

/* Write the run into DIR/name and give its folder (free with asc_free). */
static inline char *fixture_run(const fixture *f, const asc_run_spec *s, const char *name)
{
    asc_error err = {0};
    char *dir = fixture_path(f, name);
    assert_int_equal(asc_mkdirs(dir, &err), ASC_OK);
    assert_int_equal(asc_run_spec_write(s, dir, &err), ASC_OK);
    return dir;
}

static inline void fixture_result(const char *dir, asc_run_result *out)
{
    asc_error err = {0};
    char *path = asc_path_join(dir, "result.json");
    if (asc_run_result_read(out, path, NULL, 0, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    asc_free(path);
}

#endif
