// Copies what a step leaves from its own root to the shared volume: nobody sees that root once the container is over.
#include "argoexec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_all(int file, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t done = write(file, bytes, length);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return -1;
    bytes += done;
    length -= done;
  }
  return 0;
}

static int copy_bytes(int from, int to) {
  static char buffer[1 << 17];
  for (;;) {
    ssize_t got = copy_file_range(from, NULL, to, NULL, 1 << 30, 0);
    if (got > 0) continue;
    // Some file systems have no such call, and files of /proc say that they are empty.
    if (got < 0 && errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP) return -1;
    ssize_t bytes = read(from, buffer, sizeof buffer);
    if (bytes == 0) return 0;
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0 || write_all(to, buffer, bytes) < 0) return -1;
  }
}

int copy_file(const char *path, const char *target, mode_t mode) {
  int from = open(path, O_RDONLY | O_CLOEXEC);
  if (from < 0) return -1;
  int to = open(target, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode | 0200);
  int failed = to < 0 || copy_bytes(from, to) < 0 || fchmod(to, mode) < 0;
  int reason = errno;
  close(from);
  if (to >= 0 && close(to) < 0 && !failed) return -1;
  errno = reason;
  return failed ? -1 : 0;
}

// The container `wait` may run as another user than one that is not root.
static mode_t readable(mode_t mode, mode_t for_all) {
  return (mode & 07777) | (geteuid() == 0 ? 0 : for_all);
}

static int copy_link(const char *from, const char *to) {
  char target[PATH_MAX];
  ssize_t length = readlink(from, target, sizeof target - 1);
  if (length < 0) return -1;
  target[length] = 0;
  return symlink(target, to);
}

static int copy_tree(const char *from, const char *to, const struct stat *top);

static int copy_entries(const char *from, const char *to, const struct stat *top) {
  DIR *directory = opendir(from);
  if (!directory) return -1;
  int failed = 0;
  errno = 0;
  for (struct dirent *entry; !failed && (entry = readdir(directory)); errno = 0) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    char *source, *target;
    if (asprintf(&source, "%s/%s", from, entry->d_name) < 0 || asprintf(&target, "%s/%s", to, entry->d_name) < 0) return -1;
    failed = copy_tree(source, target, top);
    free(source);
    free(target);
  }
  int reason = errno;
  closedir(directory);
  errno = reason;
  return failed || reason ? -1 : 0;
}

static int copy_tree(const char *from, const char *to, const struct stat *top) {
  struct stat is;
  // It may go while it is copied.
  if (lstat(from, &is) < 0) return errno == ENOENT ? 0 : -1;
  if (S_ISLNK(is.st_mode)) return copy_link(from, to);
  if (S_ISREG(is.st_mode)) return copy_file(from, to, readable(is.st_mode, 0444));
  // What is neither is refused where it is read: a pipe stands for it.
  if (!S_ISDIR(is.st_mode)) return mkfifo(to, 0600);
  if (mkdir(to, 0700) < 0) return -1;
  // What is mounted below is a volume, and no part of the container's root.
  if (is.st_dev == top->st_dev && copy_entries(from, to, top) < 0) return -1;
  return chmod(to, readable(is.st_mode, 0555));
}

static int make_parents(char *path, size_t base) {
  for (char *at = path + base + 1; (at = strchr(at, '/')); at++) {
    *at = 0;
    int made = mkdir(path, 0777);
    *at = '/';
    if (made < 0 && errno != EEXIST) return -1;
  }
  return 0;
}

int save(const char *path) {
  char real[PATH_MAX], to[PATH_MAX];
  if (!realpath(path, real)) {
    if (errno == ENOENT || errno == ENOTDIR) return 0;
    complain("cannot save %s: %s", path, strerror(errno));
    return -1;
  }
  shared_path(to, "outputs");
  size_t base = strlen(to);
  shared_path(to, "outputs%s", path);
  for (size_t end = strlen(to); end > base && to[end - 1] == '/';) to[--end] = 0;
  struct stat top;
  if (lstat(real, &top) == 0 && make_parents(to, base) == 0 && copy_tree(real, to, &top) == 0) return 0;
  complain("cannot save %s: %s", path, strerror(errno));
  return -1;
}
