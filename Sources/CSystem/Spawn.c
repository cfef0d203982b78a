#define _GNU_SOURCE
#include "CSystem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

extern char **environ;

// From linux/close_range.h, which older headers lack.
static const unsigned int mark_close_on_exec = 1U << 2;

static int mark_range(unsigned int first) {
#if defined(__linux__) && defined(SYS_close_range)
  return (int)syscall(SYS_close_range, first, UINT_MAX, mark_close_on_exec);
#else
  (void)first;
  (void)mark_close_on_exec;
  errno = ENOSYS;
  return -1;
#endif
}

// The limit on open files can be a thousand million, so the loop goes to the highest descriptor that is open instead.
static int highest_descriptor(void) {
#ifdef __linux__
  DIR *directory = opendir("/proc/self/fd");
#else
  DIR *directory = opendir("/dev/fd");
#endif
  if (directory == NULL) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < INT_MAX) return (int)limit.rlim_cur;
    return 65535;
  }
  int highest = 2;
  struct dirent *entry;
  while ((entry = readdir(directory)) != NULL) {
    int number = atoi(entry->d_name);
    if (number > highest) highest = number;
  }
  closedir(directory);
  return highest;
}

// What the child needs, made ready before the fork: afterwards only async-signal-safe calls are allowed.
typedef struct {
  const trimtab_spawn_request *request;
  char *const *environment;
  int status;
  int highest;  // -1: close_range works
  pid_t parent;
  char oom_score[16];
} plan;

static _Noreturn void fail(int status, int stage) {
  int message[2] = {stage, errno};
  // Smaller than PIPE_BUF, hence whole; nothing can be done if even this fails.
  ssize_t ignored = write(status, message, sizeof message);
  (void)ignored;
  _exit(127);
}

// Out of the way of 0 ... 3, which the caller may have closed and so been given for something else.
static int lift(int descriptor, int status) {
  int lifted = fcntl(descriptor, F_DUPFD_CLOEXEC, 10);
  if (lifted < 0) fail(status, TRIMTAB_SPAWN_DESCRIPTORS);
  return lifted;
}

static int lift_or_open(int descriptor, int flags, int status) {
  if (descriptor >= 0) return lift(descriptor, status);
  int opened = open("/dev/null", flags | O_CLOEXEC);
  if (opened < 0) fail(status, TRIMTAB_SPAWN_DESCRIPTORS);
  return lift(opened, status);
}

// The hard limit stays, so that a program can catch SIGXCPU and save, or a shell can pass less on.
static int lower_soft_limit(int resource, int64_t value) {
  struct rlimit limit;
  if (getrlimit(resource, &limit) != 0) return -1;
  if (limit.rlim_max != RLIM_INFINITY && (rlim_t)value > limit.rlim_max) {
    errno = EPERM;
    return -1;
  }
  limit.rlim_cur = (rlim_t)value;
  return setrlimit(resource, &limit);
}

static int tell(int registry, char sign, pid_t pid) {
  char text[24];
  int begin = sizeof text;
  text[--begin] = '\n';
  for (pid_t rest = pid; rest > 0; rest /= 10) text[--begin] = (char)('0' + rest % 10);
  text[--begin] = sign;
  int length = (int)sizeof text - begin;
  ssize_t sent = trimtab_send(registry, text + begin, (size_t)length);
  if (sent >= 0 && sent != length) errno = EPIPE;
  return sent == length ? 0 : -1;
}

static _Noreturn void become(const plan *plan) {
  const trimtab_spawn_request *request = plan->request;
  // The standard descriptors are about to be replaced, and the status pipe may be one of them.
  int status = fcntl(plan->status, F_DUPFD_CLOEXEC, 10);
  if (status < 0) fail(plan->status, TRIMTAB_SPAWN_DESCRIPTORS);

  for (int number = 1; number < NSIG; number++) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = SIG_DFL;
    sigaction(number, &action, NULL);  // refused for SIGKILL, SIGSTOP and the C library's own
  }
  if (setsid() < 0) fail(status, TRIMTAB_SPAWN_SESSION);
#ifdef __linux__
  if (request->die_with_parent) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) fail(status, TRIMTAB_SPAWN_SESSION);
    // The parent may have died before the request took effect.
    if (getppid() != plan->parent) _exit(127);
  }
#endif

  int input = lift_or_open(request->input, O_RDONLY, status);
  int output = lift_or_open(request->output, O_WRONLY, status);
  int errors = request->errors >= 0 ? lift(request->errors, status) : output;
  int kept = request->kept >= 0 ? lift(request->kept, status) : -1;
  int registry = request->registry >= 0 ? lift(request->registry, status) : -1;
  if (dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(errors, 2) < 0 || (kept >= 0 && dup2(kept, 3) < 0)) {
    fail(status, TRIMTAB_SPAWN_DESCRIPTORS);
  }
  // Marked rather than closed: the status pipe has to live until the program begins.
  unsigned int first = kept >= 0 ? 4 : 3;
  if (plan->highest < 0) {
    if (mark_range(first) != 0) fail(status, TRIMTAB_SPAWN_DESCRIPTORS);
  } else {
    for (int descriptor = (int)first; descriptor <= plan->highest; descriptor++) {
      fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    }
  }

  if (request->working_directory != NULL && chdir(request->working_directory) != 0) {
    fail(status, TRIMTAB_SPAWN_DIRECTORY);
  }
  if (request->cpu_seconds >= 0 && lower_soft_limit(RLIMIT_CPU, request->cpu_seconds) != 0) {
    fail(status, TRIMTAB_SPAWN_CPU_LIMIT);
  }
#ifdef __linux__
  if (request->sets_oom_score) {
    int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (file < 0) fail(status, TRIMTAB_SPAWN_OOM_SCORE);
    size_t length = strlen(plan->oom_score);
    if (write(file, plan->oom_score, length) != (ssize_t)length) fail(status, TRIMTAB_SPAWN_OOM_SCORE);
    close(file);
  }
#endif
  if (request->address_space_bytes >= 0 && lower_soft_limit(RLIMIT_AS, request->address_space_bytes) != 0) {
    fail(status, TRIMTAB_SPAWN_MEMORY_LIMIT);
  }
  // Last, so that a group is known to the guard before a line of its program has run, and hardly ever in vain.
  if (registry >= 0 && tell(registry, '+', getpid()) != 0) fail(status, TRIMTAB_SPAWN_REGISTER);

  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  execve(request->path, request->arguments, plan->environment);
  fail(status, TRIMTAB_SPAWN_EXEC);
}

trimtab_spawn_result trimtab_spawn(const trimtab_spawn_request *request) {
  trimtab_spawn_result result = {.pid = -1, .stage = TRIMTAB_SPAWN_OK, .error = 0};
  int status[2];
  if (trimtab_pipe(status) != 0) {
    result.stage = TRIMTAB_SPAWN_PIPE;
    result.error = errno;
    return result;
  }
  fcntl(status[0], F_SETFL, 0);

  plan plan = {
    .request = request,
    .environment = request->environment != NULL ? request->environment : environ,
    .status = status[1],
    .highest = -1,
    .parent = getpid(),
  };
  if (request->mark_descriptors_singly || mark_range(UINT_MAX) != 0) plan.highest = highest_descriptor();
  snprintf(plan.oom_score, sizeof plan.oom_score, "%d", request->oom_score);

  // No handler of ours may run in the child.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t pid = fork();
  if (pid == 0) become(&plan);
  int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  close(status[1]);
  if (pid < 0) {
    close(status[0]);
    result.stage = TRIMTAB_SPAWN_FORK;
    result.error = error;
    return result;
  }

  result.pid = pid;
  int message[2];
  ssize_t count;
  do {
    count = read(status[0], message, sizeof message);
  } while (count < 0 && errno == EINTR);
  close(status[0]);
  if (count == (ssize_t)sizeof message) {
    result.stage = message[0];
    result.error = message[1];
    // Before its number can be given away. If it can't be told, then the guard has died, and forgotten it.
    if (result.stage == TRIMTAB_SPAWN_EXEC && request->registry >= 0) tell(request->registry, '-', pid);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
  }
  return result;
}
