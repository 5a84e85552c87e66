// The part of the executor that runs inside the step's own containers, whatever their image: one static program.
#ifndef ARGOEXEC_H
#define ARGOEXEC_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

// The volume that the pod's containers share; tests name another place in ARGOEXEC_SHARED.
extern const char *shared;

enum {
  exit_own = 64,  // what went wrong is the executor's own
  exit_not_executable = 126,
  exit_not_found = 127,
  exit_signal = 128,  // and the signal's number
  most = 256,  // of what an argument may be repeated
};

struct order {
  const char *name;
  bool capture;
  const char *saves[most];
  size_t save_count;
  const char *after[most];
  size_t after_count;
  int retries;         // how often a command that failed is run again
  int retry_duration;  // milliseconds before each of these
  char **command;
};

// Writes into a path of PATH_MAX bytes below the shared volume. Ends the program when it is too long.
void shared_path(char *into, const char *format, ...);
// Says what went wrong on stderr and in the container's termination message.
void complain(const char *format, ...);
// Creates or replaces a file at once. Returns 0, or -1 with errno.
int put_file(const char *path, const char *text);

// Makes the shared volume ready for the containers named (separated by commas), and puts this program there. 0 or an exit code.
int stage(const char *containers);
// Runs a container's command. Returns its exit code.
int supervise(struct order *order);
// Copies what the command left at a path to where the container `wait` finds it; what is not there is left out. 0 or -1.
int save(const char *path);
// Copies a regular file. 0, or -1 with errno.
int copy_file(const char *from, const char *to, mode_t mode);

#endif
