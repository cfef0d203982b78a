/* Trimtab as a shared library: studies of this process, in memory or in a store that other processes share.
 *
 * Every function may be called from any thread; calls for one study wait for each other. A study belongs to the process
 * that opened it: in a child made by fork, every call is answered with an error. Texts are UTF-8. */
#ifndef TRIMTAB_H
#define TRIMTAB_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What goes in and out of the calls that a program makes for every trial. */
typedef struct tt_call {
  /* Number of the trial. */
  int64_t trial;
  /* 1 for the first run. */
  int64_t attempt;
  /* The same in every run of the trial. */
  int64_t seed;
  /* How often the study was amended: when it changes, the space may have grown. */
  int64_t revision;
  /* Room in values, and how much of it was needed. */
  int64_t capacity;
  int64_t count;
  /* Whether notes are kept with the trial. */
  int64_t has_notes;
  /* The resource to reach and the one reached before; NaN without fidelity. */
  double target;
  double reached;
  /* In: the resource of a report, NaN for none. */
  double resource;
  /* In: how long the trial ran, in seconds. */
  double seconds;
  /* ask: one number for each slot of the space, NaN where there is none. report, complete: the objectives in order. */
  double *values;
  /* Out: a text that explains, to be freed with tt_free; null when there is none. */
  char *text;
} tt_call;

/* The version, a constant text. */
const char *tt_version(void);

/* Opens a study. The request is a JSON object: "study" (the study file as an object; its name alone to open one that
 * exists), "store" (a path, or null for memory) and "mode" ("create", "open" or "create_or_open").
 * Returns a number above 0, or 0 with an error in *text, which is to be freed with tt_free. */
int64_t tt_open(const char *request, char **text);

/* Carries out one request of the protocol and returns its answer, both JSON objects. Free the answer with tt_free. */
char *tt_request(int64_t study, const char *request);

/* 0: a trial to run. 1: nothing now. 2: nothing ever again, text says why. Below 0: an error in text. */
int32_t tt_ask(int64_t study, tt_call *call);

/* Reports `count` objectives of a running trial at a resource. 0: go on. 1: pause. 2: stop. Below 0: an error in text. */
int32_t tt_report(int64_t study, tt_call *call);

/* Ends a trial with `count` objectives. 3: completed. 5: failed, or 0: failed and to be tried again, and text says of what:
 * a value that is no finite number, or a metric that an outcome constraint needs and that was never reported. Below 0: an
 * error in text. */
int32_t tt_complete(int64_t study, tt_call *call);

/* Closes a study. Trials that it runs are given back. Returns null, or an error to be freed. */
char *tt_close(int64_t study);

void tt_free(char *text);

#ifdef __cplusplus
}
#endif

#endif
