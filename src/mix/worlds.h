/* The objective over a law set's draws. Private to mix. */
#ifndef MIX_WORLDS_H
#define MIX_WORLDS_H

#include "optimum.h"

/* The processes of a law set, parts of blends after one another, at one point. Init by asc__processes_init. */
typedef struct asc__processes {
    size_t n, D;
    const asc_law **law; /* (n) whose process it is */
    asc_law *bare;       /* (n) the same without it */
    bool *unused;        /* (n) asked for by nobody: not evaluated */
    double *factor;      /* (n) what it multiplies its law with */
    double *slope;       /* (n,D) d ln factor / d tokens, if asked for */
    size_t *group;       /* (n) the first of those with the same runs */
    size_t *offset;      /* (n) of the distances of its group */
    double *distance;    /* to each run, squared */
    const double *tokens;
    double params;
    bool want_slope;
} asc__processes;
/* Processes of a law and its parts. */
size_t asc__count_processes(const asc_law *l);
asc_status asc__processes_init(asc__processes *p, const asc_law_set *laws, asc_error *err);
void asc__processes_clear(asc__processes *p);
void asc__processes_at(asc__processes *p, const double *tokens, double params, bool slopes, int n_threads);

typedef struct asc__worlds {
    const asc__problem *p;
    size_t n, D, V; /* worlds, domains, laws */
    double params;
    int n_threads;
    asc_law_set *view; /* (n) */
    int32_t *leaf;     /* (n,V) process that a law shares with the fit's, -1: none */
    bool estimate;     /* one world, the laws as fitted: leaf is the first process of a law and its parts */
    asc__processes processes;
    bool *right; /* (processes) tried out and found to agree */
    double *block;
    double *value;    /* (n) J of each world at the last point */
    double *gradient; /* (n,D) dJ/dtokens, if it was asked for */
    double *loss;     /* (n, V + D) work */
    const double *tokens;
    bool want_slope;
    int32_t *part;  /* (n,V) which part of its blend a world's law is a draw of, 0 of other laws; NULL: not centred */
    double *column; /* (n) room, with part */
    double *plain;  /* (n) where the values go that are not moved, or NULL */
} asc__worlds;

/* At most `most` worlds, evenly taken from the draws of p's laws; those without a finite J at tokens (D) are left out
 * (n may be 0). deciding: laws that may not decide are replaced by the next draws that may. p must outlive them. */
asc_status asc__worlds_create(asc__worlds **out, const asc__problem *p, size_t most, bool deciding,
                              const double *tokens, asc_error *err);
/* One world, the laws as fitted without parts that may not decide; quick where there are many processes. */
asc_status asc__worlds_of_estimate(asc__worlds **out, const asc__problem *p, const double *tokens, asc_error *err);
/* From here on, evaluations without a gradient give losses that are moved, target by target and law by law, so that the
 * median of the draws lies as far on the other side of the fit that they are draws of (asc__shift_to_fit). For pricing
 * a mixture; a search goes by the draws as they are. */
asc_status asc__worlds_centre(asc__worlds *w, asc_error *err);
void asc__worlds_free(asc__worlds *w);
/* Mean of J over the worlds at tokens (D), dJ/dtokens into gradient (D) or NULL. The same for any number of threads. */
double asc__worlds_eval(asc__worlds *w, const double *tokens, double *gradient);

/* The same of centred worlds; J of each before it was moved into plain (n). */
void asc__worlds_eval_both(asc__worlds *w, const double *tokens, double *plain);

/* Draw k of laws, those that may not decide replaced; free with asc_law_set_view_free. */
asc_status asc__world_that_decides(asc_law_set *view, const asc_law_set *laws, size_t k, asc_error *err);
/* A draw's laws (of asc__world_that_decides) as they were fitted: about what the draw lies. view: (V) laws, of the
 * caller's. */
void asc__world_centre(asc_law *view, const asc_law_set *laws, const asc_law_set *draw);
/* Is every law one that may decide, or a blend with such a part? */
bool asc__laws_may_decide(const asc_law_set *s);
/* True where no part of any law has to be left out of a decision. */
bool asc__laws_decide_throughout(const asc_law_set *s);

#endif
