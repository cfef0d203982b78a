#define _GNU_SOURCE
#include "CSystem.h"

#ifdef __linux__
#include <sys/vfs.h>
#endif
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

static double seconds(struct timeval time) { return (double)time.tv_sec + (double)time.tv_usec * 1e-6; }

trimtab_wait_result trimtab_wait(pid_t pid) {
  trimtab_wait_result result = {0};
  struct rusage usage;
  int status = 0;
  pid_t collected;
  do {
    collected = wait4(pid, &status, WNOHANG, &usage);
  } while (collected < 0 && errno == EINTR);
  if (collected < 0) {
    result.state = -1;
    result.code = errno;
    return result;
  }
  if (collected == 0) return result;
  if (WIFEXITED(status)) {
    result.state = 1;
    result.code = WEXITSTATUS(status);
  } else if (WIFSIGNALED(status)) {
    result.state = 2;
    result.code = WTERMSIG(status);
  } else {
    return result;
  }
  result.user_seconds = seconds(usage.ru_utime);
  result.system_seconds = seconds(usage.ru_stime);
#ifdef __APPLE__
  result.max_resident_bytes = usage.ru_maxrss;
#else
  result.max_resident_bytes = (int64_t)usage.ru_maxrss * 1024;
#endif
  return result;
}

int trimtab_has_exited(pid_t pid) {
  siginfo_t information;
  int failed;
  do {
    memset(&information, 0, sizeof information);
    failed = waitid(P_PID, (id_t)pid, &information, WEXITED | WNOHANG | WNOWAIT);
  } while (failed && errno == EINTR);
  if (failed) return -1;
  return information.si_pid == pid;
}

int trimtab_pidfd_open(pid_t pid) {
#if defined(__linux__) && defined(SYS_pidfd_open)
  return (int)syscall(SYS_pidfd_open, pid, 0);
#else
  (void)pid;
  errno = ENOSYS;
  return -1;
#endif
}

#ifndef __linux__
static int make_close_on_exec(int descriptors[2]) {
  for (int i = 0; i < 2; i++) {
    if (fcntl(descriptors[i], F_SETFD, FD_CLOEXEC) != 0) {
      int error = errno;
      close(descriptors[0]);
      close(descriptors[1]);
      errno = error;
      return -1;
    }
  }
  return 0;
}
#endif

int trimtab_pipe(int descriptors[2]) {
#ifdef __linux__
  if (pipe2(descriptors, O_CLOEXEC) != 0) return -1;
#else
  if (pipe(descriptors) != 0 || make_close_on_exec(descriptors) != 0) return -1;
#endif
  if (fcntl(descriptors[0], F_SETFL, O_NONBLOCK) != 0) {
    int error = errno;
    close(descriptors[0]);
    close(descriptors[1]);
    errno = error;
    return -1;
  }
  return 0;
}

int trimtab_socket_pair(int descriptors[2]) {
#ifdef __linux__
  return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, descriptors);
#else
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, descriptors) != 0 || make_close_on_exec(descriptors) != 0) return -1;
  int yes = 1;
  for (int i = 0; i < 2; i++) setsockopt(descriptors[i], SOL_SOCKET, SO_NOSIGPIPE, &yes, sizeof yes);
  return 0;
#endif
}

ssize_t trimtab_send(int descriptor, const void *bytes, size_t count) {
#ifdef MSG_NOSIGNAL
  const int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
#else
  const int flags = MSG_DONTWAIT;
#endif
  ssize_t sent;
  do {
    sent = send(descriptor, bytes, count, flags);
  } while (sent < 0 && errno == EINTR);
  return sent;
}

ssize_t trimtab_receive(int descriptor, void *bytes, size_t count) {
  ssize_t received;
  do {
    received = recv(descriptor, bytes, count, MSG_DONTWAIT);
  } while (received < 0 && errno == EINTR);
  return received;
}

int trimtab_bytes_waiting(int descriptor) {
  int count = 0;
  return ioctl(descriptor, FIONREAD, &count) == 0 ? count : -1;
}

#ifdef F_OFD_SETLK
static struct flock one_byte(int64_t offset, short type) {
  struct flock lock;
  memset(&lock, 0, sizeof lock);
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = offset;
  lock.l_len = 1;
  return lock;
}
#endif

int trimtab_lock_byte(int descriptor, int64_t offset, int exclusive_nonblocking) {
#ifdef F_OFD_SETLK
  struct flock lock = one_byte(offset, exclusive_nonblocking ? F_WRLCK : F_RDLCK);
  if (fcntl(descriptor, F_OFD_SETLK, &lock) == 0) return 0;
  if (errno == EACCES) errno = EAGAIN;
  return -1;
#else
  (void)descriptor, (void)offset, (void)exclusive_nonblocking;
  errno = ENOTSUP;
  return -1;
#endif
}

int trimtab_unlock_byte(int descriptor, int64_t offset) {
#ifdef F_OFD_SETLK
  struct flock lock = one_byte(offset, F_UNLCK);
  return fcntl(descriptor, F_OFD_SETLK, &lock) == 0 ? 0 : -1;
#else
  (void)descriptor, (void)offset;
  errno = ENOTSUP;
  return -1;
#endif
}

int trimtab_lock_byte_waiting(int descriptor, int64_t offset) {
#ifdef F_OFD_SETLKW
  struct flock lock = one_byte(offset, F_WRLCK);
  int result;
  do result = fcntl(descriptor, F_OFD_SETLKW, &lock);
  while (result != 0 && errno == EINTR);
  return result == 0 ? 0 : -1;
#else
  (void)descriptor, (void)offset;
  errno = ENOTSUP;
  return -1;
#endif
}

int trimtab_byte_is_locked(int descriptor, int64_t offset) {
#ifdef F_OFD_SETLK
  struct flock lock = one_byte(offset, F_WRLCK);
  if (fcntl(descriptor, F_OFD_GETLK, &lock) != 0) return -1;
  return lock.l_type != F_UNLCK;
#else
  (void)descriptor, (void)offset;
  errno = ENOTSUP;
  return -1;
#endif
}

int64_t trimtab_file_system(const char *path) {
#ifdef __linux__
  struct statfs info;
  return statfs(path, &info) == 0 ? (int64_t)(uint32_t)info.f_type : -1;
#else
  (void)path;
  return -1;
#endif
}
