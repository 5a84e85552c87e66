// Runs the command of a container: hands signals on, keeps what it prints, and tells the container `wait` of its end.
//
// ctr/NAME/ holds `alive`, a pipe that is open for as long as the container is; `started`; `exitcode`; `signals`, a pipe of
// signal numbers from `wait`; and with --capture `stdout` and `combined`.
#include "argoexec.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct stream {
  int from;  // where it is read; -1 when it is over, or not captured
  int into;  // the command's end of it
};

static struct {
  struct order *order;
  int signals;   // what the container's runtime sends
  int requests;  // what `wait` sends
  pid_t child;
  int status;
  bool over;
  bool ending;       // it was asked to end: it is not run again
  bool *unrunnable;  // shared with the child: there is no such command
  struct stream streams[2];
  int kept[2];  // stdout, combined
} run;

static void container_path(char *into, const char *container, const char *name) {
  shared_path(into, "ctr/%s/%s", container, name);
}

static int end_with(int code) {
  char path[PATH_MAX], text[16];
  container_path(path, run.order->name, "exitcode");
  snprintf(text, sizeof text, "%d", code);
  if (put_file(path, text) == 0) return code;
  complain("cannot write %s: %s", path, strerror(errno));
  return code ? code : exit_own;
}

static int open_pipe(const char *name) {
  char path[PATH_MAX];
  container_path(path, run.order->name, name);
  // Read and written at once: opening it waits for nobody.
  int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) complain("cannot open %s: %s: has the container init run?", path, strerror(errno));
  return fd;
}

static int exit_code_of(const char *container) {
  char path[PATH_MAX], text[16] = {0};
  container_path(path, container, "exitcode");
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return -1;
  ssize_t got = read(file, text, sizeof text - 1);
  close(file);
  return got > 0 ? atoi(text) : -1;
}

// A signal that asks the container to end before its command has begun. 0 for none.
static int asked_to_end(void) {
  struct signalfd_siginfo info;
  unsigned char number;
  while (read(run.signals, &info, sizeof info) == sizeof info)
    if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) return info.ssi_signo;
  return read(run.requests, &number, 1) == 1 ? number : 0;
}

// Waits until a container has ended. Returns 0 when it ended well, else the code to end with.
static int await(const char *container) {
  char path[PATH_MAX], byte;
  container_path(path, container, "alive");
  int alive = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (alive < 0) {
    complain("cannot open %s: %s", path, strerror(errno));
    return exit_own;
  }
  container_path(path, container, "started");
  // One that ended before its pipe was opened here is not told of by the pipe.
  bool gone = access(path, F_OK) == 0 && read(alive, &byte, 1) == 0;
  while (!gone && exit_code_of(container) < 0) {
    struct pollfd wanted[] = {{alive, 0, 0}, {run.signals, POLLIN, 0}, {run.requests, POLLIN, 0}};
    poll(wanted, 3, -1);
    int number = asked_to_end();
    if (number) return exit_signal + number;
    gone = wanted[0].revents & POLLHUP;
  }
  close(alive);
  if (exit_code_of(container) == 0) return 0;
  complain("a container before it failed");
  return exit_own;
}

static void become_command(sigset_t *before) {
  for (int i = 0; i < 2; i++)
    if (run.streams[i].from >= 0) dup2(run.streams[i].into, i + 1);
  signal(SIGPIPE, SIG_DFL);
  sigprocmask(SIG_SETMASK, before, NULL);
  execvp(run.order->command[0], run.order->command);
  int reason = errno;
  *run.unrunnable = true;
  complain("%s: %s", run.order->command[0], strerror(reason));
  _exit(reason == ENOENT || reason == ENOTDIR ? exit_not_found : exit_not_executable);
}

static int open_kept(const char *name) {
  char path[PATH_MAX];
  container_path(path, run.order->name, name);
  int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0) complain("cannot open %s: %s", path, strerror(errno));
  return file;
}

// All runs of the command share them: what one has left in the background may go on printing.
static int open_streams(void) {
  run.unrunnable = mmap(NULL, sizeof *run.unrunnable, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (run.unrunnable == MAP_FAILED) {
    complain("no memory: %s", strerror(errno));
    return -1;
  }
  for (int i = 0; i < 2; i++) {
    run.streams[i] = (struct stream){-1, -1};
    if (!run.order->capture) continue;
    int ends[2];
    if ((run.kept[i] = open_kept(i == 0 ? "stdout" : "combined")) < 0) return -1;
    if (pipe2(ends, O_CLOEXEC) < 0) {
      complain("no pipe: %s", strerror(errno));
      return -1;
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    run.streams[i] = (struct stream){ends[0], ends[1]};
  }
  return 0;
}

static int start(sigset_t *before) {
  run.over = false;
  run.child = fork();
  if (run.child == 0) become_command(before);
  return run.child < 0 ? -1 : 0;
}

static void put(int file, const char *bytes, ssize_t length) {
  while (length > 0) {
    ssize_t done = write(file, bytes, length);
    if (done < 0 && errno == EAGAIN) {
      struct pollfd wanted = {file, POLLOUT, 0};
      poll(&wanted, 1, -1);
    } else if (done < 0 && errno != EINTR) {
      return;  // Whoever read it is gone; the command goes on.
    } else if (done > 0) {
      bytes += done;
      length -= done;
    }
  }
}

// Hands on what the command has printed so far.
static void drain(int which) {
  static char buffer[1 << 16];
  struct stream *stream = &run.streams[which];
  while (stream->from >= 0) {
    ssize_t got = read(stream->from, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
      close(stream->from);
      stream->from = -1;
      return;
    }
    put(which + 1, buffer, got);
    if (which == 0) put(run.kept[0], buffer, got);
    put(run.kept[1], buffer, got);
  }
}

static void hand_on(int number) {
  for (const int *end = (int[]){SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGKILL, 0}; *end; end++) run.ending |= number == *end;
  if (!run.over) kill(run.child, number);
}

static void take_signals(void) {
  struct signalfd_siginfo info;
  while (read(run.signals, &info, sizeof info) == sizeof info) {
    if (info.ssi_signo != SIGCHLD) {
      hand_on(info.ssi_signo);
      continue;
    }
    int status;
    // As the container's first process it also inherits those whose parents are gone.
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
      if (pid != run.child) continue;
      run.status = status;
      run.over = true;
    }
  }
  unsigned char number;
  while (read(run.requests, &number, 1) == 1) hand_on(number);
}

static int until_over(void) {
  while (!run.over) {
    struct pollfd wanted[] = {{run.signals, POLLIN, 0},
                              {run.requests, POLLIN, 0},
                              {run.streams[0].from, POLLIN, 0},
                              {run.streams[1].from, POLLIN, 0}};
    poll(wanted, 4, -1);
    for (int i = 0; i < 2; i++)
      if (wanted[i + 2].revents) drain(i);
    take_signals();
  }
  // What it has left in the background keeps nobody waiting.
  for (int i = 0; i < 2; i++) drain(i);
  return WIFEXITED(run.status) ? WEXITSTATUS(run.status) : exit_signal + WTERMSIG(run.status);
}

static long milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// Lets the time between two runs pass. Whether there is to be another.
static bool rest(void) {
  long until = milliseconds() + run.order->retry_duration;
  for (long left; !run.ending && (left = until - milliseconds()) > 0;) {
    struct pollfd wanted[] = {{run.signals, POLLIN, 0}, {run.requests, POLLIN, 0}};
    poll(wanted, 2, left);
    take_signals();
  }
  return !run.ending;
}

// Runs the command until it ends well, is asked to end, or has had all its tries. Returns its last exit code.
static int run_command(sigset_t *before) {
  for (int left = run.order->retries;; left--) {
    if (start(before) < 0) {
      complain("cannot start %s: %s", run.order->command[0], strerror(errno));
      return exit_own;
    }
    int code = until_over();
    if (code == 0 || *run.unrunnable || left == 0 || !rest()) return code;
  }
}

int supervise(struct order *order) {
  run.order = order;
  mode_t own = umask(0);
  sigset_t all, before;
  sigfillset(&all);
  // Faults are this program's own.
  for (const int *fault = (int[]){SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTTOU, SIGTTIN, 0}; *fault; fault++) sigdelset(&all, *fault);
  sigprocmask(SIG_SETMASK, &all, &before);
  run.signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
  signal(SIGPIPE, SIG_IGN);
  if (open_pipe("alive") < 0 || (run.requests = open_pipe("signals")) < 0) return exit_own;
  char path[PATH_MAX];
  container_path(path, order->name, "started");
  if (put_file(path, "") < 0) {
    complain("cannot write %s: %s", path, strerror(errno));
    return exit_own;
  }
  for (size_t i = 0; i < order->after_count; i++) {
    int failure = await(order->after[i]);
    if (failure) return end_with(failure);
  }
  umask(own);
  if (open_streams() < 0) return end_with(exit_own);
  int code = run_command(&before);
  umask(0);
  int unsaved = 0;
  for (size_t i = 0; i < order->save_count; i++)
    if (save(order->saves[i]) < 0) unsaved = exit_own;
  return end_with(code ? code : unsaved);
}
