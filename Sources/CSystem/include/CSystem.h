// System calls that Swift cannot see, or cannot make safely.
#pragma once

#include <stdint.h>
#include <sys/types.h>

// Where a spawn failed; 0 means that the program runs.
enum {
  TRIMTAB_SPAWN_OK = 0,
  TRIMTAB_SPAWN_PIPE = 1,
  TRIMTAB_SPAWN_FORK = 2,
  TRIMTAB_SPAWN_SESSION = 3,
  TRIMTAB_SPAWN_DESCRIPTORS = 4,
  TRIMTAB_SPAWN_DIRECTORY = 5,
  TRIMTAB_SPAWN_CPU_LIMIT = 6,
  TRIMTAB_SPAWN_MEMORY_LIMIT = 7,
  TRIMTAB_SPAWN_OOM_SCORE = 8,
  TRIMTAB_SPAWN_REGISTER = 9,
  TRIMTAB_SPAWN_EXEC = 10,
};

typedef struct {
  const char *_Nonnull path;  // resolved; relative to working_directory if it does not begin with /
  char *_Nullable const *_Nonnull arguments;      // ends with NULL
  char *_Nullable const *_Nullable environment;   // ends with NULL; NULL: the caller's own
  const char *_Nullable working_directory;        // NULL: the caller's own
  int input;     // becomes descriptor 0; -1: /dev/null
  int output;    // becomes descriptor 1; -1: /dev/null
  int errors;    // becomes descriptor 2; -1: the same as output
  int kept;      // becomes descriptor 3; -1: none
  int registry;  // a socket to which the child sends "+PID\n" just before the program begins; -1: none
  int die_with_parent;        // Linux: SIGKILL when the calling thread ends
  int mark_descriptors_singly;  // do without close_range (kernels before 5.11 do anyway)
  int64_t cpu_seconds;        // soft RLIMIT_CPU; -1: none
  int64_t address_space_bytes;  // soft RLIMIT_AS; -1: none
  int sets_oom_score;         // Linux: whether oom_score is written
  int oom_score;              // -1000 ... 1000, for /proc/self/oom_score_adj
} trimtab_spawn_request;

typedef struct {
  pid_t pid;  // also set when a step after the fork failed (the child is collected by then); else -1
  int stage;  // one of TRIMTAB_SPAWN_*
  int error;  // errno of that stage
} trimtab_spawn_result;

// Starts a program in a session and process group of its own, with default signal handlers, an empty signal mask and no
// descriptor above 2 (3 with `kept`). Returns once the program has begun or failed to begin.
trimtab_spawn_result trimtab_spawn(const trimtab_spawn_request *_Nonnull request);

typedef struct {
  int state;   // 0: still runs; 1: exited with `code`; 2: ended by signal `code`; -1: not collectable (errno in `code`)
  int code;
  double user_seconds;
  double system_seconds;
  int64_t max_resident_bytes;  // of the largest process among the child and its collected descendants
} trimtab_wait_result;

// wait4 that never blocks.
trimtab_wait_result trimtab_wait(pid_t pid);

// 1: the child has ended and waits to be collected (so that its number cannot be given away); 0: it runs; -1: errno.
int trimtab_has_exited(pid_t pid);

// A close-on-exec descriptor that becomes readable when the process ends; -1 and errno (ENOSYS where there is none).
int trimtab_pidfd_open(pid_t pid);

// Close-on-exec pipe whose reading end does not block. 0, or -1 and errno.
int trimtab_pipe(int descriptors[_Nonnull 2]);

// Close-on-exec pair of connected stream sockets. 0, or -1 and errno.
int trimtab_socket_pair(int descriptors[_Nonnull 2]);

// send that neither blocks nor raises SIGPIPE.
ssize_t trimtab_send(int descriptor, const void *_Nonnull bytes, size_t count);

// recv that does not block.
ssize_t trimtab_receive(int descriptor, void *_Nonnull bytes, size_t count);

// Bytes that can be read from a pipe or socket at once; -1 and errno.
int trimtab_bytes_waiting(int descriptor);

// Locks of one byte that belong to the open file, not to the process (F_OFD_*): they are shared by duplicates of the
// descriptor, in children too, and end when the last of them is closed. None of these blocks.
// 0: held now; -1 and errno: EAGAIN when another open file holds it. `exclusive_nonblocking` 0 asks for a shared lock,
// which needs a readable descriptor; an exclusive one needs a writable descriptor.
int trimtab_lock_byte(int descriptor, int64_t offset, int exclusive_nonblocking);
int trimtab_unlock_byte(int descriptor, int64_t offset);
// The same, exclusive, but waits until the lock is free (begins again when a signal interrupts).
int trimtab_lock_byte_waiting(int descriptor, int64_t offset);
// 1: another open file holds a lock on the byte; 0: none does; -1 and errno.
int trimtab_byte_is_locked(int descriptor, int64_t offset);

// The number of the file system on which a path lies, as statfs(2) lists them; -1 when it cannot be told.
int64_t trimtab_file_system(const char *_Nonnull path);

// Turns signals into bytes: each of these signals writes its number into a pipe, whose reading end (close-on-exec, does
// not block) is returned; -1 and errno. SIGHUP stays ignored if it is. At most once in a process.
int trimtab_signal_pipe(const int *_Nonnull signals, int count);

// The size of a terminal in characters; 0, or -1 and errno. A terminal that does not know says 0.
int trimtab_terminal_size(int descriptor, int *_Nonnull columns, int *_Nonnull rows);
