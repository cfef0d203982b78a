/* What a Python program does for every trial, and the calls of the engine (trimtab.h), in C.
 *
 * Built for the stable ABI of Python 3.9, so that one file serves every later version. The engine works without the
 * interpreter's lock. Nothing here keeps state of its own: two interpreters may load it. */
#define PY_SSIZE_T_CLEAN
#ifndef Py_LIMITED_API
#define Py_LIMITED_API 0x03090000
#endif
#include <Python.h>
#include <math.h>
#include <stddef.h>
#include <string.h>
#include <structmember.h>
#include <time.h>

#include "trimtab.h"

/* The name that carries an engine's error; its argument is the error's JSON text. */
typedef struct {
  PyObject *run;
  PyObject *failure;
} State;

/* MARK: A parameter whose slot is its value */

/* Kept in a bytes object: what `known` maps names to. */
typedef struct {
  double low, high, step;
  int64_t whole_low, whole_high, whole_step;
  int64_t slot;
  /* 'f' or 'i'. */
  char kind;
  char log;
} Domain;

static PyObject *core_domain(PyObject *module, PyObject *args) {
  (void)module;
  const char *kind;
  PyObject *low, *high, *step;
  int log;
  Py_ssize_t slot;
  if (!PyArg_ParseTuple(args, "sOOOpn:domain", &kind, &low, &high, &step, &log, &slot)) return NULL;
  Domain domain = {.step = NAN, .slot = slot, .kind = kind[0], .log = (char)log};
  if (domain.kind == 'i') {
    domain.whole_low = PyLong_AsLongLong(low);
    domain.whole_high = PyLong_AsLongLong(high);
    domain.whole_step = PyLong_AsLongLong(step);
  } else {
    domain.low = PyFloat_AsDouble(low);
    domain.high = PyFloat_AsDouble(high);
    if (step != Py_None) domain.step = PyFloat_AsDouble(step);
  }
  if (PyErr_Occurred()) return NULL;
  return PyBytes_FromStringAndSize((const char *)&domain, sizeof domain);
}

/* MARK: A run of a trial */

typedef struct {
  PyObject_HEAD
  long long number, attempt, seed, revision;
  /* NaN without fidelity. */
  double target, reached;
  double begun, ended;
  char has_notes, is_over;
  Py_ssize_t count, capacity;
  double *slots;
  /* For each slot whether it was suggested, and how many such values are not in `values` yet: most trials are told before
   * anybody looks at them there. */
  char *used;
  Py_ssize_t pending;
  PyObject *study;
  PyObject *values;
  /* Domains by name; NULL when suggestions need more than a look into a slot. */
  PyObject *known;
} Run;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static PyObject *run_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
  (void)keywords;
  allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
  Run *self = (Run *)allocate(type, 0);
  if (!self) return NULL;
  self->number = -1;
  self->revision = -1;
  self->target = self->reached = NAN;
  self->begun = now();
  self->ended = NAN;
  self->values = PyDict_New();
  if (PyTuple_Size(args) > 0) {
    self->study = PyTuple_GetItem(args, 0);
    Py_INCREF(self->study);
  }
  if (!self->values) {
    Py_DECREF(self);
    return NULL;
  }
  return (PyObject *)self;
}

static int run_traverse(Run *self, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(self->study);
  Py_VISIT(self->values);
  Py_VISIT(self->known);
  return 0;
}

static int run_clear(Run *self) {
  Py_CLEAR(self->study);
  Py_CLEAR(self->values);
  Py_CLEAR(self->known);
  return 0;
}

static void run_dealloc(Run *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  run_clear(self);
  PyMem_Free(self->slots);
  ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
  Py_DECREF(type);
}

/* Makes room for slots. -1 with an exception when there is none. */
static int reserve(Run *self, Py_ssize_t capacity) {
  if (capacity <= self->capacity) return 0;
  if (capacity > PY_SSIZE_T_MAX / 16) {
    PyErr_NoMemory();
    return -1;
  }
  double *slots = PyMem_Realloc(self->slots, (size_t)capacity * (sizeof(double) + 1));
  if (!slots) {
    PyErr_NoMemory();
    return -1;
  }
  self->slots = slots;
  self->used = (char *)(slots + capacity);
  self->capacity = capacity;
  memset(self->used, 0, (size_t)capacity);
  return 0;
}

/* Finds the domain of a name and the number in its slot. 0 without an exception when it takes more than a look: another
 * kind of parameter, a name that is not known, or an inactive slot. Both are copied, because converting an argument can run
 * any program, and that program may change what they were found in. */
static int find(Run *self, PyObject *name, char kind, Domain *domain, double *value) {
  if (!self->known || self->is_over || !PyDict_Check(self->known) || !PyUnicode_CheckExact(name)) return 0;
  PyObject *entry = PyDict_GetItemWithError(self->known, name);
  if (!entry) {
    PyErr_Clear();
    return 0;
  }
  if (!PyBytes_Check(entry) || PyBytes_Size(entry) != (Py_ssize_t)sizeof(Domain)) return 0;
  memcpy(domain, PyBytes_AsString(entry), sizeof(Domain));
  if (domain->kind != kind || domain->slot < 0 || domain->slot >= self->count) return 0;
  *value = self->slots[domain->slot];
  return !isnan(*value);
}

/* Notes that a slot's value was suggested. */
static PyObject *suggested(Run *self, int64_t slot, PyObject *value) {
  /* The arguments' conversion may have run a program that asked again. */
  if (value && slot < self->count && !self->used[slot]) {
    self->used[slot] = 1;
    self->pending++;
  }
  return value;
}

static PyObject *run_values(Run *self, void *unused) {
  (void)unused;
  if (self->pending > 0 && self->known && PyDict_Check(self->known)) {
    PyObject *name, *entry;
    Py_ssize_t position = 0;
    while (PyDict_Next(self->known, &position, &name, &entry)) {
      Domain domain;
      double slot;
      if (!PyBytes_Check(entry) || PyBytes_Size(entry) != (Py_ssize_t)sizeof(Domain)) continue;
      memcpy(&domain, PyBytes_AsString(entry), sizeof(Domain));
      if (domain.slot < 0 || domain.slot >= self->count || !self->used[domain.slot]) continue;
      slot = self->slots[domain.slot];
      PyObject *value = domain.kind == 'i' ? PyLong_FromDouble(slot) : PyFloat_FromDouble(slot);
      int failed = !value || PyDict_SetItem(self->values, name, value) < 0;
      Py_XDECREF(value);
      if (failed) return NULL;
    }
    self->pending = 0;
  }
  Py_INCREF(self->values);
  return self->values;
}

static PyObject *run_value_count(Run *self, void *unused) {
  (void)unused;
  return PyLong_FromSsize_t(PyDict_Size(self->values) + self->pending);
}

static PyGetSetDef run_getset[] = {
  {"_values", (getter)run_values, NULL, "The values that were suggested so far.", NULL},
  {"_value_count", (getter)run_value_count, NULL, "How many there are.", NULL},
  {NULL, NULL, NULL, NULL, NULL},
};

static char *suggest_names[] = {"name", "low", "high", "step", "log", NULL};

/* The headers of 3.9 show this way of calling only to those who do without the stable ABI, but it is the same in 3.7 and
 * in every version since, and belongs to the stable ABI from 3.10 on. */
#ifndef METH_FASTCALL
#define METH_FASTCALL 0x0080
#endif

static int parse_suggest(
  PyObject *const *args, Py_ssize_t count, PyObject *names, const char *format, PyObject **items, int *log) {
  if (!names && count == 3) {
    for (int i = 0; i < 3; i++) items[i] = args[i];
    return 1;
  }
  PyObject *tuple = PyTuple_New(count);
  PyObject *keywords = PyDict_New();
  int is_parsed = 0;
  if (!tuple || !keywords) goto end;
  for (Py_ssize_t i = 0; i < count; i++) {
    Py_INCREF(args[i]);
    if (PyTuple_SetItem(tuple, i, args[i]) < 0) goto end;
  }
  for (Py_ssize_t i = 0; names && i < PyTuple_Size(names); i++) {
    if (PyDict_SetItem(keywords, PyTuple_GetItem(names, i), args[count + i]) < 0) goto end;
  }
  /* What is parsed lives on: the caller of the method holds it. */
  is_parsed = PyArg_ParseTupleAndKeywords(
    tuple, keywords, format, suggest_names, &items[0], &items[1], &items[2], &items[3], log);
end:
  Py_XDECREF(tuple);
  Py_XDECREF(keywords);
  return is_parsed;
}

/* A bound, which is a whole number as often as not. */
static double bound(PyObject *value) {
  return PyLong_Check(value) ? PyLong_AsDouble(value) : PyFloat_AsDouble(value);
}

static PyObject *run_suggest_float(Run *self, PyObject *const *args, Py_ssize_t count, PyObject *names) {
  PyObject *items[4] = {NULL, NULL, NULL, Py_None};
  int log = 0;
  if (!parse_suggest(args, count, names, "OOO|$Op:suggest_float", items, &log)) return NULL;
  Domain domain;
  double value;
  if (find(self, items[0], 'f', &domain, &value) && domain.log == log) {
    double low = bound(items[1]);
    double high = bound(items[2]);
    double step = items[3] == Py_None ? NAN : bound(items[3]);
    if (PyErr_Occurred()) {
      PyErr_Clear();
    } else if (
      low == domain.low && high == domain.high && (isnan(domain.step) ? items[3] == Py_None : step == domain.step)) {
      return suggested(self, domain.slot, PyFloat_FromDouble(value));
    }
  }
  return PyObject_CallMethod(
    (PyObject *)self, "_suggest_float", "OOOOO", items[0], items[1], items[2], items[3], log ? Py_True : Py_False);
}

static PyObject *run_suggest_int(Run *self, PyObject *const *args, Py_ssize_t count, PyObject *names) {
  PyObject *items[4] = {NULL, NULL, NULL, NULL};
  int log = 0;
  if (!parse_suggest(args, count, names, "OOO|$Op:suggest_int", items, &log)) return NULL;
  Domain domain;
  double slot;
  if (find(self, items[0], 'i', &domain, &slot) && domain.log == log && PyLong_Check(items[1]) && PyLong_Check(items[2]) &&
      (!items[3] || PyLong_Check(items[3]))) {
    long long low = PyLong_AsLongLong(items[1]);
    long long high = PyLong_AsLongLong(items[2]);
    long long step = items[3] ? PyLong_AsLongLong(items[3]) : 1;
    if (PyErr_Occurred()) {
      PyErr_Clear();
    } else if (low == domain.whole_low && high == domain.whole_high && step == domain.whole_step) {
      return suggested(self, domain.slot, PyLong_FromDouble(slot));
    }
  }
  PyObject *step = items[3] ? items[3] : PyLong_FromLong(1);
  if (!step) return NULL;
  PyObject *value = PyObject_CallMethod(
    (PyObject *)self, "_suggest_int", "OOOOO", items[0], items[1], items[2], step, log ? Py_True : Py_False);
  if (!items[3]) Py_DECREF(step);
  return value;
}

static PyObject *run_slot(Run *self, PyObject *index) {
  Py_ssize_t slot = PyLong_AsSsize_t(index);
  if (slot == -1 && PyErr_Occurred()) return NULL;
  return PyFloat_FromDouble(slot < 0 || slot >= self->count ? NAN : self->slots[slot]);
}

static PyObject *run_describe(Run *self, PyObject *args) {
  if (!PyArg_ParseTuple(
        args, "LLLdd:_describe", &self->number, &self->attempt, &self->seed, &self->target, &self->reached))
    return NULL;
  self->begun = now();
  Py_RETURN_NONE;
}

static PyObject *run_finish(Run *self, PyObject *unused) {
  (void)unused;
  if (isnan(self->ended)) self->ended = now();
  self->is_over = 1;
  Py_RETURN_NONE;
}

static PyObject *run_seconds(Run *self, PyObject *unused) {
  (void)unused;
  return PyFloat_FromDouble((isnan(self->ended) ? now() : self->ended) - self->begun);
}

static PyMethodDef run_methods[] = {
  {"suggest_float", (PyCFunction)(void (*)(void))run_suggest_float, METH_FASTCALL | METH_KEYWORDS,
   "suggest_float($self, name, low, high, *, step=None, log=False)\n--\n\n"
   "A real number between two bounds, both included.\n\n"
   "- step: only ``low``, ``low + step``, ... are suggested; ``high`` must be one of them.\n"
   "- log: equal factors are equally likely, not equal distances."},
  {"suggest_int", (PyCFunction)(void (*)(void))run_suggest_int, METH_FASTCALL | METH_KEYWORDS,
   "suggest_int($self, name, low, high, *, step=1, log=False)\n--\n\n"
   "A whole number between two bounds, both included. See ``suggest_float``."},
  {"_slot", (PyCFunction)run_slot, METH_O, "The raw number in a slot; NaN where there is none."},
  {"_describe", (PyCFunction)run_describe, METH_VARARGS,
   "Take over what a message says: number, attempt, seed, target and the resource reached (NaN without fidelity)."},
  {"_finish", (PyCFunction)run_finish, METH_NOARGS, "Note that the run is over."},
  {"_seconds", (PyCFunction)run_seconds, METH_NOARGS, "How long the run has taken."},
  {NULL, NULL, 0, NULL},
};

static PyMemberDef run_members[] = {
  {"number", T_LONGLONG, offsetof(Run, number), READONLY, "Its number within the study, from 0."},
  {"attempt", T_LONGLONG, offsetof(Run, attempt), READONLY,
   "1 for the first run, counting runs that failed or were lost."},
  {"seed", T_LONGLONG, offsetof(Run, seed), READONLY, "A seed of its own, the same in every run of the trial."},
  {"study", T_OBJECT, offsetof(Run, study), READONLY, "The study that it belongs to."},
  {"_revision", T_LONGLONG, offsetof(Run, revision), READONLY, NULL},
  {"_target", T_DOUBLE, offsetof(Run, target), READONLY, NULL},
  {"_reached", T_DOUBLE, offsetof(Run, reached), READONLY, NULL},
  {"_has_notes", T_BOOL, offsetof(Run, has_notes), READONLY, NULL},
  {"_is_over", T_BOOL, offsetof(Run, is_over), READONLY, NULL},
  {"_count", T_PYSSIZET, offsetof(Run, count), READONLY, "How many slots the proposal has."},
  {"_known", T_OBJECT, offsetof(Run, known), 0, "Domains by name; None turns the short way off."},
  {NULL, 0, 0, 0, NULL},
};

static PyType_Slot run_slots[] = {
  {Py_tp_doc, (void *)"One run of a trial, with the suggestions that need no more than a look at what was proposed."},
  {Py_tp_new, (void *)run_new},
  {Py_tp_dealloc, (void *)run_dealloc},
  {Py_tp_traverse, (void *)run_traverse},
  {Py_tp_clear, (void *)run_clear},
  {Py_tp_methods, run_methods},
  {Py_tp_members, run_members},
  {Py_tp_getset, run_getset},
  {0, NULL},
};

static PyType_Spec run_spec = {
  .name = "trimtab._native._core.Run",
  .basicsize = sizeof(Run),
  .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
  .slots = run_slots,
};

/* MARK: The engine's calls */

/* A text of the engine's as Python has it; the engine's is freed. */
static PyObject *taken(char *text) {
  if (!text) return PyErr_NoMemory();
  PyObject *result = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
  tt_free(text);
  return result;
}

static PyObject *failed(PyObject *module, char *text) {
  PyObject *message = taken(text);
  if (message) {
    PyErr_SetObject(((State *)PyModule_GetState(module))->failure, message);
    Py_DECREF(message);
  }
  return NULL;
}

static PyObject *core_version(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  const char *version = tt_version();
  return PyUnicode_DecodeUTF8(version, (Py_ssize_t)strlen(version), "strict");
}

static PyObject *core_open(PyObject *module, PyObject *request) {
  const char *bytes = PyBytes_AsString(request);
  if (!bytes) return NULL;
  char *text = NULL;
  int64_t handle;
  Py_BEGIN_ALLOW_THREADS
  handle = tt_open(bytes, &text);
  Py_END_ALLOW_THREADS
  return handle > 0 ? PyLong_FromLongLong(handle) : failed(module, text);
}

static PyObject *core_request(PyObject *module, PyObject *args) {
  (void)module;
  long long handle;
  const char *request;
  if (!PyArg_ParseTuple(args, "Ly:request", &handle, &request)) return NULL;
  char *answer;
  Py_BEGIN_ALLOW_THREADS
  answer = tt_request(handle, request);
  Py_END_ALLOW_THREADS
  return taken(answer);
}

static PyObject *core_close(PyObject *module, PyObject *handle) {
  long long number = PyLong_AsLongLong(handle);
  if (number == -1 && PyErr_Occurred()) return NULL;
  char *text;
  Py_BEGIN_ALLOW_THREADS
  text = tt_close(number);
  Py_END_ALLOW_THREADS
  if (text) return failed(module, text);
  Py_RETURN_NONE;
}

static Run *as_run(PyObject *module, PyObject *object) {
  if (PyObject_TypeCheck(object, (PyTypeObject *)((State *)PyModule_GetState(module))->run)) return (Run *)object;
  PyErr_SetString(PyExc_TypeError, "a trial is needed");
  return NULL;
}

static PyObject *core_ask(PyObject *module, PyObject *args) {
  long long handle, revision;
  PyObject *object, *known;
  Py_ssize_t capacity;
  if (!PyArg_ParseTuple(args, "LOLOn:ask", &handle, &object, &revision, &known, &capacity)) return NULL;
  Run *run = as_run(module, object);
  if (!run || reserve(run, capacity > 0 ? capacity : 1) < 0) return NULL;
  tt_call call = {.values = run->slots, .capacity = run->capacity};
  int code;
  Py_BEGIN_ALLOW_THREADS
  code = tt_ask(handle, &call);
  Py_END_ALLOW_THREADS
  if (code < 0) return failed(module, call.text);
  if (code == 2) return taken(call.text);
  if (code == 0) {
    run->number = call.trial;
    run->attempt = call.attempt;
    run->seed = call.seed;
    run->revision = call.revision;
    run->target = call.target;
    run->reached = call.reached;
    run->has_notes = call.has_notes != 0;
    /* A proposal that did not fit is not looked at: the caller asks for it by name. */
    run->count = call.count <= run->capacity ? (Py_ssize_t)call.count : -1;
    run->begun = now();
    if (call.revision == revision && !call.has_notes && call.count == capacity && PyDict_Check(known)) {
      Py_INCREF(known);
      Py_XDECREF(run->known);
      run->known = known;
    }
  }
  return PyLong_FromLong(code);
}

/* A few numbers: a float, or a sequence of them. The caller frees what lies outside of `room`. */
static double *numbers(PyObject *values, double *room, Py_ssize_t capacity, int64_t *count) {
  if (PyFloat_Check(values)) {
    room[0] = PyFloat_AsDouble(values);
    *count = 1;
    return room;
  }
  Py_ssize_t size = PySequence_Size(values);
  if (size < 0) return NULL;
  double *result = size <= capacity ? room : PyMem_Malloc((size_t)size * sizeof(double));
  if (!result) {
    PyErr_NoMemory();
    return NULL;
  }
  for (Py_ssize_t i = 0; i < size; i++) {
    PyObject *item = PySequence_GetItem(values, i);
    result[i] = item ? PyFloat_AsDouble(item) : 0;
    Py_XDECREF(item);
    if (PyErr_Occurred()) {
      if (result != room) PyMem_Free(result);
      return NULL;
    }
  }
  *count = size;
  return result;
}

static PyObject *call_with_values(PyObject *module, PyObject *args, int ends) {
  enum { FEW = 8 };
  long long handle;
  PyObject *object, *values;
  double resource, room[FEW];
  if (!PyArg_ParseTuple(args, "LOdO", &handle, &object, &resource, &values)) return NULL;
  Run *run = as_run(module, object);
  if (!run) return NULL;
  tt_call call = {.trial = run->number, .resource = resource};
  call.values = numbers(values, room, FEW, &call.count);
  if (!call.values) return NULL;
  double ended = now();
  call.seconds = ended - run->begun;
  int code;
  Py_BEGIN_ALLOW_THREADS
  code = ends ? tt_complete(handle, &call) : tt_report(handle, &call);
  Py_END_ALLOW_THREADS
  if (call.values != room) PyMem_Free(call.values);
  if (code < 0) return failed(module, call.text);
  if (ends) {
    run->ended = ended;
    run->is_over = 1;
    if (call.text) return taken(call.text);
  }
  return PyLong_FromLong(code);
}

static PyObject *core_report(PyObject *module, PyObject *args) { return call_with_values(module, args, 0); }

static PyObject *core_complete(PyObject *module, PyObject *args) { return call_with_values(module, args, 1); }

static PyMethodDef core_methods[] = {
  {"version", core_version, METH_NOARGS, "The engine's version."},
  {"open", core_open, METH_O, "Open a study by a request; returns its handle."},
  {"request", core_request, METH_VARARGS, "The answer to one message."},
  {"close", core_close, METH_O, "Close a study."},
  {"ask", core_ask, METH_VARARGS,
   "Fill a run with the next trial: 0 when there is one, 1 when there is none now, a text when there will be none."},
  {"report", core_report, METH_VARARGS, "Report objectives of a run at a resource; returns the verdict."},
  {"complete", core_complete, METH_VARARGS, "End a run with its objectives; returns the trial's state, or why it failed."},
  {"domain", core_domain, METH_VARARGS, "A parameter for a run's short way."},
  {NULL, NULL, 0, NULL},
};

static int core_exec(PyObject *module) {
  State *state = PyModule_GetState(module);
  state->run = PyType_FromSpec(&run_spec);
  state->failure = PyErr_NewException("trimtab._native._core.Failure", NULL, NULL);
  if (!state->run || !state->failure) return -1;
  Py_INCREF(state->run);
  if (PyModule_AddObject(module, "Run", state->run) < 0) {
    Py_DECREF(state->run);
    return -1;
  }
  Py_INCREF(state->failure);
  if (PyModule_AddObject(module, "Failure", state->failure) < 0) {
    Py_DECREF(state->failure);
    return -1;
  }
  return 0;
}

static int core_traverse(PyObject *module, visitproc visit, void *arg) {
  State *state = PyModule_GetState(module);
  if (state) {
    Py_VISIT(state->run);
    Py_VISIT(state->failure);
  }
  return 0;
}

static int core_clear(PyObject *module) {
  State *state = PyModule_GetState(module);
  if (state) {
    Py_CLEAR(state->run);
    Py_CLEAR(state->failure);
  }
  return 0;
}

static PyModuleDef_Slot core_slots[] = {{Py_mod_exec, (void *)core_exec}, {0, NULL}};

static struct PyModuleDef core_module = {
  .m_base = PyModuleDef_HEAD_INIT,
  .m_name = "_core",
  .m_doc = "The engine's calls, and the part of a trial that must be fast.",
  .m_size = sizeof(State),
  .m_methods = core_methods,
  .m_slots = core_slots,
  .m_traverse = core_traverse,
  .m_clear = core_clear,
};

PyMODINIT_FUNC PyInit__core(void) { return PyModuleDef_Init(&core_module); }
