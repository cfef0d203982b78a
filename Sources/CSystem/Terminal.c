#define _GNU_SOURCE
#include "CSystem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static volatile int signal_pipe_end = -1;

static void write_signal(int number) {
  int error = errno;
  unsigned char byte = (unsigned char)number;
  // A full pipe holds more signals than anybody sends by hand; one more would add nothing.
  ssize_t ignored = write(signal_pipe_end, &byte, 1);
  (void)ignored;
  errno = error;
}

int trimtab_signal_pipe(const int *signals, int count) {
  int ends[2];
  if (signal_pipe_end >= 0) {
    errno = EALREADY;
    return -1;
  }
  if (trimtab_pipe(ends) != 0) return -1;
  if (fcntl(ends[1], F_SETFL, O_NONBLOCK) != 0) return -1;
  signal_pipe_end = ends[1];
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = write_signal;
  sigemptyset(&action.sa_mask);
  for (int i = 0; i < count; i++) {
    struct sigaction present;
    // What was started to ignore a signal, by nohup above all, goes on ignoring it.
    if (sigaction(signals[i], NULL, &present) == 0 && present.sa_handler == SIG_IGN && signals[i] == SIGHUP) continue;
    if (sigaction(signals[i], &action, NULL) != 0) return -1;
  }
  return ends[0];
}

int trimtab_terminal_size(int descriptor, int *columns, int *rows) {
  struct winsize size;
  if (ioctl(descriptor, TIOCGWINSZ, &size) != 0) return -1;
  *columns = size.ws_col;
  *rows = size.ws_row;
  return 0;
}
