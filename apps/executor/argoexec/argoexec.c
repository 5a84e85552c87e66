// argoexec emissary --name=NAME [--capture] [--save=PATH]... [--after=NAME]...
//   [--retries=TIMES] [--retry-duration=MILLISECONDS] -- COMMAND [ARGUMENT]...
// argoexec init --containers=NAME,... [--stage-only]
// Anything else is the executor's program in its own image, which `init` becomes too once the volume is ready.
#include "argoexec.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *shared = "/var/run/argo";

void shared_path(char *into, const char *format, ...) {
  int used = snprintf(into, PATH_MAX, "%s/", shared);
  va_list values;
  va_start(values, format);
  int more = vsnprintf(into + used, PATH_MAX - used, format, values);
  va_end(values);
  if (used + more >= PATH_MAX) {
    complain("a path is longer than %d bytes", PATH_MAX);
    exit(exit_own);
  }
}

void complain(const char *format, ...) {
  char text[8192];
  va_list values;
  va_start(values, format);
  vsnprintf(text, sizeof text, format, values);
  va_end(values);
  fprintf(stderr, "argoexec: %s\n", text);
  int log = open("/dev/termination-log", O_WRONLY | O_TRUNC | O_CLOEXEC);
  if (log < 0) return;
  // A container without a place for it still has the line on stderr.
  if (write(log, text, strlen(text)) < 0) errno = 0;
  close(log);
}

int put_file(const char *path, const char *text) {
  char beside[PATH_MAX + 8];
  snprintf(beside, sizeof beside, "%s.new", path);
  int file = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return -1;
  size_t length = strlen(text);
  bool whole = write(file, text, length) == (ssize_t)length;
  if (close(file) < 0 || !whole) return -1;
  return rename(beside, path);
}

static int make_directory(const char *path) {
  if (mkdir(path, 0777) == 0 || errno == EEXIST) return 0;
  complain("cannot make %s: %s", path, strerror(errno));
  return -1;
}

static int make_pipe(const char *container, const char *name) {
  char path[PATH_MAX];
  shared_path(path, "ctr/%s/%s", container, name);
  if (mkfifo(path, 0666) == 0 || errno == EEXIST) return 0;
  complain("cannot make %s: %s", path, strerror(errno));
  return -1;
}

int stage(const char *containers) {
  char path[PATH_MAX], beside[PATH_MAX];
  // Containers of one pod may run as different users, and all of them write here.
  umask(0);
  if (make_directory(shared) < 0) return exit_own;
  shared_path(path, "ctr");
  if (make_directory(path) < 0) return exit_own;
  shared_path(path, "outputs");
  if (make_directory(path) < 0) return exit_own;
  char *names = strdup(containers), *rest = names;
  for (char *name; (name = strsep(&rest, ","));) {
    shared_path(path, "ctr/%s", name);
    if (make_directory(path) < 0 || make_pipe(name, "alive") < 0 || make_pipe(name, "signals") < 0) return exit_own;
  }
  free(names);
  shared_path(path, "argoexec");
  shared_path(beside, "argoexec.new");
  if (copy_file("/proc/self/exe", beside, 0755) < 0 || rename(beside, path) < 0) {
    complain("cannot put the executor into %s: %s", path, strerror(errno));
    return exit_own;
  }
  return 0;
}

// Node's program of the executor's image, which brings what it is linked with.
static int become_program(int count, char **arguments) {
  static const char *before[] = {"/opt/capstan/lib/ld.so",   "--library-path",       "/opt/capstan/lib",
                                 "/opt/capstan/bin/node", "--disable-warning=ExperimentalWarning",
                                 "/opt/capstan/executor/main.js"};
  size_t fixed = sizeof before / sizeof *before;
  char **all = calloc(fixed + count + 1, sizeof *all);
  memcpy(all, before, sizeof before);
  memcpy(all + fixed, arguments, count * sizeof *all);
  execv(all[0], all);
  complain("%s: %s: this program belongs into the executor's image", all[0], strerror(errno));
  return exit_own;
}

static const char *value_of(const char *argument, const char *name) {
  size_t length = strlen(name);
  return strncmp(argument, name, length) == 0 ? argument + length : NULL;
}

// A whole number from 0 to INT_MAX. Ends the program at anything else.
static int number_of(const char *argument, const char *value) {
  char *end;
  errno = 0;
  long number = strtol(value, &end, 10);
  if (*value >= '0' && *value <= '9' && !*end && !errno && number <= INT_MAX) return number;
  complain("%s: not a whole number from 0 to %d", argument, INT_MAX);
  exit(exit_own);
}

static int emissary(char **arguments) {
  static struct order order;
  for (; *arguments && strcmp(*arguments, "--") != 0; arguments++) {
    const char *value;
    if ((value = value_of(*arguments, "--name="))) order.name = value;
    else if (strcmp(*arguments, "--capture") == 0) order.capture = true;
    else if ((value = value_of(*arguments, "--save=")) && order.save_count < most) order.saves[order.save_count++] = value;
    else if ((value = value_of(*arguments, "--after=")) && order.after_count < most) order.after[order.after_count++] = value;
    else if ((value = value_of(*arguments, "--retries="))) order.retries = number_of(*arguments, value);
    else if ((value = value_of(*arguments, "--retry-duration="))) order.retry_duration = number_of(*arguments, value);
    else {
      complain("%s is unknown, or given more than %d times", *arguments, most);
      return exit_own;
    }
  }
  if (!order.name || !*arguments) {
    complain("--name and -- are missing");
    return exit_own;
  }
  order.command = arguments + 1;
  if (!*order.command) {
    complain("there is no command, and the image's own is not known here");
    return exit_own;
  }
  return supervise(&order);
}

int main(int count, char **arguments) {
  const char *elsewhere = getenv("ARGOEXEC_SHARED");
  if (elsewhere) shared = elsewhere;
  if (count > 1 && strcmp(arguments[1], "emissary") == 0) return emissary(arguments + 2);
  if (count > 2 && strcmp(arguments[1], "init") == 0) {
    const char *containers = value_of(arguments[2], "--containers=");
    int failure = containers ? stage(containers) : exit_own;
    if (failure || (count > 3 && strcmp(arguments[3], "--stage-only") == 0)) return failure;
  }
  return become_program(count - 1, arguments + 1);
}
