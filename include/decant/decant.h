/* All of decant: train teachers, distil students under a budget, and use what came out. One header for each noun; each
 * works alone. */
#ifndef DECANT_DECANT_H
#define DECANT_DECANT_H

#include "decant/bench.h"
#include "decant/compress.h"
#include "decant/dataset.h"
#include "decant/device.h"
#include "decant/finding.h"
#include "decant/graph.h"
#include "decant/loss.h"
#include "decant/model.h"
#include "decant/predictor.h"
#include "decant/recipe.h"
#include "decant/report.h"
#include "decant/status.h"
#include "decant/tensor.h"
#include "decant/train.h"
#include "decant/version.h"

#endif
