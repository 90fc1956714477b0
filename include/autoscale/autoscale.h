/** Everything that the library offers. */
#ifndef AUTOSCALE_AUTOSCALE_H
#define AUTOSCALE_AUTOSCALE_H

#include "autoscale/error.h"
#include "autoscale/export.h"
#include "autoscale/hosted.h"
#include "autoscale/law.h"
#include "autoscale/mixture.h"
#include "autoscale/runtime.h"
#include "autoscale/sampler.h"
#include "autoscale/table.h"
#include "autoscale/train.h"
#include "autoscale/version.h"

#endif
