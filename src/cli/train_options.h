/* The options of `autoscale train` as parts of a run.json. */
#ifndef TRAIN_OPTIONS_H
#define TRAIN_OPTIONS_H

#include "cli.h"
#include "train/train.h"

/* --trainer torch */
bool asc__cli_by_torch(const asc_cli_args *a);
/* Shape and start of the model, training and instruction set: settings, --model and --mup, and what --init's checkpoint
 * says. */
asc_status asc__cli_train_model(asc_run_spec *s, const asc_cli_args *a, asc_error *err);
/* tokens, phases, max_epochs and where to stop, of --mix, --tokens and --stop-at; s has its domains and files. */
asc_status asc__cli_train_mixture(asc_run_spec *s, const asc_cli_args *a, asc_error *err);

#endif
