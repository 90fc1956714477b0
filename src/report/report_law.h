/**
 * report_law: one self-contained HTML file from a fitted law, with the law itself inside: the page computes what a
 * mixture would lose as its sliders are moved. And one from a mixture.
 */
#ifndef AUTOSCALE_REPORT_LAW_H
#define AUTOSCALE_REPORT_LAW_H

#include "report/report.h"
#include "table/table.h"

typedef struct asc_law_report_opts {
    const char *title;             /**< what the page is headed with: the file's name */
    const asc_mix_opts *question;  /**< budget, size, objective and limits of the optimum */
    size_t n_given;                /**< mixtures that stand beside the optimum and uniform */
    const char *const *given_name; /**< (n_given) */
    const double *given;           /**< (n_given,D) shares, rows sum to 1 */
    const asc_runs *measured;      /**< runs that the law did not see, matched by name, or NULL */
    const char *measured_name;     /**< their file */
} asc_law_report_opts;

/**
 * All that the page shows, as one JSON object: the optimum, predictions for it, for uniform and for the mixtures given
 * (as asc_what_if_predict), what domains are worth (asc_values_of), the fit with its held-out runs, the optimum by
 * budget where the table's budgets vary, a slice of the objective along each domain (asc_slices_of), and under "page"
 * what the page computes with: the law itself, the question, the mixtures that its sliders start from.
 * Where draws would make the page larger than ASC_LAW_PAGE_BYTES they are thinned, which "page" says.
 * @retval ASC_EINVAL  limits that leave no mixture, an objective that the law was not fitted to (ddo)
 * @retval ASC_EINTR   asc_interrupted()
 * Cost: about ten optima and some ten thousand predictions of all laws.
 */
asc_status asc_report_law_document(json_t **out, const asc_law_set *laws, const asc_law_report_opts *o, asc_error *err);
#define ASC_LAW_PAGE_BYTES ((size_t)24 << 20)

/** Append the page of such a document to out. Pure, as asc_report_html. */
asc_status asc_report_law_html(asc_buf *out, const json_t *document, const asc_report_opts *opts, asc_error *err);

/** The page of a mixture: shares, tokens, epochs, where its data lies and where it came from, and how to export it.
 * path: the file, as a command would name it. */
asc_status asc_report_mixture_html(asc_buf *out, const asc_mix_file *mix, const char *path, const asc_report_opts *opts,
                                   asc_error *err);

#endif
